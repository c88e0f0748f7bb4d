/* Logs: whatever is in a value, a line is one line of its format. First the function, then each program that stays running. */
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct test_cluster *cluster;

/* One event as it is written, with its line end. */
static const char *written(const struct log_field *fields)
{
    static char line[64 << 10];
    int pair[2], standard = dup(STDERR_FILENO);
    ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
    dup2(pair[1], STDERR_FILENO);
    log_write(LOG_WARNING, "task.failed", fields);
    dup2(standard, STDERR_FILENO);
    close(standard);
    close(pair[1]);
    ssize_t got = read(pair[0], line, sizeof line - 1);
    close(pair[0]);
    line[got > 0 ? got : 0] = '\0';
    return line;
}

static const char *logfmt(const char *value)
{
    log_set_words("info", "logfmt");
    return strstr(written((const struct log_field[]){LOG_STR("error", value), LOG_INT("tries", 3), {0}}), " level=");
}

static struct js *json(const struct log_field *fields)
{
    struct err e;
    log_set_words("info", "json");
    const char *line = written(fields);
    size_t length = strcspn(line, "\n");
    ck_assert_msg(strcmp(line + length, "\n") == 0, "more than a line: %.300s", line);
    struct js *event = js_parse(line, length, &e);
    ck_assert_msg(event != NULL, "%s: %.300s", e.text, line);
    return event;
}

static const struct {
    const char *value, *line, *back; /* `back`: what JSON says it is; NULL: the value */
} rows[] = {
    {"plain", " level=warning msg=task.failed error=plain tries=3\n", NULL},
    {"", " level=warning msg=task.failed error=\"\" tries=3\n", NULL},
    {"two words", " level=warning msg=task.failed error=\"two words\" tries=3\n", NULL},
    {"a=b", " level=warning msg=task.failed error=\"a=b\" tries=3\n", NULL},
    {"\"\\", " level=warning msg=task.failed error=\"\\\"\\\\\" tries=3\n", NULL},
    {"1\n2\r3\t4", " level=warning msg=task.failed error=\"1\\n2\\r3\\t4\" tries=3\n", NULL},
    {"\x1b[31mred\x7f", " level=warning msg=task.failed error=\"\\u001b[31mred\\u007f\" tries=3\n", NULL},
    {"\xc2\x9b" "31m\xc2\x85", " level=warning msg=task.failed error=\"\\u009b31m\\u0085\" tries=3\n", NULL},
    {"\xe2\x80\xa8\xe2\x80\xa9", " level=warning msg=task.failed error=\"\\u2028\\u2029\" tries=3\n", NULL},
    {"\xc3\xa9\xe2\x82\xac", " level=warning msg=task.failed error=\"\xc3\xa9\xe2\x82\xac\" tries=3\n", NULL},
    {"\xff\xc3", " level=warning msg=task.failed error=\"\xef\xbf\xbd\xef\xbf\xbd\" tries=3\n", "\xef\xbf\xbd\xef\xbf\xbd"},
    {NULL, " level=warning msg=task.failed error=\"\" tries=3\n", ""},
};

START_TEST(a_value_is_escaped_in_both_formats)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_msg(strcmp(logfmt(rows[i].value), rows[i].line) == 0, "row %zu: %s", i, logfmt(rows[i].value));
        struct js *event = json((const struct log_field[]){LOG_STR("error", rows[i].value), {0}});
        ck_assert_msg(strcmp(js_text(js_get(event, "error")), rows[i].back ? rows[i].back : rows[i].value) == 0, "row %zu", i);
        js_free(event);
    }
}
END_TEST

START_TEST(json_has_the_same_keys_and_numbers_are_numbers)
{
    struct uuid id = uuid_v7();
    char text[UUID_TEXT_MAX];
    log_set_role("child 3");
    struct js *event = json((const struct log_field[]){LOG_INT("tasks", -7), LOG_UUID("task", id), LOG_FOR("took", 1500000), {0}});
    log_set_role(NULL);
    ck_assert_str_eq(js_text(js_get(event, "level")), "warning");
    ck_assert_str_eq(js_text(js_get(event, "role")), "child 3");
    ck_assert_str_eq(js_text(js_get(event, "msg")), "task.failed");
    ck_assert_str_eq(js_text(js_get(event, "task")), uuid_format(id, text));
    ck_assert_uint_eq(strlen(js_text(js_get(event, "ts"))), strlen("2026-03-29T00:30:00.123Z"));
    js_free(event);
    const char *line = written((const struct log_field[]){LOG_INT("tasks", -7), LOG_FOR("took", 1500000), {0}});
    ck_assert_msg(strstr(line, ",\"tasks\":-7,\"took\":1.500000}\n") != NULL, "%s", line);
}
END_TEST

/* Long values are cut between two characters; of many the line takes as many as it has room for, and is whole. */
START_TEST(what_is_too_long_is_cut_and_the_line_stays_whole)
{
    static char value[8 << 10], cut[4 << 10];
    char keys[40][8];
    struct log_field many[41] = {{0}};
    for (size_t i = 0; i + 1 < sizeof value; i += 2)
        memcpy(value + i, "\xc3\xa9", 2);
    value[sizeof value - 2] = '\0';
    struct js *event = json((const struct log_field[]){LOG_STR("error", value + 1), LOG_INT("tries", 3), {0}});
    snprintf(cut, sizeof cut, "%s", js_text(js_get(event, "error")));
    ck_assert_uint_le(strlen(cut), LOG_VALUE_MAX + 8);
    ck_assert_uint_ge(strlen(cut), LOG_VALUE_MAX - 8);
    ck_assert_str_eq(cut + strlen(cut) - 3, "\xe2\x80\xa6");
    ck_assert_ptr_nonnull(js_get(event, "tries"));
    js_free(event);
    memset(value, 1, sizeof value - 1); /* each becomes six */
    for (size_t i = 0; i < 40; i++) {
        snprintf(keys[i], sizeof keys[i], "e%zu", i);
        many[i] = (struct log_field)LOG_STR(keys[i], value);
    }
    event = json(many);
    ck_assert_str_eq(js_text(js_get(event, "msg")), "task.failed");
    js_free(event);
    log_set_words("info", "logfmt");
    const char *line = written(many);
    ck_assert_int_eq(line[strlen(line) - 1], '\n');
    ck_assert_int_eq(line[strlen(line) - 2], '"');
}
END_TEST

/* In a process of its own: where its errors go is looked at once. */
START_TEST(lines_for_the_journal_begin_with_their_priority)
{
    char name[64];
    struct stat out;
    int fd = open("journal", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), standard = dup(STDERR_FILENO);
    ck_assert_int_eq(fstat(fd, &out), 0);
    snprintf(name, sizeof name, "%llu:%llu", (unsigned long long)out.st_dev, (unsigned long long)out.st_ino);
    setenv("JOURNAL_STREAM", name, 1);
    dup2(fd, STDERR_FILENO);
    log_warning("task.failed");
    log_info("task.claimed");
    dup2(standard, STDERR_FILENO);
    char text[512] = "";
    ck_assert_int_gt(pread(fd, text, sizeof text - 1, 0), 0);
    unlink("journal");
    ck_assert_int_eq(strncmp(text, "<4>ts=", 6), 0);
    ck_assert_ptr_nonnull(strstr(text, "\n<6>ts="));
}
END_TEST

/* Each line that a program has written so far is an event. Answers how many there are of `role` (NULL: of any). */
static int count_events(struct test_process *p, const char *role)
{
    int count = 0;
    for (const char *line = test_process_errors(p); strchr(line, '\n'); line = strchr(line, '\n') + 1) {
        struct err e;
        struct js *event = js_parse(line, strcspn(line, "\n"), &e);
        ck_assert_msg(event != NULL, "%s: %.200s", e.text, line);
        ck_assert_msg(js_get(event, "ts") && js_get(event, "level") && js_get(event, "msg"), "%.200s", line);
        const char *is = js_get(event, "role") ? js_text(js_get(event, "role")) : "";
        count += !role || strncmp(is, role, strlen(role)) == 0;
        js_free(event);
    }
    return count;
}

static struct test_process *start(const char *url, const char *const *words)
{
    const char *argv[8] = {test_build_path("drumbeat")};
    char database[256];
    snprintf(database, sizeof database, "DATABASE_URL=%s", url);
    for (size_t i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    const char *env[] = {database, "DRUMBEAT_LOG_FORMAT=json", "DRUMBEAT_LOG_LEVEL=debug", "DRUMBEAT_WORKER_POOLS=unknown", NULL};
    return test_process_start(&(struct test_program){.argv = argv, .env = env});
}

START_TEST(every_program_that_stays_logs_as_it_is_told)
{
    static const struct {
        const char *words[6], *event;
    } programs[] = {
        {{"worker", "--pool", "1"}, "\"msg\":\"worker.closed\""},
        {{"beat"}, "\"msg\":\"beat."},
        {{"web", "--listen", "127.0.0.1:0"}, "\"msg\":\"web.started\""},
    };
    const char *url = test_cluster_database(cluster);
    struct pg *pg = test_connect(url);
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        struct test_process *p CLEANUP(test_process_freep) = start(url, programs[i].words);
        if (i == 0) {
            test_sql(pg, "SELECT drumbeat.enqueue('crash', max_attempts => 1), drumbeat.enqueue('noop')");
            ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.ended", 2, SECONDS(30)));
            test_process_signal(p, SIGTERM);
        }
        ck_assert_msg(test_process_wait_for(p, programs[i].event, SECONDS(30)), "%s", test_process_errors(p));
        test_process_signal(p, SIGTERM);
        ck_assert(test_process_wait(p, SECONDS(30)));
        ck_assert_int_ge(count_events(p, NULL), 2);
        ck_assert_ptr_nonnull(strstr(test_process_errors(p), "\"msg\":\"config.unknown_variable\",\"variable\":\"DRUMBEAT_WORKER_POOLS\"}"));
        if (i == 0)
            ck_assert_int_ge(count_events(p, "keeper"), 1);
    }
    pg_close(pg);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("log");
    cluster = test_cluster_start(NULL);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_value_is_escaped_in_both_formats);
    tcase_add_test(tests, json_has_the_same_keys_and_numbers_are_numbers);
    tcase_add_test(tests, what_is_too_long_is_cut_and_the_line_stays_whole);
    tcase_add_test(tests, lines_for_the_journal_begin_with_their_priority);
    tcase_add_test(tests, every_program_that_stays_logs_as_it_is_told);
    return test_main_case("log", tests);
}
