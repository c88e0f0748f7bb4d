/* unit: one org unit, and one group set, as rows of the stage. */
#include "tasks/dhis2/dhis2.h"

#include "common/task/geometry.h"
#include <string.h>

/* A unit and a set are staged alike: id, name, groups, version; then what only a unit has, in this order. */
static const struct column head_columns[] = {
    {"source_ref", "id", COLUMN_ID, .required = true},
    {"name", NULL, COLUMN_TEXT, .required = true, .max = 255},
    {0},
};

static const struct column unit_columns[] = {
    {"code", NULL, COLUMN_ID, .max = 255},
    {"level", NULL, COLUMN_INT},
    {"parent_source_ref", "parent.id", COLUMN_ID},
    {"opening_date", "openingDate", COLUMN_DAY},
    {"closed_date", "closedDate", COLUMN_DAY},
    {0},
};

static const struct column group_columns[] = {
    {"id", NULL, COLUMN_ID, .required = true},
    {"name", NULL, COLUMN_TEXT, .max = 255},
    {0},
};

/* Since 2.32 a geometry is GeoJSON, which comes lifted; before, coordinates came as a text. */
static bool read_geometry(const struct js *unit, const char *lifted, enum geometry *kind, struct text *out, struct err *e)
{
    static const struct place geometry = {.member = "geometry", .index = -1},
                              coordinates = {.member = "coordinates", .index = -1};
    const struct js *other = js_get(unit, "geometry"), *old = js_get(unit, "coordinates");
    struct text sent CLEANUP(text_free) = {0};
    *kind = GEOMETRY_NONE;
    if (lifted)
        return geometry_read(lifted, &geometry, kind, out, e);
    js_write(&sent, js_is_null(other) ? old : other);
    if (!js_is_null(other))
        return geometry_read(text_str(&sent), &geometry, kind, out, e);
    const char *text = js_text(old) ? js_text(old) : text_str(&sent);
    return !*text || geometry_read_coordinates(text, &coordinates, kind, out, e);
}

/* A geometry that cannot be used is noted, and what was there stays. */
static void read_shape(struct dhis2_import *import, const struct js *unit, const char *lifted, struct row *row)
{
    struct err why = {0};
    enum geometry kind;
    bool good = read_geometry(unit, lifted, &kind, row_open_json(row, "shape"), &why);
    if (!good)
        report_note(&import->report, why.text);
    row_close_json(row, good && kind != GEOMETRY_NONE);
    row_bool(row, "has_shape", good);
    import->areas += good && kind == GEOMETRY_AREA;
    import->points += good && kind == GEOMETRY_POINT;
}

/* The groups that `owner` names, as a JSON array; null when it does not name any list. */
static bool read_groups(const struct js *owner, struct text *out, struct err *e)
{
    static const char member[] = "organisationUnitGroups";
    const struct js *groups;
    struct row row CLEANUP(row_free) = {0};
    if (!record_array(owner, member, NULL, &groups, e))
        return false;
    text_puts(out, groups ? "[" : "null");
    for (size_t i = 0; i < js_count(groups); i++) {
        const struct place place = {.member = member, .index = (int)i};
        if (!record_read(js_at(groups, i), group_columns, &place, &row, e))
            return false;
        text_printf(out, "%s%s", i ? "," : "", row_end(&row));
    }
    text_puts(out, groups ? "]" : "");
    return true;
}

static bool read_head(struct dhis2_import *import, const struct js *owner, struct err *e)
{
    struct text groups CLEANUP(text_free) = {0};
    row_reset(&import->row);
    if (!record_read(owner, head_columns, NULL, &import->row, e) || !read_groups(owner, &groups, e))
        return false;
    row_json(&import->row, "groups", text_str(&groups));
    row_int(&import->row, "version_id", import->version_id);
    return true;
}

bool dhis2_read_unit(struct dhis2_import *import, const struct record *record, int number, struct err *e)
{
    const struct js *unit = record->json;
    struct row *row = &import->row;
    const char *name = js_text(js_get(unit, "name"));
    if (name && !name[strspn(name, " \t\r\n")])
        return record_refuse(NULL, "name", e, "missing");
    if (!read_head(import, unit, e) || !record_read(unit, unit_columns, NULL, row, e))
        return false;
    row_text(row, "validation_status", import->args->validate ? "VALID" : "NEW");
    row_text(row, "imported", *import->imported ? import->imported : NULL);
    read_shape(import, unit, record->lifted, row);
    return staging_add(import->staging, number, "unit", row, e);
}

bool dhis2_read_set(struct dhis2_import *import, const struct js *set, int record, struct err *e)
{
    return read_head(import, set, e) && staging_add(import->staging, record, "set", &import->row, e);
}
