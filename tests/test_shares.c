/* Limits over all workers: how many run at once and how many start in a time, by key, handler and queue. On real workers. */
#include "tests/fixture/main.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct test_cluster *cluster;
static struct stage s;

static const char left[] = "SELECT count(*) FROM drumbeat.task WHERE status IN ('QUEUED', 'RUNNING')";
static const char *const pool_of_two[] = {"DRUMBEAT_WORKER_POOL=2", NULL};

static void open_stage(void)
{
    stage_open(&s, cluster);
}

static void close_stage(void)
{
    stage_close(&s);
}

static void start_workers(int count)
{
    for (int i = 0; i < count; i++)
        ck_assert(test_process_wait_for(stage_worker(&s, pool_of_two), "worker.registered", SECONDS(20)));
}

/* The most attempts of tasks of which `which` is true that went on at one moment, by what their rows say. */
static int64_t most_at_once(const char *which)
{
    char sql[600];
    snprintf(sql, sizeof sql,
             "WITH t AS (SELECT * FROM drumbeat.task WHERE started_at IS NOT NULL AND %s)"
             " SELECT max((SELECT count(*) FROM t y WHERE y.started_at <= x.started_at AND y.ended_at > x.started_at)) FROM t x", which);
    return test_number(s.pg, sql);
}

/* Look again and again until all tasks are over: the most that ran at a time in which somebody could see it. */
static int64_t most_seen(const char *running, usec_t limit)
{
    usec_t deadline = test_deadline(limit);
    int64_t most = 0;
    while (test_number(s.pg, left) > 0) {
        int64_t now = test_number(s.pg, running);
        most = now > most ? now : most;
        ck_assert_msg(clock_boot() < deadline, "%lld tasks are left", (long long)test_number(s.pg, left));
        usleep(2000);
    }
    return most;
}

/* Who first ----------------------------------------------------------------------------------------------------------- */

/* Of the first tasks that were started, how many `which` is true of. */
static int64_t among_first(int first, const char *which)
{
    char sql[400];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT * FROM drumbeat.task WHERE started_at IS NOT NULL ORDER BY started_at LIMIT %d) t WHERE %s", first, which);
    return test_number(s.pg, sql);
}

START_TEST(a_tenant_with_many_tasks_does_not_delay_another)
{
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.02}'::jsonb, ARRAY[100]), tenant => 'many');"
                   "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.02}'::jsonb, ARRAY[3]), tenant => 'few')");
    stage_worker(&s, pool_of_two);
    ck_assert(stage_wait(&s, left, 0, SECONDS(30)));
    ck_assert_int_eq(among_first(20, "tenant = 'few'"), 3);
}
END_TEST

START_TEST(a_tenants_weight_is_its_share_of_the_queue)
{
    test_sql(s.pg, "SELECT drumbeat.set_weight('heavy', 3);"
                   "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.02}'::jsonb, ARRAY[80]), tenant => 'light');"
                   "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.02}'::jsonb, ARRAY[80]), tenant => 'heavy')");
    stage_worker(&s, pool_of_two);
    ck_assert(stage_wait(&s, left, 0, SECONDS(30)));
    int64_t heavy = among_first(80, "tenant = 'heavy'");
    ck_assert_msg(heavy >= 52 && heavy <= 68, "%lld of the first 80 are of the tenant with three quarters", (long long)heavy);
}
END_TEST

/* A stream of urgent tasks that would last for 6 s. */
START_TEST(what_waits_behind_more_urgent_tasks_gains_with_time)
{
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.03}'::jsonb, ARRAY[200]), priority => 1);"
                   "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 0.01}', priority => 3)");
    stage_worker(&s, NULL, "--pool", "1", "--config", stage_config(&s, "worker: {ageing: 500ms}\n"));
    ck_assert(stage_wait(&s, left, 0, SECONDS(40)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE priority = 3 AND started_at - created_at > interval '500 ms'"), 1);
    ck_assert_int_eq(among_first(150, "priority = 3"), 1);
}
END_TEST

/* At once ------------------------------------------------------------------------------------------------------------- */

START_TEST(a_limit_of_three_on_a_key_holds_at_every_moment_over_four_workers)
{
    test_sql(s.pg, "SELECT drumbeat.set_limit('key', 'k', 3)");
    start_workers(4);
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.05}'::jsonb, ARRAY[120]), limit_key => 'k')");
    int64_t most = most_seen("SELECT count(*) FROM drumbeat.running r JOIN drumbeat.task_body b ON b.id = r.task_id WHERE b.limit_key = 'k'", SECONDS(30));
    ck_assert_int_eq(most, 3);
    ck_assert_int_eq(most_at_once("true"), 3);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'"), 120);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.slot"), 0);
    /* And is made use of: most start beside two others. How soon one follows another, the bench measures. */
    ck_assert_int_gt(test_number(s.pg, "SELECT count(*) FROM drumbeat.task x WHERE (SELECT count(*) FROM drumbeat.task y"
                                       " WHERE y.started_at <= x.started_at AND y.ended_at > x.started_at) = 3"), 60);
}
END_TEST

START_TEST(tasks_of_a_key_run_one_after_the_other_whatever_their_handler)
{
    start_workers(2);
    test_sql(s.pg, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 0.02}', limit_key => 'registry'), drumbeat.enqueue('effect', limit_key => 'registry', queue => 'other')"
                   " FROM generate_series(1, 20);"
                   "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 0.02}', limit_key => 'registry', run_at => now() + interval '100 ms')");
    ck_assert(stage_wait(&s, left, 0, SECONDS(30)));
    ck_assert_int_eq(most_at_once("true"), 1);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'"), 41);
}
END_TEST

START_TEST(keys_handlers_and_queues_are_limited_together)
{
    stage_worker(&s, pool_of_two, "--pool", "8", "--config",
                 stage_config(&s, "queues: {q: {limit: 4}}\nhandlers: {sleep: {limit: 3, limit_by: steps, limit_per_key: 2}}\n"));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.limit_rule", 3, SECONDS(20)));
    test_sql(s.pg, "SELECT drumbeat.enqueue('sleep', jsonb_build_object('seconds', 0.03, 'steps', n % 2 + 1), queue => 'q'), drumbeat.enqueue('hog', '{\"seconds\": 0.03}', queue => 'q')"
                   " FROM generate_series(1, 24) n");
    ck_assert_str_eq(stage_text(&s, "SELECT string_agg(DISTINCT coalesce(limit_key, '-'), ' ') FROM drumbeat.task_body"), "- sleep/1 sleep/2");
    ck_assert(stage_wait(&s, left, 0, SECONDS(30)));
    ck_assert_int_eq(most_at_once("true"), 4);
    ck_assert_int_le(most_at_once("name = 'sleep'"), 3);
    ck_assert_int_le(most_at_once("args ->> 'steps' = '1'"), 2);
    ck_assert_int_le(most_at_once("args ->> 'steps' = '2'"), 2);
}
END_TEST

START_TEST(a_tenant_with_many_tasks_does_not_delay_another_at_a_gate)
{
    start_workers(1);
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.02}'::jsonb, ARRAY[60]), limit_key => 'k', tenant => 'many');"
                   "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.02}'::jsonb, ARRAY[3]), limit_key => 'k', tenant => 'few')");
    ck_assert(stage_wait(&s, left, 0, SECONDS(30)));
    ck_assert_int_le(test_number(s.pg, "SELECT max(n) FROM (SELECT tenant, row_number() OVER (ORDER BY started_at) AS n FROM drumbeat.task) t WHERE tenant = 'few'"), 20);
}
END_TEST

START_TEST(the_more_urgent_goes_first_at_a_gate)
{
    test_sql(s.pg, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 0.01}', limit_key => 'k', priority => 9 - n) FROM generate_series(0, 9) n");
    start_workers(1);
    ck_assert(stage_wait(&s, left, 0, SECONDS(20)));
    ck_assert_str_eq(stage_text(&s, "SELECT string_agg(priority::text, '' ORDER BY started_at) FROM drumbeat.task"), "0123456789");
}
END_TEST

/* A seat without a process behind it, so that each step happens exactly when a test says so and no keeper adds any slot. */
static void take_seat(void)
{
    test_sql(s.pg, "SELECT drumbeat.open_worker('11111111-1111-4111-8111-111111111111', 'host', 1, 'version', NULL, 1, ARRAY['sleep'], ARRAY['default'], ARRAY[3],"
                   " ARRAY[0], ARRAY[NULL]::text[], interval '1 hour', 'boot', 1);"
                   "SELECT drumbeat.open_seat('11111111-1111-4111-8111-111111111111', 0, 'nobody')");
}

/* How many of the ready tasks it gets, of any lane. */
static int64_t claim_up_to(int wanted)
{
    char sql[600];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM drumbeat.seat t, (SELECT array_agg(queue) AS queues, array_agg(priority::int) AS priorities, array_agg(flow::int) AS flows,"
             " array_agg(0::bigint) AS cursors, array_agg(9) AS quotas FROM (SELECT DISTINCT queue, priority, flow FROM drumbeat.ready) x) l,"
             " drumbeat.claim(t.worker, t.seat, t.epoch, 1, l.queues, l.priorities, l.flows, l.cursors, l.quotas, ARRAY['sleep'], %d)", wanted);
    return test_number(s.pg, sql);
}

static void settle_the_first(void)
{
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM (SELECT * FROM drumbeat.running ORDER BY fence, place LIMIT 1) r JOIN drumbeat.seat t USING (worker, seat)"
                                       " WHERE drumbeat.settle_one(r.worker, r.seat, t.epoch, r.fence, r.place, ('success', false, interval '0', now(), now(),"
                                       " NULL, NULL, NULL, NULL, NULL, NULL)::drumbeat.attempt_end)"), 1);
}

/* One after the other until nothing is ready any more. */
static void run_all(int most)
{
    for (int i = 0; i < most && claim_up_to(1) == 1; i++)
        settle_the_first();
}

START_TEST(one_more_urgent_that_comes_later_is_next_at_a_gate)
{
    take_seat();
    test_sql(s.pg, "SELECT drumbeat.enqueue('sleep', limit_key => 'k') FROM generate_series(1, 5); SELECT drumbeat.admit(ARRAY['key k'], NULL)");
    ck_assert_int_eq(claim_up_to(1), 1);
    test_sql(s.pg, "SELECT drumbeat.enqueue('sleep', limit_key => 'k', priority => 1)");
    settle_the_first();
    ck_assert_str_eq(stage_text(&s, "SELECT string_agg(priority::text, ' ') FROM drumbeat.ready"), "1");
}
END_TEST

START_TEST(slots_beyond_a_lowered_limit_are_handed_to_nobody)
{
    take_seat();
    test_sql(s.pg, "SELECT drumbeat.set_limit('key', 'k', 3);"
                   "SELECT drumbeat.enqueue('sleep', limit_key => 'k') FROM generate_series(1, 9); SELECT drumbeat.admit(ARRAY['key k'], NULL)");
    ck_assert_int_eq(claim_up_to(9), 3);
    test_sql(s.pg, "SELECT drumbeat.set_limit('key', 'k', 1)");
    for (int left_over = 2; left_over >= 0; left_over--) {
        settle_the_first();
        ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.slot"), left_over);
        ck_assert_int_eq(claim_up_to(9), 0);
    }
    test_sql(s.pg, "SELECT drumbeat.admit(ARRAY['key k'], NULL)");
    ck_assert_int_eq(claim_up_to(9), 1);
    settle_the_first();
    ck_assert_msg(claim_up_to(9) == 1, "who counted few enough did not take the mark away");
}
END_TEST

START_TEST(a_tenants_weight_is_its_share_at_a_gate)
{
    take_seat();
    test_sql(s.pg, "SELECT drumbeat.set_weight('heavy', 3), drumbeat.set_limit('key', 'k', 2);"
                   "SELECT drumbeat.enqueue('sleep', limit_key => 'k', tenant => t) FROM unnest('{light,heavy,other}'::text[]) t, generate_series(1, 60);"
                   "SELECT drumbeat.admit(ARRAY['key k'], NULL)");
    run_all(50);
    int64_t heavy = test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS' AND tenant = 'heavy'");
    int64_t light = test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS' AND tenant = 'light'");
    ck_assert_msg(heavy >= 28 && heavy <= 32, "%lld of the first 50 are of the tenant with three fifths", (long long)heavy);
    ck_assert_msg(light >= 8 && light <= 12, "%lld of the first 50 are of a tenant with a fifth", (long long)light);
}
END_TEST

START_TEST(an_enqueue_in_a_long_transaction_stops_nobody_of_its_key)
{
    struct pg *app = test_connect(s.url);
    start_workers(2);
    test_sql(app, "BEGIN; SELECT drumbeat.enqueue('noop', limit_key => 'k')");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[50]), limit_key => 'k')");
    ck_assert(stage_wait(&s, left, 0, SECONDS(10)));
    test_sql(app, "COMMIT");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'", 51, SECONDS(5)));
    pg_close(app);
}
END_TEST

START_TEST(a_burst_ends_when_limited_tasks_are_done)
{
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.01}'::jsonb, ARRAY[20]), limit_key => 'k')");
    struct test_process *worker CLEANUP(test_process_freep) = test_drumbeat(s.url, "worker", "--burst", "--pool", "2", NULL);
    ck_assert_int_eq(test_process_status(worker), 0);
    ck_assert_int_eq(test_number(s.pg, left), 0);
}
END_TEST

/* In a time ----------------------------------------------------------------------------------------------------------- */

/* Counted where the rate is kept, not where a busy machine starts what was let through. */
START_TEST(a_rate_is_kept_over_all_workers)
{
    test_sql(s.pg, "SELECT drumbeat.set_limit('queue', 'mail', rate => '20/s'); CREATE TABLE passed (at timestamptz);"
                   "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO passed VALUES (now()); RETURN NULL; END $$;"
                   "CREATE TRIGGER note AFTER INSERT ON drumbeat.ready FOR EACH ROW EXECUTE FUNCTION note()");
    start_workers(2);
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[50]), queue => 'mail')");
    ck_assert(stage_wait(&s, left, 0, SECONDS(20)));
    int64_t took = test_number(s.pg, "SELECT extract(epoch FROM max(started_at) - min(started_at)) * 1000 FROM drumbeat.task");
    ck_assert_msg(took >= 2000 && took < 20000, "50 tasks at 20/s started within %lld ms", (long long)took);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM passed"), 50);
    ck_assert_int_le(test_number(s.pg, "SELECT max((SELECT count(*) FROM passed y WHERE y.at >= x.at AND y.at < x.at + interval '1 s')) FROM passed x"), 28);
}
END_TEST

START_TEST(each_key_has_a_rate_of_its_own)
{
    stage_worker(&s, pool_of_two, "--config", stage_config(&s, "handlers: {echo: {limit_by: for, limit_per_key: 0, rate_per_key: 5/s}}\n"));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.limit_rule WHERE kind = 'keys'", 1, SECONDS(20)));
    test_sql(s.pg, "SELECT drumbeat.enqueue('echo', jsonb_build_object('for', n % 8)) FROM generate_series(1, 40) n");
    ck_assert(stage_wait(&s, left, 0, SECONDS(20)));
    ck_assert_int_ge(test_number(s.pg, "SELECT min(took) FROM (SELECT extract(epoch FROM max(started_at) - min(started_at)) * 1000 AS took FROM drumbeat.task"
                                       " GROUP BY args) t"), 400);
    /* All together would need 8 s. */
    ck_assert_int_lt(test_number(s.pg, "SELECT extract(epoch FROM max(started_at) - min(started_at)) * 1000 FROM drumbeat.task"), 6000);
}
END_TEST

/* One an hour: the first starts, the others wait with nothing in their hands. */
START_TEST(who_waits_for_a_rate_keeps_no_slot_from_others)
{
    test_sql(s.pg, "SELECT drumbeat.set_limit('handler', 'echo', rate => '1/h'), drumbeat.set_limit('queue', 'q', 1), drumbeat.set_limit('key', 'k', 1);"
                   "SELECT drumbeat.enqueue_many('echo', array_fill('{}'::jsonb, ARRAY[5]), queue => 'q', limit_key => 'k')");
    start_workers(2);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 1, SECONDS(20)));
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('echo', array_fill('{}'::jsonb, ARRAY[5]), queue => 'q', limit_key => 'k');"
                   "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[5]), queue => 'q');"
                   "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[5]), limit_key => 'k')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 11, SECONDS(20)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.gated WHERE gate = 'rate handler echo'"), 9);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.slot", 0, SECONDS(20)));
}
END_TEST

/* One an hour and a hundred a second: neither the line of those under both nor the one that is called on there keeps the others. */
START_TEST(a_slow_rate_does_not_hold_up_a_fast_one)
{
    test_sql(s.pg, "SELECT drumbeat.set_limit('handler', 'echo', rate => '1/h'), drumbeat.set_limit('key', 'k', 100, '100/s');"
                   "SELECT drumbeat.enqueue_many('echo', array_fill('{}'::jsonb, ARRAY[5]), limit_key => 'k');"
                   "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[20]), limit_key => 'k')");
    start_workers(2);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 21, SECONDS(20)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.gated WHERE gate = 'rate handler echo'"), 4);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.slot", 0, SECONDS(20)));
    /* Which of the two is the slower one changes while they wait. */
    test_sql(s.pg, "SELECT drumbeat.set_limit('key', 'k', 100, '1/h'), drumbeat.set_limit('handler', 'echo', rate => '100/s');"
                   "SELECT drumbeat.enqueue_many('echo', array_fill('{}'::jsonb, ARRAY[20]))");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 42, SECONDS(20)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.gated WHERE gate = 'rate key k'"), 3);
    test_sql(s.pg, "SELECT drumbeat.clear_limit('key', 'k')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 45, SECONDS(20)));
}
END_TEST

/* As many as have a token are called on, and wait for a slot in turn with those who need none. */
START_TEST(a_rate_and_a_limit_hold_together_and_nobody_starves)
{
    test_sql(s.pg, "SELECT drumbeat.set_limit('handler', 'echo', rate => '20/s'), drumbeat.set_limit('queue', 'q', 2); CREATE TABLE passed (at timestamptz);"
                   "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO passed VALUES (now()); RETURN NULL; END $$;"
                   "CREATE TRIGGER note AFTER INSERT ON drumbeat.ready FOR EACH ROW WHEN (NEW.name = 'echo') EXECUTE FUNCTION note();"
                   "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.02}'::jsonb, ARRAY[200]), queue => 'q');"
                   "SELECT drumbeat.enqueue_many('echo', array_fill('{}'::jsonb, ARRAY[30]), queue => 'q')");
    start_workers(2);
    int64_t most = most_seen("SELECT count(*) FROM drumbeat.running", SECONDS(60));
    ck_assert_int_le(most, 2);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM passed"), 30);
    ck_assert_int_le(test_number(s.pg, "SELECT max((SELECT count(*) FROM passed y WHERE y.at >= x.at AND y.at < x.at + interval '1 s')) FROM passed x"), 28);
    /* They did not wait for the end of the line that stood there before them. */
    ck_assert_int_lt(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE name = 'sleep'"
                                       " AND started_at < (SELECT min(started_at) FROM drumbeat.task WHERE name = 'echo')"), 100);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.slot", 0, SECONDS(20)));
}
END_TEST

/* Changes ------------------------------------------------------------------------------------------------------------- */

START_TEST(a_new_limit_counts_what_runs_and_takes_back_what_is_ready)
{
    start_workers(2);
    stage_hold(&s);
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('effect', array_fill('{}'::jsonb, ARRAY[12]), queue => 'q')");
    stage_await_held(&s, 4);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.running", 4, SECONDS(10)));
    test_sql(s.pg, "SELECT drumbeat.set_limit('queue', 'q', 2)");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.ready"), 0);
    stage_let_go(&s);
    ck_assert(stage_wait(&s, left, 0, SECONDS(10)));
    ck_assert_int_le(most_at_once("started_at > (SELECT (array_agg(ended_at ORDER BY ended_at))[4] FROM drumbeat.task)"), 2);
    stage_hold(&s);
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('effect', array_fill('{}'::jsonb, ARRAY[6]), queue => 'q')");
    stage_await_held(&s, 2);
    test_sql(s.pg, "SELECT drumbeat.set_limit('queue', 'q', 4)");
    stage_await_held(&s, 4);
    test_sql(s.pg, "SELECT drumbeat.clear_limit('queue', 'q')");
    stage_let_go(&s);
    ck_assert(stage_wait(&s, left, 0, SECONDS(10)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.slot"), 0);
}
END_TEST

/* Six seats, three of them busy when the limit comes: the next start when one of those has ended. */
START_TEST(what_runs_when_a_limit_comes_takes_part_of_it)
{
    start_workers(3);
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 1.5}'::jsonb, ARRAY[3]), queue => 'q')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.running WHERE started_at IS NOT NULL", 3, SECONDS(20)));
    test_sql(s.pg, "SELECT drumbeat.set_limit('queue', 'q', 3)");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.01}'::jsonb, ARRAY[3]), queue => 'q', tenant => 'later')");
    ck_assert(stage_wait(&s, left, 0, SECONDS(30)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task t WHERE tenant = 'later'"
                                       " AND started_at < (SELECT min(ended_at) FROM drumbeat.task WHERE tenant IS NULL)"), 0);
}
END_TEST

START_TEST(a_paused_queue_gives_back_the_slots_that_others_need)
{
    test_sql(s.pg, "SELECT drumbeat.pause('idle'); SELECT drumbeat.enqueue('noop', queue => 'idle', limit_key => 'k') FROM generate_series(1, 5)");
    start_workers(1);
    test_sql(s.pg, "SELECT drumbeat.enqueue('noop', limit_key => 'k')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 1, SECONDS(5)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.gated WHERE gate = 'pause idle'", 5, SECONDS(5)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.slot"), 0);
    test_sql(s.pg, "SELECT drumbeat.resume('idle')");
    ck_assert(stage_wait(&s, left, 0, SECONDS(5)));
    /* The other way round: ready, with its slot, when the queue is paused. In one transaction, so that no worker is quicker. */
    test_sql(s.pg, "BEGIN; SELECT drumbeat.enqueue('noop', queue => 'idle', limit_key => 'k'); SELECT drumbeat.admit(ARRAY['key k'], NULL)");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.slot JOIN drumbeat.ready USING (task_id)"), 1);
    test_sql(s.pg, "SELECT drumbeat.pause('idle')");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.slot"), 0);
    test_sql(s.pg, "COMMIT");
    test_sql(s.pg, "SELECT drumbeat.resume('idle')");
    ck_assert(stage_wait(&s, left, 0, SECONDS(10)));
}
END_TEST

START_TEST(a_task_that_nobody_can_run_holds_no_slot)
{
    start_workers(1);
    test_sql(s.pg, "SELECT drumbeat.enqueue('of.tomorrow', limit_key => 'k'), drumbeat.enqueue('noop', limit_key => 'k')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 1, SECONDS(5)));
    ck_assert_str_eq(stage_text(&s, "SELECT gate FROM drumbeat.gated"), "nobody default of.tomorrow");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.slot"), 0);
    test_sql(s.pg, "SELECT drumbeat.cancel(task_id) FROM drumbeat.gated");
    ck_assert_int_eq(test_number(s.pg, left), 0);
}
END_TEST

START_TEST(what_waits_at_a_gate_is_queued_and_can_be_cancelled_and_purged)
{
    test_sql(s.pg, "SELECT drumbeat.enqueue('noop', queue => 'q', limit_key => 'k') FROM generate_series(1, 4)");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'QUEUED' AND attempt = 0"), 4);
    test_sql(s.pg, "SELECT drumbeat.set_limit('key', 'k', 1)");
    ck_assert_int_eq(test_number(s.pg, "SELECT waiting FROM drumbeat.limit_use WHERE name = 'k'"), 4);
    ck_assert_str_eq(stage_text(&s, "SELECT reason || ': ' || detail FROM drumbeat.why_waiting((SELECT task_id FROM drumbeat.gated ORDER BY seq DESC LIMIT 1))"),
                     "limit: key k: 0 of 1 run or are about to, 3 before it");
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task LIMIT 1");
    ck_assert_int_eq(test_number(s.pg, "SELECT drumbeat.purge('q')"), 3);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'KILLED'"), 4);
    test_sql(s.pg, "SELECT drumbeat.retry(id) FROM drumbeat.task");
    start_workers(1);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'", 4, SECONDS(10)));
}
END_TEST

/* Bad values ---------------------------------------------------------------------------------------------------------- */

static const char *const refused[] = {
    "SELECT drumbeat.set_limit('task', 'x', 1)",       "SELECT drumbeat.set_limit('key', '', 1)",
    "SELECT drumbeat.set_limit('queue', 'x')",         "SELECT drumbeat.set_limit('queue', 'x', 0)",
    "SELECT drumbeat.set_limit('queue', 'x', 1, '5')", "SELECT drumbeat.set_limit('queue', 'x', NULL, '0/s')",
    "SELECT drumbeat.set_limit(NULL, 'x', 1)",         "SELECT drumbeat.enqueue('noop', limit_key => '')",
};

START_TEST(a_limit_that_is_none_is_refused)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char sql[400];
        snprintf(sql, sizeof sql, "DO $do$ BEGIN PERFORM %s; RAISE EXCEPTION 'was taken'; EXCEPTION WHEN invalid_parameter_value THEN NULL; END $do$", refused[i] + strlen("SELECT "));
        test_sql(s.pg, sql);
    }
    ck_assert_str_eq(stage_text(&s, "SELECT string_agg(extract(epoch FROM drumbeat.rate_step(r))::float8::text, ' ' ORDER BY n)"
                                    " FROM unnest(ARRAY['10/s', '600/m', '5/10m', '1/d']) WITH ORDINALITY x(r, n)"), "0.1 0.1 120 86400");
}
END_TEST

/* Under fire ---------------------------------------------------------------------------------------------------------- */

static void kill_a_child(void)
{
    int64_t pid = test_number(s.pg, "SELECT max(pid) FROM (SELECT pid FROM drumbeat.running ORDER BY random() LIMIT 1) r");
    if (pid > 0)
        kill((pid_t)pid, SIGKILL);
}

/* Whoever is killed: slots are given on, and nobody runs beside those that hold them. */
START_TEST(killed_children_leak_no_slot_and_exceed_no_limit)
{
    test_sql(s.pg, "SELECT drumbeat.set_limit('key', 'k0', 2), drumbeat.set_limit('queue', 'q', 5)");
    start_workers(3);
    for (int round = 0; round < 40; round++) {
        test_sql(s.pg, "SELECT drumbeat.enqueue(CASE WHEN n % 3 = 0 THEN 'effect' ELSE 'sleep' END, CASE WHEN n % 3 = 0 THEN '{}' ELSE '{\"seconds\": 0.03}' END::jsonb,"
                       " queue => 'q', limit_key => 'k' || n % 3, tenant => 't' || n % 2, max_attempts => 100) FROM generate_series(1, 6) n");
        if (round % 5 == 3)
            test_sql(s.pg, "SELECT drumbeat.cancel(task_id) FROM (SELECT task_id FROM drumbeat.gated ORDER BY random() LIMIT 2) g");
        kill_a_child();
        usleep(20000);
    }
    int64_t most = most_seen("SELECT max(n) FROM (SELECT count(*) - CASE b.limit_key WHEN 'k0' THEN 1 ELSE 0 END AS n FROM drumbeat.running r"
                             " JOIN drumbeat.task_body b ON b.id = r.task_id GROUP BY b.limit_key) x", SECONDS(60));
    ck_assert_int_le(most, 1);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.slot"), 0);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE status NOT IN ('SUCCESS', 'KILLED')"), 0);
    invariants_assert(s.pg, true);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("shares");
    TCase *tests = tcase_create("limits");
    tcase_set_timeout(tests, 100);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    tcase_add_test(tests, a_tenant_with_many_tasks_does_not_delay_another);
    tcase_add_test(tests, a_tenants_weight_is_its_share_of_the_queue);
    tcase_add_test(tests, what_waits_behind_more_urgent_tasks_gains_with_time);
    tcase_add_test(tests, a_limit_of_three_on_a_key_holds_at_every_moment_over_four_workers);
    tcase_add_test(tests, tasks_of_a_key_run_one_after_the_other_whatever_their_handler);
    tcase_add_test(tests, keys_handlers_and_queues_are_limited_together);
    tcase_add_test(tests, a_tenant_with_many_tasks_does_not_delay_another_at_a_gate);
    tcase_add_test(tests, the_more_urgent_goes_first_at_a_gate);
    tcase_add_test(tests, one_more_urgent_that_comes_later_is_next_at_a_gate);
    tcase_add_test(tests, slots_beyond_a_lowered_limit_are_handed_to_nobody);
    tcase_add_test(tests, a_tenants_weight_is_its_share_at_a_gate);
    tcase_add_test(tests, an_enqueue_in_a_long_transaction_stops_nobody_of_its_key);
    tcase_add_test(tests, a_burst_ends_when_limited_tasks_are_done);
    tcase_add_test(tests, a_rate_is_kept_over_all_workers);
    tcase_add_test(tests, each_key_has_a_rate_of_its_own);
    tcase_add_test(tests, who_waits_for_a_rate_keeps_no_slot_from_others);
    tcase_add_test(tests, a_slow_rate_does_not_hold_up_a_fast_one);
    tcase_add_test(tests, a_rate_and_a_limit_hold_together_and_nobody_starves);
    tcase_add_test(tests, a_new_limit_counts_what_runs_and_takes_back_what_is_ready);
    tcase_add_test(tests, what_runs_when_a_limit_comes_takes_part_of_it);
    tcase_add_test(tests, a_paused_queue_gives_back_the_slots_that_others_need);
    tcase_add_test(tests, a_task_that_nobody_can_run_holds_no_slot);
    tcase_add_test(tests, what_waits_at_a_gate_is_queued_and_can_be_cancelled_and_purged);
    tcase_add_test(tests, a_limit_that_is_none_is_refused);
    tcase_add_test(tests, killed_children_leak_no_slot_and_exceed_no_limit);
    suite_add_tcase(all, tests);
    return all;
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    int failed = test_main(suite());
    test_cluster_stop(cluster);
    return failed;
}
