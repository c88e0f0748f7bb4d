/* SIGHUP: a worker reads its configuration again while it works. Nothing is lost, run twice, interrupted or charged by it, and a file
 * that is wrong changes nothing. */
#include "tests/fixture/main.h"
#include "tests/storm/family.h"
#include "tests/storm/stage.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FAMILY_MAX = 64, FORK_SERVERS = 1, CHILDREN = 2, RELOADS = 15 };

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

/* A worker whose configuration is `yaml`, once it works. */
static struct test_process *start_worker(const char *yaml)
{
    struct test_process *worker = stage_worker(&s, NULL, "--config", stage_config(&s, yaml));
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(10)));
    return worker;
}

static void await_event(struct test_process *worker, const char *event, size_t wanted)
{
    stage_await_event(&s, worker, event, wanted);
}

static void ask_reload(struct test_process *worker, const char *yaml)
{
    stage_config(&s, yaml);
    test_process_signal(worker, SIGHUP);
}

/* Reload, and wait until the new edition is the current one. */
static void reload(struct test_process *worker, const char *yaml)
{
    size_t before = stage_events(worker, "worker.reloaded");
    ask_reload(worker, yaml);
    await_event(worker, "worker.reloaded", before + 1);
}

static void assert_holds(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part), "'%s' is not in '%s'", part, text);
}

static const char *start_sleep(double seconds)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": %g, \"steps\": 10}')", seconds);
    const char *id = stage_enqueue(&s, sql);
    stage_await_start(&s, id);
    return id;
}

/* It ran once, without a break. */
static void assert_untouched(const char *id)
{
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(20)));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "1");
    ck_assert_str_eq(stage_attempt(&s, id, "outcome"), "");
}

static bool wait_for_family(struct test_process *worker, int depth, size_t wanted)
{
    pid_t members[FAMILY_MAX];
    usec_t deadline = test_deadline(SECONDS(10));
    while (family(test_process_pid(worker), depth, members, FAMILY_MAX) != wanted) {
        if (clock_boot() > deadline)
            return false;
        test_process_wait(worker, MSEC(20));
    }
    return true;
}

/* What does not change -------------------------------------------------------------------------------------------------- */

START_TEST(what_a_reload_cannot_change_is_told_by_name)
{
    struct test_process *worker = start_worker("worker: {pool: 1}\n");
    reload(worker, "worker: {pool: 1, cgroup: 'off', user: nobody}\n");
    await_event(worker, "config.needs_restart option=worker.cgroup", 1);
    await_event(worker, "config.needs_restart option=worker.user", 1);
    ck_assert_ptr_null(strstr(test_process_errors(worker), "option=database.url")); /* the environment's beats the file's */
    ask_reload(worker, "worker: {pool: 1}\nlog: {format: json}\n");
    await_event(worker, "\"level\":\"info\",\"msg\":\"worker.reloaded\"", 1);
    stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 2, SECONDS(15)));
}
END_TEST

/* What changes ---------------------------------------------------------------------------------------------------------- */

START_TEST(a_reload_adds_a_handler_and_a_queue)
{
    struct test_process *worker = start_worker("worker: {pool: 2, queues: [default]}\n");
    const char *row = stage_text(&s, "SELECT id FROM drumbeat.worker");
    const char *greet = stage_enqueue(&s, "SELECT drumbeat.enqueue('greet')");
    const char *other = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop', queue => 'fresh')");
    reload(worker, "worker: {pool: 2, queues: [default, fresh]}\nhandlers: {greet: {queue: fresh, command: {argv: [/bin/true]}}}\n");
    ck_assert(stage_ends(&s, greet, "SUCCESS", SECONDS(5)));
    ck_assert(stage_ends(&s, other, "SUCCESS", SECONDS(5)));
    ck_assert_str_eq(stage_text(&s, "SELECT id FROM drumbeat.worker"), row);
    ck_assert_str_eq(stage_text(&s, "SELECT queues FROM drumbeat.worker"), "{default,fresh}");
    ck_assert_str_eq(stage_task(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('greet')"), "queue"), "fresh");
}
END_TEST

START_TEST(a_reload_takes_a_handler_and_a_queue_away)
{
    struct test_process *worker = start_worker("handlers: {greet: {command: {argv: [/bin/true]}}}\n");
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('greet')"), "SUCCESS", SECONDS(5)));
    reload(worker, "worker: {queues: [default]}\n");
    await_event(worker, "worker.edition_left", 1);
    const char *greet = stage_enqueue(&s, "SELECT drumbeat.enqueue('greet')");
    const char *other = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop', queue => 'other')");
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, greet, "status"), "QUEUED");
    ck_assert_str_eq(stage_task(&s, other, "status"), "QUEUED");
}
END_TEST

START_TEST(limits_count_from_the_next_task_on)
{
    struct test_process *worker = start_worker("worker: {pool: 2}\n");
    const char *before = start_sleep(3);
    reload(worker, "worker: {pool: 2}\nhandlers: {sleep: {soft: 1s, max_attempts: 1}}\n");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.handler WHERE name = 'sleep' AND max_attempts = 1", 1, SECONDS(5)));
    const char *after = stage_enqueue(&s, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 600, \"steps\": 6000}')");
    assert_untouched(before);
    ck_assert(stage_ends(&s, after, "ERRORED", SECONDS(5)));
    assert_holds(stage_task(&s, after, "error"), "soft limit");
}
END_TEST

START_TEST(a_pool_that_grows_runs_more_at_once)
{
    struct test_process *worker = start_worker("worker: {pool: 1}\n");
    const char *first = stage_held(&s);
    reload(worker, "worker: {pool: 4}\n");
    test_sql(s.pg, "SELECT drumbeat.enqueue('effect') FROM generate_series(1, 3)");
    stage_await_held(&s, 4);
    stage_let_go(&s);
    ck_assert_str_eq(stage_text(&s, "SELECT pool FROM drumbeat.worker"), "4");
    assert_untouched(first);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended WHERE status = 'SUCCESS' AND attempt = 1", 5, SECONDS(10)));
    ck_assert(wait_for_family(worker, CHILDREN, 4 + 1));
    ck_assert(wait_for_family(worker, FORK_SERVERS, 1));
}
END_TEST

START_TEST(a_pool_that_shrinks_lets_everybody_finish)
{
    struct test_process *worker = start_worker("worker: {pool: 4}\n");
    stage_hold(&s);
    test_sql(s.pg, "SELECT drumbeat.enqueue('effect') FROM generate_series(1, 4)");
    stage_await_held(&s, 4);
    reload(worker, "worker: {pool: 1}\n");
    stage_let_go(&s);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended WHERE status = 'SUCCESS' AND attempt = 1", 5, SECONDS(10)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.past_attempt"), 0);
    await_event(worker, "worker.edition_left", 1);
    ck_assert(wait_for_family(worker, CHILDREN, 1 + 1));
    test_sql(s.pg, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 0.3}') FROM generate_series(1, 3)");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended WHERE status = 'SUCCESS'", 8, SECONDS(10)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(DISTINCT pid) FROM (SELECT pid FROM drumbeat.ended ORDER BY ended_at DESC LIMIT 3) e"), 1);
    reload(worker, "worker: {pool: 3}\n");
    ck_assert(wait_for_family(worker, CHILDREN, 3 + 1));
}
END_TEST

START_TEST(a_lease_can_be_changed_both_ways)
{
    struct test_process *worker = start_worker("worker: {lease: 60s}\n");
    const char *id = stage_held(&s);
    reload(worker, "worker: {lease: 5s}\n");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.worker WHERE lease = interval '5 s'", 1, SECONDS(5)));
    sleep(6); /* longer than the shorter one */
    reload(worker, "worker: {lease: 20s}\n");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.worker WHERE lease = interval '20 s'", 1, SECONDS(5)));
    stage_let_go(&s);
    assert_untouched(id);
}
END_TEST

/* What is refused --------------------------------------------------------------------------------------------------------- */

START_TEST(a_file_that_is_wrong_changes_nothing_and_is_told_with_its_place)
{
    struct test_process *worker = start_worker("worker: {pool: 1}\n");
    const char *id = stage_held(&s);
    ask_reload(worker, "worker:\n  pool: 1\n  lease: 2s\n");
    await_event(worker, "worker.reload_refused", 1);
    assert_holds(test_process_errors(worker), ".yaml:3:10: worker.lease: '2s' is below 5s");
    ck_assert_uint_eq(stage_events(worker, ".yaml:3:10"), 1);
    stage_let_go(&s);
    assert_untouched(id);
    ask_reload(worker, "handlers: {nobody: {queue: default}}\n");
    await_event(worker, "worker.reload_refused", 2);
    assert_holds(test_process_errors(worker), "handlers.nobody");
    ck_assert(wait_for_family(worker, FORK_SERVERS, 1));
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(5)));
    reload(worker, "worker: {pool: 2}\n");
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(5)));
}
END_TEST

/* Under load -------------------------------------------------------------------------------------------------------------- */

/* Each run of `mark` has appended its arguments. */
static int64_t count_marks(const char *path)
{
    FILE *file = fopen(path, "re");
    int64_t count = 0;
    for (int c = 0; file && c != EOF; c = fgetc(file))
        count += c == '{';
    if (file)
        fclose(file);
    return count;
}

/* Short tasks that leave a trace, in the database or, where no fence reaches, in a file; a long one among them, and reloads all the while. */
START_TEST(reloads_under_load_lose_repeat_interrupt_and_charge_nothing)
{
    char trace[512], yaml[2][1024];
    snprintf(trace, sizeof trace, "%s/trace-%d", test_cluster_folder(cluster), (int)getpid());
    for (int i = 0; i < 2; i++)
        snprintf(yaml[i], sizeof yaml[i], "worker: {pool: %d}\nhandlers: {mark: {command: {argv: [/usr/bin/tee, -a, '%s']}}}\n", 4 - i, trace);
    struct test_process *worker = start_worker(yaml[0]);
    const char *id = start_sleep(4);
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('effect', array_agg(jsonb_build_object('key', n::text))) FROM generate_series(1, 500) n");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('mark', array_fill('{}'::jsonb, ARRAY[500]))");
    for (int i = 1; i <= RELOADS; i++)
        reload(worker, yaml[i % 2]);
    assert_untouched(id);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended WHERE status = 'SUCCESS' AND attempt = 1", 1002, SECONDS(30)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.trial_effect"), 500);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(DISTINCT key) FROM drumbeat.trial_effect"), 500);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.past_attempt WHERE outcome <> 'returned'"), 0);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.worker"), 1);
    ck_assert_int_eq(count_marks(trace), 500);
    await_event(worker, "worker.edition_left", RELOADS);
    ck_assert(wait_for_family(worker, FORK_SERVERS, 1));
}
END_TEST

/* Each of them keeps a task of its own edition; the last one is what counts. */
START_TEST(a_reload_can_follow_while_long_tasks_keep_earlier_editions)
{
    struct test_process *worker = start_worker("worker: {pool: 4}\n");
    const char *first = stage_held(&s);
    reload(worker, "worker: {pool: 4}\nhandlers: {effect: {queue: two}}\n");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.handler WHERE name = 'effect' AND queue = 'two'", 1, SECONDS(5)));
    const char *second = stage_held(&s);
    reload(worker, "worker: {pool: 4}\nhandlers: {effect: {queue: three}}\n");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.handler WHERE name = 'effect' AND queue = 'three'", 1, SECONDS(5)));
    ck_assert(wait_for_family(worker, FORK_SERVERS, 3));
    const char *third = stage_held(&s);
    ck_assert_str_eq(stage_task(&s, third, "queue"), "three");
    stage_let_go(&s);
    assert_untouched(third);
    assert_untouched(first);
    assert_untouched(second);
    ck_assert(wait_for_family(worker, FORK_SERVERS, 1));
}
END_TEST

/* More than are remembered: a reload that finds no room waits for the oldest task, and none is forgotten. */
START_TEST(reloads_that_come_too_fast_are_done_one_after_the_other)
{
    struct test_process *worker = start_worker("worker: {pool: 2}\n");
    for (int i = 0; i < 20; i++)
        ask_reload(worker, "worker: {pool: 2}\n");
    ask_reload(worker, "worker: {pool: 2}\nhandlers: {noop: {max_attempts: 7}}\n");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.handler WHERE name = 'noop' AND max_attempts = 7", 1, SECONDS(15)));
    ck_assert(wait_for_family(worker, FORK_SERVERS, 1));
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(5)));
}
END_TEST

START_TEST(a_worker_that_is_reloading_can_be_stopped)
{
    struct test_process *worker = start_worker("worker: {pool: 2}\n");
    const char *id = stage_held(&s);
    ask_reload(worker, "worker: {pool: 3}\n");
    test_process_signal(worker, SIGTERM);
    await_event(worker, "worker.draining", 1);
    stage_let_go(&s);
    ck_assert(test_process_wait(worker, SECONDS(10)));
    ck_assert_int_eq(test_process_status(worker), 0);
    assert_untouched(id);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.worker"), 0);
}
END_TEST

/* Faults ------------------------------------------------------------------------------------------------------------------ */

START_TEST(a_keeper_that_is_killed_in_the_middle_of_a_reload_is_replaced)
{
    struct test_process *worker = start_worker("worker: {pool: 2, lease: 5s}\n");
    for (int i = 0; i < 6; i++) {
        stage_hold(&s);
        test_sql(s.pg, "SELECT drumbeat.enqueue('effect') FROM generate_series(1, 2)");
        stage_await_held(&s, 2);
        pid_t keeper = stage_keeper(&s, worker);
        ask_reload(worker, i % 2 ? "worker: {pool: 2, lease: 5s}\n" : "worker: {pool: 2, lease: 5s}\nhandlers: {greet: {command: {argv: [/bin/true]}}}\n");
        usleep((useconds_t)i * 4000);
        kill(keeper, SIGKILL);
        stage_let_go(&s);
        await_event(worker, "worker.edition_left", (size_t)i + 1);
    }
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended WHERE status = 'SUCCESS' AND attempt = 1", 13, SECONDS(20)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.past_attempt WHERE outcome <> 'returned'"), 0);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.worker"), 1);
    reload(worker, "worker: {pool: 2, lease: 5s}\nhandlers: {greet: {command: {argv: [/bin/true]}}}\n");
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('greet')"), "SUCCESS", SECONDS(5)));
}
END_TEST

START_TEST(a_child_of_an_earlier_edition_that_is_killed_is_followed_by_one_of_the_new)
{
    struct test_process *worker = start_worker("worker: {pool: 1}\n");
    const char *id = stage_sleeping(&s);
    pid_t child = stage_runner(&s, id);
    stage_shorten(&s, id);
    reload(worker, "worker: {pool: 1}\nhandlers: {greet: {command: {argv: [/bin/true]}}}\n");
    kill(child, SIGKILL);
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
    ck_assert_str_eq(stage_attempt(&s, id, "outcome || signal"), "crashed9");
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('greet')"), "SUCCESS", SECONDS(5)));
}
END_TEST

/* What ran and could not be settled yet is settled when the server is back, before the child leaves. */
START_TEST(a_reload_while_the_server_is_away_happens_when_it_is_back)
{
    struct test_process *worker = start_worker("worker: {pool: 1, lease: 30s}\n");
    const char *id = start_sleep(2);
    test_cluster_crash(cluster);
    ask_reload(worker, "worker: {pool: 2, lease: 30s}\nhandlers: {greet: {command: {argv: [/bin/true]}}}\n");
    sleep(3);
    test_cluster_restart(cluster);
    pg_close(s.pg);
    s.pg = test_connect(s.url);
    assert_untouched(id);
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('greet')"), "SUCCESS", SECONDS(10)));
    await_event(worker, "worker.edition_left", 1);
}
END_TEST

/* A file that nobody ever finishes writing stands in for a file system that hangs. */
static void hang_configuration(void)
{
    const char *path = stage_config(&s, "");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_ge(open(path, O_RDWR | O_CLOEXEC), 0); /* its writer */
}

static void mend_configuration(const char *yaml)
{
    char path[512];
    snprintf(path, sizeof path, "%s/config-%d.yaml", test_cluster_folder(cluster), (int)getpid());
    ck_assert_int_eq(unlink(path), 0);
    stage_config(&s, yaml);
}

static pid_t fork_server(struct test_process *worker, bool newest)
{
    pid_t members[FAMILY_MAX];
    size_t count = family(test_process_pid(worker), FORK_SERVERS, members, FAMILY_MAX);
    ck_assert_uint_gt(count, 0);
    pid_t found = members[0];
    for (size_t i = 1; i < count; i++)
        if ((members[i] > found) == newest)
            found = members[i];
    return found;
}

START_TEST(a_new_fork_server_that_dies_or_hangs_changes_nothing)
{
    struct test_process *worker = start_worker("worker: {pool: 1}\n");
    const char *id = stage_held(&s);
    hang_configuration();
    test_process_signal(worker, SIGHUP);
    ck_assert(wait_for_family(worker, FORK_SERVERS, 2));
    kill(fork_server(worker, true), SIGKILL);
    await_event(worker, "worker.reload_refused", 1);
    test_process_signal(worker, SIGHUP);
    stage_let_go(&s);
    assert_untouched(id);
    await_event(worker, "worker.reload_refused", 2);
    ck_assert(wait_for_family(worker, FORK_SERVERS, 1));
    mend_configuration("worker: {pool: 2}\n");
    test_process_signal(worker, SIGHUP);
    await_event(worker, "worker.reloaded", 1);
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(5)));
}
END_TEST

START_TEST(a_new_fork_server_that_hangs_does_not_keep_the_worker_from_stopping)
{
    struct test_process *worker = start_worker("worker: {pool: 1}\n");
    hang_configuration();
    test_process_signal(worker, SIGHUP);
    ck_assert(wait_for_family(worker, FORK_SERVERS, 2));
    stage_stop(worker, SECONDS(5));
    mend_configuration("");
}
END_TEST

/* Its children die with it, and so does the worker, as when its only fork server dies: another one takes over. */
START_TEST(an_old_fork_server_that_is_killed_costs_the_worker_and_no_task)
{
    struct test_process *worker = start_worker("worker: {pool: 2}\n");
    const char *id = stage_sleeping(&s);
    stage_shorten(&s, id);
    reload(worker, "worker: {pool: 2}\n");
    kill(fork_server(worker, false), SIGKILL);
    ck_assert(test_process_wait(worker, SECONDS(10)));
    ck_assert_int_eq(test_process_status(worker), 1);
    stage_worker(&s, NULL, "--pool", "1");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(20)));
}
END_TEST

static void add_tests(TCase *tests)
{
    tcase_add_test(tests, what_a_reload_cannot_change_is_told_by_name);
    tcase_add_test(tests, a_reload_adds_a_handler_and_a_queue);
    tcase_add_test(tests, a_reload_takes_a_handler_and_a_queue_away);
    tcase_add_test(tests, limits_count_from_the_next_task_on);
    tcase_add_test(tests, a_pool_that_grows_runs_more_at_once);
    tcase_add_test(tests, a_pool_that_shrinks_lets_everybody_finish);
    tcase_add_test(tests, a_lease_can_be_changed_both_ways);
    tcase_add_test(tests, a_file_that_is_wrong_changes_nothing_and_is_told_with_its_place);
    tcase_add_test(tests, reloads_under_load_lose_repeat_interrupt_and_charge_nothing);
    tcase_add_test(tests, a_reload_can_follow_while_long_tasks_keep_earlier_editions);
    tcase_add_test(tests, reloads_that_come_too_fast_are_done_one_after_the_other);
    tcase_add_test(tests, a_worker_that_is_reloading_can_be_stopped);
    tcase_add_test(tests, a_keeper_that_is_killed_in_the_middle_of_a_reload_is_replaced);
    tcase_add_test(tests, a_child_of_an_earlier_edition_that_is_killed_is_followed_by_one_of_the_new);
    tcase_add_test(tests, a_reload_while_the_server_is_away_happens_when_it_is_back);
    tcase_add_test(tests, a_new_fork_server_that_dies_or_hangs_changes_nothing);
    tcase_add_test(tests, a_new_fork_server_that_hangs_does_not_keep_the_worker_from_stopping);
    tcase_add_test(tests, an_old_fork_server_that_is_killed_costs_the_worker_and_no_task);
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("worker reload");
    tcase_set_timeout(tests, 90);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    add_tests(tests);
    int failed = test_main_case("worker reload", tests);
    test_cluster_stop(cluster);
    return failed;
}
