/* Partners from VISION by hand, and what follows when one is blocked or deleted. */
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/test_vision_run.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

/* With the amounts that a row must have, one of them with commas. */
#define PARTNER(vendor, more) \
    "{\"VENDOR_CODE\":\"" vendor "\",\"VENDOR_NAME\":\"ACME Inc.\",\"PARTNER_TYPE_DESC\":\"Un Agency\",\"COUNTRY\":\"test\",\"TOTAL_CASH_TRANSFERRED_CP\":\"1,150.00\"," \
    "\"TOTAL_CASH_TRANSFERRED_CY\":\"100.00\",\"NET_CASH_TRANSFERRED_CY\":\"-90.5\",\"REPORTED_CY\":\"80\",\"TOTAL_CASH_TRANSFERRED_YTD\":\"70.00\"" more "}"

START_TEST(every_member_lands_where_it_belongs)
{
    vision_answer(PARTNER("0025", ",\"CSO_TYPE\":\"NATIONAL NGO\",\"RISK_RATING\":\"Low\",\"TYPE_OF_ASSESSMENT\":\"HIGH RISK ASSUMED\",\"STREET\":\"Road 1\",\"CITY\":\"Town\","
                                  "\"POSTAL_CODE\":\"0123\",\"PHONE_NUMBER\":\"03774843\",\"EMAIL\":\"a@example.org\",\"DATE_OF_ASSESSMENT\":\"20-Jan-20\","
                                  "\"CORE_VALUE_ASSESSMENT_DT\":\"10-Jan-20\",\"PSEA_ASSESSMENT_DATE\":\"03-Jan-22\",\"SEA_RISK_RATING_NAME\":\"Test\","
                                  "\"HIGEST_RISK_RATING_TYPE\":\"PSEA\",\"HIGEST_RISK_RATING\":\"High\",\"SEARCH_TERM1\":\"Short\",\"MARKED_FOR_DELETION\":null"));
    vision_succeed(&handler_vision_partner);
    ck_assert_str_eq(vision_value("SELECT concat_ws('|', vendor_number, name, short_name, organization_type, cso_type) FROM registry.organization"),
                     "0025|ACME Inc.|Short|UN Agency|National");
    ck_assert_str_eq(vision_value("SELECT concat_ws('|', rating, type_of_assessment, address, city, postal_code, country, phone_number, email, last_assessment_date,"
                                  " core_values_assessment_date, psea_assessment_date AT TIME ZONE 'UTC', sea_risk_rating_name, highest_risk_rating_type,"
                                  " highest_risk_rating_name, blocked, deleted_flag, hidden, vision_synced) FROM registry.partner_organization"),
                     "Low|HIGH RISK ASSUMED|Road 1|Town|0123|test|03774843|a@example.org|2020-01-20|2020-01-10|2022-01-03 00:00:00|Test|PSEA|High|f|f|f|t");
    ck_assert_str_eq(vision_value("SELECT concat_ws('|', total_ct_cp, total_ct_cy, net_ct_cy, reported_cy, total_ct_ytd) FROM registry.partner_organization"),
                     "1150.00|100.00|-90.50|80.00|70.00");
}
END_TEST

START_TEST(of_several_rows_of_a_vendor_the_last_counts)
{
    vision_answer("[" PARTNER("0025", ",\"CITY\":\"first\"") "," PARTNER("0025", ",\"CITY\":\"last\"") "]");
    vision_succeed(&handler_vision_partner);
    const char *before = vision_snapshot();
    vision_succeed(&handler_vision_partner);
    ck_assert_str_eq(vision_snapshot(), before);
    ck_assert_str_eq(vision_value("SELECT city FROM registry.partner_organization"), "last");
    ck_assert_str_eq(vision_last("vision.partner"), "t 2 0 0 2 0 0 0");
}
END_TEST

START_TEST(a_new_day_of_assessment_archives_the_old_one)
{
    vision_answer(PARTNER("0025", ",\"CORE_VALUE_ASSESSMENT_DT\":\"10-Jan-20\""));
    vision_succeed(&handler_vision_partner);
    vision_answer(PARTNER("0025", ",\"CORE_VALUE_ASSESSMENT_DT\":\"11-Feb-23\""));
    vision_succeed(&handler_vision_partner);
    ck_assert_str_eq(vision_value("SELECT string_agg(date || '=' || archived, ' ' ORDER BY date) FROM registry.core_values_assessment"), "2020-01-10=true 2023-02-11=false");
    ck_assert_str_eq(vision_value("SELECT count(*) FROM registry.planned_engagement"), "1");
}
END_TEST

/* A document that Ada looks after and one that is over, both with vendor 0025; its people may act for it. */
static void have_documents(void)
{
    test_sql(vision_pg,
             "INSERT INTO registry.partner (title, vendor_number) VALUES ('ACME', '0025');"
             "INSERT INTO registry.programme_document (external_id, external_business_area_code, workspace_id, document_type, reference_number, title, start_date,"
             " end_date, status, partner_id) SELECT n::text, '0160', 1, 'PD', 'REF/' || n, 'Water', '2025-01-01', '2025-12-31',"
             " (ARRAY['active', 'signed', 'closed'])[n], 1 FROM generate_series(1, 3) n;"
             "INSERT INTO registry.person (name, email, active) VALUES ('Ada', 'ada@example.org', true), ('Bob', 'bob@example.org', true), ('Cem', 'cem@example.org', true);"
             "INSERT INTO registry.programme_document_unicef_focal_point (programme_document_id, person_id, active) VALUES (1, 1, true), (2, 1, true), (2, 2, false), (3, 3, true);"
             "INSERT INTO registry.realm (user_id, workspace_id, partner_id, group_id) VALUES (7, 1, 1, 1), (7, 2, 1, 1)");
}

START_TEST(whoever_looks_after_a_document_hears_once_that_its_partner_was_blocked)
{
    static const char *const mail[] = {"--smtp", "0", NULL};
    have_documents();
    vision_answer(PARTNER("0025", ""));
    vision_succeed(&handler_vision_partner);
    vision_answer(PARTNER("0025", ",\"POSTING_BLOCK\":\"X\""));
    for (int i = 0; i < 2; i++)
        vision_succeed(&handler_vision_partner);
    ck_assert_str_eq(vision_value("SELECT concat_ws('|', count(*), min(recipients::text), min(template_name), min(template_data->>'pds'), bool_and(hidden)) FROM registry.notification,"
                                  " registry.partner_organization"),
                     "1|{ada@example.org}|partners/blocked_partner|REF/1, REF/2|t");
    sandbox_start(mail);
    CLEANUP(reply_free) struct reply port = get("/smtp/_sandbox/mails");
    vision_ask(scripted_keep("smtp://127.0.0.1:%d", (int)integer(js_get(port.json, "port"))));
    for (int i = 0; i < 2; i++)
        vision_succeed_with(&handler_vision_notify_hidden, "{\"upstream\":\"pmp\",\"sender\":\"vision@example.org\"}");
    CLEANUP(reply_free) struct reply mails = get("/smtp/_sandbox/mails");
    ck_assert_uint_eq(js_count(js_get(mails.json, "mails")), 1);
    ck_assert_ptr_nonnull(strstr(string(js_get(js_at(js_get(mails.json, "mails"), 0), "text")), "the partner ACME Inc. (0025) was blocked in VISION"));
    ck_assert_str_eq(vision_value("SELECT string_agg(concat_ws(' ', fetched, created), ', ' ORDER BY id) FROM registry.sync_log WHERE handler_name = 'vision.notify_hidden'"), "1 1, 0 0");
}
END_TEST

START_TEST(blocked_again_is_told_again_and_a_partner_without_documents_is_nobodys_business)
{
    have_documents();
    vision_answer("[" PARTNER("0025", ",\"POSTING_BLOCK\":\"X\"") "," PARTNER("0026", ",\"POSTING_BLOCK\":\"X\"") "]");
    vision_succeed(&handler_vision_partner);
    vision_answer("[" PARTNER("0025", "") "," PARTNER("0026", "") "]");
    vision_succeed(&handler_vision_partner);
    ck_assert_str_eq(vision_value("SELECT bool_or(hidden) FROM registry.partner_organization"), "f");
    vision_answer("[" PARTNER("0025", ",\"POSTING_BLOCK\":\"X\"") "," PARTNER("0026", ",\"POSTING_BLOCK\":\"X\"") "]");
    vision_succeed(&handler_vision_partner);
    ck_assert_str_eq(vision_value("SELECT count(*) FROM registry.notification"), "2");
}
END_TEST

START_TEST(a_deleted_partner_loses_its_people_in_this_country)
{
    have_documents();
    vision_answer(PARTNER("0025", ",\"MARKED_FOR_DELETION\":\"X\""));
    vision_succeed(&handler_vision_partner);
    ck_assert_str_eq(vision_value("SELECT string_agg(workspace_id || '=' || is_active, ' ' ORDER BY workspace_id) FROM registry.realm"), "1=false 2=true");
    ck_assert_str_eq(vision_value("SELECT concat_ws(' ', hidden, deleted_flag) FROM registry.partner_organization"), "t t");
    ck_assert_str_eq(vision_value("SELECT count(*) FROM registry.notification"), "0");
}
END_TEST

int main(void)
{
    struct test_cluster *cluster = test_cluster_start(NULL);
    vision_use(test_cluster_database(cluster));
    TCase *tests = tcase_create("vision_partners");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, vision_set_up, vision_tear_down);
    tcase_add_test(tests, every_member_lands_where_it_belongs);
    tcase_add_test(tests, of_several_rows_of_a_vendor_the_last_counts);
    tcase_add_test(tests, a_new_day_of_assessment_archives_the_old_one);
    tcase_add_test(tests, whoever_looks_after_a_document_hears_once_that_its_partner_was_blocked);
    tcase_add_test(tests, blocked_again_is_told_again_and_a_partner_without_documents_is_nobodys_business);
    tcase_add_test(tests, a_deleted_partner_loses_its_people_in_this_country);
    return test_main_case("vision_partners", tests);
}
