/* The judge of histories itself: a history that nothing is wrong with, and one each for what it must find. */
#include "tests/fixture/main.h"
#include "tests/storm/history.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EVENTS_MAX = 8 };

#define AT(t) .begin = (t), .end = (t) + 1
#define TOLD(t, ...) {AT(t), .kind = __VA_ARGS__}
#define SEEN(t, s, ...) {AT(t), .kind = READ, .status = SEEN_##s, __VA_ARGS__}
#define OVER(s) {AT(90), .kind = ENDS, .status = SEEN_##s}

static const struct row {
    const char *finds; /* NULL: nothing */
    struct event events[EVENTS_MAX];
} rows[] = {
    {NULL, {TOLD(1, ENQUEUED), SEEN(2, QUEUED), TOLD(3, RUNS, .value = 7, .attempt = 1), TOLD(5, RUNS, .value = 7, .attempt = 1), OVER(SUCCESS)}},
    {NULL, {TOLD(1, ROLLED_BACK)}},
    {NULL, {TOLD(1, PERHAPS), OVER(NONE)}},
    {NULL, {TOLD(1, PERHAPS), SEEN(2, QUEUED), OVER(SUCCESS)}},
    {NULL, {TOLD(1, ENQUEUED), SEEN(2, KILLED), TOLD(2, ASKED_CANCEL, .value = 1), TOLD(3, ASKED_RETRY, .value = 1), SEEN(5, QUEUED), OVER(SUCCESS)}},
    {NULL, {TOLD(1, ENQUEUED), SEEN(2, KILLED), TOLD(2, ASKED_CANCEL, .value = 1), TOLD(3, ASKED_RETRY, .value = -1), SEEN(5, QUEUED), OVER(SUCCESS)}},
    {NULL, {TOLD(1, ENQUEUED, .value = EXPECTS_EFFECT), TOLD(90, EFFECTS, .value = 1), OVER(SUCCESS)}},
    {NULL, {TOLD(1, ENQUEUED), SEEN(2, RUNNING, .value = 5, .attempt = 1, .started_at = 2), SEEN(4, RUNNING, .value = 1, .attempt = 2, .started_at = 3), OVER(SUCCESS)}},
    {NULL, {TOLD(1, ENQUEUED), TOLD(3, RUNS, .value = 7, .attempt = 1), TOLD(5, RUNS, .value = 8, .attempt = 2), OVER(SUCCESS)}},
    {"is lost", {TOLD(1, ENQUEUED), SEEN(2, QUEUED)}},
    {"is lost", {TOLD(1, ENQUEUED), OVER(RUNNING)}},
    {"is lost", {TOLD(1, ENQUEUED), OVER(NONE)}},
    {"never ended", {TOLD(1, PERHAPS), OVER(QUEUED)}},
    {"never enqueued", {TOLD(1, ROLLED_BACK), SEEN(2, QUEUED)}},
    {"never enqueued", {TOLD(3, RUNS, .value = 7)}},
    {"before its commit", {TOLD(5, ENQUEUED), SEEN(2, QUEUED), OVER(SUCCESS)}},
    {"2 effects", {TOLD(1, ENQUEUED), TOLD(90, EFFECTS, .value = 2), OVER(SUCCESS)}},
    {"without success", {TOLD(1, ENQUEUED, .value = EXPECTS_ERROR), TOLD(90, EFFECTS, .value = 1), OVER(ERRORED)}},
    {"without its effect", {TOLD(1, ENQUEUED, .value = EXPECTS_EFFECT), TOLD(90, EFFECTS, .value = 0), OVER(SUCCESS)}},
    {"process 8 runs it while 7 does",
     {TOLD(1, ENQUEUED), TOLD(3, RUNS, .value = 7, .attempt = 1), TOLD(5, RUNS, .value = 8, .attempt = 2), TOLD(7, RUNS, .value = 7, .attempt = 1), OVER(SUCCESS)}},
    {"progress 4 after 5",
     {TOLD(1, ENQUEUED), SEEN(2, RUNNING, .value = 5, .attempt = 1, .started_at = 2), SEEN(4, RUNNING, .value = 4, .attempt = 1, .started_at = 2), OVER(SUCCESS)}},
    {NULL, {TOLD(1, ENQUEUED), SEEN(2, RUNNING, .attempt = 1), SEEN(4, QUEUED, .attempt = 0), SEEN(6, RUNNING, .attempt = 1), OVER(SUCCESS)}},
    {"0 attempts are over after 1", {TOLD(1, ENQUEUED), SEEN(2, RUNNING, .attempt = 2), SEEN(4, RUNNING, .attempt = 1), OVER(SUCCESS)}},
    {"0 attempts are over after 1", {TOLD(1, ENQUEUED), SEEN(2, QUEUED, .attempt = 1), SEEN(4, QUEUED, .attempt = 0), OVER(SUCCESS)}},
    {"nobody retried", {TOLD(1, ENQUEUED, .value = EXPECTS_ERROR), SEEN(2, ERRORED), SEEN(4, QUEUED), OVER(SUCCESS)}},
    {"nobody retried", {TOLD(1, ENQUEUED, .value = EXPECTS_ERROR), SEEN(2, ERRORED), TOLD(4, ASKED_RETRY, .value = 0), SEEN(7, QUEUED), OVER(SUCCESS)}},
    {"nobody retried", {TOLD(1, ENQUEUED), SEEN(2, SUCCESS), TOLD(4, ASKED_RETRY, .value = 1), SEEN(7, QUEUED), OVER(SUCCESS)}},
    {"nobody retried", {TOLD(1, ENQUEUED, .value = EXPECTS_ERROR), SEEN(2, ERRORED), OVER(SUCCESS)}},
    {"nobody cancelled", {TOLD(1, ENQUEUED), OVER(KILLED)}},
    {"cannot fail", {TOLD(1, ENQUEUED), OVER(ERRORED)}},
    {"does not expire", {TOLD(1, ENQUEUED), OVER(SKIPPED)}},
};

START_TEST(the_judge_finds_what_is_wrong_and_nothing_else)
{
    const struct row *row = &rows[_i];
    struct text report CLEANUP(text_free) = {0};
    char path[64] = P_tmpdir "/history-XXXXXX";
    struct uuid task = uuid_v7();
    size_t count = 0, told;
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    history_open(path);
    for (; count < EVENTS_MAX && row->events[count].begin; count++) {
        struct event event = row->events[count];
        event.task = task;
        history_add(&event);
    }
    size_t broken = history_judge(path, &report, &told);
    unlink(path);
    ck_assert_uint_eq(told, count);
    ck_assert_msg((broken > 0) == (row->finds != NULL), "row %d: %zu broken:\n%s", _i, broken, text_str(&report));
    ck_assert_msg(!row->finds || strstr(text_str(&report), row->finds), "row %d: '%s' is not in:\n%s", _i, row->finds, text_str(&report));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("history");
    tcase_add_loop_test(tests, the_judge_finds_what_is_wrong_and_nothing_else, 0, sizeof rows / sizeof *rows);
    return test_main_case("history", tests);
}
