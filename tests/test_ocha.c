/* Plans, projects and partners from HPC: against the sandbox with its quirks, and saved payloads, into a real database. */
#include "tasks/ocha/ocha.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/test_http_server.h"
#include "tests/test_ocha_run.h"
#include "tests/test_sandbox_client.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void set_up(void)
{
    ocha_set_up(NULL);
}

/* Plans ------------------------------------------------------------------------------------------------------------------------ */

START_TEST(a_plan_lands_with_its_clusters_and_enqueues_its_details)
{
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_ocha_response_plan, PLAN, 0);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_str_eq(last("ocha.response_plan"), "t 26 26 0 0 0 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', p.external_id, external_source, plan_type, start, \"end\", w.workspace_code)"
                                   " FROM registry.response_plan p JOIN registry.workspace w ON w.id = workspace_id"),
                     "401 HPC HRP 2016-01-01 2016-12-31 EM601");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.cluster WHERE type = 'imported' AND imported_type <> '' AND external_source = 'HPC'"), 4);
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(name || ' ' || args::text, ', ') FROM drumbeat.task WHERE batch_id IS NOT NULL"),
                     "ocha.response_plan_details {\"plan_id\": 401, \"upstream\": \"pmp\"}");
    ck_assert_ptr_nonnull(strstr(r->end.result, "\"batch\":"));
}
END_TEST

START_TEST(places_lie_below_each_other)
{
    succeed(&handler_ocha_response_plan, PLAN);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location WHERE external_source = 'HPC' AND parent_id IS NOT NULL"), 20);
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', external_id, p_code, admin_level, latitude, longitude) FROM registry.location WHERE parent_id IS NULL"),
                     "401000 S01000 0 10 20");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location WHERE p_code = ''"), 2);
}
END_TEST

START_TEST(details_bring_objectives_activities_and_what_they_are_to_reach)
{
    import_plan();
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.cluster_objective"), 10);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.cluster_activity"), 24);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE successful AND fetched = created + updated + unchanged + skipped + failed"), 2);
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', target->>'v', baseline->>'v', in_need->>'v', target->>'d') FROM registry.reportable"
                                   " WHERE external_id = '40110001' AND external_source = 'HPC' AND content_type = 'cluster_activity'"),
                     "1 1 10001 1");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.reportable r JOIN registry.indicator_blueprint b ON b.id = blueprint_id"
                                     " WHERE b.unit = 'number' AND b.disaggregatable AND b.external_source = 'HPC' AND b.title <> ''"),
                     test_number(pg, "SELECT count(*) FROM registry.reportable"));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.reportable_location_goal"), 3 * test_number(pg, "SELECT count(*) FROM registry.reportable"));
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(name || ' ' || n, ', ' ORDER BY name) FROM registry.disaggregation d JOIN (SELECT disaggregation_id,"
                                   " count(*) n FROM registry.disaggregation_value GROUP BY 1) v ON disaggregation_id = d.id WHERE response_plan_id = 1"),
                     "Age 4, Sex 4, Status 4");
}
END_TEST

/* What the sandbox says of an attachment, told by its id: every fifth has texts, every third of those is empty, every seventh no baseline. */
START_TEST(totals_are_exact_whatever_they_are_written_as)
{
    import_plan();
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.reportable, LATERAL (SELECT external_id::bigint AS n) i WHERE (target->>'v')::numeric IS DISTINCT FROM"
                                     " CASE WHEN n % 5 = 0 AND n % 3 = 0 THEN 0 WHEN n % 5 = 0 THEN n % 10000 + 0.5 ELSE n % 10000 END"),
                     0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.reportable, LATERAL (SELECT external_id::bigint AS n) i WHERE (baseline->>'v')::numeric IS DISTINCT FROM"
                                     " CASE WHEN n % 7 = 0 OR (n % 5 = 0 AND n % 3 = 0) THEN 0 WHEN n % 5 = 0 THEN n % 1000 + 0.5 ELSE n % 1000 END"),
                     0);
}
END_TEST

START_TEST(a_second_run_writes_nothing)
{
    import_plan();
    succeed(&handler_ocha_funding, PLAN);
    succeed(&handler_ocha_project, PROJECT);
    succeed(&handler_ocha_project_details, PROJECT);
    const char *before = snapshot();
    import_plan();
    succeed(&handler_ocha_funding, PLAN);
    succeed(&handler_ocha_project, PROJECT);
    succeed(&handler_ocha_project_details, PROJECT);
    ck_assert_str_eq(snapshot(), before);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE id > 5 AND created + updated + deactivated + failed > 0"), 0);
}
END_TEST

START_TEST(an_objective_without_a_cluster_has_that_of_the_activity_that_supports_it)
{
    import_plan();
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.cluster_objective WHERE external_id IN ('4010000', '4010001')"), 2);
}
END_TEST

START_TEST(unknown_clusters_are_told_and_the_rest_lands)
{
    post("/_sandbox/quirks?lost-clusters=id=4010101");
    import_plan();
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.cluster_objective"), 9);
    ck_assert_str_eq(test_text(pg, "SELECT n->>'note' FROM registry.sync_log, jsonb_array_elements(data->'notes') n WHERE n->>'id' = '4010101'"),
                     "parentId: cluster 9 is not known");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE successful AND fetched = created + updated + unchanged + skipped + failed"), 2);
    post("/_sandbox/quirks?lost-clusters=off");
    import_plan();
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.cluster_objective"), 10);
}
END_TEST

START_TEST(a_bad_attachment_is_told_with_its_place)
{
    post("/_sandbox/quirks?bad-attachments=id=40101001");
    import_plan();
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', f->>'id', f->>'field', f->>'reason') FROM registry.sync_log, jsonb_array_elements(data->'failures') f"),
                     "40101001 attachmentVersion.value.description a whole number where a string was expected");
}
END_TEST

/* All that is asked for is a list of these. */
static void organizations(const char *list)
{
    static struct scripted rows[2];
    rows[0] = (struct scripted){.answer = scripted_json(200, "", scripted_keep("{\"status\":\"ok\",\"data\":[%s]}", list))};
    scripted_stop();
    scripted_start(rows, upstream);
}

/* Both answers of plan 401 have one objective with these indicators; "!": with no list of them. */
static void details_name(const char *ids)
{
    static struct scripted rows[2];
    struct text attachments CLEANUP(text_free) = {0};
    bool wrong = *ids == '!';
    for (const char *id = wrong ? "" : ids; *id; id++)
        text_printf(&attachments, "%s{\"id\":\"%c\",\"type\":\"indicator\",\"attachmentVersion\":{\"value\":{\"description\":%s}}}", id > ids ? "," : "", *id,
                    *id == 'x' ? "7" : "\"I\"");
    rows[0] = (struct scripted){
        .answer = scripted_json(200, "", scripted_keep("{\"status\":\"ok\",\"data\":{\"locations\":[],\"planEntities\":[{\"id\":70,\"parentId\":7,\"entityPrototype\":"
                                                       "{\"refCode\":\"CO\"},\"planEntityVersion\":{\"value\":{\"description\":\"O\"}},\"attachments\":%s%s%s}]}}",
                                                       wrong ? "{" : "[", text_str(&attachments), wrong ? "}" : "]"))};
    scripted_stop();
    scripted_start(rows, upstream);
    succeed(&handler_ocha_response_plan_details, PLAN);
}

START_TEST(an_indicator_that_comes_no_more_is_over_until_it_comes_again)
{
    static const char active[] = "SELECT string_agg(external_id, '' ORDER BY external_id) FROM registry.reportable WHERE active";
    test_sql(pg, "INSERT INTO registry.response_plan (external_id, external_source, title) VALUES ('401', 'HPC', 'One'), ('402', 'HPC', 'Other');"
                 "INSERT INTO registry.cluster (type, imported_type, response_plan_id, external_id, external_source)"
                 " SELECT 'imported', 'C', id, CASE title WHEN 'One' THEN '7' ELSE '8' END, 'HPC' FROM registry.response_plan;"
                 "INSERT INTO registry.cluster_objective (external_id, external_source, title, cluster_id) SELECT external_id || '0', 'HPC', 'O', id FROM registry.cluster;"
                 "INSERT INTO registry.reportable (external_id, external_source, content_type, object_id)"
                 " SELECT v.id, v.source, 'cluster_objective', o.id FROM registry.cluster_objective o"
                 " JOIN (VALUES ('a', 'HPC', '70'), ('b', 'HPC', '70'), ('x', 'HPC', '70'), ('p', 'PMP', '70'), ('z', 'HPC', '80')) v(id, source, o) ON v.o = o.external_id");
    details_name("ax");
    ck_assert_str_eq(test_text(pg, active), "apxz");
    ck_assert_str_eq(last("ocha.response_plan_details"), "t 3 0 1 1 0 1 1");
    details_name("");
    details_name("!");
    ck_assert_str_eq(test_text(pg, active), "apxz");
    details_name("b");
    ck_assert_str_eq(test_text(pg, active), "bpz");
    const char *before = snapshot();
    details_name("b");
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

START_TEST(plans_and_projects_are_listed_by_name_to_pick_from)
{
    struct test_run *plans CLEANUP(test_run_freep) = run_with(&handler_ocha_plans, "{\"country\":\"S01\",\"upstream\":\"pmp\"}", 0);
    ck_assert_msg(plans->end.success, "%s", plans->end.error.text);
    ck_assert_ptr_nonnull(strstr(plans->end.result, "{\"id\":\"401\",\"name\":\""));
    struct test_run *projects CLEANUP(test_run_freep) = run_with(&handler_ocha_projects, PLAN, 0);
    ck_assert_msg(projects->end.success, "%s", projects->end.error.text);
    ck_assert_int_eq(test_number(pg, scripted_keep("SELECT count(*) FROM jsonb_to_recordset('%s') AS r(id text, name text) WHERE id LIKE '401%%' AND name <> ''", projects->end.result)), 20);
    organizations("{\"id\":2,\"name\":\"b\"},{\"id\":\"1\",\"planVersion\":{\"name\":\"a\"}},{\"id\":3},7,{\"name\":\"c\"}");
    struct test_run *odd CLEANUP(test_run_freep) = run_with(&handler_ocha_projects, PLAN, 0);
    ck_assert_str_eq(odd->end.result, "[{\"id\":\"1\",\"name\":\"a\"},{\"id\":\"2\",\"name\":\"b\"}]");
}
END_TEST

START_TEST(the_older_form_of_a_plan_is_read_too)
{
    import_plan();
    const char *before = snapshot();
    post("/_sandbox/quirks?flat-plans=1");
    import_plan();
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

#define CLUSTER(id, name) "{\"id\":" id ",\"governingEntityVersion\":{\"name\":" name "},\"entityPrototype\":{\"refCode\":\"CL\"}}"

START_TEST(odd_clusters_and_places_are_told_and_the_others_land)
{
    static struct scripted rows[2];
    rows[0] = (struct scripted){
        .answer = scripted_json(200, "",
                                "{\"status\":\"ok\",\"data\":{\"planVersion\":{\"name\":\"Plan; été\",\"startDate\":\"2020-01-01\",\"endDate\":null},"
                                "\"categories\":[{\"id\":5},{\"id\":4}],\"emergencies\":[],\"locations\":[{\"id\":1,\"name\":\"A\",\"adminLevel\":0,\"pcode\":null},"
                                "{\"id\":2,\"name\":[],\"adminLevel\":0},7],\"governingEntities\":[" CLUSTER("1", "\"Health\"") "," CLUSTER("2", "\"Health\"") ","
                                CLUSTER("\"3\"", "\"Food\"") "," CLUSTER("\"3\"", "\"Food 2\"") "," CLUSTER("4", "7") "," CLUSTER("null", "\"None\"") "]}}")};
    scripted_start(rows, upstream);
    for (int time = 0; time < 2; time++)
        succeed(&handler_ocha_response_plan, PLAN);
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws('|', title, plan_type, start, \"end\", workspace_id) FROM registry.response_plan"), "Plan; été|FA|2020-01-01");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(external_id || ' ' || imported_type, ', ' ORDER BY external_id) FROM registry.cluster"), "2 Health, 3 Food 2");
    ck_assert_str_eq(last("ocha.response_plan"), "t 10 0 0 4 2 0 4");
}
END_TEST

START_TEST(a_plan_of_one_country_has_its_workspace)
{
    test_sql(pg, "INSERT INTO registry.workspace (title, workspace_code, iso3_code) VALUES ('Tamoru', 'TM', 'S01')");
    succeed(&handler_ocha_response_plan, PLAN);
    ck_assert_str_eq(test_text(pg, "SELECT workspace_code FROM registry.response_plan p JOIN registry.workspace w ON w.id = workspace_id"), "TM");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.workspace"), 1);
}
END_TEST

START_TEST(a_plan_that_is_not_there_ends_the_task)
{
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_ocha_response_plan, "{\"plan_id\":999,\"upstream\":\"pmp\"}", 0);
    ck_assert_int_eq(r->end.error.kind, ERR_NOT_FOUND);
    ck_assert_str_eq(last("ocha.response_plan"), "f 0 0 0 0 0 0 0");
    struct test_run *w CLEANUP(test_run_freep) =
        run_with(&handler_ocha_response_plan, "{\"plan_id\":401,\"workspace\":\"nowhere\",\"upstream\":\"pmp\"}", 0);
    ck_assert_int_eq(w->end.error.kind, ERR_NOT_FOUND);
}
END_TEST

/* Projects --------------------------------------------------------------------------------------------------------------------- */

START_TEST(a_project_brings_its_missing_plan_first)
{
    succeed(&handler_ocha_project, PROJECT);
    ck_assert_str_eq(last("ocha.project"), "t 1 1 0 0 0 0 0");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws(' ', external_id, code, status, requested_funds, total_budget, additional_information, start_date, end_date)"
                                   " FROM registry.partner_project"),
                     "40102 H401-HEA;NUT-40102-1 Ong 1040102.00 1040102.00 www.project40102.example.org 2019-01-01 2099-12-31");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.partner_project_location"), 3);
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(name || ' ' || args::text, ', ') FROM drumbeat.task"),
                     "ocha.response_plan {\"details\": false, \"plan_id\": 401, \"upstream\": \"pmp\"}");
    succeed(&handler_ocha_response_plan, PLAN);
    test_sql(pg, "DELETE FROM drumbeat.task_body");
    succeed(&handler_ocha_project, PROJECT);
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(name, ', ') FROM drumbeat.task WHERE batch_id IS NOT NULL"), "ocha.project_details");
}
END_TEST

START_TEST(a_project_knows_its_money_clusters_indicators_and_activities)
{
    import_plan();
    test_sql(pg, "INSERT INTO registry.partner (title, ocha_external_id) VALUES ('Those', '3')");
    succeed(&handler_ocha_project, PROJECT);
    succeed(&handler_ocha_project_details, PROJECT);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.partner_project p WHERE total_budget = (SELECT sum(amount_usd) FROM registry.fts_flow"
                                     " WHERE project_external_id = '40102') AND total_budget <> requested_funds AND partner_id = 1"),
                     1);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.partner_project p WHERE funding_source = (SELECT string_agg(source_objects->0->>'name', '; '"
                                     " ORDER BY external_id::bigint) FROM registry.fts_flow)"),
                     1);
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(external_id, ' ' ORDER BY external_id) FROM registry.partner_project_cluster JOIN registry.cluster c"
                                   " ON c.id = cluster_id"),
                     "40102 40103");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.reportable WHERE content_type = 'partner_project' AND external_source = 'HPC:project:40102'"), 3);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.activity_project_context c JOIN registry.partner_activity a ON a.id = activity_id"
                                     " WHERE a.partner_id = 1 AND a.cluster_activity_id IS NOT NULL AND c.start_date = '2019-01-01' AND c.status = 'Ong'"),
                     3);
}
END_TEST

START_TEST(projects_with_the_same_days_do_not_overwrite_each_other)
{
    import_plan();
    for (int project = 40102; project <= 40103; project++)
        for (int part = 0; part < 2; part++)
            succeed(part ? &handler_ocha_project_details : &handler_ocha_project, scripted_keep("{\"project_id\":%d,\"upstream\":\"pmp\"}", project));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.activity_project_context"), 6);
    ck_assert_int_eq(test_number(pg, "SELECT count(DISTINCT object_id) FROM registry.reportable WHERE content_type = 'partner_project'"), 2);
}
END_TEST

START_TEST(a_project_without_clusters_of_its_plan_has_those_of_all_plans)
{
    import_plan();
    succeed(&handler_ocha_project, "{\"project_id\":40104,\"upstream\":\"pmp\"}");
    succeed(&handler_ocha_project_details, "{\"project_id\":40104,\"upstream\":\"pmp\"}");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.partner_project_cluster JOIN registry.cluster c ON c.id = cluster_id WHERE c.external_id IS NULL"
                                     " AND response_plan_id = 1 AND imported_type <> ''"),
                     2);
}
END_TEST

START_TEST(a_project_without_a_published_version_says_so)
{
    post("/_sandbox/quirks?unpublished=id=40102");
    struct test_run *r CLEANUP(test_run_freep) = run_with(&handler_ocha_project, PROJECT, 0);
    ck_assert_int_eq(r->end.error.kind, ERR_DATA);
    ck_assert_ptr_nonnull(strstr(r->end.error.text, "currentPublishedVersionId: no version is published"));
    ck_assert_str_eq(last("ocha.project"), "f 1 0 0 0 0 0 1");
}
END_TEST

/* Partners --------------------------------------------------------------------------------------------------------------------- */

START_TEST(partners_are_known_by_name_or_abbreviation)
{
    organizations("{\"id\":1,\"name\":\"Alliance for Action\",\"abbreviation\":\"ALIMA\"},{\"id\":2,\"name\":\"Care\",\"abbreviation\":null},"
                  "{\"id\":3,\"name\":\"Care International\",\"abbreviation\":\"CARE\"},{\"id\":4,\"name\":7},{\"id\":5,\"name\":\"Twice\"}");
    test_sql(pg, "INSERT INTO registry.partner (title, vendor_number) VALUES ('Alima', 'a'), ('CARE', 'b'), ('Unknown', 'c'), ('twice', 'd'), ('TWICE', 'e')");
    succeed(&handler_ocha_partners, "{\"upstream\":\"pmp\"}");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(title || coalesce(ocha_external_id, '-'), ' ' ORDER BY id) FROM registry.partner"),
                     "Alima1 CARE2 Unknown- twice- TWICE-");
    ck_assert_str_eq(last("ocha.partners"), "t 5 0 2 2 0 0 1");
    ck_assert_int_eq(test_number(pg, "SELECT jsonb_array_length(data->'notes') FROM registry.sync_log"), 2);
    const char *before = snapshot();
    succeed(&handler_ocha_partners, "{\"upstream\":\"pmp\"}");
    ck_assert_str_eq(snapshot(), before);
    ck_assert_str_eq(last("ocha.partners"), "t 5 0 0 4 0 0 1");
}
END_TEST

START_TEST(all_organizations_are_asked_for_at_once)
{
    succeed(&handler_ocha_partners, "{\"upstream\":\"pmp\"}");
    ck_assert_str_eq(last("ocha.partners"), "t 300 0 0 300 0 0 0");
}
END_TEST

/* Saved payloads --------------------------------------------------------------------------------------------------------------- */

static void set_up_saved(void)
{
    static const char *args[] = {"--data", NULL, NULL};
    const char *source = getenv("DRUMBEAT_SOURCE");
    args[1] = scripted_keep("%s/../shared/data/ocha", source ? source : ".");
    if (access(args[1], R_OK) != 0)
        args[0] = NULL;
    ocha_set_up(args);
    if (!args[0])
        sandbox_stop();
}

static bool is_saved(void)
{
    return sandbox_pid() > 0;
}

START_TEST(a_saved_plan_lands_field_by_field)
{
    if (!is_saved())
        return;
    succeed(&handler_ocha_response_plan, "{\"plan_id\":474,\"upstream\":\"pmp\"}");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws('|', p.external_id, external_source, p.title, plan_type, start, \"end\", w.title, workspace_code)"
                                   " FROM registry.response_plan p JOIN registry.workspace w ON w.id = workspace_id"),
                     "474|HPC|Sahel Regional 2015|HRP|2015-01-01|2015-12-31|Sahel 2014-2016|EM615");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(external_id || ' ' || imported_type, ', ' ORDER BY external_id) FROM registry.cluster WHERE external_id < '2976'"),
                     "2972 EDUCATION, 2973 EMERGENCY SHELTER AND NFI, 2974 HEALTH, 2975 NUTRITION");
    ck_assert_str_eq(test_text(pg, "SELECT string_agg(concat_ws('|', external_id, name, p_code, admin_level, latitude, longitude), ', ' ORDER BY external_id::int)"
                                   " FROM registry.location WHERE name IN ('Gambia', 'Mali')"),
                     "81|Gambia||0|13.444703278968|-15.447184015638, 137|Mali|ML|0|17.346406269504|-3.52505158123");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location"), 9);
    succeed(&handler_ocha_response_plan_details, "{\"plan_id\":474,\"upstream\":\"pmp\"}");
    const char *before = snapshot();
    succeed(&handler_ocha_response_plan, "{\"plan_id\":474,\"upstream\":\"pmp\"}");
    succeed(&handler_ocha_response_plan_details, "{\"plan_id\":474,\"upstream\":\"pmp\"}");
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

START_TEST(a_saved_project_lands_field_by_field)
{
    if (!is_saved())
        return;
    test_sql(pg, "INSERT INTO registry.partner (title) VALUES ('ALLIANCE FOR INTERNATIONAL MEDICAL ACTION')");
    succeed(&handler_ocha_project, "{\"project_id\":154060,\"upstream\":\"pmp\"}");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws('|', external_id, code, left(title, 40), left(description, 24), start_date, end_date, status, total_budget,"
                                   " funding_source, additional_information, partner_id) FROM registry.partner_project"),
                     "154060|HTCD19-HEA;NUT;WSH-154060-1|Appui à la prise en charge médico-nutrit|ALIMA et son partenaire |2019-01-01|2019-12-31|Com|4311281.00||1");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.location l WHERE EXISTS (SELECT FROM registry.partner_project_location WHERE location_id = l.id)"), 3);
    succeed(&handler_ocha_project_details, "{\"project_id\":154060,\"upstream\":\"pmp\"}");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws('|', total_budget, funding_source) FROM registry.partner_project"),
                     "2614016.00|European Commission's Humanitarian Aid and Civil Protection Department");
    ck_assert_str_eq(test_text(pg, "SELECT concat_ws('|', external_id, amount_usd, original_amount, original_currency, exchange_rate, budget_year, contribution_type,"
                                   " flow_type, method, status, boundary, new_money, flow_date, decision_date, ref_code, parent_flow_id, version_id,"
                                   " project_external_id, organizations) FROM registry.fts_flow"),
                     "193821|2614016.00|2350000.00|EUR|0.899|2019|financial|Standard|Traditional aid|commitment|incoming|t|2019-06-19|2019-06-19|"
                     "ECHO/-AF/BUD/2019/92036|184341|2|154060|European Commission's Humanitarian Aid and Civil Protection Department");
}
END_TEST

int main(void)
{
    struct test_cluster *cluster = test_cluster_start(NULL);
    ocha_database(test_cluster_database(cluster));
    Suite *suite = suite_create("ocha");
    TCase *tests = tcase_create("ocha");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, ocha_tear_down);
    tcase_add_test(tests, a_plan_lands_with_its_clusters_and_enqueues_its_details);
    tcase_add_test(tests, places_lie_below_each_other);
    tcase_add_test(tests, details_bring_objectives_activities_and_what_they_are_to_reach);
    tcase_add_test(tests, totals_are_exact_whatever_they_are_written_as);
    tcase_add_test(tests, a_second_run_writes_nothing);
    tcase_add_test(tests, an_objective_without_a_cluster_has_that_of_the_activity_that_supports_it);
    tcase_add_test(tests, unknown_clusters_are_told_and_the_rest_lands);
    tcase_add_test(tests, a_bad_attachment_is_told_with_its_place);
    tcase_add_test(tests, an_indicator_that_comes_no_more_is_over_until_it_comes_again);
    tcase_add_test(tests, plans_and_projects_are_listed_by_name_to_pick_from);
    tcase_add_test(tests, the_older_form_of_a_plan_is_read_too);
    tcase_add_test(tests, odd_clusters_and_places_are_told_and_the_others_land);
    tcase_add_test(tests, a_plan_of_one_country_has_its_workspace);
    tcase_add_test(tests, a_plan_that_is_not_there_ends_the_task);
    tcase_add_test(tests, a_project_brings_its_missing_plan_first);
    tcase_add_test(tests, a_project_knows_its_money_clusters_indicators_and_activities);
    tcase_add_test(tests, projects_with_the_same_days_do_not_overwrite_each_other);
    tcase_add_test(tests, a_project_without_clusters_of_its_plan_has_those_of_all_plans);
    tcase_add_test(tests, a_project_without_a_published_version_says_so);
    tcase_add_test(tests, partners_are_known_by_name_or_abbreviation);
    tcase_add_test(tests, all_organizations_are_asked_for_at_once);
    suite_add_tcase(suite, tests);
    TCase *saved = tcase_create("saved payloads");
    tcase_set_timeout(saved, 120);
    tcase_add_checked_fixture(saved, set_up_saved, ocha_tear_down);
    tcase_add_test(saved, a_saved_plan_lands_field_by_field);
    tcase_add_test(saved, a_saved_project_lands_field_by_field);
    suite_add_tcase(suite, saved);
    return test_main(suite);
}
