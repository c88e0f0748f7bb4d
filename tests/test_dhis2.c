/* The jobs around DHIS2, against the sandbox with its quirks, against answers written by hand, and a real database. */
#include "tasks/dhis2/dhis2.h"
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

enum { SMALL = 1 + 4 + 12 + 60 };

static struct test_run *run(const char *args)
{
    const struct test_runner runner = {.database = url, .upstream = base, .user = "drumbeat", .password = "drumbeat"};
    return test_run(&runner, &handler_dhis2_org_units, args);
}

static void succeed(const char *args)
{
    struct test_run *r CLEANUP(test_run_freep) = run(args);
    ck_assert_msg(r->end.success, "%s: %s", args, r->end.error.text);
}

#define IMPORT "{\"data_source\": \"play\", \"upstream\": \"pmp\"}"

/* successful, fetched, created, updated, unchanged, skipped, deactivated, failed of the last run. */
static const char *last(void)
{
    return test_text(pg, "SELECT concat_ws(' ', successful, fetched, created, updated, unchanged, skipped, deactivated, failed)"
                         "  FROM registry.sync_log ORDER BY id DESC LIMIT 1");
}

/* Everything in the registry but its log, and which transaction wrote each row. */
static const char *snapshot(void)
{
    static struct region *kept;
    const char *sql = test_text(
        pg, "SELECT 'SELECT md5(concat(' || string_agg(format('(SELECT string_agg(t.xmin || t::text, '','' ORDER BY t::text)"
            " FROM registry.%I t)', tablename), ',') || '))' FROM pg_tables WHERE schemaname = 'registry' AND tablename <> 'sync_log'");
    kept = kept ? kept : region_new();
    return region_strdup(kept, test_text(pg, region_strdup(kept, sql)));
}

static void quirk(const char *name, const char *rule)
{
    post("/_sandbox/quirks?%s=%s", name, rule);
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

/* Good days ------------------------------------------------------------------------------------------- */

START_TEST(the_whole_pyramid_lands)
{
    struct test_run *r CLEANUP(test_run_freep) = run(IMPORT);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_str_eq(last(), "t 77 77 0 0 0 0 0");
    ck_assert_int_eq(r->end.progress_value, SMALL);
    ck_assert_int_eq(r->end.end_value, SMALL);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE version_id = (SELECT default_version_id FROM registry.data_source"
                                     " WHERE name = 'play') AND validation_status = 'NEW'"), SMALL);
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(t.name || ' ' || n, ', ' ORDER BY depth) FROM registry.org_unit_type t JOIN"
                                   " (SELECT org_unit_type_id, count(*) n FROM registry.org_unit GROUP BY 1) u ON u.org_unit_type_id = t.id"),
                     "National 1, District 4, Chiefdom 12, Facility 60");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE parent_id IS NULL"), 1);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit u JOIN registry.org_unit_type t ON t.id = org_unit_type_id"
                                     " WHERE array_length(string_to_array(path, '.'), 1) = depth AND path ~ (u.id || '$')"), SMALL);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE name <> btrim(name)"), 0);
}
END_TEST

START_TEST(groups_and_their_sets_come_along)
{
    succeed(IMPORT);
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(s.name || ': ' || n, ', ' ORDER BY s.name) FROM registry.group_set s JOIN"
                                   " (SELECT group_set_id, count(*) n FROM registry.group_set_group GROUP BY 1) g ON group_set_id = s.id"),
                     "Facility Ownership: 4, Facility Type: 4");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit_group_member"), 120);
}
END_TEST

START_TEST(a_second_run_writes_nothing)
{
    succeed(IMPORT);
    const char *before = snapshot();
    succeed(IMPORT);
    ck_assert_str_eq(last(), "t 77 0 0 77 0 0 0");
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

START_TEST(what_changed_is_updated_and_what_is_new_gets_a_group)
{
    post("/dhis2/_sandbox/remove?id=20");
    succeed(IMPORT);
    post("/dhis2/_sandbox/restore?id=20");
    post("/dhis2/_sandbox/touch?id=30");
    succeed(IMPORT);
    ck_assert_str_eq(last(), "t 77 1 1 75 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit_group g JOIN registry.org_unit_group_member ON org_unit_group_id = g.id"
                                     " WHERE name ~ '^Imported on [0-9]{2}/[0-9]{2}/[0-9]{4} [0-9:]{8}$' AND source_ref IS NULL"), 1);
}
END_TEST

START_TEST(what_is_gone_upstream_stays)
{
    succeed(IMPORT);
    post("/dhis2/_sandbox/remove?id=70");
    succeed(IMPORT);
    ck_assert_str_eq(last(), "t 76 0 0 76 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit"), SMALL);
}
END_TEST

START_TEST(versions_are_apart)
{
    succeed("{\"data_source\": \"play\", \"upstream\": \"pmp\", \"version\": 4, \"validate\": true}");
    succeed("{\"data_source\": \"play\", \"upstream\": \"pmp\", \"new_version\": true}");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(number || ' ' || n, ', ' ORDER BY number) FROM registry.source_version v JOIN"
                                   " (SELECT version_id, count(*) n FROM registry.org_unit GROUP BY 1) u ON version_id = v.id"), "4 77, 5 77");
    ck_assert_int_eq(test_number(pg, "SELECT number FROM registry.source_version v JOIN registry.data_source d ON default_version_id = v.id"), 4);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE validation_status = 'VALID'"), SMALL);
}
END_TEST

/* Odd days -------------------------------------------------------------------------------------------- */

START_TEST(both_forms_of_geometry_and_of_dates_say_the_same)
{
    succeed(IMPORT);
    ck_assert_int_gt(test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE location->>'type' = 'Point'"), 30);
    ck_assert_int_gt(test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE geom->>'type' = 'MultiPolygon'"), 5);
    const char *before = snapshot();
    quirk("old-geometry", "on");
    quirk("zoned-dates", "on");
    succeed(IMPORT);
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

START_TEST(a_geometry_that_cannot_be_used_is_noted_and_the_unit_comes)
{
    quirk("odd-geometry", "100");
    succeed(IMPORT);
    ck_assert_str_eq(last(), "t 77 77 0 0 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE geom IS NOT NULL OR location IS NOT NULL"), 0);
    ck_assert_int_gt(test_number(pg, "SELECT count(*) FROM registry.sync_log, jsonb_array_elements(data->'notes') n"
                                     " WHERE n->>'note' = 'geometry: a ring that is not closed' AND length(n->>'id') = 11"), 5);
    quirk("odd-geometry", "0");
    succeed(IMPORT);
    const char *before = snapshot();
    quirk("odd-geometry", "100");
    succeed(IMPORT);
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

START_TEST(a_level_without_a_name_has_a_type_all_the_same)
{
    quirk("unnamed-level", "on");
    succeed(IMPORT);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit u JOIN registry.org_unit_type t ON t.id = org_unit_type_id"
                                     " WHERE t.name ~ '^play-Unknown-[0-9]+$'"), 60);
    quirk("unnamed-level", "off");
    succeed(IMPORT);
    ck_assert_str_eq(last(), "t 77 0 60 17 0 0 0");
}
END_TEST

START_TEST(a_bad_unit_is_told_with_its_place_and_the_rest_comes)
{
    quirk("bad-units", "id=7");
    succeed(IMPORT);
    ck_assert_str_eq(last(), "t 77 76 0 0 0 0 1");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws('|', f->>'page', f->>'field', f->>'reason') FROM registry.sync_log, jsonb_array_elements(data->'failures') f"),
                     "1|level|'third' is not a whole number");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE path IS NULL"), 5);
    quirk("bad-units", "off");
    succeed(IMPORT);
    ck_assert_str_eq(last(), "t 77 1 0 76 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE path IS NULL"), 0);
}
END_TEST

/* Answers written by hand ----------------------------------------------------------------------------- */

#define LEVELS "{\"organisationUnitLevels\": [{\"level\": 2, \"name\": \"District\"}, {\"level\": 1, \"name\": \"National\"}]}"
#define NO_SETS "{\"organisationUnitGroupSets\": []}"
#define PAGE(number, total) "{\"pager\": {\"page\": " number ", \"pageCount\": 2, \"total\": " total ", \"pageSize\": 2}, \"organisationUnits\": ["
#define ROOT "{\"id\": \"root0000001\", \"name\": \"Root\", \"path\": \"/root0000001\", \"level\": 1, \"organisationUnitGroups\": []}"
#define CHILD(id) "{\"id\": \"" id "\", \"name\": \"Child\", \"level\": 2, \"parent\": {\"id\": \"root0000001\"}, \"openingDate\": \"1994-01-01T00:00:00.000\"," \
                  " \"organisationUnitGroups\": [{\"id\": \"group000001\"}]}"

static struct test_run *answered(const char *const *bodies)
{
    struct scripted rows[8] = {0};
    for (size_t i = 0; bodies[i]; i++)
        rows[i].answer = scripted_json(200, "", bodies[i]);
    scripted_start(rows, base);
    struct test_run *r = run(IMPORT);
    scripted_stop();
    return r;
}

START_TEST(overlapping_pages_lose_nobody)
{
    static const char *const bodies[] = {
        LEVELS, PAGE("1", "4") CHILD("child000001") "," ROOT "]}", PAGE("2", "4") ROOT "," CHILD("child000002") "]}",
        "{\"organisationUnits\": [" ROOT "," CHILD("child000003") "," CHILD("child000001") "," CHILD("child000002") "]}", NO_SETS, NULL};
    struct test_run *r CLEANUP(test_run_freep) = answered(bodies);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_str_eq(last(), "t 5 4 0 0 1 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT data->>'complete' FROM registry.sync_log"), "true");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit c JOIN registry.org_unit p ON p.id = c.parent_id WHERE p.name = 'Root'"), 3);
}
END_TEST

START_TEST(a_list_that_stays_short_is_not_called_complete)
{
    static const char *const bodies[] = {LEVELS, PAGE("1", "9") ROOT "]}", PAGE("2", "9") "]}", "{\"organisationUnits\": [" ROOT "]}", NO_SETS, NULL};
    struct test_run *r CLEANUP(test_run_freep) = answered(bodies);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_str_eq(test_text(pg, "SELECT data->>'complete' FROM registry.sync_log"), "false");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.data_source WHERE default_version_id IS NULL"), 1);
}
END_TEST

START_TEST(shapes_keep_their_digits_and_holes)
{
    static const char *const bodies[] = {
        LEVELS,
        "{\"organisationUnits\": ["
        "{\"id\": \"a\", \"name\": \"A\", \"level\": 1, \"geometry\": {\"type\": \"Polygon\", \"coordinates\":"
        " [[[100.1, 0.0], [101.0, 0.0], [101.0, 1.0], [100.1, 0.0]], [[100.2, 0.2], [100.8, 0.2], [100.8, 0.8], [100.2, 0.2]]]}},"
        "{\"id\": \"b\", \"name\": \"B\", \"level\": 1, \"code\": 4711, \"coordinates\": \"[-11.3596,8.5317]\"},"
        "{\"id\": \"c\", \"name\": \"C\", \"level\": 1, \"coordinates\": \"[[[[0.1,0.2],[1,0.2],[1,1],[0.1,0.2]]]]\", \"closedDate\": \"2023-10-30T00:00:00.000+0000\"},"
        "{\"id\": \"d\", \"name\": \"D\", \"level\": 1, \"coordinates\": \"[not json\"}]}",
        NO_SETS, NULL};
    struct test_run *r CLEANUP(test_run_freep) = answered(bodies);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_str_eq(test_text(pg, "SELECT geom->>'coordinates' FROM registry.org_unit WHERE source_ref = 'a'"),
                     "[[[[100.1, 0], [101, 0], [101, 1], [100.1, 0]], [[100.2, 0.2], [100.8, 0.2], [100.8, 0.8], [100.2, 0.2]]]]");
    ck_assert_str_eq(test_text(pg, "SELECT location->>'coordinates' FROM registry.org_unit WHERE source_ref = 'b' AND code = '4711'"), "[-11.3596, 8.5317]");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws('|', geom->>'type', closed_date) FROM registry.org_unit WHERE source_ref = 'c'"), "MultiPolygon|2023-10-30");
    ck_assert_int_eq(test_number(pg, "SELECT jsonb_array_length(data->'notes') FROM registry.sync_log"), 1);
}
END_TEST

START_TEST(groups_without_names_are_called_by_their_ids_until_one_comes)
{
    static const char *const nameless[] = {LEVELS, "{\"organisationUnits\": [" ROOT "," CHILD("child000001") "]}", NO_SETS, NULL};
    static const char *const named[] = {
        LEVELS, "{\"organisationUnits\": [" ROOT "," CHILD("child000001") "]}",
        "{\"organisationUnitGroupSets\": [{\"id\": \"s\", \"name\": \"Type\", \"organisationUnitGroups\": [{\"id\": \"group000001\", \"name\": \"CHP\"}]}]}", NULL};
    test_run_free(answered(nameless));
    ck_assert_str_eq(test_text(pg, "SELECT name FROM registry.org_unit_group"), "group000001");
    test_run_free(answered(named));
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(name, ' ') FROM registry.org_unit_group WHERE source_ref IS NOT NULL"), "CHP");
    const char *before = snapshot();
    test_run_free(answered(nameless));
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

/* Codes ----------------------------------------------------------------------------------------------- */

/* What codes the units a, b and c come with, first and then; what they have in the end, and how often one is left without. */
static const struct {
    const char *what, *first, *then, *after;
    int told;
} codes[] = {
    {"an exchange", "1 2 3", "2 1 3", "2 1 3", 0},
    {"a cycle", "1 2 3", "2 3 1", "2 3 1", 0},
    {"a chain", "1 2 3", "2 3 4", "2 3 4", 0},
    {"a chain the other way", "1 2 3", "0 1 2", "0 1 2", 0},
    {"one that lost its code to another", "1 2 -", "- 2 1", "- 2 1", 0},
    {"two with one code", "1 1 3", "1 1 3", "1 - 3", 1},
    {"two that come to have one code", "1 2 3", "3 2 3", "- 2 3", 1},
    {"one code for all, until they differ", "1 1 1", "3 1 2", "3 1 2", 0},
};

/* A list of the units with these codes: all in one page, or a page each. */
static struct test_run *import_codes(const char *told, bool apart)
{
    char code[3][4];
    size_t used = 0;
    struct scripted rows[8] = {0};
    struct text units CLEANUP(text_free) = {0};
    sscanf(told, "%3s %3s %3s", code[0], code[1], code[2]);
    rows[used++].answer = scripted_json(200, "", LEVELS);
    for (int i = 0; i < 3; i++) {
        text_printf(&units, "%s{\"id\":\"unit000000%c\",\"name\":\"Unit\",\"level\":1,\"code\":\"%s\"}", units.len > 0 ? "," : "", 'a' + i,
                    *code[i] == '-' ? "" : code[i]);
        if (!apart && i < 2)
            continue;
        rows[used++].answer = scripted_json(200, "", scripted_keep("{\"pager\":{\"page\":%d,\"pageCount\":%d,\"total\":3},\"organisationUnits\":[%s]}",
                                                                 apart ? i + 1 : 1, apart ? 3 : 1, text_str(&units)));
        text_reset(&units);
    }
    rows[used++].answer = scripted_json(200, "", NO_SETS);
    scripted_start(rows, base);
    struct test_run *r = run("{\"data_source\": \"play\", \"upstream\": \"pmp\", \"version\": 0, \"validate\": true}");
    scripted_stop();
    ck_assert_msg(r->end.success, "%s: %s", told, r->end.error.text);
    return r;
}

START_TEST(codes_of_valid_units_change_hands)
{
    static const char have[] = "SELECT string_agg(coalesce(nullif(code, ''), '-'), ' ' ORDER BY source_ref) FROM registry.org_unit";
    bool apart = _i == 1;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        test_sql(pg, "TRUNCATE registry.data_source CASCADE");
        test_run_free(import_codes(codes[i].first, apart));
        test_run_free(import_codes(codes[i].then, apart));
        ck_assert_msg(strcmp(test_text(pg, have), codes[i].after) == 0, "%s: %s", codes[i].what, test_text(pg, have));
        ck_assert_int_eq(test_number(pg, "SELECT jsonb_array_length(data->'notes') FROM registry.sync_log ORDER BY id DESC LIMIT 1"), codes[i].told);
        const char *before = snapshot();
        test_run_free(import_codes(codes[i].then, apart));
        ck_assert_msg(strcmp(snapshot(), before) == 0, "%s: the same again was written", codes[i].what);
    }
}
END_TEST

/* Bad days -------------------------------------------------------------------------------------------- */

START_TEST(a_broken_answer_is_asked_for_again_and_a_dead_server_is_told)
{
    quirk("truncated", "times=1,path=organisationUnits");
    succeed(IMPORT);
    ck_assert_str_eq(last(), "t 77 77 0 0 0 0 0");
    quirk("auth-failure", "on");
    struct test_run *r CLEANUP(test_run_freep) = run(IMPORT);
    ck_assert_int_eq(r->end.error.kind, ERR_REFUSED);
    ck_assert_str_eq(last(), "f 0 0 0 0 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit"), SMALL);
}
END_TEST

START_TEST(a_run_beside_another_one_is_left_out)
{
    test_sql(pg, "INSERT INTO drumbeat.running (task_id, fence, worker, seat, place, seq, attempt, allowed)"
                 " VALUES ('00000000-0000-7000-8000-000000000001', 77, '00000000-0000-7000-8000-000000000002', 0, 1, 1, 1, 3);"
                 "INSERT INTO drumbeat.attempt_lock (key, task_id, fence)"
                 " VALUES ('dhis2.org_units/play/-1', '00000000-0000-7000-8000-000000000001', 77)");
    succeed(IMPORT);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log"), 0);
}
END_TEST

START_TEST(a_cancelled_run_keeps_what_it_had_and_the_next_one_goes_on)
{
    const struct test_runner runner = {.database = url, .upstream = base, .user = "drumbeat", .password = "drumbeat", .cancel_after = 1};
    struct test_run *r CLEANUP(test_run_freep) = test_run(&runner, &handler_dhis2_org_units, IMPORT);
    ck_assert_int_eq(r->end.error.kind, ERR_CANCELLED);
    ck_assert_str_eq(test_text(pg, "SELECT successful::text FROM registry.sync_log"), "false");
    succeed(IMPORT);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE path IS NOT NULL"), SMALL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {the_whole_pyramid_lands,
                                         groups_and_their_sets_come_along,
                                         a_second_run_writes_nothing,
                                         what_changed_is_updated_and_what_is_new_gets_a_group,
                                         what_is_gone_upstream_stays,
                                         versions_are_apart,
                                         both_forms_of_geometry_and_of_dates_say_the_same,
                                         a_geometry_that_cannot_be_used_is_noted_and_the_unit_comes,
                                         a_level_without_a_name_has_a_type_all_the_same,
                                         a_bad_unit_is_told_with_its_place_and_the_rest_comes,
                                         overlapping_pages_lose_nobody,
                                         a_list_that_stays_short_is_not_called_complete,
                                         shapes_keep_their_digits_and_holes,
                                         groups_without_names_are_called_by_their_ids_until_one_comes,
                                         a_broken_answer_is_asked_for_again_and_a_dead_server_is_told,
                                         a_run_beside_another_one_is_left_out,
                                         a_cancelled_run_keeps_what_it_had_and_the_next_one_goes_on};
    url = test_cluster_database(test_cluster_start(NULL));
    TCase *group = tcase_create("dhis2");
    tcase_set_timeout(group, 60);
    tcase_add_checked_fixture(group, set_up, tear_down);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(group, tests[i]);
    tcase_add_loop_test(group, codes_of_valid_units_change_hands, 0, 2); /* in one page, or in one each */
    return test_main_case("dhis2", group);
}
