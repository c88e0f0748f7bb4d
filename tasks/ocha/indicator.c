/* indicator: an attachment of an objective, an activity or a project becomes a blueprint, and a reportable with its target, baseline and
 * people in need. One answer has the values, another may have the same attachment without: that one never takes them away. */
#include "tasks/ocha/ocha.h"

#include <string.h>

static const char TOTALS[] = "attachmentVersion.value.metrics.values.totals";

/* A total by its type, in projects by its name too. */
static const struct js *find_total(const struct js *totals, const char *type, const char *name)
{
    for (size_t i = 0; i < js_count(totals); i++) {
        const struct js *total = js_at(totals, i);
        const char *is = js_text(js_get(total, "type")), *called = js_text(js_get(js_get(total, "name"), "en"));
        if (is ? strcmp(is, type) == 0 : called && strcmp(called, name) == 0)
            return js_get(total, "value");
    }
    return NULL;
}

/* {"d": 1, "v": value}; what is no number counts as none given, and is told. */
static void read_total(struct ocha_run *run, const struct js *totals, const char *member, const char *type, const char *name)
{
    struct text ratio CLEANUP(text_free) = {0}, number CLEANUP(text_free) = {0};
    if (!record_number(find_total(totals, type, name), &number)) {
        struct text why CLEANUP(text_free) = {0};
        text_reset(&number);
        text_puts(&number, "0");
        text_printf(&why, "%s.%s: not a number, 0 is kept", TOTALS, type);
        report_note(&run->report, text_str(&why));
    }
    text_printf(&ratio, "{\"d\":1,\"v\":%s}", text_str(&number));
    row_json(&run->row, member, text_str(&ratio));
}

static bool stage_places(struct ocha_run *run, const struct js *places, const char *indicator, const char *scope, int number, struct err *e)
{
    char id[OCHA_ID_MAX];
    for (size_t i = 0; i < js_count(places); i++) {
        const struct js *place = js_at(places, i);
        row_reset(&run->row);
        row_text(&run->row, "indicator", indicator);
        row_text(&run->row, "source", scope);
        row_text(&run->row, "id", *ocha_id(js_get(place, "id"), id) ? id : NULL);
        row_text(&run->row, "name", js_text(js_get(place, "name")));
        row_text(&run->row, "parent", js_text(js_get(js_get(place, "parent"), "name")));
        if (!ocha_stage(run, number, "goal", e))
            return false;
    }
    return true;
}

/* The group that a category belongs to. */
static const struct js *find_group(const struct js *groups, const char *category)
{
    char id[OCHA_ID_MAX];
    for (size_t i = 0; i < js_count(groups); i++) {
        const struct js *members = js_get(js_at(groups, i), "disaggregationCategories");
        for (size_t n = 0; n < js_count(members); n++)
            if (strcmp(ocha_id(js_get(js_at(members, n), "id"), id), category) == 0)
                return js_at(groups, i);
    }
    return NULL;
}

static bool stage_group(struct ocha_run *run, const struct js *group, const char *indicator, const char *scope, int number, struct err *e)
{
    const struct js *members = js_get(group, "disaggregationCategories");
    const char *label = js_text(js_get(group, "label"));
    for (size_t i = 0; label && i < js_count(members); i++) {
        row_reset(&run->row);
        row_text(&run->row, "indicator", indicator);
        row_text(&run->row, "source", scope);
        row_text(&run->row, "name", label);
        row_text(&run->row, "value", js_text(js_get(js_at(members, i), "label")));
        if (!ocha_stage(run, number, "category", e))
            return false;
    }
    return true;
}

/* Without a list of groups nothing can be split. */
static bool ask_groups(struct ocha_run *run, struct err *e)
{
    if (run->groups)
        return true;
    run->groups = http_get_json(run->http, "/v2/public/disaggregation-category-group", e);
    if (!run->groups && e->kind == ERR_NOT_FOUND) {
        report_note(&run->report, e->text);
        run->groups = js_parse("{}", 2, e);
    }
    return run->groups;
}

/* Each category stands for the group that it is of, with all its values. */
static bool stage_categories(struct ocha_run *run, const struct js *categories, const struct ocha_owner *owner, const char *indicator, int number,
                             struct err *e)
{
    char id[OCHA_ID_MAX];
    if (js_count(categories) > 0 && !ask_groups(run, e))
        return false;
    for (size_t i = 0; i < js_count(categories); i++) {
        const struct js *ids = js_get(js_at(categories, i), "ids");
        for (size_t n = 0; n < js_count(ids); n++) {
            const struct js *group = find_group(js_get(run->groups, "data"), ocha_id(js_at(ids, n), id));
            if (group && !stage_group(run, group, indicator, owner->scope, number, e))
                return false;
        }
    }
    return true;
}

static bool stage_indicator(struct ocha_run *run, const struct js *attachment, const struct ocha_owner *owner, int number, struct err *e)
{
    static const struct column columns[] = {{"external_id", "id", COLUMN_ID, .required = true}, {0}};
    static const struct column title[] = {{"title", "description", COLUMN_TEXT, .required = true, .max = 2048, .cut = true}, {0}};
    static const struct place place = {.member = "attachmentVersion.value", .index = -1};
    const struct js *value = js_get(js_get(attachment, "attachmentVersion"), "value");
    const struct js *values = js_get(js_get(value, "metrics"), "values"), *totals = js_get(values, "totals");
    if (!record_read(attachment, columns, NULL, &run->row, e) || !record_read(value, title, &place, &run->row, e))
        return false;
    if (!js_is_null(totals) && js_type(totals) != JS_ARRAY)
        return record_refuse(NULL, TOTALS, e, "%s where an array was expected", js_type_name(js_type(totals)));
    row_text(&run->row, "source", owner->scope);
    row_text(&run->row, "content_type", owner->table);
    row_text(&run->row, "owner", owner->id);
    row_bool(&run->row, "measured", js_count(totals) > 0);
    row_bool(&run->row, "disaggregatable", js_count(js_get(values, "disaggregated")) > 0);
    read_total(run, totals, "target", "target", "Target");
    read_total(run, totals, "baseline", "baseline", "Baseline");
    read_total(run, totals, "in_need", "inNeed", "In Need");
    return ocha_stage(run, number, "indicator", e);
}

static void note_id(struct ocha_run *run, const char *id)
{
    run->named.max = OCHA_IDS_MAX;
    run->unnamed |= !*id;
    text_puts(&run->named, run->named.len > 0 ? "," : "[");
    text_json_string(&run->named, id, strlen(id));
}

bool ocha_forget_indicators(struct ocha_run *run, const char *plan, struct err *e)
{
    struct pg_rows rows;
    if (run->unnamed || run->named.len == 0)
        return true;
    text_putc(&run->named, ']');
    if (run->named.cut)
        return err_set(e, ERR_LIMIT, "indicators with more than %d bytes of ids", OCHA_IDS_MAX);
    if (!task_sql_rows(run->task, &sql_ocha_indicator_gone, &rows, e, pg_text(run->owner.scope), pg_text(plan), pg_json(text_str(&run->named))))
        return false;
    run->report.deactivated += pg_get_int(&rows, 0, 0);
    return true;
}

enum ocha_read ocha_read_indicator(struct ocha_run *run, const struct js *attachment, int number, struct err *e)
{
    char id[OCHA_ID_MAX];
    const struct ocha_owner *owner = &run->owner;
    const char *type = js_text(js_get(attachment, "type"));
    if (!type || strcmp(type, "indicator") != 0)
        return OCHA_IGNORE;
    const struct js *value = js_get(js_get(attachment, "attachmentVersion"), "value");
    const struct js *disaggregated = js_get(js_get(js_get(value, "metrics"), "values"), "disaggregated");
    note_id(run, ocha_id(js_get(attachment, "id"), id));
    bool good = stage_indicator(run, attachment, owner, number, e) &&
                stage_places(run, js_get(disaggregated, "locations"), id, owner->scope, number, e) &&
                stage_categories(run, js_get(disaggregated, "categories"), owner, id, number, e);
    return good ? OCHA_READ : OCHA_BAD;
}
