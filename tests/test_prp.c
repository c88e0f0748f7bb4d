/* The jobs of the reporting portal, on a real database with documents written by hand, and the places of the sandbox. */
#include "tasks/pmp/pmp.h"
#include "tasks/prp/prp.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/test_pmp_task.h"
#include "tests/test_sandbox_client.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static const char *url;
static struct pg *pg;

static struct test_run *run(const struct handler *handler, const char *args)
{
    const struct test_runner runner = {.database = url, .upstream = sandbox_pid() ? sandbox_base() : NULL, .user = "drumbeat", .password = "drumbeat"};
    return test_run(&runner, handler, args);
}

/* Its result; valid until the next call. */
static const char *succeed(const struct handler *handler, const char *args)
{
    static struct test_run *kept;
    test_run_free(kept);
    kept = run(handler, args);
    ck_assert_msg(kept->end.success, "%s %s: %s", handler->name, args, kept->end.error.text);
    return kept->end.result ? kept->end.result : "";
}

#define TODAY "{\"today\": \"2025-06-15\"}"

/* One document with a quarterly period that has ended, one that runs, one to come; two humanitarian ones; a special report. One
 * indicator is high-frequency, one is not; each has two places, the first also a disaggregation. */
static const char document_1[] =
    "INSERT INTO registry.workspace (title, workspace_code, business_area_code) VALUES ('Testland', 'TT', '0160');"
    "INSERT INTO registry.location (name, p_code, admin_level) VALUES ('North', 'TT01', 1), ('South', 'TT02', 1), ('Town', 'TT0101', 2), ('Nowhere', 'TT03', 1);"
    "UPDATE registry.location SET parent_id = 1 WHERE id = 3;"
    "INSERT INTO registry.programme_document (external_id, external_business_area_code, workspace_id, document_type, reference_number, title, start_date,"
    " end_date, status) SELECT n::text, '0160', 1, 'PD', 'REF/' || n, 'Water ' || n, '2025-01-01', '2025-12-31',"
    "  CASE n WHEN 2 THEN 'draft' ELSE 'active' END FROM generate_series(1, 2) n;"
    "INSERT INTO registry.reporting_period (external_id, external_business_area_code, report_type, start_date, end_date, due_date, programme_document_id)"
    " SELECT p.*, d FROM (VALUES ('1', '0160', 'QPR', '2025-01-01'::date, '2025-03-31'::date, '2025-04-30'::date),"
    " ('2', '0160', 'QPR', '2025-04-01', '2025-06-30', '2025-07-30'), ('3', '0160', 'QPR', '2025-07-01', '2025-09-30', '2025-10-30'),"
    " ('4', '0160', 'HR', '2025-01-01', '2025-01-31', '2025-02-15'), ('5', '0160', 'HR', '2025-06-01', '2025-06-15', '2025-06-20'),"
    " ('6', '0160', 'SR', NULL, NULL, '2025-07-10'), ('7', '0160', 'SR', NULL, NULL, '2025-12-10')) p, generate_series(1, 2) d;"
    "INSERT INTO registry.pd_result_link (external_id, external_business_area_code, external_cp_output_id, title, programme_document_id)"
    " VALUES ('1', '0160', 1, 'Output', 1);"
    "INSERT INTO registry.lower_level_output (external_id, external_business_area_code, title, cp_output_id) VALUES ('1', '0160', 'Wells', 1);"
    "INSERT INTO registry.indicator_blueprint (external_id, external_source, title, unit) VALUES ('1', 's', 'Wells dug', 'number'), ('2', 's', 'Share', 'percentage');"
    "INSERT INTO registry.reportable (external_id, external_source, content_type, object_id, blueprint_id, is_unicef_hf_indicator)"
    " VALUES ('1', 's', 'lower_level_output', 1, 1, true), ('2', 's', 'lower_level_output', 1, 2, false);"
    "INSERT INTO registry.reportable_location_goal (reportable_id, location_id, is_active) VALUES (1, 1, true), (1, 2, true), (2, 1, true), (2, 2, false);"
    "INSERT INTO registry.disaggregation (name, workspace_id) VALUES ('Age', 1);"
    "INSERT INTO registry.reportable_disaggregation VALUES (1, 1);";

static void set_up(void)
{
    pg = test_connect(url);
    test_sql(pg, "TRUNCATE registry.workspace, registry.location, registry.partner, registry.person, registry.indicator_blueprint, registry.disaggregation,"
                 " registry.bulk_action_log, registry.sync_log, registry.notification, drumbeat.attempt_lock, drumbeat.running RESTART IDENTITY CASCADE");
}

static void tear_down(void)
{
    sandbox_stop();
    pg_close(pg);
}

static const char *reports(void)
{
    return test_text(pg, "SELECT string_agg(concat_ws(' ', report_type, report_number, coalesce(start_date, due_date), status, CASE WHEN is_final THEN 'final' END), ', '"
                         " ORDER BY report_type, report_number) FROM registry.progress_report WHERE programme_document_id = 1");
}

/* Everything in the registry but its log, and which transaction wrote each row. */
static const char *snapshot(void)
{
    static struct region *kept;
    kept = kept ? kept : region_new();
    const char *sql = region_strdup(kept, test_text(
        pg, "SELECT 'SELECT md5(concat(' || string_agg(format('(SELECT string_agg(t.xmin || t::text, '','' ORDER BY t::text)"
            " FROM registry.%I t)', tablename), ',') || '))' FROM pg_tables WHERE schemaname = 'registry' AND tablename NOT IN ('sync_log', 'sync_state')"));
    return region_strdup(kept, test_text(pg, sql));
}

/* Reports --------------------------------------------------------------------------------------------- */

START_TEST(each_period_that_has_begun_gets_a_report_with_its_indicators_and_places)
{
    test_sql(pg, document_1);
    succeed(&handler_prp_period_reports, TODAY);
    ck_assert_str_eq(reports(), "HR 1 2025-01-01 Due, HR 2 2025-06-01 Due final, QPR 1 2025-01-01 Due, QPR 2 2025-04-01 Due, SR 1 2025-07-10 Due");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.progress_report"), 5);
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(concat_ws(' ', r.report_type, r.report_number, i.title, i.due_date, (SELECT count(*) FROM"
                                   " registry.indicator_location_data l WHERE l.indicator_report_id = i.id)), ', ' ORDER BY r.id, i.title)"
                                   " FROM registry.indicator_report i JOIN registry.progress_report r ON r.id = progress_report_id"),
                     "HR 1 Wells dug 2025-02-15 2, HR 2 Wells dug 2025-06-20 2, QPR 1 Share 2025-04-30 1, QPR 1 Wells dug 2025-04-30 2,"
                     " QPR 2 Share 2025-07-30 1, QPR 2 Wells dug 2025-07-30 2");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(DISTINCT concat_ws(' ', disaggregation->'()', num_disaggregation, disaggregation_reported_on), ' | ')"
                                   " FROM registry.indicator_location_data"),
                     "{\"c\": 0, \"d\": 0, \"v\": 0} 1 {1} | {\"c\": null, \"d\": null, \"v\": null} 0 {}");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', successful, fetched, updated, unchanged, failed) FROM registry.sync_log"), "t 1 1 0 0");
}
END_TEST

START_TEST(a_second_run_makes_nothing)
{
    test_sql(pg, document_1);
    succeed(&handler_prp_period_reports, TODAY);
    const char *before = snapshot();
    succeed(&handler_prp_period_reports, TODAY);
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

START_TEST(a_period_put_in_between_numbers_the_reports_anew)
{
    test_sql(pg, document_1);
    succeed(&handler_prp_period_reports, TODAY);
    test_sql(pg, "UPDATE registry.progress_report SET status = 'Acc', submission_date = '2025-05-01' WHERE report_type = 'QPR' AND report_number = 1;"
                 "INSERT INTO registry.reporting_period (external_id, external_business_area_code, report_type, start_date, end_date, due_date, programme_document_id)"
                 " VALUES ('8', '0160', 'QPR', '2024-10-01', '2024-12-31', '2025-01-30', 1), ('9', '0160', 'QPR', '2025-02-01', '2025-02-28', '2025-03-30', 1)");
    succeed(&handler_prp_period_reports, "{\"today\": \"2025-06-15\", \"document\": 1}");
    ck_assert_str_eq(reports(), "HR 1 2025-01-01 Due, HR 2 2025-06-01 Due final, QPR 1 2024-10-01 Due, QPR 2 2025-01-01 Acc, QPR 3 2025-02-01 Due,"
                                " QPR 4 2025-04-01 Due, SR 1 2025-07-10 Due");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE failed > 0 OR NOT successful"), 0);
}
END_TEST

START_TEST(what_is_handed_in_is_left_alone_and_what_is_open_gets_new_places)
{
    test_sql(pg, document_1);
    succeed(&handler_prp_period_reports, TODAY);
    test_sql(pg, "UPDATE registry.progress_report SET status = 'Sub', submission_date = '2025-05-01' WHERE report_type = 'QPR' AND report_number = 1;"
                 "UPDATE registry.reportable_location_goal SET is_active = true");
    succeed(&handler_prp_period_reports, TODAY);
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(concat_ws(' ', report_number, (SELECT count(*) FROM registry.indicator_location_data l"
                                   "  WHERE l.indicator_report_id = i.id)), ', ' ORDER BY report_number)"
                                   " FROM registry.indicator_report i JOIN registry.progress_report r ON r.id = progress_report_id WHERE i.title = 'Share'"), "1 1, 2 2");
}
END_TEST

START_TEST(a_document_that_cannot_be_done_is_told_and_the_others_are_done)
{
    test_sql(pg, document_1);
    test_sql(pg, "UPDATE registry.programme_document SET status = 'ended' WHERE id = 2;"
                 "ALTER TABLE registry.progress_report ADD CONSTRAINT trap CHECK (programme_document_id <> 2) NOT VALID");
    succeed(&handler_prp_period_reports, TODAY);
    test_sql(pg, "ALTER TABLE registry.progress_report DROP CONSTRAINT trap");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', successful, fetched, updated, unchanged, failed, data->'failures'->0->>'id') FROM registry.sync_log"),
                     "t 2 1 0 1 2");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.progress_report WHERE programme_document_id = 1"), 5);
}
END_TEST

START_TEST(each_open_report_is_due_overdue_or_not_due_by_its_days)
{
    test_sql(pg, document_1);
    succeed(&handler_prp_period_reports, TODAY);
    test_sql(pg, "UPDATE registry.indicator_report SET due_date = NULL WHERE id = 1;"
                 "UPDATE registry.progress_report SET status = 'Sub', submission_date = '2025-03-01' WHERE report_type = 'HR' AND report_number = 1");
    const char *said = succeed(&handler_prp_due_reports, TODAY);
    ck_assert_str_eq(reports(), "HR 1 2025-01-01 Sub, HR 2 2025-06-01 Due final, QPR 1 2025-01-01 Ove, QPR 2 2025-04-01 Not, SR 1 2025-07-10 Due");
    ck_assert_msg(strstr(said, "Reports: (Overdue for ID ") != NULL, "%s", said);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.indicator_report WHERE due_date IS NULL"), 0);
    const char *before = snapshot();
    said = succeed(&handler_prp_due_reports, TODAY);
    ck_assert_str_eq(said, "{\"message\":\"---\",\"updated\":0}");
    ck_assert_str_eq(snapshot(), before);
    succeed(&handler_prp_due_reports, "{\"today\": \"2025-06-30\"}");
    ck_assert_str_eq(reports(), "HR 1 2025-01-01 Sub, HR 2 2025-06-01 Ove final, QPR 1 2025-01-01 Ove, QPR 2 2025-04-01 Due, SR 1 2025-07-10 Due");
}
END_TEST

/* Indicators of clusters: weekly, monthly without a word about it, quarterly, by days, one that is off, one without an active place. */
static const char clusters[] =
    "INSERT INTO registry.location (name, p_code, admin_level) VALUES ('A', 'A', 0), ('B', 'B', 1);"
    "INSERT INTO registry.indicator_blueprint (external_id, external_source, title, unit) VALUES ('1', 'HPC', 'Water', 'number');"
    "INSERT INTO registry.reportable (external_id, external_source, content_type, object_id, blueprint_id, frequency, cs_dates, start_date_of_reporting_period, active)"
    " VALUES ('w', 'HPC', 'partner_project', 1, 1, 'Wee', '{}', '2025-05-28', true), ('m', 'HPC', 'cluster_objective', 1, 1, NULL, '{}', NULL, true),"
    " ('q', 'HPC', 'activity_project_context', 1, 1, 'Qua', '{}', '2024-11-15', true),"
    " ('d', 'HPC', 'partner_project', 1, 1, 'Csd', '{2025-06-20,2025-03-31,2025-03-31,2025-09-30}', '2025-02-01', true),"
    " ('off', 'HPC', 'partner_project', 1, 1, 'Mon', '{}', '2025-01-01', false), ('bare', 'HPC', 'partner_project', 1, 1, 'Mon', '{}', '2025-01-01', true);"
    "INSERT INTO registry.reportable_location_goal (reportable_id, location_id, is_active) SELECT id, l, l = 1 AND external_id <> 'bare'"
    " FROM registry.reportable, generate_series(1, 2) l";

static const char *cluster_reports(const char *indicator)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT string_agg(concat_ws(' ', time_period_start, time_period_end, CASE WHEN due_date <> time_period_end + 1 THEN due_date END), ', '"
             " ORDER BY time_period_start) FROM registry.indicator_report x JOIN registry.reportable i ON i.id = reportable_id WHERE i.external_id = '%s'",
             indicator);
    return test_text(pg, sql);
}

START_TEST(indicators_of_clusters_are_reported_for_each_period_that_has_begun)
{
    test_sql(pg, clusters);
    succeed(&handler_prp_period_reports, TODAY);
    ck_assert_str_eq(cluster_reports("w"), "2025-05-28 2025-06-01, 2025-06-02 2025-06-08, 2025-06-09 2025-06-15");
    ck_assert_str_eq(cluster_reports("m"), "2025-06-01 2025-06-30");
    ck_assert_str_eq(cluster_reports("q"), "2024-11-15 2024-12-31, 2025-01-01 2025-03-31, 2025-04-01 2025-06-30");
    ck_assert_str_eq(cluster_reports("d"), "2025-02-01 2025-03-31, 2025-04-01 2025-06-20");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.indicator_report WHERE report_status = 'Due' AND overall_status = 'NoS' AND title = 'Water'"
                                     " AND progress_report_id IS NULL AND total = '{\"c\": 0, \"d\": 0, \"v\": 0}'"),
                     9);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.indicator_location_data WHERE location_id = 1 AND disaggregation->'()' IS NOT NULL"), 9);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.indicator_location_data"), 9);
    const char *before = snapshot();
    succeed(&handler_prp_period_reports, TODAY);
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

START_TEST(what_clusters_missed_is_made_up_for)
{
    test_sql(pg, clusters);
    succeed(&handler_prp_period_reports, TODAY);
    test_sql(pg, "UPDATE registry.indicator_report SET report_status = 'Sub', submission_date = '2025-06-15' WHERE time_period_end = '2025-06-01';"
                 "UPDATE registry.reportable_location_goal SET is_active = true WHERE reportable_id = 1");
    succeed(&handler_prp_period_reports, "{\"today\": \"2025-09-01\"}");
    ck_assert_str_eq(cluster_reports("m"), "2025-06-01 2025-06-30, 2025-07-01 2025-07-31, 2025-08-01 2025-08-31, 2025-09-01 2025-09-30");
    ck_assert_str_eq(cluster_reports("d"), "2025-02-01 2025-03-31, 2025-04-01 2025-06-20, 2025-06-21 2025-09-30");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.indicator_report WHERE reportable_id = 1"), 15);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.indicator_location_data l JOIN registry.indicator_report x ON x.id = indicator_report_id"
                                     " WHERE reportable_id = 1"),
                     29);
    succeed(&handler_prp_due_reports, "{\"today\": \"2025-07-02\"}");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(report_status, ' ' ORDER BY time_period_start) FROM registry.indicator_report WHERE reportable_id = 2"), "Ove Not Not Not");
}
END_TEST

START_TEST(a_day_that_is_none_is_refused)
{
    struct test_run *r CLEANUP(test_run_freep) = run(&handler_prp_due_reports, "{\"today\": \"2025-02-30\"}");
    ck_assert_int_eq(r->end.error.kind, ERR_DATA);
}
END_TEST

/* Places ---------------------------------------------------------------------------------------------- */

START_TEST(places_go_unless_something_refers_to_them)
{
    test_sql(pg, document_1);
    const char *said = succeed(&handler_prp_bulk_delete_locations, "{\"ids\": [1, 2, 3, 4, 99], \"user_id\": 7}");
    ck_assert_str_eq(said, "{\"deleted\":2,\"failed\":2,\"failed_ids\":[1,2]}");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', user_id, affected_count, affected_ids, model_name) FROM registry.bulk_action_log"), "7 2 [3, 4] location");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location"), 2);
}
END_TEST

START_TEST(places_above_others_go_after_them)
{
    test_sql(pg, "INSERT INTO registry.location (name, p_code, admin_level) SELECT 'L' || n, 'P' || n, n FROM generate_series(1, 30) n;"
                 "UPDATE registry.location SET parent_id = id - 1 WHERE id > 1");
    const char *said = succeed(&handler_prp_bulk_delete_locations, "{\"ids\": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30]}");
    ck_assert_str_eq(said, "{\"deleted\":30,\"failed\":0,\"failed_ids\":[]}");
    struct test_run *r CLEANUP(test_run_freep) = run(&handler_prp_bulk_delete_locations, "{\"ids\": [1, \"x\"]}");
    ck_assert_str_eq(r->end.error.text, "'ids': element 1 is not a whole number");
}
END_TEST

START_TEST(the_places_of_every_country_land_with_their_shapes)
{
    static const char *const nothing[] = {NULL};
    sandbox_start(nothing);
    succeed(&handler_pmp_workspaces, "{}");
    succeed(&handler_pmp_locations, "{}");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE NOT successful OR failed > 0 OR fetched <> created + updated + unchanged + skipped"), 0);
    ck_assert_int_gt(test_number(pg, "SELECT count(*) FROM registry.location WHERE geom->>'type' = 'MultiPolygon' AND point->>'type' = 'Point'"
                                     " AND latitude = (point->'coordinates'->>1)::double precision"), 20);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location WHERE admin_level > 0 AND parent_id IS NULL"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location"),
                     test_number(pg, "SELECT sum(created) FROM registry.sync_log WHERE handler_name = 'pmp.locations'"));
    const char *before = snapshot();
    succeed(&handler_pmp_locations, "{}");
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

/* Notices --------------------------------------------------------------------------------------------- */

static char mail_url[64];

/* A mail server and a document whose reports concern Ada and Élodie; Bob has left. */
static void set_up_mail(void)
{
    static const char *const args[] = {"--smtp", "0", NULL};
    set_up();
    sandbox_start(args);
    CLEANUP(reply_free) struct reply r = get("/smtp/_sandbox/mails");
    snprintf(mail_url, sizeof mail_url, "smtp://127.0.0.1:%d", (int)integer(js_get(r.json, "port")));
    test_sql(pg, document_1);
    test_sql(pg, "INSERT INTO registry.person (name, email, active) VALUES ('Ada', 'ada@example.org', true), ('Élodie', 'elodie@example.org', true),"
                 " ('Bob', 'bob@example.org', false);"
                 "INSERT INTO registry.programme_document_unicef_focal_point (programme_document_id, person_id, active)"
                 " VALUES (1, 1, true), (1, 2, true), (1, 3, true)");
    succeed(&handler_prp_period_reports, TODAY);
    succeed(&handler_prp_due_reports, TODAY);
}

static struct test_run *mail_on(const struct handler *handler, const char *today)
{
    char args[128];
    const struct test_runner runner = {.database = url, .upstream = mail_url};
    snprintf(args, sizeof args, "{\"upstream\": \"pmp\", \"sender\": \"prp@example.org\", \"today\": \"%s\"}", today);
    return test_run(&runner, handler, args);
}

static void mail_well(const struct handler *handler, const char *today)
{
    struct test_run *r CLEANUP(test_run_freep) = mail_on(handler, today);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
}

/* Mails taken so far whose text has `words`. */
static int mails_with(const char *words)
{
    CLEANUP(reply_free) struct reply r = get("/smtp/_sandbox/mails");
    const struct js *mails = js_get(r.json, "mails");
    int count = 0;
    for (size_t i = 0; i < js_count(mails); i++)
        count += strstr(string(js_get(js_at(mails, i), "text")), words) != NULL;
    return count;
}

START_TEST(what_is_due_within_a_week_is_told_once_to_each_person)
{
    mail_well(&handler_prp_notify_due, "2025-06-15");
    ck_assert_int_eq(mails_with("Subject: Report HR 2 of REF/1 is due on 2025-06-20"), 2);
    ck_assert_int_eq(mails_with(""), 2);
    ck_assert_int_eq(mails_with("To: <ada@example.org>"), 1);
    ck_assert_int_eq(mails_with("Dear Élodie,"), 1);
    ck_assert_int_eq(mails_with("Message-ID: <notification-1@example.org>"), 1);
    mail_well(&handler_prp_notify_due, "2025-06-16");
    ck_assert_int_eq(mails_with(""), 2);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.notification WHERE sent_at IS NOT NULL AND error IS NULL"), 2);
}
END_TEST

START_TEST(what_is_overdue_is_told_once_however_late)
{
    mail_well(&handler_prp_notify_overdue, "2025-06-15");
    mail_well(&handler_prp_notify_overdue, "2025-06-18");
    ck_assert_int_eq(mails_with("is overdue since 2025-02-15"), 2);
    ck_assert_int_eq(mails_with("is overdue since 2025-04-30"), 2);
    ck_assert_int_eq(mails_with(""), 4);
}
END_TEST

START_TEST(a_busy_server_gets_the_rest_with_the_next_run)
{
    post("/_sandbox/quirks?mail-busy=path=ada");
    struct test_run *r CLEANUP(test_run_freep) = mail_on(&handler_prp_notify_due, "2025-06-15");
    ck_assert_int_eq(r->end.error.kind, ERR_TRANSIENT);
    ck_assert_int_eq(mails_with(""), 1);
    post("/_sandbox/quirks?mail-busy=off");
    mail_well(&handler_prp_notify_due, "2025-06-15");
    ck_assert_int_eq(mails_with(""), 2);
}
END_TEST

START_TEST(an_address_that_is_refused_is_told_and_never_tried_again)
{
    post("/_sandbox/quirks?mail-refused=path=ada");
    mail_well(&handler_prp_notify_due, "2025-06-15");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', successful, fetched, created, failed) FROM registry.sync_log ORDER BY id DESC LIMIT 1"), "t 2 1 1");
    post("/_sandbox/quirks?mail-refused=off");
    mail_well(&handler_prp_notify_due, "2025-06-15");
    ck_assert_int_eq(mails_with(""), 1);
}
END_TEST

START_TEST(a_connection_lost_after_the_text_is_tried_again)
{
    post("/_sandbox/quirks?mail-dropped=times=1");
    test_run_free(mail_on(&handler_prp_notify_due, "2025-06-15"));
    mail_well(&handler_prp_notify_due, "2025-06-15");
    ck_assert_int_eq(mails_with("To: <ada@example.org>"), 1);
    ck_assert_int_eq(mails_with(""), 2);
}
END_TEST

START_TEST(without_a_server_nothing_is_lost_and_a_report_handed_in_meanwhile_is_not_told)
{
    sandbox_stop();
    struct test_run *r CLEANUP(test_run_freep) = mail_on(&handler_prp_notify_due, "2025-06-15");
    ck_assert_int_eq(r->end.error.kind, ERR_UNREACHABLE);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.notification WHERE sent_at IS NULL"), 2);
    test_sql(pg, "UPDATE registry.progress_report SET status = 'Sub', submission_date = '2025-06-16' WHERE report_type = 'HR'");
    static const char *const args[] = {"--smtp", "0", NULL};
    sandbox_start(args);
    CLEANUP(reply_free) struct reply mails = get("/smtp/_sandbox/mails");
    snprintf(mail_url, sizeof mail_url, "smtp://127.0.0.1:%d", (int)integer(js_get(mails.json, "port")));
    mail_well(&handler_prp_notify_due, "2025-06-17");
    ck_assert_int_eq(mails_with(""), 0);
}
END_TEST

static void add_tests(Suite *suite, const char *name, void (*begin)(void), const TTest *const *tests)
{
    TCase *group = tcase_create(name);
    tcase_set_timeout(group, 60);
    tcase_add_checked_fixture(group, begin, tear_down);
    for (; *tests; tests++)
        tcase_add_test(group, *tests);
    suite_add_tcase(suite, group);
}

int main(void)
{
    const TTest *const tests[] = {each_period_that_has_begun_gets_a_report_with_its_indicators_and_places,
                                  a_second_run_makes_nothing,
                                  a_period_put_in_between_numbers_the_reports_anew,
                                  what_is_handed_in_is_left_alone_and_what_is_open_gets_new_places,
                                  a_document_that_cannot_be_done_is_told_and_the_others_are_done,
                                  each_open_report_is_due_overdue_or_not_due_by_its_days,
                                  indicators_of_clusters_are_reported_for_each_period_that_has_begun,
                                  what_clusters_missed_is_made_up_for,
                                  a_day_that_is_none_is_refused,
                                  places_go_unless_something_refers_to_them,
                                  places_above_others_go_after_them,
                                  the_places_of_every_country_land_with_their_shapes,
                                  NULL};
    const TTest *const notices[] = {what_is_due_within_a_week_is_told_once_to_each_person,
                                    what_is_overdue_is_told_once_however_late,
                                    a_busy_server_gets_the_rest_with_the_next_run,
                                    an_address_that_is_refused_is_told_and_never_tried_again,
                                    a_connection_lost_after_the_text_is_tried_again,
                                    without_a_server_nothing_is_lost_and_a_report_handed_in_meanwhile_is_not_told,
                                    NULL};
    url = test_cluster_database(test_cluster_start(NULL));
    Suite *suite = suite_create("prp");
    add_tests(suite, "prp", set_up, tests);
    add_tests(suite, "notices", set_up_mail, notices);
    return test_main(suite);
}
