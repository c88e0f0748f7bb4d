/* Three beats under kill -9 while the clock, theirs and the store's, is stepped to and fro over the days on which
 * clocks change: every (schedule, tick) becomes exactly one task. What ticks there are is computed beforehand, and for
 * the nights that people ask about it is written down here by hand.
 *
 * BEAT_STORM_KILLS makes it longer, STORM_SEED replays the dice of a run (not the scheduling of the machine). */
#include "common/base/cron.h"
#include "common/base/text.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"

#include <check.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BEATS = 3, KILLS = 300, TICKS_LEAST = 10000, WANDER_S = 3600, PAUSE_MAX_US = 200000 };

static const usec_t night = HOURS(48), calm_after = SECONDS(120);

/* Two days each around a change; Santiago's is at midnight, Lord Howe's is half an hour. */
static const struct {
    const char *tz, *from; /* UTC */
} nights[] = {
    {"America/New_York", "2026-03-07T12:00:00Z"},    {"Europe/Paris", "2026-03-28T12:00:00Z"},
    {"Australia/Lord_Howe", "2026-04-04T00:00:00Z"}, {"America/Santiago", "2026-09-05T12:00:00Z"},
    {"Australia/Lord_Howe", "2026-10-03T00:00:00Z"}, {"Europe/Paris", "2026-10-24T12:00:00Z"},
    {"America/New_York", "2026-10-31T12:00:00Z"},
};

static const char *const specs[] = {
    "*/5 * * * *", "*/10 * * * *",     "7-59/15 * * * *", "@every 10m",     "0 * * * *",   "*/10 0-5 * * *",
    "30 2 * * *",  "15 0,1,2,3 * * *", "0 0 * * *",       "*/20 1-3 * * 0", "59 23 * * *", "1-59/2 2 * * *",
};

enum { NIGHTS = sizeof nights / sizeof *nights, SPECS = sizeof specs / sizeof *specs };

/* What is known without any program: a time that the gap swallows ticks at its end, one that comes twice ticks the
 * first time. */
static const struct {
    const char *tz, *spec, *tick;
    bool is;
} known[] = {
    {"America/New_York", "30 2 * * *", "2026-03-08T07:00:00Z", true},
    {"America/New_York", "30 2 * * *", "2026-03-08T07:30:00Z", false},
    {"Europe/Paris", "30 2 * * *", "2026-03-29T01:00:00Z", true},
    {"Europe/Paris", "30 2 * * *", "2026-10-25T00:30:00Z", true},
    {"Europe/Paris", "30 2 * * *", "2026-10-25T01:30:00Z", false},
    {"Europe/Paris", "0 * * * *", "2026-10-25T00:00:00Z", true},
    {"Europe/Paris", "0 * * * *", "2026-10-25T01:00:00Z", true},
    {"America/Santiago", "0 0 * * *", "2026-09-06T04:00:00Z", true},
    {"America/New_York", "15 0,1,2,3 * * *", "2026-11-01T05:15:00Z", true},
    {"America/New_York", "15 0,1,2,3 * * *", "2026-11-01T06:15:00Z", false},
};

static struct test_cluster *cluster;
static const char *url;
static struct pg *pg;
static char clock_file[512], config_file[512];
static struct test_process *beats[BEATS];
static int kills;

/* The dice: splitmix64, so that a seed gives the same throws everywhere. */
static uint64_t dice;

static unsigned throw_dice(unsigned sides)
{
    uint64_t z = (dice += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (unsigned)((z ^ (z >> 31)) >> 33) % sides;
}

static long number_from(const char *variable, long fallback)
{
    const char *text = getenv(variable);
    return text && *text ? atol(text) : fallback;
}

/* The clock ---------------------------------------------------------------------------------------------------------
 */

static usec_t moment(const char *text)
{
    usec_t at;
    struct err e;
    ck_assert_msg(clock_parse(text, &at, &e), "%s", e.text);
    return at;
}

/* Now it is `at`, for the store and for the beats alike. */
static void set_clock(usec_t at)
{
    char unready[600];
    snprintf(unready, sizeof unready, "%s.new", clock_file);
    FILE *out = fopen(unready, "w");
    ck_assert_ptr_nonnull(out);
    fprintf(out, "%" PRId64 " s", (at - clock_now()) / SECONDS(1));
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_int_eq(chmod(unready, 0644), 0);
    ck_assert_int_eq(rename(unready, clock_file), 0);
}

static void take_clock(void)
{
    CLEANUP(text_free) struct text sql = {0};
    text_printf(
        &sql,
        "ALTER FUNCTION drumbeat.lead RENAME TO real_lead;"
        "CREATE FUNCTION drumbeat.lead(beat uuid, term interval, direct boolean, willing boolean)"
        " RETURNS TABLE (leads boolean, epoch bigint, store_clock timestamptz) LANGUAGE sql AS"
        " $$SELECT leads, epoch, store_clock + pg_read_file('%s')::interval FROM drumbeat.real_lead($1, $2, $3, $4)$$",
        clock_file);
    test_sql(pg, text_str(&sql));
}

/* Schedules and what they are expected to do ------------------------------------------------------------------------
 */

static void expect(const char *name, const char *spec, const char *tz, usec_t from)
{
    struct err e;
    CLEANUP(text_free) struct text sql = {0};
    CLEANUP(cron_freep) struct cron *cron = cron_parse(spec, tz, name, &e);
    ck_assert_msg(cron != NULL, "%s", e.text);
    text_printf(&sql, "INSERT INTO expected SELECT '%s', to_timestamp(t) FROM unnest('{", name);
    const char *comma = "";
    for (usec_t at = from - 1; cron_next(cron, at, &at) && at < from + night; comma = ",")
        text_printf(&sql, "%s%" PRId64, comma, at / SECONDS(1));
    text_puts(&sql, "}'::bigint[]) t");
    test_sql(pg, text_str(&sql));
}

static void add_schedule(const char *spec, int n)
{
    char name[64];
    CLEANUP(text_free) struct text sql = {0};
    usec_t from = moment(nights[n].from);
    snprintf(name, sizeof name, "%d:%.40s", n, spec);
    for (char *p = name; *p; p++)
        *p = *p == ' ' ? '_' : *p;
    text_printf(
        &sql,
        "INSERT INTO drumbeat.schedule (name, handler, specs, tz, catchup, catchup_window, start_at, end_at)"
        " VALUES ('%s', 'noop', ARRAY['%s'], '%s', 'all', '900 years', '%s', '%s'::timestamptz + interval '48 h');"
        "UPDATE drumbeat.schedule SET mark = start_at - interval '1 s' WHERE name = '%s'",
        name, spec, nights[n].tz, nights[n].from, nights[n].from, name);
    test_sql(pg, text_str(&sql));
    expect(name, spec, nights[n].tz, from);
}

static void check_known(void)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char sql[512];
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM expected e JOIN drumbeat.schedule s ON s.name = e.schedule"
                 " WHERE s.tz = '%s' AND s.specs = ARRAY['%s'] AND e.tick_at = '%s'",
                 known[i].tz, known[i].spec, known[i].tick);
        ck_assert_msg(test_number(pg, sql) == known[i].is, "%s in %s at %s", known[i].spec, known[i].tz, known[i].tick);
    }
}

static void prepare(int count_of_nights)
{
    url = test_cluster_database(cluster);
    pg = test_connect(url);
    snprintf(clock_file, sizeof clock_file, "%s/clock", test_cluster_folder(cluster));
    snprintf(config_file, sizeof config_file, "%s/beat-storm.yaml", test_cluster_folder(cluster));
    FILE *config = fopen(config_file, "w");
    ck_assert(config && fputs("schedules: {}\n", config) >= 0 && fclose(config) == 0);
    dice = (uint64_t)number_from("STORM_SEED", (long)clock_now());
    set_clock(moment(nights[0].from) - HOURS(1));
    take_clock();
    test_sql(pg, "CREATE TABLE expected (schedule text COLLATE \"C\", tick_at timestamptz)");
    for (int n = 0; n < count_of_nights; n++)
        for (size_t i = 0; i < SPECS; i++)
            add_schedule(specs[i], n);
}

/* The storm ---------------------------------------------------------------------------------------------------------
 */

/* Their own clocks differ from the store's, by less than what keeps a beat from leading. */
static void start_beat(int i)
{
    static const char *const skews[BEATS] = {"STORM_SKEW=-20", "STORM_SKEW=0", "STORM_SKEW=20"};
    char database[600], preload[600], file[600], sanitizer[600];
    const char *options = getenv("ASAN_OPTIONS");
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", test_build_path("tests/libtest_beat_storm_clock.so"));
    snprintf(database, sizeof database, "DATABASE_URL=%s", url);
    snprintf(file, sizeof file, "STORM_CLOCK=%s", clock_file);
    snprintf(sanitizer, sizeof sanitizer, "ASAN_OPTIONS=%s:verify_asan_link_order=0", options ? options : "");
    const char *argv[] = {test_build_path("drumbeat"), "beat", "--config", config_file, NULL};
    const char *env[] = {database, preload, file, skews[i], sanitizer, NULL};
    beats[i] = test_process_start(&(struct test_program){.argv = argv, .env = env});
}

static void kill_beat(int i)
{
    test_process_signal(beats[i], SIGKILL);
    ck_assert(test_process_wait(beats[i], SECONDS(5)));
    ck_assert_msg(test_process_status(beats[i]) == 128 + SIGKILL, "it ended by itself: %.2000s",
                  test_process_errors(beats[i]));
    test_process_free(beats[i]);
    start_beat(i);
}

/* Read what they log, or they would wait for us. */
static void listen_to_beats(void)
{
    for (int i = 0; i < BEATS; i++)
        test_process_wait(beats[i], 0);
}

/* Through one night in so many kills; the clock gets on, but wanders by an hour, backwards too. */
static void blow(int n, int count)
{
    for (int kill = 0; kill < count; kill++) {
        set_clock(moment(nights[n].from) + night * kill / count + SECONDS((usec_t)throw_dice(2 * WANDER_S) - WANDER_S));
        usleep(throw_dice(PAUSE_MAX_US));
        kill_beat((int)throw_dice(BEATS));
        kills++;
        listen_to_beats();
    }
}

static bool all_passed(usec_t limit)
{
    usec_t deadline = clock_boot() + limit;
    while (test_number(pg, "SELECT count(*) FROM drumbeat.schedule WHERE next_tick IS NOT NULL OR last_tick IS NULL") >
           0) {
        if (clock_boot() > deadline)
            return false;
        listen_to_beats();
        usleep(50000);
    }
    return true;
}

static void storm(int count_of_nights, int count_of_kills)
{
    for (int i = 0; i < BEATS; i++)
        start_beat(i);
    for (int n = 0; n < count_of_nights; n++)
        blow(n, count_of_kills * (n + 1) / count_of_nights - count_of_kills * n / count_of_nights);
    printf("beat storm: %" PRId64 " ticks emitted while they were killed\n",
           test_number(pg, "SELECT count(*) FROM drumbeat.tick"));
    set_clock(moment(nights[count_of_nights - 1].from) + night + HOURS(1));
    ck_assert_msg(
        all_passed(calm_after), "%" PRId64 " schedules are not through: %.2000s",
        test_number(pg, "SELECT count(*) FROM drumbeat.schedule WHERE next_tick IS NOT NULL OR last_tick IS NULL"),
        test_process_errors(beats[0]));
    for (int i = 0; i < BEATS; i++) {
        test_process_signal(beats[i], SIGTERM);
        ck_assert_msg(test_process_wait(beats[i], SECONDS(10)) && test_process_status(beats[i]) == 0, "%.2000s",
                      test_process_errors(beats[i]));
        test_process_free(beats[i]);
    }
}

/* The checker -------------------------------------------------------------------------------------------------------
 */

struct verdict {
    int64_t expected, missing, doubled, strange, unpaired;
};

static struct verdict judge(void)
{
    return (struct verdict){
        .expected = test_number(pg, "SELECT count(*) FROM expected"),
        .missing = test_number(pg, "SELECT count(*) FROM (SELECT schedule, tick_at FROM expected EXCEPT"
                                   " SELECT schedule, tick_at FROM drumbeat.task_body) x"),
        .doubled = test_number(pg, "SELECT count(*) - count(DISTINCT (schedule, tick_at)) FROM drumbeat.task_body"),
        .strange = test_number(pg, "SELECT count(*) FROM (SELECT schedule, tick_at FROM drumbeat.task_body EXCEPT"
                                   " SELECT schedule, tick_at FROM expected) x"),
        .unpaired = test_number(pg, "SELECT count(*) FROM drumbeat.tick t FULL JOIN drumbeat.task_body b"
                                    " ON b.id = t.task_id AND b.schedule = t.schedule AND b.tick_at = t.tick_at"
                                    " WHERE b.id IS NULL OR t.task_id IS NULL"),
    };
}

static void tell(const char *what, const struct verdict *v)
{
    printf("beat storm: %s: %" PRId64 " ticks expected, %" PRId64 " missing, %" PRId64 " double, %" PRId64
           " strange, %" PRId64 " unpaired; %d kills, %" PRId64 " leaders\n",
           what, v->expected, v->missing, v->doubled, v->strange, v->unpaired, kills,
           test_number(pg, "SELECT count(DISTINCT epoch) FROM drumbeat.tick"));
    fflush(stdout);
}

/* One tick of thousands is wrong: the checker must count it. */
static void check_the_checker(void)
{
    static const struct {
        const char *sabotage;
        struct verdict verdict;
    } table[] = {
        {"SELECT 1", {0}},
        {"DELETE FROM drumbeat.task_body WHERE id = (SELECT max(id::text)::uuid FROM drumbeat.task_body)",
         {.missing = 1, .unpaired = 1}},
        {"DELETE FROM drumbeat.tick WHERE task_id = (SELECT max(task_id::text)::uuid FROM drumbeat.tick)",
         {.unpaired = 1}},
        {"INSERT INTO drumbeat.task_body (id, name, queue, args, priority, max_attempts, run_at, "
         "created_by, schedule, tick_at)"
         " SELECT drumbeat.uuid_v7(), name, queue, args, priority, max_attempts, run_at, created_by, "
         "schedule, tick_at"
         " FROM drumbeat.task_body LIMIT 1",
         {.doubled = 1, .unpaired = 1}},
        {"INSERT INTO drumbeat.task_body (id, name, queue, args, priority, max_attempts, run_at, "
         "created_by, schedule, tick_at)"
         " SELECT drumbeat.uuid_v7(), name, queue, args, priority, max_attempts, run_at, created_by, "
         "schedule, tick_at + interval '1 s'"
         " FROM drumbeat.task_body LIMIT 1",
         {.strange = 1, .unpaired = 1}},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        test_sql(pg, "BEGIN");
        test_sql(pg, table[i].sabotage);
        struct verdict v = judge(), wanted = table[i].verdict;
        ck_assert_msg(v.missing == wanted.missing && v.doubled == wanted.doubled && v.strange == wanted.strange &&
                          v.unpaired == wanted.unpaired,
                      "%s: %" PRId64 " missing, %" PRId64 " double, %" PRId64 " strange, %" PRId64 " unpaired",
                      table[i].sabotage, v.missing, v.doubled, v.strange, v.unpaired);
        test_sql(pg, "ROLLBACK");
    }
}

START_TEST(every_tick_becomes_one_task_whatever_is_killed_on_the_nights_when_clocks_change)
{
    int count = (int)number_from("BEAT_STORM_KILLS", KILLS);
    prepare(NIGHTS);
    printf("beat storm: STORM_SEED=%" PRIu64 "\n", dice);
    check_known();
    ck_assert_int_ge(test_number(pg, "SELECT count(*) FROM expected"), TICKS_LEAST);
    usec_t begun = clock_boot();
    storm(NIGHTS, count);
    struct verdict v = judge();
    printf("beat storm: %.1f s\n", (double)(clock_boot() - begun) / 1e6);
    tell("as it is", &v);
    ck_assert(v.missing == 0 && v.doubled == 0 && v.strange == 0 && v.unpaired == 0);
    ck_assert_int_ge(test_number(pg, "SELECT count(DISTINCT epoch) FROM drumbeat.tick"), count / 10);
    check_the_checker();
}
END_TEST

/* Faults of a store, and what the storm must find. */
static const struct {
    const char *what, *sql;
    bool misses, doubles;
} faults[] = {
    {"marks move past the full hours without a tick",
     "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;"
     "CREATE TRIGGER fault BEFORE INSERT ON drumbeat.tick FOR EACH ROW WHEN (extract(minute FROM NEW.tick_at) = 0) "
     "EXECUTE FUNCTION fault()",
     true, false},
    {"some ticks become two tasks",
     "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
     " INSERT INTO drumbeat.task_body (id, name, queue, args, priority, max_attempts, run_at, created_by, schedule, tick_at)"
     " VALUES (drumbeat.uuid_v7(), NEW.name, NEW.queue, NEW.args, NEW.priority, NEW.max_attempts, NEW.run_at, NEW.created_by, NEW.schedule,"
     " NEW.tick_at); RETURN NULL; END$$;"
     "CREATE TRIGGER fault AFTER INSERT ON drumbeat.task_body FOR EACH ROW"
     " WHEN (pg_trigger_depth() = 0 AND extract(minute FROM NEW.tick_at) = 0) EXECUTE FUNCTION fault()",
     false, true},
};

START_TEST(a_store_that_loses_or_doubles_ticks_is_found_out)
{
    prepare(1);
    test_sql(pg, faults[_i].sql);
    storm(1, 10);
    struct verdict v = judge();
    tell(faults[_i].what, &v);
    ck_assert_int_eq(v.missing > 0, faults[_i].misses);
    ck_assert_int_eq(v.doubled > 0, faults[_i].doubles);
}
END_TEST

static void tidy(void)
{
    pg_close(pg);
    unlink(clock_file);
    unlink(config_file);
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("beat storm");
    tcase_set_timeout(tests, (double)number_from("BEAT_STORM_KILLS", KILLS) + 200);
    tcase_add_checked_fixture(tests, NULL, tidy);
    tcase_add_loop_test(tests, a_store_that_loses_or_doubles_ticks_is_found_out, 0, sizeof faults / sizeof *faults);
    tcase_add_test(tests, every_tick_becomes_one_task_whatever_is_killed_on_the_nights_when_clocks_change);
    int failed = test_main_case("beat storm", tests);
    test_cluster_stop(cluster);
    return failed;
}
