/* Lists from VISION: against the sandbox with its quirks, and answers written by hand, into a real database. */
#include "tasks/vision/vision.h"
#include "tests/fixture/cluster.h"
#include "tests/test_http_server.h"
#include "tests/test_pmp_task.h"
#include "tests/test_sandbox_client.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *url;
static struct pg *pg;
static char upstream[128];

#define AREA "{\"business_area\":\"0160\",\"upstream\":\"pmp\"}"

static struct test_run *run_with(const struct handler *handler, const char *args, int64_t cancel_after)
{
    const struct test_runner runner = {.database = url, .upstream = upstream, .key = "drumbeat", .cancel_after = cancel_after};
    return test_run(&runner, handler, args);
}

static void succeed(const struct handler *handler)
{
    struct test_run *r CLEANUP(test_run_freep) = run_with(handler, AREA, 0);
    ck_assert_msg(r->end.success, "%s: %s", handler->name, r->end.error.text);
}

static const char *last(const char *handler)
{
    return test_text(pg, scripted_keep("SELECT concat_ws(' ', successful, fetched, created, updated, unchanged, skipped, deactivated, failed)"
                                       " FROM registry.sync_log WHERE handler_name = '%s' AND business_area_code = '0160' ORDER BY id DESC LIMIT 1",
                                       handler));
}

static void set_up(void)
{
    static const char *const nothing[] = {NULL};
    sandbox_start(nothing);
    snprintf(upstream, sizeof upstream, "%s/vision", sandbox_base());
    pg = test_connect(url);
    test_sql(pg, "TRUNCATE registry.workspace, registry.organization, registry.sync_log, drumbeat.attempt_lock, drumbeat.batch RESTART IDENTITY CASCADE;"
                 "DELETE FROM drumbeat.task_body;"
                 "INSERT INTO registry.workspace (title, workspace_code, business_area_code) VALUES ('Tamoru', 'TM', '0160'), ('Besana', 'BS', '0250'),"
                 " ('Global', 'GL', '0')");
}

static void tear_down(void)
{
    sandbox_stop();
    scripted_stop();
    pg_close(pg);
}

static const struct handler *const all[] = {&handler_vision_partner, &handler_vision_fund_reservation, &handler_vision_dct};

static void sync_all(void)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        succeed(all[i]);
}

/* What was copied, and which transaction wrote each row. */
static const char *snapshot(void)
{
    return scripted_keep("%s", test_text(pg, "SELECT md5(concat((SELECT string_agg(t.xmin || t::text, ',' ORDER BY id) FROM registry.organization t),"
                                             "(SELECT string_agg(t.xmin || t::text, ',' ORDER BY id) FROM registry.partner_organization t),"
                                             "(SELECT string_agg(t.xmin || t::text, ',' ORDER BY id) FROM registry.core_values_assessment t),"
                                             "(SELECT string_agg(t.xmin || t::text, ',' ORDER BY id) FROM registry.fr_header t),"
                                             "(SELECT string_agg(t.xmin || t::text, ',' ORDER BY id) FROM registry.fr_item t)))"));
}

/* The sandbox --------------------------------------------------------------------------------------------------------------- */

START_TEST(a_country_lands_whole)
{
    sync_all();
    ck_assert_str_eq(last("vision.partner"), "t 30 28 0 0 2 0 0");
    ck_assert_str_eq(last("vision.fund_reservation"), "t 90 90 0 0 0 0 0");
    ck_assert_str_eq(last("vision.dct"), "t 90 0 28 62 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.fr_header h WHERE total_amt = (SELECT sum(overall_amount) FROM registry.fr_item"
                                     " WHERE fund_reservation_id = h.id) AND total_amt > 6000 AND total_amt_local = 3000"),
                     30);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.organization WHERE vendor_number LIKE '00%' AND organization_type IS NOT NULL"), 28);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.partner_organization WHERE hidden = (deleted_flag OR blocked) AND total_ct_cp > 0"), 28);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.planned_engagement"), 28);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.core_values_assessment a JOIN registry.partner_organization p ON p.id = partner_id"
                                     " WHERE a.date = p.core_values_assessment_date AND NOT archived"),
                     28);
    ck_assert_int_eq(test_number(pg, "SELECT count(vision_last_synced) FROM registry.workspace"), 1);
}
END_TEST

START_TEST(a_second_run_writes_nothing)
{
    sync_all();
    const char *before = snapshot();
    sync_all();
    ck_assert_str_eq(snapshot(), before);
    ck_assert_str_eq(last("vision.partner"), "t 30 0 0 28 2 0 0");
}
END_TEST

START_TEST(countries_keep_their_partners_apart)
{
    sync_all();
    const char *before = snapshot();
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_vision_partner, "{\"business_area\":\"BS\",\"upstream\":\"pmp\"}", 0);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_int_eq(test_number(pg, "SELECT count(DISTINCT country_id) FROM registry.partner_organization"), 2);
    test_sql(pg, "DELETE FROM registry.planned_engagement; DELETE FROM registry.core_values_assessment WHERE partner_id IN (SELECT id FROM registry.partner_organization"
                 " WHERE country_id = 2); DELETE FROM registry.partner_organization WHERE country_id = 2;"
                 "DELETE FROM registry.organization o WHERE NOT EXISTS (SELECT FROM registry.partner_organization WHERE organization_id = o.id)");
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

static const char *const faults[] = {"truncated=2", "cut-off=2", "cut-chunked=2", "bad-gateway=2", "login-page=2", "gzip=1", "legacy-form=1", "huge=2"};

START_TEST(the_form_of_an_answer_and_faults_change_nothing_of_what_lands)
{
    sync_all();
    const char *before = snapshot();
    post("/_sandbox/quirks?%s", faults[_i]);
    sync_all();
    ck_assert_msg(strcmp(snapshot(), before) == 0, "%s", faults[_i]);
}
END_TEST

START_TEST(an_answer_with_nothing_or_with_little_takes_nothing_away)
{
    sync_all();
    const char *before = snapshot();
    post("/_sandbox/quirks?no-data=1");
    for (int i = 0; i < 3; i++) {
        succeed(&handler_vision_partner);
        ck_assert_str_eq(last("vision.partner"), "t 0 0 0 0 0 0 0");
    }
    post("/_sandbox/quirks?no-data=off&one-row=1");
    succeed(&handler_vision_partner);
    succeed(&handler_vision_fund_reservation);
    ck_assert_str_eq(last("vision.partner"), "t 1 0 0 1 0 0 0");
    ck_assert_str_eq(last("vision.fund_reservation"), "t 1 0 0 1 0 0 0");
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

START_TEST(odd_rows_are_told_and_the_others_land)
{
    post("/_sandbox/quirks?missing-keys=10&bad-amounts=7");
    succeed(&handler_vision_partner);
    succeed(&handler_vision_fund_reservation);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE fetched = created + updated + unchanged + skipped + failed AND failed > 0 AND"
                                     " skipped > 0"),
                     2);
    ck_assert_str_eq(test_text(pg, "SELECT data->'failures'->0->>'field' FROM registry.sync_log WHERE handler_name = 'vision.partner'"),
                     "TOTAL_CASH_TRANSFERRED_CP");
    ck_assert_str_eq(test_text(pg, "SELECT data->'notes'->0->>'note' FROM registry.sync_log WHERE handler_name = 'vision.partner'"), "COUNTRY: missing");
}
END_TEST

START_TEST(a_run_that_ends_early_leaves_nothing_but_its_word)
{
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_vision_fund_reservation, AREA, 1);
    ck_assert_int_eq(r->end.error.kind, ERR_CANCELLED);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.fr_header"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE NOT successful"), 1);
    succeed(&handler_vision_fund_reservation);
    ck_assert_str_eq(last("vision.fund_reservation"), "t 90 90 0 0 0 0 0");
}
END_TEST

START_TEST(wrong_keys_and_unknown_countries_fail_for_good)
{
    const struct test_runner runner = {.database = url, .upstream = upstream, .key = "wrong"};
    struct test_run *r CLEANUP(test_run_freep) = test_run(&runner, &handler_vision_partner, AREA);
    ck_assert_int_eq(r->end.error.kind, ERR_REFUSED);
    ck_assert_str_eq(last("vision.partner"), "f 0 0 0 0 0 0 0");
    struct test_run *unknown CLEANUP(test_run_freep) = run_with(&handler_vision_partner, "{\"business_area\":\"9999\",\"upstream\":\"pmp\"}", 0);
    ck_assert_int_eq(unknown->end.error.kind, ERR_NOT_FOUND);
}
END_TEST

/* By hand ------------------------------------------------------------------------------------------------------------------- */

#define LINE(number, amount, more) \
    "{\"VENDOR_CODE\":\"0025\",\"FR_NUMBER\":\"77\",\"LINE_ITEM\":\"" number "\",\"OVERALL_AMOUNT\":\"" amount "\",\"CURRENCY\":\"AFN\"," \
    "\"FR_DOC_DATE\":\"21-FEB-12\",\"MULTI_CURR_FLAG\":\"N\",\"COMPLETED_FLAG\":null" more "}"

static void answer(const char *row)
{
    static struct scripted rows[2];
    rows[0] = (struct scripted){.answer = scripted_json(200, "", scripted_keep("{\"ROWSET\":{\"ROW\":%s}}", row))};
    scripted_stop();
    scripted_start(rows, upstream);
}

START_TEST(the_first_line_says_what_the_header_is)
{
    answer("[" LINE("2", "1,000.50", ",\"FR_TYPE\":\"first\"") "," LINE("1", "20", ",\"FR_TYPE\":\"second\"") "," LINE("2", "9", "") "]");
    for (int time = 0; time < 2; time++)
        succeed(&handler_vision_fund_reservation);
    ck_assert_str_eq(last("vision.fund_reservation"), "t 3 0 0 3 0 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', fr_number, vendor_code, fr_type, total_amt, document_date, multi_curr_flag, completed_flag)"
                                   " FROM registry.fr_header"),
                     "77 0025 first 1020.50 2012-02-21 f f");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(fr_ref_number || '=' || overall_amount, ' ' ORDER BY line_item) FROM registry.fr_item"),
                     "77-1=20.00 77-2=1000.50");
}
END_TEST

START_TEST(a_single_line_is_an_object)
{
    answer(LINE("1", "53837.52", ""));
    succeed(&handler_vision_fund_reservation);
    ck_assert_str_eq(last("vision.fund_reservation"), "t 1 1 0 0 0 0 0");
}
END_TEST

START_TEST(transfers_are_summed_up_exactly)
{
    succeed(&handler_vision_partner);
    const char *vendor = scripted_keep("%s", test_text(pg, "SELECT min(vendor_number) FROM registry.organization"));
    answer(scripted_keep("[{\"VENDOR_CODE\":\"%s\",\"AMT_6TO9_MONTHS_USD\":60,\"AMT_MORE9_MONTHS_USD\":\"90.10\"},"
                         "{\"VENDOR_CODE\":\"%s\",\"AMT_6TO9_MONTHS_USD\":\"1,600.20\",\"AMT_MORE9_MONTHS_USD\":0.2},"
                         "{\"VENDOR_CODE\":\"nobody\",\"AMT_6TO9_MONTHS_USD\":1}]",
                         vendor, vendor));
    succeed(&handler_vision_dct);
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', outstanding_dct_amount_6_to_9_months_usd, outstanding_dct_amount_more_than_9_months_usd)"
                                   " FROM registry.partner_organization WHERE outstanding_dct_amount_6_to_9_months_usd IS NOT NULL"),
                     "1660.20 90.30");
}
END_TEST

/* The fan-out --------------------------------------------------------------------------------------------------------------- */

START_TEST(a_batch_has_each_list_of_each_country_that_takes_part)
{
    test_sql(pg, "INSERT INTO registry.workspace (title, workspace_code, business_area_code, vision_sync_enabled) VALUES ('Off', 'OF', '0300', false)");
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_vision_sync, "{\"upstream\":\"pmp\"}", 0);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_ptr_nonnull(strstr(r->end.result, "\"tasks\":6,\"countries\":2"));
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(name || ' ' || tenant, ', ' ORDER BY name, tenant) FROM drumbeat.task WHERE batch_id IS NOT NULL"),
                     "vision.dct 0160, vision.dct 0250, vision.fund_reservation 0160, vision.fund_reservation 0250, vision.partner 0160, vision.partner 0250");
    ck_assert_int_eq(test_number(pg, "SELECT total FROM drumbeat.batch WHERE label = 'vision.sync'"), 6);
}
END_TEST

START_TEST(a_batch_of_some_lists_of_one_country)
{
    struct test_run *r CLEANUP(test_run_freep) =
        run_with(&handler_vision_sync, "{\"upstream\":\"pmp\",\"business_area\":\"TM\",\"handlers\":[\"dct\",\"vision.partner\"]}", 0);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(name || ' ' || tenant, ', ' ORDER BY name) FROM drumbeat.task"), "vision.dct 0160, vision.partner 0160");
    struct test_run *wrong CLEANUP(test_run_freep) = run_with(&handler_vision_sync, "{\"upstream\":\"pmp\",\"handlers\":[\"weather\"]}", 0);
    ck_assert_int_eq(wrong->end.error.kind, ERR_USAGE);
    struct test_run *nobody CLEANUP(test_run_freep) = run_with(&handler_vision_sync, "{\"upstream\":\"pmp\",\"business_area\":\"9999\"}", 0);
    ck_assert_int_eq(nobody->end.error.kind, ERR_NOT_FOUND);
}
END_TEST

int main(void)
{
    struct test_cluster *cluster = test_cluster_start(NULL);
    url = test_cluster_database(cluster);
    Suite *suite = suite_create("vision");
    TCase *tests = tcase_create("vision");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_country_lands_whole);
    tcase_add_test(tests, a_second_run_writes_nothing);
    tcase_add_test(tests, countries_keep_their_partners_apart);
    tcase_add_loop_test(tests, the_form_of_an_answer_and_faults_change_nothing_of_what_lands, 0, (int)(sizeof faults / sizeof *faults));
    tcase_add_test(tests, an_answer_with_nothing_or_with_little_takes_nothing_away);
    tcase_add_test(tests, odd_rows_are_told_and_the_others_land);
    tcase_add_test(tests, a_run_that_ends_early_leaves_nothing_but_its_word);
    tcase_add_test(tests, wrong_keys_and_unknown_countries_fail_for_good);
    tcase_add_test(tests, the_first_line_says_what_the_header_is);
    tcase_add_test(tests, a_single_line_is_an_object);
    tcase_add_test(tests, transfers_are_summed_up_exactly);
    tcase_add_test(tests, a_batch_has_each_list_of_each_country_that_takes_part);
    tcase_add_test(tests, a_batch_of_some_lists_of_one_country);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
