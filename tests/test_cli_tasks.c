/* Tasks through the command line: what is enqueued, listed, shown, waited for, cancelled and retried, one or many, and what becomes of queues. */
#include "common/base/json.h"
#include "common/base/text.h"
#include "tests/fixture/main.h"
#include "tests/test_cli_stage.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

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
    ck_assert_int_eq(test_number(cli.pg, sql), 1);
    struct test_process *again = test_drumbeat(cli.url, "enqueue", "echo", "--unique", "k", "--json", NULL);
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
    snprintf(variable, sizeof variable, "DATABASE_URL=%s", cli.url);
    struct test_program program = {.argv = argv, .env = env, .input = "{\"from\": \"stdin\", \"big\": 9007199254740993}"};
    CLEANUP(test_process_freep) struct test_process *p = test_process_start(&program);
    ck_assert(test_process_wait(p, SECONDS(30)));
    ck_ended(p, 0, "");
    ck_assert_str_eq(test_text(cli.pg, "SELECT args ->> 'big' FROM drumbeat.task"), "9007199254740993");
}
END_TEST

START_TEST(a_name_that_nobody_has_waits_and_is_reported)
{
    DRUMBEAT("enqueue", "some.handler");
    ck_ended(p, 0, "has a handler 'some.handler'");
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'QUEUED'"), 1);
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
    ck_assert(pg_exec(cli.pg, &query, &columns, &e));
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
    test_sql(cli.pg, "UPDATE drumbeat.task_body SET schedule = 'nightly', batch_id = '00000000-0000-7000-8000-000000000001' WHERE name = 'echo'");
    static const struct {
        const char *flag, *value;
        size_t lines;
    } rows[] = {{"--queue", "b", 2}, {"--name", "noop", 1}, {"--tenant", "t", 1}, {"--status", "killed", 1}, {"--status", "QUEUED", 2}, {"--status", "SUCCESS", 0}, {"--limit", "2", 2},
                {"--schedule", "nightly", 1}, {"--batch", "00000000-0000-7000-8000-000000000001", 1}, {"--since", "1h", 3}, {"--since", "2099-01-01T00:00:00Z", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct test_process *p = test_drumbeat(cli.url, "task", "ls", rows[i].flag, rows[i].value, NULL);
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
    snprintf(variable, sizeof variable, "DATABASE_URL=%s", cli.url);
    test_sql(cli.pg, "SELECT drumbeat.cancel(drumbeat.enqueue('noop', queue => 'q')); UPDATE drumbeat.ended SET error = E'\\x1b[2Jred'");
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
        test_sql(cli.pg, "TRUNCATE drumbeat.ready, drumbeat.delayed, drumbeat.ended, drumbeat.task_body, drumbeat.queue_state; DELETE FROM drumbeat.worker");
        test_sql(cli.pg, table[i].what);
        struct test_process *show = test_drumbeat(cli.url, "task", "show", "--json",
                                                  test_text(cli.pg, "SELECT id::text FROM drumbeat.task ORDER BY priority DESC, id DESC LIMIT 1"), NULL);
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
    test_sql(cli.pg, "INSERT INTO drumbeat.task_log (task_id, level, message) SELECT id, l, l || ' line' FROM drumbeat.task, unnest('{debug,info,warning,error}'::text[]) l");
    DRUMBEAT("task", "log", id, "--level", "warning");
    ck_assert_ptr_null(strstr(test_process_output(p), "info line"));
    ck_says(p, "warning line");
    ck_says(p, "error line");
    struct test_process *loud = test_drumbeat(cli.url, "task", "log", id, "--level", "loud", NULL);
    ck_ended(loud, 2, "--level: 'loud' is not debug, info, warning or error");
    test_process_free(loud);
}
END_TEST

START_TEST(show_tells_attempts_and_log)
{
    char id[64];
    snprintf(id, sizeof id, "%s", enqueue("drumbeat.enqueue('fail', '{\"message\": \"it broke\", \"retryable\": false}')"));
    work();
    test_sql(cli.pg, "INSERT INTO drumbeat.task_log (task_id, level, message) SELECT id, 'info', 'a line' FROM drumbeat.task");
    DRUMBEAT("task", "show", id);
    ck_ended(p, 0, "");
    ck_says(p, "status             ERRORED\n");
    ck_says(p, "failed  it broke");
    ck_says(p, "info  a line");
    struct err e;
    struct test_process *json = test_drumbeat(cli.url, "task", "show", id, "--json", NULL);
    struct js *shown = js_parse(test_process_output(json), strlen(test_process_output(json)), &e);
    ck_assert_msg(shown != NULL, "%s", e.text);
    ck_assert_str_eq(js_text(js_get(js_at(js_get(shown, "attempts"), 0), "outcome")), "failed");
    ck_assert_str_eq(js_text(js_get(js_at(js_get(shown, "log"), 0), "message")), "a line");
    js_free(shown);
    test_process_free(json);
    struct test_process *log = test_drumbeat(cli.url, "task", "log", id, "--follow", NULL);
    ck_ended(log, 0, "");
    ck_says(log, "\tinfo\ta line\n");
    test_process_free(log);
}
END_TEST

START_TEST(show_cuts_long_lines_that_the_log_shows_whole)
{
    const char *id = enqueue("drumbeat.enqueue('noop')");
    test_sql(cli.pg, "INSERT INTO drumbeat.task_log (task_id, level, message) SELECT id, 'info', repeat('é', 5000) || 'end' FROM drumbeat.task");
    DRUMBEAT("task", "show", id);
    ck_ended(p, 0, "");
    ck_says(p, "é…\n");
    ck_assert_ptr_null(strstr(test_process_output(p), "end\n"));
    struct test_process *log = test_drumbeat(cli.url, "task", "log", id, NULL);
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
    struct test_process *two = test_drumbeat(cli.url, "task", "show", beginning, NULL);
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
    CLEANUP(test_process_freep) struct test_process *waiting = test_drumbeat_start(cli.url, "task", "wait", good, "--timeout", "1m", NULL);
    struct test_process *late = test_drumbeat(cli.url, "task", "wait", good, "--timeout", "50ms", NULL);
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
    struct test_process *again = test_drumbeat(cli.url, "task", "cancel", id, NULL);
    ck_ended(again, 4, "is KILLED");
    test_process_free(again);
    struct test_process *retry = test_drumbeat(cli.url, "task", "retry", id, NULL);
    ck_ended(retry, 0, "");
    test_process_free(retry);
    work();
    ck_assert_str_eq(test_text(cli.pg, "SELECT status FROM drumbeat.task"), "SUCCESS");
    struct test_process *late = test_drumbeat(cli.url, "task", "retry", id, NULL);
    ck_ended(late, 4, "is SUCCESS");
    test_process_free(late);
}
END_TEST

/* Many tasks ------------------------------------------------------------------------------------------------------- */

START_TEST(a_filter_retries_what_it_means_and_says_how_many_first)
{
    test_sql(cli.pg, "SELECT drumbeat.enqueue('fail', jsonb_build_object('message', 'page ' || n || ': HTTP 404', 'retryable', false), tenant => 'a')"
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
        ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.ready"), 0);
    }
    {
        DRUMBEAT("task", "retry", "--cause", "page #: HTTP #", "--yes");
        ck_ended(p, 0, "");
        ck_says(p, "3 of 3 tasks queued again");
        ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'QUEUED' AND tenant = 'a' AND attempt = 1"), 3);
    }
    {
        DRUMBEAT("task", "retry", "--all", "--yes");
        ck_says(p, "1 of 1 task queued again");
        ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'SKIPPED'"), 1);
    }
    DRUMBEAT("task", "retry", "--all", "--status", "skipped", "--since", "1h", "--yes");
    ck_says(p, "1 of 1 task queued again");
    work();
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.past_attempt WHERE attempt = 2 AND outcome = 'failed'"), 4);
}
END_TEST

/* More than a batch, in which nothing may be forgotten or looked at for ever: the key of one of them is another task's now. */
START_TEST(a_retry_of_all_takes_as_many_batches_as_it_needs)
{
    test_sql(cli.pg, "SELECT drumbeat.enqueue_many('fail', array_fill('{\"retryable\": false}'::jsonb, ARRAY[2499]));"
                 "SELECT drumbeat.enqueue('fail', '{\"retryable\": false}', unique_key => 'k')");
    work();
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.ended WHERE status = 'ERRORED'"), 2500);
    test_sql(cli.pg, "SELECT drumbeat.enqueue('fail', unique_key => 'k', queue => 'later')");
    DRUMBEAT("task", "retry", "--name", "fail", "--yes");
    ck_ended(p, 0, "");
    ck_says(p, "2499 of 2500 tasks queued again");
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.ready"), 2500);
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.ended"), 1);
}
END_TEST

START_TEST(a_filter_cancels_what_waits_what_is_delayed_and_what_runs)
{
    test_sql(cli.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[1200]), queue => 'q', run_at => now() + interval '1 h');"
                 "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 60}', queue => 'q'); SELECT drumbeat.enqueue('noop', queue => 'other', run_at => now() + interval '1 h')");
    struct test_process *worker = test_drumbeat_start(cli.url, "worker", "--pool", "1", NULL);
    ck_assert(test_wait_number(cli.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'RUNNING'", 1, SECONDS(10)));
    {
        DRUMBEAT("task", "cancel", "--queue", "q");
        ck_ended(p, 4, "1201 tasks would be changed");
    }
    {
        DRUMBEAT("task", "cancel", "--queue", "q", "--status", "running", "--yes");
        ck_says(p, "1 of 1 task cancelled");
    }
    ck_assert(test_wait_number(cli.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'KILLED'", 1, SECONDS(10)));
    {
        DRUMBEAT("task", "cancel", "--queue", "q", "--yes");
        ck_says(p, "1200 of 1200 tasks cancelled");
    }
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'KILLED'"), 1201);
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'QUEUED'"), 1);
    test_process_free(worker);
}
END_TEST

START_TEST(a_batch_is_cancelled_by_its_id)
{
    test_sql(cli.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[5]));"
                 "UPDATE drumbeat.task_body SET batch_id = '00000000-0000-7000-8000-000000000001' WHERE id IN (SELECT id FROM drumbeat.task_body ORDER BY id LIMIT 3)");
    DRUMBEAT("task", "cancel", "--batch", "00000000-0000-7000-8000-000000000001", "--yes");
    ck_says(p, "3 of 3 tasks cancelled");
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'KILLED' AND batch_id IS NOT NULL"), 3);
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.ready"), 2);
}
END_TEST

START_TEST(a_paused_queue_waits_and_is_resumed)
{
    enqueue("drumbeat.enqueue('noop', queue => 'q')");
    DRUMBEAT("queue", "pause", "q", "--reason", "upgrade");
    ck_ended(p, 0, "");
    work();
    struct test_process *ls = test_drumbeat(cli.url, "queue", "ls", "--json", NULL);
    ck_says(ls, "{\"name\": \"q\", \"broker\": \"postgres\", \"protocol\": \"native\", \"rows\": \"full\", \"paused\": true, \"waiting\": 1");
    ck_says(ls, "\"paused_reason\": \"upgrade\"");
    test_process_free(ls);
    test_process_free(test_drumbeat(cli.url, "queue", "resume", "q", NULL));
    work();
    ck_assert_str_eq(test_text(cli.pg, "SELECT status FROM drumbeat.task"), "SUCCESS");
}
END_TEST

START_TEST(a_queue_that_nothing_names_is_paused_with_a_note)
{
    enqueue("drumbeat.enqueue('noop', queue => 'syncs')");
    DRUMBEAT("queue", "pause", "synsc");
    ck_ended(p, 0, "names a queue 'synsc' (did you mean 'syncs'?)");
    struct test_process *again = test_drumbeat(cli.url, "queue", "resume", "synsc", NULL);
    ck_ended(again, 0, "names a queue 'synsc'");
    test_process_free(again);
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.queue_state WHERE paused"), 0);
}
END_TEST

START_TEST(purge_asks_and_leaves_other_queues_and_free_keys)
{
    test_sql(cli.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[25000]), queue => 'q');"
                 "SELECT drumbeat.enqueue('noop', queue => 'q', run_at => now() + interval '1 h', unique_key => 'k');"
                 "SELECT drumbeat.enqueue('noop', queue => 'other')");
    DRUMBEAT("queue", "purge", "q");
    ck_ended(p, 4, "25001 tasks wait in q");
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.ready"), 25001);
    struct test_process *purge = test_drumbeat(cli.url, "queue", "purge", "q", "--yes", NULL);
    ck_ended(purge, 0, "");
    ck_says(purge, "25001 tasks");
    test_process_free(purge);
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'KILLED' AND queue = 'q'"), 25001);
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'QUEUED' AND queue = 'other'"), 1);
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.unique_lock"), 0);
}
END_TEST

START_TEST(purge_takes_a_yes_typed_on_a_terminal)
{
    char variable[4096];
    const char *argv[] = {test_build_path("drumbeat"), "queue", "purge", "q", NULL}, *env[] = {variable, NULL};
    snprintf(variable, sizeof variable, "DATABASE_URL=%s", cli.url);
    static const char *const answers[] = {"no\n", "y\n"};
    enqueue("drumbeat.enqueue('noop', queue => 'q')");
    for (int yes = 0; yes < 2; yes++) {
        struct test_program program = {.argv = argv, .env = env, .terminal = true};
        struct test_process *p = test_process_start(&program);
        ck_assert(test_process_wait_for(p, "End 1 waiting tasks of queue q as KILLED? [y/N]", SECONDS(30)));
        test_process_type(p, answers[yes]);
        ck_assert(test_process_wait(p, SECONDS(30)));
        ck_assert_int_eq(test_process_status(p), yes ? 0 : 4);
        ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.ready"), yes ? 0 : 1);
        test_process_free(p);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("tasks");
    tcase_set_timeout(tests, 150);
    tcase_add_checked_fixture(tests, cli_begin, cli_end);
    tcase_add_test(tests, enqueue_prints_the_id_and_writes_what_it_was_told);
    tcase_add_test(tests, arguments_come_from_standard_input);
    tcase_add_test(tests, a_name_that_nobody_has_waits_and_is_reported);
    tcase_add_test(tests, lists_are_json_lines_with_the_columns_names);
    tcase_add_test(tests, filters_choose_tasks);
    tcase_add_test(tests, a_table_is_for_terminals_and_nothing_in_it_moves_the_cursor);
    tcase_add_test(tests, show_tells_attempts_and_log);
    tcase_add_test(tests, show_cuts_long_lines_that_the_log_shows_whole);
    tcase_add_test(tests, show_tells_why_a_task_waits);
    tcase_add_test(tests, the_log_is_shown_from_a_level_on);
    tcase_add_test(tests, the_beginning_of_an_id_is_enough_when_it_is_one_task);
    tcase_add_test(tests, wait_answers_how_it_ended);
    tcase_add_test(tests, cancel_and_retry_say_when_they_do_not_apply);
    tcase_add_test(tests, a_filter_retries_what_it_means_and_says_how_many_first);
    tcase_add_test(tests, a_retry_of_all_takes_as_many_batches_as_it_needs);
    tcase_add_test(tests, a_filter_cancels_what_waits_what_is_delayed_and_what_runs);
    tcase_add_test(tests, a_batch_is_cancelled_by_its_id);
    tcase_add_test(tests, a_paused_queue_waits_and_is_resumed);
    tcase_add_test(tests, a_queue_that_nothing_names_is_paused_with_a_note);
    tcase_add_test(tests, purge_asks_and_leaves_other_queues_and_free_keys);
    tcase_add_test(tests, purge_takes_a_yes_typed_on_a_terminal);
    cli_start();
    return test_main_case("cli", tests);
}
