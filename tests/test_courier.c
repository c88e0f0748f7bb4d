/* The courier: there when some queue is Redis', gone when none is, replaced when it dies, and no worker waits for it. */
#include "tests/fixture/main.h"
#include "tests/fixture/redis.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static const char *const plain = "worker: {pool: 2}\n";

static const char *with_redis(const char *url)
{
    static char yaml[512];
    snprintf(yaml, sizeof yaml, "worker: {pool: 2}\nredis: {url: '%s'}\nqueues: {fast: {broker: redis}}\n", url);
    return yaml;
}

static struct test_process *start_worker(const char *yaml)
{
    return stage_worker(&s, NULL, "--config", stage_config(&s, yaml));
}

static void await(struct test_process *worker, const char *event)
{
    ck_assert_msg(test_process_wait_for(worker, event, SECONDS(30)), "no %s:\n%s", event, test_process_errors(worker));
}

/* The pid that the last courier.ready told. */
static pid_t courier_pid(struct test_process *worker)
{
    const char *found = NULL;
    for (const char *p = strstr(test_process_errors(worker), "courier.ready"); p; p = strstr(p + 1, "courier.ready"))
        found = p;
    found = found ? strstr(found, "pid=") : NULL;
    ck_assert(found != NULL);
    return (pid_t)atoi(found + strlen("pid="));
}

static pid_t await_another(struct test_process *worker, pid_t before)
{
    usec_t deadline = clock_boot() + SECONDS(30);
    while (courier_pid(worker) == before) {
        ck_assert_msg(clock_boot() < deadline, "%s", test_process_errors(worker));
        test_process_wait(worker, MSEC(5));
    }
    return courier_pid(worker);
}

static void assert_works(void)
{
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(20)));
}

static void await_gone(struct test_process *worker, pid_t pid)
{
    usec_t deadline = clock_boot() + SECONDS(30);
    while (kill(pid, 0) == 0) {
        ck_assert(clock_boot() < deadline);
        test_process_wait(worker, MSEC(5));
    }
}

START_TEST(a_worker_without_redis_has_no_courier)
{
    struct test_process *worker = start_worker(plain);
    assert_works();
    ck_assert_ptr_null(strstr(test_process_errors(worker), "courier"));
    stage_stop(worker, SECONDS(30));
}
END_TEST

START_TEST(a_courier_that_is_killed_is_replaced)
{
    struct test_redis *server = test_redis_start(NULL);
    struct test_process *worker = start_worker(with_redis(test_redis_url(server)));
    await(worker, "courier.ready");
    pid_t first = courier_pid(worker);
    kill(first, SIGKILL);
    pid_t second = await_another(worker, first);
    kill(second, SIGSEGV);
    await_another(worker, second);
    assert_works();
    stage_stop(worker, SECONDS(30));
    test_redis_stop(server);
}
END_TEST

START_TEST(nothing_waits_for_a_redis_that_is_away)
{
    struct test_redis *server = test_redis_start(NULL);
    test_redis_crash(server);
    struct test_process *worker = start_worker(with_redis(test_redis_url(server)));
    assert_works();
    await(worker, "courier.connection_lost");
    test_redis_restart(server);
    await(worker, "courier.ready");
    test_redis_crash(server);
    assert_works();
    stage_stop(worker, SECONDS(30));
    test_redis_stop(server);
}
END_TEST

START_TEST(a_reload_brings_the_courier_and_takes_it_away)
{
    struct test_redis *server = test_redis_start(NULL);
    struct test_process *worker = start_worker(plain);
    assert_works();
    stage_config(&s, with_redis(test_redis_url(server)));
    test_process_signal(worker, SIGHUP);
    await(worker, "courier.ready");
    pid_t first = courier_pid(worker);
    stage_config(&s, with_redis(test_redis_url(server)));
    test_process_signal(worker, SIGHUP);
    pid_t second = await_another(worker, first);
    stage_config(&s, plain);
    test_process_signal(worker, SIGHUP);
    await_gone(worker, second);
    assert_works();
    ck_assert_ptr_null(strstr(test_process_errors(worker), "courier_died"));
    stage_stop(worker, SECONDS(30));
    test_redis_stop(server);
}
END_TEST

START_TEST(an_evicting_redis_is_complained_about)
{
    static const char *const settings[] = {"--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru", NULL};
    struct test_redis *server = test_redis_start(&(struct test_redis_options){.settings = settings});
    struct test_process *worker = start_worker(with_redis(test_redis_url(server)));
    await(worker, "redis.unfit");
    stage_stop(worker, SECONDS(30));
    test_redis_stop(server);
}
END_TEST

static Suite *suite(void)
{
    Suite *out = suite_create("courier");
    TCase *c = tcase_create("life");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, open_stage, close_stage);
    tcase_add_test(c, a_worker_without_redis_has_no_courier);
    tcase_add_test(c, a_courier_that_is_killed_is_replaced);
    tcase_add_test(c, nothing_waits_for_a_redis_that_is_away);
    tcase_add_test(c, a_reload_brings_the_courier_and_takes_it_away);
    tcase_add_test(c, an_evicting_redis_is_complained_about);
    suite_add_tcase(out, c);
    return out;
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    return test_main(suite());
}
