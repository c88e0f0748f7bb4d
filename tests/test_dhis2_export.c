/* What is sent to a DHIS2, against the sandbox with its quirks and against answers in each form that they come in. */
#include "tasks/dhis2/dhis2.h"
#include "tasks/dhis2/send.h"
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
static char base[128];

static struct test_run *run(const struct handler *handler, const char *args)
{
    const struct test_runner runner = {.database = url, .upstream = base, .user = "drumbeat", .password = "drumbeat"};
    return test_run(&runner, handler, args);
}

static void succeed(const struct handler *handler, const char *args)
{
    struct test_run *r CLEANUP(test_run_freep) = run(handler, args);
    ck_assert_msg(r->end.success, "%s: %s", args, r->end.error.text);
}

#define SOURCE "\"data_source\": \"play\", \"upstream\": \"pmp\""

static void import(void)
{
    succeed(&handler_dhis2_org_units, "{" SOURCE ", \"version\": 0, \"validate\": true}");
}

static void send_values(void)
{
    succeed(&handler_dhis2_export_values, "{" SOURCE ", \"page_size\": 20}");
}

static void send_units(void)
{
    succeed(&handler_dhis2_export_org_units, "{" SOURCE ", \"version\": 1, \"reference\": 0}");
}

/* successful, fetched, created, updated, unchanged, failed of the last run. */
static const char *last(void)
{
    return test_text(pg, "SELECT concat_ws(' ', successful, fetched, created, updated, unchanged, failed)"
                         "  FROM registry.sync_log ORDER BY id DESC LIMIT 1");
}

/* How many values wait, were taken, were refused. */
static const char *states(void)
{
    return test_text(pg, "SELECT concat_ws(' ', count(*) FILTER (WHERE export_status = 'QUEUED'), count(*) FILTER (WHERE export_status = 'EXPORTED'),"
                         " count(*) FILTER (WHERE export_status = 'ERRORED')) FROM registry.data_value");
}

/* A value for each of the 60 facilities. */
static void make_values(void)
{
    import();
    test_sql(pg, "INSERT INTO registry.data_value (data_source_id, data_element, period, org_unit, value)"
                 " SELECT 1, 'FC3nR54yGUx', '202401', source_ref, (row_number() OVER (ORDER BY source_ref))::text"
                 "   FROM registry.org_unit u JOIN registry.org_unit_type t ON t.id = org_unit_type_id WHERE depth = 4");
}

static void quirk(const char *name, const char *rule)
{
    post("/_sandbox/quirks?%s=%s", name, rule);
}

/* How many things of a kind the sandbox was sent. */
static size_t sent(const char *kind)
{
    struct reply CLEANUP(reply_free) r = get("/dhis2/_sandbox/sent");
    return js_count(js_get(r.json, kind));
}

/* A member of something that it was sent, as text. */
static const char *sent_text(const char *kind, const char *id, const char *member)
{
    static char text[256];
    struct reply CLEANUP(reply_free) r = get("/dhis2/_sandbox/sent");
    const char *value = js_text(js_get(js_get(js_get(r.json, kind), id), member));
    snprintf(text, sizeof text, "%s", value ? value : "");
    return text;
}

static void set_up(void)
{
    static const char *const nothing[] = {NULL};
    sandbox_start(nothing);
    snprintf(base, sizeof base, "%s/dhis2", sandbox_base());
    pg = test_connect(url);
    test_sql(pg, "TRUNCATE registry.data_source, registry.sync_log, drumbeat.attempt_lock, drumbeat.running RESTART IDENTITY CASCADE");
}

static void tear_down(void)
{
    sandbox_stop();
    pg_close(pg);
}

/* Data values ----------------------------------------------------------------------------------------- */

START_TEST(values_are_sent_once)
{
    make_values();
    send_values();
    ck_assert_str_eq(last(), "t 60 60 0 0 0");
    ck_assert_str_eq(states(), "0 60 0");
    ck_assert_int_eq(sent("dataValues"), 60);
    send_values();
    ck_assert_str_eq(last(), "t 0 0 0 0 0");
    test_sql(pg, "UPDATE registry.data_value SET value = '7', export_status = 'QUEUED' WHERE id <= 3");
    send_values();
    ck_assert_str_eq(last(), "t 3 0 3 0 0");
}
END_TEST

/* Whatever the server says, the same values are refused, and each knows why. */
static void check_refused(const char *reason)
{
    quirk("refused-values", "15");
    send_values();
    int64_t refused = test_number(pg, "SELECT count(*) FROM registry.data_value WHERE export_status = 'ERRORED'");
    ck_assert_int_gt(refused, 2);
    ck_assert_int_eq((int64_t)sent("dataValues"), 60 - refused);
    ck_assert_int_eq(test_number(pg, "SELECT failed FROM registry.sync_log ORDER BY id DESC LIMIT 1"), refused);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.data_value WHERE export_status = 'ERRORED'"
                                     " AND jsonb_array_length(export_errors) = 1"), refused);
    ck_assert_str_eq(test_text(pg, "SELECT DISTINCT export_errors->0->>'value' FROM registry.data_value WHERE export_status = 'ERRORED'"), reason);
    quirk("refused-values", "0");
    succeed(&handler_dhis2_export_values, "{" SOURCE ", \"errored\": true}");
    ck_assert_str_eq(states(), "0 60 0");
}

START_TEST(a_conflict_is_told_at_its_value_and_the_others_are_taken)
{
    make_values();
    check_refused("Data value is not numeric");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log, jsonb_array_elements(data->'failures') f"
                                     " WHERE f->>'reason' LIKE 'E7619: Data value%' AND f->>'id' ~ '^[0-9]+$'"),
                     test_number(pg, "SELECT sum(failed) FROM registry.sync_log"));
}
END_TEST

START_TEST(conflicts_that_name_no_value_find_theirs)
{
    make_values();
    quirk("nameless-conflicts", "on");
    check_refused("Category option combo is required but is not specified");
}
END_TEST

START_TEST(a_value_that_fails_the_whole_import_is_found)
{
    make_values();
    quirk("failed-imports", "on");
    check_refused("The import process failed: Failed to flush BatchHandler");
}
END_TEST

START_TEST(a_server_that_fails_every_import_blames_no_value)
{
    const struct scripted rows[] = {{.answer = scripted_json(500, "", "{\"httpStatus\":\"InternalError\",\"httpStatusCode\":500,"
                                                                      "\"response\":{\"status\":\"ERROR\",\"description\":\"no space\"}}")}, {0}};
    make_values();
    scripted_start(rows, base);
    struct test_run *r CLEANUP(test_run_freep) = run(&handler_dhis2_export_values, "{" SOURCE "}");
    scripted_stop();
    ck_assert_int_eq(r->end.error.kind, ERR_TRANSIENT);
    ck_assert_ptr_nonnull(strstr(r->end.error.text, "no space"));
    ck_assert_str_eq(states(), "60 0 0");
}
END_TEST

START_TEST(a_value_that_was_changed_on_its_way_is_sent_again)
{
    struct err e;
    struct pg_rows rows;
    make_values();
    int64_t id = 5, version = test_number(pg, "SELECT xmin::text::bigint FROM registry.data_value WHERE id = 5");
    const char *const taken[] = {NULL};
    test_sql(pg, "UPDATE registry.data_value SET value = '99' WHERE id = 5");
    ck_assert(pg_exec(pg, &sql_dhis2_values_settle, &rows, &e, pg_ints(&id, 1), pg_ints(&version, 1), pg_texts(taken, 1)));
    ck_assert_int_eq(pg_get_int(&rows, 0, 0), 0);
    ck_assert_str_eq(states(), "60 0 0");
}
END_TEST

START_TEST(a_cancelled_export_goes_on_where_it_was)
{
    make_values();
    const struct test_runner runner = {.database = url, .upstream = base, .user = "drumbeat", .password = "drumbeat", .cancel_after = 3};
    struct test_run *r CLEANUP(test_run_freep) = test_run(&runner, &handler_dhis2_export_values, "{" SOURCE ", \"page_size\": 20}");
    ck_assert_int_eq(r->end.error.kind, ERR_CANCELLED);
    send_values();
    ck_assert_str_eq(states(), "0 60 0");
    ck_assert_int_eq(sent("dataValues"), 60);
}
END_TEST

/* Answers as they come --------------------------------------------------------------------------------- */

#define WRAPPED(counts, conflicts) \
    "{\"status\": \"WARNING\", " counts "\"conflicts\": [" conflicts "]}"
#define COUNTS(imported, ignored) "\"importCount\": {\"imported\": " imported ", \"updated\": 0, \"ignored\": " ignored ", \"deleted\": 0}, "

/* Three values; which of them are blamed: one bit each. */
static const struct {
    const char *name, *summary;
    enum dhis2_verdict verdict;
    unsigned blamed;
} summaries[] = {
    {"all taken", "{\"status\": \"SUCCESS\", " COUNTS("3", "0") "\"dataSetComplete\": \"false\"}", DHIS2_TAKEN, 0},
    {"an org unit that is not assigned, without counts",
     WRAPPED("", "{\"object\": \"unitAAAAAA2\", \"value\": \"Data element: elementAAA2 must be assigned through data sets to organisation unit: unitAAAAAA2\"}"),
     DHIS2_TAKEN, 2},
    {"a type that is not fitting, named by the value",
     WRAPPED(COUNTS("2", "1"), "{\"object\": \"hello\", \"value\": \"Data value is not numeric, must match data element type: elementAAA1\"}"), DHIS2_TAKEN, 4},
    {"a type that is not fitting, named by members",
     WRAPPED(COUNTS("2", "1"), "{\"object\": \"elementAAA1\", \"objects\": {\"dataElement\": \"elementAAA1\", \"value\": \"hello\"}, \"errorCode\": \"E7619\","
                               " \"value\": \"Value must match data element's `elementAAA1` type constraints\"}"), DHIS2_TAKEN, 4},
    {"an element that stands in two values, both ignored",
     WRAPPED(COUNTS("1", "2"), "{\"object\": \"elementAAA2\", \"value\": \"Data element not found or not accessible\"}"), DHIS2_TAKEN, 3},
    {"an element that stands in two values, one of them ignored",
     WRAPPED(COUNTS("2", "1"), "{\"object\": \"elementAAA2\", \"value\": \"Data element not found or not accessible\"}"), DHIS2_UNCLEAR, 0},
    {"an element that stands in two values, without counts",
     WRAPPED("", "{\"object\": \"elementAAA2\", \"value\": \"Data element not found or not accessible\"}"), DHIS2_UNCLEAR, 0},
    {"a period", WRAPPED(COUNTS("2", "1"), "{\"object\": \"203001\", \"value\": \"Period: 203001 is after latest open future period: 202001\"}"), DHIS2_TAKEN, 2},
    {"a combination that nobody knows", WRAPPED(COUNTS("0", "1"), "{\"object\": \"comboAAAAA9\", \"value\": \"Category option combo not found\"}"), DHIS2_UNCLEAR, 0},
    {"two conflicts of one value that was taken all the same",
     WRAPPED(COUNTS("3", "0"), "{\"object\": \"0\", \"value\": \"Value is zero\"}, {\"object\": \"0\", \"value\": \"Category option combo is required\"}"),
     DHIS2_UNCLEAR, 0},
    {"places in the list", WRAPPED(COUNTS("1", "2"), "{\"object\": \"elementAAA1\", \"value\": \"no\", \"indexes\": [0, 2]}"), DHIS2_TAKEN, 5},
    {"places that are none", WRAPPED(COUNTS("1", "2"), "{\"object\": \"x\", \"value\": \"no\", \"indexes\": [-1, 70, \"a\"]}"), DHIS2_UNCLEAR, 0},
    {"a failure", "{\"status\": \"ERROR\", \"description\": \"The import process failed\"}", DHIS2_UNCLEAR, 0},
    {"conflicts of a wrong type", "{\"status\": \"WARNING\", \"conflicts\": [7, null, {\"object\": 3}]}", DHIS2_UNCLEAR, 0},
};

START_TEST(each_form_of_a_conflict_finds_its_values)
{
    static const char *const values[] = {
        "{\"dataElement\": \"elementAAA2\", \"period\": \"202001\", \"orgUnit\": \"unitAAAAAA1\", \"value\": \"0\"}",
        "{\"dataElement\": \"elementAAA2\", \"period\": \"203001\", \"orgUnit\": \"unitAAAAAA2\", \"value\": \"1\"}",
        "{\"dataElement\": \"elementAAA1\", \"period\": \"202001\", \"orgUnit\": \"unitAAAAAA3\", \"value\": \"hello\"}"};
    for (size_t i = 0; i < sizeof summaries / sizeof *summaries; i++) {
        struct err e;
        struct dhis2_item items[3] = {0}, *list[] = {&items[0], &items[1], &items[2]};
        unsigned blamed = 0;
        for (int n = 0; n < 3; n++)
            items[n].json = js_parse(values[n], strlen(values[n]), &e);
        struct js *summary CLEANUP(js_freep) = js_parse(summaries[i].summary, strlen(summaries[i].summary), &e);
        ck_assert_msg(summary != NULL, "%s: %s", summaries[i].name, e.text);
        ck_assert_msg(dhis2_judge_values(summary, list, 3) == summaries[i].verdict, "%s", summaries[i].name);
        for (int n = 0; n < 3; n++)
            blamed |= items[n].told ? 1u << n : 0;
        ck_assert_msg(blamed == summaries[i].blamed, "%s: %u", summaries[i].name, blamed);
        dhis2_items_free(items, 3);
    }
}
END_TEST

/* Org units ------------------------------------------------------------------------------------------- */

/* Version 0 is what DHIS2 has; version 1 begins as a copy of it. */
static void copy_version(void)
{
    import();
    test_sql(pg, "INSERT INTO registry.source_version (data_source_id, number) VALUES (1, 1);"
                 "INSERT INTO registry.org_unit (name, validation_status, version_id, parent_source_ref, org_unit_type_id, source_ref, geom, location, opening_date, closed_date, code)"
                 " SELECT name, 'VALID', 2, parent_source_ref, org_unit_type_id, source_ref, geom, location, opening_date, closed_date, code FROM registry.org_unit;"
                 "UPDATE registry.org_unit u SET parent_id = p.id FROM registry.org_unit p"
                 " WHERE u.version_id = 2 AND p.version_id = 2 AND p.source_ref = u.parent_source_ref;"
                 "INSERT INTO registry.org_unit_group (name, source_ref, source_version_id) SELECT name, source_ref, 2 FROM registry.org_unit_group;"
                 "INSERT INTO registry.org_unit_group_member (org_unit_id, org_unit_group_id) SELECT v.id, h.id FROM registry.org_unit_group_member m"
                 "  JOIN registry.org_unit u ON u.id = m.org_unit_id JOIN registry.org_unit v ON v.version_id = 2 AND v.source_ref = u.source_ref"
                 "  JOIN registry.org_unit_group g ON g.id = m.org_unit_group_id JOIN registry.org_unit_group h ON h.source_version_id = 2 AND h.source_ref = g.source_ref");
}

START_TEST(what_is_the_same_is_not_sent)
{
    copy_version();
    send_units();
    ck_assert_str_eq(last(), "t 0 0 0 0 0");
    ck_assert_int_eq(sent("organisationUnits") + sent("organisationUnitGroups"), 0);
}
END_TEST

START_TEST(what_differs_is_sent_once_and_the_rest_of_the_object_stays)
{
    copy_version();
    const char *id = test_text(pg, "UPDATE registry.org_unit SET name = 'Renamed', closed_date = NULL WHERE id ="
                                   " (SELECT max(id) FROM registry.org_unit WHERE version_id = 2 AND code <> '' AND location IS NOT NULL) RETURNING source_ref");
    char uid[32], code[32];
    snprintf(uid, sizeof uid, "%s", id);
    send_units();
    ck_assert_str_eq(last(), "t 1 0 1 0 0");
    ck_assert_int_eq(sent("organisationUnits"), 1);
    ck_assert_str_eq(sent_text("organisationUnits", uid, "name"), "Renamed");
    snprintf(code, sizeof code, "%s", sent_text("organisationUnits", uid, "code"));
    ck_assert_ptr_eq(strstr(code, "OU_"), code);
    send_units();
    ck_assert_str_eq(last(), "t 0 0 0 0 0");
}
END_TEST

START_TEST(what_was_made_here_gets_an_id_and_comes_below_its_parent)
{
    copy_version();
    test_sql(pg, "WITH ward AS (INSERT INTO registry.org_unit (name, validation_status, version_id, parent_id, opening_date)"
                 " SELECT 'Ward', 'VALID', 2, id, '2024-01-01' FROM registry.org_unit WHERE version_id = 2 AND parent_id IS NULL RETURNING id)"
                 "INSERT INTO registry.org_unit (name, validation_status, version_id, parent_id, opening_date, location)"
                 " SELECT 'Post', 'VALID', 2, id, '2024-02-01', '{\"type\": \"Point\", \"coordinates\": [1.5, 2.5]}' FROM ward");
    send_units();
    ck_assert_str_eq(last(), "t 2 2 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit p JOIN registry.org_unit w ON w.id = p.parent_id"
                                     " WHERE p.name = 'Post' AND w.name = 'Ward' AND p.version_id = 1 AND p.source_ref ~ '^[a-z][0-9a-f]{10}$'"
                                     "   AND p.path LIKE '%.' || w.id || '.' || p.id"), 1);
    char uid[32];
    snprintf(uid, sizeof uid, "%s", test_text(pg, "SELECT source_ref FROM registry.org_unit WHERE name = 'Post' AND version_id = 1"));
    ck_assert_str_eq(sent_text("organisationUnits", uid, "openingDate"), "2024-02-01T00:00:00.000");
    send_units();
    ck_assert_str_eq(last(), "t 0 0 0 0 0");
}
END_TEST

START_TEST(a_unit_that_is_refused_is_told_and_the_rest_is_taken)
{
    copy_version();
    test_sql(pg, "INSERT INTO registry.org_unit (name, validation_status, version_id, parent_id)"
                 " SELECT 'Undated', 'VALID', 2, id FROM registry.org_unit WHERE version_id = 2 AND parent_id IS NULL;"
                 "UPDATE registry.org_unit SET name = name || ' II' WHERE version_id = 2 AND id % 10 = 0 AND name <> 'Undated'");
    int64_t renamed = test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE name LIKE '% II'");
    send_units();
    ck_assert_int_eq((int64_t)sent("organisationUnits"), renamed);
    ck_assert_int_eq(test_number(pg, "SELECT failed FROM registry.sync_log ORDER BY id DESC LIMIT 1"), 1);
    ck_assert_str_eq(test_text(pg, "SELECT data->'failures'->0->>'reason' FROM registry.sync_log ORDER BY id DESC LIMIT 1"),
                     "E4000: Missing required property `openingDate`.");
    test_sql(pg, "UPDATE registry.org_unit SET opening_date = '2024-01-01' WHERE name = 'Undated'");
    send_units();
    ck_assert_str_eq(last(), "t 1 1 0 0 0");
}
END_TEST

START_TEST(groups_are_sent_whole_with_what_was_added_and_taken_away)
{
    copy_version();
    test_sql(pg, "DELETE FROM registry.org_unit_group_member WHERE (org_unit_id, org_unit_group_id) IN (SELECT org_unit_id, org_unit_group_id"
                 "  FROM registry.org_unit_group_member JOIN registry.org_unit_group g ON g.id = org_unit_group_id WHERE g.source_version_id = 2 ORDER BY 1, 2 LIMIT 1);"
                 "WITH new AS (INSERT INTO registry.org_unit_group (name, source_ref, source_version_id) VALUES ('Mobile', 'mobileGroup', 2) RETURNING id)"
                 "INSERT INTO registry.org_unit_group_member SELECT u.id, new.id FROM registry.org_unit u, new WHERE u.version_id = 2 AND u.parent_id IS NULL");
    send_units();
    ck_assert_int_eq(sent("organisationUnitGroups"), 2);
    ck_assert_str_eq(sent_text("organisationUnitGroups", "mobileGroup", "shortName"), "Mobile");
    ck_assert_int_eq(test_number(pg, "SELECT (data->>'groups')::int FROM registry.sync_log ORDER BY id DESC LIMIT 1"), 2);
    send_units();
    ck_assert_int_eq(test_number(pg, "SELECT (data->>'groups')::int FROM registry.sync_log ORDER BY id DESC LIMIT 1"), 0);
}
END_TEST

START_TEST(a_version_that_there_is_not_is_told)
{
    import();
    struct test_run *r CLEANUP(test_run_freep) = run(&handler_dhis2_export_org_units, "{" SOURCE ", \"reference\": 9}");
    ck_assert_int_eq(r->end.error.kind, ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(r->end.error.text, "'reference'"));
}
END_TEST

/* Whole answers to a page of two: both refusals, then one by one. */
START_TEST(an_import_that_is_refused_as_a_whole_is_sent_again_without_the_bad_one)
{
    struct err e;
    struct dhis2_item items[2] = {{.id = "aaaaaaaaaaa"}, {.id = "bbbbbbbbbbb"}}, *list[] = {&items[0], &items[1]};
    const char atomic[] = "{\"status\": \"ERROR\", \"stats\": {\"created\": 0, \"updated\": 0, \"ignored\": 2, \"total\": 2}, \"typeReports\": [{\"objectReports\":"
                          " [{\"uid\": \"bbbbbbbbbbb\", \"errorReports\": [{\"message\": \"no\", \"errorCode\": \"E1\"}]}]}]}";
    struct js *summary CLEANUP(js_freep) = js_parse(atomic, strlen(atomic), &e);
    ck_assert_int_eq(dhis2_judge_metadata(summary, list, 2), DHIS2_NOT_TAKEN);
    ck_assert_int_eq(items[0].told, 0);
    ck_assert_int_eq(items[1].told, 1);
    dhis2_items_free(items, 2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {values_are_sent_once,
                                  a_conflict_is_told_at_its_value_and_the_others_are_taken,
                                  conflicts_that_name_no_value_find_theirs,
                                  a_value_that_fails_the_whole_import_is_found,
                                  a_server_that_fails_every_import_blames_no_value,
                                  a_value_that_was_changed_on_its_way_is_sent_again,
                                  a_cancelled_export_goes_on_where_it_was,
                                  each_form_of_a_conflict_finds_its_values,
                                  what_is_the_same_is_not_sent,
                                  what_differs_is_sent_once_and_the_rest_of_the_object_stays,
                                  what_was_made_here_gets_an_id_and_comes_below_its_parent,
                                  a_unit_that_is_refused_is_told_and_the_rest_is_taken,
                                  groups_are_sent_whole_with_what_was_added_and_taken_away,
                                  a_version_that_there_is_not_is_told,
                                  an_import_that_is_refused_as_a_whole_is_sent_again_without_the_bad_one};
    url = test_cluster_database(test_cluster_start(NULL));
    TCase *group = tcase_create("dhis2_export");
    tcase_set_timeout(group, 60);
    tcase_add_checked_fixture(group, set_up, tear_down);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(group, tests[i]);
    return test_main_case("dhis2_export", group);
}
