/* ocha.response_plan_details: objectives and activities of a plan, and their indicators. Two answers name them: that of the measurements
 * counts, that of the entities adds what it lacks. */
#include "tasks/ocha/ocha.h"

#include <stdio.h>
#include <string.h>

struct args {
    int64_t plan_id;
    const char *upstream;
};

static const struct field fields[] = {
    I64_FIELD(struct args, plan_id, .required = true, .min = 1, .max = INT32_MAX, .help = "id of the plan in HPC"),
    STR_FIELD(struct args, upstream, .fallback = "ocha", .help = "the upstream to ask"),
    {0},
};

static const struct staging_step steps[] = {
    OCHA_PLACE_STEPS,
    {&sql_ocha_objective, "cluster_objective", STAGING_MAIN},
    {&sql_ocha_activity, "cluster_activity", STAGING_MAIN},
    OCHA_INDICATOR_STEPS,
    {0},
};

static const char *ref_code(const struct js *entity)
{
    const char *code = js_text(js_get(js_get(entity, "entityPrototype"), "refCode"));
    return code ? code : "";
}

static bool is_objective(const struct js *entity)
{
    return strcmp(ref_code(entity), "CO") == 0 || strcmp(ref_code(entity), "SO") == 0;
}

static bool is_activity(const struct js *entity)
{
    return strcmp(ref_code(entity), "CA") == 0;
}

struct first {
    char id[OCHA_ID_MAX];
};

static bool take_first(void *data, const char *key, const struct js *member)
{
    struct first *first = data;
    (void)key;
    ocha_id(js_at(js_get(member, "planEntityIds"), 0), first->id);
    return !*first->id;
}

/* The first entity that an activity supports. `support` is a list, or an object with the keys "0", "1", …. */
static void find_objective(const struct js *entity, struct first *first)
{
    const struct js *support = js_get(js_get(js_get(entity, "planEntityVersion"), "value"), "support");
    first->id[0] = '\0';
    if (js_type(support) == JS_OBJECT)
        js_each(support, take_first, first);
    for (size_t i = 0; js_type(support) == JS_ARRAY && i < js_count(support) && !*first->id; i++)
        take_first(first, NULL, js_at(support, i));
}

static enum ocha_read read_entity(struct ocha_run *run, const struct js *entity, int number, struct err *e)
{
    static const struct column columns[] = {
        {"external_id", "id", COLUMN_ID, .required = true}, {"cluster", "parentId", COLUMN_ID}, {0}};
    static const struct column title[] = {{"title", "description", COLUMN_TEXT, .required = true, .max = 2048, .cut = true}, {0}};
    static const struct place place = {.member = "planEntityVersion.value", .index = -1};
    struct first first;
    char id[OCHA_ID_MAX];
    if (!is_objective(entity) && !is_activity(entity))
        return OCHA_IGNORE;
    if (*ocha_id(js_get(entity, "id"), id) && !seen_add(&run->seen, id))
        return OCHA_IGNORE;
    find_objective(entity, &first);
    if (is_activity(entity) && !*first.id)
        return record_refuse(NULL, "planEntityVersion.value.support", e, "names no objective") ? OCHA_READ : OCHA_SKIP;
    row_bool(&run->row, "activity", is_activity(entity));
    row_text(&run->row, "objective", first.id);
    bool good = record_read(entity, columns, NULL, &run->row, e) &&
                record_read(js_get(js_get(entity, "planEntityVersion"), "value"), title, &place, &run->row, e) && ocha_stage(run, number, "entity", e);
    return good ? OCHA_READ : OCHA_BAD;
}

static bool copy_entities(struct ocha_run *run, const struct records *measurements, const struct records *entities, struct err *e)
{
    static const struct ocha_list list = {read_entity, "id", &sql_ocha_entity_absent, true};
    return ocha_read_beside(run, measurements, "data.planEntities", &list, e) && ocha_read_beside(run, entities, "data.planEntities", &list, e) &&
           ocha_move(run, &list, e);
}

/* Indicators ------------------------------------------------------------------------------------------------------------------ */

static bool has_totals(const struct js *attachment)
{
    const struct js *value = js_get(js_get(attachment, "attachmentVersion"), "value");
    return js_count(js_get(js_get(js_get(value, "metrics"), "values"), "totals")) > 0;
}

/* The second answer repeats attachments of the first: they count where the first has no values for them. */
static bool is_new(struct ocha_run *run, const struct js *attachment)
{
    char id[OCHA_ID_MAX], named[OCHA_ID_MAX + 16], measured[OCHA_ID_MAX + 16];
    if (!*ocha_id(js_get(attachment, "id"), id))
        return true;
    snprintf(named, sizeof named, "indicator %s", id);
    snprintf(measured, sizeof measured, "values of %s", id);
    bool is_named = !seen_add(&run->seen, named);
    return has_totals(attachment) ? seen_add(&run->seen, measured) : !is_named;
}

static enum ocha_read read_attachment(struct ocha_run *run, const struct js *attachment, int number, struct err *e)
{
    return is_new(run, attachment) ? ocha_read_indicator(run, attachment, number, e) : OCHA_IGNORE;
}

static const struct ocha_list indicators = {read_attachment, "id", &sql_ocha_indicator_absent, false};

static bool tell_wrong(struct ocha_run *run, const struct js *entity)
{
    char id[OCHA_ID_MAX];
    run->report.id = ocha_id(js_get(entity, "id"), id);
    report_note(&run->report, "attachments: no array, left out");
    run->report.id = NULL;
    run->unnamed = true;
    return true;
}

static bool copy_attachments(struct ocha_run *run, const struct js *entity, struct err *e)
{
    char id[OCHA_ID_MAX];
    const struct js *attachments = js_get(entity, "attachments");
    run->owner.table = is_activity(entity) ? "cluster_activity" : "cluster_objective";
    run->owner.id = ocha_id(js_get(entity, "id"), id);
    if (!js_is_null(attachments) && js_type(attachments) != JS_ARRAY)
        return tell_wrong(run, entity);
    for (size_t i = 0; i < js_count(attachments); i++) {
        const struct record attachment = {.json = js_at(attachments, i), .index = (int64_t)i};
        if (!ocha_take(run, &attachment, &indicators, e))
            return false;
    }
    return true;
}

static bool copy_indicators(struct ocha_run *run, const struct records *answer, struct err *e)
{
    struct record entity;
    struct records *entities CLEANUP(records_freep) = records_again(answer, "data.planEntities", e);
    while (entities && records_next(entities, &entity)) {
        run->unnamed |= !entity.json;
        if ((is_objective(entity.json) || is_activity(entity.json)) && !copy_attachments(run, entity.json, e))
            return false;
    }
    return entities && records_end(entities, e) && ocha_move(run, &indicators, e);
}

static bool copy(struct ocha_run *run, struct err *e)
{
    static const struct ocha_list places = {ocha_read_place, "id", NULL, false};
    struct text target CLEANUP(text_free) = {0};
    text_printf(&target, "/v1/public/rpm/plan/id/%s?format=json&content=measurements", run->id);
    struct records *measurements CLEANUP(records_freep) = ocha_ask(run, text_str(&target), "data.planEntities", e);
    text_reset(&target);
    text_printf(&target, "/v1/public/rpm/plan/id/%s?format=json&content=entities", run->id);
    struct records *entities CLEANUP(records_freep) = measurements ? ocha_ask(run, text_str(&target), "data.planEntities", e) : NULL;
    run->owner.scope = "HPC";
    return entities && ocha_read_beside(run, entities, "data.locations", &places, e) && ocha_move(run, &places, e) &&
           copy_entities(run, measurements, entities, e) && copy_indicators(run, measurements, e) && copy_indicators(run, entities, e) &&
           ocha_forget_indicators(run, run->id, e);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    const struct ocha_job job = {"ocha.response_plan_details", steps, copy};
    return ocha_run(task, &job, args->upstream, args->plan_id, args, e);
}

const struct handler handler_ocha_response_plan_details = {
    .name = "ocha.response_plan_details",
    .summary = "Copy objectives, activities and indicators of a response plan from HPC",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
