#pragma once
/* Control groups (cgroups(7)): a folder of the kernel's for each child, in which it cannot take more memory or processes than it
 * was given, from which nothing it started can escape, and which can be emptied as a whole.
 *
 *     BASE/drumbeat-SPACE-PID-START/         the worker: its supervisor's pid, that one's start time, its pid namespace
 *         main/                              version 2 only: supervisor, fork server and keeper, because there a group with
 *                                            controllers must not hold processes itself
 *         seat-0/ seat-1/ …                  one for each living child
 *
 * BASE is the group in which the worker was started, if it may write there: as root, or where systemd delegates
 * (Delegate=yes). In version 1 each controller may have a tree of its own. Memory and processes are limited; of the processor each seat gets
 * the same part while all want it, so that a thousand processes of one take from the others what one process would. That one is not asked
 * for where it is not to be had. Everything is a file; `root` is put before all their paths, so
 * that a folder can stand in for the kernel. */
#include "common/base/err.h"
#include <stdint.h>
#include <sys/types.h>

enum { CGROUP_PATH_MAX = 512, CGROUP_WHY_MAX = 640 };

enum cgroup_kind { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU, CGROUP_KINDS };

struct cgroups {
    int version;                                /* 0: there are none to use */
    char base[CGROUP_KINDS][CGROUP_PATH_MAX];   /* "": this controller cannot be had */
    char worker[CGROUP_KINDS][CGROUP_PATH_MAX]; /* what cgroups_open() made */
    char why[CGROUP_WHY_MAX];                   /* version 0: why; else what is missing, or "" */
};

/* Look where groups could be made. Changes nothing. `root` "" for the real thing. */
void cgroups_find(const char *root, struct cgroups *out);

/* End what dead workers of this pid namespace left where we may make groups. */
void cgroups_end_dead(const char *root);

/* That first, then make the worker's groups; the calling process must have no other thread or child
 * yet. When that cannot be done `version` becomes 0. Together its groups weigh as much as so many processes. */
void cgroups_open(const char *root, int seats, struct cgroups *groups);

/* End what is left in them and remove the worker's groups, as far as they are empty. */
void cgroups_close(const struct cgroups *groups, int seats);

/* A new, empty group of a seat, and the child into it. False: it is not held by it. */
bool cgroup_make(const struct cgroups *groups, int seat);
bool cgroup_enter(const struct cgroups *groups, int seat, pid_t child);

/* Kill all that is in a seat's group, for at most a moment, and remove it. */
void cgroup_end(const struct cgroups *groups, int seat);

/* The limits of the seat's group, through descriptors: they can be opened before the child gives its privileges up. */
struct cgroup_limits {
    int memory, swap, pids; /* -1: none */
};

struct cgroup_limits cgroup_open_limits(const struct cgroups *groups, int seat);
void cgroup_set_memory(const struct cgroup_limits *limits, int64_t bytes);
void cgroup_set_processes(const struct cgroup_limits *limits, int64_t count);

/* How many processes of the seat's group the kernel has killed for want of memory, and the limit in force. */
int64_t cgroup_oom_kills(const struct cgroups *groups, int seat);
int64_t cgroup_memory_limit(const struct cgroups *groups, int seat);

/* How often a process more was refused in the seat's group. */
int64_t cgroup_refusals(const struct cgroups *groups, int seat);
