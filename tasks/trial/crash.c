/* crash: takes its process with it. */
#include "tasks/trial/trial.h"

#include <signal.h>
#include <unistd.h>

struct args {
    int64_t signal, exit;
    double after;
    const char *times;
};

static const struct field fields[] = {
    I64_FIELD(struct args, signal, .fallback = "11", .min = 1, .max = 64, .help = "the signal it dies by"),
    I64_FIELD(struct args, exit, .fallback = "-1", .min = -1, .max = 255, .help = "exit with this status instead"),
    REAL_FIELD(struct args, after, .fallback = "0", .min = 0, .max = 86400, .help = "seconds before it does"),
    JSON_FIELD(struct args, times, .fallback = "\"all\"", .help = "\"all\", or how many attempts crash"),
    {0},
};

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    bool crashes;
    if (!trial_misbehaves(task, args->times, &crashes, e) || !trial_wait(task, (usec_t)(args->after * 1e6), e))
        return false;
    if (!crashes)
        return true;
    if (args->exit >= 0)
        _exit((int)args->exit);
    signal((int)args->signal, SIG_DFL);
    raise((int)args->signal);
    return err_set(e, ERR_FAILED, "signal %d did not end the process", (int)args->signal);
}

const struct handler handler_crash = {
    .name = "crash",
    .summary = "Die by a signal or exit in the middle of the task",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
};
