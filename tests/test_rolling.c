/* A rolling deploy under load: workers of two versions side by side, each with a handler that the other does not have, restarted one after
 * the other while tasks keep coming. Nothing is lost or charged, tasks wait for a version that has their name rather than fail, and
 * whoever can be served is served soon. */
#include "tests/fixture/main.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS = 3, ROUNDS = 5, RATE = 500, EFFECTS = 2, PLAIN = 23, OWN_EVERY = 4 };

static struct test_cluster *cluster;
static struct stage s;
static const char *files[2]; /* the configuration of each version */
static usec_t began_at;
static int64_t enqueued, slices;

static void open_stage(void)
{
    char path[512], text[128];
    stage_open(&s, cluster);
    for (int version = 0; version < 2; version++) {
        snprintf(path, sizeof path, "%s/version-%d-%d.yaml", test_cluster_folder(cluster), version + 1, (int)getpid());
        snprintf(text, sizeof text, "worker: {pool: 2}\nhandlers: {only.v%d: {command: {argv: [/bin/true]}}}\n", version + 1);
        FILE *file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        fputs(text, file);
        ck_assert_int_eq(fclose(file), 0);
        files[version] = stage_keep(path);
    }
    enqueued = slices = 0;
}

static void close_stage(void)
{
    stage_close(&s);
}

static struct test_process *start_version(int version)
{
    return test_drumbeat_start(s.url, "worker", "--config", files[version], NULL);
}

/* What came in: tiny tasks, tasks that write, tasks that take a moment, and some that only one of the versions has. */
static void enqueue_slice(void)
{
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[20]))");
    test_sql(s.pg, "SELECT drumbeat.enqueue('effect', '{\"key\": \"k\"}') FROM generate_series(1, 2)");
    test_sql(s.pg, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 0.02}')");
    enqueued += PLAIN;
    if (slices++ % OWN_EVERY == 0) {
        test_sql(s.pg, "SELECT drumbeat.enqueue('only.v1'), drumbeat.enqueue('only.v2')");
        enqueued += 2;
    }
}

/* As many as should have come by now, but not all at once: a machine that cannot keep up gets fewer. */
static void keep_enqueuing(void)
{
    if (enqueued < (clock_boot() - began_at) * RATE / SECONDS(1))
        enqueue_slice();
}

static void replace(struct test_process **worker, int version)
{
    usec_t deadline = test_deadline(MINUTES(3));
    test_process_signal(*worker, SIGTERM);
    while (!test_process_wait(*worker, MSEC(2))) {
        ck_assert_msg(clock_boot() < deadline, "%s", test_process_errors(*worker));
        keep_enqueuing();
    }
    ck_assert_msg(test_process_status(*worker) == 0, "%s", test_process_errors(*worker));
    test_process_free(*worker);
    *worker = start_version(version);
    while (!test_process_wait_for(*worker, "worker.registered", MSEC(2))) {
        ck_assert_msg(clock_boot() < deadline, "%s", test_process_errors(*worker));
        keep_enqueuing();
    }
}

static void await_all(int64_t wanted, usec_t limit)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT (count(*) = %lld)::int FROM drumbeat.ended WHERE status = 'SUCCESS' AND attempt = 1", (long long)wanted);
    ck_assert_msg(stage_wait(&s, sql, 1, limit), "%s", stage_text(&s, "SELECT string_agg(x::text, ' ') FROM (SELECT name, status, attempt, error, count(*) FROM drumbeat.task GROUP BY 1, 2, 3, 4) x"));
}

START_TEST(a_rolling_restart_under_load_loses_and_charges_nothing)
{
    struct test_process *workers[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = start_version(0);
        ck_assert(test_process_wait_for(workers[i], "worker.registered", SECONDS(10)));
    }
    began_at = clock_boot();
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < WORKERS; i++)
            replace(&workers[i], (round + 1) % 2);
    replace(&workers[0], 0); /* the other version stays with the other two */
    await_all(enqueued, SECONDS(30));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.past_attempt WHERE outcome <> 'returned'"), 0);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.trial_effect"), slices * EFFECTS);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(DISTINCT task_id) FROM drumbeat.trial_effect"), slices * EFFECTS);
    /* In each second, so that no worker that leaves stops the others; but a second in which the machine stands still counts for itself. */
    const char *slow = stage_text(&s, "SELECT count(*) FILTER (WHERE worst > 2) || ' of ' || count(*) || ' seconds with a start after more than 2 s' FROM"
                                      " (SELECT max(extract(epoch FROM started_at - created_at)) AS worst FROM drumbeat.task WHERE name NOT LIKE 'only.%'"
                                      " GROUP BY date_trunc('second', created_at)) x");
    int seconds = 0, late = atoi(slow);
    ck_assert_int_eq(sscanf(slow, "%d of %d", &late, &seconds), 2);
    ck_assert_msg(late <= seconds / 4, "%s", slow);
    for (int i = 0; i < WORKERS; i++) {
        stage_stop(workers[i], SECONDS(20));
        test_process_free(workers[i]);
    }
}
END_TEST

START_TEST(side_by_side_each_version_runs_what_it_has)
{
    struct test_process *workers[2] = {start_version(0), start_version(1)};
    for (int version = 0; version < 2; version++)
        ck_assert(test_process_wait_for(workers[version], "worker.registered", SECONDS(10)));
    for (int i = 0; i < 20; i++)
        enqueue_slice();
    await_all(enqueued, SECONDS(20));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task t JOIN drumbeat.worker w ON w.id = t.worker WHERE t.name = ANY (w.names)"), enqueued);
    stage_stop(workers[1], SECONDS(20));
    const char *waits = stage_enqueue(&s, "SELECT drumbeat.enqueue('only.v2', max_attempts => 1)");
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('only.v1')"), "SUCCESS", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, waits, "status || attempt"), "QUEUED0");
    test_process_free(workers[1]);
    workers[1] = start_version(1);
    ck_assert(stage_ends(&s, waits, "SUCCESS", SECONDS(10)));
    for (int version = 0; version < 2; version++)
        test_process_free(workers[version]);
}
END_TEST

/* The new version has migrated the schema before its first worker starts: those of the old one carry on, and can even start. */
START_TEST(workers_of_the_old_version_work_on_a_newer_schema)
{
    struct test_process *worker = start_version(0);
    ck_assert(test_process_wait_for(worker, "worker.registered", SECONDS(10)));
    test_sql(s.pg, "INSERT INTO drumbeat.migration (name) VALUES ('9000_later')");
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('only.v1')"), "SUCCESS", SECONDS(5)));
    test_process_free(worker);
    worker = start_version(0);
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('only.v1')"), "SUCCESS", SECONDS(10)));
    test_process_free(worker);
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("rolling deploys");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    tcase_add_test(tests, a_rolling_restart_under_load_loses_and_charges_nothing);
    tcase_add_test(tests, side_by_side_each_version_runs_what_it_has);
    tcase_add_test(tests, workers_of_the_old_version_work_on_a_newer_schema);
    int failed = test_main_case("rolling deploys", tests);
    test_cluster_stop(cluster);
    return failed;
}
