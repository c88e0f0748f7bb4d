/* What Redis loses of Celery's messages comes back: it is missed, asked for, and sent or run again. What somebody has is left to him. */
#include "tests/fixture/main.h"
#include "tests/fixture/redis.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const usec_t patience = SECONDS(60); /* only guards against hanging */

static struct test_cluster *cluster;
static struct test_redis *server;
static struct redis *redis;
static struct stage s;
static struct test_process *python;

static char broker[128];

static void open_stage(void)
{
    stage_open(&s, cluster);
    redis = test_redis_connect(test_redis_url(server));
    test_redis_do(redis, "FLUSHALL", NULL);
}

static void close_stage(void)
{
    test_process_free(python);
    python = NULL;
    invariants_assert(s.pg, false);
    stage_close(&s);
    redis_close(redis);
}

/* The queue "celery" is served here, "py" is left to workers of Celery. */
static struct test_process *start_worker(void)
{
    char url[256];
    snprintf(url, sizeof url, "REDIS_URL=%s", broker);
    const char *config = stage_config(&s, "worker: {pool: 1, queues: [celery], lease: 5s}\ncelery: {visibility_timeout: 3s, prefetch: 10}\n"
                                          "queues:\n  py: {broker: redis, protocol: celery}\n  celery: {broker: redis, protocol: celery}\n");
    struct test_process *worker = stage_worker(&s, stage_env(url), "--config", config);
    ck_assert_msg(test_process_wait_for(worker, "courier.ready", patience), "%s", test_process_errors(worker));
    return worker;
}

/* One task at a time, and one more in its hands. */
static void start_python(void)
{
    char folder[512], url[160];
    snprintf(folder, sizeof folder, "%s/tests/interop", getenv("DRUMBEAT_SOURCE"));
    snprintf(url, sizeof url, "BROKER=%s", broker);
    python = test_process_start(&(struct test_program){
        .argv = (const char *const[]){"/usr/bin/python3", "-m", "celery", "-A", "worker_app", "worker", "-Q", "py", "-c", "1", "--prefetch-multiplier", "1", "-l", "info",
                                      "--without-mingle", "--without-gossip", NULL},
        .env = (const char *const[]){url, "PYTHONDONTWRITEBYTECODE=1", "C_FORCE_ROOT=1", NULL},
        .cwd = folder});
    ck_assert_msg(test_process_wait_for(python, "ready.", patience), "%s", test_process_errors(python));
}

static const char *send(const char *sql)
{
    const char *id = stage_enqueue(&s, sql);
    char sent[200];
    snprintf(sent, sizeof sent, "SELECT count(*) FROM drumbeat.sent WHERE task_id = '%s' AND sent_at IS NOT NULL", id);
    ck_assert(stage_wait(&s, sent, 1, patience));
    return id;
}

static int64_t waiting(void)
{
    return test_redis_number(redis, "LLEN", "py\x06\x16" "3", NULL);
}

static void await_waiting(int64_t count)
{
    for (usec_t deadline = clock_boot() + patience; waiting() != count; test_process_wait(s.workers[0], MSEC(20)))
        ck_assert_msg(clock_boot() < deadline, "%lld wait: %s", (long long)waiting(), test_process_errors(s.workers[0]));
}

START_TEST(what_is_lost_before_anybody_took_it_is_sent_again)
{
    struct test_process *worker = start_worker();
    send("SELECT drumbeat.enqueue('add', '{\"x\": 1, \"y\": 2}', queue => 'py')");
    send("SELECT drumbeat.enqueue('add', '{\"x\": 3, \"y\": 4}', queue => 'py')");
    ck_assert_int_eq(waiting(), 2);
    test_redis_do(redis, "FLUSHALL", NULL);
    await_waiting(2);
    ck_assert(test_process_wait_for(worker, "celery.messages_lost", patience));
    start_python();
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'", 2, patience));
}
END_TEST

/* Has it been sent again? */
static const char *moved(const char *id)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT s.seq <> p.seq FROM drumbeat.sent s JOIN place p USING (task_id) WHERE task_id = '%s'", id);
    return stage_text(&s, sql);
}

START_TEST(what_a_worker_of_celery_has_is_left_to_it)
{
    struct test_process *worker = start_worker();
    start_python();
    const char *running = send("SELECT drumbeat.enqueue('nap', '{\"seconds\": 600}', queue => 'py')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.sent WHERE started_at IS NOT NULL", 1, patience));
    const char *reserved = send("SELECT drumbeat.enqueue('nap', '{\"seconds\": 600}', queue => 'py')");
    await_waiting(0);
    const char *unclaimed = send("SELECT drumbeat.enqueue('nap', '{\"seconds\": 600}', queue => 'py')");
    test_sql(s.pg, "CREATE TEMPORARY TABLE place AS SELECT task_id, seq FROM drumbeat.sent");
    test_redis_do(redis, "FLUSHALL", NULL);
    await_waiting(1);
    ck_assert_msg(strstr(test_redis_text(redis, "LINDEX", "py\x06\x16" "3", "0", NULL), unclaimed) != NULL, "%s", test_process_errors(worker));
    ck_assert_str_eq(moved(running), "f");
    ck_assert_str_eq(moved(reserved), "f");
    ck_assert_str_eq(moved(unclaimed), "t");
}
END_TEST

START_TEST(a_queue_that_somebody_purges_stays_empty)
{
    start_worker();
    const char *purged = send("SELECT drumbeat.enqueue('add', queue => 'py')");
    test_redis_do(redis, "DEL", "py\x06\x16" "3", NULL);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.sent WHERE taken", 1, patience));
    test_redis_do(redis, "FLUSHALL", NULL);
    send("SELECT drumbeat.enqueue('add', queue => 'py')");
    test_redis_do(redis, "FLUSHALL", NULL);
    await_waiting(1);
    ck_assert_ptr_null(strstr(test_redis_text(redis, "LINDEX", "py\x06\x16" "3", "0", NULL), purged));
}
END_TEST

/* Messages m0, m1, … of Celery clients. */
static void push_messages(int count, const char *task, const char *kwargs)
{
    for (int i = 0; i < count; i++) {
        char message[512];
        snprintf(message, sizeof message,
                 "{\"body\":\"[[],%s,{}]\",\"headers\":{\"id\":\"m%d\",\"task\":\"%s\"},"
                 "\"properties\":{\"delivery_tag\":\"t%d\",\"delivery_info\":{\"exchange\":\"\",\"routing_key\":\"celery\"}}}",
                 kwargs, i, task, i);
        test_redis_do(redis, "LPUSH", "celery", message, NULL);
    }
}

START_TEST(what_was_taken_over_runs_though_redis_has_forgotten_it)
{
    struct test_process *worker = start_worker();
    stage_hold(&s);
    push_messages(6, "effect", "{\\\"key\\\":\\\"k\\\"}");
    stage_await_held(&s, 1);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.celery_message", 6, patience));
    test_redis_do(redis, "FLUSHALL", NULL);
    ck_assert_msg(test_process_wait_for(worker, "celery.messages_taken_back", patience), "%s", test_process_errors(worker));
    stage_let_go(&s);
    ck_assert_msg(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'", 6, patience), "%s", test_process_errors(worker));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.celery_message", 0, patience));
    ck_assert_str_eq(stage_text(&s, "SELECT count(*) || ' ' || count(DISTINCT task_id) FROM drumbeat.trial_effect"), "6 6");
    for (int i = 0; i < 6; i++) {
        char key[64];
        snprintf(key, sizeof key, "celery-task-meta-m%d", i);
        ck_assert_ptr_nonnull(strstr(test_redis_text(redis, "GET", key, NULL), "SUCCESS"));
    }
}
END_TEST

/* All that drumbeat had, as a worker of Celery leaves it that took it back when its time was over, ran it, and told. */
static void run_by_others(int count)
{
    test_redis_do(redis, "DEL", "unacked", "unacked_index", NULL);
    for (int i = 0; i < count; i++) {
        char key[64], result[200];
        snprintf(key, sizeof key, "celery-task-meta-m%d", i);
        snprintf(result, sizeof result, "{\"status\": \"SUCCESS\", \"result\": %d, \"task_id\": \"m%d\", \"date_done\": \"2026-01-01T00:00:00\"}", i, i);
        test_redis_do(redis, "SET", key, result, NULL);
    }
}

/* One that ran again would do so for ten minutes. */
START_TEST(a_worker_that_was_away_for_long_runs_nothing_that_others_ran)
{
    struct test_process *worker = start_worker();
    push_messages(5, "sleep", "{\\\"seconds\\\":600}");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'RUNNING' AND started_at IS NOT NULL", 1, patience));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.celery_message", 5, patience));
    test_process_signal(worker, SIGKILL);
    ck_assert(test_process_wait(worker, patience));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'drumbeat/%'", 0, patience));
    run_by_others(5);
    worker = start_worker();
    ck_assert_msg(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'", 5, patience), "%s", test_process_errors(worker));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.celery_message", 0, patience));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("messages");
    tcase_set_timeout(tests, 150);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    tcase_add_test(tests, what_is_lost_before_anybody_took_it_is_sent_again);
    tcase_add_test(tests, what_a_worker_of_celery_has_is_left_to_it);
    tcase_add_test(tests, a_queue_that_somebody_purges_stays_empty);
    tcase_add_test(tests, what_was_taken_over_runs_though_redis_has_forgotten_it);
    tcase_add_test(tests, a_worker_that_was_away_for_long_runs_nothing_that_others_ran);
    cluster = test_cluster_start(NULL);
    server = test_redis_start(&(struct test_redis_options){.tcp = true});
    snprintf(broker, sizeof broker, "redis://127.0.0.1:%d/0", test_redis_port(server));
    int failed = test_main_case("celery lost", tests);
    test_redis_stop(server);
    test_cluster_stop(cluster);
    return failed;
}
