/* What becomes of tasks when children, keepers, supervisors and servers are killed, stopped or cut off: the real worker on a real
 * server. Each test ends with the invariants. */
#include "tests/fixture/main.h"
#include "tests/fixture/proxy.h"
#include "tests/storm/family.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FAMILY_MAX = 64, FORK_SERVER = 1 };

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

static const char *start_sleep(double seconds)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": %g, \"steps\": 10}')", seconds);
    const char *id = stage_enqueue(&s, sql);
    stage_await_start(&s, id);
    return id;
}

/* The task runs again, in another process. Returns how long that took. */
static usec_t assert_claimed_again(const char *id, pid_t before)
{
    char sql[192];
    usec_t began = clock_boot();
    snprintf(sql, sizeof sql, "SELECT count(*) FROM drumbeat.running WHERE task_id = '%s' AND pid <> %d AND started_at IS NOT NULL", id, (int)before);
    ck_assert(stage_wait(&s, sql, 1, SECONDS(5)));
    return clock_boot() - began;
}

static void assert_gone(const pid_t *members, size_t count)
{
    usec_t deadline = test_deadline(TEST_PATIENCE);
    for (size_t i = 0; i < count; i++)
        while (is_alive(members[i])) {
            ck_assert_msg(clock_boot() < deadline, "process %d lives on", (int)members[i]);
            usleep(1000);
        }
}

static void assert_works(void)
{
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(10)));
}

/* Children ------------------------------------------------------------------------------------------------------------ */

START_TEST(a_killed_childs_task_is_claimed_again_and_charged)
{
    stage_worker(&s, NULL, "--pool", "2");
    const char *id = stage_sleeping(&s);
    pid_t child = stage_runner(&s, id);
    kill(child, SIGKILL);
    assert_claimed_again(id, child);
    stage_await_progress(&s, id, 2);
    stage_shorten(&s, id);
    kill(stage_runner(&s, id), SIGKILL);
    ck_assert_str_eq(stage_attempt(&s, id, "outcome || ' ' || signal || ' ' || attempt"), "crashed 9 1");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "3");
}
END_TEST

/* Within a second; what else the machine does is in the way of some of them, but not of all. */
START_TEST(children_that_are_killed_again_and_again_are_replaced_at_once)
{
    usec_t fastest = TEST_PATIENCE;
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_sleeping(&s);
    for (int i = 0; i < 10; i++) {
        pid_t child = stage_runner(&s, id);
        kill(child, SIGKILL);
        usec_t took = assert_claimed_again(id, child);
        fastest = took < fastest ? took : fastest;
    }
    ck_assert_int_lt(fastest, SECONDS(1));
    stage_shorten(&s, id);
    kill(stage_runner(&s, id), SIGKILL);
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
    /* A child that is killed between its claim and the handler's first step is not charged. */
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.past_attempt WHERE outcome IN ('crashed', 'returned')"), 11);
    ck_assert_int_ge(test_number(s.pg, "SELECT count(*) FROM drumbeat.past_attempt WHERE outcome = 'crashed'"), 5);
}
END_TEST

/* The dead child's session still waits for a lock with the effect half done: it is ended before the task runs again. */
START_TEST(a_killed_childs_session_is_ended_before_its_task_runs_again)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_held(&s);
    stage_await_held(&s, 1);
    int64_t session = test_number(s.pg, "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%trial_effect%'");
    pid_t child = stage_runner(&s, id);
    char sql[128];
    kill(child, SIGKILL);
    assert_claimed_again(id, child);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d", (int)session);
    ck_assert_int_eq(test_number(s.pg, sql), 0);
    stage_let_go(&s);
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.trial_effect"), 1);
}
END_TEST

/* With nobody to release the seat the record of the death must wait, whoever dies meanwhile. */
START_TEST(the_cause_of_a_death_survives_the_death_of_the_next_child)
{
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1");
    pid_t members[FAMILY_MAX];
    const char *id = stage_sleeping(&s);
    pid_t child = stage_runner(&s, id), keeper = stage_keeper(&s, worker);
    test_cluster_crash(cluster);
    kill(child, SIGKILL);
    for (int i = 0; i < 5; i++) {
        usleep(200000);
        size_t count = family(test_process_pid(worker), 2, members, FAMILY_MAX);
        for (size_t k = 0; k < count; k++)
            if (members[k] != keeper)
                kill(members[k], SIGKILL);
    }
    test_cluster_restart(cluster);
    pg_close(s.pg);
    s.pg = test_connect(s.url);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.past_attempt", 1, SECONDS(15)));
    ck_assert_str_eq(stage_attempt(&s, id, "outcome || ' ' || signal || ' ' || attempt"), "crashed 9 1");
}
END_TEST

START_TEST(the_hard_limit_holds_while_the_server_is_away)
{
    stage_worker(&s, NULL, "--pool", "1", "--config", stage_config(&s, "handlers: {hog: {soft: 4s, hard: 4s}}\n"));
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('hog', '{\"seconds\": 60, \"ignore_sigterm\": true}', max_attempts => 1)");
    ck_assert(stage_ends(&s, id, "RUNNING", SECONDS(5)));
    pid_t child = stage_runner(&s, id);
    test_cluster_crash(cluster);
    assert_gone(&child, 1);
    test_cluster_restart(cluster);
    pg_close(s.pg);
    s.pg = test_connect(s.url);
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(5)));
    ck_assert_ptr_nonnull(strstr(stage_task(&s, id, "error"), "hard limit 4s"));
    assert_works();
}
END_TEST

/* Keeper, fork server, supervisor --------------------------------------------------------------------------------------- */

START_TEST(a_killed_keeper_is_replaced_and_nobody_notices)
{
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_held(&s);
    for (size_t i = 1; i <= 3; i++) {
        pid_t keeper = stage_keeper(&s, worker);
        kill(keeper, SIGKILL);
        assert_gone(&keeper, 1);
        stage_await_event(&s, worker, "worker.keeper_died", i);
    }
    stage_let_go(&s);
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "1");
    assert_works();
}
END_TEST

START_TEST(a_keeper_killed_on_the_way_down_does_not_leave_the_worker_behind)
{
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_held(&s);
    pid_t keeper = stage_keeper(&s, worker);
    test_process_signal(worker, SIGTERM);
    ck_assert(test_process_wait_for(worker, "worker.draining", SECONDS(5)));
    kill(keeper, SIGKILL);
    assert_gone(&keeper, 1);
    stage_let_go(&s);
    ck_assert(test_process_wait(worker, SECONDS(10)));
    ck_assert_int_eq(test_process_status(worker), 0);
    ck_assert_str_eq(stage_task(&s, id, "status"), "SUCCESS");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.worker"), 0);
}
END_TEST

/* Processes that the handler started go too. */
static void assert_takeover(bool fork_server)
{
    pid_t members[FAMILY_MAX];
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "2");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('hog', '{\"forks\": 3, \"seconds\": 600}')");
    ck_assert(stage_ends(&s, id, "RUNNING", SECONDS(5)));
    usec_t began = clock_boot(), deadline = test_deadline(SECONDS(5));
    while (family(test_process_pid(worker), 0, members, FAMILY_MAX) != 1 + 3 + 3) { /* fork server, keeper and children, forks */
        ck_assert_int_lt(clock_boot(), deadline);
        test_pause(began);
    }
    stage_worker(&s, NULL, "--pool", "1");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.worker", 2, SECONDS(5)));
    size_t count = family(test_process_pid(worker), 0, members, FAMILY_MAX);
    stage_shorten(&s, id);
    if (fork_server)
        ck_assert_int_ne(family_kill(test_process_pid(worker), FORK_SERVER, 0), 0);
    else
        test_process_signal(worker, SIGKILL);
    assert_gone(members, count);
    ck_assert(test_process_wait(worker, SECONDS(2)));
    ck_assert_int_ne(test_process_status(worker), 0);
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
    ck_assert_str_eq(stage_attempt(&s, id, "outcome || ' ' || attempt"), "lost 1");
}

START_TEST(a_killed_supervisor_takes_all_with_it_and_another_worker_takes_over)
{
    assert_takeover(false);
}
END_TEST

START_TEST(a_killed_fork_server_takes_all_with_it_and_another_worker_takes_over)
{
    assert_takeover(true);
}
END_TEST

/* A child may be stopped at any moment, also when it runs nothing; what it has then nobody else gets. */
START_TEST(a_child_that_is_stopped_between_tasks_is_replaced)
{
    stage_worker(&s, stage_env("DRUMBEAT_WORKER_LEASE=5s"), "--pool", "1");
    const char *id = stage_held(&s);
    stage_await_held(&s, 1);
    pid_t child = stage_runner(&s, id);
    stage_let_go(&s);
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
    kill(child, SIGSTOP);
    assert_works();
    assert_gone(&child, 1);
}
END_TEST

/* It is what kills and replaces children. */
START_TEST(a_fork_server_that_is_stopped_goes_on)
{
    pid_t forker;
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_sleeping(&s);
    pid_t child = stage_runner(&s, id);
    ck_assert_uint_eq(family(test_process_pid(worker), FORK_SERVER, &forker, 1), 1);
    kill(forker, SIGSTOP);
    kill(child, SIGKILL);
    assert_claimed_again(id, child);
    ck_assert(test_process_wait_for(worker, "worker.fork_server_was_stopped", SECONDS(5)));
    stage_shorten(&s, id);
    stage_await_progress(&s, id, 2);
    kill(stage_runner(&s, id), SIGKILL);
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
}
END_TEST

START_TEST(what_a_killed_child_had_started_goes_with_it)
{
    pid_t members[FAMILY_MAX];
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "1");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('hog', '{\"forks\": 3, \"seconds\": 60}', max_attempts => 1)");
    ck_assert(stage_ends(&s, id, "RUNNING", SECONDS(5)));
    usec_t began = clock_boot(), deadline = test_deadline(SECONDS(5));
    while (family(test_process_pid(worker), 3, members, FAMILY_MAX) != 3) {
        ck_assert_int_lt(clock_boot(), deadline);
        test_pause(began);
    }
    kill(stage_runner(&s, id), SIGKILL);
    assert_gone(members, 3);
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(5)));
}
END_TEST

/* Leases ---------------------------------------------------------------------------------------------------------------- */

static void signal_all(struct test_process *worker, int signal)
{
    pid_t members[FAMILY_MAX];
    size_t count = family(test_process_pid(worker), 0, members, FAMILY_MAX);
    test_process_signal(worker, signal);
    for (size_t i = 0; i < count; i++)
        kill(members[i], signal);
}

/* A worker that stands still longer than its lease, as on a machine that was suspended: another one runs its tasks, and what the
 * first writes when it goes on is refused. */
START_TEST(a_worker_that_was_stopped_beyond_its_lease_writes_nothing)
{
    struct test_process *first = stage_worker(&s, stage_env("DRUMBEAT_WORKER_LEASE=5s"), "--pool", "2");
    const char *id = stage_held(&s), *sleeper = stage_sleeping(&s);
    stage_await_held(&s, 1);
    stage_shorten(&s, sleeper);
    signal_all(first, SIGSTOP);
    struct test_process *second = stage_worker(&s, stage_env("DRUMBEAT_WORKER_LEASE=5s"), "--pool", "2");
    ck_assert(stage_ends(&s, sleeper, "SUCCESS", SECONDS(15)));
    stage_await_held(&s, 1); /* the second worker's: the first one's session was ended */
    stage_let_go(&s);
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    signal_all(first, SIGCONT);
    ck_assert(test_process_wait_for(first, "keeper.lease_lost", SECONDS(10)));
    assert_works();
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.trial_effect"), 1);
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "2");
    ck_assert_str_eq(stage_attempt(&s, sleeper, "outcome"), "lost");
    stage_stop(first, SECONDS(10));
    stage_stop(second, SECONDS(10));
}
END_TEST

/* Somebody tidies the table of workers by hand: what the one that was removed held is taken up again, charged, and by nobody twice. */
START_TEST(a_worker_that_is_removed_from_its_table_leaves_nothing_behind)
{
    struct test_process *worker = stage_worker(&s, stage_env("DRUMBEAT_WORKER_LEASE=5s"), "--pool", "2");
    const char *sleeper = stage_sleeping(&s);
    stage_shorten(&s, sleeper);
    test_sql(s.pg, "DELETE FROM drumbeat.worker");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.running"), 0);
    ck_assert(test_process_wait_for(worker, "keeper.lease_lost", SECONDS(10)));
    assert_works();
    ck_assert(stage_ends(&s, sleeper, "SUCCESS", SECONDS(30)));
    ck_assert_str_eq(stage_attempt(&s, sleeper, "outcome"), "lost");
    ck_assert_str_eq(stage_attempt(&s, sleeper, "error"), "its worker was removed");
    stage_stop(worker, SECONDS(10));
}
END_TEST

/* A supervisor that hangs can hold no limits: its worker loses its tasks although children and keeper are well. */
START_TEST(a_supervisor_that_hangs_loses_its_tasks)
{
    struct test_process *first = stage_worker(&s, stage_env("DRUMBEAT_WORKER_LEASE=5s"), "--pool", "1");
    const char *id = stage_sleeping(&s);
    stage_shorten(&s, id);
    test_process_signal(first, SIGSTOP);
    stage_worker(&s, stage_env("DRUMBEAT_WORKER_LEASE=5s"), "--pool", "2");
    stage_sleeping(&s);
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
    /* Whoever has it now, after the lease only the second can have it. */
    char sql[192];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM drumbeat.worker WHERE pid = %d", (int)test_process_pid(first));
    ck_assert(stage_wait(&s, sql, 0, SECONDS(15)));
    test_process_signal(first, SIGCONT);
    ck_assert(stage_wait(&s, sql, 1, SECONDS(5)));
    stage_stop(first, SECONDS(5));
}
END_TEST

/* It renews nothing: the worker runs nothing, takes nothing and does not spin; it goes on when the keeper does. */
START_TEST(a_worker_whose_keeper_hangs_stops_in_time)
{
    struct test_process *worker = stage_worker(&s, stage_env("DRUMBEAT_WORKER_LEASE=5s"), "--pool", "1");
    const char *id = stage_sleeping(&s);
    pid_t keeper = stage_keeper(&s, worker), child = stage_runner(&s, id);
    kill(keeper, SIGSTOP);
    assert_gone(&child, 1);
    ck_assert(stage_ends(&s, id, "QUEUED", SECONDS(2)));
    sleep(2);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.past_attempt WHERE outcome = 'returned'"), 1);
    ck_assert_str_eq(stage_task(&s, id, "status || attempt"), "QUEUED0");
    ck_assert_str_eq(stage_text(&s, "SELECT ended_at - seen_at < 3 * lease FROM drumbeat.past_attempt, drumbeat.worker"), "t");
    kill(keeper, SIGCONT);
    ck_assert(stage_ends(&s, id, "RUNNING", SECONDS(5)));
    test_process_signal(worker, SIGQUIT);
    ck_assert(test_process_wait(worker, SECONDS(5)));
}
END_TEST

/* Servers ----------------------------------------------------------------------------------------------------------------- */

START_TEST(a_worker_carries_on_after_the_server_was_killed)
{
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "2");
    const char *id = start_sleep(3);
    assert_works();
    for (int i = 0; i < 3; i++) {
        test_cluster_crash(cluster);
        test_cluster_restart(cluster);
        pg_close(s.pg);
        s.pg = test_connect(s.url);
        assert_works();
    }
    /* It needed no server while it ran, and goes on running. */
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "1");
    ck_assert_int_eq(test_process_status(worker), -1);
    stage_stop(worker, SECONDS(5));
}
END_TEST

START_TEST(a_worker_can_be_stopped_while_the_server_is_away)
{
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "2");
    const char *id = stage_sleeping(&s), *done = start_sleep(1);
    test_cluster_crash(cluster);
    usleep(1500000); /* the short one ends, and its child has nobody to tell */
    test_process_signal(worker, SIGQUIT);
    ck_assert(test_process_wait(worker, SECONDS(10)));
    test_cluster_restart(cluster);
    pg_close(s.pg);
    s.pg = test_connect(s.url);
    stage_worker(&s, NULL, "--pool", "2");
    ck_assert(stage_ends(&s, done, "SUCCESS", SECONDS(10)));
    ck_assert(stage_ends(&s, id, "RUNNING", SECONDS(10)));
}
END_TEST

START_TEST(a_worker_without_a_server_ends_with_one_line_and_5)
{
    struct test_process *worker = test_drumbeat_start("postgresql://nobody@/none?host=/nonexistent", "worker", NULL);
    ck_assert(test_process_wait(worker, SECONDS(15)));
    ck_assert_int_eq(test_process_status(worker), 5);
    test_process_free(worker);
}
END_TEST

static const char *last_lines(struct test_process *worker)
{
    const char *errors = test_process_errors(worker);
    size_t length = strlen(errors);
    return errors + (length > 3000 ? length - 3000 : 0);
}

/* Every nth COMMIT of a handler's transaction is not answered, or does not arrive; none of that is a failure. A statement in the middle
 * of a transaction that is lost with its connection is one, to be retried. */
static void assert_each_effect_once(enum test_proxy_loss loss, int nth)
{
    struct test_proxy *proxy = test_proxy_start(s.url);
    const char *direct = s.url;
    s.url = test_proxy_url(proxy);
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "2");
    assert_works();
    test_proxy_lose(proxy, loss, nth);
    test_sql(s.pg, loss == LOSE_SYNC_ANSWER ? "SELECT drumbeat.enqueue_many('effect', array_fill('{}'::jsonb, ARRAY[500]), max_attempts => 20)"
                                            : "SELECT drumbeat.enqueue_many('effect', array_fill('{}'::jsonb, ARRAY[500]), max_attempts => 1)");
    bool ended = stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS' AND name = 'effect'", 500, SECONDS(60));
    test_proxy_lose(proxy, LOSE_NOTHING, 1);
    ck_assert_msg(ended, "%s", last_lines(worker));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(DISTINCT task_id) FROM drumbeat.trial_effect"), 500);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.trial_effect"), 500);
    ck_assert_int_gt(test_proxy_lost(proxy), 20);
    stage_stop(worker, SECONDS(10));
    s.url = direct;
    test_proxy_stop(proxy);
}

START_TEST(a_commit_that_was_not_answered_is_looked_up)
{
    assert_each_effect_once(LOSE_COMMIT_ANSWER, 5);
}
END_TEST

START_TEST(a_commit_that_never_arrived_is_run_again)
{
    assert_each_effect_once(LOSE_COMMIT, 5);
}
END_TEST

START_TEST(a_claim_or_settlement_that_was_not_answered_is_looked_up)
{
    assert_each_effect_once(LOSE_SYNC_ANSWER, 40);
}
END_TEST

static void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_killed_childs_task_is_claimed_again_and_charged);
    tcase_add_test(tests, children_that_are_killed_again_and_again_are_replaced_at_once);
    tcase_add_test(tests, a_killed_childs_session_is_ended_before_its_task_runs_again);
    tcase_add_test(tests, the_cause_of_a_death_survives_the_death_of_the_next_child);
    tcase_add_test(tests, the_hard_limit_holds_while_the_server_is_away);
    tcase_add_test(tests, a_killed_keeper_is_replaced_and_nobody_notices);
    tcase_add_test(tests, a_keeper_killed_on_the_way_down_does_not_leave_the_worker_behind);
    tcase_add_test(tests, a_killed_supervisor_takes_all_with_it_and_another_worker_takes_over);
    tcase_add_test(tests, a_killed_fork_server_takes_all_with_it_and_another_worker_takes_over);
    tcase_add_test(tests, what_a_killed_child_had_started_goes_with_it);
    tcase_add_test(tests, a_child_that_is_stopped_between_tasks_is_replaced);
    tcase_add_test(tests, a_fork_server_that_is_stopped_goes_on);
    tcase_add_test(tests, a_worker_that_was_stopped_beyond_its_lease_writes_nothing);
    tcase_add_test(tests, a_worker_that_is_removed_from_its_table_leaves_nothing_behind);
    tcase_add_test(tests, a_supervisor_that_hangs_loses_its_tasks);
    tcase_add_test(tests, a_worker_whose_keeper_hangs_stops_in_time);
    tcase_add_test(tests, a_worker_can_be_stopped_while_the_server_is_away);
    tcase_add_test(tests, a_worker_carries_on_after_the_server_was_killed);
    tcase_add_test(tests, a_worker_without_a_server_ends_with_one_line_and_5);
    tcase_add_test(tests, a_commit_that_was_not_answered_is_looked_up);
    tcase_add_test(tests, a_commit_that_never_arrived_is_run_again);
    tcase_add_test(tests, a_claim_or_settlement_that_was_not_answered_is_looked_up);
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("worker faults");
    tcase_set_timeout(tests, 90);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    add_tests(tests);
    int failed = test_main_case("worker faults", tests);
    test_cluster_stop(cluster);
    return failed;
}
