/* Beats as processes on a real server: ticks become tasks once each while beats are killed, hand over, lose the
 * database or are stopped between insert and commit. */
#include "common/base/text.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BEATS = 3, SCHEDULES = 20, KILLS = 40 };

static struct test_cluster *cluster;
static const char *url;
static struct pg *pg;
static char file[512]; /* the configuration */

static void write_config(const char *schedules)
{
    FILE *out = fopen(file, "w");
    ck_assert_ptr_nonnull(out);
    fprintf(out, "schedules:\n%s", schedules);
    ck_assert_int_eq(fclose(out), 0);
}

static void prepare(void)
{
    url = test_cluster_database(cluster);
    pg = test_connect(url);
    snprintf(file, sizeof file, "%s/beat-%d.yaml", test_cluster_folder(cluster), (int)getpid());
    write_config("  {}\n");
}

static void tidy(void)
{
    pg_close(pg);
    unlink(file);
}

static struct test_process *start_beat(void)
{
    return test_drumbeat_start(url, "beat", "--config", file, NULL);
}

static struct test_process *start_leader(void)
{
    struct test_process *beat = start_beat();
    ck_assert_msg(test_process_wait_for(beat, "beat.leads", SECONDS(15)), "%s", test_process_errors(beat));
    return beat;
}

static void stop(struct test_process *beat)
{
    ck_assert(test_process_wait_for(beat, "beat.started", SECONDS(5)));
    test_process_signal(beat, SIGTERM);
    ck_assert_msg(test_process_wait(beat, SECONDS(10)), "%s", test_process_errors(beat));
    ck_assert_msg(test_process_status(beat) == 0, "%d: %s", test_process_status(beat), test_process_errors(beat));
    test_process_free(beat);
}

static void add_schedules(int count, const char *spec)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "INSERT INTO drumbeat.schedule (name, handler, specs, catchup)"
             " SELECT 's' || i, 'noop', ARRAY['%s'], 'all' FROM generate_series(1, %d) i",
             spec, count);
    test_sql(pg, sql);
}

/* Every schedule's ticks are one a second without a hole from its creation on, and each has its own task. */
static void check_ticks(int64_t least)
{
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM (SELECT schedule FROM drumbeat.tick GROUP BY schedule"
                                     " HAVING extract(epoch FROM max(tick_at) - min(tick_at)) + 1 <> count(*)) x"),
                     0);
    ck_assert_int_eq(
        test_number(pg, "SELECT count(*) FROM drumbeat.schedule s WHERE NOT EXISTS (SELECT FROM drumbeat.tick t"
                        " WHERE t.schedule = s.name AND t.tick_at <= s.created_at + interval '2 s')"),
        0);
    ck_assert_int_eq(
        test_number(
            pg,
            "SELECT count(*) FROM (SELECT FROM drumbeat.task_body GROUP BY schedule, tick_at HAVING count(*) > 1) x"),
        0);
    ck_assert_int_eq(test_number(pg,
                                 "SELECT count(*) FROM drumbeat.tick t FULL JOIN drumbeat.task k ON k.id = t.task_id"
                                 " WHERE k.id IS NULL OR t.task_id IS NULL OR k.tick_at <> t.tick_at"),
                     0);
    int64_t ticks = test_number(pg, "SELECT count(*) FROM drumbeat.tick");
    ck_assert_msg(ticks >= least, "%lld ticks", (long long)ticks);
}

static void wait_for_ticks(const char *condition, usec_t limit)
{
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT (count(*) > 0)::int FROM drumbeat.tick WHERE %s", condition);
    ck_assert_msg(test_wait_number(pg, sql, 1, limit), "no tick where %s", condition);
}

/* All schedules have caught up to less than 3 s ago. */
static void wait_until_caught_up(usec_t limit)
{
    ck_assert(test_wait_number(pg,
                               "SELECT count(*) FROM drumbeat.schedule WHERE last_tick IS NULL OR last_tick < "
                               "clock_timestamp() - interval '3 s'",
                               0, limit));
}

/* From the file to tasks ---------------------------------------------------------------------------------------- */

START_TEST(a_schedule_of_the_file_becomes_tasks)
{
    write_config("  first:\n    handler: echo\n    args: {a: 1}\n    spec: '@every 1s'\n    queue: trial\n");
    struct test_process *beat = start_leader();
    wait_for_ticks("schedule = 'first'", SECONDS(5));
    ck_assert_str_eq(test_text(pg, "SELECT name || ' ' || queue || ' ' || args FROM drumbeat.task LIMIT 1"),
                     "echo trial {\"a\": 1}");
    ck_assert_str_eq(test_text(pg, "SELECT source FROM drumbeat.schedule WHERE name = 'first'"), "file");
    wait_for_ticks("lateness_ms < 1000", SECONDS(5));
    stop(beat);
}
END_TEST

START_TEST(a_schedule_that_runs_once_is_over_afterwards)
{
    write_config("  once: {handler: noop, spec: '@every 1s', max_runs: 1, priority: 3, tenant: nepal, notes: n}\n"
                 "  on: {handler: noop, spec: '@every 1s'}\n");
    struct test_process *beat = start_leader();
    wait_for_ticks("schedule = 'once'", SECONDS(5));
    ck_assert(test_wait_number(pg, "SELECT least(count(*), 3) FROM drumbeat.tick WHERE schedule = 'on'", 3, SECONDS(8)));
    stop(beat);
    stop(start_leader());
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(priority || ' ' || tenant, ', ') FROM drumbeat.task WHERE schedule = 'once'"),
                     "3 nepal");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(', ', problem, notes, runs, enabled) FROM drumbeat.schedule WHERE name = 'once'"),
                     "over: it has run 1 times, n, 1, t");
}
END_TEST

START_TEST(the_file_wins_for_its_own_and_leaves_others_alone)
{
    test_sql(pg, "INSERT INTO drumbeat.schedule (name, handler, specs) VALUES ('mine', 'noop', '{@daily}')");
    write_config("  keep: {handler: noop, spec: '@hourly'}\n  drop: {handler: noop, spec: '@hourly'}\n"
                 "  edit: {handler: noop, spec: '@hourly'}\n  mine: {handler: noop, spec: '@hourly'}\n");
    struct test_process *beat = start_leader();
    ck_assert_ptr_nonnull(strstr(test_process_errors(beat), "schedule.collision schedule=mine"));
    stop(beat);
    int64_t kept = test_number(pg, "SELECT revision FROM drumbeat.schedule WHERE name = 'keep'");
    test_sql(pg, "SELECT drumbeat.pause_schedule('edit', 'wait')");
    write_config(
        "  keep: {handler: noop, spec: '@hourly'}\n  edit: {handler: noop, spec: '@daily', tz: Europe/Paris}\n");
    stop(start_leader());
    ck_assert_str_eq(
        test_text(pg, "SELECT string_agg(concat_ws(' ', name, specs, source, enabled, retired_at IS NOT NULL, paused), "
                      "', ' ORDER BY name)"
                      " FROM drumbeat.schedule"),
        "drop {@hourly} file f t f, edit {@daily} file t f t, keep {@hourly} file t f f, mine {@daily} sql t f f");
    ck_assert_int_eq(test_number(pg, "SELECT revision FROM drumbeat.schedule WHERE name = 'keep'"), kept);
    write_config("  drop: {handler: noop, spec: '@hourly'}\n");
    stop(start_leader());
    ck_assert_str_eq(test_text(pg, "SELECT enabled AND retired_at IS NULL AND mark > updated_at - interval '1 s' FROM "
                                   "drumbeat.schedule WHERE name = 'drop'"),
                     "t");
}
END_TEST

START_TEST(somebody_who_holds_definitions_stops_no_beat)
{
    add_schedules(1, "@every 1s");
    test_sql(pg, "BEGIN; UPDATE drumbeat.schedule SET tenant = 't' WHERE false");
    write_config("  first: {handler: noop, spec: '@every 1s'}\n");
    struct test_process *beat = start_leader();
    ck_assert(test_process_wait_for(beat, "schedule.declaring", SECONDS(5)));
    wait_for_ticks("schedule = 's1'", SECONDS(5));
    test_sql(pg, "COMMIT");
    wait_for_ticks("schedule = 'first'", SECONDS(10));
    stop(beat);
}
END_TEST

static const struct {
    const char *schedules, *complaint;
} bad_files[] = {
    {"  nightly:\n    handler: noop\n    spec: '61 * * * *'\n", "nightly"},
    {"  nightly: {handler: noop, spec: '* * * * *', tz: Mars/Base}\n", "Mars/Base"},
    {"  nightly: {handler: noop, spec: '* * * * *', args: [1]}\n", "args"},
};

START_TEST(a_bad_schedule_in_the_file_is_refused_with_its_place)
{
    write_config(bad_files[_i].schedules);
    struct test_process *beat = start_beat();
    ck_assert(test_process_wait(beat, SECONDS(10)));
    ck_assert_int_eq(test_process_status(beat), 2);
    ck_assert_msg(strstr(test_process_errors(beat), bad_files[_i].complaint) &&
                      strstr(test_process_errors(beat), ".yaml:"),
                  "%s", test_process_errors(beat));
    test_process_free(beat);
}
END_TEST

/* Changes at run time ------------------------------------------------------------------------------------------- */

START_TEST(changes_arrive_while_it_runs)
{
    struct test_process *beat = start_leader();
    test_sql(pg, "INSERT INTO drumbeat.schedule (name, handler, specs) VALUES ('s', 'noop', '{@every 1s}'), ('bad', "
                 "'noop', '{every so often}')");
    wait_for_ticks("schedule = 's'", SECONDS(4));
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.schedule WHERE name = 'bad' AND problem IS NOT NULL",
                               1, SECONDS(4)));
    ck_assert_str_eq(
        test_text(pg, "SELECT problem IS NULL AND next_tick IS NOT NULL FROM drumbeat.schedule WHERE name = 's'"), "t");

    test_sql(pg, "SELECT drumbeat.pause_schedule('s')");
    int64_t ticks = test_number(pg, "SELECT count(*) FROM drumbeat.tick");
    test_sql(pg, "INSERT INTO drumbeat.schedule (name, handler, specs) VALUES ('other', 'noop', '{@every 1s}')");
    wait_for_ticks("schedule = 'other' AND tick_at > (SELECT created_at + interval '3 s' FROM drumbeat.schedule WHERE "
                   "name = 'other')",
                   SECONDS(8));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.tick WHERE schedule = 's'"), ticks);
    test_sql(pg, "SELECT drumbeat.resume_schedule('s')");
    wait_for_ticks("schedule = 's' AND tick_at > (SELECT updated_at FROM drumbeat.schedule WHERE name = 's')",
                   SECONDS(4));
    ck_assert_int_eq(test_number(pg, "SELECT max(missed) FROM drumbeat.task WHERE schedule = 's'"), 0);

    test_sql(pg, "DELETE FROM drumbeat.schedule WHERE name = 's'");
    ticks = test_number(pg, "SELECT count(*) FROM drumbeat.tick WHERE schedule = 's'");
    wait_for_ticks("schedule = 'other' AND tick_at > clock_timestamp() - interval '1 s'", SECONDS(4));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.tick WHERE schedule = 's'"), ticks);
    stop(beat);
}
END_TEST

START_TEST(a_row_that_somebody_holds_stalls_nobody_else)
{
    add_schedules(2, "@every 1s");
    test_sql(pg, "BEGIN; SELECT FROM drumbeat.schedule WHERE name = 's1' FOR UPDATE");
    struct test_process *beat = start_leader();
    wait_for_ticks(
        "schedule = 's2' AND tick_at > (SELECT created_at + interval '3 s' FROM drumbeat.schedule WHERE name = 's2')",
        SECONDS(10));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.tick WHERE schedule = 's1'"), 0);
    test_sql(pg, "COMMIT");
    wait_until_caught_up(SECONDS(10));
    check_ticks(6);
    stop(beat);
}
END_TEST

START_TEST(a_schedule_that_the_store_refuses_stalls_nobody_else)
{
    add_schedules(SCHEDULES, "@every 1s");
    test_sql(
        pg,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'not this one'; END$$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON drumbeat.task_body FOR EACH ROW WHEN (NEW.schedule = 's7') EXECUTE "
        "FUNCTION refuse()");
    struct test_process *beat = start_leader();
    ck_assert(test_process_wait_for(beat, "schedule.refused schedule=s7", SECONDS(10)));
    ck_assert(test_wait_number(pg, "SELECT count(DISTINCT schedule) FROM drumbeat.tick", SCHEDULES - 1, SECONDS(10)));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.tick WHERE schedule = 's7'"), 0);
    stop(beat);
}
END_TEST

/* Copy a zone of the system to `path`, complete at once. */
static void copy_zone(const char *zone, const char *path)
{
    char bytes[64 * 1024], from[512], unready[600];
    snprintf(from, sizeof from, "/usr/share/zoneinfo/%s", zone);
    snprintf(unready, sizeof unready, "%s.new", path);
    FILE *in = fopen(from, "r"), *out = fopen(unready, "w");
    ck_assert(in && out);
    size_t size = fread(bytes, 1, sizeof bytes, in);
    ck_assert_uint_eq(fwrite(bytes, 1, size, out), size);
    ck_assert(fclose(in) == 0 && fclose(out) == 0);
    ck_assert_int_eq(rename(unready, path), 0);
}

/* Five pages of new schedules, each of which takes the server more than a second to write down, before the beat starts or while it
 * runs: ticks are emitted and the lease is renewed in between. */
START_TEST(many_new_schedules_hold_up_nothing_that_is_due)
{
    struct test_process *beat = _i == 0 ? NULL : start_leader();
    test_sql(pg,
             "CREATE TABLE written (at timestamptz);"
             "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
             " $$ BEGIN PERFORM pg_sleep(0.0012); INSERT INTO written VALUES (clock_timestamp()); RETURN NEW; END $$;"
             "CREATE TRIGGER slow BEFORE UPDATE OF next_tick ON drumbeat.schedule FOR EACH ROW WHEN (NEW.name LIKE 'new-%')"
             " EXECUTE FUNCTION slow();"
             "INSERT INTO drumbeat.schedule (name, handler, specs, catchup) VALUES ('old', 'noop', '{* * * * * *}', 'all');"
             "INSERT INTO drumbeat.schedule (name, handler, specs) SELECT 'new-' || i, 'noop', '{@yearly}' FROM generate_series(1, 5000) i");
    if (!beat)
        beat = start_leader();
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.schedule WHERE next_tick IS NULL", 0, SECONDS(60)));
    ck_assert_int_ge(test_number(pg, "SELECT count(DISTINCT emitted_at) FROM drumbeat.tick WHERE schedule = 'old'"
                                     " AND emitted_at BETWEEN (SELECT min(at) FROM written) AND (SELECT max(at) FROM written)"), 3);
    ck_assert_int_eq(test_number(pg, "SELECT epoch FROM drumbeat.beat_lease"), 1);
    stop(beat);
}
END_TEST

START_TEST(new_rules_of_a_zone_are_followed_while_it_runs)
{
    char folder[512], zone[600], tzdir[600], database[512];
    snprintf(folder, sizeof folder, "%s/zones", test_cluster_folder(cluster));
    snprintf(zone, sizeof zone, "%s/Atlantis", folder);
    snprintf(tzdir, sizeof tzdir, "TZDIR=%s", folder);
    snprintf(database, sizeof database, "DATABASE_URL=%s", url);
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    copy_zone("Asia/Tokyo", zone);
    test_sql(
        pg,
        "INSERT INTO drumbeat.schedule (name, handler, specs, tz) VALUES ('s', 'noop', '{0 12 * * *}', 'Atlantis')");
    const char *argv[] = {test_build_path("drumbeat"), "beat", "--config", file, NULL},
               *env[] = {database, tzdir, NULL};
    struct test_process *beat = test_process_start(&(struct test_program){.argv = argv, .env = env});
    ck_assert(test_wait_number(pg, "SELECT extract(hour FROM next_tick AT TIME ZONE 'UTC')::int FROM drumbeat.schedule",
                               3, SECONDS(10)));
    copy_zone("Asia/Karachi", zone);
    ck_assert(test_wait_number(pg, "SELECT extract(hour FROM next_tick AT TIME ZONE 'UTC')::int FROM drumbeat.schedule",
                               7, SECONDS(20)));
    stop(beat);
    unlink(zone);
    rmdir(folder);
}
END_TEST

/* Several beats ------------------------------------------------------------------------------------------------- */

START_TEST(beats_under_kill_9_emit_every_tick_once)
{
    struct test_process *beats[BEATS];
    add_schedules(SCHEDULES, "@every 1s");
    for (size_t i = 0; i < BEATS; i++)
        beats[i] = start_beat();
    ck_assert(test_wait_number(pg, "SELECT count(DISTINCT schedule) FROM drumbeat.tick", SCHEDULES, SECONDS(20)));
    for (int i = 0; i < KILLS; i++) {
        size_t victim = (size_t)random() % BEATS;
        int64_t ticks = test_number(pg, "SELECT count(*) FROM drumbeat.tick");
        test_process_signal(beats[victim], SIGKILL);
        ck_assert(test_process_wait(beats[victim], SECONDS(5)));
        test_process_free(beats[victim]);
        beats[victim] = start_beat();
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT (count(*) > %lld)::int FROM drumbeat.tick", (long long)ticks);
        if (i % 4 == 0)
            ck_assert(test_wait_number(pg, sql, 1, SECONDS(12)));
    }
    wait_until_caught_up(SECONDS(20));
    for (size_t i = 0; i < BEATS; i++)
        stop(beats[i]);
    check_ticks(SCHEDULES * 5);
}
END_TEST

/* The leader ends, and another beat that waits leads. Returns how long nobody did. */
static usec_t hand_over(struct test_process **leader)
{
    struct test_process *next = start_beat();
    char sql[128];
    ck_assert(test_process_wait_for(next, "beat.started", SECONDS(5)));
    ck_assert(test_wait_number(
        pg, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'drumbeat beat' AND state = 'idle'", 2,
        SECONDS(5)));
    int64_t epoch = test_number(pg, "SELECT epoch FROM drumbeat.beat_lease");
    test_process_signal(*leader, SIGTERM);
    usec_t asked = clock_boot();
    snprintf(sql, sizeof sql, "SELECT (epoch > %lld AND holder IS NOT NULL)::int FROM drumbeat.beat_lease",
             (long long)epoch);
    ck_assert(test_wait_number(pg, sql, 1, SECONDS(5)));
    usec_t took = clock_boot() - asked;
    stop(*leader);
    *leader = next;
    return took;
}

/* By the bell: it is quicker than what a beat that waits finds out by itself, once a second. The machine may be in the way of some. */
START_TEST(a_beat_that_ends_hands_over_at_once)
{
    add_schedules(1, "@every 1s");
    struct test_process *leader = start_leader();
    usec_t fastest = TEST_PATIENCE;
    for (int tries = 0; tries < 5 && fastest > MSEC(150); tries++) {
        usec_t took = hand_over(&leader);
        fastest = took < fastest ? took : fastest;
    }
    ck_assert_int_le(fastest, MSEC(150));
    wait_until_caught_up(SECONDS(10));
    stop(leader);
    check_ticks(1);
}
END_TEST

START_TEST(a_beat_that_is_stopped_and_goes_on_doubles_nothing)
{
    add_schedules(5, "@every 1s");
    struct test_process *first = start_leader(), *second = start_beat();
    wait_for_ticks("true", SECONDS(5));
    test_process_signal(first, SIGSTOP);
    ck_assert(test_process_wait_for(second, "beat.leads", SECONDS(13)));
    wait_until_caught_up(SECONDS(10));
    test_process_signal(first, SIGCONT);
    ck_assert(test_process_wait_for(first, "beat.follows", SECONDS(5)));
    stop(first);
    stop(second);
    check_ticks(40);
}
END_TEST

/* Clocks ------------------------------------------------------------------------------------------------------- */

/* From now on the store's clock is ahead by what set_clock() says, as far as a beat can see. */
static void take_clock(void)
{
    test_sql(pg,
             "CREATE TABLE ahead AS SELECT interval '0' AS by;"
             "ALTER FUNCTION drumbeat.lead RENAME TO real_lead;"
             "CREATE FUNCTION drumbeat.lead(beat uuid, term interval, direct boolean, willing boolean)"
             " RETURNS TABLE (leads boolean, epoch bigint, store_clock timestamptz) LANGUAGE sql AS"
             " 'SELECT leads, epoch, store_clock + ahead.by FROM drumbeat.real_lead($1, $2, $3, $4), public.ahead'");
}

static void set_clock(int seconds)
{
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE ahead SET by = %d * interval '1 s'", seconds);
    test_sql(pg, sql);
}

START_TEST(due_is_what_the_store_says)
{
    take_clock();
    set_clock(20);
    add_schedules(1, "@every 1s");
    struct test_process *beat = start_leader();
    ck_assert(test_process_wait_for(beat, "beat.clock", SECONDS(5)));
    wait_for_ticks("tick_at > clock_timestamp() + interval '17 s'", SECONDS(10));
    stop(beat);
    check_ticks(15);
}
END_TEST

START_TEST(a_beat_whose_clock_is_far_off_does_not_lead)
{
    take_clock();
    add_schedules(1, "@every 1s");
    struct test_process *beat = start_leader();
    set_clock(45);
    ck_assert(test_process_wait_for(beat, "beat.follows", SECONDS(10)));
    ck_assert(test_wait_number(pg, "SELECT (holder IS NULL)::int FROM drumbeat.beat_lease", 1, SECONDS(5)));
    int64_t ticks = test_number(pg, "SELECT count(*) FROM drumbeat.tick");
    set_clock(0);
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT (count(*) > %lld)::int FROM drumbeat.tick", (long long)ticks);
    ck_assert(test_wait_number(pg, sql, 1, SECONDS(10)));
    stop(beat);
    check_ticks(1);
}
END_TEST

START_TEST(steps_of_the_stores_clock_lose_and_double_nothing)
{
    static const int steps[] = {20, -20, 10, -5, 0};
    take_clock();
    add_schedules(5, "@every 1s");
    struct test_process *first = start_leader(), *second = start_beat();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        set_clock(steps[i]);
        int64_t held = test_number(pg, "SELECT extract(epoch FROM until)::bigint FROM drumbeat.beat_lease");
        char sql[160];
        snprintf(sql, sizeof sql, "SELECT (until > to_timestamp(%lld) + interval '3 s')::int FROM drumbeat.beat_lease",
                 (long long)held);
        ck_assert(test_wait_number(pg, sql, 1, SECONDS(10)));
    }
    ck_assert(test_wait_number(
        pg, "SELECT count(*) FROM drumbeat.schedule WHERE last_tick < clock_timestamp() - interval '3 s'", 0,
        SECONDS(30)));
    stop(second);
    stop(first);
    check_ticks(5 * 20);
}
END_TEST

/* The moment between insert and commit -------------------------------------------------------------------------- */

/* Hold the emission of the running beat after it has inserted its ticks, until the next test_sql(pg, "COMMIT"). */
static void hold_emission(void)
{
    test_sql(pg, "BEGIN; LOCK TABLE drumbeat.ready IN SHARE MODE");
    ck_assert(test_wait_number(
        pg, "SELECT count(*) FROM pg_locks WHERE relation = 'drumbeat.ready'::regclass AND NOT granted", 1,
        SECONDS(5)));
}

START_TEST(a_beat_killed_between_insert_and_commit_loses_and_doubles_nothing)
{
    add_schedules(5, "@every 1s");
    struct test_process *first = start_leader();
    wait_for_ticks("true", SECONDS(5));
    hold_emission();
    test_process_signal(first, SIGKILL);
    ck_assert(test_process_wait(first, SECONDS(5)));
    struct test_process *second = start_beat();
    ck_assert(test_process_wait_for(second, "beat.started", SECONDS(5)));
    test_sql(pg, "COMMIT");
    wait_until_caught_up(SECONDS(20));
    stop(second);
    test_process_free(first);
    check_ticks(5);
}
END_TEST

START_TEST(a_session_ended_between_insert_and_commit_loses_and_doubles_nothing)
{
    add_schedules(5, "@every 1s");
    struct test_process *beat = start_leader();
    wait_for_ticks("true", SECONDS(5));
    hold_emission();
    test_sql(
        pg,
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'drumbeat.ready'::regclass AND NOT granted");
    ck_assert(test_process_wait_for(beat, "beat.database", SECONDS(5)));
    test_sql(pg, "COMMIT");
    wait_until_caught_up(SECONDS(20));
    stop(beat);
    check_ticks(5);
}
END_TEST

START_TEST(it_outlives_the_server)
{
    add_schedules(5, "@every 1s");
    struct test_process *beat = start_leader();
    wait_for_ticks("true", SECONDS(5));
    pg_close(pg);
    test_cluster_crash(cluster);
    ck_assert(test_process_wait_for(beat, "beat.database", SECONDS(5)));
    test_cluster_restart(cluster);
    pg = test_connect(url);
    wait_until_caught_up(SECONDS(20));
    ck_assert_int_eq(test_process_status(beat), -1);
    stop(beat);
    check_ticks(5);
}
END_TEST

START_TEST(it_gives_up_when_there_never_was_a_server)
{
    usec_t begun = clock_boot();
    struct test_process *beat = test_drumbeat("postgresql:///none?host=/nonexistent", "beat", "--config", file, NULL);
    ck_assert_int_eq(test_process_status(beat), 5);
    ck_assert_int_ge(clock_boot() - begun, SECONDS(9));
    ck_assert_int_lt(clock_boot() - begun, SECONDS(60));
    test_process_free(beat);
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("beat");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, prepare, tidy);
    tcase_add_test(tests, it_outlives_the_server);
    tcase_add_test(tests, a_schedule_of_the_file_becomes_tasks);
    tcase_add_test(tests, a_schedule_that_runs_once_is_over_afterwards);
    tcase_add_test(tests, the_file_wins_for_its_own_and_leaves_others_alone);
    tcase_add_test(tests, somebody_who_holds_definitions_stops_no_beat);
    tcase_add_loop_test(tests, a_bad_schedule_in_the_file_is_refused_with_its_place, 0,
                        sizeof bad_files / sizeof *bad_files);
    tcase_add_test(tests, changes_arrive_while_it_runs);
    tcase_add_test(tests, a_row_that_somebody_holds_stalls_nobody_else);
    tcase_add_test(tests, a_schedule_that_the_store_refuses_stalls_nobody_else);
    tcase_add_loop_test(tests, many_new_schedules_hold_up_nothing_that_is_due, 0, 2);
    tcase_add_test(tests, new_rules_of_a_zone_are_followed_while_it_runs);
    tcase_add_test(tests, beats_under_kill_9_emit_every_tick_once);
    tcase_add_test(tests, a_beat_that_ends_hands_over_at_once);
    tcase_add_test(tests, a_beat_that_is_stopped_and_goes_on_doubles_nothing);
    tcase_add_test(tests, due_is_what_the_store_says);
    tcase_add_test(tests, a_beat_whose_clock_is_far_off_does_not_lead);
    tcase_add_test(tests, steps_of_the_stores_clock_lose_and_double_nothing);
    tcase_add_test(tests, a_beat_killed_between_insert_and_commit_loses_and_doubles_nothing);
    tcase_add_test(tests, a_session_ended_between_insert_and_commit_loses_and_doubles_nothing);
    tcase_add_test(tests, it_gives_up_when_there_never_was_a_server);
    return test_main_case("beat", tests);
}
