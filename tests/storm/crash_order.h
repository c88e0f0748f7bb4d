#pragma once
/* The order to die: which point of drumbeat-crash (common/base/crash_point.h) kills the process that reaches it first. A file that the
 * test and all processes of the program have mapped; CRASH_ORDER in the environment names it. */
#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

enum crash_state { CRASH_IDLE, CRASH_ARMED, CRASH_FIRED };

struct crash_order {
    _Atomic int state;
    _Atomic int pid; /* who died of it */
    char step[40], moment[40];
};

/* Make the file. It lives as long as its folder. */
struct crash_order *crash_order_make(const char *path);

/* From now on the first process to reach this point dies there by SIGKILL. */
void crash_order_arm(struct crash_order *order, const char *step, const char *moment);

/* Its pid; 0: nobody has come by yet. */
pid_t crash_order_victim(const struct crash_order *order);
