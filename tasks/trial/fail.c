/* fail: ends with an error. */
#include "tasks/trial/trial.h"

struct args {
    const char *message;
    bool retryable;
    const char *times;
};

static const struct field fields[] = {
    STR_FIELD(struct args, message, .fallback = "failed as asked", .help = "the error's text"),
    BOOL_FIELD(struct args, retryable, .fallback = "true", .help = "whether another attempt may follow"),
    JSON_FIELD(struct args, times, .fallback = "\"all\"", .help = "\"all\", or how many attempts fail"),
    {0},
};

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    bool fails;
    if (!trial_misbehaves(task, args->times, &fails, e))
        return false;
    return !fails || err_set(e, args->retryable ? ERR_TRANSIENT : ERR_DATA, "%s", args->message);
}

const struct handler handler_fail = {
    .name = "fail",
    .summary = "End with an error",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 3, .first = SECONDS(1), .cap = MINUTES(1)},
};
