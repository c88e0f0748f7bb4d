/* ocha.response_plan: a plan, its clusters and its places; what they are to reach comes with ocha.response_plan_details, which it enqueues. */
#include "tasks/ocha/ocha.h"

#include <stdio.h>
#include <string.h>

struct args {
    int64_t plan_id;
    const char *workspace, *upstream;
    bool details;
};

static const struct field fields[] = {
    I64_FIELD(struct args, plan_id, .required = true, .min = 1, .max = INT32_MAX, .help = "id of the plan in HPC"),
    STR_FIELD(struct args, workspace, .help = "code or business area of the workspace; none: the plan's country or emergency"),
    BOOL_FIELD(struct args, details, .fallback = "true", .help = "go on with objectives, activities and indicators"),
    STR_FIELD(struct args, upstream, .fallback = "ocha", .help = "the upstream to ask"),
    {0},
};

static const struct staging_step steps[] = {
    OCHA_PLACE_STEPS,
    {&sql_ocha_workspace, "workspace", STAGING_SHARED},
    {&sql_ocha_response_plan, "response_plan", STAGING_MAIN},
    {&sql_ocha_cluster_adopt, "cluster", STAGING_OWN},
    {&sql_ocha_cluster, "cluster", STAGING_MAIN},
    {0},
};

/* The first record at `path`, NULL when there is none; to be freed with the records. */
static const struct js *first_at(const struct records *answer, const char *path, struct records **records, struct err *e)
{
    struct record record;
    *records = records_again(answer, path, e);
    return *records && records_next(*records, &record) ? record.json : NULL;
}

/* The kind of the plan, and the emergency that its workspace may be. */
static bool add_kind(struct ocha_run *run, const struct records *answer, struct err *e)
{
    int64_t category = 0;
    char emergency_id[OCHA_ID_MAX];
    struct records *categories CLEANUP(records_freep) = NULL, *emergencies CLEANUP(records_freep) = NULL;
    const struct args *args = run->args;
    js_integer(js_get(first_at(answer, "data.categories", &categories, e), "id"), &category);
    if (!categories)
        return false;
    row_text(&run->row, "plan_type", category == 5 ? "FA" : "HRP");
    const struct js *emergency = first_at(answer, "data.emergencies", &emergencies, e);
    row_text(&run->row, "emergency", *ocha_id(js_get(emergency, "id"), emergency_id) ? emergency_id : NULL);
    row_text(&run->row, "emergency_name", js_text(js_get(emergency, "name")));
    row_text(&run->row, "workspace", args->workspace);
    row_text(&run->row, "country", run->countries == 1 ? run->country : NULL);
    return emergencies != NULL;
}

static bool read_plan(struct ocha_run *run, const struct js *version, struct err *e)
{
    static const struct column columns[] = {
        {"title", "name", COLUMN_TEXT, .required = true, .max = 255, .cut = true},
        {"start", "startDate", COLUMN_DAY},
        {"end", "endDate", COLUMN_DAY},
        {0},
    };
    static const struct place place = {.member = "planVersion", .index = -1};
    row_reset(&run->row);
    row_text(&run->row, "external_id", run->id);
    return record_read(version, columns, &place, &run->row, e);
}

/* In older answers the plan itself has what its version has in newer ones. The plan is all or nothing: without it there is no run. */
static bool stage_plan(struct ocha_run *run, const struct records *answer, struct err *e)
{
    struct records *versions CLEANUP(records_freep) = NULL, *plans CLEANUP(records_freep) = NULL;
    const struct js *version = first_at(answer, "data.planVersion", &versions, e);
    if (!versions)
        return false;
    if (!version)
        version = first_at(answer, "data", &plans, e);
    run->report.fetched++;
    struct ocha_item *item = &run->items[run->count];
    *item = (struct ocha_item){.staged = true};
    memcpy(item->id, run->id, strlen(run->id) + 1);
    if (read_plan(run, version, e))
        return add_kind(run, answer, e) && ocha_stage(run, run->count++, "plan", e);
    run->report.id = run->id;
    report_fail(&run->report, e->text, true);
    return false;
}

static enum ocha_read read_cluster(struct ocha_run *run, const struct js *entity, int number, struct err *e)
{
    static const struct column columns[] = {
        {"external_id", "id", COLUMN_ID, .required = true},
        {"imported_type", "governingEntityVersion.name", COLUMN_TEXT, .required = true, .max = 1024},
        {0},
    };
    const char *code = js_text(js_get(js_get(entity, "entityPrototype"), "refCode"));
    code = code ? code : js_text(js_get(entity, "entityType"));
    if (!code || strcmp(code, "CL") != 0)
        return OCHA_IGNORE;
    row_text(&run->row, "plan", run->id);
    bool good = record_read(entity, columns, NULL, &run->row, e) && ocha_stage(run, number, "cluster", e);
    return good ? OCHA_READ : OCHA_BAD;
}

/* With the plan, so that the second part finds what the first has written. */
static bool enqueue_details(struct ocha_run *run, struct err *e)
{
    struct pg_rows rows;
    struct row result CLEANUP(row_free) = {0};
    const struct args *args = run->args;
    if (!args->details)
        return true;
    if (!task_sql_rows(run->task, &sql_ocha_plan_chain, &rows, e, pg_int(args->plan_id), pg_text(args->upstream), pg_uuid(task_id(run->task))))
        return false;
    row_text(&result, "batch", pg_get_text(&rows, 0, 0));
    return task_result(run->task, row_end(&result), e);
}

static enum ocha_read read_place(struct ocha_run *run, const struct js *place, int number, struct err *e)
{
    int64_t level = -1;
    const char *country = js_text(js_get(place, "iso3"));
    if (js_integer(js_get(place, "adminLevel"), &level) && level == 0 && country && strcmp(run->country, country) != 0) {
        run->countries++;
        snprintf(run->country, sizeof run->country, "%s", country);
    }
    return ocha_read_place(run, place, number, e);
}

static bool workspace_is_known(struct ocha_run *run, struct err *e)
{
    struct pg_rows rows;
    const struct args *args = run->args;
    return !args->workspace || (task_sql_rows(run->task, &sql_ocha_workspace_known, &rows, e, pg_text(args->workspace)) &&
                                (pg_get_bool(&rows, 0, 0) || err_set(e, ERR_NOT_FOUND, "there is no workspace '%s'", args->workspace)));
}

/* The plan is the first of its batch. Without it the others mean nothing. */
static bool plan_is_here(const struct ocha_run *run, struct err *e)
{
    return !run->items[0].failed || err_set(e, ERR_DATA, "plan %s: %s", run->id, run->why.text);
}

static bool copy(struct ocha_run *run, struct err *e)
{
    static const struct ocha_list places = {read_place, "id", NULL, false}, clusters = {read_cluster, "id", &sql_ocha_cluster_absent, true};
    struct text target CLEANUP(text_free) = {0};
    if (!workspace_is_known(run, e))
        return false;
    text_printf(&target, "/v1/public/rpm/plan/id/%s?format=json&content=entities", run->id);
    struct records *answer CLEANUP(records_freep) = ocha_ask(run, text_str(&target), "data.locations", e);
    return answer && ocha_read(run, answer, &places, e) && ocha_move(run, &places, e) && stage_plan(run, answer, e) &&
           ocha_read_beside(run, answer, "data.governingEntities", &clusters, e) && ocha_move(run, &clusters, e) && plan_is_here(run, e) &&
           enqueue_details(run, e);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    const struct ocha_job job = {"ocha.response_plan", steps, copy};
    return ocha_run(task, &job, args->upstream, args->plan_id, args, e);
}

const struct handler handler_ocha_response_plan = {
    .name = "ocha.response_plan",
    .summary = "Copy a response plan and its clusters from HPC",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
