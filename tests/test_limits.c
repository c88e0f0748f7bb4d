/* Limits of tasks as values: defaults, and what a task may ask for itself. */
#include "common/base/limits.h"
#include "common/base/text.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <string.h>

static void print(const struct limits *l, struct text *out)
{
    for (const struct limit *limit = limits_all; limit->name; limit++) {
        text_printf(out, "%s%s ", out->len ? ", " : "", limit->name);
        limit_print(limit, l, out);
    }
}

static const struct {
    struct limits told;
    const char *expected;
} defaults[] = {
    {{0}, "soft 55m, hard 1h, cpu 1h, memory 512MiB, files 1024, output 512MiB, log_lines 10000, processes 256"},
    {{.hard = MINUTES(12)}, "soft 11m, hard 12m, cpu 12m, memory 512MiB, files 1024, output 512MiB, log_lines 10000, processes 256"},
    {{.soft = MINUTES(2), .hard = MINUTES(1)}, "soft 1m, hard 1m, cpu 1m, memory 512MiB, files 1024, output 512MiB, log_lines 10000, processes 256"},
    {{.cpu = SECONDS(5), .memory = 1 << 20, .log_lines = 7},
     "soft 55m, hard 1h, cpu 5s, memory 1MiB, files 1024, output 512MiB, log_lines 7, processes 256"},
};

START_TEST(every_limit_has_a_default)
{
    CLEANUP(text_free) struct text out = {0};
    struct limits l = defaults[_i].told;
    limits_default(&l);
    print(&l, &out);
    ck_assert_str_eq(text_str(&out), defaults[_i].expected);
}
END_TEST

START_TEST(what_was_told_first_is_kept)
{
    struct limits l = {.memory = 1 << 20}, next = {.memory = 2 << 20, .files = 99};
    limits_fill(&l, &next);
    ck_assert_int_eq(l.memory, 1 << 20);
    ck_assert_int_eq(l.files, 99);
    ck_assert_int_eq(l.cpu, 0);
}
END_TEST

static const struct {
    const char *json, *expected; /* an error begins with headers.limits */
} wishes[] = {
    {"{}", "soft 55m, hard 1h, cpu 1h, memory 512MiB, files 1024, output 512MiB, log_lines 10000, processes 256"},
    {"{\"memory\": \"256MiB\", \"cpu\": 30, \"files\": 100, \"output\": 4096, \"log_lines\": 5, \"processes\": 1}",
     "soft 55m, hard 1h, cpu 30s, memory 256MiB, files 100, output 4KiB, log_lines 5, processes 1"},
    {"{\"hard\": \"10s\"}", "soft 10s, hard 10s, cpu 1h, memory 512MiB, files 1024, output 512MiB, log_lines 10000, processes 256"},
    {"{\"memory\": \"8GiB\", \"hard\": \"2d\", \"files\": 1000000}",
     "soft 55m, hard 1h, cpu 1h, memory 512MiB, files 1024, output 512MiB, log_lines 10000, processes 256"},
    {"{\"memory\": \"plenty\"}", "headers.limits: memory: 'plenty' is not a size like 512MiB"},
    {"{\"memory\": 1000}", "headers.limits: memory: below 1MiB"},
    {"{\"files\": \"many\"}", "headers.limits: files: 'many' is not a whole number"},
    {"{\"files\": -1}", "headers.limits: files: below 32"},
    {"{\"cpu\": 1.5}", "headers.limits: cpu: a number is no limit"},
    {"{\"cpu\": 9223372036854775807}", "headers.limits: cpu: a whole number is no limit"},
    {"{\"memory\": null}", "headers.limits: memory: null is no limit"},
    {"{\"colour\": 1}", "headers.limits: there is no limit 'colour'"},
    {"[1]", "headers.limits: an array instead of an object"},
    {"\"x\"", "headers.limits: a string instead of an object"},
};

START_TEST(a_task_may_ask_for_less_and_not_for_more)
{
    CLEANUP(text_free) struct text out = {0};
    struct limits l = {0};
    struct err e = {0};
    limits_default(&l);
    if (limits_tighten(&l, wishes[_i].json, &e))
        print(&l, &out);
    else
        text_puts(&out, e.text);
    ck_assert_msg(strcmp(text_str(&out), wishes[_i].expected) == 0, "%s:\n%s\nexpected\n%s", wishes[_i].json, text_str(&out), wishes[_i].expected);
    ck_assert(e.kind == ERR_NONE || e.kind == ERR_DATA);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("limits");
    tcase_add_loop_test(tests, every_limit_has_a_default, 0, sizeof defaults / sizeof *defaults);
    tcase_add_test(tests, what_was_told_first_is_kept);
    tcase_add_loop_test(tests, a_task_may_ask_for_less_and_not_for_more, 0, sizeof wishes / sizeof *wishes);
    return test_main_case("limits", tests);
}
