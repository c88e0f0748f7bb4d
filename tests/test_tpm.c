/* Firms and what was ordered from them: against the sandbox with its quirks, and answers written by hand, into a real database. */
#include "tasks/tpm/tpm.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/test_http_server.h"
#include "tests/test_pmp_task.h"
#include "tests/test_sandbox_client.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static const char *url;
static struct pg *pg;
static char upstream[128];

#define ALL "{\"upstream\":\"pmp\"}"
#define AREA "{\"upstream\":\"pmp\",\"business_area\":\"0160\"}"

static struct test_run *run_with(const struct handler *handler, const char *args, int64_t cancel_after)
{
    const struct test_runner runner = {.database = url, .upstream = upstream, .key = "drumbeat", .cancel_after = cancel_after};
    return test_run(&runner, handler, args);
}

static void succeed(const struct handler *handler, const char *args)
{
    struct test_run *r CLEANUP(test_run_freep) = run_with(handler, args, 0);
    ck_assert_msg(r->end.success, "%s: %s", handler->name, r->end.error.text);
}

static enum err_kind failure(const struct handler *handler, const char *args)
{
    struct test_run *r CLEANUP(test_run_freep) = run_with(handler, args, 0);
    ck_assert(!r->end.success);
    return r->end.error.kind;
}

static const char *last(const char *handler)
{
    return test_text(pg, scripted_keep("SELECT concat_ws(' ', successful, fetched, created, updated, unchanged, skipped, deactivated, failed)"
                                       " FROM registry.sync_log WHERE handler_name = '%s' ORDER BY id DESC LIMIT 1",
                                       handler));
}

static void know_firm(const char *vendor)
{
    test_sql(pg, scripted_keep("WITH o AS (INSERT INTO registry.organization (vendor_number, name) VALUES ('%s', 'as typed in') RETURNING id)"
                               " INSERT INTO registry.tpm_partner (organization_id) SELECT id FROM o",
                               vendor));
}

static void set_up(void)
{
    static const char *const nothing[] = {NULL};
    sandbox_start(nothing);
    snprintf(upstream, sizeof upstream, "%s/vision", sandbox_base());
    pg = test_connect(url);
    test_sql(pg, "TRUNCATE registry.workspace, registry.organization, registry.sync_log, drumbeat.attempt_lock, drumbeat.batch RESTART IDENTITY CASCADE;"
                 "DELETE FROM drumbeat.task_body;"
                 "INSERT INTO registry.workspace (title, workspace_code, business_area_code) VALUES ('Tamoru', 'TM', '0160'), ('Besana', 'BS', '0250')");
}

static void tear_down(void)
{
    sandbox_stop();
    scripted_stop();
    pg_close(pg);
}

/* What was copied, and which transaction wrote each row. */
static const char *snapshot(void)
{
    return scripted_keep("%s", test_text(pg, "SELECT md5(concat((SELECT string_agg(t.xmin || t::text, ',' ORDER BY id) FROM registry.organization t),"
                                             "(SELECT string_agg(t.xmin || t::text, ',' ORDER BY id) FROM registry.tpm_partner t),"
                                             "(SELECT string_agg(t.xmin || t::text, ',' ORDER BY id) FROM registry.auditor_firm t),"
                                             "(SELECT string_agg(t.xmin || t::text, ',' ORDER BY id) FROM registry.purchase_order t),"
                                             "(SELECT string_agg(t.xmin || t::text, ',' ORDER BY id) FROM registry.purchase_order_item t)))"));
}

static void answer(const char *body)
{
    static struct scripted rows[2];
    rows[0] = (struct scripted){.answer = scripted_json(200, "", body)};
    scripted_stop();
    scripted_start(rows, upstream);
}

/* Firms that monitor -------------------------------------------------------------------------------------------------------- */

START_TEST(each_known_firm_is_asked_for_once_whatever_the_number_of_countries)
{
    for (int i = 10; i < 18; i++)
        know_firm(scripted_keep("00250000%d", i));
    succeed(&handler_tpm_partners, ALL);
    ck_assert_str_eq(last("tpm.partners"), "t 8 0 8 0 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.tpm_partner p JOIN registry.organization o ON o.id = organization_id"
                                     " WHERE vision_synced AND street_address LIKE '%Market Street' AND postal_code = '' AND o.name <> 'as typed in'"
                                     " AND hidden = (blocked OR deleted_flag)"),
                     8);
    const char *before = snapshot();
    succeed(&handler_tpm_partners, ALL);
    ck_assert_str_eq(snapshot(), before);
    ck_assert_str_eq(last("tpm.partners"), "t 8 0 0 8 0 0 0");
    struct reply requests CLEANUP(reply_free) = get("/_sandbox/requests");
    ck_assert_int_eq(integer(js_get(requests.json, "total")), 16);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log"), 2);
}
END_TEST

START_TEST(a_vendor_that_is_named_becomes_a_firm)
{
    succeed(&handler_tpm_partners, "{\"upstream\":\"pmp\",\"vendor\":\"0025000011\"}");
    ck_assert_str_eq(last("tpm.partners"), "t 1 1 0 0 0 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT vendor_number FROM registry.tpm_partner p JOIN registry.organization o ON o.id = organization_id"), "0025000011");
}
END_TEST

START_TEST(a_country_copies_the_firms_that_it_works_with)
{
    know_firm("0025000010");
    know_firm("0025000011");
    test_sql(pg, "INSERT INTO registry.tpm_partner_country SELECT max(id), 1 FROM registry.tpm_partner");
    succeed(&handler_tpm_partners, AREA);
    ck_assert_str_eq(last("tpm.partners"), "t 1 0 1 0 0 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT business_area_code FROM registry.sync_log"), "0160");
}
END_TEST

START_TEST(what_nothing_is_known_of_stays_and_is_told)
{
    know_firm("0025000010");
    know_firm("0025000019");
    post("/_sandbox/quirks?no-data=1,times=3");
    for (int i = 0; i < 3; i++)
        succeed(&handler_tpm_partners, "{\"upstream\":\"pmp\",\"vendor\":\"0025000010\"}");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE successful AND fetched = 1 AND skipped = 1"), 3);
    succeed(&handler_tpm_partners, ALL);
    ck_assert_str_eq(last("tpm.partners"), "t 2 0 1 0 1 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT data->'notes'->0->>'note' || ' ' || (data->'notes'->0->>'id') FROM registry.sync_log ORDER BY id DESC LIMIT 1"),
                     "nothing is known of it 0025000019");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.tpm_partner WHERE hidden"), 0);
}
END_TEST

#define FIRM "{\"VENDOR_CODE\":\"0025\",\"VENDOR_NAME\":\"Watch & Sons\",\"PHONE_NUMBER\":null,\"POSTING_BLOCK\":\"X\"}"

static const char *const forms[] = {
    "{\"ROWSET\":{\"ROW\":" FIRM "}}",
    "{\"ROWSET\":{\"ROW\":[" FIRM "]}}",
    "{\"ROWSET\":{\"ROW\":[{\"VENDOR_CODE\":\"0077\",\"VENDOR_NAME\":\"Another\"}," FIRM "]}}",
    "[" FIRM "]",
};

START_TEST(a_firm_is_read_in_each_form_of_an_answer)
{
    answer(forms[_i]);
    succeed(&handler_tpm_partners, "{\"upstream\":\"pmp\",\"vendor\":\"0025\"}");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', o.name, p.phone_number = '', blocked, deleted_flag, hidden) FROM registry.tpm_partner p"
                                   " JOIN registry.organization o ON o.id = organization_id"),
                     "Watch & Sons t t f t");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.organization"), 1);
}
END_TEST

START_TEST(older_versions_call_some_members_otherwise)
{
    answer("\"[{\\\"VENDOR_CODE\\\":\\\"0025\\\",\\\"VENDOR_NAME\\\":\\\"Watch u0026 Sons\\\",\\\"STREET_ADDRESS\\\":\\\"Camp\\\",\\\"VENDOR_CITY\\\":\\\"Tripoli\\\","
           "\\\"VENDOR_CTRY_NAME\\\":\\\"Lebanon\\\"}]\"");
    succeed(&handler_tpm_partners, "{\"upstream\":\"pmp\",\"vendor\":\"0025\"}");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', o.name, street_address, city, country) FROM registry.tpm_partner p JOIN registry.organization o ON o.id = organization_id"),
                     "Watch & Sons Camp Tripoli Lebanon");
}
END_TEST

START_TEST(nobody_monitors_for_a_firm_that_is_deleted)
{
    know_firm("0025");
    know_firm("0026");
    test_sql(pg, "INSERT INTO registry.organization_realm (user_id, country_id, organization_id, group_name)"
                 " SELECT u, c, o.id, g FROM registry.organization o, generate_series(1, 2) u, generate_series(1, 2) c,"
                 " unnest(ARRAY['Third Party Monitor', 'Auditor']) g");
    answer("{\"ROWSET\":{\"ROW\":{\"VENDOR_CODE\":\"0025\",\"VENDOR_NAME\":\"Gone\",\"MARKED_FOR_DELETION\":\"X\"}}}");
    succeed(&handler_tpm_partners, "{\"upstream\":\"pmp\",\"vendor\":\"0025\"}");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(DISTINCT vendor_number || ' ' || group_name, ', ') FROM registry.organization_realm r"
                                   " JOIN registry.organization o ON o.id = organization_id WHERE NOT is_active"),
                     "0025 Third Party Monitor");
    ck_assert_str_eq(test_text(pg, "SELECT data->'rows'->'organization_realm'->>'updated' FROM registry.sync_log"), "4");
}
END_TEST

START_TEST(a_firm_that_cannot_be_had_or_read_does_not_keep_the_others)
{
    for (int i = 10; i < 14; i++)
        know_firm(scripted_keep("00250000%d", i));
    static struct scripted rows[8];
    for (int i = 0; i < 4; i++)
        rows[i] = (struct scripted){.answer = scripted_json(200, "", scripted_keep("{\"ROWSET\":{\"ROW\":{\"VENDOR_CODE\":\"00250000%d\",\"VENDOR_NAME\":\"Firm\"}}}", 10 + i))};
    rows[1].answer = scripted_json(404, "", "{}");
    rows[2].answer = scripted_json(200, "", "{\"ROWSET\":{\"ROW\":{\"VENDOR_CODE\":\"0025000012\",\"VENDOR_NAME\":\"Firm\",\"CITY\":{\"no\":1}}}}");
    scripted_start(rows, upstream);
    succeed(&handler_tpm_partners, ALL);
    ck_assert_str_eq(last("tpm.partners"), "t 4 0 2 0 0 0 2");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(f->>'id' || ' ' || coalesce(f->>'field', '-'), ', ') FROM registry.sync_log, jsonb_array_elements(data->'failures') f"),
                     "0025000011 -, 0025000012 CITY");
}
END_TEST

START_TEST(an_upstream_that_does_not_answer_is_not_asked_for_every_firm)
{
    for (int i = 10; i < 30; i++)
        know_firm(scripted_keep("00250000%d", i));
    static const struct scripted rows[] = {{.answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"}, {0}};
    scripted_start(rows, upstream);
    ck_assert_int_eq(failure(&handler_tpm_partners, ALL), ERR_NOT_FOUND);
    ck_assert_int_eq(scripted_count(), VISION_FAILURES_MAX);
    ck_assert_str_eq(last("tpm.partners"), "f 5 0 0 0 0 0 5");
}
END_TEST

START_TEST(what_was_copied_before_a_run_ended_early_stays)
{
    for (int i = 10; i < 18; i++)
        know_firm(scripted_keep("00250000%d", i));
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_tpm_partners, ALL, 4);
    ck_assert_int_eq(r->end.error.kind, ERR_CANCELLED);
    int64_t before = test_number(pg, "SELECT count(*) FROM registry.tpm_partner WHERE vision_synced");
    ck_assert(before > 0 && before < 8);
    succeed(&handler_tpm_partners, ALL);
    ck_assert_str_eq(last("tpm.partners"), scripted_keep("t 8 0 %d %d 0 0 0", (int)(8 - before), (int)before));
}
END_TEST

/* Purchase orders ----------------------------------------------------------------------------------------------------------- */

START_TEST(orders_are_asked_for_by_business_area_and_land_whole)
{
    succeed(&handler_tpm_purchase_orders, AREA);
    ck_assert_str_eq(last("tpm.purchase_orders"), "t 60 60 0 0 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.purchase_order o JOIN registry.auditor_firm f ON f.id = auditor_firm_id"
                                     " WHERE contract_end_date = contract_start_date + 730 AND f.country = 'Sandbox' AND f.vision_synced"),
                     30);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.purchase_order_item WHERE number IN (10, 20)"), 60);
    const char *before = snapshot();
    succeed(&handler_tpm_purchase_orders, AREA);
    ck_assert_str_eq(snapshot(), before);
    ck_assert_str_eq(last("tpm.purchase_orders"), "t 60 0 0 60 0 0 0");
}
END_TEST

START_TEST(one_order_is_asked_for_by_its_number)
{
    static const struct scripted rows[] = {{.answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"}, {0}};
    scripted_start(rows, upstream);
    ck_assert_int_eq(failure(&handler_tpm_purchase_orders, "{\"upstream\":\"pmp\",\"business_area\":\"0160\",\"number\":\"45/1\"}"), ERR_NOT_FOUND);
    ck_assert_ptr_eq(strstr(scripted_request(0), "GET /purchaseorders/45%2F1/?businessarea=0160 HTTP"), scripted_request(0));
    succeed(&handler_tpm_purchase_orders, AREA);
    ck_assert_ptr_eq(strstr(scripted_request(1), "GET /purchaseorders/?businessarea=0160 HTTP"), scripted_request(1));
    ck_assert_int_eq(failure(&handler_tpm_purchase_orders, "{\"upstream\":\"pmp\",\"number\":\"45\"}"), ERR_USAGE);
}
END_TEST

#define ORDER(number, item, more) \
    "{\"PO_NUMBER\":\"" number "\",\"PO_ITEM\":" item ",\"VENDOR_CODE\":\"321\",\"VENDOR_NAME\":\"ACME Inc.\",\"VENDOR_CTRY_NAME\":null" more "}"

START_TEST(lines_are_read_as_they_come)
{
    test_sql(pg, "INSERT INTO registry.organization (vendor_number, name, short_name, organization_type) VALUES ('321', 'Acme', 'A', 'Government')");
    answer("[" ORDER("123", "456", ",\"PO_DATE\":\"/Date(1361336400000)/\",\"EXPIRY_DATE\":\"31-DEC-69\"") "," ORDER("123", "null", "") ","
           ORDER("123", "\"0010\"", ",\"PO_DATE\":\"01-JAN-20\"") "," ORDER("124", "\"ten\"", "") "," ORDER("125", "12345678901", "") ","
           "{\"PO_NUMBER\":\"126\",\"VENDOR_CODE\":\"321\",\"VENDOR_NAME\":\"\"},7]");
    succeed(&handler_tpm_purchase_orders, AREA);
    ck_assert_str_eq(last("tpm.purchase_orders"), "t 7 2 0 1 1 0 3");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(concat_ws(' ', order_number, contract_start_date, contract_end_date), ', ') FROM registry.purchase_order"),
                     "123 2013-02-20 1969-12-31");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(number::text, ' ' ORDER BY number) FROM registry.purchase_order_item"), "10 456");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', name, short_name, organization_type) FROM registry.organization"), "ACME Inc. A Government");
}
END_TEST

static const char *const faults[] = {"truncated=2", "cut-off=2", "bad-gateway=2", "login-page=2", "legacy-form=1"};

START_TEST(faults_and_forms_change_nothing_of_what_lands)
{
    know_firm("0025000010");
    succeed(&handler_tpm_partners, ALL);
    succeed(&handler_tpm_purchase_orders, AREA);
    const char *before = snapshot();
    post("/_sandbox/quirks?%s", faults[_i]);
    succeed(&handler_tpm_partners, ALL);
    succeed(&handler_tpm_purchase_orders, AREA);
    ck_assert_msg(strcmp(snapshot(), before) == 0, "%s", faults[_i]);
}
END_TEST

START_TEST(without_a_country_there_is_a_task_for_each)
{
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_tpm_purchase_orders, ALL, 0);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_ptr_nonnull(strstr(r->end.result, "\"tasks\":2,\"countries\":2"));
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(name || ' ' || tenant || ' ' || (args->>'business_area'), ', ' ORDER BY tenant) FROM drumbeat.task WHERE batch_id IS NOT NULL"),
                     "tpm.purchase_orders 0160 0160, tpm.purchase_orders 0250 0250");
}
END_TEST

int main(void)
{
    struct test_cluster *cluster = test_cluster_start(NULL);
    url = test_cluster_database(cluster);
    TCase *tests = tcase_create("tpm");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, each_known_firm_is_asked_for_once_whatever_the_number_of_countries);
    tcase_add_test(tests, a_vendor_that_is_named_becomes_a_firm);
    tcase_add_test(tests, a_country_copies_the_firms_that_it_works_with);
    tcase_add_test(tests, what_nothing_is_known_of_stays_and_is_told);
    tcase_add_loop_test(tests, a_firm_is_read_in_each_form_of_an_answer, 0, (int)(sizeof forms / sizeof *forms));
    tcase_add_test(tests, older_versions_call_some_members_otherwise);
    tcase_add_test(tests, nobody_monitors_for_a_firm_that_is_deleted);
    tcase_add_test(tests, a_firm_that_cannot_be_had_or_read_does_not_keep_the_others);
    tcase_add_test(tests, an_upstream_that_does_not_answer_is_not_asked_for_every_firm);
    tcase_add_test(tests, what_was_copied_before_a_run_ended_early_stays);
    tcase_add_test(tests, orders_are_asked_for_by_business_area_and_land_whole);
    tcase_add_test(tests, one_order_is_asked_for_by_its_number);
    tcase_add_test(tests, lines_are_read_as_they_come);
    tcase_add_loop_test(tests, faults_and_forms_change_nothing_of_what_lands, 0, (int)(sizeof faults / sizeof *faults));
    tcase_add_test(tests, without_a_country_there_is_a_task_for_each);
    return test_main_case("tpm", tests);
}
