/* Lists from VISION: against the sandbox with its quirks, and answers written by hand, into a real database. */
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/test_vision_run.h"

#include <check.h>
#include <string.h>

/* Every list, with the counters of a first run of the sandbox's small world: two of its thirty vendors are no partners. */
static const struct {
    const struct handler *handler;
    const char *first, *again;
} all[] = {
    {&handler_vision_programme, "t 30 30 0 0 0 0 0", "t 30 0 0 30 0 0 0"},        {&handler_vision_partner, "t 30 28 0 0 2 0 0", "t 30 0 0 28 2 0 0"},
    {&handler_vision_ram, "t 30 30 0 0 0 0 0", "t 30 0 0 30 0 0 0"},              {&handler_vision_face_forms, "t 30 28 0 0 2 0 0", "t 30 0 0 28 2 0 0"},
    {&handler_vision_fund_reservation, "t 90 90 0 0 0 0 0", "t 90 0 0 90 0 0 0"}, {&handler_vision_fund_commitment, "t 90 90 0 0 0 0 0", "t 90 0 0 90 0 0 0"},
    {&handler_vision_dct, "t 90 0 28 56 6 0 0", "t 90 0 0 84 6 0 0"},             {&handler_vision_ewp, "t 30 30 0 0 0 0 0", "t 30 0 0 30 0 0 0"},
};
enum { LISTS = sizeof all / sizeof *all };

static void sync_all(void)
{
    for (size_t i = 0; i < LISTS; i++)
        vision_succeed(all[i].handler);
}

static void sync_some(void)
{
    vision_succeed(&handler_vision_programme);
    vision_succeed(&handler_vision_fund_reservation);
}

/* The sandbox --------------------------------------------------------------------------------------------------------------- */

START_TEST(a_country_lands_whole_and_a_second_run_writes_nothing)
{
    test_sql(vision_pg, "INSERT INTO registry.location (name, p_code, admin_level) VALUES ('North', 'QB01', 1), ('South', 'QB02', 1)");
    sync_all();
    for (size_t i = 0; i < LISTS; i++)
        ck_assert_msg(strcmp(vision_last(all[i].handler->name), all[i].first) == 0, "%s: %s", all[i].handler->name, vision_last(all[i].handler->name));
    ck_assert_int_eq(test_number(vision_pg, "SELECT count(*) FROM registry.fr_header h WHERE total_amt = (SELECT sum(overall_amount) FROM registry.fr_item"
                                            " WHERE fund_reservation_id = h.id) AND total_amt > 6000 AND total_amt_local = 3000"),
                     30);
    ck_assert_int_eq(test_number(vision_pg, "SELECT count(*) FROM registry.organization WHERE vendor_number LIKE '00%' AND organization_type IS NOT NULL"), 28);
    ck_assert_int_eq(test_number(vision_pg, "SELECT count(*) FROM registry.partner_organization WHERE hidden = (deleted_flag OR blocked) AND total_ct_cp > 0"), 28);
    ck_assert_int_eq(test_number(vision_pg, "SELECT count(*) FROM registry.planned_engagement"), 28);
    ck_assert_int_eq(test_number(vision_pg, "SELECT count(*) FROM registry.core_values_assessment a JOIN registry.partner_organization p ON p.id = partner_id"
                                            " WHERE a.date = p.core_values_assessment_date AND NOT archived"),
                     28);
    ck_assert_str_eq(vision_value("SELECT string_agg(result_type || ' ' || n || ' ' || parents, ', ' ORDER BY result_type) FROM (SELECT result_type, count(*) AS n,"
                                  " count(parent_id) AS parents FROM registry.result WHERE country_programme_id IS NOT NULL GROUP BY 1) t"),
                     "Activity 30 30, Outcome 3 0, Output 6 6");
    ck_assert_str_eq(vision_value("SELECT concat_ws(' ', count(*), count(DISTINCT result_id), count(*) FILTER (WHERE active)) FROM registry.indicator"), "30 6 30");
    ck_assert_str_eq(vision_value("SELECT concat_ws(' ', count(*) FILTER (WHERE amount_usd = 0), count(*) FILTER (WHERE amount_usd = 1234.56), max(amount_local))"
                                  " FROM registry.face_form"),
                     "8 7 123456.00");
    ck_assert_str_eq(vision_value("SELECT concat_ws(' ', (SELECT count(*) FROM registry.ewp_workplan), (SELECT count(*) FROM registry.ewp_activity),"
                                  " (SELECT count(*) FROM registry.ewp_activity_location), (SELECT count(*) FROM registry.ewp_activity_partner))"),
                     "3 30 30 28");
    ck_assert_int_eq(test_number(vision_pg, "SELECT count(vision_last_synced) FROM registry.workspace"), 1);
    const char *before = vision_snapshot();
    sync_all();
    ck_assert_str_eq(vision_snapshot(), before);
    for (size_t i = 0; i < LISTS; i++)
        ck_assert_msg(strcmp(vision_last(all[i].handler->name), all[i].again) == 0, "%s: %s", all[i].handler->name, vision_last(all[i].handler->name));
}
END_TEST

START_TEST(countries_keep_their_partners_apart)
{
    vision_succeed(&handler_vision_partner);
    const char *before = vision_snapshot();
    struct test_run *r CLEANUP(test_run_freep) = vision_run(&handler_vision_partner, "{\"business_area\":\"BS\",\"upstream\":\"pmp\"}", 0);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_int_eq(test_number(vision_pg, "SELECT count(DISTINCT country_id) FROM registry.partner_organization"), 2);
    test_sql(vision_pg, "DELETE FROM registry.partner_organization WHERE country_id = 2;"
                 "DELETE FROM registry.organization o WHERE NOT EXISTS (SELECT FROM registry.partner_organization WHERE organization_id = o.id)");
    ck_assert_str_eq(vision_snapshot(), before);
}
END_TEST

static const char *const faults[] = {"truncated=2", "cut-off=2", "cut-chunked=2", "bad-gateway=2", "login-page=2", "gzip=1", "legacy-form=1", "huge=2"};

START_TEST(the_form_of_an_answer_and_faults_change_nothing_of_what_lands)
{
    sync_some();
    const char *before = vision_snapshot();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        post("/_sandbox/reset?");
        post("/_sandbox/quirks?%s", faults[i]);
        sync_some();
        ck_assert_msg(strcmp(vision_snapshot(), before) == 0, "%s", faults[i]);
    }
}
END_TEST

START_TEST(an_answer_with_nothing_or_with_little_takes_nothing_away)
{
    sync_all();
    const char *before = vision_snapshot();
    post("/_sandbox/quirks?no-data=1");
    for (int i = 0; i < 3; i++) { /* three forms of nothing take turns */
        sync_all();
        vision_succeed(&handler_vision_ram);
    }
    ck_assert_str_eq(vision_last("vision.partner"), "t 0 0 0 0 0 0 0");
    post("/_sandbox/quirks?no-data=off&one-row=1");
    for (size_t i = 0; i < LISTS; i++) {
        if (all[i].handler == &handler_vision_dct) /* one row of a vendor is its sum */
            continue;
        vision_succeed(all[i].handler);
        ck_assert_msg(strcmp(vision_last(all[i].handler->name), "t 1 0 0 1 0 0 0") == 0, "%s: %s", all[i].handler->name, vision_last(all[i].handler->name));
    }
    ck_assert_str_eq(vision_snapshot(), before);
}
END_TEST

START_TEST(odd_rows_are_told_and_the_others_land)
{
    post("/_sandbox/quirks?missing-keys=10&bad-amounts=7&repeated-lines=4");
    sync_all();
    ck_assert_int_eq(test_number(vision_pg, "SELECT count(*) FROM registry.sync_log WHERE fetched = created + updated + unchanged + skipped + failed"
                                            " AND jsonb_array_length(data->'notes') > 0 AND fetched IN (37, 112) AND jsonb_array_length(data->'notes') >= skipped"
                                            " AND jsonb_array_length(data->'failures') = failed"),
                     LISTS);
    ck_assert_str_eq(vision_value("SELECT data->'failures'->0->>'field' FROM registry.sync_log WHERE handler_name = 'vision.partner'"), "TOTAL_CASH_TRANSFERRED_CP");
    ck_assert_int_eq(test_number(vision_pg, "SELECT count(*) FROM registry.sync_log WHERE handler_name = 'vision.partner'"
                                            " AND data->'notes' @> '[{\"note\": \"COUNTRY: missing\"}]'"), 1);
    post("/_sandbox/reset?");
    sync_all();
    const char *before = vision_snapshot();
    post("/_sandbox/quirks?repeated-lines=2");
    sync_some();
    ck_assert_str_eq(vision_snapshot(), before);
}
END_TEST

START_TEST(a_run_that_ends_early_leaves_nothing_but_its_word)
{
    struct test_run *r CLEANUP(test_run_freep) = vision_run(&handler_vision_fund_reservation, VISION_AREA, 1);
    ck_assert_int_eq(r->end.error.kind, ERR_CANCELLED);
    ck_assert_int_eq(test_number(vision_pg, "SELECT count(*) FROM registry.fr_header"), 0);
    ck_assert_int_eq(test_number(vision_pg, "SELECT count(*) FROM registry.sync_log WHERE NOT successful"), 1);
    vision_succeed(&handler_vision_fund_reservation);
    ck_assert_str_eq(vision_last("vision.fund_reservation"), "t 90 90 0 0 0 0 0");
}
END_TEST

START_TEST(wrong_keys_and_unknown_countries_fail_for_good)
{
    vision_show_key("wrong");
    struct test_run *r CLEANUP(test_run_freep) = vision_run(&handler_vision_partner, VISION_AREA, 0);
    ck_assert_int_eq(r->end.error.kind, ERR_REFUSED);
    ck_assert_str_eq(vision_last("vision.partner"), "f 0 0 0 0 0 0 0");
    vision_show_key("drumbeat");
    struct test_run *unknown CLEANUP(test_run_freep) = vision_run(&handler_vision_partner, "{\"business_area\":\"9999\",\"upstream\":\"pmp\"}", 0);
    ck_assert_int_eq(unknown->end.error.kind, ERR_NOT_FOUND);
}
END_TEST

/* By hand ------------------------------------------------------------------------------------------------------------------- */

#define LINE(number, amount, more) \
    "{\"VENDOR_CODE\":\"0025\",\"FR_NUMBER\":\"77\",\"LINE_ITEM\":\"" number "\",\"OVERALL_AMOUNT\":\"" amount "\",\"CURRENCY\":\"AFN\"," \
    "\"FR_DOC_DATE\":\"21-FEB-12\",\"FR_START_DATE\":\"01-Dec-11\",\"FR_END_DATE\":\"31-DEC-11\",\"FR_DOCUMENT_TEXT\":\"text\",\"WBS_ELEMENT\":\"0060/A0/06\"," \
    "\"GRANT_REF\":\"NON-GRANT\",\"FUND\":\"GC\",\"DUE_DATE\":\"21-FEB-12\",\"MULTI_CURR_FLAG\":\"N\",\"COMPLETED_FLAG\":null" more "}"

START_TEST(the_first_line_says_what_the_header_is_and_the_last_of_one_number_what_the_line_is)
{
    vision_answer("[" LINE("2", "1,000.50", ",\"FR_TYPE\":\"first\"") "," LINE("1", "20", ",\"FR_TYPE\":\"second\"") "," LINE("2", "9", "") "]");
    for (int time = 0; time < 2; time++)
        vision_succeed(&handler_vision_fund_reservation);
    ck_assert_str_eq(vision_last("vision.fund_reservation"), "t 3 0 0 3 0 0 0");
    ck_assert_str_eq(test_text(vision_pg, "SELECT concat_ws(' ', fr_number, vendor_code, fr_type, total_amt, document_date, multi_curr_flag, completed_flag)"
                                   " FROM registry.fr_header"),
                     "77 0025 first 29.00 2012-02-21 f f");
    ck_assert_str_eq(test_text(vision_pg, "SELECT string_agg(fr_ref_number || '=' || overall_amount, ' ' ORDER BY line_item) FROM registry.fr_item"),
                     "77-1=20.00 77-2=9.00");
}
END_TEST

START_TEST(a_single_line_is_an_object)
{
    vision_answer(LINE("1", "53837.52", ""));
    vision_succeed(&handler_vision_fund_reservation);
    ck_assert_str_eq(vision_last("vision.fund_reservation"), "t 1 1 0 0 0 0 0");
}
END_TEST

START_TEST(transfers_are_summed_up_exactly)
{
    vision_succeed(&handler_vision_partner);
    const char *vendor = scripted_keep("%s", test_text(vision_pg, "SELECT min(vendor_number) FROM registry.organization"));
    vision_answer(scripted_keep("[{\"VENDOR_CODE\":\"%s\",\"AMT_6TO9_MONTHS_USD\":60,\"AMT_MORE9_MONTHS_USD\":\"90.10\"},"
                         "{\"VENDOR_CODE\":\"%s\",\"AMT_6TO9_MONTHS_USD\":\"1,600.20\",\"AMT_MORE9_MONTHS_USD\":0.2},"
                         "{\"VENDOR_CODE\":\"nobody\",\"AMT_6TO9_MONTHS_USD\":1}]",
                         vendor, vendor));
    vision_succeed(&handler_vision_dct);
    ck_assert_str_eq(test_text(vision_pg, "SELECT concat_ws(' ', outstanding_dct_amount_6_to_9_months_usd, outstanding_dct_amount_more_than_9_months_usd)"
                                   " FROM registry.partner_organization WHERE outstanding_dct_amount_6_to_9_months_usd IS NOT NULL"),
                     "1660.20 90.30");
}
END_TEST

/* The fan-out --------------------------------------------------------------------------------------------------------------- */

START_TEST(a_batch_has_each_list_of_each_country_that_takes_part)
{
    test_sql(vision_pg, "INSERT INTO registry.workspace (title, workspace_code, business_area_code, vision_sync_enabled) VALUES ('Off', 'OF', '0300', false)");
    struct test_run *r CLEANUP(test_run_freep) = vision_run(&handler_vision_sync, "{\"upstream\":\"pmp\"}", 0);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_ptr_nonnull(strstr(r->end.result, "\"tasks\":14,\"countries\":2"));
    ck_assert_str_eq(test_text(vision_pg, "SELECT string_agg(name || ' ' || tenant, ', ' ORDER BY name, tenant) FROM drumbeat.task WHERE batch_id IS NOT NULL AND tenant = '0250'"),
                     "vision.dct 0250, vision.ewp 0250, vision.face_forms 0250, vision.fund_reservation 0250, vision.partner 0250, vision.programme 0250, vision.ram 0250");
    ck_assert_int_eq(test_number(vision_pg, "SELECT total FROM drumbeat.batch WHERE label = 'vision.sync'"), 14);
}
END_TEST

START_TEST(a_batch_of_some_lists_of_one_country)
{
    struct test_run *r CLEANUP(test_run_freep) =
        vision_run(&handler_vision_sync, "{\"upstream\":\"pmp\",\"business_area\":\"TM\",\"handlers\":[\"dct\",\"vision.partner\"]}", 0);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_str_eq(test_text(vision_pg, "SELECT string_agg(name || ' ' || tenant, ', ' ORDER BY name) FROM drumbeat.task"), "vision.dct 0160, vision.partner 0160");
    struct test_run *wrong CLEANUP(test_run_freep) = vision_run(&handler_vision_sync, "{\"upstream\":\"pmp\",\"handlers\":[\"weather\"]}", 0);
    ck_assert_int_eq(wrong->end.error.kind, ERR_USAGE);
    struct test_run *nobody CLEANUP(test_run_freep) = vision_run(&handler_vision_sync, "{\"upstream\":\"pmp\",\"business_area\":\"9999\"}", 0);
    ck_assert_int_eq(nobody->end.error.kind, ERR_NOT_FOUND);
}
END_TEST

int main(void)
{
    struct test_cluster *cluster = test_cluster_start(NULL);
    vision_use(test_cluster_database(cluster));
    TCase *tests = tcase_create("vision");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, vision_set_up_sandbox, vision_tear_down);
    tcase_add_test(tests, a_country_lands_whole_and_a_second_run_writes_nothing);
    tcase_add_test(tests, countries_keep_their_partners_apart);
    tcase_add_test(tests, the_form_of_an_answer_and_faults_change_nothing_of_what_lands);
    tcase_add_test(tests, an_answer_with_nothing_or_with_little_takes_nothing_away);
    tcase_add_test(tests, odd_rows_are_told_and_the_others_land);
    tcase_add_test(tests, a_run_that_ends_early_leaves_nothing_but_its_word);
    tcase_add_test(tests, wrong_keys_and_unknown_countries_fail_for_good);
    tcase_add_test(tests, the_first_line_says_what_the_header_is_and_the_last_of_one_number_what_the_line_is);
    tcase_add_test(tests, a_single_line_is_an_object);
    tcase_add_test(tests, transfers_are_summed_up_exactly);
    tcase_add_test(tests, a_batch_has_each_list_of_each_country_that_takes_part);
    tcase_add_test(tests, a_batch_of_some_lists_of_one_country);
    return test_main_case("vision", tests);
}
