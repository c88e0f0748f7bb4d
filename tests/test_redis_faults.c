/* Faults of a Redis that holds tasks: servers that end, stand still, forget scripts, become replicas; a cluster's nodes; a master that
 * changes. */
#include "common/broker/redis_queue.h"
#include "tests/fixture/main.h"
#include "tests/fixture/redis.h"
#include "tests/storm/family.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TASKS = 1500, CHILD_DEPTH = 2, FAULTS = 12 };

static struct test_cluster *cluster;

static const struct script count_script = {
    .name = "count",
    .text = "return redis.call('INCRBY', KEYS[1], ARGV[1])",
    .sha1 = "8cd00688c05c46bde4a2e60658ef20a2e5c0b248",
};

/* A worker under faults ---------------------------------------------------------------------------------------------- */

static struct test_redis *durable_server(void)
{
    return test_redis_start(&(struct test_redis_options){.durable = true});
}

static void enqueue_some(struct redis *redis, size_t count)
{
    struct err e;
    struct uuid ids[REDIS_QUEUE_BATCH_MAX];
    struct new_task tasks[REDIS_QUEUE_BATCH_MAX];
    for (size_t i = 0; i < count; i++)
        tasks[i] = (struct new_task){.name = "effect", .args = "{\"key\": \"k\"}", .priority = 5, .max_attempts = 100};
    ck_assert_msg(redis_queue_enqueue(redis, "fast", tasks, count, ids, &e), "%s", e.text);
}

static void enqueue_all(struct redis *redis)
{
    for (int left = TASKS; left > 0; left -= REDIS_QUEUE_BATCH_MAX)
        enqueue_some(redis, REDIS_QUEUE_BATCH_MAX);
}

/* One fault after the other, whatever the worker is at. */
static void strike(int number, struct test_redis *server, struct test_process *worker)
{
    struct redis *redis;
    switch (number % 4) {
    case 0:
        family_kill(test_process_pid(worker), CHILD_DEPTH, (unsigned)number);
        return;
    case 1:
        test_redis_crash(server);
        test_redis_restart(server);
        return;
    case 2:
        redis = test_redis_connect(test_redis_url(server));
        test_redis_do(redis, "SCRIPT", "FLUSH", NULL);
        redis_close(redis);
        return;
    default:
        redis = test_redis_connect(test_redis_url(server));
        test_redis_do(redis, "REPLICAOF", "127.0.0.1", "1", NULL);
        test_process_wait(worker, MSEC(50));
        test_redis_do(redis, "REPLICAOF", "NO", "ONE", NULL);
        redis_close(redis);
    }
}

static bool count_in(struct test_redis *server, struct redis_queue_counts *counts)
{
    struct err e;
    struct redis *redis = redis_open(&(struct redis_options){.url = test_redis_url(server)}, &e);
    bool good = redis && redis_queue_counts(redis, "fast", counts, &e);
    redis_close(redis);
    return good;
}

static int64_t left_in(struct test_redis *server)
{
    struct redis_queue_counts counts;
    return count_in(server, &counts) ? counts.ready + counts.delayed + counts.held : -1;
}

/* Who has them, and who of the worker lives: said when a wait is given up. */
static const char *standing(struct test_redis *server, const struct test_process *worker, struct pg *pg)
{
    static char said[512];
    struct redis_queue_counts counts = {.ready = -1};
    bool good = count_in(server, &counts);
    snprintf(said, sizeof said, "%s%lld ready, %lld delayed, %lld held; the worker %s and was seen %lld ms ago", good ? "" : "no answer; ", (long long)counts.ready,
             (long long)counts.delayed, (long long)counts.held, test_process_status(worker) == -1 ? "lives" : "has ended",
             (long long)test_number(pg, "SELECT coalesce(1000 * extract(epoch FROM clock_timestamp() - max(seen_at)), -1)::bigint FROM drumbeat.worker"));
    return said;
}

START_TEST(no_task_is_lost_whatever_happens)
{
    char yaml[512];
    struct stage s;
    stage_open(&s, cluster);
    struct test_redis *server = durable_server();
    struct redis *redis = test_redis_connect(test_redis_url(server));
    enqueue_all(redis);
    redis_close(redis);
    snprintf(yaml, sizeof yaml, "worker: {pool: 2, lease: 5s}\nredis: {url: '%s'}\nqueues: {fast: {broker: redis, rows: failures}}\n", test_redis_url(server));
    struct test_process *worker = stage_worker(&s, NULL, "--config", stage_config(&s, yaml));
    ck_assert_msg(test_process_wait_for(worker, "courier.ready", SECONDS(30)), "%s", test_process_errors(worker));
    for (int number = 0; number < FAULTS; number++) {
        strike(number, server, worker);
        test_process_wait(worker, MSEC(150));
    }
    usec_t deadline = clock_boot() + SECONDS(90);
    while (left_in(server) != 0) {
        ck_assert_msg(clock_boot() < deadline, "%s:\n%s", standing(server, worker, s.pg), test_process_errors(worker));
        test_process_wait(worker, MSEC(20));
    }
    ck_assert_int_eq(test_number(s.pg, "SELECT count(DISTINCT task_id) FROM drumbeat.trial_effect"), TASKS);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task"), 0);
    test_sql(s.pg, "DELETE FROM drumbeat.trial_effect");
    stage_close(&s);
    test_redis_stop(server);
}
END_TEST

/* Each child finds that Redis is gone when it wants to say that its task has ended. All of them say it later, not only who is woken first. */
START_TEST(what_redis_was_not_told_it_is_told_when_it_is_back)
{
    enum { POOL = 3 };
    char yaml[512];
    struct stage s;
    stage_open(&s, cluster);
    struct test_redis *server = durable_server();
    struct redis *redis = test_redis_connect(test_redis_url(server));
    snprintf(yaml, sizeof yaml, "worker: {pool: %d, lease: 10m}\nredis: {url: '%s'}\nqueues: {fast: {broker: redis, rows: failures}}\n", POOL,
             test_redis_url(server));
    struct test_process *worker = stage_worker(&s, NULL, "--config", stage_config(&s, yaml));
    ck_assert_msg(test_process_wait_for(worker, "courier.ready", SECONDS(30)), "%s", test_process_errors(worker));
    stage_hold(&s);
    enqueue_some(redis, POOL);
    redis_close(redis);
    stage_await_held(&s, POOL);
    test_redis_crash(server);
    stage_let_go(&s);
    stage_await_event(&s, worker, "child.redis_lost", POOL);
    test_redis_restart(server);
    usec_t deadline = clock_boot() + SECONDS(60);
    while (left_in(server) != 0) {
        ck_assert_msg(clock_boot() < deadline, "%s:\n%s", standing(server, worker, s.pg), test_process_errors(worker));
        test_process_wait(worker, MSEC(20));
    }
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.trial_effect"), POOL);
    test_sql(s.pg, "DELETE FROM drumbeat.trial_effect");
    stage_close(&s);
    test_redis_stop(server);
}
END_TEST

START_TEST(a_redis_that_stands_still_is_left_and_found_again)
{
    char yaml[512];
    struct stage s;
    stage_open(&s, cluster);
    struct test_redis *server = test_redis_start(NULL);
    struct redis *redis = test_redis_connect(test_redis_url(server));
    snprintf(yaml, sizeof yaml, "worker: {pool: 2}\nredis: {url: '%s'}\nqueues: {fast: {broker: redis, rows: failures}}\n", test_redis_url(server));
    struct test_process *worker = stage_worker(&s, NULL, "--config", stage_config(&s, yaml));
    ck_assert_msg(test_process_wait_for(worker, "courier.ready", SECONDS(30)), "%s", test_process_errors(worker));
    kill(test_redis_pid(server), SIGSTOP);
    ck_assert_msg(test_process_wait_for(worker, "courier.connection_lost", SECONDS(40)), "%s", test_process_errors(worker));
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(40)));
    kill(test_redis_pid(server), SIGCONT);
    ck_assert_msg(test_process_wait_for(worker, "courier.connection_back", SECONDS(40)), "%s", test_process_errors(worker));
    struct err e;
    struct uuid id;
    ck_assert(redis_queue_enqueue(redis, "fast", &(struct new_task){.name = "noop", .priority = 5}, 1, &id, &e));
    usec_t deadline = clock_boot() + SECONDS(40);
    while (left_in(server) != 0)
        ck_assert_msg(clock_boot() < deadline, "%s", test_process_errors(worker));
    redis_close(redis);
    stage_close(&s);
    test_redis_stop(server);
}
END_TEST

/* Clusters and sentinels ---------------------------------------------------------------------------------------------- */

static struct test_redis *node(void)
{
    static const char *const settings[] = {"--cluster-enabled", "yes", "--cluster-require-full-coverage", "no", NULL};
    return test_redis_start(&(struct test_redis_options){.tcp = true, .settings = settings});
}

static void port_of(const struct test_redis *server, char out[static 16])
{
    snprintf(out, 16, "%d", test_redis_port(server));
}

/* Two nodes; each knows the other, and the second has all slots. */
static void make_cluster(struct redis *a, struct redis *b, const struct test_redis *second)
{
    char port[16];
    usec_t deadline = clock_boot() + SECONDS(60);
    port_of(second, port);
    test_redis_do(b, "CLUSTER", "ADDSLOTSRANGE", "0", "16383", NULL);
    test_redis_do(a, "CLUSTER", "MEET", "127.0.0.1", port, NULL);
    while (!strstr(test_redis_text(a, "CLUSTER", "INFO", NULL), "cluster_slots_assigned:16384") ||
           !strstr(test_redis_text(a, "CLUSTER", "INFO", NULL), "cluster_state:ok") || !strstr(test_redis_text(b, "CLUSTER", "INFO", NULL), "cluster_state:ok")) {
        ck_assert(clock_boot() < deadline);
        usleep(20000);
    }
}

START_TEST(a_cluster_is_followed_to_the_node_that_has_the_queue)
{
    struct err e;
    char url[64], port[16], mine[64];
    struct uuid ids[2];
    struct redis_queue_counts counts;
    const struct rd_reply *reply;
    struct test_redis *first = node(), *second = node();
    struct redis *a = test_redis_connect(test_redis_url(first)), *b = test_redis_connect(test_redis_url(second));
    make_cluster(a, b, second);
    port_of(first, port);
    snprintf(url, sizeof url, "redis://127.0.0.1:%s", port);
    struct redis *redis = test_redis_connect(url);
    const struct new_task tasks[2] = {{.name = "noop", .priority = 5}, {.name = "echo", .priority = 1}};
    ck_assert_msg(redis_queue_enqueue(redis, "fast", tasks, 2, ids, &e), "%s", e.text);
    ck_assert_msg(redis_queue_counts(redis, "fast", &counts, &e), "%s", e.text);
    ck_assert_int_eq(counts.ready, 2);
    ck_assert_int_eq(test_redis_number(b, "LLEN", "drumbeat:{fast}:ready:5", NULL), 1);
    ck_assert(redis_script(redis, &count_script, 1, RD_ARGS(rd_text("k"), rd_int(4)), &reply, &e));
    /* The slot of "k" (7629) is on its way to the first node: a key that is there already is asked for there, once. */
    snprintf(mine, sizeof mine, "%s", test_redis_text(a, "CLUSTER", "MYID", NULL));
    char theirs[64];
    snprintf(theirs, sizeof theirs, "%s", test_redis_text(b, "CLUSTER", "MYID", NULL));
    ck_assert_int_eq(test_redis_number(b, "CLUSTER", "KEYSLOT", "k", NULL), 7629);
    test_redis_do(b, "DEL", "k", NULL);
    test_redis_do(a, "CLUSTER", "SETSLOT", "7629", "IMPORTING", theirs, NULL);
    test_redis_do(b, "CLUSTER", "SETSLOT", "7629", "MIGRATING", mine, NULL);
    ck_assert_msg(redis_script(redis, &count_script, 1, RD_ARGS(rd_text("k"), rd_int(7)), &reply, &e), "%s", e.text);
    ck_assert_int_eq(rd_int_of(reply), 7);
    ck_assert_int_eq(test_redis_number(a, "CLUSTER", "COUNTKEYSINSLOT", "7629", NULL), 1);
    redis_close(redis);
    redis_close(a);
    redis_close(b);
    test_redis_stop(first);
    test_redis_stop(second);
}
END_TEST

START_TEST(the_master_is_whom_the_sentinels_name)
{
    struct err e;
    char url[128], old_port[16], new_port[16];
    struct test_redis *old = test_redis_start(&(struct test_redis_options){.tcp = true}), *fresh = test_redis_start(&(struct test_redis_options){.tcp = true});
    static const char *const settings[] = {"--sentinel", NULL};
    struct test_redis *watch = test_redis_start(&(struct test_redis_options){.tcp = true, .configured = true, .settings = settings});
    struct redis *sentinel = test_redis_connect(test_redis_url(watch));
    port_of(old, old_port);
    port_of(fresh, new_port);
    test_redis_do(sentinel, "SENTINEL", "MONITOR", "main", "127.0.0.1", old_port, "1", NULL);
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:1,127.0.0.1:%d/main", test_redis_port(watch));
    struct redis *redis = test_redis_connect(url);
    test_redis_do(redis, "SET", "who", "old", NULL);
    test_redis_do(sentinel, "SENTINEL", "REMOVE", "main", NULL);
    ck_assert(!redis_reopen(redis, &e));
    ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
    test_redis_do(sentinel, "SENTINEL", "MONITOR", "main", "127.0.0.1", new_port, "1", NULL);
    ck_assert_msg(redis_reopen(redis, &e), "%s", e.text);
    ck_assert_str_eq(test_redis_text(redis, "GET", "who", NULL), "");
    redis_close(redis);
    redis_close(sentinel);
    test_redis_stop(watch);
    test_redis_stop(old);
    test_redis_stop(fresh);
}
END_TEST

static Suite *suite(void)
{
    Suite *out = suite_create("redis_faults");
    TCase *c = tcase_create("faults");
    tcase_set_timeout(c, 200);
    tcase_add_test(c, no_task_is_lost_whatever_happens);
    tcase_add_test(c, what_redis_was_not_told_it_is_told_when_it_is_back);
    tcase_add_test(c, a_redis_that_stands_still_is_left_and_found_again);
    tcase_add_test(c, a_cluster_is_followed_to_the_node_that_has_the_queue);
    tcase_add_test(c, the_master_is_whom_the_sentinels_name);
    suite_add_tcase(out, c);
    return out;
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    return test_main(suite());
}
