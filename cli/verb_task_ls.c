/* task ls: the newest tasks. */
#include "cli/session.h"
#include "cli/task_columns.h"
#include "cli/verb.h"
#include "sql/queries.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 100000 };

struct args {
    const char *status, *name, *queue, *tenant;
    int64_t limit;
    bool json;
};

static const struct flag flags[] = {
    TEXT_FLAG(struct args, status, "status", .value = "STATUS", .help = "QUEUED, RUNNING, SUCCESS, ERRORED, KILLED or SKIPPED"),
    TEXT_FLAG(struct args, name, "name", .value = "NAME", .help = "tasks of this handler"),
    TEXT_FLAG(struct args, queue, "queue", .value = "Q", .help = "tasks of this queue"),
    TEXT_FLAG(struct args, tenant, "tenant", .value = "T", .help = "tasks of this tenant"),
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

/* The status as it is spelled in the table; `status` NULL: any. */
static bool read_status(const char **status, bool *living, struct err *e)
{
    static const char *const known[] = {"QUEUED", "RUNNING", "SUCCESS", "ERRORED", "KILLED", "SKIPPED"};
    for (size_t i = 0; *status && i < sizeof known / sizeof *known; i++)
        if (strcasecmp(known[i], *status) == 0) {
            *status = known[i];
            *living = i < 2;
            return true;
        }
    return !*status || err_set(e, ERR_USAGE, "--status: '%s' is not QUEUED, RUNNING, SUCCESS, ERRORED, KILLED or SKIPPED", *status);
}

static bool list(struct pg *pg, const struct args *args, bool living, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, living ? &sql_task_pick_live : &sql_task_pick, &rows, e, pg_text(args->status), pg_text(args->name),
                 pg_text(args->queue), pg_text(args->tenant), pg_int(args->limit)))
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
    bool living = false;
    if (!flags_read(flags, argc, argv, &args, &e) || !read_status(&args.status, &living, &e) || !session_open(&s, &e) ||
        !list(s.pg, &args, living, &e))
        return verb_failed(&e);
    return EXIT_DONE;
}

const struct verb verb_task_ls = {
    .name = "task ls",
    .summary = "the newest tasks",
    .example = "drumbeat task ls --status ERRORED --limit 10\ndrumbeat task ls --queue sync --json | jq .error",
    .flags = flags,
    .run = run,
};
