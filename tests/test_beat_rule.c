/* When schedules tick and what is done about ticks that are late. */
#include "beat/rule.h"
#include "common/base/text.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static usec_t at(const char *text)
{
    usec_t moment;
    struct err e;
    ck_assert_msg(clock_parse(text, &moment, &e), "%s", e.text);
    return moment;
}

static struct rule *parse(const struct rule_text *text)
{
    struct err e;
    struct rule *rule = rule_parse(text, &e);
    ck_assert_msg(rule != NULL, "%s: %s", text->specs, e.text);
    return rule;
}

static void check_moment(usec_t got, const char *wanted, const char *row)
{
    char text[CLOCK_TEXT_MAX];
    ck_assert_msg(got == (wanted ? at(wanted) : 0), "%s: %s instead of %s", row,
                  got ? clock_format(got, text) : "nothing", wanted ? wanted : "nothing");
}

/* Catching up --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *row;
    const char *spec, *catchup;
    usec_t window;
    const char *next, *now;
    const char *tick, *mark, *following; /* tick NULL: none */
    int64_t passed;
} late[] = {
    {"a tick in time is emitted", "*/5 * * * *", "last", HOURS(1), "2026-01-01T00:05:00Z", "2026-01-01T00:05:00.001Z",
     "2026-01-01T00:05:00Z", "2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z", 0},
    {"ticks late by a hand-over are emitted one by one", "@every 2s", "last", HOURS(1), "2026-01-01T00:00:02Z",
     "2026-01-01T00:00:13Z", "2026-01-01T00:00:02Z", "2026-01-01T00:00:02Z", "2026-01-01T00:00:04Z", 0},
    {"even when nothing is caught up", "@every 2s", "none", 0, "2026-01-01T00:00:02Z", "2026-01-01T00:00:13Z",
     "2026-01-01T00:00:02Z", "2026-01-01T00:00:02Z", "2026-01-01T00:00:04Z", 0},
    {"last: one for all that were missed", "*/5 * * * *", "last", HOURS(1), "2026-01-01T00:05:00Z",
     "2026-01-01T00:33:00Z", "2026-01-01T00:30:00Z", "2026-01-01T00:30:00Z", "2026-01-01T00:35:00Z", 5},
    {"last: one that was missed is no pass", "0 0 * * *", "last", HOURS(1), "2026-01-02T00:00:00Z",
     "2026-01-02T00:30:00Z", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", 0},
    {"last: none when it is too late for the window", "0 0 * * *", "last", HOURS(1), "2026-01-02T00:00:00Z",
     "2026-01-02T01:00:01Z", NULL, "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", 1},
    {"last: just inside the window", "0 0 * * *", "last", HOURS(1), "2026-01-02T00:00:00Z", "2026-01-02T01:00:00Z",
     "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", 0},
    {"all: the oldest first", "*/5 * * * *", "all", HOURS(1), "2026-01-01T00:05:00Z", "2026-01-01T00:33:00Z",
     "2026-01-01T00:05:00Z", "2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z", 0},
    {"all: from the window's begin", "*/5 * * * *", "all", MINUTES(10), "2026-01-01T00:05:00Z", "2026-01-01T00:33:00Z",
     "2026-01-01T00:25:00Z", "2026-01-01T00:25:00Z", "2026-01-01T00:30:00Z", 4},
    {"all: nothing when the window holds none", "0 0 * * *", "all", HOURS(1), "2026-01-02T00:00:00Z",
     "2026-01-05T12:00:00Z", NULL, "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", 4},
    {"none: a minute is a hand-over", "*/5 * * * *", "none", 0, "2026-01-01T00:05:00Z", "2026-01-01T00:06:00Z",
     "2026-01-01T00:05:00Z", "2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z", 0},
    {"none: more is not", "*/5 * * * *", "none", 0, "2026-01-01T00:05:00Z", "2026-01-01T00:06:01Z", NULL,
     "2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z", 1},
    {"none: what was missed goes, what is in time stays", "*/5 * * * *", "none", 0, "2026-01-01T00:05:00Z",
     "2026-01-01T00:20:01Z", "2026-01-01T00:20:00Z", "2026-01-01T00:20:00Z", "2026-01-01T00:25:00Z", 3},
    {"a window of nothing still takes what is in time", "*/5 * * * *", "last", 0, "2026-01-01T00:05:00Z",
     "2026-01-01T00:20:01Z", "2026-01-01T00:20:00Z", "2026-01-01T00:20:00Z", "2026-01-01T00:25:00Z", 3},
    {"counting what was missed ends", "* * * * *", "last", HOURS(1), "2026-01-01T00:00:00Z", "2026-03-01T00:00:30Z",
     "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-01T00:01:00Z", RULE_MISSED_MAX},
    {"a year of seconds takes no time", "* * * * * *", "last", HOURS(1), "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z",
     "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:01Z", RULE_MISSED_MAX},
    {"the last of all", "0 0 0 1 1 * 2027", "last", DAYS(400), "2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z",
     "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", NULL, 0},
};

START_TEST(late_ticks_are_caught_up_as_the_policy_says)
{
    struct decision got;
    struct rule *rule = parse(&(struct rule_text){.name = "s",
                                                  .specs = late[_i].spec,
                                                  .exclude = "",
                                                  .catchup = late[_i].catchup,
                                                  .catchup_window = late[_i].window});
    rule_decide(rule, "s", at(late[_i].next), at(late[_i].now), &got);
    check_moment(got.tick, late[_i].tick, late[_i].row);
    check_moment(got.due, late[_i].tick, late[_i].row);
    check_moment(got.mark, late[_i].mark, late[_i].row);
    check_moment(got.next, late[_i].following, late[_i].row);
    ck_assert_msg(got.passed == late[_i].passed, "%s: %lld passed over", late[_i].row, (long long)got.passed);
    rule_free(rule);
}
END_TEST

START_TEST(all_catches_up_no_more_than_its_maximum)
{
    struct rule *rule = parse(&(struct rule_text){
        .name = "s", .specs = "@every 1s", .exclude = "", .catchup = "all", .catchup_window = DAYS(400)});
    usec_t now = at("2026-02-01T00:00:00Z"), next = at("2026-01-01T00:00:00Z");
    struct decision got = {.next = next};
    int emitted = 0;
    for (; got.next <= now; emitted++) {
        rule_decide(rule, "s", got.next, now, &got);
        ck_assert_int_ne(got.tick, 0);
        ck_assert(emitted == 0 || got.passed == 0);
    }
    ck_assert_int_le(emitted, RULE_MISSED_MAX);
    ck_assert_int_ge(emitted, RULE_MISSED_MAX / 2);
    ck_assert_int_eq(got.tick, now);
    rule_free(rule);
}
END_TEST

/* Ticks --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *row, *specs, *exclude, *tz, *start, *end, *after;
    const char *ticks[4];
} calendars[] = {
    {"several expressions are one schedule",
     "0 6 * * *\n30 6 * * *\n0 6 * * MON",
     "",
     NULL,
     NULL,
     NULL,
     "2026-01-04T06:00:00Z",
     {"2026-01-04T06:30:00Z", "2026-01-05T06:00:00Z", "2026-01-05T06:30:00Z", "2026-01-06T06:00:00Z"}},
    {"an excluded date has no ticks",
     "0 6 * * *",
     "* * 25,26 12 *",
     NULL,
     NULL,
     NULL,
     "2026-12-24T00:00:00Z",
     {"2026-12-24T06:00:00Z", "2026-12-27T06:00:00Z", "2026-12-28T06:00:00Z", "2026-12-29T06:00:00Z"}},
    {"start is inside, end is not",
     "0 * * * *",
     "",
     NULL,
     "2026-01-01T10:00:00Z",
     "2026-01-01T12:00:00Z",
     "2025-01-01T00:00:00Z",
     {"2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z", NULL}},
    {"wholly excluded is never", "0 6 * * *", "* * * * *", NULL, NULL, NULL, "2026-01-01T00:00:00Z", {NULL}},
    {"a zone's clock jumps over 02:30",
     "30 2 * * *",
     "",
     "Europe/Paris",
     NULL,
     NULL,
     "2026-03-28T12:00:00Z",
     {"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z", "2026-04-01T00:30:00Z"}},
};

START_TEST(ticks_follow_the_calendar)
{
    struct rule *rule = parse(&(struct rule_text){
        .name = "s",
        .specs = calendars[_i].specs,
        .exclude = calendars[_i].exclude,
        .tz = calendars[_i].tz,
        .catchup = "last",
        .start_at = calendars[_i].start ? at(calendars[_i].start) : 0,
        .end_at = calendars[_i].end ? at(calendars[_i].end) : 0,
    });
    usec_t after = at(calendars[_i].after), begin = after, last;
    for (size_t i = 0; i < 4; i++) {
        usec_t tick = 0, previous = after;
        bool found = rule_next(rule, after, &tick);
        check_moment(found ? tick : 0, calendars[_i].ticks[i], calendars[_i].row);
        if (!found)
            break;
        ck_assert_msg(rule_last(rule, begin, tick, &last) && last == tick, "%s: not its own last tick",
                      calendars[_i].row);
        ck_assert_msg(rule_last(rule, begin, tick - 1, &last) == (i > 0) && (i == 0 || last == previous),
                      "%s: the one before is another", calendars[_i].row);
        after = tick;
    }
    rule_free(rule);
}
END_TEST

static const struct {
    const char *row, *specs, *tz;
    int64_t weeks;
    const char *anchor, *after;
    const char *ticks[4]; /* ends with NULL */
} weeks[] = {
    {"any day of the anchor's week is the same",
     "0 9 * * MON,FRI",
     "Europe/Paris",
     2,
     "2026-01-07T00:00:00Z",
     "2026-01-01T00:00:00Z",
     {"2026-01-05T08:00:00Z", "2026-01-09T08:00:00Z", "2026-01-19T08:00:00Z", "2026-01-23T08:00:00Z"}},
    {"weeks before the anchor count too",
     "0 9 * * MON,FRI",
     "Europe/Paris",
     2,
     "2026-01-11T00:00:00Z",
     "2025-12-20T00:00:00Z",
     {"2025-12-22T08:00:00Z", "2025-12-26T08:00:00Z", "2026-01-05T08:00:00Z", "2026-01-09T08:00:00Z"}},
    {"a week ends on Sunday at midnight",
     "* * * * *",
     NULL,
     2,
     "2026-01-05T00:00:00Z",
     "2026-01-11T23:57:00Z",
     {"2026-01-11T23:58:00Z", "2026-01-11T23:59:00Z", "2026-01-19T00:00:00Z", "2026-01-19T00:01:00Z"}},
    {"at midnight in its zone",
     "30 0,23 * * *",
     "Pacific/Auckland",
     3,
     "2026-01-05T00:00:00Z",
     "2026-01-01T00:00:00Z",
     {"2026-01-04T11:30:00Z", "2026-01-05T10:30:00Z", "2026-01-05T11:30:00Z", "2026-01-06T10:30:00Z"}},
    {"in the zone that an expression brings",
     "CRON_TZ=Pacific/Auckland 30 0 * * MON",
     NULL,
     2,
     "2026-01-05T00:00:00Z",
     "2026-01-01T00:00:00Z",
     {"2026-01-04T11:30:00Z", "2026-01-18T11:30:00Z", "2026-02-01T11:30:00Z", "2026-02-15T11:30:00Z"}},
    {"elapsed time as well",
     "@every 1w/4d",
     NULL,
     4,
     "2026-01-05T00:00:00Z",
     "2026-01-05T00:00:00Z",
     {"2026-02-02T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-30T00:00:00Z", "2026-04-27T00:00:00Z"}},
    {"every week is no rule",
     "0 0 * * MON",
     NULL,
     1,
     "2026-01-05T00:00:00Z",
     "2026-01-05T00:00:00Z",
     {"2026-01-12T00:00:00Z", "2026-01-19T00:00:00Z", "2026-01-26T00:00:00Z", "2026-02-02T00:00:00Z"}},
    {"no week of its last year counts",
     "0 0 0 1 1 * 2027",
     NULL,
     2,
     "2027-01-04T00:00:00Z",
     "2026-01-05T00:00:00Z",
     {NULL}},
};

START_TEST(ticks_outside_the_weeks_that_count_are_none)
{
    struct rule *rule = parse(&(struct rule_text){.name = "s",
                                                  .specs = weeks[_i].specs,
                                                  .exclude = "",
                                                  .tz = weeks[_i].tz,
                                                  .catchup = "last",
                                                  .every_weeks = weeks[_i].weeks,
                                                  .anchor_day = at(weeks[_i].anchor) / DAYS(1)});
    usec_t begin = at(weeks[_i].after), after = begin, last;
    for (size_t i = 0; i < 4; i++) {
        usec_t tick = 0;
        bool found = rule_next(rule, after, &tick);
        check_moment(found ? tick : 0, weeks[_i].ticks[i], weeks[_i].row);
        if (!found)
            break;
        ck_assert_msg(rule_last(rule, begin, tick - 1, &last) == (i > 0) && (i == 0 || last == after),
                      "%s: the one before is another", weeks[_i].row);
        after = tick;
    }
    rule_free(rule);
}
END_TEST

START_TEST(jitter_keeps_a_tick_before_the_following_one)
{
    usec_t offsets[50], spread = 0;
    struct rule *rule = parse(&(struct rule_text){
        .name = "s", .specs = "*/10 * * * *", .exclude = "", .catchup = "last", .jitter = HOURS(1)});
    for (int i = 0; i < 50; i++) {
        char name[] = {'s', (char)('A' + i), '\0'};
        usec_t tick = at("2026-01-01T00:10:00Z"), due = rule_due(rule, name, tick);
        ck_assert(due >= tick && due < tick + MINUTES(10));
        ck_assert_int_eq(due, rule_due(rule, name, tick));
        offsets[i] = due - tick;
        spread = llabs(offsets[i] - offsets[0]) > spread ? llabs(offsets[i] - offsets[0]) : spread;
    }
    ck_assert_int_gt(spread, MINUTES(3));
    rule_free(rule);
}
END_TEST

START_TEST(rules_that_cannot_be_read_say_why)
{
    struct err e;
    struct rule_text text = {.name = "s", .specs = "61 * * * *", .exclude = "", .catchup = "last"};
    ck_assert_ptr_null(rule_parse(&text, &e));
    ck_assert_int_eq(e.kind, ERR_USAGE);
    ck_assert_ptr_nonnull(strstr(e.text, "minute"));
    text = (struct rule_text){.name = "s", .specs = "* * * * *", .exclude = "* *", .catchup = "last"};
    ck_assert_ptr_null(rule_parse(&text, &e));
    text = (struct rule_text){.name = "s", .specs = "* * * * *", .exclude = "", .catchup = "some"};
    ck_assert_ptr_null(rule_parse(&text, &e));
    text = (struct rule_text){.name = "s", .specs = "", .exclude = "", .catchup = "last"};
    ck_assert_ptr_null(rule_parse(&text, &e));
    text = (struct rule_text){.name = "s", .specs = "* * * * *", .exclude = "", .catchup = "last", .tz = "Mars/Base"};
    ck_assert_ptr_null(rule_parse(&text, &e));
}
END_TEST

START_TEST(rules_are_the_same_when_they_say_the_same)
{
    struct rule_text text = {.name = "a", .specs = "@daily", .exclude = "", .tz = NULL, .catchup = "last"};
    struct rule *rule = parse(&text);
    text = (struct rule_text){.name = "b", .specs = "0 0 * * *", .exclude = "", .tz = "", .catchup = "last"};
    struct rule *in_other_words = parse(&text);
    ck_assert(rule_same(rule, in_other_words));
    ck_assert_uint_eq(rule_key(rule), rule_key(in_other_words));
    struct rule_text others[] = {text, text, text, text, text, text, text, text, text, text};
    others[0].specs = "1 0 * * *";
    others[1].exclude = "0 1 * * *";
    others[2].tz = "Europe/Paris";
    others[3].catchup = "all";
    others[4].catchup_window = 1;
    others[5].jitter = 1;
    others[6].start_at = 1;
    others[7].end_at = 1;
    others[9].every_weeks = 2;
    others[8].specs = "0 0 * * *\n0 0 * * *";
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct rule *other = parse(&others[i]);
        ck_assert_msg(!rule_same(rule, other), "text %zu", i);
        rule_free(other);
    }
    rule_free(in_other_words);
    rule_free(rule);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("rule");
    tcase_add_loop_test(tests, late_ticks_are_caught_up_as_the_policy_says, 0, sizeof late / sizeof *late);
    tcase_add_test(tests, all_catches_up_no_more_than_its_maximum);
    tcase_add_loop_test(tests, ticks_follow_the_calendar, 0, sizeof calendars / sizeof *calendars);
    tcase_add_loop_test(tests, ticks_outside_the_weeks_that_count_are_none, 0, sizeof weeks / sizeof *weeks);
    tcase_add_test(tests, jitter_keeps_a_tick_before_the_following_one);
    tcase_add_test(tests, rules_that_cannot_be_read_say_why);
    tcase_add_test(tests, rules_are_the_same_when_they_say_the_same);
    return test_main_case("rule", tests);
}
