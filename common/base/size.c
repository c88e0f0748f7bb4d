/* size: a number of bytes and its unit; a further unit is a row of `units`. */
#include "common/base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Powers of 1024 first, largest first: size_format() takes the first that divides. */
static const struct unit {
    const char *name;
    int64_t bytes;
} units[] = {
    {"TiB", INT64_C(1) << 40},
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", INT64_C(1) << 10},
    {"", 1},
    {"B", 1},
    {"kB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000},
};

enum { UNITS = sizeof units / sizeof *units, SIZE_DIGITS_MAX = 18 };

static const struct unit *find_unit(const char *name)
{
    for (size_t i = 0; i < UNITS; i++)
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

bool size_parse(const char *text, int64_t *bytes, struct err *e)
{
    size_t digits = strspn(text, "0123456789");
    const struct unit *unit = digits > 0 && digits <= SIZE_DIGITS_MAX ? find_unit(text + digits) : NULL;
    if (!unit)
        return err_set(e, ERR_USAGE, "'%s' is not a size like 512MiB", text);
    return !__builtin_mul_overflow(strtoll(text, NULL, 10), unit->bytes, bytes) ||
           err_set(e, ERR_USAGE, "'%s' is too large a size", text);
}

const char *size_format(int64_t bytes, char out[static SIZE_TEXT_MAX])
{
    const struct unit *unit = units;
    while (bytes % unit->bytes != 0 || (bytes == 0 && unit->bytes != 1))
        unit++;
    snprintf(out, SIZE_TEXT_MAX, "%lld%s", (long long)(bytes / unit->bytes), unit->name);
    return out;
}
