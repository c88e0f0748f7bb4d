/* A Redis that refuses for a while: it cannot save, or it still reads what it had saved. Nothing is lost, and nobody has to help. */
#include "common/broker/redis_queue.h"
#include "tests/fixture/main.h"
#include "tests/fixture/redis.h"
#include "tests/storm/stage.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TASKS = 100 };

static const usec_t patience = SECONDS(60); /* only guards against hanging */

static struct test_cluster *cluster;
static struct stage s;

static void open_stage(void)
{
    stage_open(&s, cluster);
}

static void close_stage(void)
{
    test_sql(s.pg, "DELETE FROM drumbeat.trial_effect"); /* of tasks without rows: the invariants would miss those */
    stage_close(&s);
}

static struct test_process *start_worker(const struct test_redis *server)
{
    char yaml[512];
    snprintf(yaml, sizeof yaml, "worker: {pool: 2, lease: 5s}\nredis: {url: '%s'}\nqueues: {fast: {broker: redis, rows: failures}}\n", test_redis_url(server));
    struct test_process *worker = stage_worker(&s, NULL, "--config", stage_config(&s, yaml));
    ck_assert_msg(test_process_wait_for(worker, "courier.ready", patience), "%s", test_process_errors(worker));
    return worker;
}

static bool enqueue(struct redis *redis, int count, struct err *e)
{
    struct new_task tasks[TASKS];
    struct uuid ids[TASKS];
    for (int i = 0; i < count; i++)
        tasks[i] = (struct new_task){.name = "effect", .args = "{\"key\": \"k\"}", .priority = 5, .max_attempts = 100};
    return redis_queue_enqueue(redis, "fast", tasks, (size_t)count, ids, e);
}

static int64_t left(struct redis *redis)
{
    struct err e;
    struct redis_queue_counts counts = {.ready = -1};
    return redis_queue_counts(redis, "fast", &counts, &e) ? counts.ready + counts.delayed + counts.held + counts.failed : -1;
}

static void await_none_left(struct redis *redis, struct test_process *worker)
{
    for (usec_t deadline = clock_boot() + patience; left(redis) != 0; test_process_wait(worker, MSEC(20)))
        ck_assert_msg(clock_boot() < deadline, "%lld are left: %s", (long long)left(redis), test_process_errors(worker));
}

/* A try to save, and what came of it. */
static void save(struct redis *redis, const char *outcome)
{
    test_redis_do(redis, "BGSAVE", NULL);
    for (usec_t deadline = clock_boot() + patience; !strstr(test_redis_text(redis, "INFO", "persistence", NULL), outcome); usleep(10000))
        ck_assert(clock_boot() < deadline);
}

START_TEST(a_redis_that_cannot_save_is_served_again_when_it_can)
{
    static const char *const settings[] = {"--save", "3600 1000000", NULL};
    char in_the_way[300];
    struct err e;
    struct test_redis *server = test_redis_start(&(struct test_redis_options){.settings = settings});
    struct redis *redis = test_redis_connect(test_redis_url(server));
    snprintf(in_the_way, sizeof in_the_way, "%s/dump.rdb", test_redis_folder(server));
    struct test_process *worker = start_worker(server);
    stage_hold(&s);
    ck_assert_msg(enqueue(redis, TASKS, &e), "%s", e.text);
    stage_await_held(&s, 2);
    ck_assert_int_eq(mkdir(in_the_way, 0755), 0);
    save(redis, "rdb_last_bgsave_status:err");
    ck_assert(!enqueue(redis, 1, &e));
    ck_assert_int_eq(e.kind, ERR_TRANSIENT);
    ck_assert_ptr_nonnull(strstr(e.text, "MISCONF"));
    stage_let_go(&s);
    ck_assert_msg(test_process_wait_for(worker, "MISCONF", patience), "%s", test_process_errors(worker));
    ck_assert_int_eq(rmdir(in_the_way), 0);
    save(redis, "rdb_last_bgsave_status:ok");
    await_none_left(redis, worker);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(DISTINCT task_id) FROM drumbeat.trial_effect"), TASKS);
    redis_close(redis);
    test_redis_stop(server);
}
END_TEST

/* Each word of the log takes it half a millisecond, and it looks up every thousand of them. */
START_TEST(a_redis_that_still_reads_its_log_is_waited_for)
{
    static const char *const settings[] = {"--key-load-delay", "500", NULL};
    struct err e;
    struct test_redis *server = test_redis_start(&(struct test_redis_options){.durable = true, .settings = settings});
    struct redis *redis = test_redis_connect(test_redis_url(server));
    struct test_process *worker = start_worker(server);
    stage_hold(&s);
    ck_assert_msg(enqueue(redis, TASKS, &e), "%s", e.text);
    stage_await_held(&s, 2);
    test_redis_do(redis, "EVAL", "for i = 1, 3000 do redis.call('SET', 'filler', i) end", "0", NULL);
    test_redis_crash(server);
    test_redis_restart(server);
    stage_let_go(&s);
    redis_close(redis);
    redis = test_redis_connect(test_redis_url(server));
    ck_assert_ptr_nonnull(strstr(test_redis_text(redis, "INFO", "errorstats", NULL), "errorstat_LOADING"));
    await_none_left(redis, worker);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(DISTINCT task_id) FROM drumbeat.trial_effect"), TASKS);
    redis_close(redis);
    test_redis_stop(server);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("refusals");
    tcase_set_timeout(tests, 150);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    tcase_add_test(tests, a_redis_that_cannot_save_is_served_again_when_it_can);
    tcase_add_test(tests, a_redis_that_still_reads_its_log_is_waited_for);
    cluster = test_cluster_start(NULL);
    int failed = test_main_case("redis disk", tests);
    test_cluster_stop(cluster);
    return failed;
}
