/* `drumbeat web` through the real binary: what it answers, to whom, and that nothing ends it but a signal. */
#include "common/base/json.h"
#include "tests/fixture/main.h"
#include "tests/test_web_stage.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* HTTP -------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *method, *path;
    int status;
    const char *header, *body;
} requests[] = {
    {"GET", "/livez", 200, "Content-Type: application/json", "{\"status\":\"pass\"}"},
    {"GET", "/healthz", 200, "Content-Type: application/json", "{\"status\":\"pass\"}"},
    {"GET", "/livez?verbose=1", 200, "Cache-Control: no-store", "{\"status\":\"pass\"}"},
    {"GET", "/readyz", 200, "Content-Type: application/json", "\"checks\":{\"database\":{\"status\":\"pass\"}"},
    {"GET", "/metrics", 200, "Content-Type: text/plain; version=0.0.4; charset=utf-8",
     "# TYPE drumbeat_ready gauge\ndrumbeat_ready 1\n"},
    {"GET", "/", 404, "Content-Type: application/problem+json", "\"status\":404,\"code\":\"not_found\""},
    {"GET", "/livez/", 404, "Content-Type: application/problem+json", "\"title\":\"Not Found\""},
    {"POST", "/nowhere", 404, "Content-Type: application/problem+json", "\"type\":\"about:blank\""},
    {"POST", "/metrics", 405, "Allow: GET, HEAD", "\"status\":405,\"code\":\"method_not_allowed\""},
    {"DELETE", "/readyz", 405, "Allow: GET, HEAD", "\"code\":\"method_not_allowed\""},
    {"OPTIONS", "/livez", 405, "Allow: GET, HEAD", "\"code\":\"method_not_allowed\""},
};

START_TEST(a_path_and_a_method_have_one_answer)
{
    start_web(NULL, NULL);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        ask(requests[i].method, requests[i].path);
        const char *name = requests[i].path;
        ck_assert_msg(reply.status == requests[i].status, "%s %s: %s", requests[i].method, name, reply.bytes);
        ck_assert_msg(strstr(reply.bytes, requests[i].header), "%s %s: %s", requests[i].method, name, reply.bytes);
        ck_assert_msg(strstr(reply.body, requests[i].body), "%s %s: %s", requests[i].method, name, reply.bytes);
    }
    stop_web();
}
END_TEST

START_TEST(head_is_get_without_the_body)
{
    start_web(NULL, NULL);
    ask("HEAD", "/livez");
    ck_assert_int_eq(reply.status, 200);
    ck_assert_ptr_nonnull(strstr(reply.bytes, "Content-Length: 18\r\n"));
    ck_assert_str_eq(reply.body, "");
    stop_web();
}
END_TEST

START_TEST(problems_are_json)
{
    struct err e;
    start_web(NULL, NULL);
    ask("GET", "/\"\\x");
    struct js *problem = js_parse(reply.body, strlen(reply.body), &e);
    ck_assert_msg(problem != NULL, "%s: %s", e.text, reply.body);
    ck_assert_str_eq(js_text(js_get(problem, "code")), "not_found");
    js_free(problem);
    stop_web();
}
END_TEST

START_TEST(a_long_body_or_header_is_refused_and_garbage_too)
{
    static char long_header[64 << 10];
    int prefix = snprintf(long_header, sizeof long_header, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ");
    start_web(NULL, NULL);
    send_raw("GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n");
    ck_assert_int_eq(reply.status, 413);
    ck_assert_ptr_nonnull(strstr(reply.body, "\"code\":\"content_too_large\""));
    memset(long_header + prefix, 'a', sizeof long_header - (size_t)prefix - 5);
    memcpy(long_header + sizeof long_header - 5, "\r\n\r\n", 5);
    send_raw(long_header);
    ck_assert_int_eq(reply.status, 431);
    send_raw("\x16\x03\x01\x02\r\n\r\n");
    ck_assert_int_ne(reply.status, 200);
    ask("GET", "/livez");
    ck_assert_int_eq(reply.status, 200);
    stop_web();
}
END_TEST

/* More connections than are allowed, all of them silent: they are closed after a while, and others are answered. */
START_TEST(silent_connections_do_not_keep_others_out)
{
    enum { SILENT = 70 };
    int fds[SILENT];
    start_web(NULL, NULL);
    for (size_t i = 0; i < SILENT; i++)
        fds[i] = connect_web();
    for (size_t i = 0; i < SILENT; i++)
        read_all(fds[i], SOON);
    ask("GET", "/livez");
    ck_assert_int_eq(reply.status, 200);
    for (size_t i = 0; i < SILENT; i++)
        close(fds[i]);
    stop_web();
}
END_TEST

/* Readiness --------------------------------------------------------------------------------------------------------- */

START_TEST(no_worker_is_a_warning_or_a_failure_as_asked)
{
    start_web(NULL, NULL);
    wait_for("/readyz", 200, "\"workers\":{\"status\":\"warn\",\"reason\":\"no worker is alive");
    ck_assert(test_process_wait_for(web.process, "web.check_warns check=workers", SOON));
    stop_web();
    test_process_free(web.process);
    start_web("--need-worker", NULL);
    wait_for("/readyz", 503, "\"code\":\"not_ready\",\"detail\":\"no worker is alive");
    add_worker();
    wait_for("/readyz", 200, "\"workers\":{\"status\":\"pass\"}");
    ck_assert(test_process_wait_for(web.process, "web.check_passes check=workers", SOON));
    stop_web();
}
END_TEST

START_TEST(a_missing_schema_is_named_and_found_when_it_comes)
{
    const char *empty = test_cluster_empty_database(web.cluster);
    start_web_on(empty, NULL, NULL);
    wait_for("/readyz", 503, "run drumbeat migrate");
    ask("GET", "/livez");
    ck_assert_int_eq(reply.status, 200);
    struct test_process *migrate = test_drumbeat(empty, "migrate", NULL);
    ck_assert_int_eq(test_process_status(migrate), 0);
    test_process_free(migrate);
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    stop_web();
}
END_TEST

START_TEST(a_queue_stalls_only_while_a_free_seat_could_claim_from_it)
{
    const char *stalled = "drumbeat_queue_stalled_seconds{queue=\"default\"}";
    add_worker();
    test_sql(web.pg, "SELECT drumbeat.enqueue('noop')");
    start_web("--stall", "2s");
    wait_for("/readyz", 503, "\"detail\":\"queue default: task ");
    ck_assert_ptr_nonnull(strstr(reply.body, "(noop) could be claimed by worker h1 pid 7"));
    ck_assert(test_process_wait_for(web.process, "web.check_fails check=queues", SOON));
    occupy(1); /* the other is free */
    wait_sample("drumbeat_seats_busy", 1, 1);
    wait_sample(stalled, 2, 60);
    occupy(2);
    wait_sample(stalled, 0, 0);
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    test_sql(web.pg, "DELETE FROM drumbeat.running");
    wait_for("/readyz", 503, "queue default");
    test_sql(web.pg, "SELECT drumbeat.pause('default')");
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    test_sql(web.pg, "SELECT drumbeat.resume('default')");
    wait_for("/readyz", 503, "queue default");
    test_sql(web.pg, "UPDATE drumbeat.worker SET draining = true");
    wait_sample(stalled, 0, 0);
    test_sql(web.pg, "UPDATE drumbeat.worker SET draining = false");
    wait_for("/readyz", 503, "queue default");
    test_sql(web.pg, "DELETE FROM drumbeat.ready");
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    stop_web();
}
END_TEST

/* No keeper is there to let it in. */
START_TEST(a_limit_stalls_only_while_it_has_room)
{
    add_worker();
    test_sql(web.pg, "SELECT drumbeat.enqueue('noop', limit_key => 'k')");
    start_web("--stall", "2s");
    wait_for("/readyz", 503, "\"detail\":\"limit key k: task ");
    test_sql(web.pg, "INSERT INTO drumbeat.slot VALUES (drumbeat.uuid_v7(), 4, 'key k', 5, 0, 1)");
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    test_sql(web.pg, "DELETE FROM drumbeat.slot");
    wait_for("/readyz", 503, "limit key k");
    test_sql(web.pg, "SELECT drumbeat.pause('default')");
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    stop_web();
}
END_TEST

/* Tasks are claimed one after the other: the queue is never empty, and never stalled. Where the machine keeps us from claiming for a
 * second, the answer proves nothing. */
START_TEST(a_backlog_that_moves_is_no_stall)
{
    add_worker();
    test_sql(web.pg, "SELECT count(*) FROM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[10000]))");
    start_web("--stall", "2s");
    usec_t claimed_at = clock_boot();
    for (usec_t until = clock_boot() + SECONDS(5); clock_boot() < until; poll(NULL, 0, 100)) {
        test_sql(web.pg, "DELETE FROM drumbeat.ready WHERE seq = (SELECT min(seq) FROM drumbeat.ready)");
        ask("GET", "/readyz");
        ck_assert_msg(reply.status == 200 || clock_boot() - claimed_at > SECONDS(1), "%s", reply.bytes);
        claimed_at = clock_boot();
    }
    stop_web();
}
END_TEST

START_TEST(what_nobody_serves_is_named)
{
    add_worker();
    test_sql(web.pg, "UPDATE drumbeat.worker SET queues = '{default}'; SELECT drumbeat.enqueue('noop', queue => 'mail'), "
                 "drumbeat.enqueue('reports.monthly')");
    start_web(NULL, NULL);
    wait_for("/readyz", 200, "queue mail: tasks wait in it and no living worker serves it");
    wait_for("/readyz", 200, "tasks wait for handlers that no worker has: reports.monthly");
    test_sql(web.pg, "SELECT drumbeat.enqueue('of.tomorrow', limit_key => 'k'), drumbeat.admit('{}', '')"); /* at a limit, its turn came */
    wait_for("/readyz", 200, "of.tomorrow");
    stop_web();
}
END_TEST

/* A real worker whose claims wait for a lock that this session holds. */
START_TEST(the_session_that_blocks_claims_is_named)
{
    char blocks[64];
    CLEANUP(test_process_freep) struct test_process *worker = test_drumbeat_start(web.url, "worker", "--pool", "1", NULL);
    ck_assert_msg(test_wait_number(web.pg, "SELECT count(*) FROM drumbeat.seat", 1, SOON), "%s",
                  test_process_errors(worker));
    start_web("--stall", "2s");
    wait_for("/readyz", 200, "\"workers\":{\"status\":\"pass\"}");
    snprintf(blocks, sizeof blocks, "session %d (", (int)test_number(web.pg, "SELECT pg_backend_pid()"));
    struct pg *other = test_connect(web.url);
    test_sql(web.pg, "BEGIN; LOCK TABLE drumbeat.running IN EXCLUSIVE MODE");
    test_sql(other, "SELECT drumbeat.enqueue('noop')");
    wait_for("/readyz", 503, blocks);
    ck_assert_ptr_nonnull(strstr(reply.body, "blocks session"));
    ck_assert(test_process_wait_for(web.process, blocks, SOON));
    test_sql(web.pg, "ROLLBACK");
    wait_for("/readyz", 200, "\"queues\":{\"status\":\"pass\"}");
    ck_assert(test_wait_number(other, "SELECT count(*) FROM drumbeat.ended WHERE status = 'SUCCESS'", 1, SOON));
    pg_close(other);
    stop_web();
}
END_TEST

START_TEST(a_late_schedule_fails_and_a_missing_beat_warns)
{
    test_sql(web.pg, "INSERT INTO drumbeat.schedule (name, handler, specs, revision, mark, next_tick)"
                 " VALUES ('nightly', 'noop', '{@every 1h}', 1, now(), now() + interval '1 hour')");
    start_web("--stall", "2s");
    wait_for("/readyz", 200, "no beat leads, 1 schedules are enabled");
    test_sql(web.pg, "UPDATE drumbeat.schedule SET jitter = '9 seconds'; UPDATE drumbeat.schedule SET next_tick = now() - "
                 "interval '10 seconds'");
    wait_for("/readyz", 503, "no beat leads: schedule nightly is ");
    test_sql(web.pg, "UPDATE drumbeat.schedule SET paused = true");
    wait_for("/readyz", 200, "\"beat\":{\"status\":\"pass\"}");
    stop_web();
}
END_TEST

/* Life -------------------------------------------------------------------------------------------------------------- */

START_TEST(a_reader_may_run_it)
{
    char reader[512];
    test_sql(web.pg, "DROP ROLE IF EXISTS web_reader; CREATE ROLE web_reader LOGIN IN ROLE drumbeat_read");
    snprintf(reader, sizeof reader, "postgresql://web_reader%s", strchr(web.url, '@'));
    test_sql(web.pg, "SELECT drumbeat.enqueue('noop')");
    add_worker();
    start_web_on(reader, "--stall", "2s");
    wait_for("/readyz", 503, "queue default");
    ask("GET", "/metrics");
    for (const char *reading = "workers\0waiting\0beat\0handlers\0depths\0gates\0totals\0outcomes\0tally\0schema\0blocker\0";
         *reading; reading += strlen(reading) + 1) {
        char name[128];
        snprintf(name, sizeof name, "drumbeat_reading_seconds{reading=\"%s\"}", reading);
        ck_assert_msg(sample(name) >= 0, "%s is missing: %s", name, test_process_errors(web.process));
    }
    stop_web();
}
END_TEST

START_TEST(an_outage_is_told_and_survived)
{
    start_web(NULL, NULL);
    wait_for("/readyz", 200, "\"database\":{\"status\":\"pass\"}");
    pg_close(web.pg);
    web.pg = NULL;
    test_cluster_crash(web.cluster);
    wait_for("/readyz", 503, "\"checks\":{\"database\":{\"status\":\"fail\",\"reason\":\"");
    ask("GET", "/livez");
    ck_assert_int_eq(reply.status, 200);
    ask("GET", "/metrics");
    ck_exposition(reply.body);
    ck_assert_double_eq(sample("drumbeat_database_connected"), 0);
    ck_assert_double_eq(sample("drumbeat_ready"), 0);
    ck_assert_double_eq(sample("drumbeat_workers"), -1);
    test_cluster_restart(web.cluster);
    wait_for("/readyz", 200, "\"database\":{\"status\":\"pass\"}");
    ck_assert_int_eq(test_process_status(web.process), -1);
    stop_web();
}
END_TEST

START_TEST(it_ends_at_once_during_an_outage)
{
    start_web(NULL, NULL);
    test_cluster_crash(web.cluster);
    wait_for("/readyz", 503, "\"database\":{\"status\":\"fail\"");
    stop_web();
    test_cluster_restart(web.cluster);
}
END_TEST

START_TEST(it_does_not_start_without_a_database)
{
    usec_t started_at = clock_boot();
    web.process = test_drumbeat("postgresql://postgres@/none?host=/nonexistent", "web", "--listen", "127.0.0.1:0", NULL);
    ck_assert_int_eq(test_process_status(web.process), 5);
    ck_assert_int_lt(clock_boot() - started_at, SECONDS(60));
    ck_assert_str_eq(test_process_output(web.process), "");
}
END_TEST

static const struct {
    const char *listen;
    int status;
} addresses[] = {
    {"8081", 2},  {"localhost:8081", 2}, {"127.0.0.1:", 2}, {"127.0.0.1:65536", 2}, {"127.0.0.1:http", 2},
    {":8081", 2}, {"::1:8081", 2},       {"[::1:8081", 2},  {"192.0.2.1:0", 1},
};

START_TEST(an_address_that_cannot_be_used_is_refused)
{
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        CLEANUP(test_process_freep)
        struct test_process *p = test_drumbeat(web.url, "web", "--listen", addresses[i].listen, NULL);
        ck_assert_msg(test_process_status(p) == addresses[i].status, "%s: %d", addresses[i].listen,
                      test_process_status(p));
        ck_assert_msg(strstr(test_process_errors(p), addresses[i].listen), "%s", test_process_errors(p));
    }
}
END_TEST

START_TEST(two_do_not_share_an_address)
{
    char at[32];
    start_web(NULL, NULL);
    snprintf(at, sizeof at, "127.0.0.1:%d", web.port);
    CLEANUP(test_process_freep) struct test_process *second = test_drumbeat(web.url, "web", "--listen", at, NULL);
    ck_assert_int_eq(test_process_status(second), 1);
    ck_assert_ptr_nonnull(strstr(test_process_errors(second), "Address already in use"));
    stop_web();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("web");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, web_begin, web_end);
    tcase_add_test(tests, a_path_and_a_method_have_one_answer);
    tcase_add_test(tests, head_is_get_without_the_body);
    tcase_add_test(tests, problems_are_json);
    tcase_add_test(tests, a_long_body_or_header_is_refused_and_garbage_too);
    tcase_add_test(tests, silent_connections_do_not_keep_others_out);
    tcase_add_test(tests, no_worker_is_a_warning_or_a_failure_as_asked);
    tcase_add_test(tests, a_missing_schema_is_named_and_found_when_it_comes);
    tcase_add_test(tests, a_queue_stalls_only_while_a_free_seat_could_claim_from_it);
    tcase_add_test(tests, a_limit_stalls_only_while_it_has_room);
    tcase_add_test(tests, a_backlog_that_moves_is_no_stall);
    tcase_add_test(tests, what_nobody_serves_is_named);
    tcase_add_test(tests, the_session_that_blocks_claims_is_named);
    tcase_add_test(tests, a_late_schedule_fails_and_a_missing_beat_warns);
    tcase_add_test(tests, a_reader_may_run_it);
    tcase_add_test(tests, an_outage_is_told_and_survived);
    tcase_add_test(tests, it_ends_at_once_during_an_outage);
    tcase_add_test(tests, it_does_not_start_without_a_database);
    tcase_add_test(tests, an_address_that_cannot_be_used_is_refused);
    tcase_add_test(tests, two_do_not_share_an_address);
    web.cluster = test_cluster_start(NULL);
    int failed = test_main_case("web", tests);
    test_cluster_stop(web.cluster);
    return failed;
}
