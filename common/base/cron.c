/* cron: when a schedule fires next. Dates are found first, month by month in the sets of values, and only then mapped
 * to moments by the zone; nothing here steps through time until it fits, so every search ends. What an expression may
 * say is decided in cron_parse.c. */
#include "common/base/cron.h"
#include "common/base/cron_inside.h"

#include <stdlib.h>
#include <string.h>

/* The end of the calendar as a reading, and as a moment of @every. */
#define END ((int64_t)84006 * CRON_DAY)

/* No zone moves the clock further from UTC than this, in seconds; a TZif file that does is refused. */
enum { OFFSET_MAX = 26 * 3600 };

void cron_free(struct cron *c)
{
    if (!c)
        return;
    zone_close(c->zone);
    free(c);
}

void cron_freep(struct cron **c)
{
    cron_free(*c);
}

const struct zone *cron_zone(const struct cron *c)
{
    return c->zone;
}

static bool same_days(const struct cron *a, const struct cron *b)
{
    return a->days == b->days && a->days_last == b->days_last && a->workdays == b->workdays &&
           a->workdays_last == b->workdays_last && a->weekdays == b->weekdays && a->weekdays_last == b->weekdays_last &&
           a->weekdays_nth == b->weekdays_nth && a->any_day == b->any_day && a->any_weekday == b->any_weekday &&
           a->both == b->both && a->uneven == b->uneven && a->day_step == b->day_step;
}

/* Zones are shared, so that their addresses tell. */
bool cron_same(const struct cron *a, const struct cron *b)
{
    return a->zone == b->zone && a->interval == b->interval && a->phase == b->phase && a->seconds == b->seconds &&
           a->minutes == b->minutes && a->hours == b->hours && a->months == b->months &&
           memcmp(a->years, b->years, sizeof a->years) == 0 && same_days(a, b);
}

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), by words, of the members that differ most. */
uint64_t cron_key(const struct cron *c)
{
    const uint64_t words[] = {(uintptr_t)c->zone, c->interval, c->phase,    c->seconds, c->minutes,
                              c->hours,           c->days,     c->weekdays, c->months,  c->weekdays_nth};
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        hash = (hash ^ words[i] ^ (words[i] >> 29)) * 0x100000001b3;
    return hash ^ (hash >> 32);
}

static int days_in(int64_t year, int month)
{
    if (month == 2)
        return 28 + ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0);
    return 30 + ((month + (month > 7)) & 1);
}

struct month {
    int length;
    int first_weekday; /* 0 is Sunday */
};

static int weekday_of(struct month m, int day)
{
    return (m.first_weekday + day - 1) % 7;
}

/* The Monday to Friday nearest to `day`, in the same month. */
static int workday_near(struct month m, int day)
{
    switch (weekday_of(m, day)) {
    case 6:
        return day > 1 ? day - 1 : day + 2;
    case 0:
        return day < m.length ? day + 1 : day - 2;
    default:
        return day;
    }
}

/* Numbered days, then those counted from the end, then those moved to a workday. */
static uint32_t days_by_number(const struct cron *c, struct month m)
{
    uint32_t found = c->days;
    for (uint32_t left = c->days_last; left; left &= left - 1)
        if (m.length - __builtin_ctz(left) >= 1)
            found |= 1u << (m.length - __builtin_ctz(left));
    for (uint32_t left = c->workdays; left; left &= left - 1)
        if (__builtin_ctz(left) <= m.length)
            found |= 1u << workday_near(m, __builtin_ctz(left));
    for (uint32_t left = c->workdays_last; left; left &= left - 1)
        if (m.length - __builtin_ctz(left) >= 1)
            found |= 1u << workday_near(m, m.length - __builtin_ctz(left));
    return found;
}

static uint32_t days_by_weekday(const struct cron *c, struct month m)
{
    /* The week's set as the month sees it: bit 0 is its first day; then five weeks of that from day 1 on. */
    uint32_t twice = c->weekdays | (uint32_t)c->weekdays << 7;
    uint32_t week = twice >> m.first_weekday & 127;
    uint32_t found = (uint32_t)((uint64_t)week * 0x10204081u << 1);
    for (uint64_t left = c->weekdays_nth; left; left &= left - 1) {
        int bit = __builtin_ctzll(left), day = bit / 7 * 7 + 1 + (bit % 7 - m.first_weekday + 7) % 7;
        found |= day <= m.length ? 1u << day : 0;
    }
    for (uint32_t left = c->weekdays_last; left; left &= left - 1)
        found |= 1u << (m.length - (weekday_of(m, m.length) - __builtin_ctz(left) + 7) % 7);
    return found;
}

uint32_t cron_days_of_month(const struct cron *c, int64_t year, int month)
{
    struct month m = {.length = days_in(year, month), .first_weekday = (int)((days_from_date(year, month, 1) + 4) % 7)};
    uint32_t all = (uint32_t)((2ull << m.length) - 2);
    if (c->any_day && c->any_weekday)
        return all;
    if (c->any_weekday)
        return days_by_number(c, m) & all;
    if (c->any_day)
        return days_by_weekday(c, m) & all;
    uint32_t numbers = days_by_number(c, m), weekdays = days_by_weekday(c, m);
    return (c->both ? numbers & weekdays : numbers | weekdays) & all;
}

static bool year_selected(const struct cron *c, int64_t year)
{
    int64_t bit = year - CRON_YEAR_MIN;
    return c->years[bit / 64] >> (bit % 64) & 1;
}

/* The first selected date at or after `from`, both in days since 1970-01-01. */
static bool next_date(const struct cron *c, int64_t from, int64_t *date)
{
    int64_t year;
    int month, day;
    date_from_days(from, &year, &month, &day);
    for (; year <= CRON_YEAR_MAX; year++, month = 1, day = 1) {
        if (!year_selected(c, year))
            continue;
        for (; month <= 12; month++, day = 1) {
            uint32_t days = c->months >> month & 1 ? cron_days_of_month(c, year, month) >> day << day : 0;
            if (days) {
                *date = days_from_date(year, month, __builtin_ctz(days));
                return true;
            }
        }
    }
    return false;
}

/* The smallest value of `set` that is at least `from`, or -1. */
static int next_value(uint64_t set, int from)
{
    set = from < 64 ? set >> from << from : 0;
    return set ? __builtin_ctzll(set) : -1;
}

/* The first selected time of day at or after `from`, in seconds since midnight, or -1. */
static int next_time(const struct cron *c, int from)
{
    int hour = from / 3600, minute = from / 60 % 60, second = from % 60;
    int found_hour = next_value(c->hours, hour);
    if (found_hour == hour) {
        int found_minute = next_value(c->minutes, minute);
        if (found_minute == minute) {
            int found_second = next_value(c->seconds, second);
            if (found_second >= 0)
                return hour * 3600 + minute * 60 + found_second;
            found_minute = next_value(c->minutes, minute + 1);
        }
        if (found_minute >= 0)
            return hour * 3600 + found_minute * 60 + __builtin_ctzll(c->seconds);
        found_hour = next_value(c->hours, hour + 1);
    }
    if (found_hour < 0)
        return -1;
    return found_hour * 3600 + __builtin_ctzll(c->minutes) * 60 + __builtin_ctzll(c->seconds);
}

bool cron_next_reading(const struct cron *c, int64_t from, int64_t *reading)
{
    if (from >= END)
        return false;
    from = from < 0 ? 0 : from;
    int64_t today = from / CRON_DAY, date;
    int time = next_time(c, (int)(from % CRON_DAY));
    if (!next_date(c, time >= 0 ? today : today + 1, &date))
        return false;
    *reading = date * CRON_DAY + (date == today ? time : next_time(c, 0));
    return true;
}

/* Did the clock jump over the whole date of `reading`, for which `at` is zone_first()? */
static bool date_skipped(const struct zone *z, int64_t reading, int64_t at)
{
    int64_t midnight = reading - reading % CRON_DAY;
    int64_t shown = at + zone_span(z, at).offset;
    return shown >= midnight + CRON_DAY && zone_first(z, midnight) == at;
}

/* Wall times, each once: those not yet reached are exactly those that map to moments after `from`. */
static bool next_wall_time(const struct cron *c, int64_t from, int64_t *at)
{
    int64_t reading = zone_reached(c->zone, from);
    while (cron_next_reading(c, reading + 1, &reading)) {
        *at = zone_first(c->zone, reading);
        if (!date_skipped(c->zone, reading, *at))
            return true;
        reading += CRON_DAY - 1 - reading % CRON_DAY;
    }
    return false;
}

/* Real time: in each stretch with one offset, the next reading that matches, if the stretch lasts that long. */
static bool next_real_time(const struct cron *c, int64_t from, int64_t *at)
{
    for (int64_t moment = from + 1;;) {
        struct zone_span span = zone_span(c->zone, moment);
        int64_t reading = moment + span.offset;
        int64_t found;
        if (cron_next_reading(c, reading, &found) && found - span.offset < span.end) {
            *at = found - span.offset;
            return true;
        }
        if (span.end == INT64_MAX)
            return false;
        /* Later stretches may show readings before this one; none of them fits earlier than the next line says. */
        if (!cron_next_reading(c, reading - 2 * OFFSET_MAX, &found))
            return false;
        moment = found - OFFSET_MAX > span.end ? found - OFFSET_MAX : span.end;
    }
}

static bool next_interval(const struct cron *c, int64_t from, int64_t *at)
{
    int64_t since = from - c->phase;
    *at = since < 0 ? c->phase : c->phase + (since / c->interval + 1) * c->interval;
    return *at < END;
}

static int64_t floor_to_seconds(usec_t at)
{
    return at / 1000000 - (at % 1000000 < 0);
}

bool cron_next(const struct cron *c, usec_t from, usec_t *next_at)
{
    int64_t second = floor_to_seconds(from), at;
    bool found;
    if (second >= END + OFFSET_MAX)
        return false;
    second = second < -OFFSET_MAX ? -OFFSET_MAX : second;
    if (c->interval)
        found = next_interval(c, second, &at);
    else if (cron_is_every_hour(c))
        found = next_real_time(c, second, &at);
    else
        found = next_wall_time(c, second, &at);
    if (found)
        *next_at = SECONDS(at);
    return found;
}

bool cron_last(const struct cron *c, usec_t after, usec_t until, usec_t *last_at)
{
    usec_t found;
    if (!cron_next(c, after, last_at) || *last_at > until)
        return false;
    /* The moments from which the next fire is still in time end one second before the last fire. */
    int64_t low = *last_at / 1000000 - 1, high = floor_to_seconds(until);
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (cron_next(c, SECONDS(middle), &found) && found <= until)
            low = middle;
        else
            high = middle;
    }
    return cron_next(c, SECONDS(low), last_at);
}
