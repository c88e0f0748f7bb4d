#pragma once
/* What /proc tells about processes (proc(5)), for the supervisor's watch. Linux only, as everything below it. */
#include "common/base/clock.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Start time in clock ticks since boot; 0: no such process. With the pid it names a process for as long as the machine runs. */
int64_t proc_start(pid_t pid);

/* Is it stopped by a signal or a debugger? */
bool proc_is_stopped(pid_t pid);

/* What a process and all below it use now. */
struct family_use {
    int64_t resident; /* bytes, shared pages counted in each */
    usec_t cpu;       /* of the living, and of the dead that were waited for */
    int processes;    /* at most FAMILY_MAX are looked at */
};

/* How willingly the kernel kills this process when memory runs out: -1000 never, 1000 first. Less than it is takes privileges. */
void proc_set_oom_score(int score);

enum { FAMILY_MAX = 16384 + 1 };

struct family_use proc_family(pid_t root);

/* The same memory with every shared page counted once in all (Pss): what a family really takes whose members were forked from each
 * other. The kernel walks through all of it, so ask seldom; and it waits for a process that is just forking, so those that are not asked in
 * `patience` are left out. -1: it cannot be had. */
int64_t proc_family_share(pid_t root, usec_t patience);
