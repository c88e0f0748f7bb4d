/* load: real payloads from a folder, as they were saved from the real server.
 *
 * A file's name says what is in it (the table below); its text is an envelope with "results", a bare array or a single
 * item. A document goes to the country of its business_area_code. Partners and locations carry no such code: those of
 * "partners-3420.json" go to 3420, those of "partners.json" to every country.
 *
 * What has no file is made from the documents: a country that workspaces.json lacks is listed with its code as short
 * code; a country without partners has those its documents name, and the same for locations. */
#include "sandbox/pmp/world.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE_MAX = 64 << 20, BLOCK_SIZE = 64 << 10 };

struct source {
    const char *prefix;
    enum pmp_kind kind; /* PMP_KINDS: workspaces */
};

/* In the order in which they must be read. */
static const struct source sources[] = {
    {"workspaces", PMP_KINDS},      {"interventions", PMP_DOCUMENTS}, {"pmp_intervention", PMP_DOCUMENTS},
    {"pmp_item_pd", PMP_DOCUMENTS}, {"gdds", PMP_GOVERNMENT},         {"pmp_item_gd", PMP_GOVERNMENT},
    {"partners", PMP_PARTNERS},     {"locations", PMP_LOCATIONS},
};

static void close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

static bool read_file(const char *path, struct text *out, struct err *e)
{
    CLEANUP(close_file) FILE *file = fopen(path, "re");
    char block[BLOCK_SIZE];
    if (!file)
        return err_errno(e, ERR_NOT_FOUND, errno, "%s", path);
    for (size_t got; (got = fread(block, 1, sizeof block, file)) > 0;)
        text_add(out, block, got);
    if (ferror(file))
        return err_errno(e, ERR_FAILED, errno, "%s", path);
    return !out->cut || err_set(e, ERR_LIMIT, "%s is larger than %d MiB", path, FILE_SIZE_MAX >> 20);
}

/* The file's tree, owned by the world. */
static const struct js *parse_file(struct pmp *p, const char *path, struct err *e)
{
    struct text body = {.max = FILE_SIZE_MAX};
    struct js *tree = NULL;
    if (p->files_count == PMP_FILES_MAX)
        err_set(e, ERR_LIMIT, "%s has more than %d files", p->data, PMP_FILES_MAX);
    else if (read_file(path, &body, e) && !(tree = js_parse(text_str(&body), body.len, e)))
        err_add(e, "%s", path);
    if (tree)
        p->files[p->files_count++] = tree;
    text_free(&body);
    return tree;
}

static struct pmp_country *need_country(struct pmp *p, const char *code, struct err *e)
{
    struct pmp_country *c = code ? pmp_country(p, code) : NULL;
    if (c)
        return c;
    if (!code || !*code || strlen(code) >= PMP_CODE_MAX) {
        err_set(e, ERR_DATA, "no usable business_area_code");
        return NULL;
    }
    if (!(c = pmp_add_country(p))) {
        err_set(e, ERR_LIMIT, "more than %d countries", PMP_COUNTRIES_MAX);
        return NULL;
    }
    c->loaded = true;
    snprintf(c->name, sizeof c->name, "Workspace %s", code);
    snprintf(c->business_area, sizeof c->business_area, "%s", code);
    snprintf(c->short_code, sizeof c->short_code, "%s", code);
    return c;
}

static bool add_workspace(struct pmp *p, const struct js *item, struct err *e)
{
    const char *code = js_text(js_get(item, "business_area_code"));
    struct pmp_country *c = code && *code ? need_country(p, code, e) : pmp_add_country(p);
    if (!c)
        return code && *code ? false : err_set(e, ERR_LIMIT, "more than %d countries", PMP_COUNTRIES_MAX);
    c->loaded = true;
    c->loaded_workspace = item;
    return true;
}

/* A later row of the same id replaces the earlier one. */
static bool add_item(struct pmp_country *c, enum pmp_kind kind, const struct js *item, struct err *e)
{
    int64_t id;
    const char *moment = js_text(js_get(item, "update_date"));
    struct err ignored;
    if (!js_integer(js_get(item, "id"), &id))
        return err_set(e, ERR_DATA, "no whole number as id");
    if (c->lists[kind].count >= PMP_ROWS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d rows", PMP_ROWS_MAX);
    struct pmp_row *row = pmp_add_row(c, kind, id);
    row->loaded = item;
    if (moment && !clock_parse(moment, &row->updated_at, &ignored))
        row->updated_at = 0;
    return true;
}

/* "partners-3420.json" speaks of 3420, "partners.json" (an empty code) of everybody. */
static void code_of_file(const char *name, const char *prefix, char code[static PMP_CODE_MAX])
{
    const char *rest = name + strlen(prefix);
    size_t length = *rest == '-' ? strcspn(++rest, ".") : 0;
    snprintf(code, PMP_CODE_MAX, "%.*s", (int)(length < PMP_CODE_MAX ? length : 0), rest);
}

static bool add_to_countries(struct pmp *p, enum pmp_kind kind, const char *code, const struct js *item, struct err *e)
{
    if (*code) {
        struct pmp_country *c = need_country(p, code, e);
        return c && add_item(c, kind, item, e);
    }
    for (size_t i = 0; i < p->countries_count; i++)
        if (!add_item(&p->countries[i], kind, item, e))
            return false;
    return true;
}

static bool take_item(struct pmp *p, const struct source *source, const char *name, const struct js *item,
                      struct err *e)
{
    char code[PMP_CODE_MAX];
    switch (source->kind) {
    case PMP_KINDS:
        return add_workspace(p, item, e);
    case PMP_DOCUMENTS:
    case PMP_GOVERNMENT: {
        struct pmp_country *c = need_country(p, js_text(js_get(item, "business_area_code")), e);
        return c && add_item(c, source->kind, item, e);
    }
    case PMP_PARTNERS:
    case PMP_LOCATIONS:
        code_of_file(name, source->prefix, code);
        return add_to_countries(p, source->kind, code, item, e);
    }
    return false;
}

static bool load_file(struct pmp *p, const struct source *source, const char *name, struct err *e)
{
    char path[PMP_PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", p->data, name) >= (int)sizeof path)
        return err_set(e, ERR_USAGE, "%s: the path is too long", p->data);
    const struct js *tree = parse_file(p, path, e);
    if (!tree)
        return false;
    const struct js *results = js_get(tree, "results"), *list = results ? results : tree;
    if (js_type(list) == JS_OBJECT)
        return take_item(p, source, name, list, e) || err_add(e, "%s", path);
    for (size_t i = 0; i < js_count(list); i++)
        if (!take_item(p, source, name, js_at(list, i), e))
            return err_add(e, "%s, item %zu", path, i);
    return true;
}

static int is_json(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

struct folder {
    struct dirent **entries;
    int count;
};

static void close_folder(struct folder *f)
{
    for (int i = 0; i < f->count; i++)
        free(f->entries[i]);
    free(f->entries);
}

static bool load_source(struct pmp *p, const struct source *source, const struct folder *f, struct err *e)
{
    for (int i = 0; i < f->count; i++)
        if (strncmp(f->entries[i]->d_name, source->prefix, strlen(source->prefix)) == 0 &&
            !load_file(p, source, f->entries[i]->d_name, e))
            return false;
    return true;
}

static void add_partners(struct pmp_country *c, enum pmp_kind kind)
{
    struct err ignored;
    for (size_t i = 0; i < c->lists[kind].count; i++) {
        const struct js *partner = js_get(c->lists[kind].rows[i].loaded, "partner_org");
        int64_t id;
        if (js_integer(js_get(partner, "id"), &id) && !pmp_row(c, PMP_PARTNERS, id))
            add_item(c, PMP_PARTNERS, partner, &ignored);
    }
}

/* Of several mentions the first stays, unless a later one knows the parent too. */
static void add_locations(struct pmp_country *c, const struct js *locations)
{
    struct err ignored;
    for (size_t i = 0; i < js_count(locations); i++) {
        const struct js *location = js_at(locations, i);
        int64_t id;
        if (!js_integer(js_get(location, "id"), &id))
            continue;
        const struct pmp_row *known = pmp_row(c, PMP_LOCATIONS, id);
        if (!known || (!js_get(known->loaded, "parent_pcode") && js_get(location, "parent_pcode")))
            add_item(c, PMP_LOCATIONS, location, &ignored);
    }
}

static void add_locations_of(struct pmp_country *c, const struct js *document)
{
    const struct js *results = js_get(document, "expected_results");
    add_locations(c, js_get(document, "locations"));
    for (size_t i = 0; i < js_count(results); i++) {
        const struct js *indicators = js_get(js_at(results, i), "indicators");
        for (size_t k = 0; k < js_count(indicators); k++)
            add_locations(c, js_get(js_at(indicators, k), "locations"));
    }
}

static void derive(struct pmp_country *c)
{
    if (c->lists[PMP_PARTNERS].count == 0) {
        add_partners(c, PMP_DOCUMENTS);
        add_partners(c, PMP_GOVERNMENT);
    }
    if (c->lists[PMP_LOCATIONS].count > 0)
        return;
    for (enum pmp_kind kind = PMP_DOCUMENTS; kind <= PMP_GOVERNMENT; kind++)
        for (size_t i = 0; i < c->lists[kind].count; i++)
            add_locations_of(c, c->lists[kind].rows[i].loaded);
}

bool pmp_load(struct pmp *p, struct err *e)
{
    CLEANUP(close_folder) struct folder folder = {0};
    folder.count = scandir(p->data, &folder.entries, is_json, alphasort);
    if (folder.count < 0)
        return err_errno(e, ERR_NOT_FOUND, errno, "%s", p->data);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (!load_source(p, &sources[i], &folder, e))
            return false;
    for (size_t i = 0; i < p->countries_count; i++)
        derive(&p->countries[i]);
    if (p->countries_count == 0)
        return err_set(e, ERR_NOT_FOUND, "%s holds no payload of a known name", p->data);
    return true;
}
