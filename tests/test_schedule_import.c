/* schedule import through the real binary: what django-celery-beat's rows become, and what is said of them. */
#include "common/base/json.h"
#include "common/base/text.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 12 };

static struct test_cluster *cluster;
static const char *url;
static struct pg *pg;

static void begin(void)
{
    url = test_cluster_database(cluster);
    pg = test_connect(url);
}

static void end(void)
{
    pg_close(pg);
}

/* drumbeat schedule import FILE, with words behind it; `input` is its standard input. */
static struct test_process *import(const char *file, const char *input, const char *const *words)
{
    char database[512];
    const char *argv[WORDS_MAX + 5] = {test_build_path("drumbeat"), "schedule", "import", file}, *env[] = {database, NULL};
    for (size_t i = 0; i < WORDS_MAX && words[i]; i++)
        argv[i + 4] = words[i];
    snprintf(database, sizeof database, "DATABASE_URL=%s", url);
    struct test_program program = {.argv = argv, .env = env, .input = input};
    struct test_process *p = test_process_start(&program);
    ck_assert(test_process_wait(p, SECONDS(60)));
    return p;
}

static const char *mixed_file(void)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/tests/test_schedule_import.json", getenv("DRUMBEAT_SOURCE"));
    return path;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_WORDS ((const char *const[]){NULL})
#define IMPORT(...) CLEANUP(test_process_freep) struct test_process *p = import(__VA_ARGS__)

static void ck_status(struct test_process *p, int status)
{
    ck_assert_msg(test_process_status(p) == status, "exit status %d, not %d: %s%s", test_process_status(p), status,
                  test_process_output(p), test_process_errors(p));
}

static void ck_says(struct test_process *p, const char *line)
{
    ck_assert_msg(strstr(test_process_output(p), line) != NULL, "'%s' is not in: %s", line, test_process_output(p));
}

/* Line `i` of the report holds `wanted`, and tells of an import when that begins as one or with what follows its name. */
static void ck_line(struct test_process *p, size_t i, const char *wanted)
{
    const char *line = test_process_output(p);
    char copy[512];
    for (size_t n = 0; n < i; n++)
        line += strcspn(line, "\n") + 1;
    snprintf(copy, sizeof copy, "%.*s", (int)strcspn(line, "\n") + 1, line);
    ck_assert_msg(strstr(copy, wanted) != NULL, "line %zu: '%s' is not in: %s", i + 1, wanted, copy);
    bool imported = strchr(":;", *wanted) || strncmp(wanted, "imported ", 9) == 0;
    ck_assert_msg((strncmp(copy, "imported ", 9) == 0) == imported, "line %zu: %s", i + 1, copy);
}

static void ck_sql(const char *sql, const char *wanted)
{
    const char *found = test_text(pg, sql);
    ck_assert_msg(strcmp(found, wanted) == 0, "%s: '%s', not '%s'", sql, found, wanted);
}

/* A periodic task of its own with one row that says when; `fields` are that row's. */
static void add_task(struct text *out, const char *kind, int key, const char *fields)
{
    text_printf(out, "%s{\"model\": \"django_celery_beat.%sschedule\", \"pk\": %d, \"fields\": {%s}},\n", out->len ? ",\n" : "[", kind, key,
                fields);
    text_printf(out, "{\"model\": \"django_celery_beat.periodictask\", \"pk\": %d, \"fields\": {\"name\": \"row%d\", \"task\": \"noop\", "
                     "\"%s\": %d}}", key, key, kind, key);
}

/* Times ------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *minute, *hour, *day_of_month, *month_of_year, *day_of_week;
    const char *wanted; /* in the line */
} crontabs[] = {
    {"0", "4", "*", "*", "*", ": 0 4 * * * UTC\n"},
    {"*/15", "*", "*", "*", "*", ": */15 * * * * UTC\n"},
    {"*/1", "*/1", "*", "*", "*", ": * * * * * UTC\n"},
    {" 0 , 30 ", "8-18/2", "*", "*", "*", ": 0,30 8-18/2 * * * UTC\n"},
    {"0", "22-4", "*", "*", "*", ": 0 22-4 * * * UTC\n"},
    {"*/90", "*", "*", "*", "*", ": 0 * * * * UTC\n"},
    {"10-40/99", "*", "*", "*", "*", ": 10 * * * * UTC\n"},
    {"0", "0", "*", "*", "0", ": 0 0 * * 0 UTC\n"},
    {"0", "0", "*", "*", "Sunday,tues", ": 0 0 * * 0,2 UTC\n"},
    {"0", "0", "*", "*", "fri-mon", ": 0 0 * * 5-1 UTC\n"},
    {"0", "0", "1", "jan,July-september", "*", ": 0 0 1 1,7-9 * UTC\n"},
    {"0", "0", "13", "*", "5", ": 0 0 13 * +5 UTC\n"},
    {"0", "0", "*/2", "*", "mon-fri", ": 0 0 */2 * +1-5 UTC\n"},
    {"0", "0", "1-31", "*", "0-6", ": 0 0 1-31 * +0-6 UTC\n"},
    {"", "", "", "", "", ": * * * * * UTC\n"},
    {"0", "0", "30", "2", "*", ": 0 0 30 2 * UTC; it never fires again\n"},
    {"60", "*", "*", "*", "*", "minute '60': Celery reads"},
    {"0", "24", "*", "*", "*", "hour '24': Celery reads"},
    {"0", "0", "0", "*", "*", "day_of_month '0': Celery reads"},
    {"0", "0", "*", "13", "*", "month_of_year '13': Celery reads"},
    {"0", "0", "*", "*", "7", "day_of_week '7': Celery reads"},
    {"5/10", "*", "*", "*", "*", "minute '5/10': Celery reads"},
    {"*/0", "*", "*", "*", "*", "minute '*/0': Celery reads"},
    {"1,,2", "*", "*", "*", "*", "minute '1,,2': Celery reads"},
    {"1,", "*", "*", "*", "*", "minute '1,': Celery reads"},
    {"-5", "*", "*", "*", "*", "minute '-5': Celery reads"},
    {"99999999999", "*", "*", "*", "*", "minute '99999999999': Celery reads"},
    {"0", "0", "L", "*", "*", "day_of_month 'L': Celery reads"},
    {"0", "0", "*", "*", "mo", "day_of_week 'mo': Celery reads"},
    {"0", "0", "*", "*", "*x", "day_of_week '*x': Celery reads"},
};

START_TEST(a_crontab_means_what_celery_means_by_it)
{
    CLEANUP(text_free) struct text rows = {0};
    size_t count = sizeof crontabs / sizeof *crontabs;
    for (size_t i = 0; i < count; i++) {
        char fields[512];
        snprintf(fields, sizeof fields,
                 "\"minute\": \"%s\", \"hour\": \"%s\", \"day_of_month\": \"%s\", \"month_of_year\": \"%s\", \"day_of_week\": \"%s\", "
                 "\"timezone\": \"UTC\"",
                 crontabs[i].minute, crontabs[i].hour, crontabs[i].day_of_month, crontabs[i].month_of_year, crontabs[i].day_of_week);
        add_task(&rows, "crontab", (int)i + 1, fields);
    }
    text_puts(&rows, "]");
    IMPORT("-", text_str(&rows), WORDS("--dry-run"));
    ck_status(p, 1);
    for (size_t i = 0; i < count; i++)
        ck_line(p, i, crontabs[i].wanted);
}
END_TEST

START_TEST(both_day_fields_of_a_crontab_must_match)
{
    CLEANUP(text_free) struct text rows = {0};
    add_task(&rows, "crontab", 1, "\"minute\": 0, \"hour\": 12, \"day_of_month\": \"13\", \"day_of_week\": \"fri\", \"timezone\": \"Europe/Paris\"");
    text_puts(&rows, "]");
    IMPORT("-", text_str(&rows), NO_WORDS);
    ck_status(p, 0);
    CLEANUP(test_process_freep) struct test_process *next =
        test_drumbeat(url, "schedule", "next", "row1", "--from", "2026-01-01T00:00:00Z", "--count", "3", NULL);
    ck_assert_str_eq(test_process_output(next), "2026-02-13T11:00:00Z\t2026-02-13T12:00:00+01:00\n"
                     "2026-03-13T11:00:00Z\t2026-03-13T12:00:00+01:00\n"
                     "2026-11-13T11:00:00Z\t2026-11-13T12:00:00+01:00\n");
}
END_TEST

static const struct {
    const char *fields, *wanted;
} intervals[] = {
    {"\"every\": 14, \"period\": \"days\"", ": @every 14d\n"},
    {"\"every\": 24, \"period\": \"hours\"", ": @every 24h\n"},
    {"\"every\": 5, \"period\": \"minutes\"", ": @every 5m\n"},
    {"\"every\": 10, \"period\": \"seconds\"", ": @every 10s\n"},
    {"\"every\": 3000000, \"period\": \"microseconds\"", ": @every 3s\n"},
    {"\"every\": 500000, \"period\": \"microseconds\"", "whole seconds only"},
    {"\"every\": 0, \"period\": \"days\"", "every is not a whole number above 0"},
    {"\"every\": 1.5, \"period\": \"days\"", "every is not a whole number above 0"},
    {"\"every\": 367, \"period\": \"days\"", "366"},
    {"\"every\": 9000000000000000000, \"period\": \"hours\"", "is not understood"},
    {"\"every\": 1, \"period\": \"weeks\"", "period 'weeks' is not"},
    {"\"every\": 1", "period '' is not"},
};

START_TEST(an_interval_becomes_every)
{
    CLEANUP(text_free) struct text rows = {0};
    size_t count = sizeof intervals / sizeof *intervals;
    for (size_t i = 0; i < count; i++)
        add_task(&rows, "interval", (int)i + 1, intervals[i].fields);
    text_puts(&rows, "]");
    IMPORT("-", text_str(&rows), WORDS("--dry-run"));
    ck_status(p, 1);
    for (size_t i = 0; i < count; i++)
        ck_line(p, i, intervals[i].wanted);
}
END_TEST

/* Rows -------------------------------------------------------------------------------------------------------------- */

static const char *const mixed_lines[] = {
    "imported   Stock-levels: @every 90m\n",
    "imported   Rapport-l'aube: 30 2 * * 1-5 Africa/Kinshasa\n",
    "imported   both: @every 90m; crontab is set too: Celery goes by interval\n",
    "imported   disabled: 0 6 1 * *, disabled; without a timezone: UTC\n",
    "imported   unknown: 30 2 * * 1-5 Africa/Kinshasa, disabled; there is no handler 'stock.tasks.recount' yet (see --map)\n",
    "imported   once: 15 30 4 1 6 * 2150\n",
    "imported   long-ago: 0 0 0 1 1 * 2019, disabled; it never fires again\n",
    "skipped    sunset: solar schedules cannot be said here\n",
    "imported   positional: @every 90m, disabled; positional arguments [1, \"two\"] not kept: name them in args\n",
    "imported   one-run: 30 2 * * 1-5 Africa/Kinshasa, once\n",
    "imported   has-run: 30 2 * * 1-5 Africa/Kinshasa, once, disabled; one_off, and it has run\n",
    "; queue 'Stock Queue' not kept: a queue's name is made of a-z 0-9 _ . -; priority 200 not kept: priorities are 0 to 9; headers not kept\n",
    "imported   wrong-arguments: @every 90m, disabled; sleep: 'second' is not an argument",
};

START_TEST(each_row_has_a_line_that_says_what_became_of_it)
{
    IMPORT(mixed_file(), NULL, NO_WORDS);
    ck_status(p, 1);
    for (size_t i = 0; i < sizeof mixed_lines / sizeof *mixed_lines; i++)
        ck_line(p, i, mixed_lines[i]);
    ck_says(p, "\n12 imported, 0 changed, 0 unchanged, 1 skipped\n");
    ck_sql("SELECT concat_ws(' ', handler, args, specs, tz, queue, priority, enabled, start_at AT TIME ZONE 'UTC', end_at AT TIME ZONE 'UTC', source) "
           "FROM drumbeat.schedule WHERE name = 'Stock-levels'",
           "noop {\"depot\": 9007199254740993} {\"@every 90m\"} stock 3 t 2020-01-01 00:00:00 2199-01-01 00:00:00 sql");
    ck_sql("SELECT string_agg(name, ' ' ORDER BY name) FROM drumbeat.schedule WHERE NOT enabled",
           "disabled has-run long-ago positional unknown wrong-arguments");
    ck_sql("SELECT string_agg(name, ' ' ORDER BY name) FROM drumbeat.schedule WHERE max_runs = 1", "has-run one-run");
    ck_sql("SELECT count(*) FROM drumbeat.schedule", "12");
}
END_TEST

START_TEST(json_has_the_columns_of_the_table)
{
    IMPORT(mixed_file(), NULL, WORDS("--json", "--dry-run"));
    struct err e;
    const char *output = test_process_output(p);
    ck_status(p, 1);
    CLEANUP(js_freep) struct js *row = js_parse(output, strcspn(output, "\n"), &e);
    ck_assert_msg(row != NULL, "%s: %s", e.text, output);
    ck_assert_str_eq(js_text(js_get(row, "outcome")), "imported");
    ck_assert_str_eq(js_text(js_get(row, "periodic_task")), "Stock levels");
    ck_assert_str_eq(js_text(js_get(row, "name")), "Stock-levels");
    ck_assert_str_eq(js_text(js_at(js_get(row, "specs"), 0)), "@every 90m");
    ck_assert_str_eq(js_text(js_get(row, "start_at")), "2020-01-01T00:00:00Z");
    ck_assert(js_is_null(js_get(row, "note")));
    ck_assert(js_type(js_get(row, "note")) == JS_NULL);
}
END_TEST

START_TEST(a_dry_run_writes_nothing)
{
    IMPORT(mixed_file(), NULL, WORDS("--dry-run"));
    ck_status(p, 1);
    ck_says(p, "12 imported, 0 changed, 0 unchanged, 1 skipped: a dry run, nothing was written\n");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.schedule"), 0);
}
END_TEST

#define REVISIONS "SELECT string_agg(revision || ' ' || mark, ',' ORDER BY name) FROM drumbeat.schedule"

START_TEST(a_second_import_changes_nothing_and_says_so)
{
    IMPORT(mixed_file(), NULL, NO_WORDS);
    ck_status(p, 1);
    char *before = mem_strdup(test_text(pg, REVISIONS));
    CLEANUP(test_process_freep) struct test_process *again = import(mixed_file(), NULL, NO_WORDS);
    ck_status(again, 1);
    ck_says(again, "0 imported, 0 changed, 12 unchanged, 1 skipped: nothing was changed\n");
    ck_sql(REVISIONS, before);
    free(before);
}
END_TEST

START_TEST(a_further_import_changes_what_differs_and_leaves_what_it_does_not_know)
{
    IMPORT(mixed_file(), NULL, NO_WORDS);
    ck_status(p, 1);
    test_sql(pg, "UPDATE drumbeat.schedule SET catchup = 'all', overlap = 'skip', exclude = '{0 0 25 12 *}' WHERE name = 'both';"
                 "UPDATE drumbeat.schedule SET specs = '{@daily}', queue = 'q' WHERE name = 'Stock-levels';"
                 "SELECT drumbeat.pause_schedule('both', 'later')");
    CLEANUP(test_process_freep) struct test_process *again = import(mixed_file(), NULL, NO_WORDS);
    ck_says(again, "changed    Stock-levels: @every 90m; specs, queue differed\n");
    ck_says(again, "0 imported, 1 changed, 11 unchanged, 1 skipped\n");
    ck_sql("SELECT concat_ws(' ', specs, queue) FROM drumbeat.schedule WHERE name = 'Stock-levels'", "{\"@every 90m\"} stock");
    ck_sql("SELECT concat_ws(' ', catchup, overlap, exclude, paused) FROM drumbeat.schedule WHERE name = 'both'", "all skip {\"0 0 25 12 *\"} t");
}
END_TEST

START_TEST(nothing_fires_for_the_time_before_the_import)
{
    test_sql(pg, "CREATE TABLE public.begun AS SELECT clock_timestamp() AS at");
    IMPORT(mixed_file(), NULL, NO_WORDS);
    ck_status(p, 1);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.schedule s, public.begun b WHERE s.mark <= b.at OR s.last_tick IS NOT NULL"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 0);
}
END_TEST

START_TEST(schedules_of_the_configuration_are_left_alone)
{
    test_sql(pg, "INSERT INTO drumbeat.schedule (name, handler, specs, source) VALUES ('both', 'echo', '{@daily}', 'file')");
    IMPORT(mixed_file(), NULL, NO_WORDS);
    ck_status(p, 1);
    ck_says(p, "skipped    both: the configuration file has a schedule of this name; crontab is set too");
    ck_sql("SELECT concat_ws(' ', handler, specs, source) FROM drumbeat.schedule WHERE name = 'both'", "echo {@daily} file");
}
END_TEST

/* Handlers ---------------------------------------------------------------------------------------------------------- */

static const char project[] =
    "[{\"model\": \"django_celery_beat.intervalschedule\", \"pk\": 1, \"fields\": {\"every\": 1, \"period\": \"hours\"}},"
    "{\"model\": \"django_celery_beat.periodictask\", \"pk\": 1, \"fields\": {\"name\": \"a\", \"task\": \"project.core.tasks.partners\", \"interval\": 1,"
    "\"enabled\": false}},"
    "{\"model\": \"django_celery_beat.periodictask\", \"pk\": 2, \"fields\": {\"name\": \"b\", \"task\": \"project.core.tasks.report\", \"interval\": 1}},"
    "{\"model\": \"django_celery_beat.periodictask\", \"pk\": 3, \"fields\": {\"name\": \"c\", \"task\": \"sync all\", \"interval\": 1}}]";

START_TEST(a_map_names_handlers_by_the_whole_or_the_end_of_a_task)
{
    IMPORT("-", project, WORDS("--map", "tasks.partners=noop", "--map", "sync all=echo", "--map", "eport=fail"));
    ck_status(p, 0);
    ck_assert_str_eq(test_process_output(p), "imported   a: @every 1h, disabled\n"
                                             "imported   b: @every 1h, disabled; there is no handler 'project.core.tasks.report' yet (see --map)\n"
                                             "imported   c: @every 1h\n"
                                             "3 imported, 0 changed, 0 unchanged, 0 skipped\n");
    ck_sql("SELECT string_agg(handler, ' ' ORDER BY name) FROM drumbeat.schedule", "noop project.core.tasks.report echo");
}
END_TEST

START_TEST(a_task_that_cannot_be_a_handler_is_skipped)
{
    IMPORT("-", project, NO_WORDS);
    ck_status(p, 1);
    ck_says(p, "skipped    c: its task's name cannot be a handler's (see --map)\n");
}
END_TEST

START_TEST(enable_wakes_what_was_disabled_but_not_what_nobody_can_run)
{
    IMPORT("-", project, WORDS("--enable", "--map", "partners=noop", "--map", "sync all=echo"));
    ck_status(p, 0);
    ck_sql("SELECT string_agg(name || ' ' || enabled, ', ' ORDER BY name) FROM drumbeat.schedule", "a true, b false, c true");
}
END_TEST

START_TEST(as_is_leaves_enabled_what_nobody_can_run_yet)
{
    IMPORT("-", project, WORDS("--as-is", "--map", "partners=noop", "--map", "sync all=echo"));
    ck_status(p, 0);
    ck_sql("SELECT string_agg(name || ' ' || enabled, ', ' ORDER BY name) FROM drumbeat.schedule", "a false, b true, c true");
}
END_TEST

START_TEST(a_handler_that_some_worker_has_told_of_is_known)
{
    test_sql(pg, "INSERT INTO drumbeat.handler (name) VALUES ('project.core.tasks.report')");
    IMPORT("-", project, WORDS("--map", "sync all=echo"));
    ck_status(p, 0);
    ck_says(p, "imported   b: @every 1h\n");
}
END_TEST

/* Bad input --------------------------------------------------------------------------------------------------------- */

#define ROW(fields) "{\"model\": \"django_celery_beat.periodictask\", \"pk\": 7, \"fields\": {" fields "}}"
#define HOURLY "{\"model\": \"django_celery_beat.intervalschedule\", \"pk\": 1, \"fields\": {\"every\": 1, \"period\": \"hours\"}}"
#define NOOP "\"name\": \"x\", \"task\": \"noop\""

static const struct {
    const char *input, *wanted;
} rows[] = {
    {"[" ROW(NOOP) "]", "skipped    x: neither interval, crontab, solar nor clocked is set"},
    {"[" ROW(NOOP ", \"crontab\": 3") "]", "skipped    x: crontab 3 is not in the file"},
    {"[" ROW(NOOP ", \"crontab\": 3") ",{\"model\": \"django_celery_beat.crontabschedule\", \"pk\": 3}]", "skipped    x: crontab 3 is not in the file"},
    {"[" ROW("\"name\": \"x\", \"interval\": 1") "," HOURLY "]", "skipped    x: it has no task"},
    {"[" ROW("\"task\": \"noop\", \"interval\": 1") "," HOURLY "]", "imported   periodic-task-7: @every 1h\n"},
    {"[" ROW(NOOP ", \"interval\": 1, \"args\": \"('a',)\"") "," HOURLY "]", "skipped    x: args: not valid JSON"},
    {"[" ROW(NOOP ", \"interval\": 1, \"kwargs\": \"[1]\"") "," HOURLY "]", "skipped    x: kwargs: an array, not an object"},
    {"[" ROW(NOOP ", \"interval\": 1, \"expires\": \"2030-01-01T00:00:00\"") "," HOURLY "]", "skipped    x: expires: '2030-01-01T00:00:00' is not a time"},
    {"[" ROW(NOOP ", \"interval\": 1") "," HOURLY "," ROW(NOOP ", \"interval\": 1") "]", "skipped    x: an earlier row of the file has this name"},
    {"[" ROW(NOOP ", \"clocked\": 1") ",{\"model\": \"django_celery_beat.clockedschedule\", \"pk\": 1, \"fields\": {\"clocked_time\": \"soon\"}}]",
     "skipped    x: clocked 1: clocked_time: 'soon' is not a time"},
    {"[" ROW(NOOP ", \"crontab\": 1") ",{\"model\": \"django_celery_beat.crontabschedule\", \"pk\": 1, \"fields\": {\"timezone\": \"Europe/Pari\"}}]",
     "skipped    x: unknown time zone 'Europe/Pari' (did you mean Europe/Paris?)"},
    {"[null, 7, {\"model\": 1}, {\"model\": \"django_celery_beat.\"}, {\"model\": \"django_celery_beat.periodictask\"}]", "skipped    periodic-task-null: it has no task"},
};

START_TEST(what_is_wrong_with_a_row_is_said_in_its_line)
{
    IMPORT("-", rows[_i].input, WORDS("--dry-run"));
    ck_says(p, rows[_i].wanted);
    ck_status(p, strncmp(rows[_i].wanted, "skipped", 7) == 0);
}
END_TEST

static const struct {
    const char *input, *words[3];
    int status;
    const char *wanted;
} mistakes[] = {
    {"", {0}, 1, "standard input: not valid JSON"},
    {"{}", {0}, 1, "standard input: an object, not an array of {model, pk, fields}"},
    {"[]", {0}, 1, "standard input: there is no django_celery_beat.periodictask in it"},
    {project, {"--map", "noop"}, 2, "--map: 'noop' is not TASK=HANDLER"},
    {project, {"--map", "noop="}, 2, "--map: 'noop=' is not TASK=HANDLER"},
    {project, {"--enable", "--as-is"}, 2, "give --enable or --as-is, not both"},
};

START_TEST(a_mistake_is_one_line_and_nothing_is_written)
{
    IMPORT("-", mistakes[_i].input, mistakes[_i].words);
    ck_status(p, mistakes[_i].status);
    ck_assert_msg(strstr(test_process_errors(p), mistakes[_i].wanted) != NULL, "'%s' is not in: %s", mistakes[_i].wanted, test_process_errors(p));
    ck_assert_str_eq(test_process_output(p), "");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.schedule"), 0);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_named)
{
    IMPORT("/no/such/file", NULL, NO_WORDS);
    ck_status(p, 2);
    ck_assert_str_eq(test_process_errors(p), "drumbeat: /no/such/file: No such file or directory\n");
}
END_TEST

static void add_tests(TCase *reading, TCase *writing)
{
    tcase_add_test(reading, a_crontab_means_what_celery_means_by_it);
    tcase_add_test(reading, an_interval_becomes_every);
    tcase_add_test(reading, json_has_the_columns_of_the_table);
    tcase_add_test(reading, a_dry_run_writes_nothing);
    tcase_add_loop_test(reading, what_is_wrong_with_a_row_is_said_in_its_line, 0, sizeof rows / sizeof *rows);
    tcase_add_loop_test(reading, a_mistake_is_one_line_and_nothing_is_written, 0, sizeof mistakes / sizeof *mistakes);
    tcase_add_test(reading, a_file_that_is_not_there_is_named);
    tcase_add_test(writing, both_day_fields_of_a_crontab_must_match);
    tcase_add_test(writing, each_row_has_a_line_that_says_what_became_of_it);
    tcase_add_test(writing, a_second_import_changes_nothing_and_says_so);
    tcase_add_test(writing, a_further_import_changes_what_differs_and_leaves_what_it_does_not_know);
    tcase_add_test(writing, nothing_fires_for_the_time_before_the_import);
    tcase_add_test(writing, schedules_of_the_configuration_are_left_alone);
    tcase_add_test(writing, a_map_names_handlers_by_the_whole_or_the_end_of_a_task);
    tcase_add_test(writing, a_task_that_cannot_be_a_handler_is_skipped);
    tcase_add_test(writing, enable_wakes_what_was_disabled_but_not_what_nobody_can_run);
    tcase_add_test(writing, as_is_leaves_enabled_what_nobody_can_run_yet);
    tcase_add_test(writing, a_handler_that_some_worker_has_told_of_is_known);
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    Suite *suite = suite_create("schedule import");
    TCase *reading = tcase_create("reading"), *writing = tcase_create("writing");
    tcase_add_unchecked_fixture(reading, begin, end); /* none of them writes */
    tcase_add_checked_fixture(writing, begin, end);
    tcase_set_timeout(reading, 60);
    tcase_set_timeout(writing, 60);
    add_tests(reading, writing);
    suite_add_tcase(suite, reading);
    suite_add_tcase(suite, writing);
    return test_main(suite);
}
