/* task errors: which records a sync could not copy, and why. */
#include "cli/rows.h"
#include "cli/session.h"
#include "cli/task_id.h"
#include "cli/verb.h"
#include "common/store/task.h"
#include "sql/queries.h"

struct args {
    const char *id;
    bool json;
};

static const struct flag flags[] = {
    TEXT_OPERAND(struct args, id, "ID", .required = true, .help = "the task's id, or at least 8 digits of its beginning"),
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON, one object a line"),
    {0},
};

static const struct column columns[] = {
    {"handler", COLUMN_TEXT}, {"area", COLUMN_TEXT}, {"kind", COLUMN_TEXT},  {"page", COLUMN_NUMBER}, {"index", COLUMN_NUMBER},
    {"id", COLUMN_TEXT},      {"field", COLUMN_TEXT}, {"reason", COLUMN_TEXT}, {0},
};

static bool print_errors(struct pg *pg, struct uuid id, bool json, struct err *e)
{
    struct task_state state;
    struct pg_rows rows;
    if (!task_look(pg, id, &state, e) || !pg_exec(pg, &sql_task_errors, &rows, e, pg_uuid(id)))
        return false;
    rows_print(&rows, columns, json);
    return true;
}

static int run(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct uuid id;
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e) || !session_open(&s, &e) || !task_id_read(s.pg, args.id, &id, &e) || !print_errors(s.pg, id, args.json, &e))
        return verb_failed(&e);
    return EXIT_DONE;
}

const struct verb verb_task_errors = {
    .name = "task errors",
    .summary = "the records that a sync could not copy, with their place and the reason",
    .details = "Of each run the first 100 that failed and the first 100 notes, as registry.sync_log has them; a last line says how many more there were. Of a task that "
               "enqueued a batch, those of its members.",
    .example = "drumbeat task errors 0190a5d2 > errors.tsv\ndrumbeat task errors 0190a5d2 --json | jq -r .reason",
    .flags = flags,
    .run = run,
};
