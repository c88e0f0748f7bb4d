/* Celery's messages: what stock clients write is read, what no worker could act upon is refused with its place, and what we write can be
 * read by anybody. */
#include "common/base/base64.h"
#include "common/base/json.h"
#include "common/celery/message.h"
#include "common/celery/unpack.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct region *region;
static struct celery_message m;
static struct err e;

static void begin(void)
{
    region = region_new();
    e = (struct err){0};
}

static void end(void)
{
    region_free(region);
}

static bool read(const char *envelope)
{
    return celery_message_read(envelope, strlen(envelope), region, &m, &e);
}

#define PROPERTIES "\"properties\":{\"delivery_tag\":\"t\",\"delivery_info\":{\"exchange\":\"\",\"routing_key\":\"celery\"}}"
#define HEADERS "\"headers\":{\"task\":\"echo\",\"id\":\"i\"}"
#define BODY "\"body\":\"[[],{},null]\""

/* As Celery 5.2 wrote them; the addresses and times in it are of no account. */
static const char countdown[] =
    "{\"body\": \"W1tdLCB7ImQiOiAiMjAyNi0wMS0wMlQwMzowNDowNSIsICJ1IjogIjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwNSIsICJtIjogIjEu"
    "MTAifSwgeyJjYWxsYmFja3MiOiBudWxsLCAiZXJyYmFja3MiOiBudWxsLCAiY2hhaW4iOiBudWxsLCAiY2hvcmQiOiBudWxsfV0=\", \"content-encoding\": "
    "\"utf-8\", \"content-type\": \"application/json\", \"headers\": {\"lang\": \"py\", \"task\": \"echo\", \"id\": "
    "\"536da8a1-8e0c-4b31-89dc-6972e375e3f7\", \"shadow\": null, \"eta\": \"2026-11-21T16:01:18.640322+00:00\", \"expires\": "
    "\"2026-11-21T16:02:08.640322+00:00\", \"group\": null, \"group_index\": null, \"retries\": 0, \"timelimit\": [30, 20], \"root_id\": "
    "\"536da8a1-8e0c-4b31-89dc-6972e375e3f7\", \"parent_id\": null, \"argsrepr\": \"()\", \"kwargsrepr\": \"{'m': Decimal('1.10')}\", "
    "\"origin\": \"gen8509@vm\", \"ignore_result\": false}, \"properties\": {\"correlation_id\": "
    "\"536da8a1-8e0c-4b31-89dc-6972e375e3f7\", \"reply_to\": \"0f5d1556-5eb2-31e7-bf04-9d474dd784c9\", \"delivery_mode\": 2, "
    "\"expiration\": \"60000\", \"delivery_info\": {\"exchange\": \"\", \"routing_key\": \"celery\"}, \"priority\": 7, "
    "\"body_encoding\": \"base64\", \"delivery_tag\": \"4a4f6a0c-b936-4743-87ca-9117fa20ac0a\"}}";

static const char chord_member[] =
    "{\"body\": \"W1syXSwge30sIHsiY2FsbGJhY2tzIjogbnVsbCwgImVycmJhY2tzIjogbnVsbCwgImNoYWluIjogbnVsbCwgImNob3JkIjogeyJ0YXNrIjogImVjaG8i"
    "LCAiYXJncyI6IFszXSwgImt3YXJncyI6IHt9LCAib3B0aW9ucyI6IHsidGFza19pZCI6ICI2YmYzYWI3Zi02MDZiLTRhZmYtYTYwZS0xZDk1OGYyZGJiNzciLCAicmVw"
    "bHlfdG8iOiAiMGY1ZDE1NTYtNWViMi0zMWU3LWJmMDQtOWQ0NzRkZDc4NGM5In0sICJzdWJ0YXNrX3R5cGUiOiBudWxsLCAiaW1tdXRhYmxlIjogZmFsc2V9fV0=\", "
    "\"content-encoding\": \"utf-8\", \"content-type\": \"application/json\", \"headers\": {\"lang\": \"py\", \"task\": \"echo\", \"id\": "
    "\"7200fbe4-bc65-4c55-bf7b-25e3ee7491f5\", \"shadow\": null, \"eta\": null, \"expires\": null, \"group\": "
    "\"20fe95be-6c10-4923-8786-f57882fdeefb\", \"group_index\": 1, \"retries\": 0, \"timelimit\": [null, null], \"root_id\": "
    "\"7200fbe4-bc65-4c55-bf7b-25e3ee7491f5\", \"parent_id\": null, \"argsrepr\": \"(2,)\", \"kwargsrepr\": \"{}\", \"origin\": "
    "\"gen8509@vm\", \"ignore_result\": false}, \"properties\": {\"correlation_id\": \"7200fbe4-bc65-4c55-bf7b-25e3ee7491f5\", "
    "\"reply_to\": \"0f5d1556-5eb2-31e7-bf04-9d474dd784c9\", \"delivery_mode\": 2, \"delivery_info\": {\"exchange\": \"\", "
    "\"routing_key\": \"celery\"}, \"priority\": 0, \"body_encoding\": \"base64\", \"delivery_tag\": "
    "\"3a709c2f-d6c3-46ba-9d2a-17624214f5af\"}}";

START_TEST(a_task_with_a_countdown_is_read_as_celery_wrote_it)
{
    char at[CLOCK_TEXT_MAX];
    ck_assert_msg(read(countdown), "%s", e.text);
    ck_assert_int_eq(m.protocol, 2);
    ck_assert_str_eq(m.id, "536da8a1-8e0c-4b31-89dc-6972e375e3f7");
    ck_assert_str_eq(m.root_id, m.id);
    ck_assert_str_eq(m.task, "echo");
    ck_assert_str_eq(m.args, "[]");
    ck_assert_str_eq(m.kwargs, "{\"d\":\"2026-01-02T03:04:05\",\"u\":\"00000000-0000-0000-0000-000000000005\",\"m\":\"1.10\"}");
    ck_assert_str_eq(celery_time_format(m.eta_at, at), "2026-11-21T16:01:18.640322+00:00");
    ck_assert_int_eq(m.expires_at - m.eta_at, SECONDS(50));
    ck_assert_int_eq(m.hard, SECONDS(30));
    ck_assert_int_eq(m.soft, SECONDS(20));
    ck_assert_int_eq(m.priority, 7);
    ck_assert_str_eq(m.delivery_tag, "4a4f6a0c-b936-4743-87ca-9117fa20ac0a");
    ck_assert_str_eq(m.routing_key, "celery");
    ck_assert_str_eq(m.exchange, "");
    ck_assert_str_eq(m.reply_to, "0f5d1556-5eb2-31e7-bf04-9d474dd784c9");
    ck_assert_ptr_null(m.parent_id);
    ck_assert_ptr_null(m.chain);
}
END_TEST

START_TEST(a_member_of_a_chord_knows_its_group_and_its_callback)
{
    ck_assert_msg(read(chord_member), "%s", e.text);
    ck_assert_str_eq(m.group_id, "20fe95be-6c10-4923-8786-f57882fdeefb");
    ck_assert_int_eq(m.group_index, 1);
    ck_assert_ptr_nonnull(strstr(m.chord, "\"task_id\":\"6bf3ab7f-606b-4aff-a60e-1d958f2dbb77\""));
    ck_assert_str_eq(m.args, "[2]");
}
END_TEST

static const struct packed {
    const char *type, *body;
} packed[] = {
    {"application/x-gzip", "eJyLjo7VUahWSlSyUlCqoANQqgVZl5yYk5OUmJxdDLQ2rzQnR0dBKbWoCE0kOSMxMw+Zm1+UAuXWxgIA2A1JZA=="},
    {"application/x-bz2", "QlpoOTFBWSZTWZK/gswAAA0bgFAEABAACj5tmgogAFQ1BoaaANNBKCQ02po9RiMjgp9KxndPU1FgWB7k+ZrVJHag6lA0jqy3AM28wUCY5X4u5IpwoS"
                          "ElfwWY"},
    {"application/x-lzma", "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ABMADNdAC3hcFggPaL4oQRSwU1hSWugy1PuRbEopSSSLfYvOJOsJL3KAcN4J1U9KVS2EK/262uoAAAA"
                           "/EdHjVsa4McAAU9NzNsKXx+2830BAAAAAARZWg=="},
};

START_TEST(what_celery_has_compressed_is_unpacked_and_a_torn_stream_is_refused)
{
    struct text bytes CLEANUP(text_free) = {0}, out CLEANUP(text_free) = {.max = 1000}, half CLEANUP(text_free) = {.max = 1000};
    const struct packed *p = &packed[_i];
    ck_assert(base64_read(&bytes, p->body, strlen(p->body), &e));
    ck_assert_msg(unpack(&out, p->type, text_str(&bytes), bytes.len, &e), "%s: %s", p->type, e.text);
    ck_assert_ptr_nonnull(strstr(text_str(&out), "\"callbacks\": null"));
    ck_assert(!unpack(&half, p->type, text_str(&bytes), bytes.len / 2, &e));
    ck_assert_int_eq(e.kind, ERR_DATA);
    struct text small CLEANUP(text_free) = {.max = 20};
    ck_assert(!unpack(&small, p->type, text_str(&bytes), bytes.len, &e));
    ck_assert_int_eq(e.kind, ERR_LIMIT);
    ck_assert_uint_le(small.len, 20);
}
END_TEST

START_TEST(a_bomb_ends_at_the_limit_of_a_body)
{
    /* 64 MiB of zeros, packed by bzip2 in 83 bytes. */
    static const char bomb[] = "QlpoOTFBWSZTWQ4J4t8BX45AAMAAAAggADCATUZCoCWpCoCXMUFZJlNZvAS1wwCidcAAwAAACCAAIKQINjKKiE0qKiE4u5IpwoSFALuD6A==";
    char envelope[400];
    snprintf(envelope, sizeof envelope,
             "{\"body\":\"%s\",\"headers\":{\"task\":\"a\",\"id\":\"i\",\"compression\":\"application/x-bz2\"},\"properties\":"
             "{\"body_encoding\":\"base64\",\"delivery_tag\":\"t\",\"delivery_info\":{\"exchange\":\"\",\"routing_key\":\"q\"}}}",
             bomb);
    ck_assert(!read(envelope));
    ck_assert_int_eq(e.kind, ERR_LIMIT);
}
END_TEST

START_TEST(protocol_1_says_everything_in_its_body)
{
    ck_assert_msg(read("{\"body\":\"{\\\"task\\\":\\\"echo\\\",\\\"id\\\":\\\"i\\\",\\\"args\\\":[1],\\\"kwargs\\\":{},\\\"retries\\\":2,"
                       "\\\"eta\\\":\\\"2026-01-01T00:00:00\\\",\\\"expires\\\":null,\\\"utc\\\":true,\\\"callbacks\\\":null,"
                       "\\\"timelimit\\\":[null,1.5],\\\"taskset\\\":\\\"g\\\"}\"," PROPERTIES "}"),
                  "%s", e.text);
    ck_assert_int_eq(m.protocol, 1);
    ck_assert_str_eq(m.id, "i");
    ck_assert_str_eq(m.args, "[1]");
    ck_assert_int_eq(m.retries, 2);
    ck_assert_int_eq(m.soft, MSEC(1500));
    ck_assert_str_eq(m.group_id, "g");
    ck_assert_int_gt(m.eta_at, 0);
}
END_TEST

START_TEST(the_least_that_a_stock_worker_takes_is_enough)
{
    ck_assert_msg(read("{" BODY "," HEADERS "," PROPERTIES "}"), "%s", e.text);
    ck_assert_str_eq(m.kwargs, "{}");
    ck_assert_int_eq(m.group_index, -1);
}
END_TEST

static const struct typed {
    const char *kwargs, *plain;
} typed[] = {
    {"{\"__type__\":\"datetime\",\"__value__\":\"2026-01-02T03:04:05\"}", "\"2026-01-02T03:04:05\""},
    {"{\"__type__\":\"decimal\",\"__value__\":\"1.10\"}", "\"1.10\""},
    {"{\"__type__\":\"uuid\",\"__value__\":{\"hex\":\"00000000000000000000000000000005\"}}", "\"00000000-0000-0000-0000-000000000005\""},
    {"{\"__type__\":\"bytes\",\"__value__\":\"abc\"}", "\"abc\""},
    {"{\"__type__\":\"base64\",\"__value__\":\"/w==\"}", "\"/w==\""},
    {"{\"__type__\":\"money\",\"__value__\":\"5 EUR\"}", "{\"__type__\":\"money\",\"__value__\":\"5 EUR\"}"},
    {"[{\"__type__\":\"date\",\"__value__\":\"2026-01-02\"},{\"a\":1}]", "[\"2026-01-02\",{\"a\":1}]"},
    {"{\"__type__\":\"uuid\",\"__value__\":\"x\"}", NULL},
    {"{\"__type__\":\"datetime\",\"__value__\":7}", NULL},
};

START_TEST(a_typed_value_is_read_as_its_text)
{
    struct text body CLEANUP(text_free) = {0}, envelope CLEANUP(text_free) = {0};
    text_printf(&body, "[[],{\"v\":%s},{}]", typed[_i].kwargs);
    text_puts(&envelope, "{\"body\":");
    text_json_string(&envelope, text_str(&body), body.len);
    text_puts(&envelope, "," HEADERS "," PROPERTIES "}");
    bool good = read(text_str(&envelope));
    ck_assert_int_eq(good, typed[_i].plain != NULL);
    if (!good)
        return;
    struct text wanted CLEANUP(text_free) = {0};
    text_printf(&wanted, "{\"v\":%s}", typed[_i].plain);
    ck_assert_str_eq(m.kwargs, text_str(&wanted));
}
END_TEST

static const struct hostile {
    const char *envelope, *reason;
} zoo[] = {
    {"", "the message: not valid JSON"},
    {"not json", "the message: not valid JSON"},
    {"[]", "the message is an array, not an object"},
    {"{}", "properties is missing"},
    {"{" BODY "," HEADERS ",\"properties\":7}", "properties is a whole number, not an object"},
    {"{" BODY "," HEADERS ",\"properties\":{\"delivery_info\":{\"exchange\":\"\",\"routing_key\":\"q\"}}}", "properties.delivery_tag is missing"},
    {"{" BODY "," HEADERS ",\"properties\":{\"delivery_tag\":\"t\"}}", "properties.delivery_info is missing"},
    {"{" BODY "," HEADERS ",\"properties\":{\"delivery_tag\":\"t\",\"delivery_info\":{\"exchange\":\"\"}}}", "routing_key is missing"},
    {"{" BODY ",\"headers\":{\"task\":\"echo\"}," PROPERTIES "}", "headers.id is missing"},
    {"{" BODY ",\"headers\":{\"task\":\"echo\",\"id\":7}," PROPERTIES "}", "headers.id is a whole number, not a string"},
    {"{" BODY ",\"headers\":{\"task\":\"echo\",\"id\":\"\"}," PROPERTIES "}", "headers.id is empty"},
    {"{" BODY ",\"headers\":{\"task\":[],\"id\":\"i\"}," PROPERTIES "}", "headers.task is an array"},
    {"{" BODY ",\"headers\":[]," PROPERTIES "}", "headers is an array, not an object"},
    {"{" BODY ",\"headers\":{\"id\":\"i\"}," PROPERTIES "}", "headers.task is missing, and the body is an array"},
    {"{\"body\":[[],{},{}]," HEADERS "," PROPERTIES "}", "message.body is an array, not a string"},
    {"{" HEADERS "," PROPERTIES "}", "message.body is missing"},
    {"{\"body\":\"[[],{}]\"," HEADERS "," PROPERTIES "}", "the body is not an array of"},
    {"{\"body\":\"[{},[],{}]\"," HEADERS "," PROPERTIES "}", "the arguments of the body"},
    {"{\"body\":\"nonsense\"," HEADERS "," PROPERTIES "}", "the body: not valid JSON"},
    {"{\"body\":\"[[NaN],{},{}]\"," HEADERS "," PROPERTIES "}", "the body: not valid JSON"},
    {"{\"body\":\"[[1e999],{},{}]\"," HEADERS "," PROPERTIES "}", "the body: not valid JSON"},
    {"{\"body\":\"[[99999999999999999999],{},{}]\"," HEADERS "," PROPERTIES "}", "the body: not valid JSON"},
    {"{\"body\":\"[[\\\"\\\\u0000\\\"],{},{}]\"," HEADERS "," PROPERTIES "}", "the body: not valid JSON"},
    {"{\"body\":\"[[],{},7]\"," HEADERS "," PROPERTIES "}", "third member is not an object"},
    {"{\"body\":\"[[],{},{\\\"chain\\\":{}}]\"," HEADERS "," PROPERTIES "}", "chain is an object, not an array"},
    {"{\"body\":\"[[],{},{\\\"chord\\\":[]}]\"," HEADERS "," PROPERTIES "}", "chord is an array, not an object"},
    {"{" BODY ",\"headers\":{\"task\":\"a\",\"id\":\"i\",\"eta\":\"soon\"}," PROPERTIES "}", "headers.eta: 'soon' is not a time"},
    {"{" BODY ",\"headers\":{\"task\":\"a\",\"id\":\"i\",\"eta\":\"2026-02-30T00:00:00Z\"}," PROPERTIES "}", "is not a time"},
    {"{" BODY ",\"headers\":{\"task\":\"a\",\"id\":\"i\",\"expires\":60}," PROPERTIES "}", "headers.expires is a whole number, not a time"},
    {"{" BODY ",\"headers\":{\"task\":\"a\",\"id\":\"i\",\"retries\":-1}," PROPERTIES "}", "headers.retries is -1"},
    {"{" BODY ",\"headers\":{\"task\":\"a\",\"id\":\"i\",\"retries\":\"2\"}," PROPERTIES "}", "headers.retries is a string"},
    {"{" BODY ",\"headers\":{\"task\":\"a\",\"id\":\"i\",\"timelimit\":[1]}," PROPERTIES "}", "timelimit is not two numbers"},
    {"{" BODY ",\"headers\":{\"task\":\"a\",\"id\":\"i\",\"timelimit\":[-1,null]}," PROPERTIES "}", "timelimit is not two numbers"},
    {"{" BODY ",\"headers\":{\"task\":\"a\",\"id\":\"i\",\"ignore_result\":1}," PROPERTIES "}", "ignore_result is a whole number"},
    {"{" BODY ",\"content-type\":\"application/x-python-serialize\"," HEADERS "," PROPERTIES "}", "only application/json is accepted"},
    {"{" BODY ",\"headers\":{\"task\":\"a\",\"id\":\"i\",\"compression\":\"application/zstd\"}," PROPERTIES "}", "is not served"},
    {"{" BODY ",\"headers\":{\"task\":\"a\",\"id\":\"i\",\"compression\":\"application/x-gzip\"}," PROPERTIES "}", "not a whole zlib stream"},
    {"{\"body\":\"*\"," HEADERS ",\"properties\":{\"body_encoding\":\"base64\",\"delivery_tag\":\"t\",\"delivery_info\":{\"exchange\":\"\","
     "\"routing_key\":\"q\"}}}",
     "the body: byte 1 is not base64"},
    {"{\"body\":\"QQ=\"," HEADERS ",\"properties\":{\"body_encoding\":\"base64\",\"delivery_tag\":\"t\",\"delivery_info\":{\"exchange\":\"\","
     "\"routing_key\":\"q\"}}}",
     "ends in the middle of a group"},
    {"{" BODY "," HEADERS ",\"properties\":{\"body_encoding\":\"rot13\",\"delivery_tag\":\"t\",\"delivery_info\":{\"exchange\":\"\","
     "\"routing_key\":\"q\"}}}",
     "body_encoding is 'rot13'"},
    {"{" BODY "," BODY "," HEADERS "," PROPERTIES "}", "duplicate"},
};

START_TEST(what_no_worker_could_act_upon_is_refused_with_its_place)
{
    ck_assert_msg(!read(zoo[_i].envelope), "%s was read", zoo[_i].envelope);
    ck_assert_msg(strstr(e.text, zoo[_i].reason), "%s: %s", zoo[_i].envelope, e.text);
}
END_TEST

START_TEST(a_deep_message_is_refused_before_it_is_parsed)
{
    struct text deep CLEANUP(text_free) = {0};
    for (int i = 0; i < 100000; i++)
        text_putc(&deep, '[');
    ck_assert(!read(text_str(&deep)));
    ck_assert_int_eq(e.kind, ERR_LIMIT);
}
END_TEST

static const struct moment {
    const char *iso, *utc;
} moments[] = {
    {"2026-11-21T16:01:18.640322+00:00", "2026-11-21T16:01:18.640322Z"},
    {"2026-11-21T16:01:18Z", "2026-11-21T16:01:18Z"},
    {"2026-11-21T16:01:18", "2026-11-21T16:01:18Z"},
    {"2026-11-21 16:01:18", "2026-11-21T16:01:18Z"},
    {"2026-11-21T16:01:18+05:30", "2026-11-21T10:31:18Z"},
    {"2026-11-21T16:01:18-0800", "2026-11-22T00:01:18Z"},
    {"2026-11-21T16:01:18+02", "2026-11-21T14:01:18Z"},
    {"2026-11-21", NULL},
    {"16:01:18", NULL},
    {"2026-11-21T16:01:18+2", NULL},
    {"2026-11-21T16:01:18 Europe/Paris", NULL},
};

START_TEST(a_time_may_have_any_offset)
{
    char utc[CLOCK_TEXT_MAX];
    usec_t at;
    bool good = celery_time_parse(moments[_i].iso, &at, &e);
    ck_assert_msg(good == (moments[_i].utc != NULL), "%s", moments[_i].iso);
    if (good)
        ck_assert_str_eq(clock_format(at, utc), moments[_i].utc);
}
END_TEST

START_TEST(arguments_by_name_alone_are_the_handlers_arguments)
{
    struct text args CLEANUP(text_free) = {0};
    m = (struct celery_message){.args = "[]", .kwargs = "{\"a\":1}"};
    celery_message_arguments(&m, &args);
    ck_assert_str_eq(text_str(&args), "{\"a\":1}");
    text_reset(&args);
    m.args = "[2]";
    celery_message_arguments(&m, &args);
    ck_assert_str_eq(text_str(&args), "{\"args\":[2],\"kwargs\":{\"a\":1}}");
}
END_TEST

static const struct celery_message sendable = {.id = "i",
                                               .task = "reports.build",
                                               .routing_key = "celery",
                                               .group_index = -1,
                                               .args = "[1,\"é\"]",
                                               .kwargs = "{\"when\":{\"__type__\":\"date\",\"__value__\":\"2026-01-02\"}}",
                                               .eta_at = SECONDS(1700000000),
                                               .hard = SECONDS(30),
                                               .soft = MSEC(1500),
                                               .priority = 3,
                                               .retries = 1,
                                               .headers = "{\"tenant\":\"ua\",\"task\":\"other\",\"stamps\":{}}"};

START_TEST(what_is_written_is_read_as_the_same_and_is_plain)
{
    struct text out CLEANUP(text_free) = {0};
    ck_assert_msg(celery_message_write(&sendable, &out, &e), "%s", e.text);
    ck_assert_msg(read(text_str(&out)), "%s", e.text);
    ck_assert_str_eq(m.task, "reports.build");
    ck_assert_str_eq(m.root_id, "i");
    ck_assert_str_eq(m.args, "[1,\"é\"]");
    ck_assert_str_eq(m.kwargs, "{\"when\":\"2026-01-02\"}");
    ck_assert_int_eq(m.eta_at, SECONDS(1700000000));
    ck_assert_int_eq(m.hard, SECONDS(30));
    ck_assert_int_eq(m.soft, MSEC(1500));
    ck_assert_int_eq(m.retries, 1);
    ck_assert_int_eq(m.priority, 3);
    ck_assert_ptr_nonnull(strstr(m.headers, "\"tenant\":\"ua\""));
    ck_assert_ptr_null(strstr(text_str(&out), "__type__"));
}
END_TEST

static const struct unsendable {
    struct celery_message message;
    const char *reason;
} unsendable[] = {
    {{.task = "a", .routing_key = "q"}, "without id"},
    {{.id = "", .task = "a", .routing_key = "q"}, "empty id"},
    {{.id = "i", .routing_key = "q"}, "without task name"},
    {{.id = "i", .task = "a"}, "without routing key"},
    {{.id = "i", .task = "a", .routing_key = "q", .delivery_tag = ""}, "empty delivery tag"},
    {{.id = "i", .task = "a\xff", .routing_key = "q"}, "the task name of a Celery message is not text"},
    {{.id = "i", .task = "a", .routing_key = "q", .args = "{}"}, "args of a Celery message is an object"},
    {{.id = "i", .task = "a", .routing_key = "q", .kwargs = "[]"}, "kwargs of a Celery message is an array"},
    {{.id = "i", .task = "a", .routing_key = "q", .kwargs = "{"}, "kwargs of a Celery message: not valid JSON"},
    {{.id = "i", .task = "a", .routing_key = "q", .priority = 10}, "priority"},
    {{.id = "i", .task = "a", .routing_key = "q", .retries = -1}, "below 0"},
    {{.id = "i", .task = "a", .routing_key = "q", .headers = "[]"}, "headers of a Celery message are not an object"},
};

START_TEST(what_would_end_a_stock_worker_is_not_written)
{
    struct text out CLEANUP(text_free) = {0};
    ck_assert(!celery_message_write(&unsendable[_i].message, &out, &e));
    ck_assert_msg(strstr(e.text, unsendable[_i].reason), "%s", e.text);
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

#define FOR_EACH(t, test, table) tcase_add_loop_test(t, test, 0, (int)(sizeof(table) / sizeof *(table)))

int main(void)
{
    Suite *s = suite_create("celery message");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, a_task_with_a_countdown_is_read_as_celery_wrote_it);
    tcase_add_test(t, a_member_of_a_chord_knows_its_group_and_its_callback);
    FOR_EACH(t, what_celery_has_compressed_is_unpacked_and_a_torn_stream_is_refused, packed);
    tcase_add_test(t, a_bomb_ends_at_the_limit_of_a_body);
    tcase_add_test(t, protocol_1_says_everything_in_its_body);
    tcase_add_test(t, the_least_that_a_stock_worker_takes_is_enough);
    FOR_EACH(t, a_typed_value_is_read_as_its_text, typed);
    FOR_EACH(t, what_no_worker_could_act_upon_is_refused_with_its_place, zoo);
    tcase_add_test(t, a_deep_message_is_refused_before_it_is_parsed);
    FOR_EACH(t, a_time_may_have_any_offset, moments);
    tcase_add_test(t, arguments_by_name_alone_are_the_handlers_arguments);
    tcase_add_test(t, what_is_written_is_read_as_the_same_and_is_plain);
    FOR_EACH(t, what_would_end_a_stock_worker_is_not_written, unsendable);
    suite_add_tcase(s, t);
    return test_main(s);
}
