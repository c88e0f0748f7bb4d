/* The schedule search against a second algorithm that shares nothing with it: expressions are made together with what
 * they mean, as predicates on a date and sets of values; a window of time is walked in steps of 30 seconds with libc's
 * localtime; and the fires are read off. Windows lie around transitions of every kind. Nothing depends on the release
 * of tzdata: both sides read the same files.
 *
 * DRUMBEAT_CRON_CASES and DRUMBEAT_CRON_SEED in the environment make it longer or other. */
#include "common/base/cron.h"
#include "common/base/text.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    STEP = 30, /* seconds; offsets since 1970 are multiples of it */
    DAY = 86400,
    WINDOW_DAYS = 4,
    MARGIN_DAYS = 3,
    READINGS = (WINDOW_DAYS + 2 * MARGIN_DAYS) * (DAY / STEP),
    FIRES_MAX = READINGS,
    ITEMS_MAX = 3,
    CASES = 240,
};

static const char *const zones[] = {
    "UTC",
    "Europe/Paris",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Lisbon",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Asuncion",
    "America/Santiago",
    "America/Scoresbysund",
    "America/Nuuk",
    "America/St_Johns",
    "America/Caracas",
    "Atlantic/Azores",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Africa/Monrovia",
    "Africa/Juba",
    "Asia/Beirut",
    "Asia/Amman",
    "Asia/Gaza",
    "Asia/Tehran",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Singapore",
    "Asia/Dhaka",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Antarctica/Troll",
    "Antarctica/Vostok",
    "Antarctica/Casey",
    "Pacific/Apia",
    "Pacific/Fakaofo",
    "Pacific/Kwajalein",
    "Pacific/Kiritimati",
    "Pacific/Kanton",
    "Pacific/Chatham",
    "Pacific/Norfolk",
};

static uint64_t random_state;

/* 0 to n - 1. */
static int random_below(int n)
{
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t x = random_state;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (int)((x ^ x >> 31) % (uint64_t)n);
}

static int random_between(int a, int b)
{
    return a + random_below(b - a + 1);
}

/* What an item of day-of-month or day-of-week means. */
struct day_item {
    enum { VALUES, LAST, WORKDAY, LAST_WORKDAY, NTH_WEEKDAY, LAST_WEEKDAY } kind;
    bool values[32];
    int n, nth;
};

struct day_field {
    bool any;
    int count;
    struct day_item items[ITEMS_MAX];
};

struct meaning {
    bool second[60], minute[60], hour[24], month[13];
    struct day_field day, weekday;
    bool both;
};

/* Any item that is a set of numbers in [min, max], as text, with its values. `ring` is where a range wraps. */
static bool random_values(struct text *out, bool *values, int min, int max)
{
    int count = max - min + 1, first = random_between(min, max), last = random_between(min, max);
    int step = random_between(1, count);
    int length = last >= first ? last - first + 1 : last - first + 1 + count;
    switch (random_below(6)) {
    case 0:
        text_puts(out, "*");
        for (int v = min; v <= max; v++)
            values[v] = true;
        return true;
    case 1:
        text_printf(out, "*/%d", step);
        for (int v = min; v <= max; v += step)
            values[v] = true;
        return step == 1;
    case 2:
        text_printf(out, "%d/%d", first, step);
        for (int v = first; v <= max; v += step)
            values[v] = true;
        return false;
    case 3:
        text_printf(out, "%d-%d", first, last);
        for (int i = 0; i < length; i++)
            values[min + (first - min + i) % count] = true;
        return false;
    case 4:
        text_printf(out, "%d-%d/%d", first, last, step);
        for (int i = 0; i < length; i++)
            if (i % step == 0)
                values[min + (first - min + i) % count] = true;
        return false;
    default:
        text_printf(out, "%d", first);
        values[first] = true;
        return false;
    }
}

static void random_list(struct text *out, bool *values, int min, int max)
{
    int count = random_between(1, ITEMS_MAX);
    for (int i = 0; i < count; i++) {
        text_puts(out, i ? "," : "");
        random_values(out, values, min, max);
    }
}

static bool random_day_item(struct text *out, struct day_item *item)
{
    item->n = random_below(3) ? random_between(1, 31) : random_below(2) ? 1 : 31;
    switch (random_below(6)) {
    case 0:
        item->kind = LAST;
        item->n = random_below(2) ? 0 : random_between(1, 30);
        text_printf(out, item->n ? "L-%d" : "L", item->n);
        return false;
    case 1:
        item->kind = WORKDAY;
        text_printf(out, "%dW", item->n);
        return false;
    case 2:
        item->kind = LAST_WORKDAY;
        item->n = random_below(2) ? 0 : random_between(1, 30);
        text_printf(out, item->n ? "L-%dW" : "LW", item->n);
        return false;
    default:
        item->kind = VALUES;
        return random_values(out, item->values, 1, 31);
    }
}

static bool random_weekday_item(struct text *out, struct day_item *item)
{
    static const char *const names[] = {"Sun", "MONDAY", "tue", "WED", "thursday", "FRI", "Sat"};
    item->n = random_below(7);
    item->nth = random_between(1, 5);
    switch (random_below(6)) {
    case 0:
        item->kind = NTH_WEEKDAY;
        text_printf(out, "%s#%d", names[item->n], item->nth);
        return false;
    case 1:
        item->kind = LAST_WEEKDAY;
        text_printf(out, random_below(2) ? "%sL" : "%s#L", names[item->n]);
        return false;
    default:
        item->kind = VALUES;
        return random_values(out, item->values, 0, 6);
    }
}

static void random_days(struct text *out, struct day_field *f, bool (*item)(struct text *, struct day_item *))
{
    if (random_below(3) == 0) {
        text_puts(out, random_below(2) ? "*" : "?");
        f->any = true;
        return;
    }
    f->count = random_between(1, ITEMS_MAX);
    for (int i = 0; i < f->count; i++) {
        text_puts(out, i ? "," : "");
        if (item(out, &f->items[i]))
            f->any = true;
    }
}

/* Seconds are 0, 30 or both: the walk sees nothing else. */
static void random_seconds(struct text *out, struct meaning *m)
{
    static const char *const texts[] = {"", "0 ", "30 ", "*/30 ", "0-30/30 "};
    int kind = random_below(5);
    text_puts(out, texts[kind]);
    m->second[0] = kind != 2;
    m->second[30] = kind >= 2;
}

static void random_expression(struct text *out, struct meaning *m)
{
    memset(m, 0, sizeof *m);
    text_reset(out);
    random_seconds(out, m);
    random_list(out, m->minute, 0, 59);
    text_putc(out, ' ');
    if (random_below(3) == 0) {
        text_puts(out, "0-23");
        memset(m->hour, true, sizeof m->hour);
    } else {
        random_list(out, m->hour, 0, 23);
    }
    text_putc(out, ' ');
    random_days(out, &m->day, random_day_item);
    text_putc(out, ' ');
    if (random_below(2)) {
        text_puts(out, "*");
        memset(m->month, true, sizeof m->month);
    } else {
        random_list(out, m->month, 1, 12);
    }
    text_puts(out, " ");
    m->both = random_below(4) == 0;
    text_puts(out, m->both ? "+" : "");
    random_days(out, &m->weekday, random_weekday_item);
}

struct date {
    int year, month, day, weekday, length;
};

static struct date date_of(int64_t days)
{
    time_t at = (time_t)(days * DAY);
    struct tm tm;
    gmtime_r(&at, &tm);
    struct date d = {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_wday, 0};
    struct tm next_month = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 0};
    timegm(&next_month);
    d.length = next_month.tm_mday;
    return d;
}

/* Is `d` the Monday to Friday of its month that is nearest to day `target`? */
static bool is_workday_near(const struct date *d, int target)
{
    static const int tries[] = {0, -1, 1, -2, 2};
    if (target < 1 || target > d->length)
        return false;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        int day = target + tries[i];
        int weekday = ((d->weekday + day - d->day) % 7 + 7) % 7;
        if (day >= 1 && day <= d->length && weekday != 0 && weekday != 6)
            return day == d->day;
    }
    return false;
}

static bool item_selects(const struct day_item *item, const struct date *d, int value)
{
    switch (item->kind) {
    case VALUES:
        return item->values[value];
    case LAST:
        return d->day == d->length - item->n;
    case WORKDAY:
        return is_workday_near(d, item->n);
    case LAST_WORKDAY:
        return is_workday_near(d, d->length - item->n);
    case NTH_WEEKDAY:
        return d->weekday == item->n && (d->day + 6) / 7 == item->nth;
    case LAST_WEEKDAY:
        return d->weekday == item->n && d->day + 7 > d->length;
    }
    return false;
}

static bool field_selects(const struct day_field *f, const struct date *d, int value)
{
    for (int i = 0; i < f->count; i++)
        if (item_selects(&f->items[i], d, value))
            return true;
    return false;
}

static bool date_selected(const struct meaning *m, int64_t days)
{
    struct date d = date_of(days);
    bool day = m->day.any || field_selects(&m->day, &d, d.day);
    bool weekday = m->weekday.any || field_selects(&m->weekday, &d, d.weekday);
    bool restricted = !m->day.any && !m->weekday.any;
    if (!m->month[d.month] || d.year < 1970 || d.year > 2199)
        return false;
    return restricted && !m->both ? day || weekday : day && weekday;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool reading_selected(const struct meaning *m, int64_t reading)
{
    static int64_t known_date = INT64_MIN;
    static const struct meaning *known_meaning;
    static bool known;
    int64_t date = floor_div(reading, DAY);
    int time = (int)(reading - date * DAY);
    if (!m->hour[time / 3600] || !m->minute[time / 60 % 60] || !m->second[time % 60])
        return false;
    if (date != known_date || m != known_meaning) {
        known = date_selected(m, date);
        known_date = date;
        known_meaning = m;
    }
    return known;
}

static bool is_every_hour(const struct meaning *m)
{
    for (int hour = 0; hour < 24; hour++)
        if (!m->hour[hour])
            return false;
    return true;
}

/* What libc's wall clock shows from `start` on, every STEP seconds. */
struct window {
    int64_t start;
    int64_t readings[READINGS];
};

static void walk(struct window *w, int64_t start)
{
    w->start = start;
    for (int i = 0; i < READINGS; i++) {
        time_t at = (time_t)(start + (int64_t)i * STEP);
        struct tm tm;
        localtime_r(&at, &tm);
        w->readings[i] = at + tm.tm_gmtoff;
    }
}

struct fires {
    int count;
    bool at[READINGS]; /* by index into the window */
};

static bool date_shown(const struct window *w, int64_t date)
{
    for (int i = 0; i < READINGS; i++)
        if (floor_div(w->readings[i], DAY) == date)
            return true;
    return false;
}

/* Where a wall time fires: the first time it is shown, else at the end of the jump over it; -1 outside the window. No
 * clock is ever moved by more than a day, so it is near where it would be without transitions. */
static int place_of(const struct window *w, int64_t reading)
{
    enum { MOVED_MAX = (DAY + 3600) / STEP };
    int straight = (int)((reading - w->readings[0]) / STEP);
    int first = straight > MOVED_MAX ? straight - MOVED_MAX : 0;
    int end = straight + MOVED_MAX < READINGS ? straight + MOVED_MAX : READINGS;
    for (int i = first; i < end; i++)
        if (w->readings[i] == reading)
            return i;
    for (int i = first + 1; i < end; i++)
        if (w->readings[i - 1] < reading && reading < w->readings[i])
            return date_shown(w, floor_div(reading, DAY)) ? i : -1;
    return -1;
}

static void expect_fires(const struct window *w, const struct meaning *m, struct fires *f)
{
    memset(f, 0, sizeof *f);
    if (is_every_hour(m)) {
        for (int i = 0; i < READINGS; i++)
            f->at[i] = reading_selected(m, w->readings[i]);
        return;
    }
    int64_t first = w->readings[0] + DAY, last = w->readings[READINGS - 1];
    for (int64_t reading = first; reading <= last; reading += STEP)
        if (reading_selected(m, reading)) {
            int place = place_of(w, reading);
            if (place >= 0)
                f->at[place] = true;
        }
}

static void fail_at(const struct meaning *m, const char *expr, const char *zone, usec_t from, usec_t expected,
                    usec_t found)
{
    char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], c[CLOCK_TEXT_MAX];
    ck_abort_msg("%s in %s (%s) after %s: the walk says %s, the search %s", expr, zone,
                 is_every_hour(m) ? "real time" : "wall times", clock_format(from, a), clock_format(expected, b),
                 clock_format(found, c));
}

/* Follow the search from one moment through `count` steps of the window and compare fire by fire. */
static void follow(const struct cron *c, const struct meaning *m, const char *expr, const char *zone,
                   const struct window *w, const struct fires *expected, int first, int count)
{
    usec_t from = SECONDS(w->start + (int64_t)first * STEP) + random_below(2) * random_below(1000000), found = from;
    for (int i = first + 1; i < first + count; i++) {
        usec_t at = SECONDS(w->start + (int64_t)i * STEP);
        if (found == from && !cron_next(c, from, &found))
            found = INT64_MAX;
        if (expected->at[i] ? found != at : found <= at)
            fail_at(m, expr, zone, from, at, found == INT64_MAX ? 0 : found);
        if (expected->at[i])
            from = at;
    }
}

/* The whole window once, then short walks that begin around the transition in its middle: in the jump, in either pass
 * of a repeated hour. */
static void compare(const struct cron *c, const struct meaning *m, const char *expr, const char *zone,
                    const struct window *w)
{
    enum { MIDDLE = READINGS / 2, HOURS_AROUND = 4, WALKS = 40, WALK_STEPS = 600 };
    static struct fires expected;
    expect_fires(w, m, &expected);
    follow(c, m, expr, zone, w, &expected, MARGIN_DAYS * DAY / STEP, WINDOW_DAYS * DAY / STEP);
    for (int i = 0; i < WALKS; i++) {
        int first = MIDDLE + random_between(-HOURS_AROUND * 3600 / STEP, HOURS_AROUND * 3600 / STEP);
        follow(c, m, expr, zone, w, &expected, first, WALK_STEPS);
    }
}

/* A moment near a transition of the zone, or anywhere. */
static int64_t random_moment(const char *name)
{
    struct err e;
    struct zone *z = zone_open(name, &e);
    int64_t at = (int64_t)random_below(84000) * DAY + random_below(DAY / STEP) * STEP;
    ck_assert_msg(z, "%s", e.text);
    struct zone_span span = zone_span(z, at);
    zone_close(z);
    if (random_below(8) == 0 || span.end == INT64_MAX)
        return span.start > 0 ? span.start : at;
    return span.end;
}

static long environment_number(const char *name, long fallback)
{
    const char *text = getenv(name);
    return text && *text ? strtol(text, NULL, 10) : fallback;
}

START_TEST(the_search_agrees_with_a_walk_through_time)
{
    static struct window w;
    long cases = environment_number("DRUMBEAT_CRON_CASES", CASES);
    random_state = (uint64_t)environment_number("DRUMBEAT_CRON_SEED", 1) * 1000003 + (uint64_t)_i;
    CLEANUP(text_free) struct text expr = {0};
    setenv("TZ", zones[_i], 1);
    tzset();
    for (long i = 0; i < cases / (long)(sizeof zones / sizeof *zones); i++) {
        struct meaning m;
        struct err e;
        int64_t middle = random_moment(zones[_i]);
        walk(&w, floor_div(middle, STEP) * STEP - (MARGIN_DAYS + WINDOW_DAYS / 2) * DAY);
        for (int j = 0; j < 4; j++) {
            random_expression(&expr, &m);
            CLEANUP(cron_freep) struct cron *c = cron_parse(text_str(&expr), zones[_i], NULL, &e);
            ck_assert_msg(c, "%s: %s", text_str(&expr), e.text);
            compare(c, &m, text_str(&expr), zones[_i], &w);
        }
    }
}
END_TEST

/* next is strictly after from, does not fall when from rises, and is found again from one second before. */
START_TEST(the_search_is_monotone_and_stable)
{
    random_state = (uint64_t)environment_number("DRUMBEAT_CRON_SEED", 1) * 1000033 + (uint64_t)_i;
    CLEANUP(text_free) struct text expr = {0};
    for (int i = 0; i < 200; i++) {
        struct meaning m;
        struct err e;
        random_expression(&expr, &m);
        CLEANUP(cron_freep) struct cron *c = cron_parse(text_str(&expr), zones[_i], NULL, &e);
        ck_assert_msg(c, "%s: %s", text_str(&expr), e.text);
        usec_t a = SECONDS(random_moment(zones[_i]) - random_below(2 * DAY)), b = a + SECONDS(random_below(2 * DAY));
        usec_t next_a, next_b, again, last;
        if (!cron_next(c, a, &next_a)) {
            ck_assert_msg(!cron_next(c, b, &next_b), "%s in %s ends and goes on", text_str(&expr), zones[_i]);
            continue;
        }
        ck_assert_int_gt(next_a, a);
        ck_assert(cron_next(c, next_a - SECONDS(1), &again));
        ck_assert_int_eq(again, next_a);
        ck_assert(cron_next(c, next_a - 1, &again));
        ck_assert_int_eq(again, next_a);
        ck_assert(!cron_last(c, a, next_a - 1, &last));
        ck_assert(cron_last(c, a, next_a, &last));
        ck_assert_int_eq(last, next_a);
        if (cron_next(c, b, &next_b))
            ck_assert_msg(next_a <= next_b, "%s in %s falls", text_str(&expr), zones[_i]);
    }
}
END_TEST

int main(void)
{
    int count = (int)(sizeof zones / sizeof *zones);
    TCase *cases = tcase_create("brute");
    tcase_set_timeout(cases, 3600);
    tcase_add_loop_test(cases, the_search_agrees_with_a_walk_through_time, 0, count);
    tcase_add_loop_test(cases, the_search_is_monotone_and_stable, 0, count);
    return test_main_case("cron_brute", cases);
}
