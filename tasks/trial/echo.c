/* echo: its arguments are its result. */
#include "tasks/trial/trial.h"

static bool run(struct task *task, const void *data, struct err *e)
{
    (void)data;
    return task_result(task, task_args(task), e);
}

const struct handler handler_echo = {.name = "echo", .summary = "Answer the arguments as the result", .run = run};
