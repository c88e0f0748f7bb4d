/* Workers of both kinds on one queue, with a visibility time-out of three seconds and tasks that take longer: each runs once, and what
 * a killed one had runs again. */
#include "common/celery/message.h"
#include "tests/fixture/main.h"
#include "tests/fixture/redis.h"
#include "tests/storm/beside.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct test_cluster *cluster;
static struct test_redis *server;
static struct redis *redis;
static struct stage s;

static void begin(void)
{
    server = test_redis_start(NULL);
    redis = test_redis_connect(test_redis_url(server));
    stage_open(&s, cluster);
}

static void end(void)
{
    stage_close(&s);
    redis_close(redis);
    test_redis_stop(server);
}

static const char *script(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/tests/interop/%s", getenv("DRUMBEAT_SOURCE"), name);
    return path;
}

static const char *socket_path(void)
{
    return strstr(test_redis_url(server), "://") + strlen("://");
}

static struct test_process *start_python(const char *role, const char *word)
{
    char url[300];
    snprintf(url, sizeof url, "redis+socket://%s", socket_path());
    const char *const argv[] = {"/usr/bin/python3", script("fleet.py"), url, "3", role, NULL};
    struct test_process *p = test_process_start(&(struct test_program){.argv = argv, .env = (const char *const[]){"PYTHONDONTWRITEBYTECODE=1", NULL}});
    ck_assert_msg(test_process_wait_for(p, word, SECONDS(60)), "%s", test_process_errors(p));
    return p;
}

static struct test_process *start_worker(void)
{
    char yaml[1024];
    snprintf(yaml, sizeof yaml,
             "worker: {pool: 2, queues: [celery]}\nredis: {url: '%s'}\nqueues: {celery: {broker: redis, protocol: celery}}\n"
             "handlers: {fleet.long: {command: {argv: [/usr/bin/python3, '%s', '%s']}}}\ncelery: {visibility_timeout: 3s}\n",
             test_redis_url(server), script("long.py"), socket_path());
    struct test_process *worker = stage_worker(&s, NULL, "--config", stage_config(&s, yaml));
    ck_assert_msg(test_process_wait_for(worker, "courier.ready", SECONDS(30)), "%s", test_process_errors(worker));
    return worker;
}

/* Task number `n`, for longer than the time-out. */
static void push_long(int n)
{
    struct err e;
    struct text out CLEANUP(text_free) = {0};
    char id[16], kwargs[64];
    snprintf(id, sizeof id, "long-%d", n);
    snprintf(kwargs, sizeof kwargs, "{\"n\":%d,\"seconds\":4}", n);
    const struct celery_message m = {.id = id, .task = "fleet.long", .kwargs = kwargs, .routing_key = "celery", .group_index = -1};
    ck_assert_msg(celery_message_write(&m, &out, &e), "%s", e.text);
    test_redis_number(redis, "LPUSH", "celery", text_str(&out), NULL);
}

static bool has_result(int n)
{
    char key[64];
    snprintf(key, sizeof key, "celery-task-meta-long-%d", n);
    return strstr(test_redis_text(redis, "GET", key, NULL), "SUCCESS") != NULL;
}

/* Who has begun to run it, in order. */
static const char *runners(int n)
{
    static char all[200];
    char key[24];
    snprintf(key, sizeof key, "runs:%d", n);
    const struct rd_reply *reply = test_redis_do(redis, "LRANGE", key, "0", "-1", NULL);
    *all = '\0';
    for (size_t i = 0; i < rd_count_of(reply); i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? " " : "", rd_text_of(rd_at(reply, i)));
    return all;
}

static void await_results(int tasks)
{
    for (usec_t deadline = clock_boot() + SECONDS(90); clock_boot() < deadline; test_process_wait(s.workers[0], MSEC(20))) {
        int done = 0;
        for (int n = 0; n < tasks; n++)
            done += has_result(n);
        if (done == tasks)
            return;
    }
    ck_abort_msg("%s", test_process_errors(s.workers[0]));
}

static pid_t last_courier(struct test_process *worker)
{
    const char *found = NULL;
    for (const char *p = strstr(test_process_errors(worker), "courier.ready pid="); p; p = strstr(p + 1, "courier.ready pid="))
        found = p;
    return found ? (pid_t)atoi(found + strlen("courier.ready pid=")) : 0;
}

/* While everything that looks abandoned is taken back at once, and our courier dies. */
static void each_long_task_runs_once(void)
{
    enum { TASKS = 4 };
    struct test_process *ours = start_worker();
    struct test_process *theirs CLEANUP(test_process_freep) = start_python("worker", " ready.");
    struct test_process *restoring CLEANUP(test_process_freep) = start_python("restore", "restoring");
    for (int n = 0; n < TASKS; n++)
        push_long(n);
    ck_assert(stage_wait(&s, "SELECT least(count(*), 1) FROM drumbeat.task WHERE status = 'RUNNING'", 1, SECONDS(30)));
    ck_assert_int_gt(last_courier(ours), 0);
    kill(last_courier(ours), SIGKILL);
    await_results(TASKS);
    for (int n = 0; n < TASKS; n++)
        ck_assert_msg(*runners(n) && !strchr(runners(n), ' '), "%d: %s", n, runners(n));
    ck_assert_msg(test_process_status(theirs) == -1, "%s", test_process_errors(theirs));
    ck_assert_msg(test_process_status(restoring) == -1, "%s", test_process_errors(restoring));
    ck_assert(test_redis_await(redis, 0, "HLEN", "unacked", NULL));
}

/* Ours do nothing but listen until theirs has two; then it is killed, and there is nobody else to take these back. */
static void what_a_killed_worker_of_celery_had_runs_again_once(void)
{
    enum { THEIRS = 2, TASKS = 4 };
    stage_text(&s, "SELECT drumbeat.pause('celery')");
    start_worker();
    struct test_process *theirs CLEANUP(test_process_freep) = start_python("worker", " ready.");
    for (int n = 0; n < THEIRS; n++)
        push_long(n);
    for (int n = 0; n < THEIRS; n++)
        for (usec_t deadline = clock_boot() + SECONDS(60); strcmp(runners(n), "celery") != 0; test_process_wait(theirs, MSEC(20)))
            ck_assert_msg(clock_boot() < deadline, "%s", test_process_errors(theirs));
    test_process_signal(theirs, SIGKILL);
    stage_text(&s, "SELECT drumbeat.resume('celery')");
    for (int n = THEIRS; n < TASKS; n++)
        push_long(n);
    await_results(TASKS);
    for (int n = 0; n < TASKS; n++)
        ck_assert_msg(strcmp(runners(n), n < THEIRS ? "celery drumbeat" : "drumbeat") == 0, "%d: %s", n, runners(n));
    ck_assert(test_redis_await(redis, 0, "HLEN", "unacked", NULL));
}

static void (*const fleets[])(void) = {each_long_task_runs_once, what_a_killed_worker_of_celery_had_runs_again_once};

static void play(size_t number)
{
    begin();
    fleets[number]();
    end();
}

START_TEST(each_long_task_runs_once_and_again_only_when_it_was_killed)
{
    test_cluster_database(cluster); /* the schema is made once, for both */
    beside(sizeof fleets / sizeof *fleets, play);
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *t = tcase_create("fleet");
    tcase_set_timeout(t, 180);
    tcase_add_test(t, each_long_task_runs_once_and_again_only_when_it_was_killed);
    return test_main_case("celery fleet", t);
}
