/* schedule ls, show, next, pause, resume, trigger, backfill. */
#include "beat/backfill.h"
#include "beat/schedule.h"
#include "cli/rows.h"
#include "cli/session.h"
#include "cli/verb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NEXT_DEFAULT = 10, HISTORY_DEFAULT = 5, HISTORY_MAX = 10000 };

struct args {
    const char *name, *reason;
    int64_t count, history;
    usec_t from, to;
    int64_t rate;
    bool all, json, dry;
};

static bool open_session(const struct flag *flags, int argc, char **argv, struct args *args, struct session *s, struct err *e)
{
    return flags_read(flags, argc, argv, args, e) && session_open(s, e);
}

/* schedule ls ------------------------------------------------------------------------------------------------------- */

static const struct flag ls_flags[] = {
    SWITCH_FLAG(struct args, all, "all", .help = "those too that are no longer in the file they came from"),
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON, one object a line"),
    {0},
};

static const struct column ls_columns[] = {
    {"name", COLUMN_TEXT},
    {"handler", COLUMN_TEXT, IN_JSON},
    {"specs", COLUMN_TEXT},
    {"tz", COLUMN_TEXT},
    {"enabled", COLUMN_BOOL},
    {"paused", COLUMN_BOOL},
    {"catchup", COLUMN_TEXT, IN_JSON},
    {"overlap", COLUMN_TEXT, IN_JSON},
    {"last_tick", COLUMN_TIME},
    {"next_tick", COLUMN_TIME},
    {"last_task", COLUMN_TEXT, IN_JSON},
    {"last_status", COLUMN_STATUS},
    {"last_lateness_ms", COLUMN_NUMBER, IN_JSON},
    {"missed", COLUMN_NUMBER, IN_JSON},
    {"source", COLUMN_TEXT, IN_JSON},
    {"problem", COLUMN_TEXT},
    {0},
};

static bool warn_of_herd(struct pg *pg, struct err *e)
{
    char text[CLOCK_TEXT_MAX];
    int64_t count;
    usec_t at;
    if (!schedule_herd(pg, &at, &count, e))
        return false;
    if (count > 0)
        fprintf(stderr, "warning: %" PRId64 " schedules tick at once, at %s: H in place of the minute, or jitter, spreads them\n",
                count, clock_format(at, text));
    return true;
}

static int run_ls(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct pg_rows rows;
    struct err e;
    if (!open_session(ls_flags, argc, argv, &args, &s, &e) || !schedule_list(s.pg, args.all, &rows, &e))
        return verb_failed(&e);
    rows_print(&rows, ls_columns, args.json);
    return warn_of_herd(s.pg, &e) ? EXIT_DONE : verb_failed(&e);
}

/* schedule show ----------------------------------------------------------------------------------------------------- */

static const struct flag show_flags[] = {
    TEXT_OPERAND(struct args, name, "NAME", .required = true, .help = "the schedule"),
    NUMBER_FLAG(struct args, history, "history", .value = "N", .max = HISTORY_MAX, .help = "how many past ticks (5)"),
    SWITCH_FLAG(struct args, json, "json", .help = "print one JSON object, with history as an array"),
    {0},
};

static const struct column show_columns[] = {
    {"name", COLUMN_TEXT},        {"handler", COLUMN_TEXT},    {"args", COLUMN_JSON},          {"specs", COLUMN_JSON},
    {"exclude", COLUMN_JSON},     {"tz", COLUMN_TEXT},         {"queue", COLUMN_TEXT},         {"priority", COLUMN_NUMBER},
    {"tenant", COLUMN_TEXT},      {"notes", COLUMN_TEXT},      {"enabled", COLUMN_BOOL},    {"catchup", COLUMN_TEXT},       {"catchup_window", COLUMN_TEXT},
    {"overlap", COLUMN_TEXT},     {"jitter", COLUMN_TEXT},     {"start_at", COLUMN_TIME},      {"end_at", COLUMN_TIME},
    {"every_weeks", COLUMN_NUMBER}, {"anchor", COLUMN_TEXT}, {"max_runs", COLUMN_NUMBER}, {"runs", COLUMN_NUMBER},
    {"pause_after_failures", COLUMN_NUMBER},
    {"source", COLUMN_TEXT},      {"retired_at", COLUMN_TIME}, {"paused", COLUMN_BOOL},        {"paused_reason", COLUMN_TEXT},
    {"paused_by", COLUMN_TEXT},   {"paused_at", COLUMN_TIME},  {"last_tick", COLUMN_TIME},     {"next_tick", COLUMN_TIME},
    {"missed", COLUMN_NUMBER},    {"problem", COLUMN_TEXT},    {"created_at", COLUMN_TIME},    {"updated_at", COLUMN_TIME},
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

static int run_show(int argc, char **argv)
{
    struct args args = {.history = HISTORY_DEFAULT};
    CLEANUP(session_close) struct session s = {0};
    CLEANUP(text_free) struct text out = {0};
    struct pg_rows rows;
    struct err e;
    if (!open_session(show_flags, argc, argv, &args, &s, &e) || !schedule_show(s.pg, args.name, &rows, &e))
        return verb_failed(&e);
    if (args.json)
        rows_json_open(&rows, 0, show_columns, &out);
    else
        rows_record(&rows, 0, show_columns, &out);
    if (!schedule_history(s.pg, args.name, (size_t)args.history, &rows, &e))
        return verb_failed(&e);
    if (args.json) {
        rows_json_array(&rows, "history", tick_columns, &out);
        text_puts(&out, "}\n");
    } else {
        rows_lines(&rows, "history", tick_columns, &out);
    }
    fputs(text_str(&out), stdout);
    return EXIT_DONE;
}

/* schedule next ----------------------------------------------------------------------------------------------------- */

static const struct flag next_flags[] = {
    TEXT_OPERAND(struct args, name, "NAME", .required = true, .help = "the schedule"),
    NUMBER_FLAG(struct args, count, "count", .value = "N", .min = 1, .max = SCHEDULE_NEXT_MAX, .help = "how many (10)"),
    TIME_FLAG(struct args, from, "from", .value = "TIME", .help = "those after this moment (now)"),
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON, one object a line: {tick_at}"),
    {0},
};

static int run_next(int argc, char **argv)
{
    struct args args = {.count = NEXT_DEFAULT, .from = clock_now()};
    CLEANUP(session_close) struct session s = {0};
    char at[CLOCK_TEXT_MAX];
    size_t count = 0;
    struct err e;
    if (!open_session(next_flags, argc, argv, &args, &s, &e))
        return verb_failed(&e);
    usec_t *ticks = mem_zero((size_t)args.count, sizeof *ticks);
    bool good = schedule_next(s.pg, args.name, args.from, ticks, (size_t)args.count, &count, &e);
    for (size_t i = 0; good && i < count; i++)
        printf("%s%s%s\n", args.json ? "{\"tick_at\": \"" : "", clock_format(ticks[i], at), args.json ? "\"}" : "");
    free(ticks);
    return good ? EXIT_DONE : verb_failed(&e);
}

/* schedule pause, resume, trigger ----------------------------------------------------------------------------------- */

static const struct flag pause_flags[] = {
    TEXT_OPERAND(struct args, name, "NAME", .required = true, .help = "the schedule"),
    TEXT_FLAG(struct args, reason, "reason", .value = "TEXT", .help = "why, for the next one who looks"),
    {0},
};

static const struct flag name_flags[] = {
    TEXT_OPERAND(struct args, name, "NAME", .required = true, .help = "the schedule"),
    {0},
};

static int run_pause(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!open_session(pause_flags, argc, argv, &args, &s, &e) || !schedule_pause(s.pg, args.name, args.reason, NULL, &e))
        return verb_failed(&e);
    printf("schedule %s is paused: what it misses is not caught up\n", args.name);
    return EXIT_DONE;
}

static int run_resume(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!open_session(name_flags, argc, argv, &args, &s, &e) || !schedule_resume(s.pg, args.name, &e))
        return verb_failed(&e);
    printf("schedule %s emits again\n", args.name);
    return EXIT_DONE;
}

static int run_trigger(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct uuid task;
    struct err e;
    char text[UUID_TEXT_MAX];
    if (!open_session(name_flags, argc, argv, &args, &s, &e) || !schedule_trigger(s.pg, args.name, &task, &e))
        return verb_failed(&e);
    puts(uuid_format(task, text));
    return EXIT_DONE;
}

/* schedule backfill ------------------------------------------------------------------------------------------------- */

static const struct flag backfill_flags[] = {
    TEXT_OPERAND(struct args, name, "NAME", .required = true, .help = "the schedule"),
    TIME_FLAG(struct args, from, "from", .value = "TIME", .help = "ticks from this moment on; needed"),
    TIME_FLAG(struct args, to, "to", .value = "TIME", .help = "ticks before this moment, not a future one (now)"),
    NUMBER_FLAG(struct args, rate, "rate", .value = "N", .min = 1, .max = BACKFILL_RATE_MAX, .help = "at most so many a second (100)"),
    SWITCH_FLAG(struct args, dry, "dry-run", .help = "only count them"),
    {0},
};

static int run_backfill(int argc, char **argv)
{
    struct args args = {.rate = BACKFILL_RATE};
    CLEANUP(session_close) struct session s = {0};
    struct backfilled done = {0};
    struct err e;
    if (!open_session(backfill_flags, argc, argv, &args, &s, &e))
        return verb_failed(&e);
    if (!args.from) {
        err_set(&e, ERR_USAGE, "--from is missing");
        return verb_failed(&e);
    }
    struct backfill what = {.name = args.name, .from = args.from, .to = args.to, .rate = args.rate, .dry = args.dry};
    bool good = backfill(s.pg, &what, &done, &e);
    if (good || done.emitted > 0)
        printf("%" PRId64 " of %" PRId64 " ticks %s\n", done.emitted, done.ticks, args.dry ? "to emit" : "emitted");
    return good ? EXIT_DONE : verb_failed(&e);
}

const struct verb verb_schedule_ls = {
    .name = "schedule ls",
    .summary = "the schedules, their last and next ticks",
    .example = "drumbeat schedule ls",
    .flags = ls_flags,
    .run = run_ls,
};

const struct verb verb_schedule_show = {
    .name = "schedule show",
    .summary = "one schedule with its last ticks",
    .example = "drumbeat schedule show pmp.partners --history 20",
    .flags = show_flags,
    .run = run_show,
};

const struct verb verb_schedule_next = {
    .name = "schedule next",
    .summary = "when a schedule emits next, whether or not it is enabled",
    .example = "drumbeat schedule next pmp.partners --count 5",
    .flags = next_flags,
    .run = run_next,
};

const struct verb verb_schedule_pause = {
    .name = "schedule pause",
    .summary = "emit nothing from a schedule until it is resumed",
    .example = "drumbeat schedule pause pmp.partners --reason 'upstream is being upgraded'",
    .flags = pause_flags,
    .run = run_pause,
};

const struct verb verb_schedule_resume = {
    .name = "schedule resume",
    .summary = "let a paused schedule emit again",
    .example = "drumbeat schedule resume pmp.partners",
    .flags = name_flags,
    .run = run_resume,
};

const struct verb verb_schedule_trigger = {
    .name = "schedule trigger",
    .summary = "emit a tick now, paused or not, and print its task's id",
    .example = "drumbeat schedule trigger pmp.partners",
    .flags = name_flags,
    .run = run_trigger,
};

const struct verb verb_schedule_backfill = {
    .name = "schedule backfill",
    .summary = "emit the ticks of a past range that never were, again to go on after an interruption",
    .example = "drumbeat schedule backfill pmp.partners --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z --dry-run",
    .flags = backfill_flags,
    .run = run_backfill,
};
