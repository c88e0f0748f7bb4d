/* JSON: what is read, and what is refused, whichever way a value is spelled. */
#include "common/base/json.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <string.h>

static const struct row {
    const char *text, *read; /* NULL: refused */
} rows[] = {
    {"{\"a\": [1, true, false, null, \"x\"], \"b\": {}}", "{\"a\":[1,true,false,null,\"x\"],\"b\":{}}"},
    {" \t\r\n[ ] \n", "[]"},
    {"\"plain\"", "\"plain\""},
    {"[\"\\u00e9 \\n \\\"quoted\\\" \xc3\xa9\"]", "[\"\xc3\xa9 \\n \\\"quoted\\\" \xc3\xa9\"]"},
    {"{\"\\u00e9\": 1, \"k\\n\": 2}", "{\"\xc3\xa9\":1,\"k\\n\":2}"},
    {"[0, -0, -7, 123456789012345678, 9223372036854775807, -9223372036854775808]",
     "[0,0,-7,123456789012345678,9223372036854775807,-9223372036854775808]"},
    {"[1.5, 2e2]", "[1.5,200.0]"},
    {"\xef\xbb\xbf{\"a\": 1}", "{\"a\":1}"},
    {"\xef\xbb\xbf", NULL},
    {"\xef\xbb[]", NULL},
    {"[\xef\xbb\xbf]", NULL},
    {"", NULL},
    {"[1,]", NULL},
    {"[1 2]", NULL},
    {"{\"a\":1,}", NULL},
    {"{\"a\" 1}", NULL},
    {"{a:1}", NULL},
    {"[01]", NULL},
    {"[-]", NULL},
    {"[+1]", NULL},
    {"[1.]", NULL},
    {"[9223372036854775808]", NULL},
    {"[1e400]", NULL},
    {"[tru]", NULL},
    {"[truee]", NULL},
    {"\"open", NULL},
    {"\"ends in \\", NULL},
    {"[\"\\u0000\"]", NULL},
    {"[\"\\ud800\"]", NULL},
    {"[\"\xff\"]", NULL},
    {"[\"a\nb\"]", NULL},
    {"[] []", NULL},
    {"{\"a\":1,\"a\":2}", NULL},
    {"{\"a\":1,\"\\u0061\":2}", NULL},
};

START_TEST(a_text_is_read_whole_or_refused)
{
    const struct row *row = &rows[_i];
    struct text written CLEANUP(text_free) = {0};
    struct err e;
    struct js *document CLEANUP(js_freep) = js_parse(row->text, strlen(row->text), &e);
    ck_assert_msg(!document == !row->read, "%s", row->text);
    if (document)
        js_write(&written, document);
    else
        ck_assert_msg(e.kind == ERR_DATA && strstr(e.text, "not valid JSON, line "), "%s: %s", row->text, e.text);
    ck_assert_str_eq(text_str(&written), row->read ? row->read : "");
}
END_TEST

START_TEST(nesting_has_a_limit)
{
    for (int depth = JS_DEPTH_MAX; depth <= JS_DEPTH_MAX + 1; depth++) {
        struct text text CLEANUP(text_free) = {0};
        struct err e;
        for (int i = 0; i < 2 * depth; i++)
            text_putc(&text, i < depth ? '[' : ']');
        struct js *document CLEANUP(js_freep) = js_parse(text_str(&text), text.len, &e);
        ck_assert_int_eq(document != NULL, depth == JS_DEPTH_MAX);
        ck_assert(document || e.kind == ERR_LIMIT);
    }
}
END_TEST

START_TEST(a_long_name_of_a_member_is_a_name)
{
    struct text name CLEANUP(text_free) = {0}, text CLEANUP(text_free) = {0};
    struct err e;
    int64_t value = 0;
    while (name.len < 1000)
        text_putc(&name, 'n');
    text_printf(&text, "{\"%s\":5}", text_str(&name));
    struct js *document CLEANUP(js_freep) = js_parse(text_str(&text), text.len, &e);
    ck_assert(js_integer(js_get(document, text_str(&name)), &value));
    ck_assert_int_eq(value, 5);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("json");
    tcase_add_loop_test(cases, a_text_is_read_whole_or_refused, 0, (int)(sizeof rows / sizeof *rows));
    tcase_add_test(cases, nesting_has_a_limit);
    tcase_add_test(cases, a_long_name_of_a_member_is_a_name);
    return test_main_case("json", cases);
}
