/* A Redis that comes back without its last writes: a disk that had not kept them, a replica that had not heard of them. What was sent in
 * that time is sent again, and what is there is not. */
#include "tests/fixture/main.h"
#include "tests/fixture/redis.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const usec_t patience = SECONDS(60); /* only guards against hanging */

static struct test_cluster *cluster;
static struct stage s;

static void open_stage(void)
{
    stage_open(&s, cluster);
}

static void close_stage(void)
{
    invariants_assert(s.pg, false);
    stage_close(&s);
}

static struct test_process *start_worker(const char *url)
{
    char variable[256];
    snprintf(variable, sizeof variable, "REDIS_URL=%s", url);
    const char *config = stage_config(&s, "worker: {pool: 1, queues: [default]}\nqueues: {py: {broker: redis, protocol: celery}}\n");
    struct test_process *worker = stage_worker(&s, stage_env(variable), "--config", config);
    ck_assert_msg(test_process_wait_for(worker, "courier.ready", patience), "%s", test_process_errors(worker));
    return worker;
}

static const char *send(void)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('add', queue => 'py')");
    char sent[200];
    snprintf(sent, sizeof sent, "SELECT count(*) FROM drumbeat.sent WHERE task_id = '%s' AND sent_at IS NOT NULL", id);
    ck_assert_msg(stage_wait(&s, sent, 1, patience), "%s", test_process_errors(s.workers[0]));
    return id;
}

/* Messages in the queue, and how often the task is among them. */
static int64_t waiting(struct redis *redis)
{
    return test_redis_number(redis, "LLEN", "py\x06\x16" "3", NULL);
}

static int times(struct redis *redis, const char *id)
{
    int count = 0;
    for (int64_t i = waiting(redis) - 1; i >= 0; i--) {
        char place[24];
        snprintf(place, sizeof place, "%lld", (long long)i);
        count += strstr(test_redis_text(redis, "LINDEX", "py\x06\x16" "3", place, NULL), id) != NULL;
    }
    return count;
}

static void await_waiting(struct redis *redis, int64_t count)
{
    for (usec_t deadline = clock_boot() + patience; waiting(redis) != count; test_process_wait(s.workers[0], MSEC(20)))
        ck_assert_msg(clock_boot() < deadline, "%lld wait: %s", (long long)waiting(redis), test_process_errors(s.workers[0]));
}

START_TEST(what_a_disk_had_not_kept_is_sent_again)
{
    char log[512];
    struct stat kept;
    struct test_redis *server = test_redis_start(&(struct test_redis_options){.durable = true});
    snprintf(log, sizeof log, "%s/appendonlydir/appendonly.aof.1.incr.aof", test_redis_folder(server));
    struct test_process *worker = start_worker(test_redis_url(server));
    const char *first = send();
    ck_assert_int_eq(stat(log, &kept), 0);
    const char *second = send();
    test_redis_crash(server);
    ck_assert_int_eq(truncate(log, kept.st_size), 0);
    test_redis_restart(server);
    struct redis *redis = test_redis_connect(test_redis_url(server));
    await_waiting(redis, 2);
    ck_assert(test_process_wait_for(worker, "celery.messages_lost", patience));
    ck_assert_int_eq(times(redis, first), 1);
    ck_assert_int_eq(times(redis, second), 1);
    redis_close(redis);
    test_redis_stop(server);
}
END_TEST

static void monitor(struct redis *sentinel, const struct test_redis *master)
{
    char port[16];
    snprintf(port, sizeof port, "%d", test_redis_port(master));
    test_redis_do(sentinel, "SENTINEL", "MONITOR", "main", "127.0.0.1", port, "1", NULL);
}

static void replicate(struct redis *replica, const struct test_redis *master)
{
    char port[16];
    snprintf(port, sizeof port, "%d", test_redis_port(master));
    test_redis_do(replica, "REPLICAOF", "127.0.0.1", port, NULL);
    for (usec_t deadline = clock_boot() + patience; !strstr(test_redis_text(replica, "INFO", "replication", NULL), "master_link_status:up"); usleep(20000))
        ck_assert(clock_boot() < deadline);
}

/* The sentinel names masters and does nothing else: who fails over is the test. */
START_TEST(what_a_replica_had_not_heard_of_is_sent_again)
{
    static const char *const settings[] = {"--sentinel", NULL};
    char url[128];
    struct test_redis *old = test_redis_start(&(struct test_redis_options){.tcp = true}), *fresh = test_redis_start(&(struct test_redis_options){.tcp = true});
    struct test_redis *watch = test_redis_start(&(struct test_redis_options){.tcp = true, .configured = true, .settings = settings});
    struct redis *sentinel = test_redis_connect(test_redis_url(watch)), *replica = test_redis_connect(test_redis_url(fresh));
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%d/main", test_redis_port(watch));
    monitor(sentinel, old);
    struct test_process *worker = start_worker(url);
    const char *heard = send();
    test_redis_do(sentinel, "SENTINEL", "REMOVE", "main", NULL);
    replicate(replica, old);
    await_waiting(replica, 1);
    test_redis_do(replica, "REPLICAOF", "NO", "ONE", NULL);
    const char *unheard = send();
    ck_assert_int_eq(waiting(replica), 1);
    test_redis_crash(old);
    monitor(sentinel, fresh);
    await_waiting(replica, 2);
    ck_assert(test_process_wait_for(worker, "celery.messages_lost", patience));
    ck_assert_int_eq(times(replica, heard), 1);
    ck_assert_int_eq(times(replica, unheard), 1);
    ck_assert_str_eq(stage_text(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'QUEUED'"), "2");
    redis_close(replica);
    redis_close(sentinel);
    test_redis_stop(watch);
    test_redis_stop(fresh);
    test_redis_stop(old);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("last writes");
    tcase_set_timeout(tests, 150);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    tcase_add_test(tests, what_a_disk_had_not_kept_is_sent_again);
    tcase_add_test(tests, what_a_replica_had_not_heard_of_is_sent_again);
    cluster = test_cluster_start(NULL);
    int failed = test_main_case("celery failover", tests);
    test_cluster_stop(cluster);
    return failed;
}
