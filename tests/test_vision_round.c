/* Lists of VISION on the real worker: many countries at once, a child that is killed in the middle, two runs of one list; answers that were saved. */
#include "tests/fixture/main.h"
#include "tests/storm/stage.h"
#include "tests/test_sandbox_client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct test_cluster *cluster;

/* A sandbox with these arguments and a worker that asks it. */
static void open_round(struct stage *s, const char *const *sandbox, const char *pool)
{
    char url[160];
    sandbox_start(sandbox);
    snprintf(url, sizeof url, "DRUMBEAT_UPSTREAMS_VISION_URL=%s/vision", sandbox_base());
    stage_open(s, cluster);
    test_sql(s->pg, "INSERT INTO registry.workspace (title, workspace_code, business_area_code) SELECT 'Country ' || n, 'C' || n, n::text FROM generate_series(1001, 1045) n");
    stage_worker(s, stage_env(url, "DRUMBEAT_UPSTREAMS_VISION_KEY=drumbeat", "DRUMBEAT_WORKER_LEASE=5s"), "--pool", pool, "--config",
                 stage_config(s, "handlers: {vision.partner: {retry: {delays: [1s]}}}\n"));
}

static void close_round(struct stage *s)
{
    stage_close(s);
    sandbox_stop();
}

static const char *const plain[] = {NULL};

START_TEST(forty_five_countries_are_one_batch_with_one_progress)
{
    struct stage s;
    open_round(&s, plain, "4");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('vision.sync', '{\"handlers\": [\"partner\"]}')");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(60)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.batch_status WHERE label = 'vision.sync' AND state = 'success' AND total = 45 AND success = 45 AND progress = 1", 1,
                         SECONDS(120)));
    ck_assert_str_eq(stage_text(&s, "SELECT concat_ws(' ', handler_name, count(*), sum(fetched), sum(created), sum(skipped), bool_and(successful)) FROM registry.sync_log"
                                    " GROUP BY handler_name"),
                     "vision.partner 45 1350 1260 90 t");
    ck_assert_str_eq(stage_text(&s, "SELECT concat_ws(' ', (SELECT count(*) FROM registry.partner_organization), (SELECT count(vision_last_synced) FROM registry.workspace))"),
                     "1260 45");
    close_round(&s);
}
END_TEST

/* What a copy has to wait for while it moves its rows. */
static struct pg *hold_partners(const struct stage *s)
{
    struct pg *holder = test_connect(s->url);
    test_sql(holder, "BEGIN; LOCK TABLE registry.partner_organization IN ACCESS EXCLUSIVE MODE");
    return holder;
}

static void await_waiting(struct stage *s)
{
    ck_assert(stage_wait(s, "SELECT count(*) FROM pg_locks WHERE relation = 'registry.partner_organization'::regclass AND NOT granted", 1, SECONDS(60)));
}

#define ENQUEUE "SELECT drumbeat.enqueue('vision.partner', '{\"business_area\": \"1001\"}')"

START_TEST(a_child_that_is_killed_in_the_middle_leaves_nothing_and_the_next_attempt_mends_it)
{
    struct stage s;
    open_round(&s, plain, "2");
    struct pg *holder = hold_partners(&s);
    const char *id = stage_enqueue(&s, ENQUEUE);
    await_waiting(&s);
    kill(stage_runner(&s, id), SIGKILL);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.attempt WHERE outcome IS NOT NULL AND outcome <> 'success'", 1, SECONDS(60)));
    ck_assert_str_eq(stage_text(&s, "SELECT concat_ws(' ', (SELECT count(*) FROM registry.organization), (SELECT count(*) FROM registry.sync_log))"), "0 0");
    pg_close(holder);
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(60)));
    ck_assert_str_eq(stage_text(&s, "SELECT concat_ws(' ', (SELECT count(*) FROM registry.partner_organization WHERE total_ct_cp > 0), (SELECT count(*) FROM"
                                    " registry.planned_engagement), (SELECT string_agg(concat_ws('/', successful, created, skipped), ' ') FROM registry.sync_log))"),
                     "28 28 t/28/2");
    close_round(&s);
}
END_TEST

START_TEST(of_two_runs_of_one_list_and_country_one_is_left_out)
{
    struct stage s;
    open_round(&s, plain, "2");
    struct pg *holder = hold_partners(&s);
    const char *first = stage_enqueue(&s, ENQUEUE);
    await_waiting(&s);
    const char *second = stage_enqueue(&s, ENQUEUE);
    ck_assert(stage_ends(&s, second, "SUCCESS", SECONDS(60)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task_log WHERE message LIKE '%another run is at it, left out'", 1, SECONDS(60)));
    pg_close(holder);
    ck_assert(stage_ends(&s, first, "SUCCESS", SECONDS(60)));
    ck_assert_str_eq(stage_text(&s, "SELECT string_agg(created::text, ' ') FROM registry.sync_log"), "28");
    close_round(&s);
}
END_TEST

/* Transfers come first on purpose: they wait for the partners that they are of, and none is told to be of nobody. */
START_TEST(a_list_waits_for_those_that_it_refers_to)
{
    struct stage s;
    open_round(&s, plain, "2");
    struct pg *holder = hold_partners(&s);
    stage_enqueue(&s, "SELECT drumbeat.enqueue('vision.sync', '{\"business_area\": \"1001\", \"handlers\": [\"dct\", \"partner\"]}')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE name = 'vision.dct' AND status = 'QUEUED'"
                             " AND progress_message = 'snoozed: vision.partner comes first'", 1, SECONDS(60)));
    await_waiting(&s);
    pg_close(holder);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.batch_status WHERE label = 'vision.sync' AND state = 'success' AND total = 2", 1, SECONDS(120)));
    ck_assert_str_eq(stage_text(&s, "SELECT string_agg(concat_ws(' ', handler_name, successful, skipped), ', ' ORDER BY id) FROM registry.sync_log"),
                     "vision.partner t 2, vision.dct t 6");
    close_round(&s);
}
END_TEST

START_TEST(what_it_waits_for_may_end_badly)
{
    struct stage s;
    open_round(&s, plain, "2");
    struct pg *holder = hold_partners(&s);
    stage_enqueue(&s, "SELECT drumbeat.enqueue('vision.sync', '{\"business_area\": \"1001\", \"handlers\": [\"dct\", \"partner\"]}')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.past_attempt WHERE outcome = 'snoozed'", 1, SECONDS(60)));
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task WHERE name = 'vision.partner'");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE name = 'vision.partner' AND status = 'KILLED'", 1, SECONDS(60)));
    pg_close(holder);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE name = 'vision.dct' AND status = 'SUCCESS'", 1, SECONDS(120)));
    close_round(&s);
}
END_TEST

START_TEST(what_could_not_be_copied_is_listed_with_its_place_and_the_reason)
{
    struct stage s;
    static const char *const odd[] = {"--quirk", "bad-amounts=10", NULL};
    open_round(&s, odd, "2");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('vision.sync', '{\"business_area\": \"1001\", \"handlers\": [\"partner\"]}')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.batch_status WHERE state = 'success'", 1, SECONDS(120)));
    struct test_process *p = test_drumbeat(s.url, "task", "errors", id, NULL);
    ck_assert_msg(test_process_status(p) == 0, "%s", test_process_errors(p));
    ck_assert_msg(strstr(test_process_output(p), "vision.partner\t1001\tfailed\t"), "%s", test_process_output(p));
    ck_assert_msg(strstr(test_process_output(p), "vision.partner\t1001\tnote\t"), "%s", test_process_output(p));
    test_process_free(p);
    p = test_drumbeat(s.url, "task", "errors", "00000000-0000-7000-8000-000000000000", NULL);
    ck_assert_int_eq(test_process_status(p), 3);
    test_process_free(p);
    close_round(&s);
}
END_TEST

/* Saved answers ------------------------------------------------------------------------------------------------------------- */

static void copy_saved(struct stage *s, const char *name, const char *args)
{
    char query[256];
    snprintf(query, sizeof query, "SELECT drumbeat.enqueue('vision.%s', '{\"business_area\": \"1001\"%s}')", name, args);
    const char *id = stage_enqueue(s, query);
    ck_assert_msg(stage_ends(s, id, "SUCCESS", SECONDS(60)), "%s: %s", name, stage_task(s, id, "error"));
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(the_sandbox_serves_answers_that_were_saved)
{
    struct stage s;
    const char *folder = test_cluster_folder(cluster), *const saved[] = {"--data", folder, NULL};
    write_file(folder, "my_dcts_response.json", "\"No Data Available\"");
    write_file(folder, "my_ramindicators_response-1002.json", "{\"ROWSET\":{\"ROW\":{\"INDICATOR_CODE\":\"X\"}}}");
    write_file(folder, "recorded_fr.json",
               "{\"request\":{\"uri\":\"http://vision/fundsreservations/9999/?businessarea=1001\"},\"body\":{\"ROWSET\":{\"ROW\":{\"VENDOR_CODE\":\"PVN\",\"FR_NUMBER\":\"9999\","
               "\"FR_DOC_DATE\":\"21-FEB-12\",\"CURRENCY\":\"AFN\",\"FR_DOCUMENT_TEXT\":\"x\",\"FR_START_DATE\":\"01-DEC-11\",\"FR_END_DATE\":\"31-DEC-11\",\"LINE_ITEM\":\"1\","
               "\"WBS_ELEMENT\":\"0060\",\"GRANT_REF\":\"N\",\"FUND\":\"GC\",\"DUE_DATE\":\"21-FEB-12\",\"OVERALL_AMOUNT\":\"53837.52\",\"COMPLETED_FLAG\":\"N\"}}}}");
    open_round(&s, saved, "2");
    copy_saved(&s, "dct", "");
    copy_saved(&s, "ram", "");
    copy_saved(&s, "fund_reservation", ", \"number\": \"9999\"");
    ck_assert_str_eq(stage_text(&s, "SELECT string_agg(handler_name || ' ' || fetched, ', ' ORDER BY handler_name) FROM registry.sync_log"),
                     "vision.dct 0, vision.fund_reservation 1, vision.ram 0");
    ck_assert_str_eq(stage_text(&s, "SELECT concat_ws(' ', fr_number, total_amt, completed_flag) FROM registry.fr_header"), "9999 53837.52 f");
    close_round(&s);
}
END_TEST

/* Real answers, where the folder with them is there. */
START_TEST(what_vision_really_answered_lands_field_by_field)
{
    struct stage s;
    char folder[512];
    const char *source = getenv("DRUMBEAT_SOURCE"), *const real[] = {"--data", folder, NULL};
    snprintf(folder, sizeof folder, "%s/../shared/data/vision", source ? source : ".");
    if (access(folder, R_OK) != 0)
        return;
    open_round(&s, real, "2");
    test_sql(s.pg, "WITH o AS (INSERT INTO registry.organization (vendor_number, name) VALUES ('2500200001', 'Partner'), ('123', 'Other') RETURNING id)"
                   " INSERT INTO registry.partner_organization (organization_id, country_id) SELECT o.id, w.id FROM o, registry.workspace w WHERE business_area_code = '1001';"
                   "INSERT INTO registry.country_programme (country_id, wbs, name, from_date, to_date) SELECT id, '0060/A0/07', 'CP', '2024-01-01', '2028-12-31' FROM"
                   " registry.workspace WHERE business_area_code = '1001';"
                   "INSERT INTO registry.result (country_id, wbs, result_type, name) SELECT id, '0060/A0/07/885/006/001', 'Activity', 'x' FROM registry.workspace WHERE"
                   " business_area_code = '1001'; INSERT INTO registry.location (name, p_code, admin_level) VALUES ('Location', 'LO', 1)");
    copy_saved(&s, "partner", "");
    copy_saved(&s, "dct", "");
    copy_saved(&s, "face_forms", "");
    copy_saved(&s, "fund_reservation", "");
    copy_saved(&s, "ewp", "");
    copy_saved(&s, "fund_reservation", ", \"number\": \"9999\", \"ask_area\": \"ZZZ\", \"delegated\": true");
    ck_assert_str_eq(stage_text(&s, "SELECT concat_ws('|', name, short_name, organization_type, cso_type, country, total_ct_cp, total_ct_cy, net_ct_cy, reported_cy, total_ct_ytd,"
                                    " type_of_assessment, core_values_assessment_date, last_assessment_date, psea_assessment_date AT TIME ZONE 'UTC', sea_risk_rating_name,"
                                    " outstanding_dct_amount_6_to_9_months_usd, outstanding_dct_amount_more_than_9_months_usd)"
                                    " FROM registry.partner_organization p JOIN registry.organization o ON o.id = organization_id WHERE vendor_number = 'ACM'"),
                     "ACME Inc.|Short Name|UN Agency|National|test|150.00|100.00|90.00|80.00|70.00|HIGH RISK ASSUMED|2020-01-10|2020-01-20|2022-01-03 00:00:00|Test|660.00|990.00");
    ck_assert_str_eq(stage_text(&s, "SELECT concat_ws('|', face_number, start_date, end_date, date_of_liquidation, modality, currency, amount_local, amount_usd) FROM registry.face_form"),
                     "FACE_002|2023-01-01|2023-12-12|2023-12-31|Cash|AFG|150345.00|1500.00");
    ck_assert_str_eq(stage_text(&s, "SELECT concat_ws('|', w.wbs, ewp_id, w.name, cost_center_name, a.wbs, a.wpa_id, a.title, a.start_date, a.total_budget, l.p_code, o.vendor_number)"
                                    " FROM registry.ewp_activity a JOIN registry.ewp_workplan w ON w.id = workplan_id JOIN registry.ewp_activity_location al ON al.ewp_activity_id ="
                                    " a.id JOIN registry.location l ON l.id = location_id JOIN registry.ewp_activity_partner ap ON ap.ewp_activity_id = a.id"
                                    " JOIN registry.partner_organization p ON p.id = partner_id JOIN registry.organization o ON o.id = organization_id"),
                     "WP/0060A007/000143/01|147813|Test Workplan|Jalalabad, Eastern|0060/A0/07/885/006/001/WPA0001|191865|KI-ER 2024: SOCIAL AND BEHAVIOR CHANGE AND COMMUNICATION|"
                     "2024-01-01|1234.00|LO|2500200001");
    ck_assert_str_eq(stage_text(&s, "SELECT string_agg(concat_ws('|', fr_number, vendor_code, document_date, fr_type, currency, start_date, end_date, intervention_amt, total_amt,"
                                    " total_amt_local, actual_amt, actual_amt_local, outstanding_amt, outstanding_amt_local, multi_curr_flag, completed_flag, delegated), ' ; '"
                                    " ORDER BY fr_number) FROM registry.fr_header"),
                     "123|Code123|2015-01-14|Type|USD|2015-01-13|2015-12-20|17.00|20.00|5.00|18.00|13.00|19.00|14.00|f|f|f ; "
                     "9999|PVN|2012-02-21|Programme Document Against PCA|AFN|2011-12-01|2011-12-31|38946.21|53837.52|2658643.00|38946.21|0.00|0.00|0.00|t|f|t");
    close_round(&s);
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("vision_round");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, forty_five_countries_are_one_batch_with_one_progress);
    tcase_add_test(tests, a_child_that_is_killed_in_the_middle_leaves_nothing_and_the_next_attempt_mends_it);
    tcase_add_test(tests, of_two_runs_of_one_list_and_country_one_is_left_out);
    tcase_add_test(tests, a_list_waits_for_those_that_it_refers_to);
    tcase_add_test(tests, what_it_waits_for_may_end_badly);
    tcase_add_test(tests, what_could_not_be_copied_is_listed_with_its_place_and_the_reason);
    tcase_add_test(tests, the_sandbox_serves_answers_that_were_saved);
    tcase_add_test(tests, what_vision_really_answered_lands_field_by_field);
    return test_main_case("vision_round", tests);
}
