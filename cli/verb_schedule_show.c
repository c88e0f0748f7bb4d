/* schedule show, next, history: one schedule, its next ticks, its last. */
#include "beat/schedule.h"
#include "cli/rows.h"
#include "cli/session.h"
#include "cli/verb.h"

#include <stdio.h>
#include <string.h>

enum { NEXT_DEFAULT = 10, SHOW_NEXT = 5, SHOW_HISTORY = 5, HISTORY_DEFAULT = 20, HISTORY_MAX = 10000 };

struct args {
    const char *name;
    int64_t count;
    usec_t from;
    bool json;
};

static bool open_session(const struct flag *flags, int argc, char **argv, struct args *args, struct session *s, struct err *e)
{
    return flags_read(flags, argc, argv, args, e) && session_open(s, e);
}

/* Next ticks -------------------------------------------------------------------------------------------------------- */

/* Each between `before` and `after`. */
struct listing {
    struct text out;
    bool json;
    const char *before, *after;
};

static void free_listing(struct listing *l)
{
    text_free(&l->out);
}

static void add_tick(void *data, usec_t tick, const char *local, const char *note)
{
    struct listing *l = data;
    char at[CLOCK_TEXT_MAX];
    text_puts(&l->out, l->before);
    if (!l->json) {
        text_printf(&l->out, "%s\t%s%s%s", clock_format(tick, at), local, *note ? "\t" : "", note);
    } else {
        text_printf(&l->out, "{\"tick_at\": \"%s\", \"local\": \"%s\", \"note\": ", clock_format(tick, at), local);
        text_json_text(&l->out, *note ? note : NULL);
        text_putc(&l->out, '}');
    }
    text_puts(&l->out, l->after);
}

/* schedule show ----------------------------------------------------------------------------------------------------- */

static const struct flag show_flags[] = {
    TEXT_OPERAND(struct args, name, "NAME", .required = true, .help = "the schedule"),
    NUMBER_FLAG(struct args, count, "history", .value = "N", .max = HISTORY_MAX, .help = "how many past ticks (5)"),
    SWITCH_FLAG(struct args, json, "json", .help = "print one JSON object, with history and next as arrays"),
    {0},
};

/* As schedule_show() answers. */
enum { ENABLED = 10, PAUSED = 24 };

static const struct column show_columns[] = {
    {"name", COLUMN_TEXT},
    {"handler", COLUMN_TEXT},
    {"args", COLUMN_JSON},
    {"specs", COLUMN_JSON},
    {"exclude", COLUMN_JSON},
    {"tz", COLUMN_TEXT},
    {"queue", COLUMN_TEXT},
    {"priority", COLUMN_NUMBER},
    {"tenant", COLUMN_TEXT},
    {"notes", COLUMN_TEXT},
    [ENABLED] = {"enabled", COLUMN_BOOL},
    {"catchup", COLUMN_TEXT},
    {"catchup_window", COLUMN_TEXT},
    {"overlap", COLUMN_TEXT},
    {"jitter", COLUMN_TEXT},
    {"start_at", COLUMN_TIME},
    {"end_at", COLUMN_TIME},
    {"every_weeks", COLUMN_NUMBER},
    {"anchor", COLUMN_TEXT},
    {"max_runs", COLUMN_NUMBER},
    {"runs", COLUMN_NUMBER},
    {"pause_after_failures", COLUMN_NUMBER},
    {"source", COLUMN_TEXT},
    {"retired_at", COLUMN_TIME},
    [PAUSED] = {"paused", COLUMN_BOOL},
    {"paused_reason", COLUMN_TEXT},
    {"paused_by", COLUMN_TEXT},
    {"paused_at", COLUMN_TIME},
    {"last_tick", COLUMN_TIME},
    {"next_tick", COLUMN_TIME},
    {"missed", COLUMN_NUMBER},
    {"problem", COLUMN_TEXT},
    {"created_at", COLUMN_TIME},
    {"updated_at", COLUMN_TIME},
    {0},
};

static const struct column tick_columns[] = {
    {"tick_at", COLUMN_TIME},
    {"emitted_at", COLUMN_TIME, IN_JSON},
    {"lateness_ms", COLUMN_NUMBER, IN_JSON},
    {"task_id", COLUMN_TEXT},
    {"status", COLUMN_STATUS},
    {"started_at", COLUMN_TIME, IN_JSON},
    {"ended_at", COLUMN_TIME, IN_JSON},
    {"missed", COLUMN_NUMBER, IN_JSON},
    {"error", COLUMN_TEXT},
    {"emitted_by", COLUMN_TEXT, IN_JSON},
    {"epoch", COLUMN_NUMBER, IN_JSON},
    {0},
};

/* A schedule whose expressions cannot be read has none: the column `problem` says so. */
static void find_next(struct pg *pg, const char *name, struct listing *l)
{
    struct err ignored;
    if (!schedule_next(pg, name, clock_now(), SHOW_NEXT, add_tick, l, &ignored))
        text_reset(&l->out);
}

static void add_lines(const struct pg_rows *history, const struct listing *next, struct text *out)
{
    if (next->out.len > 0)
        text_printf(out, "\nnext\n%s", text_str(&next->out));
    rows_lines(history, "history", tick_columns, out);
}

static void add_arrays(const struct pg_rows *history, struct listing *next, struct text *out)
{
    if (next->out.len > 0)
        next->out.data[--next->out.len] = '\0'; /* the last comma */
    rows_json_array(history, "history", tick_columns, out);
    text_printf(out, ", \"next\": [%s]}\n", text_str(&next->out));
}

static int run_show(int argc, char **argv)
{
    struct args args = {.count = SHOW_HISTORY};
    CLEANUP(session_close) struct session s = {0};
    CLEANUP(text_free) struct text out = {0};
    struct pg_rows rows;
    struct err e;
    if (!open_session(show_flags, argc, argv, &args, &s, &e) || !schedule_show(s.pg, args.name, &rows, &e))
        return verb_failed(&e);
    CLEANUP(free_listing) struct listing next = {.json = args.json, .before = args.json ? "" : "  ", .after = args.json ? "," : "\n"};
    bool ticks = pg_get_bool(&rows, 0, ENABLED) && !pg_get_bool(&rows, 0, PAUSED);
    if (args.json)
        rows_json_open(&rows, 0, show_columns, &out);
    else
        rows_record(&rows, 0, show_columns, &out);
    if (ticks)
        find_next(s.pg, args.name, &next);
    if (!schedule_history(s.pg, args.name, (size_t)args.count, &rows, &e))
        return verb_failed(&e);
    if (args.json)
        add_arrays(&rows, &next, &out);
    else
        add_lines(&rows, &next, &out);
    fputs(text_str(&out), stdout);
    return EXIT_DONE;
}

/* schedule next ----------------------------------------------------------------------------------------------------- */

static const struct flag next_flags[] = {
    TEXT_OPERAND(struct args, name, "NAME", .required = true, .help = "the schedule"),
    NUMBER_FLAG(struct args, count, "count", .value = "N", .min = 1, .max = SCHEDULE_NEXT_MAX, .help = "how many (10)"),
    TIME_FLAG(struct args, from, "from", .value = "TIME", .help = "those after this moment (now)"),
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON, one object a line: {tick_at, local, note}"),
    {0},
};

static int run_next(int argc, char **argv)
{
    struct args args = {.count = NEXT_DEFAULT, .from = clock_now()};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!open_session(next_flags, argc, argv, &args, &s, &e))
        return verb_failed(&e);
    CLEANUP(free_listing) struct listing next = {.json = args.json, .before = "", .after = "\n"};
    if (!schedule_next(s.pg, args.name, args.from, (size_t)args.count, add_tick, &next, &e))
        return verb_failed(&e);
    fputs(text_str(&next.out), stdout);
    return EXIT_DONE;
}

/* schedule history -------------------------------------------------------------------------------------------------- */

static const struct flag history_flags[] = {
    TEXT_OPERAND(struct args, name, "NAME", .required = true, .help = "the schedule"),
    NUMBER_FLAG(struct args, count, "count", .value = "N", .min = 1, .max = HISTORY_MAX, .help = "how many (20)"),
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON, one object a line"),
    {0},
};

static int run_history(int argc, char **argv)
{
    struct args args = {.count = HISTORY_DEFAULT};
    CLEANUP(session_close) struct session s = {0};
    struct pg_rows rows;
    struct err e;
    if (!open_session(history_flags, argc, argv, &args, &s, &e) || !schedule_history(s.pg, args.name, (size_t)args.count, &rows, &e))
        return verb_failed(&e);
    rows_print(&rows, tick_columns, args.json);
    return EXIT_DONE;
}

const struct verb verb_schedule_show = {
    .name = "schedule show",
    .summary = "one schedule with its next and its last ticks",
    .example = "drumbeat schedule show pmp.partners --history 20",
    .flags = show_flags,
    .run = run_show,
};

const struct verb verb_schedule_next = {
    .name = "schedule next",
    .summary = "when a schedule emits next, whether or not it is enabled",
    .details = "A line a tick: in UTC, in the zone of the expression that names it, and what the clocks there do about it.",
    .example = "drumbeat schedule next pmp.partners --count 5",
    .flags = next_flags,
    .run = run_next,
};

const struct verb verb_schedule_history = {
    .name = "schedule history",
    .summary = "the last ticks of a schedule, newest first, and how their tasks ended",
    .example = "drumbeat schedule history pmp.partners --count 5",
    .flags = history_flags,
    .run = run_history,
};
