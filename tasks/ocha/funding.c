/* ocha.funding: the flows of money to a plan, and what they sum up to for its projects. */
#include "tasks/ocha/ocha.h"

struct args {
    int64_t plan_id;
    const char *upstream;
};

static const struct field fields[] = {
    I64_FIELD(struct args, plan_id, .required = true, .min = 1, .max = INT32_MAX, .help = "id of the plan in HPC"),
    STR_FIELD(struct args, upstream, .fallback = "ocha", .help = "the upstream to ask"),
    {0},
};

static const struct staging_step steps[] = {OCHA_FLOW_STEPS, {0}};

static bool copy(struct ocha_run *run, struct err *e)
{
    struct region *region = task_region(run->task);
    return ocha_copy_flows(run, region_printf(region, "planId=%s", run->id), region_printf(region, "plan:%s", run->id), e);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    const struct ocha_job job = {"ocha.funding", steps, copy};
    return ocha_run(task, &job, args->upstream, args->plan_id, args, e);
}

const struct handler handler_ocha_funding = {
    .name = "ocha.funding",
    .summary = "Copy the flows of money to a response plan from FTS",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
