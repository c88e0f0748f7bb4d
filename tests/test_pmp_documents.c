/* What becomes of documents as PMP sends them: one document a test, changed member by member, against a real database.
 */
#include "tasks/pmp/pmp.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/test_http_server.h"
#include "tests/test_pmp_task.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static const char *url;
static struct pg *pg;

/* A document with one of everything. */
static const char base_document[] =
    "{\"id\": 81, \"title\": \"Safe water for Tamoru\", \"document_type\": \"PD\", \"business_area_code\": \"0160\","
    " \"number\": \"TAM/PCA201701/PD20181\", \"status\": \"active\", \"offices\": [\"North\", \"South\"],"
    " \"agreement\": \"TAM/PCA201701\", \"start_date\": \"2024-02-29\", \"end_date\": \"2025-12-31\","
    " \"update_date\": \"2025-03-15T14:37:52.421627Z\","
    " \"partner_org\": {\"id\": 7, \"unicef_vendor_number\": \"2500000007\", \"name\": \"Water Now\", \"short_name\": "
    "\"WN\","
    "   \"alternate_name\": null, \"street_address\": \"\", \"address\": \"1 River Road\", \"city\": \"Tamoru\", "
    "\"postal_code\": null,"
    "   \"country\": \"Tamoru\", \"email\": \"office@water.example.org\", \"phone_number\": \"+100\","
    "   \"partner_type\": \"Civil Society Organization\", \"cso_type\": \"National\", \"rating\": \"Low\","
    "   \"total_ct_cp\": \"12345678901234.56\", \"total_ct_cy\": null, \"last_assessment_date\": \"2023-01-02\","
    "   \"core_values_assessment_date\": null, \"type_of_assessment\": \"Micro Assessment\", "
    "\"basis_for_risk_rating\": \"\","
    "   \"sea_risk_rating_name\": \"\", \"psea_assessment_date\": \"2020-02-01T00:00:00Z\", "
    "\"highest_risk_rating_name\": \"Low\","
    "   \"highest_risk_rating_type\": \"hact\"},"
    " \"unicef_focal_points\": [{\"name\": \"Ada One\", \"email\": \"ada@office.example.org\"}],"
    " \"agreement_auth_officers\": [{\"name\": \"Bo Two\", \"title\": \"Director\", \"phone_num\": \"+1\","
    "   \"email\": \"bo@water.example.org\", \"active\": true}],"
    " \"focal_points\": [{\"name\": \"Cy Three\", \"title\": \"Officer\", \"phone_num\": null,"
    "   \"email\": \"cy@water.example.org\", \"active\": false}],"
    " \"cso_budget\": \"100.50\", \"cso_budget_currency\": \"TMR\", \"unicef_budget\": \"10000000300.25\","
    " \"unicef_budget_cash\": \"10000000000.25\", \"unicef_budget_supplies\": \"300.00\", \"unicef_budget_currency\": "
    "\"USD\","
    " \"disbursement\": \"200.10\", \"disbursement_percent\": \"-1.0\","
    " \"amendments\": [{\"types\": [\"change\"], \"other_description\": null, \"signed_date\": \"2023-05-01\", "
    "\"amendment_number\": \"1\"},"
    "   {\"types\": [\"change\"], \"other_description\": null, \"signed_date\": null, \"amendment_number\": \"2\"}],"
    " \"sections\": [{\"id\": 3, \"name\": \"WASH\"}],"
    " \"special_reports\": [{\"id\": 9, \"due_date\": \"2025-02-01\", \"description\": \"Lessons\"}],"
    " \"reporting_requirements\": ["
    "   {\"id\": 12, \"start_date\": \"2024-06-01\", \"end_date\": \"2024-08-31\", \"due_date\": \"2024-09-30\", "
    "\"report_type\": \"QPR\"},"
    "   {\"id\": 11, \"start_date\": \"2024-02-29\", \"end_date\": \"2024-05-31\", \"due_date\": \"2024-06-30\", "
    "\"report_type\": \"QPR\"},"
    "   {\"id\": 11, \"start_date\": null, \"end_date\": null, \"due_date\": \"2024-07-15\", \"report_type\": \"HR\"}],"
    " \"expected_results\": [{\"id\": 40, \"title\": \"Wells are dug\", \"result_link\": 5, \"cp_output\": {\"id\": "
    "207, \"title\": \"Water\"},"
    "   \"indicators\": [{\"id\": 500, \"title\": \"People reached\", \"blueprint_id\": 60, \"cluster_indicator_id\": "
    "null,"
    "     \"means_of_verification\": \"Visits\", \"baseline\": {\"d\": 1, \"v\": null}, \"target\": {\"d\": 1, \"v\": "
    "\"1,500\", \"c\": 3},"
    "     \"locations\": [{\"id\": 2, \"name\": \"Tamoru North\", \"p_code\": \"TM01\", \"admin_level\": 1, "
    "\"admin_level_name\": \"Region\","
    "       \"parent_pcode\": \"TM\"}, {\"id\": 1, \"name\": \"Tamoru\", \"p_code\": \"TM\", \"admin_level\": 0,"
    "       \"admin_level_name\": \"Country\", \"parent_pcode\": null}],"
    "     \"disaggregation\": [{\"id\": 1, \"name\": \"Sex\", \"disaggregation_values\": [{\"id\": 1, \"value\": "
    "\"Girls\", \"active\": true},"
    "       {\"id\": 2, \"value\": \"Boys\", \"active\": false}]}, {\"id\": 2, \"name\": \"Empty\", "
    "\"disaggregation_values\": []}],"
    "     \"is_high_frequency\": true, \"is_active\": true, \"numerator_label\": \"\", \"denominator_label\": null,"
    "     \"unit\": \"\", \"display_type\": \"number\"}]}]}";

/* Payloads -------------------------------------------------------------------------------------------- */

struct merge {
    const struct js *changes;
    struct text *out;
};

static bool write_member(void *data, const char *key, const struct js *value)
{
    struct merge *m = data;
    const struct js *change = js_get(m->changes, key);
    text_printf(m->out, "%s\"%s\":", m->out->data[m->out->len - 1] == '{' ? "" : ",", key);
    js_write(m->out, change ? change : value);
    return true;
}

static struct js *parse(const char *json)
{
    struct err e;
    struct js *tree = js_parse(json, strlen(json), &e);
    ck_assert_msg(tree != NULL, "%s: %s", e.text, json);
    return tree;
}

/* The document with other members; a member it lacks cannot be added. */
static const char *with(const char *document, const char *changes)
{
    struct js *from CLEANUP(js_freep) = parse(document), *to CLEANUP(js_freep) = parse(changes);
    struct text out CLEANUP(text_free) = {0};
    text_putc(&out, '{');
    js_each(from, write_member, &(struct merge){to, &out});
    text_putc(&out, '}');
    return scripted_keep("%s", text_str(&out));
}

static const char *changed(const char *changes)
{
    return with(base_document, changes);
}

/* A whole page of up to three documents. */
static const char *page(const char *a, const char *b, const char *c)
{
    struct text out CLEANUP(text_free) = {0};
    text_printf(&out, "{\"count\":%d,\"next\":null,\"previous\":null,\"results\":[%s%s%s%s%s]}",
                1 + (b != NULL) + (c != NULL), a, b ? "," : "", b ? b : "", c ? "," : "", c ? c : "");
    return scripted_json(200, "", text_str(&out));
}

/* Runs ------------------------------------------------------------------------------------------------ */

/* One database for all tests, emptied for each. */
static void set_up(void)
{
    pg = test_connect(url);
    test_sql(
        pg,
        "TRUNCATE registry.workspace, registry.location, registry.partner, registry.person, registry.section,"
        " registry.indicator_blueprint RESTART IDENTITY CASCADE;"
        "ALTER TABLE registry.section DROP CONSTRAINT IF EXISTS only_in_a_test;"
        "INSERT INTO registry.workspace (title, workspace_code, business_area_code) VALUES ('Tamoru', 'TM', '0160')");
}

static void tear_down(void)
{
    scripted_stop();
    pg_close(pg);
}

enum { RUNS_MAX = 4 };

/* Serve one page a run, NULL at the end, and run as often; a run that fails fails the test. */
static void sync_pages(const struct handler *handler, const char *const *pages)
{
    struct scripted rows[RUNS_MAX + 1] = {0};
    char base[64];
    size_t count = 0;
    for (; pages[count]; count++)
        rows[count].answer = pages[count];
    scripted_start(rows, base);
    for (size_t i = 0; i < count; i++) {
        struct test_run *r CLEANUP(test_run_freep) =
            test_run(&(struct test_runner){.database = url, .upstream = base}, handler, "{\"full\": true}");
        ck_assert_msg(r->end.success, "run %zu: %s", i + 1, r->end.error.text);
    }
    ck_assert_int_eq(scripted_count(), (int)count);
    scripted_stop();
}

static void sync_each(const char *first, const char *second)
{
    const char *pages[] = {page(first, NULL, NULL), second ? page(second, NULL, NULL) : NULL, NULL};
    sync_pages(&handler_pmp_programme_documents, pages);
}

/* The counters of the last run. */
static void expect_log(const char *counters)
{
    ck_assert_str_eq(
        test_text(pg, "SELECT concat_ws(' ', fetched, created, updated, unchanged, skipped, deactivated, failed)"
                      "  FROM registry.sync_log ORDER BY id DESC LIMIT 1"),
        counters);
}

/* Fields ---------------------------------------------------------------------------------------------- */

/* After one run of the base document. */
static const struct {
    const char *sql, *value;
} landed[] = {
    {"SELECT concat_ws('|', external_id, external_business_area_code, agreement, document_type, reference_number, "
     "title, unicef_office, status)"
     " FROM registry.programme_document",
     "81|0160|TAM/PCA201701|PD|TAM/PCA201701/PD20181|Safe water for Tamoru|North, South|active"},
    {"SELECT concat_ws('|', start_date, end_date, external_updated_at AT TIME ZONE 'UTC') FROM "
     "registry.programme_document",
     "2024-02-29|2025-12-31|2025-03-15 14:37:52.421627"},
    {"SELECT concat_ws('|', cso_contribution, cso_contribution_currency, total_unicef_cash, "
     "total_unicef_cash_currency, in_kind_amount,"
     " in_kind_amount_currency, total_unicef_budget) FROM registry.programme_document",
     "100.50|TMR|10000000000.25|USD|300.00|USD|10000000300.25"},
    {"SELECT concat_ws('|', budget, coalesce(budget_currency, 'several'), funds_received_to_date, "
     "funds_received_to_date_percent)"
     " FROM registry.programme_document",
     "10000000400.75|several|200.10|-1.00"},
    {"SELECT string_agg(coalesce(a->>'signed_date', 'unsigned'), ',') FROM registry.programme_document, "
     "jsonb_array_elements(amendments) a",
     "01-May-2023,unsigned"},
    {"SELECT concat_ws('|', vendor_number, p.title, partner_type, cso_type, total_ct_cp, total_ct_cy, "
     "last_assessment_date, basis_for_risk_rating,"
     " psea_assessment_date AT TIME ZONE 'UTC') FROM registry.partner p JOIN registry.programme_document d ON "
     "d.partner_id = p.id",
     "2500000007|Water Now|CSO|Nat|12345678901234.56|2023-01-02|Micro Assessment - 2023-01-02|2020-02-01 00:00:00"},
    {"SELECT string_agg(concat_ws('|', name, title, phone_number, email, active), ' ' ORDER BY email) FROM "
     "registry.person",
     "Ada One|ada@office.example.org|t Bo Two|Director|+1|bo@water.example.org|t Cy "
     "Three|Officer|cy@water.example.org|f"},
    {"SELECT concat_ws(' ', (SELECT email FROM registry.programme_document_unicef_focal_point l JOIN registry.person p "
     "ON p.id = person_id),"
     " (SELECT email FROM registry.programme_document_auth_officer l JOIN registry.person p ON p.id = person_id),"
     " (SELECT email FROM registry.programme_document_partner_focal_point l JOIN registry.person p ON p.id = person_id "
     "AND NOT l.active))",
     "ada@office.example.org bo@water.example.org cy@water.example.org"},
    {"SELECT concat_ws('|', s.external_id, external_business_area_code, name) FROM registry.section s"
     " JOIN registry.programme_document_section ON section_id = s.id",
     "3|0160|WASH"},
    {"SELECT string_agg(concat_ws('|', external_id, report_type, start_date, end_date, due_date, description), ' ' "
     "ORDER BY report_type, external_id)"
     " FROM registry.reporting_period",
     "11|HR|2024-07-15 11|QPR|2024-02-29|2024-05-31|2024-06-30 12|QPR|2024-06-01|2024-08-31|2024-09-30 "
     "9|SR|2025-02-01|Lessons"},
    {"SELECT concat_ws('|', l.external_id, l.external_cp_output_id, l.title, o.external_id, o.title, o.active) FROM "
     "registry.pd_result_link l"
     " JOIN registry.lower_level_output o ON o.cp_output_id = l.id",
     "5|207|Water|40|Wells are dug|t"},
    {"SELECT concat_ws('|', b.external_id, b.title, unit, display_type, calculation_formula_across_periods) FROM "
     "registry.indicator_blueprint b",
     "60|People reached|number|number|sum"},
    {"SELECT concat_ws('|', r.external_id, target, baseline, means_of_verification, is_unicef_hf_indicator, r.active, "
     "content_type,"
     " o.external_id, b.external_id) FROM registry.reportable r JOIN registry.lower_level_output o ON o.id = object_id"
     " JOIN registry.indicator_blueprint b ON b.id = blueprint_id",
     "500|{\"d\": 1, \"v\": 1500}|{\"d\": 1, \"v\": 0}|Visits|t|t|lower_level_output|40|60"},
    {"SELECT string_agg(concat_ws('|', l.external_id, l.name, l.p_code, l.admin_level, l.admin_level_name, u.name), ' "
     "' ORDER BY l.p_code)"
     " FROM registry.location l LEFT JOIN registry.location u ON u.id = l.parent_id"
     " JOIN registry.location_workspace w ON w.location_id = l.id JOIN registry.reportable_location_goal g ON "
     "g.location_id = l.id AND g.is_active",
     "1|Tamoru|TM|0|Country 2|Tamoru North|TM01|1|Region|Tamoru"},
    {"SELECT string_agg(concat_ws('|', d.name, v.value, v.active), ' ' ORDER BY v.value) FROM registry.disaggregation d"
     " JOIN registry.disaggregation_value v ON v.disaggregation_id = d.id JOIN registry.reportable_disaggregation r ON "
     "r.disaggregation_id = d.id",
     "Sex|Boys|f Sex|Girls|t"},
    {"SELECT concat_ws('|', successful, business_area_code, total_records, total_processed, task_id IS NOT NULL) FROM "
     "registry.sync_log",
     "t|0160|1|1|t"},
};

START_TEST(every_member_of_a_document_lands)
{
    sync_each(base_document, NULL);
    for (size_t i = 0; i < sizeof landed / sizeof *landed; i++) {
        const char *value = test_text(pg, landed[i].sql);
        ck_assert_msg(strcmp(value, landed[i].value) == 0, "%s:\n  %s instead of\n  %s", landed[i].sql, value,
                      landed[i].value);
    }
    expect_log("1 1 0 0 0 0 0");
}
END_TEST

/* Everything in the registry but its logs, and which transaction wrote each row. */
static const char *snapshot(void)
{
    struct text sql CLEANUP(text_free) = {0};
    text_puts(
        &sql,
        test_text(pg,
                  "SELECT 'SELECT md5(concat(' || string_agg(format("
                  "'(SELECT string_agg(t.xmin || t::text, '','' ORDER BY t::text) FROM registry.%I t)', tablename), "
                  "',') || '))'"
                  "  FROM pg_tables WHERE schemaname = 'registry' AND tablename NOT IN ('sync_log', 'sync_state')"));
    return scripted_keep("%s", test_text(pg, text_str(&sql)));
}

START_TEST(a_second_run_writes_nothing_and_says_so)
{
    const char *pages[] = {page(base_document, NULL, NULL), NULL};
    sync_pages(&handler_pmp_programme_documents, pages);
    const char *before = snapshot();
    sync_pages(&handler_pmp_programme_documents, pages);
    ck_assert_str_eq(snapshot(), before);
    expect_log("1 0 0 1 0 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT data->>'rows' FROM registry.sync_log ORDER BY id DESC LIMIT 1"), "{}");
}
END_TEST

/* Targets as they come and as they are kept. */
static const struct {
    const char *sent, *kept;
} numbers[] = {
    {"{\"d\":1,\"v\":0}", "{\"d\": 1, \"v\": 0}"},
    {"{\"d\":1,\"v\":null}", "{\"d\": 1, \"v\": 0}"},
    {"{\"d\":1,\"v\":\"None\"}", "{\"d\": 1, \"v\": 0}"},
    {"{\"d\":1,\"v\":\"\"}", "{\"d\": 1, \"v\": 0}"},
    {"{\"d\":1}", "{\"d\": 1, \"v\": 0}"},
    {"null", "{\"d\": 1, \"v\": 0}"},
    {"{\"d\":100,\"v\":\"60\"}", "{\"d\": 100, \"v\": 60}"},
    {"{\"d\":\"100\",\"v\":\"007\"}", "{\"d\": 100, \"v\": 7}"},
    {"{\"d\":1,\"v\":\"1,500\"}", "{\"d\": 1, \"v\": 1500}"},
    {"{\"d\":1,\"v\":\"1,234,567.25\"}", "{\"d\": 1, \"v\": 1234567.25}"},
    {"{\"d\":1,\"v\":0.1}", "{\"d\": 1, \"v\": 0.1}"},
    {"{\"d\":1,\"v\":12.5}", "{\"d\": 1, \"v\": 12.5}"},
    {"{\"d\":1,\"v\":9007199254740993}", "{\"d\": 1, \"v\": 9007199254740993}"},
    {"{\"d\":1,\"v\":-3}", "{\"d\": 1, \"v\": -3}"},
    {"{\"v\":5,\"d\":null,\"c\":7}", "{\"d\": 1, \"v\": 5}"},
};

static const char *with_target(const char *target)
{
    return changed(scripted_keep(
        "{\"expected_results\":[{\"id\":40,\"title\":\"t\",\"result_link\":5,\"cp_output\":{\"id\":207,\"title\":\"c\"}"
        ","
        "\"indicators\":[{\"id\":500,\"title\":\"i\",\"blueprint_id\":60,\"target\":%s,\"baseline\":{\"d\":1,\"v\":0},"
        "\"locations\":[],\"unit\":\"number\"}]}]}",
        target));
}

START_TEST(a_target_is_kept_as_the_number_it_stands_for)
{
    sync_each(with_target(numbers[_i].sent), NULL);
    const char *kept = test_text(pg, "SELECT target FROM registry.reportable");
    ck_assert_msg(strcmp(kept, numbers[_i].kept) == 0, "%s became %s", numbers[_i].sent, kept);
}
END_TEST

/* Units that are not told follow from the baseline. */
START_TEST(an_empty_unit_follows_from_the_baseline)
{
    sync_each(changed("{\"expected_results\":[{\"id\":40,\"title\":\"t\",\"result_link\":5,\"cp_output\":{\"id\":207,"
                      "\"title\":\"c\"},"
                      "\"indicators\":[{\"id\":500,\"title\":\"i\",\"blueprint_id\":60,\"target\":{\"d\":100,\"v\":5},"
                      "\"baseline\":{\"d\":100,\"v\":1},\"locations\":[],\"unit\":\"\"}]}]}"),
              NULL);
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', unit, display_type, calculation_formula_across_periods,"
                                   " calculation_formula_across_locations) FROM registry.indicator_blueprint"),
                     "percentage percentage latest latest");
}
END_TEST

/* Bad ones -------------------------------------------------------------------------------------------- */

/* Each is told with its field, and leaves nothing behind, while its neighbours land. */
static const struct {
    const char *changes, *field;
} bad[] = {
    {"{\"title\": 5}", "title"},
    {"{\"title\": null}", "title"},
    {"{\"number\": \"\"}", "number"},
    {"{\"start_date\": \"31/02/2025\"}", "start_date"},
    {"{\"start_date\": \"2025-02-29\"}", "start_date"},
    {"{\"end_date\": 20251231}", "end_date"},
    {"{\"document_type\": \"TOO LONG\"}", "document_type"},
    {"{\"cso_budget\": \"a lot\"}", "cso_budget"},
    {"{\"cso_budget\": \"1e5\"}", "cso_budget"},
    {"{\"unicef_budget_cash\": \"1234567890123456789.00\"}", "unicef_budget_cash"},
    {"{\"update_date\": \"yesterday\"}", "update_date"},
    {"{\"offices\": [1]}", "offices[0]"},
    {"{\"amendments\": [{\"signed_date\": \"01-May-2023\"}]}", "amendments[0].signed_date"},
    {"{\"partner_org\": []}", "partner_org"},
    {"{\"partner_org\": {\"id\": 7, \"unicef_vendor_number\": \"1\", \"name\": \"N\", \"total_ct_cp\": {}}}",
     "partner_org.total_ct_cp"},
    {"{\"sections\": [{\"id\": 1}]}", "sections[0].name"},
    {"{\"reporting_requirements\": [{\"id\": 1, \"report_type\": \"XX\"}]}", "reporting_requirements[0].report_type"},
    {"{\"special_reports\": {}}", "special_reports"},
    {"{\"expected_results\": \"none\"}", "expected_results"},
    {"{\"expected_results\": [{\"id\": 1, \"title\": \"t\"}]}", "expected_results[0].cp_output.id"},
    {"{\"expected_results\": [{\"id\": 1, \"title\": \"t\", \"cp_output\": {\"id\": 2, \"title\": \"c\"}, "
     "\"indicators\": [{\"id\": 3, \"title\": "
     "\"i\", \"unit\": \"number\", \"target\": {\"v\": \"many\"}}]}]}",
     "expected_results[0].indicators[0].target.v"},
};

START_TEST(a_bad_document_is_told_with_its_field_and_the_rest_lands)
{
    const char *pages[] = {page(changed("{\"id\": 1}"), changed(bad[_i].changes), changed("{\"id\": 99}")), NULL};
    sync_pages(&handler_pmp_programme_documents, pages);
    expect_log("3 2 0 0 0 0 1");
    ck_assert_str_eq(
        test_text(pg, "SELECT string_agg(external_id, ',' ORDER BY external_id) FROM registry.programme_document"),
        "1,99");
    const char *told =
        test_text(pg, "SELECT concat_ws(' ', f->>'workspace', f->>'page', f->>'index', f->>'id', f->>'field')"
                      "  FROM registry.sync_log, jsonb_array_elements(data->'failures') f");
    char expected[128];
    snprintf(expected, sizeof expected, "0160 1 1 81 %s", bad[_i].field);
    ck_assert_msg(strcmp(told, expected) == 0, "%s: told '%s'", bad[_i].changes, told);
}
END_TEST

START_TEST(what_only_the_database_refuses_fails_its_document_alone)
{
    test_sql(pg, "ALTER TABLE registry.section ADD CONSTRAINT only_in_a_test CHECK (name <> 'Forbidden')");
    const char *pages[] = {page(changed("{\"id\": 1}"),
                                changed("{\"id\": 2, \"sections\": [{\"id\": 4, \"name\": \"Forbidden\"}]}"),
                                changed("{\"id\": 3}")),
                           NULL};
    sync_pages(&handler_pmp_programme_documents, pages);
    expect_log("3 2 0 0 0 0 1");
    ck_assert_str_eq(
        test_text(pg, "SELECT string_agg(external_id, ',' ORDER BY external_id) FROM registry.programme_document"),
        "1,3");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.reportable"), 2);
    ck_assert_ptr_nonnull(strstr(test_text(pg, "SELECT data->'failures'->0->>'reason' FROM registry.sync_log"),
                                 "violates check constraint"));
}
END_TEST

START_TEST(a_document_that_turns_bad_keeps_what_it_had)
{
    sync_each(base_document, changed("{\"title\": 5}"));
    expect_log("1 0 0 0 0 0 1");
    ck_assert_str_eq(test_text(pg, "SELECT title || ' ' || is_active FROM registry.programme_document"),
                     "Safe water for Tamoru true");
}
END_TEST

START_TEST(a_document_without_dates_is_skipped_and_counted)
{
    const char *pages[] = {
        page(changed("{\"start_date\": null}"), changed("{\"id\": 2, \"end_date\": \"\"}"), changed("{\"id\": 3}")),
        NULL};
    sync_pages(&handler_pmp_programme_documents, pages);
    expect_log("3 1 0 0 2 0 0");
}
END_TEST

START_TEST(an_indicator_with_an_odd_place_is_left_out_and_the_document_lands)
{
    sync_each(base_document, changed("{\"expected_results\":[{\"id\":40,\"title\":\"Wells are "
                                     "dug\",\"result_link\":5,\"cp_output\":{\"id\":207,\"title\":\"Water\"},"
                                     "\"indicators\":[{\"id\":500,\"title\":\"Renamed\",\"blueprint_id\":60,\"target\":"
                                     "{\"d\":1,\"v\":2},\"unit\":\"number\","
                                     "\"baseline\":{\"d\":1,\"v\":0},\"locations\":[{\"id\":2,\"name\":\"N\",\"p_"
                                     "code\":null,\"admin_level\":1}]}]}]}"));
    expect_log("1 0 0 1 0 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT concat(target, ' ', active) FROM registry.reportable"),
                     "{\"d\": 1, \"v\": 1500} t");
    ck_assert_ptr_nonnull(
        strstr(test_text(pg, "SELECT data->'notes'->0->>'note' FROM registry.sync_log ORDER BY id DESC LIMIT 1"),
               "locations[0]"));
}
END_TEST

/* Persons --------------------------------------------------------------------------------------------- */

START_TEST(the_same_address_in_other_letters_is_one_person)
{
    const char *pages[] = {
        page(
            changed(
                "{\"unicef_focal_points\": [{\"name\": \"A\", \"email\": \"Ann@Example.org\"}], \"focal_points\": [],"
                " \"agreement_auth_officers\": [{\"name\": \"A\", \"email\": \"ANN@example.ORG\", \"active\": true}]}"),
            changed("{\"id\": 2, \"unicef_focal_points\": [{\"name\": \"A\", \"email\": \"ann@example.org\"}],"
                    " \"focal_points\": [], \"agreement_auth_officers\": []}"),
            NULL),
        NULL};
    sync_pages(&handler_pmp_programme_documents, pages);
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(email, ',') FROM registry.person"), "ann@example.org");
}
END_TEST

START_TEST(a_person_without_an_address_is_left_out_and_noted)
{
    const char *const addresses[] = {
        "null", "\"\"", "\"nobody\"", "\"a b@example.org\"", "\"a@b@example.org\"", "5", "\"@example.org\""};
    char changes[256];
    snprintf(changes, sizeof changes, "{\"unicef_focal_points\": [{\"name\": \"X\", \"email\": %s}]}", addresses[_i]);
    sync_each(changed(changes), NULL);
    expect_log("1 1 0 0 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.person"), 2);
    ck_assert_str_eq(test_text(pg, "SELECT data->'notes'->0->>'note' FROM registry.sync_log"),
                     "unicef_focal_points[0].email: not an e-mail address; person left out");
}
END_TEST

START_TEST(a_person_whom_the_document_lost_becomes_inactive_and_comes_back)
{
    const char *pages[] = {page(base_document, NULL, NULL), page(changed("{\"unicef_focal_points\": []}"), NULL, NULL),
                           page(base_document, NULL, NULL), NULL};
    const char *state = "SELECT concat_ws(' ', p.active, l.active) FROM registry.person p"
                        " JOIN registry.programme_document_unicef_focal_point l ON l.person_id = p.id";
    sync_pages(&handler_pmp_programme_documents, (const char *[]){pages[0], pages[1], NULL});
    expect_log("1 0 1 0 0 0 0");
    ck_assert_str_eq(test_text(pg, state), "f f");
    sync_pages(&handler_pmp_programme_documents, (const char *[]){pages[2], NULL});
    ck_assert_str_eq(test_text(pg, state), "t t");
}
END_TEST

START_TEST(a_person_whom_another_document_names_stays_active)
{
    const char *other = changed("{\"id\": 2}"), *lost = changed("{\"unicef_focal_points\": []}");
    sync_pages(&handler_pmp_programme_documents,
               (const char *[]){page(base_document, other, NULL), page(lost, other, NULL), NULL});
    ck_assert_str_eq(test_text(pg, "SELECT active FROM registry.person WHERE email = 'ada@office.example.org'"), "t");
}
END_TEST

START_TEST(of_two_documents_that_disagree_the_newer_word_stands)
{
    const char *older =
        changed("{\"unicef_focal_points\": [{\"name\": \"Old Name\", \"email\": \"ada@office.example.org\"}]}");
    const char *newer =
        changed("{\"id\": 2, \"update_date\": \"2025-09-01T00:00:00Z\","
                " \"unicef_focal_points\": [{\"name\": \"New Name\", \"email\": \"ada@office.example.org\"}]}");
    const char *name = "SELECT name FROM registry.person WHERE email = 'ada@office.example.org'";
    sync_pages(&handler_pmp_programme_documents,
               (const char *[]){page(older, NULL, NULL), page(newer, NULL, NULL), page(older, newer, NULL), NULL});
    ck_assert_str_eq(test_text(pg, name), "New Name");
    const char *before = snapshot();
    sync_pages(&handler_pmp_programme_documents,
               (const char *[]){page(newer, older, NULL), page(older, newer, NULL), NULL});
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

/* What a document loses ------------------------------------------------------------------------------- */

START_TEST(what_the_payload_no_longer_has_goes_or_becomes_inactive)
{
    sync_each(
        base_document,
        changed(
            "{\"sections\": [], \"special_reports\": [], \"expected_results\": [], \"reporting_requirements\": []}"));
    expect_log("1 0 1 0 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.programme_document_section"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.reporting_period"), 0);
    ck_assert_str_eq(
        test_text(pg, "SELECT o.active || ' ' || r.active FROM registry.lower_level_output o, registry.reportable r"),
        "false false");
}
END_TEST

START_TEST(a_place_that_an_indicator_lost_is_no_goal_any_more)
{
    sync_each(base_document, with_target("{\"d\":1,\"v\":1}"));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.reportable_location_goal WHERE is_active"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.reportable_location_goal"), 2);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.reportable_disaggregation"), 0);
}
END_TEST

START_TEST(an_indicator_that_moves_to_another_output_stays_the_same_indicator)
{
    const char *moved = changed("{\"expected_results\":[{\"id\":41,\"title\":\"Other\",\"result_link\":5,\"cp_output\":"
                                "{\"id\":207,\"title\":\"Water\"},"
                                "\"indicators\":[{\"id\":500,\"title\":\"i\",\"blueprint_id\":60,\"target\":{\"d\":1,"
                                "\"v\":2},\"unit\":\"number\","
                                "\"baseline\":{\"d\":1,\"v\":0},\"locations\":[]}]}]}");
    sync_each(base_document, moved);
    ck_assert_str_eq(test_text(pg, "SELECT count(*) || ' ' || min(o.external_id) FROM registry.reportable r"
                                   " JOIN registry.lower_level_output o ON o.id = r.object_id"),
                     "1 41");
}
END_TEST

static const char one_period[] = "{\"special_reports\": [], \"reporting_requirements\": [{\"id\": 12, \"start_date\": "
                                 "\"2024-06-01\", \"end_date\": \"2024-08-31\","
                                 " \"due_date\": \"2024-10-15\", \"report_type\": \"QPR\"}]}";

static void add_reports(const char *status)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "INSERT INTO registry.progress_report (programme_document_id, report_type, report_number, start_date, "
             "end_date, due_date, status)"
             " SELECT programme_document_id, report_type, row_number() OVER (ORDER BY due_date), start_date, end_date, "
             "due_date, '%s'"
             "   FROM registry.reporting_period WHERE report_type = 'QPR'",
             status);
    test_sql(pg, sql);
}

START_TEST(reports_of_lost_and_moved_periods_are_made_anew)
{
    sync_each(base_document, NULL);
    add_reports("Due");
    sync_each(changed(one_period), NULL);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.progress_report"), 0);
    ck_assert_str_eq(
        test_text(pg, "SELECT string_agg(external_id || ' ' || due_date, ',') FROM registry.reporting_period"),
        "12 2024-10-15");
}
END_TEST

START_TEST(a_period_whose_report_a_partner_has_worked_on_stays)
{
    sync_each(base_document, NULL);
    add_reports("Sub");
    sync_each(changed(one_period), NULL);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.progress_report"), 2);
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(external_id || ' ' || due_date, ',' ORDER BY external_id) FROM "
                                   "registry.reporting_period"),
                     "11 2024-06-30,12 2024-10-15");
}
END_TEST

START_TEST(a_draft_has_no_periods_and_loses_none)
{
    const char *const statuses[] = {"draft", "signed"};
    char changes[64];
    snprintf(changes, sizeof changes, "{\"status\": \"%s\"}", statuses[_i]);
    sync_each(changed(changes), NULL);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.reporting_period"), 0);
    snprintf(changes, sizeof changes, "{\"status\": \"%s\", \"reporting_requirements\": []}", statuses[_i]);
    sync_each(base_document, changed(changes));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.reporting_period"), 4);
}
END_TEST

/* Keys ------------------------------------------------------------------------------------------------ */

START_TEST(programme_and_government_documents_of_one_id_are_two)
{
    const char *government = changed("{\"document_type\": \"GDD\", \"title\": \"Schools\", \"expected_results\": []}");
    sync_each(base_document, NULL);
    sync_pages(&handler_pmp_government_documents, (const char *[]){page(government, NULL, NULL), NULL});
    sync_each(base_document, NULL);
    expect_log("1 0 0 1 0 0 0");
    ck_assert_str_eq(
        test_text(
            pg, "SELECT string_agg(title, ',' ORDER BY id) FROM registry.programme_document WHERE external_id = '81'"),
        "Safe water for Tamoru,Schools");
}
END_TEST

START_TEST(documents_whose_results_have_the_same_ids_do_not_share_them)
{
    const char *pages[] = {page(base_document, changed("{\"id\": 2}"), changed("{\"id\": 3}")), NULL};
    sync_pages(&handler_pmp_programme_documents, pages);
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', (SELECT count(*) FROM registry.pd_result_link), (SELECT "
                                   "count(*) FROM registry.reportable),"
                                   " (SELECT count(*) FROM registry.reporting_period))"),
                     "3 3 12");
    const char *before = snapshot();
    sync_pages(&handler_pmp_programme_documents, pages);
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

START_TEST(a_document_that_comes_twice_on_a_page_counts_once)
{
    const char *pages[] = {page(base_document, changed("{\"title\": \"Later\"}"), NULL), NULL};
    sync_pages(&handler_pmp_programme_documents, pages);
    expect_log("2 1 0 0 1 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT title FROM registry.programme_document"), "Safe water for Tamoru");
}
END_TEST

START_TEST(an_empty_list_lets_go_of_nothing)
{
    const char *pages[] = {page(base_document, NULL, NULL), scripted_json(200, "", "{\"count\":0,\"next\":null,\"previous\":null,\"results\":[]}"), NULL};
    sync_pages(&handler_pmp_programme_documents, pages);
    expect_log("0 0 0 0 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.programme_document WHERE is_active"), 1);
}
END_TEST

#define PLACE(id, level, parent, x) \
    "{\"id\":" id ",\"name\":\"Town\",\"p_code\":\"TM01\",\"admin_level\":" level ",\"parent_p_code\":\"" parent "\",\"geom\":null," \
    "\"point\":{\"type\":\"Point\",\"coordinates\":[" x ",1]}}"

START_TEST(a_place_that_comes_twice_in_a_list_is_the_first_of_them_again_and_again)
{
    const char *first = "{\"count\":4,\"next\":\"/two\",\"results\":[" PLACE("1", "2", "A", "1") "," PLACE("2", "2", "B", "2") "]}",
               *second = "{\"count\":4,\"next\":null,\"results\":[" PLACE("3", "2", "C", "3") "," PLACE("4", "3", "D", "4") "]}";
    struct scripted rows[] = {{.answer = scripted_json(200, "", first)}, {.answer = scripted_json(200, "", second)},
                              {.answer = scripted_json(200, "", first)}, {.answer = scripted_json(200, "", second)}, {0}};
    char base[64];
    const char *before = "";
    scripted_start(rows, base);
    for (int i = 0; i < 2; i++) {
        struct test_run *r CLEANUP(test_run_freep) = test_run(&(struct test_runner){.database = url, .upstream = base}, &handler_pmp_locations, "{}");
        ck_assert_msg(r->end.success, "%s", r->end.error.text);
        expect_log(i == 0 ? "4 2 0 0 2 0 0" : "4 0 0 2 2 0 0");
        ck_assert_str_eq(test_text(pg, "SELECT string_agg(concat_ws(' ', external_id, parent_p_code, point->'coordinates'), ', ' ORDER BY id) FROM registry.location"),
                         "1 A [1, 1], 4 D [4, 1]");
        ck_assert(i == 0 || strcmp(before, snapshot()) == 0);
        before = snapshot();
    }
    ck_assert_str_eq(test_text(pg, "SELECT DISTINCT n->>'note' FROM registry.sync_log, jsonb_array_elements(data->'notes') n"),
                     "comes again: the first of its key counts");
}
END_TEST

START_TEST(two_countries_that_draw_a_place_otherwise_do_not_overwrite_each_other)
{
    const char *one = "{\"count\":1,\"next\":null,\"results\":[" PLACE("1", "2", "A", "1") "]}",
               *other = "{\"count\":1,\"next\":null,\"results\":[" PLACE("7", "2", "A", "7") "]}";
    struct scripted rows[] = {{.answer = scripted_json(200, "", one)}, {.answer = scripted_json(200, "", other)},
                              {.answer = scripted_json(200, "", one)}, {.answer = scripted_json(200, "", other)}, {0}};
    char base[64];
    const char *before = "";
    test_sql(pg, "INSERT INTO registry.workspace (title, workspace_code, business_area_code) VALUES ('Besana', 'BS', '0250')");
    scripted_start(rows, base);
    for (int i = 0; i < 2; i++) {
        struct test_run *r CLEANUP(test_run_freep) = test_run(&(struct test_runner){.database = url, .upstream = base}, &handler_pmp_locations, "{}");
        ck_assert_msg(r->end.success, "%s", r->end.error.text);
        ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', external_id, point->'coordinates', longitude, origin) FROM registry.location"), "1 [7, 1] 7 locations/0250");
        ck_assert(i == 0 || strcmp(before, snapshot()) == 0);
        before = snapshot();
    }
}
END_TEST

START_TEST(a_partner_without_a_vendor_number_lands_with_its_document)
{
    const char *document = changed("{\"partner_org\": {\"id\": 0, \"name\": \"Partner 2\"}}");
    sync_each(document, document);
    expect_log("1 0 0 1 0 0 0");
    ck_assert_str_eq(test_text(pg,
                               "SELECT concat_ws('|', p.title, p.external_id, p.vendor_number, basis_for_risk_rating)"
                               "  FROM registry.partner p JOIN registry.programme_document d ON d.partner_id = p.id"),
                     "Partner 2|0|N/A");
}
END_TEST

START_TEST(a_result_without_a_link_gets_one_of_its_own)
{
    sync_each(changed("{\"expected_results\": [{\"id\": 16, \"title\": \"t\", \"cp_output\": {\"id\": 207, \"title\": "
                      "\"c\"}, \"indicators\": []}]}"),
              NULL);
    ck_assert_str_eq(test_text(pg, "SELECT external_id FROM registry.pd_result_link"), "81:207");
}
END_TEST

START_TEST(a_place_waits_for_its_parent)
{
    static const char only[] =
        "{\"id\": %d, "
        "\"expected_results\":[{\"id\":40,\"title\":\"t\",\"result_link\":5,\"cp_output\":{\"id\":207,\"title\":\"c\"},"
        "\"indicators\":["
        "{\"id\":500,\"title\":\"i\",\"blueprint_id\":60,\"target\":{\"d\":1,\"v\":2},\"unit\":\"number\",\"baseline\":"
        "{\"d\":1,\"v\":0},\"locations\":"
        "[{\"id\":%d,\"name\":\"P%d\",\"p_code\":\"P%d\",\"admin_level\":%d,\"parent_pcode\":%s}]}]}]}";
    char child[512], parent[512];
    snprintf(child, sizeof child, only, 1, 2, 2, 2, 1, "\"P1\"");
    snprintf(parent, sizeof parent, only, 2, 1, 1, 1, 0, "null");
    sync_pages(&handler_pmp_programme_documents,
               (const char *[]){page(changed(child), NULL, NULL), page(changed(child), changed(parent), NULL), NULL});
    ck_assert_str_eq(
        test_text(pg, "SELECT u.name FROM registry.location l JOIN registry.location u ON u.id = l.parent_id"), "P1");
}
END_TEST

START_TEST(places_of_a_government_document_are_its_own)
{
    const char *government =
        changed("{\"document_type\": \"GDD\", \"expected_results\": [], \"has_signed_document\": true}");
    struct text with_places CLEANUP(text_free) = {0};
    text_add(&with_places, government, strlen(government) - 1);
    text_puts(&with_places,
              ",\"has_signed_document\":true,\"locations\":[{\"id\":1,\"name\":\"Tamoru\",\"p_code\":\"TM\",\"admin_"
              "level\":0,"
              "\"admin_level_name\":\"Country\"},{\"id\":2,\"name\":\"Odd\",\"p_code\":null,\"admin_level\":1}]}");
    sync_pages(&handler_pmp_government_documents,
               (const char *[]){page(text_str(&with_places), NULL, NULL), page(government, NULL, NULL), NULL});
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.programme_document_location"), 0);
    sync_pages(&handler_pmp_government_documents, (const char *[]){page(text_str(&with_places), NULL, NULL), NULL});
    ck_assert_str_eq(test_text(pg,
                               "SELECT l.name || ' ' || d.has_signed_document FROM registry.programme_document_location"
                               " JOIN registry.location l ON l.id = location_id JOIN registry.programme_document d ON "
                               "d.id = programme_document_id"),
                     "Tamoru true");
}
END_TEST

/* Servers that cannot tell what is new: the list without it, and a complaint. */
START_TEST(a_server_that_does_not_know_what_changed_is_read_whole)
{
    const char *both = page(base_document, changed("{\"id\": 2}"), NULL), *one = page(base_document, NULL, NULL);
    const char *probed = _i ? scripted_json(400, "", "{\"updated_after\": [\"unknown\"]}") : one;
    const struct scripted rows[] = {{.answer = both}, {.answer = probed}, {.answer = one}, {0}};
    char base[64];
    scripted_start(rows, base);
    const struct test_runner runner = {.database = url, .upstream = base};
    for (int i = 0; i < 2; i++) {
        struct test_run *r CLEANUP(test_run_freep) = test_run(&runner, &handler_pmp_programme_documents, "{}");
        ck_assert_msg(r->end.success, "%s", r->end.error.text);
    }
    expect_log("1 0 0 1 0 1 0");
    ck_assert_ptr_nonnull(strstr(scripted_request(1), "updated_after=2999"));
    ck_assert_ptr_null(strstr(scripted_request(2), "updated_after"));
}
END_TEST

#define LOOP(tests, test, rows) tcase_add_loop_test(tests, test, 0, (int)(sizeof rows / sizeof *rows))

static void add_tests(TCase *tests)
{
    tcase_add_test(tests, every_member_of_a_document_lands);
    tcase_add_test(tests, a_second_run_writes_nothing_and_says_so);
    LOOP(tests, a_target_is_kept_as_the_number_it_stands_for, numbers);
    tcase_add_test(tests, an_empty_unit_follows_from_the_baseline);
    LOOP(tests, a_bad_document_is_told_with_its_field_and_the_rest_lands, bad);
    tcase_add_test(tests, what_only_the_database_refuses_fails_its_document_alone);
    tcase_add_test(tests, a_document_that_turns_bad_keeps_what_it_had);
    tcase_add_test(tests, a_document_without_dates_is_skipped_and_counted);
    tcase_add_test(tests, an_indicator_with_an_odd_place_is_left_out_and_the_document_lands);
    tcase_add_test(tests, the_same_address_in_other_letters_is_one_person);
    tcase_add_loop_test(tests, a_person_without_an_address_is_left_out_and_noted, 0, 7);
    tcase_add_test(tests, a_person_whom_the_document_lost_becomes_inactive_and_comes_back);
    tcase_add_test(tests, a_person_whom_another_document_names_stays_active);
    tcase_add_test(tests, of_two_documents_that_disagree_the_newer_word_stands);
    tcase_add_test(tests, what_the_payload_no_longer_has_goes_or_becomes_inactive);
    tcase_add_test(tests, a_place_that_an_indicator_lost_is_no_goal_any_more);
    tcase_add_test(tests, an_indicator_that_moves_to_another_output_stays_the_same_indicator);
    tcase_add_test(tests, reports_of_lost_and_moved_periods_are_made_anew);
    tcase_add_test(tests, a_period_whose_report_a_partner_has_worked_on_stays);
    tcase_add_loop_test(tests, a_draft_has_no_periods_and_loses_none, 0, 2);
    tcase_add_test(tests, programme_and_government_documents_of_one_id_are_two);
    tcase_add_test(tests, documents_whose_results_have_the_same_ids_do_not_share_them);
    tcase_add_test(tests, a_document_that_comes_twice_on_a_page_counts_once);
    tcase_add_test(tests, an_empty_list_lets_go_of_nothing);
    tcase_add_test(tests, a_place_that_comes_twice_in_a_list_is_the_first_of_them_again_and_again);
    tcase_add_test(tests, two_countries_that_draw_a_place_otherwise_do_not_overwrite_each_other);
    tcase_add_test(tests, a_partner_without_a_vendor_number_lands_with_its_document);
    tcase_add_test(tests, a_result_without_a_link_gets_one_of_its_own);
    tcase_add_test(tests, a_place_waits_for_its_parent);
    tcase_add_test(tests, places_of_a_government_document_are_its_own);
    tcase_add_loop_test(tests, a_server_that_does_not_know_what_changed_is_read_whole, 0, 2);
}

int main(void)
{
    struct test_cluster *cluster = test_cluster_start(NULL);
    url = test_cluster_database(cluster);
    TCase *tests = tcase_create("documents");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    add_tests(tests);
    return test_main_case("pmp documents", tests);
}
