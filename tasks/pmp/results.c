/* results: what a document promises, and where: outputs, indicators, places, disaggregations. */
#include "tasks/pmp/reading.h"

#include <stdio.h>
#include <string.h>

static const struct column output_columns[] = {
    {"external_id", "id", COLUMN_ID, .required = true},
    {"title", NULL, COLUMN_TEXT, .required = true, .max = 512},
    {"external_cp_output_id", "cp_output.id", COLUMN_INT, .required = true},
    {"cp_output_title", "cp_output.title", COLUMN_TEXT, .required = true, .max = 512},
    {0},
};

static const struct column indicator_columns[] = {
    {"external_id", "id", COLUMN_ID, .required = true},
    {"title", NULL, COLUMN_TEXT, .required = true, .max = 255, .cut = true},
    {"blueprint", "blueprint_id", COLUMN_ID},
    {"means_of_verification", NULL, COLUMN_TEXT, .max = 255},
    {"numerator_label", NULL, COLUMN_TEXT, .max = 256},
    {"denominator_label", NULL, COLUMN_TEXT, .max = 256},
    {"is_unicef_hf_indicator", "is_high_frequency", COLUMN_BOOL, .fallback = "false"},
    {"cluster_indicator_id", NULL, COLUMN_ID},
    {"active", "is_active", COLUMN_BOOL, .fallback = "true"},
    {0},
};

static const struct column location_columns[] = {
    {"external_id", "id", COLUMN_ID},
    {"name", NULL, COLUMN_TEXT, .required = true, .max = 254},
    {"p_code", NULL, COLUMN_ID, .required = true},
    {"admin_level", NULL, COLUMN_INT, .required = true},
    {"admin_level_name", NULL, COLUMN_TEXT, .max = 64},
    {"parent_p_code", "parent_pcode", COLUMN_ID},
    {0},
};

static const struct column disaggregation_columns[] = {
    {"name", NULL, COLUMN_TEXT, .required = true},
    {0},
};

static const struct column value_columns[] = {
    {"value", NULL, COLUMN_ID, .required = true, .max = 128},
    {"active", NULL, COLUMN_BOOL, .fallback = "true"},
    {0},
};

/* Places ---------------------------------------------------------------------------------------------- */

/* A place needs a name, a code and a level. */
static bool is_whole(const struct js *location)
{
    return js_type(location) != JS_OBJECT ||
           (!reading_is_blank(location, "name") && !reading_is_blank(location, "p_code") &&
            !reading_is_blank(location, "admin_level"));
}

static bool read_location(struct reading *r, const struct js *location, const char *indicator,
                          const struct place *place)
{
    char source[48];
    if (!record_read(location, location_columns, place, &r->run->row, r->e))
        return false;
    snprintf(source, sizeof source, "pmp:%.20s", r->run->workspace->business_area);
    row_text(&r->run->row, "external_source", source);
    row_text(&r->run->row, "indicator", indicator);
    row_int(&r->run->row, "workspace_id", r->run->workspace->id);
    reading_add_origin(r);
    return reading_stage(r, "location");
}

/* Places that the document names for itself, as those of governments do. */
bool reading_own_locations(struct reading *r)
{
    const struct js *array;
    if (!record_array(r->item, "locations", NULL, &array, r->e))
        return false;
    for (size_t i = 0; i < js_count(array); i++) {
        const struct place place = {NULL, "locations", (int)i};
        struct err why;
        if (is_whole(js_at(array, i))) {
            if (!read_location(r, js_at(array, i), NULL, &place))
                return false;
        } else {
            record_refuse(&place, NULL, &why, "without name, p_code or admin_level; left out");
            report_note(&r->run->report, why.text);
        }
    }
    return true;
}

/* Results --------------------------------------------------------------------------------------------- */

/* An indicator with its place and its output. */
struct indicator {
    const struct js *json;
    const struct place place;
    char id[40];
};

/* {"d": 1, "v": 0}, both numbers, nothing else. */
static bool read_goal(struct reading *r, const struct indicator *it, const char *member)
{
    const struct place place = {&it->place, member, -1};
    const struct js *goal = js_get(it->json, member);
    struct text json CLEANUP(text_free) = {0};
    if (!js_is_null(goal) && js_type(goal) != JS_OBJECT)
        return record_refuse(&place, NULL, r->e, "%s where an object was expected", js_type_name(js_type(goal)));
    text_puts(&json, "{\"d\":");
    if (reading_is_blank(goal, "d"))
        text_putc(&json, '1');
    else if (!record_number(js_get(goal, "d"), &json))
        return record_refuse(&place, "d", r->e, "not a number");
    text_puts(&json, ",\"v\":");
    if (!record_number(js_get(goal, "v"), &json)) {
        const char *text = js_text(js_get(goal, "v"));
        return record_refuse(&place, "v", r->e, "%s%.60s%s is not a number", text ? "'" : "", text ? text : "it",
                             text ? "'" : "");
    }
    text_putc(&json, '}');
    row_json(&r->run->row, member, text_str(&json));
    return true;
}

/* A unit that is not told follows from what the baseline is divided by. */
static bool read_unit(struct reading *r, const struct indicator *it)
{
    double by = 1;
    const char *unit = js_text(js_get(it->json, "unit")), *shown = js_text(js_get(it->json, "display_type"));
    js_number(js_get(js_get(it->json, "baseline"), "d"), &by);
    if (reading_is_blank(it->json, "unit"))
        unit = by == 1 ? "number" : "percentage";
    if (!unit || (strcmp(unit, "number") != 0 && strcmp(unit, "percentage") != 0))
        return record_refuse(&it->place, "unit", r->e, "neither number nor percentage");
    if (shown && strlen(shown) > 10)
        return record_refuse(&it->place, "display_type", r->e, "more than 10 characters");
    row_text(&r->run->row, "unit", unit);
    row_text(&r->run->row, "display_type", shown && *shown ? shown : unit);
    return true;
}

static bool read_values(struct reading *r, const struct js *values, const struct place *outer, struct text *json)
{
    struct row row CLEANUP(row_free) = {0};
    for (size_t i = 0; i < js_count(values); i++) {
        const struct place place = {outer, "disaggregation_values", (int)i};
        if (!record_read(js_at(values, i), value_columns, &place, &row, r->e))
            return false;
        text_printf(json, "%c%s", i == 0 ? '[' : ',', row_end(&row));
    }
    text_putc(json, ']');
    return true;
}

/* One without values disaggregates nothing and is left out. */
static bool read_disaggregations(struct reading *r, const struct indicator *it)
{
    const struct js *array, *values;
    if (!record_array(it->json, "disaggregation", &it->place, &array, r->e))
        return false;
    for (size_t i = 0; i < js_count(array); i++) {
        const struct place place = {&it->place, "disaggregation", (int)i};
        struct text json CLEANUP(text_free) = {0};
        if (!record_array(js_at(array, i), "disaggregation_values", &place, &values, r->e))
            return false;
        if (js_count(values) == 0)
            continue;
        if (!record_read(js_at(array, i), disaggregation_columns, &place, &r->run->row, r->e) ||
            !read_values(r, values, &place, &json))
            return false;
        row_json(&r->run->row, "values", text_str(&json));
        row_text(&r->run->row, "indicator", it->id);
        row_int(&r->run->row, "workspace_id", r->run->workspace->id);
        if (!reading_stage(r, "disaggregation"))
            return false;
    }
    return true;
}

/* An indicator of which one place cannot be told is left as it was. */
static bool keep_as_it_was(struct reading *r, const struct indicator *it, size_t location)
{
    struct err why;
    record_refuse(&it->place, NULL, &why, "locations[%zu] has no name, p_code or admin_level; indicator left out",
                  location);
    report_note(&r->run->report, why.text);
    row_text(&r->run->row, "external_id", it->id);
    row_text(&r->run->row, "source", r->source);
    return reading_stage(r, "kept");
}

static bool read_indicator_locations(struct reading *r, const struct indicator *it, const struct js *locations)
{
    for (size_t i = 0; i < js_count(locations); i++)
        if (!read_location(r, js_at(locations, i), it->id, &(struct place){&it->place, "locations", (int)i}))
            return false;
    return true;
}

static bool read_indicator(struct reading *r, const struct js *json, const char *output, const char *link,
                           const char *cp_output, const struct place *place)
{
    const struct js *locations;
    struct indicator it = {.json = json, .place = *place};
    struct row *row = &r->run->row;
    reading_id(js_get(json, "id"), it.id, sizeof it.id);
    if (!record_array(json, "locations", place, &locations, r->e))
        return false;
    for (size_t i = 0; i < js_count(locations); i++)
        if (!is_whole(js_at(locations, i)))
            return keep_as_it_was(r, &it, i);
    if (!record_read(json, indicator_columns, place, row, r->e) || !read_goal(r, &it, "target") ||
        !read_goal(r, &it, "baseline") || !read_unit(r, &it))
        return false;
    row_text(row, "source", r->source);
    row_text(row, "output", output);
    row_text(row, "link", link);
    row_json(row, "cp_output", cp_output);
    return reading_stage(r, "indicator") && read_indicator_locations(r, &it, locations) && read_disaggregations(r, &it);
}

static bool read_result(struct reading *r, const struct js *result, const struct place *place)
{
    char output[40], cp_output[40], link[96];
    const struct js *indicators;
    if (!record_read(result, output_columns, place, &r->run->row, r->e) ||
        !record_array(result, "indicators", place, &indicators, r->e))
        return false;
    reading_id(js_get(result, "id"), output, sizeof output);
    reading_id(js_get(js_get(result, "cp_output"), "id"), cp_output, sizeof cp_output);
    reading_id(js_get(result, "result_link"), link, sizeof link);
    if (!*link) /* documents of old versions do not tell it */
        snprintf(link, sizeof link, "%s:%s", r->id, cp_output);
    row_text(&r->run->row, "link", link);
    if (!reading_stage(r, "output"))
        return false;
    for (size_t i = 0; i < js_count(indicators); i++)
        if (!read_indicator(r, js_at(indicators, i), output, link, cp_output,
                            &(struct place){place, "indicators", (int)i}))
            return false;
    return true;
}

bool reading_results(struct reading *r)
{
    const struct js *array;
    if (!record_array(r->item, "expected_results", NULL, &array, r->e))
        return false;
    for (size_t i = 0; i < js_count(array); i++)
        if (!read_result(r, js_at(array, i), &(struct place){NULL, "expected_results", (int)i}))
            return false;
    return true;
}
