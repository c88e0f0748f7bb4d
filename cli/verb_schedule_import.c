/* schedule import: another system's schedules, into the table. */
#include "cli/import/import.h"
#include "cli/input.h"
#include "cli/rows.h"
#include "cli/session.h"
#include "cli/verb.h"

#include <stdio.h>
#include <string.h>

struct args {
    const char *file;
    struct import_choice choice;
    bool dry, json;
};

static const struct flag flags[] = {
    TEXT_OPERAND(struct args, file, "FILE", .required = true,
                 .help = "what manage.py dumpdata django_celery_beat wrote, or a fixture; - is standard input"),
    LIST_FLAG(struct args, choice.map, "map", .value = "TASK=HANDLER",
              .help = "which handler runs a task; TASK is its name, or the end of it behind a dot"),
    SWITCH_FLAG(struct args, choice.enable, "enable", .help = "enable those too that are disabled there"),
    SWITCH_FLAG(struct args, choice.as_is, "as-is", .help = "leave those enabled that no handler can run yet"),
    SWITCH_FLAG(struct args, dry, "dry-run", .help = "tell what would be done, write nothing"),
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON, one object a line"),
    {0},
};

/* As import_write() answers. */
enum { OUTCOME, PERIODIC_TASK, TASK, NAME, HANDLER, ARGS, SPEC, SPECS, TZ, QUEUE, PRIORITY, ENABLED, START_AT, END_AT, MAX_RUNS, NOTE };

static const struct column columns[] = {
    [OUTCOME] = {"outcome", COLUMN_TEXT},
    [PERIODIC_TASK] = {"periodic_task", COLUMN_TEXT},
    [TASK] = {"task", COLUMN_TEXT},
    [NAME] = {"name", COLUMN_TEXT},
    [HANDLER] = {"handler", COLUMN_TEXT},
    [ARGS] = {"args", COLUMN_JSON},
    [SPEC] = {"spec", COLUMN_TEXT, IN_TABLE},
    [SPECS] = {"specs", COLUMN_JSON},
    [TZ] = {"tz", COLUMN_TEXT},
    [QUEUE] = {"queue", COLUMN_TEXT},
    [PRIORITY] = {"priority", COLUMN_NUMBER},
    [ENABLED] = {"enabled", COLUMN_BOOL},
    [START_AT] = {"start_at", COLUMN_TIME},
    [END_AT] = {"end_at", COLUMN_TIME},
    [MAX_RUNS] = {"max_runs", COLUMN_NUMBER},
    [NOTE] = {"note", COLUMN_TEXT},
    [NOTE + 1] = {0},
};

enum { IMPORTED, CHANGED, UNCHANGED, SKIPPED, OUTCOMES };

static const char *const outcomes[OUTCOMES] = {
    [IMPORTED] = "imported", [CHANGED] = "changed", [UNCHANGED] = "unchanged", [SKIPPED] = "skipped"};

/* "imported   nightly: 0 4 * * * Europe/Paris, disabled; there is no handler …" */
static void add_line(const struct pg_rows *report, size_t row, struct text *out)
{
    const char *name = pg_get_text(report, row, NAME), *between = ":";
    text_printf(out, "%-9s  %s", pg_get_text(report, row, OUTCOME), name);
    if (strcmp(pg_get_text(report, row, OUTCOME), outcomes[SKIPPED]) != 0) {
        text_printf(out, ": %s%s%s%s%s", pg_get_text(report, row, SPEC), pg_is_null(report, row, TZ) ? "" : " ",
                    pg_get_text(report, row, TZ), pg_is_null(report, row, MAX_RUNS) ? "" : ", once", pg_get_bool(report, row, ENABLED) ? "" : ", disabled");
        between = ";";
    }
    if (!pg_is_null(report, row, NOTE)) {
        text_printf(out, "%s ", between);
        text_add_line(out, pg_get_text(report, row, NOTE));
    }
    text_putc(out, '\n');
}

static size_t count_outcome(const struct pg_rows *report, size_t outcome)
{
    size_t count = 0;
    for (size_t row = 0; row < report->count; row++)
        count += strcmp(pg_get_text(report, row, OUTCOME), outcomes[outcome]) == 0;
    return count;
}

static void print_report(const struct pg_rows *report, bool dry)
{
    CLEANUP(text_free) struct text out = {0};
    for (size_t row = 0; row < report->count; row++)
        add_line(report, row, &out);
    for (size_t i = 0; i < OUTCOMES; i++)
        text_printf(&out, "%s%zu %s", i ? ", " : "", count_outcome(report, i), outcomes[i]);
    if (dry)
        text_puts(&out, ": a dry run, nothing was written");
    else if (count_outcome(report, IMPORTED) + count_outcome(report, CHANGED) == 0)
        text_puts(&out, ": nothing was changed");
    text_putc(&out, '\n');
    fputs(text_str(&out), stdout);
}

static bool import(struct session *s, const struct args *args, struct import *in, struct pg_rows *report, struct err *e)
{
    CLEANUP(text_free) struct text text = {0};
    if (args->choice.enable && args->choice.as_is)
        return err_set(e, ERR_USAGE, "give --enable or --as-is, not both");
    if (!input_read(args->file, &text, e))
        return false;
    if (!import_django(in, text_str(&text), text.len, e))
        return err_add(e, "%s", strcmp(args->file, "-") == 0 ? "standard input" : args->file);
    import_find_twins(in);
    if (!session_open(s, e))
        return false;
    const struct catalog *catalog = session_catalog(s, CATALOG_WITHOUT_APP, e);
    return catalog && import_choose(in, &args->choice, catalog, s->pg, e) && import_write(in, s->pg, args->dry, report, e);
}

static int run(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct pg_rows report = {0};
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e))
        return verb_failed(&e);
    struct import in = {.region = region_new()};
    bool good = import(&s, &args, &in, &report, &e);
    region_free(in.region);
    if (!good)
        return verb_failed(&e);
    if (args.json)
        rows_print(&report, columns, true);
    else
        print_report(&report, args.dry);
    return count_outcome(&report, SKIPPED) > 0 ? EXIT_FAILED : EXIT_DONE;
}

const struct verb verb_schedule_import = {
    .name = "schedule import",
    .summary = "take over the periodic tasks of django-celery-beat",
    .details = "Intervals, crontabs and clocked times become expressions that fire at the same times; an interval counts from 1970, not from the last run. "
               "A row whose task has no handler is imported disabled; a disabled row stays disabled. Nothing is caught up. What was imported before is "
               "changed where it differs; schedules of the configuration file are left alone. The report has a line for each periodic task; exit status 1 "
               "tells that some could not be imported.",
    .example = "drumbeat schedule import dump.json --dry-run\n"
               "python manage.py dumpdata django_celery_beat | drumbeat schedule import - --map tasks.process_partners=pmp.partners",
    .flags = flags,
    .run = run,
};
