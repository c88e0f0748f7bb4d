/* Celery's clients and workers beside ours, on a real Redis: unmodified Python programs (tests/interop) on one side. */
#include "common/celery/message.h"
#include "tests/fixture/main.h"
#include "tests/fixture/redis.h"
#include "tests/storm/crash_order.h"
#include "tests/storm/family.h"
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

/* `more`: lines of the section celery. */
static struct test_process *start_worker(const char *more)
{
    char yaml[1024];
    snprintf(yaml, sizeof yaml,
             "worker: {pool: 2, queues: [celery]}\nredis: {url: '%s'}\nqueues: {celery: {broker: redis, protocol: celery}}\n"
             "handlers: {fail: {retry: {first: 500ms, cap: 500ms}}, sleep: {max_attempts: 1}}\ncelery: {%s}\n",
             test_redis_url(server), more);
    struct test_process *worker = stage_worker(&s, NULL, "--config", stage_config(&s, yaml));
    ck_assert_msg(test_process_wait_for(worker, "courier.ready", SECONDS(30)), "%s", test_process_errors(worker));
    return worker;
}

/* The URL as kombu spells it. */
static const char *kombu_url(void)
{
    static char url[300];
    const char *path = strstr(test_redis_url(server), "://");
    snprintf(url, sizeof url, "redis+socket%s", path);
    return url;
}

static const char *script(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/tests/interop/%s", getenv("DRUMBEAT_SOURCE"), name);
    return path;
}

#define WORDS_MAX 24

static struct test_process *start_python(const char *name, const char *const *words)
{
    const char *argv[WORDS_MAX] = {"/usr/bin/python3", script(name), kombu_url()};
    for (int i = 0; words[i]; i++)
        argv[3 + i] = words[i];
    return test_process_start(&(struct test_program){.argv = argv, .env = (const char *const[]){"PYTHONDONTWRITEBYTECODE=1", NULL}});
}

#define PYTHON(name, ...) start_python(name, (const char *const[]){__VA_ARGS__, NULL})

static void assert_passes(struct test_process *p)
{
    ck_assert_msg(test_process_wait(p, SECONDS(100)), "%s%s", test_process_output(p), test_process_errors(p));
    ck_assert_msg(test_process_status(p) == 0, "%s%s", test_process_output(p), test_process_errors(p));
    test_process_free(p);
}

START_TEST(a_python_client_sees_a_worker_of_its_own)
{
    start_worker("");
    assert_passes(PYTHON("client.py", "keyword_arguments_are_the_handlers", "positional_arguments_have_a_place", "compressed_messages_are_read",
                         "every_priority_is_served", "an_exception_is_raised_again_as_its_class", "a_time_limit_is_kept", "a_retry_is_told",
                         "progress_is_a_state", "what_is_to_be_ignored_leaves_nothing", "a_countdown_is_waited_for",
                         "what_has_expired_is_revoked", "ids_may_be_anything", "nothing_is_left_in_redis"));
    ck_assert_str_eq(stage_text(&s, "SELECT count(*) FROM drumbeat.task WHERE external_id = 'report 7/2026 é' AND status = 'SUCCESS'"), "1");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.celery_message", 0, SECONDS(15)));
}
END_TEST

static void push(const char *message)
{
    test_redis_number(redis, "LPUSH", "celery", message, NULL);
}

static void push_task(const char *id, const char *name, const char *kwargs)
{
    struct err e;
    struct text out CLEANUP(text_free) = {0};
    const struct celery_message m = {.id = id, .task = name, .kwargs = kwargs, .routing_key = "celery", .group_index = -1};
    ck_assert_msg(celery_message_write(&m, &out, &e), "%s", e.text);
    push(text_str(&out));
}

static const char *result_of(const char *id)
{
    char key[200];
    snprintf(key, sizeof key, "celery-task-meta-%s", id);
    const struct rd_reply *reply = test_redis_do(redis, "GET", key, NULL);
    return rd_text_of(reply);
}

static bool await_result(const char *id, const char *state)
{
    char wanted[40];
    snprintf(wanted, sizeof wanted, "\"status\":\"%s\"", state);
    for (usec_t deadline = clock_boot() + SECONDS(30); clock_boot() < deadline; test_process_wait(s.workers[0], MSEC(10)))
        if (strstr(result_of(id), wanted))
            return true;
    return false;
}

#define INFO "\"delivery_tag\":\"t\",\"delivery_info\":{\"exchange\":\"\",\"routing_key\":\"celery\"}"
static const char *const zoo[] = {
    "", "no json", "[]", "{}", "null", "{\"properties\":[]}", "{\"properties\":{\"delivery_info\":7}}", "\xff\xfe",
    "{\"body\":\"[[],{},{}]\",\"headers\":{\"task\":\"echo\"},\"properties\":{" INFO "}}",
    "{\"body\":\"[[],{},{}]\",\"headers\":{\"id\":\"a\",\"task\":\"echo\"},\"properties\":{\"delivery_info\":{\"exchange\":\"\",\"routing_key\":\"q\"}}}",
    "{\"body\":\"nonsense\",\"headers\":{\"id\":\"a\",\"task\":\"echo\"},\"properties\":{" INFO "}}",
    "{\"body\":\"[[],{},{}]\",\"headers\":{\"id\":\"a\",\"task\":\"echo\",\"eta\":\"soon\"},\"properties\":{" INFO "}}",
    "{\"body\":\"[[],{},{}]\",\"headers\":{\"id\":\"a\",\"task\":\"echo\",\"expires\":-1},\"properties\":{" INFO "}}",
    "{\"body\":\"[[1e400],{},{}]\",\"headers\":{\"id\":\"a\",\"task\":\"echo\"},\"properties\":{" INFO "}}",
    "{\"body\":\"[[\\\"\\\\u0000\\\"],{},{}]\",\"headers\":{\"id\":\"a\",\"task\":\"echo\"},\"properties\":{" INFO "}}",
    "{\"body\":\"KLUv\",\"content-type\":\"application/x-python-serialize\",\"headers\":{\"id\":\"a\",\"task\":\"echo\"},\"properties\":{" INFO "}}",
    "{\"body\":\"\",\"headers\":{\"id\":\"a\",\"task\":\"echo\",\"compression\":\"application/x-gzip\"},\"properties\":{" INFO "}}",
    "{\"body\":\"[[],{},{}]\",\"headers\":{\"id\":\"a\",\"task\":\"has blanks\"},\"properties\":{" INFO "}}",
    "{\"body\":\"[[],{},{}]\",\"headers\":{\"id\":[],\"task\":\"echo\"},\"properties\":{" INFO "}}",
};
enum { ZOO = sizeof zoo / sizeof *zoo };

START_TEST(what_is_malformed_is_set_aside_and_stops_nothing)
{
    struct text deep CLEANUP(text_free) = {0}, long_one CLEANUP(text_free) = {0};
    struct test_process *worker = start_worker("unknown_tasks: quarantine");
    for (int i = 0; i < 100000; i++)
        text_putc(&deep, '[');
    text_printf(&long_one, "{\"headers\":{\"id\":\"a\",\"task\":\"echo\"},\"properties\":{\"reply_to\":\"%*s\"," INFO "}}", CELERY_MESSAGE_MAX, "");
    for (int i = 0; i < ZOO; i++) {
        char id[16];
        snprintf(id, sizeof id, "good-%d", i);
        push(zoo[i]);
        push_task(id, "echo", "{\"a\":1}");
    }
    push(text_str(&deep));
    push(text_str(&long_one));
    push("{\"body\":\"[[],{},{\\\"callbacks\\\":[1e308]}]\",\"headers\":{\"id\":\"large number\",\"task\":\"echo\"},\"properties\":{" INFO "}}");
    push_task("unknown", "nobody.has.this", NULL);
    push_task("last", "echo", NULL);
    ck_assert_msg(await_result("last", "SUCCESS"), "%s", test_process_errors(worker));
    ck_assert(await_result("large number", "SUCCESS"));
    for (int i = 0; i < ZOO; i++) {
        char id[16];
        snprintf(id, sizeof id, "good-%d", i);
        ck_assert(await_result(id, "SUCCESS"));
    }
    ck_assert_int_eq(test_redis_number(redis, "LLEN", "celery.dead", NULL), ZOO + 3);
    ck_assert_ptr_nonnull(strstr(test_redis_text(redis, "LINDEX", "celery.dead", "0", NULL), " this worker has no handler named nobody.has.this\n{\"body\""));
    ck_assert(test_redis_await(redis, 0, "HLEN", "unacked", NULL));
    ck_assert_int_eq(test_redis_number(redis, "LLEN", "celery", NULL), 0);
    ck_assert_int_eq(test_process_status(worker), -1);
}
END_TEST

/* MiB that belong to the worker's processes alone. */
static int64_t private_memory(const struct test_process *worker)
{
    enum { PROCESSES_MAX = 64 };
    pid_t pids[PROCESSES_MAX];
    int64_t kib = 0;
    size_t count = family(test_process_pid(worker), 0, pids, PROCESSES_MAX);
    for (size_t i = 0; i < count; i++) {
        char path[64], line[256];
        long value;
        snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pids[i]);
        FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof line, file))
            if (sscanf(line, "Private_Dirty: %ld", &value) == 1)
                kib += value;
        if (file)
            fclose(file);
    }
    return kib / 1024;
}

#ifdef __SANITIZE_ADDRESS__
enum { GROWTH_MAX_MIB = 1024 }; /* the sanitizer keeps for a while what was given back */
#else
enum { GROWTH_MAX_MIB = 12 };
#endif

START_TEST(large_messages_leave_no_memory_behind)
{
    enum { LARGE = 7 << 20 };
    struct text kwargs CLEANUP(text_free) = {0};
    struct test_process *worker = start_worker("");
    push_task("small", "noop", NULL);
    ck_assert_msg(await_result("small", "SUCCESS"), "%s", test_process_errors(worker));
    int64_t before = private_memory(worker), after = 0;
    text_printf(&kwargs, "{\"x\":\"%*s\"}", LARGE, "");
    for (int i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "large-%d", i);
        push_task(id, "noop", text_str(&kwargs));
        ck_assert_msg(await_result(id, "SUCCESS"), "%s", test_process_errors(worker));
    }
    for (usec_t deadline = test_deadline(SECONDS(60)); clock_boot() < deadline; test_process_wait(worker, MSEC(100)))
        if ((after = private_memory(worker)) <= before + GROWTH_MAX_MIB)
            break;
    ck_assert_int_le(after, before + GROWTH_MAX_MIB);
}
END_TEST

START_TEST(keys_of_other_types_are_told_of_and_lose_nothing)
{
    test_redis_number(redis, "LPUSH", "unacked", "no hash", NULL);
    test_redis_number(redis, "LPUSH", "_kombu.binding.celery", "no set", NULL);
    test_redis_number(redis, "LPUSH", "celery-task-meta-odd", "no result", NULL);
    push_task("odd", "echo", NULL);
    struct test_process *worker = start_worker("");
    ck_assert_msg(test_process_wait_for(worker, "celery.queue_unbound", SECONDS(30)), "%s", test_process_errors(worker));
    ck_assert_msg(test_process_wait_for(worker, "celery.queue_unreadable", SECONDS(30)), "%s", test_process_errors(worker));
    ck_assert_int_eq(test_redis_number(redis, "LLEN", "celery", NULL), 1);
    test_redis_number(redis, "DEL", "unacked", NULL);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE external_id = 'odd' AND status = 'SUCCESS'", 1, SECONDS(30)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.celery_message", 0, SECONDS(30)));
    ck_assert(await_result("odd", "SUCCESS"));
}
END_TEST

START_TEST(what_was_set_aside_is_shown_released_and_dropped)
{
    char yaml[300];
    snprintf(yaml, sizeof yaml, "redis: {url: '%s'}\nqueues: {celery: {broker: redis, protocol: celery}}\n", test_redis_url(server));
    const char *config = stage_config(&s, yaml);
    test_redis_number(redis, "LPUSH", "celery.dead", "1700000000 headers.id is missing\n{\"a\": 1}", NULL);
    test_redis_number(redis, "LPUSH", "celery.dead", "1700000001 no reason\nsecond", NULL);
    struct test_process *p = test_drumbeat(s.url, "quarantine", "ls", "celery", "--json", "--config", config, NULL);
    const char *line = strstr(test_process_output(p), "\n{\"id\":\"");
    ck_assert_msg(line != NULL, "%s%s", test_process_output(p), test_process_errors(p));
    ck_assert_ptr_nonnull(strstr(line, "\"set_aside_at\":\"2023-11-14T22:13:20Z\",\"bytes\":8,\"reason\":\"headers.id is missing\"}"));
    char id[17];
    snprintf(id, sizeof id, "%s", line + strlen("\n{\"id\":\""));
    test_process_free(p);
    p = test_drumbeat(s.url, "quarantine", "show", "celery", id, "--config", config, NULL);
    ck_assert_str_eq(test_process_output(p), "1700000000 headers.id is missing\n{\"a\": 1}\n");
    test_process_free(p);
    p = test_drumbeat(s.url, "quarantine", "release", "celery", id, "--config", config, NULL);
    ck_assert_int_eq(test_process_status(p), 0);
    ck_assert_str_eq(test_redis_text(redis, "LINDEX", "celery", "0", NULL), "{\"a\": 1}");
    test_process_free(p);
    p = test_drumbeat(s.url, "quarantine", "release", "celery", id, "--config", config, NULL);
    ck_assert_int_eq(test_process_status(p), 3);
    test_process_free(p);
    p = test_drumbeat(s.url, "quarantine", "drop", "celery", "--config", config, NULL);
    ck_assert_int_eq(test_process_status(p), 4);
    test_process_free(p);
    p = test_drumbeat(s.url, "quarantine", "drop", "celery", "--yes", "--config", config, NULL);
    ck_assert_str_eq(test_process_output(p), "1 message of queue celery dropped\n");
    ck_assert_int_eq(test_redis_number(redis, "EXISTS", "celery.dead", NULL), 0);
    test_process_free(p);
}
END_TEST

START_TEST(a_task_of_another_name_is_left_in_its_place)
{
    push_task("theirs", "python.only", NULL);
    push_task("ours", "echo", NULL);
    start_worker("");
    ck_assert(await_result("ours", "SUCCESS"));
    ck_assert_int_eq(test_redis_number(redis, "LLEN", "celery", NULL), 1);
    ck_assert_ptr_nonnull(strstr(test_redis_text(redis, "LINDEX", "celery", "0", NULL), "python.only"));
}
END_TEST

START_TEST(an_unknown_name_is_answered_when_that_is_asked_for)
{
    start_worker("unknown_tasks: fail");
    assert_passes(PYTHON("client.py", "unknown_names_are_answered"));
    ck_assert_str_eq(stage_text(&s, "SELECT status || ' ' || error FROM drumbeat.task"), "ERRORED NotRegistered: nobody.has.this");
}
END_TEST

START_TEST(a_message_that_comes_twice_runs_once)
{
    start_worker("");
    push_task("twice", "effect", "{\"key\":\"once\"}");
    ck_assert(await_result("twice", "SUCCESS"));
    test_redis_number(redis, "DEL", "celery-task-meta-twice", NULL);
    push_task("twice", "effect", "{\"key\":\"once\"}");
    ck_assert(await_result("twice", "SUCCESS"));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.celery_message", 0, SECONDS(15)));
    ck_assert_str_eq(stage_text(&s, "SELECT count(*) FROM drumbeat.trial_effect WHERE key = 'once'"), "1");
    ck_assert(test_redis_await(redis, 0, "HLEN", "unacked", NULL));
}
END_TEST

START_TEST(a_revoke_counts_before_and_after_the_message_is_claimed)
{
    stage_text(&s, "SELECT drumbeat.celery_revoke(ARRAY['early'])");
    push_task("early", "effect", "{\"key\":\"early\"}");
    start_worker("");
    ck_assert(await_result("early", "REVOKED"));
    push_task("running", "sleep", "{\"seconds\":120,\"steps\":1200}");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE external_id = 'running' AND status = 'RUNNING'", 1, SECONDS(30)));
    stage_text(&s, "SELECT drumbeat.celery_revoke(ARRAY['running'])");
    ck_assert(await_result("running", "REVOKED"));
    ck_assert_ptr_nonnull(strstr(result_of("running"), "terminated"));
    ck_assert_str_eq(stage_text(&s, "SELECT count(*) FROM drumbeat.trial_effect"), "0");
}
END_TEST

/* Dying between two steps ------------------------------------------------------------------------------------------------ */

static const struct moment {
    const char *step, *moment;
} moments[] = {
    {"celery", "claimed"}, {"celery_take", "sent"}, {"celery", "taken"}, {"celery", "ended"}, {"celery", "told"}, {"celery", "acknowledged"},
};

START_TEST(whichever_step_the_courier_dies_in_each_task_runs_once)
{
    enum { TASKS = 10 };
    char order_variable[300], yaml[600];
    snprintf(order_variable, sizeof order_variable, "CRASH_ORDER=%s/order", test_redis_folder(server));
    struct crash_order *order = crash_order_make(order_variable + strlen("CRASH_ORDER="));
    snprintf(yaml, sizeof yaml, "worker: {pool: 2, queues: [celery]}\nredis: {url: '%s'}\nqueues: {celery: {broker: redis, protocol: celery}}\n", test_redis_url(server));
    const char *const argv[] = {test_build_path("drumbeat-crash"), "worker", "--config", stage_config(&s, yaml), NULL};
    char url[400];
    snprintf(url, sizeof url, "DATABASE_URL=%s", s.url);
    struct test_process *worker CLEANUP(test_process_freep) =
        test_process_start(&(struct test_program){.argv = argv, .env = (const char *const[]){url, order_variable, NULL}});
    ck_assert(test_process_wait_for(worker, "courier.ready", SECONDS(30)));
    s.workers[0] = worker;
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        crash_order_arm(order, moments[i].step, moments[i].moment);
        for (int n = 0; n < TASKS; n++) {
            char id[32], kwargs[64];
            snprintf(id, sizeof id, "%zu-%d", i, n);
            snprintf(kwargs, sizeof kwargs, "{\"key\":\"%s\"}", id);
            push_task(id, "effect", kwargs);
        }
        for (int n = 0; n < TASKS; n++) {
            char id[32];
            snprintf(id, sizeof id, "%zu-%d", i, n);
            ck_assert_msg(await_result(id, "SUCCESS"), "%s of %s %s: %s", id, moments[i].step, moments[i].moment, test_process_errors(worker));
        }
        ck_assert_msg(crash_order_victim(order) != 0, "nobody came by %s %s", moments[i].step, moments[i].moment);
    }
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.celery_message", 0, SECONDS(30)));
    ck_assert_str_eq(stage_text(&s, "SELECT count(*) || ' ' || count(DISTINCT key) FROM drumbeat.trial_effect"), "60 60");
    ck_assert(test_redis_await(redis, 0, "HLEN", "unacked", NULL));
    ck_assert_int_eq(test_redis_number(redis, "LLEN", "celery", NULL), 0);
    test_process_signal(worker, SIGTERM);
    ck_assert(test_process_wait(worker, SECONDS(30)));
    s.workers[0] = NULL;
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 180);
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, a_python_client_sees_a_worker_of_its_own);
    tcase_add_test(t, what_is_malformed_is_set_aside_and_stops_nothing);
    tcase_add_test(t, large_messages_leave_no_memory_behind);
    tcase_add_test(t, keys_of_other_types_are_told_of_and_lose_nothing);
    tcase_add_test(t, what_was_set_aside_is_shown_released_and_dropped);
    tcase_add_test(t, a_task_of_another_name_is_left_in_its_place);
    tcase_add_test(t, an_unknown_name_is_answered_when_that_is_asked_for);
    tcase_add_test(t, a_message_that_comes_twice_runs_once);
    tcase_add_test(t, a_revoke_counts_before_and_after_the_message_is_claimed);
    tcase_add_test(t, whichever_step_the_courier_dies_in_each_task_runs_once);
    return test_main_case("celery", t);
}
