/* Locations from CARTO: against the sandbox with its quirks, and answers written by hand, into a real database. */
#include "tasks/carto/carto.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/test_http_server.h"
#include "tests/test_pmp_task.h"
#include "tests/test_sandbox_client.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *url;
static struct pg *pg;
static char upstream[128];

/* The small country of the sandbox: places of all levels. */
enum { COUNTRY = 1, REGIONS = 4, DISTRICTS = 20, TOWNS = 120, PLACES = COUNTRY + REGIONS + DISTRICTS + TOWNS };

static struct test_run *run_with(const struct handler *handler, const char *args, int64_t cancel_after)
{
    const struct test_runner runner = {.database = url, .upstream = upstream, .user = "drumbeat", .password = "drumbeat", .cancel_after = cancel_after};
    return test_run(&runner, handler, args);
}

static void succeed(const struct handler *handler, const char *args)
{
    struct test_run *r CLEANUP(test_run_freep) = run_with(handler, args, 0);
    ck_assert_msg(r->end.success, "%s %s: %s", handler->name, args, r->end.error.text);
}

static void sync_all(void)
{
    succeed(&handler_carto_all, "{\"upstream\":\"pmp\"}");
}

static const char towns[] = "{\"table\":\"sandbox_adm3\",\"upstream\":\"pmp\"}";

static int64_t active(void)
{
    return test_number(pg, "SELECT count(*) FROM registry.location WHERE is_active");
}

/* The counters of the last run for a table. */
static const char *last(const char *table)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "SELECT concat_ws(' ', successful, fetched, created, updated, unchanged, skipped, deactivated, failed) FROM registry.sync_log"
             " WHERE handler_name = 'carto.locations' AND data->>'table' = '%s' ORDER BY id DESC LIMIT 1",
             table);
    return test_text(pg, sql);
}

static void configure_tables(void)
{
    test_sql(pg, "INSERT INTO registry.carto_table (table_name, admin_level, admin_level_name, parent_code_col)"
                 " VALUES ('sandbox_adm3', 3, 'Town', 'parent_pcode'), ('sandbox_adm2', 2, 'District', 'parent_pcode'),"
                 "        ('sandbox_adm1', 1, 'Region', 'parent_pcode'), ('sandbox_adm0', 0, 'Country', NULL);"
                 "UPDATE registry.carto_table t SET parent_id = u.id FROM registry.carto_table u WHERE u.admin_level = t.admin_level - 1");
}

static void set_up(void)
{
    static const char *const nothing[] = {NULL};
    sandbox_start(nothing);
    snprintf(upstream, sizeof upstream, "%s/carto", sandbox_base());
    pg = test_connect(url);
    test_sql(pg, "TRUNCATE registry.workspace, registry.location, registry.carto_table, registry.sync_log, drumbeat.attempt_lock RESTART IDENTITY CASCADE");
    configure_tables();
}

static void tear_down(void)
{
    sandbox_stop();
    scripted_stop();
    pg_close(pg);
}

/* All locations, and which transaction wrote each. */
static const char *snapshot(void)
{
    return scripted_keep("%s", test_text(pg, "SELECT md5(string_agg(t.xmin || t::text, ',' ORDER BY id)) FROM registry.location t"));
}

/* Good days ------------------------------------------------------------------------------------------- */

START_TEST(every_level_lands_with_parents_shapes_and_tree)
{
    sync_all();
    ck_assert_int_eq(active(), PLACES);
    ck_assert_str_eq(last("sandbox_adm3"), "t 120 120 0 0 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location t JOIN registry.location p ON p.id = t.parent_id"
                                     " WHERE p.admin_level = t.admin_level - 1 AND t.p_code LIKE p.p_code || '%'"),
                     PLACES - COUNTRY);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location WHERE point->>'type' = 'Point' AND longitude IS NOT NULL"), TOWNS);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location WHERE geom->>'type' = 'MultiPolygon'"), PLACES - TOWNS);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location t JOIN registry.location u"
                                     " ON u.tree_id = t.tree_id AND u.lft > t.lft AND u.rght < t.rght WHERE t.level = 0"),
                     PLACES - COUNTRY);
    ck_assert_int_eq(test_number(pg, "SELECT rght FROM registry.location WHERE level = 0"), 2 * PLACES);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location WHERE level <> admin_level OR (rght - lft + 1) / 2 <> 1 + (SELECT count(*)"
                                     " FROM registry.location u WHERE u.p_code LIKE location.p_code || '_%')"),
                     0);
}
END_TEST

START_TEST(a_second_run_writes_nothing)
{
    sync_all();
    const char *before = snapshot();
    sync_all();
    ck_assert_str_eq(snapshot(), before);
    ck_assert_str_eq(last("sandbox_adm3"), "t 120 0 0 120 0 0 0");
}
END_TEST

START_TEST(children_that_came_before_their_parents_find_them)
{
    succeed(&handler_carto_locations, towns);
    ck_assert_int_eq(test_number(pg, "SELECT count(parent_id) FROM registry.location"), 0);
    succeed(&handler_carto_locations, "{\"table\":\"sandbox_adm2\",\"upstream\":\"pmp\"}");
    ck_assert_int_eq(test_number(pg, "SELECT count(parent_id) FROM registry.location WHERE admin_level = 3"), TOWNS);
}
END_TEST

START_TEST(what_changed_by_hand_is_mended)
{
    sync_all();
    test_sql(pg, "UPDATE registry.location SET name = 'wrong' WHERE p_code = 'SB1010101';"
                 "UPDATE registry.location SET geom = NULL WHERE admin_level = 1; UPDATE registry.location SET parent_id = NULL WHERE admin_level = 2");
    sync_all();
    ck_assert_str_eq(last("sandbox_adm3"), "t 120 0 1 119 0 0 0");
    ck_assert_str_eq(last("sandbox_adm1"), "t 4 0 4 0 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(parent_id) FROM registry.location"), PLACES - COUNTRY);
}
END_TEST

/* Bad days -------------------------------------------------------------------------------------------- */

/* What goes wrong on the way, and what is asked again. */
static const char *const faults[] = {"truncated=3",           "cut-off=4",   "cut-chunked=4", "bad-gateway=3", "server-error=5",
                                     "error-beside-rows=on,times=3", "login-page=4", "drop=4",        "too-many=on,times=2,after=1",
                                     "statement-timeout=30",  "statement-timeout=1,times=9"};

START_TEST(faults_on_the_way_change_nothing_of_what_lands)
{
    post("/_sandbox/quirks?%s", faults[_i]);
    sync_all();
    ck_assert_msg(active() == PLACES, "%s", faults[_i]);
    ck_assert_msg(strcmp(last("sandbox_adm3"), "t 120 120 0 0 0 0 0") == 0, "%s: %s", faults[_i], last("sandbox_adm3"));
}
END_TEST

START_TEST(an_id_that_never_comes_in_time_is_told_and_left_out)
{
    static struct scripted rows[12];
    const char *late = scripted_json(429, "", "{\"error\":[\"You are over platform's limits: SQL query timeout error.\"],\"context\":\"limit\"}");
    memset(rows, 0, sizeof rows);
    rows[0].answer = scripted_json(200, "", "{\"rows\":[{\"count\":2}]}");
    rows[1].answer = scripted_json(200, "", "{\"rows\":[{\"max\":2}]}");
    for (int i = 2; i < 10; i++)
        rows[i].answer = late; /* 100, 50, 25, 13, 7, 4, 2 ids, then the first one alone */
    rows[10].answer = scripted_json(200, "", "{\"rows\":[{\"the_geom\":\"{\\\"type\\\":\\\"Point\\\",\\\"coordinates\\\":[1,2]}\",\"name\":\"x\",\"pcode\":\"A\"}]}");
    scripted_start(rows, upstream);
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_carto_locations, towns, 0);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_str_eq(last("sandbox_adm3"), "t 2 1 0 0 0 0 1");
    ck_assert_str_eq(test_text(pg, "SELECT data->'failures'->0->>'id' FROM registry.sync_log"), "1");
}
END_TEST

START_TEST(odd_rows_are_each_in_one_counter)
{
    post("/_sandbox/quirks?bad-shapes=10&repeated-codes=11&blank-places=13&lost-parents=9");
    sync_all();
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE fetched <> created + updated + unchanged + skipped + failed"), 0);
    ck_assert_int_gt(test_number(pg, "SELECT sum(failed) FROM registry.sync_log"), 0);
    ck_assert_int_gt(test_number(pg, "SELECT sum(skipped) FROM registry.sync_log"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log, jsonb_array_elements(data->'failures') f WHERE f->>'field' = 'the_geom'"),
                     test_number(pg, "SELECT sum(failed) FROM registry.sync_log"));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM (SELECT p_code FROM registry.location WHERE is_active GROUP BY 1 HAVING count(*) > 1) d"), 0);
    ck_assert_int_gt(test_number(pg, "SELECT count(*) FROM registry.location WHERE parent_p_code = 'SB999999' AND parent_id IS NULL"), 0);
    const char *before = snapshot();
    sync_all();
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

START_TEST(numeric_codes_are_the_same_as_their_text)
{
    post("/_sandbox/quirks?numeric-codes=1");
    sync_all();
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location WHERE p_code ~ '^[0-9]+$'"), PLACES);
    sync_all();
    ck_assert_str_eq(last("sandbox_adm3"), "t 120 0 0 120 0 0 0");
}
END_TEST

START_TEST(a_cancelled_run_is_told_and_the_next_one_ends_it)
{
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_carto_all, "{\"upstream\":\"pmp\"}", 3);
    ck_assert_int_eq(r->end.error.kind, ERR_CANCELLED);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE NOT successful"), 1);
    sync_all();
    ck_assert_int_eq(active(), PLACES);
}
END_TEST

START_TEST(a_table_that_is_not_there_fails_alone)
{
    test_sql(pg, "INSERT INTO registry.carto_table (table_name, admin_level) VALUES ('elsewhere', 1)");
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_carto_all, "{\"upstream\":\"pmp\"}", 0);
    ck_assert_int_eq(r->end.error.kind, ERR_DATA);
    ck_assert_ptr_nonnull(strstr(r->end.error.text, "does not exist"));
    ck_assert_int_eq(active(), PLACES);
    ck_assert_str_eq(last("elsewhere"), "f 0 0 0 0 0 0 0");
}
END_TEST

START_TEST(names_that_are_none_are_never_asked)
{
    test_sql(pg, "UPDATE registry.carto_table SET name_col = 'name; drop table x' WHERE admin_level = 3");
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_carto_locations, towns, 0);
    ck_assert_int_eq(r->end.error.kind, ERR_USAGE);
    struct test_run *unknown CLEANUP(test_run_freep) = run_with(&handler_carto_locations, "{\"table\":\"nowhere\",\"upstream\":\"pmp\"}", 0);
    ck_assert_int_eq(unknown->end.error.kind, ERR_NOT_FOUND);
}
END_TEST

/* Saved answers --------------------------------------------------------------------------------------- */

START_TEST(saved_tables_land_field_by_field)
{
    const char *source = getenv("DRUMBEAT_SOURCE");
    const char *const args[] = {"--data", scripted_keep("%s/../shared/data", source ? source : "."), NULL};
    if (access(args[1], R_OK) != 0)
        return;
    sandbox_stop();
    sandbox_start(args);
    snprintf(upstream, sizeof upstream, "%s/carto", sandbox_base());
    test_sql(pg, "UPDATE registry.carto_table SET table_name = 'bfa_admin' || admin_level, remap_table_name = CASE admin_level WHEN 2 THEN 'bfa_admin3_remap' END;"
                 "DELETE FROM registry.carto_table WHERE admin_level = 3;"
                 "INSERT INTO registry.location (name, p_code, admin_level) VALUES ('x', 'PChMb3btKS0', 3), ('y', 'PikEUJoaxom', 3), ('z', 'GONE-1', 3)");
    sync_all();
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(concat_ws(' ', t.name, t.p_code, p.p_code, t.level), ', ' ORDER BY t.admin_level, t.name)"
                                   " FROM registry.location t LEFT JOIN registry.location p ON p.id = t.parent_id WHERE t.geom->>'type' = 'MultiPolygon'"),
                     "Burkina Faso zmSNCYjqQGj 0, Boucle du Mouhoun awG7snlrjVy zmSNCYjqQGj 1, DS Boromo CTtB0TPRvWc awG7snlrjVy 2, DS Dedougou tiEY3MitYl2 awG7snlrjVy 2,"
                     " DS Nouna B4Ra7K6HuCE awG7snlrjVy 2, DS Solenzo XfC8RKeUvO4 awG7snlrjVy 2, DS Toma hEu36sUTBzU awG7snlrjVy 2, DS Tougan LatuEy3yR38 awG7snlrjVy 2");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(name || ' ' || p_code, ', ' ORDER BY name) FROM registry.location WHERE geom IS NULL"), "x PikEUJoaxom, y PChMb3btKS0");
    const char *before = snapshot();
    sync_all();
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

/* Remaps ---------------------------------------------------------------------------------------------- */

START_TEST(a_remap_swaps_once_and_lets_go)
{
    sync_all();
    test_sql(pg, "UPDATE registry.location SET name = p_code WHERE admin_level = 2;"
                 "INSERT INTO registry.workspace (title, workspace_code) VALUES ('Sandbox', 'SB');"
                 "INSERT INTO registry.location (name, p_code, admin_level) VALUES ('Old district', 'SBGONE', 2);"
                 "INSERT INTO registry.location (name, p_code, admin_level, parent_id, parent_p_code)"
                 " SELECT 'Old town', 'SBOLDTOWN', 3, id, 'SBGONE' FROM registry.location WHERE p_code = 'SBGONE';"
                 "INSERT INTO registry.location_workspace SELECT l.id, w.id FROM registry.location l, registry.workspace w WHERE p_code = 'SBGONE';"
                 "CREATE TABLE public.before AS SELECT id, p_code FROM registry.location;"
                 "UPDATE registry.carto_table SET remap_table_name = 'sandbox_adm2_remap' WHERE admin_level = 2");
    succeed(&handler_carto_locations, "{\"table\":\"sandbox_adm2\",\"upstream\":\"pmp\"}");
    const char *swapped = "SELECT count(*) FROM public.before b JOIN registry.location t USING (id) WHERE (b.p_code, t.p_code)"
                          " IN (('SB10101', 'SB10102'), ('SB10102', 'SB10101'))";
    ck_assert_int_eq(test_number(pg, swapped), 2);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location t JOIN registry.location p ON p.id = t.parent_id WHERE t.parent_p_code <> p.p_code"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location WHERE p_code = 'SBGONE' AND NOT is_active AND name ~ '^Old district \\[20..-..-..\\]$'"), 1);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location WHERE p_code = 'SBOLDTOWN' AND parent_id IS NULL AND is_active"), 1);
    ck_assert_str_eq(last("sandbox_adm2"), "t 20 0 20 0 0 1 0");
    const char *before = snapshot();
    succeed(&handler_carto_locations, "{\"table\":\"sandbox_adm2\",\"upstream\":\"pmp\"}");
    ck_assert_str_eq(snapshot(), before);
    test_sql(pg, "DROP TABLE public.before");
}
END_TEST

/* Answers by hand ------------------------------------------------------------------------------------- */

#define EIGHT_LETTERS "काठमांडौ"
#define LONG_CODE EIGHT_LETTERS EIGHT_LETTERS EIGHT_LETTERS EIGHT_LETTERS
#define SQUARE "{\\\"type\\\":\\\"Polygon\\\",\\\"coordinates\\\":[[[1,2],[2,2],[2,3],[1,2]]]}"

/* Count, greatest id, the remap table if any, one page. */
static void script(const char *count, const char *max, const char *remap, const char *rows)
{
    static struct scripted all[5];
    size_t used = 0;
    memset(all, 0, sizeof all);
    all[used++].answer = scripted_json(200, "", scripted_keep("{\"rows\":[{\"count\":%s}],\"total_rows\":1}", count));
    all[used++].answer = scripted_json(200, "", scripted_keep("{\"rows\":[{\"max\":%s}],\"total_rows\":1}", max));
    if (remap)
        all[used++].answer = scripted_json(200, "", scripted_keep("{\"rows\":[%s]}", remap));
    all[used++].answer = scripted_json(200, "", scripted_keep("{\"rows\":[%s],\"time\":0.01,\"fields\":{}}", rows));
    scripted_stop();
    scripted_start(all, upstream);
    test_sql(pg, scripted_keep("UPDATE registry.carto_table SET remap_table_name = %s, parent_code_col = 'Parent_Code' WHERE admin_level = 3",
                               remap ? "'remap'" : "NULL"));
}

static const char *ask_towns(void)
{
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_carto_locations, towns, 0);
    return scripted_keep("%s", r->end.success ? last("sandbox_adm3") : r->end.error.text);
}

/* What else may speak of a place: it is kept then, and is inactive. */
static const struct {
    const char *what, *row;
} speakers[] = {
    {"a project", "WITH p AS (INSERT INTO registry.partner_project (title) VALUES ('p') RETURNING id)"
                  " INSERT INTO registry.partner_project_location SELECT p.id, l.id FROM p, registry.location l"},
    {"a table that the platform made itself", "CREATE TABLE public.visit AS SELECT id AS place FROM registry.location;"
                                              "ALTER TABLE public.visit ADD FOREIGN KEY (place) REFERENCES registry.location ON DELETE CASCADE"},
};

START_TEST(a_place_that_anything_speaks_of_is_kept)
{
    static const char kept[] = "SELECT count(*) FROM registry.location WHERE p_code = 'OLD' AND NOT is_active";
    static const char row[] = "{\"the_geom\":null,\"name\":\"x\",\"pcode\":\"z\"}";
    test_sql(pg, "INSERT INTO registry.location (name, p_code, admin_level) VALUES ('old', 'OLD', 3)");
    test_sql(pg, speakers[_i].row);
    script("1", "1", "{\"old_pcode\":\"OLD\",\"new_pcode\":null,\"matching\":0}", row);
    ck_assert_msg(strcmp(ask_towns(), "t 1 0 0 0 1 1 0") == 0, "%s: %s", speakers[_i].what, ask_towns());
    ck_assert_msg(test_number(pg, kept) == 1, "%s: let go", speakers[_i].what);
    test_sql(pg, "UPDATE registry.location SET admin_level = 2");
    script("1", "1", NULL, row);
    ck_assert_msg(strcmp(ask_towns(), "t 1 0 0 0 1 0 0") == 0, "%s: %s", speakers[_i].what, ask_towns());
    ck_assert_msg(test_number(pg, kept) == 1, "%s: cleaned away with the level above", speakers[_i].what);
    test_sql(pg, "DROP TABLE IF EXISTS public.visit");
}
END_TEST

static const struct {
    const char *what, *row, *counters, *p_code;
} rows_by_hand[] = {
    {"a polygon", "{\"the_geom\":\"" SQUARE "\",\"name\":\"Rwanda \",\"pcode\":\"RW01\",\"parent_code\":\"RW\"}", "t 1 1 0 0 0 0 0", "RW01"},
    {"blanks around a code", "{\"the_geom\":\"" SQUARE "\",\"name\":\"x\",\"pcode\":\" RW01 \",\"parent_code\":null}", "t 1 1 0 0 0 0 0", "RW01"},
    {"a number for a code", "{\"the_geom\":\"" SQUARE "\",\"name\":\"x\",\"pcode\":7001.0,\"parent_code\":7}", "t 1 1 0 0 0 0 0", "7001"},
    {"no geometry", "{\"the_geom\":null,\"name\":\"x\",\"pcode\":\"a\"}", "t 1 0 0 0 1 0 0", ""},
    {"an empty geometry", "{\"the_geom\":\"{\\\"type\\\":\\\"MultiPolygon\\\",\\\"coordinates\\\":[]}\",\"name\":\"x\",\"pcode\":\"a\"}", "t 1 0 0 0 1 0 0", ""},
    {"no code", "{\"the_geom\":\"" SQUARE "\",\"name\":\"x\",\"pcode\":null}", "t 1 0 0 0 1 0 0", ""},
    {"an empty collection", "{\"the_geom\":\"{\\\"type\\\":\\\"GeometryCollection\\\",\\\"geometries\\\":[]}\",\"name\":\"x\",\"pcode\":\"a\"}", "t 1 0 0 0 1 0 0", ""},
    {"a number for a name", "{\"the_geom\":\"" SQUARE "\",\"name\":7,\"pcode\":\"a\"}", "t 1 1 0 0 0 0 0", "a"},
    {"a name of another type", "{\"the_geom\":\"" SQUARE "\",\"name\":[7],\"pcode\":\"a\"}", "t 1 0 0 0 1 0 0", ""},
    {"a code of 32 letters that need three bytes each", "{\"the_geom\":\"" SQUARE "\",\"name\":\"x\",\"pcode\":\"" LONG_CODE "\"}", "t 1 1 0 0 0 0 0", LONG_CODE},
    {"a shape that is none", "{\"the_geom\":\"{\\\"type\\\":\\\"LineString\\\",\\\"coordinates\\\":[[1,2],[2,3]]}\",\"name\":\"x\",\"pcode\":\"a\"}", "t 1 0 0 0 0 0 1", ""},
    {"a ring that does not close", "{\"the_geom\":\"{\\\"type\\\":\\\"Polygon\\\",\\\"coordinates\\\":[[[0,0],[1,0],[1,1],[0,1]]]}\",\"name\":\"x\",\"pcode\":\"a\"}", "t 1 0 0 0 0 0 1", ""},
    {"a place off the earth", "{\"the_geom\":\"{\\\"type\\\":\\\"Point\\\",\\\"coordinates\\\":[1,200]}\",\"name\":\"x\",\"pcode\":\"a\"}", "t 1 0 0 0 0 0 1", ""},
    {"a geometry that is no JSON", "{\"the_geom\":\"POINT(1 2)\",\"name\":\"x\",\"pcode\":\"a\"}", "t 1 0 0 0 0 0 1", ""},
    {"a code that is too long", "{\"the_geom\":\"" SQUARE "\",\"name\":\"x\",\"pcode\":\"123456789012345678901234567890123\"}", "t 1 0 0 0 0 0 1", ""},
    {"a record with a member twice", "{\"name\":\"x\",\"name\":\"y\"}", "t 1 0 0 0 0 0 1", ""},
};

START_TEST(rows_of_every_kind_are_told_apart)
{
    script("1", "1", NULL, rows_by_hand[_i].row);
    ck_assert_msg(strcmp(ask_towns(), rows_by_hand[_i].counters) == 0, "%s: %s", rows_by_hand[_i].what, ask_towns());
    ck_assert_str_eq(test_text(pg, "SELECT coalesce(string_agg(p_code, ' '), '') FROM registry.location"), rows_by_hand[_i].p_code);
}
END_TEST

START_TEST(a_shape_that_is_larger_than_all_the_rest_lands_whole)
{
    enum { POSITIONS = 40000 };
    struct text row CLEANUP(text_free) = {0};
    text_puts(&row, "{\"the_geom\":\"{\\\"type\\\":\\\"Polygon\\\",\\\"coordinates\\\":[[[0,0]");
    for (int i = 1; i < POSITIONS; i++)
        text_printf(&row, ",[%d.%05d,%d.5]", i % 170 + 1, i, i % 80);
    text_puts(&row, ",[0,0]]]}\",\"name\":\"x\",\"pcode\":\"a\"}");
    script("1", "1", NULL, text_str(&row));
    ck_assert_str_eq(ask_towns(), "t 1 1 0 0 0 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT jsonb_array_length(geom->'coordinates'->0->0) FROM registry.location WHERE p_code = 'a'"), POSITIONS + 1);
    ck_assert_str_eq(test_text(pg, "SELECT geom->'coordinates'->0->0->39999 FROM registry.location"), "[50.39999, 79.5]");
}
END_TEST

START_TEST(an_empty_table_changes_nothing_whatever_its_remap_says)
{
    test_sql(pg, "INSERT INTO registry.location (name, p_code, admin_level) VALUES ('x', 'A', 3)");
    script("0", "null", "{\"old_pcode\":\"A\",\"new_pcode\":null,\"matching\":0}", "");
    ck_assert_str_eq(ask_towns(), "t 0 0 0 0 0 0 0");
    ck_assert_int_eq(active(), 1);
}
END_TEST

static const struct {
    const char *what, *places, *remap, *after; /* the codes of places a, b and c; "-": gone; NULL: refused */
} remaps[] = {
    {"a swap", "A B C", "{\"old_pcode\":\"A\",\"new_pcode\":\"B\",\"matching\":1},{\"old_pcode\":\"B\",\"new_pcode\":\"A\",\"matching\":1}", "B A C"},
    {"a cycle of three",
     "A B C", "{\"old_pcode\":\"A\",\"new_pcode\":\"B\",\"matching\":1},{\"old_pcode\":\"B\",\"new_pcode\":\"C\",\"matching\":1},{\"old_pcode\":\"C\",\"new_pcode\":\"A\",\"matching\":1}", "B C A"},
    {"a chain", "A B C", "{\"old_pcode\":\"A\",\"new_pcode\":\"B\",\"matching\":1},{\"old_pcode\":\"B\",\"new_pcode\":\"D\",\"matching\":1}", "B D C"},
    {"itself", "A B C", "{\"old_pcode\":\"A\",\"new_pcode\":\"A\",\"matching\":1}", "A B C"},
    {"gone", "A B C", "{\"old_pcode\":\"A\",\"new_pcode\":\"D\",\"matching\":0}", "- B C"},
    {"onto one that stays", "A B C", "{\"old_pcode\":\"A\",\"new_pcode\":\"B\",\"matching\":1}", "- B C"},
    {"two onto one", "A B C", "{\"old_pcode\":\"A\",\"new_pcode\":\"D\",\"matching\":1},{\"old_pcode\":\"B\",\"new_pcode\":\"D\",\"matching\":1}", "D - C"},
    {"one that is not there", "A B C", "{\"old_pcode\":\"X\",\"new_pcode\":\"Y\",\"matching\":1}", "A B C"},
    {"numbers", "1 2 3", "{\"old_pcode\":1,\"new_pcode\":9,\"matching\":1}", "9 2 3"},
    {"one listed twice", "A B C", "{\"old_pcode\":\"A\",\"new_pcode\":\"D\",\"matching\":1},{\"old_pcode\":\"A\",\"new_pcode\":\"E\",\"matching\":1}", NULL},
    {"one that two places have", "A A C", "{\"old_pcode\":\"A\",\"new_pcode\":\"D\",\"matching\":1}", NULL},
};

START_TEST(remaps_of_every_kind_come_out_right_and_only_once)
{
    char a[8], b[8], c[8];
    sscanf(remaps[_i].places, "%7s %7s %7s", a, b, c);
    test_sql(pg, scripted_keep("INSERT INTO registry.location (name, p_code, admin_level) VALUES ('a', '%s', 3), ('b', '%s', 3), ('c', '%s', 3)", a, b, c));
    static const char codes[] = "SELECT string_agg(coalesce(t.p_code, '-'), ' ' ORDER BY n.name) FROM unnest('{a,b,c}'::text[]) AS n(name)"
                                " LEFT JOIN registry.location t ON t.name = n.name";
    for (int time = 0; time < 2; time++) {
        script("1", "1", remaps[_i].remap, "{\"the_geom\":null,\"name\":\"x\",\"pcode\":\"z\"}");
        const char *told = ask_towns();
        ck_assert_msg((told[0] == 't' && told[1] == ' ') == (remaps[_i].after != NULL), "%s: %s", remaps[_i].what, told);
        const char *wanted = remaps[_i].after ? remaps[_i].after : remaps[_i].places;
        ck_assert_msg(strcmp(test_text(pg, codes), wanted) == 0, "%s: %s", remaps[_i].what, test_text(pg, codes));
    }
}
END_TEST

int main(void)
{
    struct test_cluster *cluster = test_cluster_start(NULL);
    url = test_cluster_database(cluster);
    TCase *tests = tcase_create("carto");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, every_level_lands_with_parents_shapes_and_tree);
    tcase_add_test(tests, a_second_run_writes_nothing);
    tcase_add_test(tests, children_that_came_before_their_parents_find_them);
    tcase_add_test(tests, what_changed_by_hand_is_mended);
    tcase_add_loop_test(tests, faults_on_the_way_change_nothing_of_what_lands, 0, (int)(sizeof faults / sizeof *faults));
    tcase_add_test(tests, an_id_that_never_comes_in_time_is_told_and_left_out);
    tcase_add_test(tests, odd_rows_are_each_in_one_counter);
    tcase_add_test(tests, numeric_codes_are_the_same_as_their_text);
    tcase_add_test(tests, a_cancelled_run_is_told_and_the_next_one_ends_it);
    tcase_add_test(tests, a_table_that_is_not_there_fails_alone);
    tcase_add_test(tests, names_that_are_none_are_never_asked);
    tcase_add_test(tests, saved_tables_land_field_by_field);
    tcase_add_test(tests, a_remap_swaps_once_and_lets_go);
    tcase_add_loop_test(tests, a_place_that_anything_speaks_of_is_kept, 0, (int)(sizeof speakers / sizeof *speakers));
    tcase_add_loop_test(tests, rows_of_every_kind_are_told_apart, 0, (int)(sizeof rows_by_hand / sizeof *rows_by_hand));
    tcase_add_test(tests, a_shape_that_is_larger_than_all_the_rest_lands_whole);
    tcase_add_test(tests, an_empty_table_changes_nothing_whatever_its_remap_says);
    tcase_add_loop_test(tests, remaps_of_every_kind_come_out_right_and_only_once, 0, (int)(sizeof remaps / sizeof *remaps));
    return test_main_case("carto", tests);
}
