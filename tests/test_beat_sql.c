/* What the schema does for schedules: definitions, marks, emission, overlap policies, triggers by hand. */
#include "beat/backfill.h"
#include "beat/schedule.h"
#include "beat/store.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct test_cluster *cluster;
static const char *url;
static struct pg *pg;
static struct uuid beat_id;
static int64_t epoch;

static void connect(void)
{
    struct leadership lead;
    struct err e;
    url = test_cluster_database(cluster);
    pg = test_connect(url);
    beat_id = uuid_v7();
    ck_assert(store_lead(pg, beat_id, SECONDS(10), true, true, &lead, &e));
    ck_assert(lead.leads);
    epoch = lead.epoch;
}

static void disconnect(void)
{
    pg_close(pg);
}

/* Add a schedule of seconds and set its mark back to 2026-01-01. */
static void add_schedule(const char *name, const char *overlap)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "INSERT INTO drumbeat.schedule (name, handler, specs, overlap, args) VALUES ('%s', 'noop', '{@every 1s}', "
             "'%s', '{\"a\": 1}');"
             "UPDATE drumbeat.schedule SET mark = '2026-01-01Z'",
             name, overlap);
    test_sql(pg, sql);
}

static const usec_t day_one = 20454 * DAYS(1); /* 2026-01-01 */

/* The emission of the tick `second` seconds after the mark, which is `mark` seconds after 2026-01-01. */
static struct emission emission_of(const char *name, int mark, int tick)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT revision FROM drumbeat.schedule WHERE name = '%s'", name);
    return (struct emission){.name = name,
                             .revision = test_number(pg, sql),
                             .mark = day_one + SECONDS(mark),
                             .what = {.tick = day_one + SECONDS(tick),
                                      .due = day_one + SECONDS(tick),
                                      .mark = day_one + SECONDS(tick),
                                      .next = day_one + SECONDS(tick + 1)}};
}

static bool emit(struct emission m)
{
    struct err e;
    bool done = false;
    ck_assert_msg(store_emit(pg, beat_id, epoch, &m, 1, &done, &e), "%s", e.text);
    return done;
}

/* Emission ------------------------------------------------------------------------------------------------------ */

START_TEST(a_tick_its_task_and_the_mark_are_one)
{
    add_schedule("a", "allow");
    test_sql(pg, "INSERT INTO drumbeat.handler (name, queue, max_attempts) VALUES ('noop', 'trial', 7)");
    ck_assert(emit(emission_of("a", 0, 1)));
    ck_assert_int_eq(
        test_number(
            pg, "SELECT count(*) FROM drumbeat.tick t JOIN drumbeat.task k ON k.id = t.task_id"
                " WHERE k.schedule = t.schedule AND k.tick_at = t.tick_at AND t.tick_at = '2026-01-01 00:00:01Z'"
                " AND k.name = 'noop' AND k.queue = 'trial' AND k.max_attempts = 7 AND k.args = '{\"a\": 1}'"
                " AND k.status = 'QUEUED' AND k.lateness_ms = t.lateness_ms AND t.lateness_ms > 0 AND k.missed = 0"),
        1);
    ck_assert_str_eq(
        test_text(pg, "SELECT mark = last_tick AND mark = '2026-01-01 00:00:01Z' AND next_tick = '2026-01-01 00:00:02Z'"
                      " FROM drumbeat.schedule"),
        "t");
}
END_TEST

START_TEST(the_same_emission_twice_is_one_task)
{
    add_schedule("a", "allow");
    struct emission m = emission_of("a", 0, 1);
    ck_assert(emit(m));
    ck_assert(!emit(m));
    test_sql(pg,
             "UPDATE drumbeat.schedule SET mark = '2026-01-01Z'"); /* a mark that was set back still meets the tick */
    ck_assert(emit(m));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 1);
}
END_TEST

START_TEST(an_old_definition_emits_nothing)
{
    add_schedule("a", "allow");
    struct emission m = emission_of("a", 0, 1);
    test_sql(pg, "UPDATE drumbeat.schedule SET args = '{}'");
    ck_assert(!emit(m));
    m = emission_of("a", 0, 1);
    test_sql(pg, "SELECT drumbeat.pause_schedule('a')");
    ck_assert(!emit(m));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.tick"), 0);
}
END_TEST

START_TEST(a_beat_that_lost_the_lease_writes_nothing)
{
    struct leadership other;
    struct err e;
    bool done;
    add_schedule("a", "allow");
    struct emission m = emission_of("a", 0, 1);
    ck_assert(store_lead(pg, uuid_v7(), SECONDS(10), true, true, &other, &e));
    ck_assert(!other.leads);
    test_sql(pg, "UPDATE drumbeat.beat_lease SET until = '2026-01-01Z'");
    ck_assert(store_lead(pg, uuid_v7(), SECONDS(10), true, true, &other, &e));
    ck_assert(other.leads && other.epoch > epoch);
    ck_assert(!store_emit(pg, beat_id, epoch, &m, 1, &done, &e));
    ck_assert_int_eq(e.kind, ERR_FENCED);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.tick"), 0);
}
END_TEST

START_TEST(a_lease_in_a_far_future_is_free)
{
    struct leadership other;
    struct err e;
    test_sql(
        pg,
        "UPDATE drumbeat.beat_lease SET until = clock_timestamp() + interval '1 hour'"); /* the clock was put back */
    ck_assert(store_lead(pg, uuid_v7(), SECONDS(10), true, true, &other, &e));
    ck_assert(other.leads);
}
END_TEST

START_TEST(ticks_passed_over_are_told_by_the_next_task)
{
    add_schedule("a", "allow");
    struct emission m = emission_of("a", 0, 5);
    m.what.tick = 0;
    m.what.passed = 5;
    ck_assert(emit(m));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.tick"), 0);
    m = emission_of("a", 5, 9);
    m.what.passed = 3;
    ck_assert(emit(m));
    ck_assert_int_eq(test_number(pg, "SELECT missed FROM drumbeat.task"), 8);
    ck_assert_int_eq(test_number(pg, "SELECT missed FROM drumbeat.schedule"), 0);
}
END_TEST

/* Overlap ------------------------------------------------------------------------------------------------------- */

static void run_task(int tick)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "WITH t AS (DELETE FROM drumbeat.ready USING drumbeat.tick WHERE ready.task_id = tick.task_id"
             " AND tick.tick_at = timestamptz '2026-01-01Z' + %d * interval '1 s' RETURNING ready.*)"
             " INSERT INTO drumbeat.running (task_id, fence, worker, seat, place, seq, attempt, allowed, started_at)"
             " SELECT task_id, 1, task_id, 1, 1, seq, 1, allowed, now() FROM t",
             tick);
    test_sql(pg, sql);
}

static void end_task(int tick)
{
    char sql[512];
    snprintf(
        sql, sizeof sql,
        "WITH t AS (DELETE FROM drumbeat.running USING drumbeat.tick WHERE running.task_id = tick.task_id"
        " AND tick.tick_at = timestamptz '2026-01-01Z' + %d * interval '1 s' RETURNING running.*)"
        " INSERT INTO drumbeat.ended (task_id, status, attempt, ended_at) SELECT task_id, 'ERRORED', 1, now() FROM t",
        tick);
    test_sql(pg, sql);
}

/* "QUEUED RUNNING SKIPPED" in the order of ticks; a task asked to stop has a "!". */
static const char *statuses(void)
{
    return test_text(pg, "SELECT coalesce(string_agg(status || CASE WHEN should_be_killed THEN '!' ELSE '' END, ' ' "
                         "ORDER BY tick_at), '')"
                         " FROM drumbeat.task");
}

static const struct {
    const char *overlap, *one_queued, *one_running, *one_running_one_queued;
} overlaps[] = {
    {"allow", "QUEUED QUEUED", "RUNNING QUEUED", "RUNNING QUEUED QUEUED"},
    {"skip", "QUEUED SKIPPED", "RUNNING SKIPPED", "RUNNING SKIPPED SKIPPED"},
    {"queue_one", "QUEUED SKIPPED", "RUNNING QUEUED", "RUNNING QUEUED SKIPPED"},
    {"replace", "SKIPPED QUEUED", "RUNNING QUEUED", "RUNNING SKIPPED QUEUED"},
    {"cancel_other", "SKIPPED QUEUED", "RUNNING! QUEUED", "RUNNING! SKIPPED QUEUED"},
};

START_TEST(overlap_policies_look_at_unfinished_tasks)
{
    const char *overlap = overlaps[_i].overlap;
    add_schedule("a", overlap);
    ck_assert(emit(emission_of("a", 0, 1)));
    ck_assert(emit(emission_of("a", 1, 2)));
    ck_assert_msg(strcmp(statuses(), overlaps[_i].one_queued) == 0, "%s, one queued: %s", overlap, statuses());
    test_sql(pg, "TRUNCATE drumbeat.tick, drumbeat.task_body, drumbeat.ready, drumbeat.ended, drumbeat.schedule_open");
    ck_assert(emit(emission_of("a", 2, 3)));
    run_task(3);
    ck_assert(emit(emission_of("a", 3, 4)));
    ck_assert_msg(strcmp(statuses(), overlaps[_i].one_running) == 0, "%s, one running: %s", overlap, statuses());
    ck_assert(emit(emission_of("a", 4, 5)));
    ck_assert_msg(strcmp(statuses(), overlaps[_i].one_running_one_queued) == 0, "%s, one running, one queued: %s",
                  overlap, statuses());
}
END_TEST

START_TEST(a_task_that_ended_is_in_nobodys_way_until_it_is_retried)
{
    add_schedule("a", "skip");
    ck_assert(emit(emission_of("a", 0, 1)));
    run_task(1);
    end_task(1);
    ck_assert(emit(emission_of("a", 1, 2)));
    ck_assert_str_eq(statuses(), "ERRORED QUEUED");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.schedule_open"), 1);
    run_task(2);
    end_task(2);
    test_sql(pg, "SELECT drumbeat.retry(task_id) FROM drumbeat.tick ORDER BY tick_at LIMIT 1");
    ck_assert(emit(emission_of("a", 2, 3)));
    ck_assert_str_eq(statuses(), "QUEUED ERRORED SKIPPED");
}
END_TEST

START_TEST(a_policy_counts_tasks_from_before_it_was_set)
{
    add_schedule("a", "allow");
    ck_assert(emit(emission_of("a", 0, 1)));
    test_sql(pg, "UPDATE drumbeat.schedule SET overlap = 'skip'");
    ck_assert(emit(emission_of("a", 1, 2)));
    ck_assert_str_eq(statuses(), "QUEUED SKIPPED");
}
END_TEST

START_TEST(a_task_whose_unique_key_is_held_is_skipped)
{
    test_sql(pg, "INSERT INTO drumbeat.handler (name, unique_by) VALUES ('noop', 'a')");
    test_sql(pg, "SELECT drumbeat.enqueue('noop', '{\"a\": 2}')");
    add_schedule("a", "allow");
    ck_assert(emit(emission_of("a", 0, 1)));
    ck_assert(emit(emission_of("a", 1, 2)));
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(status || ' ' || unique_key, ', ' ORDER BY tick_at) FROM "
                                   "drumbeat.task WHERE schedule = 'a'"),
                     "QUEUED 1, SKIPPED 1");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.unique_lock"), 2);
    test_sql(pg, "SELECT drumbeat.cancel(task_id) FROM drumbeat.tick; UPDATE drumbeat.schedule SET args = '{}'");
    ck_assert(emit(emission_of("a", 2, 3)));
    ck_assert_str_eq(statuses(), "KILLED! SKIPPED QUEUED QUEUED");
}
END_TEST

/* Limits ------------------------------------------------------------------------------------------------------------
 */

START_TEST(what_a_schedule_says_about_its_tasks_reaches_them)
{
    add_schedule("a", "allow");
    test_sql(pg,
             "UPDATE drumbeat.schedule SET priority = 2, tenant = 'nepal', notes = 'ask first', mark = '2026-01-01Z'");
    ck_assert(emit(emission_of("a", 0, 1)));
    ck_assert_str_eq(test_text(pg, "SELECT priority || ' ' || tenant FROM drumbeat.task"), "2 nepal");
}
END_TEST

START_TEST(a_schedule_runs_as_often_as_it_may_and_anew_when_enabled_again)
{
    add_schedule("a", "allow");
    test_sql(pg, "UPDATE drumbeat.schedule SET max_runs = 2; UPDATE drumbeat.schedule SET mark = '2026-01-01Z'");
    ck_assert(emit(emission_of("a", 0, 1)));
    ck_assert_str_eq(test_text(pg, "SELECT next_tick IS NOT NULL AND problem IS NULL FROM drumbeat.schedule"), "t");
    ck_assert(emit(emission_of("a", 1, 2)));
    ck_assert_str_eq(test_text(pg, "SELECT problem || ', ' || (next_tick IS NULL) FROM drumbeat.schedule"),
                     "over: it has run 2 times, true");
    ck_assert(!emit(emission_of("a", 2, 3)));
    ck_assert_str_eq(test_text(pg, "SELECT active FROM drumbeat.schedule_rule"), "f");
    test_sql(pg, "UPDATE drumbeat.schedule SET notes = 'n'");
    ck_assert_str_eq(test_text(pg, "SELECT problem FROM drumbeat.schedule"), "over: it has run 2 times");
    test_sql(pg, "UPDATE drumbeat.schedule SET max_runs = 3");
    ck_assert_str_eq(
        test_text(pg, "SELECT active AND mark > clock_timestamp() - interval '1 min' FROM drumbeat.schedule_rule"),
        "t");
    test_sql(pg, "UPDATE drumbeat.schedule SET max_runs = 1");
    ck_assert_str_eq(test_text(pg, "SELECT active FROM drumbeat.schedule_rule"), "f");
    test_sql(pg, "UPDATE drumbeat.schedule SET enabled = false; UPDATE drumbeat.schedule SET enabled = true");
    ck_assert_str_eq(
        test_text(
            pg,
            "SELECT s.runs = 0 AND r.active AND s.problem IS NULL FROM drumbeat.schedule s, drumbeat.schedule_rule r"),
        "t");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 2);
}
END_TEST

/* The task of that tick ends so. */
static void end_as(int tick, const char *status)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "WITH gone AS (DELETE FROM drumbeat.ready r USING drumbeat.tick t WHERE r.task_id = t.task_id"
             "  AND t.tick_at = '2026-01-01Z'::timestamptz + interval '%d s' RETURNING r.task_id)"
             " INSERT INTO drumbeat.ended (task_id, status, attempt, ended_at)"
             " SELECT task_id, '%s', 1, clock_timestamp() FROM gone",
             tick, status);
    test_sql(pg, sql);
}

static int told;

static void count_told(const char *name)
{
    ck_assert_str_eq(name, "a");
    told++;
}

/* How many were paused. */
static int pause_failing(void)
{
    char *looked_to;
    struct err e;
    told = 0;
    ck_assert_msg(store_pause_failing(pg, "", count_told, &looked_to, &e), "%s", e.text);
    ck_assert_str_eq(looked_to, "a");
    free(looked_to);
    ck_assert(store_pause_failing(pg, "a", count_told, &looked_to, &e));
    ck_assert_ptr_null(looked_to);
    return told;
}

START_TEST(a_schedule_whose_tasks_fail_is_paused_and_forgiven_when_resumed)
{
    struct err e;
    add_schedule("a", "allow");
    test_sql(pg, "UPDATE drumbeat.schedule SET pause_after_failures = 2");
    static const char *const ends[] = {"ERRORED", "SUCCESS", "ERRORED", "SKIPPED", "KILLED", "ERRORED"};
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(pause_failing(), 0);
        ck_assert(emit(emission_of("a", i, i + 1)));
        end_as(i + 1, ends[i]);
    }
    ck_assert(emit(emission_of("a", 6, 7))); /* unfinished */
    ck_assert_int_eq(pause_failing(), 1);
    ck_assert_str_eq(test_text(pg, "SELECT paused_reason || ' by ' || paused_by FROM drumbeat.schedule WHERE paused"),
                     "paused after 2 failures by beat");
    ck_assert(schedule_resume(pg, "a", &e));
    ck_assert_int_eq(pause_failing(), 0);
}
END_TEST

START_TEST(schedules_that_tick_at_once_are_a_herd)
{
    int64_t count;
    usec_t at;
    struct err e;
    test_sql(pg, "INSERT INTO drumbeat.schedule (name, handler, specs) SELECT 's' || i, 'noop', '{@daily}' FROM "
                 "generate_series(1, 20) i;"
                 "UPDATE drumbeat.schedule SET next_tick = '2026-01-01Z'");
    ck_assert(schedule_herd(pg, &at, &count, &e));
    ck_assert_int_eq(count, 20);
    ck_assert_int_eq(at, day_one);
    test_sql(pg, "UPDATE drumbeat.schedule SET next_tick = '2026-01-02Z' WHERE name = 's7'");
    ck_assert(schedule_herd(pg, &at, &count, &e));
    ck_assert_int_eq(count, 0);
}
END_TEST

/* Definitions --------------------------------------------------------------------------------------------------- */

START_TEST(changing_the_times_moves_the_mark_and_changing_the_rest_does_not)
{
    add_schedule("a", "allow");
    test_sql(pg,
             "UPDATE drumbeat.schedule SET args = '{\"b\": 2}', handler = 'echo', overlap = 'skip', catchup = 'all'");
    ck_assert_str_eq(test_text(pg, "SELECT mark = '2026-01-01Z' FROM drumbeat.schedule"), "t");
    static const char *const changes[] = {
        "specs = '{@daily}'", "tz = 'Europe/Paris'", "enabled = false",
        "enabled = true",     "paused = true",       "jitter = '1 s'",
        "start_at = now()",   "max_runs = 5",        "every_weeks = 2, anchor = '2026-01-05'"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char sql[256];
        snprintf(sql, sizeof sql,
                 "UPDATE drumbeat.schedule SET mark = '2026-01-01Z', next_tick = '2026-01-02Z'; UPDATE "
                 "drumbeat.schedule SET %s",
                 changes[i]);
        test_sql(pg, sql);
        ck_assert_msg(
            strcmp(
                test_text(
                    pg,
                    "SELECT mark > clock_timestamp() - interval '1 min' AND next_tick IS NULL FROM drumbeat.schedule"),
                "t") == 0,
            "%s", changes[i]);
    }
}
END_TEST

START_TEST(the_mark_is_no_older_than_the_commit)
{
    test_sql(pg, "BEGIN; INSERT INTO drumbeat.schedule (name, handler, specs) VALUES ('a', 'noop', '{@every 1s}'); "
                 "SELECT pg_sleep(1.5)");
    test_sql(pg, "COMMIT");
    ck_assert_str_eq(test_text(pg, "SELECT mark > clock_timestamp() - interval '1 s' FROM drumbeat.schedule"), "t");
}
END_TEST

START_TEST(revisions_become_visible_in_their_order)
{
    test_sql(pg, "INSERT INTO drumbeat.schedule (name, handler, specs) SELECT 's' || i, 'noop', '{@daily}' FROM "
                 "generate_series(1, 3) i");
    int64_t before = test_number(pg, "SELECT max(revision) FROM drumbeat.schedule");
    test_sql(pg, "UPDATE drumbeat.schedule SET tenant = 't' WHERE name = 's1'");
    ck_assert_int_gt(test_number(pg, "SELECT revision FROM drumbeat.schedule WHERE name = 's1'"), before);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
    test_sql(pg, "BEGIN; UPDATE drumbeat.schedule SET tenant = 'u' WHERE name = 's2'");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 1);
    test_sql(pg, "COMMIT");
}
END_TEST

static const char *const refused[] = {
    "INSERT INTO drumbeat.schedule (name, handler, specs) VALUES ('', 'noop', '{@daily}')",
    "INSERT INTO drumbeat.schedule (name, handler, specs) VALUES ('a', '', '{@daily}')",
    "INSERT INTO drumbeat.schedule (name, handler, specs) VALUES ('a', 'noop', '{}')",
    "INSERT INTO drumbeat.schedule (name, handler, specs) VALUES ('a', 'noop', '{NULL}')",
    "INSERT INTO drumbeat.schedule (name, handler, specs, args) VALUES ('a', 'noop', '{@daily}', '[]')",
    "INSERT INTO drumbeat.schedule (name, handler, specs, queue) VALUES ('a', 'noop', '{@daily}', 'No Queue')",
    "INSERT INTO drumbeat.schedule (name, handler, specs, priority) VALUES ('a', 'noop', '{@daily}', 10)",
    "INSERT INTO drumbeat.schedule (name, handler, specs, catchup) VALUES ('a', 'noop', '{@daily}', 'some')",
    "INSERT INTO drumbeat.schedule (name, handler, specs, overlap) VALUES ('a', 'noop', '{@daily}', 'some')",
    "INSERT INTO drumbeat.schedule (name, handler, specs, jitter) VALUES ('a', 'noop', '{@daily}', '-1 s')",
    "INSERT INTO drumbeat.schedule (name, handler, specs, max_runs) VALUES ('a', 'noop', '{@daily}', 0)",
    "INSERT INTO drumbeat.schedule (name, handler, specs, every_weeks) VALUES ('a', 'noop', '{@daily}', 2)",
    "INSERT INTO drumbeat.schedule (name, handler, specs, anchor) VALUES ('a', 'noop', '{@daily}', '2026-01-05')",
    "INSERT INTO drumbeat.schedule (name, handler, specs, tenant) VALUES ('a', 'noop', '{@daily}', '')",
};

START_TEST(a_definition_that_could_only_fail_later_is_refused)
{
    struct sql query = {.name = "test", .text = refused[_i]};
    struct err e;
    ck_assert_msg(!pg_exec(pg, &query, NULL, &e), "%s", refused[_i]);
    ck_assert_int_eq(e.kind, ERR_DATA);
}
END_TEST

START_TEST(old_ticks_are_forgotten_but_for_those_that_may_be_caught_up)
{
    size_t count;
    struct err e;
    test_sql(pg, "INSERT INTO drumbeat.tick (schedule, tick_at, task_id, emitted_at, lateness_ms)"
                 " SELECT 'gone', x.at, gen_random_uuid(), x.at, 0 "
                 "FROM (SELECT now() - i * interval '1 day' + interval '12 h' AS at FROM generate_series(1, 100) i) x");
    ck_assert(store_prune(pg, DAYS(90), &count, &e));
    ck_assert_uint_eq(count, 10);
    add_schedule("a", "allow");
    test_sql(pg, "UPDATE drumbeat.schedule SET catchup_window = '50 days'");
    ck_assert(store_prune(pg, DAYS(10), &count, &e));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.tick"), 50);
}
END_TEST

/* By hand ------------------------------------------------------------------------------------------------------- */

static void take_tick(void *data, usec_t tick, const char *local, const char *note)
{
    char at[CLOCK_TEXT_MAX];
    text_printf(data, "%s %s %s\n", clock_format(tick, at), local, note);
}

START_TEST(next_ticks_say_what_the_clocks_do)
{
    CLEANUP(text_free) struct text ticks = {0};
    struct err e;
    usec_t from;
    test_sql(pg, "INSERT INTO drumbeat.schedule (name, handler, specs, tz) VALUES"
                 " ('night', 'noop', '{30 2 * * *,30 12 29 3 *}', 'Europe/Paris')");
    ck_assert(clock_parse("2026-03-28T12:00:00Z", &from, &e));
    ck_assert(schedule_next(pg, "night", from, 3, take_tick, &ticks, &e));
    ck_assert_str_eq(text_str(&ticks), "2026-03-29T01:00:00Z 2026-03-29T03:00:00+02:00 02:30 does not exist: the clock goes from 02:00 to 03:00\n"
                                       "2026-03-29T10:30:00Z 2026-03-29T12:30:00+02:00 \n"
                                       "2026-03-30T00:30:00Z 2026-03-30T02:30:00+02:00 \n");
    ck_assert(!schedule_next(pg, "b", from, 3, take_tick, &ticks, &e) && e.kind == ERR_NOT_FOUND);
}
END_TEST

START_TEST(people_can_list_show_pause_resume_and_trigger)
{
    struct pg_rows rows;
    struct uuid task;
    struct err e;
    add_schedule("a", "skip");
    ck_assert(schedule_list(pg, false, &rows, &e) && rows.count == 1);
    ck_assert(schedule_show(pg, "a", &rows, &e) && rows.count == 1);
    ck_assert(!schedule_show(pg, "b", &rows, &e) && e.kind == ERR_NOT_FOUND);
    ck_assert(schedule_pause(pg, "a", "stock-taking", "me", &e));
    ck_assert(!schedule_pause(pg, "a", NULL, NULL, &e) && e.kind == ERR_REFUSED);
    ck_assert(!schedule_pause(pg, "b", NULL, NULL, &e) && e.kind == ERR_NOT_FOUND);
    ck_assert_str_eq(test_text(pg, "SELECT paused_reason || ', ' || paused_by FROM drumbeat.schedule"),
                     "stock-taking, me");
    ck_assert(schedule_trigger(pg, "a", &task, &e));
    ck_assert(schedule_trigger(pg, "a", &task, &e));
    ck_assert(!schedule_trigger(pg, "b", &task, &e) && e.kind == ERR_NOT_FOUND);
    ck_assert_str_eq(statuses(), "QUEUED SKIPPED");
    ck_assert(schedule_resume(pg, "a", &e));
    ck_assert(!schedule_resume(pg, "a", &e) && e.kind == ERR_REFUSED);
    ck_assert(schedule_history(pg, "a", 10, &rows, &e) && rows.count == 2);
    ck_assert(!schedule_history(pg, "b", 10, &rows, &e) && e.kind == ERR_NOT_FOUND);
}
END_TEST

/* Ticks of the first `seconds` seconds of 2026. */
static struct backfill first_seconds(int seconds)
{
    return (struct backfill){.name = "a", .from = day_one, .to = day_one + SECONDS(seconds), .rate = BACKFILL_RATE_MAX};
}

START_TEST(a_backfill_emits_what_is_missing_and_goes_on_where_it_was)
{
    struct backfilled done;
    struct err e;
    add_schedule("a", "allow");
    ck_assert(emit(emission_of("a", 0, 5)));
    struct backfill what = first_seconds(2500);
    what.dry = true;
    ck_assert_msg(backfill(pg, &what, &done, &e), "%s", e.text);
    ck_assert(done.ticks == 2500 && done.emitted == 2499);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 1);
    struct backfill part = first_seconds(1200);
    ck_assert(backfill(pg, &part, &done, &e) && done.emitted == 1199);
    what.dry = false;
    ck_assert(backfill(pg, &what, &done, &e) && done.ticks == 2500 && done.emitted == 1300);
    ck_assert(backfill(pg, &what, &done, &e) && done.emitted == 0);
    ck_assert_str_eq(
        test_text(pg, "SELECT count(*) || ' ' || count(DISTINCT k.tick_at) FROM drumbeat.task k JOIN drumbeat.tick t"
                      " ON t.task_id = k.id AND t.tick_at = k.tick_at AND k.lateness_ms > 1000"
                      " WHERE k.status = 'QUEUED'"),
        "2500 2500");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.schedule WHERE mark = '2026-01-01 00:00:05Z'"), 1);
}
END_TEST

START_TEST(a_backfill_is_refused_where_it_makes_no_sense)
{
    struct backfilled done;
    struct err e;
    add_schedule("a", "allow");
    struct backfill what = first_seconds(0);
    ck_assert(!backfill(pg, &what, &done, &e) && e.kind == ERR_USAGE);
    what = first_seconds(3);
    what.to = clock_now() + HOURS(1);
    ck_assert(!backfill(pg, &what, &done, &e) && e.kind == ERR_USAGE);
    what = first_seconds(BACKFILL_TICKS_MAX + 1);
    ck_assert(!backfill(pg, &what, &done, &e) && e.kind == ERR_LIMIT);
    what = first_seconds(3);
    what.name = "b";
    ck_assert(!backfill(pg, &what, &done, &e) && e.kind == ERR_NOT_FOUND);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 0);
}
END_TEST

static const char *backfilled(void)
{
    return test_text(pg, "SELECT dealt || ' ' || emitted FROM drumbeat.backfill_schedule('a',"
                         " ARRAY[1767225601000000, 1767225602000000, 1767225603000000], false)");
}

START_TEST(a_backfill_skips_no_task_that_must_wait_for_another)
{
    bool by_key = _i == 1;
    add_schedule("a", by_key ? "allow" : "skip");
    if (by_key)
        test_sql(
            pg, "INSERT INTO drumbeat.handler (name, queue, max_attempts, unique_by) VALUES ('noop', 'trial', 7, 'a')");
    ck_assert_str_eq(backfilled(), "1 1");
    ck_assert_str_eq(backfilled(), "1 0");
    test_sql(pg, "DELETE FROM drumbeat.unique_lock");
    end_as(1, "SUCCESS");
    ck_assert_str_eq(backfilled(), "2 1");
    test_sql(pg, "DELETE FROM drumbeat.unique_lock");
    end_as(2, "ERRORED");
    ck_assert_str_eq(backfilled(), "3 1");
    ck_assert_str_eq(backfilled(), "3 0");
    ck_assert_str_eq(statuses(), "SUCCESS ERRORED QUEUED");
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("schedules in SQL");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, connect, disconnect);
    tcase_add_test(tests, a_tick_its_task_and_the_mark_are_one);
    tcase_add_test(tests, the_same_emission_twice_is_one_task);
    tcase_add_test(tests, an_old_definition_emits_nothing);
    tcase_add_test(tests, a_beat_that_lost_the_lease_writes_nothing);
    tcase_add_test(tests, a_lease_in_a_far_future_is_free);
    tcase_add_test(tests, ticks_passed_over_are_told_by_the_next_task);
    tcase_add_loop_test(tests, overlap_policies_look_at_unfinished_tasks, 0, sizeof overlaps / sizeof *overlaps);
    tcase_add_test(tests, a_task_that_ended_is_in_nobodys_way_until_it_is_retried);
    tcase_add_test(tests, a_policy_counts_tasks_from_before_it_was_set);
    tcase_add_test(tests, a_task_whose_unique_key_is_held_is_skipped);
    tcase_add_test(tests, what_a_schedule_says_about_its_tasks_reaches_them);
    tcase_add_test(tests, a_schedule_runs_as_often_as_it_may_and_anew_when_enabled_again);
    tcase_add_test(tests, a_schedule_whose_tasks_fail_is_paused_and_forgiven_when_resumed);
    tcase_add_test(tests, schedules_that_tick_at_once_are_a_herd);
    tcase_add_test(tests, changing_the_times_moves_the_mark_and_changing_the_rest_does_not);
    tcase_add_test(tests, the_mark_is_no_older_than_the_commit);
    tcase_add_test(tests, revisions_become_visible_in_their_order);
    tcase_add_loop_test(tests, a_definition_that_could_only_fail_later_is_refused, 0, sizeof refused / sizeof *refused);
    tcase_add_test(tests, old_ticks_are_forgotten_but_for_those_that_may_be_caught_up);
    tcase_add_test(tests, next_ticks_say_what_the_clocks_do);
    tcase_add_test(tests, people_can_list_show_pause_resume_and_trigger);
    tcase_add_test(tests, a_backfill_emits_what_is_missing_and_goes_on_where_it_was);
    tcase_add_test(tests, a_backfill_is_refused_where_it_makes_no_sense);
    tcase_add_loop_test(tests, a_backfill_skips_no_task_that_must_wait_for_another, 0, 2);
    return test_main_case("schedules in SQL", tests);
}
