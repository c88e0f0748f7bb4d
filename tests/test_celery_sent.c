/* Tasks that workers of Celery run, as far as PostgreSQL goes: what becomes ready in such a queue is sent, and what is told of it moves its row. */
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct test_cluster *cluster;
static struct stage s;

static void open_stage(void)
{
    stage_open(&s, cluster);
    test_sql(s.pg, "INSERT INTO drumbeat.queue_state (name, broker, protocol) VALUES ('py', 'redis', 'celery')");
}

static void close_stage(void)
{
    invariants_assert(s.pg, false);
    stage_close(&s);
}

/* Tell what stands after "told:" of the task, as the courier does. Answers whether that moved its row. */
static bool tell(const char *id, const char *what, const char *rest)
{
    char sql[2048];
    snprintf(sql, sizeof sql, "SELECT drumbeat.celery_report(ARRAY[('%s', '%s', %s, NULL)::drumbeat.celery_told])", id, what, rest);
    return test_number(s.pg, sql) == 1;
}

static const char nothing[] = "NULL, NULL, NULL, NULL, NULL, NULL, NULL";

static int64_t push(void)
{
    return test_number(s.pg, "SELECT count(*) FROM drumbeat.take_outgoing(100)");
}

static const char *sent_task(void)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('proj.add', '{\"x\": 1}', queue => 'py')");
    ck_assert_int_eq(push(), 1);
    return id;
}

START_TEST(a_task_of_a_celery_queue_waits_to_be_sent_and_no_child_can_claim_it)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('proj.add', queue => 'py')");
    ck_assert_str_eq(stage_task(&s, id, "status || attempt"), "QUEUED0");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.ready"), 0);
    ck_assert_str_eq(stage_text(&s, "SELECT reason FROM drumbeat.task, drumbeat.why_waiting(id)"), "outgoing");
    ck_assert_int_eq(push(), 1);
    ck_assert_int_eq(push(), 0);
    ck_assert_str_eq(stage_text(&s, "SELECT reason FROM drumbeat.task, drumbeat.why_waiting(id)"), "sent");
}
END_TEST

START_TEST(what_is_rolled_back_is_sent_later)
{
    struct err e;
    stage_enqueue(&s, "SELECT drumbeat.enqueue('proj.add', queue => 'py')");
    ck_assert(pg_begin(s.pg, &e));
    ck_assert_int_eq(push(), 1);
    ck_assert(pg_rollback(s.pg, &e));
    ck_assert_int_eq(push(), 1);
}
END_TEST

START_TEST(a_delayed_task_and_one_behind_a_limit_are_sent_when_it_is_their_turn)
{
    test_sql(s.pg, "SELECT drumbeat.enqueue('proj.add', queue => 'py', run_at => now() + interval '1 hour')");
    ck_assert_int_eq(push(), 0);
    test_sql(s.pg, "UPDATE drumbeat.delayed SET run_at = now(); SELECT drumbeat.promote(10)");
    ck_assert_int_eq(push(), 1);
    test_sql(s.pg, "DELETE FROM drumbeat.sent; DELETE FROM drumbeat.task_body; INSERT INTO drumbeat.limit_rule (kind, name, slots, by_config) VALUES ('queue', 'py', 1, false)");
    test_sql(s.pg, "SELECT drumbeat.enqueue('proj.add', queue => 'py') FROM generate_series(1, 2)");
    test_sql(s.pg, "SELECT drumbeat.admit(ARRAY['queue py'], NULL)");
    ck_assert_int_eq(push(), 1);
    test_sql(s.pg, "SELECT drumbeat.celery_report(ARRAY[(external_id, 'success', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::drumbeat.celery_told]) FROM drumbeat.sent");
    ck_assert_int_eq(push(), 1);
}
END_TEST

START_TEST(a_paused_queue_sends_nothing)
{
    test_sql(s.pg, "SELECT drumbeat.pause('py'), drumbeat.enqueue('proj.add', queue => 'py')");
    ck_assert_int_eq(push(), 0);
    test_sql(s.pg, "SELECT drumbeat.resume('py')");
    ck_assert_int_eq(push(), 1);
}
END_TEST

START_TEST(one_that_expired_is_not_sent)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('proj.add', queue => 'py', expires_at => now() - interval '1 s', unique_key => 'k')");
    ck_assert_int_eq(push(), 0);
    ck_assert_str_eq(stage_task(&s, id, "status"), "SKIPPED");
}
END_TEST

START_TEST(what_is_told_moves_the_row)
{
    const char *id = sent_task();
    ck_assert(tell(id, "started", "NULL, NULL, 'w@h', 7, NULL, NULL, NULL"));
    ck_assert(!tell(id, "started", "NULL, NULL, 'w@h', 7, NULL, NULL, NULL"));
    ck_assert(tell(id, "progress", "NULL, NULL, NULL, NULL, 3, 9, 'third'"));
    ck_assert(!tell(id, "progress", "NULL, NULL, NULL, NULL, 2, 9, 'third'"));
    ck_assert_str_eq(stage_task(&s, id, "concat_ws(' ', status, attempt, progress_value, end_value, progress_message)"), "RUNNING 1 3 9 third");
    ck_assert(tell(id, "retry", "NULL, 'KeyError: again', NULL, NULL, NULL, NULL, NULL"));
    ck_assert(!tell(id, "retry", "NULL, 'KeyError: again', NULL, NULL, NULL, NULL, NULL"));
    ck_assert_str_eq(stage_task(&s, id, "concat_ws(' ', status, attempt, progress_value)"), "QUEUED 1 0");
    ck_assert(tell(id, "started", nothing));
    ck_assert(tell(id, "success", "'3', NULL, NULL, NULL, NULL, NULL, NULL"));
    ck_assert_str_eq(stage_task(&s, id, "concat_ws(' ', status, attempt, result, error)"), "SUCCESS 2 3");
    ck_assert(!tell(id, "failure", "NULL, 'late', NULL, NULL, NULL, NULL, NULL"));
    ck_assert_str_eq(stage_attempt(&s, id, "outcome || ' ' || error"), "failed KeyError: again");
}
END_TEST

static const struct {
    const char *what, *rest, *row;
} endings[] = {
    {"success", "'{\"a\": 1}', NULL, NULL, NULL, NULL, NULL, NULL", "SUCCESS 1 {\"a\": 1}"},
    {"success", "'null', NULL, NULL, NULL, NULL, NULL, NULL", "SUCCESS 1"},
    {"failure", "NULL, 'ValueError: no', NULL, NULL, NULL, NULL, NULL", "ERRORED 1 ValueError: no"},
    {"revoked", "NULL, 'revoked', NULL, NULL, NULL, NULL, NULL", "KILLED 0 revoked"},
    {"expired", "NULL, 'expired', NULL, NULL, NULL, NULL, NULL", "SKIPPED 0 expired"},
};

START_TEST(a_task_may_end_without_a_word_before)
{
    const char *id = sent_task();
    ck_assert(tell(id, endings[_i].what, endings[_i].rest));
    ck_assert_str_eq(stage_task(&s, id, "concat_ws(' ', status, attempt, result, error)"), endings[_i].row);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.sent"), 0);
}
END_TEST

START_TEST(what_is_told_at_once_happens_in_its_order)
{
    const char *id = sent_task();
    test_sql(s.pg, "SELECT drumbeat.celery_report(array_agg((s.external_id, w, NULL, 'e', NULL, NULL, NULL, NULL, NULL, NULL)::drumbeat.celery_told ORDER BY n))"
                   "  FROM drumbeat.sent s, unnest(ARRAY['started', 'retry', 'started', 'success', 'failure']) WITH ORDINALITY t(w, n)");
    ck_assert_str_eq(stage_task(&s, id, "status || attempt"), "SUCCESS2");
}
END_TEST

START_TEST(nothing_is_written_of_tasks_that_were_not_sent)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('proj.add', queue => 'py')");
    ck_assert(!tell(id, "success", nothing));
    ck_assert(!tell("some other id", "success", nothing));
    ck_assert_str_eq(stage_task(&s, id, "status"), "QUEUED");
}
END_TEST

START_TEST(a_cancel_ends_what_waits_here_and_asks_for_what_was_sent)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('proj.add', queue => 'py')");
    ck_assert_str_eq(stage_text(&s, "SELECT drumbeat.cancel(id) FROM drumbeat.task"), "t");
    ck_assert_str_eq(stage_task(&s, id, "status"), "KILLED");
    id = sent_task();
    ck_assert_str_eq(stage_text(&s, "SELECT drumbeat.cancel(id) FROM drumbeat.task WHERE status = 'QUEUED'"), "t");
    ck_assert_str_eq(stage_task(&s, id, "status || should_be_killed"), "QUEUEDtrue");
    ck_assert_str_eq(stage_text(&s, "SELECT drumbeat.unsend(external_id) FROM drumbeat.sent"), "t");
    ck_assert_str_eq(stage_task(&s, id, "status"), "KILLED");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.cancel_request"), 0);
}
END_TEST

START_TEST(a_retried_task_is_sent_again_under_the_same_id)
{
    const char *id = sent_task();
    ck_assert(tell(id, "failure", "NULL, 'no', NULL, NULL, NULL, NULL, NULL"));
    ck_assert_str_eq(stage_text(&s, "SELECT drumbeat.retry(id) FROM drumbeat.task"), "t");
    ck_assert_str_eq(stage_text(&s, "SELECT external_id FROM drumbeat.take_outgoing(10)"), stage_text(&s, "SELECT id FROM drumbeat.task"));
    ck_assert(tell(id, "success", nothing));
    ck_assert_str_eq(stage_task(&s, id, "status || attempt"), "SUCCESS2");
}
END_TEST

START_TEST(a_message_that_a_worker_of_ours_takes_is_its_task)
{
    const char *id = sent_task();
    test_sql(s.pg, "INSERT INTO drumbeat.celery_message (task_id, external_id, queue, worker, embed) SELECT id, id::text, 'py', gen_random_uuid(), '{}' FROM drumbeat.task");
    ck_assert_str_eq(stage_text(&s, "SELECT drumbeat.take_sent(id) FROM drumbeat.task"), "t");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.ready"), 1);
    ck_assert_str_eq(stage_text(&s, "SELECT drumbeat.send_away(id) FROM drumbeat.task"), "t");
    test_sql(s.pg, "DELETE FROM drumbeat.celery_message");
    ck_assert(tell(id, "success", nothing));
    ck_assert_str_eq(stage_text(&s, "SELECT drumbeat.send_away(id) FROM drumbeat.task"), "f");
}
END_TEST

START_TEST(one_of_which_nobody_tells_anything_has_failed_in_the_end)
{
    const char *id = sent_task();
    ck_assert_int_eq(test_number(s.pg, "SELECT drumbeat.give_up_sent(interval '1 day', 10)"), 0);
    ck_assert_int_eq(test_number(s.pg, "SELECT drumbeat.give_up_sent(interval '0', 10)"), 1);
    ck_assert_str_eq(stage_task(&s, id, "status || ' ' || error"), "ERRORED sent to queue py of Celery; no outcome was told within 00:00:00");
}
END_TEST

START_TEST(a_batch_counts_members_that_were_sent)
{
    const char *batch = stage_text(&s, "SELECT drumbeat.open_batch()");
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT drumbeat.enqueue('proj.add', queue => 'py', batch_id => '%s') FROM generate_series(1, 2); SELECT drumbeat.close_batch('%s')", batch, batch);
    test_sql(s.pg, sql);
    ck_assert_int_eq(push(), 2);
    test_sql(s.pg, "SELECT drumbeat.celery_report(array_agg((external_id, 'success', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::drumbeat.celery_told)) FROM drumbeat.sent");
    ck_assert_str_eq(stage_text(&s, "SELECT outcome FROM drumbeat.batch"), "success");
}
END_TEST

/* sql/contrib is for the application's own hands: here it is applied as they would. */
START_TEST(django_reads_tasks_as_results_of_celery)
{
    char path[512], sql[8192];
    snprintf(path, sizeof path, "%s/sql/contrib/django_celery_results.sql", getenv("DRUMBEAT_SOURCE"));
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    sql[fread(sql, 1, sizeof sql - 1, file)] = '\0';
    fclose(file);
    test_sql(s.pg, sql);
    const char *id = sent_task();
    ck_assert_str_eq(stage_text(&s, "SELECT concat_ws(' ', task_name, task_args, task_kwargs, status) FROM django_celery_results_taskresult"),
                     "proj.add [] {\"x\": 1} PENDING");
    ck_assert(tell(id, "failure", "NULL, 'ValueError: no', NULL, NULL, NULL, NULL, NULL"));
    ck_assert_str_eq(stage_text(&s, "SELECT concat_ws(' ', status, result::jsonb -> 'exc_message', traceback, date_done IS NOT NULL) FROM django_celery_results_taskresult"
                                    " WHERE task_id = (SELECT id::text FROM drumbeat.task)"),
                     "FAILURE [\"ValueError: no\"] ValueError: no t");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('proj.add', array_fill('{}'::jsonb, ARRAY[5000]), queue => 'py')");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) - count(DISTINCT id) FROM django_celery_results_taskresult"), 0);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))

int main(void)
{
    TCase *tests = tcase_create("rows");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    tcase_add_test(tests, a_task_of_a_celery_queue_waits_to_be_sent_and_no_child_can_claim_it);
    tcase_add_test(tests, what_is_rolled_back_is_sent_later);
    tcase_add_test(tests, a_delayed_task_and_one_behind_a_limit_are_sent_when_it_is_their_turn);
    tcase_add_test(tests, a_paused_queue_sends_nothing);
    tcase_add_test(tests, one_that_expired_is_not_sent);
    tcase_add_test(tests, what_is_told_moves_the_row);
    tcase_add_loop_test(tests, a_task_may_end_without_a_word_before, 0, ROWS(endings));
    tcase_add_test(tests, what_is_told_at_once_happens_in_its_order);
    tcase_add_test(tests, nothing_is_written_of_tasks_that_were_not_sent);
    tcase_add_test(tests, a_cancel_ends_what_waits_here_and_asks_for_what_was_sent);
    tcase_add_test(tests, a_retried_task_is_sent_again_under_the_same_id);
    tcase_add_test(tests, a_message_that_a_worker_of_ours_takes_is_its_task);
    tcase_add_test(tests, one_of_which_nobody_tells_anything_has_failed_in_the_end);
    tcase_add_test(tests, a_batch_counts_members_that_were_sent);
    tcase_add_test(tests, django_reads_tasks_as_results_of_celery);
    cluster = test_cluster_start(NULL);
    int failed = test_main_case("celery sent", tests);
    test_cluster_stop(cluster);
    return failed;
}
