/* input: a file or standard input as a whole. */
#include "cli/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool read_stream(FILE *stream, const char *name, struct text *out, struct err *e)
{
    char bytes[65536];
    size_t got;
    while ((got = fread(bytes, 1, sizeof bytes, stream)) > 0) {
        if (out->len + got > INPUT_BYTES_MAX)
            return err_set(e, ERR_USAGE, "%s is longer than %d MiB", name, INPUT_BYTES_MAX >> 20);
        text_add(out, bytes, got);
    }
    return !ferror(stream) || err_errno(e, ERR_USAGE, errno, "%s", name);
}

bool input_read(const char *path, struct text *out, struct err *e)
{
    if (strcmp(path, "-") == 0)
        return read_stream(stdin, "standard input", out, e);
    FILE *file = fopen(path, "re");
    if (!file)
        return err_errno(e, ERR_USAGE, errno, "%s", path);
    bool good = read_stream(file, path, out, e);
    fclose(file);
    return good;
}
