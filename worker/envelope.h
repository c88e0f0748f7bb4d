#pragma once
/* The child's side of a task's limits: what the kernel can be asked to hold (setrlimit(2)), what is counted while the task
 * talks, and the end of whatever it started. The supervisor's side is in posts.c: it measures and kills.
 *
 * Nothing is done anew for a task with the limits of the one before. */
#include "worker/board.h"
#include <sys/resource.h>

struct envelope {
    struct seat *seat;
    const struct cgroups *groups;
    int number; /* of the seat */
    struct cgroup_limits group;
    int64_t oom_kills, refusals; /* in its group, up to the last look */
    const char *broken;          /* what the kernel did to the last task: killed something for memory, refused it a process; NULL: nothing */
    char text[DEATH_TEXT_MAX];   /* of `broken` */
    struct limits limits; /* of the task that runs */
    usec_t cpu_before, cpu_children;
    rlim_t cpu_armed;   /* RLIMIT_CPU as it is now */
    rlim_t data_before; /* private memory of a child that has run nothing yet */
    int64_t log_lines, log_bytes;
    bool log_cut;
};

enum { ENVELOPE_LOG_BYTES_MAX = 1 << 20 };

/* The child's first act, before it gives up what rights it may have. */
void envelope_open(struct envelope *env, struct board *board, int seat);

/* Before the first task: wait until it is in its control group. */
void envelope_await_group(const struct envelope *env);

/* From now on `limits` hold for this process and what it starts. */
void envelope_begin(struct envelope *env, const struct limits *limits);

/* May this line of the task's log be kept? At the first one too many *last is true: say that the rest is dropped. */
bool envelope_takes_line(struct envelope *env, size_t length, bool *last);

/* The task has written so many bytes. */
void envelope_count_output(struct envelope *env, int64_t bytes);

/* The task is over after `took`: what it started and left behind is ended. False: it could not be, this process has to go too. */
bool envelope_end(struct envelope *env, usec_t took);

/* Resident bytes of the programs that stay in this child, and of what they have started; but for the one that runs this command's tasks. In
 * large steps, so that limits seldom change with it. */
struct command;
int64_t envelope_kept_memory(const struct command *but);

/* Resident bytes of this process now. */
int64_t envelope_resident(void);

/* Processor time since envelope_begin(), and the largest resident set so far, of this process and what it waited for. */
usec_t envelope_cpu(const struct envelope *env);
int64_t envelope_peak(void);
