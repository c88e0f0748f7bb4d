/* process: fork, then nothing but system calls until exec; what fails on the way comes back through a pipe. */
#include "cli/up/process.h"

#include "common/base/region.h"
#include "common/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESS_OUTPUT_MAX = 64 * 1024 };

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Does NAME=VALUE `entry` set the name that one of `over` sets? */
static bool is_overridden(const char *entry, const char *const *over)
{
    size_t name = strcspn(entry, "=");
    for (; over && *over; over++)
        if (strncmp(*over, entry, name) == 0 && (*over)[name] == '=')
            return true;
    return false;
}

static char **merged_environment(struct region *memory, const char *const *over)
{
    size_t count = 1;
    for (char **entry = environ; *entry; entry++)
        count++;
    for (const char *const *entry = over; entry && *entry; entry++)
        count++;
    char **merged = region_alloc(memory, count * sizeof *merged), **next = merged;
    for (char **entry = environ; *entry; entry++)
        if (!is_overridden(*entry, over))
            *next++ = *entry;
    for (const char *const *entry = over; entry && *entry; entry++)
        *next++ = region_strdup(memory, *entry);
    return merged;
}

static void default_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < SIGRTMIN; number++)
        signal(number, SIG_DFL); /* SIGKILL and SIGSTOP refuse, and are so anyway */
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool take_output(int output)
{
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && (output < 0 || dup2(output, STDERR_FILENO) >= 0) &&
           dup2(STDERR_FILENO, STDOUT_FILENO) >= 0;
}

static bool take_user(const struct program *p)
{
    return p->uid == 0 || (setgroups(0, NULL) == 0 && setgid(p->gid) == 0 && setuid(p->uid) == 0);
}

/* Changing the user forgets the death signal, so it comes after; a parent that died before it is seen by its pid. */
static bool follow_parent(const struct program *p, pid_t parent)
{
    if (p->death_signal && prctl(PR_SET_PDEATHSIG, p->death_signal) != 0)
        return false;
    if (getppid() != parent)
        _exit(1);
    return true;
}

static void become(const struct program *p, char **env, pid_t parent, int report)
{
    default_signals();
    if (setpgid(0, 0) == 0 && take_output(p->output) && (!p->cwd || chdir(p->cwd) == 0) && take_user(p) &&
        follow_parent(p, parent))
        execve(p->argv[0], (char *const *)(uintptr_t)p->argv, env);
    int reason = errno;
    ssize_t ignored = write(report, &reason, sizeof reason);
    (void)ignored;
    _exit(127);
}

bool process_start(const struct program *program, pid_t *pid, struct err *e)
{
    struct region *memory = region_new();
    char **env = merged_environment(memory, program->env);
    int report[2], reason = 0;
    pid_t parent = getpid(), child = -1;
    if (pipe2(report, O_CLOEXEC) != 0) {
        region_free(memory);
        return err_errno(e, ERR_FAILED, errno, "pipe");
    }
    child = fork();
    if (child == 0)
        become(program, env, parent, report[1]);
    reason = child < 0 ? errno : 0;
    close(report[1]);
    if (child > 0 && read(report[0], &reason, sizeof reason) > 0)
        waitpid(child, NULL, 0);
    close(report[0]);
    region_free(memory);
    *pid = child;
    return reason == 0 || err_errno(e, ERR_FAILED, reason, "%s cannot be started", program->argv[0]);
}

bool process_wait_end(pid_t pid, usec_t limit)
{
    CLEANUP(close_fd) int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return true;
    struct pollfd end = {.fd = fd, .events = POLLIN};
    usec_t deadline = clock_boot() + limit;
    for (;;) {
        usec_t left = deadline - clock_boot();
        int ready = poll(&end, 1, left > 0 ? (int)(left / 1000) + 1 : 0);
        if (ready != 0 || left <= 0)
            return ready > 0;
    }
}

/* Read until the program closes its output or the deadline; only the end of what it writes is kept. */
static void read_output(int fd, usec_t deadline, struct text *out)
{
    char bytes[4096];
    for (;;) {
        struct pollfd more = {.fd = fd, .events = POLLIN};
        usec_t left = deadline - clock_boot();
        if (left <= 0 || poll(&more, 1, (int)(left / 1000) + 1) < 0)
            return;
        ssize_t got = more.revents ? read(fd, bytes, sizeof bytes) : 0;
        if (more.revents && got <= 0)
            return;
        if (out->len + (size_t)got > PROCESS_OUTPUT_MAX)
            text_reset(out);
        text_add(out, bytes, (size_t)got);
    }
}

/* Does the line say what went wrong, as PostgreSQL's programs put it? They go on with what they do about it. */
static bool tells_why(const char *line)
{
    return strstr(line, "FATAL:") || strstr(line, "PANIC:") || strstr(line, "error:");
}

/* The first line that tells why (more follows from it), else the last that is not blank; the text is cut into lines. */
static const char *telling_line(struct text *output)
{
    const char *best = "";
    for (char *line = output->data, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (*line && !tells_why(best))
            best = line;
    }
    return best;
}

bool process_run(const struct program *program, usec_t limit, struct err *e)
{
    CLEANUP(text_free) struct text output = {0};
    struct program piped = *program;
    usec_t deadline = clock_boot() + limit;
    int ends[2], status = 0;
    pid_t pid = -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_errno(e, ERR_FAILED, errno, "pipe");
    CLEANUP(close_fd) int from = ends[0];
    piped.output = ends[1];
    bool started = process_start(&piped, &pid, e);
    close(ends[1]);
    if (!started)
        return false;
    read_output(from, deadline, &output);
    bool ended = process_wait_end(pid, deadline > clock_boot() ? deadline - clock_boot() : 0);
    if (!ended)
        kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!ended)
        return err_set(e, ERR_TIMEOUT, "%s did not end in time: %s", program->argv[0], telling_line(&output));
    if (status == 0)
        return true;
    char how[PROCESS_STATUS_MAX];
    return err_set(e, ERR_FAILED, "%s: %s: %s", program->argv[0], process_status(status, how), telling_line(&output));
}

const char *process_status(int status, char out[static PROCESS_STATUS_MAX])
{
    bool signalled = WIFSIGNALED(status);
    snprintf(out, PROCESS_STATUS_MAX, "%s %d", signalled ? "signal" : "exit",
             signalled ? WTERMSIG(status) : WEXITSTATUS(status));
    return out;
}
