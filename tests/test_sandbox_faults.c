/* test_sandbox_faults: how the sandbox misbehaves when it is told to, and how it is told. */
#include "common/base/clock.h"
#include "sandbox/http.h"
#include "tests/fixture/main.h"
#include "tests/test_sandbox_client.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIST "/prp/v1/interventions/?workspace=0160"

enum { DOCUMENTS = 40, IDS_MAX = 200, DEADLINE_SECONDS = 60 };

static const char *const no_args[] = {NULL};

static void start(void)
{
    sandbox_start(no_args);
}

static void stop(void)
{
    ck_assert_int_eq(sandbox_stop(), 0);
}

START_TEST(a_quirk_answers_like_a_tired_server)
{
    static const struct {
        const char *quirk;
        long status;
        const char *type, *words;
    } rows[] = {
        {"bad-gateway", 502, "text/html", "502 Bad Gateway"},
        {"gateway-timeout", 504, "text/html", "504 Gateway Time-out"},
        {"unavailable", 503, "text/html", "503 Service"},
        {"server-error", 500, "text/html", "Server Error"},
        {"login-page", 200, "text/html", "<form"},
        {"auth-failure", 401, "application/json", "\"detail\""},
        {"forbidden", 403, "application/json", "\"detail\""},
        {"too-many", 429, "application/json", "throttled"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        post("/_sandbox/quirks?%s=on", rows[i].quirk);
        CLEANUP(reply_free) struct reply r = get(LIST);
        post("/_sandbox/quirks?%s=off", rows[i].quirk);
        CLEANUP(reply_free) struct reply again = get(LIST "&limit=1");
        ck_assert_msg(r.status == rows[i].status && strcmp(r.type, rows[i].type) == 0 &&
                          strstr(text_str(&r.body), rows[i].words),
                      "%s: %ld %s %s", rows[i].quirk, r.status, r.type, text_str(&r.body));
        ck_assert_msg(again.status == 200, "%s stays on", rows[i].quirk);
    }
}
END_TEST

START_TEST(too_many_says_when_to_come_back)
{
    post("/_sandbox/quirks?too-many=on,after=7");
    CLEANUP(reply_free) struct reply r = get(LIST);
    ck_assert_str_eq(r.retry_after, "7");
}
END_TEST

START_TEST(a_rule_chooses_requests_by_turn_workspace_offset_and_path)
{
    static const struct {
        const char *rule;
        long statuses[4]; /* of two reads of the first page, one of the second, one of another country */
    } rows[] = {
        {"on", {502, 502, 502, 502}},
        {"2", {200, 502, 200, 502}},
        {"on,times=1", {502, 200, 200, 200}},
        {"on,offset=10", {200, 200, 502, 200}},
        {"on,workspace=0250", {200, 200, 200, 502}},
        {"on,path=partners", {200, 200, 200, 200}},
        {"every=2,workspace=0160", {200, 502, 200, 200}},
    };
    static const char *const paths[] = {LIST "&limit=10", LIST "&limit=10", LIST "&limit=10&offset=10",
                                        "/prp/v1/interventions/?workspace=0250&limit=10"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        post("/_sandbox/quirks?bad-gateway=%s", rows[i].rule);
        for (size_t k = 0; k < 4; k++) {
            CLEANUP(reply_free) struct reply r = get("%s", paths[k]);
            ck_assert_msg(r.status == rows[i].statuses[k], "%s, request %zu: %ld", rows[i].rule, k, r.status);
        }
    }
}
END_TEST

START_TEST(a_truncated_body_is_a_whole_answer_that_is_no_json)
{
    CLEANUP(reply_free) struct reply whole = get(LIST);
    post("/_sandbox/quirks?truncated=on");
    CLEANUP(reply_free) struct reply half = get(LIST);
    ck_assert_int_eq(half.code, CURLE_OK);
    ck_assert_int_eq(half.status, 200);
    ck_assert_uint_eq(half.body.len, whole.body.len / 2);
    ck_assert_ptr_null(half.json);
}
END_TEST

START_TEST(a_connection_breaks_in_the_middle_of_the_body_or_before_the_answer)
{
    post("/_sandbox/quirks?cut-off=on");
    CLEANUP(reply_free) struct reply promised = get(LIST);
    ck_assert_int_eq(promised.code, CURLE_PARTIAL_FILE);
    post("/_sandbox/quirks?cut-off=off&cut-chunked=on");
    CLEANUP(reply_free) struct reply chunked = get(LIST);
    ck_assert_msg(chunked.code == CURLE_PARTIAL_FILE || chunked.code == CURLE_RECV_ERROR, "%d", chunked.code);
    post("/_sandbox/quirks?cut-chunked=off&drop=on");
    CLEANUP(reply_free) struct reply dropped = get(LIST);
    ck_assert_msg(dropped.code == CURLE_GOT_NOTHING || dropped.code == CURLE_RECV_ERROR, "%d", dropped.code);
}
END_TEST

static int64_t requests_now(void)
{
    CLEANUP(reply_free) struct reply r = get("/_sandbox/requests");
    return integer(js_get(r.json, "now"));
}

START_TEST(a_hanging_request_ends_when_the_client_gives_up)
{
    usec_t deadline = clock_boot() + SECONDS(DEADLINE_SECONDS);
    post("/_sandbox/quirks?hang=on,times=1");
    CLEANUP(reply_free) struct reply r = ask(&(struct ask){.path = LIST, .timeout_ms = 200});
    ck_assert_int_eq(r.code, CURLE_OPERATION_TIMEDOUT);
    while (requests_now() > 1)
        ck_assert_msg(clock_boot() < deadline, "it still waits");
    CLEANUP(reply_free) struct reply next = get(LIST "&limit=1");
    ck_assert_int_eq(next.status, 200);
}
END_TEST

START_TEST(a_slow_answer_takes_its_time_and_holds_up_nobody_else)
{
    post("/_sandbox/quirks?slow=300,path=interventions");
    CLEANUP(reply_free) struct reply slow = get(LIST "&limit=1");
    CLEANUP(reply_free) struct reply quick = get("/v2/workspaces/");
    ck_assert_double_ge(slow.seconds, 0.3);
    ck_assert_int_eq(slow.status, 200);
    ck_assert_int_eq(quick.status, 200);
}
END_TEST

START_TEST(a_waiting_request_does_not_keep_the_server_from_stopping)
{
    usec_t began = clock_boot();
    post("/_sandbox/quirks?hang=on,times=1");
    pid_t client = fork();
    if (client == 0) {
        CLEANUP(reply_free) struct reply r = get(LIST);
        _exit(r.code == CURLE_OK);
    }
    while (requests_now() < 2)
        ck_assert_int_lt(clock_boot(), began + SECONDS(DEADLINE_SECONDS));
    ck_assert_int_eq(sandbox_stop(), 0);
    int status;
    waitpid(client, &status, 0);
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert_int_lt(clock_boot(), began + SECONDS(DEADLINE_SECONDS));
}
END_TEST

START_TEST(compressed_bodies_come_only_to_those_who_accept_them)
{
    CLEANUP(reply_free) struct reply plain = get(LIST);
    post("/_sandbox/quirks?gzip=on");
    CLEANUP(reply_free) struct reply packed = ask(&(struct ask){.path = LIST, .gzip = true});
    CLEANUP(reply_free) struct reply unasked = get(LIST);
    ck_assert_str_eq(packed.encoding, "gzip");
    ck_assert_str_eq(text_str(&packed.body), text_str(&plain.body));
    ck_assert_str_eq(unasked.encoding, "");
}
END_TEST

START_TEST(a_huge_body_is_as_large_as_asked_and_still_json)
{
    post("/_sandbox/quirks?huge=3");
    CLEANUP(reply_free) struct reply r = get(LIST "&limit=1");
    ck_assert_uint_gt(r.body.len, 3 << 20);
    ck_assert_uint_eq(js_count(results(&r)), 1);
}
END_TEST

START_TEST(a_redirect_leads_to_itself_for_ever)
{
    post("/_sandbox/quirks?redirect-loop=on");
    CLEANUP(reply_free) struct reply r = ask(&(struct ask){.path = LIST, .follow = true});
    ck_assert_int_eq(r.code, CURLE_TOO_MANY_REDIRECTS);
    ck_assert_ptr_nonnull(strstr(r.location, LIST));
}
END_TEST

/* All ids of the list in pages of ten. */
static size_t walk(int64_t *ids)
{
    char url[2048] = LIST "&limit=10";
    size_t count = 0;
    while (*url) {
        CLEANUP(reply_free) struct reply r = ask(&(struct ask){.path = url});
        for (size_t i = 0; i < js_count(results(&r)) && count < IDS_MAX; i++)
            ids[count++] = integer(js_get(js_at(results(&r), i), "id"));
        const char *next = js_text(js_get(r.json, "next"));
        snprintf(url, sizeof url, "%s", next ? next : "");
    }
    return count;
}

static size_t distinct(const int64_t *ids, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (ids[k] != ids[i])
            k++;
        found += k == i;
    }
    return found;
}

START_TEST(rows_appear_vanish_and_repeat_between_two_pages)
{
    static const struct {
        const char *rule;
        size_t read, distinct;
    } rows[] = {
        {"repeated-rows=on,times=1", DOCUMENTS + 1, DOCUMENTS},
        {"inserted-rows=on,times=1", DOCUMENTS + 1, DOCUMENTS},
        {"removed-rows=on,times=1", DOCUMENTS - 1, DOCUMENTS - 1},
        {"touched-rows=on,times=1", DOCUMENTS, DOCUMENTS},
    };
    int64_t ids[IDS_MAX];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        post("/_sandbox/reset");
        post("/_sandbox/quirks?%s", rows[i].rule);
        size_t count = walk(ids);
        ck_assert_msg(count == rows[i].read && distinct(ids, count) == rows[i].distinct, "%s: %zu rows", rows[i].rule,
                      count);
    }
}
END_TEST

START_TEST(one_document_or_partner_can_be_made_bad)
{
    CLEANUP(reply_free) struct reply good = get(LIST "&limit=2");
    int64_t id = integer(js_get(js_at(results(&good), 0), "id"));
    post("/_sandbox/quirks?bad-documents=id=%" PRId64, id);
    CLEANUP(reply_free) struct reply bad = get(LIST "&limit=2");
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(text_free) struct text before = {0}, after = {0};
        js_write(&before, js_at(results(&good), i));
        js_write(&after, js_at(results(&bad), i));
        ck_assert_int_eq(strcmp(text_str(&before), text_str(&after)) == 0, i == 1);
    }
    CLEANUP(reply_free) struct reply partners = get("/prp/v1/partners/?workspace=0160");
    post("/_sandbox/quirks?bad-partners=3");
    CLEANUP(reply_free) struct reply others = get("/prp/v1/partners/?workspace=0160");
    ck_assert_uint_eq(js_count(results(&others)), js_count(results(&partners)));
    ck_assert_str_ne(text_str(&others.body), text_str(&partners.body));
}
END_TEST

START_TEST(a_long_title_is_longer_than_any_column)
{
    post("/_sandbox/quirks?long-texts=1");
    CLEANUP(reply_free) struct reply r = get(LIST "&limit=1");
    ck_assert_uint_gt(strlen(string(js_get(js_at(results(&r), 0), "title"))), 512);
}
END_TEST

START_TEST(requests_are_counted_by_path_and_status)
{
    post("/_sandbox/quirks?bad-gateway=on,times=1");
    for (int i = 0; i < 3; i++) {
        CLEANUP(reply_free) struct reply each = get(LIST "&limit=1");
        ck_assert_int_eq(each.status, i ? 200 : 502);
    }
    CLEANUP(reply_free) struct reply r = get("/_sandbox/requests");
    const struct js *path = js_get(js_get(r.json, "paths"), "/prp/v1/interventions/");
    ck_assert_int_eq(integer(js_get(path, "requests")), 3);
    ck_assert_int_eq(integer(js_get(js_get(path, "statuses"), "502")), 1);
    ck_assert_int_eq(integer(js_get(js_get(path, "statuses"), "200")), 2);
    ck_assert_str_eq(string(js_at(js_get(r.json, "last"), 2)), "200 GET " LIST "&limit=1");
    CLEANUP(reply_free) struct reply forgotten = ask(&(struct ask){.path = "/_sandbox/requests", .method = "DELETE"});
    ck_assert_int_eq(forgotten.status, 200);
    CLEANUP(reply_free) struct reply none = get("/_sandbox/requests");
    ck_assert_int_eq(integer(js_get(none.json, "total")), 0);
}
END_TEST

START_TEST(reset_brings_back_the_quirks_of_the_command_line)
{
    static const char *const args[] = {"--quirk", "forbidden=on", "--quirk=odd-targets=off", NULL};
    sandbox_stop();
    sandbox_start(args);
    post("/_sandbox/quirks?forbidden=off");
    CLEANUP(reply_free) struct reply open = get(LIST "&limit=1");
    ck_assert_int_eq(open.status, 200);
    post("/_sandbox/reset");
    CLEANUP(reply_free) struct reply shut = get(LIST "&limit=1");
    ck_assert_int_eq(shut.status, 403);
    CLEANUP(reply_free) struct reply quirks = get("/_sandbox/quirks");
    ck_assert_int_eq(strncmp(string(js_get(js_get(quirks.json, "odd-targets"), "rule")), "off", 3), 0);
    ck_assert_int_eq(integer(js_get(js_get(quirks.json, "forbidden"), "fired")), 1);
}
END_TEST

START_TEST(a_wrong_rule_is_refused_and_changes_nothing)
{
    static const char *const rules[] = {"nothing=on",        "slow=soon",       "slow=1,every=0",
                                        "slow=1,colour=red", "odd-targets=101", "slow=-1"};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        char path[WORD_MAX];
        snprintf(path, sizeof path, "/_sandbox/quirks?forbidden=on&%s", rules[i]);
        CLEANUP(reply_free) struct reply r = ask(&(struct ask){.path = path, .body = ""});
        CLEANUP(reply_free) struct reply list = get(LIST "&limit=1");
        ck_assert_msg(r.status == 400 && list.status == 200, "%s: %s", rules[i], text_str(&r.body));
    }
}
END_TEST

START_TEST(a_body_that_is_too_large_is_refused)
{
    char *body = mem_zero(1, REQUEST_BODY_MAX + 2);
    memset(body, 'x', REQUEST_BODY_MAX + 1);
    CLEANUP(reply_free) struct reply r = ask(&(struct ask){.path = "/_sandbox/reset", .body = body});
    ck_assert_int_eq(r.status, 413);
    free(body);
    CLEANUP(reply_free) struct reply next = get(LIST "&limit=1");
    ck_assert_int_eq(next.status, 200);
}
END_TEST

START_TEST(wrong_options_end_with_one_clear_line)
{
    static const struct {
        const char *args[3];
        int status;
        const char *said;
    } rows[] = {
        {{"--nothing"}, 2, "unknown option '--nothing'"},
        {{"--listen", "8082"}, 2, "'8082' is not ADDRESS:PORT"},
        {{"--listen", "example:1"}, 2, "'example' is not an IPv4 address"},
        {{"--quirk", "nothing"}, 2, "there is no quirk 'nothing'"},
        {{"--scale", "huge"}, 2, "neither small nor full"},
        {{"--today", "tomorrow"}, 2, "not a date"},
        {{"--seed"}, 2, "--seed needs NUMBER"},
        {{"--data", "/nowhere"}, 3, "/nowhere: No such file"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char said[4096];
        int status = sandbox_run(rows[i].args, said, sizeof said);
        ck_assert_msg(status == rows[i].status && strstr(said, rows[i].said), "%s: %d %s", rows[i].args[0], status,
                      said);
        ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    }
}
END_TEST

/* The sandbox becomes ours when its parent dies, so that we see it end. */
START_TEST(it_stops_when_its_parent_dies)
{
    int status, ends[2];
    pid_t pid = 0;
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    ck_assert_int_eq(pipe(ends), 0);
    pid_t parent = fork();
    if (parent == 0) {
        sandbox_start(no_args);
        pid = sandbox_pid();
        _exit(write(ends[1], &pid, sizeof pid) != sizeof pid);
    }
    waitpid(parent, &status, 0);
    ck_assert_int_eq(read(ends[0], &pid, sizeof pid), sizeof pid);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", status);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("sandbox faults");
    TCase *c = tcase_create("faults");
    tcase_add_checked_fixture(c, start, stop);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, a_quirk_answers_like_a_tired_server);
    tcase_add_test(c, too_many_says_when_to_come_back);
    tcase_add_test(c, a_rule_chooses_requests_by_turn_workspace_offset_and_path);
    tcase_add_test(c, a_truncated_body_is_a_whole_answer_that_is_no_json);
    tcase_add_test(c, a_connection_breaks_in_the_middle_of_the_body_or_before_the_answer);
    tcase_add_test(c, a_hanging_request_ends_when_the_client_gives_up);
    tcase_add_test(c, a_slow_answer_takes_its_time_and_holds_up_nobody_else);
    tcase_add_test(c, a_waiting_request_does_not_keep_the_server_from_stopping);
    tcase_add_test(c, compressed_bodies_come_only_to_those_who_accept_them);
    tcase_add_test(c, a_huge_body_is_as_large_as_asked_and_still_json);
    tcase_add_test(c, a_redirect_leads_to_itself_for_ever);
    tcase_add_test(c, rows_appear_vanish_and_repeat_between_two_pages);
    tcase_add_test(c, one_document_or_partner_can_be_made_bad);
    tcase_add_test(c, a_long_title_is_longer_than_any_column);
    tcase_add_test(c, requests_are_counted_by_path_and_status);
    tcase_add_test(c, reset_brings_back_the_quirks_of_the_command_line);
    tcase_add_test(c, a_wrong_rule_is_refused_and_changes_nothing);
    tcase_add_test(c, a_body_that_is_too_large_is_refused);
    suite_add_tcase(s, c);
    TCase *alone = tcase_create("program");
    tcase_set_timeout(alone, 60);
    tcase_add_test(alone, wrong_options_end_with_one_clear_line);
    tcase_add_test(alone, it_stops_when_its_parent_dies);
    suite_add_tcase(s, alone);
    return s;
}

int main(void)
{
    return test_main(suite());
}
