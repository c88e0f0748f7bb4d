/* task show: one task, why it waits, its attempts and last log lines. */
#include "cli/session.h"
#include "cli/task_columns.h"
#include "cli/task_id.h"
#include "cli/verb.h"
#include "sql/queries.h"

#include <stdio.h>

enum { LINES_DEFAULT = 20, LINES_MAX = 100000 };

struct args {
    const char *id;
    int64_t lines;
    bool json;
};

static const struct flag flags[] = {
    TEXT_OPERAND(struct args, id, "ID", .required = true, .help = "the task's id, or at least 8 digits of its beginning"),
    NUMBER_FLAG(struct args, lines, "lines", .value = "N", .max = LINES_MAX, .help = "how many log lines (20)"),
    SWITCH_FLAG(struct args, json, "json", .help = "print one JSON object, with waiting, attempts and log as arrays"),
    {0},
};

static const struct column attempt_columns[] = {
    {"attempt", COLUMN_NUMBER},
    {"fence", COLUMN_NUMBER, IN_JSON},
    {"worker", COLUMN_TEXT, IN_JSON},
    {"pid", COLUMN_NUMBER},
    {"started_at", COLUMN_TIME},
    {"ended_at", COLUMN_TIME},
    {"outcome", COLUMN_TEXT},
    {"error", COLUMN_TEXT},
    {"signal", COLUMN_NUMBER, IN_JSON},
    {"exit_code", COLUMN_NUMBER, IN_JSON},
    {"peak_rss", COLUMN_NUMBER, IN_JSON},
    {"cpu_ms", COLUMN_NUMBER, IN_JSON},
    {0},
};

static const struct column why_columns[] = {{"reason", COLUMN_TEXT}, {"detail", COLUMN_TEXT}, {0}};

static const struct column log_columns[] = {
    {"id", COLUMN_NUMBER, IN_JSON}, {"created_at", COLUMN_TIME}, {"level", COLUMN_TEXT}, {"message", COLUMN_TEXT}, {0},
};

/* Four looks in one transaction's worth of answers: they fit together. */
static bool look(struct pg *pg, struct uuid id, const struct args *args, struct text *out, struct err *e)
{
    char text[UUID_TEXT_MAX];
    enum { TASK, WHY, ATTEMPTS, LINES, LOOKS };
    struct pg_rows answers[LOOKS];
    struct pg_call calls[LOOKS] = {
        [TASK] = {.query = &sql_task_rows, .args = {pg_uuids(&id, 1)}},
        [WHY] = {.query = &sql_task_why, .args = {pg_uuid(id)}},
        [ATTEMPTS] = {.query = &sql_task_attempts, .args = {pg_uuid(id)}},
        [LINES] = {.query = &sql_task_log_last, .args = {pg_uuid(id), pg_int(args->lines)}},
    };
    if (!pg_exec_calls(pg, calls, LOOKS, answers, e))
        return false;
    if (answers[TASK].count == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no task %s", uuid_format(id, text));
    if (args->json) {
        rows_json_open(&answers[TASK], 0, task_columns, out);
        rows_json_array(&answers[WHY], "waiting", why_columns, out);
        rows_json_array(&answers[ATTEMPTS], "attempts", attempt_columns, out);
        rows_json_array(&answers[LINES], "log", log_columns, out);
        text_puts(out, "}\n");
        return true;
    }
    rows_record(&answers[TASK], 0, task_columns, out);
    rows_lines(&answers[WHY], "waiting", why_columns, out);
    rows_lines(&answers[ATTEMPTS], "attempts", attempt_columns, out);
    rows_lines(&answers[LINES], "log", log_columns, out);
    return true;
}

static int run(int argc, char **argv)
{
    struct args args = {.lines = LINES_DEFAULT};
    CLEANUP(session_close) struct session s = {0};
    CLEANUP(text_free) struct text out = {0};
    struct uuid id;
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e) || !session_open(&s, &e) || !task_id_read(s.pg, args.id, &id, &e) ||
        !look(s.pg, id, &args, &out, &e))
        return verb_failed(&e);
    fputs(text_str(&out), stdout);
    return EXIT_DONE;
}

const struct verb verb_task_show = {
    .name = "task show",
    .summary = "one task, why it waits, its attempts and last log lines",
    .example = "drumbeat task show 0190a5d2\ndrumbeat task show 0190a5d2-11c8-7bb4-a5f5-2a9c3b6e0c11 --json",
    .flags = flags,
    .run = run,
};
