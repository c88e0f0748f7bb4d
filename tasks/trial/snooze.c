/* snooze: whatever it waits for, it is not there yet. */
#include "tasks/trial/trial.h"

struct args {
    double seconds;
    const char *why;
};

static const struct field fields[] = {
    REAL_FIELD(struct args, seconds, .fallback = "1", .max = 1000000000, .help = "how long until it looks again"),
    STR_FIELD(struct args, why, .fallback = "not yet", .help = "what it waits for"),
    {0},
};

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    return task_snooze(task, (usec_t)(args->seconds * 1e6), args->why, e);
}

const struct handler handler_snooze = {
    .name = "snooze",
    .summary = "Run again later, again and again, without spending an attempt",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
};
