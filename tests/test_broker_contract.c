/* What every broker driver keeps: the same sentences, a row of the table a driver. */
#include "common/base/json.h"
#include "common/broker/broker.h"
#include "common/broker/redis_queue.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/redis.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two seats of one worker share the cursors, as children do. */
struct holder {
    struct pg *pg;
    struct seat_key key;
    struct broker *broker;
    struct claims claims;
    struct settlement settlement;
    struct other others[CLAIM_MAX];
};

static struct test_cluster *cluster;
static const char *url;
static struct pg *pg;
static struct lanes lanes;
static struct holder one, two;
static const char *const names[] = {"echo", "noop"};
static struct test_redis *server;
static struct redis *redis;

static void put_into_postgres(const struct new_task *task)
{
    struct err e;
    struct uuid id;
    ck_assert_msg(task_enqueue(pg, task, &id, &e), "%s", e.text);
}

static void empty_postgres(void)
{
    test_sql(pg, "DELETE FROM drumbeat.ready; DELETE FROM drumbeat.delayed; DELETE FROM drumbeat.task_body; DELETE FROM drumbeat.ended;"
                 " DELETE FROM drumbeat.past_attempt");
}

static void refresh_postgres(void)
{
    lanes_forget(&lanes);
}

static int64_t held_in_postgres(void)
{
    return test_number(pg, "SELECT count(*) FROM drumbeat.running");
}

static int64_t waiting_in_postgres(void)
{
    return test_number(pg, "SELECT (SELECT count(*) FROM drumbeat.ready) + (SELECT count(*) FROM drumbeat.delayed)");
}

static const char *status_in_postgres(int64_t *attempt)
{
    *attempt = test_number(pg, "SELECT attempt FROM drumbeat.task");
    return test_text(pg, "SELECT status FROM drumbeat.task");
}

static void pause_in_postgres(bool paused)
{
    test_sql(pg, paused ? "SELECT drumbeat.pause('default')" : "SELECT drumbeat.resume('default')");
}

static void take_from_postgres(struct holder *h)
{
    struct err e;
    struct seat_key taker = h->key;
    ck_assert(seat_open(pg, &taker, &e));
}

static void put_into_redis(const struct new_task *task)
{
    struct err e;
    struct uuid id;
    ck_assert_msg(redis_queue_enqueue(redis, task->queue ? task->queue : "default", task, 1, &id, &e), "%s", e.text);
}

static void empty_redis(void)
{
    test_redis_do(redis, "FLUSHALL", NULL);
}

static struct redis_queue_counts counts_in_redis(void)
{
    struct err e;
    struct redis_queue_counts counts;
    ck_assert_msg(redis_queue_counts(redis, "default", &counts, &e), "%s", e.text);
    return counts;
}

static bool tick(enum redis_pause pause)
{
    struct err e;
    struct redis_queue_state state;
    ck_assert_msg(redis_queue_tick(redis, "default", &(struct redis_worker){.lease = SECONDS(15)}, pause, &state, &e), "%s", e.text);
    return state.next_due >= 0 && state.next_due < SECONDS(1);
}

static void refresh_redis(void)
{
    usec_t deadline = clock_boot() + SECONDS(20);
    while (tick(REDIS_PAUSE_AS_IT_WAS))
        ck_assert(clock_boot() < deadline);
}

static int64_t held_in_redis(void)
{
    return counts_in_redis().held;
}

static int64_t waiting_in_redis(void)
{
    return counts_in_redis().ready + counts_in_redis().delayed;
}

/* A task that failed is told by its record, a success by nothing. */
static const char *status_in_redis(int64_t *attempt)
{
    struct err e;
    CLEANUP(js_freep) struct js *failed = NULL;
    const char *record = test_redis_text(redis, "LINDEX", "drumbeat:{default}:failed", "0", NULL);
    *attempt = 1;
    if (*record) {
        failed = js_parse(record, strlen(record), &e);
        ck_assert_msg(failed != NULL, "%s", e.text);
        *attempt = atoll(js_text(js_get(failed, "attempt")));
        return stage_keep(js_text(js_get(failed, "status")));
    }
    if (waiting_in_redis() == 0)
        return "SUCCESS";
    refresh_redis();
    const struct rd_reply *delayed = test_redis_do(redis, "ZRANGE", "drumbeat:{default}:delayed", "0", "0", NULL);
    const char *task = rd_count_of(delayed) > 0 ? rd_text_of(rd_at(delayed, 0)) : test_redis_text(redis, "LINDEX", "drumbeat:{default}:ready:5", "0", NULL);
    *attempt = atoll(task + strlen("01a1ff02-4aa7-75ef-b844-031a3b615d4b\t5\t"));
    return "QUEUED";
}

static void pause_in_redis(bool paused)
{
    tick(paused ? REDIS_PAUSED : REDIS_OPEN);
}

static void take_from_redis(struct holder *h)
{
    struct err e;
    int64_t count;
    struct attempt_end how = {.outcome = OUTCOME_RETURNED};
    ck_assert_msg(redis_queue_release_seat(redis, "default", h->key.worker, h->key.seat, (struct uuid){{0}}, &how, NULL, &count, &e), "%s", e.text);
}

/* A driver, and where its tasks are. */
static const struct ground {
    const struct broker_driver *driver;
    void (*put)(const struct new_task *task);
    void (*empty)(void);
    void (*refresh)(void); /* after something was put back: look everywhere */
    int64_t (*held)(void);
    int64_t (*waiting)(void);
    const char *(*status)(int64_t *attempt); /* of the only task */
    void (*pause)(bool paused);
    void (*take)(struct holder *h); /* what a seat holds goes back, and it may not settle it any more */
} grounds[] = {
    {&broker_postgres, put_into_postgres, empty_postgres, refresh_postgres, held_in_postgres, waiting_in_postgres, status_in_postgres, pause_in_postgres,
     take_from_postgres},
    {&broker_redis, put_into_redis, empty_redis, refresh_redis, held_in_redis, waiting_in_redis, status_in_redis, pause_in_redis, take_from_redis},
};

enum { DRIVERS = sizeof grounds / sizeof *grounds };

static const struct ground *ground;

static void put_task(const struct new_task *task)
{
    ground->put(task);
}

#define put(...) put_task(&(struct new_task){.priority = 5, __VA_ARGS__})

static void put_many(int count)
{
    for (int i = 0; i < count; i++)
        put(.name = "noop");
}

static struct broker *open_broker(struct holder *h)
{
    static const struct broker_queue queue = {.name = "default"};
    struct broker_options options = {.pg = h->pg, .key = &h->key, .lanes = &lanes, .names = names, .name_count = 2};
    if (ground->driver == &broker_redis) {
        options.redis_url = test_redis_url(server);
        options.queues = &queue;
        options.queue_count = 1;
        options.lease = SECONDS(15);
    }
    return broker_open(ground->driver, &options);
}

static void open_holder(struct holder *h, struct uuid worker, int seat)
{
    struct err e;
    memset(h, 0, sizeof *h);
    h->pg = test_connect(url);
    h->key = (struct seat_key){.worker = worker, .seat = seat, .pid = 100 + seat};
    h->settlement.others = h->others;
    ck_assert_msg(seat_open(h->pg, &h->key, &e), "%s", e.text);
    h->broker = open_broker(h);
}

static void close_holder(struct holder *h)
{
    broker_close(h->broker);
    pg_close(h->pg);
}

static void open_world(void)
{
    struct uuid worker = uuid_v7();
    char id[UUID_TEXT_MAX], sql[512];
    url = test_cluster_database(cluster);
    pg = test_connect(url);
    memset(&lanes, 0, sizeof lanes);
    lanes_add(&lanes, "default", 5, 0, 0);
    lanes_add(&lanes, "default", 1, 0, 0);
    snprintf(sql, sizeof sql, "INSERT INTO drumbeat.worker (id, host, pid, version, pool, names, lease, boot, pid_start)"
                              " VALUES ('%s', 'h', 1, 'v', 2, '{noop,echo}', '15s', 'b', 1)", uuid_format(worker, id));
    test_sql(pg, sql);
    redis = test_redis_connect(test_redis_url(server));
    empty_redis();
    ground = &grounds[0];
    open_holder(&one, worker, 0);
    open_holder(&two, worker, 1);
}

static void close_world(void)
{
    close_holder(&one);
    close_holder(&two);
    invariants_assert(pg, false);
    pg_close(pg);
    redis_close(redis);
}

static void use(const struct ground *of)
{
    ground = of;
    broker_close(one.broker);
    broker_close(two.broker);
    one.broker = open_broker(&one);
    two.broker = open_broker(&two);
}

static void turn(struct holder *h, size_t wanted)
{
    struct err e;
    ck_assert_msg(broker_turn(h->broker, &h->settlement, wanted, &h->claims, &e), "%s", e.text);
    h->settlement.fence = 0;
    h->settlement.plain = h->settlement.other_count = 0;
}

/* Note the plain success of a place of the last claim. */
static void succeed(struct holder *h, int place)
{
    struct settlement *s = &h->settlement;
    if (!s->fence) {
        s->fence = h->claims.fence;
        s->count = h->claims.count;
        memset(s->started, 0, sizeof s->started);
    }
    s->started[place - 1] = s->ended[place - 1] = clock_now();
    s->plain++;
}

static void end_as(struct holder *h, int place, struct attempt_end end)
{
    struct settlement *s = &h->settlement;
    s->fence = h->claims.fence;
    s->count = h->claims.count;
    end.started_at = end.ended_at = clock_now();
    end.exit_code = -1;
    end.peak_rss = end.cpu_ms = end.progress_value = end.end_value = -1;
    s->others[s->other_count++] = (struct other){.place = place, .end = end};
}

START_TEST(claims_come_in_order_and_at_most_as_many_as_wanted)
{
    use(&grounds[_i]);
    static const char *const five[] = {"{\"n\": 1}", "{\"n\": 2}", "{\"n\": 3}", "{\"n\": 4}", "{\"n\": 5}"};
    for (int i = 0; i < 5; i++)
        put(.name = "echo", .args = five[i]);
    turn(&one, 3);
    ck_assert_uint_eq(one.claims.count, 3);
    ck_assert_str_eq(one.claims.task[0].args, "{\"n\": 1}");
    ck_assert_str_eq(one.claims.task[2].args, "{\"n\": 3}");
    ck_assert_int_eq(one.claims.task[2].place, 3);
    ck_assert_int_eq(one.claims.task[0].attempt, 1);
    ck_assert_int_eq(one.claims.task[0].allowed, 3);
    turn(&two, 10);
    ck_assert_uint_eq(two.claims.count, 2);
    ck_assert_str_eq(two.claims.task[0].args, "{\"n\": 4}");
    ck_assert_int_gt(two.claims.fence, one.claims.fence);
    turn(&two, 10);
    ck_assert_uint_eq(two.claims.count, 0);
}
END_TEST

START_TEST(what_settles_and_what_is_claimed_next_are_one_turn)
{
    use(&grounds[_i]);
    put_many(4);
    turn(&one, 2);
    succeed(&one, 1);
    end_as(&one, 2, (struct attempt_end){.outcome = OUTCOME_FAILED, .error = "no"});
    turn(&one, 2);
    ck_assert_uint_eq(one.claims.count, 2);
    ck_assert_int_eq(ground->held(), 2);
    ck_assert_int_eq(ground->waiting(), 0);
}
END_TEST

static const struct {
    struct attempt_end end;
    const char *status;
    int attempt;
} ends[] = {
    {{.outcome = OUTCOME_SUCCESS, .result = "{\"a\": 1}"}, "SUCCESS", 1},
    {{.outcome = OUTCOME_FAILED, .error = "e"}, "ERRORED", 1},
    {{.outcome = OUTCOME_FAILED, .error = "e", .retryable = true}, "QUEUED", 1},
    {{.outcome = OUTCOME_FAILED, .error = "e", .retryable = true, .retry_after = HOURS(1)}, "QUEUED", 1},
    {{.outcome = OUTCOME_CRASHED, .error = "e", .retryable = true}, "QUEUED", 1},
    {{.outcome = OUTCOME_LIMIT, .error = "e", .retryable = true}, "QUEUED", 1},
    {{.outcome = OUTCOME_LOST, .error = "e", .retryable = true}, "QUEUED", 1},
    {{.outcome = OUTCOME_CANCELLED, .error = "e"}, "KILLED", 1},
    {{.outcome = OUTCOME_EXPIRED}, "SKIPPED", 0},
    {{.outcome = OUTCOME_RETURNED}, "QUEUED", 0},
};

START_TEST(an_attempt_ends_by_the_table)
{
    use(&grounds[_i]);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        ground->empty();
        put(.name = "noop");
        ground->refresh();
        turn(&one, 5);
        ck_assert_uint_eq(one.claims.count, 1);
        end_as(&one, 1, ends[i].end);
        turn(&one, 0);
        int64_t attempt;
        const char *status = ground->status(&attempt);
        ck_assert_msg(strcmp(status, ends[i].status) == 0, "%s (row %zu): %s", outcome_name(ends[i].end.outcome), i, status);
        ck_assert_msg(attempt == ends[i].attempt, "%s (row %zu): %d attempts", outcome_name(ends[i].end.outcome), i, (int)attempt);
        invariants_assert(pg, false);
    }
}
END_TEST

START_TEST(a_retry_beyond_the_last_attempt_is_an_error)
{
    use(&grounds[_i]);
    int64_t attempts;
    put(.name = "noop", .max_attempts = 2);
    for (int attempt = 1; attempt <= 2; attempt++) {
        ground->refresh();
        turn(&one, 1);
        ck_assert_int_eq(one.claims.task[0].attempt, attempt);
        end_as(&one, 1, (struct attempt_end){.outcome = OUTCOME_CRASHED, .error = "e", .retryable = true});
        turn(&one, 0);
    }
    ck_assert_str_eq(ground->status(&attempts), "ERRORED");
}
END_TEST

START_TEST(smaller_priorities_and_known_names_come_first)
{
    use(&grounds[_i]);
    put(.name = "noop");
    put_task(&(struct new_task){.name = "echo", .priority = 1});
    put(.name = "noop", .queue = "not-mine");
    if (ground->driver->by_name)
        put(.name = "unknown");
    turn(&one, 10);
    ck_assert_uint_eq(one.claims.count, 2);
    ck_assert_str_eq(one.claims.task[0].name, "echo");
    ck_assert_str_eq(one.claims.task[1].name, "noop");
}
END_TEST

START_TEST(a_paused_queue_hands_out_nothing)
{
    use(&grounds[_i]);
    put(.name = "noop");
    ground->pause(true);
    turn(&one, 10);
    ck_assert_uint_eq(one.claims.count, 0);
    ground->pause(false);
    turn(&one, 10);
    ck_assert_uint_eq(one.claims.count, 1);
}
END_TEST

static void know_tenant(const char *tenant)
{
    char flow[100];
    snprintf(flow, sizeof flow, "SELECT drumbeat.flow_of('%s')", tenant);
    lanes_add(&lanes, "default", 5, (int)test_number(pg, flow), 0);
}

START_TEST(a_tenant_that_floods_the_queue_does_not_delay_another)
{
    use(&grounds[_i]);
    if (!ground->driver->tenants)
        return;
    know_tenant("many");
    know_tenant("one");
    test_sql(pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[500]), tenant => 'many')");
    turn(&one, 1);
    ck_assert_str_eq(one.claims.task[0].tenant, "many");
    test_sql(pg, "SELECT drumbeat.enqueue('noop', tenant => 'one')");
    turn(&one, 1);
    ck_assert_str_eq(one.claims.task[0].tenant, "one");
    turn(&one, 10); /* a driver that does not know yet that the other has no more keeps half of it for that one */
    ck_assert_uint_ge(one.claims.count, 5);
    turn(&one, 10);
    ck_assert_uint_eq(one.claims.count, 10);
}
END_TEST

START_TEST(what_a_claim_tells_of_a_task)
{
    use(&grounds[_i]);
    know_tenant("t");
    put(.name = "noop", .unique_key = "k", .tenant = "t", .expires_at = clock_now() - SECONDS(1));
    turn(&one, 1);
    ck_assert(one.claims.task[0].has_ties || !ground->driver->transactional);
    ck_assert(one.claims.task[0].expired);
    ck_assert_str_eq(one.claims.task[0].tenant, "t");
    ck_assert_str_eq(one.claims.task[0].queue, "default");
    ck_assert_int_lt(llabs(one.claims.task[0].ready_at - clock_now()), MINUTES(1));
}
END_TEST

START_TEST(a_seat_that_was_taken_away_can_neither_claim_nor_settle)
{
    struct err e;
    use(&grounds[_i]);
    put_many(3);
    turn(&one, 2);
    ground->take(&one);
    if (ground->driver->fenced_claims) {
        ck_assert(!broker_turn(one.broker, &one.settlement, 1, &one.claims, &e));
        ck_assert_int_eq(e.kind, ERR_FENCED);
        one.claims.count = 2;
        one.claims.fence = 1;
    }
    succeed(&one, 1);
    ck_assert(!broker_turn(one.broker, &one.settlement, 0, &one.claims, &e));
    ck_assert_int_eq(e.kind, ERR_FENCED);
    ck_assert_int_eq(ground->waiting(), 3);
}
END_TEST

START_TEST(what_is_given_back_stands_where_it_stood)
{
    struct err e;
    int returned;
    use(&grounds[_i]);
    put(.name = "echo", .args = "{\"n\": 1}");
    put(.name = "echo", .args = "{\"n\": 2}");
    put(.name = "echo", .args = "{\"n\": 3}");
    turn(&one, 2);
    succeed(&one, 1);
    turn(&one, 0);
    ck_assert(broker_give_back(one.broker, &returned, &e));
    ck_assert_int_eq(returned, 1);
    ck_assert_int_eq(ground->held(), 0);
    ground->refresh();
    turn(&two, 5);
    ck_assert_uint_eq(two.claims.count, 2);
    ck_assert_str_eq(two.claims.task[0].args, "{\"n\": 2}");
    ck_assert_int_eq(two.claims.task[0].attempt, 1);
}
END_TEST

START_TEST(all_but_one_go_back_and_that_one_ends_like_any)
{
    struct err e;
    use(&grounds[_i]);
    put(.name = "echo", .args = "{\"n\": 1}");
    put(.name = "echo", .args = "{\"n\": 2}");
    put(.name = "echo", .args = "{\"n\": 3}");
    turn(&one, 3);
    int64_t fence = one.claims.fence;
    succeed(&one, 1);
    turn(&one, 0);
    ck_assert_msg(broker_keep_one(one.broker, fence, 2, clock_now(), &e), "%s", e.text);
    ck_assert_int_eq(ground->held(), 1);
    ground->refresh();
    turn(&two, 5);
    ck_assert_uint_eq(two.claims.count, 1);
    ck_assert_str_eq(two.claims.task[0].args, "{\"n\": 3}");
    ck_assert_int_eq(two.claims.task[0].attempt, 1);
    one.claims.fence = fence;
    one.claims.count = 3;
    succeed(&one, 2);
    turn(&one, 1);
    ck_assert_int_eq(ground->held(), 1);
    ck_assert_int_eq(ground->waiting(), 0);
}
END_TEST

START_TEST(a_task_that_is_no_longer_held_is_not_settled_again)
{
    struct err e;
    int returned;
    use(&grounds[_i]);
    put(.name = "noop");
    turn(&one, 1);
    if (ground->driver->transactional) {
        ck_assert(seat_raise(one.pg, &one.key, &e));
        ck_assert(seat_release(one.pg, &one.key, &returned, &e));
        ck_assert_int_eq(returned, 1);
    } else {
        ground->take(&one);
    }
    succeed(&one, 1);
    end_as(&one, 1, (struct attempt_end){.outcome = OUTCOME_FAILED, .error = "no"});
    turn(&one, 0);
    ck_assert_int_eq(ground->held(), 0);
    ck_assert_int_eq(ground->waiting(), 1);
}
END_TEST

START_TEST(a_turn_in_a_transaction_is_part_of_it)
{
    struct err e;
    if (!grounds[_i].driver->transactional)
        return;
    use(&grounds[_i]);
    put(.name = "noop");
    turn(&one, 1);
    ck_assert(pg_begin(one.pg, &e));
    succeed(&one, 1);
    turn(&one, 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ended"), 0);
    ck_assert(pg_rollback(one.pg, &e));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.running"), 1);
}
END_TEST

START_TEST(a_full_claim_is_settled_whole)
{
    use(&grounds[_i]);
    put_many(600);
    turn(&one, CLAIM_MAX + 50);
    ck_assert_uint_eq(one.claims.count, CLAIM_MAX);
    for (int place = 1; place <= CLAIM_MAX; place++)
        end_as(&one, place, (struct attempt_end){.outcome = OUTCOME_SUCCESS, .result = "1"});
    turn(&one, CLAIM_MAX);
    ck_assert_uint_eq(one.claims.count, 100);
    ck_assert_int_eq(ground->held(), 100);
    ck_assert_int_eq(ground->waiting(), 0);
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    server = test_redis_start(NULL);
    TCase *tests = tcase_create("broker");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_world, close_world);
    tcase_add_loop_test(tests, claims_come_in_order_and_at_most_as_many_as_wanted, 0, DRIVERS);
    tcase_add_loop_test(tests, what_settles_and_what_is_claimed_next_are_one_turn, 0, DRIVERS);
    tcase_add_loop_test(tests, an_attempt_ends_by_the_table, 0, DRIVERS);
    tcase_add_loop_test(tests, a_retry_beyond_the_last_attempt_is_an_error, 0, DRIVERS);
    tcase_add_loop_test(tests, smaller_priorities_and_known_names_come_first, 0, DRIVERS);
    tcase_add_loop_test(tests, a_paused_queue_hands_out_nothing, 0, DRIVERS);
    tcase_add_loop_test(tests, a_tenant_that_floods_the_queue_does_not_delay_another, 0, DRIVERS);
    tcase_add_loop_test(tests, what_a_claim_tells_of_a_task, 0, DRIVERS);
    tcase_add_loop_test(tests, a_seat_that_was_taken_away_can_neither_claim_nor_settle, 0, DRIVERS);
    tcase_add_loop_test(tests, all_but_one_go_back_and_that_one_ends_like_any, 0, DRIVERS);
    tcase_add_loop_test(tests, a_task_that_is_no_longer_held_is_not_settled_again, 0, DRIVERS);
    tcase_add_loop_test(tests, what_is_given_back_stands_where_it_stood, 0, DRIVERS);
    tcase_add_loop_test(tests, a_turn_in_a_transaction_is_part_of_it, 0, DRIVERS);
    tcase_add_loop_test(tests, a_full_claim_is_settled_whole, 0, DRIVERS);
    int failed = test_main_case("broker", tests);
    test_redis_stop(server);
    test_cluster_stop(cluster);
    return failed;
}
