/* Lists from VISION by hand: what becomes of each member, of rows that repeat, are odd or speak of what is not here. */
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/test_vision_run.h"

#include <check.h>
#include <string.h>

/* Run twice: the second time nothing is written. */
static void copy_twice(const struct handler *handler)
{
    vision_succeed(handler);
    const char *before = vision_snapshot();
    vision_succeed(handler);
    ck_assert_str_eq(vision_snapshot(), before);
}

/* Programmes ---------------------------------------------------------------------------------------------------------------- */

#define CP "\"COUNTRY_PROGRAMME_NAME\":\"TAMORU 2024-2099\",\"COUNTRY_PROGRAMME_WBS\":\"0160/A0/05\",\"CP_START_DATE\":\"01-JAN-24\",\"CP_END_DATE\":\"31-Dec-28\""
#define OUTCOME(end) \
    "\"GOAL_AREA_CODE\":\"21\",\"GOAL_AREA_NAME\":\"Learn\",\"OUTCOME_WBS\":\"0160/A0/05/601\",\"OUTCOME_NAME\":\"LEARNING\",\"OUTCOME_START_DATE\":\"01-JAN-24\"," \
    "\"OUTCOME_END_DATE\":" end
#define OUTPUT(name) \
    "\"OUTPUT_WBS\":\"0160/A0/05/601/001\",\"OUTPUT_NAME\":" name ",\"OUTPUT_START_DATE\":\"01-JAN-24\",\"OUTPUT_END_DATE\":\"31-DEC-28\"," \
    "\"HUMANITARIAN_MARKER_CODE\":\"1\",\"HUMANITARIAN_MARKER_NAME\":\"Marginal\",\"RESULT_AREA_CODE\":\"21-01\",\"RESULT_AREA_NAME\":\"Schools\"," \
    "\"GENDER_MARKER_CODE\":\"2\",\"GENDER_MARKER_NAME\":\"Significant\""
#define ACTIVITY(number, name, tag) \
    "\"ACTIVITY_WBS\":\"0160/A0/05/601/001/" number "\",\"ACTIVITY_NAME\":" name ",\"ACTIVITY_START_DATE\":\"02-JAN-24\",\"ACTIVITY_END_DATE\":\"31-DEC-28\"," \
    "\"SIC_CODE\":\"21-01-02\",\"SIC_NAME\":\"Schools\",\"GIC_CODE\":\"001\",\"GIC_NAME\":\"Capacity\",\"HUMANITARIAN_TAG\":\"" tag "\""
#define END "\"31-DEC-28\""

START_TEST(rows_fold_into_programmes_and_three_levels_of_results)
{
    vision_answer("[{" CP "," OUTCOME(END) "," OUTPUT("\"Schools open\"") "," ACTIVITY("001", "\"Roofs\"", "No") "},"
                  "{" CP "," OUTCOME(END) "," OUTPUT("\"another name\"") "," ACTIVITY("002", "\"Desks\"", "Yes") "}]");
    copy_twice(&handler_vision_programme);
    ck_assert_str_eq(vision_last("vision.programme"), "t 2 0 0 2 0 0 0");
    ck_assert_str_eq(vision_value("SELECT concat_ws('|', wbs, name, from_date, to_date, invalid) FROM registry.country_programme"),
                     "0160/A0/05|TAMORU 2024-2099|2024-01-01|2028-12-31|f");
    ck_assert_str_eq(vision_value("SELECT string_agg(concat_ws('|', r.result_type, r.wbs, r.name, r.code, r.from_date, r.sic_code, r.sic_name, r.gic_code, r.gic_name,"
                                  " r.programme_area_code, r.humanitarian_tag, r.humanitarian_marker_code, r.humanitarian_marker_name, p.wbs), E'\\n' ORDER BY r.wbs)"
                                  " FROM registry.result r LEFT JOIN registry.result p ON p.id = r.parent_id WHERE r.country_programme_id = 1"),
                     "Outcome|0160/A0/05/601|LEARNING|21|2024-01-01|f\n"
                     "Output|0160/A0/05/601/001|Schools open|2024-01-01|21-01|f|1|Marginal|0160/A0/05/601\n"
                     "Activity|0160/A0/05/601/001/001|Roofs|2024-01-02|21-01-02|Schools|001|Capacity|f|0160/A0/05/601/001\n"
                     "Activity|0160/A0/05/601/001/002|Desks|2024-01-02|21-01-02|Schools|001|Capacity|t|0160/A0/05/601/001");
    ck_assert_ptr_nonnull(strstr(scripted_request(0), "GET /wbsstructures/?businessarea=0160&cycle=all "));
}
END_TEST

START_TEST(one_row_is_an_object_and_older_names_of_its_members_are_known)
{
    vision_answer("{\"COUNTRY_PROGRAMME_WBS\":\"0160/A0/05\",\"COUNTRY_PROGRAMME_NAME\":\"X\",\"CP_START_DATE\":\"/Date(1357016400000)/\","
                  "\"CP_END_DATE\":\"/Date(1514696400000)/\",\"OUTCOME_WBS\":\"0160/A0/05/603\",\"OUTCOME_DESCRIPTION\":\"Y\",\"OUTCOME_AREA_CODE\":\"07\","
                  "\"OUTCOME_START_DATE\":\"/Date(1357016400000)/\",\"OUTCOME_END_DATE\":\"/Date(4070908800000)/\"}");
    vision_succeed(&handler_vision_programme);
    ck_assert_str_eq(vision_last("vision.programme"), "t 1 1 0 0 0 0 0");
    ck_assert_str_eq(vision_value("SELECT concat_ws('|', wbs, name, code, from_date, to_date) FROM registry.result"), "0160/A0/05/603|Y|07|2013-01-01|2099-01-01");
}
END_TEST

START_TEST(what_ended_before_last_year_and_levels_that_are_not_whole_are_left_out_and_told)
{
    vision_answer("[{" CP "," OUTCOME("\"31-DEC-20\"") "," OUTPUT("\"old\"") "," ACTIVITY("009", "\"old\"", "No") "},"
                  "{" CP "," OUTCOME(END) "," OUTPUT("\"Schools open\"") "," ACTIVITY("001", "null", "No") "},"
                  "{" CP "," OUTCOME("null") "," OUTPUT("\"Schools open\"") "},"
                  "{\"OUTPUT_WBS\":\"0160/A0/05/601/002\"},{},7]");
    copy_twice(&handler_vision_programme);
    ck_assert_str_eq(vision_last("vision.programme"), "t 6 0 0 2 3 0 1");
    ck_assert_str_eq(vision_value("SELECT string_agg(result_type || wbs, ' ' ORDER BY wbs) FROM registry.result"),
                     "Outcome0160/A0/05/601 Output0160/A0/05/601/001");
    ck_assert_str_eq(vision_notes("vision.programme"),
                     "OUTCOME_END_DATE: ended on 2020-12-31; ACTIVITY_WBS: left out, 1 of its members are missing; OUTPUT_WBS: left out, 7 of its members are missing;"
                     " no level of it is complete; no level of it is complete");
}
END_TEST

START_TEST(a_change_of_a_level_is_a_change_of_the_row_that_brought_it)
{
    vision_answer("[{" CP "," OUTCOME(END) "," OUTPUT("\"Schools open\"") "," ACTIVITY("001", "\"Roofs\"", "No") "},"
                  "{" CP "," OUTCOME(END) "," OUTPUT("\"Schools open\"") "," ACTIVITY("002", "\"Desks\"", "No") "}]");
    vision_succeed(&handler_vision_programme);
    ck_assert_str_eq(vision_last("vision.programme"), "t 2 2 0 0 0 0 0");
    ck_assert_str_eq(vision_value("SELECT data->'rows'->'result'->>'created' FROM registry.sync_log"), "4");
    vision_answer("[{" CP "," OUTCOME(END) "," OUTPUT("\"Schools open\"") "," ACTIVITY("001", "\"Roofs\"", "No") "},"
                  "{" CP "," OUTCOME(END) "," OUTPUT("\"Schools open\"") "," ACTIVITY("002", "\"Benches\"", "No") "}]");
    vision_succeed(&handler_vision_programme);
    ck_assert_str_eq(vision_last("vision.programme"), "t 2 0 1 1 0 0 0");
    vision_answer("{\"OUTCOME_WBS\":\"0160/A0/05/602\"}");
    vision_succeed(&handler_vision_programme);
    ck_assert_str_eq(vision_value("SELECT count(*) FROM registry.result"), "4");
}
END_TEST

/* Indicators ---------------------------------------------------------------------------------------------------------------- */

static void have_output(void)
{
    vision_answer("{" CP "," OUTCOME(END) "," OUTPUT("\"Schools open\"") "," ACTIVITY("001", "\"Roofs\"", "No") "}");
    vision_succeed(&handler_vision_programme);
}

#define INDICATOR(code, name) \
    "{\"INDICATOR_CODE\":\"" code "\",\"INDICATOR_DESCRIPTION\":\"" name "\",\"WBS_ELEMENT_CODE\":\"0160A005601001\",\"INDICATOR_BASELINE\":\"0\",\"INDICATOR_TARGET\":\"1,000\"}"

static const char *active(void)
{
    return vision_value("SELECT coalesce(string_agg(code, ' ' ORDER BY code), '') FROM registry.indicator WHERE active");
}

START_TEST(indicators_belong_to_outputs_by_a_wbs_without_slashes)
{
    have_output();
    vision_answer("[" INDICATOR("I1", "first") "," INDICATOR("I2", "other") "," INDICATOR("I1", "last") "]");
    copy_twice(&handler_vision_ram);
    ck_assert_str_eq(vision_last("vision.ram"), "t 3 0 0 3 0 0 0");
    ck_assert_str_eq(vision_value("SELECT string_agg(concat_ws('|', i.code, i.name, i.baseline, i.target, ram_indicator, active, r.wbs), ' ' ORDER BY i.code)"
                                  " FROM registry.indicator i JOIN registry.result r ON r.id = i.result_id"),
                     "I1|last|0|1,000|t|t|0160/A0/05/601/001 I2|other|0|1,000|t|t|0160/A0/05/601/001");
    ck_assert_str_eq(vision_value("SELECT string_agg(fetched || '=' || created, ' ' ORDER BY id) FROM registry.sync_log WHERE handler_name = 'vision.ram'"), "3=2 3=0");
    ck_assert_str_eq(vision_value("SELECT DISTINCT concat_ws(' ', n->>'index', n->>'id', n->>'note') FROM registry.sync_log, jsonb_array_elements(data->'notes') n"),
                     "2 I1 comes again: the last of its rows counts");
}
END_TEST

START_TEST(what_a_whole_answer_lacks_becomes_inactive_and_comes_back)
{
    have_output();
    vision_answer("[" INDICATOR("I1", "a") "," INDICATOR("I2", "b") "," INDICATOR("I3", "c") "]");
    vision_succeed(&handler_vision_ram);
    vision_answer("[" INDICATOR("I1", "a") "," INDICATOR("I3", "c") "]");
    copy_twice(&handler_vision_ram);
    ck_assert_str_eq(active(), "I1 I3");
    ck_assert_str_eq(vision_value("SELECT string_agg(deactivated::text, ' ' ORDER BY id) FROM registry.sync_log WHERE handler_name = 'vision.ram'"), "0 1 0");
    vision_answer("[" INDICATOR("I1", "a") "," INDICATOR("I2", "b") "," INDICATOR("I3", "c") "]");
    vision_succeed(&handler_vision_ram);
    ck_assert_str_eq(active(), "I1 I2 I3");
    ck_assert_str_eq(vision_last("vision.ram"), "t 3 0 1 2 0 0 0");
}
END_TEST

/* Answers after which the three indicators are as active as before. */
static const struct {
    const char *what, *answer, *last, *note;
} little[] = {
    {"words", "\"No Data Available\"", "t 0 0 0 0 0 0 0", "3 of 3 active indicators are not in the answer: none was deactivated"},
    {"an empty object", "{}", "t 0 0 0 0 0 0 0", "3 of 3"},
    {"an empty set", "{\"ROWSET\":{}}", "t 0 0 0 0 0 0 0", "3 of 3"},
    {"less than half", "{\"ROWSET\":{\"ROW\":" INDICATOR("I1", "a") "}}", "t 1 0 0 1 0 0 0", "2 of 3"},
    {"a row that cannot be read", "[" INDICATOR("I1", "a") "," INDICATOR("I2", "b") ",7]", "t 3 0 0 2 0 0 1", "1 of 3"},
    {"a row with a name twice", "[" INDICATOR("I1", "a") "," INDICATOR("I2", "b") ",{\"INDICATOR_CODE\":\"I3\",\"INDICATOR_CODE\":\"I3\"}]", "t 3 0 0 2 0 0 1", "1 of 3"},
    {"an indicator whose row is bad", "[" INDICATOR("I1", "a") "," INDICATOR("I2", "b") ",{\"INDICATOR_CODE\":\"I3\",\"INDICATOR_DESCRIPTION\":7,\"WBS_ELEMENT_CODE\":\"x\"}]",
     "t 3 0 0 2 0 0 1", ""},
    {"an indicator without a name", "[" INDICATOR("I1", "a") "," INDICATOR("I2", "b") ",{\"INDICATOR_CODE\":\"I3\",\"INDICATOR_DESCRIPTION\":null}]", "t 3 0 0 2 1 0 0",
     "INDICATOR_DESCRIPTION: missing"},
    {"rows that do not come as they did", "[" INDICATOR("I3", "c") "," INDICATOR("I1", "a") "," INDICATOR("I2", "b") "]", "t 3 0 0 3 0 0 0", ""},
};

START_TEST(half_an_answer_deactivates_nothing)
{
    have_output();
    vision_answer("[" INDICATOR("I1", "a") "," INDICATOR("I2", "b") "," INDICATOR("I3", "c") "]");
    vision_succeed(&handler_vision_ram);
    const char *before = vision_snapshot();
    vision_answer_texts((const char *const[]){little[_i].answer, NULL});
    vision_succeed(&handler_vision_ram);
    ck_assert_msg(strcmp(vision_snapshot(), before) == 0 && strcmp(active(), "I1 I2 I3") == 0, "%s", little[_i].what);
    ck_assert_msg(strcmp(vision_last("vision.ram"), little[_i].last) == 0, "%s: %s", little[_i].what, vision_last("vision.ram"));
    ck_assert_msg(strstr(vision_notes("vision.ram"), little[_i].note) != NULL, "%s: %s", little[_i].what, vision_notes("vision.ram"));
}
END_TEST

START_TEST(new_indicators_do_not_make_up_for_those_that_are_gone)
{
    have_output();
    vision_answer("[" INDICATOR("I1", "a") "," INDICATOR("I2", "b") "," INDICATOR("I3", "c") "]");
    vision_succeed(&handler_vision_ram);
    vision_answer("[" INDICATOR("N1", "a") "," INDICATOR("N2", "b") "," INDICATOR("N3", "c") "]");
    vision_succeed(&handler_vision_ram);
    ck_assert_str_eq(active(), "I1 I2 I3 N1 N2 N3");
    ck_assert_str_eq(vision_last("vision.ram"), "t 3 3 0 0 0 0 0");
    ck_assert_str_eq(vision_notes("vision.ram"), "3 of 3 active indicators are not in the answer: none was deactivated");
}
END_TEST

START_TEST(who_knows_better_says_how_much_may_be_gone)
{
    have_output();
    vision_answer("[" INDICATOR("I1", "a") "," INDICATOR("I2", "b") "," INDICATOR("I3", "c") "]");
    vision_succeed(&handler_vision_ram);
    vision_answer(INDICATOR("I2", "b"));
    vision_succeed_with(&handler_vision_ram, "{\"business_area\":\"0160\",\"upstream\":\"pmp\",\"deactivate\":100}");
    ck_assert_str_eq(active(), "I2");
    ck_assert_str_eq(vision_last("vision.ram"), "t 1 0 0 1 0 2 0");
}
END_TEST

START_TEST(an_indicator_without_its_output_waits_and_one_that_is_here_keeps_the_output_it_has)
{
    have_output();
    vision_answer("[" INDICATOR("I1", "a") "]");
    vision_succeed(&handler_vision_ram);
    vision_answer("[{\"INDICATOR_CODE\":\"I1\",\"INDICATOR_DESCRIPTION\":\"new\",\"WBS_ELEMENT_CODE\":\"0160A005999001\"},"
                  "{\"INDICATOR_CODE\":7,\"INDICATOR_DESCRIPTION\":\"x\",\"WBS_ELEMENT_CODE\":\"0160A005999001\"},"
                  "{\"INDICATOR_CODE\":\"undefined\",\"INDICATOR_DESCRIPTION\":\"x\",\"WBS_ELEMENT_CODE\":\"0160A005601001\"}]");
    copy_twice(&handler_vision_ram);
    ck_assert_str_eq(vision_last("vision.ram"), "t 3 0 0 1 2 0 0");
    ck_assert_str_eq(vision_value("SELECT string_agg(concat_ws('|', code, name, baseline, result_id IS NOT NULL), ' ') FROM registry.indicator"), "I1|new|t");
    ck_assert_str_eq(vision_notes("vision.ram"),
                     "INDICATOR_CODE: undefined; WBS_ELEMENT_CODE: no output 0160/A0/05/999/001 here; WBS_ELEMENT_CODE: no output 0160/A0/05/999/001 here");
}
END_TEST

/* Face forms ---------------------------------------------------------------------------------------------------------------- */

static void have_partner(const char *vendor)
{
    test_sql(vision_pg, scripted_keep("WITH o AS (INSERT INTO registry.organization (vendor_number, name) VALUES ('%s', 'Partner') RETURNING id)"
                                      " INSERT INTO registry.partner_organization (organization_id, country_id) SELECT id, 1 FROM o",
                                      vendor));
}

#define FACE(number, vendor, transactions) \
    "{\"BUSINESS_AREA_CODE\":\"0160\",\"FACE_FORM_NUMBER\":\"" number "\",\"IMPLEMENTING_PARNTER_CODE\":\"" vendor "\",\"DOCUMENT_TYPE_DESC\":\"Cash\",\"CURRENCY\":\"AFG\"," \
    "\"REPORTING_POSTING_DATE\":\"31-DEC-23\",\"REPORTING_START_DATE\":\"01-JAN-23\",\"REPORTING_END_DATE\":\"12-DEC-23\"," \
    "\"HACT_FUNDINGS\":{\"TYPE_HACT_FUNDING\":[{\"OVERALL_AMOUNT\":\"9\"}]},\"HACT_TRANSACTIONS\":" transactions "}"
#define T(local, usd) "{\"FACE_ENTERED\":\"0060 / 502200\",\"FC_ITEM\":\"0100654833 / 001\",\"AUTH_AMT\":" local ",\"AUTH_AMT_USD\":" usd "}"

START_TEST(a_face_form_is_the_sum_of_its_transactions_however_many_there_are)
{
    have_partner("0025");
    vision_answer("[" FACE("F1", "0025", "{\"TYPE_HACT_TRANSACTION\":" T("\"150,345.00\"", "\"1500.10\"") "}") ","
                  FACE("F2", "0025", "{\"TYPE_HACT_TRANSACTION\":[" T("\"0.10\"", "\"0.20\"") "," T("\"0.20\"", "0.1") "]}") ","
                  FACE("F3", "0025", "null") "," FACE("F4", "0025", "{}") "," FACE("F5", "0025", "{\"TYPE_HACT_TRANSACTION\":[]}") ","
                  FACE("F6", "0025", "[{\"TYPE_HACT_TRANSACTION\":" T("\"1\"", "null") "}]") "]");
    copy_twice(&handler_vision_face_forms);
    ck_assert_str_eq(vision_last("vision.face_forms"), "t 6 0 0 6 0 0 0");
    ck_assert_str_eq(vision_value("SELECT string_agg(concat_ws('=', face_number, amount_local, amount_usd), ' ' ORDER BY face_number) FROM registry.face_form"),
                     "F1=150345.00=1500.10 F2=0.30=0.30 F3=0.00=0.00 F4=0.00=0.00 F5=0.00=0.00 F6=1.00=0.00");
    ck_assert_str_eq(vision_value("SELECT concat_ws('|', partner_id, start_date, end_date, date_of_liquidation, modality, currency) FROM registry.face_form LIMIT 1"),
                     "1|2023-01-01|2023-12-12|2023-12-31|Cash|AFG");
    ck_assert_ptr_nonnull(strstr(scripted_request(0), "GET /faceforms/?businessareacode=0160 "));
}
END_TEST

START_TEST(odd_face_forms_are_told_and_the_others_land)
{
    have_partner("0025");
    vision_answer("[" FACE("F1", "0025", "{\"TYPE_HACT_TRANSACTION\":" T("\"1\"", "\"n/a\"") "}") "," FACE("F2", "nobody", "null") "," FACE("F3", "0025", "\"text\"") ","
                  "{\"FACE_FORM_NUMBER\":\"F4\"}," FACE("F5", "0025", "{\"TYPE_HACT_TRANSACTION\":" T("\"1\"", "\"2\"") "}") ","
                  FACE("F5", "0025", "{\"TYPE_HACT_TRANSACTION\":" T("\"3\"", "\"4\"") "}") "]");
    copy_twice(&handler_vision_face_forms);
    ck_assert_str_eq(vision_last("vision.face_forms"), "t 6 0 0 2 2 0 2");
    ck_assert_str_eq(vision_value("SELECT string_agg(concat_ws('=', face_number, amount_local, amount_usd), ' ') FROM registry.face_form"), "F5=3.00=4.00");
    ck_assert_str_eq(vision_value("SELECT string_agg(f->>'id' || ': ' || (f->>'field'), ', ') FROM registry.sync_log, jsonb_array_elements(data->'failures') f WHERE id = 1"),
                     "F1: HACT_TRANSACTIONS.TYPE_HACT_TRANSACTION.AUTH_AMT_USD, F3: HACT_TRANSACTIONS.TYPE_HACT_TRANSACTION");
    ck_assert_str_eq(vision_notes("vision.face_forms"), "IMPLEMENTING_PARNTER_CODE: missing; comes again: the last of its rows counts; IMPLEMENTING_PARNTER_CODE: no partner nobody of this country");
}
END_TEST

/* Commitments --------------------------------------------------------------------------------------------------------------- */

START_TEST(commitments_have_a_header_and_lines)
{
#define FC(line, amount, person) \
    "{\"VENDOR_CODE\":\"0025\",\"FC_NUMBER\":\"500\",\"FC_DOC_DATE\":\"21-FEB-12\",\"FR_TYPE\":\"Grant\",\"CURRENCY\":\"USD\",\"FC_DOCUMENT_TEXT\":\"text\"," \
    "\"EXCHANGE_RATE\":\"1.00000\",\"RESP_PERSON\":\"" person "\",\"LINE_ITEM\":\"" line "\",\"WBS_ELEMENT\":\"0160/A0\",\"GRANT_REF\":\"SC1\",\"FUND\":\"GS\"," \
    "\"GL_ACCOUNT\":\"4010\",\"DUE_DATE\":null,\"FR_NUMBER\":\"77\",\"COMMITMENT_AMOUNT_USD\":" amount ",\"COMMITMENT_AMOUNT_DC\":\"2,000.00\"," \
    "\"AMOUNT_CHANGED\":\"-10.5\",\"FC_LINE_ITEM_TEXT\":\"line\"}"
    vision_answer("[" FC("1", "\"1,000,000.25\"", "first") "," FC("2", "\"3\"", "second") "," FC("2", "\"4\"", "third") "," FC("3", "null", "x") "," FC("70000", "\"1\"", "x") "]");
    copy_twice(&handler_vision_fund_commitment);
    ck_assert_str_eq(vision_last("vision.fund_commitment"), "t 5 0 0 3 1 0 1");
    ck_assert_str_eq(vision_value("SELECT concat_ws('|', fc_number, vendor_code, document_date, fc_type, currency, document_text, exchange_rate, responsible_person)"
                                  " FROM registry.fc_header"),
                     "500|0025|2012-02-21|Grant|USD|text|1.00000|first");
    ck_assert_str_eq(vision_value("SELECT string_agg(concat_ws('|', fc_ref_number, commitment_amount, commitment_amount_dc, amount_changed, wbs, grant_number, fund,"
                                  " gl_account, due_date, fr_number, line_item_text), ' ' ORDER BY line_item) FROM registry.fc_item"),
                     "500-1|1000000.25|2000.00|-10.50|0160/A0|SC1|GS|4010|77|line 500-2|4.00|2000.00|-10.50|0160/A0|SC1|GS|4010|77|line");
}
END_TEST

/* Work plans ---------------------------------------------------------------------------------------------------------------- */

#define WORKPLAN(name) \
    "\"CP_WBS\":\"0160/A0/05\",\"WP_GID\":\"WP/1\",\"WP_ID\":\"147813\",\"WP_NAME\":" name ",\"WP_STATUS\":\"Signed\",\"COST_CENTER_CODE\":\"H1\",\"COST_CENTER_NAME\":\"East\"," \
    "\"PLAN_CATEGORY_TYPE\":\"Section\",\"PLAN_TYPE\":\"Annual\""
#define WPA(number, result, locations, partners) \
    "{" WORKPLAN("\"Plan\"") ",\"WPA_GID\":\"WPA/" number "\",\"WPA_ID\":\"" number "\",\"WPA_TITLE\":\"Title\",\"WPA_DESCRIPTION\":null,\"WPA_START_DATE\":\"01-JAN-24\"," \
    "\"WPA_END_DATE\":\"31-DEC-24\",\"TOTAL_BUDGET\":\"1,234.5\",\"VISION_ACTIVITY_WBS\":\"0160/A0/05/601/001/" result "\",\"WPA_GEOLOCATIONS\":" locations "," \
    "\"WPA_IMPLEMENTING_PARTNERS\":" partners "}"
#define AT(code) "{\"P_CODE\":\"" code "\",\"AREA_NAME\":\"x\"}"
#define BY(code) "{\"IMPLEMENTING_PARTNER_CODE\":\"" code "\",\"IMPLEMENTING_PARTNER_NAME\":\"x\"}"

static void have_places(void)
{
    have_output();
    have_partner("0025");
    have_partner("0026");
    test_sql(vision_pg, "INSERT INTO registry.location (name, p_code, admin_level, is_active) VALUES ('a', 'L1', 1, true), ('b', 'L2', 1, true), ('c', 'L3', 1, false)");
}

static const char *links(void)
{
    return vision_value("SELECT string_agg(concat_ws(':', a.wpa_id, (SELECT string_agg(p_code, ',' ORDER BY p_code) FROM registry.ewp_activity_location x JOIN registry.location l"
                        " ON l.id = location_id WHERE ewp_activity_id = a.id), (SELECT string_agg(partner_id::text, ',' ORDER BY partner_id) FROM"
                        " registry.ewp_activity_partner WHERE ewp_activity_id = a.id)), ' ' ORDER BY a.wpa_id) FROM registry.ewp_activity a");
}

START_TEST(work_plans_have_activities_with_places_and_partners)
{
    have_places();
    vision_answer("[" WPA("1", "001", "{\"GEOLOCATION\":" AT("L1") "}", "{\"IMPL_PARTNER\":[" BY("0025") "," BY("0026") "]}") ","
                  WPA("2", "001", "{\"GEOLOCATION\":[" AT("L1") "," AT("L2") "," AT("L1") "]}", "{}") ","
                  WPA("1", "001", "{\"GEOLOCATION\":" AT("L2") "}", "null") "]");
    copy_twice(&handler_vision_ewp);
    ck_assert_str_eq(vision_last("vision.ewp"), "t 3 0 0 3 0 0 0");
    ck_assert_str_eq(vision_value("SELECT string_agg(created::text, ' ' ORDER BY id) FROM registry.sync_log WHERE handler_name = 'vision.ewp'"), "2 0");
    ck_assert_str_eq(vision_value("SELECT concat_ws('|', w.wbs, ewp_id, w.name, status, cost_center_code, cost_center_name, category_type, plan_type, p.wbs)"
                                  " FROM registry.ewp_workplan w JOIN registry.country_programme p ON p.id = country_programme_id"),
                     "WP/1|147813|Plan|Signed|H1|East|Section|Annual|0160/A0/05");
    ck_assert_str_eq(vision_value("SELECT concat_ws('|', a.wbs, a.wpa_id, title, coalesce(description, '-'), start_date, end_date, total_budget, r.name) FROM registry.ewp_activity a"
                                  " JOIN registry.result r ON r.id = result_id JOIN registry.ewp_workplan w ON w.id = workplan_id ORDER BY a.wbs LIMIT 1"),
                     "WPA/1|1|Title|-|2024-01-01|2024-12-31|1234.50|Roofs");
    ck_assert_str_eq(links(), "1:L1:1,2 2:L1,L2");
}
END_TEST

START_TEST(what_an_activity_speaks_of_that_is_not_here_is_told)
{
    have_places();
    vision_answer("[" WPA("1", "001", "{\"GEOLOCATION\":[" AT("L1") "," AT("L3") "]}", "{\"IMPL_PARTNER\":" BY("nobody") "}") "," WPA("2", "999", "null", "null") ","
                  "{\"WPA_GID\":\"WPA/3\"},{" WORKPLAN("null") ",\"WPA_GID\":\"x\"}," WPA("4", "001", "{\"GEOLOCATION\":{\"P_CODE\":[]}}", "null") "]");
    copy_twice(&handler_vision_ewp);
    ck_assert_str_eq(vision_last("vision.ewp"), "t 5 0 0 1 3 0 1");
    ck_assert_str_eq(links(), "1:L1");
    ck_assert_str_eq(vision_notes("vision.ewp"), "WP_GID: missing; WPA_ID: missing; IMPLEMENTING_PARTNER_CODE: no partner nobody here; P_CODE: no location L3 here;"
                                                 " VISION_ACTIVITY_WBS: no activity 0160/A0/05/601/001/999 here");
    vision_answer(WPA("1", "001", "{\"GEOLOCATION\":" AT("L2") "}", "{\"IMPL_PARTNER\":" BY("0026") "}"));
    vision_succeed(&handler_vision_ewp);
    ck_assert_str_eq(vision_last("vision.ewp"), "t 1 0 1 0 0 0 0");
    ck_assert_str_eq(links(), "1:L2:2");
}
END_TEST

/* Reservations one by one ---------------------------------------------------------------------------------------------------- */

#define FR(number, completed) \
    "{\"VENDOR_CODE\":\"0025\",\"FR_NUMBER\":\"" number "\",\"LINE_ITEM\":\"1\",\"OVERALL_AMOUNT\":\"10\",\"CURRENCY\":\"AFN\",\"FR_DOC_DATE\":\"21-FEB-12\"," \
    "\"FR_START_DATE\":\"01-Dec-11\",\"FR_END_DATE\":\"31-DEC-60\",\"FR_DOCUMENT_TEXT\":\"text\",\"WBS_ELEMENT\":\"0060/A0/06\",\"GRANT_REF\":\"NON-GRANT\"," \
    "\"FUND\":\"GC\",\"DUE_DATE\":\"21-FEB-12\",\"COMPLETED_FLAG\":" completed "}"
#define ONE(row) "{\"ROWSET\":{\"ROW\":" row "}}"

START_TEST(one_reservation_is_asked_for_by_its_number_also_of_another_area)
{
    vision_answer(FR("77 1", "null"));
    vision_succeed_with(&handler_vision_fund_reservation,
                        "{\"business_area\":\"0160\",\"upstream\":\"pmp\",\"number\":\"77 1\",\"ask_area\":\"0250\",\"delegated\":true}");
    ck_assert_ptr_nonnull(strstr(scripted_request(0), "GET /fundsreservations/77%201/?businessarea=0250 "));
    ck_assert_str_eq(vision_value("SELECT concat_ws('|', fr_number, country_id, delegated, total_amt) FROM registry.fr_header"), "77 1|1|t|10.00");
}
END_TEST

START_TEST(a_reservation_that_vision_does_not_know_is_no_success)
{
    static const char *const nothing[] = {"\"No Data Available\"", "{}", "{\"ROWSET\":{}}", NULL};
    vision_answer_texts(nothing);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(vision_fail_with(&handler_vision_fund_reservation, "{\"business_area\":\"0160\",\"upstream\":\"pmp\",\"number\":\"9999\"}"), ERR_NOT_FOUND);
        ck_assert_str_eq(vision_last("vision.fund_reservation"), "f 0 0 0 0 0 0 0");
    }
    ck_assert_int_eq(vision_fail_with(&handler_vision_fund_reservation, "{\"business_area\":\"0160\",\"upstream\":\"pmp\",\"delegated\":true}"), ERR_USAGE);
}
END_TEST

START_TEST(delegated_reservations_are_asked_for_one_by_one)
{
    test_sql(vision_pg, "INSERT INTO registry.fr_header (country_id, fr_number, vendor_code, delegated, completed_flag, end_date) VALUES"
                        " (1, '10', 'v', true, false, current_date), (1, '20', 'v', true, false, current_date - 363), (1, '30', 'v', true, false, current_date),"
                        " (1, '40', 'v', true, false, current_date), (1, 'done', 'v', true, true, current_date), (1, 'old', 'v', true, false, current_date - 366),"
                        " (1, 'own', 'v', false, false, current_date), (2, 'other', 'v', true, false, current_date)");
    vision_answer_texts((const char *const[]){ONE(FR("10", "\"X\"")), "{}", ONE(FR("30", "null")), "[" FR("40", "null") "," FR("50", "null") "]", NULL});
    vision_succeed(&handler_vision_delegated_frs);
    ck_assert_int_eq(scripted_count(), 4);
    ck_assert_ptr_nonnull(strstr(scripted_request(1), "GET /fundsreservations/20/?businessarea=0160 "));
    ck_assert_str_eq(vision_last("vision.delegated_frs"), "t 5 3 0 0 2 0 0");
    ck_assert_str_eq(vision_notes("vision.delegated_frs"), "nothing is known of it; not what was asked for");
    ck_assert_str_eq(vision_value("SELECT string_agg(concat_ws('=', fr_number, total_amt, delegated, completed_flag), ' ' ORDER BY fr_number) FROM registry.fr_header"
                                  " WHERE vendor_code = '0025'"),
                     "10=10.00=t=t 30=10.00=t=f 40=10.00=t=f");
    struct test_run *r CLEANUP(test_run_freep) = vision_run(&handler_vision_delegated_frs, "{\"upstream\":\"pmp\"}", 0);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_str_eq(vision_value("SELECT string_agg(name || ' ' || tenant, ', ' ORDER BY tenant) FROM drumbeat.task"), "vision.delegated_frs 0160, vision.delegated_frs 0250");
}
END_TEST

int main(void)
{
    struct test_cluster *cluster = test_cluster_start(NULL);
    vision_use(test_cluster_database(cluster));
    TCase *tests = tcase_create("vision_lists");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, vision_set_up, vision_tear_down);
    tcase_add_test(tests, rows_fold_into_programmes_and_three_levels_of_results);
    tcase_add_test(tests, one_row_is_an_object_and_older_names_of_its_members_are_known);
    tcase_add_test(tests, what_ended_before_last_year_and_levels_that_are_not_whole_are_left_out_and_told);
    tcase_add_test(tests, a_change_of_a_level_is_a_change_of_the_row_that_brought_it);
    tcase_add_test(tests, indicators_belong_to_outputs_by_a_wbs_without_slashes);
    tcase_add_test(tests, what_a_whole_answer_lacks_becomes_inactive_and_comes_back);
    tcase_add_test(tests, new_indicators_do_not_make_up_for_those_that_are_gone);
    tcase_add_loop_test(tests, half_an_answer_deactivates_nothing, 0, (int)(sizeof little / sizeof *little));
    tcase_add_test(tests, who_knows_better_says_how_much_may_be_gone);
    tcase_add_test(tests, an_indicator_without_its_output_waits_and_one_that_is_here_keeps_the_output_it_has);
    tcase_add_test(tests, a_face_form_is_the_sum_of_its_transactions_however_many_there_are);
    tcase_add_test(tests, odd_face_forms_are_told_and_the_others_land);
    tcase_add_test(tests, commitments_have_a_header_and_lines);
    tcase_add_test(tests, work_plans_have_activities_with_places_and_partners);
    tcase_add_test(tests, what_an_activity_speaks_of_that_is_not_here_is_told);
    tcase_add_test(tests, one_reservation_is_asked_for_by_its_number_also_of_another_area);
    tcase_add_test(tests, a_reservation_that_vision_does_not_know_is_no_success);
    tcase_add_test(tests, delegated_reservations_are_asked_for_one_by_one);
    return test_main_case("vision_lists", tests);
}
