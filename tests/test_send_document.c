/* Documents for VISION: to a server that demands a client certificate, and through the real worker. */
#include "tasks/vision/vision.h"
#include "tests/fixture/certificate.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"
#include "tests/test_http_server.h"
#include "tests/test_pmp_task.h"
#include "tests/test_sandbox_client.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct test_cluster *cluster;
static const char *url, *folder;
static struct pg *pg;
static char upstream[128];

#define DOCUMENT "{\"upstream\":\"pmp\",\"business_area\":\"0160\",\"number\":\"PD/1\",\"document\":{\"number\":\"PD/1\",\"amount\":12345678901234567.10}}"

static struct test_run *send_with(const char *more, const char *args, int64_t cancel_after)
{
    const struct test_runner runner = {
        .database = url, .upstream = upstream, .user = "drumbeat", .password = "drumbeat", .more = more, .cancel_after = cancel_after};
    return test_run(&runner, &handler_vision_send_document, args);
}

/* The last row of the log. */
static const char *logged(const char *columns)
{
    return test_text(pg, scripted_keep("SELECT concat_ws(' ', %s) FROM registry.sync_log WHERE handler_name = 'vision.send_document' ORDER BY id DESC LIMIT 1", columns));
}

static int64_t rows(const char *where)
{
    return test_number(pg, scripted_keep("SELECT count(*) FROM registry.sync_log WHERE %s", where));
}

static void connect_database(void)
{
    pg = test_connect(url);
    test_sql(pg, "TRUNCATE registry.workspace, registry.sync_log, drumbeat.attempt_lock RESTART IDENTITY CASCADE;"
                 "INSERT INTO registry.workspace (title, workspace_code, business_area_code) VALUES ('Tamoru', 'TM', '0160')");
}

static void disconnect(void)
{
    sandbox_stop();
    scripted_stop();
    pg_close(pg);
}

/* The sandbox with its port that demands certificates. */
static void set_up_tls(void)
{
    const char *const args[] = {"--tls", "0", "--tls-files", folder, NULL};
    connect_database();
    sandbox_start(args);
    struct reply r CLEANUP(reply_free) = get("/ezhact/_sandbox/documents");
    snprintf(upstream, sizeof upstream, "https://127.0.0.1:%d/ezhact/upload/pd/?code=1", (int)integer(js_get(r.json, "tls_port")));
}

static int64_t documents(void)
{
    struct reply r CLEANUP(reply_free) = get("/ezhact/_sandbox/documents");
    return integer(js_get(r.json, "count"));
}

static void script(const char *answer)
{
    static struct scripted one[2];
    one[0] = (struct scripted){.answer = answer};
    scripted_start(one, upstream);
}

/* Certificates --------------------------------------------------------------------------------------------------------------- */

static const char *with_certificate(const char *name)
{
    return scripted_keep("    ca: %s/ca.pem\n    cert: %s/%s.pem\n    cert_key: %s/%s.key\n", folder, folder, name, folder, name);
}

START_TEST(a_document_goes_out_once_with_password_and_certificate)
{
    struct test_run *r CLEANUP(test_run_freep) = send_with(with_certificate("client"), DOCUMENT, 0);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_str_eq(r->end.result, "{\"status\":201,\"answer\":\"Document PD/1 was received.\"}");
    ck_assert_int_eq(documents(), 1);
    ck_assert_str_eq(logged("business_area_code, country_id, successful, details, exception_message, total_records, total_processed, created, failed"),
                     "0160 1 t Document PD/1 was received. 1 1 1 0");
    ck_assert_str_eq(logged("data->>'amount'"), "12345678901234567.10");
    ck_assert_int_eq(rows("true"), 1);
    struct reply sent CLEANUP(reply_free) = get("/ezhact/_sandbox/documents");
    ck_assert_ptr_nonnull(strstr(text_str(&sent.body), "12345678901234567.10"));
}
END_TEST

START_TEST(certificate_and_key_may_be_references)
{
    const char *more = scripted_keep("    ca: file:%s/ca.pem\n    cert: file:%s/client.pem\n    cert_key: file:%s/client.key\n", folder, folder, folder);
    struct test_run *r CLEANUP(test_run_freep) = send_with(more, DOCUMENT, 0);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_int_eq(documents(), 1);
}
END_TEST

static const char *const certificates[] = {"missing", "of-another", "expired", "not-there", "server-unknown", "password"};

START_TEST(a_certificate_that_is_not_right_fails_and_is_logged)
{
    const char *which = certificates[_i];
    const char *more = strcmp(which, "missing") == 0          ? scripted_keep("    ca: %s/ca.pem\n", folder)
                       : strcmp(which, "server-unknown") == 0 ? scripted_keep("    ca: %s/other.pem\n    cert: %s/client.pem\n    cert_key: %s/client.key\n", folder, folder, folder)
                                                              : with_certificate(strcmp(which, "password") == 0 ? "client" : which);
    const struct test_runner runner = {.database = url, .upstream = upstream, .user = "drumbeat", .password = strcmp(which, "password") == 0 ? "no" : "drumbeat", .more = more};
    struct test_run *r CLEANUP(test_run_freep) = test_run(&runner, &handler_vision_send_document, DOCUMENT);
    ck_assert_msg(!r->end.success, "%s", which);
    ck_assert_msg(err_retryable(r->end.error.kind), "%s: %s", which, r->end.error.text);
    ck_assert_int_eq(rows("NOT successful AND total_processed = 0 AND failed = 1 AND exception_message <> '' AND exception_message NOT LIKE '%on its way'"), 1);
    ck_assert_int_eq(documents(), 0);
    if (strcmp(which, "password") == 0)
        ck_assert_ptr_nonnull(strstr(logged("exception_message"), "Invalid username/password."));
}
END_TEST

/* Answers -------------------------------------------------------------------------------------------------------------------- */

static const struct {
    int status;
    const char *body, *details, *exception;
} answers[] = {
    {200, "taken", "taken", ""},
    {201, "", "", ""},
    {202, "later", "", "later"},
    {400, "no such PD", "", "no such PD"},
    {401, "who", "", "who"},
    {404, "{\"a\":1}", "", "{\"a\":1}"},
    {429, "slowly", "", "slowly"},
    {500, "<html>oh</html>", "", "<html>oh</html>"},
};

START_TEST(whatever_is_answered_is_kept)
{
    script(scripted_json(answers[_i].status, "", answers[_i].body));
    struct test_run *r CLEANUP(test_run_freep) = send_with(NULL, DOCUMENT, 0);
    bool good = !*answers[_i].exception;
    ck_assert_int_eq(r->end.success, good);
    ck_assert_int_eq(scripted_count(), 1);
    ck_assert(good || err_retryable(r->end.error.kind));
    ck_assert_str_eq(logged("successful"), good ? "t" : "f");
    ck_assert_str_eq(logged("details"), answers[_i].details);
    ck_assert_str_eq(logged("exception_message"), answers[_i].exception);
    ck_assert_ptr_eq(strstr(scripted_request(0), "POST / HTTP/1.1\r\n"), scripted_request(0));
    ck_assert_ptr_nonnull(strstr(scripted_request(0), "Content-Type: application/json\r\n"));
    ck_assert_ptr_nonnull(strstr(scripted_request(0), "Authorization: Basic ZHJ1bWJlYXQ6ZHJ1bWJlYXQ=\r\n"));
}
END_TEST

START_TEST(a_long_answer_of_any_bytes_is_kept_as_far_as_it_fits)
{
    static char bytes[100000];
    memset(bytes, 'x', sizeof bytes);
    int head = snprintf(bytes, sizeof bytes, "HTTP/1.1 500 No\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", (int)sizeof bytes - 100);
    bytes[head] = '\0';
    bytes[head + 1] = (char)0xff;
    static struct scripted one[2];
    one[0] = (struct scripted){.answer = bytes, .len = (size_t)head + sizeof bytes - 100 < sizeof bytes ? (size_t)head + sizeof bytes - 100 : sizeof bytes};
    scripted_start(one, upstream);
    struct test_run *r CLEANUP(test_run_freep) = send_with(NULL, DOCUMENT, 0);
    ck_assert(!r->end.success);
    ck_assert_int_eq(rows("NOT successful AND length(exception_message) > 60000 AND octet_length(exception_message) <= 65536"), 1);
}
END_TEST

START_TEST(a_path_is_put_behind_the_address)
{
    script(scripted_json(200, "", "taken"));
    struct test_run *r CLEANUP(test_run_freep) =
        send_with(NULL, "{\"upstream\":\"pmp\",\"business_area\":\"TM\",\"path\":\"/upload/gpd/\",\"document\":{\"a\":1}}", 0);
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_ptr_eq(strstr(scripted_request(0), "POST /upload/gpd/ HTTP/1.1\r\n"), scripted_request(0));
    ck_assert_str_eq(logged("business_area_code"), "0160");
}
END_TEST

/* A request that fails ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *what, *args, *more;
    bool again; /* worth another attempt */
} failures[] = {
    {"nobody listens", DOCUMENT, NULL, true},
    {"switched off", DOCUMENT, "    enabled: false\n", false},
    {"no country", "{\"upstream\":\"pmp\",\"business_area\":\"nowhere at all\",\"document\":{\"a\":1}}", NULL, false},
    {"no object", "{\"upstream\":\"pmp\",\"business_area\":\"0160\",\"document\":[1]}", NULL, false},
    {"no upstream", "{\"upstream\":\"carto\",\"business_area\":\"0160\",\"document\":{\"a\":1}}", NULL, false},
};

START_TEST(what_fails_before_an_answer_is_logged_too)
{
    script(scripted_json(200, "", "taken"));
    if (_i == 0)
        scripted_stop();
    struct test_run *r CLEANUP(test_run_freep) = send_with(failures[_i].more, failures[_i].args, 0);
    ck_assert_msg(!r->end.success, "%s", failures[_i].what);
    ck_assert_msg(err_retryable(r->end.error.kind) == failures[_i].again, "%s: %s", failures[_i].what, r->end.error.text);
    ck_assert_str_eq(logged("exception_message"), r->end.error.text);
    ck_assert_int_eq(rows("NOT successful AND total_records = 1 AND total_processed = 0"), 1);
    ck_assert_int_eq(_i == 0 ? 0 : scripted_count(), 0);
}
END_TEST

START_TEST(an_attempt_that_is_cancelled_is_logged)
{
    script(scripted_json(200, "", "taken"));
    struct test_run *r CLEANUP(test_run_freep) = send_with(NULL, DOCUMENT, 1);
    ck_assert_int_eq(r->end.error.kind, ERR_CANCELLED);
    ck_assert_str_eq(logged("exception_message"), "cancelled");
}
END_TEST

/* Through the worker --------------------------------------------------------------------------------------------------------- */

static struct test_process *start_worker(const char *upstream_url)
{
    char path[512];
    snprintf(path, sizeof path, "%s/worker.yaml", folder);
    FILE *file = fopen(path, "we");
    ck_assert(file != NULL);
    fprintf(file, "worker: {lease: 5s}\nupstreams: {ezhact: {url: \"%s\"}}\n", upstream_url);
    ck_assert_int_eq(fclose(file), 0);
    struct test_process *worker = test_drumbeat_start(url, "worker", "--pool", "2", "--config", path, NULL);
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.worker", 1, SECONDS(30)));
    return worker;
}

static void set_up_worker(void)
{
    url = test_cluster_database(cluster);
    connect_database();
}

/* Make an attempt that waits due, after a look at how long it would have waited. */
static int64_t minutes_until_next(int attempts)
{
    ck_assert(test_wait_number(pg, scripted_keep("SELECT count(*) FROM drumbeat.delayed WHERE (SELECT count(*) FROM drumbeat.attempt) = %d", attempts), 1, SECONDS(30)));
    int64_t minutes = test_number(pg, "SELECT round(extract(epoch FROM d.run_at - (SELECT max(ended_at) FROM drumbeat.attempt)) / 60) FROM drumbeat.delayed d");
    test_sql(pg, "UPDATE drumbeat.delayed SET run_at = now()");
    return minutes;
}

START_TEST(there_are_three_attempts_after_one_and_two_minutes)
{
    script(scripted_json(500, "", "not today"));
    struct test_process *worker CLEANUP(test_process_freep) = start_worker(upstream);
    test_sql(pg, "SELECT drumbeat.enqueue('vision.send_document', '{\"business_area\":\"0160\",\"number\":\"PD/1\",\"document\":{\"a\":1}}')");
    ck_assert_int_eq(minutes_until_next(1), 1);
    ck_assert_int_eq(minutes_until_next(2), 2);
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'ERRORED' AND attempt = 3", 1, SECONDS(30)));
    ck_assert_int_eq(scripted_count(), 3);
    ck_assert_int_eq(rows("NOT successful AND exception_message = 'not today' AND task_id IS NOT NULL"), 3);
    ck_assert_int_eq(test_number(pg, "SELECT count(DISTINCT task_id) FROM registry.sync_log"), 1);
    ck_assert_int_eq(test_process_status(worker), -1);
}
END_TEST

START_TEST(an_attempt_that_was_killed_has_its_row_and_the_next_one_sends)
{
    static struct scripted two[3];
    two[0] = (struct scripted){.answer = scripted_json(200, "", "too late"), .wait = MINUTES(10)};
    two[1] = (struct scripted){.answer = scripted_json(201, "", "taken")};
    scripted_start(two, upstream);
    struct test_process *worker CLEANUP(test_process_freep) = start_worker(upstream);
    test_sql(pg, "SELECT drumbeat.enqueue('vision.send_document', '{\"business_area\":\"0160\",\"number\":\"PD/1\",\"document\":{\"a\":1}}')");
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM registry.sync_log", 1, SECONDS(30)));
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.task WHERE progress_message = 'sending'", 1, SECONDS(30)));
    test_process_signal(worker, SIGKILL);
    ck_assert(test_process_wait(worker, SECONDS(30)));
    /* Its child dies with it, a moment later: before that it would hear the server go and write so. */
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'drumbeat/%'", 0, SECONDS(30)));
    /* The server of the first request waits in it: another one takes its place. */
    scripted_stop();
    scripted_start(two + 1, upstream);
    struct test_process *next CLEANUP(test_process_freep) = start_worker(upstream);
    for (int look = 0; look < 200 && rows("successful") == 0; look++) {
        test_sql(pg, "UPDATE drumbeat.delayed SET run_at = now()");
        test_wait_number(pg, "SELECT count(*) FROM registry.sync_log WHERE successful", 1, MSEC(500));
    }
    ck_assert_int_eq(rows("successful AND details = 'taken'"), 1);
    ck_assert_int_eq(rows("NOT successful AND exception_message LIKE 'no answer is known%'"), 1);
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'", 1, SECONDS(30)));
    ck_assert_int_eq(test_process_status(next), -1);
}
END_TEST

START_TEST(two_documents_of_one_number_do_not_go_at_the_same_time)
{
    static struct scripted slow[2];
    slow[0] = (struct scripted){.answer = scripted_json(201, "", "taken"), .wait = MINUTES(10)};
    scripted_start(slow, upstream);
    struct test_process *worker CLEANUP(test_process_freep) = start_worker(upstream);
    test_sql(pg, "SELECT drumbeat.enqueue('vision.send_document', '{\"business_area\":\"0160\",\"number\":\"PD/1\",\"document\":{\"a\":1}}') FROM generate_series(1, 2)");
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.attempt WHERE outcome = 'snoozed'", 1, SECONDS(30)));
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.task WHERE progress_message = 'sending'", 1, SECONDS(30)));
    ck_assert_int_eq(rows("true"), 1);
    ck_assert_int_eq(test_process_status(worker), -1);
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    url = test_cluster_database(cluster);
    folder = test_cluster_folder(cluster);
    struct test_authority *authority = test_authority_new(folder, "ca"), *other = test_authority_new(folder, "other");
    test_authority_sign(authority, "server", DAYS(1));
    test_authority_sign(authority, "client", DAYS(1));
    test_authority_sign(authority, "expired", -DAYS(1));
    test_authority_sign(other, "of-another", DAYS(1));
    test_authority_free(authority);
    test_authority_free(other);
    Suite *suite = suite_create("send_document");
    TCase *tls = tcase_create("certificates"), *answered = tcase_create("answers"), *worker = tcase_create("worker");
    tcase_set_timeout(tls, 60);
    tcase_set_timeout(answered, 60);
    tcase_set_timeout(worker, 240);
    tcase_add_checked_fixture(tls, set_up_tls, disconnect);
    tcase_add_checked_fixture(answered, connect_database, disconnect);
    tcase_add_checked_fixture(worker, set_up_worker, disconnect);
    tcase_add_test(tls, a_document_goes_out_once_with_password_and_certificate);
    tcase_add_test(tls, certificate_and_key_may_be_references);
    tcase_add_loop_test(tls, a_certificate_that_is_not_right_fails_and_is_logged, 0, (int)(sizeof certificates / sizeof *certificates));
    tcase_add_loop_test(answered, whatever_is_answered_is_kept, 0, (int)(sizeof answers / sizeof *answers));
    tcase_add_test(answered, a_long_answer_of_any_bytes_is_kept_as_far_as_it_fits);
    tcase_add_test(answered, a_path_is_put_behind_the_address);
    tcase_add_loop_test(answered, what_fails_before_an_answer_is_logged_too, 0, (int)(sizeof failures / sizeof *failures));
    tcase_add_test(answered, an_attempt_that_is_cancelled_is_logged);
    tcase_add_test(worker, there_are_three_attempts_after_one_and_two_minutes);
    tcase_add_test(worker, an_attempt_that_was_killed_has_its_row_and_the_next_one_sends);
    tcase_add_test(worker, two_documents_of_one_number_do_not_go_at_the_same_time);
    suite_add_tcase(suite, tls);
    suite_add_tcase(suite, answered);
    suite_add_tcase(suite, worker);
    return test_main(suite);
}
