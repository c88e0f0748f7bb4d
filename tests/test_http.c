/* What a handler's requests do on good days and bad ones, against a server that answers from a script. */
#include "common/task/pages.h"
#include "tests/fixture/main.h"
#include "tests/test_http_server.h"
#include "tests/test_pmp_task.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define HTML "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
#define HTML_HEAD "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 73\r\n\r\n"

/* What the handler of these tests does, and what came of it. */
static struct plan {
    const char *target;
    struct http_options options;
    bool pages, records;
    const char *form; /* of the records; NULL: GET */
    const char *sent; /* with PUT; NULL: nothing */
    int64_t items, page_count;
    bool uneven;
    struct http_answer answer;
    char body[256];
} plan;

static bool read_pages(struct http *http, struct err *e)
{
    struct pages pages = task_pages(http, plan.target);
    struct page page;
    while (page_next(&pages, &page)) {
        ck_assert_int_eq(page.seen, plan.items);
        plan.items += (int64_t)page.count;
        plan.page_count = page.number;
    }
    plan.uneven = pages.uneven;
    return pages_end(&pages, e);
}

static bool read_records(struct http *http, struct err *e)
{
    struct record record;
    struct records *records CLEANUP(records_freep) = http_post_records(http, plan.target, plan.form, "rows", e);
    while (records && records_next(records, &record))
        plan.items++;
    return records && records_end(records, e);
}

static bool run(struct task *task, const void *args, struct err *e)
{
    (void)args;
    struct http *http CLEANUP(http_closep) = http_open(task, "pmp", &plan.options, e);
    if (!http)
        return false;
    if (plan.pages)
        return read_pages(http, e);
    if (plan.records)
        return read_records(http, e);
    if (plan.sent)
        return http_send(http, "PUT", plan.target, plan.sent, &plan.answer, e);
    struct js *json CLEANUP(js_freep) = http_get_json(http, plan.target, e);
    if (!json)
        return false;
    struct text body CLEANUP(text_free) = {0};
    js_write(&body, json);
    snprintf(plan.body, sizeof plan.body, "%s", text_str(&body));
    return true;
}

static const struct handler handler = {.name = "test", .run = run};

static struct test_run *ask(const struct scripted *rows, struct test_runner runner)
{
    char base[64];
    if (!plan.target)
        plan.target = "/list?x=1";
    if (!plan.options.first)
        plan.options.first = MSEC(1);
    scripted_start(rows, base);
    if (!runner.upstream)
        runner.upstream = base;
    return test_run(&runner, &handler, "{}");
}

static void tear_down(void)
{
    scripted_stop();
    plan = (struct plan){0};
}

/* Answers --------------------------------------------------------------------------------------------- */

enum { NO_RETRY = 1, ALL_TRIES = 5 };

/* One answer each, repeated; what kind of error remains and how many requests were made. */
static const struct {
    const char *name;
    const char *answer;
    bool drop;
    enum err_kind kind; /* ERR_NONE: good */
    int requests;
    const char *says;
} answers[] = {
    {"a good answer", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}", false,
     ERR_NONE, NO_RETRY, NULL},
    {"a good answer without a length",
     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"a\":1}", false, ERR_NONE,
     NO_RETRY, NULL},
    {"a proxy's error", HTML_HEAD HTML, false, ERR_TRANSIENT, ALL_TRIES, "HTTP 502: 502 Bad Gateway"},
    {"a log-in page with status 200", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 73\r\n\r\n" HTML,
     false, ERR_TRANSIENT, ALL_TRIES, "HTML answered where JSON was expected: 502 Bad Gateway"},
    {"HTML that says it is JSON",
     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 73\r\n\r\n" HTML, false, ERR_TRANSIENT,
     ALL_TRIES, "HTML answered where JSON was expected"},
    {"half of the JSON", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{\"a\":", false,
     ERR_TRANSIENT, ALL_TRIES, "not valid JSON"},
    {"a body shorter than promised",
     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"a\":1}", false, ERR_TRANSIENT,
     ALL_TRIES, "cut"},
    {"chunks that stop", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n", false,
     ERR_TRANSIENT, ALL_TRIES, "cut"},
    {"an empty body", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n", false,
     ERR_TRANSIENT, ALL_TRIES, "an empty answer"},
    {"no answer at all", NULL, true, ERR_UNREACHABLE, ALL_TRIES, "after 5 tries"},
    {"wrong credentials",
     "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: "
     "19\r\n\r\n{\"detail\":\"invalid\"}",
     false, ERR_REFUSED, NO_RETRY, "HTTP 401"},
    {"forbidden", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", false, ERR_REFUSED, NO_RETRY, "HTTP 403"},
    {"not found", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", false, ERR_NOT_FOUND, NO_RETRY, "HTTP 404"},
    {"a complaint about the request", "HTTP/1.1 400 Bad Request\r\nContent-Length: 23\r\n\r\nWorkspace is required\r\n",
     false, ERR_DATA, NO_RETRY, "HTTP 400: Workspace is required"},
    {"not implemented", "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n", false, ERR_FAILED, NO_RETRY,
     "HTTP 501"},
    {"a redirect elsewhere", "HTTP/1.1 302 Found\r\nLocation: http://example.org/steal\r\nContent-Length: 0\r\n\r\n",
     false, ERR_REFUSED, NO_RETRY, "a redirect to another address"},
    {"a redirect to a file", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", false,
     ERR_REFUSED, NO_RETRY, "a redirect to another address"},
    {"a redirect in circles", "HTTP/1.1 302 Found\r\nLocation: /list?x=1\r\nContent-Length: 0\r\n\r\n", false,
     ERR_FAILED, HTTP_REDIRECTS_MAX + 1, "more than 5 redirects"},
};

START_TEST(each_answer_is_told_apart)
{
    const struct scripted rows[] = {{.answer = answers[_i].answer, .drop = answers[_i].drop}, {0}};
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    const char *name = answers[_i].name;
    ck_assert_msg(r->end.success == (answers[_i].kind == ERR_NONE), "%s: %s", name, r->end.error.text);
    if (answers[_i].kind != ERR_NONE)
        ck_assert_msg(r->end.error.kind == answers[_i].kind, "%s: %s: %s", name, err_kind_name(r->end.error.kind),
                      r->end.error.text);
    ck_assert_msg(!answers[_i].says || strstr(r->end.error.text, answers[_i].says), "%s: %s", name, r->end.error.text);
    ck_assert_msg(scripted_count() == answers[_i].requests, "%s: %d requests", name, scripted_count());
}
END_TEST

START_TEST(a_try_that_fails_is_followed_by_one_that_does_not)
{
    const struct scripted rows[] = {{.answer = HTML_HEAD HTML},
                                    {.drop = true},
                                    {.answer = scripted_json(503, "", "{}")},
                                    {.answer = scripted_json(200, "", "[1]")},
                                    {0}};
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_str_eq(plan.body, "[1]");
    ck_assert_int_eq(scripted_count(), 4);
}
END_TEST

START_TEST(retry_after_is_obeyed)
{
    const struct scripted rows[] = {
        {.answer = scripted_json(429, "Retry-After: 1\r\n", "{}")}, {.answer = scripted_json(200, "", "[1]")}, {0}};
    usec_t begun = clock_boot();
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_int_ge(clock_boot() - begun, SECONDS(1));
}
END_TEST

START_TEST(a_retry_after_beyond_the_tasks_time_ends_the_request_at_once)
{
    const struct scripted rows[] = {{.answer = scripted_json(503, "Retry-After: 120\r\n", "{}")}, {0}};
    usec_t begun = clock_boot();
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){.soft = SECONDS(60)});
    ck_assert(!r->end.success);
    ck_assert_int_eq(r->end.error.kind, ERR_TRANSIENT);
    ck_assert_ptr_nonnull(strstr(r->end.error.text, "asked to wait"));
    ck_assert_int_lt(clock_boot() - begun, SECONDS(60));
    ck_assert_int_eq(scripted_count(), 1);
}
END_TEST

/* Waits ----------------------------------------------------------------------------------------------- */

START_TEST(a_server_that_says_nothing_is_left_after_the_time_out)
{
    const struct scripted rows[] = {{.answer = scripted_json(200, "", "[1]"), .wait = MINUTES(10)}, {0}};
    plan.options = (struct http_options){.total = MSEC(300), .tries = 2};
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_int_eq(r->end.error.kind, ERR_TRANSIENT);
    ck_assert_ptr_nonnull(strstr(r->end.error.text, "no complete answer in time"));
}
END_TEST

START_TEST(an_answer_that_stalls_is_left)
{
    const struct scripted rows[] = {{.answer = scripted_json(200, "", "[1,2,3,4,5,6,7,8,9]"), .pause = MINUTES(10)},
                                    {0}};
    plan.options = (struct http_options){.stall = SECONDS(1), .tries = 1};
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_msg(r->end.error.kind == ERR_TRANSIENT && strstr(r->end.error.text, "no byte in 1 s"), "%s",
                  r->end.error.text);
}
END_TEST

START_TEST(the_soft_limit_cuts_the_wait)
{
    const struct scripted rows[] = {{.answer = scripted_json(200, "", "[1]"), .wait = MINUTES(10)}, {0}};
    usec_t begun = clock_boot();
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){.soft = MSEC(500)});
    ck_assert(!r->end.success);
    ck_assert_int_lt(clock_boot() - begun, SECONDS(60));
}
END_TEST

START_TEST(a_cancelled_task_does_not_wait_for_the_server)
{
    const struct scripted rows[] = {{.answer = scripted_json(200, "", "[1]"), .wait = MINUTES(10)}, {0}};
    usec_t begun = clock_boot();
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){.cancel_after = 1});
    ck_assert_int_eq(r->end.error.kind, ERR_CANCELLED);
    ck_assert_int_lt(clock_boot() - begun, SECONDS(60));
}
END_TEST

START_TEST(a_cancelled_task_does_not_wait_for_the_next_try)
{
    const struct scripted rows[] = {{.answer = scripted_json(503, "Retry-After: 120\r\n", "{}")}, {0}};
    usec_t begun = clock_boot();
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){.cancel_after = 2});
    ck_assert_int_eq(r->end.error.kind, ERR_CANCELLED);
    ck_assert_int_lt(clock_boot() - begun, SECONDS(60));
}
END_TEST

/* Sizes ----------------------------------------------------------------------------------------------- */

START_TEST(a_body_above_the_maximum_is_refused)
{
    const struct scripted rows[] = {{.answer = scripted_json(200, "", "[1,2,3,4,5,6,7,8,9,10,11,12]")}, {0}};
    plan.options = (struct http_options){.body_max = 10};
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_int_eq(r->end.error.kind, ERR_LIMIT);
    ck_assert_int_eq(scripted_count(), 1);
}
END_TEST

/* 1 MiB of blanks, then "[1]", as gzip -9 makes it: a head, 1016 times the same byte, a tail. */
START_TEST(the_maximum_counts_what_comes_out_of_compression)
{
    static const unsigned char head[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff,
                                         0xed, 0xc1, 0x41, 0x11, 0x00, 0x00, 0x08, 0x03, 0xa0, 0x2a,
                                         0xab, 0x60, 0x1e, 0x6f, 0xfd, 0x6b, 0x18, 0xc2, 0x2f, 0x90};
    static const unsigned char tail[] = {0xfc, 0xec, 0xf4, 0x00, 0x94, 0x4a, 0x27, 0x3b, 0x03, 0x00, 0x10, 0x00};
    enum { MIDDLE = 1016 };
    struct text whole CLEANUP(text_free) = {0};
    text_printf(&whole, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                sizeof head + MIDDLE + sizeof tail);
    text_add(&whole, head, sizeof head);
    for (int i = 0; i < MIDDLE; i++)
        text_putc(&whole, (char)0x00);
    text_add(&whole, tail, sizeof tail);
    const struct scripted rows[] = {{.answer = whole.data, .len = whole.len}, {0}};
    plan.options = (struct http_options){.body_max = _i ? 1 << 20 : (1 << 20) + 3};
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_msg(r->end.success == (_i == 0) && (_i == 0 || r->end.error.kind == ERR_LIMIT), "%s", r->end.error.text);
}
END_TEST

/* Credentials and addresses --------------------------------------------------------------------------- */

START_TEST(user_and_password_are_sent_and_never_told)
{
    const struct scripted rows[] = {{.answer = scripted_json(401, "", "{}")}, {0}};
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){.user = "ann", .password = "s3cret"});
    ck_assert_ptr_nonnull(strstr(scripted_request(0), "Authorization: Basic YW5uOnMzY3JldA=="));
    ck_assert_ptr_nonnull(strstr(scripted_request(0), "User-Agent: drumbeat/"));
    ck_assert_ptr_null(strstr(r->end.error.text, "s3cret"));
}
END_TEST

START_TEST(user_and_password_may_stand_in_the_address)
{
    const struct scripted rows[] = {{.answer = scripted_json(404, "", "{}")}, {0}};
    char base[64], url[128];
    plan.target = "/";
    scripted_start(rows, base);
    snprintf(url, sizeof url, "http://ann:s3cret@%s", base + strlen("http://"));
    struct test_run *r CLEANUP(test_run_freep) = test_run(&(struct test_runner){.upstream = url}, &handler, "{}");
    ck_assert_ptr_nonnull(strstr(scripted_request(0), "Authorization: Basic YW5uOnMzY3JldA=="));
    ck_assert_ptr_null(strstr(r->end.error.text, "s3cret"));
}
END_TEST

START_TEST(a_key_goes_into_its_header)
{
    const struct scripted rows[] = {{.answer = scripted_json(200, "", "[]")}, {0}};
    plan.options = (struct http_options){.key_header = "Ocp-Apim-Subscription-Key"};
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){.key = "k1"});
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_ptr_nonnull(strstr(scripted_request(0), "Ocp-Apim-Subscription-Key: k1\r\n"));
}
END_TEST

START_TEST(a_key_with_a_line_break_is_refused)
{
    const struct scripted rows[] = {{.answer = scripted_json(200, "", "[]")}, {0}};
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){.key = "k1\r\nX: y"});
    ck_assert_int_eq(r->end.error.kind, ERR_USAGE);
    ck_assert_int_eq(scripted_count(), 0);
}
END_TEST

START_TEST(a_redirect_within_the_origin_is_followed)
{
    const struct scripted rows[] = {{.answer = "HTTP/1.1 301 Moved\r\nLocation: /new?x=2\r\nContent-Length: 0\r\n\r\n"},
                                    {.answer = scripted_json(200, "", "[1]")},
                                    {0}};
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_int_eq(strncmp(scripted_request(1), "GET /new?x=2 ", 13), 0);
}
END_TEST

START_TEST(an_upstream_without_address_is_told)
{
    struct test_run *r CLEANUP(test_run_freep) = test_run(&(struct test_runner){0}, &handler, "{}");
    ck_assert_int_eq(r->end.error.kind, ERR_USAGE);
    ck_assert_ptr_nonnull(strstr(r->end.error.text, "upstreams.pmp.url"));
}
END_TEST

START_TEST(an_address_that_is_none_is_told)
{
    const char *const bad[] = {"ftp://127.0.0.1/", "http://", "not an address"};
    plan.target = "/";
    struct test_run *r CLEANUP(test_run_freep) = test_run(&(struct test_runner){.upstream = bad[_i]}, &handler, "{}");
    ck_assert_msg(!r->end.success && r->end.error.kind == ERR_USAGE, "%s: %s", bad[_i], r->end.error.text);
}
END_TEST

/* Pages ----------------------------------------------------------------------------------------------- */

START_TEST(pages_are_read_to_the_end_at_our_own_address)
{
    const struct scripted rows[] = {
        {.answer = scripted_json(
             200, "", "{\"count\":3,\"next\":\"https://inside.example.org:9/api/list?offset=2\",\"results\":[1,2]}")},
        {.answer = scripted_json(200, "", "{\"count\":3,\"next\":null,\"results\":[3]}")},
        {0}};
    plan.pages = true;
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_int_eq(plan.items, 3);
    ck_assert_int_eq(plan.page_count, 2);
    ck_assert(!plan.uneven);
    ck_assert_int_eq(strncmp(scripted_request(1), "GET /api/list?offset=2 ", 23), 0);
}
END_TEST

/* One page each: what comes of it. */
static const struct {
    const char *name, *body;
    bool good, uneven;
    int64_t items;
    const char *says;
} envelopes[] = {
    {"a bare array", "[{\"a\":1},{\"a\":2}]", true, false, 2, NULL},
    {"an empty array", "[]", true, false, 0, NULL},
    {"results without a count", "{\"results\":[1]}", true, false, 1, NULL},
    {"an empty next", "{\"count\":1,\"next\":\"\",\"results\":[1]}", true, false, 1, NULL},
    {"a count that is wrong", "{\"count\":7,\"next\":null,\"results\":[1]}", true, true, 1, NULL},
    {"a count that is no number", "{\"count\":\"many\",\"results\":[1]}", true, false, 1, NULL},
    {"no results", "{\"detail\":\"no\"}", false, false, 0, "where a list of results was expected"},
    {"a string", "\"No Data Available\"", false, false, 0, "a string where a list of results was expected"},
    {"a next that is no address", "{\"next\":5,\"results\":[1]}", false, false, 0, "next: a whole number"},
    {"a next that is this page", "{\"next\":\"/list?x=1\",\"results\":[1]}", false, false, 1, "in circles"},
};

START_TEST(each_envelope_is_understood_or_refused)
{
    const struct scripted rows[] = {{.answer = scripted_json(200, "", envelopes[_i].body)}, {0}};
    const char *name = envelopes[_i].name;
    plan.pages = true;
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_msg(r->end.success == envelopes[_i].good, "%s: %s", name, r->end.error.text);
    ck_assert_msg(plan.items == envelopes[_i].items, "%s: %d items", name, (int)plan.items);
    ck_assert_msg(plan.uneven == envelopes[_i].uneven, "%s", name);
    ck_assert_msg(!envelopes[_i].says || strstr(r->end.error.text, envelopes[_i].says), "%s: %s", name,
                  r->end.error.text);
}
END_TEST

START_TEST(a_count_that_changes_on_the_way_is_noticed)
{
    const struct scripted rows[] = {
        {.answer = scripted_json(200, "", "{\"count\":3,\"next\":\"/list?x=2\",\"results\":[1,2]}")},
        {.answer = scripted_json(200, "", "{\"count\":4,\"next\":null,\"results\":[3,4]}")},
        {0}};
    plan.pages = true;
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_msg(r->end.success && plan.uneven, "%s", r->end.error.text);
}
END_TEST

/* Long lists ------------------------------------------------------------------------------------------ */

START_TEST(a_list_that_was_cut_is_asked_for_again_and_counts_once)
{
    const struct scripted rows[] = {
        {.answer = scripted_json(200, "", "{\"rows\":[{\"a\":1},{\"a\":2}")},
        {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"rows\":[{\"a\":1},{\"a\":2}]}"},
        {.answer = scripted_json(200, "", "{\"rows\":[{\"a\":1},{\"a\":2}]}")},
        {0}};
    plan.records = true;
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_int_eq(scripted_count(), 3);
    ck_assert_int_eq(plan.items, 2);
}
END_TEST

START_TEST(a_question_may_be_posted_as_a_form)
{
    const struct scripted rows[] = {{.answer = scripted_json(200, "", "{\"rows\":[]}")}, {0}};
    plan.records = true;
    plan.form = "q=select%201";
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_ptr_eq(strstr(scripted_request(0), "POST /list?x=1 HTTP/1.1\r\n"), scripted_request(0));
    ck_assert_ptr_nonnull(strstr(scripted_request(0), "Content-Type: application/x-www-form-urlencoded\r\n"));
    ck_assert_ptr_nonnull(strstr(scripted_request(0), "Content-Length: 12\r\n"));
}
END_TEST

START_TEST(what_is_sent_is_json_and_what_the_server_says_to_it_is_an_answer)
{
    static const int judged[] = {409, 0};
    const struct scripted rows[] = {{.answer = HTML_HEAD HTML}, {.answer = scripted_json(409, "", "{\"status\":\"WARNING\"}")}, {0}};
    plan.options = (struct http_options){.answers = judged};
    plan.sent = "{\"a\":1}";
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_msg(r->end.success, "%s", r->end.error.text);
    ck_assert_int_eq(plan.answer.status, 409);
    ck_assert_int_eq(scripted_count(), 2);
    ck_assert_ptr_eq(strstr(scripted_request(1), "PUT /list?x=1 HTTP/1.1\r\n"), scripted_request(1));
    ck_assert_ptr_nonnull(strstr(scripted_request(1), "Content-Type: application/json\r\n"));
    ck_assert_ptr_nonnull(strstr(scripted_request(1), "\r\n\r\n{\"a\":1}"));
}
END_TEST

START_TEST(an_error_that_is_no_answer_ends_what_is_sent)
{
    static const int judged[] = {409, 0};
    const struct scripted rows[] = {{.answer = scripted_json(400, "", "{\"status\":\"ERROR\"}")}, {0}};
    plan.options = (struct http_options){.answers = judged};
    plan.sent = "{}";
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_int_eq(r->end.error.kind, ERR_DATA);
    ck_assert_ptr_nonnull(strstr(r->end.error.text, "PUT /list: HTTP 400"));
}
END_TEST

START_TEST(an_answer_that_says_too_much_was_asked_for_is_not_tried_again)
{
    const struct scripted rows[] = {{.answer = scripted_json(429, "", "{\"error\":[\"SQL query timeout error.\"]}")}, {0}};
    plan.options = (struct http_options){.too_much = "query timeout"};
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_int_eq(r->end.error.kind, ERR_LIMIT);
    ck_assert_int_eq(scripted_count(), 1);
}
END_TEST

START_TEST(a_page_of_html_is_no_list)
{
    const struct scripted rows[] = {{.answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 73\r\n\r\n" HTML}, {0}};
    plan.records = true;
    struct test_run *r CLEANUP(test_run_freep) = ask(rows, (struct test_runner){0});
    ck_assert_int_eq(r->end.error.kind, ERR_TRANSIENT);
    ck_assert_int_eq(scripted_count(), 5);
    ck_assert_ptr_nonnull(strstr(r->end.error.text, "HTML answered"));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("http");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_loop_test(tests, each_answer_is_told_apart, 0, (int)(sizeof answers / sizeof *answers));
    tcase_add_test(tests, a_try_that_fails_is_followed_by_one_that_does_not);
    tcase_add_test(tests, retry_after_is_obeyed);
    tcase_add_test(tests, a_retry_after_beyond_the_tasks_time_ends_the_request_at_once);
    tcase_add_test(tests, a_server_that_says_nothing_is_left_after_the_time_out);
    tcase_add_test(tests, an_answer_that_stalls_is_left);
    tcase_add_test(tests, the_soft_limit_cuts_the_wait);
    tcase_add_test(tests, a_cancelled_task_does_not_wait_for_the_server);
    tcase_add_test(tests, a_cancelled_task_does_not_wait_for_the_next_try);
    tcase_add_test(tests, a_body_above_the_maximum_is_refused);
    tcase_add_loop_test(tests, the_maximum_counts_what_comes_out_of_compression, 0, 2);
    tcase_add_test(tests, a_list_that_was_cut_is_asked_for_again_and_counts_once);
    tcase_add_test(tests, a_question_may_be_posted_as_a_form);
    tcase_add_test(tests, what_is_sent_is_json_and_what_the_server_says_to_it_is_an_answer);
    tcase_add_test(tests, an_error_that_is_no_answer_ends_what_is_sent);
    tcase_add_test(tests, an_answer_that_says_too_much_was_asked_for_is_not_tried_again);
    tcase_add_test(tests, a_page_of_html_is_no_list);
    tcase_add_test(tests, user_and_password_are_sent_and_never_told);
    tcase_add_test(tests, user_and_password_may_stand_in_the_address);
    tcase_add_test(tests, a_key_goes_into_its_header);
    tcase_add_test(tests, a_key_with_a_line_break_is_refused);
    tcase_add_test(tests, a_redirect_within_the_origin_is_followed);
    tcase_add_test(tests, an_upstream_without_address_is_told);
    tcase_add_loop_test(tests, an_address_that_is_none_is_told, 0, 3);
    tcase_add_test(tests, pages_are_read_to_the_end_at_our_own_address);
    tcase_add_loop_test(tests, each_envelope_is_understood_or_refused, 0, (int)(sizeof envelopes / sizeof *envelopes));
    tcase_add_test(tests, a_count_that_changes_on_the_way_is_noticed);
    return test_main_case("http", tests);
}
