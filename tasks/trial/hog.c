/* hog: takes more than its share, to see what stops it. */
#include "tasks/trial/trial.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct args {
    int64_t memory_mib, forks, output_mib;
    double spin_seconds, seconds;
    bool ignore_sigterm;
};

static const struct field fields[] = {
    I64_FIELD(struct args, memory_mib, .fallback = "0", .min = 0, .max = 1 << 20, .help = "memory to fill"),
    REAL_FIELD(struct args, spin_seconds, .fallback = "0", .min = 0, .max = 86400, .help = "seconds of computing that looks at nothing"),
    I64_FIELD(struct args, forks, .fallback = "0", .min = 0, .max = 10000, .help = "processes to start, each sleeping for a minute"),
    I64_FIELD(struct args, output_mib, .fallback = "0", .min = 0, .max = 1 << 20, .help = "log lines to write"),
    BOOL_FIELD(struct args, ignore_sigterm, .fallback = "false", .help = "ignore SIGTERM"),
    REAL_FIELD(struct args, seconds, .fallback = "0", .min = 0, .max = 86400, .help = "seconds to wait at the end, looking at nothing"),
    {0},
};

enum { MIB = 1 << 20, FORK_SECONDS = 60, OUTPUT_LINE = 1024 };

static bool fill_memory(struct task *task, int64_t mib, struct err *e)
{
    for (int64_t i = 0; i < mib; i++) {
        memset(task_alloc(task, MIB), 1, MIB);
        if (i % 64 == 0 && !task_progress(task, i, mib, "filling memory", e))
            return false;
    }
    return true;
}

static void spin(double seconds)
{
    volatile uint64_t work = 0;
    for (usec_t end = clock_boot() + (usec_t)(seconds * 1e6); clock_boot() < end;)
        work = work + 1;
}

static bool start_processes(int64_t count, struct err *e)
{
    for (int64_t i = 0; i < count; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return err_set(e, ERR_TRANSIENT, "process %" PRId64 " of %" PRId64 " could not be started", i + 1, count);
        if (pid == 0) {
            sleep(FORK_SECONDS);
            _exit(0);
        }
    }
    return true;
}

static bool write_output(struct task *task, int64_t mib, struct err *e)
{
    char line[OUTPUT_LINE];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    for (int64_t i = 0; i < mib * (MIB / OUTPUT_LINE); i++) {
        task_log(task, LOG_INFO, "%s", line);
        if (!task_check(task, e))
            return false;
    }
    return true;
}

/* Waits without asking whether it should stop: only a limit or a signal ends it early. */
static void wait_deaf(double seconds)
{
    usec_t end = clock_boot() + (usec_t)(seconds * 1e6);
    for (usec_t left; (left = end - clock_boot()) > 0;)
        usleep((useconds_t)(left < SECONDS(1) ? left : SECONDS(1)));
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    if (args->ignore_sigterm)
        signal(SIGTERM, SIG_IGN);
    if (!fill_memory(task, args->memory_mib, e) || !start_processes(args->forks, e) || !write_output(task, args->output_mib, e))
        return false;
    spin(args->spin_seconds);
    wait_deaf(args->seconds);
    return true;
}

const struct handler handler_hog = {
    .name = "hog",
    .summary = "Take memory, time, processes or output beyond all measure",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
};
