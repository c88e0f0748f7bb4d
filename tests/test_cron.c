/* Schedule expressions: the rulings of the dialect as tables. Instants were checked with tzdata 2025b and are ones that
 * later releases do not move (transitions that have already happened). */
#include "common/base/cron.h"
#include "common/base/cron_inside.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static const char long_ago[] = "1960-01-01T00:00:00Z";

static usec_t moment(const char *text)
{
    usec_t at;
    struct err e;
    if (!clock_parse(text, &at, &e))
        ck_abort_msg("%s", e.text);
    return at;
}

/* The first fires as "2026-01-01T00:00:00Z 2026-01-02T00:00:00Z", "never" when they end. */
static void fires(const struct cron *c, usec_t from, size_t count, struct text *out)
{
    char room[CLOCK_TEXT_MAX];
    for (size_t i = 0; i < count; i++) {
        bool found = cron_next(c, from, &from);
        text_printf(out, "%s%s", i ? " " : "", found ? clock_format(from, room) : "never");
        if (!found)
            return;
    }
}

static size_t words_in(const char *text)
{
    size_t count = *text ? 1 : 0;
    for (; *text; text++)
        count += *text == ' ';
    return count;
}

static const struct {
    const char *expr, *tz, *from, *expected;
} next_rows[] = {
    /* fields */
    {"* * * * *", NULL, "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z 2026-01-01T00:02:00Z"},
    {"30 * * * * *", NULL, "2026-01-01T00:00:00Z", "2026-01-01T00:00:30Z 2026-01-01T00:01:30Z"},
    {"0 0 0 1 1 ? 2030", NULL, "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z never"},
    {"0 0 0 1 1 * */100", NULL, long_ago, "1970-01-01T00:00:00Z 2070-01-01T00:00:00Z 2170-01-01T00:00:00Z never"},
    {"0 0 0 1 1 * 2198/1", NULL, long_ago, "2198-01-01T00:00:00Z 2199-01-01T00:00:00Z never"},
    {"\t0   0\t1 JaN mOnDaY ", NULL, "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z 2026-01-12T00:00:00Z"},
    {"005 0004 1 12 *", NULL, "2026-01-01T00:00:00Z", "2026-12-01T04:05:00Z"},
    /* strictly after, fractions count */
    {"0 0 * * *", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
    {"0 0 * * *", NULL, "2025-12-31T23:59:59.999999Z", "2026-01-01T00:00:00Z"},
    {"0 0 * * *", NULL, "2026-01-01T00:00:00.000001Z", "2026-01-02T00:00:00Z"},
    {"* * * * * *", NULL, "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01Z"},
    /* bounds of the calendar */
    {"* * * * *", NULL, long_ago, "1970-01-01T00:00:00Z"},
    {"0 0 * * *", "Asia/Tokyo", long_ago, "1969-12-31T15:00:00Z 1970-01-01T15:00:00Z"},
    {"59 59 23 31 12 * 2199", NULL, "2026-01-01T00:00:00Z", "2199-12-31T23:59:59Z never"},
    {"59 23 31 12 *", "Etc/GMT+5", "2199-02-01T00:00:00Z", "2200-01-01T04:59:00Z never"},
    {"* * * * *", "Etc/GMT+5", "2200-01-01T04:58:00Z", "2200-01-01T04:59:00Z never"},
    {"* * * * *", NULL, "9999-12-31T00:00:00Z", "never"},
    {"@every 1h", NULL, "2199-12-31T22:30:00Z", "2199-12-31T23:00:00Z never"},
    /* steps and ranges */
    {"50/60 * * * *", NULL, "2026-01-01T00:00:00Z", "2026-01-01T00:50:00Z 2026-01-01T01:50:00Z"},
    {"*/60 * * * *", NULL, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"},
    {"10-20/30 * * * *", NULL, "2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z 2026-01-01T01:10:00Z"},
    {"50/4 0 * * *", NULL, "2026-01-01T00:00:00Z", "2026-01-01T00:50:00Z 2026-01-01T00:54:00Z 2026-01-01T00:58:00Z 2026-01-02T00:50:00Z"},
    {"0 22-4/2 * * *", NULL, "2026-01-01T05:00:00Z", "2026-01-01T22:00:00Z 2026-01-02T00:00:00Z 2026-01-02T02:00:00Z 2026-01-02T04:00:00Z 2026-01-02T22:00:00Z"},
    {"0 0 28-3/2 * *", NULL, "2026-01-03T00:00:00Z", "2026-01-28T00:00:00Z 2026-01-30T00:00:00Z 2026-02-01T00:00:00Z 2026-02-03T00:00:00Z 2026-02-28T00:00:00Z"},
    {"0 0 1 NOV-FEB *", NULL, "2026-03-01T00:00:00Z", "2026-11-01T00:00:00Z 2026-12-01T00:00:00Z 2027-01-01T00:00:00Z 2027-02-01T00:00:00Z 2027-11-01T00:00:00Z"},
    {"0 0 1 NOV-FEB/2 *", NULL, "2026-03-01T00:00:00Z", "2026-11-01T00:00:00Z 2027-01-01T00:00:00Z 2027-11-01T00:00:00Z"},
    {"0 0 1 FEB/5 *", NULL, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z 2026-07-01T00:00:00Z 2026-12-01T00:00:00Z 2027-02-01T00:00:00Z"},
    {"1,1,1 0 1 1 *", NULL, "2026-02-01T00:00:00Z", "2027-01-01T00:01:00Z"},
    /* day of week: 2026-01-04 is a Sunday */
    {"0 0 * * 7", NULL, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z 2026-01-11T00:00:00Z"},
    {"0 0 * * 7-7", NULL, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z 2026-01-11T00:00:00Z"},
    {"0 0 * * SUN-SUN", NULL, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z 2026-01-11T00:00:00Z"},
    {"0 0 * * 7-2", NULL, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z 2026-01-05T00:00:00Z 2026-01-06T00:00:00Z 2026-01-11T00:00:00Z"},
    {"0 0 * * 5-7", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-03T00:00:00Z 2026-01-04T00:00:00Z 2026-01-09T00:00:00Z"},
    {"0 0 * * SAT-SUN", NULL, "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z 2026-01-04T00:00:00Z 2026-01-10T00:00:00Z"},
    {"0 0 * * FRI-MON", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-03T00:00:00Z 2026-01-04T00:00:00Z 2026-01-05T00:00:00Z 2026-01-09T00:00:00Z"},
    {"0 0 * * 5-7/2", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-04T00:00:00Z 2026-01-09T00:00:00Z"},
    {"0 0 * * FRI-SUN/2", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-04T00:00:00Z 2026-01-09T00:00:00Z"},
    {"0 0 * * 0-7/7", NULL, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z 2026-01-11T00:00:00Z"},
    {"0 0 * * SUN-7", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-03T00:00:00Z 2026-01-04T00:00:00Z"},
    {"0 0 * * 4/2", NULL, "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z 2026-01-08T00:00:00Z"},
    {"0 0 * * SUN/3", NULL, "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z 2026-01-04T00:00:00Z 2026-01-07T00:00:00Z"},
    /* day of month and day of week together */
    {"0 0 13 * FRI", NULL, "2026-02-01T00:00:00Z", "2026-02-06T00:00:00Z 2026-02-13T00:00:00Z 2026-02-20T00:00:00Z"},
    {"0 0 14 * FRI", NULL, "2026-02-10T00:00:00Z", "2026-02-13T00:00:00Z 2026-02-14T00:00:00Z 2026-02-20T00:00:00Z"},
    {"0 0 13 * +FRI", NULL, "2026-01-01T00:00:00Z", "2026-02-13T00:00:00Z 2026-03-13T00:00:00Z 2026-11-13T00:00:00Z"},
    {"0 0 */2 * MON", NULL, "2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z 2026-01-07T00:00:00Z 2026-01-09T00:00:00Z 2026-01-11T00:00:00Z 2026-01-12T00:00:00Z"},
    {"0 0 1-31 * MON", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-03T00:00:00Z"},
    {"0 0 31 * 0-6", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-03T00:00:00Z"},
    {"0 0 */1 * MON", NULL, "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z 2026-01-12T00:00:00Z"},
    {"0 0 */01 * MON", NULL, "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z 2026-01-12T00:00:00Z"},
    {"0 0 5,* * MON", NULL, "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z 2026-01-12T00:00:00Z"},
    {"0 0 ? * MON", NULL, "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z 2026-01-12T00:00:00Z"},
    {"0 0 13 * ?", NULL, "2026-01-01T00:00:00Z", "2026-01-13T00:00:00Z 2026-02-13T00:00:00Z"},
    {"0 0 ? * ?", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-03T00:00:00Z"},
    {"0 0 13 * +?", NULL, "2026-01-01T00:00:00Z", "2026-01-13T00:00:00Z 2026-02-13T00:00:00Z"},
    {"0 0 13 * +*", NULL, "2026-01-01T00:00:00Z", "2026-01-13T00:00:00Z 2026-02-13T00:00:00Z"},
    {"0 0 ? * +MON", NULL, "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z 2026-01-12T00:00:00Z"},
    /* last days and workdays: 2026-01-31 Saturday, 2026-02-01 Sunday, 2026-02-28 Saturday, 2026-05-31 Sunday, 2026-08-01 Saturday */
    {"0 0 L * *", NULL, "2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z 2026-02-28T00:00:00Z 2026-03-31T00:00:00Z"},
    {"0 0 l-3 * *", NULL, "2026-01-01T00:00:00Z", "2026-01-28T00:00:00Z 2026-02-25T00:00:00Z 2026-03-28T00:00:00Z"},
    {"0 0 L-30 * *", NULL, "2026-01-01T00:00:01Z", "2026-03-01T00:00:00Z 2026-05-01T00:00:00Z 2026-07-01T00:00:00Z"},
    {"0 0 LW * *", NULL, "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z 2026-02-27T00:00:00Z 2026-03-31T00:00:00Z 2026-04-30T00:00:00Z 2026-05-29T00:00:00Z"},
    {"0 0 1W * *", NULL, "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z 2026-03-02T00:00:00Z 2026-04-01T00:00:00Z"},
    {"0 0 1W 8 *", NULL, "2026-01-01T00:00:00Z", "2026-08-03T00:00:00Z"},
    {"0 0 31W 5 *", NULL, "2026-01-01T00:00:00Z", "2026-05-29T00:00:00Z"},
    {"0 0 15w * *", NULL, "2026-02-01T00:00:00Z", "2026-02-16T00:00:00Z 2026-03-16T00:00:00Z 2026-04-15T00:00:00Z"},
    {"0 0 29W 2 *", NULL, "2025-01-01T00:00:00Z", "2028-02-29T00:00:00Z 2032-02-27T00:00:00Z"},
    {"0 0 L-1W 2 *", NULL, "2026-01-01T00:00:00Z", "2026-02-27T00:00:00Z 2027-02-26T00:00:00Z"},
    {"0 0 L-30W 8 *", NULL, "2026-01-01T00:00:00Z", "2026-08-03T00:00:00Z"},
    {"0 0 L-30W 2 *", NULL, "2026-01-01T00:00:00Z", "never"},
    {"0 0 1W,15,LW 8 *", NULL, "2026-01-01T00:00:00Z", "2026-08-03T00:00:00Z 2026-08-15T00:00:00Z 2026-08-31T00:00:00Z"},
    {"0 0 * * 5L", NULL, "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z 2026-02-27T00:00:00Z"},
    {"0 0 * * FRIDAYL", NULL, "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z 2026-02-27T00:00:00Z"},
    {"0 0 * * fri#l", NULL, "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z 2026-02-27T00:00:00Z"},
    {"0 0 * * 7L", NULL, "2026-01-01T00:00:00Z", "2026-01-25T00:00:00Z 2026-02-22T00:00:00Z"},
    {"0 0 * * SUN#L", NULL, "2026-01-01T00:00:00Z", "2026-01-25T00:00:00Z 2026-02-22T00:00:00Z"},
    {"0 0 * * MON#2", NULL, "2026-01-01T00:00:00Z", "2026-01-12T00:00:00Z 2026-02-09T00:00:00Z"},
    {"0 0 * * 5#5", NULL, "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z 2026-05-29T00:00:00Z"},
    {"0 0 * * 7#1,WED#3", NULL, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z 2026-01-21T00:00:00Z 2026-02-01T00:00:00Z"},
    {"0 0 1-7 * +MON", NULL, "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z 2026-02-02T00:00:00Z"},
    /* dates that are rare or never */
    {"0 0 29 2 +MON", NULL, "2026-01-01T00:00:00Z", "2044-02-29T00:00:00Z 2072-02-29T00:00:00Z 2112-02-29T00:00:00Z 2140-02-29T00:00:00Z"},
    {"0 0 29 2 *", NULL, "2096-01-01T00:00:00Z", "2096-02-29T00:00:00Z 2104-02-29T00:00:00Z"},
    {"0 0 30 2 *", NULL, long_ago, "never"},
    {"* * 31 4 *", NULL, long_ago, "never"},
    {"0 0 30W 2 *", NULL, long_ago, "never"},
    {"* * * 30 2 * 2001", "Europe/Paris", long_ago, "never"},
    /* nicknames */
    {"@yearly", NULL, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
    {"@Annually", NULL, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
    {"@monthly", NULL, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"},
    {"@weekly", NULL, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"},
    {"@daily", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
    {" @midnight ", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
    {"@hourly", NULL, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"},
    {"@minutely", NULL, "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"},
    {"CRON_TZ=Asia/Tokyo @daily", NULL, "2026-01-01T00:00:00Z", "2026-01-01T15:00:00Z"},
    /* intervals */
    {"@every 1w/4d", NULL, "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z 2026-01-12T00:00:00Z"},
    {"@every 90m", NULL, "1970-01-01T00:00:00Z", "1970-01-01T01:30:00Z 1970-01-01T03:00:00Z"},
    {"@every 1d/6h", NULL, long_ago, "1970-01-01T06:00:00Z 1970-01-02T06:00:00Z"},
    {"@EVERY\t0h5m", NULL, "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"},
    {"@every 010m/0s", NULL, "2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z"},
    {"@every 1s", NULL, "2026-01-01T00:00:00.2Z", "2026-01-01T00:00:01Z"},
    {"@every 366d", NULL, long_ago, "1970-01-01T00:00:00Z 1971-01-02T00:00:00Z"},
    {"@every 1h", "Asia/Kolkata", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"},
    {"@every 1w2d3h4m5s/4d5s", NULL, long_ago, "1970-01-05T00:00:05Z 1970-01-14T03:04:10Z"},
    /* zones */
    {"CRON_TZ=Europe/Paris 0 12 * * *", NULL, "2024-01-01T00:00:00Z", "2024-01-01T11:00:00Z"},
    {"TZ=Europe/Paris 0 12 * * *", "Europe/Paris", "2024-07-01T00:00:00Z", "2024-07-01T10:00:00Z"},
    {"0 12 * * *", "Etc/GMT+5", "2024-07-01T00:00:00Z", "2024-07-01T17:00:00Z"},
    {"0 12 * * *", "Asia/Calcutta", "2024-07-01T00:00:00Z", "2024-07-01T06:30:00Z"},
    {"0 12 * * *", "EST5EDT", "2024-07-01T00:00:00Z", "2024-07-01T16:00:00Z"},
    {"0 12 * * *", "US/Pacific", "2024-01-01T00:00:00Z", "2024-01-01T20:00:00Z"},
    {"0 12 1 7 *", "Europe/Paris", "2150-01-01T00:00:00Z", "2150-07-01T10:00:00Z"},
    /* the clock is put forward: Paris 2024-03-31 02:00 -> 03:00 at 01:00Z */
    {"30 2 * * *", "Europe/Paris", "2024-03-30T00:00:00Z", "2024-03-30T01:30:00Z 2024-03-31T01:00:00Z 2024-04-01T00:30:00Z"},
    {"0,15,30 2 * * *", "Europe/Paris", "2024-03-31T00:00:00Z", "2024-03-31T01:00:00Z 2024-04-01T00:00:00Z"},
    {"*/30 1-3 * * *", "Europe/Paris", "2024-03-31T00:00:00Z", "2024-03-31T00:30:00Z 2024-03-31T01:00:00Z 2024-03-31T01:30:00Z 2024-03-31T23:00:00Z"},
    {"30 2 31 3 *", "Europe/Paris", "2024-03-31T01:00:00Z", "2025-03-31T00:30:00Z"},
    {"30 * * * *", "Europe/Paris", "2024-03-31T00:00:00Z", "2024-03-31T00:30:00Z 2024-03-31T01:30:00Z 2024-03-31T02:30:00Z"},
    {"30 0-23 * * *", "Europe/Paris", "2024-03-31T00:00:00Z", "2024-03-31T00:30:00Z 2024-03-31T01:30:00Z 2024-03-31T02:30:00Z"},
    {"0 */2 * * *", "Europe/Paris", "2024-03-30T23:30:00Z", "2024-03-31T01:00:00Z 2024-03-31T02:00:00Z"},
    {"0 0,2,4 * * *", "Europe/Paris", "2024-03-30T23:30:00Z", "2024-03-31T01:00:00Z 2024-03-31T02:00:00Z"},
    /* the clock is put back: Paris 2024-10-27 03:00 -> 02:00 at 01:00Z */
    {"30 2 * * *", "Europe/Paris", "2024-10-26T12:00:00Z", "2024-10-27T00:30:00Z 2024-10-28T01:30:00Z"},
    {"*/30 2 * * *", "Europe/Paris", "2024-10-26T12:00:00Z", "2024-10-27T00:00:00Z 2024-10-27T00:30:00Z 2024-10-28T01:00:00Z"},
    {"*/5 0-5 * * *", "Europe/Paris", "2024-10-27T00:50:00Z", "2024-10-27T00:55:00Z 2024-10-27T02:00:00Z"},
    {"30 * * * *", "Europe/Paris", "2024-10-27T00:00:00Z", "2024-10-27T00:30:00Z 2024-10-27T01:30:00Z 2024-10-27T02:30:00Z"},
    {"30 2 * * *", "Europe/Paris", "2024-10-27T01:29:00Z", "2024-10-28T01:30:00Z"},
    {"@every 30m", "Europe/Paris", "2024-10-27T00:30:00Z", "2024-10-27T01:00:00Z 2024-10-27T01:30:00Z"},
    /* half an hour: Lord Howe 2024-10-06 02:00 -> 02:30 at 15:30Z, 2024-04-07 02:00 -> 01:30 at 15:00Z */
    {"15 2 * * *", "Australia/Lord_Howe", "2024-10-05T00:00:00Z", "2024-10-05T15:30:00Z 2024-10-06T15:15:00Z"},
    {"45 1 * * *", "Australia/Lord_Howe", "2024-04-06T00:00:00Z", "2024-04-06T14:45:00Z 2024-04-07T15:15:00Z"},
    {"45 * * * *", "Australia/Lord_Howe", "2024-04-06T14:00:00Z", "2024-04-06T14:45:00Z 2024-04-06T15:15:00Z 2024-04-06T16:15:00Z"},
    /* two hours: Troll 2024-03-31 01:00 -> 03:00 at 01:00Z */
    {"30 1,2 * * *", "Antarctica/Troll", "2024-03-30T12:00:00Z", "2024-03-31T01:00:00Z 2024-03-31T23:30:00Z"},
    /* at midnight: Sao Paulo 2018-11-04 00:00 -> 01:00, Havana 2024-11-03 01:00 -> 00:00 */
    {"0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z 2018-11-05T02:00:00Z"},
    {"30 0 4 11 *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z 2019-11-04T03:30:00Z"},
    {"0 0 * * *", "America/Havana", "2024-11-02T12:00:00Z", "2024-11-03T04:00:00Z 2024-11-04T05:00:00Z"},
    /* a day that is not in the calendar: Apia 2011-12-30 */
    {"0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-29T22:00:00Z 2011-12-30T22:00:00Z"},
    {"0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", "2012-12-29T22:00:00Z"},
    {"0 0 * 30 12 * 2011", "Pacific/Apia", "2000-01-01T00:00:00Z", "never"},
    {"0 0 * * *", "Pacific/Kwajalein", "1993-08-20T00:00:00Z", "1993-08-20T12:00:00Z 1993-08-21T12:00:00Z"},
    /* not on a minute: Monrovia 1972-01-07 00:00 -> 00:44:30 at 00:44:30Z */
    {"30 0 * * *", "Africa/Monrovia", "1972-01-06T12:00:00Z", "1972-01-07T00:44:30Z 1972-01-08T00:30:00Z"},
    {"* * * * *", "Africa/Monrovia", "1972-01-07T00:43:00Z", "1972-01-07T00:43:30Z 1972-01-07T00:45:00Z"},
};

START_TEST(an_expression_fires_where_the_dialect_says)
{
    struct err e;
    CLEANUP(text_free) struct text found = {0};
    CLEANUP(cron_freep) struct cron *c = cron_parse(next_rows[_i].expr, next_rows[_i].tz, NULL, &e);
    ck_assert_msg(c, "%s: %s", next_rows[_i].expr, e.text);
    fires(c, moment(next_rows[_i].from), words_in(next_rows[_i].expected), &found);
    ck_assert_msg(strcmp(text_str(&found), next_rows[_i].expected) == 0, "%s in %s from %s:\n  expected %s\n  found    %s",
                  next_rows[_i].expr, next_rows[_i].tz ? next_rows[_i].tz : "UTC", next_rows[_i].from,
                  next_rows[_i].expected, text_str(&found));
}
END_TEST

static const struct {
    const char *expr, *tz, *expected; /* part of the message, the whole when it ends in '\n' */
} refusals[] = {
    {"*/90 * * * *", NULL,
     "minute (col 0): step 90 is larger than the field (60 values); for every 90 minutes write @every 90m\n"},
    {"* * * *", NULL, "expected 5, 6 (seconds first) or 7 fields, found 4\n"},
    {"0 0 1 SEPT *", NULL, "month (col 6): unknown value 'SEPT'; use SEP or SEPTEMBER\n"},
    {"0 0 * * L", NULL, "day-of-week (col 8): a lone 'L' is ambiguous; SAT, or 6L for the last Saturday\n"},
    {"0 0 * * *", "europe/paris", "unknown time zone 'europe/paris' (did you mean Europe/Paris?)\n"},
    {"CRON_TZ=Europe/Paris 0 0 * * *", "UTC", "two different time zones"},
    {"", NULL, "found 0"},
    {" \t ", NULL, "found 0"},
    {"* * * * * * * *", NULL, "found 8"},
    {"0 0 12 * * 2030", NULL, "day-of-week (col 11): 2030 is outside 0-7 or SUN-SAT; use 7 fields for a year"},
    /* steps */
    {"*/0 * * * *", NULL, "minute (col 0): step 0 in '*/0', allowed are 1-60"},
    {"*/ * * * *", NULL, "minute (col 0): '*/' has no step"},
    {"*/-5 * * * *", NULL, "has no step"},
    {"*/+5 * * * *", NULL, "has no step"},
    {"0 0 * */JAN *", NULL, "month (col 6): '*/JAN' has no step"},
    {"*/61 * * * *", NULL, "step 61"},
    {"0 */25 * * *", NULL, "hour (col 2): step 25 is larger than the field (24 values); for every 25 hours write @every 25h"},
    {"0 0 */32 * *", NULL, "day-of-month (col 4): step 32 is larger than the field (31 values); for every 32 days write @every 32d"},
    {"0 0 1 */13 *", NULL, "month (col 6): step 13"},
    {"0 0 * * */8", NULL, "day-of-week (col 8): step 8"},
    {"0 0 0 * * * */231", NULL, "year (col 12): step 231 is larger than the field (230 values)"},
    {"10-20/61 * * * *", NULL, "step 61"},
    {"0 0 * * 7/2", NULL, "day-of-week (col 8): '7/2'"},
    {"0 0 * * 7/1", NULL, "day-of-week (col 8): '7/1'"},
    {"1/2/3 * * * *", NULL, "minute (col 0): '1/2/3' is not understood"},
    /* values */
    {"60 * * * *", NULL, "minute (col 0): 60 is outside 0-59"},
    {"0 24 * * *", NULL, "hour (col 2): 24 is outside 0-23"},
    {"0 0 0 * *", NULL, "day-of-month (col 4): 0 is outside 1-31"},
    {"0 0 32 * *", NULL, "32 is outside 1-31"},
    {"0 0 1 13 *", NULL, "month (col 6): 13 is outside 1-12 or JAN-DEC"},
    {"0 0 1 0 *", NULL, "0 is outside"},
    {"0 0 * * 8", NULL, "day-of-week (col 8): 8 is outside 0-7 or SUN-SAT"},
    {"0 0 0 1 1 * 1969", NULL, "year (col 12): 1969 is outside 1970-2199"},
    {"0 0 0 1 1 * 2200", NULL, "2200 is outside"},
    {"0 0 0 1 1 * 70", NULL, "70 is outside"},
    {"00000 * * * *", NULL, "'00000' has more than 4 digits"},
    {"-1 * * * *", NULL, "minute (col 0): '-1'"},
    {"+1 * * * *", NULL, "minute (col 0): '+1'"},
    {"1.5 * * * *", NULL, "minute (col 0): '1.5'"},
    {"0 0 0 1 1 * 2030-2026", NULL, "year (col 12): the range '2030-2026' runs backwards"},
    {"1-2-3 * * * *", NULL, "'1-2-3'"},
    {"*-5 * * * *", NULL, "'*-5'"},
    {"** * * * *", NULL, "'**'"},
    {"1- * * * *", NULL, "'1-'"},
    {"0 0 * * TUES", NULL, "day-of-week (col 8): unknown value 'TUES'; use TUE or TUESDAY"},
    {"0 0 * * THURS", NULL, "use THU or THURSDAY"},
    {"0 0 * * MONDAYS", NULL, "use MON or MONDAY"},
    {"0 0 * * FOO", NULL, "unknown value 'FOO', allowed are 0-7 or SUN-SAT"},
    {"0 JAN * * *", NULL, "hour (col 2): 'JAN' is not understood"},
    {"0 0 MON * *", NULL, "day-of-month (col 4): 'MON'"},
    /* lists */
    {"1,,2 * * * *", NULL, "minute (col 2): empty item in a list"},
    {"1, * * * *", NULL, "minute (col 2): empty item in a list"},
    {",1 * * * *", NULL, "minute (col 0): empty item in a list"},
    {"1,2,75 * * * *", NULL, "minute (col 4): 75 is outside 0-59"},
    /* signs */
    {"? * * * *", NULL, "minute (col 0): '?' is only for day-of-month and day-of-week"},
    {"0 0 1 ? *", NULL, "month (col 6): '?'"},
    {"0 0 ?,1 * *", NULL, "day-of-month (col 4): '?'"},
    {"0 0 1,? * *", NULL, "day-of-month (col 6): '?'"},
    {"0 0 ?/2 * *", NULL, "'?/2'"},
    {"0 0 * * ++MON", NULL, "day-of-week (col 9): '+MON'"},
    {"0 0 * * MON,+FRI", NULL, "day-of-week (col 12): '+FRI'"},
    {"0 0 * * +", NULL, "'+' is followed by nothing"},
    {"0 0 +13 * FRI", NULL, "+ is only the first character of day-of-week"},
    {"0 0 1-L * *", NULL, "day-of-month (col 4): '1-L'"},
    {"0 0 L/2 * *", NULL, "'L/2'"},
    {"0 0 L-0 * *", NULL, "L-n takes n from 1 to 30"},
    {"0 0 L-31 * *", NULL, "L-n takes n from 1 to 30"},
    {"0 0 L- * *", NULL, "'L-'"},
    {"0 0 L-3-5 * *", NULL, "'L-3-5'"},
    {"0 0 W * *", NULL, "'W'"},
    {"0 0 0W * *", NULL, "0 is outside 1-31"},
    {"0 0 32W * *", NULL, "32 is outside 1-31"},
    {"0 0 1-15W * *", NULL, "'1-15W'"},
    {"0 0 15W/2 * *", NULL, "'15W/2'"},
    {"0 0 WL * *", NULL, "'WL'"},
    {"0 0 * * LW", NULL, "'LW'"},
    {"0 0 * * 5W", NULL, "'5W'"},
    {"0 0 * * 1-5L", NULL, "'1-5L'"},
    {"0 0 * * MON-FRIL", NULL, "'MON-FRIL'"},
    {"0 0 * * 5L/2", NULL, "'5L/2'"},
    {"0 0 * * 1-3#2", NULL, "'1-3#2'"},
    {"0 0 * * 5#0", NULL, "#0 is outside 1-5"},
    {"0 0 * * 5#6", NULL, "#6 is outside 1-5"},
    {"0 0 * * 5#", NULL, "'5#'"},
    {"0 0 * * 5#2/2", NULL, "'5#2/2'"},
    {"0 0 * * #2", NULL, "comments are not accepted"},
    {"0 0 5#2 * *", NULL, "# follows a single day-of-week"},
    {"0 0 1 L *", NULL, "month (col 6): 'L'"},
    /* H */
    {"H * * * *", NULL, "minute (col 0): 'H' needs the name of a schedule"},
    {"~ * * * *", NULL, "use H(a-b)"},
    {"0~30 * * * *", NULL, "use H(a-b)"},
    /* other dialects */
    {"@reboot", NULL, "'@reboot' is not accepted"},
    {"@secondly", NULL, "write * * * * * * or @every 1s"},
    {"@weekdays", NULL, "write 0 0 * * MON-FRI"},
    {"@weekends", NULL, "write 0 0 * * SAT,SUN"},
    {"@at 2026-01-01", NULL, "'@at' is not accepted"},
    {"@fortnightly", NULL, "unknown '@fortnightly', allowed are @yearly"},
    {"@daily 5", NULL, "'5' (col 7): nothing may follow here"},
    {"0 0 * * * Europe/Paris", NULL, "'Europe/Paris' (col 10): a time zone goes in front, CRON_TZ=Europe/Paris"},
    {"0 0 $ * *", NULL, "use L for the last day"},
    {"0 0 * * * # nightly", NULL, "comments are not accepted"},
    {"0 0 13 * FRI&MON", NULL, "day-of-week"},
    {"cron(0 12 * * ? *)", NULL, "write the fields without cron( )"},
    {"rate(5 minutes)", NULL, "write @every"},
    {"RRULE:FREQ=DAILY", NULL, "recurrence rules"},
    {"every 5 minutes", NULL, "write @every"},
    {"0 0 * * *\n", NULL, "byte 0x0a (col 9) is not printable ASCII"},
    {"0 0 * * \xc3\xa9", NULL, "byte 0xc3 (col 8)"},
    /* intervals */
    {"@every", NULL, "@every is followed by an interval"},
    {"@every5m", NULL, "unknown '@every5m'"},
    {"@every 5", NULL, "interval (col 7): '5' is not understood"},
    {"@every 1.5h", NULL, "interval (col 7): '1.5h'"},
    {"@every 500ms", NULL, "'500ms'"},
    {"@every 5M", NULL, "'5M'"},
    {"@every 1h 30m", NULL, "'30m' (col 10): nothing may follow here; an interval is one word"},
    {"@every 30m1h", NULL, "'30m1h'"},
    {"@every 1h1h", NULL, "'1h1h'"},
    {"@every 0s", NULL, "outside 1s-366d"},
    {"@every 366d1s", NULL, "outside 1s-366d"},
    {"@every 999999999w", NULL, "outside 1s-366d"},
    {"@every 1000000000s", NULL, "'1000000000s' is not understood"},
    {"@every -5m", NULL, "'-5m'"},
    {"@every 5m/", NULL, "'5m/'"},
    {"@every 5m/5m", NULL, "the phase must be shorter"},
    {"@every 5m/1m/1m", NULL, "'5m/1m/1m'"},
    {"@every /5m", NULL, "'/5m'"},
    {"TZ=UTC @every 5m", NULL, "@every has no time zone"},
    {"@every 5m", "Nowhere/Land", "unknown time zone 'Nowhere/Land'"},
    /* zones */
    {"TZ=UTC TZ=UTC 0 0 * * *", NULL, "two different time zones"},
    {"TZ=Asia/Calcutta 0 0 * * *", "Asia/Kolkata", "two different time zones"},
    {"TZ= 0 0 * * *", NULL, "'TZ=' is followed by no name"},
    {"tz=UTC 0 0 * * *", NULL, "in capitals"},
    {"CRON_TZ=UTC", NULL, "found 0"},
    {"CRON_TZ=Europe/Paris */0 * * * *", NULL, "minute (col 21): step 0"},
};

START_TEST(a_wrong_expression_is_refused_with_its_place_and_reason)
{
    struct err e = {0};
    const char *expected = refusals[_i].expected;
    CLEANUP(cron_freep) struct cron *c = cron_parse(refusals[_i].expr, refusals[_i].tz, NULL, &e);
    ck_assert_msg(!c, "%s is accepted", refusals[_i].expr);
    ck_assert_int_eq(e.kind, ERR_USAGE);
    ck_assert_msg(!strchr(e.text, '\n'), "%s: more than one line", e.text);
    size_t len = strlen(expected);
    bool whole = len > 0 && expected[len - 1] == '\n';
    bool matches = whole ? strncmp(e.text, expected, len - 1) == 0 && strlen(e.text) == len - 1 : strstr(e.text, expected) != NULL;
    ck_assert_msg(matches, "%s:\n  expected %s\n  found    %s", refusals[_i].expr, expected, e.text);
}
END_TEST

START_TEST(an_expression_has_at_most_1024_bytes)
{
    char text[CRON_TEXT_MAX + 2];
    struct err e;
    memset(text, ' ', sizeof text);
    memcpy(text, "0 0 * * *", 9);
    text[CRON_TEXT_MAX] = '\0';
    CLEANUP(cron_freep) struct cron *c = cron_parse(text, NULL, NULL, &e);
    ck_assert_ptr_nonnull(c);
    text[CRON_TEXT_MAX] = ' ';
    text[CRON_TEXT_MAX + 1] = '\0';
    ck_assert_ptr_null(cron_parse(text, NULL, NULL, &e));
    ck_assert_str_eq(e.text, "the expression is longer than 1024 bytes");
}
END_TEST

/* Worked out apart from this program from the published constants of FNV-1a and splitmix64. */
static const struct {
    const char *expr, *name, *expected;
} hashed[] = {
    {"H H * * *", "nightly", "2026-01-01T06:25:00Z 2026-01-02T06:25:00Z"},
    {"H H H H * *", "nightly", "2026-01-17T06:25:37Z 2026-02-17T06:25:37Z"},
    {"0 0 * H *", "nightly", "2026-10-01T00:00:00Z"},
    {"0 0 * * H", "nightly", "2026-01-07T00:00:00Z 2026-01-14T00:00:00Z"},
    {"H/15 0 * * *", "nightly", "2026-01-01T00:10:00Z 2026-01-01T00:25:00Z 2026-01-01T00:40:00Z 2026-01-01T00:55:00Z 2026-01-02T00:10:00Z"},
    {"H(10-20) H(22-23) * * *", "nightly", "2026-01-01T22:17:00Z"},
    {"H(0-29)/10 0 * * *", "nightly", "2026-01-01T00:05:00Z 2026-01-01T00:15:00Z 2026-01-01T00:25:00Z 2026-01-02T00:05:00Z"},
    {"0 0 H/9 * *", "nightly", "2026-01-08T00:00:00Z 2026-01-17T00:00:00Z 2026-01-26T00:00:00Z 2026-02-08T00:00:00Z 2026-02-17T00:00:00Z"},
    {"0 0 H(1-31) * *", "nightly", "2026-01-18T00:00:00Z 2026-02-18T00:00:00Z"},
    {"0 0 * * H(MON-FRI)", "nightly", "2026-01-06T00:00:00Z 2026-01-13T00:00:00Z"},
    {"0 0 * * H/2", "nightly", "2026-01-03T00:00:00Z 2026-01-04T00:00:00Z 2026-01-06T00:00:00Z 2026-01-08T00:00:00Z"},
    {"0 0 1 H(jan-june)/2 *", "nightly", "2026-02-01T00:00:00Z 2026-04-01T00:00:00Z 2026-06-01T00:00:00Z"},
    {"H H * * *", "pmp.partners", "2026-01-01T18:04:00Z 2026-01-02T18:04:00Z"},
    {"H H H H * *", "pmp.partners", "2026-01-03T18:04:04Z 2026-02-03T18:04:04Z"},
    {"0 0 * H *", "pmp.partners", "2026-04-01T00:00:00Z"},
    {"0 0 * * H", "pmp.partners", "2026-01-08T00:00:00Z 2026-01-15T00:00:00Z"},
    {"H/15 0 * * *", "pmp.partners", "2026-01-01T00:04:00Z 2026-01-01T00:19:00Z 2026-01-01T00:34:00Z 2026-01-01T00:49:00Z 2026-01-02T00:04:00Z"},
    {"H(10-20) H(22-23) * * *", "pmp.partners", "2026-01-01T22:10:00Z"},
    {"H(0-29)/10 0 * * *", "pmp.partners", "2026-01-01T00:04:00Z 2026-01-01T00:14:00Z 2026-01-01T00:24:00Z 2026-01-02T00:04:00Z"},
    {"0 0 H/9 * *", "pmp.partners", "2026-01-02T00:00:00Z 2026-01-11T00:00:00Z 2026-01-20T00:00:00Z 2026-02-02T00:00:00Z 2026-02-11T00:00:00Z"},
    {"0 0 H(1-31) * *", "pmp.partners", "2026-01-27T00:00:00Z 2026-02-27T00:00:00Z"},
    {"0 0 * * H(MON-FRI)", "pmp.partners", "2026-01-08T00:00:00Z 2026-01-15T00:00:00Z"},
    {"0 0 * * H/2", "pmp.partners", "2026-01-02T00:00:00Z 2026-01-05T00:00:00Z 2026-01-07T00:00:00Z 2026-01-09T00:00:00Z"},
    {"0 0 1 H(jan-june)/2 *", "pmp.partners", "2026-02-01T00:00:00Z 2026-04-01T00:00:00Z 2026-06-01T00:00:00Z"},
    {"H H * * *", "z\xc3\xa9" "ro", "2026-01-01T03:38:00Z 2026-01-02T03:38:00Z"},
    {"H H H H * *", "z\xc3\xa9" "ro", "2026-01-09T03:38:24Z 2026-02-09T03:38:24Z"},
    {"0 0 * H *", "z\xc3\xa9" "ro", "2026-05-01T00:00:00Z"},
    {"0 0 * * H", "z\xc3\xa9" "ro", "2026-01-07T00:00:00Z 2026-01-14T00:00:00Z"},
    {"H/15 0 * * *", "z\xc3\xa9" "ro", "2026-01-01T00:08:00Z 2026-01-01T00:23:00Z 2026-01-01T00:38:00Z 2026-01-01T00:53:00Z 2026-01-02T00:08:00Z"},
    {"H(10-20) H(22-23) * * *", "z\xc3\xa9" "ro", "2026-01-01T23:20:00Z"},
    {"H(0-29)/10 0 * * *", "z\xc3\xa9" "ro", "2026-01-01T00:08:00Z 2026-01-01T00:18:00Z 2026-01-01T00:28:00Z 2026-01-02T00:08:00Z"},
    {"0 0 H/9 * *", "z\xc3\xa9" "ro", "2026-01-04T00:00:00Z 2026-01-13T00:00:00Z 2026-01-22T00:00:00Z 2026-02-04T00:00:00Z 2026-02-13T00:00:00Z"},
    {"0 0 H(1-31) * *", "z\xc3\xa9" "ro", "2026-01-27T00:00:00Z 2026-02-27T00:00:00Z"},
    {"0 0 * * H(MON-FRI)", "z\xc3\xa9" "ro", "2026-01-05T00:00:00Z 2026-01-12T00:00:00Z"},
    {"0 0 * * H/2", "z\xc3\xa9" "ro", "2026-01-03T00:00:00Z 2026-01-04T00:00:00Z 2026-01-06T00:00:00Z 2026-01-08T00:00:00Z"},
    {"0 0 1 H(jan-june)/2 *", "z\xc3\xa9" "ro", "2026-03-01T00:00:00Z 2026-05-01T00:00:00Z 2027-01-01T00:00:00Z"},
};

START_TEST(h_is_the_published_hash_of_name_and_field)
{
    struct err e;
    CLEANUP(text_free) struct text found = {0};
    CLEANUP(cron_freep) struct cron *c = cron_parse(hashed[_i].expr, NULL, hashed[_i].name, &e);
    ck_assert_msg(c, "%s: %s", hashed[_i].expr, e.text);
    fires(c, moment("2026-01-01T00:00:00Z"), words_in(hashed[_i].expected), &found);
    ck_assert_msg(strcmp(text_str(&found), hashed[_i].expected) == 0, "%s of %s:\n  expected %s\n  found    %s",
                  hashed[_i].expr, hashed[_i].name, hashed[_i].expected, text_str(&found));
}
END_TEST

static const char *const bad_h[] = {
    "H(0-7)x * * * *", "H(5) * * * *",      "H(5-2) * * * *",  "H(0-60) * * * *",    "H( * * * *",      "H() * * * *",
    "H(1-5 * * * *",   "H/0 * * * *",       "H/61 * * * *",    "H(0-29)/31 * * * *", "H-5 * * * *",     "5-H * * * *",
    "H5 * * * *",      "H/ * * * *",        "0 0 H/29 * *",    "0 0 HW * *",         "0 0 * * H(0-7)",  "0 0 * * H(7-7)",
    "0 0 * * H#2",     "0 0 * * H(FRI-SUN)", "0 0 * * HL",     "0 0 0 1 1 * H",      "0 0 1 H(DEC-JAN) *", "*/H * * * *",
    "0 0 * * H(MON-FRIL)", "0 0 * * +H(1-6",
};

START_TEST(h_that_is_not_written_as_the_dialect_says_is_refused)
{
    struct err e;
    CLEANUP(cron_freep) struct cron *c = cron_parse(bad_h[_i], NULL, "nightly", &e);
    ck_assert_msg(!c, "%s is accepted", bad_h[_i]);
}
END_TEST

START_TEST(an_empty_name_is_no_name_for_h)
{
    struct err e;
    ck_assert_ptr_null(cron_parse("H H * * *", NULL, "", &e));
}
END_TEST

START_TEST(the_last_fire_is_found_however_many_lie_between)
{
    struct err e;
    usec_t at;
    CLEANUP(cron_freep) struct cron *c = cron_parse("* * * * * *", NULL, NULL, &e);
    ck_assert(cron_last(c, moment("1970-01-01T00:00:00Z"), moment("2026-01-01T00:00:00.5Z"), &at));
    ck_assert_int_eq(at, moment("2026-01-01T00:00:00Z"));
    ck_assert(!cron_last(c, moment("2026-01-01T00:00:00Z"), moment("2026-01-01T00:00:00.9Z"), &at));
}
END_TEST

START_TEST(the_last_fire_includes_the_end_and_not_the_beginning)
{
    struct err e;
    usec_t at;
    CLEANUP(cron_freep) struct cron *c = cron_parse("30 2 * * *", "Europe/Paris", NULL, &e);
    usec_t fire = moment("2024-03-31T01:00:00Z");
    ck_assert(cron_last(c, 0, fire, &at));
    ck_assert_int_eq(at, fire);
    ck_assert(!cron_last(c, fire, fire + HOURS(22), &at));
    ck_assert(cron_last(c, 0, fire - 1, &at));
    ck_assert_int_eq(at, moment("2024-03-30T01:30:00Z"));
}
END_TEST

static const struct {
    const char *expr, *tz, *words;
} explained[] = {
    {"30 2 * * *", "Europe/Paris", "at 02:30, every day, Europe/Paris time"},
    {"0 30 2,14 * * *", NULL, "at 02:30 and 14:30, every day, UTC"},
    {"15 30 2 * * *", NULL, "at 02:30:15, every day, UTC"},
    {"* * * * *", NULL, "every minute, UTC"},
    {"*/5 * * * *", NULL, "every 5 minutes, UTC"},
    {"0-59/5 0-23 * * *", NULL, "every 5 minutes, UTC"},
    {"*/7 * * * *", NULL, "every 7 minutes from minute 0 of every hour, UTC"},
    {"5 * * * *", NULL, "at minute 5 of every hour, UTC"},
    {"5 * * * * *", NULL, "at second 5 of every minute, UTC"},
    {"*/15 1,2 3 * * *", NULL, "every 15 seconds of minute 1 and 2 of hour 3, every day, UTC"},
    {"*/5 9-17 * * MON-FRI", NULL, "every 5 minutes of hour 9 to 17, on Monday to Friday, UTC"},
    {"0 */2 * * *", NULL, "at minute 0 of every 2nd hour, every day, UTC"},
    {"0 22-4 * NOV-FEB SAT,SUN", NULL,
     "at minute 0 of hour 22 to 4, on Saturday and Sunday, in November to February, UTC"},
    {"0 0 1,15 * MON", NULL, "at 00:00, on day 1 and 15 of the month or on Monday, UTC"},
    {"0 0 13 * +FRI", NULL, "at 00:00, on day 13 of the month, if that is Friday, UTC"},
    {"0 0 */2 * *", NULL, "at 00:00, on every 2nd day from day 1 of the month, UTC"},
    {"0 0 L,LW,15W,L-3 * ?", NULL,
     "at 00:00, on the last day, the last workday, 3 days before the last and the workday nearest to day 15 of the month, UTC"},
    {"0 0 ? JAN FRIL,MON#2", NULL, "at 00:00, on the 2nd Monday and the last Friday of the month, in January, UTC"},
    {"0 0 0 1 1 ? 2030,2032-2040", NULL, "at 00:00, on day 1 of the month, in January, in 2030 and 2032 to 2040, UTC"},
    {"@every 1w/4d", NULL, "every 1w of elapsed time, counted from 1970-01-05T00:00:00Z"},
};

START_TEST(an_expression_is_explained_in_words)
{
    struct err e;
    CLEANUP(text_free) struct text words = {0};
    CLEANUP(cron_freep) struct cron *c = cron_parse(explained[_i].expr, explained[_i].tz, NULL, &e);
    ck_assert_msg(c, "%s: %s", explained[_i].expr, e.text);
    cron_words(c, &words);
    ck_assert_str_eq(text_str(&words), explained[_i].words);
}
END_TEST

static const struct {
    const char *expr, *tz, *warning; /* NULL: none at all */
} warned[] = {
    {"0 3 * * *", NULL, NULL},
    {"*/5 * * * *", "Europe/Paris", NULL},
    {"*/15 9-17 * * MON-FRI", NULL, NULL},
    {"@every 7m", NULL, NULL},
    {"* 3 * * *", NULL, "every minute of hour 3"},
    {"0 0 1 * MON", NULL, "either is enough"},
    {"0 0 1 * +MON", NULL, NULL},
    {"*/35 * * * *", NULL, "does not divide"},
    {"*/7 * * * *", NULL, "does not divide"},
    {"*/30 * * * *", NULL, NULL},
    {"0 0 */2 * *", NULL, "starts again at 1"},
    {"30 2 * * *", "Europe/Paris", "2024-03-31 02:30 does not exist in Europe/Paris, where the clock is put forward; it fires at 2024-03-31 03:00 instead"},
    {"30 * * * *", "Europe/Paris", NULL},
    {"0 0 29 2 *", NULL, "less than once in 400 days"},
    {"0 0 30 2 *", NULL, "never fires"},
    {"0 0 0 1 1 * 2030", NULL, "fires once more, at 2030-01-01T00:00:00Z, and never again"},
};

START_TEST(what_is_seldom_meant_is_warned_of)
{
    struct err e;
    CLEANUP(text_free) struct text found = {0};
    CLEANUP(cron_freep) struct cron *c = cron_parse(warned[_i].expr, warned[_i].tz, NULL, &e);
    ck_assert_msg(c, "%s: %s", warned[_i].expr, e.text);
    cron_warnings(c, moment("2024-01-15T00:00:00Z"), &found);
    if (warned[_i].warning)
        ck_assert_msg(strstr(text_str(&found), warned[_i].warning), "%s: found %s", warned[_i].expr, text_str(&found));
    else
        ck_assert_str_eq(text_str(&found), "");
}
END_TEST

START_TEST(a_parsed_schedule_is_small)
{
    ck_assert_uint_le(sizeof(struct cron), 144);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))

int main(void)
{
    TCase *cases = tcase_create("cron");
    tcase_add_loop_test(cases, an_expression_fires_where_the_dialect_says, 0, ROWS(next_rows));
    tcase_add_loop_test(cases, a_wrong_expression_is_refused_with_its_place_and_reason, 0, ROWS(refusals));
    tcase_add_test(cases, an_expression_has_at_most_1024_bytes);
    tcase_add_loop_test(cases, h_is_the_published_hash_of_name_and_field, 0, ROWS(hashed));
    tcase_add_loop_test(cases, h_that_is_not_written_as_the_dialect_says_is_refused, 0, ROWS(bad_h));
    tcase_add_test(cases, an_empty_name_is_no_name_for_h);
    tcase_add_test(cases, the_last_fire_is_found_however_many_lie_between);
    tcase_add_test(cases, the_last_fire_includes_the_end_and_not_the_beginning);
    tcase_add_loop_test(cases, an_expression_is_explained_in_words, 0, ROWS(explained));
    tcase_add_loop_test(cases, what_is_seldom_meant_is_warned_of, 0, ROWS(warned));
    tcase_add_test(cases, a_parsed_schedule_is_small);
    return test_main_case("cron", cases);
}
