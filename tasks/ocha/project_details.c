/* ocha.project_details: the money of a project, its clusters now that its plans are here, its indicators and the activities that it is part of. */
#include "tasks/ocha/ocha.h"

struct args {
    int64_t project_id;
    const char *upstream;
};

static const struct field fields[] = {
    I64_FIELD(struct args, project_id, .required = true, .min = 1, .max = INT32_MAX, .help = "id of the project in HPC"),
    STR_FIELD(struct args, upstream, .fallback = "ocha", .help = "the upstream to ask"),
    {0},
};

static const struct staging_step steps[] = {
    OCHA_PROJECT_STEPS,
    OCHA_FLOW_STEPS,
    OCHA_INDICATOR_STEPS,
    {&sql_ocha_partner_activity, "partner_activity", STAGING_SHARED},
    {&sql_ocha_context, "activity_project_context", STAGING_OWN},
    {0},
};

/* The attachment itself stands in a record that says how the project uses it. */
static enum ocha_read read_use(struct ocha_run *run, const struct js *use, int number, struct err *e)
{
    char id[OCHA_ID_MAX];
    const struct js *attachment = js_get(use, "attachment");
    enum ocha_read read = ocha_read_indicator(run, attachment, number, e);
    if (read != OCHA_READ || !*ocha_id(js_get(attachment, "objectId"), id))
        return read;
    row_reset(&run->row);
    row_text(&run->row, "project", run->id);
    row_text(&run->row, "activity", id);
    return ocha_stage(run, number, "context", e) ? OCHA_READ : OCHA_BAD;
}

/* A project that nobody has heard of there uses none. */
static bool copy_indicators(struct ocha_run *run, struct err *e)
{
    static const struct ocha_list list = {read_use, "attachmentId", &sql_ocha_indicator_absent, false};
    const char *target = region_printf(task_region(run->task), "/v2/public/project/%s/attachments", run->id);
    struct records *answer CLEANUP(records_freep) = ocha_ask(run, target, "data", e);
    run->owner.table = "partner_project";
    run->owner.id = run->id;
    run->owner.scope = region_printf(task_region(run->task), "HPC:project:%s", run->id);
    if (!answer && e->kind == ERR_NOT_FOUND) {
        report_note(&run->report, e->text);
        return true;
    }
    return answer && ocha_read(run, answer, &list, e) && ocha_move(run, &list, e) && ocha_forget_indicators(run, NULL, e);
}

static bool copy(struct ocha_run *run, struct err *e)
{
    struct region *region = task_region(run->task);
    run->global_clusters = true;
    return ocha_copy_project(run, e) &&
           ocha_copy_flows(run, region_printf(region, "projectId=%s", run->id), region_printf(region, "project:%s", run->id), e) &&
           copy_indicators(run, e);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    const struct ocha_job job = {"ocha.project_details", steps, copy};
    return ocha_run(task, &job, args->upstream, args->project_id, args, e);
}

const struct handler handler_ocha_project_details = {
    .name = "ocha.project_details",
    .summary = "Copy money, clusters and indicators of a project from HPC",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
