/* run: one task here and now. It is enqueued in a queue of its own, a worker of our own takes it, and we watch the row as
 * anybody could: the same code and the same rows as for any other task. */
#include "cli/bar.h"
#include "cli/own_worker.h"
#include "cli/rows.h"
#include "cli/submit.h"
#include "cli/task_columns.h"
#include "cli/task_wait.h"
#include "cli/up/process.h"
#include "cli/verb.h"
#include "sql/queries.h"
#include "tasks/registry.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { LOG_PAGE = 200 };

static const usec_t redraw = MSEC(100);

struct args {
    struct submission task;
    bool json;
};

static const struct flag flags[] = {
    TEXT_OPERAND(struct args, task.name, "NAME", .required = true, .help = "the handler (drumbeat handlers lists them)"),
    TEXT_FLAG(struct args, task.args, "args", .value = "JSON|@FILE|-", .help = "its arguments: an object, a file, standard input ({})"),
    NUMBER_FLAG(struct args, task.max_attempts, "max-attempts", .value = "N", .min = 1, .max = 1000, .help = "how often it may start (the handler's)"),
    TEXT_FLAG(struct args, task.unique, "unique", .value = "KEY", .help = "refuse when a task of this name and key waits or runs"),
    TEXT_FLAG(struct args, task.tenant, "tenant", .value = "T", .help = "whom it is for"),
    SWITCH_FLAG(struct args, json, "json", .help = "no progress; print the task as one JSON object at the end"),
    {0},
};

static volatile sig_atomic_t interrupts;

static void count_interrupt(int signal)
{
    (void)signal;
    interrupts++;
}

static void catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = count_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

struct watch {
    struct session *session;
    struct own_worker *worker;
    struct bar bar;
    struct uuid id;
    int64_t last_line;
    int heard; /* interrupts that were acted on */
    bool quiet;
};

static void print_log(struct watch *w)
{
    CLEANUP(text_free) struct text line = {0};
    struct pg_rows rows;
    struct err ignored;
    if (!pg_exec(w->session->pg, &sql_task_log_after, &rows, &ignored, pg_uuid(w->id), pg_int(w->last_line), pg_int(LOG_PAGE), pg_texts(NULL, 0)) ||
        rows.count == 0)
        return;
    bar_clear(&w->bar);
    for (size_t row = 0; row < rows.count; row++) {
        text_reset(&line);
        rows_cell(&rows, row, 2, COLUMN_TEXT, &line);
        text_puts(&line, ": ");
        rows_cell(&rows, row, 3, COLUMN_TEXT, &line);
        puts(text_str(&line));
        w->last_line = pg_get_int(&rows, row, 0);
    }
}

/* The first Ctrl-C cancels the task, the second stops the worker at once, the third kills it. */
static void act_on_interrupts(struct watch *w)
{
    enum task_answer answer;
    struct err e;
    for (; w->heard < interrupts; w->heard++) {
        bar_clear(&w->bar);
        if (w->heard == 0) {
            fputs("drumbeat: cancelling (again: at once)\n", stderr);
            if (!task_cancel(w->session->pg, w->id, &answer, &e))
                fprintf(stderr, "drumbeat: %s\n", e.text);
        } else if (w->worker->pid > 0) {
            kill(w->worker->pid, w->heard == 1 ? SIGQUIT : SIGKILL);
        }
    }
}

static bool seen(void *data, const struct task_state *state)
{
    struct watch *w = data;
    if (state && !w->quiet) {
        bar_show(&w->bar, state);
        print_log(w);
    }
    act_on_interrupts(w);
    return own_worker_lives(w->worker);
}

/* Enqueue it where only our worker looks. Somebody else may hold its unique key. */
static bool enqueue(struct session *s, struct submission *task, struct own_worker *worker, struct uuid *id, struct err *e)
{
    struct pg_rows rows;
    char text[UUID_TEXT_MAX];
    bool known;
    if (!session_catalog(s, CATALOG_ALL, e))
        return false;
    if (!catalog_find(session_catalog(s, CATALOG_ALL, e), task->name))
        return handler_missing(task->name, e);
    own_worker_queue(worker);
    task->queue = worker->queue;
    if (!submit(s, task, id, &known, e) || !pg_exec(s->pg, &sql_task_rows, &rows, e, pg_uuids(id, 1)))
        return false;
    return (rows.count == 1 && strcmp(pg_get_text(&rows, 0, 2), worker->queue) == 0) ||
           err_set(e, ERR_REFUSED, "task %s of the same name and key waits or runs already", uuid_format(*id, text));
}

/* Nothing may stay behind in a queue that nobody serves. */
static bool give_up(struct session *s, struct uuid id, const struct own_worker *worker, struct err *e)
{
    char how[PROCESS_STATUS_MAX];
    enum task_answer answer;
    struct err ignored;
    task_cancel(s->pg, id, &answer, &ignored);
    return err_set(e, ERR_FAILED, "the worker ended before the task did: %s", process_status(worker->status, how));
}

static int report(struct session *s, struct uuid id, const struct watch *w, struct err *e)
{
    CLEANUP(text_free) struct text out = {0};
    char took[CLOCK_TEXT_MAX];
    struct pg_rows rows;
    if (!pg_exec(s->pg, &sql_task_rows, &rows, e, pg_uuids(&id, 1)))
        return verb_failed(e);
    const char *status = pg_get_text(&rows, 0, (size_t)pg_column(&rows, "status"));
    const char *result = pg_get_text(&rows, 0, (size_t)pg_column(&rows, "result"));
    const char *error = pg_get_text(&rows, 0, (size_t)pg_column(&rows, "error"));
    if (w->quiet) {
        rows_json(&rows, 0, task_columns, &out);
    } else {
        usec_t passed = clock_boot() - w->bar.begun_at;
        text_printf(&out, "%s %s in %s%s", w->bar.name, status, duration_format(passed - passed % MSEC(1), took), *error || *result ? ": " : "");
        text_add_line(&out, *error ? error : result);
    }
    puts(text_str(&out));
    return strcmp(status, "SUCCESS") == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* Watch it to its end; false when it did not come to one. */
static bool follow(struct watch *w, struct err *e)
{
    struct task_state state;
    struct task_watch watch = {.id = w->id, .longest = redraw, .seen = seen, .data = w};
    bool good = task_wait(w->session, &watch, &state, e);
    bool ended = good && task_look(w->session->pg, w->id, &state, e) && task_status_is_final(state.status);
    if (good && !ended)
        give_up(w->session, w->id, w->worker, e);
    if (!w->quiet)
        print_log(w);
    bar_end(&w->bar);
    return ended;
}

static int run(int argc, char **argv)
{
    struct args args = {.task.priority = -1};
    CLEANUP(submission_free) struct submission task = {0};
    CLEANUP(session_close) struct session s = {0};
    CLEANUP(own_worker_stop) struct own_worker worker = {0};
    struct watch w = {.session = &s, .worker = &worker};
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e))
        return verb_failed(&e);
    task = args.task;
    w.quiet = args.json;
    if (!session_open(&s, &e) || !enqueue(&s, &task, &worker, &w.id, &e))
        return verb_failed(&e);
    catch_interrupts();
    bar_begin(&w.bar, task.name);
    if (!own_worker_start(&worker, &s, 1, &e)) {
        give_up(&s, w.id, &worker, &(struct err){0});
        return verb_failed(&e);
    }
    if (!follow(&w, &e))
        return verb_failed(&e);
    own_worker_stop(&worker);
    return report(&s, w.id, &w, &e);
}

const struct verb verb_run = {
    .name = "run",
    .summary = "run one task here and now, with a progress bar; Ctrl-C cancels",
    .details = "The same code path writes the same rows as for a task that a worker takes. Exit status: 0 SUCCESS, 1 another ending.",
    .example = "drumbeat run pmp.partners\ndrumbeat run sleep --args '{\"seconds\": 5, \"steps\": 50}'",
    .flags = flags,
    .run = run,
};
