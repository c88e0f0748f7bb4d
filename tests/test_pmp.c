/* The syncs with PMP as a whole, against the sandbox with all its quirks and a real database. */
#include "tasks/pmp/pmp.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/test_pmp_task.h"
#include "tests/test_sandbox_client.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *url;
static struct pg *pg;

/* Business areas of the sandbox's small world, in the order in which they are synced. */
#define FIRST "0160"
#define SECOND "0250"

static struct test_runner runner(void)
{
    return (struct test_runner){
        .database = url, .upstream = sandbox_base(), .user = "drumbeat", .password = "drumbeat"};
}

static struct test_run *run(const struct handler *handler, const char *args)
{
    const struct test_runner it = runner();
    return test_run(&it, handler, args);
}

static void succeed(const struct handler *handler, const char *args)
{
    struct test_run *r CLEANUP(test_run_freep) = run(handler, args);
    ck_assert_msg(r->end.success, "%s %s: %s", handler->name, args, r->end.error.text);
}

static const struct handler *const round_of_four[] = {&handler_pmp_workspaces, &handler_pmp_partners,
                                                      &handler_pmp_programme_documents,
                                                      &handler_pmp_government_documents, NULL};

static void sync_all(void)
{
    for (const struct handler *const *handler = round_of_four; *handler; handler++)
        succeed(*handler, "{}");
}

/* The counters of the last run of `handler` for a workspace. */
static const char *last(const char *handler, const char *business_area)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT concat_ws(' ', successful, fetched, created, updated, unchanged, skipped, deactivated, failed) "
             "FROM registry.sync_log"
             " WHERE handler_name = '%s' AND coalesce(business_area_code, 'all') = '%s' ORDER BY id DESC LIMIT 1",
             handler, business_area);
    return test_text(pg, sql);
}

static int64_t last_number(const char *handler, const char *business_area, const char *column)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT %s::bigint FROM registry.sync_log WHERE handler_name = '%s' AND business_area_code = '%s' ORDER "
             "BY id DESC LIMIT 1",
             column, handler, business_area);
    return test_number(pg, sql);
}

static const char documents[] = "pmp.programme_documents";

/* A sandbox of its own for each test, one database, emptied. */
static void set_up(void)
{
    static const char *const nothing[] = {NULL};
    sandbox_start(nothing);
    pg = test_connect(url);
    test_sql(pg, "TRUNCATE registry.workspace, registry.location, registry.partner, registry.person, registry.section,"
                 " registry.indicator_blueprint, drumbeat.attempt_lock, drumbeat.running RESTART IDENTITY CASCADE");
}

static void tear_down(void)
{
    sandbox_stop();
    pg_close(pg);
}

/* Everything in the registry but its logs, and which transaction wrote each row. */
static const char *snapshot(void)
{
    static struct region *kept;
    struct text sql CLEANUP(text_free) = {0};
    text_puts(
        &sql,
        test_text(pg,
                  "SELECT 'SELECT md5(concat(' || string_agg(format("
                  "'(SELECT string_agg(t.xmin || t::text, '','' ORDER BY t::text) FROM registry.%I t)', tablename), "
                  "',') || '))'"
                  "  FROM pg_tables WHERE schemaname = 'registry' AND tablename NOT IN ('sync_log', 'sync_state')"));
    if (!kept)
        kept = region_new();
    return region_strdup(kept, test_text(pg, text_str(&sql)));
}

/* A document of the first workspace that has landed. */
static int64_t some_document(void)
{
    return test_number(pg, "SELECT max(d.external_id::bigint) FROM registry.programme_document d JOIN "
                           "registry.workspace w ON w.id = workspace_id"
                           " WHERE business_area_code = '" FIRST "' AND NOT government");
}

static const char *state_of(int64_t id)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT CASE WHEN is_active THEN 'active' ELSE 'gone' END FROM registry.programme_document"
             " WHERE external_id = '%" PRId64 "' AND external_business_area_code = '" FIRST "' AND NOT government",
             id);
    return test_text(pg, sql);
}

/* Good days ------------------------------------------------------------------------------------------- */

START_TEST(a_first_round_lands_everything)
{
    sync_all();
    ck_assert_str_eq(last("pmp.workspaces", "all"), "t 8 5 0 0 3 0 0");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE NOT successful OR failed > 0"), 0);
    ck_assert_int_eq(
        test_number(pg, "SELECT sum(fetched) FROM registry.sync_log WHERE handler_name = 'pmp.programme_documents'"),
        81);
    ck_assert_int_eq(test_number(pg, "SELECT sum(created) FROM registry.sync_log WHERE handler_name IN"
                                     " ('pmp.programme_documents', 'pmp.government_documents')"),
                     test_number(pg, "SELECT count(*) FROM registry.programme_document"));
    ck_assert_int_eq(test_number(pg, "SELECT sum(created) FROM registry.sync_log WHERE handler_name = 'pmp.partners'"),
                     test_number(pg, "SELECT count(*) FROM registry.partner WHERE vendor_number IS NOT NULL"));
    ck_assert_int_eq(
        test_number(
            pg,
            "SELECT count(*) FROM registry.sync_log WHERE fetched <> created + updated + unchanged + skipped + failed"),
        0);
    ck_assert_int_eq(
        test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE business_area_code IN ('0', '234R')"), 0);
}
END_TEST

START_TEST(a_second_round_changes_nothing_and_says_so)
{
    sync_all();
    const char *before = snapshot();
    succeed(&handler_pmp_workspaces, "{}");
    succeed(&handler_pmp_partners, "{}");
    succeed(&handler_pmp_programme_documents, "{\"full\": true}");
    succeed(&handler_pmp_government_documents, "{\"full\": true}");
    ck_assert_str_eq(snapshot(), before);
    ck_assert_int_eq(
        test_number(pg,
                    "WITH runs AS (SELECT *, row_number() OVER (PARTITION BY handler_name, country_id ORDER BY id) AS n"
                    "                FROM registry.sync_log)"
                    "SELECT count(*) FROM runs a JOIN runs b USING (handler_name) WHERE a.n = 1 AND b.n = 2"
                    "   AND a.country_id IS NOT DISTINCT FROM b.country_id"
                    "   AND (b.created, b.updated, b.unchanged, b.skipped) IS DISTINCT FROM (0, 0, a.created + "
                    "a.updated + a.unchanged, a.skipped)"),
        0);
}
END_TEST

START_TEST(it_works_behind_a_transaction_pooler)
{
    struct test_runner pooled = runner();
    pooled.pooled = true;
    for (const struct handler *const *handler = round_of_four; *handler; handler++) {
        struct test_run *r CLEANUP(test_run_freep) = test_run(&pooled, *handler, "{}");
        ck_assert_msg(r->end.success, "%s", r->end.error.text);
    }
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE NOT successful OR failed > 0"), 0);
}
END_TEST

START_TEST(progress_counts_documents_of_all_workspaces)
{
    succeed(&handler_pmp_workspaces, "{}");
    struct test_run *r CLEANUP(test_run_freep) = run(&handler_pmp_programme_documents, "{}");
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_int_eq(r->end.progress_value, 81);
    ck_assert_int_eq(r->end.end_value, 81);
    ck_assert_int_ge(r->progress_calls, 4);
}
END_TEST

START_TEST(an_incremental_run_asks_only_for_what_changed)
{
    sync_all();
    int64_t id = some_document();
    post("/_sandbox/touch?workspace=" FIRST "&id=%" PRId64, id);
    succeed(&handler_pmp_programme_documents, "{}");
    ck_assert_int_eq(last_number(documents, FIRST, "updated"), 1);
    ck_assert_int_lt(last_number(documents, FIRST, "fetched"), 10);
    succeed(&handler_pmp_programme_documents, "{}");
    ck_assert_int_eq(last_number(documents, FIRST, "updated"), 0);
    ck_assert_int_ge(last_number(documents, FIRST, "unchanged"), 1);
}
END_TEST

START_TEST(everything_is_pulled_again_after_a_day)
{
    sync_all();
    test_sql(pg, "UPDATE registry.sync_state SET full_at = full_at - interval '25 hours'");
    succeed(&handler_pmp_programme_documents, "{}");
    ck_assert_int_eq(last_number(documents, FIRST, "fetched"), 40);
    succeed(&handler_pmp_programme_documents, "{}");
    ck_assert_int_lt(last_number(documents, FIRST, "fetched"), 10);
}
END_TEST

START_TEST(another_server_is_asked_for_everything)
{
    sync_all();
    test_sql(pg, "UPDATE registry.sync_state SET upstream = 'http://elsewhere:80'");
    succeed(&handler_pmp_programme_documents, "{}");
    ck_assert_int_eq(last_number(documents, FIRST, "fetched"), 40);
}
END_TEST

START_TEST(one_workspace_or_one_document_can_be_asked_for)
{
    char args[64];
    succeed(&handler_pmp_workspaces, "{}");
    succeed(&handler_pmp_programme_documents, "{\"workspace\": \"" FIRST "\"}");
    ck_assert_int_eq(
        test_number(pg,
                    "SELECT count(DISTINCT business_area_code) FROM registry.sync_log WHERE country_id IS NOT NULL"),
        1);
    int64_t id = some_document();
    post("/_sandbox/touch?workspace=" FIRST "&id=%" PRId64, id);
    snprintf(args, sizeof args, "{\"workspace\": \"" FIRST "\", \"id\": %" PRId64 "}", id);
    succeed(&handler_pmp_programme_documents, args);
    ck_assert_str_eq(last(documents, FIRST), "t 1 0 1 0 0 0 0");
}
END_TEST

/* What vanishes --------------------------------------------------------------------------------------- */

START_TEST(a_document_that_vanished_is_let_go_only_after_a_complete_pull)
{
    sync_all();
    int64_t id = some_document();
    post("/_sandbox/remove?workspace=" FIRST "&id=%" PRId64, id);
    succeed(&handler_pmp_programme_documents, "{}");
    ck_assert_str_eq(state_of(id), "active");

    post("/_sandbox/quirks?bad-gateway=on,workspace=" FIRST ",offset=20");
    struct test_run *broken CLEANUP(test_run_freep) = run(&handler_pmp_programme_documents, "{\"full\": true}");
    ck_assert(!broken->end.success);
    ck_assert_str_eq(state_of(id), "active");
    post("/_sandbox/quirks?bad-gateway=off");

    succeed(&handler_pmp_programme_documents, "{\"full\": true}");
    ck_assert_int_eq(last_number(documents, FIRST, "deactivated"), 1);
    ck_assert_str_eq(state_of(id), "gone");

    post("/_sandbox/restore?workspace=" FIRST "&id=%" PRId64, id);
    succeed(&handler_pmp_programme_documents, "{\"full\": true}");
    ck_assert_str_eq(state_of(id), "active");
}
END_TEST

START_TEST(rows_that_move_while_a_list_is_read_are_not_let_go)
{
    sync_all();
    post("/_sandbox/quirks?removed-rows=on,workspace=" FIRST ",offset=10,times=1");
    succeed(&handler_pmp_programme_documents, "{\"full\": true}");
    ck_assert_int_eq(last_number(documents, FIRST, "deactivated"), 0);
    ck_assert_int_eq(last_number(documents, FIRST, "CASE WHEN data->>'complete' = 'false' THEN 1 ELSE 0 END"), 1);
    succeed(&handler_pmp_programme_documents, "{\"full\": true}");
    ck_assert_int_eq(last_number(documents, FIRST, "deactivated"), 1);
}
END_TEST

/* As many rows come as the server counts, but one of them twice, so another one not at all. */
START_TEST(a_document_that_slipped_between_two_pages_is_not_let_go)
{
    sync_all();
    post("/_sandbox/quirks?repeated-rows=on,workspace=" FIRST ",offset=10,times=1");
    succeed(&handler_pmp_programme_documents, "{\"full\": true}");
    ck_assert_int_eq(last_number(documents, FIRST, "deactivated"), 0);
    ck_assert_int_eq(last_number(documents, FIRST, "CASE WHEN data->>'complete' = 'false' THEN 1 ELSE 0 END"), 1);
    succeed(&handler_pmp_programme_documents, "{\"full\": true}");
    ck_assert_int_eq(last_number(documents, FIRST, "CASE WHEN data->>'complete' = 'true' THEN 1 ELSE 0 END"), 1);
    ck_assert_int_eq(last_number(documents, FIRST, "deactivated"), 0);
}
END_TEST

START_TEST(a_document_that_comes_on_two_pages_is_created_once)
{
    succeed(&handler_pmp_workspaces, "{}");
    post("/_sandbox/quirks?repeated-rows=on,workspace=" FIRST);
    succeed(&handler_pmp_programme_documents, "{}");
    ck_assert_int_eq(
        last_number(documents, FIRST, "created"),
        test_number(pg, "SELECT count(*) FROM registry.programme_document WHERE external_business_area_code = '" FIRST
                        "'"));
    ck_assert_int_gt(last_number(documents, FIRST, "skipped"), 0);
}
END_TEST

START_TEST(a_partner_leaves_the_workspaces_whose_list_lost_it)
{
    sync_all();
    int64_t id = test_number(
        pg,
        "SELECT p.external_id::bigint FROM registry.partner p JOIN registry.partner_workspace l ON l.partner_id = p.id"
        " WHERE origin = 'partners/" FIRST "' GROUP BY p.id HAVING count(*) = 1 LIMIT 1");
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT is_active FROM registry.partner WHERE external_source = 'pmp:" FIRST
             "' AND external_id = '%" PRId64 "'",
             id);
    post("/_sandbox/remove?kind=partners&workspace=" FIRST "&id=%" PRId64, id);
    succeed(&handler_pmp_partners, "{}");
    ck_assert_int_eq(last_number("pmp.partners", FIRST, "deactivated"), 1);
    ck_assert_str_eq(test_text(pg, sql), "f");
    post("/_sandbox/restore?kind=partners&workspace=" FIRST "&id=%" PRId64, id);
    succeed(&handler_pmp_partners, "{}");
    ck_assert_str_eq(test_text(pg, sql), "t");
}
END_TEST

/* Bad days -------------------------------------------------------------------------------------------- */

/* Each fails one workspace, is told, and keeps the others. */
static const struct {
    const char *quirk, *says;
} faults[] = {
    {"bad-gateway=on", "HTTP 502"},
    {"server-error=on", "HTTP 500"},
    {"gateway-timeout=on", "HTTP 504"},
    {"login-page=on", "HTML answered where JSON was expected"},
    {"truncated=on", "not valid JSON"},
    {"cut-off=on", "the answer was cut"},
    {"cut-chunked=on", "the answer was cut"},
    {"drop=on", "after 5 tries"},
    {"huge=40", "the answer has more than"},
    {"forbidden=on", "HTTP 403"},
    {"redirect-loop=on", "more than 5 redirects"},
};

START_TEST(a_page_that_cannot_be_had_fails_its_workspace_and_keeps_the_others)
{
    succeed(&handler_pmp_workspaces, "{}");
    post("/_sandbox/quirks?%s,workspace=" SECOND ",offset=10", faults[_i].quirk);
    struct test_run *r CLEANUP(test_run_freep) = run(&handler_pmp_programme_documents, "{}");
    const char *quirk = faults[_i].quirk;
    ck_assert_msg(!r->end.success, "%s", quirk);
    ck_assert_msg(strstr(r->end.error.text, "1 of 4 workspaces failed") && strstr(r->end.error.text, SECOND), "%s: %s",
                  quirk, r->end.error.text);
    ck_assert_msg(strstr(r->end.error.text, "page 2") && strstr(r->end.error.text, faults[_i].says), "%s: %s", quirk,
                  r->end.error.text);
    ck_assert_int_eq(
        test_number(
            pg, "SELECT count(*) FROM registry.sync_log WHERE handler_name = 'pmp.programme_documents' AND successful"),
        3);
    ck_assert_msg(strncmp(last(documents, SECOND), "f 10 ", 5) == 0, "%s: %s", quirk, last(documents, SECOND));
    ck_assert_int_gt(
        test_number(pg, "SELECT count(*) FROM registry.programme_document WHERE external_business_area_code = '" SECOND
                        "'"),
        0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.programme_document WHERE NOT is_active"), 0);
    ck_assert_int_eq(
        test_number(pg, "SELECT count(*) FROM registry.sync_state s JOIN registry.workspace w ON w.id = workspace_id"
                        " WHERE business_area_code = '" SECOND "' AND handler_name = 'pmp.programme_documents'"),
        0);
}
END_TEST

/* Each is over after a try or two. */
static const char *const passing[] = {"bad-gateway=3", "too-many=4", "unavailable=4", "truncated=3",
                                      "cut-off=3",     "drop=3",     "gzip=on",       "slow=50"};

START_TEST(what_passes_is_tried_again)
{
    post("/_sandbox/quirks?%s", passing[_i]);
    sync_all();
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE NOT successful"), 0);
    ck_assert_int_eq(
        test_number(pg, "SELECT sum(fetched) FROM registry.sync_log WHERE handler_name = 'pmp.programme_documents'"),
        81);
}
END_TEST

START_TEST(a_failed_run_can_be_tried_again_and_an_error_of_the_upstream_is)
{
    succeed(&handler_pmp_workspaces, "{}");
    post("/_sandbox/quirks?bad-gateway=on,workspace=" SECOND);
    struct test_run *r CLEANUP(test_run_freep) = run(&handler_pmp_partners, "{}");
    ck_assert_msg(!r->end.success && err_retryable(r->end.error.kind), "%s", r->end.error.text);
    post("/_sandbox/quirks?bad-gateway=off");
    succeed(&handler_pmp_partners, "{}");
    ck_assert_int_eq(test_number(pg, "SELECT count(DISTINCT country_id) FROM registry.sync_log WHERE handler_name = "
                                     "'pmp.partners' AND successful"),
                     4);
}
END_TEST

START_TEST(wrong_credentials_end_the_task_for_good)
{
    struct test_runner stranger = runner();
    stranger.password = "wrong";
    struct test_run *r CLEANUP(test_run_freep) = test_run(&stranger, &handler_pmp_workspaces, "{}");
    ck_assert_msg(r->end.error.kind == ERR_REFUSED, "%s", r->end.error.text);
    ck_assert_ptr_null(strstr(r->end.error.text, "wrong"));
    ck_assert_int_eq(
        test_number(
            pg, "SELECT count(*) FROM registry.sync_log WHERE NOT successful AND exception_message LIKE '%HTTP 401%'"),
        1);

    succeed(&handler_pmp_workspaces, "{}");
    struct test_run *partners CLEANUP(test_run_freep) = test_run(&stranger, &handler_pmp_partners, "{}");
    ck_assert_msg(!partners->end.success && !err_retryable(partners->end.error.kind), "%s", partners->end.error.text);
}
END_TEST

START_TEST(a_server_that_is_away_is_told_and_tried_again)
{
    struct test_runner nowhere = runner();
    nowhere.upstream = "http://127.0.0.1:1";
    struct test_run *r CLEANUP(test_run_freep) = test_run(&nowhere, &handler_pmp_workspaces, "{}");
    ck_assert_msg(r->end.error.kind == ERR_UNREACHABLE, "%s", r->end.error.text);
}
END_TEST

START_TEST(a_bad_document_is_told_and_the_rest_lands)
{
    succeed(&handler_pmp_workspaces, "{}");
    post("/_sandbox/quirks?bad-documents=10&long-texts=every=7");
    succeed(&handler_pmp_programme_documents, "{}");
    int64_t failed = test_number(pg, "SELECT sum(failed) FROM registry.sync_log");
    ck_assert_int_gt(failed, 8);
    ck_assert_int_eq(
        test_number(
            pg,
            "SELECT count(*) FROM registry.sync_log, jsonb_array_elements(data->'failures') f WHERE f->>'field' <> ''"),
        failed);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log, jsonb_array_elements(data->'failures') f"
                                     "  JOIN registry.programme_document d ON d.external_id = f->>'id'"
                                     " WHERE d.external_business_area_code = f->>'workspace'"),
                     0);
    ck_assert_int_eq(
        test_number(pg, "SELECT sum(created) FROM registry.sync_log WHERE handler_name = 'pmp.programme_documents'"),
        test_number(pg, "SELECT count(*) FROM registry.programme_document"));

    post("/_sandbox/quirks?bad-documents=off&long-texts=off");
    succeed(&handler_pmp_programme_documents, "{}");
    ck_assert_int_eq(
        test_number(pg, "SELECT sum(created) FROM registry.sync_log WHERE handler_name = 'pmp.programme_documents'"),
        test_number(pg, "SELECT count(*) FROM registry.programme_document"));
    ck_assert_int_ge(test_number(pg, "SELECT count(*) FROM registry.programme_document"), 70);
}
END_TEST

START_TEST(a_bad_partner_is_told_and_the_rest_lands)
{
    succeed(&handler_pmp_workspaces, "{}");
    post("/_sandbox/quirks?bad-partners=4");
    succeed(&handler_pmp_partners, "{}");
    ck_assert_int_gt(test_number(pg, "SELECT sum(failed) FROM registry.sync_log"), 3);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.partner WHERE NOT is_active"), 0);
}
END_TEST

START_TEST(lists_that_disagree_about_a_partner_do_not_overwrite_each_other_again_and_again)
{
    post("/_sandbox/quirks?vendor-differs=on&shared-vendors=80");
    sync_all();
    const char *before = snapshot();
    sync_all();
    ck_assert_str_eq(snapshot(), before);
}
END_TEST

/* Who may run ----------------------------------------------------------------------------------------- */

START_TEST(a_workspace_that_another_run_is_at_is_left_out)
{
    succeed(&handler_pmp_workspaces, "{}");
    test_sql(
        pg,
        "INSERT INTO drumbeat.running (task_id, fence, worker, seat, place, seq, attempt, allowed)"
        " VALUES ('00000000-0000-7000-8000-000000000001', 77, '00000000-0000-7000-8000-000000000002', 0, 1, 1, 1, 3);"
        "INSERT INTO drumbeat.attempt_lock (key, task_id, fence)"
        " SELECT 'pmp.partners/' || workspace_code, '00000000-0000-7000-8000-000000000001', 77"
        "   FROM registry.workspace WHERE business_area_code = '" FIRST "'");
    struct test_run *r CLEANUP(test_run_freep) = run(&handler_pmp_partners, "{}");
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_ptr_nonnull(strstr(text_str(&r->log), "another run is at it"));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE handler_name = 'pmp.partners'"), 3);

    test_sql(pg, "DELETE FROM drumbeat.running");
    succeed(&handler_pmp_partners, "{}");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE handler_name = 'pmp.partners'"), 7);
}
END_TEST

START_TEST(without_workspaces_there_is_nothing_to_go_through)
{
    struct test_run *all CLEANUP(test_run_freep) = run(&handler_pmp_partners, "{}");
    ck_assert_msg(!all->end.success && err_retryable(all->end.error.kind), "%s", all->end.error.text);
    succeed(&handler_pmp_workspaces, "{}");
    struct test_run *unknown CLEANUP(test_run_freep) = run(&handler_pmp_partners, "{\"workspace\": \"nowhere\"}");
    ck_assert_msg(unknown->end.error.kind == ERR_NOT_FOUND, "%s", unknown->end.error.text);
    struct test_run *global CLEANUP(test_run_freep) = run(&handler_pmp_partners, "{\"workspace\": \"234R\"}");
    ck_assert_msg(global->end.error.kind == ERR_NOT_FOUND, "%s", global->end.error.text);
}
END_TEST

START_TEST(a_cancelled_run_keeps_the_pages_it_had_and_deactivates_nothing)
{
    succeed(&handler_pmp_workspaces, "{}");
    struct test_runner it = runner();
    it.cancel_after = 3;
    struct test_run *r CLEANUP(test_run_freep) = test_run(&it, &handler_pmp_programme_documents, "{}");
    ck_assert_msg(r->end.error.kind == ERR_CANCELLED, "%s", r->end.error.text);
    int64_t here = test_number(pg, "SELECT count(*) FROM registry.programme_document");
    ck_assert_int_gt(here, 0);
    ck_assert_int_lt(here, 40);
}
END_TEST

static pid_t run_apart(const struct handler *handler, const char *args)
{
    pid_t pid = fork();
    ck_assert(pid >= 0);
    if (pid == 0) {
        const struct test_runner it = runner();
        struct test_run *r = test_run(&it, handler, args);
        if (!r->end.success)
            fprintf(stderr, "%s: %s\n", handler->name, r->end.error.text);
        _exit(!r->end.success);
    }
    return pid;
}

/* Programme and government documents name the same persons, partners and places. */
START_TEST(syncs_that_run_at_once_do_not_fail_each_other)
{
    succeed(&handler_pmp_workspaces, "{}");
    pid_t pids[] = {run_apart(&handler_pmp_partners, "{}"),
                    run_apart(&handler_pmp_programme_documents, "{\"workspace\": \"" FIRST "\"}"),
                    run_apart(&handler_pmp_government_documents, "{}"),
                    run_apart(&handler_pmp_programme_documents, "{\"workspace\": \"" SECOND "\"}")};
    for (size_t i = 0; i < sizeof pids / sizeof *pids; i++) {
        int status = -1;
        waitpid(pids[i], &status, 0);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE NOT successful OR failed > 0"), 0);
}
END_TEST

#define LOOP(tests, test, rows) tcase_add_loop_test(tests, test, 0, (int)(sizeof rows / sizeof *rows))

static void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_first_round_lands_everything);
    tcase_add_test(tests, a_second_round_changes_nothing_and_says_so);
    tcase_add_test(tests, it_works_behind_a_transaction_pooler);
    tcase_add_test(tests, progress_counts_documents_of_all_workspaces);
    tcase_add_test(tests, an_incremental_run_asks_only_for_what_changed);
    tcase_add_test(tests, everything_is_pulled_again_after_a_day);
    tcase_add_test(tests, another_server_is_asked_for_everything);
    tcase_add_test(tests, one_workspace_or_one_document_can_be_asked_for);
    tcase_add_test(tests, a_document_that_vanished_is_let_go_only_after_a_complete_pull);
    tcase_add_test(tests, rows_that_move_while_a_list_is_read_are_not_let_go);
    tcase_add_test(tests, a_document_that_slipped_between_two_pages_is_not_let_go);
    tcase_add_test(tests, a_document_that_comes_on_two_pages_is_created_once);
    tcase_add_test(tests, a_partner_leaves_the_workspaces_whose_list_lost_it);
    LOOP(tests, a_page_that_cannot_be_had_fails_its_workspace_and_keeps_the_others, faults);
    LOOP(tests, what_passes_is_tried_again, passing);
    tcase_add_test(tests, a_failed_run_can_be_tried_again_and_an_error_of_the_upstream_is);
    tcase_add_test(tests, wrong_credentials_end_the_task_for_good);
    tcase_add_test(tests, a_server_that_is_away_is_told_and_tried_again);
    tcase_add_test(tests, a_bad_document_is_told_and_the_rest_lands);
    tcase_add_test(tests, a_bad_partner_is_told_and_the_rest_lands);
    tcase_add_test(tests, lists_that_disagree_about_a_partner_do_not_overwrite_each_other_again_and_again);
    tcase_add_test(tests, a_workspace_that_another_run_is_at_is_left_out);
    tcase_add_test(tests, without_workspaces_there_is_nothing_to_go_through);
    tcase_add_test(tests, a_cancelled_run_keeps_the_pages_it_had_and_deactivates_nothing);
    tcase_add_test(tests, syncs_that_run_at_once_do_not_fail_each_other);
}

int main(void)
{
    struct test_cluster *cluster = test_cluster_start(NULL);
    url = test_cluster_database(cluster);
    TCase *tests = tcase_create("pmp");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    add_tests(tests);
    return test_main_case("pmp", tests);
}
