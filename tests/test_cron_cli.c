/* `drumbeat cron`: what people read and what programs ask, on instants that have passed. */
#include "cli/cron_batch.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 * 1024 };

/* A conversation with `cron --batch` in a process of its own. */
struct batch {
    pid_t pid;
    int questions, answers;
};

static struct batch batch_start(void)
{
    int in[2], out[2];
    ck_assert(pipe(in) == 0 && pipe(out) == 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct err e;
        close(in[1]);
        close(out[0]);
        _exit(cron_batch(in[0], out[1], &e) ? 0 : 1);
    }
    close(in[0]);
    close(out[1]);
    return (struct batch){pid, in[1], out[0]};
}

static void ask(const struct batch *b, const char *text)
{
    size_t len = strlen(text);
    ck_assert_int_eq(write(b->questions, text, len), (ssize_t)len);
}

/* Read until `lines` lines have come; false when they do not within ten seconds. */
static bool listen_for(const struct batch *b, size_t lines, char answers[static ANSWER_MAX])
{
    size_t len = 0;
    struct pollfd p = {.fd = b->answers, .events = POLLIN};
    while (lines > 0 && len < ANSWER_MAX - 1) {
        if (poll(&p, 1, 10000) <= 0)
            return false;
        ssize_t count = read(b->answers, answers + len, ANSWER_MAX - 1 - len);
        if (count <= 0)
            return false;
        for (ssize_t i = 0; i < count; i++)
            lines -= lines > 0 && answers[len + (size_t)i] == '\n';
        len += (size_t)count;
    }
    answers[len] = '\0';
    return true;
}

static int batch_end(const struct batch *b)
{
    int status;
    close(b->questions);
    ck_assert_int_eq(waitpid(b->pid, &status, 0), b->pid);
    close(b->answers);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const struct {
    const char *question, *answer; /* "error: " and a part of the message */
} questions[] = {
    {"{\"expr\": \"30 2 * * *\", \"tz\": \"Europe/Paris\", \"from\": \"2024-03-30T00:00:00Z\", \"count\": 3}",
     "[\"2024-03-30T01:30:00Z\",\"2024-03-31T01:00:00Z\",\"2024-04-01T00:30:00Z\"]"},
    {"{\"expr\": \"0 0 * * *\", \"from\": \"2024-01-01T01:00:00+02:00\"}", "[\"2024-01-01T00:00:00Z\"]"},
    {"{\"expr\": \"0 0 * * *\", \"tz\": null, \"seed\": \"\", \"from\": \"2024-01-01T00:00:00Z\", \"count\": null}",
     "[\"2024-01-02T00:00:00Z\"]"},
    {"{\"expr\": \"0 0 0 1 1 * 2198\", \"from\": \"2024-01-01T00:00:00Z\", \"count\": 10000}",
     "[\"2198-01-01T00:00:00Z\"]"},
    {"{\"expr\": \"H * * * *\", \"seed\": \"nightly\", \"tz\": \"\", \"from\": \"2024-01-01T00:00:00Z\"}",
     "[\"2024-01-01T00:25:00Z\"]"},
    {"{\"expr\": \"0 0 30 2 *\"}", "[]"},
    {" {\"expr\": \"0 0 30 2 *\", \"more\": 1} \r", "[]"},
    {"{\"expr\": \"H * * * *\"}", "error: minute (col 0): 'H' needs the name"},
    {"{\"expr\": \"* * * *\"}", "error: expected 5, 6 (seconds first) or 7 fields, found 4"},
    {"{\"expr\": \"* * * * *\", \"tz\": \"paris\"}", "error: unknown time zone 'paris' (did you mean Europe/Paris?)"},
    {"{\"expr\": \"* * * * *\", \"tz\": 1}", "error: tz is a whole number, expected a string"},
    {"{\"expr\": \"* * * * *\", \"seed\": []}", "error: seed is an array, expected a string"},
    {"{\"expr\": \"* * * * *\", \"from\": \"\"}", "error: from: '' is not a time"},
    {"{\"expr\": \"* * * * *\", \"from\": \"2024-02-30T00:00:00Z\"}", "error: from: '2024-02-30T00:00:00Z'"},
    {"{\"expr\": \"* * * * *\", \"from\": 0}", "error: from is a whole number, expected a string"},
    {"{\"expr\": \"* * * * *\", \"count\": 0}", "error: count is 0, allowed are 1-10000"},
    {"{\"expr\": \"* * * * *\", \"count\": 10001}", "error: count is 10001, allowed are 1-10000"},
    {"{\"expr\": \"* * * * *\", \"count\": 1.5}", "error: count is a number, expected a whole number"},
    {"{\"expr\": \"* * * * *\", \"count\": \"1\"}", "error: count is a string, expected a whole number"},
    {"{\"expr\": null}", "error: expr is missing"},
    {"{}", "error: expr is missing"},
    {"{\"expr\": 5}", "error: expr is a whole number, expected a string"},
    {"[]", "error: the line is an array, expected an object"},
    {"* * * * *", "error: not valid JSON"},
    {"{\"expr\": \"* * * * *\"", "error: not valid JSON"},
    {"{\"expr\": \"0 0 * * \\u00e9\"}", "error: byte 0xc3 (col 8)"},
};

/* The answer as the table writes it: errors are taken out of their JSON. */
static void check_answer(const char *question, const char *answer, const char *expected)
{
    struct err e;
    if (strncmp(expected, "error: ", 7) != 0) {
        ck_assert_msg(strcmp(answer, expected) == 0, "%s: expected %s, found %s", question, expected, answer);
        return;
    }
    CLEANUP(js_freep) struct js *document = js_parse(answer, strlen(answer), &e);
    const char *text = js_text(js_get(document, "error"));
    ck_assert_msg(text && strstr(text, expected + 7), "%s: expected %s, found %s", question, expected, answer);
}

START_TEST(each_question_is_answered_before_the_next_is_asked)
{
    struct batch b = batch_start();
    char answer[ANSWER_MAX];
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        ask(&b, questions[i].question);
        ask(&b, "\n\n  \n");
        ck_assert_msg(listen_for(&b, 1, answer), "%s: no answer", questions[i].question);
        answer[strcspn(answer, "\n")] = '\0';
        check_answer(questions[i].question, answer, questions[i].answer);
    }
    ck_assert_int_eq(batch_end(&b), 0);
}
END_TEST

START_TEST(answers_come_in_the_order_of_the_questions)
{
    struct batch b = batch_start();
    char answers[ANSWER_MAX], expected[64], *at = answers;
    CLEANUP(text_free) struct text all = {0};
    for (int i = 0; i < 1000; i++)
        text_printf(&all, "{\"expr\": \"%d %d * * *\", \"from\": \"2024-01-01T00:00:59Z\"}\n", i % 59 + 1, i % 24);
    ask(&b, text_str(&all));
    ck_assert(listen_for(&b, 1000, answers));
    for (int i = 0; i < 1000; i++) {
        snprintf(expected, sizeof expected, "[\"2024-01-01T%02d:%02d:00Z\"]\n", i % 24, i % 59 + 1);
        ck_assert_msg(strncmp(at, expected, strlen(expected)) == 0, "answer %d: expected %s", i, expected);
        at += strlen(expected);
    }
    ck_assert_int_eq(batch_end(&b), 0);
}
END_TEST

START_TEST(a_last_line_without_its_end_is_answered_at_the_end_of_input)
{
    struct batch b = batch_start();
    char answer[ANSWER_MAX];
    ask(&b, "{\"expr\": \"0 0 30 2 *\"}");
    close(b.questions);
    b.questions = -1;
    ck_assert(listen_for(&b, 1, answer));
    ck_assert_str_eq(answer, "[]\n");
    ck_assert_int_eq(batch_end(&b), 0);
}
END_TEST

START_TEST(a_line_without_end_is_refused_and_the_next_one_answered)
{
    struct batch b = batch_start();
    char answer[ANSWER_MAX], blanks[4096];
    memset(blanks, ' ', sizeof blanks - 1);
    blanks[sizeof blanks - 1] = '\0';
    ask(&b, "{");
    for (int i = 0; i < 300; i++)
        ask(&b, blanks);
    ask(&b, "}\n{\"expr\": \"0 0 30 2 *\"}\n");
    ck_assert(listen_for(&b, 2, answer));
    ck_assert_str_eq(answer, "{\"error\": \"the line is longer than 1048576 bytes\"}\n[]\n");
    ck_assert_int_eq(batch_end(&b), 0);
}
END_TEST

START_TEST(an_expression_is_told_in_words_with_its_times_and_what_the_clock_does)
{
    CLEANUP(test_process_freep)
    struct test_process *p = test_drumbeat(NULL, "cron", "30 2 * * *", "--tz", "Europe/Paris", "--from",
                                           "2024-03-30T00:00:00Z", "--count", "3", NULL);
    ck_assert_int_eq(test_process_status(p), 0);
    ck_assert_str_eq(
        test_process_output(p),
        "at 02:30, every day, Europe/Paris time\n"
        "2024-03-30T02:30:00+01:00\t2024-03-30T01:30:00Z\n"
        "2024-03-31T03:00:00+02:00\t2024-03-31T01:00:00Z\t02:30 does not exist: the clock goes from 02:00 to 03:00\n"
        "2024-04-01T02:30:00+02:00\t2024-04-01T00:30:00Z\n"
        "warning: 2024-03-31 02:30 does not exist in Europe/Paris, where the clock is put forward; it fires at "
        "2024-03-31 03:00 instead\n");
}
END_TEST

START_TEST(a_repeated_hour_is_marked)
{
    CLEANUP(test_process_freep)
    struct test_process *p = test_drumbeat(NULL, "cron", "30 * * * *", "--tz", "Europe/Paris", "--from",
                                           "2024-10-27T00:00:00Z", "--count", "3", NULL);
    ck_assert_str_eq(test_process_output(p),
                     "at minute 30 of every hour, Europe/Paris time\n"
                     "2024-10-27T02:30:00+02:00\t2024-10-27T00:30:00Z\tthe first of two 02:30: the clock goes from "
                     "03:00 back to 02:00\n"
                     "2024-10-27T02:30:00+01:00\t2024-10-27T01:30:00Z\tthe second of two 02:30\n"
                     "2024-10-27T03:30:00+01:00\t2024-10-27T02:30:00Z\n");
}
END_TEST

START_TEST(the_answer_as_json_has_the_contracts_keys)
{
    struct err e;
    CLEANUP(test_process_freep)
    struct test_process *p = test_drumbeat(NULL, "cron", "CRON_TZ=Asia/Tokyo 0 9 L 2 +FRI", "--from",
                                           "2024-01-01T00:00:00Z", "--json", NULL);
    CLEANUP(js_freep) struct js *answer = js_parse(test_process_output(p), strlen(test_process_output(p)), &e);
    ck_assert_msg(answer, "%s", test_process_output(p));
    const struct js *first = js_at(js_get(answer, "next"), 0);
    ck_assert_str_eq(js_text(js_get(answer, "expr")), "CRON_TZ=Asia/Tokyo 0 9 L 2 +FRI");
    ck_assert_str_eq(js_text(js_get(answer, "tz")), "Asia/Tokyo");
    ck_assert_ptr_nonnull(js_text(js_get(answer, "words")));
    ck_assert_uint_eq(js_count(js_get(answer, "next")), 5);
    ck_assert_str_eq(js_text(js_get(first, "utc")), "2025-02-28T00:00:00Z");
    ck_assert_str_eq(js_text(js_get(first, "local")), "2025-02-28T09:00:00+09:00");
    ck_assert_int_eq(js_type(js_get(first, "note")), JS_NULL);
    ck_assert_uint_eq(js_count(js_get(answer, "warnings")), 1);
}
END_TEST

START_TEST(an_expression_that_cannot_fire_is_no_error)
{
    CLEANUP(test_process_freep) struct test_process *p = test_drumbeat(NULL, "cron", "0 0 30 2 *", NULL);
    ck_assert_int_eq(test_process_status(p), 0);
    ck_assert_str_eq(test_process_output(p),
                     "at 00:00, on day 30 of the month, in February, UTC\nnever\nwarning: never fires\n");
}
END_TEST

START_TEST(a_wrong_expression_is_one_line_and_exit_status_2)
{
    CLEANUP(test_process_freep) struct test_process *p = test_drumbeat(NULL, "cron", "0 0 1 SEPT *", NULL);
    ck_assert_int_eq(test_process_status(p), 2);
    ck_assert_str_eq(test_process_output(p), "");
    ck_assert_str_eq(test_process_errors(p), "drumbeat: month (col 6): unknown value 'SEPT'; use SEP or SEPTEMBER\n");
}
END_TEST

START_TEST(one_of_expression_and_batch_is_wanted)
{
    CLEANUP(test_process_freep) struct test_process *neither = test_drumbeat(NULL, "cron", NULL);
    CLEANUP(test_process_freep) struct test_process *both = test_drumbeat(NULL, "cron", "--batch", "* * * * *", NULL);
    ck_assert_int_eq(test_process_status(neither), 2);
    ck_assert_int_eq(test_process_status(both), 2);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("cron_cli");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, each_question_is_answered_before_the_next_is_asked);
    tcase_add_test(cases, answers_come_in_the_order_of_the_questions);
    tcase_add_test(cases, a_last_line_without_its_end_is_answered_at_the_end_of_input);
    tcase_add_test(cases, a_line_without_end_is_refused_and_the_next_one_answered);
    tcase_add_test(cases, an_expression_is_told_in_words_with_its_times_and_what_the_clock_does);
    tcase_add_test(cases, a_repeated_hour_is_marked);
    tcase_add_test(cases, the_answer_as_json_has_the_contracts_keys);
    tcase_add_test(cases, an_expression_that_cannot_fire_is_no_error);
    tcase_add_test(cases, a_wrong_expression_is_one_line_and_exit_status_2);
    tcase_add_test(cases, one_of_expression_and_batch_is_wanted);
    return test_main_case("cron_cli", cases);
}
