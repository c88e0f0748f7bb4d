/* task log: the lines a task wrote. */
#include "cli/rows.h"
#include "cli/session.h"
#include "cli/task_id.h"
#include "cli/verb.h"
#include "common/store/task.h"
#include "sql/queries.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { PAGE = 1000, FOLLOW_PAUSE_MS = 300 };

struct args {
    const char *id, *level;
    bool follow, json;
};

static const struct flag flags[] = {
    TEXT_OPERAND(struct args, id, "ID", .required = true, .help = "the task's id, or at least 8 digits of its beginning"),
    TEXT_FLAG(struct args, level, "level", .value = "LEVEL", .help = "lines of this importance or more: debug (all), info, warning, error"),
    SWITCH_FLAG(struct args, follow, "follow", .help = "go on until the task has ended"),
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON, one object a line"),
    {0},
};

static const struct column columns[] = {
    {"id", COLUMN_NUMBER, IN_JSON}, {"created_at", COLUMN_TIME}, {"level", COLUMN_TEXT}, {"message", COLUMN_TEXT}, {0},
};

/* The levels that are shown, `count` of them; 0: all. */
static bool read_level(const char *level, const char *const **levels, size_t *count, struct err *e)
{
    static const char *const known[] = {"debug", "info", "warning", "error"};
    size_t all = sizeof known / sizeof *known;
    for (size_t i = 0; level && i < all; i++)
        if (strcmp(known[i], level) == 0) {
            *levels = known + i;
            *count = all - i;
            return true;
        }
    return !level || err_set(e, ERR_USAGE, "--level: '%s' is not debug, info, warning or error", level);
}

/* Print what was written behind line *last. */
static bool print_new(struct pg *pg, struct uuid id, const struct args *args, int64_t *last, struct err *e)
{
    struct pg_rows rows;
    const char *const *levels = NULL;
    size_t count = 0;
    if (!read_level(args->level, &levels, &count, e))
        return false;
    do {
        if (!pg_exec(pg, &sql_task_log_after, &rows, e, pg_uuid(id), pg_int(*last), pg_int(PAGE), pg_texts(levels, count)))
            return false;
        if (rows.count > 0)
            *last = pg_get_int(&rows, rows.count - 1, 0);
        rows_print(&rows, columns, args->json);
    } while (rows.count == PAGE);
    fflush(stdout);
    return true;
}

/* The state is read before the lines: what a task wrote before it ended is printed. */
static bool print_log(struct pg *pg, struct uuid id, const struct args *args, struct err *e)
{
    struct task_state state;
    int64_t last = 0;
    for (;;) {
        if (!task_look(pg, id, &state, e))
            return false;
        bool over = !args->follow || task_status_is_final(state.status);
        if (!print_new(pg, id, args, &last, e))
            return false;
        if (over)
            return true;
        poll(NULL, 0, FOLLOW_PAUSE_MS);
    }
}

static int run(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct uuid id;
    struct err e = {0};
    if (!flags_read(flags, argc, argv, &args, &e) || !session_open(&s, &e) || !task_id_read(s.pg, args.id, &id, &e) ||
        !print_log(s.pg, id, &args, &e))
        return verb_failed(&e);
    return EXIT_DONE;
}

const struct verb verb_task_log = {
    .name = "task log",
    .summary = "the lines a task wrote",
    .example = "drumbeat task log 0190a5d2 --follow\ndrumbeat task log 0190a5d2 --level warning",
    .flags = flags,
    .run = run,
};
