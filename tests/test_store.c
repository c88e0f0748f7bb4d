/* The public contract in SQL, as a caller with nothing but a connection sees it. */
#include "sql/queries.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SQL_MAX = 4096, LARGE = 100000 };

static struct test_cluster *cluster;
static const char *url;
static struct pg *pg;

static void open_database(void)
{
    url = test_cluster_database(cluster);
    pg = test_connect(url);
}

static void close_database(void)
{
    invariants_assert(pg, false);
    pg_close(pg);
}

static const char *text(const char *sql)
{
    return stage_keep(test_text(pg, sql));
}

/* The statement is refused with this SQLSTATE. */
static void assert_refused(struct pg *by, const char *sql, const char *sqlstate)
{
    struct sql script = {.name = "refused", .text = sql};
    struct err e;
    ck_assert_msg(!pg_script(by, &script, &e), "%s: is not refused", sql);
    ck_assert_msg(strcmp(pg_sqlstate(by), sqlstate) == 0, "%s: %s instead of %s: %s", sql, pg_sqlstate(by), sqlstate, e.text);
}

/* The answer to a statement about one task: "$id" stands for it. */
static const char *ask(const char *sql, const char *id)
{
    struct text whole CLEANUP(text_free) = {0};
    const char *place = strstr(sql, "$id");
    ck_assert_ptr_nonnull(place);
    text_printf(&whole, "%.*s%s%s", (int)(place - sql), sql, id, place + strlen("$id"));
    return text(text_str(&whole));
}

/* Enqueue ------------------------------------------------------------------------------------------------------------- */

START_TEST(a_transaction_that_rolls_back_leaves_nothing)
{
    struct err e;
    ck_assert(pg_begin(pg, &e));
    test_sql(pg, "SELECT drumbeat.enqueue('noop', unique_key => 'k'), drumbeat.enqueue('noop', run_at => now() + interval '1 hour')");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 2);
    ck_assert(pg_rollback(pg, &e));
    ck_assert_int_eq(test_number(pg, "SELECT (SELECT count(*) FROM drumbeat.task_body) + (SELECT count(*) FROM drumbeat.ready)"
                                     " + (SELECT count(*) FROM drumbeat.delayed) + (SELECT count(*) FROM drumbeat.unique_lock)"), 0);
}
END_TEST

START_TEST(a_task_is_never_seen_before_its_commit)
{
    struct pg *other = test_connect(url);
    struct err e;
    ck_assert(pg_begin(pg, &e));
    test_sql(pg, "SELECT drumbeat.enqueue('noop')");
    ck_assert_int_eq(test_number(other, "SELECT count(*) FROM drumbeat.task"), 0);
    ck_assert(pg_commit(pg, &e));
    ck_assert_int_eq(test_number(other, "SELECT count(*) FROM drumbeat.task"), 1);
    pg_close(other);
}
END_TEST

START_TEST(null_means_the_default)
{
    const char *id = text("SELECT drumbeat.enqueue('noop', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)");
    ck_assert_str_eq(ask("SELECT concat_ws(' ', args, queue, priority, max_attempts, created_by, status, attempt, run_at = created_at) FROM drumbeat.task WHERE id = '$id'", id),
                     "{} default 5 3 postgres QUEUED 0 t");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.enqueue_many('noop', ARRAY[NULL]::jsonb[], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"), 1);
}
END_TEST

START_TEST(every_argument_can_be_named)
{
    const char *id = text("SELECT drumbeat.enqueue(name => 'noop', args => '{\"a\": 1}', queue => 'q-1.x_y', priority => 0, run_at => '2099-01-01Z',"
                          " expires_at => '2099-01-02Z', max_attempts => 7, unique_key => 'k', tenant => 't', created_by => 'me', headers => '{\"h\": 2}')");
    ck_assert_str_eq(ask("SELECT concat_ws(' ', name, args, queue, priority, run_at, expires_at, max_attempts, unique_key, tenant, created_by, headers) FROM drumbeat.task WHERE id = '$id'", id),
                     "noop {\"a\": 1} q-1.x_y 0 2099-01-01 00:00:00+00 2099-01-02 00:00:00+00 7 k t me {\"h\": 2}");
}
END_TEST

START_TEST(a_handlers_queue_and_attempts_are_the_default)
{
    test_sql(pg, "INSERT INTO drumbeat.handler (name, queue, max_attempts) VALUES ('sync', 'slow', 9)");
    const char *id = text("SELECT drumbeat.enqueue('sync')");
    ck_assert_str_eq(ask("SELECT queue || max_attempts FROM drumbeat.task WHERE id = '$id'", id), "slow9");
    id = text("SELECT drumbeat.enqueue('sync', queue => 'fast', max_attempts => 1)");
    ck_assert_str_eq(ask("SELECT queue || max_attempts FROM drumbeat.task WHERE id = '$id'", id), "fast1");
}
END_TEST

START_TEST(an_id_is_a_uuid_of_version_7_and_of_now)
{
    ck_assert_str_eq(text("SELECT bool_and(substr(id::text, 15, 1) = '7' AND substr(id::text, 20, 1) IN ('8', '9', 'a', 'b')"
                          " AND abs(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint - extract(epoch FROM clock_timestamp()) * 1000) < 60000)"
                          " FROM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[1000])) id"), "t");
}
END_TEST

static const char *const bad_calls[] = {
    "SELECT drumbeat.enqueue(NULL)",
    "SELECT drumbeat.enqueue('')",
    "SELECT drumbeat.enqueue('two words')",
    "SELECT drumbeat.enqueue(repeat('n', 201))",
    "SELECT drumbeat.enqueue('noop', '[]')",
    "SELECT drumbeat.enqueue('noop', '1')",
    "SELECT drumbeat.enqueue('noop', 'null')",
    "SELECT drumbeat.enqueue('noop', queue => '')",
    "SELECT drumbeat.enqueue('noop', queue => 'Upper')",
    "SELECT drumbeat.enqueue('noop', queue => 'with blank')",
    "SELECT drumbeat.enqueue('noop', queue => E'line\\n')",
    "SELECT drumbeat.enqueue('noop', queue => repeat('q', 64))",
    "SELECT drumbeat.enqueue('noop', priority => -1)",
    "SELECT drumbeat.enqueue('noop', priority => 10)",
    "SELECT drumbeat.enqueue('noop', priority => 2147483647)",
    "SELECT drumbeat.enqueue('noop', max_attempts => 0)",
    "SELECT drumbeat.enqueue('noop', max_attempts => -1)",
    "SELECT drumbeat.enqueue('noop', run_at => 'infinity')",
    "SELECT drumbeat.enqueue('noop', expires_at => 'infinity')",
    "SELECT drumbeat.enqueue('noop', expires_at => '-infinity')",
    "SELECT drumbeat.enqueue('noop', unique_key => '')",
    "SELECT drumbeat.enqueue('noop', unique_key => repeat('k', 501))",
    "SELECT drumbeat.enqueue('noop', headers => '[]')",
    "SELECT drumbeat.enqueue_many('noop', ARRAY['{}', '[]']::jsonb[])",
    "SELECT drumbeat.enqueue_many('noop', ARRAY['{}']::jsonb[], unique_keys => ARRAY['a', 'b'])",
    "SELECT drumbeat.enqueue_many('noop', ARRAY['{}']::jsonb[], unique_key => 'a', unique_keys => ARRAY['b'])",
    "SELECT drumbeat.pause('Upper')",
    "SELECT drumbeat.pause(NULL)",
    "SELECT drumbeat.resume('')",
};

START_TEST(bad_values_are_refused_with_22023)
{
    for (size_t i = 0; i < sizeof bad_calls / sizeof *bad_calls; i++)
        assert_refused(pg, bad_calls[i], "22023");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task_body"), 0);
}
END_TEST

/* Many ------------------------------------------------------------------------------------------------------------------ */

START_TEST(many_ids_come_in_the_order_of_their_arguments)
{
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.enqueue_many('echo', (SELECT array_agg(jsonb_build_object('n', n) ORDER BY n) FROM generate_series(1, 500) n))"
                                     " WITH ORDINALITY q(id, n) JOIN drumbeat.task t ON t.id = q.id WHERE (t.args ->> 'n')::int = q.n"), 0); /* not yet seen by its own statement */
    test_sql(pg, "CREATE TEMP TABLE given AS SELECT * FROM drumbeat.enqueue_many('echo', (SELECT array_agg(jsonb_build_object('n', n) ORDER BY n)"
                 " FROM generate_series(1, 500) n)) WITH ORDINALITY q(id, n)");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM given g JOIN drumbeat.task t ON t.id = g.id WHERE (t.args ->> 'n')::int = g.n"), 500);
    /* They also run in that order. */
    ck_assert_str_eq(text("SELECT array_agg(r.task_id ORDER BY r.seq) = array_agg(r.task_id ORDER BY g.n) FROM drumbeat.ready r JOIN given g ON g.id = r.task_id"), "t");
}
END_TEST

START_TEST(a_hundred_thousand_are_one_statement)
{
    char sql[SQL_MAX];
    usec_t began = clock_boot();
    snprintf(sql, sizeof sql, "SELECT count(DISTINCT id) FROM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[%d])) id", LARGE);
    ck_assert_int_eq(test_number(pg, sql), LARGE);
    ck_assert_int_lt(clock_boot() - began, MINUTES(2));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.ready"), LARGE);
}
END_TEST

START_TEST(nothing_to_enqueue_is_no_row)
{
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.enqueue_many('noop', '{}'::jsonb[])"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.enqueue_many('noop', NULL)"), 0);
}
END_TEST

/* Unique keys ------------------------------------------------------------------------------------------------------------ */

START_TEST(a_held_key_answers_with_its_holder)
{
    const char *holder = text("SELECT drumbeat.enqueue('noop', unique_key => 'k')");
    ck_assert_str_eq(text("SELECT drumbeat.enqueue('noop', '{\"other\": true}', unique_key => 'k')"), holder);
    ck_assert_str_ne(text("SELECT drumbeat.enqueue('echo', unique_key => 'k')"), holder);
    ck_assert_str_ne(text("SELECT drumbeat.enqueue('noop', unique_key => 'l')"), holder);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 3);
    ck_assert_str_eq(ask("SELECT drumbeat.cancel('$id')", holder), "t");
    ck_assert_str_ne(text("SELECT drumbeat.enqueue('noop', unique_key => 'k')"), holder);
}
END_TEST

START_TEST(keys_may_repeat_within_one_call)
{
    test_sql(pg, "CREATE TEMP TABLE given AS SELECT * FROM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[5]), unique_keys => ARRAY['b', NULL, 'a', 'b', NULL])"
                 " WITH ORDINALITY q(id, n)");
    ck_assert_str_eq(text("SELECT count(DISTINCT id) || ' ' || (SELECT id FROM given WHERE n = 1)::text = count(DISTINCT id) || ' ' || (SELECT id FROM given WHERE n = 4)::text FROM given"), "t");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 4);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.unique_lock"), 2);
}
END_TEST

/* A key taken by a transaction that is still open is waited for. */
START_TEST(a_key_is_decided_by_who_commits)
{
    struct pg *other = test_connect(url);
    struct err e;
    ck_assert(pg_begin(other, &e));
    test_sql(other, "SELECT drumbeat.enqueue('noop', unique_key => 'k')");
    test_sql(pg, "SET lock_timeout = '200ms'");
    assert_refused(pg, "SELECT drumbeat.enqueue('noop', unique_key => 'k')", "55P03");
    ck_assert(pg_rollback(other, &e));
    test_sql(pg, "SELECT drumbeat.enqueue('noop', unique_key => 'k')");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 1);
    pg_close(other);
}
END_TEST

/* Cancel, retry, pause ------------------------------------------------------------------------------------------------------ */

/* A worker's calls by hand: the seat's epoch, a claim of one, and how it ends. */
static void put_into(const char *state, const char *id)
{
    char sql[SQL_MAX];
    if (strcmp(state, "delayed") == 0)
        snprintf(sql, sizeof sql, "WITH r AS (DELETE FROM drumbeat.ready RETURNING *) INSERT INTO drumbeat.delayed SELECT task_id, now() + interval '1 hour', attempt, allowed FROM r");
    else
        snprintf(sql, sizeof sql, "SELECT drumbeat.open_worker('00000000-0000-7000-8000-000000000001', 'h', 1, 'v', NULL, 1, '{noop}', '{default}', '{3}', '{0}', '{NULL}', '15s', 'b', 1);"
                                  "SELECT set_config('test.epoch', drumbeat.open_seat('00000000-0000-7000-8000-000000000001', 0, 'nobody')::text, false);"
                                  "SELECT set_config('test.fence', fence::text, false) FROM drumbeat.claim('00000000-0000-7000-8000-000000000001', 0,"
                                  " current_setting('test.epoch')::bigint, 1, '{default}', '{5}', '{0}', '{0}', '{1}', '{noop}', 1)");
    if (strcmp(state, "QUEUED") != 0)
        test_sql(pg, sql);
    if (strcmp(state, "QUEUED") == 0 || strcmp(state, "delayed") == 0 || strcmp(state, "RUNNING") == 0)
        return;
    const char *outcome = strcmp(state, "SUCCESS") == 0 ? "success" : strcmp(state, "ERRORED") == 0 ? "failed" : strcmp(state, "KILLED") == 0 ? "cancelled" : "expired";
    snprintf(sql, sizeof sql, "SELECT drumbeat.settle_one('00000000-0000-7000-8000-000000000001', 0, current_setting('test.epoch')::bigint,"
                              " current_setting('test.fence')::bigint, 1, ('%s', false, '0', clock_timestamp(), clock_timestamp(), NULL, %s, NULL, NULL, NULL, NULL)::drumbeat.attempt_end)",
             outcome, strcmp(outcome, "failed") == 0 ? "'why'" : "NULL");
    test_sql(pg, sql);
    ck_assert_str_eq(ask("SELECT status FROM drumbeat.task WHERE id = '$id'", id), state);
}

static const struct {
    const char *state, *cancel, *after_cancel, *retry, *after_retry;
} moves[] = {
    {"QUEUED", "t", "KILLED", "f", "QUEUED"},
    {"delayed", "t", "KILLED", "f", "QUEUED"},
    {"RUNNING", "t", "RUNNING", "f", "RUNNING"}, /* asked, its worker decides */
    {"SUCCESS", "f", "SUCCESS", "f", "SUCCESS"},
    {"ERRORED", "f", "ERRORED", "t", "QUEUED"},
    {"KILLED", "f", "KILLED", "t", "QUEUED"},
    {"SKIPPED", "f", "SKIPPED", "t", "QUEUED"},
};

START_TEST(cancel_and_retry_answer_by_the_table_of_moves)
{
    struct err e;
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        for (int verb = 0; verb < 2; verb++) {
            ck_assert(pg_begin(pg, &e));
            const char *id = text("SELECT drumbeat.enqueue('noop', unique_key => 'k')");
            put_into(moves[i].state, id);
            const char *answer = ask(verb ? "SELECT drumbeat.retry('$id')" : "SELECT drumbeat.cancel('$id')", id);
            const char *after = ask("SELECT status FROM drumbeat.task WHERE id = '$id'", id);
            ck_assert_msg(strcmp(answer, verb ? moves[i].retry : moves[i].cancel) == 0, "%s of %s answers %s", verb ? "retry" : "cancel", moves[i].state, answer);
            ck_assert_msg(strcmp(after, verb ? moves[i].after_retry : moves[i].after_cancel) == 0, "after %s %s is %s", verb ? "retry" : "cancel", moves[i].state, after);
            invariants_assert(pg, false);
            ck_assert(pg_rollback(pg, &e));
        }
    }
}
END_TEST

START_TEST(an_unknown_id_answers_null)
{
    ck_assert_str_eq(text("SELECT (drumbeat.cancel(gen_random_uuid()) IS NULL AND drumbeat.retry(gen_random_uuid()) IS NULL AND drumbeat.cancel(NULL) IS NULL)::text"), "true");
}
END_TEST

START_TEST(a_retry_keeps_the_row_and_its_history)
{
    const char *id = text("SELECT drumbeat.enqueue('noop', max_attempts => 2)");
    put_into("ERRORED", id);
    ck_assert_str_eq(ask("SELECT drumbeat.retry('$id')", id), "t");
    ck_assert_str_eq(ask("SELECT attempt::text FROM drumbeat.task WHERE id = '$id'", id), "1");
    ck_assert_str_eq(ask("SELECT outcome FROM drumbeat.attempt WHERE task_id = '$id'", id), "failed");
    ck_assert_str_eq(ask("SELECT allowed::text FROM drumbeat.ready WHERE task_id = '$id'", id), "3");
}
END_TEST

/* Another task took the key meanwhile: the retried one would be a second holder. */
START_TEST(a_retry_is_refused_while_its_key_is_anothers)
{
    const char *id = text("SELECT drumbeat.enqueue('noop', unique_key => 'k')");
    ck_assert_str_eq(ask("SELECT drumbeat.cancel('$id')", id), "t");
    test_sql(pg, "SELECT drumbeat.enqueue('noop', unique_key => 'k')");
    ck_assert_str_eq(ask("SELECT drumbeat.retry('$id')", id), "f");
    ck_assert_str_eq(ask("SELECT status FROM drumbeat.task WHERE id = '$id'", id), "KILLED");
}
END_TEST

START_TEST(pause_and_resume_are_told_by_the_queue)
{
    test_sql(pg, "SELECT drumbeat.pause('q', 'deploy')");
    ck_assert_str_eq(text("SELECT concat_ws(' ', paused, paused_reason, paused_by) FROM drumbeat.queue WHERE name = 'q'"), "t deploy postgres");
    test_sql(pg, "SELECT drumbeat.pause('q', reason => 'longer', author => 'me')");
    ck_assert_str_eq(text("SELECT concat_ws(' ', paused, paused_reason, paused_by) FROM drumbeat.queue WHERE name = 'q'"), "t longer me");
    test_sql(pg, "SELECT drumbeat.resume('q'), drumbeat.resume('never-paused')");
    ck_assert_str_eq(text("SELECT paused::text || coalesce(paused_reason, '') FROM drumbeat.queue WHERE name = 'q'"), "false");
}
END_TEST

/* Fences ---------------------------------------------------------------------------------------------------------------- */

/* reliability.md M10: the last claim of a dead holder arrives after its seat was taken. */
START_TEST(a_late_claim_of_a_seat_that_was_taken_away_changes_nothing)
{
    const char *id = text("SELECT drumbeat.enqueue('noop')");
    put_into("RUNNING", id);
    test_sql(pg, "SELECT drumbeat.open_seat('00000000-0000-7000-8000-000000000001', 0, 'nobody')");
    ck_assert_str_eq(ask("SELECT status || attempt FROM drumbeat.task WHERE id = '$id'", id), "QUEUED0");
    assert_refused(pg, "SELECT drumbeat.claim('00000000-0000-7000-8000-000000000001', 0, current_setting('test.epoch')::bigint, 1, '{default}', '{5}', '{0}', '{0}', '{1}', '{noop}', 1)", "DBF01");
    assert_refused(pg, "SELECT drumbeat.settle_plain('00000000-0000-7000-8000-000000000001', 0, current_setting('test.epoch')::bigint, current_setting('test.fence')::bigint, '{1}', '{1}', false)", "DBF01");
    assert_refused(pg, "SELECT drumbeat.before_commit('00000000-0000-7000-8000-000000000001', 0, current_setting('test.epoch')::bigint)", "DBF01");
    ck_assert_str_eq(ask("SELECT status || attempt FROM drumbeat.task WHERE id = '$id'", id), "QUEUED0");
}
END_TEST

/* A claim that is not committed yet is waited for, and then found. */
START_TEST(whoever_takes_a_seat_waits_for_its_claim_under_way)
{
    struct pg *child = test_connect(url);
    struct err e;
    const char *id = text("SELECT drumbeat.enqueue('noop')");
    test_sql(pg, "SELECT drumbeat.open_worker('00000000-0000-7000-8000-000000000001', 'h', 1, 'v', NULL, 1, '{noop}', '{default}', '{3}', '{0}', '{NULL}', '15s', 'b', 1)");
    const char *epoch = text("SELECT drumbeat.open_seat('00000000-0000-7000-8000-000000000001', 0, 'nobody')");
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, "SELECT drumbeat.claim('00000000-0000-7000-8000-000000000001', 0, %s, 1, '{default}', '{5}', '{0}', '{0}', '{1}', '{noop}', 1)", epoch);
    ck_assert(pg_begin(child, &e));
    test_sql(child, sql);
    test_sql(pg, "SET lock_timeout = '200ms'");
    assert_refused(pg, "SELECT drumbeat.close_worker('00000000-0000-7000-8000-000000000001', 'lost', 'gone')", "55P03");
    ck_assert(pg_commit(child, &e));
    ck_assert_str_eq(text("SELECT drumbeat.close_worker('00000000-0000-7000-8000-000000000001', 'lost', 'gone')"), "1");
    ck_assert_str_eq(ask("SELECT status || attempt FROM drumbeat.task WHERE id = '$id'", id), "QUEUED1");
    pg_close(child);
}
END_TEST

START_TEST(a_lease_that_is_over_is_rescued_and_one_that_is_not_is_left)
{
    const char *id = text("SELECT drumbeat.enqueue('noop')");
    put_into("RUNNING", id);
    ck_assert_str_eq(text("SELECT drumbeat.rescue('{}')"), "0");
    test_sql(pg, "UPDATE drumbeat.worker SET seen_at = seen_at - lease - interval '1 second'");
    ck_assert_str_eq(text("SELECT drumbeat.rescue('{}')"), "1");
    ck_assert_str_eq(ask("SELECT outcome || ' ' || error FROM drumbeat.attempt WHERE task_id = '$id'", id),
                     "lost worker 00000000-0000-7000-8000-000000000001 on h (pid 1) is gone");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.worker"), 0);
}
END_TEST

START_TEST(a_worker_known_to_be_dead_need_not_be_waited_for)
{
    const char *id = text("SELECT drumbeat.enqueue('noop', max_attempts => 1)");
    put_into("RUNNING", id);
    ck_assert_str_eq(text("SELECT drumbeat.rescue('{00000000-0000-7000-8000-000000000001}')"), "1");
    ck_assert_str_eq(ask("SELECT status FROM drumbeat.task WHERE id = '$id'", id), "ERRORED");
}
END_TEST

/* Statements and roles ------------------------------------------------------------------------------------------------------ */

static bool is_plain(const char *statement)
{
    static const char *const verbs[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "VALUES"};
    while (strncmp(statement, "--", 2) == 0)
        statement = strchr(statement, '\n') + 1;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strncasecmp(statement, verbs[i], strlen(verbs[i])) == 0)
            return true;
    return false;
}

START_TEST(every_statement_can_be_prepared)
{
    int plain = 0;
    test_sql(pg, "BEGIN"); /* tables that last as long */
    test_sql(pg, sql_stage_create.text);
    test_sql(pg, sql_bench_upsert_create.text);
    test_sql(pg, sql_bench_upsert_raw_stage.text);
    for (const struct sql *const *query = sql_all_queries; *query; query++) {
        struct text prepare CLEANUP(text_free) = {0};
        struct sql script = {.name = (*query)->name};
        struct err e;
        if (!is_plain((*query)->text))
            continue;
        text_printf(&prepare, "PREPARE \"%s\" AS\n%s", (*query)->name, (*query)->text);
        script.text = text_str(&prepare);
        ck_assert_msg(pg_script(pg, &script, &e), "%s", e.text);
        plain++;
    }
    test_sql(pg, "ROLLBACK");
    ck_assert_int_gt(plain, 80);
}
END_TEST

/* On a direct connection statements are prepared with the types of their first arguments, and a NULL has none. */
START_TEST(a_null_in_the_first_call_does_not_fix_the_type_of_the_next)
{
    static const struct sql query = {.name = "sum", .text = "SELECT coalesce($1::int, 0) + coalesce($2::int, 0)"};
    const struct {
        struct pg_arg a, b;
        int64_t sum;
    } calls[] = {{pg_null(), pg_null(), 0}, {pg_null(), pg_int(2), 2}, {pg_int(40), pg_null(), 40}, {pg_int(40), pg_int(2), 42},
                 {pg_text("5"), pg_int(2), 7}, {pg_null(), pg_text("3"), 3}, {pg_int(1), pg_int(1), 2}};
    struct pg_options options = {.url = url};
    struct pg_call together[2] = {{.query = &query, .args = {pg_null(), pg_null(), {.type = PG_END}}},
                                  {.query = &query, .args = {pg_int(1), pg_null(), {.type = PG_END}}}};
    struct pg_rows rows, answers[2];
    struct err e;
    struct pg *direct = pg_open(&options, &e);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        ck_assert_msg(pg_exec(direct, &query, &rows, &e, calls[i].a, calls[i].b), "row %zu: %s", i, e.text);
        ck_assert_int_eq(pg_get_int(&rows, 0, 0), calls[i].sum);
    }
    pg_close(direct);
    direct = pg_open(&options, &e);
    ck_assert(!pg_exec(direct, &query, &rows, &e, pg_text("x"), pg_null()));
    ck_assert_msg(pg_exec_calls(direct, together, 2, answers, &e), "%s", e.text);
    ck_assert_int_eq(pg_get_int(&answers[1], 0, 0), 1);
    pg_close(direct);
}
END_TEST

static struct pg *connect_as(const char *group)
{
    char sql[SQL_MAX], as[SQL_MAX];
    snprintf(sql, sizeof sql, "DO $$ BEGIN CREATE ROLE test_%s LOGIN IN ROLE drumbeat_%s; EXCEPTION WHEN duplicate_object THEN NULL; END $$", group, group);
    test_sql(pg, sql);
    snprintf(as, sizeof as, "postgresql://test_%s@%s", group, strchr(url, '@') + 1);
    return test_connect(as);
}

START_TEST(a_statement_that_was_sent_is_answered_when_it_is_done)
{
    static const struct sql waits = {.name = "waits", .text = "SELECT $1::bigint + (SELECT count(*) FROM pg_advisory_xact_lock(71))"};
    static const struct sql fails = {.name = "fails", .text = "SELECT 1 / $1::bigint"};
    struct pg *other = test_connect(url);
    struct pg_rows rows;
    struct err e;
    bool done;
    ck_assert(pg_begin(other, &e));
    test_sql(other, "SELECT pg_advisory_xact_lock(71)");
    ck_assert(pg_send(pg, &waits, PG_ARGS(pg_int(6)), &e));
    ck_assert(pg_take(pg, false, &done, &rows, &e));
    ck_assert(!done);
    ck_assert(pg_rollback(other, &e));
    ck_assert_msg(pg_take(pg, true, &done, &rows, &e), "%s", e.text);
    ck_assert(done);
    ck_assert_int_eq(pg_get_int(&rows, 0, 0), 7);
    ck_assert(pg_send(pg, &fails, PG_ARGS(pg_int(0)), &e));
    ck_assert(!pg_take(pg, true, &done, &rows, &e));
    ck_assert_str_eq(pg_sqlstate(pg), "22012");
    ck_assert_int_eq(test_number(pg, "SELECT 8"), 8);
    pg_close(other);
}
END_TEST

/* What a seat gives back is told once a lane, with the lowest number of it. */
START_TEST(many_that_come_back_ring_once)
{
    struct err e;
    const char *bell;
    int bells = 0;
    test_sql(pg, "SELECT drumbeat.enqueue('noop', priority => 3 + n % 2) FROM generate_series(1, 40) n;"
                 "SELECT drumbeat.open_worker('00000000-0000-7000-8000-000000000001', 'h', 1, 'v', NULL, 1, '{noop}', '{default}', '{3}', '{0}', '{NULL}', '15s', 'b', 1);"
                 "SELECT set_config('test.epoch', drumbeat.open_seat('00000000-0000-7000-8000-000000000001', 0, 'nobody')::text, false);"
                 "SELECT count(*) FROM drumbeat.claim('00000000-0000-7000-8000-000000000001', 0, current_setting('test.epoch')::bigint, 1,"
                 " '{default,default}', '{3,4}', '{0,0}', '{0,0}', '{20,20}', '{noop}', 40)");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.running"), 40);
    ck_assert(pg_listen(pg, "drumbeat", &e));
    ck_assert_int_eq(test_number(pg, "SELECT drumbeat.return_seat('00000000-0000-7000-8000-000000000001', 0, current_setting('test.epoch')::bigint)"), 40);
    test_number(pg, "SELECT 1");
    const char *lows = text("SELECT string_agg(format('ready default %s 0 %s', priority, low), ';') FROM (SELECT priority, min(seq) - 1 AS low FROM drumbeat.ready GROUP BY priority) l");
    for (; pg_notification(pg, &bell, &e); bells++)
        ck_assert_msg(strstr(lows, bell) != NULL, "'%s' is not one of %s", bell, lows);
    ck_assert_int_eq(bells, 2);
}
END_TEST

START_TEST(who_may_enqueue_may_nothing_else)
{
    static const char *const allowed[] = {
        "SELECT drumbeat.enqueue('noop', unique_key => 'k'), drumbeat.enqueue('noop', run_at => now() + interval '1 hour')",
        "SELECT drumbeat.enqueue_many('noop', ARRAY['{}']::jsonb[])",
        "SELECT drumbeat.cancel(drumbeat.enqueue('noop'))",
        "SELECT drumbeat.retry(drumbeat.enqueue('noop'))",
        "SELECT drumbeat.pause('q'), drumbeat.resume('q')",
    };
    static const char *const refused[] = {
        "SELECT * FROM drumbeat.task",
        "SELECT * FROM drumbeat.task_body",
        "SELECT args FROM drumbeat.task_body LIMIT 1",
        "INSERT INTO drumbeat.ready SELECT 'q', 5, 0, 1, gen_random_uuid(), 'noop', 0, 1",
        "DELETE FROM drumbeat.ready",
        "UPDATE drumbeat.queue_state SET paused = true",
        "SELECT drumbeat.open_seat(gen_random_uuid(), 0, 'x')",
        "SELECT drumbeat.rescue('{}')",
        "SELECT drumbeat.close_worker(gen_random_uuid(), 'lost', NULL)",
        "SELECT drumbeat.end_sessions('x')",
        "SELECT drumbeat.promote(1)",
        "SELECT nextval('drumbeat.fence_seq')",
        "CREATE TABLE drumbeat.mine (i int)",
        "CREATE FUNCTION drumbeat.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    };
    struct pg *app = connect_as("enqueue");
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        test_sql(app, allowed[i]);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_refused(app, refused[i], "42501");
    ck_assert_str_eq(text("SELECT string_agg(DISTINCT created_by, ',') FROM drumbeat.task"), "test_enqueue");
    pg_close(app);
}
END_TEST

START_TEST(who_may_read_may_not_write)
{
    static const char *const allowed[] = {
        "SELECT * FROM drumbeat.task", "SELECT * FROM drumbeat.attempt", "SELECT * FROM drumbeat.task_log", "SELECT * FROM drumbeat.schedule",
        "SELECT * FROM drumbeat.tick", "SELECT * FROM drumbeat.queue",   "SELECT * FROM drumbeat.worker",
    };
    static const char *const refused[] = {
        "SELECT drumbeat.enqueue('noop')",        "SELECT drumbeat.cancel(gen_random_uuid())", "SELECT drumbeat.pause('q')",   "DELETE FROM drumbeat.task_log",
        "UPDATE drumbeat.task_body SET args = '{}'", "DELETE FROM drumbeat.ended",              "SELECT drumbeat.rescue('{}')",
    };
    struct pg *reader = connect_as("read");
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        test_sql(reader, allowed[i]);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_refused(reader, refused[i], "42501");
    pg_close(reader);
}
END_TEST

/* The function of a caller's search path is not ours. */
START_TEST(a_callers_search_path_changes_nothing)
{
    struct pg *app = connect_as("enqueue");
    test_sql(pg, "CREATE SCHEMA evil; GRANT ALL ON SCHEMA evil TO test_enqueue");
    test_sql(app, "CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '2000-01-01Z'::timestamptz $$;"
                  "CREATE FUNCTION evil.nextval(text) RETURNS bigint LANGUAGE sql AS $$ SELECT 1::bigint $$; SET search_path = evil, pg_catalog");
    test_sql(app, "SELECT drumbeat.enqueue('noop')");
    ck_assert_str_eq(text("SELECT (created_at > '2020-01-01Z')::text FROM drumbeat.task"), "true");
    pg_close(app);
}
END_TEST

static const struct {
    const char *table, *columns;
} promised[] = {
    {"task", "id,name,queue,status,args,priority,attempt,max_attempts,progress_value,end_value,progress_message,result,error,tenant,created_by,created_at,run_at,"
             "expires_at,started_at,ended_at,should_be_killed,worker,headers,unique_key,external_id,batch_id,parent_id,schedule,tick_at,lateness_ms,missed"},
    {"attempt", "task_id,attempt,fence,worker,pid,started_at,ended_at,outcome,error,signal,exit_code,peak_rss,cpu_ms"},
    {"task_log", "task_id,created_at,level,message"},
    {"schedule", "name,handler,args,specs,tz,enabled,catchup,overlap,last_tick,next_tick"},
    {"tick", "schedule,tick_at,task_id,emitted_at,emitted_by,epoch,lateness_ms"},
    {"queue", "name,broker,protocol,paused,paused_reason"},
    {"worker", "id,host,pid,started_at,seen_at,draining,version,queues,pool"},
};

START_TEST(what_apis_read_has_the_promised_columns)
{
    for (size_t i = 0; i < sizeof promised / sizeof *promised; i++) {
        char sql[SQL_MAX];
        snprintf(sql, sizeof sql, "SELECT coalesce((SELECT string_agg(c, ',') FROM unnest(string_to_array('%s', ',')) c WHERE NOT EXISTS (SELECT FROM information_schema.columns"
                                  " WHERE table_schema = 'drumbeat' AND table_name = '%s' AND column_name = c)), '')", promised[i].columns, promised[i].table);
        ck_assert_msg(*test_text(pg, sql) == '\0', "%s lacks %s", promised[i].table, test_text(pg, sql));
    }
}
END_TEST

static void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_transaction_that_rolls_back_leaves_nothing);
    tcase_add_test(tests, a_task_is_never_seen_before_its_commit);
    tcase_add_test(tests, null_means_the_default);
    tcase_add_test(tests, every_argument_can_be_named);
    tcase_add_test(tests, a_handlers_queue_and_attempts_are_the_default);
    tcase_add_test(tests, an_id_is_a_uuid_of_version_7_and_of_now);
    tcase_add_test(tests, bad_values_are_refused_with_22023);
    tcase_add_test(tests, many_ids_come_in_the_order_of_their_arguments);
    tcase_add_test(tests, a_hundred_thousand_are_one_statement);
    tcase_add_test(tests, nothing_to_enqueue_is_no_row);
    tcase_add_test(tests, a_held_key_answers_with_its_holder);
    tcase_add_test(tests, keys_may_repeat_within_one_call);
    tcase_add_test(tests, a_key_is_decided_by_who_commits);
    tcase_add_test(tests, cancel_and_retry_answer_by_the_table_of_moves);
    tcase_add_test(tests, an_unknown_id_answers_null);
    tcase_add_test(tests, a_retry_keeps_the_row_and_its_history);
    tcase_add_test(tests, a_retry_is_refused_while_its_key_is_anothers);
    tcase_add_test(tests, pause_and_resume_are_told_by_the_queue);
    tcase_add_test(tests, a_late_claim_of_a_seat_that_was_taken_away_changes_nothing);
    tcase_add_test(tests, whoever_takes_a_seat_waits_for_its_claim_under_way);
    tcase_add_test(tests, a_lease_that_is_over_is_rescued_and_one_that_is_not_is_left);
    tcase_add_test(tests, a_worker_known_to_be_dead_need_not_be_waited_for);
    tcase_add_test(tests, every_statement_can_be_prepared);
    tcase_add_test(tests, a_null_in_the_first_call_does_not_fix_the_type_of_the_next);
    tcase_add_test(tests, a_statement_that_was_sent_is_answered_when_it_is_done);
    tcase_add_test(tests, many_that_come_back_ring_once);
    tcase_add_test(tests, who_may_enqueue_may_nothing_else);
    tcase_add_test(tests, who_may_read_may_not_write);
    tcase_add_test(tests, a_callers_search_path_changes_nothing);
    tcase_add_test(tests, what_apis_read_has_the_promised_columns);
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("store");
    tcase_set_timeout(tests, 90);
    tcase_add_checked_fixture(tests, open_database, close_database);
    add_tests(tests);
    int failed = test_main_case("store", tests);
    test_cluster_stop(cluster);
    return failed;
}
