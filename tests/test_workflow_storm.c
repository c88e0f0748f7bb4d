/* A storm over nested batches: children, keepers, supervisors and the server are killed with SIGKILL while batches fill, step, end and call
 * back. Every batch ends, and every callback runs exactly once.
 *
 * STORM_KILLS makes it longer. */
#include "tests/fixture/main.h"
#include "tests/storm/family.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEPTH_CHILDREN = 2, WORKERS = 2 };

static struct test_cluster *cluster;
static struct stage s;

/* Two groups in a chain in a group, each level with a callback that leaves an effect. A workflow has 9 tasks and 3 callbacks. */
static const char spec[] =
    "{\"group\": [{\"task\": \"noop\", \"max_attempts\": 100}, {\"chain\": [{\"task\": \"effect\", \"max_attempts\": 100},"
    " {\"group\": [{\"task\": \"noop\", \"max_attempts\": 100}, {\"task\": \"effect\", \"max_attempts\": 100}, {\"task\": \"noop\", \"max_attempts\": 100}],"
    "  \"on_always\": {\"task\": \"effect\", \"queue\": \"called\", \"max_attempts\": 100}},"
    " {\"group\": [{\"task\": \"noop\", \"max_attempts\": 100}, {\"task\": \"sleep\", \"args\": {\"seconds\": 0.05}, \"max_attempts\": 100}]},"
    " {\"task\": \"effect\", \"max_attempts\": 100}],"
    " \"on_always\": {\"task\": \"effect\", \"queue\": \"called\", \"max_attempts\": 100}}, {\"task\": \"effect\", \"max_attempts\": 100}],"
    " \"on_success\": {\"task\": \"effect\", \"queue\": \"called\", \"max_attempts\": 100}}";

static void start_worker(int i)
{
    size_t count = s.count;
    s.count = (size_t)i;
    stage_worker(&s, stage_env("DRUMBEAT_WORKER_LEASE=5s"), "--pool", "3");
    s.count = count > s.count ? count : s.count;
}

static void kill_worker(int i)
{
    test_process_signal(s.workers[i], SIGKILL);
    ck_assert(test_process_wait(s.workers[i], SECONDS(5)));
    test_process_free(s.workers[i]);
    start_worker(i);
}

static void crash_server(void)
{
    pg_close(s.pg);
    test_cluster_crash(cluster);
    test_cluster_restart(cluster);
    s.pg = test_connect(s.url);
}

static void enqueue(int count)
{
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT count(drumbeat.enqueue_workflow($$%s$$)) FROM generate_series(1, %d)", spec, count);
    ck_assert_int_eq(test_number(s.pg, text_str(&sql)), count);
}

static void await_end(void)
{
    static const char left[] = "SELECT (SELECT count(*) FROM drumbeat.batch WHERE ended_at IS NULL) + (SELECT count(*) FROM drumbeat.task_body b"
                               " WHERE NOT EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = b.id))";
    ck_assert_msg(stage_wait(&s, left, 0, SECONDS(60)), "%d batches and tasks are left; due %d, open %d", (int)test_number(s.pg, left),
                  (int)test_number(s.pg, "SELECT count(*) FROM drumbeat.batch_due"), (int)test_number(s.pg, "SELECT count(*) FROM drumbeat.batch_open"));
}

START_TEST(every_callback_runs_once_whatever_is_killed)
{
    const char *asked = getenv("STORM_KILLS");
    int kills = asked ? atoi(asked) : 40, workflows = 0, killed = 0;
    stage_open(&s, cluster);
    for (int i = 0; i < WORKERS; i++)
        start_worker(i);
    for (int kill = 0; kill < kills; kill++, workflows += 3) {
        enqueue(3);
        usleep((useconds_t)rand() % 60000);
        killed += family_kill(test_process_pid(s.workers[kill % WORKERS]), DEPTH_CHILDREN, (unsigned)rand()) > 0;
        if (kill % 10 == 4)
            kill_worker(kill % WORKERS);
        if (kill % 20 == 19)
            crash_server();
    }
    await_end();
    printf("workflow storm: %d workflows, %d processes killed\n", workflows, killed);
    for (int i = 0; i < WORKERS; i++)
        stage_stop(s.workers[i], SECONDS(20));
    invariants_assert(s.pg, true);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.batch WHERE outcome = 'success'"), 4 * workflows);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task_body"), 12 * workflows);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.trial_effect t JOIN drumbeat.task_body b ON b.id = t.task_id WHERE b.queue = 'called'"), 3 * workflows);
    stage_close(&s);
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("workflow storm");
    tcase_set_timeout(tests, 280);
    tcase_add_test(tests, every_callback_runs_once_whatever_is_killed);
    int failed = test_main_case("workflow storm", tests);
    test_cluster_stop(cluster);
    return failed;
}
