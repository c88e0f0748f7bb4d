/* Commands that stay: one program that runs task after task, through the real worker. */
#include "tests/fixture/main.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const usec_t patience = SECONDS(60); /* only guards against hanging */

static struct test_cluster *cluster;
static struct stage s;
static struct test_process *worker;

static void open_stage(void)
{
    char yaml[2048];
    const char *source = getenv("DRUMBEAT_SOURCE");
    stage_open(&s, cluster);
    snprintf(yaml, sizeof yaml,
             "handlers:\n"
             "  one: {max_attempts: 2, command: {argv: [/usr/bin/python3, %s/tests/interop/kept.py], keep: true}}\n"
             "  other: {soft: 1s, hard: 10m, command: {argv: [/usr/bin/python3, %s/tests/interop/kept.py], keep: true}}\n",
             source, source);
    worker = stage_worker(&s, NULL, "--pool", "1", "--config", stage_config(&s, yaml));
    ck_assert(test_process_wait_for(worker, "worker.started", patience));
}

static void close_stage(void)
{
    invariants_assert(s.pg, false);
    stage_close(&s);
}

static const char *run(const char *name, const char *what)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT drumbeat.enqueue('%s', '{\"do\": \"%s\"}', max_attempts => 2)", name, what);
    return stage_enqueue(&s, sql);
}

/* The process that ran a task of this name. */
static const char *pid_of(const char *name)
{
    const char *id = run(name, "nothing");
    ck_assert(stage_ends(&s, id, "SUCCESS", patience));
    return stage_task(&s, id, "result ->> 'pid'");
}

START_TEST(one_program_runs_the_tasks_of_all_its_names)
{
    const char *first = pid_of("one"), *second = pid_of("other"), *id = run("one", "print"), *failed = run("other", "fail");
    ck_assert_str_eq(first, second);
    ck_assert(stage_ends(&s, id, "SUCCESS", patience));
    ck_assert_str_eq(stage_task(&s, id, "result ->> 'name' || ' ' || (result -> 'args')"), "one {\"do\": \"print\"}");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task_log WHERE message = 'from one'", 1, patience));
    ck_assert(stage_ends(&s, failed, "ERRORED", patience));
    ck_assert_str_eq(stage_task(&s, failed, "attempt || error"), "1no paper");
    ck_assert_str_eq(pid_of("one"), first);
}
END_TEST

START_TEST(its_death_is_the_death_of_one_task)
{
    const char *before = pid_of("one"), *id = run("one", "die");
    ck_assert(stage_ends(&s, id, "SUCCESS", patience));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "2");
    ck_assert_str_eq(stage_attempt(&s, id, "outcome || ' ' || (error LIKE '%signal 9%')"), "crashed true");
    ck_assert_str_ne(stage_task(&s, id, "result ->> 'pid'"), before);
}
END_TEST

START_TEST(it_may_stop_a_task_and_go_on)
{
    const char *before = pid_of("one"), *id = run("one", "wait"), *slow;
    stage_await_progress(&s, id, 1);
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task WHERE status = 'RUNNING'");
    ck_assert(stage_ends(&s, id, "KILLED", patience));
    slow = run("other", "wait"); /* a soft limit of a second */
    ck_assert(stage_ends(&s, slow, "ERRORED", patience));
    ck_assert_str_eq(stage_task(&s, slow, "error"), "stopped");
    ck_assert_str_eq(pid_of("one"), before);
}
END_TEST

START_TEST(it_decides_itself_how_often_a_task_is_tried_again)
{
    const char *id = run("one", "again");
    ck_assert(stage_ends(&s, id, "SUCCESS", patience));
    ck_assert_str_eq(stage_task(&s, id, "attempt || ' ' || (headers ->> 'seen')"), "5 4");
}
END_TEST

START_TEST(one_that_leaves_is_replaced)
{
    const char *before = pid_of("one"), *id = run("one", "leave");
    ck_assert(stage_ends(&s, id, "SUCCESS", patience));
    ck_assert_str_ne(pid_of("one"), before);
}
END_TEST

START_TEST(it_ends_with_its_child_and_the_task_runs_again)
{
    const char *id = run("one", "wait");
    stage_await_progress(&s, id, 1);
    kill(stage_runner(&s, id), SIGKILL);
    stage_await_progress(&s, id, 2);
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task WHERE status = 'RUNNING'");
    ck_assert(stage_ends(&s, id, "KILLED", patience));
}
END_TEST

START_TEST(one_that_cannot_start_is_told_of_and_nothing_is_claimed)
{
    char yaml[512];
    stage_stop(worker, patience);
    snprintf(yaml, sizeof yaml, "handlers:\n  one: {command: {argv: [/usr/bin/python3, %s/tests/interop/kept.py, broken], keep: true}}\n", getenv("DRUMBEAT_SOURCE"));
    const char *id = run("one", "nothing");
    struct test_process *broken = stage_worker(&s, NULL, "--pool", "1", "--config", stage_config(&s, yaml));
    stage_await_event(&s, broken, "child.program_not_ready", 2);
    ck_assert(strstr(test_process_errors(broken), "no such module") != NULL);
    ck_assert_str_eq(stage_task(&s, id, "status || attempt"), "QUEUED0");
    stage_stop(broken, patience);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("kept");
    tcase_set_timeout(tests, 150);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    tcase_add_test(tests, one_program_runs_the_tasks_of_all_its_names);
    tcase_add_test(tests, its_death_is_the_death_of_one_task);
    tcase_add_test(tests, it_may_stop_a_task_and_go_on);
    tcase_add_test(tests, it_decides_itself_how_often_a_task_is_tried_again);
    tcase_add_test(tests, one_that_leaves_is_replaced);
    tcase_add_test(tests, it_ends_with_its_child_and_the_task_runs_again);
    tcase_add_test(tests, one_that_cannot_start_is_told_of_and_nothing_is_claimed);
    cluster = test_cluster_start(NULL);
    int failed = test_main_case("commands that stay", tests);
    test_cluster_stop(cluster);
    return failed;
}
