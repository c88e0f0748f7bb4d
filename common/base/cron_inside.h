#pragma once
/* What the parts of cron share: a schedule as sets of values. Bit n of a set is the value n. */
#include "common/base/cron.h"

enum { CRON_YEARS = CRON_YEAR_MAX - CRON_YEAR_MIN + 1, CRON_YEAR_WORDS = (CRON_YEARS + 63) / 64 };

struct cron {
    struct zone *zone;
    uint32_t interval, phase; /* @every, in seconds; interval 0 is a set of wall times */
    uint64_t seconds, minutes;
    uint64_t years[CRON_YEAR_WORDS]; /* bit n is CRON_YEAR_MIN + n */
    uint32_t hours;

    uint32_t days;          /* of the month, 1-31 */
    uint32_t days_last;     /* L-n: n days before the last, 0-30 */
    uint32_t workdays;      /* nW: the Monday to Friday nearest to day n */
    uint32_t workdays_last; /* L-nW */
    uint64_t weekdays_nth;  /* n#k: bit 7 * (k - 1) + n */
    uint16_t months;
    uint8_t weekdays; /* 0 is Sunday */
    uint8_t weekdays_last;

    bool any_day, any_weekday; /* unrestricted: "?", or "*" among the items */
    bool both;                 /* "+": day and weekday must match, otherwise one is enough */

    /* What the text said and the sets no longer show: for warnings. */
    bool uneven;   /* a step that does not divide its field */
    bool day_step; /* a step over the days of the month */
};

enum { CRON_DAY = 86400, CRON_HOURS_ALL = (1 << 24) - 1 };
#define CRON_MINUTES_ALL ((1ull << 60) - 1)

/* Does the schedule follow real time rather than the wall clock's times? */
static inline bool cron_is_every_hour(const struct cron *c)
{
    return c->hours == CRON_HOURS_ALL;
}

/* The first reading at or after `from` that the fields select, whatever the zone makes of it. */
bool cron_next_reading(const struct cron *c, int64_t from, int64_t *reading);

/* The days of that month that the fields select: bit n is day n. */
uint32_t cron_days_of_month(const struct cron *c, int64_t year, int month);
