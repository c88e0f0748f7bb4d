/* task result: what a task answered, wherever it is kept. */
#include "cli/session.h"
#include "cli/task_id.h"
#include "cli/verb.h"
#include "common/store/result.h"
#include "sql/queries.h"

#include <stdio.h>

struct args {
    const char *id;
};

static const struct flag flags[] = {
    TEXT_OPERAND(struct args, id, "ID", .required = true, .help = "the task's id, or at least 8 digits of its beginning"),
    {0},
};

/* The result as JSON: from the row, or from the file that the row names. */
static bool read_result(struct session *s, struct uuid id, struct text *json, struct err *e)
{
    struct pg_rows rows;
    char text[UUID_TEXT_MAX];
    uuid_format(id, text);
    if (!pg_exec(s->pg, &sql_task_result, &rows, e, pg_uuid(id)))
        return false;
    if (rows.count == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no task %s", text);
    if (pg_is_null(&rows, 0, 1))
        return err_set(e, ERR_NOT_FOUND, "task %s is %s and has no result", text, pg_get_text(&rows, 0, 0));
    CLEANUP(text_free) struct text root = {0};
    const char *result = pg_get_text(&rows, 0, 1);
    if (!result_is_file(result, id)) {
        text_puts(json, result);
        return true;
    }
    return session_results(s, &root) ? result_get(text_str(&root), id, result, json, e) : err_set(e, ERR_USAGE, "the result is a file, and results.root is not configured here: %s", result);
}

static int run(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    CLEANUP(text_free) struct text json = {0};
    struct uuid id;
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e) || !session_open(&s, &e) || !task_id_read(s.pg, args.id, &id, &e) || !read_result(&s, id, &json, &e))
        return verb_failed(&e);
    puts(text_str(&json));
    return EXIT_DONE;
}

const struct verb verb_task_result = {
    .name = "task result",
    .summary = "the result of a task, as JSON",
    .details = "A result larger than results.limit is read from its file, below results.root. Exit status: 3 when there is no such task, it has "
               "no result, or the file's time was over.",
    .example = "drumbeat task result 0190a5d2 | jq .rows",
    .flags = flags,
    .run = run,
};
