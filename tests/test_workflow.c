/* Workflows: what starts when, what is handed on, and that every batch ends exactly once. */
#include "tests/fixture/main.h"
#include "tests/storm/stage.h"

#include <stdio.h>
#include <string.h>

static struct test_cluster *cluster;
static struct stage s;

static void open_stage(void)
{
    stage_open(&s, cluster);
}

static void close_stage(void)
{
    stage_close(&s);
}

/* Start the workflow `spec` and answer its id. */
static const char *start(const char *spec)
{
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT drumbeat.enqueue_workflow($$%s$$)", spec);
    return stage_text(&s, text_str(&sql));
}

/* A column of drumbeat.batch_status. */
static const char *batch(const char *id, const char *column)
{
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT (%s)::text FROM drumbeat.batch_status WHERE id = '%s'", column, id);
    return stage_text(&s, text_str(&sql));
}

/* Wait until the batch has ended, and whatever it started has. */
static void await(const char *id, const char *outcome)
{
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM drumbeat.batch WHERE id = '%s' AND ended_at IS NOT NULL", id);
    ck_assert_msg(stage_wait(&s, sql, 1, SECONDS(15)), "it stays %s", batch(id, "state"));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ready", 0, SECONDS(10)) && stage_wait(&s, "SELECT count(*) FROM drumbeat.running", 0, SECONDS(10)));
    ck_assert_str_eq(batch(id, "state"), outcome);
}

/* The arguments that the one task of this queue got; queues tell the steps of a test apart. */
static const char *got(const char *queue, const char *expression)
{
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT string_agg((%s)::text, ' | ' ORDER BY created_at) FROM drumbeat.task WHERE queue = '%s'", expression, queue);
    return stage_text(&s, text_str(&sql));
}

static int64_t count(const char *condition)
{
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT count(*) FROM drumbeat.task WHERE %s", condition);
    return test_number(s.pg, text_str(&sql));
}

static void assert_refused(const char *sql, const char *message)
{
    struct sql script = {.name = "refused", .text = sql};
    struct err e;
    ck_assert_msg(!pg_script(s.pg, &script, &e), "%s: is not refused", sql);
    ck_assert_str_eq(pg_sqlstate(s.pg), "22023");
    ck_assert_msg(strstr(e.text, message), "'%s' instead of '%s'", e.text, message);
}

/* Shapes -------------------------------------------------------------------------------------------------------------- */

START_TEST(a_chain_hands_each_result_to_the_next_step)
{
    stage_worker(&s, NULL, "--pool", "2");
    const char *id = start("{\"chain\": [{\"task\": \"echo\", \"args\": {\"a\": 1}}, {\"task\": \"echo\", \"queue\": \"two\"},"
                           " {\"task\": \"echo\", \"queue\": \"three\", \"previous\": false}], \"on_success\": {\"task\": \"echo\", \"queue\": \"end\"}}");
    await(id, "success");
    ck_assert_str_eq(got("two", "args"), "{\"previous\": {\"a\": 1}}");
    ck_assert_str_eq(got("three", "args"), "{}");
    ck_assert_str_eq(got("end", "args -> 'results'"), "{}");
    ck_assert_str_eq(got("end", "concat_ws(' ', args #>> '{batch,outcome}', args #>> '{batch,total}', args #>> '{batch,failed}')"), "success 3 0");
    ck_assert_int_eq(count("queue = 'two' AND parent_id = (SELECT id FROM drumbeat.task WHERE queue = 'default')"), 1);
}
END_TEST

START_TEST(a_handler_that_does_not_ask_for_results_is_not_disturbed_by_them)
{
    stage_worker(&s, NULL, "--pool", "1");
    await(start("{\"chain\": [{\"task\": \"echo\"}, {\"task\": \"sleep\", \"args\": {\"seconds\": 0}}], \"on_always\": {\"task\": \"sleep\", \"queue\": \"always\"}}"), "success");
    ck_assert_str_eq(got("always", "status"), "SUCCESS");
}
END_TEST

START_TEST(a_chain_ends_with_the_step_that_fails)
{
    stage_worker(&s, NULL, "--pool", "2");
    const char *id = start("{\"chain\": [{\"task\": \"noop\"}, {\"task\": \"fail\", \"args\": {\"retryable\": false}}, {\"task\": \"noop\", \"queue\": \"later\"}],"
                           " \"on_success\": {\"task\": \"noop\", \"queue\": \"won\"}, \"on_failure\": {\"task\": \"noop\", \"queue\": \"lost\"},"
                           " \"on_always\": {\"task\": \"noop\", \"queue\": \"always\"}}");
    await(id, "failed");
    ck_assert_int_eq(count("queue IN ('later', 'won')"), 0);
    ck_assert_int_eq(count("queue = 'lost'"), 1);
    ck_assert_int_eq(count("queue = 'always'"), 1);
    ck_assert_str_eq(batch(id, "concat_ws(' ', total, success, errored, not_started)"), "3 1 1 1");
}
END_TEST

START_TEST(a_group_answers_in_the_order_of_its_members)
{
    stage_worker(&s, NULL, "--pool", "4");
    const char *id = start("{\"chain\": [{\"group\": [{\"task\": \"echo\", \"args\": {\"n\": 0}}, {\"task\": \"noop\"}, {\"chain\": [{\"task\": \"noop\"},"
                           " {\"task\": \"echo\", \"args\": {\"n\": 2, \"previous\": 7}}]}, {\"task\": \"echo\", \"args\": {\"n\": 3}},"
                           " {\"group\": [{\"task\": \"echo\", \"args\": {\"n\": 4}}, {\"group\": []}]}]}, {\"task\": \"echo\", \"queue\": \"sum\"}]}");
    await(id, "success");
    ck_assert_str_eq(got("sum", "args -> 'previous'"), "[{\"n\": 0}, null, {\"n\": 2, \"previous\": 7}, {\"n\": 3}, [{\"n\": 4}, []]]");
}
END_TEST

START_TEST(an_empty_batch_ends_as_it_is_made)
{
    const char *id = start("{\"chain\": [{\"group\": []}, {\"chain\": []}], \"on_success\": {\"task\": \"noop\", \"queue\": \"won\"}, \"on_failure\": {\"task\": \"noop\"}}");
    ck_assert_str_eq(batch(id, "state"), "success");
    ck_assert_str_eq(got("won", "args -> 'results'"), "null");
    ck_assert_int_eq(count("true"), 1);
    ck_assert_str_eq(batch(start("{\"group\": []}"), "concat_ws(' ', state, total, progress)"), "success 0 1");
}
END_TEST

START_TEST(a_single_task_is_a_chain_of_one)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = start("{\"task\": \"echo\", \"args\": {\"a\": 1}, \"queue\": \"q\", \"priority\": 2, \"max_attempts\": 7, \"headers\": {\"h\": 1}, \"tenant\": \"t\", \"limit_key\": \"l\", \"delay\": \"1 millisecond\"}");
    await(id, "success");
    ck_assert_str_eq(got("q", "concat_ws(' ', name, args, priority, max_attempts, headers, tenant)"), "echo {\"a\": 1} 2 7 {\"h\": 1} t");
    ck_assert_str_eq(batch(id, "kind || total"), "chain1");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task_body WHERE limit_key = 'l'"), 1);
}
END_TEST

START_TEST(what_is_said_of_a_workflow_holds_for_its_tasks)
{
    stage_text(&s, "SELECT drumbeat.enqueue_workflow('{\"group\": [{\"task\": \"noop\", \"headers\": {\"b\": 2}}, {\"chain\": [{\"task\": \"noop\", \"tenant\": \"own\"}]}]}',"
                   " tenant => 't', created_by => 'me', headers => '{\"a\": 1}')");
    ck_assert_str_eq(got("default", "concat_ws(' ', tenant, created_by, headers)"), "t me {\"a\": 1, \"b\": 2} | own me {\"a\": 1}");
}
END_TEST

START_TEST(a_callback_can_be_a_workflow)
{
    stage_worker(&s, NULL, "--pool", "2");
    const char *id = start("{\"group\": [{\"task\": \"echo\", \"args\": {\"a\": 1}}], \"on_always\": {\"chain\": [{\"task\": \"noop\", \"queue\": \"one\"}, {\"task\": \"noop\", \"queue\": \"two\"}]}}");
    await(id, "success");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.batch WHERE cause_id IS NOT NULL AND outcome = 'success'", 1, SECONDS(5)));
    ck_assert_str_eq(got("one", "args"), "{\"previous\": [{\"a\": 1}]}");
    ck_assert_int_eq(count("queue = 'two'"), 1);
}
END_TEST

START_TEST(large_results_stay_where_they_are)
{
    stage_worker(&s, NULL, "--pool", "2");
    await(stage_text(&s, "SELECT drumbeat.enqueue_workflow(jsonb_build_object('chain', jsonb_build_array("
                         "jsonb_build_object('task', 'echo', 'args', jsonb_build_object('a', repeat('x', 70000))), '{\"task\": \"noop\", \"queue\": \"two\"}'::jsonb)))"), "success");
    ck_assert_int_eq(count("queue = 'two' AND args #>> '{previous,result_of}' = (SELECT id::text FROM drumbeat.task WHERE name = 'echo')"), 1);
    const char *id = stage_text(&s, "SELECT drumbeat.enqueue_workflow(jsonb_build_object('group', (SELECT jsonb_agg('{\"task\": \"noop\"}'::jsonb) FROM generate_series(1, 1001)),"
                                    " 'on_success', '{\"task\": \"noop\", \"queue\": \"three\"}'::jsonb))");
    await(id, "success");
    ck_assert_str_eq(got("three", "args #>> '{results,results_of}'"), id);
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.batch b CROSS JOIN drumbeat.batch_results(b.id) r WHERE b.kind = 'group' AND r.status = 'SUCCESS'"), 1001);
}
END_TEST

static const struct {
    const char *spec, *message;
} bad_specs[] = {
    {"[]", "spec: must be an object with one of task, chain, group"},
    {"{\"task\": \"a\", \"chain\": []}", "spec: must be an object with one of task, chain, group"},
    {"{\"group\": [{\"task\": \"a\"}, {\"chain\": [{\"task\": \"b\", \"args\": []}]}]}", "group[1].chain[0].args: must be a JSON object, not array"},
    {"{\"group\": [{\"task\": \"a\", \"retries\": 3}]}", "group[0].retries: is not an option of a task"},
    {"{\"group\": [], \"then\": {}}", "then: is not an option of a group"},
    {"{\"group\": {}}", "group: must be an array"},
    {"{\"chain\": [null]}", "chain[0]: must be an object with one of task, chain, group"},
    {"{\"chain\": [], \"on_always\": {\"task\": \"a b\"}}", "on_always.task: must be 1 to 200 characters without blanks"},
    {"{\"task\": \"a\", \"queue\": \"Q\"}", "queue: \"Q\" is not 1 to 63 of"},
    {"{\"task\": \"a\", \"priority\": 10}", "priority: 10 is not between 0 and 9"},
    {"{\"task\": \"a\", \"max_attempts\": 0}", "max_attempts: 0 is not between 1 and 1000"},
    {"{\"task\": \"a\", \"delay\": \"soon\"}", "delay: soon is not an interval"},
    {"{\"task\": \"a\", \"limit_key\": \"\"}", "limit_key: must be 1 to 500 characters"},
    {"{\"task\": \"a\", \"unique_mode\": \"x\"}", "unique_mode: \"x\" is not return, skip or replace"},
    {"{\"group\": [{\"group\": [{\"group\": [{\"group\": [{\"group\": [{\"group\": [{\"group\": [{\"group\": [{\"group\": []}]}]}]}]}]}]}]}]}", "is nested deeper than 8 levels"},
};

START_TEST(a_bad_workflow_is_refused_whole_and_says_where)
{
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT drumbeat.enqueue_workflow('%s')", bad_specs[_i].spec);
    assert_refused(text_str(&sql), bad_specs[_i].message);
    ck_assert_int_eq(test_number(s.pg, "SELECT (SELECT count(*) FROM drumbeat.batch) + (SELECT count(*) FROM drumbeat.task_body)"), 0);
}
END_TEST

START_TEST(a_workflow_is_part_of_its_transaction)
{
    struct err e;
    ck_assert(pg_begin(s.pg, &e));
    start("{\"chain\": [{\"task\": \"noop\"}]}");
    ck_assert(pg_rollback(s.pg, &e));
    ck_assert_int_eq(test_number(s.pg, "SELECT (SELECT count(*) FROM drumbeat.batch) + (SELECT count(*) FROM drumbeat.batch_open) + (SELECT count(*) FROM drumbeat.task_body)"), 0);
}
END_TEST

/* Filling ------------------------------------------------------------------------------------------------------------- */

START_TEST(a_batch_that_is_filled_ends_after_it_was_closed)
{
    stage_worker(&s, NULL, "--pool", "2");
    const char *id = stage_text(&s, "SELECT drumbeat.open_batch(label => 'import', on_success => '{\"task\": \"noop\", \"queue\": \"won\"}')");
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT count(*) FROM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[50]), batch_id => '%s')", id);
    ck_assert_int_eq(test_number(s.pg, text_str(&sql)), 50);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 50, SECONDS(10)));
    ck_assert_str_eq(batch(id, "concat_ws(' ', state, total, success)"), "filling 50 50");
    test_sql(s.pg, text_str(&sql));
    text_reset(&sql);
    text_printf(&sql, "SELECT drumbeat.close_batch('%s')", id);
    ck_assert_str_eq(stage_text(&s, text_str(&sql)), "t");
    await(id, "success");
    ck_assert_str_eq(stage_text(&s, text_str(&sql)), "f");
    ck_assert_str_eq(got("won", "concat_ws(' ', args #>> '{batch,label}', args #>> '{batch,total}')"), "import 100");
    text_reset(&sql);
    text_printf(&sql, "SELECT drumbeat.enqueue('noop', batch_id => '%s')", id);
    assert_refused(text_str(&sql), "takes no more members");
}
END_TEST

START_TEST(what_is_not_said_of_a_member_is_as_the_batch_has_it)
{
    const char *id = stage_text(&s, "SELECT drumbeat.open_batch(tenant => 'ken', created_by => 'alice', headers => '{\"trace\": 1, \"from\": \"batch\"}')");
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT drumbeat.enqueue_many('noop', ARRAY['{}'::jsonb, '{}'], batch_id => '%s', queue => 'silent');"
                      "SELECT drumbeat.enqueue('noop', batch_id => '%s', queue => 'said', tenant => 'uga', created_by => 'bob', headers => '{\"from\": \"task\"}')", id, id);
    test_sql(s.pg, text_str(&sql));
    ck_assert_str_eq(got("silent", "concat_ws(' ', tenant, created_by, headers)"),
                     "ken alice {\"from\": \"batch\", \"trace\": 1} | ken alice {\"from\": \"batch\", \"trace\": 1}");
    ck_assert_str_eq(got("said", "concat_ws(' ', tenant, created_by, headers)"), "uga bob {\"from\": \"task\", \"trace\": 1}");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.ready WHERE flow = drumbeat.flow_of('ken')"), 2);
}
END_TEST

START_TEST(a_running_group_takes_more_members_and_a_chain_takes_none)
{
    const char *group = start("{\"group\": [{\"task\": \"noop\"}]}"), *chain = start("{\"chain\": [{\"task\": \"noop\"}]}");
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT drumbeat.enqueue('noop', batch_id => '%s')", chain);
    assert_refused(text_str(&sql), "takes no more members");
    text_reset(&sql);
    text_printf(&sql, "SELECT drumbeat.enqueue('noop', batch_id => '%s')", group);
    test_sql(s.pg, text_str(&sql));
    ck_assert_str_eq(batch(group, "total"), "2");
    stage_worker(&s, NULL, "--pool", "2");
    await(group, "success");
    await(chain, "success");
}
END_TEST

/* What does not succeed ----------------------------------------------------------------------------------------------- */

START_TEST(members_that_are_skipped_expire_or_are_purged_have_failed)
{
    test_sql(s.pg, "SELECT drumbeat.enqueue('noop', unique_key => 'k', queue => 'held', run_at => now() + interval '1 hour')");
    const char *held = start("{\"chain\": [{\"task\": \"noop\", \"unique_key\": \"k\"}, {\"task\": \"noop\"}]}");
    ck_assert_str_eq(batch(held, "concat_ws(' ', state, skipped, not_started)"), "failed 1 1");
    const char *expired = start("{\"group\": [{\"task\": \"noop\", \"expires_in\": \"0\"}, {\"task\": \"noop\"}], \"on_failure\": {\"task\": \"echo\", \"queue\": \"lost\"}}");
    const char *purged = start("{\"chain\": [{\"task\": \"noop\", \"queue\": \"away\"}]}");
    ck_assert_int_eq(test_number(s.pg, "SELECT drumbeat.purge('away')"), 1);
    ck_assert_str_eq(batch(purged, "concat_ws(' ', state, killed)"), "failed 1");
    stage_worker(&s, NULL, "--pool", "1");
    await(expired, "failed");
    ck_assert_str_eq(got("lost", "args #>> '{batch,failed}'"), "1");
}
END_TEST

START_TEST(a_step_that_cannot_be_started_fails_its_chain_and_says_why)
{
    const char *id = start("{\"chain\": [{\"task\": \"noop\"}, {\"task\": \"noop\", \"queue\": \"gone\"}], \"on_failure\": {\"task\": \"noop\", \"queue\": \"lost\"}, \"on_always\": {\"task\": \"noop\", \"queue\": \"gone\"}}");
    test_sql(s.pg, "INSERT INTO drumbeat.queue_state (name, broker, rows) VALUES ('gone', 'redis', 'failures')");
    stage_worker(&s, NULL, "--pool", "1");
    await(id, "failed");
    ck_assert_ptr_nonnull(strstr(batch(id, "error"), "Redis"));
    ck_assert_int_eq(count("queue = 'lost'"), 1);
    test_sql(s.pg, "DELETE FROM drumbeat.queue_state");
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT drumbeat.retry_batch('%s')", id);
    ck_assert_int_eq(test_number(s.pg, text_str(&sql)), 1);
    await(id, "success");
    ck_assert_int_eq(count("queue = 'gone'"), 1);
}
END_TEST

START_TEST(a_step_whose_key_is_being_taken_waits_for_nobody_and_starts_later)
{
    struct err e;
    struct pg *other = test_connect(s.url);
    ck_assert(pg_begin(other, &e));
    test_sql(other, "SELECT drumbeat.enqueue('noop', unique_key => 'k', queue => 'other')");
    const char *id = start("{\"chain\": [{\"task\": \"noop\"}, {\"task\": \"noop\", \"unique_key\": \"k\"}]}");
    stage_worker(&s, NULL, "--pool", "1");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 1, SECONDS(5)));
    ck_assert_str_eq(batch(id, "concat_ws(' ', state, success, not_started)"), "running 1 1");
    ck_assert(pg_rollback(other, &e));
    await(id, "success");
    pg_close(other);
}
END_TEST

/* Cancel and retry ---------------------------------------------------------------------------------------------------- */

static const char *change(const char *function, const char *id)
{
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT drumbeat.%s('%s')::text", function, id);
    return stage_text(&s, text_str(&sql));
}

START_TEST(a_cancelled_batch_takes_what_is_in_it_along)
{
    stage_worker(&s, NULL, "--pool", "1");
    const char *id = start("{\"group\": [{\"task\": \"sleep\", \"args\": {\"seconds\": 60, \"steps\": 600}, \"priority\": 1}, {\"task\": \"noop\", \"delay\": \"1 hour\"},"
                           " {\"chain\": [{\"task\": \"noop\", \"delay\": \"1 hour\"}, {\"task\": \"noop\", \"queue\": \"later\"}], \"on_failure\": {\"task\": \"noop\", \"queue\": \"no\"}}],"
                           " \"on_failure\": {\"task\": \"noop\", \"queue\": \"no\"}, \"on_always\": {\"task\": \"echo\", \"queue\": \"always\"}}");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'RUNNING'", 1, SECONDS(5)));
    ck_assert_str_eq(change("cancel_batch", id), "true");
    await(id, "cancelled");
    ck_assert_int_eq(count("status = 'KILLED'"), 3);
    ck_assert_int_eq(count("queue IN ('later', 'no')"), 0);
    ck_assert_str_eq(got("always", "args #>> '{batch,outcome}'"), "cancelled");
    ck_assert_str_eq(change("cancel_batch", id), "false");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.batch WHERE outcome = 'cancelled'"), 2);
    ck_assert_int_eq(test_number(s.pg, "SELECT (drumbeat.cancel_batch(drumbeat.uuid_v7()) IS NULL)::int"), 1);
}
END_TEST

START_TEST(a_cancel_reaches_what_is_added_at_the_same_moment)
{
    struct err e;
    struct pg *other = test_connect(s.url);
    const char *id = start("{\"group\": [{\"task\": \"noop\", \"delay\": \"1 hour\"}]}");
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT drumbeat.enqueue('noop', run_at => now() + interval '1 hour', batch_id => '%s')", id);
    ck_assert(pg_begin(other, &e));
    test_sql(other, text_str(&sql));
    change("cancel_batch", id); /* it cannot see that one, and cannot decide */
    ck_assert(pg_commit(other, &e));
    ck_assert_str_eq(batch(id, "concat_ws(' ', state, killed, queued)"), "cancelling 1 1");
    test_sql(s.pg, "SELECT drumbeat.finish_batches(10)");
    ck_assert_str_eq(batch(id, "concat_ws(' ', state, killed, queued)"), "cancelled 2 0");
    assert_refused(text_str(&sql), "takes no more members");
    pg_close(other);
}
END_TEST

START_TEST(a_retried_batch_goes_on_where_it_failed_and_calls_back_once_a_kind)
{
    stage_worker(&s, NULL, "--pool", "2");
    const char *id = start("{\"group\": [{\"task\": \"noop\"}, {\"chain\": [{\"task\": \"fail\", \"args\": {\"retryable\": false, \"times\": 1}}, {\"task\": \"noop\", \"queue\": \"later\"}]}],"
                           " \"on_success\": {\"task\": \"noop\", \"queue\": \"won\"}, \"on_failure\": {\"task\": \"noop\", \"queue\": \"lost\"}, \"on_always\": {\"task\": \"noop\", \"queue\": \"always\"}}");
    await(id, "failed");
    ck_assert_int_eq(count("queue IN ('lost', 'always')"), 2);
    ck_assert_str_eq(change("retry_batch", id), "1");
    await(id, "success");
    ck_assert_int_eq(count("queue = 'later'"), 1);
    ck_assert_int_eq(count("queue IN ('lost', 'always', 'won')"), 3);
    ck_assert_str_eq(change("retry_batch", id), "0");
}
END_TEST

START_TEST(a_member_that_is_retried_by_hand_opens_the_batches_around_it_again)
{
    const char *id = start("{\"chain\": [{\"group\": [{\"chain\": [{\"task\": \"noop\", \"delay\": \"1 hour\"}]}, {\"task\": \"noop\", \"delay\": \"1 hour\"}]}, {\"task\": \"noop\", \"queue\": \"later\"}]}");
    test_sql(s.pg, "SELECT drumbeat.cancel(task_id) FROM drumbeat.delayed");
    ck_assert_str_eq(batch(id, "state"), "failed");
    test_sql(s.pg, "SELECT drumbeat.retry(task_id) FROM drumbeat.ended");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.batch WHERE ended_at IS NULL"), 3);
    stage_worker(&s, NULL, "--pool", "2");
    await(id, "success");
    ck_assert_int_eq(count("queue = 'later'"), 1);
}
END_TEST

/* Deciding ------------------------------------------------------------------------------------------------------------ */

/* Two transactions end the last two members and see nothing of each other. */
static void end_together(bool first_commits, bool second_commits, bool other_way)
{
    struct err e;
    struct pg *one = test_connect(s.url), *two = test_connect(s.url);
    test_sql(s.pg, "SELECT drumbeat.enqueue_workflow('{\"group\": [{\"task\": \"noop\"}, {\"task\": \"noop\"}], \"on_always\": {\"task\": \"noop\", \"queue\": \"always\"}}')");
    ck_assert(pg_begin(one, &e) && pg_begin(two, &e));
    test_sql(one, "SELECT drumbeat.cancel((SELECT task_id FROM drumbeat.ready ORDER BY seq LIMIT 1))");
    test_sql(two, "SELECT drumbeat.cancel((SELECT task_id FROM drumbeat.ready ORDER BY seq DESC LIMIT 1))");
    struct pg *first = other_way ? two : one, *second = other_way ? one : two;
    ck_assert(first_commits ? pg_commit(first, &e) : pg_rollback(first, &e));
    ck_assert_int_eq(count("queue = 'always'"), 0);
    test_sql(s.pg, "SELECT drumbeat.finish_batches(10)");
    ck_assert_int_eq(count("queue = 'always'"), 0);
    ck_assert(second_commits ? pg_commit(second, &e) : pg_rollback(second, &e));
    test_sql(s.pg, "SELECT drumbeat.finish_batches(10)");
    pg_close(one);
    pg_close(two);
}

START_TEST(two_that_end_the_last_members_at_once_end_the_batch_once)
{
    end_together(true, true, _i != 0);
    ck_assert_int_eq(count("queue = 'always'"), 1);
    test_sql(s.pg, "SELECT drumbeat.finish_batches(10)");
    ck_assert_int_eq(count("queue = 'always'"), 1);
}
END_TEST

START_TEST(a_batch_stays_open_when_who_ended_a_member_rolls_back)
{
    end_together(_i < 2, _i >= 2, _i % 2 != 0);
    ck_assert_int_eq(count("queue = 'always'"), 0);
    test_sql(s.pg, "SELECT drumbeat.cancel(task_id) FROM drumbeat.ready");
    test_sql(s.pg, "SELECT drumbeat.finish_batches(10)");
    ck_assert_int_eq(count("queue = 'always'"), 1);
}
END_TEST

START_TEST(a_batch_that_somebody_holds_is_decided_when_he_lets_go)
{
    struct err e;
    struct pg *other = test_connect(s.url);
    const char *id = start("{\"group\": [{\"task\": \"noop\"}]}");
    stage_worker(&s, NULL, "--pool", "1");
    ck_assert(pg_begin(other, &e));
    test_sql(other, "SELECT id FROM drumbeat.batch FOR UPDATE");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.ended", 1, SECONDS(5)));
    ck_assert_str_eq(batch(id, "state"), "running");
    ck_assert(pg_rollback(other, &e));
    await(id, "success");
    pg_close(other);
}
END_TEST

START_TEST(what_nobody_decided_is_found_by_the_sweep)
{
    const char *id = start("{\"group\": [{\"task\": \"noop\", \"delay\": \"1 hour\"}], \"on_always\": {\"task\": \"noop\", \"queue\": \"always\"}}");
    test_sql(s.pg, "DELETE FROM drumbeat.delayed; INSERT INTO drumbeat.ended (task_id, status, attempt, ended_at, error)"
                   " SELECT member_id, 'KILLED', 0, now(), 'by hand' FROM drumbeat.batch_open;"
                   "INSERT INTO drumbeat.batch_failed SELECT member_id, batch_id FROM drumbeat.batch_open; DELETE FROM drumbeat.batch_open");
    test_sql(s.pg, "SELECT drumbeat.sweep_batches(10); SELECT drumbeat.sweep_batches(10); SELECT drumbeat.finish_batches(10)");
    ck_assert_str_eq(batch(id, "state"), "failed");
    ck_assert_int_eq(count("queue = 'always'"), 1);
}
END_TEST

START_TEST(a_batch_goes_with_the_last_of_its_tasks)
{
    const char *id = start("{\"group\": [{\"chain\": [{\"task\": \"noop\"}]}]}");
    test_sql(s.pg, "SELECT drumbeat.cancel(task_id) FROM drumbeat.ready; UPDATE drumbeat.batch SET ended_at = ended_at - interval '2 days'; SELECT drumbeat.sweep_batches(10)");
    ck_assert_str_eq(batch(id, "state"), "failed");
    test_sql(s.pg, "DELETE FROM drumbeat.ended; DELETE FROM drumbeat.task_body; SELECT drumbeat.sweep_batches(10)");
    ck_assert_int_eq(test_number(s.pg, "SELECT (SELECT count(*) FROM drumbeat.batch) + (SELECT count(*) FROM drumbeat.batch_failed)"), 0);
}
END_TEST

/* Thirty whose tasks are kept for long stand before one that is empty. */
START_TEST(batches_that_stay_do_not_keep_others_from_going)
{
    for (int i = 0; i < 30; i++)
        start("{\"group\": [{\"task\": \"noop\"}]}");
    const char *empty = start("{\"group\": []}");
    test_sql(s.pg, "SELECT drumbeat.cancel(task_id) FROM drumbeat.ready; UPDATE drumbeat.batch SET ended_at = ended_at - interval '2 days'");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.batch WHERE ended_at IS NOT NULL"), 31);
    for (int i = 0; i < 5; i++)
        test_sql(s.pg, "SELECT drumbeat.sweep_batches(10)");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.batch"), 30);
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT count(*) FROM drumbeat.batch WHERE id = '%s'", empty);
    ck_assert_int_eq(test_number(s.pg, text_str(&sql)), 0);
    test_sql(s.pg, "DELETE FROM drumbeat.ended; DELETE FROM drumbeat.task_body");
    for (int i = 0; i < 5; i++)
        test_sql(s.pg, "SELECT drumbeat.sweep_batches(10)");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.batch"), 0);
}
END_TEST

START_TEST(who_may_enqueue_may_start_stop_and_fill_workflows)
{
    test_sql(s.pg, "SET ROLE drumbeat_enqueue");
    const char *id = start("{\"group\": [{\"chain\": [{\"task\": \"noop\"}]}]}");
    const char *filled = stage_text(&s, "SELECT drumbeat.open_batch()");
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "SELECT drumbeat.enqueue('noop', batch_id => '%s'), drumbeat.close_batch('%s')", filled, filled);
    test_sql(s.pg, text_str(&sql));
    ck_assert_str_eq(change("cancel_batch", id), "true");
    ck_assert_str_eq(change("retry_batch", id), "1");
    test_sql(s.pg, "RESET ROLE");
}
END_TEST

/* Command line -------------------------------------------------------------------------------------------------------- */

/* `drumbeat batch verb …` ends with `status` and prints something with `text` in it. */
static void command(int status, const char *text, const char *verb, const char *operand)
{
    struct test_process *p CLEANUP(test_process_freep) = test_drumbeat(s.url, "batch", verb, operand, NULL);
    ck_assert_msg(test_process_status(p) == status, "batch %s: %d: %s", verb, test_process_status(p), test_process_errors(p));
    ck_assert_msg(strstr(test_process_output(p), text) || strstr(test_process_errors(p), text), "batch %s: %s%s", verb, test_process_output(p), test_process_errors(p));
}

START_TEST(the_command_line_starts_shows_stops_and_retries_batches)
{
    command(2, "chain[0]: must be an object", "enqueue", "{\"chain\": [1]}");
    command(0, "-7", "enqueue", "{\"label\": \"nightly\", \"group\": [{\"task\": \"noop\"}]}");
    const char *id = stage_text(&s, "SELECT id FROM drumbeat.batch"), *beginning = stage_text(&s, "SELECT left(id::text, 18) FROM drumbeat.batch");
    command(0, "nightly", "ls", "--live");
    command(0, "cancelled", "cancel", beginning);
    command(4, "has ended", "cancel", id);
    command(1, "cancelled", "wait", id);
    command(0, "KILLED", "show", beginning);
    command(0, "1 taken up again", "retry", id);
    stage_worker(&s, NULL, "--pool", "1");
    command(0, "success", "wait", id);
    command(4, "nothing in the batch", "retry", id);
    command(3, "", "show", "00000000-0000-7000-8000-000000000000");
}
END_TEST

static void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_chain_hands_each_result_to_the_next_step);
    tcase_add_test(tests, a_handler_that_does_not_ask_for_results_is_not_disturbed_by_them);
    tcase_add_test(tests, a_chain_ends_with_the_step_that_fails);
    tcase_add_test(tests, a_group_answers_in_the_order_of_its_members);
    tcase_add_test(tests, an_empty_batch_ends_as_it_is_made);
    tcase_add_test(tests, a_single_task_is_a_chain_of_one);
    tcase_add_test(tests, what_is_said_of_a_workflow_holds_for_its_tasks);
    tcase_add_test(tests, a_callback_can_be_a_workflow);
    tcase_add_test(tests, large_results_stay_where_they_are);
    tcase_add_loop_test(tests, a_bad_workflow_is_refused_whole_and_says_where, 0, sizeof bad_specs / sizeof *bad_specs);
    tcase_add_test(tests, a_workflow_is_part_of_its_transaction);
    tcase_add_test(tests, a_batch_that_is_filled_ends_after_it_was_closed);
    tcase_add_test(tests, what_is_not_said_of_a_member_is_as_the_batch_has_it);
    tcase_add_test(tests, batches_that_stay_do_not_keep_others_from_going);
    tcase_add_test(tests, a_running_group_takes_more_members_and_a_chain_takes_none);
    tcase_add_test(tests, members_that_are_skipped_expire_or_are_purged_have_failed);
    tcase_add_test(tests, a_step_that_cannot_be_started_fails_its_chain_and_says_why);
    tcase_add_test(tests, a_step_whose_key_is_being_taken_waits_for_nobody_and_starts_later);
    tcase_add_test(tests, a_cancelled_batch_takes_what_is_in_it_along);
    tcase_add_test(tests, a_cancel_reaches_what_is_added_at_the_same_moment);
    tcase_add_test(tests, a_retried_batch_goes_on_where_it_failed_and_calls_back_once_a_kind);
    tcase_add_test(tests, a_member_that_is_retried_by_hand_opens_the_batches_around_it_again);
    tcase_add_loop_test(tests, two_that_end_the_last_members_at_once_end_the_batch_once, 0, 2);
    tcase_add_loop_test(tests, a_batch_stays_open_when_who_ended_a_member_rolls_back, 0, 4);
    tcase_add_test(tests, a_batch_that_somebody_holds_is_decided_when_he_lets_go);
    tcase_add_test(tests, what_nobody_decided_is_found_by_the_sweep);
    tcase_add_test(tests, a_batch_goes_with_the_last_of_its_tasks);
    tcase_add_test(tests, who_may_enqueue_may_start_stop_and_fill_workflows);
    tcase_add_test(tests, the_command_line_starts_shows_stops_and_retries_batches);
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("workflow");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    add_tests(tests);
    int failed = test_main_case("workflow", tests);
    test_cluster_stop(cluster);
    return failed;
}
