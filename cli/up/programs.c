/* programs: which PostgreSQL to run. */
#include "cli/up/programs.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char VERSIONS[] = "/usr/lib/postgresql/";

int programs_version_of(const char *data)
{
    char path[PATH_MAX], line[16] = "";
    snprintf(path, sizeof path, "%s/PG_VERSION", data);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    return read ? (int)strtol(line, NULL, 10) : 0;
}

/* The newest version in Debian's folders, or `major` and no other; 0 for none. */
static int newest_version(int major)
{
    glob_t found;
    char pattern[PATH_MAX];
    int newest = 0;
    snprintf(pattern, sizeof pattern, "%s*/bin/initdb", VERSIONS);
    if (glob(pattern, 0, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        int version = (int)strtol(found.gl_pathv[i] + strlen(VERSIONS), NULL, 10);
        if (version > newest && (major == 0 || version == major))
            newest = version;
    }
    globfree(&found);
    return newest;
}

static bool find_in_path(struct text *folder)
{
    char path[PATH_MAX];
    const char *list = getenv("PATH");
    while (list && *list) {
        int length = (int)strcspn(list, ":");
        snprintf(path, sizeof path, "%.*s/initdb", length, list);
        if (length > 0 && access(path, X_OK) == 0) {
            text_add(folder, list, (size_t)length);
            return true;
        }
        list += length + (list[length] == ':');
    }
    return false;
}

bool programs_find(int major, struct text *folder, struct err *e)
{
    int version = newest_version(major);
    if (version > 0)
        text_printf(folder, "%s%d/bin", VERSIONS, version);
    else if (!find_in_path(folder) && major > 0)
        return err_set(e, ERR_NOT_FOUND, "the data were made by PostgreSQL %d, which is not installed: apt-get install postgresql-%d", major, major);
    else if (folder->len == 0)
        return err_set(e, ERR_NOT_FOUND, "PostgreSQL is not installed: apt-get install postgresql, or set DATABASE_URL");
    return true;
}
