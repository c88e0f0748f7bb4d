/* Syncs whose child is killed in the middle, on the real worker: nothing half done stays, the next attempt ends with what an undisturbed one has, and
 * totals add up. What VISION's lists do then is in test_vision_round.c. */
#include "tests/fixture/main.h"
#include "tests/storm/stage.h"
#include "tests/test_sandbox_client.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct test_cluster *cluster;

/* A sandbox, two countries, and a worker that asks it. */
static void open_syncs(struct stage *s)
{
    static const char *const args[] = {"--smtp", "0", NULL};
    char vision[160], mail[160];
    sandbox_start(args);
    CLEANUP(reply_free) struct reply r = get("/smtp/_sandbox/mails");
    snprintf(mail, sizeof mail, "DRUMBEAT_UPSTREAMS_SMTP_URL=smtp://127.0.0.1:%d", (int)integer(js_get(r.json, "port")));
    snprintf(vision, sizeof vision, "DRUMBEAT_UPSTREAMS_VISION_URL=%s/vision", sandbox_base());
    stage_open(s, cluster);
    test_sql(s->pg, "INSERT INTO registry.workspace (title, workspace_code, business_area_code) VALUES ('Tamoru', 'TM', '0160'), ('Besana', 'BS', '0250')");
    stage_worker(s, stage_env(vision, mail, "DRUMBEAT_UPSTREAMS_VISION_KEY=drumbeat", "DRUMBEAT_WORKER_LEASE=5s"), "--pool", "2");
}

static void close_syncs(struct stage *s)
{
    stage_close(s);
    sandbox_stop();
}

/* Run the task; its child is killed when it writes `table`, and `then` is looked at while nobody has begun anew. */
static const char *killed_at(struct stage *s, const char *table, const char *enqueue, const char *then, const char *expected)
{
    char sql[256];
    struct pg *holder = test_connect(s->url);
    snprintf(sql, sizeof sql, "BEGIN; LOCK TABLE registry.%s IN EXCLUSIVE MODE", table); /* it may be read */
    test_sql(holder, sql);
    const char *id = stage_enqueue(s, enqueue);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_locks WHERE relation = 'registry.%s'::regclass AND NOT granted", table);
    ck_assert(stage_wait(s, sql, 1, SECONDS(60)));
    kill(stage_runner(s, id), SIGKILL);
    ck_assert(stage_wait(s, "SELECT count(*) FROM drumbeat.past_attempt WHERE died", 1, SECONDS(60)));
    ck_assert_str_eq(stage_text(s, then), expected);
    pg_close(holder);
    ck_assert_msg(stage_ends(s, id, "SUCCESS", SECONDS(120)), "%s", stage_task(s, id, "error"));
    return id;
}

#define LOGGED "SELECT string_agg(concat_ws(' ', successful, fetched, created, updated, unchanged, skipped, failed), ', ' ORDER BY id) FROM registry.sync_log"

START_TEST(firms_that_monitor)
{
    struct stage s;
    open_syncs(&s);
    test_sql(s.pg, "WITH o AS (INSERT INTO registry.organization (vendor_number, name) VALUES ('101', 'a'), ('102', 'b'), ('103', 'c') RETURNING id)"
                   " INSERT INTO registry.tpm_partner (organization_id) SELECT id FROM o");
    killed_at(&s, "tpm_partner", "SELECT drumbeat.enqueue('tpm.partners')", "SELECT count(*) FROM registry.tpm_partner WHERE vision_synced", "0");
    ck_assert_str_eq(stage_text(&s, "SELECT count(*) FROM registry.tpm_partner WHERE vision_synced"), "3");
    ck_assert_str_eq(stage_text(&s, LOGGED), "t 3 0 3 0 0 0");
    close_syncs(&s);
}
END_TEST

START_TEST(purchase_orders)
{
    struct stage s;
    open_syncs(&s);
    killed_at(&s, "purchase_order_item", "SELECT drumbeat.enqueue('tpm.purchase_orders', '{\"business_area\": \"0160\"}')",
              "SELECT concat_ws(' ', (SELECT count(*) FROM registry.purchase_order), (SELECT count(*) FROM registry.organization))", "0 0");
    ck_assert_str_eq(stage_text(&s, "SELECT concat_ws(' ', (SELECT count(*) FROM registry.purchase_order), (SELECT count(*) FROM registry.purchase_order_item))"), "30 60");
    ck_assert_str_eq(stage_text(&s, LOGGED), "t 60 60 0 0 0 0");
    close_syncs(&s);
}
END_TEST

static const char partners[] = "WITH o AS (INSERT INTO registry.organization (vendor_number, name, organization_type) SELECT n::text, 'Partner ' || n, 'Government'"
                               " FROM generate_series(1, 50) n RETURNING id)"
                               " INSERT INTO registry.partner_organization (organization_id, country_id, net_ct_cy, reported_cy, total_ct_cy, total_ct_ytd)"
                               " SELECT o.id, w.id, 1000, 10, 1000, 1000 FROM o, registry.workspace w";

START_TEST(what_was_done_to_be_sure_of_partners)
{
    struct stage s;
    open_syncs(&s);
    test_sql(s.pg, partners);
    killed_at(&s, "partner_organization", "SELECT drumbeat.enqueue('hact.values', '{\"business_area\": \"0160\"}')",
              "SELECT count(*) FROM registry.partner_organization WHERE hact_values <> '{}'", "0");
    ck_assert_str_eq(stage_text(&s, "SELECT count(*) FROM registry.partner_organization WHERE hact_values <> '{}'"), "50");
    ck_assert_str_eq(stage_text(&s, LOGGED), "t 50 0 50 0 0 0");
    close_syncs(&s);
}
END_TEST

START_TEST(a_year_in_figures)
{
    struct stage s;
    open_syncs(&s);
    test_sql(s.pg, partners);
    killed_at(&s, "aggregate_hact", "SELECT drumbeat.enqueue('hact.aggregate')", "SELECT count(*) FROM registry.aggregate_hact", "0");
    ck_assert_str_eq(stage_text(&s, "SELECT count(*) FROM registry.aggregate_hact"), "2");
    ck_assert_str_eq(stage_text(&s, LOGGED), "t 2 2 0 0 0 0");
    close_syncs(&s);
}
END_TEST

/* Mails ------------------------------------------------------------------------------------------------------------------------------------- */

/* A document whose report is due within a week, and three people. */
static const char due[] = "INSERT INTO registry.partner (title, vendor_number) VALUES ('Partner', 'V1');"
                          "INSERT INTO registry.programme_document (external_id, external_business_area_code, workspace_id, partner_id, document_type, reference_number, title, status,"
                          " start_date, end_date) SELECT '1', '0160', w.id, p.id, 'PD', 'REF/1', 'Water', 'active', current_date - 100, current_date + 100"
                          " FROM registry.workspace w, registry.partner p WHERE w.workspace_code = 'TM';"
                          "INSERT INTO registry.progress_report (programme_document_id, report_type, report_number, start_date, end_date, due_date, status)"
                          " SELECT id, 'QPR', 1, current_date - 90, current_date - 1, current_date + 3, 'Due' FROM registry.programme_document;"
                          "INSERT INTO registry.person (name, email, active) VALUES ('Ada', 'ada@example.org', true), ('Bea', 'bea@example.org', true),"
                          " ('Cem', 'cem@example.org', true);"
                          "INSERT INTO registry.programme_document_unicef_focal_point (programme_document_id, person_id, active)"
                          " SELECT d.id, p.id, true FROM registry.programme_document d, registry.person p";

static int mails_with(const char *words)
{
    CLEANUP(reply_free) struct reply r = get("/smtp/_sandbox/mails");
    const struct js *mails = js_get(r.json, "mails");
    int count = 0;
    for (size_t i = 0; i < js_count(mails); i++)
        count += strstr(string(js_get(js_at(mails, i), "text")), words) != NULL;
    return count;
}

/* The server took it, but that could not be written down: it goes again under its name, by which a mailbox knows it. The others go once. */
START_TEST(a_mail_of_which_nobody_knows_goes_again_under_its_name)
{
    struct stage s;
    open_syncs(&s);
    test_sql(s.pg, due);
    test_sql(s.pg, "CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NEW; END';"
                   "CREATE TRIGGER wait_here BEFORE UPDATE ON registry.notification FOR EACH ROW EXECUTE FUNCTION wait_here()");
    struct pg *holder = test_connect(s.url);
    test_sql(holder, "SELECT pg_advisory_lock(42)");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('prp.notify_due')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted", 1, SECONDS(60)));
    ck_assert_int_eq(mails_with(""), 1);
    kill(stage_runner(&s, id), SIGKILL);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.past_attempt WHERE died", 1, SECONDS(60)));
    pg_close(holder);
    ck_assert_msg(stage_ends(&s, id, "SUCCESS", SECONDS(120)), "%s", stage_task(&s, id, "error"));
    ck_assert_int_eq(mails_with("Message-ID: <notification-1@"), 2);
    ck_assert_int_eq(mails_with("Message-ID: <notification-2@"), 1);
    ck_assert_int_eq(mails_with("Message-ID: <notification-3@"), 1);
    ck_assert_str_eq(stage_text(&s, "SELECT count(*) FROM registry.notification WHERE sent_at IS NOT NULL"), "3");
    close_syncs(&s);
}
END_TEST

int main(void)
{
    TCase *killed = tcase_create("killed");
    tcase_set_timeout(killed, 240);
    tcase_add_test(killed, firms_that_monitor);
    tcase_add_test(killed, purchase_orders);
    tcase_add_test(killed, what_was_done_to_be_sure_of_partners);
    tcase_add_test(killed, a_year_in_figures);
    tcase_add_test(killed, a_mail_of_which_nobody_knows_goes_again_under_its_name);
    cluster = test_cluster_start(NULL);
    int failed = test_main_case("sync_kills", killed);
    test_cluster_stop(cluster);
    return failed;
}
