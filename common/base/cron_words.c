/* cron_words: a schedule told in English, from its sets, so that "0-59/5" and "*" + "/5" read the same. */
#include "common/base/cron_inside.h"

#include <stdio.h>
#include <string.h>

enum { TIMES_SHOWN_MAX = 4, PHRASES_MAX = 128, PHRASE_MAX = 64 };

static const char *const weekday_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                            "Thursday", "Friday", "Saturday"};
static const char *const month_names[] = {"",     "January", "February",  "March",   "April",    "May",     "June",
                                          "July", "August",  "September", "October", "November", "December"};

struct phrases {
    size_t count;
    char items[PHRASES_MAX][PHRASE_MAX];
};

static void phrase(struct phrases *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void phrase(struct phrases *list, const char *format, ...)
{
    va_list args;
    if (list->count == PHRASES_MAX)
        return;
    va_start(args, format);
    vsnprintf(list->items[list->count++], PHRASE_MAX, format, args);
    va_end(args);
}

/* "a, b and c" */
static void join(struct text *out, const struct phrases *list, const char *last_joint)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *joint = i == 0 ? "" : i + 1 == list->count ? last_joint : ", ";
        text_printf(out, "%s%s", joint, list->items[i]);
    }
}

static const char *number_name(int value, char room[static PHRASE_MAX])
{
    snprintf(room, PHRASE_MAX, "%d", value);
    return room;
}

static const char *weekday_name(int value, char room[static PHRASE_MAX])
{
    (void)room;
    return weekday_names[value];
}

static const char *month_name(int value, char room[static PHRASE_MAX])
{
    (void)room;
    return month_names[value];
}

typedef const char *namer(int value, char room[static PHRASE_MAX]);

/* `length` values of a ring from `first` on, which begins at `min` again after `max`. */
struct ring {
    int min, max;
    namer *name;
};

static const struct ring sixty = {0, 59, number_name}, hours = {0, 23, number_name}, days = {1, 31, number_name},
                         months = {1, 12, month_name}, week = {0, 6, weekday_name},
                         years = {CRON_YEAR_MIN, CRON_YEAR_MAX, number_name};

static void phrase_run(struct phrases *list, const struct ring *r, int first, int length)
{
    char a[PHRASE_MAX], b[PHRASE_MAX];
    int last = r->min + (first - r->min + length - 1) % (r->max - r->min + 1);
    if (length > 2) {
        phrase(list, "%s to %s", r->name(first, a), r->name(last, b));
        return;
    }
    phrase(list, "%s", r->name(first, a));
    if (length == 2)
        phrase(list, "%s", r->name(last, b));
}

static bool has(uint64_t set, int value)
{
    return value < 64 && set >> value & 1;
}

/* The values of a run from `first` on, at most to the end of the ring. */
static int run_length(uint64_t set, const struct ring *r, int first)
{
    int length = 0;
    while (first + length <= r->max && has(set, first + length))
        length++;
    return length;
}

/* "1, 3 to 5 and 9", "22 to 4": runs of three and more are drawn together, across the end of the ring too. */
static void phrase_set(struct phrases *list, uint64_t set, const struct ring *r)
{
    int head = run_length(set, r, r->min), tail = r->max;
    bool wraps = head > 0 && r->min + head <= r->max && has(set, r->max) && r != &days;
    while (wraps && has(set, tail - 1))
        tail--;
    for (int value = wraps ? r->min + head : r->min; value <= r->max; value++) {
        int length = run_length(set, r, value);
        if (length > 0)
            phrase_run(list, r, value, wraps && value == tail ? length + head : length);
        value += length;
    }
}

static void add_set(struct text *out, uint64_t set, const struct ring *r)
{
    struct phrases list = {0};
    phrase_set(&list, set, r);
    join(out, &list, " and ");
}

/* The step when four values or more, with equal gaps, run from the first one to the end of the ring; else 0. */
static int step_of(uint64_t set, const struct ring *r)
{
    int first = __builtin_ctzll(set);
    if (__builtin_popcountll(set) < 4)
        return 0;
    int step = __builtin_ctzll(set & (set - 1)) - first;
    uint64_t wanted = 0;
    for (int value = first; value <= r->max; value += step)
        wanted |= 1ull << value;
    return step > 1 && set == wanted ? step : 0;
}

static const char *ordinal(int n)
{
    static const char *const endings[] = {"th", "st", "nd", "rd"};
    return n % 100 / 10 == 1 || n % 10 > 3 ? endings[0] : endings[n % 10];
}

struct clock_unit {
    const char *name;
    uint64_t set;
    const struct ring *ring;
};

/* The gap between values when they run evenly through the whole of the unit from 0 on, else 0; 1 for all of them. */
static int even_step(const struct clock_unit *u)
{
    int count = u->ring->max + 1;
    if (!(u->set & 1) || __builtin_popcountll(u->set) < 2)
        return 0;
    int step = __builtin_ctzll(u->set & ~1ull);
    uint64_t wanted = 0;
    for (int value = 0; value < count; value += step)
        wanted |= 1ull << value;
    return u->set == wanted && count % step == 0 ? step : 0;
}

/* "every 5 minutes", "every 7 minutes from minute 0", "at minute 5 and 35": the smallest unit that is told. */
static void lead_unit(struct text *out, const struct clock_unit *u)
{
    int even = even_step(u), step = step_of(u->set, u->ring);
    if (even == 1)
        text_printf(out, "every %s", u->name);
    else if (even > 1)
        text_printf(out, "every %d %ss", even, u->name);
    else if (step > 0)
        text_printf(out, "every %d %ss from %s %d", step, u->name, u->name, __builtin_ctzll(u->set));
    else {
        text_printf(out, "at %s ", u->name);
        add_set(out, u->set, u->ring);
    }
}

/* " of every hour", " of hour 9 to 17": a unit above `below`. */
static void outer_unit(struct text *out, const struct clock_unit *u, const struct clock_unit *below)
{
    int even = even_step(u), step = step_of(u->set, u->ring);
    if (even == 1 && even_step(below) == 0)
        text_printf(out, " of every %s", u->name);
    else if (even > 1)
        text_printf(out, " of every %d%s %s", even, ordinal(even), u->name);
    else if (even == 0 && step > 0)
        text_printf(out, " of every %d%s %s from %d", step, ordinal(step), u->name, __builtin_ctzll(u->set));
    else if (even == 0) {
        text_printf(out, " of %s ", u->name);
        add_set(out, u->set, u->ring);
    }
}

static bool has_few_times(const struct cron *c)
{
    return __builtin_popcountll(c->seconds) * __builtin_popcountll(c->minutes) * __builtin_popcount(c->hours) <=
           TIMES_SHOWN_MAX;
}

/* "at 02:30 and 14:30" */
static void add_times(const struct cron *c, struct text *out)
{
    struct phrases list = {0};
    for (int time = 0; time < CRON_DAY; time++) {
        int hour = time / 3600, minute = time / 60 % 60, second = time % 60;
        if (!has(c->hours, hour) || !has(c->minutes, minute)) {
            time += 59;
            continue;
        }
        if (has(c->seconds, second) && c->seconds == 1)
            phrase(&list, "%02d:%02d", hour, minute);
        else if (has(c->seconds, second))
            phrase(&list, "%02d:%02d:%02d", hour, minute, second);
    }
    text_puts(out, "at ");
    join(out, &list, " and ");
}

static void add_clock(const struct cron *c, struct text *out)
{
    const struct clock_unit second = {"second", c->seconds, &sixty}, minute = {"minute", c->minutes, &sixty},
                            hour = {"hour", c->hours, &hours};
    if (has_few_times(c)) {
        add_times(c, out);
        return;
    }
    if (c->seconds == 1) {
        lead_unit(out, &minute);
    } else {
        lead_unit(out, &second);
        outer_unit(out, &minute, &second);
    }
    outer_unit(out, &hour, &minute);
}

/* "day 1, 5 to 7", "every 2nd day from day 1" */
static void phrase_numbered_days(struct phrases *list, uint64_t set)
{
    struct phrases numbers = {0};
    int step = set ? step_of(set, &days) : 0;
    if (step > 0) {
        phrase(list, "every %d%s day from day %d", step, ordinal(step), __builtin_ctzll(set));
        return;
    }
    phrase_set(&numbers, set, &days);
    for (size_t i = 0; i < numbers.count; i++)
        phrase(list, "%s%.*s", i == 0 ? "day " : "", PHRASE_MAX - 5, numbers.items[i]);
}

static void phrase_days(struct phrases *list, const struct cron *c)
{
    phrase_numbered_days(list, c->days);
    for (int n = 0; n < 32; n++) {
        if (has(c->workdays, n))
            phrase(list, "the workday nearest to day %d", n);
        if (has(c->days_last, n) && n == 0)
            phrase(list, "the last day");
        else if (has(c->days_last, n))
            phrase(list, "%d day%s before the last", n, n == 1 ? "" : "s");
        if (has(c->workdays_last, n) && n == 0)
            phrase(list, "the last workday");
        else if (has(c->workdays_last, n))
            phrase(list, "the workday nearest to %d day%s before the last", n, n == 1 ? "" : "s");
    }
}

static void phrase_weekdays(struct phrases *list, const struct cron *c)
{
    phrase_set(list, c->weekdays, &week);
    for (int bit = 0; bit < 35; bit++)
        if (has(c->weekdays_nth, bit))
            phrase(list, "the %d%s %s", bit / 7 + 1, ordinal(bit / 7 + 1), weekday_names[bit % 7]);
    for (int day = 0; day < 7; day++)
        if (has(c->weekdays_last, day))
            phrase(list, "the last %s", weekday_names[day]);
}

static void add_days(const struct cron *c, struct text *out)
{
    struct phrases numbers = {0}, weekdays = {0};
    if (!c->any_day)
        phrase_days(&numbers, c);
    if (!c->any_weekday)
        phrase_weekdays(&weekdays, c);
    if (c->any_day && c->any_weekday) {
        text_puts(out, cron_is_every_hour(c) ? "" : ", every day");
        return;
    }
    text_puts(out, ", on ");
    join(out, &numbers, " and ");
    text_puts(out, c->any_day ? "" : " of the month");
    if (!c->any_day && !c->any_weekday)
        text_puts(out, c->both ? ", if that is " : " or on ");
    join(out, &weekdays, !c->any_day && c->both ? " or " : " and ");
    text_puts(out, c->weekdays_nth || c->weekdays_last ? " of the month" : "");
}

static bool year_selected(const struct cron *c, int index)
{
    return index < CRON_YEARS && (c->years[index / 64] >> (index % 64) & 1);
}

static void add_years(const struct cron *c, struct text *out)
{
    struct phrases list = {0};
    for (int index = 0; index < CRON_YEARS; index++) {
        int first = index;
        if (!year_selected(c, index))
            continue;
        while (year_selected(c, index + 1))
            index++;
        if (index - first + 1 == CRON_YEARS)
            return;
        phrase_run(&list, &years, CRON_YEAR_MIN + first, index - first + 1);
    }
    text_puts(out, ", in ");
    join(out, &list, " and ");
}

static void add_interval(const struct cron *c, struct text *out)
{
    char interval[CLOCK_TEXT_MAX], from[CLOCK_TEXT_MAX];
    text_printf(out, "every %s of elapsed time, counted from %s", duration_format(SECONDS(c->interval), interval),
                clock_format(SECONDS(c->phase), from));
}

void cron_words(const struct cron *c, struct text *out)
{
    enum { MONTHS_ALL = 0x1ffe };
    if (c->interval) {
        add_interval(c, out);
        return;
    }
    add_clock(c, out);
    add_days(c, out);
    if (c->months != MONTHS_ALL) {
        text_puts(out, ", in ");
        add_set(out, c->months, &months);
    }
    add_years(c, out);
    text_printf(out, ", %s%s", zone_name(c->zone), strcmp(zone_name(c->zone), "UTC") == 0 ? "" : " time");
}
