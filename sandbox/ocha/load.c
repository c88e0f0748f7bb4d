/* load: saved payloads of HPC, whole answers, told apart by words in their names; the id of a plan or project stands in the payload. */
#include "sandbox/ocha/ocha.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 4096 };

static const struct ocha_kind {
    const char *word;
    enum ocha_payload payload;
    bool has_id;
} kinds[] = {
    {"measurements", OCHA_MEASUREMENTS, true}, {"response_plan", OCHA_PLAN, true},        {"project_info", OCHA_PROJECT, true},
    {"attachments-", OCHA_ATTACHMENTS, true},  {"cash_flow", OCHA_FLOWS, false},          {"organizations", OCHA_ORGANIZATIONS, false},
    {"category_groups", OCHA_GROUPS, false},
};

static const struct ocha_kind *kind_of(const char *name)
{
    size_t length = strlen(name);
    if (length < 5 || strcmp(name + length - 5, ".json") != 0)
        return NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strstr(name, kinds[i].word))
            return &kinds[i];
    return NULL;
}

static bool read_file(const char *path, struct text *out, struct err *e)
{
    char block[32 << 10];
    size_t got;
    FILE *file = fopen(path, "re");
    if (!file)
        return err_errno(e, ERR_NOT_FOUND, errno, "%s", path);
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        text_add(out, block, got);
    fclose(file);
    return true;
}

/* "attachments-154060.json" says it in its name, the others inside. */
static bool read_id(struct ocha_file *file, const char *name, struct err *e)
{
    file->id = -1;
    if (!file->kind->has_id)
        return true;
    if (file->kind->payload == OCHA_ATTACHMENTS) {
        file->id = strtoll(strstr(name, file->kind->word) + strlen(file->kind->word), NULL, 10);
        return true;
    }
    struct js *tree = js_parse(text_str(&file->text), file->text.len, e);
    bool good = tree && (js_integer(js_get(js_get(tree, "data"), "id"), &file->id) || err_set(e, ERR_DATA, "data.id: missing"));
    js_free(tree);
    return good;
}

static bool load_file(struct ocha *o, const char *name, struct err *e)
{
    char path[PATH_SIZE];
    const struct ocha_kind *kind = kind_of(name);
    if (!kind)
        return true;
    if (o->files_count == OCHA_FILES_MAX)
        return err_set(e, ERR_LIMIT, "more than %d payloads", OCHA_FILES_MAX);
    if (snprintf(path, sizeof path, "%s/%s", o->data, name) >= (int)sizeof path)
        return err_set(e, ERR_USAGE, "%s: the path is too long", o->data);
    struct ocha_file *file = &o->files[o->files_count++];
    file->kind = kind;
    return (read_file(path, &file->text, e) && read_id(file, name, e)) || err_add(e, "%s", path);
}

bool ocha_open(struct ocha *o, struct err *e)
{
    struct dirent **entries;
    if (!o->data)
        return true;
    int count = scandir(o->data, &entries, NULL, alphasort);
    if (count < 0)
        return err_errno(e, ERR_NOT_FOUND, errno, "%s", o->data);
    bool good = true;
    for (int i = 0; i < count; i++) {
        good = good && load_file(o, entries[i]->d_name, e);
        free(entries[i]);
    }
    free(entries);
    return good;
}

void ocha_close(struct ocha *o)
{
    for (size_t i = 0; i < o->files_count; i++)
        text_free(&o->files[i].text);
}

/* A plan without saved measurements has those of its entities. */
const struct text *ocha_saved(const struct ocha *o, enum ocha_payload payload, int64_t id)
{
    for (size_t i = 0; i < o->files_count; i++)
        if (o->files[i].kind->payload == payload && (id < 0 || o->files[i].id == id))
            return &o->files[i].text;
    return payload == OCHA_MEASUREMENTS ? ocha_saved(o, OCHA_PLAN, id) : NULL;
}
