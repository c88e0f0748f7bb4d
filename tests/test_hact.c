/* What was done to be sure of partners, counted by country and summed up, on a real database; all countries at once through the real worker. */
#include "tasks/hact/hact.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"
#include "tests/test_pmp_task.h"
#include "tests/test_sandbox_client.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static const char *url;
static struct pg *pg;

#define TODAY "\"today\":\"2026-05-20\""
#define AREA "{\"business_area\":\"0160\"," TODAY "}"

static struct test_run *run_with(const struct handler *handler, const char *args)
{
    const struct test_runner runner = {.database = url};
    return test_run(&runner, handler, args);
}

static void succeed(const struct handler *handler, const char *args)
{
    struct test_run *r CLEANUP(test_run_freep) = run_with(handler, args);
    ck_assert_msg(r->end.success, "%s: %s", handler->name, r->end.error.text);
}

static const char *last(const char *handler)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT concat_ws(' ', successful, fetched, created, updated, unchanged, skipped, deactivated, failed)"
             " FROM registry.sync_log WHERE handler_name = '%s' ORDER BY id DESC LIMIT 1",
             handler);
    return test_text(pg, sql);
}

/* Partners 1 to 4 of 0160 and 5 of 0250: a CSO of high risk with much cash, a government with some, one with none, a UN agency, a hidden one. */
static void set_up(void)
{
    pg = test_connect(url);
    test_sql(pg, "TRUNCATE registry.workspace, registry.organization, registry.sync_log, drumbeat.attempt_lock RESTART IDENTITY CASCADE;"
                 "INSERT INTO registry.workspace (title, workspace_code, business_area_code) VALUES ('Tamoru', 'TM', '0160'), ('Besana', 'BS', '0250'),"
                 " ('Global', 'GL', '0');"
                 "INSERT INTO registry.organization (vendor_number, name, organization_type) VALUES ('1', 'CSO', 'Civil Society Organization'),"
                 " ('2', 'Ministry', 'Government'), ('3', 'Idle', 'Civil Society Organization'), ('4', 'Agency', 'UN Agency'), ('5', 'Hidden', 'Government');"
                 "INSERT INTO registry.partner_organization (organization_id, country_id, rating, highest_risk_rating_name, type_of_assessment, net_ct_cy, reported_cy,"
                 " total_ct_cy, total_ct_ytd, hidden, last_assessment_date) VALUES"
                 " (1, 1, 'Low', 'High', 'Micro Assessment', 600000, 60000.5, 600000, 600000.10, false, '2020-01-01'),"
                 " (2, 1, 'Medium', NULL, 'Low Risk Assumed', 200000, 80000, 200000, 100000, false, '2025-01-01'),"
                 " (3, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, NULL),"
                 " (4, 1, 'High', 'High', NULL, 900000, 900000, 900000, 50000, false, NULL),"
                 " (5, 1, 'High', 'High', NULL, 900000, 900000, 900000, 900000, true, NULL),"
                 " (1, 2, 'High', 'High', NULL, 1, 1, 1, 1, false, NULL);"
                 "INSERT INTO registry.planned_engagement (partner_id, special_audit) SELECT id, organization_id = 1 FROM registry.partner_organization;"
                 "INSERT INTO registry.planned_visits VALUES (1, 2026, 1, 2, 0, 1), (1, 2025, 9, 9, 9, 9), (2, 2026, 5, 5, 5, 5);"
                 "INSERT INTO registry.programmatic_visit (partner_id, completed_on) VALUES (1, '2026-01-01'), (1, '2026-03-31'), (1, '2026-04-01'), (1, '2026-12-31'),"
                 " (1, '2025-12-31'), (1, '2027-01-01'), (2, '2026-02-01');"
                 "INSERT INTO registry.engagement (partner_id, engagement_type, status, date_of_draft_report_to_ip, date_of_draft_report_to_unicef, financial_findings,"
                 " amount_refunded, write_off_required, high_findings, audit_opinion) VALUES"
                 " (1, 'sc', 'final', '2026-02-03', NULL, NULL, NULL, NULL, 0, NULL), (1, 'sc', 'cancelled', '2026-02-03', NULL, NULL, NULL, NULL, 0, NULL),"
                 " (1, 'sa', 'final', '2026-05-01', NULL, NULL, NULL, NULL, 0, NULL),"
                 " (2, 'audit', 'final', '2026-01-10', '2026-01-20', 1000.10, 100, NULL, 2, 'qualified'),"
                 " (2, 'audit', 'report_submitted', '2026-01-10', '2026-01-20', 500, 100, 50, 1, 'adverse'),"
                 " (2, 'audit', 'final', '2025-06-10', '2025-06-20', 70, NULL, NULL, 4, 'denial')");
}

static void tear_down(void)
{
    sandbox_stop();
    pg_close(pg);
}

/* hact_values of partners 1, 2, …: with such a path. */
static const char *values(const char *path)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT string_agg(coalesce(hact_values #>> '{%s}', '-'), ' ' ORDER BY id) FROM registry.partner_organization", path);
    return test_text(pg, sql);
}

START_TEST(each_partner_that_is_not_hidden_has_its_figures)
{
    succeed(&handler_hact_values, AREA);
    ck_assert_str_eq(last("hact.values"), "t 4 0 4 0 0 0 0");
    ck_assert_str_eq(values("programmatic_visits,completed,total"), "4 1 0 0 - -");
    ck_assert_str_eq(values("programmatic_visits,completed,q1"), "2 1 0 0 - -");
    ck_assert_str_eq(values("programmatic_visits,planned,total"), "4 0 0 0 - -");
    ck_assert_str_eq(values("programmatic_visits,minimum_requirements"), "4 2 0 0 - -");
    ck_assert_str_eq(values("spot_checks,completed,total"), "1 0 0 0 - -");
    ck_assert_str_eq(values("spot_checks,minimum_requirements"), "1 0 0 0 - -");
    ck_assert_str_eq(values("audits,completed"), "1 2 0 0 - -");
    ck_assert_str_eq(values("audits,minimum_requirements"), "1 0 0 0 - -");
    ck_assert_str_eq(values("outstanding_findings"), "0 900.10 0 0 - -");
    ck_assert_str_eq(values("assurance_coverage"), "complete partial void void - -");
}
END_TEST

START_TEST(a_second_run_writes_nothing_and_what_others_put_there_stays)
{
    test_sql(pg, "UPDATE registry.partner_organization SET hact_values = '{\"note\": 1, \"spot_checks\": {\"follow_up_required\": 3}}' WHERE id = 1;"
                 "UPDATE registry.partner_organization SET hact_values = '[1]' WHERE id = 2");
    succeed(&handler_hact_values, AREA);
    ck_assert_str_eq(values("note"), "1 - - - - -");
    ck_assert_str_eq(values("spot_checks,follow_up_required"), "3 0 0 0 - -");
    char before[64];
    snprintf(before, sizeof before, "%s", test_text(pg, "SELECT md5(string_agg(xmin::text, ',' ORDER BY id)) FROM registry.partner_organization"));
    succeed(&handler_hact_values, AREA);
    ck_assert_str_eq(test_text(pg, "SELECT md5(string_agg(xmin::text, ',' ORDER BY id)) FROM registry.partner_organization"), before);
    ck_assert_str_eq(last("hact.values"), "t 4 0 0 4 0 0 0");
}
END_TEST

/* partner_values of 0160. */
static const char *figure(const char *path)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT partner_values #>> '{%s}' FROM registry.aggregate_hact WHERE country_id = 1 AND year = 2026", path);
    return test_text(pg, sql);
}

START_TEST(a_country_has_its_year_in_figures)
{
    succeed(&handler_hact_values, AREA);
    succeed(&handler_hact_aggregate, "{" TODAY "}");
    ck_assert_str_eq(last("hact.aggregate"), "t 2 2 0 0 0 0 0");
    ck_assert_str_eq(figure("assurance_activities,programmatic_visits"), "{\"completed\": 5, \"min_required\": 6}");
    ck_assert_str_eq(figure("assurance_activities,spot_checks"), "{\"required\": 1, \"completed\": 1, \"follow_up\": 0}");
    ck_assert_str_eq(figure("assurance_activities,scheduled_audit"), "2");
    ck_assert_str_eq(figure("assurance_activities,missing_micro_assessment"), "1");
    ck_assert_str_eq(figure("assurance_coverage,coverage_by_number_of_ips"),
                     "[[\"Coverage by number of IPs\", \"Count\"], [\"Without Assurance\", 1], [\"Partially Met Requirements\", 1], [\"Met Requirements\", 1]]");
    ck_assert_str_eq(figure("assurance_coverage,coverage_by_cash_transfer,3,1"), "600000.10");
    ck_assert_str_eq(figure("assurance_coverage,table,1,value"), "1");
    ck_assert_str_eq(figure("financial_findings,6,value"), "1250.10");
    ck_assert_str_eq(figure("financial_findings,7,value"), "70.00");
    ck_assert_str_eq(figure("financial_findings_numbers,0,value"), "3");
    ck_assert_str_eq(figure("financial_findings_numbers,3,value,0"), "{\"name\": \"qualified\", \"value\": 1}");
    ck_assert_str_eq(figure("charts,cash_transfers_amounts,1"), "[\"$0-50,000\", 0, 0, 0, 0, 50000.00, 1]");
    ck_assert_str_eq(figure("charts,cash_transfers_amounts,2"), "[\"$50,001-100,000\", 0, 0, 100000.00, 0, 0, 1]");
    ck_assert_str_eq(figure("charts,cash_transfers_risk_ratings,5"), "[\"High\", 650000.10, \"#751010\", 2]");
    ck_assert_str_eq(figure("charts,cash_transfers_partner_type,2"), "[\"GOV\", 100000.00, \"#F05656\", 1]");
    ck_assert_str_eq(figure("charts,spot_checks_completed,1"), "[\"Staff\", 1]");
    succeed(&handler_hact_aggregate, "{" TODAY "}");
    ck_assert_str_eq(last("hact.aggregate"), "t 2 0 0 2 0 0 0");
    test_sql(pg, "UPDATE registry.engagement SET status = 'cancelled' WHERE financial_findings = 500");
    succeed(&handler_hact_aggregate, AREA);
    ck_assert_str_eq(last("hact.aggregate"), "t 1 0 1 0 0 0 0");
    ck_assert_str_eq(figure("financial_findings,6,value"), "900.10");
}
END_TEST

START_TEST(a_country_without_partners_has_zeros)
{
    test_sql(pg, "TRUNCATE registry.organization CASCADE");
    succeed(&handler_hact_values, AREA);
    succeed(&handler_hact_aggregate, AREA);
    ck_assert_str_eq(last("hact.values"), "t 0 0 0 0 0 0 0");
    ck_assert_str_eq(figure("assurance_coverage,table,0,value"), "0");
    ck_assert_str_eq(figure("charts,cash_transfers_risk_ratings,1,1"), "0");
}
END_TEST

START_TEST(a_country_whose_values_cannot_be_read_is_told_and_the_others_go_on)
{
    succeed(&handler_hact_values, AREA);
    test_sql(pg, "UPDATE registry.partner_organization SET hact_values = jsonb_set(hact_values, '{audits,completed}', '\"many\"') WHERE id = 1");
    succeed(&handler_hact_aggregate, "{" TODAY "}");
    ck_assert_str_eq(last("hact.aggregate"), "t 2 1 0 0 0 0 1");
    ck_assert_str_eq(test_text(pg, "SELECT data->'failures'->0->>'id' FROM registry.sync_log WHERE handler_name = 'hact.aggregate'"), "0160");
}
END_TEST

START_TEST(days_and_countries_that_are_none_are_refused)
{
    struct test_run *day CLEANUP(test_run_freep) = run_with(&handler_hact_values, "{\"business_area\":\"0160\",\"today\":\"2026-13-01\"}");
    ck_assert_int_eq(day->end.error.kind, ERR_DATA);
    ck_assert_str_eq(last("hact.values"), "f 0 0 0 0 0 0 0");
    struct test_run *country CLEANUP(test_run_freep) = run_with(&handler_hact_values, "{\"business_area\":\"9999\"}");
    ck_assert_int_eq(country->end.error.kind, ERR_NOT_FOUND);
    struct test_run *other CLEANUP(test_run_freep) = run_with(&handler_hact_aggregate, "{\"business_area\":\"9999\"}");
    ck_assert_int_eq(other->end.error.kind, ERR_NOT_FOUND);
    struct test_run *batch CLEANUP(test_run_freep) = run_with(&handler_hact_summary, "{\"batch\":{\"id\":\"7\"}}");
    ck_assert_int_eq(batch->end.error.kind, ERR_DATA);
}
END_TEST

START_TEST(all_countries_are_one_batch_with_a_summary_behind_it)
{
    static const char *const smtp[] = {"--smtp", "0", NULL};
    char more[128], args[160];
    test_sql(pg, "SELECT drumbeat.enqueue('hact.values', '{" TODAY "}')");
    struct test_process *worker CLEANUP(test_process_freep) = test_drumbeat_start(url, "worker", "--pool", "2", NULL);
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.task WHERE name = 'hact.summary' AND status = 'SUCCESS'", 1, SECONDS(60)));
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', state, total, success) FROM drumbeat.batch_status WHERE label = 'hact.values'"), "success 2 2");
    ck_assert_str_eq(last("hact.summary"), "t 5 0 5 0 0 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', data->>'countries', data->>'countries_done') FROM registry.sync_log WHERE handler_name = 'hact.summary'"), "2 2");
    ck_assert_int_eq(test_number(pg, "SELECT count(DISTINCT tenant) FROM drumbeat.task WHERE name = 'hact.values' AND status = 'SUCCESS' AND tenant <> ''"), 2);
    ck_assert_int_eq(test_process_status(worker), -1);

    sandbox_start(smtp);
    struct reply mails CLEANUP(reply_free) = get("/smtp/_sandbox/mails");
    snprintf(more, sizeof more, "smtp://127.0.0.1:%d", (int)integer(js_get(mails.json, "port")));
    snprintf(args, sizeof args, "{\"upstream\":\"pmp\",\"to\":\"hact@example.org\",\"batch\":{\"id\":\"%s\"}}", test_text(pg, "SELECT id FROM drumbeat.batch"));
    const struct test_runner runner = {.database = url, .upstream = more};
    struct test_run *r CLEANUP(test_run_freep) = test_run(&runner, &handler_hact_summary, args);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    struct reply sent CLEANUP(reply_free) = get("/smtp/_sandbox/mails");
    ck_assert_ptr_nonnull(strstr(text_str(&sent.body), "HACT values: 2 of 2 countries done"));
}
END_TEST

int main(void)
{
    struct test_cluster *cluster = test_cluster_start(NULL);
    url = test_cluster_database(cluster);
    TCase *tests = tcase_create("hact");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, each_partner_that_is_not_hidden_has_its_figures);
    tcase_add_test(tests, a_second_run_writes_nothing_and_what_others_put_there_stays);
    tcase_add_test(tests, a_country_has_its_year_in_figures);
    tcase_add_test(tests, a_country_without_partners_has_zeros);
    tcase_add_test(tests, a_country_whose_values_cannot_be_read_is_told_and_the_others_go_on);
    tcase_add_test(tests, days_and_countries_that_are_none_are_refused);
    tcase_add_test(tests, all_countries_are_one_batch_with_a_summary_behind_it);
    return test_main_case("hact", tests);
}
