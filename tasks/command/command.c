/* command: one attempt as a process of its own. It stays in the child's process group, so what ends the child ends it too. */
#include "tasks/command/command.h"
#include "tasks/command/message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FD_MESSAGES = 3, ENVIRONMENT_MAX = 1024 };

static const usec_t look_every = MSEC(50);

/* What comes out of one descriptor, cut into lines. */
struct stream {
    int fd; /* -1: at its end */
    struct text line;
    void (*take)(struct outcome_of_command *o, const char *line, size_t len);
    void (*refuse)(struct outcome_of_command *o); /* a line that is too long; NULL: its beginning is taken */
};

struct process {
    struct task *task;
    pid_t pid;
    int input; /* -1: all was written */
    const char *left;
    size_t left_len;
    struct stream messages, output;
    struct outcome_of_command outcome;
    usec_t stop_at; /* when SIGTERM was sent; 0: not */
    bool killed;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Starting ---------------------------------------------------------------------------------------------------------- */

static bool overridden(const char *variable, const char *const *env)
{
    size_t name = strcspn(variable, "=") + 1;
    for (; env && *env; env++)
        if (strncmp(variable, *env, name) == 0)
            return true;
    return strncmp(variable, "DRUMBEAT_TASK_ID=", 17) == 0 || strncmp(variable, "DRUMBEAT_ATTEMPT=", 17) == 0 ||
           strncmp(variable, "DRUMBEAT_TICK=", 14) == 0;
}

static char **make_environment(struct task *task, const struct command *command)
{
    char id[UUID_TEXT_MAX], tick[CLOCK_TEXT_MAX] = "";
    char **env = task_alloc(task, (ENVIRONMENT_MAX + 4) * sizeof *env);
    size_t count = 0;
    for (char **v = environ; *v && count < ENVIRONMENT_MAX; v++)
        if (!overridden(*v, command->env))
            env[count++] = *v;
    for (const char *const *v = command->env; v && *v && count < ENVIRONMENT_MAX; v++)
        env[count++] = region_strdup(task_region(task), *v);
    env[count++] = region_printf(task_region(task), "DRUMBEAT_TASK_ID=%s", uuid_format(task_id(task), id));
    env[count++] = region_printf(task_region(task), "DRUMBEAT_ATTEMPT=%d", task_attempt(task));
    if (task_tick(task))
        env[count++] = region_printf(task_region(task), "DRUMBEAT_TICK=%s", clock_format(task_tick(task), tick));
    return env;
}

static void limit(__rlimit_resource_t what, int64_t value)
{
    struct rlimit had;
    if (getrlimit(what, &had) != 0)
        return;
    had.rlim_max = (rlim_t)value < had.rlim_max ? (rlim_t)value : had.rlim_max;
    had.rlim_cur = had.rlim_max;
    setrlimit(what, &had);
}

/* Unlike a handler, a command cannot raise them again. */
static void limit_command(const struct limits *limits)
{
    limit(RLIMIT_CPU, limits->cpu / SECONDS(1) + 1);
    limit(RLIMIT_NOFILE, limits->files);
    limit(RLIMIT_FSIZE, limits->output);
}

/* In the new process, between fork and exec: only system calls. */
static void become_command(const struct process *p, const struct command *command, char **env, const int *input, const int *output, const int *messages,
                           int failure)
{
    sigset_t none;
    limit_command(task_limits(p->task));
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (dup2(input[0], STDIN_FILENO) >= 0 && dup2(output[1], STDOUT_FILENO) >= 0 && dup2(output[1], STDERR_FILENO) >= 0 &&
        dup2(messages[1], FD_MESSAGES) >= 0 && (!command->cwd || chdir(command->cwd) == 0)) {
        close_range(FD_MESSAGES + 1, (unsigned)failure - 1, 0);
        close_range((unsigned)failure + 1, ~0u, 0);
        union {
            const char *const *given;
            char **wanted;
        } argv = {.given = command->argv};
        execvpe(command->argv[0], argv.wanted, env);
    }
    int why = errno;
    ssize_t ignored = write(failure, &why, sizeof why);
    (void)ignored;
    _exit(127);
}

/* Pipes whose numbers are above those the command gets; all close-on-exec. */
static bool make_pipe(int ends[2], struct err *e)
{
    int raw[2];
    if (pipe2(raw, O_CLOEXEC) != 0)
        return err_errno(e, ERR_TRANSIENT, errno, "pipe");
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(raw[i], F_DUPFD_CLOEXEC, 20);
        close(raw[i]);
    }
    return (ends[0] >= 0 && ends[1] >= 0) || err_errno(e, ERR_TRANSIENT, errno, "pipe");
}

static void close_pipe(int ends[2])
{
    close_fd(&ends[0]);
    close_fd(&ends[1]);
}

/* exec() either closes the failure pipe or writes errno into it. */
static bool exec_worked(int failure, const struct command *command, struct err *e)
{
    int why = 0;
    ssize_t got;
    do
        got = read(failure, &why, sizeof why);
    while (got < 0 && errno == EINTR);
    return got != (ssize_t)sizeof why || err_errno(e, ERR_USAGE, why, "command %s%s%s", command->argv[0], command->cwd ? " in " : "", command->cwd ? command->cwd : "");
}

static bool start(struct process *p, const struct command *command, struct err *e)
{
    int input[2] = {-1, -1}, output[2] = {-1, -1}, messages[2] = {-1, -1}, failure[2] = {-1, -1};
    bool piped = make_pipe(input, e) && make_pipe(output, e) && make_pipe(messages, e) && make_pipe(failure, e);
    char **env = make_environment(p->task, command);
    p->pid = piped ? fork() : -1;
    if (p->pid == 0)
        become_command(p, command, env, input, output, messages, failure[1]);
    if (piped && p->pid < 0)
        err_errno(e, ERR_TRANSIENT, errno, "fork");
    close_fd(&input[0]);
    close_fd(&output[1]);
    close_fd(&messages[1]);
    close_fd(&failure[1]);
    bool good = p->pid > 0 && exec_worked(failure[0], command, e);
    close_fd(&failure[0]);
    if (!good) {
        if (p->pid > 0)
            waitpid(p->pid, NULL, 0);
        close_pipe(input);
        close_pipe(output);
        close_pipe(messages);
        return false;
    }
    p->input = input[1];
    p->output.fd = output[0];
    p->messages.fd = messages[0];
    fcntl(p->input, F_SETFL, O_NONBLOCK);
    fcntl(p->output.fd, F_SETFL, O_NONBLOCK);
    fcntl(p->messages.fd, F_SETFL, O_NONBLOCK);
    return true;
}

/* Talking ----------------------------------------------------------------------------------------------------------- */

static void feed(struct process *p)
{
    ssize_t sent = write(p->input, p->left, p->left_len);
    if (sent > 0) {
        p->left += sent;
        p->left_len -= (size_t)sent;
    }
    if (p->left_len == 0 || (sent < 0 && errno != EAGAIN && errno != EINTR))
        close_fd(&p->input);
}

static void end_line(struct process *p, struct stream *s)
{
    if (s->line.cut && s->refuse)
        s->refuse(&p->outcome);
    else if (s->line.len > 0)
        s->take(&p->outcome, text_str(&s->line), s->line.len);
    text_reset(&s->line);
}

static void take_bytes(struct process *p, struct stream *s, const char *bytes, size_t len)
{
    while (len > 0) {
        const char *newline = memchr(bytes, '\n', len);
        size_t part = newline ? (size_t)(newline - bytes) : len;
        text_add(&s->line, bytes, part);
        if (newline)
            end_line(p, s);
        part += newline != NULL;
        bytes += part;
        len -= part;
    }
}

static void drain(struct process *p, struct stream *s)
{
    char bytes[16 * 1024];
    ssize_t got = read(s->fd, bytes, sizeof bytes);
    if (got > 0) {
        task_wrote(p->task, (size_t)got);
        take_bytes(p, s, bytes, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        end_line(p, s);
        close_fd(&s->fd);
    }
}

static void talk(struct process *p)
{
    struct pollfd fds[] = {
        {.fd = p->messages.fd, .events = POLLIN},
        {.fd = p->output.fd, .events = POLLIN},
        {.fd = p->input, .events = POLLOUT},
    };
    if (poll(fds, 3, (int)(look_every / 1000)) <= 0)
        return;
    if (fds[0].revents)
        drain(p, &p->messages);
    if (fds[1].revents)
        drain(p, &p->output);
    if (fds[2].revents)
        feed(p);
}

/* Ending ------------------------------------------------------------------------------------------------------------ */

/* Cancelled or out of time: SIGTERM, and SIGKILL when that is not heeded. */
static void stop_if_asked(struct process *p, struct err *why)
{
    if (!p->stop_at && !task_check(p->task, why)) {
        p->stop_at = clock_boot();
        kill(p->pid, SIGTERM);
    } else if (p->stop_at && !p->killed && clock_boot() - p->stop_at > task_stop_grace(p->task)) {
        p->killed = true;
        kill(p->pid, SIGKILL);
    }
}

/* The process has ended; what it wrote last may still be in the pipes. Whoever it left behind does not keep the task waiting. */
static void drain_rest(struct process *p)
{
    usec_t end = clock_boot() + SECONDS(1);
    struct pollfd fds[2];
    do {
        fds[0] = (struct pollfd){.fd = p->messages.fd, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = p->output.fd, .events = POLLIN};
        if (poll(fds, 2, 0) <= 0)
            return;
        if (fds[0].revents)
            drain(p, &p->messages);
        if (fds[1].revents)
            drain(p, &p->output);
    } while ((p->messages.fd >= 0 || p->output.fd >= 0) && clock_boot() < end);
}

static bool judge(const struct process *p, int status, struct err *e)
{
    const char *told = p->outcome.error;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ)
        return err_set(e, ERR_LIMIT, "killed: a file > %lld MiB (output; signal %d)", (long long)(task_limits(p->task)->output >> 20), SIGXFSZ);
    if (WIFSIGNALED(status))
        return err_set(e, ERR_TRANSIENT, "the command died by signal %d (%s)%s%s", WTERMSIG(status), strsignal(WTERMSIG(status)), told ? ": " : "",
                       told ? told : "");
    int code = WEXITSTATUS(status);
    if (p->outcome.snooze && !told && (code == 0 || code == COMMAND_EXIT_RETRY))
        return task_snooze(p->task, p->outcome.snooze, p->outcome.snooze_why, e);
    if (code == 0 && !told)
        return true;
    bool retryable = told && p->outcome.retryable_told ? p->outcome.retryable : code == COMMAND_EXIT_RETRY;
    enum err_kind kind = retryable ? ERR_TRANSIENT : ERR_DATA;
    return told ? err_set(e, kind, "%s", told) : err_set(e, kind, "the command exited with status %d", code);
}

static void clean_up(struct process *p)
{
    close_fd(&p->input);
    close_fd(&p->messages.fd);
    close_fd(&p->output.fd);
    text_free(&p->messages.line);
    text_free(&p->output.line);
}

bool command_run(struct task *task, const void *data, struct err *e)
{
    struct process p = {
        .task = task,
        .input = -1,
        .left = task_args(task),
        .left_len = strlen(task_args(task)),
        .messages = {.fd = -1, .line = {.max = COMMAND_LINE_MAX}, .take = command_message, .refuse = command_overlong},
        .output = {.fd = -1, .line = {.max = COMMAND_LINE_MAX}, .take = command_output},
        .outcome = {.task = task},
    };
    struct err why = {0};
    int status = 0;
    if (!start(&p, data, e))
        return false;
    while (waitpid(p.pid, &status, WNOHANG) == 0) {
        talk(&p);
        stop_if_asked(&p, &why);
    }
    drain_rest(&p);
    clean_up(&p);
    if (p.stop_at) {
        *e = why;
        return false;
    }
    return judge(&p, status, e);
}
