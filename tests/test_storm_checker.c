/* The invariant checker itself: each rule is broken on purpose, and must be reported by its name. */
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"
#include "tests/storm/invariants.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static const char *url;

/* A database after a quiet run: five successes of three handlers and an error after two attempts; one task waits with a unique
 * key. */
static const char quiet[] =
    "SELECT drumbeat.enqueue('noop'), drumbeat.enqueue('effect'), drumbeat.enqueue('effect'), drumbeat.enqueue('echo');"
    "SELECT drumbeat.enqueue('effect', unique_key => 'gone');"
    "SELECT drumbeat.enqueue('crash', max_attempts => 2);";

static const struct {
    const char *rule, *sabotage;
} table[] = {
    {"a task is in exactly one state", "DELETE FROM drumbeat.ready"},
    {"a task is in exactly one state", "INSERT INTO drumbeat.delayed SELECT task_id, now(), 0, 3 FROM drumbeat.ended"},
    {"a state belongs to a task", "INSERT INTO drumbeat.delayed VALUES (gen_random_uuid(), now(), 0, 3)"},
    {"what runs is held by a seat", "WITH r AS (DELETE FROM drumbeat.ready RETURNING *) INSERT INTO drumbeat.running (task_id, fence, worker, seat,"
                                    " place, seq, attempt, allowed) SELECT task_id, 99999, gen_random_uuid(), 0, 1, seq, 1, 3 FROM r"},
    {"a unique key is held by a live task", "INSERT INTO drumbeat.unique_lock VALUES ('noop', 'k', gen_random_uuid())"},
    {"a unique key is held by a live task", "INSERT INTO drumbeat.unique_lock SELECT b.name, b.unique_key, b.id FROM drumbeat.task_body b WHERE unique_key = 'gone'"},
    {"a live task holds its unique key", "DELETE FROM drumbeat.unique_lock"},
    {"a slot is held by a task that is ready, runs or waits at a later gate", "INSERT INTO drumbeat.slot VALUES (gen_random_uuid(), 4, 'key k', 5, 0, 1)"},
    {"a slot is held by a task that is ready, runs or waits at a later gate", "INSERT INTO drumbeat.slot SELECT task_id, 4, 'key k', 5, 0, 1 FROM drumbeat.ended LIMIT 1"},
    {"no gate has more slots in use than it has", "INSERT INTO drumbeat.slot SELECT id, 4, 'key k', 5, 0, 1 FROM drumbeat.task_body LIMIT 2"},
    {"no attempt is beyond those allowed", "UPDATE drumbeat.ready SET attempt = allowed"},
    {"attempts are told as often as they were charged", "DELETE FROM drumbeat.past_attempt WHERE attempt = 1"},
    {"attempts are told as often as they were charged", "UPDATE drumbeat.ended SET attempt = 0 WHERE status = 'SUCCESS'"},
    {"attempts are numbered from 1", "UPDATE drumbeat.past_attempt SET attempt = 2"},
    {"a fence belongs to one worker", "UPDATE drumbeat.past_attempt SET fence = (SELECT min(fence) FROM drumbeat.ended), worker = gen_random_uuid() WHERE attempt = 1"},
    {"attempts of a task do not overlap", "UPDATE drumbeat.past_attempt SET ended_at = ended_at + interval '1 hour' WHERE attempt = 1"},
    {"an attempt ends after it starts", "UPDATE drumbeat.ended SET started_at = ended_at + interval '1 hour' WHERE status = 'SUCCESS'"},
    {"a task starts after it was enqueued", "UPDATE drumbeat.past_attempt SET started_at = started_at - interval '1 hour' WHERE attempt = 1"},
    {"an ending is complete", "UPDATE drumbeat.ended SET error = NULL WHERE status = 'ERRORED'"},
    {"an ending is complete", "UPDATE drumbeat.ended SET started_at = NULL WHERE status = 'SUCCESS'"},
    {"an effect happens once", "INSERT INTO drumbeat.trial_effect SELECT * FROM drumbeat.trial_effect LIMIT 1"},
    {"an effect comes with a success", "INSERT INTO drumbeat.trial_effect SELECT task_id, 1, NULL FROM drumbeat.ready"},
    {"a success comes with its effect", "DELETE FROM drumbeat.trial_effect"},
    {"a log line belongs to a task", "INSERT INTO drumbeat.task_log (task_id, level, message) VALUES (gen_random_uuid(), 'info', 'x')"},
    {"a tick has one task", "INSERT INTO drumbeat.tick VALUES ('s', now(), gen_random_uuid(), now(), NULL, NULL, 0)"},
    {"a task of a schedule has its tick", "UPDATE drumbeat.task_body SET schedule = 's', tick_at = now()"},
    {"nothing waits or runs", "SELECT 1"},
    {"no cancel is left open", "INSERT INTO drumbeat.cancel_request (task_id) SELECT task_id FROM drumbeat.ready"},
};

static void run_quietly(struct pg *pg)
{
    test_sql(pg, quiet);
    struct test_process *worker CLEANUP(test_process_freep) = test_drumbeat(url, "worker", "--burst", "--pool", "2", NULL);
    ck_assert_int_eq(test_process_status(worker), 0);
    test_sql(pg, "SELECT drumbeat.enqueue('noop', unique_key => 'waits')");
}

START_TEST(a_quiet_run_breaks_no_rule)
{
    struct pg *pg = test_connect(url);
    run_quietly(pg);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'"), 5);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.past_attempt"), 2);
    invariants_assert(pg, false);
    test_sql(pg, "SELECT drumbeat.cancel(task_id) FROM drumbeat.ready");
    invariants_assert(pg, true);
    pg_close(pg);
}
END_TEST

/* Each in a transaction that is rolled back, over the same quiet run. */
START_TEST(every_rule_is_reported_by_name_when_it_is_broken)
{
    struct pg *pg = test_connect(url);
    struct err e;
    run_quietly(pg);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct text report CLEANUP(text_free) = {0};
        ck_assert(pg_begin(pg, &e));
        test_sql(pg, table[i].sabotage);
        invariants_broken(pg, true, &report);
        ck_assert_msg(strstr(text_str(&report), table[i].rule), "row %zu: '%s' is not in:\n%s", i, table[i].rule, text_str(&report));
        ck_assert(pg_rollback(pg, &e));
    }
    pg_close(pg);
}
END_TEST

START_TEST(an_open_transaction_is_reported)
{
    struct pg *pg = test_connect(url), *other = test_connect(url);
    struct text report CLEANUP(text_free) = {0};
    struct err e;
    ck_assert(pg_begin(other, &e));
    test_sql(other, "SELECT 1");
    invariants_broken(pg, true, &report);
    ck_assert_ptr_nonnull(strstr(text_str(&report), "nobody holds a transaction open"));
    pg_close(other);
    pg_close(pg);
}
END_TEST

static struct test_cluster *cluster;

static void new_database(void)
{
    url = test_cluster_database(cluster);
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("checker");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, new_database, NULL);
    tcase_add_test(tests, a_quiet_run_breaks_no_rule);
    tcase_add_test(tests, every_rule_is_reported_by_name_when_it_is_broken);
    tcase_add_test(tests, an_open_transaction_is_reported);
    int failed = test_main_case("checker", tests);
    test_cluster_stop(cluster);
    return failed;
}
