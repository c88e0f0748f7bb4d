/* What runs in the foreground, and what looks at the whole: run, handlers, doctor, schedule, bench. */
#include "common/base/json.h"
#include "tests/fixture/main.h"
#include "tests/test_cli_stage.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Run --------------------------------------------------------------------------------------------------------------- */

START_TEST(run_runs_here_and_now_and_leaves_the_same_row)
{
    DRUMBEAT("run", "echo", "--args", "{\"a\": [1, 2]}");
    ck_ended(p, 0, "");
    ck_says(p, "echo SUCCESS in ");
    ck_says(p, ": {\"a\": [1, 2]}");
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS' AND name = 'echo' AND attempt = 1 AND worker IS NOT NULL"), 1);
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.worker"), 0);
}
END_TEST

START_TEST(run_goes_on_through_retries_and_says_how_it_failed)
{
    DRUMBEAT("run", "fail", "--args", "{\"times\": 1}");
    ck_ended(p, 0, "");
    ck_assert_int_eq(test_number(cli.pg, "SELECT attempt FROM drumbeat.task"), 2);
    struct test_process *failed = test_drumbeat(cli.url, "run", "fail", "--args", "{\"message\": \"no luck\", \"retryable\": false}", NULL);
    ck_assert_int_eq(test_process_status(failed), 1);
    ck_says(failed, "fail ERRORED in ");
    ck_says(failed, "no luck");
    test_process_free(failed);
    struct test_process *crashed = test_drumbeat(cli.url, "run", "crash", "--max-attempts", "1", "--json", NULL);
    ck_assert_int_eq(test_process_status(crashed), 1);
    ck_says(crashed, "\"status\": \"ERRORED\"");
    test_process_free(crashed);
}
END_TEST

START_TEST(run_draws_a_bar_on_a_terminal_and_control_c_cancels)
{
    char variable[4096];
    const char *argv[] = {test_build_path("drumbeat"), "run", "sleep", "--args", "{\"seconds\": 60, \"steps\": 600}", NULL}, *env[] = {variable, NULL};
    snprintf(variable, sizeof variable, "DATABASE_URL=%s", cli.url);
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
    ck_assert_str_eq(test_text(cli.pg, "SELECT status FROM drumbeat.task"), "KILLED");
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.worker"), 0);
}
END_TEST

START_TEST(a_second_interrupt_stops_a_task_that_does_not_listen)
{
    CLEANUP(test_process_freep) struct test_process *p = test_drumbeat_start(cli.url, "run", "hog", "--args", "{\"spin_seconds\": 100, \"ignore_sigterm\": true}", NULL);
    ck_assert(test_wait_number(cli.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'RUNNING'", 1, SECONDS(30)));
    test_process_signal(p, SIGINT);
    ck_assert(test_process_wait_for(p, "cancelling", SECONDS(30)));
    test_process_signal(p, SIGINT);
    ck_assert(test_process_wait(p, SECONDS(30)));
    ck_assert_int_eq(test_process_status(p), 1);
    ck_assert_str_eq(test_text(cli.pg, "SELECT status FROM drumbeat.task"), "KILLED");
}
END_TEST

START_TEST(other_workers_leave_private_queues_alone)
{
    enqueue("drumbeat.enqueue('noop', queue => 'run.somebody')");
    enqueue("drumbeat.enqueue('noop', queue => 'q')");
    work();
    ck_assert_str_eq(test_text(cli.pg, "SELECT string_agg(queue, ',') FROM drumbeat.task WHERE status = 'QUEUED'"), "run.somebody");
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
    snprintf(folder, sizeof folder, "results.root=%s", test_cluster_folder(cli.cluster));
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
    struct test_process *empty = test_drumbeat(test_cluster_empty_database(cli.cluster), "doctor", NULL);
    ck_ended(empty, 1, "");
    ck_says(empty, "run drumbeat migrate");
    test_process_free(empty);
    test_sql(cli.pg, "SELECT drumbeat.enqueue('some.handler'); SELECT drumbeat.pause('q', 'upgrade')");
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
    test_sql(cli.pg, "INSERT INTO drumbeat.worker (id, host, pid, version, pool, names, lease, boot, pid_start)"
                 " VALUES ('00000000-0000-7000-8000-000000000001', 'h1', 7, '0', 2, '{noop}', '1 hour', 'b', 1);"
                 "INSERT INTO drumbeat.handler (name) VALUES ('noop')");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_sql(cli.pg, rows[i].sql);
        DRUMBEAT("doctor");
        ck_says(p, rows[i].says);
    }
    test_sql(cli.pg, "SELECT drumbeat.enqueue('of.tomorrow', limit_key => 't'), drumbeat.admit('{}', '')");
    DRUMBEAT("doctor");
    ck_says(p, "WARN\thandlers\t1 tasks wait for handlers that no live worker has: of.tomorrow");
}
END_TEST

START_TEST(doctor_tells_what_stands_on_no_shelf)
{
    test_sql(cli.pg, "DO $$ DECLARE t text; BEGIN FOR t IN SELECT format('drumbeat.%I', s.name || '_2') FROM drumbeat.shelved() s LOOP EXECUTE 'DROP TABLE ' || t; END LOOP; END $$;"
                 "DELETE FROM drumbeat.shelf WHERE number = 2");
    {
        DRUMBEAT("doctor");
        ck_says(p, "WARN\thistory\tno shelf for this time -> start a worker");
    }
    test_sql(cli.pg, "SELECT drumbeat.enqueue('noop')");
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
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.task_body"), 0);
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.ended"), 0);
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.worker"), 0);
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
    test_sql(cli.pg, "INSERT INTO drumbeat.schedule (name, handler, args, specs, tz, max_runs, notes) VALUES"
                 " ('night', 'noop', '{\"a\": 1}', '{30 2 * * *,@daily}', 'Europe/Paris', 7, 'of \"Ana\"')");
    test_sql(cli.pg, "SELECT drumbeat.trigger_schedule('night')");
    DRUMBEAT("schedule", "ls", "--json");
    ck_ended(p, 0, "");
    struct err e;
    CLEANUP(js_freep) struct js *row = js_parse(test_process_output(p), strlen(test_process_output(p)), &e);
    ck_assert_msg(row != NULL, "%s: %s", e.text, test_process_output(p));
    ck_assert_str_eq(js_text(js_at(js_get(row, "specs"), 1)), "@daily");
    ck_assert_str_eq(js_text(js_get(row, "notes")), "of \"Ana\"");
    struct test_process *one = test_drumbeat(cli.url, "schedule", "show", "night", "--json", NULL);
    ck_ended(one, 0, "");
    CLEANUP(js_freep) struct js *shown = js_parse(test_process_output(one), strlen(test_process_output(one)), &e);
    ck_assert_msg(shown != NULL, "%s: %s", e.text, test_process_output(one));
    js_each(shown, ck_listed, row);
    ck_assert_uint_eq(js_count(js_get(shown, "next")), 5);
    ck_assert_uint_eq(js_count(js_get(shown, "history")), 1);
    test_process_free(one);
    struct test_process *lines = test_drumbeat(cli.url, "schedule", "show", "night", NULL);
    ck_ended(lines, 0, "");
    ck_says(lines, "\nnext\n  ");
    test_process_free(lines);
    struct test_process *history = test_drumbeat(cli.url, "schedule", "history", "night", NULL);
    ck_ended(history, 0, "");
    ck_says(history, "QUEUED");
    test_process_free(history);
}
END_TEST

START_TEST(bench_schedules_measures_a_beat_and_leaves_yours_alone)
{
    test_sql(cli.pg, "INSERT INTO drumbeat.schedule (name, handler, specs) VALUES ('mine', 'noop', '{@every 1s}')");
    DRUMBEAT("bench", "schedules", "--tasks", "500", "--json");
    static const char *const keys[] = {"schedules", "load_s", "pss_mib", "emit_s", "emitted_pss_mib"};
    struct err e;
    double number;
    ck_ended(p, 0, "");
    CLEANUP(js_freep) struct js *answer = js_parse(test_process_output(p), strlen(test_process_output(p)), &e);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        ck_assert_msg(js_number(js_get(js_get(answer, "beat"), keys[i]), &number) && number > 0, "%s", keys[i]);
    ck_assert(js_number(js_get(js_get(answer, "beat"), "schedules"), &number) && number == 500);
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.tick"), 0);
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM pg_database WHERE datname = 'drumbeat_bench'"), 0);
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
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM pg_class WHERE relname = 'bench_upsert'"), 0);
}
END_TEST

START_TEST(a_role_that_may_only_enqueue_can)
{
    char role[4096];
    test_sql(cli.pg, "DO $$ BEGIN CREATE ROLE app LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$; GRANT drumbeat_enqueue TO app");
    snprintf(role, sizeof role, "postgresql://app@%s", strchr(cli.url, '@') + 1);
    struct test_process *p = test_drumbeat(role, "enqueue", "noop", NULL);
    ck_ended(p, 0, "");
    test_process_free(p);
    struct test_process *refused = test_drumbeat(role, "task", "ls", NULL);
    ck_ended(refused, 4, "permission denied");
    test_process_free(refused);
    ck_assert_str_eq(test_text(cli.pg, "SELECT created_by FROM drumbeat.task"), "app");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("run");
    tcase_set_timeout(tests, 150);
    tcase_add_checked_fixture(tests, cli_begin, cli_end);
    tcase_add_test(tests, run_runs_here_and_now_and_leaves_the_same_row);
    tcase_add_test(tests, run_goes_on_through_retries_and_says_how_it_failed);
    tcase_add_test(tests, run_draws_a_bar_on_a_terminal_and_control_c_cancels);
    tcase_add_test(tests, a_second_interrupt_stops_a_task_that_does_not_listen);
    tcase_add_test(tests, other_workers_leave_private_queues_alone);
    tcase_add_test(tests, handlers_show_their_arguments);
    tcase_add_test(tests, doctor_looks_at_the_folder_of_results);
    tcase_add_test(tests, doctor_finds_what_is_wrong_and_how_to_mend_it);
    tcase_add_test(tests, doctor_knows_what_limits_hold);
    tcase_add_test(tests, doctor_tells_what_stands_on_no_shelf);
    tcase_add_test(tests, bench_reports_the_contracts_keys_and_leaves_nothing);
    tcase_add_test(tests, a_schedule_is_told_as_json_with_the_columns_of_the_table);
    tcase_add_test(tests, bench_upsert_writes_what_it_was_given_and_leaves_nothing);
    tcase_add_test(tests, bench_schedules_measures_a_beat_and_leaves_yours_alone);
    tcase_add_test(tests, a_role_that_may_only_enqueue_can);
    cli_start();
    return test_main_case("cli", tests);
}
