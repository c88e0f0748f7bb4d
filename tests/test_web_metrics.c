/* /metrics of the real binary: what is counted, under which names, and that nothing that counts goes back. */
#include "tests/fixture/main.h"
#include "tests/test_web_stage.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(metrics_count_what_stands_in_each_queue)
{
    add_worker();
    occupy(1);
    test_sql(web.pg,
             "SELECT count(*) FROM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[3]), queue => 'sync');"
             "SELECT count(*) FROM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[2]), queue => 'sync', "
             "run_at => now() + interval '1 hour');"
             "SELECT drumbeat.enqueue('noop', queue => 'run.1'); SELECT drumbeat.pause('sync');"
             "UPDATE drumbeat.task_body SET run_at = now() - interval '100 seconds' WHERE queue = 'sync'");
    start_web(NULL, NULL);
    ask("GET", "/metrics");
    ck_assert_int_eq(reply.status, 200);
    ck_exposition(reply.body);
    ck_assert_double_eq(sample("drumbeat_queue_ready{queue=\"sync\"}"), 3);
    ck_assert_double_eq(sample("drumbeat_queue_delayed{queue=\"sync\"}"), 2);
    ck_assert_double_eq(sample("drumbeat_queue_running{queue=\"default\"}"), 1);
    ck_assert_double_eq(sample("drumbeat_queue_paused{queue=\"sync\"}"), 1);
    ck_assert_double_ge(sample("drumbeat_queue_oldest_ready_seconds{queue=\"sync\"}"), 100);
    ck_assert_double_le(sample("drumbeat_queue_oldest_ready_seconds{queue=\"sync\"}"), 400);
    ck_assert_double_eq(sample("drumbeat_workers"), 1);
    ck_assert_double_eq(sample("drumbeat_seats"), 2);
    ck_assert_double_eq(sample("drumbeat_seats_busy"), 1);
    ck_assert_double_eq(sample("drumbeat_database_connected"), 1);
    ck_assert_ptr_null(strstr(reply.body, "run.1"));
    stop_web();
}
END_TEST

/* Two queues filled in turns, so that their sequence numbers have gaps of both sizes. */
START_TEST(a_long_queue_is_estimated_well)
{
    test_sql(web.pg, "DO $$ BEGIN FOR i IN 1 .. 20 LOOP"
                 " PERFORM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[3000]));"
                 " PERFORM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[1000]), queue => 'sync'); END "
                 "LOOP; END $$");
    start_web(NULL, NULL);
    wait_sample("drumbeat_queue_ready{queue=\"default\"}", 60000 * 0.85, 60000 * 1.15);
    wait_sample("drumbeat_queue_ready{queue=\"sync\"}", 20000 * 0.85, 20000 * 1.15);
    stop_web();
}
END_TEST

START_TEST(counters_grow_and_outcomes_are_told_apart)
{
    test_sql(web.pg, "SELECT drumbeat.enqueue('noop') FROM generate_series(1, 5); SELECT drumbeat.enqueue('fail', "
                 "'{\"retryable\": false}')");
    struct test_process *worker = test_drumbeat(web.url, "worker", "--burst", "--pool", "1", NULL);
    ck_assert_int_eq(test_process_status(worker), 0);
    test_process_free(worker);
    start_web(NULL, NULL);
    wait_sample("drumbeat_tasks_ended_last_minute{status=\"SUCCESS\"}", 5, 5);
    wait_sample("drumbeat_tasks_ended_last_minute{status=\"ERRORED\"}", 1, 1);
    wait_sample("drumbeat_tasks_enqueued_total", 6, 6);
    wait_sample("drumbeat_tasks_ended_total", 6, 6);
    wait_sample("drumbeat_attempts_failed_total", 1, 1);
    stop_web();
}
END_TEST

#define GATE(family, kind, name) "drumbeat_limit_" family "{kind=\"" kind "\",name=\"" name "\"}"

/* Whoever is behind what waits: rules of each kind, keys of a handler, keys of which nothing is said, a paused queue, a handler that nobody has. */
START_TEST(limits_show_what_holds_them_and_what_waits)
{
    static const struct {
        const char *name;
        double number;
    } table[] = {
        {GATE("slots", "queue", "sync"), 2},
        {GATE("slots_used", "queue", "sync"), 2},
        {GATE("waiting", "queue", "sync"), 5},
        {GATE("slots", "key", "a\\\"b"), 3},
        {GATE("slots_used", "key", "a\\\"b"), 1},
        {GATE("waiting", "key", "a\\\"b"), 0},
        {GATE("slots", "keys", "echo"), 1},
        {GATE("slots_used", "keys", "echo"), 3},
        {GATE("waiting", "keys", "echo"), 3},
        {GATE("slots_used", "key", ""), 1},
        {GATE("waiting", "key", ""), 1},
        {GATE("rate_per_second", "handler", "noop"), 0.1},
        {GATE("rate_waiting", "handler", "noop"), 4},
        {GATE("slots", "handler", "noop"), -1},
        {GATE("rate_per_second", "queue", "sync"), -1},
        {"drumbeat_queue_gated{queue=\"sync\"}", 5},
        {"drumbeat_queue_gated{queue=\"default\"}", 8},
        {"drumbeat_queue_gated{queue=\"idle\"}", 6},
    };
    add_worker();
    test_sql(web.pg, "UPDATE drumbeat.worker SET names = '{noop,echo,sleep}'; UPDATE drumbeat.handler SET limit_by = 'for' WHERE name = 'echo';"
                 "INSERT INTO drumbeat.handler (name, limit_by) VALUES ('echo', 'for') ON CONFLICT (name) DO UPDATE SET limit_by = 'for';"
                 "SELECT drumbeat.set_limit('queue', 'sync', 2), drumbeat.set_limit('key', 'a\"b', 3), drumbeat.set_limit('keys', 'echo', 1),"
                 " drumbeat.set_limit('handler', 'noop', rate => '6/m');"
                 "SELECT drumbeat.enqueue('sleep', queue => 'sync') FROM generate_series(1, 7);"
                 "SELECT drumbeat.enqueue('sleep', limit_key => 'a\"b');"
                 "SELECT drumbeat.enqueue('echo', jsonb_build_object('for', n % 3)) FROM generate_series(1, 6) n;"
                 "SELECT drumbeat.enqueue('sleep', limit_key => 'other') FROM generate_series(1, 2);"
                 "SELECT drumbeat.enqueue('noop') FROM generate_series(1, 5);"
                 "SELECT drumbeat.pause('idle'); SELECT drumbeat.enqueue('sleep', queue => 'idle', limit_key => n::text) FROM generate_series(1, 6) n;"
                 "SELECT drumbeat.admit('{}', '')");
    test_sql(web.pg, "SELECT drumbeat.admit('{}', '')");
    start_web(NULL, NULL);
    wait_sample(GATE("rate_next_seconds", "handler", "noop"), 1, 10);
    ck_exposition(reply.body);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        ck_assert_msg(sample(table[i].name) == table[i].number, "%s is %g, not %g", table[i].name, sample(table[i].name), table[i].number);
    stop_web();
}
END_TEST

/* The names that a dashboard of this field expects, with their labels, after a little real work. */
static const char *const expected[] = {
    "drumbeat_jobs_total{queue=\"default\",kind=\"noop\",outcome=\"success\"} ",
    "drumbeat_job_duration_seconds_bucket{queue=\"default\",kind=\"noop\",le=\"+Inf\"} ",
    "drumbeat_job_duration_seconds_sum{queue=\"default\",kind=\"noop\"} ",
    "drumbeat_job_duration_seconds_count{queue=\"default\",kind=\"noop\"} ",
    "drumbeat_job_wait_seconds_bucket{queue=\"default\",kind=\"noop\",le=\"0.001\"} ",
    "drumbeat_queue_ready{queue=\"default\"} ",
    "drumbeat_queue_oldest_ready_seconds{queue=\"default\"} ",
    "drumbeat_attempts_rescued_total{reason=\"child\"} ",
    "drumbeat_attempts_rescued_total{reason=\"worker\"} ",
    "drumbeat_stale_writes_refused_total ",
    "drumbeat_commit_unknown_total{resolved=\"committed\"} ",
    "drumbeat_commit_unknown_total{resolved=\"rolled_back\"} ",
    "drumbeat_stream_lag_messages ",
    "drumbeat_ticks_total{result=\"emitted\"} ",
    "drumbeat_ticks_total{result=\"missed\"} ",
    "drumbeat_bell_lost_total ",
    "drumbeat_child_restarts_total{cause=\"signal\"} ",
    "drumbeat_child_restarts_total{cause=\"limit\"} ",
    "drumbeat_build_info{version=\"",
};

START_TEST(the_names_of_the_field_are_all_there)
{
    test_sql(web.pg, "SELECT drumbeat.enqueue('noop')");
    CLEANUP(test_process_freep) struct test_process *worker = test_drumbeat(web.url, "worker", "--burst", "--pool", "1", NULL);
    ck_assert_int_eq(test_process_status(worker), 0);
    start_web(NULL, NULL);
    wait_sample("drumbeat_jobs_total{queue=\"default\",kind=\"noop\",outcome=\"success\"}", 1, 1);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char line[160];
        snprintf(line, sizeof line, "\n%s", expected[i]);
        ck_assert_msg(strstr(reply.body, line) != NULL, "%s is missing:\n%s", expected[i], reply.body);
    }
    stop_web();
}
END_TEST

/* A task that somebody puts there without a bell, as when the notification was lost on its way: found by looking, and counted. One that was rung for
 * is not. */
START_TEST(a_lost_bell_is_counted_and_its_task_runs)
{
    CLEANUP(test_process_freep) struct test_process *worker = test_drumbeat_start(web.url, "worker", "--pool", "2", NULL);
    ck_assert(test_process_wait_for(worker, "worker.registered", SECONDS(20)));
    for (int i = 1; i <= 20; i++) {
        test_sql(web.pg, "SELECT drumbeat.enqueue('noop')");
        ck_assert(test_wait_number(web.pg, "SELECT count(*) FROM drumbeat.ended", i, SOON));
        poll(NULL, 0, 50);
    }
    poll(NULL, 0, 2500); /* two rounds of the keeper, which would have their doubts by now */
    start_web(NULL, NULL);
    wait_sample("drumbeat_job_wait_seconds_count{queue=\"default\",kind=\"noop\"}", 20, 20);
    ck_assert_double_eq(sample("drumbeat_bell_lost_total"), 0);
    test_sql(web.pg, "WITH body AS (INSERT INTO drumbeat.task_body (id, name, queue, args, priority, max_attempts, run_at, created_by)"
                 " VALUES (drumbeat.uuid_v7(), 'noop', 'default', '{}', 5, 1, now(), 'test') RETURNING id)"
                 "INSERT INTO drumbeat.ready (queue, priority, flow, task_id, name, allowed) SELECT 'default', 5, 0, id, 'noop', 1 FROM body");
    ck_assert(test_wait_number(web.pg, "SELECT count(*) FROM drumbeat.ended", 21, SOON));
    wait_sample("drumbeat_bell_lost_total", 1, 1);
    ck_assert(test_process_wait_for(worker, "keeper.bell_lost times=1", SOON));
    stop_web();
}
END_TEST

START_TEST(ticks_are_counted_and_timed)
{
    test_sql(web.pg, "INSERT INTO drumbeat.schedule (name, handler, specs) VALUES ('often', 'noop', '{@every 1s}'), ('yearly', 'noop', '{@yearly}')");
    start_web(NULL, NULL);
    wait_sample("drumbeat_schedules", 2, 2);
    ask("GET", "/metrics");
    ck_exposition(reply.body);
    ck_assert_ptr_null(strstr(reply.body, "\ndrumbeat_beat_holder_age_seconds "));
    ck_assert_ptr_null(strstr(reply.body, "\ndrumbeat_beat_last_lateness_seconds "));
    struct test_process *beat = test_drumbeat_start(web.url, "beat", "--config", "/dev/null", NULL); /* without the shipped schedules */
    wait_sample("drumbeat_beat_leads", 1, 1);
    wait_sample("drumbeat_ticks_total{result=\"emitted\"}", 1, 100);
    wait_sample("drumbeat_beat_last_lateness_seconds", 0, 5);
    wait_sample("drumbeat_beat_holder_age_seconds", 0, 60);
    wait_sample("drumbeat_schedules_overdue", 0, 0);
    test_process_signal(beat, SIGTERM);
    ck_assert(test_process_wait(beat, SECONDS(10)));
    test_process_free(beat);
    wait_sample("drumbeat_schedules_overdue", 1, 1);
    wait_sample("drumbeat_beat_leads", 0, 0);
    ask("GET", "/metrics");
    ck_assert_ptr_null(strstr(reply.body, "\ndrumbeat_beat_holder_age_seconds "));
    stop_web();
}
END_TEST

static char *read_file(const char *path)
{
    char whole[4096];
    const char *source = getenv("DRUMBEAT_SOURCE");
    char *text = mem_zero(1, REPLY_MAX);
    snprintf(whole, sizeof whole, "%s/%s", source ? source : ".", path);
    FILE *file = fopen(whole, "re");
    ck_assert_msg(file != NULL, "%s", whole);
    ck_assert_uint_gt(fread(text, 1, REPLY_MAX - 1, file), 0);
    fclose(file);
    return text;
}

static bool has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        if (!is_name(at[length]) && (at == text || !is_name(at[-1])))
            return true;
    return false;
}

START_TEST(alerts_and_manual_name_the_metrics_there_are)
{
    char *manual = read_file("docs/operations.md"), *alerts = read_file("docs/prometheus-alerts.yaml");
    start_web(NULL, NULL);
    ask("GET", "/metrics");
    for (const char *line = strstr(reply.body, "# TYPE "); line; line = strstr(line + 1, "# TYPE ")) {
        char name[128];
        ck_assert_int_eq(sscanf(line, "# TYPE %127s", name), 1);
        ck_assert_msg(has_word(manual, name), "%s is not in docs/operations.md", name);
    }
    for (const char *at = strstr(alerts, "drumbeat_"); at; at = strstr(at + 1, "drumbeat_")) {
        char name[128];
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        snprintf(name, sizeof name, "# TYPE %.*s ", (int)length, at);
        ck_assert_msg(strstr(reply.body, name) != NULL, "the alerts name %.*s", (int)length, at);
    }
    free(manual);
    free(alerts);
    stop_web();
}
END_TEST

#define NOOP "{queue=\"default\",kind=\"noop\""
#define OUTCOME(kind, outcome) "drumbeat_jobs_total{queue=\"default\",kind=\"" kind "\",outcome=\"" outcome "\"}"

static void burst(void)
{
    struct test_process *worker = test_drumbeat(web.url, "worker", "--burst", "--pool", "1", NULL);
    ck_assert_msg(test_process_status(worker) == 0, "%s", test_process_errors(worker));
    test_process_free(worker);
}

static void check_counts(double runs)
{
    wait_sample(OUTCOME("noop", "success"), runs, runs);
    wait_sample(OUTCOME("fail", "errored"), 1, 1);
    wait_sample("drumbeat_job_duration_seconds_count" NOOP "}", runs, runs);
    wait_sample("drumbeat_job_duration_seconds_bucket" NOOP ",le=\"3600\"}", runs, runs);
    wait_sample("drumbeat_job_wait_seconds_bucket" NOOP ",le=\"+Inf\"}", runs, runs);
    wait_sample("drumbeat_attempts_rescued_total{reason=\"child\"}", 1, 1);
    wait_sample(OUTCOME("crash", "died"), 1, 1);
    wait_sample("drumbeat_child_restarts_total{cause=\"signal\"}", 1, 1);
    wait_sample("drumbeat_stale_writes_refused_total", 0, 0);
}

/* Of a worker that lives, that is gone, that has been gone for long; and whatever becomes of the tasks. */
START_TEST(what_workers_count_never_goes_back)
{
    test_sql(web.pg, "SELECT drumbeat.enqueue('noop') FROM generate_series(1, 5); SELECT drumbeat.enqueue('fail', '{\"retryable\": false}');"
                 "SELECT drumbeat.enqueue('crash', max_attempts => 1)");
    burst();
    start_web(NULL, NULL);
    check_counts(5);
    test_sql(web.pg, "SELECT drumbeat.enqueue('noop') FROM generate_series(1, 3)");
    burst();
    check_counts(8);
    test_sql(web.pg, "UPDATE drumbeat.tally SET written_at = written_at - interval '2 h'");
    ck_assert_int_gt(test_number(web.pg, "SELECT drumbeat.fold_tallies()"), 0);
    ck_assert_int_eq(test_number(web.pg, "SELECT count(DISTINCT worker) FROM drumbeat.tally"), 1);
    ck_assert_int_eq(test_number(web.pg, "SELECT drumbeat.fold_tallies()"), 0);
    test_sql(web.pg, "SELECT drumbeat.enqueue('noop') FROM generate_series(1, 2)");
    burst();
    check_counts(10);
    test_sql(web.pg, "UPDATE drumbeat.tally SET written_at = written_at - interval '2 h'"); /* put with what was put together before */
    ck_assert_int_gt(test_number(web.pg, "SELECT drumbeat.fold_tallies()"), 0);
    check_counts(10);
    stop_web();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("metrics");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, web_begin, web_end);
    tcase_add_test(tests, metrics_count_what_stands_in_each_queue);
    tcase_add_test(tests, a_long_queue_is_estimated_well);
    tcase_add_test(tests, counters_grow_and_outcomes_are_told_apart);
    tcase_add_test(tests, limits_show_what_holds_them_and_what_waits);
    tcase_add_test(tests, the_names_of_the_field_are_all_there);
    tcase_add_test(tests, a_lost_bell_is_counted_and_its_task_runs);
    tcase_add_test(tests, ticks_are_counted_and_timed);
    tcase_add_test(tests, alerts_and_manual_name_the_metrics_there_are);
    tcase_add_test(tests, what_workers_count_never_goes_back);
    web.cluster = test_cluster_start(NULL);
    int failed = test_main_case("web", tests);
    test_cluster_stop(web.cluster);
    return failed;
}
