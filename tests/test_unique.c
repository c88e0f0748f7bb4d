/* Unique keys and idempotency keys: who holds one, until when, and what a second caller gets. */
#include "tests/fixture/main.h"
#include "tests/storm/stage.h"

#include <stdio.h>
#include <string.h>

static struct test_cluster *cluster;
static struct stage s;

static void open_stage(void)
{
    stage_open(&s, cluster);
}

static void close_stage(void)
{
    stage_close(&s);
}

static int64_t count(const char *condition)
{
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT count(*) FROM drumbeat.task WHERE %s", condition);
    return test_number(s.pg, text_str(&sql));
}

/* The ids that `sql` answers, shortened to their places among all tasks by age: "1 2", "-" for NULL. */
static const char *answers(const char *sql)
{
    struct text whole CLEANUP(text_free) = {0};
    text_printf(&whole, "CREATE TEMP TABLE IF NOT EXISTS said(n int GENERATED ALWAYS AS IDENTITY, id uuid); TRUNCATE said; INSERT INTO said (id) %s", sql);
    test_sql(s.pg, text_str(&whole));
    return stage_text(&s, "WITH age AS (SELECT id, row_number() OVER (ORDER BY created_at, (args ->> 'n')::int) AS n FROM drumbeat.task_body)"
                          " SELECT string_agg(coalesce(a.n::text, '-'), ' ' ORDER BY s.n) FROM said s LEFT JOIN age a USING (id)");
}

START_TEST(a_held_key_returns_skips_or_is_replaced)
{
    ck_assert_str_eq(answers("SELECT drumbeat.enqueue('noop', unique_key => 'k')"), "1");
    ck_assert_str_eq(answers("SELECT drumbeat.enqueue('noop', unique_key => 'k')"), "1");
    ck_assert_str_eq(answers("SELECT drumbeat.enqueue('noop', unique_key => 'k', unique_mode => 'return')"), "1");
    ck_assert_str_eq(answers("SELECT drumbeat.enqueue('noop', unique_key => 'k', unique_mode => 'skip')"), "-");
    ck_assert_str_eq(answers("SELECT drumbeat.enqueue('noop', unique_key => 'k', unique_mode => 'replace')"), "2");
    ck_assert_str_eq(answers("SELECT drumbeat.enqueue('noop', unique_key => 'k')"), "2");
    ck_assert_int_eq(count("status = 'SKIPPED' AND error LIKE 'replaced by %'"), 1);
    ck_assert_int_eq(count("status = 'QUEUED'"), 1);
}
END_TEST

START_TEST(keys_that_repeat_in_one_call_are_one_task)
{
    static const char sql[] = "SELECT drumbeat.enqueue_many('noop', ARRAY['{\"n\": 1}', '{\"n\": 2}', '{\"n\": 3}']::jsonb[], unique_keys => '{a,b,a}', unique_mode => %s)";
    char call[300];
    snprintf(call, sizeof call, sql, "'skip'");
    ck_assert_str_eq(answers(call), "1 2 -");
    snprintf(call, sizeof call, sql, "'replace'");
    ck_assert_str_eq(answers(call), "4 3 4");
    ck_assert_int_eq(count("status = 'QUEUED' AND args ->> 'n' = '3'"), 1);
}
END_TEST

START_TEST(a_debounced_task_runs_once_with_the_last_arguments)
{
    for (int i = 1; i <= 5; i++) {
        char sql[200];
        snprintf(sql, sizeof sql, "SELECT drumbeat.enqueue('echo', '{\"n\": %d}', unique_key => 'form 7', unique_mode => 'replace', run_at => now() + interval '300 ms')", i);
        test_sql(s.pg, sql);
    }
    stage_worker(&s, NULL, "--pool", "2");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'", 1, SECONDS(5)));
    ck_assert_str_eq(stage_text(&s, "SELECT result ->> 'n' FROM drumbeat.task WHERE status = 'SUCCESS'"), "5");
    ck_assert_int_eq(count("status = 'SKIPPED'"), 4);
}
END_TEST

START_TEST(a_key_until_the_start_is_free_while_its_task_runs)
{
    stage_worker(&s, NULL, "--pool", "1");
    stage_hold(&s);
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('effect', unique_key => 'k', unique_until => 'start')");
    ck_assert(stage_ends(&s, id, "RUNNING", SECONDS(5)));
    ck_assert_str_eq(answers("SELECT drumbeat.enqueue('effect', unique_key => 'k', unique_until => 'start')"), "2");
    ck_assert_str_eq(answers("SELECT drumbeat.enqueue('effect', unique_key => 'k', unique_until => 'start')"), "2");
    stage_let_go(&s);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 2, SECONDS(5)));
}
END_TEST

START_TEST(a_running_holder_that_is_replaced_goes_on_without_the_key)
{
    stage_worker(&s, NULL, "--pool", "1");
    stage_hold(&s);
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('effect', unique_key => 'k')");
    ck_assert(stage_ends(&s, id, "RUNNING", SECONDS(5)));
    ck_assert_str_eq(answers("SELECT drumbeat.enqueue('effect', unique_key => 'k', unique_mode => 'replace')"), "2");
    stage_let_go(&s);
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 2, SECONDS(5)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.unique_lock"), 0);
}
END_TEST

START_TEST(a_window_keeps_the_key_when_the_task_has_ended)
{
    stage_worker(&s, NULL, "--pool", "1");
    test_sql(s.pg, "SELECT drumbeat.enqueue('noop', unique_key => 'k', unique_window => '1 hour')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 1, SECONDS(5)));
    ck_assert_str_eq(answers("SELECT drumbeat.enqueue('noop', unique_key => 'k')"), "1");
    test_sql(s.pg, "SELECT drumbeat.sweep_batches(10)");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.unique_lock"), 1);
    test_sql(s.pg, "UPDATE drumbeat.unique_lock SET free_at = now() - interval '1 s'");
    ck_assert_str_eq(answers("SELECT drumbeat.enqueue('noop', unique_key => 'k', run_at => now() + interval '1 h')"), "2");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.unique_lock WHERE free_at IS NULL"), 1);
}
END_TEST

START_TEST(a_window_that_is_over_is_pruned_when_its_task_has_ended)
{
    test_sql(s.pg, "SELECT drumbeat.enqueue('noop', unique_key => 'a', unique_window => '1 hour'), drumbeat.enqueue('noop', unique_key => 'b', unique_window => '1 hour');"
                   "SELECT drumbeat.cancel(id) FROM drumbeat.task WHERE unique_key = 'a'; UPDATE drumbeat.unique_lock SET free_at = now() - interval '1 s'; SELECT drumbeat.sweep_batches(10)");
    ck_assert_str_eq(stage_text(&s, "SELECT string_agg(key, ' ') FROM drumbeat.unique_lock"), "b");
}
END_TEST

START_TEST(a_retry_takes_its_own_window_again)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop', unique_key => 'k', unique_window => '1 hour')");
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task; SELECT drumbeat.retry(id) FROM drumbeat.task");
    ck_assert_str_eq(stage_task(&s, id, "status"), "QUEUED");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.unique_lock WHERE free_at > now()"), 1);
}
END_TEST

/* Two at a time ------------------------------------------------------------------------------------------------------- */

/* A statement on a connection of its own, sent and not waited for. */
static struct test_process *psql(const char *sql)
{
    const char *argv[] = {"/usr/bin/psql", "-qAt", "-d", s.url, "-c", sql, NULL};
    return test_process_start(&(struct test_program){.argv = argv});
}

START_TEST(of_two_that_replace_at_once_the_later_wins)
{
    struct err e;
    test_sql(s.pg, "SELECT drumbeat.enqueue('noop', '{\"n\": 0}', unique_key => 'k')");
    struct pg *first = test_connect(s.url);
    ck_assert(pg_begin(first, &e));
    test_sql(first, "SELECT drumbeat.enqueue('noop', '{\"n\": 1}', unique_key => 'k', unique_mode => 'replace')");
    struct test_process *other CLEANUP(test_process_freep) = psql("SELECT drumbeat.enqueue('noop', '{\"n\": 2}', unique_key => 'k', unique_mode => 'replace') IS NOT NULL");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%\"n\": 2%' AND pid <> pg_backend_pid()", 1, SECONDS(5)));
    ck_assert(_i == 0 ? pg_commit(first, &e) : pg_rollback(first, &e));
    pg_close(first);
    ck_assert(test_process_wait(other, SECONDS(5)));
    ck_assert_str_eq(test_process_output(other), "t\n");
    ck_assert_str_eq(stage_text(&s, "SELECT string_agg(args ->> 'n', ' ') FROM drumbeat.task WHERE status = 'QUEUED'"), "2");
    ck_assert_int_eq(count("status = 'SKIPPED'"), _i == 0 ? 2 : 1);
}
END_TEST

/* The claim is under way when the key is taken: it runs; or it is rolled back: it never does. */
START_TEST(a_holder_that_is_being_claimed_runs_or_is_replaced)
{
    struct err e;
    struct pg *worker = test_connect(s.url);
    test_sql(s.pg, "SELECT drumbeat.enqueue('noop', unique_key => 'k')");
    test_sql(worker, "SELECT drumbeat.open_worker(drumbeat.uuid_v7(), 'here', 1, '0', NULL, 1, '{noop}', '{default}', '{3}', '{0}', '{NULL}', '1 hour', 'boot', 1);"
                     "SELECT drumbeat.open_seat((SELECT id FROM drumbeat.worker), 0, 'nobody')");
    ck_assert(pg_begin(worker, &e));
    test_sql(worker, "SELECT drumbeat.claim(worker, seat, epoch, 1, '{default}', '{5}', '{0}', '{0}', '{1}', '{noop}', 1) FROM drumbeat.seat");
    struct test_process *other CLEANUP(test_process_freep) = psql("SELECT drumbeat.enqueue('noop', unique_key => 'k', unique_mode => 'replace') IS NOT NULL");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%replace%' AND pid <> pg_backend_pid()", 1, SECONDS(5)));
    ck_assert(_i == 0 ? pg_commit(worker, &e) : pg_rollback(worker, &e));
    ck_assert(test_process_wait(other, SECONDS(5)));
    ck_assert_str_eq(test_process_output(other), "t\n");
    ck_assert_str_eq(stage_text(&s, "SELECT string_agg(status, ' ' ORDER BY created_at) FROM drumbeat.task"), _i == 0 ? "RUNNING QUEUED" : "SKIPPED QUEUED");
    test_sql(worker, "SELECT drumbeat.close_worker(id, 'returned', 'over') FROM drumbeat.worker");
    pg_close(worker);
}
END_TEST

START_TEST(no_settle_waits_for_a_caller_who_replaces)
{
    struct err e;
    stage_worker(&s, NULL, "--pool", "1");
    stage_hold(&s);
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('effect', unique_key => 'k')");
    ck_assert(stage_ends(&s, id, "RUNNING", SECONDS(5)));
    struct pg *caller = test_connect(s.url);
    ck_assert(pg_begin(caller, &e));
    test_sql(caller, "SELECT drumbeat.enqueue('effect', unique_key => 'k', unique_mode => 'replace')");
    stage_let_go(&s);
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    ck_assert(pg_rollback(caller, &e)); /* the key stays behind, and counts for nothing */
    pg_close(caller);
    ck_assert_str_eq(answers("SELECT drumbeat.enqueue('effect', unique_key => 'k')"), "2");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 2, SECONDS(5)));
}
END_TEST

/* Idempotency keys ---------------------------------------------------------------------------------------------------- */

START_TEST(the_same_call_again_answers_the_same)
{
    static const char call[] = "SELECT drumbeat.enqueue_many('noop', ARRAY['{\"n\": 1}', '{\"n\": 2}']::jsonb[], idempotency_key => 'upload 1')";
    stage_worker(&s, NULL, "--pool", "1");
    ck_assert_str_eq(answers(call), "1 2");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 2, SECONDS(5)));
    ck_assert_str_eq(answers(call), "1 2");
    ck_assert_str_eq(answers("SELECT drumbeat.enqueue('echo', '{\"n\": 3}', idempotency_key => 'upload 1')"), "3");
    test_sql(s.pg, "UPDATE drumbeat.idempotency SET expires_at = now() - interval '1 s'");
    ck_assert_str_eq(answers(call), "4 5");
}
END_TEST

START_TEST(an_idempotent_call_remembers_holders_and_what_it_skipped)
{
    test_sql(s.pg, "SELECT drumbeat.enqueue('noop', unique_key => 'a')");
    static const char sql[] = "SELECT drumbeat.enqueue_many('noop', ARRAY['{}', '{}']::jsonb[], unique_keys => '{a,b}', idempotency_key => 'i', unique_mode => 'skip')";
    ck_assert_str_eq(answers(sql), "- 2");
    ck_assert_str_eq(answers(sql), "- 2");
}
END_TEST

START_TEST(of_two_callers_with_one_key_the_first_to_commit_inserts)
{
    struct err e;
    struct pg *first = test_connect(s.url);
    ck_assert(pg_begin(first, &e));
    const char *id = stage_keep(test_text(first, "SELECT drumbeat.enqueue('noop', idempotency_key => 'i')"));
    struct test_process *other CLEANUP(test_process_freep) = psql("SELECT drumbeat.enqueue('noop', idempotency_key => 'i')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%idempotency%' AND pid <> pg_backend_pid()", 1, SECONDS(5)));
    ck_assert(_i == 0 ? pg_commit(first, &e) : pg_rollback(first, &e));
    pg_close(first);
    ck_assert(test_process_wait(other, SECONDS(5)));
    ck_assert_int_eq(strncmp(test_process_output(other), id, strlen(id)) == 0, _i == 0);
    ck_assert_int_eq(count("true"), 1);
}
END_TEST

START_TEST(a_workflow_is_started_once_for_its_key)
{
    static const char sql[] = "SELECT drumbeat.enqueue_workflow('{\"group\": [{\"task\": \"noop\"}, {\"task\": \"noop\"}]}', idempotency_key => 'w')";
    const char *first = stage_text(&s, sql);
    ck_assert_str_eq(stage_text(&s, sql), first);
    ck_assert_int_eq(count("true"), 2);
    test_sql(s.pg, "SELECT drumbeat.enqueue('noop', idempotency_key => 'w')"); /* keys of tasks are others */
    ck_assert_int_eq(count("true"), 3);
    test_sql(s.pg, "UPDATE drumbeat.idempotency SET expires_at = now(); SELECT drumbeat.sweep_batches(10)");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.idempotency"), 0);
}
END_TEST

/* `drumbeat enqueue noop --unique k …` ends with `status`. */
static void command(int status, const char *flag, const char *value)
{
    struct test_process *p CLEANUP(test_process_freep) = test_drumbeat(s.url, "enqueue", "noop", "--unique", "k", flag, value, NULL);
    ck_assert_msg(test_process_status(p) == status, "%s %s: %d: %s", flag, value, test_process_status(p), test_process_errors(p));
}

START_TEST(the_command_line_knows_the_modes)
{
    command(0, "--unique-window", "1h");
    command(0, "--unique-mode", "return");
    command(4, "--unique-mode", "skip");
    command(0, "--unique-mode", "replace");
    command(2, "--unique-mode", "x");
    command(2, "--unique-until", "x");
    command(0, "--idempotency-key", "i");
    ck_assert_int_eq(count("status = 'QUEUED'"), 1);
    ck_assert_int_eq(count("true"), 2);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.idempotency"), 1);
}
END_TEST

static const char *const bad_calls[] = {
    "SELECT drumbeat.enqueue('noop', unique_key => 'k', unique_mode => 'x')",
    "SELECT drumbeat.enqueue('noop', unique_key => 'k', unique_until => 'x')",
    "SELECT drumbeat.enqueue('noop', unique_key => 'k', unique_window => '-1 s')",
    "SELECT drumbeat.enqueue('noop', idempotency_key => '')",
    "SELECT drumbeat.enqueue('noop', idempotency_key => 'k', idempotency_ttl => '0')",
};

START_TEST(bad_values_are_refused)
{
    struct sql script = {.name = "refused", .text = bad_calls[_i]};
    struct err e;
    ck_assert_msg(!pg_script(s.pg, &script, &e), "%s: is not refused", bad_calls[_i]);
    ck_assert_str_eq(pg_sqlstate(s.pg), "22023");
}
END_TEST

static void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_held_key_returns_skips_or_is_replaced);
    tcase_add_test(tests, keys_that_repeat_in_one_call_are_one_task);
    tcase_add_test(tests, a_debounced_task_runs_once_with_the_last_arguments);
    tcase_add_test(tests, a_key_until_the_start_is_free_while_its_task_runs);
    tcase_add_test(tests, a_running_holder_that_is_replaced_goes_on_without_the_key);
    tcase_add_test(tests, a_window_keeps_the_key_when_the_task_has_ended);
    tcase_add_test(tests, a_window_that_is_over_is_pruned_when_its_task_has_ended);
    tcase_add_test(tests, a_retry_takes_its_own_window_again);
    tcase_add_loop_test(tests, of_two_that_replace_at_once_the_later_wins, 0, 2);
    tcase_add_loop_test(tests, a_holder_that_is_being_claimed_runs_or_is_replaced, 0, 2);
    tcase_add_test(tests, no_settle_waits_for_a_caller_who_replaces);
    tcase_add_test(tests, the_same_call_again_answers_the_same);
    tcase_add_test(tests, an_idempotent_call_remembers_holders_and_what_it_skipped);
    tcase_add_loop_test(tests, of_two_callers_with_one_key_the_first_to_commit_inserts, 0, 2);
    tcase_add_test(tests, a_workflow_is_started_once_for_its_key);
    tcase_add_test(tests, the_command_line_knows_the_modes);
    tcase_add_loop_test(tests, bad_values_are_refused, 0, sizeof bad_calls / sizeof *bad_calls);
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("unique");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    add_tests(tests);
    int failed = test_main_case("unique", tests);
    test_cluster_stop(cluster);
    return failed;
}
