/* limit ls, set, clear: how many tasks run at once and how many start in a time, over all workers. */
#include "cli/rows.h"
#include "cli/session.h"
#include "cli/verb.h"
#include "sql/queries.h"

#include <stdio.h>

struct ls {
    bool json;
};

static const struct flag ls_flags[] = {
    SWITCH_FLAG(struct ls, json, "json", .help = "print JSON, one object a line"),
    {0},
};

static const struct column columns[] = {
    {"kind", COLUMN_TEXT},    {"name", COLUMN_TEXT},      {"limit", COLUMN_NUMBER}, {"rate", COLUMN_TEXT},
    {"used", COLUMN_NUMBER}, {"waiting", COLUMN_NUMBER}, {"origin", COLUMN_TEXT},  {0},
};

static int run_ls(int argc, char **argv)
{
    struct ls args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct pg_rows rows;
    struct err e;
    if (!flags_read(ls_flags, argc, argv, &args, &e) || !session_open(&s, &e) || !pg_exec(s.pg, &sql_limit_rows, &rows, &e))
        return verb_failed(&e);
    rows_print(&rows, columns, args.json);
    return EXIT_DONE;
}

struct share {
    const char *kind, *name, *rate;
    int64_t most;
};

static const struct flag set_flags[] = {
    TEXT_OPERAND(struct share, kind, "KIND", .required = true, .help = "queue, handler, key, or keys: each that is taken from the handler's arguments"),
    TEXT_OPERAND(struct share, name, "NAME", .required = true, .help = "which of them; of keys the handler"),
    NUMBER_FLAG(struct share, most, "limit", .value = "N", .min = 1, .max = 1000000000, .help = "most of its tasks that run at once (any number)"),
    TEXT_FLAG(struct share, rate, "rate", .value = "RATE", .help = "most that start in a time, such as 10/s, 600/m, 5/10m (any number)"),
    {0},
};

static const struct flag clear_flags[] = {
    TEXT_OPERAND(struct share, kind, "KIND", .required = true, .help = "queue, handler, key or keys"),
    TEXT_OPERAND(struct share, name, "NAME", .required = true, .help = "which of them"),
    {0},
};

static int run_set(int argc, char **argv)
{
    struct share args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!flags_read(set_flags, argc, argv, &args, &e) || !session_open(&s, &e) ||
        !pg_exec(s.pg, &sql_limit_set, NULL, &e, pg_text(args.kind), pg_text(args.name), args.most ? pg_int(args.most) : pg_null(), pg_text(args.rate)))
        return verb_misused(&e);
    printf("%s %s is limited; what runs goes on\n", args.kind, args.name);
    return EXIT_DONE;
}

static int run_clear(int argc, char **argv)
{
    struct share args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct pg_rows rows;
    struct err e;
    if (!flags_read(clear_flags, argc, argv, &args, &e) || !session_open(&s, &e) ||
        !pg_exec(s.pg, &sql_limit_clear, &rows, &e, pg_text(args.kind), pg_text(args.name)))
        return verb_misused(&e);
    if (!pg_get_bool(&rows, 0, 0)) {
        err_set(&e, ERR_NOT_FOUND, "nothing was said of %s %s", args.kind, args.name);
        return verb_failed(&e);
    }
    printf("%s %s has no limit of its own any more\n", args.kind, args.name);
    return EXIT_DONE;
}

const struct verb verb_limit_ls = {
    .name = "limit ls",
    .summary = "limits over all workers, what they hold and what waits for them",
    .example = "drumbeat limit ls",
    .flags = ls_flags,
    .run = run_ls,
};

const struct verb verb_limit_set = {
    .name = "limit set",
    .summary = "limit how many tasks of a queue, handler or key run at once or start in a time",
    .details = "Takes effect at once, also for tasks that are ready; what runs goes on. It beats the configuration until it is cleared. Without a limit of\n"
               "its own a key has 1: its tasks run one after the other.",
    .example = "drumbeat limit set key dhis2 --limit 3\n"
               "drumbeat limit set queue mail --rate 600/m",
    .flags = set_flags,
    .run = run_set,
};

const struct verb verb_limit_clear = {
    .name = "limit clear",
    .summary = "end a limit; what the configuration says comes back with the next worker that starts",
    .example = "drumbeat limit clear queue mail",
    .flags = clear_flags,
    .run = run_clear,
};
