/* ocha.project: a project as it was published last; its money and its indicators come with ocha.project_details, which is enqueued once the plans
 * that are not here yet have come. */
#include "tasks/ocha/ocha.h"

#include <string.h>

struct args {
    int64_t project_id, partner_id;
    const char *upstream;
};

static const struct field fields[] = {
    I64_FIELD(struct args, project_id, .required = true, .min = 1, .max = INT32_MAX, .help = "id of the project in HPC"),
    I64_FIELD(struct args, partner_id, .min = 0, .max = INT64_MAX, .help = "its partner here; none: the one that its organization is"),
    STR_FIELD(struct args, upstream, .fallback = "ocha", .help = "the upstream to ask"),
    {0},
};

static const struct staging_step steps[] = {OCHA_PROJECT_STEPS, {0}};

/* Each missing plan is a chain of its two parts. What the project has of its own follows whatever became of them. */
static bool enqueue_details(struct ocha_run *run, struct err *e)
{
    struct pg_rows rows;
    struct row result CLEANUP(row_free) = {0};
    const struct args *args = run->args;
    if (!task_sql_rows(run->task, &sql_ocha_project_chain, &rows, e, pg_int(args->project_id), pg_text(args->upstream), pg_json(text_str(&run->plans)),
                       pg_uuid(task_id(run->task))))
        return false;
    row_text(&result, "batch", pg_get_text(&rows, 0, 0));
    return task_result(run->task, row_end(&result), e);
}

static bool copy(struct ocha_run *run, struct err *e)
{
    run->partner = ((const struct args *)run->args)->partner_id;
    return ocha_copy_project(run, e) && enqueue_details(run, e);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    const struct ocha_job job = {"ocha.project", steps, copy};
    return ocha_run(task, &job, args->upstream, args->project_id, args, e);
}

const struct handler handler_ocha_project = {
    .name = "ocha.project",
    .summary = "Copy a partner's project from HPC",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
