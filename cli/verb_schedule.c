/* schedule ls, pause, resume, trigger, backfill. */
#include "beat/backfill.h"
#include "beat/schedule.h"
#include "cli/rows.h"
#include "cli/session.h"
#include "cli/verb.h"

#include <inttypes.h>
#include <stdio.h>

struct args {
    const char *name, *reason;
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
    {"specs", COLUMN_TEXT, IN_TABLE},
    {"tz", COLUMN_TEXT},
    {"enabled", COLUMN_BOOL},
    {"paused", COLUMN_BOOL},
    {"last_tick", COLUMN_TIME},
    {"next_tick", COLUMN_TIME},
    {"last_task", COLUMN_TEXT, IN_JSON},
    {"last_status", COLUMN_STATUS},
    {"last_lateness_ms", COLUMN_NUMBER, IN_JSON},
    {"problem", COLUMN_TEXT},
    {"handler", COLUMN_TEXT, IN_JSON},
    {"args", COLUMN_JSON, IN_JSON},
    {"specs", COLUMN_JSON, IN_JSON},
    {"exclude", COLUMN_JSON, IN_JSON},
    {"queue", COLUMN_TEXT, IN_JSON},
    {"priority", COLUMN_NUMBER, IN_JSON},
    {"tenant", COLUMN_TEXT, IN_JSON},
    {"notes", COLUMN_TEXT, IN_JSON},
    {"catchup", COLUMN_TEXT, IN_JSON},
    {"catchup_window", COLUMN_TEXT, IN_JSON},
    {"overlap", COLUMN_TEXT, IN_JSON},
    {"jitter", COLUMN_TEXT, IN_JSON},
    {"start_at", COLUMN_TIME, IN_JSON},
    {"end_at", COLUMN_TIME, IN_JSON},
    {"every_weeks", COLUMN_NUMBER, IN_JSON},
    {"anchor", COLUMN_TEXT, IN_JSON},
    {"max_runs", COLUMN_NUMBER, IN_JSON},
    {"runs", COLUMN_NUMBER, IN_JSON},
    {"pause_after_failures", COLUMN_NUMBER, IN_JSON},
    {"source", COLUMN_TEXT, IN_JSON},
    {"retired_at", COLUMN_TIME, IN_JSON},
    {"paused_reason", COLUMN_TEXT, IN_JSON},
    {"paused_by", COLUMN_TEXT, IN_JSON},
    {"paused_at", COLUMN_TIME, IN_JSON},
    {"missed", COLUMN_NUMBER, IN_JSON},
    {"created_at", COLUMN_TIME, IN_JSON},
    {"updated_at", COLUMN_TIME, IN_JSON},
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
