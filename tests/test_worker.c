/* The life of a task on the real worker: how it starts, tells, ends, and what becomes of it when it misbehaves or somebody changes
 * their mind. What happens when processes and servers die stands in test_worker_faults.c. */
#include "tests/fixture/main.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void assert_holds(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part), "'%s' is not in '%s'", part, text);
}

/* A task that hears no SIGTERM and does not look whether it should stop. It tells progress once, before. */
static const char *start_deaf(void)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('hog', '{\"memory_mib\": 65, \"seconds\": 600, \"ignore_sigterm\": true}')");
    stage_await_progress(&s, id, 1);
    return id;
}

/* Starting and telling ---------------------------------------------------------------------------------------------- */

START_TEST(a_committed_task_is_a_success_at_once)
{
    stage_worker(&s, NULL, "--pool", "1");
    ck_assert(stage_hears_bell(&s, s.pg));
}
END_TEST

START_TEST(the_result_of_a_task_is_in_its_row)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('echo', '{\"word\": \"żółw\", \"n\": 9007199254740993}')");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "result ->> 'word'"), "żółw");
    ck_assert_str_eq(stage_task(&s, id, "result ->> 'n'"), "9007199254740993");
}
END_TEST

START_TEST(progress_is_seen_while_the_task_runs)
{
    stage_worker(&s, NULL, "--pool", "1");
    test_sql(s.pg, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 600, \"steps\": 6000}')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'RUNNING' AND progress_value BETWEEN 3 AND 5999 AND end_value = 6000", 1, SECONDS(5)));
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task");
    const char *ends = stage_enqueue(&s, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 0.3, \"steps\": 30}')");
    ck_assert(stage_ends(&s, ends, "SUCCESS", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, ends, "progress_value"), "30");
}
END_TEST

START_TEST(lower_priority_numbers_run_first)
{
    test_sql(s.pg, "SELECT drumbeat.enqueue('echo', jsonb_build_object('p', p), priority => p) FROM unnest('{7,3,9,0,5}'::int[]) p");
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1", "--burst");
    ck_assert(test_process_wait(worker, SECONDS(10)));
    ck_assert_str_eq(test_text(s.pg, "SELECT string_agg(args ->> 'p', '' ORDER BY started_at) FROM drumbeat.task"), "03579");
}
END_TEST

START_TEST(a_delayed_task_starts_on_time)
{
    stage_worker(&s, NULL, "--pool", "2");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop', run_at => clock_timestamp() + interval '700 ms')");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "started_at >= run_at"), "t");
}
END_TEST

/* The worker is busy when the task's transaction begins, idle when it ends: nobody rings, and the last number given out does not
 * change any more. */
START_TEST(a_transaction_that_commits_late_is_not_forgotten)
{
    struct pg *late = test_connect(s.url);
    struct err e;
    stage_worker(&s, NULL, "--pool", "1");
    const char *busy = stage_held(&s);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.worker WHERE NOT waiting", 1, SECONDS(5)));
    ck_assert(pg_begin(late, &e));
    const char *id = stage_keep(test_text(late, "SELECT drumbeat.enqueue('noop')"));
    stage_let_go(&s);
    ck_assert(stage_ends(&s, busy, "SUCCESS", SECONDS(5)));
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(5)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.worker WHERE waiting", 1, SECONDS(5)));
    sleep(2); /* rounds in which nothing is new */
    ck_assert(pg_commit(late, &e));
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(3)));
    pg_close(late);
}
END_TEST

START_TEST(a_task_that_expired_is_skipped)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('effect', expires_at => clock_timestamp() + interval '1 ms')");
    usleep(5000);
    stage_worker(&s, NULL, "--pool", "1");
    ck_assert(stage_ends(&s, id, "SKIPPED", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "0");
    ck_assert_str_eq(stage_task(&s, id, "started_at IS NULL"), "t");
}
END_TEST

START_TEST(a_name_that_nobody_has_waits_and_is_reported)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('unheard-of')");
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1");
    ck_assert(test_process_wait_for(worker, "queue.no_worker_for_name", SECONDS(10)));
    assert_holds(test_process_errors(worker), "unheard-of");
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "status"), "QUEUED");
}
END_TEST

START_TEST(a_worker_takes_only_from_its_queues)
{
    const char *mine = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop', queue => 'mine')");
    const char *other = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop', queue => 'other')");
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1", "--queues", "mine,also", "--burst");
    ck_assert(test_process_wait(worker, SECONDS(10)));
    ck_assert_str_eq(stage_task(&s, mine, "status"), "SUCCESS");
    ck_assert_str_eq(stage_task(&s, other, "status"), "QUEUED");
}
END_TEST

START_TEST(a_paused_queue_waits_until_it_is_resumed)
{
    stage_worker(&s, NULL, "--pool", "1");
    test_sql(s.pg, "SELECT drumbeat.pause('default', 'deploy', 'me')");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')");
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop', queue => 'other')"), "SUCCESS", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "status"), "QUEUED");
    ck_assert_str_eq(test_text(s.pg, "SELECT paused_reason || ' ' || paused_by FROM drumbeat.queue WHERE name = 'default' AND paused"), "deploy me");
    test_sql(s.pg, "SELECT drumbeat.resume('default')");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
}
END_TEST

START_TEST(a_burst_ends_when_nothing_is_claimable)
{
    test_sql(s.pg, "SELECT drumbeat.pause('still')");
    test_sql(s.pg, "SELECT drumbeat.enqueue('noop', queue => 'still'), drumbeat.enqueue('unheard-of'),"
                   " drumbeat.enqueue('noop', run_at => clock_timestamp() + interval '1 hour')");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[1000]))");
    test_sql(s.pg, "SELECT drumbeat.enqueue('fail', '{\"retryable\": false}'), drumbeat.enqueue('crash', max_attempts => 2)");
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "2", "--burst");
    ck_assert(test_process_wait(worker, SECONDS(20)));
    ck_assert_int_eq(test_process_status(worker), 0);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'"), 1000);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'ERRORED'"), 2);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'QUEUED'"), 3);
}
END_TEST

/* Ends ---------------------------------------------------------------------------------------------------------------- */

START_TEST(an_error_that_is_final_is_not_retried)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('fail', '{\"message\": \"no such plan\", \"retryable\": false}')");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "error"), "no such plan");
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "1");
}
END_TEST

START_TEST(an_error_that_may_pass_is_retried_later)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('fail', '{\"message\": \"try later\", \"times\": 1}')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.past_attempt", 1, SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "status"), "QUEUED");
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "1");
    test_sql(s.pg, "UPDATE drumbeat.delayed SET run_at = now(); NOTIFY drumbeat, 'delayed'");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "2");
    ck_assert_str_eq(test_text(s.pg, "SELECT string_agg(outcome, ',' ORDER BY attempt) FROM drumbeat.attempt"), "failed,success");
}
END_TEST

START_TEST(wrong_arguments_are_named)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": \"long\"}')");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(5)));
    assert_holds(stage_task(&s, id, "error"), "seconds");
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "1");
}
END_TEST

/* An error longer than is kept is cut, and not inside a character: the server would not take it. */
START_TEST(an_error_of_any_length_and_alphabet_is_stored)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('fail', jsonb_build_object('message', 'x' || repeat('ż', 5000), 'retryable', false))");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "error LIKE 'xżżż%' AND length(error) > 500"), "t");
}
END_TEST

START_TEST(a_crash_is_told_with_its_signal_and_ends_after_its_attempts)
{
    stage_worker(&s, NULL, "--pool", "2");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('crash', max_attempts => 3)");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(10)));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "3");
    assert_holds(stage_task(&s, id, "error"), "signal 11");
    ck_assert_str_eq(test_text(s.pg, "SELECT string_agg(outcome || signal, ',') FROM drumbeat.attempt"), "crashed11,crashed11,crashed11");
}
END_TEST

START_TEST(an_exit_in_the_middle_of_a_task_is_a_crash_with_its_status)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('crash', '{\"exit\": 7}', max_attempts => 1)");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(10)));
    ck_assert_str_eq(stage_attempt(&s, id, "exit_code"), "7");
}
END_TEST

START_TEST(a_crash_that_passes_is_a_success_in_the_next_attempt)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('crash', '{\"times\": 2}')");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "3");
}
END_TEST

/* Only the task that ran is charged; the others of its batch go back as if nothing had been. */
START_TEST(a_crash_does_not_charge_the_rest_of_its_batch)
{
    test_sql(s.pg, "SELECT drumbeat.pause('default')");
    stage_worker(&s, NULL, "--pool", "1");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[2000]))");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('crash', '{\"times\": 1}')");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[2000]))");
    test_sql(s.pg, "SELECT drumbeat.resume('default')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended WHERE status = 'SUCCESS'", 4001, SECONDS(20)));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "2");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.past_attempt"), 1);
    ck_assert_int_eq(test_number(s.pg, "SELECT max(attempt) FROM drumbeat.task WHERE name = 'noop'"), 1);
    /* It was one of a batch. */
    ck_assert_int_gt(test_number(s.pg, "SELECT max(n) FROM (SELECT count(*) AS n FROM drumbeat.ended GROUP BY fence) f"), 10);
}
END_TEST

/* Of a handler that nobody has seen yet: it waits for the quick ones of its batch. */
START_TEST(a_slow_task_does_not_keep_the_rest_of_its_batch)
{
    stage_worker(&s, NULL, "--pool", "2");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[3000]))");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 3000, SECONDS(30)));
    test_sql(s.pg, "SELECT drumbeat.pause('default')");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[1000]))");
    const char *slow = stage_enqueue(&s, "SELECT drumbeat.enqueue('hog', '{\"seconds\": 600}')");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[1000])); SELECT drumbeat.resume('default')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 5000, SECONDS(30)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'RUNNING'", 1, SECONDS(30)));
    ck_assert_str_eq(stage_task(&s, slow, "status"), "RUNNING");
}
END_TEST

/* The handlers of these names are known to be quick from now on. */
static void make_quick(const char *sql, int64_t count)
{
    int64_t before = test_number(s.pg, "SELECT count(*) FROM drumbeat.ended");
    test_sql(s.pg, sql);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", before + count, SECONDS(60)));
}

/* Of a handler that has been quick: what ran before it is settled, what lies behind it in the batch goes back, uncounted, and others run it. */
START_TEST(a_task_that_turns_slow_does_not_keep_the_rest_of_its_batch)
{
    stage_worker(&s, NULL, "--pool", "2");
    make_quick("SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0}'::jsonb, ARRAY[3000]))", 3000);
    test_sql(s.pg, "SELECT drumbeat.pause('default');"
                   "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0}'::jsonb, ARRAY[1000]))");
    const char *slow = stage_enqueue(&s, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 600}')");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0}'::jsonb, ARRAY[1000])); SELECT drumbeat.resume('default')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 5000, SECONDS(60)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'RUNNING'", 1, SECONDS(30)));
    ck_assert_str_eq(stage_task(&s, slow, "status"), "RUNNING");
    ck_assert_int_eq(test_number(s.pg, "SELECT max(attempt) FROM drumbeat.task"), 1);
}
END_TEST

/* One child runs in order what is quick: who has run before the slow one and was not settled by the time it is killed would run again, under
 * a later fence. */
START_TEST(what_ran_before_a_slow_task_is_settled_however_it_ended_and_does_not_run_again)
{
    stage_worker(&s, NULL, "--pool", "1");
    make_quick("SELECT drumbeat.enqueue_many(n, array_fill('{\"seconds\": 0}'::jsonb, ARRAY[600])) FROM unnest('{sleep,echo}'::text[]) n", 1200);
    make_quick("SELECT drumbeat.enqueue_many('fail', array_fill('{\"retryable\": false, \"message\": \"bad\"}'::jsonb, ARRAY[600]))", 600);
    make_quick("SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0}'::jsonb, ARRAY[2000]))", 2000);
    test_sql(s.pg, "SELECT drumbeat.pause('default');"
                   "CREATE TABLE before AS SELECT drumbeat.enqueue(CASE i % 3 WHEN 0 THEN 'sleep' WHEN 1 THEN 'echo' ELSE 'fail' END,"
                   " CASE i % 3 WHEN 0 THEN '{\"seconds\": 0}' WHEN 1 THEN jsonb_build_object('n', i) ELSE '{\"retryable\": false, \"message\": \"bad\"}' END) AS id, i"
                   " FROM generate_series(1, 90) i");
    const char *slow = stage_enqueue(&s, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 600, \"steps\": 6000}')");
    test_sql(s.pg, "SELECT drumbeat.resume('default')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended JOIN before ON id = task_id", 90, SECONDS(60)));
    stage_await_progress(&s, slow, 1);
    ck_assert_str_eq(stage_task(&s, slow, "status"), "RUNNING");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task JOIN before USING (id) WHERE status = 'SUCCESS' AND i % 3 = 1 AND result = args"), 30);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task JOIN before USING (id) WHERE status = 'ERRORED' AND i % 3 = 2 AND error LIKE '%bad%'"), 30);
    test_sql(s.pg, "CREATE TABLE fence AS SELECT fence FROM drumbeat.running");
    pid_t child = stage_runner(&s, slow);
    stage_shorten(&s, slow);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert(stage_ends(&s, slow, "SUCCESS", SECONDS(30)));
    ck_assert_str_eq(stage_task(&s, slow, "attempt"), "2");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.ended e JOIN before ON id = task_id WHERE e.fence > (SELECT fence FROM fence)"), 0);
}
END_TEST

/* A child that dies in the middle of a batch has told its worker, if not the server, what it ran: only what it had not begun goes back. `crash` is
 * known to be quick, so nothing is settled just because it comes. A claim is of tasks in a row: one that lies between the first of the
 * crash's claim that was settled and the crash itself, and ended under a later fence, ran twice. */
START_TEST(what_ran_before_a_crash_does_not_run_again)
{
    enum { CRASHES = 5, FEWEST = 1000, MORE_EACH = 137 };
    int noops = 0;
    stage_worker(&s, NULL, "--pool", "1");
    make_quick("SELECT drumbeat.enqueue_many(n, array_fill('{\"times\": 0}'::jsonb, ARRAY[1000])) FROM unnest('{crash,noop}'::text[]) n", 2000);
    test_sql(s.pg, "SELECT drumbeat.pause('default')");
    for (int i = 0; i < CRASHES; i++) {
        char many[128];
        int count = FEWEST + i * MORE_EACH;
        snprintf(many, sizeof many, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[%d]))", count);
        test_sql(s.pg, many);
        test_sql(s.pg, "SELECT drumbeat.enqueue('crash', '{\"times\": 1}')");
        noops += count;
    }
    test_sql(s.pg, "SELECT drumbeat.resume('default')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended WHERE status = 'SUCCESS'", 2000 + noops + CRASHES, SECONDS(60)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.past_attempt WHERE outcome = 'crashed'"), CRASHES);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.ended e JOIN drumbeat.past_attempt p ON p.outcome = 'crashed' AND e.task_id < p.task_id"
                                       " WHERE e.fence > p.fence AND NOT EXISTS (SELECT FROM drumbeat.past_attempt x WHERE x.task_id = e.task_id)"
                                       " AND e.task_id > (SELECT x.task_id FROM drumbeat.ended x WHERE x.fence = p.fence ORDER BY x.task_id LIMIT 1)"), 0);
    ck_assert_int_eq(test_number(s.pg, "SELECT max(attempt) FROM drumbeat.task WHERE name = 'noop'"), 1);
    /* It was one of a batch. */
    ck_assert_int_gt(test_number(s.pg, "SELECT count(*) FROM drumbeat.ended JOIN drumbeat.past_attempt p USING (fence)"), 10);
}
END_TEST

/* Every other task is quick, so claims are of many; those in between are not, and of one handler nothing is known at first. A child runs one of those of
 * a claim and leaves the others to whoever is idle. Two that never end take nothing with them. */
START_TEST(slow_tasks_among_quick_ones_are_for_all_children)
{
    stage_worker(&s, NULL, "--pool", "4");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.seat", 4, SECONDS(60)));
    make_quick("SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[3000]))", 3000);
    make_quick("SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.012}'::jsonb, ARRAY[8]))", 8);
    test_sql(s.pg, "SELECT drumbeat.pause('default');"
                   "CREATE TABLE mixed AS SELECT drumbeat.enqueue(CASE WHEN i % 2 = 0 THEN 'noop' WHEN i % 3 = 0 THEN 'hog' ELSE 'sleep' END,"
                   " CASE WHEN i % 2 = 0 THEN '{}' ELSE '{\"seconds\": 0.012}' END::jsonb) AS id, i FROM generate_series(1, 600) i;"
                   "SELECT drumbeat.resume('default')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended JOIN mixed ON id = task_id", 600, SECONDS(60)));
    ck_assert_int_eq(test_number(s.pg, "SELECT max(n) FROM (SELECT count(*) AS n FROM drumbeat.ended JOIN mixed ON id = task_id WHERE i % 2 = 1 GROUP BY fence) t"), 1);
    ck_assert_int_gt(test_number(s.pg, "SELECT max(n) FROM (SELECT count(*) AS n FROM drumbeat.ended JOIN mixed ON id = task_id GROUP BY fence) t"), 1);
    test_sql(s.pg, "SELECT drumbeat.pause('default');"
                   "INSERT INTO mixed SELECT drumbeat.enqueue('sleep', CASE i % 100 WHEN 50 THEN '{\"seconds\": 600}' ELSE '{\"seconds\": 0.001}' END::jsonb), 1000 + i"
                   " FROM generate_series(1, 200) i;"
                   "SELECT drumbeat.resume('default')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended JOIN mixed ON id = task_id", 798, SECONDS(60)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'RUNNING'", 2, SECONDS(30)));
}
END_TEST

/* 400 crashes are more than a pipe holds: the supervisor would wait for its reader for ever. */
START_TEST(a_log_that_nobody_reads_stops_nothing)
{
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "2");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('crash', array_fill('{}'::jsonb, ARRAY[400]), max_attempts => 1)");
    ck_assert(test_wait_number(s.pg, "SELECT count(*) FROM drumbeat.ended", 400, MINUTES(3)));
    test_process_wait(worker, 0);
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('crash', max_attempts => 1)"), "ERRORED", SECONDS(5)));
    assert_holds(test_process_errors(worker), "log.lines_dropped");
    stage_stop(worker, SECONDS(5));
}
END_TEST

/* Limits -------------------------------------------------------------------------------------------------------------- */

START_TEST(the_soft_limit_asks_a_task_to_stop)
{
    stage_worker(&s, NULL, "--pool", "1", "--config", stage_config(&s, "handlers: {sleep: {soft: 1s}}\n"));
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 60}', max_attempts => 1)");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(5)));
    assert_holds(stage_task(&s, id, "error"), "soft limit");
    ck_assert_str_eq(stage_attempt(&s, id, "outcome"), "limit");
}
END_TEST

START_TEST(the_hard_limit_kills_with_the_reason)
{
    stage_worker(&s, NULL, "--pool", "1", "--config", stage_config(&s, "handlers: {hog: {soft: 1s, hard: 1s}}\n"));
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('hog', '{\"seconds\": 60, \"ignore_sigterm\": true}', max_attempts => 1)");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(5)));
    assert_holds(stage_task(&s, id, "error"), "killed: hard limit 1s");
    ck_assert_str_eq(stage_attempt(&s, id, "outcome || ' ' || signal"), "limit 9");
}
END_TEST

START_TEST(the_memory_limit_kills_with_both_numbers)
{
    stage_worker(&s, NULL, "--pool", "1", "--config", stage_config(&s, "handlers: {hog: {memory: 64MiB}}\n"));
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('hog', '{\"memory_mib\": 200, \"seconds\": 60}', max_attempts => 1)");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(5)));
    assert_holds(stage_task(&s, id, "error"), "MiB > 64 MiB");
    ck_assert_str_eq(stage_attempt(&s, id, "peak_rss > 64::bigint << 20"), "true");
}
END_TEST

START_TEST(what_a_task_logged_outlives_it)
{
    stage_worker(&s, NULL, "--pool", "1", "--config", stage_config(&s, "handlers: {hog: {soft: 1s, hard: 1s}}\n"));
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('hog', '{\"output_mib\": 1, \"seconds\": 60}', max_attempts => 1)");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(5)));
    ck_assert(stage_wait(&s, "SELECT count(*) / 1000 FROM drumbeat.task_log", 1, SECONDS(2)));
}
END_TEST

/* Cancel -------------------------------------------------------------------------------------------------------------- */

static void cancel(const char *id)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT drumbeat.cancel('%s')::text", id);
    ck_assert_str_eq(test_text(s.pg, sql), "true");
}

START_TEST(a_waiting_task_is_cancelled_at_once)
{
    const char *ready = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')");
    const char *delayed = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop', run_at => now() + interval '1 hour')");
    cancel(ready);
    cancel(delayed);
    ck_assert_str_eq(stage_task(&s, ready, "status || attempt"), "KILLED0");
    ck_assert_str_eq(stage_task(&s, delayed, "status || attempt"), "KILLED0");
}
END_TEST

START_TEST(a_running_task_is_cancelled_at_its_next_look)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_sleeping(&s);
    cancel(id);
    ck_assert_str_eq(stage_task(&s, id, "should_be_killed"), "t");
    ck_assert(stage_ends(&s, id, "KILLED", SECONDS(2)));
    ck_assert_str_eq(stage_attempt(&s, id, "outcome"), "cancelled");
    /* The child lives on, and the next task is not meant. */
    const char *next = stage_enqueue(&s, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 0.2}')");
    ck_assert(stage_ends(&s, next, "SUCCESS", SECONDS(5)));
}
END_TEST

START_TEST(a_task_that_does_not_listen_is_killed)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = start_deaf();
    cancel(id);
    ck_assert(stage_ends(&s, id, "KILLED", SECONDS(15)));
    ck_assert_str_eq(stage_attempt(&s, id, "outcome || ' ' || signal"), "cancelled 9");
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(5)));
}
END_TEST

START_TEST(a_cancel_outlives_the_worker)
{
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_sleeping(&s);
    test_process_signal(worker, SIGKILL);
    ck_assert(test_process_wait(worker, SECONDS(5)));
    cancel(id);
    stage_worker(&s, NULL, "--pool", "1");
    ck_assert(stage_ends(&s, id, "KILLED", SECONDS(10)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.cancel_request"), 0);
}
END_TEST

START_TEST(a_cancelled_task_can_be_retried)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 600, \"steps\": 6000}', unique_key => 'k')");
    char sql[128];
    stage_await_progress(&s, id, 1);
    stage_shorten(&s, id);
    cancel(id);
    ck_assert(stage_ends(&s, id, "KILLED", SECONDS(5)));
    snprintf(sql, sizeof sql, "SELECT drumbeat.retry('%s')::text", id);
    ck_assert_str_eq(test_text(s.pg, sql), "true");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "2");
}
END_TEST

/* The way down -------------------------------------------------------------------------------------------------------- */

START_TEST(sigterm_lets_running_tasks_finish)
{
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_held(&s), *next = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')");
    test_process_signal(worker, SIGTERM);
    ck_assert(test_process_wait_for(worker, "worker.draining", SECONDS(5)));
    stage_let_go(&s);
    ck_assert(test_process_wait(worker, SECONDS(5)));
    ck_assert_int_eq(test_process_status(worker), 0);
    ck_assert_msg(strcmp(stage_task(&s, id, "status"), "SUCCESS") == 0, "%s:\n%s", stage_attempt(&s, id, "outcome || error"), test_process_errors(worker));
    ck_assert_str_eq(stage_task(&s, next, "status"), "QUEUED");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.worker"), 0);
}
END_TEST

START_TEST(after_the_deadline_running_tasks_go_back_uncharged)
{
    struct test_process *worker = stage_worker(&s, stage_env("DRUMBEAT_WORKER_DRAIN=1s"), "--pool", "2");
    const char *id = start_deaf();
    stage_stop(worker, SECONDS(4));
    ck_assert_str_eq(stage_task(&s, id, "status || attempt"), "QUEUED0");
    ck_assert_str_eq(stage_attempt(&s, id, "outcome"), "returned");
}
END_TEST

START_TEST(sigquit_returns_running_tasks_at_once)
{
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "2");
    const char *id = stage_sleeping(&s);
    test_process_signal(worker, SIGQUIT);
    ck_assert(test_process_wait(worker, SECONDS(2)));
    ck_assert_int_eq(test_process_status(worker), 0);
    ck_assert_str_eq(stage_task(&s, id, "status || attempt"), "QUEUED0");
}
END_TEST

START_TEST(a_second_sigterm_does_not_wait)
{
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_sleeping(&s);
    test_process_signal(worker, SIGTERM);
    ck_assert(test_process_wait_for(worker, "worker.draining", SECONDS(5)));
    stage_stop(worker, SECONDS(2));
    ck_assert_str_eq(stage_task(&s, id, "status || attempt"), "QUEUED0");
}
END_TEST

/* Ctrl-C goes to the whole foreground group. */
START_TEST(a_terminals_interrupt_is_a_sigterm)
{
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_held(&s);
    kill(-test_process_pid(worker), SIGINT);
    ck_assert(test_process_wait_for(worker, "worker.draining", SECONDS(5)));
    stage_let_go(&s);
    ck_assert(test_process_wait(worker, SECONDS(5)));
    ck_assert_int_eq(test_process_status(worker), 0);
    ck_assert_msg(strcmp(stage_task(&s, id, "status"), "SUCCESS") == 0, "%s:\n%s", stage_attempt(&s, id, "outcome || error"), test_process_errors(worker));
}
END_TEST

static void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_committed_task_is_a_success_at_once);
    tcase_add_test(tests, the_result_of_a_task_is_in_its_row);
    tcase_add_test(tests, progress_is_seen_while_the_task_runs);
    tcase_add_test(tests, lower_priority_numbers_run_first);
    tcase_add_test(tests, a_delayed_task_starts_on_time);
    tcase_add_test(tests, a_transaction_that_commits_late_is_not_forgotten);
    tcase_add_test(tests, a_task_that_expired_is_skipped);
    tcase_add_test(tests, a_name_that_nobody_has_waits_and_is_reported);
    tcase_add_test(tests, a_worker_takes_only_from_its_queues);
    tcase_add_test(tests, a_paused_queue_waits_until_it_is_resumed);
    tcase_add_test(tests, a_burst_ends_when_nothing_is_claimable);
    tcase_add_test(tests, an_error_that_is_final_is_not_retried);
    tcase_add_test(tests, an_error_that_may_pass_is_retried_later);
    tcase_add_test(tests, wrong_arguments_are_named);
    tcase_add_test(tests, an_error_of_any_length_and_alphabet_is_stored);
    tcase_add_test(tests, a_crash_is_told_with_its_signal_and_ends_after_its_attempts);
    tcase_add_test(tests, an_exit_in_the_middle_of_a_task_is_a_crash_with_its_status);
    tcase_add_test(tests, a_crash_that_passes_is_a_success_in_the_next_attempt);
    tcase_add_test(tests, a_crash_does_not_charge_the_rest_of_its_batch);
    tcase_add_test(tests, a_slow_task_does_not_keep_the_rest_of_its_batch);
    tcase_add_test(tests, a_task_that_turns_slow_does_not_keep_the_rest_of_its_batch);
    tcase_add_test(tests, what_ran_before_a_slow_task_is_settled_however_it_ended_and_does_not_run_again);
    tcase_add_test(tests, what_ran_before_a_crash_does_not_run_again);
    tcase_add_test(tests, slow_tasks_among_quick_ones_are_for_all_children);
    tcase_add_test(tests, a_log_that_nobody_reads_stops_nothing);
    tcase_add_test(tests, the_soft_limit_asks_a_task_to_stop);
    tcase_add_test(tests, the_hard_limit_kills_with_the_reason);
    tcase_add_test(tests, the_memory_limit_kills_with_both_numbers);
    tcase_add_test(tests, what_a_task_logged_outlives_it);
    tcase_add_test(tests, a_waiting_task_is_cancelled_at_once);
    tcase_add_test(tests, a_running_task_is_cancelled_at_its_next_look);
    tcase_add_test(tests, a_task_that_does_not_listen_is_killed);
    tcase_add_test(tests, a_cancel_outlives_the_worker);
    tcase_add_test(tests, a_cancelled_task_can_be_retried);
    tcase_add_test(tests, sigterm_lets_running_tasks_finish);
    tcase_add_test(tests, after_the_deadline_running_tasks_go_back_uncharged);
    tcase_add_test(tests, sigquit_returns_running_tasks_at_once);
    tcase_add_test(tests, a_second_sigterm_does_not_wait);
    tcase_add_test(tests, a_terminals_interrupt_is_a_sigterm);
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("worker");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    add_tests(tests);
    int failed = test_main_case("worker", tests);
    test_cluster_stop(cluster);
    return failed;
}
