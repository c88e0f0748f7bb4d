/* What PostGIS makes of places, where the server has it: geometries beside the GeoJSON, that follow it. Without the extension there is nothing to test. */
#include "tasks/carto/carto.h"
#include "tasks/dhis2/dhis2.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/test_pmp_task.h"
#include "tests/test_sandbox_client.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const char *url;
static struct pg *pg;

static void succeed(const struct handler *handler, const char *family, const char *args)
{
    char base[128];
    snprintf(base, sizeof base, "%s/%s", sandbox_base(), family);
    const struct test_runner runner = {.database = url, .upstream = base, .user = "drumbeat", .password = "drumbeat"};
    struct test_run *r CLEANUP(test_run_freep) = test_run(&runner, handler, args);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
}

static void set_up(void)
{
    static const char *const nothing[] = {NULL};
    sandbox_start(nothing);
    pg = test_connect(url);
}

static void tear_down(void)
{
    sandbox_stop();
    pg_close(pg);
}

START_TEST(org_units_are_geometries_too)
{
    succeed(&handler_dhis2_org_units, "dhis2", "{\"data_source\": \"play\", \"upstream\": \"pmp\"}");
    ck_assert_int_gt(test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE geom_4326 IS NOT NULL"), 5);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE (location IS NULL) <> (location_4326 IS NULL) OR (geom IS NULL) <> (geom_4326 IS NULL)"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.org_unit WHERE location IS NOT NULL AND st_x(location_4326) <> (location->'coordinates'->>0)::float8"), 0);
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(DISTINCT st_geometrytype(geom_4326) || st_srid(geom_4326), ' ') FROM registry.org_unit"), "ST_MultiPolygon4326");
}
END_TEST

START_TEST(locations_are_geometries_too)
{
    test_sql(pg, "INSERT INTO registry.carto_table (table_name, admin_level, admin_level_name) VALUES ('sandbox_adm1', 1, 'Region')");
    succeed(&handler_carto_locations, "carto", "{\"table\": \"sandbox_adm1\", \"upstream\": \"pmp\"}");
    ck_assert_int_gt(test_number(pg, "SELECT count(*) FROM registry.location WHERE geom_4326 IS NOT NULL OR point_4326 IS NOT NULL"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location WHERE (point IS NULL) <> (point_4326 IS NULL) OR (geom IS NULL) <> (geom_4326 IS NULL)"), 0);
}
END_TEST

START_TEST(data_points_are_geometries)
{
    const char *schema = test_text(pg, "SELECT registry.akvo_open('mali.datapoint')");
    ck_assert_str_eq(schema, "afm_mali_datapoint");
    ck_assert_int_eq(test_number(pg, "SELECT created FROM registry.akvo_store('mali.datapoint', '{a}', '{1}', '{-8.25}', '{12.5}', '{1000}', '{2000}')"), 1);
    ck_assert_int_eq(test_number(pg, "SELECT updated FROM registry.akvo_store('mali.datapoint', '{a}', '{1}', '{-8.5}', '{12.5}', '{1000}', '{3000}')"), 1);
    ck_assert_str_eq(test_text(pg, "SELECT st_astext(geom) || ' ' || st_srid(geom) FROM afm_mali_datapoint.datapoint"), "POINT(-8.5 12.5) 4326");
    ck_assert_str_eq(test_text(pg, "SELECT geometry FROM registry.akvo_tenant"), "postgis");
}
END_TEST

START_TEST(to_ask_for_it_again_changes_nothing)
{
    ck_assert_int_eq(test_number(pg, "SELECT registry.use_postgis()"), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {org_units_are_geometries_too, locations_are_geometries_too, data_points_are_geometries,
                                  to_ask_for_it_again_changes_nothing};
    url = test_cluster_database(test_cluster_start(NULL));
    pg = test_connect(url);
    if (test_number(pg, "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'") == 0) {
        puts("the server has no PostGIS: nothing to test");
        return EXIT_SUCCESS;
    }
    test_sql(pg, "CREATE EXTENSION postgis; SELECT registry.use_postgis()");
    pg_close(pg);
    TCase *group = tcase_create("postgis");
    tcase_set_timeout(group, 60);
    tcase_add_checked_fixture(group, set_up, tear_down);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(group, tests[i]);
    return test_main_case("postgis", group);
}
