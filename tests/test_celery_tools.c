/* The tools of an unmodified Celery of Debian and a drumbeat worker: `celery status`, inspect, control, and the events that monitors live on. */
#include "tests/fixture/main.h"
#include "tests/fixture/redis.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const usec_t patience = SECONDS(60); /* only guards against hanging */

static struct test_cluster *cluster;
static struct test_redis *server;
static struct redis *redis;
static struct stage s;

static char broker[128];

static void open_stage(void)
{
    char url[256];
    stage_open(&s, cluster);
    redis = test_redis_connect(test_redis_url(server));
    test_redis_do(redis, "FLUSHALL", NULL);
    const char *config = stage_config(&s, "handlers: {fail: {retry: {first: 2s, cap: 2s}}, sleep: {max_attempts: 1}}\n"
                                          "queues:\n  py: {broker: redis, protocol: celery}\n  celery: {broker: redis, protocol: celery}\n");
    snprintf(url, sizeof url, "REDIS_URL=%s", broker);
    struct test_process *worker = stage_worker(&s, stage_env(url), "--pool", "1", "--config", config);
    ck_assert(test_process_wait_for(worker, "courier.ready", patience));
}

static void close_stage(void)
{
    invariants_assert(s.pg, false);
    stage_close(&s);
    redis_close(redis);
}

static void assert_passes(const char *const *functions)
{
    char path[512];
    const char *argv[24] = {"/usr/bin/python3", path, broker};
    snprintf(path, sizeof path, "%s/tests/interop/control.py", getenv("DRUMBEAT_SOURCE"));
    for (int i = 0; functions[i]; i++)
        argv[3 + i] = functions[i];
    struct test_process *client CLEANUP(test_process_freep) =
        test_process_start(&(struct test_program){.argv = argv, .env = (const char *const[]){"PYTHONDONTWRITEBYTECODE=1", NULL}});
    ck_assert_msg(test_process_wait(client, SECONDS(120)), "%s%s", test_process_output(client), test_process_errors(client));
    ck_assert_msg(test_process_status(client) == 0, "%s%s%s", test_process_output(client), test_process_errors(client), test_process_errors(s.workers[0]));
}

#define ASSERT_PASS(...) assert_passes((const char *const[]){__VA_ARGS__, NULL})

START_TEST(the_worker_is_seen_asked_and_ended)
{
    ASSERT_PASS("the_command_line_sees_it", "it_says_what_it_has", "tasks_are_listed_where_they_stand", "a_revoke_without_terminate_leaves_what_runs",
                "a_revoke_is_kept", "what_cannot_be_changed_is_refused_with_the_reason", "others_are_left_alone", "it_beats", "it_shuts_down");
    ck_assert(test_process_wait(s.workers[0], patience));
    ck_assert_int_eq(test_process_status(s.workers[0]), 0);
    ck_assert_int_eq(test_redis_number(redis, "SCARD", "_kombu.binding.celery.pidbox", NULL), 0);
}
END_TEST

START_TEST(the_worker_is_changed_while_it_runs)
{
    ASSERT_PASS("a_pool_grows_and_shrinks", "a_pool_follows_what_waits", "limits_are_changed", "a_queue_is_left_and_taken_up_again");
}
END_TEST

START_TEST(monitors_hear_of_tasks_when_they_ask_for_it)
{
    ASSERT_PASS("tasks_are_told_to_who_listens");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("tools");
    tcase_set_timeout(tests, 150);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    tcase_add_test(tests, the_worker_is_seen_asked_and_ended);
    tcase_add_test(tests, the_worker_is_changed_while_it_runs);
    tcase_add_test(tests, monitors_hear_of_tasks_when_they_ask_for_it);
    cluster = test_cluster_start(NULL);
    server = test_redis_start(&(struct test_redis_options){.tcp = true});
    snprintf(broker, sizeof broker, "redis://127.0.0.1:%d/0", test_redis_port(server));
    int failed = test_main_case("celery tools", tests);
    test_redis_stop(server);
    test_cluster_stop(cluster);
    return failed;
}
