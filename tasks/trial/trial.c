/* trial: what the trial handlers share. */
#include "tasks/trial/trial.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

bool trial_misbehaves(const struct task *task, const char *times_json, bool *misbehaves, struct err *e)
{
    char *end;
    *misbehaves = true;
    if (strcmp(times_json, "\"all\"") == 0)
        return true;
    long times = strtol(times_json, &end, 10);
    if (*end != '\0' || times < 0)
        return err_set(e, ERR_DATA, "'times' must be \"all\" or how many attempts, not %s", times_json);
    *misbehaves = task_attempt(task) <= times;
    return true;
}

bool trial_wait(struct task *task, usec_t duration, struct err *e)
{
    usec_t end = clock_boot() + duration;
    for (usec_t left; (left = end - clock_boot()) > 0;) {
        usec_t nap = left < MSEC(50) ? left : MSEC(50);
        nanosleep(&(struct timespec){.tv_nsec = nap * 1000}, NULL); /* a signal ends it early: then the check tells */
        if (!task_check(task, e))
            return false;
    }
    return true;
}
