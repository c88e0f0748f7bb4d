/* task failures: what tasks died of, grouped. */
#include "cli/rows.h"
#include "cli/session.h"
#include "cli/task_filter.h"
#include "cli/verb.h"
#include "sql/queries.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 100000 };

struct args {
    struct task_filter filter;
    int64_t limit;
    bool json;
};

static const struct flag flags[] = {
    TEXT_FLAG(struct args, filter.status, "status", .value = "STATUS", .help = "ERRORED, KILLED or SKIPPED (ERRORED)"),
    TASK_FILTER_FLAGS(struct args),
    TEXT_FLAG(struct args, filter.since, "since", .value = "TIME|DURATION", .help = "tasks that ended since then, or in the last so long"),
    NUMBER_FLAG(struct args, limit, "limit", .value = "N", .min = 1, .max = LIMIT_MAX, .help = "at most so many rows (50)"),
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON, one object a line"),
    {0},
};

static const struct column columns[] = {
    {"name", COLUMN_TEXT},   {"cause", COLUMN_TEXT},  {"tasks", COLUMN_NUMBER}, {"first_at", COLUMN_TIME},
    {"last_at", COLUMN_TIME}, {"example", COLUMN_TEXT}, {0},
};

static bool print_failures(struct pg *pg, const struct args *args, struct err *e)
{
    const struct task_filter *f = &args->filter;
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_task_failures, &rows, e, pg_text(f->status), pg_text(f->name), pg_text(f->queue), pg_text(f->tenant), pg_text(f->schedule),
                 pg_uuid_or_null(f->batch_id), pg_time_or_null(f->since_at), pg_int(args->limit)))
        return false;
    rows_print(&rows, columns, args->json);
    return true;
}

static int run(int argc, char **argv)
{
    static const char *const statuses[] = {"ERRORED", "KILLED", "SKIPPED", NULL};
    struct args args = {.filter.status = "ERRORED", .limit = LIMIT_DEFAULT};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e) || !task_filter_read(&args.filter, statuses, &e) || !session_open(&s, &e) ||
        !print_failures(s.pg, &args, &e))
        return verb_failed(&e);
    return EXIT_DONE;
}

const struct verb verb_task_failures = {
    .name = "task failures",
    .summary = "what tasks died of, grouped by handler and cause",
    .details = "A cause is an error with # in the place of numbers and ids; example is the newest task of its group.",
    .example = "drumbeat task failures --since 1d\ndrumbeat task retry --name pmp.partners --cause 'GET #: HTTP #'",
    .flags = flags,
    .run = run,
};
