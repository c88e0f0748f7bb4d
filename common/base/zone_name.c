/* zone_name: which names are time zones, and which one was meant. Names that are files and yet refused are rows of
 * `refused_names`. */
#include "common/base/zone_inside.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FOLDER_PATH_MAX = 512, FOLDER_DEPTH_MAX = 3, MISSPELT_MAX = 2 };

const char *zone_folder(void)
{
    const char *folder = getenv("TZDIR");
    return folder && *folder ? folder : "/usr/share/zoneinfo";
}

static const struct {
    const char *name; /* ends in "/" for everything below */
    const char *why;
} refused_names[] = {
    {"posix/", "write the name without posix/"},
    {"right/", "zones that count leap seconds are not supported; write the name without right/"},
    {"localtime", "name the zone itself, such as Europe/Paris"},
    {"posixrules", "name the zone itself, such as America/New_York"},
    {"Factory", "it stands for a zone that was never set"},
};

const char *zone_why_refused(const char *name)
{
    for (size_t i = 0; i < sizeof refused_names / sizeof *refused_names; i++) {
        const char *refused = refused_names[i].name;
        size_t len = strlen(refused);
        if (refused[len - 1] == '/' ? strncmp(name, refused, len) == 0 : strcmp(name, refused) == 0)
            return refused_names[i].why;
    }
    if (*name == ':')
        return "write the name without the colon";
    if (*name == '/' || *name == '.' || strstr(name, "/."))
        return "a path is not a zone name; write a name such as Europe/Paris";
    return NULL;
}

bool zone_is_name(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/");
    return len > 0 && name[len] == '\0' && len <= ZONE_NAME_MAX && name[len - 1] != '/' && !strstr(name, "//");
}

/* How many letters must be changed, added or left out to make `a` of `b`, case aside; more than `max` is max + 1. */
static size_t distance(const char *a, const char *b, size_t max)
{
    size_t row[ZONE_NAME_MAX + 2], width = strlen(b), height = strlen(a);
    if (width > ZONE_NAME_MAX || height > width + max || width > height + max)
        return max + 1;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; i <= height; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t change = diagonal + (strncasecmp(&a[i - 1], &b[j - 1], 1) != 0);
            diagonal = row[j];
            size_t skip = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < skip ? change : skip;
        }
    }
    return row[width] < max + 1 ? row[width] : max + 1;
}

struct guess {
    const char *wanted;
    size_t distance; /* of the best so far */
    char best[ZONE_NAME_MAX + 1];
};

/* A name is as far as its misspelling; a city without its continent counts as one mistake. */
static void consider(struct guess *g, const char *name)
{
    const char *city = strrchr(name, '/');
    size_t found = distance(g->wanted, name, MISSPELT_MAX);
    if (city && strcasecmp(g->wanted, city + 1) == 0 && found > 1)
        found = 1;
    if (found < g->distance) {
        g->distance = found;
        *stpncpy(g->best, name, ZONE_NAME_MAX) = '\0';
    }
}

/* Offer every name below `prefix` ("" or "America/") to `g`. */
static void walk(struct guess *g, const char *prefix, int depth)
{
    char path[FOLDER_PATH_MAX], name[FOLDER_PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", zone_folder(), prefix) >= (int)sizeof path)
        return;
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        bool is_folder = entry->d_type == DT_DIR;
        int len = snprintf(name, sizeof name, "%s%s%s", prefix, entry->d_name, is_folder ? "/" : "");
        if (len > ZONE_NAME_MAX || zone_why_refused(name))
            continue;
        if (is_folder && depth < FOLDER_DEPTH_MAX)
            walk(g, name, depth + 1);
        else if (!is_folder && zone_is_name(name))
            consider(g, name);
    }
    closedir(folder);
}

/* Numbers where a name should be: "+02:00", "UTC+2", "CET-1CEST". */
static const char *hint_for_rules(const char *name)
{
    const char *digit = strpbrk(name, "0123456789");
    if (strchr(name, '/') && !strchr(name, ','))
        return NULL;
    if (strchr("+-0123456789", *name) || strncasecmp(name, "UTC", 3) == 0 || strncasecmp(name, "GMT", 3) == 0)
        return digit ? "offsets are not accepted; Etc/GMT-2 is two hours east of Greenwich" : NULL;
    return digit || strchr(name, ',') ? "rules are not accepted; write a name such as Europe/Paris" : NULL;
}

bool zone_unknown(const char *name, struct err *e)
{
    struct guess g = {.wanted = name, .distance = MISSPELT_MAX + 1};
    const char *hint = hint_for_rules(name);
    walk(&g, "", 0);
    if (g.distance == 0 || (g.distance <= MISSPELT_MAX && !hint))
        return err_set(e, ERR_USAGE, "unknown time zone '%s' (did you mean %s?)", name, g.best);
    if (hint)
        return err_set(e, ERR_USAGE, "unknown time zone '%s' (%s)", name, hint);
    return err_set(e, ERR_USAGE, "unknown time zone '%s'", name);
}
