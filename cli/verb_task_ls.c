/* task ls: the newest tasks. */
#include "cli/session.h"
#include "cli/task_columns.h"
#include "cli/task_filter.h"
#include "cli/verb.h"
#include "sql/queries.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 100000 };

struct args {
    struct task_filter filter;
    int64_t limit;
    bool json;
};

static const struct flag flags[] = {
    TEXT_FLAG(struct args, filter.status, "status", .value = "STATUS", .help = "QUEUED, RUNNING, SUCCESS, ERRORED, KILLED or SKIPPED"),
    TASK_FILTER_FLAGS(struct args),
    TEXT_FLAG(struct args, filter.since, "since", .value = "TIME|DURATION", .help = "tasks enqueued since then, or in the last so long"),
    NUMBER_FLAG(struct args, limit, "limit", .value = "N", .min = 1, .max = LIMIT_MAX, .help = "at most so many (50)"),
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON, one object a line"),
    {0},
};

const struct column task_columns[] = {
    {"id", COLUMN_TEXT},
    {"name", COLUMN_TEXT},
    {"queue", COLUMN_TEXT},
    {"status", COLUMN_STATUS},
    {"attempts", COLUMN_TEXT, IN_TABLE | IN_RECORD},
    {"progress", COLUMN_TEXT, IN_TABLE | IN_RECORD},
    {"args", COLUMN_JSON, IN_JSON | IN_RECORD},
    {"priority", COLUMN_NUMBER, IN_JSON | IN_RECORD},
    {"attempt", COLUMN_NUMBER, IN_JSON},
    {"max_attempts", COLUMN_NUMBER, IN_JSON},
    {"progress_value", COLUMN_NUMBER, IN_JSON},
    {"end_value", COLUMN_NUMBER, IN_JSON},
    {"progress_message", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"result", COLUMN_JSON, IN_JSON | IN_RECORD},
    {"error", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"tenant", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"created_by", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"created_at", COLUMN_TIME},
    {"run_at", COLUMN_TIME, IN_JSON | IN_RECORD},
    {"expires_at", COLUMN_TIME, IN_JSON | IN_RECORD},
    {"started_at", COLUMN_TIME, IN_JSON | IN_RECORD},
    {"ended_at", COLUMN_TIME, IN_JSON | IN_RECORD},
    {"should_be_killed", COLUMN_BOOL, IN_JSON | IN_RECORD},
    {"worker", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"headers", COLUMN_JSON, IN_JSON | IN_RECORD},
    {"unique_key", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"external_id", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"batch_id", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"parent_id", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"schedule", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"tick_at", COLUMN_TIME, IN_JSON | IN_RECORD},
    {"lateness_ms", COLUMN_NUMBER, IN_JSON | IN_RECORD},
    {"missed", COLUMN_NUMBER, IN_JSON | IN_RECORD},
    {"deaths", COLUMN_NUMBER, IN_JSON | IN_RECORD},
    {"message", COLUMN_TEXT, IN_TABLE},
    {0},
};

static const char *const statuses[] = {"QUEUED", "RUNNING", "SUCCESS", "ERRORED", "KILLED", "SKIPPED", NULL};

static bool is_living(const char *status)
{
    return status && (strcmp(status, "QUEUED") == 0 || strcmp(status, "RUNNING") == 0);
}

static bool list(struct pg *pg, const struct args *args, struct err *e)
{
    const struct task_filter *f = &args->filter;
    struct pg_rows rows;
    if (!pg_exec(pg, is_living(f->status) ? &sql_task_pick_live : &sql_task_pick, &rows, e, pg_text(f->status), pg_text(f->name), pg_text(f->queue),
                 pg_text(f->tenant), pg_int(args->limit), pg_text(f->schedule), pg_uuid_or_null(f->batch_id), pg_time_or_null(f->since_at)))
        return false;
    struct uuid *ids = mem_zero(rows.count + 1, sizeof *ids);
    for (size_t i = 0; i < rows.count; i++)
        ids[i] = pg_get_uuid(&rows, i, 0);
    bool good = pg_exec(pg, &sql_task_rows, &rows, e, pg_uuids(ids, rows.count));
    free(ids);
    if (good)
        rows_print(&rows, task_columns, args->json);
    return good;
}

static int run(int argc, char **argv)
{
    struct args args = {.limit = LIMIT_DEFAULT};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e) || !task_filter_read(&args.filter, statuses, &e) || !session_open(&s, &e) ||
        !list(s.pg, &args, &e))
        return verb_failed(&e);
    return EXIT_DONE;
}

const struct verb verb_task_ls = {
    .name = "task ls",
    .summary = "the newest tasks",
    .example = "drumbeat task ls --status ERRORED --limit 10\ndrumbeat task ls --queue sync --since 1d --json | jq .error",
    .flags = flags,
    .run = run,
};
