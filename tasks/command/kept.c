/* kept: the programs of this child. There are few, so they are looked for one by one. */
#include "tasks/command/kept.h"
#include "tasks/command/process.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const usec_t look_every = MSEC(50), leave_patience = SECONDS(5);

struct program {
    const struct command *command; /* the first it was started for; NULL: there is none here */
    struct region *region;
    struct process process;
    struct text order; /* the line that is being written to it */
    usec_t started_at;
    bool over;
    int status; /* of its end; -1: somebody else waited for it */
};

static struct program programs[KEPT_MAX];

static bool same_list(const char *const *a, const char *const *b)
{
    static const char *const none[] = {NULL};
    a = a ? a : none;
    b = b ? b : none;
    for (; *a && *b; a++, b++)
        if (strcmp(*a, *b) != 0)
            return false;
    return *a == *b;
}

bool kept_is_same(const struct command *a, const struct command *b)
{
    bool same_folder = a->cwd && b->cwd ? strcmp(a->cwd, b->cwd) == 0 : a->cwd == b->cwd;
    return same_folder && (a->argv == b->argv || same_list(a->argv, b->argv)) && (a->env == b->env || same_list(a->env, b->env));
}

static struct program *find(const struct command *command)
{
    for (struct program *p = programs; p < programs + KEPT_MAX; p++)
        if (p->command && kept_is_same(p->command, command))
            return p;
    return NULL;
}

/* Starting and ending ------------------------------------------------------------------------------------------------ */

static bool has_ended(struct program *p)
{
    if (p->over)
        return true;
    pid_t got = waitpid(p->process.pid, &p->status, WNOHANG);
    if (got < 0)
        p->status = -1;
    p->over = got != 0;
    return p->over;
}

/* Close what is left of one that has ended. */
static void forget(struct program *p)
{
    command_drain(&p->process);
    command_close(&p->process);
    text_free(&p->order);
    region_free(p->region);
    *p = (struct program){0};
}

static void end_now(struct program *p)
{
    if (!has_ended(p)) {
        kill(p->process.pid, SIGKILL);
        waitpid(p->process.pid, &p->status, 0);
    }
    forget(p);
}

static bool start(const struct command *command, struct program **out, struct err *e)
{
    struct program *p = programs;
    while (p < programs + KEPT_MAX && p->command)
        p++;
    if (p == programs + KEPT_MAX)
        return err_set(e, ERR_LIMIT, "more than %d programs that stay", KEPT_MAX);
    struct program fresh = {
        .command = command,
        .region = region_new(),
        .process = {.input = -1,
                    .keep_input = true,
                    .messages = {.fd = -1, .line = {.max = KEPT_LINE_MAX}, .take = command_message},
                    .output = {.fd = -1, .line = {.max = COMMAND_LINE_MAX}, .take = command_output},
                    .outcome = {.kept = true}},
        .started_at = clock_boot(),
    };
    struct command_start how = {.command = command, .env = command_environment(fresh.region, command, NULL)};
    if (!command_start(&fresh.process, &how, e)) {
        region_free(fresh.region);
        return false;
    }
    *p = fresh;
    *out = p;
    return true;
}

static const char *describe_end(int status, char *out, size_t room)
{
    if (status < 0)
        snprintf(out, room, "it was ended from outside");
    else if (WIFSIGNALED(status))
        snprintf(out, room, "it died by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(out, room, "it exited with status %d", WEXITSTATUS(status));
    return out;
}

/* It has ended while no task ran: an error, unless it was ready before and has only to be started again. */
static bool note_end(struct program *p, struct err *e)
{
    char how[80];
    command_drain(&p->process);
    const struct outcome_of_command *o = &p->process.outcome;
    bool was_ready = o->ready;
    describe_end(p->status, how, sizeof how);
    if (was_ready)
        log_warning("command.ended", LOG_STR("program", p->command->argv[0]), LOG_STR("why", how));
    else
        err_set(e, ERR_FAILED, "%s is not ready for tasks: %s%s%s", p->command->argv[0], how, *o->said ? ", and said: " : "", o->said);
    forget(p);
    return was_ready;
}

bool kept_prepare(const struct command *command, usec_t wait, bool *ready, struct err *e)
{
    struct program *p = find(command);
    *ready = false;
    if (p && has_ended(p)) {
        if (!note_end(p, e))
            return false;
        p = NULL;
    }
    if (!p && !start(command, &p, e))
        return false;
    if (!p->process.outcome.ready)
        command_talk(&p->process, wait);
    *ready = p->process.outcome.ready;
    if (*ready || clock_boot() - p->started_at <= KEPT_PATIENCE)
        return true;
    end_now(p);
    return err_set(e, ERR_TIMEOUT, "%s did not say that it is ready for tasks", command->argv[0]);
}

size_t kept_pids(const struct command *but, pid_t pids[static KEPT_MAX])
{
    size_t count = 0;
    for (const struct program *p = programs; p < programs + KEPT_MAX; p++)
        if (p->command && !(but && kept_is_same(p->command, but)))
            pids[count++] = p->process.pid;
    return count;
}

void kept_end_all(usec_t grace)
{
    usec_t deadline = clock_boot() + grace;
    for (struct program *p = programs; p < programs + KEPT_MAX; p++) {
        if (!p->command)
            continue;
        command_close(&p->process);
        bool ended = has_ended(p);
        for (; !ended && clock_boot() < deadline; ended = has_ended(p))
            poll(NULL, 0, 10);
        if (!ended)
            end_now(p);
        else
            forget(p);
    }
}

/* Running ------------------------------------------------------------------------------------------------------------ */

/* The client's message, as JSON; "null" when the task did not come as one. Read apart from the task's transaction, which begins later. */
static bool read_message(struct task *task, struct text *out, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(task, &sql_task_message, &rows, e, pg_uuid(task_id(task))))
        return false;
    text_puts(out, rows.count > 0 && !pg_is_null(&rows, 0, 0) ? pg_get_text(&rows, 0, 0) : "null");
    return task_rollback(task, e);
}

static bool write_order(struct program *p, struct task *task, const struct command *command, struct err *e)
{
    char id[UUID_TEXT_MAX], tick[CLOCK_TEXT_MAX];
    struct text *line = &p->order;
    text_reset(line);
    text_printf(line, "{\"id\":\"%s\",\"attempt\":%d,\"name\":", uuid_format(task_id(task), id), task_attempt(task));
    text_json_string(line, command->name, strlen(command->name));
    text_printf(line, ",\"args\":%s", task_args(task));
    if (task_tick(task))
        text_printf(line, ",\"tick\":\"%s\"", clock_format(task_tick(task), tick));
    if (command->message) {
        text_puts(line, ",\"message\":");
        if (!read_message(task, line, e))
            return err_add(e, "the task's message");
    }
    text_puts(line, "}\n");
    if (line->cut)
        return err_set(e, ERR_LIMIT, "the task is longer than a program can be told");
    p->process.left = text_str(line);
    p->process.left_len = line->len;
    return true;
}

/* Cancelled: SIGTERM, and SIGKILL when that is not heeded. Out of time: the same, or a signal of its own, once. */
static void stop_if_asked(struct program *p, struct task *task, bool *interrupted, struct err *why)
{
    struct process *process = &p->process;
    if (process->stop_at) {
        command_stop(process, task_stop_grace(task));
    } else if (!task_check(task, why)) {
        const struct limits *limits = task_limits(task);
        bool interrupts = why->kind == ERR_TIMEOUT && process->outcome.interrupts;
        if (!interrupts)
            command_stop(process, task_stop_grace(task));
        else if (!*interrupted && limits->soft < limits->hard) /* else it has a hard limit alone, and that is somebody else's */
            *interrupted = kill(process->pid, SIGUSR1) == 0;
    }
}

/* What it answered. */
static bool judge(const struct outcome_of_command *o, struct err *e)
{
    if (o->retry_told)
        return task_again(o->task, o->retry_after, o->error, o->headers, e);
    if (o->snooze && !o->error)
        return task_snooze(o->task, o->snooze, o->snooze_why, e);
    return !o->error || err_set(e, o->retryable ? ERR_TRANSIENT : ERR_DATA, "%s", o->error);
}

/* A task that killed its program. */
static bool bury(struct program *p, struct task *task, struct err *e)
{
    char how[80];
    int status = p->status;
    const char *said = p->process.outcome.error;
    describe_end(status, how, sizeof how);
    err_set(e, ERR_TRANSIENT, "the program died with the task: %s%s%s", how, said ? ": " : "", said ? said : "");
    task_died(task, status >= 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0, status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return false;
}

static bool await_end(struct program *p, usec_t patience)
{
    usec_t deadline = clock_boot() + patience;
    while (!has_ended(p)) {
        if (clock_boot() > deadline)
            return false;
        command_talk(&p->process, MSEC(10));
    }
    return true;
}

/* After the end of a task: does the program go on? */
static void dismiss(struct program *p, const struct outcome_of_command *o)
{
    bool stays = !o->leaving && (!p->process.stop_at || o->stopped);
    p->process.stop_at = 0;
    p->process.killed = false;
    if (stays)
        return;
    if (o->leaving && await_end(p, leave_patience))
        forget(p);
    else
        end_now(p);
}

static struct program *await_ready(struct task *task, const struct command *command, struct err *e)
{
    bool ready = false;
    while (!ready)
        if (!kept_prepare(command, look_every, &ready, e) || !task_check(task, e))
            return NULL;
    return find(command);
}

bool kept_run(struct task *task, const struct command *command, struct err *e)
{
    struct err why = {0};
    bool interrupted = false, dead = false;
    struct program *p = await_ready(task, command, e);
    if (!p) {
        if (e->kind != ERR_CANCELLED && e->kind != ERR_TIMEOUT)
            task_died(task, 0, -1);
        return false;
    }
    struct process *process = &p->process;
    struct outcome_of_command *o = &process->outcome;
    *o = (struct outcome_of_command){.kept = true, .ready = true, .interrupts = o->interrupts, .task = task};
    if (!write_order(p, task, command, e)) {
        *o = (struct outcome_of_command){.kept = true, .ready = true, .interrupts = o->interrupts};
        return false;
    }
    while (!o->ended && !dead) {
        command_talk(process, look_every);
        dead = !o->ended && (process->messages.fd < 0 || has_ended(p));
        if (!o->ended && !dead)
            stop_if_asked(p, task, &interrupted, &why);
    }
    if (dead && !await_end(p, leave_patience)) {
        kill(process->pid, SIGKILL); /* it has closed its descriptor 3: nothing can be heard of it */
        await_end(p, leave_patience);
    }
    command_drain(process);
    dead = dead && !o->ended; /* its last words */
    struct outcome_of_command said = *o;
    bool stopped = process->stop_at != 0;
    bool success = dead ? !stopped && bury(p, task, e) : judge(&said, e);
    if (stopped && !success)
        *e = why;
    *o = (struct outcome_of_command){.kept = true, .ready = true, .interrupts = said.interrupts};
    if (dead)
        forget(p);
    else
        dismiss(p, &said);
    return success;
}
