/* What every broker driver keeps: the same sentences, a row of the table a driver. Redis joins with its driver. */
#include "common/broker/broker.h"
#include "tests/fixture/cluster.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct broker_driver *const drivers[] = {&broker_postgres};

enum { DRIVERS = sizeof drivers / sizeof *drivers };

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
static const char *const names[] = {"noop", "echo"};

static void open_holder(struct holder *h, const struct broker_driver *driver, struct uuid worker, int seat)
{
    struct err e;
    memset(h, 0, sizeof *h);
    h->pg = test_connect(url);
    h->key = (struct seat_key){.worker = worker, .seat = seat, .pid = 100 + seat};
    h->settlement.others = h->others;
    ck_assert_msg(seat_open(h->pg, &h->key, (struct uuid){{0}}, NULL, &e), "%s", e.text);
    h->broker = broker_open(driver, &(struct broker_options){.pg = h->pg, .key = &h->key, .lanes = &lanes, .names = names, .name_count = 2});
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
    open_holder(&one, drivers[0], worker, 0);
    open_holder(&two, drivers[0], worker, 1);
}

static void close_world(void)
{
    close_holder(&one);
    close_holder(&two);
    invariants_assert(pg, false);
    pg_close(pg);
}

static void use_driver(struct holder *h, const struct broker_driver *driver)
{
    broker_close(h->broker);
    h->broker = broker_open(driver, &(struct broker_options){.pg = h->pg, .key = &h->key, .lanes = &lanes, .names = names, .name_count = 2});
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
    use_driver(&one, drivers[_i]);
    test_sql(pg, "SELECT drumbeat.enqueue('echo', jsonb_build_object('n', n)) FROM generate_series(1, 5) n");
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
    use_driver(&one, drivers[_i]);
    test_sql(pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[4]))");
    turn(&one, 2);
    succeed(&one, 1);
    end_as(&one, 2, (struct attempt_end){.outcome = OUTCOME_FAILED, .error = "no"});
    turn(&one, 2);
    ck_assert_uint_eq(one.claims.count, 2);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'"), 1);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'ERRORED' AND error = 'no'"), 1);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.running"), 2);
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
    use_driver(&one, drivers[_i]);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        test_sql(pg, "DELETE FROM drumbeat.ready; DELETE FROM drumbeat.delayed; DELETE FROM drumbeat.task_body; DELETE FROM drumbeat.ended;"
                     " DELETE FROM drumbeat.past_attempt; SELECT drumbeat.enqueue('noop')");
        lanes_forget(&lanes);
        turn(&one, 5);
        ck_assert_uint_eq(one.claims.count, 1);
        end_as(&one, 1, ends[i].end);
        turn(&one, 0);
        const char *status = stage_keep(test_text(pg, "SELECT status FROM drumbeat.task"));
        ck_assert_msg(strcmp(status, ends[i].status) == 0, "%s (row %zu): %s", outcome_name(ends[i].end.outcome), i, status);
        ck_assert_int_eq(test_number(pg, "SELECT attempt FROM drumbeat.task"), ends[i].attempt);
        invariants_assert(pg, false);
    }
}
END_TEST

START_TEST(a_retry_beyond_the_last_attempt_is_an_error)
{
    use_driver(&one, drivers[_i]);
    test_sql(pg, "SELECT drumbeat.enqueue('noop', max_attempts => 2)");
    for (int attempt = 1; attempt <= 2; attempt++) {
        lanes_forget(&lanes);
        turn(&one, 1);
        ck_assert_int_eq(one.claims.task[0].attempt, attempt);
        end_as(&one, 1, (struct attempt_end){.outcome = OUTCOME_CRASHED, .error = "e", .retryable = true});
        turn(&one, 0);
    }
    ck_assert_str_eq(test_text(pg, "SELECT status FROM drumbeat.task"), "ERRORED");
}
END_TEST

START_TEST(smaller_priorities_and_known_names_come_first)
{
    use_driver(&one, drivers[_i]);
    test_sql(pg, "SELECT drumbeat.enqueue('unknown'), drumbeat.enqueue('noop'), drumbeat.enqueue('echo', priority => 1), drumbeat.enqueue('noop', queue => 'not-mine')");
    turn(&one, 10);
    ck_assert_uint_eq(one.claims.count, 2);
    ck_assert_str_eq(one.claims.task[0].name, "echo");
    ck_assert_str_eq(one.claims.task[1].name, "noop");
}
END_TEST

START_TEST(a_paused_queue_hands_out_nothing)
{
    use_driver(&one, drivers[_i]);
    test_sql(pg, "SELECT drumbeat.enqueue('noop'); SELECT drumbeat.pause('default')");
    turn(&one, 10);
    ck_assert_uint_eq(one.claims.count, 0);
    test_sql(pg, "SELECT drumbeat.resume('default')");
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
    use_driver(&one, drivers[_i]);
    know_tenant("many");
    know_tenant("one");
    test_sql(pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[500]), tenant => 'many')");
    turn(&one, 1);
    ck_assert_str_eq(one.claims.task[0].tenant, "many");
    test_sql(pg, "SELECT drumbeat.enqueue('noop', tenant => 'one')");
    turn(&one, 1);
    ck_assert_str_eq(one.claims.task[0].tenant, "one");
    turn(&one, 10); /* half of it is kept for the other once more */
    ck_assert_uint_eq(one.claims.count, 5);
    turn(&one, 10);
    ck_assert_uint_eq(one.claims.count, 10);
}
END_TEST

START_TEST(what_a_claim_tells_of_a_task)
{
    use_driver(&one, drivers[_i]);
    know_tenant("t");
    test_sql(pg, "SELECT drumbeat.enqueue('noop', unique_key => 'k', tenant => 't', expires_at => clock_timestamp() - interval '1 s')");
    turn(&one, 1);
    ck_assert(one.claims.task[0].has_ties);
    ck_assert(one.claims.task[0].expired);
    ck_assert_str_eq(one.claims.task[0].tenant, "t");
    ck_assert_str_eq(one.claims.task[0].queue, "default");
    ck_assert_int_lt(llabs(one.claims.task[0].ready_at - clock_now()), MINUTES(1));
}
END_TEST

START_TEST(a_seat_that_was_taken_away_can_neither_claim_nor_settle)
{
    struct err e;
    use_driver(&one, drivers[_i]);
    test_sql(pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[2]))");
    turn(&one, 1);
    struct seat_key taker = one.key;
    ck_assert(seat_open(pg, &taker, (struct uuid){{0}}, NULL, &e));
    ck_assert(!broker_turn(one.broker, &one.settlement, 1, &one.claims, &e));
    ck_assert_int_eq(e.kind, ERR_FENCED);
    one.claims.count = 1;
    one.claims.fence = 1;
    succeed(&one, 1);
    ck_assert(!broker_turn(one.broker, &one.settlement, 0, &one.claims, &e));
    ck_assert_int_eq(e.kind, ERR_FENCED);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ready"), 2);
}
END_TEST

START_TEST(a_task_that_is_no_longer_held_is_not_settled_again)
{
    struct err e;
    int returned;
    use_driver(&one, drivers[_i]);
    test_sql(pg, "SELECT drumbeat.enqueue('noop')");
    turn(&one, 1);
    ck_assert(seat_raise(one.pg, &one.key, &e));
    ck_assert(seat_release(one.pg, &one.key, &returned, &e));
    ck_assert_int_eq(returned, 1);
    succeed(&one, 1);
    end_as(&one, 1, (struct attempt_end){.outcome = OUTCOME_FAILED, .error = "no"});
    turn(&one, 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ended"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ready"), 1);
}
END_TEST

START_TEST(a_turn_in_a_transaction_is_part_of_it)
{
    struct err e;
    if (!drivers[_i]->transactional)
        return;
    use_driver(&one, drivers[_i]);
    test_sql(pg, "SELECT drumbeat.enqueue('noop')");
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
    use_driver(&one, drivers[_i]);
    test_sql(pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[600]))");
    turn(&one, CLAIM_MAX + 50);
    ck_assert_uint_eq(one.claims.count, CLAIM_MAX);
    for (int place = 1; place <= CLAIM_MAX; place++)
        end_as(&one, place, (struct attempt_end){.outcome = OUTCOME_SUCCESS, .result = "1"});
    turn(&one, CLAIM_MAX);
    ck_assert_uint_eq(one.claims.count, 100);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ended"), CLAIM_MAX);
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    Suite *suite = suite_create("broker");
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
    tcase_add_loop_test(tests, a_task_that_is_no_longer_held_is_not_settled_again, 0, DRIVERS);
    tcase_add_loop_test(tests, a_turn_in_a_transaction_is_part_of_it, 0, DRIVERS);
    tcase_add_loop_test(tests, a_full_claim_is_settled_whole, 0, DRIVERS);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    test_cluster_stop(cluster);
    return failed != 0;
}
