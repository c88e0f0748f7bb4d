/* envelope: limits that the kernel holds. What is above them here is only a second line behind the supervisor's watch, in case
 * that one is stopped itself; so there is room between. */
#include "worker/envelope.h"
#include "tasks/command/kept.h"
#include "worker/orphans.h"
#include "worker/proc.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OOM_SCORE = 500, CPU_ROOM_S = 5, DATA_FACTOR = 4, GROUP_SHARE = 16, GROUP_MEMORY_MIN = 8 << 20, GROUP_FACTOR = 4, GROUP_PROCESSES = 64, KEPT_STEP = 64 << 20 };

static const usec_t group_patience = SECONDS(1);

static usec_t cpu_of(int who)
{
    struct rusage used;
    getrusage(who, &used);
    return SECONDS(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

/* Of the programs that stay: what they have used counts for the tasks before. */
static usec_t cpu_of_kept(void)
{
    pid_t pids[KEPT_MAX];
    size_t count = kept_pids(NULL, pids);
    usec_t cpu = 0;
    for (size_t i = 0; i < count; i++)
        cpu += proc_family(pids[i]).cpu;
    return cpu;
}

int64_t envelope_kept_memory(const struct command *but)
{
    pid_t pids[KEPT_MAX];
    size_t count = kept_pids(but, pids);
    int64_t resident = 0;
    for (size_t i = 0; i < count; i++)
        resident += proc_family(pids[i]).resident;
    return (resident + KEPT_STEP - 1) / KEPT_STEP * KEPT_STEP;
}

usec_t envelope_cpu(const struct envelope *env)
{
    return cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN) + cpu_of_kept() - env->cpu_before;
}

int64_t envelope_peak(void)
{
    struct rusage self, children;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    return (int64_t)(self.ru_maxrss > children.ru_maxrss ? self.ru_maxrss : children.ru_maxrss) * 1024;
}

/* A field of /proc/self/statm (proc(5)), in bytes. */
static int64_t statm(int number)
{
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    const char *p = text;
    for (int field = 1; p && field < number; field++)
        p = strchr(p + 1, ' ');
    return p ? strtoll(p, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

enum { STATM_RESIDENT = 2, STATM_DATA = 6 }; /* the second: what RLIMIT_DATA counts, a little more */

int64_t envelope_resident(void)
{
    return statm(STATM_RESIDENT);
}

/* Set when this process has forked. What starts programs in another way takes longer than `quick`. */
static volatile sig_atomic_t has_forked;
static const usec_t quick = MSEC(1);

static void on_fork(void)
{
    has_forked = 1;
}

void envelope_open(struct envelope *env, struct board *board, int seat)
{
    *env = (struct envelope){
        .seat = &board->seats[seat],
        .groups = &board->groups,
        .number = seat,
        .group = cgroup_open_limits(&board->groups, seat),
        .data_before = (rlim_t)statm(STATM_DATA),
    };
    proc_set_oom_score(OOM_SCORE); /* when the machine runs out of memory a child goes first, not the supervisor or the server */
    pthread_atfork(NULL, on_fork, NULL);
    orphans_adopt(); /* what a task starts and loses comes back here, and is ended with the task */
}

void envelope_await_group(const struct envelope *env)
{
    usec_t deadline = clock_boot() + group_patience;
    uint32_t placed;
    while (env->groups->version && (placed = atomic_load(&env->seat->placed)) != (uint32_t)getpid() && clock_boot() < deadline)
        word_wait(&env->seat->placed, placed, group_patience);
}

/* The soft limit only, so that the next task may have more. */
static void set_soft(__rlimit_resource_t what, rlim_t value)
{
    struct rlimit limit;
    if (getrlimit(what, &limit) != 0)
        return;
    limit.rlim_cur = value < limit.rlim_max ? value : limit.rlim_max;
    setrlimit(what, &limit);
}

/* RLIMIT_CPU counts from the process's birth, in whole seconds: it is moved on when the room for this task became too small, or
 * is so large that it belongs to a task with another limit. */
static void arm_cpu(struct envelope *env)
{
    rlim_t used = (rlim_t)(env->cpu_before / SECONDS(1)), needed = used + (rlim_t)(env->limits.cpu / SECONDS(1)) + 1;
    if (env->cpu_armed >= needed && env->cpu_armed <= needed + CPU_ROOM_S)
        return;
    env->cpu_armed = needed + CPU_ROOM_S;
    set_soft(RLIMIT_CPU, env->cpu_armed);
}

/* A worker whose log is a file keeps writing to it: there the limit for files cannot be had. */
static rlim_t file_size(const struct envelope *env)
{
    struct stat about;
    bool log_is_file = fstat(STDERR_FILENO, &about) == 0 && S_ISREG(about.st_mode);
    return log_is_file ? RLIM_INFINITY : (rlim_t)env->limits.output;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A group counts threads as well. */
static int64_t group_processes(const struct limits *limits)
{
    return limits->processes * GROUP_FACTOR + GROUP_PROCESSES;
}

/* Of a group a little more: so what the supervisor measures can be over the limit, and the row can say by how much. */
static void apply(struct envelope *env, const struct limits *limits)
{
    env->limits = *limits;
    set_soft(RLIMIT_NOFILE, (rlim_t)limits->files);
    set_soft(RLIMIT_FSIZE, file_size(env));
    cgroup_set_memory(&env->group, limits->memory + larger(limits->memory / GROUP_SHARE, GROUP_MEMORY_MIN));
    cgroup_set_processes(&env->group, group_processes(limits));
    if (env->group.memory < 0)
        set_soft(RLIMIT_DATA, env->data_before + DATA_FACTOR * (rlim_t)limits->memory);
}

void envelope_begin(struct envelope *env, const struct limits *limits)
{
    env->cpu_before = cpu_of(RUSAGE_SELF) + env->cpu_children + cpu_of_kept();
    env->log_lines = env->log_bytes = 0;
    env->log_cut = false;
    if (atomic_load_explicit(&env->seat->output, memory_order_relaxed))
        atomic_store(&env->seat->output, 0);
    if (memcmp(limits, &env->limits, sizeof *limits) != 0)
        apply(env, limits);
    arm_cpu(env);
}

bool envelope_takes_line(struct envelope *env, size_t length, bool *last)
{
    env->log_lines++;
    env->log_bytes += (int64_t)length;
    bool fits = env->log_lines <= env->limits.log_lines && env->log_bytes <= ENVELOPE_LOG_BYTES_MAX;
    *last = !fits && !env->log_cut;
    env->log_cut |= !fits;
    return fits;
}

void envelope_count_output(struct envelope *env, int64_t bytes)
{
    atomic_fetch_add_explicit(&env->seat->output, bytes, memory_order_relaxed);
}

static bool is_kept(const void *data, pid_t pid)
{
    pid_t pids[KEPT_MAX];
    size_t count = kept_pids(NULL, pids);
    (void)data;
    for (size_t i = 0; i < count; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

/* What the kernel has done in the group since the last look. */
static void look_at_group(struct envelope *env)
{
    int64_t kills = cgroup_oom_kills(env->groups, env->number), refusals = cgroup_refusals(env->groups, env->number);
    if (kills > env->oom_kills)
        env->broken = limit_say_size(env->text, sizeof env->text, cgroup_memory_limit(env->groups, env->number), "", env->limits.memory);
    else if (refusals > env->refusals)
        env->broken = limit_say_count(env->text, sizeof env->text, group_processes(&env->limits) + 1, "processes", env->limits.processes);
    env->oom_kills = kills;
    env->refusals = refusals;
}

bool envelope_end(struct envelope *env, usec_t took)
{
    env->broken = NULL;
    if (!has_forked && took < quick)
        return true;
    has_forked = 0;
    bool ended = orphans_end_all(is_kept, NULL);
    env->cpu_children = cpu_of(RUSAGE_CHILDREN);
    if (env->groups->version)
        look_at_group(env);
    return ended;
}
