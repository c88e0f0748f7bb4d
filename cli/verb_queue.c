/* queue ls, pause, resume. */
#include "cli/near.h"
#include "cli/rows.h"
#include "cli/session.h"
#include "cli/verb.h"
#include "sql/queries.h"

#include <stdio.h>
#include <string.h>

struct ls {
    bool json;
};

static const struct flag ls_flags[] = {
    SWITCH_FLAG(struct ls, json, "json", .help = "print JSON, one object a line"),
    {0},
};

static const struct column columns[] = {
    {"name", COLUMN_TEXT},
    {"broker", COLUMN_TEXT},
    {"protocol", COLUMN_TEXT, IN_JSON},
    {"rows", COLUMN_TEXT, IN_JSON},
    {"paused", COLUMN_BOOL},
    {"waiting", COLUMN_NUMBER},
    {"limited", COLUMN_NUMBER, IN_JSON},
    {"delayed", COLUMN_NUMBER},
    {"running", COLUMN_NUMBER},
    {"oldest_at", COLUMN_TIME},
    {"paused_reason", COLUMN_TEXT},
    {"paused_by", COLUMN_TEXT, IN_JSON},
    {"paused_at", COLUMN_TIME, IN_JSON},
    {0},
};

static int run_ls(int argc, char **argv)
{
    struct ls args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct pg_rows rows;
    struct err e;
    if (!flags_read(ls_flags, argc, argv, &args, &e) || !session_open(&s, &e) || !pg_exec(s.pg, &sql_queue_rows, &rows, &e))
        return verb_failed(&e);
    rows_print(&rows, columns, args.json);
    return EXIT_DONE;
}

struct pause {
    const char *queue, *reason;
};

static const struct flag pause_flags[] = {
    TEXT_OPERAND(struct pause, queue, "QUEUE", .required = true, .help = "the queue"),
    TEXT_FLAG(struct pause, reason, "reason", .value = "TEXT", .help = "why, for the next one who looks"),
    {0},
};

static const struct flag resume_flags[] = {
    TEXT_OPERAND(struct pause, queue, "QUEUE", .required = true, .help = "the queue"),
    {0},
};

/* Any name can be paused, before the first task and the first worker too; most that nobody knows are mistyped. Who may pause need not be allowed to look. */
static void tell_if_unknown(struct session *s, const char *queue)
{
    struct near near = {.wanted = queue};
    struct pg_rows rows;
    struct err ignored;
    if (!pg_exec(s->pg, &sql_queues_named, &rows, &ignored, pg_text(queue)))
        return;
    for (size_t row = 0; row < rows.count; row++) {
        const char *name = pg_get_text(&rows, row, 0);
        if (strcmp(name, queue) == 0)
            return;
        near_consider(&near, name);
    }
    fprintf(stderr, "drumbeat: note: no task, handler, schedule or worker so far names a queue '%s'", queue);
    if (near.best)
        fprintf(stderr, " (did you mean '%s'?)", near.best);
    fputc('\n', stderr);
}

static int run_pause(int argc, char **argv)
{
    struct pause args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!flags_read(pause_flags, argc, argv, &args, &e) || !session_open(&s, &e) ||
        !pg_exec(s.pg, &sql_queue_pause, NULL, &e, pg_text(args.queue), pg_text(args.reason)))
        return verb_misused(&e);
    printf("queue %s is paused: nothing more is claimed from it, what runs goes on\n", args.queue);
    tell_if_unknown(&s, args.queue);
    return EXIT_DONE;
}

static int run_resume(int argc, char **argv)
{
    struct pause args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!flags_read(resume_flags, argc, argv, &args, &e) || !session_open(&s, &e) ||
        !pg_exec(s.pg, &sql_queue_resume, NULL, &e, pg_text(args.queue)))
        return verb_misused(&e);
    printf("queue %s is open\n", args.queue);
    tell_if_unknown(&s, args.queue);
    return EXIT_DONE;
}

const struct verb verb_queue_ls = {
    .name = "queue ls",
    .summary = "the queues and what waits in them",
    .example = "drumbeat queue ls",
    .flags = ls_flags,
    .run = run_ls,
};

const struct verb verb_queue_pause = {
    .name = "queue pause",
    .summary = "claim nothing more from a queue; what runs goes on",
    .example = "drumbeat queue pause sync --reason 'upstream is being upgraded'",
    .flags = pause_flags,
    .run = run_pause,
};

const struct verb verb_queue_resume = {
    .name = "queue resume",
    .summary = "claim from a paused queue again",
    .example = "drumbeat queue resume sync",
    .flags = resume_flags,
    .run = run_resume,
};
