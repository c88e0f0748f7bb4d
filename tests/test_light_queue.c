/* Queues whose tasks are in Redis alone, on a real worker: what is enqueued runs, what fails gets its row, and nothing is lost when a
 * process dies. */
#include "common/broker/redis_queue.h"
#include "tests/fixture/redis.h"
#include "sql/queries.h"
#include "tests/fixture/main.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct test_cluster *cluster;
static struct test_redis *server;
static struct redis *redis;
static struct stage s;
static char yaml[512];

static void open_stage(void)
{
    stage_open(&s, cluster);
    server = test_redis_start(NULL);
    redis = test_redis_connect(test_redis_url(server));
    snprintf(yaml, sizeof yaml, "worker: {pool: 2, lease: 5s}\nredis: {url: '%s'}\nqueues: {fast: {broker: redis, rows: failures}}\n", test_redis_url(server));
}

static void close_stage(void)
{
    test_sql(s.pg, "DELETE FROM drumbeat.trial_effect"); /* of tasks without rows: the invariants would miss those */
    stage_close(&s);
    redis_close(redis);
    test_redis_stop(server);
}

static struct test_process *start_worker(void)
{
    struct test_process *worker = stage_worker(&s, NULL, "--config", stage_config(&s, yaml));
    ck_assert_msg(test_process_wait_for(worker, "courier.ready", SECONDS(30)), "%s", test_process_errors(worker));
    return worker;
}

static const char *enqueue(const struct new_task *task)
{
    struct err e;
    struct uuid id;
    char text[UUID_TEXT_MAX];
    ck_assert_msg(redis_queue_enqueue(redis, "fast", task, 1, &id, &e), "%s", e.text);
    return stage_keep(uuid_format(id, text));
}

#define put(...) enqueue(&(struct new_task){.priority = 5, __VA_ARGS__})

static int64_t left(void)
{
    struct err e;
    struct redis_queue_counts counts;
    ck_assert_msg(redis_queue_counts(redis, "fast", &counts, &e), "%s", e.text);
    return counts.ready + counts.delayed + counts.held + counts.failed;
}

static void await_left(struct test_process *worker, int64_t wanted)
{
    usec_t deadline = clock_boot() + SECONDS(40);
    while (left() != wanted) {
        ck_assert_msg(clock_boot() < deadline, "%d are left:\n%s", (int)left(), worker ? test_process_errors(worker) : "");
        if (worker)
            test_process_wait(worker, MSEC(10));
        else
            usleep(10000);
    }
}

static bool await_row(const char *id, const char *status)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM drumbeat.task WHERE id = '%s' AND status = '%s'", id, status);
    return stage_wait(&s, sql, 1, SECONDS(30));
}

static int64_t effects(void)
{
    return test_number(s.pg, "SELECT count(*) FROM drumbeat.trial_effect");
}

START_TEST(what_is_enqueued_runs_and_leaves_nothing)
{
    struct test_process *worker = start_worker();
    for (int i = 0; i < 300; i++)
        put(.name = "effect", .args = "{\"key\": \"k\"}");
    await_left(worker, 0);
    ck_assert_int_eq(effects(), 300);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task"), 0);
}
END_TEST

START_TEST(both_kinds_of_queues_are_served)
{
    struct test_process *worker = start_worker();
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[300]))");
    for (int i = 0; i < 300; i++)
        put(.name = "noop");
    await_left(worker, 0);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'", 300, SECONDS(30)));
}
END_TEST

START_TEST(a_task_that_fails_gets_its_row)
{
    start_worker();
    const char *id = put(.name = "fail", .args = "{\"message\": \"it \\\"broke\\\"\", \"retryable\": false}", .tenant = "t");
    ck_assert(await_row(id, "ERRORED"));
    ck_assert_ptr_nonnull(strstr(stage_task(&s, id, "error"), "it \"broke\""));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "1");
    ck_assert_str_eq(stage_task(&s, id, "queue"), "fast");
    ck_assert_str_eq(stage_task(&s, id, "tenant"), "t");
    ck_assert_str_eq(stage_attempt(&s, id, "outcome"), "failed");
}
END_TEST

START_TEST(a_row_that_is_retried_runs)
{
    char sql[100];
    start_worker();
    const char *id = put(.name = "fail", .args = "{\"times\": 1, \"retryable\": false}");
    ck_assert(await_row(id, "ERRORED"));
    snprintf(sql, sizeof sql, "SELECT drumbeat.retry('%s')", id);
    test_sql(s.pg, sql);
    ck_assert(await_row(id, "SUCCESS"));
}
END_TEST

START_TEST(a_task_that_kills_its_process_stops_after_its_attempts)
{
    struct test_process *worker = start_worker();
    const char *crash = put(.name = "crash", .max_attempts = 2), *often = put(.name = "crash", .max_attempts = 50);
    for (int i = 0; i < 20; i++)
        put(.name = "effect", .args = "{\"key\": \"k\"}");
    ck_assert(await_row(crash, "ERRORED"));
    ck_assert(await_row(often, "ERRORED"));
    ck_assert_str_eq(stage_task(&s, crash, "attempt"), "2");
    ck_assert_ptr_nonnull(strstr(stage_task(&s, crash, "error"), "signal 11"));
    ck_assert_ptr_nonnull(strstr(stage_task(&s, often, "error"), "set aside after 3 deaths"));
    test_sql(s.pg, "DELETE FROM drumbeat.task_body; DELETE FROM drumbeat.ended; DELETE FROM drumbeat.past_attempt"); /* only the last attempt is kept */
    await_left(worker, 0);
    ck_assert_int_eq(effects(), 20);
}
END_TEST

/* Of handlers that are known to be quick: nothing is settled just because the one that crashes comes. */
START_TEST(what_ran_before_a_crash_does_not_run_again)
{
    struct test_process *worker = start_worker();
    for (int i = 0; i < 600; i++)
        put(.name = i % 2 ? "crash" : "effect", .args = i % 2 ? "{\"times\": 0}" : "{\"key\": \"k\"}");
    await_left(worker, 0);
    test_sql(s.pg, "SELECT drumbeat.pause('fast')");
    usec_t deadline = clock_boot() + SECONDS(30);
    while (test_redis_number(redis, "HEXISTS", "drumbeat:{fast}:state", "paused", NULL) == 0)
        ck_assert(clock_boot() < deadline);
    for (int i = 1; i <= 400; i++)
        put(.name = i % 40 ? "effect" : "crash", .args = i % 40 ? "{\"key\": \"k\"}" : "{\"times\": 1}");
    test_sql(s.pg, "DELETE FROM drumbeat.trial_effect; SELECT drumbeat.resume('fast')");
    await_left(worker, 0);
    ck_assert_int_eq(effects(), 390);
}
END_TEST

/* Of a handler that has been quick: what lies behind it in its batch goes back, uncounted, and another child runs it; what ran before it is gone. */
START_TEST(a_task_that_turns_slow_does_not_keep_the_rest_of_its_batch)
{
    for (int i = 0; i < 1500; i++)
        put(.name = "sleep", .args = "{\"seconds\": 0}");
    put(.name = "sleep", .args = "{\"seconds\": 600}");
    for (int i = 0; i < 1500; i++)
        put(.name = "sleep", .args = "{\"seconds\": 0}", .unique_key = i == 700 ? "k" : NULL);
    struct test_process *worker = start_worker();
    await_left(worker, 1);
    ck_assert_int_eq(test_redis_number(redis, "HLEN", "drumbeat:{fast}:unique", NULL), 0);
}
END_TEST

START_TEST(what_a_worker_held_that_is_gone_is_taken_back)
{
    struct test_process *worker = start_worker();
    for (int i = 0; i < 2; i++)
        put(.name = "sleep", .args = "{\"seconds\": 60}");
    usec_t deadline = clock_boot() + SECONDS(30);
    while (test_redis_number(redis, "ZCARD", "drumbeat:{fast}:leases", NULL) < 2) {
        ck_assert(clock_boot() < deadline);
        test_process_wait(worker, MSEC(10));
    }
    test_process_signal(worker, SIGKILL);
    worker = start_worker();
    deadline = clock_boot() + SECONDS(40);
    while (!strstr(test_process_errors(worker), "courier.rescued")) {
        ck_assert_msg(clock_boot() < deadline, "%s", test_process_errors(worker));
        test_process_wait(worker, MSEC(10));
    }
    ck_assert_int_eq(left(), 2);
}
END_TEST

START_TEST(a_claim_whose_answer_was_lost_is_taken_back)
{
    struct test_process *worker = start_worker();
    const char *id = stage_text(&s, "SELECT id FROM drumbeat.worker");
    char member[80], held[120];
    test_sql(s.pg, "SELECT drumbeat.pause('fast')");
    usec_t deadline = clock_boot() + SECONDS(30);
    while (test_redis_number(redis, "HEXISTS", "drumbeat:{fast}:state", "paused", NULL) == 0)
        ck_assert(clock_boot() < deadline);
    put(.name = "effect", .args = "{\"key\": \"k\"}");
    snprintf(member, sizeof member, "%s/0/999999", id);
    snprintf(held, sizeof held, "drumbeat:{fast}:held:%s", member);
    test_redis_do(redis, "LMOVE", "drumbeat:{fast}:ready:5", held, "LEFT", "RIGHT", NULL);
    test_redis_do(redis, "ZADD", "drumbeat:{fast}:leases", "1", member, NULL);
    test_sql(s.pg, "SELECT drumbeat.resume('fast')");
    await_left(worker, 0);
    ck_assert_int_eq(effects(), 1);
}
END_TEST

START_TEST(a_long_task_keeps_its_lease)
{
    struct test_process *worker = start_worker();
    put(.name = "sleep", .args = "{\"seconds\": 8, \"steps\": 8}");
    await_left(worker, 0);
    ck_assert_ptr_null(strstr(test_process_errors(worker), "rescued"));
    ck_assert_ptr_null(strstr(test_process_errors(worker), "claim_"));
}
END_TEST

START_TEST(a_delayed_task_waits_for_its_moment)
{
    struct test_process *worker = start_worker();
    usec_t due = clock_now() + SECONDS(1);
    put(.name = "effect", .args = "{\"key\": \"late\"}", .run_at = due);
    ck_assert_int_eq(left(), 1);
    await_left(worker, 0);
    ck_assert_int_ge(clock_now(), due);
    ck_assert_int_eq(effects(), 1);
}
END_TEST

START_TEST(one_of_a_unique_key_waits_or_runs_at_a_time)
{
    const char *first = put(.name = "noop", .unique_key = "k"), *second = put(.name = "noop", .unique_key = "k");
    ck_assert_str_eq(first, second);
    ck_assert_int_eq(left(), 1);
    struct test_process *worker = start_worker();
    await_left(worker, 0);
    ck_assert_str_ne(put(.name = "fail", .unique_key = "k", .args = "{\"retryable\": false}"), first);
    await_left(worker, 0);
    ck_assert_int_eq(test_redis_number(redis, "HLEN", "drumbeat:{fast}:unique", NULL), 0);
}
END_TEST

START_TEST(a_task_is_cancelled_before_it_starts_and_while_it_runs)
{
    struct err e;
    struct uuid id;
    const char *waiting = put(.name = "noop");
    ck_assert(uuid_parse(waiting, &id) && redis_queue_cancel(redis, "fast", id, &e));
    start_worker();
    ck_assert(await_row(waiting, "KILLED"));
    const char *running = put(.name = "sleep", .args = "{\"seconds\": 60, \"steps\": 600}");
    usec_t deadline = clock_boot() + SECONDS(30);
    while (test_redis_number(redis, "ZCARD", "drumbeat:{fast}:leases", NULL) < 1)
        ck_assert(clock_boot() < deadline);
    ck_assert(uuid_parse(running, &id));
    do {
        ck_assert(clock_boot() < deadline);
        ck_assert(redis_queue_cancel(redis, "fast", id, &e)); /* it may be held and not yet run */
        usleep(50000);
    } while (test_redis_number(redis, "ZCARD", "drumbeat:{fast}:leases", NULL) > 0);
    ck_assert(await_row(running, "KILLED"));
}
END_TEST

START_TEST(a_paused_queue_hands_out_nothing)
{
    struct test_process *worker = start_worker();
    test_sql(s.pg, "SELECT drumbeat.pause('fast')");
    usec_t deadline = clock_boot() + SECONDS(30);
    while (test_redis_number(redis, "HEXISTS", "drumbeat:{fast}:state", "paused", NULL) == 0)
        ck_assert(clock_boot() < deadline);
    put(.name = "noop");
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(20)));
    ck_assert_int_eq(left(), 1);
    test_sql(s.pg, "SELECT drumbeat.resume('fast')");
    await_left(worker, 0);
}
END_TEST

START_TEST(a_full_redis_still_drains)
{
    struct err e;
    struct uuid id;
    const struct new_task task = {.name = "effect", .args = "{\"key\": \"full\"}", .priority = 5};
    test_redis_do(redis, "CONFIG", "SET", "maxmemory", "3mb", NULL);
    int64_t count = 0;
    while (redis_queue_enqueue(redis, "fast", &task, 1, &id, &e))
        count++;
    ck_assert_int_eq(e.kind, ERR_TRANSIENT);
    ck_assert_int_gt(count, 100);
    test_redis_do(redis, "CONFIG", "SET", "maxmemory", "1mb", NULL);
    struct test_process *worker = start_worker();
    await_left(worker, 0);
    ck_assert_int_eq(effects(), count);
}
END_TEST

START_TEST(sql_is_told_that_it_cannot_enqueue_there)
{
    struct err e;
    start_worker();
    struct sql sql = {.name = "enqueue", .text = "SELECT drumbeat.enqueue('noop', queue => 'fast')"};
    ck_assert(!pg_exec(s.pg, &sql, NULL, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "Redis only"));
}
END_TEST

START_TEST(a_redis_that_comes_back_is_served_again)
{
    struct test_process *worker = start_worker();
    put(.name = "noop");
    await_left(worker, 0);
    test_redis_crash(server);
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')"), "SUCCESS", SECONDS(20)));
    test_redis_restart(server);
    redis_close(redis);
    redis = test_redis_connect(test_redis_url(server));
    test_redis_do(redis, "SCRIPT", "FLUSH", NULL);
    for (int i = 0; i < 20; i++)
        put(.name = "effect", .args = "{\"key\": \"k\"}");
    await_left(worker, 0);
    ck_assert_int_eq(effects(), 20);
}
END_TEST

/* What drumbeat prints for these words, with the configuration of the stage. */
static const char *drumbeat(const char *verb, const char *noun, const char *operand, const char *flag, const char *value)
{
    const char *config = stage_config(&s, yaml);
    struct test_process *p = test_drumbeat(s.url, verb, noun, "--config", config, operand, flag, value, NULL);
    const char *printed = stage_keep(test_process_output(p));
    test_process_free(p);
    return printed;
}

/* What readiness is judged by: how many queues of which this holds. */
static int64_t waiting_for_web(const char *condition)
{
    CLEANUP(text_free) struct text sql = {0};
    text_puts(&sql, "SELECT count(*) FROM (");
    text_puts(&sql, sql_web_waiting.text);
    text_printf(&sql, ") x WHERE %s", condition);
    for (char *place = strstr(sql.data, "$1"); place; place = strstr(place, "$1"))
        memcpy(place, "99", 2);
    return test_number(s.pg, text_str(&sql));
}

START_TEST(the_command_line_serves_it_too)
{
    char id[UUID_TEXT_MAX] = "";
    start_worker();
    test_sql(s.pg, "SELECT drumbeat.pause('fast')");
    usec_t deadline = clock_boot() + SECONDS(30);
    while (test_redis_number(redis, "HEXISTS", "drumbeat:{fast}:state", "paused", NULL) == 0)
        ck_assert(clock_boot() < deadline);
    snprintf(id, sizeof id, "%s", drumbeat("enqueue", "noop", "--queue", "fast", NULL));
    drumbeat("enqueue", "noop", "--queue", "fast", NULL);
    ck_assert_int_eq(left(), 2);
    ck_assert(stage_wait(&s, "SELECT ready FROM drumbeat.light_queue", 2, SECONDS(30)));
    ck_assert_ptr_nonnull(strstr(drumbeat("queue", "ls", "--json", NULL, NULL), "\"waiting\": 2"));
    ck_assert_int_eq(waiting_for_web("queue = 'fast' AND paused AND seq IS NULL"), 1);
    test_sql(s.pg, "INSERT INTO drumbeat.light_queue VALUES ('forsaken', 2, 0, 0, now(), now() - interval '1 h')");
    ck_assert_int_eq(waiting_for_web("queue = 'forsaken' AND served AND seq = 0"), 1);
    ck_assert_ptr_nonnull(strstr(drumbeat("task", "cancel", id, NULL, NULL), "asked to end it"));
    ck_assert_ptr_nonnull(strstr(drumbeat("queue", "purge", "fast", "--yes", NULL), "2 tasks of queue fast forgotten"));
    ck_assert_int_eq(left(), 0);
    ck_assert_ptr_nonnull(strstr(drumbeat("doctor", "--json", NULL, NULL, NULL), "append-only"));
}
END_TEST

static int64_t commands(void)
{
    const char *stats = strstr(test_redis_text(redis, "INFO", "stats", NULL), "total_commands_processed:");
    ck_assert(stats != NULL);
    return atoll(stats + strlen("total_commands_processed:"));
}

/* Once it has come to rest: commands inside scripts count too, and our own INFO. */
START_TEST(an_idle_worker_asks_at_most_four_times_a_second)
{
    struct test_process *worker = start_worker();
    put(.name = "noop");
    await_left(worker, 0);
    usec_t deadline = clock_boot() + SECONDS(60), took;
    int64_t before, after;
    do {
        ck_assert_msg(clock_boot() < deadline, "it does not come to rest");
        before = commands();
        usec_t began = clock_boot();
        test_process_wait(worker, SECONDS(3));
        after = commands();
        took = clock_boot() - began;
    } while ((after - before - 1) * 1000000 > 4 * took);
}
END_TEST

static Suite *suite(void)
{
    Suite *out = suite_create("light_queue");
    TCase *c = tcase_create("worker");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, open_stage, close_stage);
    tcase_add_test(c, what_is_enqueued_runs_and_leaves_nothing);
    tcase_add_test(c, both_kinds_of_queues_are_served);
    tcase_add_test(c, a_task_that_fails_gets_its_row);
    tcase_add_test(c, a_row_that_is_retried_runs);
    tcase_add_test(c, a_task_that_kills_its_process_stops_after_its_attempts);
    tcase_add_test(c, what_ran_before_a_crash_does_not_run_again);
    tcase_add_test(c, a_task_that_turns_slow_does_not_keep_the_rest_of_its_batch);
    tcase_add_test(c, what_a_worker_held_that_is_gone_is_taken_back);
    tcase_add_test(c, a_claim_whose_answer_was_lost_is_taken_back);
    tcase_add_test(c, a_long_task_keeps_its_lease);
    tcase_add_test(c, a_delayed_task_waits_for_its_moment);
    tcase_add_test(c, one_of_a_unique_key_waits_or_runs_at_a_time);
    tcase_add_test(c, a_task_is_cancelled_before_it_starts_and_while_it_runs);
    tcase_add_test(c, a_paused_queue_hands_out_nothing);
    tcase_add_test(c, a_full_redis_still_drains);
    tcase_add_test(c, sql_is_told_that_it_cannot_enqueue_there);
    tcase_add_test(c, the_command_line_serves_it_too);
    tcase_add_test(c, an_idle_worker_asks_at_most_four_times_a_second);
    tcase_add_test(c, a_redis_that_comes_back_is_served_again);
    suite_add_tcase(out, c);
    return out;
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    return test_main(suite());
}
