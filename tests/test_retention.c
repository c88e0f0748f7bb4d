/* Forgetting: what is due goes, what must stay stays, and neither the queue nor a crash at any step gets in the way. Time is made by making
 * ids and shelves that are old. */
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

enum { STEPS_MAX = 200 };

static const char policy[] = "{\"success\": 2592000, \"errored\": 7776000, \"killed\": 7776000, \"skipped\": 2592000,"
                             " \"queues\": {\"audit\": {\"success\": 0}}}";

static struct test_cluster *cluster;
static const char *url;
static struct pg *pg;

/* Shelves to 50 days ago, to 35 days ago, and to tomorrow, in place of those that were made today. */
static const char old_shelves[] =
    "DO $$ DECLARE t text; BEGIN"
    " FOR t IN SELECT format('drumbeat.%I', s.name || '_' || h.number) FROM drumbeat.shelved() s, drumbeat.shelf h LOOP"
    "  EXECUTE 'DROP TABLE ' || t; END LOOP;"
    " DELETE FROM drumbeat.shelf;"
    " PERFORM drumbeat.make_shelf(n, a, b), drumbeat.hang_shelf(n, a, b) FROM (VALUES"
    "  (11, '-infinity', now() - interval '50 days'), (12, now() - interval '50 days', now() - interval '35 days'),"
    "  (13, now() - interval '35 days', now() + interval '1 day')) s(n, a, b);"
    " PERFORM setval('drumbeat.shelf_seq', 20);"
    "END $$;"
    /* A task that was enqueued so long ago and has stood there since: where its body was, but for the time. */
    "CREATE FUNCTION old_task(age interval, queue text, status text, ended interval DEFAULT NULL) RETURNS uuid LANGUAGE plpgsql AS $$"
    " DECLARE it uuid := overlay(drumbeat.uuid_v7()::text PLACING left(drumbeat.first_id(now() - age)::text, 13) FROM 1 FOR 13)::uuid;"
    " BEGIN"
    "  INSERT INTO drumbeat.task_body (id, name, queue, args, priority, max_attempts, run_at, created_by)"
    "  VALUES (it, 'noop', old_task.queue, '{}', 5, 3, now() - age, 'test');"
    "  INSERT INTO drumbeat.task_log (task_id, level, message) VALUES (it, 'info', 'was here');"
    "  IF status = 'QUEUED' THEN"
    "   INSERT INTO drumbeat.ready (queue, priority, flow, task_id, name, allowed) VALUES (old_task.queue, 5, 0, it, 'noop', 3);"
    "  ELSE"
    "   INSERT INTO drumbeat.ended (task_id, status, attempt, fence, started_at, ended_at, error)"
    "   VALUES (it, status, (status IN ('SUCCESS', 'ERRORED'))::int, 1, now() - age + interval '1 s', now() - coalesce(ended, age) + interval '2 s', CASE WHEN status <> 'SUCCESS' THEN 'why' END);"
    "  END IF;"
    "  IF status = 'ERRORED' THEN"
    "   INSERT INTO drumbeat.past_attempt (task_id, attempt, fence, ended_at, outcome, error) VALUES (it, 1, 1, now() - age + interval '2 s', 'failed', 'why');"
    "  END IF;"
    "  RETURN it; END $$";

static void open_database(void)
{
    url = test_cluster_database(cluster);
    pg = test_connect(url);
    test_sql(pg, old_shelves);
}

static void close_database(void)
{
    invariants_assert(pg, false);
    pg_close(pg);
}

/* One step, by `by`; answers the state it came to. */
static const char *step_by(struct pg *by, int most)
{
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT state FROM drumbeat.prune('%s', %d)", policy, most);
    return test_text(by, sql);
}

static void prune_all(void)
{
    const char *state = "";
    for (int i = 0; i < STEPS_MAX && strcmp(state, "idle") != 0; i++)
        state = step_by(pg, 3);
    ck_assert_str_eq(state, "idle");
}

/* Until the next step would come to `state`. */
static void prune_until(const char *state)
{
    for (int i = 0; i < STEPS_MAX; i++)
        if (strcmp(step_by(pg, 3), state) == 0)
            return;
    ck_abort_msg("never came to '%s'", state);
}

static int64_t left_of(const char *what)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM drumbeat.task WHERE status || ' ' || queue = '%s'", what);
    return test_number(pg, sql);
}

/* What each table shows, and what must be left of it. Five of each. */
START_TEST(what_is_due_goes_and_what_must_stay_stays)
{
    static const struct {
        const char *age, *queue, *status, *ended, *why;
        int left;
    } table[] = {
        {"40 days", "gone", "SUCCESS", "40 days", "a success of 40 days is over its 30", 0},
        {"40 days", "late", "SUCCESS", "20 days", "it counts from the end", 5},
        {"40 days", "audit", "SUCCESS", "40 days", "its queue keeps successes for ever", 5},
        {"40 days", "skip", "SKIPPED", "40 days", "30 days for what was skipped", 0},
        {"40 days", "bad", "ERRORED", "40 days", "errors are kept for 90", 5},
        {"100 days", "worse", "ERRORED", "100 days", "and not longer", 0},
        {"200 days", "wait", "QUEUED", NULL, "it has not ended", 5},
        {"34 days", "young", "SUCCESS", "34 days", "its shelf is not over yet", 5},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char sql[512];
        snprintf(sql, sizeof sql, "SELECT old_task('%s', '%s', '%s', %s%s%s) FROM generate_series(1, 5)", table[i].age, table[i].queue, table[i].status,
                 table[i].ended ? "'" : "", table[i].ended ? table[i].ended : "NULL", table[i].ended ? "'" : "");
        test_sql(pg, sql);
    }
    prune_all();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char what[64];
        snprintf(what, sizeof what, "%s %s", table[i].status, table[i].queue);
        ck_assert_msg(left_of(what) == table[i].left, "%s: %s: %d left", what, table[i].why, (int)left_of(what));
    }
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task_log"), 25);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.past_attempt"), 5);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.shelf"), 2);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM pg_class WHERE relname IN ('task_body_11', 'task_body_12', 'ended_12', 'task_log_12')"), 0);
}
END_TEST

/* Tasks enqueued, tasks ended and attempts that failed, as far as the server has counted them. */
static int64_t ever(const char *table)
{
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT rows FROM drumbeat.history_total WHERE name = '%s'", table);
    test_sql(pg, "SELECT pg_stat_force_next_flush()");
    test_sql(pg, "SELECT pg_stat_clear_snapshot()");
    return test_number(pg, sql);
}

/* Copying counts nothing twice, dropping takes nothing away. */
START_TEST(how_many_there_ever_were_never_falls)
{
    static const struct {
        const char *table;
        int rows;
    } table[] = {{"task_body", 30}, {"ended", 25}, {"past_attempt", 10}, {"task_log", 30}};
    const char *state = "";
    test_sql(pg, "SELECT old_task('40 days', 'gone', 'SUCCESS'), old_task('60 days', 'gone', 'SKIPPED'), old_task('40 days', 'bad', 'ERRORED'),"
                 " old_task('60 days', 'wait', 'QUEUED'), old_task('1 day', 'young', 'SUCCESS'), old_task('100 days', 'worse', 'ERRORED')"
                 " FROM generate_series(1, 5)");
    for (int step = 0; step < STEPS_MAX && strcmp(state, "idle") != 0; step++) {
        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
            ck_assert_msg(ever(table[i].table) == table[i].rows, "%s after '%s': %d, not %d", table[i].table, state, (int)ever(table[i].table), table[i].rows);
        state = stage_keep(step_by(pg, 3));
    }
    ck_assert_str_eq(state, "idle");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 15);
    test_sql(pg, "SELECT drumbeat.enqueue('noop')");
    ck_assert_int_eq(ever("task_body"), 31);
}
END_TEST

/* "$id" stands for the task. */
static const char *about(const char *sql, const char *id)
{
    struct text whole CLEANUP(text_free) = {0};
    const char *place = strstr(sql, "$id");
    text_printf(&whole, "%.*s%s%s", (int)(place - sql), sql, id, place + strlen("$id"));
    return stage_keep(text_str(&whole));
}

/* Each is done when everything has been copied and nothing is in its place yet. */
START_TEST(what_is_written_to_while_it_is_copied_is_not_lost)
{
    static const struct {
        const char *what, *status, *then, *ask;
    } table[] = {
        {"a due error is retried", "KILLED", "SELECT drumbeat.retry('$id')", "SELECT (status = 'QUEUED')::int FROM drumbeat.task WHERE id = '$id'"},
        {"a kept error is retried", "ERRORED", "SELECT drumbeat.retry('$id')", "SELECT (status = 'QUEUED')::int FROM drumbeat.task WHERE id = '$id'"},
        {"an old task ends", "QUEUED", "SELECT drumbeat.cancel('$id')", "SELECT (status = 'KILLED')::int FROM drumbeat.task WHERE id = '$id'"},
        {"an old task writes a line", "QUEUED", "INSERT INTO drumbeat.task_log (task_id, level, message) VALUES ('$id', 'info', 'more')",
         "SELECT (count(*) = 2)::int FROM drumbeat.task_log WHERE task_id = '$id'"},
    };
    char ids[sizeof table / sizeof *table][64], sql[512];
    test_sql(pg, "SELECT old_task('100 days', 'gone', 'SUCCESS') FROM generate_series(1, 10)");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        snprintf(sql, sizeof sql, "SELECT old_task('%s', 'q', '%s')", strcmp(table[i].status, "KILLED") == 0 ? "100 days" : "40 days", table[i].status);
        snprintf(ids[i], sizeof ids[i], "%s", test_text(pg, sql));
    }
    prune_until("begun");
    while (test_number(pg, "SELECT (seen >= 14)::int FROM drumbeat.pruning") == 0)
        ck_assert_str_eq(step_by(pg, 3), "copied");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        test_sql(pg, about(table[i].then, ids[i]));
    }
    prune_all();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        ck_assert_msg(test_number(pg, about(table[i].ask, ids[i])) == 1, "%s", table[i].what);
    }
    ck_assert_int_eq(left_of("SUCCESS gone"), 0);
}
END_TEST

START_TEST(what_something_else_needs_stays)
{
    test_sql(pg, "SELECT old_task('40 days', 'gone', 'SUCCESS') FROM generate_series(1, 5);"
                 "INSERT INTO drumbeat.unique_lock (name, key, task_id, free_at) SELECT 'noop', 'k', old_task('40 days', 'key', 'SUCCESS'), now() + interval '1 day';"
                 "INSERT INTO drumbeat.batch (id, kind, root_id, created_by, planned) SELECT i, 'group', i, 'test', 1 FROM drumbeat.uuid_v7() i;"
                 "SELECT old_task('40 days', 'member', 'SUCCESS')");
    test_sql(pg, "UPDATE drumbeat.task_body t SET batch_id = b.id, batch_place = 1 FROM drumbeat.batch b WHERE t.queue = 'member'");
    prune_all();
    ck_assert_int_eq(left_of("SUCCESS gone"), 0);
    ck_assert_int_eq(left_of("SUCCESS key"), 1);
    ck_assert_int_eq(left_of("SUCCESS member"), 1);
    test_sql(pg, "DELETE FROM drumbeat.unique_lock; DELETE FROM drumbeat.batch");
}
END_TEST

START_TEST(a_reader_in_an_open_transaction_puts_it_off_and_nobody_waits)
{
    struct pg *reader = test_connect(url);
    struct err e;
    test_sql(pg, "SELECT old_task('40 days', 'q', 'SUCCESS') FROM generate_series(1, 4)");
    prune_until("copied");
    ck_assert(pg_begin(reader, &e));
    test_number(reader, "SELECT count(*) FROM drumbeat.task");
    prune_until("later");
    test_sql(pg, "SET lock_timeout = '30s'; SELECT drumbeat.enqueue('noop'); RESET lock_timeout"); /* the reader does not end before */
    ck_assert_int_eq(test_number(reader, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'"), 4);
    ck_assert(pg_rollback(reader, &e));
    pg_close(reader);
    prune_all();
    ck_assert_int_eq(left_of("SUCCESS q"), 0);
    ck_assert_int_eq(left_of("QUEUED default"), 1);
}
END_TEST

START_TEST(two_at_once_do_not_meet)
{
    struct pg *other = test_connect(url);
    struct err e;
    test_sql(pg, "SELECT old_task('40 days', 'q', 'SUCCESS') FROM generate_series(1, 4)");
    ck_assert(pg_begin(other, &e));
    ck_assert_str_eq(step_by(other, 3), "begun");
    ck_assert_str_eq(step_by(pg, 3), "busy");
    ck_assert(pg_commit(other, &e));
    ck_assert_str_eq(step_by(pg, 3), "copied");
    pg_close(other);
    prune_all();
}
END_TEST

/* The server is killed after each step in turn, and in the middle of one: its transaction is open. */
START_TEST(a_server_that_dies_at_any_step_forgets_nothing_that_must_stay)
{
    test_sql(pg, "SELECT old_task('40 days', 'gone', 'SUCCESS'), old_task('40 days', 'bad', 'ERRORED'), old_task('40 days', 'wait', 'QUEUED')"
                 " FROM generate_series(1, 3)");
    char state[16] = "";
    for (int i = 0; i < STEPS_MAX && strcmp(state, "idle") != 0; i++) {
        struct err e;
        ck_assert(pg_begin(pg, &e));
        step_by(pg, 4);
        test_cluster_crash(cluster);
        pg_close(pg);
        test_cluster_restart(cluster);
        pg = test_connect(url);
        snprintf(state, sizeof state, "%s", step_by(pg, 4));
        ck_assert_int_eq(left_of("ERRORED bad"), 3);
        ck_assert_int_eq(left_of("QUEUED wait"), 3);
    }
    ck_assert_str_eq(state, "idle");
    ck_assert_int_eq(left_of("SUCCESS gone"), 0);
}
END_TEST

START_TEST(shelves_are_made_ahead_and_after_a_gap)
{
    ck_assert(test_number(pg, "SELECT drumbeat.shelve_ahead('10 days')::int") == 1);
    ck_assert(test_number(pg, "SELECT drumbeat.shelve_ahead('10 days')::int") == 0);
    test_sql(pg, "SELECT drumbeat.make_shelf(31, now() + interval '20 days', now() + interval '30 days')"); /* hangs nowhere: no use */
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.shelf WHERE to_at > now() + interval '10 days'"), 1);

    /* Nobody looked for two months: what was enqueued since stands on no shelf, and is a task like any other. */
    test_sql(pg, "DO $$ DECLARE t text; BEGIN FOR t IN SELECT format('drumbeat.%I', s.name || '_' || h.number) FROM drumbeat.shelved() s, drumbeat.shelf h"
                 " WHERE h.to_at > now() LOOP EXECUTE 'DROP TABLE ' || t; END LOOP; DELETE FROM drumbeat.shelf WHERE to_at > now(); END $$;"
                 "SELECT drumbeat.enqueue('noop', queue => 'gap')");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task_body_rest"), 1);
    ck_assert(test_number(pg, "SELECT drumbeat.shelve_ahead('10 days')::int") == 1);
    ck_assert_int_eq(left_of("QUEUED gap"), 1);
    ck_assert_int_eq(test_number(pg, "SELECT drumbeat.cancel(id)::int FROM drumbeat.task"), 1);
    ck_assert_int_eq(left_of("KILLED gap"), 1);
}
END_TEST

/* No worker ran from 50 to 35 days ago, so no shelf was made; what was enqueued then goes and stays like anything else, and it is
 * written to while it is copied. Of a second gap nothing is due. */
START_TEST(what_fell_on_no_shelf_is_forgotten_with_the_shelves_around_it)
{
    char kept[64];
    test_sql(pg, "DO $$ DECLARE t text; BEGIN FOR t IN SELECT format('drumbeat.%I', s.name || '_12') FROM drumbeat.shelved() s LOOP EXECUTE 'DROP TABLE ' || t; END LOOP;"
                 " FOR t IN SELECT format('drumbeat.%I', s.name || '_13') FROM drumbeat.shelved() s LOOP EXECUTE 'DROP TABLE ' || t; END LOOP;"
                 " DELETE FROM drumbeat.shelf WHERE number > 11;"
                 " PERFORM drumbeat.make_shelf(14, now() - interval '35 days', now() - interval '31 days'),"
                 "         drumbeat.hang_shelf(14, now() - interval '35 days', now() - interval '31 days'); END $$");
    test_sql(pg, "SELECT old_task('40 days', 'gone', 'SUCCESS'), old_task('41 days', 'bad', 'ERRORED'), old_task('33 days', 'gone', 'SUCCESS'), old_task('60 days', 'gone', 'SUCCESS'),"
                 " old_task('20 days', 'young', 'SUCCESS') FROM generate_series(1, 5)");
    snprintf(kept, sizeof kept, "%s", test_text(pg, "SELECT old_task('42 days', 'wait', 'QUEUED')"));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task_body_rest"), 16);
    ck_assert_int_eq(ever("task_body"), 26);
    prune_until("copied");
    test_sql(pg, about("INSERT INTO drumbeat.task_log (task_id, level, message) VALUES ('$id', 'info', 'more')", kept));
    prune_all();
    ck_assert_int_eq(left_of("SUCCESS gone"), 0);
    ck_assert_int_eq(left_of("ERRORED bad"), 5);
    ck_assert_int_eq(left_of("SUCCESS young"), 5);
    ck_assert_int_eq(test_number(pg, about("SELECT count(*) FROM drumbeat.task_log WHERE task_id = '$id'", kept)), 2);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task_body_rest"), 5);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ended_rest"), 5);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.shelf"), 1);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM pg_trigger WHERE tgname = 'pruning'"), 0);
    ck_assert_int_eq(ever("task_body"), 26);
}
END_TEST

/* Autovacuum never looks at the whole of a partitioned table. */
START_TEST(the_whole_is_weighed_again_when_it_has_doubled)
{
    ck_assert_int_eq(test_number(pg, "SELECT drumbeat.weigh_history()::int"), 0);
    test_sql(pg, "SELECT count(*) FROM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[12000])); ANALYZE drumbeat.task_body_13");
    ck_assert_int_eq(test_number(pg, "SELECT drumbeat.weigh_history()::int"), 1);
    ck_assert_int_eq(test_number(pg, "SELECT reltuples::bigint FROM pg_class WHERE oid = 'drumbeat.task_body'::regclass"), 12000);
    ck_assert_int_eq(test_number(pg, "SELECT drumbeat.weigh_history()::int"), 0);
}
END_TEST

START_TEST(the_verb_forgets_what_is_due)
{
    test_sql(pg, "SELECT old_task('40 days', 'q', 'SUCCESS'), old_task('40 days', 'q', 'ERRORED') FROM generate_series(1, 3)");
    struct test_process *prune CLEANUP(test_process_freep) = test_drumbeat(url, "prune", "--json", NULL);
    ck_assert_int_eq(test_process_status(prune), 0);
    ck_assert_str_eq(test_process_output(prune), "{\"forgotten\": 3, \"kept\": 3}\n");
    ck_assert_int_eq(left_of("SUCCESS q"), 0);
    ck_assert_int_eq(left_of("ERRORED q"), 3);
}
END_TEST

START_TEST(a_worker_makes_shelves_and_forgets)
{
    test_sql(pg, "SELECT old_task('40 days', 'q', 'SUCCESS') FROM generate_series(1, 3)");
    struct test_process *worker CLEANUP(test_process_freep) = test_drumbeat_start(url, "worker", NULL);
    ck_assert_ptr_nonnull(worker);
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.task", 0, SECONDS(40)));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.shelf WHERE to_at > now() + interval '5 days'"), 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("retention");
    TCase *tests = tcase_create("");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, open_database, close_database);
    tcase_add_test(tests, what_is_due_goes_and_what_must_stay_stays);
    tcase_add_test(tests, how_many_there_ever_were_never_falls);
    tcase_add_test(tests, what_fell_on_no_shelf_is_forgotten_with_the_shelves_around_it);
    tcase_add_test(tests, what_is_written_to_while_it_is_copied_is_not_lost);
    tcase_add_test(tests, what_something_else_needs_stays);
    tcase_add_test(tests, a_reader_in_an_open_transaction_puts_it_off_and_nobody_waits);
    tcase_add_test(tests, two_at_once_do_not_meet);
    tcase_add_test(tests, a_server_that_dies_at_any_step_forgets_nothing_that_must_stay);
    tcase_add_test(tests, shelves_are_made_ahead_and_after_a_gap);
    tcase_add_test(tests, the_whole_is_weighed_again_when_it_has_doubled);
    tcase_add_test(tests, the_verb_forgets_what_is_due);
    tcase_add_test(tests, a_worker_makes_shelves_and_forgets);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    return test_main(suite());
}
