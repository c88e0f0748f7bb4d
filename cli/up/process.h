#pragma once
/* Starting programs: argument by argument, never through a shell, in a process group of their own (Ctrl-C reaches
 * `up` alone, which decides who stops when), with a signal for the day that `up` itself is killed. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <sys/types.h>

struct program {
    const char *const *argv; /* argv[0] is a path; ends with NULL */
    const char *const *env;  /* NAME=VALUE beside or instead of ours, ends with NULL; NULL: ours alone */
    const char *cwd;         /* NULL: stays */
    int output;              /* standard output and error go to this descriptor; -1: to our standard error */
    int death_signal;        /* what it gets when we die */
    uid_t uid;               /* 0: as we are; else it runs as this user, with this group and no other */
    gid_t gid;
};

/* Standard input is /dev/null, every signal has its default. A program that cannot be executed is an error here. */
bool process_start(const struct program *program, pid_t *pid, struct err *e);

/* Start it, wait until it ends, at most `limit` (then it is killed). Anything but exit 0 is an error that holds the
 * line that tells why, else the last it wrote. `output` must be -1: it is read here. */
bool process_run(const struct program *program, usec_t limit, struct err *e);

/* Wait until process `pid`, a child or not, has ended; false after `limit`. A child is not reaped. */
bool process_wait_end(pid_t pid, usec_t limit);

/* "exit 3", "signal 9": what a wait status says. Returns `out`. */
enum { PROCESS_STATUS_MAX = 32 };
const char *process_status(int status, char out[static PROCESS_STATUS_MAX]);
