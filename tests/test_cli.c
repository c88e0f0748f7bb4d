/* The command line through the real binary: what it prints, what it ends with, what it leaves in the tables. */
#include "common/base/json.h"
#include "common/base/text.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

#define DRUMBEAT(...) CLEANUP(test_process_freep) struct test_process *p = test_drumbeat(url, __VA_ARGS__, NULL)

/* Exit status and what standard error must hold; "" for nothing at all. */
static void ck_ended(struct test_process *p, int status, const char *errors)
{
    const char *said = test_process_errors(p);
    ck_assert_msg(test_process_status(p) == status, "exit status %d, not %d: %.1000s%.2000s", test_process_status(p), status, test_process_output(p), said);
    if (*errors)
        ck_assert_msg(strstr(said, errors) != NULL, "'%s' is not in: %.2000s", errors, said);
    else
        ck_assert_msg(*said == '\0', "said on standard error: %.2000s", said);
    const char *line = strchr(said, '\n');
    ck_assert_msg(!line || line[1] == '\0', "more than one line: %.2000s", said);
}

static void ck_says(struct test_process *p, const char *text)
{
    ck_assert_msg(strstr(test_process_output(p), text) != NULL, "'%s' is not in: %.2000s", text, test_process_output(p));
}

/* The id that enqueue printed. */
static const char *enqueue(const char *sql)
{
    char statement[512];
    static char id[64];
    snprintf(statement, sizeof statement, "SELECT %s", sql);
    snprintf(id, sizeof id, "%s", test_text(pg, statement));
    return id;
}

/* A worker that runs what is there and ends. */
static void work(void)
{
    DRUMBEAT("worker", "--burst", "--pool", "1");
    ck_assert_int_eq(test_process_status(p), 0);
}

/* Words ------------------------------------------------------------------------------------------------------------- */

static const struct wrong {
    const char *words[8];
    int status;
    const char *errors;
} wrong[] = {
    {{"enqeue", "noop"}, 2, "unknown verb 'enqeue' (did you mean 'enqueue'?)"},
    {{"task"}, 2, "task: which verb?"},
    {{"task", "shwo", "x"}, 2, "unknown verb 'task shwo' (did you mean 'task show'?)"},
    {{"enqueue"}, 2, "NAME is missing"},
    {{"task", "retry"}, 2, "which tasks? give ids, or flags such as --name, or --all"},
    {{"task", "cancel", "0190a5d2", "--all"}, 2, "give ids, or say by flags which tasks are meant, not both"},
    {{"task", "retry", "--status", "success"}, 2, "--status: 'success' is not ERRORED, KILLED or SKIPPED"},
    {{"task", "cancel", "--since", "yesterday"}, 2, "--since: 'yesterday' is neither a time like"},
    {{"task", "cancel", "--batch", "x"}, 2, "--batch: 'x' is not an id"},
    {{"enqueue", "noop", "more"}, 2, "'more' is one argument too many"},
    {{"enqueue", "noop", "--quue", "q"}, 2, "unknown flag --quue (did you mean --queue?)"},
    {{"enqueue", "noop", "-q"}, 2, "unknown flag -q"},
    {{"enqueue", "noop", "--queue"}, 2, "--queue needs a value"},
    {{"enqueue", "noop", "--json=yes"}, 2, "--json takes no value"},
    {{"enqueue", "noop", "--priority", "ten"}, 2, "--priority: 'ten' is not a whole number"},
    {{"enqueue", "noop", "--priority", "10"}, 2, "--priority: 10 is not between 0 and 9"},
    {{"enqueue", "noop", "--at", "tomorrow"}, 2, "--at: 'tomorrow' is not a time"},
    {{"enqueue", "noop", "--in", "5"}, 2, "--in: '5' is not a duration"},
    {{"enqueue", "noop", "--in", "5m", "--at", "2030-01-01T00:00:00Z"}, 2, "--at or --in, not both"},
    {{"enqueue", "noop", "--queue", "No Queue"}, 2, "queue 'No Queue' is not"},
    {{"enqueue", "two words"}, 2, "name must be"},
    {{"enqueue", "echo", "--args", "[1]"}, 2, "--args: an array, not an object"},
    {{"enqueue", "echo", "--args", "{\"a\": }"}, 2, "--args: not valid JSON"},
    {{"enqueue", "echo", "--args", "@/no/such/file"}, 2, "--args: /no/such/file: No such file"},
    {{"enqueue", "sleep", "--args", "{\"seconds\": \"x\"}"}, 2, "'seconds' must be a number, not a string"},
    {{"enqueue", "sleep", "--args", "{\"second\": 1}"}, 2, "'second' is not an argument"},
    {{"run", "no.such.handler"}, 3, "there is no handler 'no.such.handler'"},
    {{"handlers", "no.such.handler"}, 3, "there is no handler"},
    {{"task", "show", "zzzzzzzz"}, 2, "is not a task id"},
    {{"task", "show", "0190"}, 2, "is not a task id"},
    {{"task", "show", "00000000-0000-7000-8000-000000000000"}, 3, "there is no task"},
    {{"task", "wait", "00000000-0000-7000-8000-000000000000"}, 3, "there is no task"},
    {{"task", "cancel", "00000000-0000-7000-8000-000000000000"}, 3, "there is no task"},
    {{"task", "retry", "00000000"}, 3, "no task's id begins with 00000000"},
    {{"task", "ls", "--status", "DONE"}, 2, "--status: 'DONE' is not"},
    {{"queue", "pause", "No Queue"}, 2, "queue must be"},
    {{"schedule", "next", "nothing"}, 3, "nothing"},
    {{"schedule", "history", "nothing"}, 3, "nothing"},
    {{"schedule", "backfill", "nothing", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z"}, 3, "nothing"},
    {{"schedule", "backfill", "nothing", "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"}, 2, "before it begins"},
    {{"schedule", "backfill", "nothing"}, 2, "--from is missing"},
    {{"bench", "everything"}, 2, "'everything' is not"},
    {{"config", "--set", "worker.pool"}, 2, "'worker.pool' is not OPTION=VALUE"},
    {{"config", "--set", "worker.pool=0"}, 2, "worker.pool"},
    {{"config", "--config", "/no/such/file"}, 2, "/no/such/file"},
    {{"migrate", "--database-url", "postgresql:///x?host=/nowhere"}, 5, "/nowhere"},
    {{"migrate", "--database-url", "postgresql://[/x"}, 2, "database URL"},
};

START_TEST(a_mistake_is_one_line_and_an_exit_status)
{
    const struct wrong *w = &wrong[_i];
    const char *const *s = w->words;
    DRUMBEAT(s[0], s[1], s[2], s[3], s[4], s[5], s[6]);
    ck_ended(p, w->status, w->errors);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 0);
}
END_TEST

START_TEST(every_verb_has_help_with_an_example)
{
    DRUMBEAT("--help");
    ck_ended(p, 0, "");
    static const char *const verbs[] = {"worker", "beat", "enqueue", "run", "task ls", "task show", "task wait", "task log", "task cancel",
                                        "task retry", "queue ls", "queue pause", "queue resume", "queue purge", "schedule ls", "schedule next", "schedule history", "schedule backfill",
                                        "handlers", "migrate", "config", "doctor", "bench", "version"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        char first[32], line[64];
        size_t length = strcspn(verbs[i], " ");
        snprintf(first, sizeof first, "%.*s", (int)length, verbs[i]);
        const char *second = verbs[i][length] ? verbs[i] + length + 1 : "--help";
        snprintf(line, sizeof line, "  %s ", verbs[i]);
        ck_says(p, line);
        struct test_process *help = test_drumbeat(NULL, first, second, "--help", NULL);
        snprintf(line, sizeof line, "example\n  drumbeat %s", verbs[i]);
        ck_ended(help, 0, "");
        ck_says(help, line);
        test_process_free(help);
    }
}
END_TEST

START_TEST(the_manual_is_what_the_program_says)
{
    static const struct {
        const char *flag, *path;
    } pages[] = {{NULL, "docs/cli.md"}, {"--man", "docs/man/drumbeat.1"}};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        char path[4096];
        CLEANUP(text_free) struct text kept = {0};
        snprintf(path, sizeof path, "%s/%s", getenv("DRUMBEAT_SOURCE"), pages[i].path);
        FILE *file = fopen(path, "r");
        ck_assert_ptr_nonnull(file);
        for (int c; (c = fgetc(file)) != EOF;)
            text_putc(&kept, (char)c);
        fclose(file);
        struct test_process *p = test_drumbeat(NULL, "manual", pages[i].flag, NULL);
        ck_assert_msg(strcmp(text_str(&kept), test_process_output(p)) == 0, "%s is not what drumbeat manual %s prints", pages[i].path,
                      pages[i].flag ? pages[i].flag : "");
        test_process_free(p);
    }
}
END_TEST

START_TEST(without_a_database_the_error_says_what_to_set)
{
    CLEANUP(test_process_freep) struct test_process *p = test_drumbeat("", "task", "ls", NULL);
    ck_ended(p, 2, "set DATABASE_URL");
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    const char *argv[] = {"/bin/sh", "-c", "exec \"$0\" version > /dev/full", test_build_path("drumbeat"), NULL};
    struct test_program program = {.argv = argv};
    CLEANUP(test_process_freep) struct test_process *p = test_process_start(&program);
    ck_assert(test_process_wait(p, SECONDS(30)));
    ck_ended(p, 1, "standard output: No space left on device");
}
END_TEST

START_TEST(flags_may_stand_before_the_verb)
{
    CLEANUP(test_process_freep) struct test_process *p = test_drumbeat(NULL, "--database-url", url, "migrate", NULL);
    ck_ended(p, 0, "");
    ck_says(p, "up to date");
}
END_TEST

/* Enqueue and look -------------------------------------------------------------------------------------------------- */

START_TEST(enqueue_prints_the_id_and_writes_what_it_was_told)
{
    DRUMBEAT("enqueue", "echo", "--args", "{\"a\": 1}", "--queue", "q1", "--priority", "2", "--in", "1h", "--max-attempts", "7", "--unique", "k",
             "--tenant", "t");
    char id[64], sql[512];
    ck_ended(p, 0, "");
    ck_assert_int_eq(sscanf(test_process_output(p), "%36s", id), 1);
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM drumbeat.task WHERE id = '%s' AND name = 'echo' AND args = '{\"a\": 1}' AND queue = 'q1' AND priority = 2"
             " AND max_attempts = 7 AND unique_key = 'k' AND tenant = 't' AND run_at BETWEEN now() + interval '59 min' AND now() + interval '61 min'",
             id);
    ck_assert_int_eq(test_number(pg, sql), 1);
    struct test_process *again = test_drumbeat(url, "enqueue", "echo", "--unique", "k", "--json", NULL);
    char wanted[96];
    snprintf(wanted, sizeof wanted, "{\"id\": \"%s\"}\n", id);
    ck_assert_str_eq(test_process_output(again), wanted);
    test_process_free(again);
}
END_TEST

START_TEST(arguments_come_from_standard_input)
{
    char variable[4096];
    const char *argv[] = {test_build_path("drumbeat"), "enqueue", "echo", "--args", "-", NULL}, *env[] = {variable, NULL};
    snprintf(variable, sizeof variable, "DATABASE_URL=%s", url);
    struct test_program program = {.argv = argv, .env = env, .input = "{\"from\": \"stdin\", \"big\": 9007199254740993}"};
    CLEANUP(test_process_freep) struct test_process *p = test_process_start(&program);
    ck_assert(test_process_wait(p, SECONDS(30)));
    ck_ended(p, 0, "");
    ck_assert_str_eq(test_text(pg, "SELECT args ->> 'big' FROM drumbeat.task"), "9007199254740993");
}
END_TEST

START_TEST(a_name_that_nobody_has_waits_and_is_reported)
{
    DRUMBEAT("enqueue", "some.handler");
    ck_ended(p, 0, "has a handler 'some.handler'");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'QUEUED'"), 1);
}
END_TEST

START_TEST(lists_are_json_lines_with_the_columns_names)
{
    enqueue("drumbeat.enqueue('echo', '{\"text\": \"a\\\\nb\\\\u001b[31m\"}', created_by => 'x')");
    enqueue("drumbeat.enqueue('noop', run_at => '2030-01-01 00:30:00.5+01')");
    DRUMBEAT("task", "ls", "--json");
    struct err e;
    const char *out = test_process_output(p);
    size_t first = strcspn(out, "\n");
    CLEANUP(js_freep) struct js *line = js_parse(out, first, &e);
    ck_ended(p, 0, "");
    ck_assert_ptr_nonnull(line);
    ck_assert_str_eq(js_text(js_get(line, "name")), "noop");
    ck_assert_str_eq(js_text(js_get(line, "status")), "QUEUED");
    ck_assert_str_eq(js_text(js_get(line, "run_at")), "2029-12-31T23:30:00.500Z");
    ck_assert_int_eq(js_type(js_get(line, "started_at")), JS_NULL);
    ck_assert_int_eq(js_type(js_get(line, "args")), JS_OBJECT);
    struct pg_rows columns;
    struct sql query = {"columns", "SELECT column_name FROM information_schema.columns WHERE table_schema = 'drumbeat' AND table_name = 'task'"};
    ck_assert(pg_exec(pg, &query, &columns, &e));
    ck_assert_uint_eq(js_count(line), columns.count);
    for (size_t i = 0; i < columns.count; i++)
        ck_assert_msg(js_type(js_get(line, pg_get_text(&columns, i, 0))) != JS_ABSENT, "no key %s", pg_get_text(&columns, i, 0));
}
END_TEST

START_TEST(filters_choose_tasks)
{
    enqueue("drumbeat.enqueue('noop', queue => 'a', tenant => 't')");
    enqueue("drumbeat.enqueue('echo', queue => 'b')");
    enqueue("drumbeat.cancel(drumbeat.enqueue('fail', queue => 'b'))");
    test_sql(pg, "UPDATE drumbeat.task_body SET schedule = 'nightly', batch_id = '00000000-0000-7000-8000-000000000001' WHERE name = 'echo'");
    static const struct {
        const char *flag, *value;
        size_t lines;
    } rows[] = {{"--queue", "b", 2}, {"--name", "noop", 1}, {"--tenant", "t", 1}, {"--status", "killed", 1}, {"--status", "QUEUED", 2}, {"--status", "SUCCESS", 0}, {"--limit", "2", 2},
                {"--schedule", "nightly", 1}, {"--batch", "00000000-0000-7000-8000-000000000001", 1}, {"--since", "1h", 3}, {"--since", "2099-01-01T00:00:00Z", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct test_process *p = test_drumbeat(url, "task", "ls", rows[i].flag, rows[i].value, NULL);
        size_t lines = 0;
        for (const char *c = test_process_output(p); *c; c++)
            lines += *c == '\n';
        ck_assert_msg(lines == rows[i].lines, "%s %s: %zu lines", rows[i].flag, rows[i].value, lines);
        test_process_free(p);
    }
}
END_TEST

START_TEST(a_table_is_for_terminals_and_nothing_in_it_moves_the_cursor)
{
    char variable[4096];
    const char *argv[] = {test_build_path("drumbeat"), "task", "ls", NULL}, *env[] = {variable, "TERM=xterm", "NO_COLOR=1", NULL};
    snprintf(variable, sizeof variable, "DATABASE_URL=%s", url);
    test_sql(pg, "SELECT drumbeat.cancel(drumbeat.enqueue('noop', queue => 'q')); UPDATE drumbeat.ended SET error = E'\\x1b[2Jred'");
    for (int colours = 0; colours < 2; colours++) {
        if (colours)
            env[2] = NULL;
        struct test_program program = {.argv = argv, .env = env, .terminal = true};
        struct test_process *p = test_process_start(&program);
        ck_assert(test_process_wait(p, SECONDS(30)));
        const char *out = test_process_output(p);
        ck_assert_ptr_nonnull(strstr(out, "CREATED AT"));
        ck_assert_ptr_null(strstr(out, "\033[2J"));
        ck_assert(colours == (strchr(out, '\033') != NULL));
        test_process_free(p);
    }
}
END_TEST

/* What stands there, and the reasons that are told of the newest of the least urgent tasks, in their order. */
START_TEST(show_tells_why_a_task_waits)
{
#define WORKER(queues, then)                                                                                                              \
    "INSERT INTO drumbeat.worker (id, host, pid, version, pool, names, lease, boot, pid_start, queues)"                                  \
    " VALUES (drumbeat.uuid_v7(), 'h', 1, 'v', 2, '{noop}', '1 hour', 'b', 1, " queues "); SELECT drumbeat.enqueue('" then "')"
    static const struct {
        const char *what, *reasons;
    } table[] = {
        {"SELECT drumbeat.enqueue('noop')", "no worker"},
        {"SELECT drumbeat.enqueue('noop'), drumbeat.enqueue('noop', priority => 3), pg_sleep(0.002); SELECT drumbeat.enqueue('noop')",
         "no worker,position,priority"},
        {"SELECT drumbeat.enqueue('noop', tenant => 'a'), pg_sleep(0.002); SELECT drumbeat.enqueue('noop', tenant => 'b')", "no worker"},
        {"SELECT drumbeat.pause('default', 'why not'), drumbeat.enqueue('noop')", "paused,no worker"},
        {"SELECT drumbeat.enqueue('noop', run_at => now() + interval '1 hour')", "delayed"},
        {"SELECT drumbeat.enqueue('noop', expires_at => now() - interval '1 s')", "expired,no worker"},
        {WORKER("NULL", "noop"), "next"},
        {WORKER("NULL", "strange"), "no handler"},
        {WORKER("'{other}'", "noop"), "no worker"},
        {"SELECT drumbeat.cancel(drumbeat.enqueue('noop'))", ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct text told CLEANUP(text_free) = {0};
        struct err e;
        test_sql(pg, "TRUNCATE drumbeat.ready, drumbeat.delayed, drumbeat.ended, drumbeat.task_body, drumbeat.queue_state; DELETE FROM drumbeat.worker");
        test_sql(pg, table[i].what);
        struct test_process *show = test_drumbeat(url, "task", "show", "--json",
                                                  test_text(pg, "SELECT id::text FROM drumbeat.task ORDER BY priority DESC, id DESC LIMIT 1"), NULL);
        struct js *shown = js_parse(test_process_output(show), strlen(test_process_output(show)), &e);
        ck_assert_msg(shown != NULL, "%s: %s", table[i].what, e.text);
        const struct js *waiting = js_get(shown, "waiting");
        for (size_t n = 0; n < js_count(waiting); n++)
            text_printf(&told, "%s%s", n > 0 ? "," : "", js_text(js_get(js_at(waiting, n), "reason")));
        ck_assert_msg(strcmp(text_str(&told), table[i].reasons) == 0, "%s: %s", table[i].what, text_str(&told));
        js_free(shown);
        test_process_free(show);
    }
}
END_TEST

START_TEST(the_log_is_shown_from_a_level_on)
{
    const char *id = enqueue("drumbeat.enqueue('noop')");
    test_sql(pg, "INSERT INTO drumbeat.task_log (task_id, level, message) SELECT id, l, l || ' line' FROM drumbeat.task, unnest('{debug,info,warning,error}'::text[]) l");
    DRUMBEAT("task", "log", id, "--level", "warning");
    ck_assert_ptr_null(strstr(test_process_output(p), "info line"));
    ck_says(p, "warning line");
    ck_says(p, "error line");
    struct test_process *loud = test_drumbeat(url, "task", "log", id, "--level", "loud", NULL);
    ck_ended(loud, 2, "--level: 'loud' is not debug, info, warning or error");
    test_process_free(loud);
}
END_TEST

START_TEST(show_tells_attempts_and_log)
{
    char id[64];
    snprintf(id, sizeof id, "%s", enqueue("drumbeat.enqueue('fail', '{\"message\": \"it broke\", \"retryable\": false}')"));
    work();
    test_sql(pg, "INSERT INTO drumbeat.task_log (task_id, level, message) SELECT id, 'info', 'a line' FROM drumbeat.task");
    DRUMBEAT("task", "show", id);
    ck_ended(p, 0, "");
    ck_says(p, "status             ERRORED\n");
    ck_says(p, "failed  it broke");
    ck_says(p, "info  a line");
    struct err e;
    struct test_process *json = test_drumbeat(url, "task", "show", id, "--json", NULL);
    struct js *shown = js_parse(test_process_output(json), strlen(test_process_output(json)), &e);
    ck_assert_msg(shown != NULL, "%s", e.text);
    ck_assert_str_eq(js_text(js_get(js_at(js_get(shown, "attempts"), 0), "outcome")), "failed");
    ck_assert_str_eq(js_text(js_get(js_at(js_get(shown, "log"), 0), "message")), "a line");
    js_free(shown);
    test_process_free(json);
    struct test_process *log = test_drumbeat(url, "task", "log", id, "--follow", NULL);
    ck_ended(log, 0, "");
    ck_says(log, "\tinfo\ta line\n");
    test_process_free(log);
}
END_TEST

START_TEST(show_cuts_long_lines_that_the_log_shows_whole)
{
    const char *id = enqueue("drumbeat.enqueue('noop')");
    test_sql(pg, "INSERT INTO drumbeat.task_log (task_id, level, message) SELECT id, 'info', repeat('é', 5000) || 'end' FROM drumbeat.task");
    DRUMBEAT("task", "show", id);
    ck_ended(p, 0, "");
    ck_says(p, "é…\n");
    ck_assert_ptr_null(strstr(test_process_output(p), "end\n"));
    struct test_process *log = test_drumbeat(url, "task", "log", id, NULL);
    ck_says(log, "éend\n");
    test_process_free(log);
}
END_TEST

START_TEST(the_beginning_of_an_id_is_enough_when_it_is_one_task)
{
    char id[64], beginning[64];
    snprintf(id, sizeof id, "%s", enqueue("drumbeat.enqueue('noop')"));
    snprintf(beginning, sizeof beginning, "%.8s", id);
    DRUMBEAT("task", "show", beginning);
    ck_ended(p, 0, "");
    ck_says(p, id);
    enqueue("drumbeat.enqueue('noop')");
    struct test_process *two = test_drumbeat(url, "task", "show", beginning, NULL);
    ck_ended(two, 2, "more than one task's id begins with");
    test_process_free(two);
}
END_TEST

/* Wait, cancel, retry ----------------------------------------------------------------------------------------------- */

START_TEST(wait_answers_how_it_ended)
{
    char good[64], bad[64];
    snprintf(good, sizeof good, "%s", enqueue("drumbeat.enqueue('noop')"));
    snprintf(bad, sizeof bad, "%s", enqueue("drumbeat.enqueue('fail', '{\"retryable\": false}')"));
    CLEANUP(test_process_freep) struct test_process *waiting = test_drumbeat_start(url, "task", "wait", good, "--timeout", "1m", NULL);
    struct test_process *late = test_drumbeat(url, "task", "wait", good, "--timeout", "50ms", NULL);
    ck_ended(late, 6, "");
    test_process_free(late);
    work();
    ck_assert(test_process_wait(waiting, SECONDS(30)));
    ck_ended(waiting, 0, "");
    ck_assert_str_eq(test_process_output(waiting), "SUCCESS\n");
    DRUMBEAT("task", "wait", bad, "--json");
    ck_ended(p, 1, "");
    ck_says(p, "\"status\": \"ERRORED\"");
}
END_TEST

START_TEST(cancel_and_retry_say_when_they_do_not_apply)
{
    char id[64];
    snprintf(id, sizeof id, "%s", enqueue("drumbeat.enqueue('noop')"));
    DRUMBEAT("task", "cancel", id);
    ck_ended(p, 0, "");
    struct test_process *again = test_drumbeat(url, "task", "cancel", id, NULL);
    ck_ended(again, 4, "is KILLED");
    test_process_free(again);
    struct test_process *retry = test_drumbeat(url, "task", "retry", id, NULL);
    ck_ended(retry, 0, "");
    test_process_free(retry);
    work();
    ck_assert_str_eq(test_text(pg, "SELECT status FROM drumbeat.task"), "SUCCESS");
    struct test_process *late = test_drumbeat(url, "task", "retry", id, NULL);
    ck_ended(late, 4, "is SUCCESS");
    test_process_free(late);
}
END_TEST

/* Queues ------------------------------------------------------------------------------------------------------------ */

/* Many tasks ------------------------------------------------------------------------------------------------------- */

START_TEST(a_filter_retries_what_it_means_and_says_how_many_first)
{
    test_sql(pg, "SELECT drumbeat.enqueue('fail', jsonb_build_object('message', 'page ' || n || ': HTTP 404', 'retryable', false), tenant => 'a')"
                 "  FROM generate_series(1, 3) n;"
                 "SELECT drumbeat.enqueue('fail', '{\"message\": \"no such plan\", \"retryable\": false}', tenant => 'b');"
                 "SELECT drumbeat.enqueue('noop', expires_at => now())");
    work();
    {
        DRUMBEAT("task", "failures", "--json");
        ck_ended(p, 0, "");
        ck_says(p, "{\"name\": \"fail\", \"cause\": \"page #: HTTP #\", \"tasks\": 3, ");
        ck_says(p, "\"cause\": \"no such plan\", \"tasks\": 1, ");
    }
    {
        DRUMBEAT("task", "retry", "--tenant", "a");
        ck_ended(p, 4, "3 tasks would be changed and nobody confirmed it");
        ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ready"), 0);
    }
    {
        DRUMBEAT("task", "retry", "--cause", "page #: HTTP #", "--yes");
        ck_ended(p, 0, "");
        ck_says(p, "3 of 3 tasks queued again");
        ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'QUEUED' AND tenant = 'a' AND attempt = 1"), 3);
    }
    {
        DRUMBEAT("task", "retry", "--all", "--yes");
        ck_says(p, "1 of 1 task queued again");
        ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'SKIPPED'"), 1);
    }
    DRUMBEAT("task", "retry", "--all", "--status", "skipped", "--since", "1h", "--yes");
    ck_says(p, "1 of 1 task queued again");
    work();
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.past_attempt WHERE attempt = 2 AND outcome = 'failed'"), 4);
}
END_TEST

/* More than a batch, in which nothing may be forgotten or looked at for ever: the key of one of them is another task's now. */
START_TEST(a_retry_of_all_takes_as_many_batches_as_it_needs)
{
    test_sql(pg, "SELECT drumbeat.enqueue_many('fail', array_fill('{\"retryable\": false}'::jsonb, ARRAY[2499]));"
                 "SELECT drumbeat.enqueue('fail', '{\"retryable\": false}', unique_key => 'k')");
    work();
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ended WHERE status = 'ERRORED'"), 2500);
    test_sql(pg, "SELECT drumbeat.enqueue('fail', unique_key => 'k', queue => 'later')");
    DRUMBEAT("task", "retry", "--name", "fail", "--yes");
    ck_ended(p, 0, "");
    ck_says(p, "2499 of 2500 tasks queued again");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ready"), 2500);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ended"), 1);
}
END_TEST

START_TEST(a_filter_cancels_what_waits_what_is_delayed_and_what_runs)
{
    test_sql(pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[1200]), queue => 'q', run_at => now() + interval '1 h');"
                 "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 60}', queue => 'q'); SELECT drumbeat.enqueue('noop', queue => 'other', run_at => now() + interval '1 h')");
    struct test_process *worker = test_drumbeat_start(url, "worker", "--pool", "1", NULL);
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'RUNNING'", 1, SECONDS(10)));
    {
        DRUMBEAT("task", "cancel", "--queue", "q");
        ck_ended(p, 4, "1201 tasks would be changed");
    }
    {
        DRUMBEAT("task", "cancel", "--queue", "q", "--status", "running", "--yes");
        ck_says(p, "1 of 1 task cancelled");
    }
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'KILLED'", 1, SECONDS(10)));
    {
        DRUMBEAT("task", "cancel", "--queue", "q", "--yes");
        ck_says(p, "1200 of 1200 tasks cancelled");
    }
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'KILLED'"), 1201);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'QUEUED'"), 1);
    test_process_free(worker);
}
END_TEST

START_TEST(a_batch_is_cancelled_by_its_id)
{
    test_sql(pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[5]));"
                 "UPDATE drumbeat.task_body SET batch_id = '00000000-0000-7000-8000-000000000001' WHERE id IN (SELECT id FROM drumbeat.task_body ORDER BY id LIMIT 3)");
    DRUMBEAT("task", "cancel", "--batch", "00000000-0000-7000-8000-000000000001", "--yes");
    ck_says(p, "3 of 3 tasks cancelled");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'KILLED' AND batch_id IS NOT NULL"), 3);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ready"), 2);
}
END_TEST

START_TEST(a_paused_queue_waits_and_is_resumed)
{
    enqueue("drumbeat.enqueue('noop', queue => 'q')");
    DRUMBEAT("queue", "pause", "q", "--reason", "upgrade");
    ck_ended(p, 0, "");
    work();
    struct test_process *ls = test_drumbeat(url, "queue", "ls", "--json", NULL);
    ck_says(ls, "{\"name\": \"q\", \"broker\": \"postgres\", \"protocol\": \"native\", \"rows\": \"full\", \"paused\": true, \"waiting\": 1");
    ck_says(ls, "\"paused_reason\": \"upgrade\"");
    test_process_free(ls);
    test_process_free(test_drumbeat(url, "queue", "resume", "q", NULL));
    work();
    ck_assert_str_eq(test_text(pg, "SELECT status FROM drumbeat.task"), "SUCCESS");
}
END_TEST

START_TEST(purge_asks_and_leaves_other_queues_and_free_keys)
{
    test_sql(pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[25000]), queue => 'q');"
                 "SELECT drumbeat.enqueue('noop', queue => 'q', run_at => now() + interval '1 h', unique_key => 'k');"
                 "SELECT drumbeat.enqueue('noop', queue => 'other')");
    DRUMBEAT("queue", "purge", "q");
    ck_ended(p, 4, "25001 tasks wait in q");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ready"), 25001);
    struct test_process *purge = test_drumbeat(url, "queue", "purge", "q", "--yes", NULL);
    ck_ended(purge, 0, "");
    ck_says(purge, "25001 tasks");
    test_process_free(purge);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'KILLED' AND queue = 'q'"), 25001);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'QUEUED' AND queue = 'other'"), 1);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.unique_lock"), 0);
}
END_TEST

START_TEST(purge_takes_a_yes_typed_on_a_terminal)
{
    char variable[4096];
    const char *argv[] = {test_build_path("drumbeat"), "queue", "purge", "q", NULL}, *env[] = {variable, NULL};
    snprintf(variable, sizeof variable, "DATABASE_URL=%s", url);
    static const char *const answers[] = {"no\n", "y\n"};
    enqueue("drumbeat.enqueue('noop', queue => 'q')");
    for (int yes = 0; yes < 2; yes++) {
        struct test_program program = {.argv = argv, .env = env, .terminal = true};
        struct test_process *p = test_process_start(&program);
        ck_assert(test_process_wait_for(p, "End 1 waiting tasks of queue q as KILLED? [y/N]", SECONDS(30)));
        test_process_type(p, answers[yes]);
        ck_assert(test_process_wait(p, SECONDS(30)));
        ck_assert_int_eq(test_process_status(p), yes ? 0 : 4);
        ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ready"), yes ? 0 : 1);
        test_process_free(p);
    }
}
END_TEST

/* Run --------------------------------------------------------------------------------------------------------------- */

START_TEST(run_runs_here_and_now_and_leaves_the_same_row)
{
    DRUMBEAT("run", "echo", "--args", "{\"a\": [1, 2]}");
    ck_ended(p, 0, "");
    ck_says(p, "echo SUCCESS in ");
    ck_says(p, ": {\"a\": [1, 2]}");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS' AND name = 'echo' AND attempt = 1 AND worker IS NOT NULL"), 1);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.worker"), 0);
}
END_TEST

START_TEST(run_goes_on_through_retries_and_says_how_it_failed)
{
    DRUMBEAT("run", "fail", "--args", "{\"times\": 1}");
    ck_ended(p, 0, "");
    ck_assert_int_eq(test_number(pg, "SELECT attempt FROM drumbeat.task"), 2);
    struct test_process *failed = test_drumbeat(url, "run", "fail", "--args", "{\"message\": \"no luck\", \"retryable\": false}", NULL);
    ck_assert_int_eq(test_process_status(failed), 1);
    ck_says(failed, "fail ERRORED in ");
    ck_says(failed, "no luck");
    test_process_free(failed);
    struct test_process *crashed = test_drumbeat(url, "run", "crash", "--max-attempts", "1", "--json", NULL);
    ck_assert_int_eq(test_process_status(crashed), 1);
    ck_says(crashed, "\"status\": \"ERRORED\"");
    test_process_free(crashed);
}
END_TEST

START_TEST(run_draws_a_bar_on_a_terminal_and_control_c_cancels)
{
    char variable[4096];
    const char *argv[] = {test_build_path("drumbeat"), "run", "sleep", "--args", "{\"seconds\": 60, \"steps\": 600}", NULL}, *env[] = {variable, NULL};
    snprintf(variable, sizeof variable, "DATABASE_URL=%s", url);
    struct test_program program = {.argv = argv, .env = env, .terminal = true};
    CLEANUP(test_process_freep) struct test_process *p = test_process_start(&program);
    ck_assert(test_process_wait_for(p, "/600", SECONDS(30)));
    ck_assert(test_process_wait_for(p, "/s", SECONDS(30)));
    ck_assert(test_process_wait_for(p, " left", SECONDS(30)));
    ck_says(p, "[");
    test_process_type(p, "\003");
    ck_assert(test_process_wait(p, SECONDS(30)));
    ck_assert_int_eq(test_process_status(p), 1);
    ck_says(p, "sleep KILLED in ");
    ck_assert_str_eq(test_text(pg, "SELECT status FROM drumbeat.task"), "KILLED");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.worker"), 0);
}
END_TEST

START_TEST(a_second_interrupt_stops_a_task_that_does_not_listen)
{
    CLEANUP(test_process_freep) struct test_process *p = test_drumbeat_start(url, "run", "hog", "--args", "{\"spin_seconds\": 100, \"ignore_sigterm\": true}", NULL);
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'RUNNING'", 1, SECONDS(30)));
    test_process_signal(p, SIGINT);
    ck_assert(test_process_wait_for(p, "cancelling", SECONDS(30)));
    test_process_signal(p, SIGINT);
    ck_assert(test_process_wait(p, SECONDS(30)));
    ck_assert_int_eq(test_process_status(p), 1);
    ck_assert_str_eq(test_text(pg, "SELECT status FROM drumbeat.task"), "KILLED");
}
END_TEST

START_TEST(other_workers_leave_private_queues_alone)
{
    enqueue("drumbeat.enqueue('noop', queue => 'run.somebody')");
    enqueue("drumbeat.enqueue('noop', queue => 'q')");
    work();
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(queue, ',') FROM drumbeat.task WHERE status = 'QUEUED'"), "run.somebody");
}
END_TEST

/* The rest ---------------------------------------------------------------------------------------------------------- */

START_TEST(handlers_show_their_arguments)
{
    DRUMBEAT("handlers", "sleep");
    ck_ended(p, 0, "");
    ck_says(p, "seconds            number 0 to 86400, default 1");
}
END_TEST

START_TEST(doctor_looks_at_the_folder_of_results)
{
    char folder[300];
    snprintf(folder, sizeof folder, "results.root=%s", test_cluster_folder(cluster));
    {
        DRUMBEAT("doctor", "--set", "results.root=/nowhere/to/be/found");
        ck_assert_int_eq(test_process_status(p), 1);
        ck_says(p, "results.root /nowhere/to/be/found: No such file or directory");
    }
    DRUMBEAT("doctor", "--set", folder);
    ck_assert_ptr_null(strstr(test_process_output(p), "No such file"));
    ck_says(p, "results.root /");
}
END_TEST

START_TEST(doctor_finds_what_is_wrong_and_how_to_mend_it)
{
    struct test_process *away = test_drumbeat("postgresql:///x?host=/nowhere", "doctor", NULL);
    ck_ended(away, 1, "");
    ck_says(away, "FAIL\tdatabase\t");
    test_process_free(away);
    struct test_process *empty = test_drumbeat(test_cluster_empty_database(cluster), "doctor", NULL);
    ck_ended(empty, 1, "");
    ck_says(empty, "run drumbeat migrate");
    test_process_free(empty);
    test_sql(pg, "SELECT drumbeat.enqueue('some.handler'); SELECT drumbeat.pause('q', 'upgrade')");
    DRUMBEAT("doctor");
    ck_says(p, "FAIL\tdurability\tfsync is off"); /* as the fixture runs it */
    ck_says(p, "OK\tnotifications\t");
    ck_says(p, "WARN\tworkers\tnone -> start one: drumbeat worker");
    ck_says(p, "WARN\thandlers\t1 tasks wait for handlers that no live worker has: some.handler");
    ck_says(p, "WARN\tpaused\tqueues are paused: q (upgrade)");
    ck_says(p, "OK\tlimits\t0 rules; 0 slots are held and 0 tasks wait");
    ck_says(p, "OK\thistory\t2 shelves");
    struct test_process *off = test_drumbeat(NULL, "doctor", "--set", "worker.cgroup=off", NULL);
    ck_says(off, "OK\tcgroup\tworker.cgroup is off: without a control group for each child memory is only looked at");
    test_process_free(off);
}
END_TEST

/* Each row makes the one before worse: the worst is what is told. */
START_TEST(doctor_knows_what_limits_hold)
{
    static const struct {
        const char *sql, *says;
    } rows[] = {
        {"SELECT drumbeat.set_limit('key', 'j', 3)", "OK\tlimits\t1 rules; 0 slots are held and 0 tasks wait"},
        {"SELECT drumbeat.set_limit('handler', 'no.such', 3), drumbeat.set_limit('queue', 'nowhere', 3), drumbeat.set_limit('keys', 'noop', 3)",
         "WARN\tlimits\tlimits that nothing is under: handler no.such, keys noop, queue nowhere -> correct the name"},
        {"SELECT drumbeat.set_limit('key', 'k', rate => '1/h'); SELECT drumbeat.enqueue('noop', limit_key => 'k') FROM generate_series(1, 30);"
         "SELECT drumbeat.admit('{}', '')", "29 wait, one each 01:00:00"},
        {"INSERT INTO drumbeat.slot VALUES (drumbeat.uuid_v7(), 4, 'key z', 5, 0, 1)", "WARN\tlimits\t1 slots belong to tasks that neither wait nor run"},
        {"SELECT drumbeat.enqueue('noop', limit_key => 'open') FROM generate_series(1, 2); UPDATE drumbeat.task_body SET run_at = now() - interval '1 min'",
         "WARN\tlimits\ttasks wait although there is room: key open (0 of 1 in use, 2 wait)"},
    };
    test_sql(pg, "INSERT INTO drumbeat.worker (id, host, pid, version, pool, names, lease, boot, pid_start)"
                 " VALUES ('00000000-0000-7000-8000-000000000001', 'h1', 7, '0', 2, '{noop}', '1 hour', 'b', 1);"
                 "INSERT INTO drumbeat.handler (name) VALUES ('noop')");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_sql(pg, rows[i].sql);
        DRUMBEAT("doctor");
        ck_says(p, rows[i].says);
    }
    test_sql(pg, "SELECT drumbeat.enqueue('of.tomorrow', limit_key => 't'), drumbeat.admit('{}', '')");
    DRUMBEAT("doctor");
    ck_says(p, "WARN\thandlers\t1 tasks wait for handlers that no live worker has: of.tomorrow");
}
END_TEST

START_TEST(doctor_tells_what_stands_on_no_shelf)
{
    test_sql(pg, "DO $$ DECLARE t text; BEGIN FOR t IN SELECT format('drumbeat.%I', s.name || '_2') FROM drumbeat.shelved() s LOOP EXECUTE 'DROP TABLE ' || t; END LOOP; END $$;"
                 "DELETE FROM drumbeat.shelf WHERE number = 2");
    {
        DRUMBEAT("doctor");
        ck_says(p, "WARN\thistory\tno shelf for this time -> start a worker");
    }
    test_sql(pg, "SELECT drumbeat.enqueue('noop')");
    DRUMBEAT("doctor");
    ck_says(p, "WARN\thistory\t1 tasks stand on no shelf, in drumbeat.task_body_rest");
}
END_TEST

START_TEST(bench_reports_the_contracts_keys_and_leaves_nothing)
{
    DRUMBEAT("bench", "--tasks", "2000", "--samples", "20", "--json");
    static const char *const keys[] = {"tasks", "seconds", "tasks_per_s", "enqueue_per_s", "pss_mib", "raw_per_s", "start_to_first_task_ms"}, *const shares[] = {"p50", "p95", "p99"};
    struct err e;
    double number;
    ck_ended(p, 0, "");
    CLEANUP(js_freep) struct js *answer = js_parse(test_process_output(p), strlen(test_process_output(p)), &e);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        ck_assert_msg(js_number(js_get(answer, keys[i]), &number) && number > 0, "%s", keys[i]);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        ck_assert_msg(js_number(js_get(js_get(answer, "start_ms"), shares[i]), &number) && number >= 0, "%s", shares[i]);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task_body"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ended"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.worker"), 0);
}
END_TEST

static bool ck_listed(void *row, const char *key, const struct js *value)
{
    (void)value;
    ck_assert_msg(strcmp(key, "history") == 0 || strcmp(key, "next") == 0 || js_get(row, key), "schedule ls has no %s", key);
    return true;
}

START_TEST(a_schedule_is_told_as_json_with_the_columns_of_the_table)
{
    test_sql(pg, "INSERT INTO drumbeat.schedule (name, handler, args, specs, tz, max_runs, notes) VALUES"
                 " ('night', 'noop', '{\"a\": 1}', '{30 2 * * *,@daily}', 'Europe/Paris', 7, 'of \"Ana\"')");
    test_sql(pg, "SELECT drumbeat.trigger_schedule('night')");
    DRUMBEAT("schedule", "ls", "--json");
    ck_ended(p, 0, "");
    struct err e;
    CLEANUP(js_freep) struct js *row = js_parse(test_process_output(p), strlen(test_process_output(p)), &e);
    ck_assert_msg(row != NULL, "%s: %s", e.text, test_process_output(p));
    ck_assert_str_eq(js_text(js_at(js_get(row, "specs"), 1)), "@daily");
    ck_assert_str_eq(js_text(js_get(row, "notes")), "of \"Ana\"");
    struct test_process *one = test_drumbeat(url, "schedule", "show", "night", "--json", NULL);
    ck_ended(one, 0, "");
    CLEANUP(js_freep) struct js *shown = js_parse(test_process_output(one), strlen(test_process_output(one)), &e);
    ck_assert_msg(shown != NULL, "%s: %s", e.text, test_process_output(one));
    js_each(shown, ck_listed, row);
    ck_assert_uint_eq(js_count(js_get(shown, "next")), 5);
    ck_assert_uint_eq(js_count(js_get(shown, "history")), 1);
    test_process_free(one);
    struct test_process *lines = test_drumbeat(url, "schedule", "show", "night", NULL);
    ck_ended(lines, 0, "");
    ck_says(lines, "\nnext\n  ");
    test_process_free(lines);
    struct test_process *history = test_drumbeat(url, "schedule", "history", "night", NULL);
    ck_ended(history, 0, "");
    ck_says(history, "QUEUED");
    test_process_free(history);
}
END_TEST

START_TEST(bench_schedules_measures_a_beat_and_leaves_yours_alone)
{
    test_sql(pg, "INSERT INTO drumbeat.schedule (name, handler, specs) VALUES ('mine', 'noop', '{@every 1s}')");
    DRUMBEAT("bench", "schedules", "--tasks", "500", "--json");
    static const char *const keys[] = {"schedules", "load_s", "pss_mib", "emit_s", "emitted_pss_mib"};
    struct err e;
    double number;
    ck_ended(p, 0, "");
    CLEANUP(js_freep) struct js *answer = js_parse(test_process_output(p), strlen(test_process_output(p)), &e);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        ck_assert_msg(js_number(js_get(js_get(answer, "beat"), keys[i]), &number) && number > 0, "%s", keys[i]);
    ck_assert(js_number(js_get(js_get(answer, "beat"), "schedules"), &number) && number == 500);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.tick"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM pg_database WHERE datname = 'drumbeat_bench'"), 0);
}
END_TEST

START_TEST(bench_upsert_writes_what_it_was_given_and_leaves_nothing)
{
    DRUMBEAT("bench", "upsert", "--tasks", "3000", "--json");
    static const char *const keys[] = {"raw_per_s", "staged_per_s", "changed_per_s", "same_per_s", "peak_mib"};
    struct err e;
    double number;
    ck_ended(p, 0, "");
    CLEANUP(js_freep) struct js *answer = js_parse(test_process_output(p), strlen(test_process_output(p)), &e);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        ck_assert_msg(js_number(js_get(js_get(answer, "upsert"), keys[i]), &number) && number > 0, "%s", keys[i]);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM pg_class WHERE relname = 'bench_upsert'"), 0);
}
END_TEST

START_TEST(a_role_that_may_only_enqueue_can)
{
    char role[4096];
    test_sql(pg, "DO $$ BEGIN CREATE ROLE app LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$; GRANT drumbeat_enqueue TO app");
    snprintf(role, sizeof role, "postgresql://app@%s", strchr(url, '@') + 1);
    struct test_process *p = test_drumbeat(role, "enqueue", "noop", NULL);
    ck_ended(p, 0, "");
    test_process_free(p);
    struct test_process *refused = test_drumbeat(role, "task", "ls", NULL);
    ck_ended(refused, 4, "permission denied");
    test_process_free(refused);
    ck_assert_str_eq(test_text(pg, "SELECT created_by FROM drumbeat.task"), "app");
}
END_TEST

static void add_tests(TCase *words, TCase *rest)
{
    tcase_add_loop_test(words, a_mistake_is_one_line_and_an_exit_status, 0, sizeof wrong / sizeof *wrong);
    tcase_add_test(rest, every_verb_has_help_with_an_example);
    tcase_add_test(rest, the_manual_is_what_the_program_says);
    tcase_add_test(rest, without_a_database_the_error_says_what_to_set);
    tcase_add_test(rest, a_full_disk_is_told);
    tcase_add_test(rest, flags_may_stand_before_the_verb);
    tcase_add_test(rest, enqueue_prints_the_id_and_writes_what_it_was_told);
    tcase_add_test(rest, arguments_come_from_standard_input);
    tcase_add_test(rest, a_name_that_nobody_has_waits_and_is_reported);
    tcase_add_test(rest, lists_are_json_lines_with_the_columns_names);
    tcase_add_test(rest, filters_choose_tasks);
    tcase_add_test(rest, a_table_is_for_terminals_and_nothing_in_it_moves_the_cursor);
    tcase_add_test(rest, show_tells_attempts_and_log);
    tcase_add_test(rest, show_cuts_long_lines_that_the_log_shows_whole);
    tcase_add_test(rest, show_tells_why_a_task_waits);
    tcase_add_test(rest, the_log_is_shown_from_a_level_on);
    tcase_add_test(rest, the_beginning_of_an_id_is_enough_when_it_is_one_task);
    tcase_add_test(rest, wait_answers_how_it_ended);
    tcase_add_test(rest, cancel_and_retry_say_when_they_do_not_apply);
    tcase_add_test(rest, a_filter_retries_what_it_means_and_says_how_many_first);
    tcase_add_test(rest, a_retry_of_all_takes_as_many_batches_as_it_needs);
    tcase_add_test(rest, a_filter_cancels_what_waits_what_is_delayed_and_what_runs);
    tcase_add_test(rest, a_batch_is_cancelled_by_its_id);
    tcase_add_test(rest, a_paused_queue_waits_and_is_resumed);
    tcase_add_test(rest, purge_asks_and_leaves_other_queues_and_free_keys);
    tcase_add_test(rest, purge_takes_a_yes_typed_on_a_terminal);
    tcase_add_test(rest, run_runs_here_and_now_and_leaves_the_same_row);
    tcase_add_test(rest, run_goes_on_through_retries_and_says_how_it_failed);
    tcase_add_test(rest, run_draws_a_bar_on_a_terminal_and_control_c_cancels);
    tcase_add_test(rest, a_second_interrupt_stops_a_task_that_does_not_listen);
    tcase_add_test(rest, other_workers_leave_private_queues_alone);
    tcase_add_test(rest, handlers_show_their_arguments);
    tcase_add_test(rest, doctor_looks_at_the_folder_of_results);
    tcase_add_test(rest, doctor_finds_what_is_wrong_and_how_to_mend_it);
    tcase_add_test(rest, doctor_knows_what_limits_hold);
    tcase_add_test(rest, doctor_tells_what_stands_on_no_shelf);
    tcase_add_test(rest, bench_reports_the_contracts_keys_and_leaves_nothing);
    tcase_add_test(rest, a_schedule_is_told_as_json_with_the_columns_of_the_table);
    tcase_add_test(rest, bench_upsert_writes_what_it_was_given_and_leaves_nothing);
    tcase_add_test(rest, bench_schedules_measures_a_beat_and_leaves_yours_alone);
    tcase_add_test(rest, a_role_that_may_only_enqueue_can);
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    Suite *suite = suite_create("cli");
    TCase *words = tcase_create("words"), *rest = tcase_create("verbs");
    tcase_add_unchecked_fixture(words, begin, end); /* none of them writes */
    tcase_add_checked_fixture(rest, begin, end);
    tcase_set_timeout(words, 60);
    tcase_set_timeout(rest, 150);
    add_tests(words, rest);
    suite_add_tcase(suite, words);
    suite_add_tcase(suite, rest);
    return test_main(suite);
}
