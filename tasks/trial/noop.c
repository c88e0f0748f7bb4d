/* noop: does nothing; what the runner itself costs. */
#include "tasks/trial/trial.h"

static bool run(struct task *task, const void *data, struct err *e)
{
    (void)task;
    (void)data;
    (void)e;
    return true;
}

const struct handler handler_noop = {.name = "noop", .summary = "Do nothing (arguments are ignored)", .run = run};
