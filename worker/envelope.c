/* envelope: limits that the kernel holds. What is above them here is only a second line behind the supervisor's watch, in case
 * that one is stopped itself; so there is room between. */
#include "worker/envelope.h"
#include "worker/orphans.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OOM_SCORE = 500, CPU_ROOM_S = 5, DATA_FACTOR = 4 };

static usec_t cpu_of(int who)
{
    struct rusage used;
    getrusage(who, &used);
    return SECONDS(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

usec_t envelope_cpu(const struct envelope *env)
{
    return cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN) - env->cpu_before;
}

int64_t envelope_peak(void)
{
    struct rusage self, children;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    return (int64_t)(self.ru_maxrss > children.ru_maxrss ? self.ru_maxrss : children.ru_maxrss) * 1024;
}

/* When memory runs out on the machine, a child goes before the rest of the worker and before the server (proc(5), oom_score_adj). */
static void offer_to_oom_killer(void)
{
    char text[16];
    int length = snprintf(text, sizeof text, "%d", OOM_SCORE);
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    ssize_t ignored = fd >= 0 ? write(fd, text, (size_t)length) : 0;
    (void)ignored;
    if (fd >= 0)
        close(fd);
}

/* Data and stack, sixth field of /proc/self/statm (proc(5)): what RLIMIT_DATA counts, a little more. */
static rlim_t private_memory(void)
{
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    const char *p = text;
    for (int field = 1; p && field < 6; field++)
        p = strchr(p + 1, ' ');
    return p ? (rlim_t)strtoull(p, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) : 0;
}

void envelope_open(struct envelope *env, struct seat *seat)
{
    *env = (struct envelope){.seat = seat, .data_before = private_memory()};
    offer_to_oom_killer();
    orphans_adopt(); /* what a task starts and loses comes back here, and is ended with the task */
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

static void apply(struct envelope *env, const struct limits *limits)
{
    env->limits = *limits;
    set_soft(RLIMIT_NOFILE, (rlim_t)limits->files);
    set_soft(RLIMIT_FSIZE, file_size(env));
    set_soft(RLIMIT_DATA, env->data_before + DATA_FACTOR * (rlim_t)limits->memory);
}

void envelope_begin(struct envelope *env, const struct limits *limits)
{
    env->cpu_before = cpu_of(RUSAGE_SELF) + env->cpu_children;
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

static bool has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool envelope_end(struct envelope *env)
{
    if (!has_children()) /* it may have had some, and waited for them */
        return true;
    orphans_end_all();
    env->cpu_children = cpu_of(RUSAGE_CHILDREN);
    return !has_children();
}
