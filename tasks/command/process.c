/* process: pipes, fork, exec, and lines. */
#include "tasks/command/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FD_MESSAGES = 3, FD_SOURCE = 4, FD_FIRST = 20, ENVIRONMENT_MAX = 1024 };

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

char **command_environment(struct region *region, const struct command *command, const struct task *task)
{
    char id[UUID_TEXT_MAX], tick[CLOCK_TEXT_MAX] = "";
    char **env = region_alloc(region, (ENVIRONMENT_MAX + 4) * sizeof *env);
    size_t count = 0;
    for (char **v = environ; *v && count < ENVIRONMENT_MAX; v++)
        if (!overridden(*v, command->env))
            env[count++] = *v;
    for (const char *const *v = command->env; v && *v && count < ENVIRONMENT_MAX; v++)
        env[count++] = region_strdup(region, *v);
    if (!task)
        return env;
    env[count++] = region_printf(region, "DRUMBEAT_TASK_ID=%s", uuid_format(task_id(task), id));
    env[count++] = region_printf(region, "DRUMBEAT_ATTEMPT=%d", task_attempt(task));
    if (task_tick(task))
        env[count++] = region_printf(region, "DRUMBEAT_TICK=%s", clock_format(task_tick(task), tick));
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

/* Unlike a handler, a command cannot raise them again. One that stays has no limit of processor time by the kernel: that would count from
 * its birth. */
static void limit_command(const struct limits *limits)
{
    if (!limits) {
        limit(RLIMIT_CPU, INT64_MAX);
        return;
    }
    limit(RLIMIT_CPU, limits->cpu / SECONDS(1) + 1);
    limit(RLIMIT_NOFILE, limits->files);
    limit(RLIMIT_FSIZE, limits->output);
}

/* In the new process, between fork and exec: only system calls. */
static void become_command(const struct command_start *how, const int *input, const int *output, const int *messages, int source, int failure)
{
    const struct command *command = how->command;
    sigset_t none;
    limit_command(how->limits);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (dup2(input[0], STDIN_FILENO) >= 0 && dup2(output[1], STDOUT_FILENO) >= 0 && dup2(output[1], STDERR_FILENO) >= 0 &&
        dup2(messages[1], FD_MESSAGES) >= 0 && (source < 0 || dup2(source, FD_SOURCE) >= 0) && (!command->cwd || chdir(command->cwd) == 0)) {
        close_range(FD_MESSAGES + 1 + (source >= 0), (unsigned)failure - 1, 0);
        close_range((unsigned)failure + 1, ~0u, 0);
        union {
            const char *const *given;
            char **wanted;
        } argv = {.given = command->argv};
        execvpe(command->argv[0], argv.wanted, how->env);
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
        ends[i] = fcntl(raw[i], F_DUPFD_CLOEXEC, FD_FIRST);
        close(raw[i]);
    }
    return (ends[0] >= 0 && ends[1] >= 0) || err_errno(e, ERR_TRANSIENT, errno, "pipe");
}

static void close_pipe(int ends[2])
{
    close_fd(&ends[0]);
    close_fd(&ends[1]);
}

/* A file in memory that holds the program's text; -1 when it has none. */
static bool make_source(const struct command *command, int *fd, struct err *e)
{
    size_t len = command->source ? strlen(command->source) : 0, done = 0;
    int raw = command->source ? memfd_create("source", MFD_CLOEXEC) : -1;
    *fd = raw < 0 ? -1 : fcntl(raw, F_DUPFD_CLOEXEC, FD_FIRST);
    if (raw >= 0)
        close(raw);
    while (*fd >= 0 && done < len) {
        ssize_t put = write(*fd, command->source + done, len - done);
        if (put <= 0)
            break;
        done += (size_t)put;
    }
    return done == len || err_errno(e, ERR_TRANSIENT, errno, "%s", COMMAND_SOURCE);
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

bool command_start(struct process *p, const struct command_start *how, struct err *e)
{
    int input[2] = {-1, -1}, output[2] = {-1, -1}, messages[2] = {-1, -1}, failure[2] = {-1, -1};
    int source = -1;
    bool piped = make_source(how->command, &source, e) && make_pipe(input, e) && make_pipe(output, e) && make_pipe(messages, e) && make_pipe(failure, e);
    p->pid = piped ? fork() : -1;
    if (p->pid == 0)
        become_command(how, input, output, messages, source, failure[1]);
    close_fd(&source);
    if (piped && p->pid < 0)
        err_errno(e, ERR_TRANSIENT, errno, "fork");
    close_fd(&input[0]);
    close_fd(&output[1]);
    close_fd(&messages[1]);
    close_fd(&failure[1]);
    bool good = p->pid > 0 && exec_worked(failure[0], how->command, e);
    close_fd(&failure[0]);
    if (!good) {
        if (p->pid > 0)
            waitpid(p->pid, NULL, 0);
        close_pipe(input);
        close_pipe(output);
        close_pipe(messages);
        p->input = p->output.fd = p->messages.fd = -1;
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
    if ((p->left_len == 0 && !p->keep_input) || (sent < 0 && errno != EAGAIN && errno != EINTR))
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
        if (p->outcome.task)
            task_wrote(p->outcome.task, (size_t)got);
        take_bytes(p, s, bytes, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        end_line(p, s);
        close_fd(&s->fd);
    }
}

void command_talk(struct process *p, usec_t wait)
{
    struct pollfd fds[] = {
        {.fd = p->messages.fd, .events = POLLIN},
        {.fd = p->output.fd, .events = POLLIN},
        {.fd = p->left_len > 0 || !p->keep_input ? p->input : -1, .events = POLLOUT},
    };
    if (poll(fds, 3, (int)(wait / 1000)) <= 0)
        return;
    if (fds[1].revents)
        drain(p, &p->output); /* before the messages: what it printed before the end of a task is of that task */
    if (fds[0].revents)
        drain(p, &p->messages);
    if (fds[2].revents)
        feed(p);
}

void command_stop(struct process *p, usec_t grace)
{
    if (!p->stop_at) {
        p->stop_at = clock_boot();
        kill(p->pid, SIGTERM);
    } else if (!p->killed && clock_boot() - p->stop_at > grace) {
        p->killed = true;
        kill(p->pid, SIGKILL);
    }
}

void command_drain(struct process *p)
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

void command_close(struct process *p)
{
    close_fd(&p->input);
    close_fd(&p->messages.fd);
    close_fd(&p->output.fd);
    text_free(&p->messages.line);
    text_free(&p->output.line);
}
