/* sleep: takes its time and tells how far it is. */
#include "tasks/trial/trial.h"

struct args {
    double seconds;
    int64_t steps;
};

static const struct field fields[] = {
    REAL_FIELD(struct args, seconds, .fallback = "1", .min = 0, .max = 86400, .help = "how long it takes in all"),
    I64_FIELD(struct args, steps, .fallback = "1", .min = 1, .max = 1000000, .help = "how many times progress is told"),
    {0},
};

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    usec_t step = (usec_t)(args->seconds * 1e6 / (double)args->steps);
    if (!task_progress(task, 0, args->steps, NULL, e))
        return false;
    for (int64_t done = 1; done <= args->steps; done++)
        if (!trial_wait(task, step, e) || !task_progress(task, done, args->steps, NULL, e))
            return false;
    return true;
}

const struct handler handler_sleep = {
    .name = "sleep",
    .summary = "Wait, and report progress at each step",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
};
