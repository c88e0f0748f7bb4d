/* Flows of money from FTS, page by page, with faults between the pages; how often is asked; runs beside each other. */
#include "tasks/ocha/ocha.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/test_http_server.h"
#include "tests/test_ocha_run.h"
#include "tests/test_sandbox_client.h"

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static void set_up(void)
{
    ocha_set_up(NULL);
}

/* Faults ----------------------------------------------------------------------------------------------------------------------- */

static const char *const faults[] = {"truncated=2", "cut-off=2", "cut-chunked=2", "bad-gateway=2", "login-page=2", "gzip=1", "huge=2", "too-many=2"};

/* Every second request, so that each page of the flows but the first meets it once. */
START_TEST(faults_between_pages_change_nothing_of_what_lands)
{
    succeed(&handler_ocha_funding, PLAN);
    const char *before = snapshot();
    post("/_sandbox/quirks?%s", faults[_i]);
    succeed(&handler_ocha_funding, PLAN);
    ck_assert_msg(strcmp(snapshot(), before) == 0, "%s", faults[_i]);
}
END_TEST

START_TEST(faults_between_the_answers_of_an_import_change_nothing_of_what_lands)
{
    import_plan();
    const char *before = snapshot();
    post("/_sandbox/quirks?cut-off=2");
    import_plan();
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

/* Funding ---------------------------------------------------------------------------------------------------------------------- */

START_TEST(flows_come_page_by_page)
{
    succeed(&handler_ocha_funding, PLAN);
    ck_assert_str_eq(last("ocha.funding"), "t 450 450 0 0 0 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', count(*), count(project_external_id), count(*) FILTER (WHERE amount_usd % 1 = 0.75), count(budget_year),"
                                   " min(flow_date), min(version_id)) FROM registry.fts_flow"),
                     "450 225 113 150 2019-06-19 1");
    struct reply requests CLEANUP(reply_free) = get("/_sandbox/requests");
    ck_assert_ptr_nonnull(strstr(text_str(&requests.body), "page=3"));
}
END_TEST

START_TEST(a_page_that_fails_for_good_leaves_the_pages_before_and_the_next_run_the_rest)
{
    post("/_sandbox/quirks?forbidden=2");
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_ocha_funding, PLAN, 0);
    ck_assert_int_eq(r->end.error.kind, ERR_REFUSED);
    ck_assert_str_eq(last("ocha.funding"), "f 200 200 0 0 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.fts_flow"), 200);
    post("/_sandbox/quirks?forbidden=off");
    succeed(&handler_ocha_funding, PLAN);
    ck_assert_str_eq(last("ocha.funding"), "t 450 250 0 200 0 0 0");
}
END_TEST

START_TEST(a_bad_flow_and_one_that_comes_twice_are_told)
{
    post("/_sandbox/quirks?bad-flows=id=4010007&repeated-rows=1");
    succeed(&handler_ocha_funding, PLAN);
    ck_assert_str_eq(last("ocha.funding"), "t 452 449 0 0 2 0 1");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', f->>'page', f->>'index', f->>'id', f->>'field', f->>'reason') FROM registry.sync_log,"
                                   " jsonb_array_elements(data->'failures') f"),
                     "1 7 4010007 amountUSD 'much' is not an amount");
}
END_TEST

START_TEST(pages_that_go_in_circles_end_the_task)
{
    post("/_sandbox/quirks?circling-pages=2");
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_ocha_funding, PLAN, 0);
    ck_assert_int_eq(r->end.error.kind, ERR_DATA);
    ck_assert_ptr_nonnull(strstr(r->end.error.text, "circles"));
}
END_TEST

START_TEST(a_status_that_is_not_ok_is_tried_again_later)
{
    post("/_sandbox/quirks?bad-status=on");
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_ocha_funding, PLAN, 0);
    ck_assert_int_eq(r->end.error.kind, ERR_TRANSIENT);
    ck_assert_ptr_nonnull(strstr(r->end.error.text, "Unexpected end of data"));
}
END_TEST

START_TEST(flows_that_a_list_has_no_more_are_over_when_no_other_list_has_them)
{
    succeed(&handler_ocha_funding, PLAN);
    test_sql(pg, "INSERT INTO registry.fts_flow (external_id, amount_usd) VALUES ('gone', 1), ('elsewhere', 2);"
                 "INSERT INTO registry.fts_flow_list SELECT 'plan:401', id FROM registry.fts_flow WHERE external_id IN ('gone', 'elsewhere');"
                 "INSERT INTO registry.fts_flow_list SELECT 'plan:402', id FROM registry.fts_flow WHERE external_id = 'elsewhere'");
    succeed(&handler_ocha_funding, PLAN);
    ck_assert_str_eq(last("ocha.funding"), "t 450 0 0 450 0 1 0");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(external_id, ' ') FROM registry.fts_flow WHERE NOT is_active"), "gone");
}
END_TEST

START_TEST(an_empty_list_takes_nothing_away)
{
    static struct scripted rows[2];
    succeed(&handler_ocha_funding, PLAN);
    const char *before = snapshot();
    rows[0] = (struct scripted){.answer = scripted_json(200, "", "{\"status\":\"ok\",\"data\":{\"flows\":[]},\"meta\":{\"count\":0}}")};
    scripted_start(rows, upstream);
    succeed(&handler_ocha_funding, PLAN);
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

/* Who may ask how often -------------------------------------------------------------------------------------------------------- */

/* Each request has taken a turn of its own from the same row: as many turns as there were requests. */
START_TEST(anonymous_requests_of_all_workers_keep_their_distance)
{
    pid_t workers[3];
    enum { WORKERS = sizeof workers / sizeof *workers };
    test_sql(pg, "CREATE TEMPORARY TABLE began AS SELECT clock_timestamp() AS at");
    for (int i = 0; i < WORKERS; i++)
        workers[i] = run_apart(run_anonymous, &handler_ocha_project, scripted_keep("{\"project_id\":%d,\"upstream\":\"pmp\"}", 40100 + i));
    all_succeed(workers, WORKERS);
    struct reply requests CLEANUP(reply_free) = get("/_sandbox/requests");
    int64_t asked = integer(js_get(requests.json, "total"));
    ck_assert_int_ge(asked, WORKERS);
    ck_assert_int_eq(test_number(pg, scripted_keep("SELECT count(*) FROM registry.pace, began WHERE next_at - at >= %d * interval '1.1 s'", (int)asked)), 1);
}
END_TEST

START_TEST(who_logs_in_does_not_wait)
{
    succeed(&handler_ocha_funding, PLAN);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.pace"), 0);
}
END_TEST

/* Beside each other, and killed ------------------------------------------------------------------------------------------------ */

static struct test_run *run_logged_in(const struct handler *handler, const char *args)
{
    return run_with(handler, args, 0);
}

START_TEST(runs_at_the_same_time_do_not_fail_each_other)
{
    succeed(&handler_ocha_response_plan, PLAN);
    const pid_t runs[] = {run_apart(run_logged_in, &handler_ocha_response_plan_details, PLAN), run_apart(run_logged_in, &handler_ocha_response_plan_details, PLAN),
                          run_apart(run_logged_in, &handler_ocha_funding, PLAN), run_apart(run_logged_in, &handler_ocha_project, PROJECT),
                          run_apart(run_logged_in, &handler_ocha_funding, PLAN)};
    all_succeed(runs, sizeof runs / sizeof *runs);
    succeed(&handler_ocha_project_details, PROJECT);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE NOT successful OR failed > 0"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.fts_flow"), 450);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.cluster_activity"), 24);
}
END_TEST

START_TEST(a_run_beside_another_one_is_left_out)
{
    test_sql(pg, "INSERT INTO drumbeat.running (task_id, fence, worker, seat, place, seq, attempt, allowed)"
                 " VALUES ('00000000-0000-7000-8000-000000000001', 77, '00000000-0000-7000-8000-000000000002', 0, 1, 1, 1, 3);"
                 "INSERT INTO drumbeat.attempt_lock (key, task_id, fence) VALUES ('ocha.funding/401', '00000000-0000-7000-8000-000000000001', 77)");
    succeed(&handler_ocha_funding, PLAN);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log"), 0);
}
END_TEST

START_TEST(after_a_kill_the_next_run_brings_what_is_missing)
{
    int status;
    post("/_sandbox/quirks?hang=600,every=3,times=1");
    pid_t run = run_apart(run_logged_in, &handler_ocha_funding, PLAN);
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM registry.fts_flow", 400, SECONDS(15)));
    ck_assert_int_eq(kill(run, SIGKILL), 0);
    ck_assert_int_eq(waitpid(run, &status, 0), run);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log"), 0);
    post("/_sandbox/quirks?hang=off");
    succeed(&handler_ocha_funding, PLAN);
    ck_assert_str_eq(last("ocha.funding"), "t 450 50 0 400 0 0 0");
}
END_TEST

START_TEST(a_cancelled_run_keeps_its_pages_and_takes_nothing_away)
{
    succeed(&handler_ocha_funding, PLAN);
    const char *before = snapshot();
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_ocha_funding, PLAN, 250);
    ck_assert_int_eq(r->end.error.kind, ERR_CANCELLED);
    ck_assert_str_eq(last("ocha.funding"), "f 200 0 0 200 0 0 0");
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

int main(void)
{
    struct test_cluster *cluster = test_cluster_start(NULL);
    ocha_database(test_cluster_database(cluster));
    TCase *tests = tcase_create("ocha_flows");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, ocha_tear_down);
    tcase_add_loop_test(tests, faults_between_pages_change_nothing_of_what_lands, 0, (int)(sizeof faults / sizeof *faults));
    tcase_add_test(tests, faults_between_the_answers_of_an_import_change_nothing_of_what_lands);
    tcase_add_test(tests, flows_come_page_by_page);
    tcase_add_test(tests, a_page_that_fails_for_good_leaves_the_pages_before_and_the_next_run_the_rest);
    tcase_add_test(tests, a_bad_flow_and_one_that_comes_twice_are_told);
    tcase_add_test(tests, pages_that_go_in_circles_end_the_task);
    tcase_add_test(tests, a_status_that_is_not_ok_is_tried_again_later);
    tcase_add_test(tests, flows_that_a_list_has_no_more_are_over_when_no_other_list_has_them);
    tcase_add_test(tests, an_empty_list_takes_nothing_away);
    tcase_add_test(tests, anonymous_requests_of_all_workers_keep_their_distance);
    tcase_add_test(tests, who_logs_in_does_not_wait);
    tcase_add_test(tests, runs_at_the_same_time_do_not_fail_each_other);
    tcase_add_test(tests, a_run_beside_another_one_is_left_out);
    tcase_add_test(tests, after_a_kill_the_next_run_brings_what_is_missing);
    tcase_add_test(tests, a_cancelled_run_keeps_its_pages_and_takes_nothing_away);
    return test_main_case("ocha_flows", tests);
}
