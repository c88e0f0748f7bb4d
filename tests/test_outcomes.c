/* What follows the end of an attempt, on the real worker: when it is tried again, how it is stopped, what is kept of it. */
#include "tests/fixture/main.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* Retry --------------------------------------------------------------------------------------------------------------- */

/* How long the task waits after its attempt number `attempt`, in ms. */
static int64_t wait_after(const char *id, int attempt)
{
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM drumbeat.past_attempt WHERE task_id = '%s' AND attempt = %d", id, attempt);
    ck_assert(stage_wait(&s, sql, 1, SECONDS(10)));
    snprintf(sql, sizeof sql,
             "SELECT (extract(epoch FROM d.run_at - p.ended_at) * 1000)::bigint FROM drumbeat.delayed d JOIN drumbeat.past_attempt p USING (task_id)"
             " WHERE d.task_id = '%s' AND p.attempt = %d", id, attempt);
    return test_number(s.pg, sql);
}

static void make_due(void)
{
    test_sql(s.pg, "UPDATE drumbeat.delayed SET run_at = now(); NOTIFY drumbeat, 'delayed'");
}

START_TEST(a_table_of_delays_is_kept_exactly_and_its_last_one_again_and_again)
{
    static const int64_t expected[] = {60000, 3600000, 3600000};
    stage_worker(&s, NULL, "--pool", "1", "--config", stage_config(&s, "handlers: {fail: {retry: {delays: [1m, 1h]}}}\n"));
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('fail', max_attempts => 4)");
    for (int attempt = 1; attempt <= 3; attempt++) {
        int64_t waits = wait_after(id, attempt);
        ck_assert_msg(llabs(waits - expected[attempt - 1]) < 30000, "after attempt %d it waits %lld ms", attempt, (long long)waits);
        make_due();
    }
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(5)));
}
END_TEST

/* A random part: at most the limit, and not always the same. 40 tasks below a quarter of it are a chance of 4^-40. */
START_TEST(a_back_off_is_spread_over_all_of_its_limit_and_doubles_up_to_the_cap)
{
    static const char waits[] = "SELECT max(extract(epoch FROM d.run_at - p.ended_at))::bigint FROM drumbeat.delayed d JOIN drumbeat.past_attempt p USING (task_id, attempt)";
    stage_worker(&s, NULL, "--pool", "2", "--config", stage_config(&s, "handlers: {fail: {retry: {first: 1000s, cap: 1500s}}}\n"));
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('fail', array_fill('{}'::jsonb, ARRAY[40]), max_attempts => 5)");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.delayed WHERE attempt = 1", 40, SECONDS(10)));
    int64_t longest = test_number(s.pg, waits);
    ck_assert_msg(longest > 250 && longest <= 1030, "%lld s", (long long)longest);
    ck_assert_int_gt(test_number(s.pg, "SELECT count(DISTINCT run_at) FROM drumbeat.delayed"), 20);
    make_due();
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.delayed WHERE attempt = 2", 40, SECONDS(10)));
    make_due();
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.delayed WHERE attempt = 3", 40, SECONDS(10)));
    longest = test_number(s.pg, waits);
    ck_assert_msg(longest > 1030 && longest <= 1530, "%lld s", (long long)longest);
}
END_TEST

/* Expiry -------------------------------------------------------------------------------------------------------------- */

START_TEST(a_delayed_task_that_expired_meanwhile_is_skipped)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop', run_at => now() + interval '400 ms', expires_at => now() + interval '200 ms')");
    ck_assert(stage_ends(&s, id, "SKIPPED", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "attempt || coalesce(started_at::text, ' never started: ') || error"), "0 never started: expired before it could start");
}
END_TEST

START_TEST(a_task_that_expires_while_it_waits_for_its_next_attempt_is_skipped_with_its_history)
{
    stage_worker(&s, NULL, "--pool", "1", "--config", stage_config(&s, "handlers: {fail: {retry: {delays: [1h]}}}\n"));
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('fail', '{\"message\": \"no luck\"}', expires_at => now() + interval '10 minutes')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.delayed", 1, SECONDS(5)));
    test_sql(s.pg, "UPDATE drumbeat.task_body SET expires_at = now()");
    make_due();
    ck_assert(stage_ends(&s, id, "SKIPPED", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "attempt::text"), "1");
    ck_assert_str_eq(stage_attempt(&s, id, "outcome || ': ' || error"), "failed: no luck");
}
END_TEST

/* Snooze -------------------------------------------------------------------------------------------------------------- */

START_TEST(a_snoozed_task_runs_later_and_spends_no_attempt)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('snooze', '{\"seconds\": 100, \"why\": \"no export yet\"}', max_attempts => 2)");
    for (int times = 1; times <= 4; times++) {
        char sql[100];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM drumbeat.past_attempt WHERE outcome = 'snoozed' AND attempt = 1 AND %d = %d", times, times);
        ck_assert(stage_wait(&s, sql, times, SECONDS(5)));
        ck_assert_str_eq(stage_task(&s, id, "status || attempt || ' ' || progress_message"), "QUEUED0 snoozed: no export yet");
        ck_assert_str_eq(stage_task(&s, id, "run_at - now() BETWEEN interval '40 s' AND interval '101 s'"), "t");
        make_due();
    }
}
END_TEST

START_TEST(a_snooze_is_never_shorter_than_a_second)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('snooze', '{\"seconds\": 0}')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.delayed", 1, SECONDS(5)));
    ck_assert_str_eq(stage_attempt(&s, id, "(SELECT run_at FROM drumbeat.delayed) - ended_at >= interval '1 s'"), "true");
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task");
    ck_assert_str_eq(stage_task(&s, id, "status || attempt"), "KILLED0");
}
END_TEST

/* 999 of them are put there by hand. */
START_TEST(the_thousandth_snooze_in_a_row_is_a_failure)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('snooze', '{\"seconds\": 100, \"why\": \"no export yet\"}', max_attempts => 1)");
    test_sql(s.pg, "INSERT INTO drumbeat.past_attempt (task_id, attempt, fence, started_at, ended_at, outcome)"
                   " SELECT id, 1, -n, now(), now(), 'snoozed' FROM drumbeat.task, generate_series(1, 999) n");
    stage_worker(&s, NULL, "--pool", "1");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.delayed", 1, SECONDS(5)));
    make_due();
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "error || attempt"), "snoozed 1000 times: no export yet1");
    test_sql(s.pg, "DELETE FROM drumbeat.past_attempt WHERE fence < 0");
}
END_TEST

/* Deaths -------------------------------------------------------------------------------------------------------------- */

/* Some tasks have died once, so their history says: what ran before one in its claim is settled, what lies behind it gets a claim of its
 * own. */
START_TEST(a_suspect_gives_back_what_lies_behind_it_before_it_starts)
{
    test_sql(s.pg, "SELECT drumbeat.pause('default')");
    stage_worker(&s, NULL, "--pool", "1");
    for (int i = 1; i <= 5; i++) {
        test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[700]))");
        test_sql(s.pg, "SELECT drumbeat.enqueue('noop', created_by => 'suspect')");
    }
    test_sql(s.pg, "UPDATE drumbeat.ready SET attempt = 1 WHERE task_id IN (SELECT id FROM drumbeat.task_body WHERE created_by = 'suspect');"
                   "INSERT INTO drumbeat.past_attempt (task_id, attempt, fence, started_at, ended_at, outcome)"
                   " SELECT id, 1, -row_number() OVER (), now(), now(), 'crashed' FROM drumbeat.task_body WHERE created_by = 'suspect';"
                   "SELECT drumbeat.resume('default')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended WHERE status = 'SUCCESS'", 3505, SECONDS(20)));
    test_sql(s.pg, "CREATE TEMP VIEW beside AS SELECT o.ended_at <= e.started_at AS before FROM drumbeat.task_body b JOIN drumbeat.ended e ON e.task_id = b.id"
                   "  JOIN drumbeat.ended o ON o.fence = e.fence AND o.task_id <> e.task_id WHERE b.created_by = 'suspect'");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM beside WHERE NOT before"), 0);
    ck_assert_int_gt(test_number(s.pg, "SELECT count(*) FROM beside WHERE before"), 0); /* it was one of a claim */
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE deaths = 1 AND created_by = 'suspect' AND attempt = 2"), 5);
}
END_TEST

START_TEST(a_task_that_dies_takes_no_other_with_it)
{
    test_sql(s.pg, "SELECT drumbeat.pause('default')");
    stage_worker(&s, NULL, "--pool", "1");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[1000]))");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('crash', '{\"times\": 2}')");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[1000])); SELECT drumbeat.resume('default')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended WHERE status = 'SUCCESS'", 2001, SECONDS(20)));
    ck_assert_str_eq(stage_task(&s, id, "attempt || ' ' || deaths"), "3 2");
    ck_assert_int_eq(test_number(s.pg, "SELECT max(attempt) FROM drumbeat.task WHERE name = 'noop'"), 1);
}
END_TEST

static const struct {
    const char *config, *enqueue, *shows;
} set_aside[] = {
    {"handlers: {crash: {max_attempts: 9}}", "SELECT drumbeat.enqueue('crash')", "ERRORED 3 3 set aside after 3 deaths: the process died by signal 11 (Segmentation fault) in attempt 3"},
    {"handlers: {crash: {max_attempts: 9, max_deaths: 2}}", "SELECT drumbeat.enqueue('crash', max_attempts => 10)",
     "ERRORED 2 2 set aside after 2 deaths: the process died by signal 11 (Segmentation fault) in attempt 2"},
    {"handlers: {crash: {max_deaths: 1}}", "SELECT drumbeat.enqueue('crash', '{\"exit\": 7}')",
     "ERRORED 1 1 set aside after 1 deaths: the process exited with status 7 in attempt 1"},
    {"{}", "SELECT drumbeat.enqueue('crash', max_attempts => 5)", "ERRORED 5 5 set aside after 5 deaths: the process died by signal 11 (Segmentation fault) in attempt 5"},
    {"handlers: {hog: {max_attempts: 9, soft: 1s, hard: 1s, max_deaths: 1}}", "SELECT drumbeat.enqueue('hog', '{\"seconds\": 60, \"ignore_sigterm\": true}')",
     "ERRORED 1 1 set aside after 1 deaths: killed: hard limit 1s is over (signal 9 in attempt 1)"},
    /* Out of time, but it stopped by itself: no death. */
    {"handlers: {sleep: {max_attempts: 2, soft: 1s, max_deaths: 1, retry: {delays: [0s]}}}", "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 60}')",
     "ERRORED 2 0 soft limit 1s: out of time: the soft limit is over"},
};

START_TEST(a_task_that_dies_too_often_is_set_aside_and_says_so)
{
    stage_worker(&s, NULL, "--pool", "1", "--config", stage_config(&s, set_aside[_i].config));
    const char *id = (ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.worker", 1, SECONDS(5))), stage_enqueue(&s, set_aside[_i].enqueue));
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(15)));
    ck_assert_str_eq(stage_task(&s, id, "status || ' ' || attempt || ' ' || deaths || ' ' || error"), set_aside[_i].shows);
}
END_TEST

START_TEST(a_retry_by_hand_gives_new_lives_and_forgets_nothing)
{
    stage_worker(&s, NULL, "--pool", "1", "--config", stage_config(&s, "handlers: {crash: {max_attempts: 9, max_deaths: 2}}"));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.worker", 1, SECONDS(5)));
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('crash', '{\"times\": 3}')");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(10)));
    test_sql(s.pg, "SELECT drumbeat.retry(id) FROM drumbeat.task");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
    ck_assert_str_eq(stage_task(&s, id, "attempt || ' ' || deaths"), "4 3");
}
END_TEST

/* Results ------------------------------------------------------------------------------------------------------------- */

static const char *results_root(void)
{
    static char root[300];
    snprintf(root, sizeof root, "%s/results-%d", test_cluster_folder(cluster), (int)getpid());
    mkdir(root, 0750);
    return root;
}

static const char *results_config(void)
{
    char yaml[512];
    snprintf(yaml, sizeof yaml, "results: {root: %s, limit: 1KiB, file_limit: 2MiB, mode: '0644'}\n", results_root());
    return stage_config(&s, yaml);
}

START_TEST(a_large_result_is_a_file_that_the_row_names)
{
    const char *config = results_config();
    stage_worker(&s, NULL, "--pool", "1", "--config", config);
    const char *large = stage_enqueue(&s, "SELECT drumbeat.enqueue('echo', jsonb_build_object('text', repeat('ż', 100000)))");
    const char *small = stage_enqueue(&s, "SELECT drumbeat.enqueue('echo', '{\"n\": 1}')");
    ck_assert(stage_ends(&s, large, "SUCCESS", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, large, "result ->> 'file' ~ ('^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}/' || id || '-[0-9]+.json$')"), "t");
    ck_assert_str_eq(stage_task(&s, large, "result ->> 'bytes'"), "200012");
    struct test_process *p = test_drumbeat(s.url, "task", "result", large, "--config", config, NULL);
    ck_assert_int_eq(test_process_status(p), 0);
    ck_assert_uint_eq(strlen(test_process_output(p)), 200013);
    ck_assert_int_eq(strncmp(test_process_output(p), "{\"text\": \"żż", 14), 0);
    test_process_free(p);
    ck_assert(stage_ends(&s, small, "SUCCESS", SECONDS(5)));
    p = test_drumbeat(s.url, "task", "result", small, NULL);
    ck_assert_str_eq(test_process_output(p), "{\"n\": 1}\n");
    test_process_free(p);
}
END_TEST

START_TEST(a_result_beyond_the_limit_fails_its_task_and_says_what_to_set)
{
    stage_worker(&s, stage_env("DRUMBEAT_RESULTS_LIMIT=1KiB"), "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('echo', jsonb_build_object('text', repeat('x', 2000)))");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "error"), "the result has 2012 bytes, more than the 1024 of results.limit (results.root lets larger ones go to files)");
}
END_TEST

/* The folder is not there, a mount that is missing: the task is tried again, and nothing of it is visible before. */
START_TEST(a_result_that_cannot_be_written_is_tried_again)
{
    const char *config = results_config();
    ck_assert_int_eq(rmdir(results_root()), 0);
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1", "--config", config);
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('echo', jsonb_build_object('text', repeat('x', 2000)))");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.delayed", 1, SECONDS(5)));
    ck_assert_str_eq(stage_attempt(&s, id, "outcome || ' ' || (error LIKE 'the result: results.root %: No such file or directory')"), "failed true");
    results_root();
    make_due();
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    ck_assert_ptr_nonnull(strstr(test_process_errors(worker), "keeper.results_not_pruned"));
}
END_TEST

START_TEST(the_keeper_removes_files_whose_time_is_over)
{
    char folder[400], file[500];
    const char *config = results_config();
    snprintf(folder, sizeof folder, "%s/2020-02-02T02", results_root());
    snprintf(file, sizeof file, "%s/x.json", folder);
    ck_assert_int_eq(mkdir(folder, 0750), 0);
    ck_assert_int_eq(symlink("/nowhere", file), 0);
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1", "--config", config);
    ck_assert(test_process_wait_for(worker, "keeper.results_pruned", SECONDS(10)));
    ck_assert_int_ne(access(folder, F_OK), 0);
    ck_assert_int_eq(access(results_root(), F_OK), 0);
}
END_TEST

/* Cancel -------------------------------------------------------------------------------------------------------------- */

START_TEST(the_steps_of_a_cancel_follow_the_configuration)
{
    stage_worker(&s, stage_env("DRUMBEAT_WORKER_CANCEL_TERM=100ms", "DRUMBEAT_WORKER_CANCEL_KILL=1s"), "--pool", "1");
    const char *deaf = stage_enqueue(&s, "SELECT drumbeat.enqueue('hog', '{\"memory_mib\": 65, \"seconds\": 600, \"ignore_sigterm\": true}')");
    stage_await_progress(&s, deaf, 1);
    usec_t asked = clock_boot();
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task");
    ck_assert(stage_ends(&s, deaf, "KILLED", SECONDS(4)));
    ck_assert_int_ge(clock_boot() - asked, MSEC(900));
    ck_assert_str_eq(stage_attempt(&s, deaf, "outcome || ' ' || signal"), "cancelled 9");
}
END_TEST

START_TEST(a_task_that_waits_for_its_next_attempt_is_cancelled_at_once)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('fail')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.delayed", 1, SECONDS(5)));
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task");
    ck_assert_str_eq(stage_task(&s, id, "status || attempt"), "KILLED1");
    ck_assert_str_eq(stage_attempt(&s, id, "outcome"), "failed");
}
END_TEST

/* They never end by themselves and never stand still: whatever state cancel() finds them in, it has to stop them for good. */
START_TEST(tasks_that_go_from_state_to_state_are_cancelled_for_good)
{
    stage_worker(&s, NULL, "--pool", "3", "--config", stage_config(&s, "handlers: {fail: {retry: {delays: [0s, 5ms]}}}\n"));
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('fail', array_fill('{}'::jsonb, ARRAY[300]), max_attempts => 1000);"
                   "SELECT drumbeat.enqueue_many('snooze', array_fill('{}'::jsonb, ARRAY[50]));");
    ck_assert(stage_wait(&s, "SELECT count(*) / 600 FROM drumbeat.past_attempt", 1, SECONDS(20)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.ended"), 0);
    int64_t asked = 0;
    while (test_number(s.pg, "SELECT count(*) FROM (SELECT drumbeat.cancel(t.id) AS done FROM (SELECT id FROM drumbeat.task"
                             " WHERE status IN ('QUEUED', 'RUNNING') AND NOT should_be_killed LIMIT 10) t) c WHERE done") > 0)
        ck_assert_int_lt(asked++, 400);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'KILLED'", 350, SECONDS(15)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.cancel_request", 0, SECONDS(10)));
}
END_TEST

/* Two requests that found no worker, and a caller who has just cancelled one of the tasks and comes to the other: the sweep waits for nobody. */
START_TEST(a_sweep_of_cancels_waits_for_no_caller)
{
    struct pg *caller CLEANUP(pg_closep) = test_connect(s.url);
    struct err e;
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[2]), run_at => now() + interval '1 hour');"
                   "INSERT INTO drumbeat.cancel_request (task_id) SELECT id FROM drumbeat.task; SET statement_timeout = '30s'");
    ck_assert(pg_begin(caller, &e));
    test_sql(caller, "SELECT drumbeat.cancel(min(id::text)::uuid) FROM drumbeat.task");
    test_sql(s.pg, "SELECT drumbeat.sweep_cancels()");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'KILLED'"), 1);
    test_sql(caller, "SELECT drumbeat.cancel(max(id::text)::uuid) FROM drumbeat.task");
    ck_assert(pg_commit(caller, &e));
    test_sql(s.pg, "SELECT drumbeat.sweep_cancels()");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'KILLED'"), 2);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.cancel_request"), 0);
}
END_TEST

/* The caller sees the task where it no longer is. It must not wait for ever, nor believe that it was cancelled. */
START_TEST(a_cancel_from_an_old_snapshot_is_refused_by_the_server)
{
    struct pg *old CLEANUP(pg_closep) = test_connect(s.url);
    static const struct sql ask = {"old_cancel", "SELECT drumbeat.cancel(id) FROM drumbeat.task_body"};
    struct pg_rows rows;
    struct err e;
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')");
    test_sql(old, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    ck_assert_int_eq(test_number(old, "SELECT count(*) FROM drumbeat.ready"), 1);
    stage_worker(&s, NULL, "--pool", "1");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    ck_assert(!pg_exec(old, &ask, &rows, &e));
    ck_assert_msg(strstr(e.text, "could not serialize access") != NULL, "%s", e.text);
    ck_assert_str_eq(stage_task(&s, id, "status"), "SUCCESS");
}
END_TEST

/* History ------------------------------------------------------------------------------------------------------------- */

START_TEST(every_attempt_keeps_its_time_its_worker_and_its_cause)
{
    static const char yaml[] = "handlers: {hog: {soft: 1s, hard: 1s, max_attempts: 1}, sleep: {soft: 1s, max_attempts: 1}}\n";
    struct test_process *dies = stage_worker(&s, NULL, "--pool", "1");
    const char *lost = stage_enqueue(&s, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 600, \"steps\": 6000}', max_attempts => 1)");
    stage_await_progress(&s, lost, 1);
    test_process_signal(dies, SIGKILL); /* nobody reaps it: a dead worker that is still in the table of processes is seen to be dead */
    stage_worker(&s, NULL, "--pool", "2", "--config", stage_config(&s, yaml));
    ck_assert(stage_ends(&s, lost, "ERRORED", SECONDS(10)));
    const char *killed = stage_enqueue(&s, "SELECT drumbeat.enqueue('hog', '{\"seconds\": 60, \"ignore_sigterm\": true}')");
    const char *asked = stage_enqueue(&s, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 60}')");
    test_sql(s.pg, "SELECT drumbeat.enqueue('fail', '{\"message\": \"no\", \"retryable\": false}'), drumbeat.enqueue('crash', max_attempts => 1),"
                   " drumbeat.enqueue('crash', '{\"exit\": 3}', max_attempts => 1), drumbeat.enqueue('snooze', '{\"seconds\": 3600}')");
    ck_assert(stage_ends(&s, killed, "ERRORED", SECONDS(10)) && stage_ends(&s, asked, "ERRORED", SECONDS(10)));
    const char *cancelled = stage_enqueue(&s, "SELECT drumbeat.enqueue('crash', '{\"after\": 600}')"); /* waits, and looks */
    ck_assert(stage_ends(&s, cancelled, "RUNNING", SECONDS(5)));
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task WHERE status = 'RUNNING' AND args ? 'after'");
    ck_assert(stage_ends(&s, cancelled, "KILLED", SECONDS(5)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.past_attempt", 8, SECONDS(10)));
    ck_assert_str_eq(test_text(s.pg, "SELECT string_agg(concat_ws(' ', outcome, signal, exit_code, CASE WHEN died THEN 'died' END, left(regexp_replace(error, '^worker .* is gone$', 'worker is gone'), 26)), '; ' ORDER BY outcome, signal, exit_code)"
                                     " FROM drumbeat.past_attempt"),
                     "cancelled cancelled; crashed 11 died the process died by signal; crashed 3 died the process exited with st; failed no;"
                     " limit 9 died killed: hard limit 1s is o; limit soft limit 1s: out of time; lost died worker is gone; snoozed not yet");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.past_attempt WHERE worker IS NOT NULL AND pid IS NOT NULL AND started_at <= ended_at"), 8);
}
END_TEST

START_TEST(a_retry_tells_in_the_log_how_the_task_had_ended_and_lifts_its_expiry)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop', expires_at => now())");
    stage_worker(&s, NULL, "--pool", "1");
    ck_assert(stage_ends(&s, id, "SKIPPED", SECONDS(5)));
    test_sql(s.pg, "SELECT drumbeat.retry(id) FROM drumbeat.task");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task_log WHERE level = 'info' AND message LIKE"
                                       " 'queued again by ' || session_user || '; it was SKIPPED since 2%: expired before it could start'"), 1);
}
END_TEST

START_TEST(who_may_enqueue_may_retry_and_cancel_many)
{
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[3]), tenant => 'a'); SET ROLE drumbeat_enqueue");
    ck_assert_str_eq(test_text(s.pg, "SELECT seen || ' ' || changed FROM drumbeat.cancel_where(tenant => 'a', most => 2)"), "2 2");
    ck_assert_str_eq(test_text(s.pg, "SELECT seen || ' ' || changed || ' ' || (last IS NOT NULL) FROM drumbeat.cancel_where(tenant => 'a', most => 2)"), "1 1 true");
    ck_assert_str_eq(test_text(s.pg, "SELECT seen || ' ' || changed FROM drumbeat.cancel_where(tenant => 'a', most => 2)"), "0 0");
    ck_assert_str_eq(test_text(s.pg, "SELECT seen || ' ' || changed FROM drumbeat.retry_where(tenant => 'a')"), "0 0"); /* ERRORED is the default */
    ck_assert_str_eq(test_text(s.pg, "SELECT seen || ' ' || changed FROM drumbeat.retry_where(status => NULL, tenant => 'a')"), "3 3");
    test_sql(s.pg, "RESET ROLE");
}
END_TEST

static void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_table_of_delays_is_kept_exactly_and_its_last_one_again_and_again);
    tcase_add_test(tests, a_back_off_is_spread_over_all_of_its_limit_and_doubles_up_to_the_cap);
    tcase_add_test(tests, a_delayed_task_that_expired_meanwhile_is_skipped);
    tcase_add_test(tests, a_task_that_expires_while_it_waits_for_its_next_attempt_is_skipped_with_its_history);
    tcase_add_test(tests, a_snoozed_task_runs_later_and_spends_no_attempt);
    tcase_add_test(tests, a_snooze_is_never_shorter_than_a_second);
    tcase_add_test(tests, the_thousandth_snooze_in_a_row_is_a_failure);
    tcase_add_test(tests, a_suspect_gives_back_what_lies_behind_it_before_it_starts);
    tcase_add_test(tests, a_task_that_dies_takes_no_other_with_it);
    tcase_add_loop_test(tests, a_task_that_dies_too_often_is_set_aside_and_says_so, 0, sizeof set_aside / sizeof *set_aside);
    tcase_add_test(tests, a_retry_by_hand_gives_new_lives_and_forgets_nothing);
    tcase_add_test(tests, a_large_result_is_a_file_that_the_row_names);
    tcase_add_test(tests, a_result_beyond_the_limit_fails_its_task_and_says_what_to_set);
    tcase_add_test(tests, a_result_that_cannot_be_written_is_tried_again);
    tcase_add_test(tests, the_keeper_removes_files_whose_time_is_over);
    tcase_add_test(tests, the_steps_of_a_cancel_follow_the_configuration);
    tcase_add_test(tests, a_task_that_waits_for_its_next_attempt_is_cancelled_at_once);
    tcase_add_test(tests, tasks_that_go_from_state_to_state_are_cancelled_for_good);
    tcase_add_test(tests, a_sweep_of_cancels_waits_for_no_caller);
    tcase_add_test(tests, a_cancel_from_an_old_snapshot_is_refused_by_the_server);
    tcase_add_test(tests, every_attempt_keeps_its_time_its_worker_and_its_cause);
    tcase_add_test(tests, a_retry_tells_in_the_log_how_the_task_had_ended_and_lifts_its_expiry);
    tcase_add_test(tests, who_may_enqueue_may_retry_and_cancel_many);
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("outcomes");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    add_tests(tests);
    int failed = test_main_case("outcomes", tests);
    test_cluster_stop(cluster);
    return failed;
}
