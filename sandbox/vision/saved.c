/* saved: files of a folder in memory, found by path and business area. */
#include "sandbox/vision/saved.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 64 << 20, BLOCK_SIZE = 64 << 10 };

static void close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

static struct js *read_json(const char *path, struct err *e)
{
    CLEANUP(close_file) FILE *file = fopen(path, "re");
    struct text body CLEANUP(text_free) = {.max = FILE_MAX};
    char block[BLOCK_SIZE];
    if (!file) {
        err_errno(e, ERR_NOT_FOUND, errno, "%s", path);
        return NULL;
    }
    for (size_t got; (got = fread(block, 1, sizeof block, file)) > 0;)
        text_add(&body, block, got);
    if (body.cut || ferror(file)) {
        err_set(e, ERR_LIMIT, "%s cannot be read, or is larger than %d MiB", path, FILE_MAX >> 20);
        return NULL;
    }
    struct js *tree = js_parse(text_str(&body), body.len, e);
    if (!tree)
        err_add(e, "%s", path);
    return tree;
}

/* "unit_partners_response-2490.json" is "/partners/" of 2490. */
static bool name_says(struct saved *s, const char *name)
{
    static const char behind[] = "_response";
    const char *end = strstr(name, behind), *start = end;
    while (start && start > name && start[-1] != '_')
        start--;
    if (!end || start == end || start == name)
        return false;
    const char *rest = end + strlen(behind);
    size_t area = *rest == '-' ? strcspn(++rest, ".") : 0;
    snprintf(s->path, sizeof s->path, "/%.*s/", (int)(end - start), start);
    snprintf(s->area, sizeof s->area, "%.*s", (int)area, rest);
    return strcmp(rest + area, ".json") == 0;
}

/* "http://host/fundsreservations/9999/?businessarea=ZZZ" is "/fundsreservations/9999/" of ZZZ. */
static bool recording_says(struct saved *s)
{
    const char *uri = js_text(js_get(js_get(s->file, "request"), "uri"));
    const char *host = uri ? strstr(uri, "://") : NULL, *path = host ? strchr(host + strlen("://"), '/') : NULL;
    if (!path)
        return false;
    size_t length = strcspn(path, "?");
    const char *area = strstr(path + length, "businessarea");
    area = area ? strchr(area, '=') : NULL;
    snprintf(s->path, sizeof s->path, "%.*s", (int)length, path);
    snprintf(s->area, sizeof s->area, "%.*s", area ? (int)strcspn(area + 1, "&") : 0, area ? area + 1 : "");
    s->body = js_get(s->file, "body");
    return s->body != NULL;
}

static bool is_recording(const char *name)
{
    return strncmp(name, "recorded_", strlen("recorded_")) == 0;
}

static bool load_file(struct saved_answers *answers, const char *folder, const char *name, struct err *e)
{
    char path[SAVED_PATH_MAX];
    struct saved s = {0};
    if (!is_recording(name) && !name_says(&s, name))
        return true;
    if (answers->count == SAVED_MAX || snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return err_set(e, ERR_LIMIT, "%s: more than %d answers, or a path that is too long", folder, SAVED_MAX);
    if (!(s.file = read_json(path, e)))
        return false;
    s.body = s.file;
    if (is_recording(name) && !recording_says(&s)) {
        js_free(s.file);
        return true;
    }
    answers->list = mem_grow(answers->list, (answers->count + 1) * sizeof s);
    answers->list[answers->count++] = s;
    return true;
}

static int is_json(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

bool saved_load(struct saved_answers *answers, const char *folder, struct err *e)
{
    struct dirent **entries;
    bool good = true;
    int count = scandir(folder, &entries, is_json, alphasort);
    if (count < 0)
        return err_errno(e, ERR_NOT_FOUND, errno, "%s", folder);
    for (int i = 0; i < count; i++) {
        good = good && load_file(answers, folder, entries[i]->d_name, e);
        free(entries[i]);
    }
    free(entries);
    return good;
}

void saved_free(struct saved_answers *answers)
{
    for (size_t i = 0; i < answers->count; i++)
        js_free(answers->list[i].file);
    free(answers->list);
    *answers = (struct saved_answers){0};
}

const struct js *saved_find(const struct saved_answers *answers, const char *path, const char *area)
{
    const struct js *found = NULL;
    for (size_t i = 0; i < answers->count; i++) {
        const struct saved *s = &answers->list[i];
        if (strcmp(s->path, path) != 0)
            continue;
        if (*s->area && strcmp(s->area, area) == 0)
            return s->body;
        if (!*s->area && !found)
            found = s->body;
    }
    return found;
}
