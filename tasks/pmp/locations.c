/* pmp.locations: the places of every country with their shapes. */
#include "tasks/pmp/pmp.h"

#include "common/task/geometry.h"
#include <stdio.h>
#include <string.h>

static const struct column columns[] = {
    {"external_id", "id", COLUMN_ID, .required = true},
    {"name", NULL, COLUMN_TEXT, .required = true, .max = 254},
    {"p_code", NULL, COLUMN_ID, .required = true, .max = 32},
    {"admin_level", NULL, COLUMN_INT, .required = true},
    {"admin_level_name", NULL, COLUMN_TEXT, .max = 64},
    {"parent_p_code", NULL, COLUMN_ID, .max = 32},
    {0},
};

/* A shape that cannot be used is noted; without one, what was there stays. */
static void read_shape(struct pmp_run *run, const struct js *item, const char *member, enum geometry wanted)
{
    const struct place place = {.member = member, .index = -1};
    struct text sent CLEANUP(text_free) = {0}, shape CLEANUP(text_free) = {0};
    struct err why = {0};
    enum geometry kind;
    js_write(&sent, js_get(item, member));
    bool good = geometry_read(text_str(&sent), &place, &kind, &shape, &why);
    if (good && kind != GEOMETRY_NONE && kind != wanted)
        good = record_refuse(&place, NULL, &why, "not of the kind that belongs there");
    if (!good)
        report_note(&run->report, why.text);
    row_json(&run->row, member, good && kind == wanted ? text_str(&shape) : "null");
}

/* What the platform could not find again is left out, as documents leave it out. */
static const char *lacks(const struct js *item)
{
    static const char *const needed[] = {"name", "p_code", "admin_level"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        const struct js *value = js_get(item, needed[i]);
        if (js_is_null(value) || (js_text(value) && !*js_text(value)))
            return needed[i];
    }
    return NULL;
}

/* A place is known by its name, p_code and level: "TT0101 2 Town". */
static void write_key(const struct js *item, struct text *key)
{
    int64_t number;
    const struct js *code = js_get(item, "p_code"), *name = js_get(item, "name");
    if (js_integer(code, &number))
        text_printf(key, "%" PRId64, number);
    else
        text_puts(key, js_text(code) ? js_text(code) : "");
    if (js_integer(js_get(item, "admin_level"), &number))
        text_printf(key, " %" PRId64, number);
    text_printf(key, " %s", js_text(name) ? js_text(name) : "");
}

static enum pmp_reading read(struct pmp_run *run, const struct js *item, int record, struct text *key, struct err *e)
{
    char source[40], origin[48];
    const char *lacking = js_type(item) == JS_OBJECT ? lacks(item) : NULL;
    write_key(item, key);
    if (lacking) {
        err_set(e, ERR_DATA, "%s: missing", lacking);
        return PMP_SKIPPED;
    }
    if (!record_read(item, columns, NULL, &run->row, e))
        return PMP_BAD;
    read_shape(run, item, "geom", GEOMETRY_AREA);
    read_shape(run, item, "point", GEOMETRY_POINT);
    snprintf(source, sizeof source, "pmp:%.20s", run->workspace->business_area);
    snprintf(origin, sizeof origin, "locations/%.32s", run->workspace->business_area);
    row_text(&run->row, "external_source", source);
    row_int(&run->row, "workspace_id", run->workspace->id);
    row_text(&run->row, "origin", origin);
    row_text(&run->row, "origin_at", "infinity");
    return staging_add(run->staging, record, "location", &run->row, e) ? PMP_STAGED : PMP_BAD;
}

/* Places are never let go of: reports of years ago are about them. */
static bool keep_all(struct pmp_run *run, const char *const *seen, size_t count, int64_t *deactivated, struct err *e)
{
    (void)run, (void)seen, (void)count, (void)e;
    *deactivated = 0;
    return true;
}

static const struct staging_step steps[] = {
    {&sql_pmp_location, "location", STAGING_MAIN},
    {&sql_pmp_location_workspace, "location_workspace", STAGING_OWN},
    {&sql_pmp_location_shape, "location", STAGING_OWN},
    {&sql_pmp_location_parent, "location", STAGING_SHARED},
    {0},
};

static const struct pmp_sync sync = {
    .handler = "pmp.locations",
    .list = "/prp-locations/?",
    .page_size = PMP_LOCATIONS_PAGE,
    .read = read,
    .steps = steps,
    .deactivate = keep_all,
};

static bool run(struct task *task, const void *args, struct err *e)
{
    return pmp_run_all(task, &sync, args, e);
}

const struct handler handler_pmp_locations = {
    .name = "pmp.locations",
    .summary = "Copy the places of every country with their shapes from PMP",
    .queue = "sync",
    .fields = pmp_list_fields,
    .args_size = sizeof(struct pmp_args),
    .run = run,
    .limit = {.soft = HOURS(4), .hard = HOURS(4) + MINUTES(10)}, /* shapes can take the server minutes a page */
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
