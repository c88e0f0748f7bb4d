/* Remote control and events as text: requests that Celery 5.2 published in a recorded conversation, and what its tools read of ours. */
#include "common/base/base64.h"
#include "common/celery/control.h"
#include "common/celery/event.h"
#include "common/celery/keys.h"
#include "common/celery/letter.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <string.h>

static const char ping[] =
    "{\"body\": \"eyJtZXRob2QiOiAicGluZyIsICJhcmd1bWVudHMiOiB7fSwgImRlc3RpbmF0aW9uIjogbnVsbCwgInBhdHRlcm4iOiBudWxsLCAibWF0Y2hlciI6IG51bGwsICJ0aWNr"
    "ZXQiOiAiYzFhYTkxMzgtYmM4Ni00YzE2LTk0NjEtNmMxMjQ3ZmU1ZDkyIiwgInJlcGx5X3RvIjogeyJleGNoYW5nZSI6ICJyZXBseS5jZWxlcnkucGlkYm94IiwgInJvdXRpbmdfa2V5Ijog"
    "ImIzYzZhY2RhLTVlMGMtM2E4Yy04MzUyLTI4NzhhOWMwYTg0MSJ9fQ==\", \"content-encoding\": \"utf-8\", \"content-type\": \"application/json\", "
    "\"headers\": {\"clock\": 7, \"expires\": 1795276535.585299}, \"properties\": {\"delivery_mode\": 2, \"delivery_info\": {\"exchange\": "
    "\"celery.pidbox\", \"routing_key\": \"\"}, \"priority\": 0, \"body_encoding\": \"base64\", \"delivery_tag\": "
    "\"df4735ea-7a01-4c9c-908d-e75ad015bad0\"}}";

static struct control_request request_of(const char *body)
{
    struct control_request request;
    struct err e = {0};
    struct text text CLEANUP(text_free) = {0};
    text_puts(&text, "{\"content-type\":\"application/json\",\"headers\":{\"expires\":100.5},\"properties\":{},\"body\":");
    text_json_string(&text, body, strlen(body));
    text_puts(&text, "}");
    ck_assert_msg(control_request_read(text_str(&text), text.len, &request, &e), "%s", e.text);
    return request;
}

START_TEST(a_recorded_request_is_read)
{
    struct control_request request;
    struct err e = {0};
    struct text key CLEANUP(text_free) = {0};
    ck_assert_msg(control_request_read(ping, strlen(ping), &request, &e), "%s", e.text);
    ck_assert_str_eq(request.method, "ping");
    ck_assert_str_eq(request.ticket, "c1aa9138-bc86-4c16-9461-6c1247fe5d92");
    ck_assert_int_eq(request.clock, 7);
    ck_assert(request.expires > 1795276535.5 && request.expires < 1795276535.6);
    control_reply_key(&request, &key);
    ck_assert_str_eq(text_str(&key), "b3c6acda-5e0c-3a8c-8352-2878a9c0a841.reply.celery.pidbox");
    control_request_free(&request);
}
END_TEST

static const struct {
    const char *name, *body;
    usec_t now;
    bool ours;
} addressed[] = {
    {"everybody", "{\"method\":\"ping\"}", 0, true},
    {"everybody, by null", "{\"method\":\"ping\",\"destination\":null}", 0, true},
    {"us by name", "{\"method\":\"ping\",\"destination\":[\"other@b\",\"w@a\"]}", 0, true},
    {"another", "{\"method\":\"ping\",\"destination\":[\"other@b\"]}", 0, false},
    {"a pattern that fits", "{\"method\":\"ping\",\"pattern\":\"w@*\",\"matcher\":\"glob\"}", 0, true},
    {"a pattern that does not", "{\"method\":\"ping\",\"pattern\":\"x@*\",\"matcher\":\"glob\"}", 0, false},
    {"a pattern of another kind", "{\"method\":\"shutdown\",\"pattern\":\".*\",\"matcher\":\"pcre\"}", 0, false},
    {"in time", "{\"method\":\"ping\"}", SECONDS(100), true},
    {"too late", "{\"method\":\"ping\"}", SECONDS(101), false},
};

START_TEST(a_request_is_for_whom_it_names_while_it_lasts)
{
    struct control_request request = request_of(addressed[_i].body);
    ck_assert_msg(control_is_for(&request, "w@a", addressed[_i].now) == addressed[_i].ours, "%s", addressed[_i].name);
    control_request_free(&request);
}
END_TEST

static const char *const no_requests[] = {
    "", "7", "{}", "[]", "{\"body\":7,\"content-type\":\"application/json\"}", "{\"body\":\"{}\",\"content-type\":\"application/x-python-serialize\"}",
    "{\"body\":\"{}\",\"content-type\":\"application/json\"}", "{\"body\":\"%%%\",\"content-type\":\"application/json\",\"properties\":{\"body_encoding\":\"base64\"}}",
    "{\"body\":\"{\\\"method\\\":5}\",\"content-type\":\"application/json\"}",
};

START_TEST(what_is_no_request_is_refused)
{
    struct control_request request;
    struct err e = {0};
    ck_assert_msg(!control_request_read(no_requests[_i], strlen(no_requests[_i]), &request, &e), "%s", no_requests[_i]);
    ck_assert_int_eq(e.kind, ERR_DATA);
}
END_TEST

START_TEST(a_reply_says_who_answers_and_to_which_question)
{
    struct control_request request;
    struct err e = {0};
    struct text text CLEANUP(text_free) = {0}, body CLEANUP(text_free) = {0};
    ck_assert(control_request_read(ping, strlen(ping), &request, &e));
    struct js *pong CLEANUP(js_freep) = control_ok("pong");
    control_reply_write(&request, "w@a", pong, 12, &text);
    struct js *letter CLEANUP(js_freep) = letter_read(text_str(&text), text.len, &e);
    ck_assert_msg(letter != NULL, "%s", e.text);
    js_write(&body, js_get(letter, "body"));
    ck_assert_str_eq(text_str(&body), "{\"w@a\":{\"ok\":\"pong\"}}");
    ck_assert_str_eq(js_text(js_get(js_get(letter, "headers"), "ticket")), request.ticket);
    control_request_free(&request);
}
END_TEST

/* Members that `celery inspect`, `celery status` and Flower read, by the path of their names. */
static void has(const struct js *node, const char *const *members)
{
    for (; *members; members++)
        ck_assert_msg(js_type(js_get(node, *members)) != JS_ABSENT, "%s is missing", *members);
}

START_TEST(tasks_queues_and_statistics_have_the_members_that_tools_read)
{
    const struct control_task task = {.id = "i", .name = "n", .args = "[1]", .kwargs = "{\"a\":2}", .hostname = "w@a", .started_at = SECONDS(3), .queue = "q", .pid = 9};
    const int64_t children[] = {11, 12};
    const struct control_stats stats = {.pid = 1, .clock = 5, .uptime_s = 9, .pool = 2, .prefetch = 8, .children = children, .child_count = 2, .broker_host = "h", .broker_db = "0", .broker_port = 6379};
    struct js *running CLEANUP(js_freep) = control_task(&task), *waiting CLEANUP(js_freep) = control_scheduled(&task);
    struct js *queue CLEANUP(js_freep) = control_queue("q"), *numbers CLEANUP(js_freep) = control_stats(&stats);
    has(running, (const char *const[]){"id", "name", "args", "kwargs", "type", "hostname", "time_start", "acknowledged", "delivery_info", "worker_pid", NULL});
    has(js_get(running, "delivery_info"), (const char *const[]){"exchange", "routing_key", "priority", "redelivered", NULL});
    has(waiting, (const char *const[]){"eta", "priority", "request", NULL});
    has(queue, (const char *const[]){"name", "exchange", "routing_key", "durable", NULL});
    has(numbers, (const char *const[]){"total", "pid", "clock", "uptime", "pool", "broker", "prefetch_count", "rusage", NULL});
    ck_assert_uint_eq(js_count(js_get(js_get(numbers, "pool"), "processes")), 2);
    ck_assert_int_eq(js_type(js_get(numbers, "clock")), JS_TEXT);
}
END_TEST

START_TEST(a_worker_event_goes_to_its_own_channel_and_raises_the_clock)
{
    struct event_source from = {.hostname = "w@a", .pid = 7, .clock = 40};
    struct text channel CLEANUP(text_free) = {0}, text CLEANUP(text_free) = {0};
    struct err e = {0};
    event_worker(&from, "worker-heartbeat", 1, 2, &channel, &text);
    ck_assert_str_eq(text_str(&channel), "celeryev/worker.heartbeat");
    struct js *letter CLEANUP(js_freep) = letter_read(text_str(&text), text.len, &e);
    const struct js *event = js_get(letter, "body");
    has(event, (const char *const[]){"hostname", "utcoffset", "pid", "clock", "timestamp", "type", "freq", "active", "processed", "loadavg", "sw_ident", "sw_ver", "sw_sys", NULL});
    int64_t clock = 0;
    ck_assert(js_integer(js_get(event, "clock"), &clock) && clock == 41 && from.clock == 41);
}
END_TEST

static const struct {
    const char *type;
    const char *members[10];
} task_events[] = {
    {"task-received", {"uuid", "name", "args", "kwargs", "root_id", "parent_id", "retries", "eta", "expires"}},
    {"task-started", {"uuid"}},
    {"task-succeeded", {"uuid", "result", "runtime"}},
    {"task-failed", {"uuid", "exception", "traceback"}},
    {"task-retried", {"uuid", "exception", "traceback"}},
    {"task-revoked", {"uuid", "terminated", "signum", "expired"}},
    {"task-rejected", {"uuid"}},
};

START_TEST(a_task_event_has_the_members_of_its_type)
{
    struct event_source from = {.hostname = "w@a"};
    struct js *events CLEANUP(js_freep) = js_new_array();
    event_task(&from, task_events[_i].type, &(struct event_task){.id = "i", .name = "n"}, events);
    ck_assert_str_eq(js_text(js_get(js_at(events, 0), "type")), task_events[_i].type);
    has(js_at(events, 0), task_events[_i].members);
    size_t expected = 6;
    while (task_events[_i].members[expected - 6])
        expected++;
    ck_assert_uint_eq(js_count(js_at(events, 0)), expected);
}
END_TEST

static const struct {
    const char *prefix, *separator, *steps;
    int priority;
    const char *list;
} lists[] = {
    {NULL, NULL, "0,3,6,9", 0, "q"},           {NULL, NULL, "0,3,6,9", 2, "q"},     {NULL, NULL, "0,3,6,9", 3, "q\x06\x16" "3"},
    {NULL, NULL, "0,3,6,9", 9, "q\x06\x16" "9"}, {"app:", ":", "0,5", 7, "app:q:5"}, {NULL, ":", "0", 9, "q"},
};

START_TEST(a_priority_is_rounded_down_to_its_list)
{
    struct celery_keys keys = celery_keys(lists[_i].prefix, lists[_i].separator, lists[_i].steps, 2);
    struct text list CLEANUP(text_free) = {0}, channel CLEANUP(text_free) = {0};
    celery_list(&keys, "q", celery_step(&keys, lists[_i].priority), &list);
    ck_assert_str_eq(text_str(&list), lists[_i].list);
    celery_channel(&keys, "celery.pidbox", &channel);
    ck_assert_str_eq(text_str(&channel) + strlen(keys.prefix), "/2.celery.pidbox");
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))

int main(void)
{
    TCase *tests = tcase_create("text");
    tcase_add_test(tests, a_recorded_request_is_read);
    tcase_add_loop_test(tests, a_request_is_for_whom_it_names_while_it_lasts, 0, ROWS(addressed));
    tcase_add_loop_test(tests, what_is_no_request_is_refused, 0, ROWS(no_requests));
    tcase_add_test(tests, a_reply_says_who_answers_and_to_which_question);
    tcase_add_test(tests, tasks_queues_and_statistics_have_the_members_that_tools_read);
    tcase_add_test(tests, a_worker_event_goes_to_its_own_channel_and_raises_the_clock);
    tcase_add_loop_test(tests, a_task_event_has_the_members_of_its_type, 0, ROWS(task_events));
    tcase_add_loop_test(tests, a_priority_is_rounded_down_to_its_list, 0, ROWS(lists));
    return test_main_case("control", tests);
}
