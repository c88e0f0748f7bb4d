/* command: one attempt as a process of its own. */
#include "tasks/command/kept.h"
#include "tasks/command/process.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static const usec_t look_every = MSEC(50);

static bool judge(const struct process *p, int status, struct err *e)
{
    struct task *task = p->outcome.task;
    const char *told = p->outcome.error;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ)
        return err_set(e, ERR_LIMIT, "killed: a file > %lld MiB (output; signal %d)", (long long)(task_limits(task)->output >> 20), SIGXFSZ);
    if (WIFSIGNALED(status))
        return err_set(e, ERR_TRANSIENT, "the command died by signal %d (%s)%s%s", WTERMSIG(status), strsignal(WTERMSIG(status)), told ? ": " : "",
                       told ? told : "");
    int code = WEXITSTATUS(status);
    if (p->outcome.snooze && !told && (code == 0 || code == COMMAND_EXIT_RETRY))
        return task_snooze(task, p->outcome.snooze, p->outcome.snooze_why, e);
    if (code == 0 && !told)
        return true;
    bool retryable = told && p->outcome.retryable_told ? p->outcome.retryable : code == COMMAND_EXIT_RETRY;
    enum err_kind kind = retryable ? ERR_TRANSIENT : ERR_DATA;
    return told ? err_set(e, kind, "%s", told) : err_set(e, kind, "the command exited with status %d", code);
}

static bool run_once(struct task *task, const struct command *command, struct err *e)
{
    struct process p = {
        .input = -1,
        .left = task_args(task),
        .left_len = strlen(task_args(task)),
        .messages = {.fd = -1, .line = {.max = COMMAND_LINE_MAX}, .take = command_message, .refuse = command_overlong},
        .output = {.fd = -1, .line = {.max = COMMAND_LINE_MAX}, .take = command_output},
        .outcome = {.task = task},
    };
    struct command_start how = {.command = command, .limits = task_limits(task), .env = command_environment(task_region(task), command, task)};
    struct err why = {0};
    int status = 0;
    if (!command_start(&p, &how, e))
        return false;
    while (waitpid(p.pid, &status, WNOHANG) == 0) {
        command_talk(&p, look_every);
        if (p.stop_at || !task_check(task, &why))
            command_stop(&p, task_stop_grace(task));
    }
    command_drain(&p);
    command_close(&p);
    if (p.stop_at) {
        *e = why;
        return false;
    }
    return judge(&p, status, e);
}

bool command_run(struct task *task, const void *data, struct err *e)
{
    const struct command *command = data;
    return command->keep ? kept_run(task, command, e) : run_once(task, command, e);
}
