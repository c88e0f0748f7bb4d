/* clock: reading, writing and parsing time. The calendar arithmetic is Howard Hinnant's days_from_civil
 * (http://howardhinnant.github.io/date_algorithms.html). */
#include "common/base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static usec_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (usec_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

usec_t clock_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

usec_t clock_boot(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void date_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *month = (int)(shifted_month + (shifted_month < 10 ? 3 : -9));
    *year = year_of_era + era * 400 + (*month <= 2);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

const char *clock_format(usec_t at, char out[static CLOCK_TEXT_MAX])
{
    int64_t days = floor_div(at, DAYS(1));
    int64_t rest = at - days * DAYS(1);
    int64_t year;
    int month, day;
    date_from_days(days, &year, &month, &day);
    int seconds = (int)(rest / 1000000), micros = (int)(rest % 1000000);
    int used = snprintf(out, CLOCK_TEXT_MAX, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)year, month, day,
                        seconds / 3600, seconds / 60 % 60, seconds % 60);
    size_t left = CLOCK_TEXT_MAX - (size_t)used;
    if (micros == 0)
        snprintf(out + used, left, "Z");
    else if (micros % 1000 == 0)
        snprintf(out + used, left, ".%03dZ", micros / 1000);
    else
        snprintf(out + used, left, ".%06dZ", micros);
    return out;
}

/* Read exactly `digits` digits at *p. */
static bool read_digits(const char **p, int digits, int *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++, (*p)++) {
        if (!isdigit((unsigned char)**p))
            return false;
        *value = *value * 10 + (**p - '0');
    }
    return true;
}

static bool read_char(const char **p, char wanted)
{
    if (**p != wanted)
        return false;
    (*p)++;
    return true;
}

/* ".123": up to six digits count, further ones are dropped. */
static bool read_fraction(const char **p, usec_t *micros)
{
    *micros = 0;
    if (!read_char(p, '.'))
        return true;
    if (!isdigit((unsigned char)**p))
        return false;
    usec_t unit = 100000;
    for (; isdigit((unsigned char)**p); (*p)++, unit /= 10)
        *micros += (**p - '0') * unit;
    return true;
}

static bool read_offset(const char **p, int *minutes)
{
    *minutes = 0;
    if (read_char(p, 'Z') || read_char(p, 'z'))
        return true;
    int sign = **p == '-' ? -1 : 1;
    int hour, minute;
    if ((!read_char(p, '+') && !read_char(p, '-')) || !read_digits(p, 2, &hour) || !read_char(p, ':') ||
        !read_digits(p, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *minutes = sign * (hour * 60 + minute);
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool clock_parse(const char *text, usec_t *at, struct err *e)
{
    const char *p = text;
    int year, month, day, hour, minute, second, offset;
    usec_t micros;
    bool shaped = read_digits(&p, 4, &year) && read_char(&p, '-') && read_digits(&p, 2, &month) &&
                  read_char(&p, '-') && read_digits(&p, 2, &day) &&
                  (read_char(&p, 'T') || read_char(&p, 't') || read_char(&p, ' ')) && read_digits(&p, 2, &hour) &&
                  read_char(&p, ':') && read_digits(&p, 2, &minute) && read_char(&p, ':') &&
                  read_digits(&p, 2, &second) && read_fraction(&p, &micros) && read_offset(&p, &offset) && *p == '\0';
    if (!shaped)
        return err_set(e, ERR_USAGE, "'%s' is not a time like 2026-03-29T00:30:00Z", text);
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 59)
        return err_set(e, ERR_USAGE, "'%s' is not a moment of the calendar", text);
    *at = days_from_date(year, month, day) * DAYS(1) + HOURS(hour) + MINUTES(minute) + SECONDS(second) + micros -
          MINUTES(offset);
    return true;
}

static const struct unit {
    const char *name;
    usec_t size;
} units[] = {{"w", DAYS(7)}, {"d", DAYS(1)}, {"h", HOURS(1)}, {"m", MINUTES(1)}, {"s", SECONDS(1)}, {"ms", MSEC(1)}};

enum { UNITS = sizeof units / sizeof *units, DURATION_DIGITS_MAX = 9 };

/* The index of the unit spelled at `p`, or UNITS; "ms" is tried before "m". */
static size_t find_unit(const char *p, size_t *length)
{
    size_t word = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    *length = word;
    for (size_t i = 0; i < UNITS; i++)
        if (strlen(units[i].name) == word && strncmp(units[i].name, p, word) == 0)
            return i;
    return UNITS;
}

bool duration_parse(const char *text, usec_t *duration, struct err *e)
{
    usec_t total = 0;
    size_t smallest = 0;
    const char *p = text;
    do {
        size_t digits = strspn(p, "0123456789"), length;
        if (digits == 0 || digits > DURATION_DIGITS_MAX)
            return err_set(e, ERR_USAGE, "'%s' is not a duration like 1h30m", text);
        usec_t number = strtoll(p, NULL, 10);
        size_t unit = find_unit(p + digits, &length);
        if (unit == UNITS || unit < smallest)
            return err_set(e, ERR_USAGE, "'%s' is not a duration like 1h30m (units w d h m s ms, large to small)", text);
        if (__builtin_mul_overflow(number, units[unit].size, &number) || __builtin_add_overflow(total, number, &total))
            return err_set(e, ERR_USAGE, "'%s' is too long a duration", text);
        smallest = unit + 1;
        p += digits + length;
    } while (*p != '\0');
    *duration = total;
    return true;
}

const char *duration_format(usec_t duration, char out[static CLOCK_TEXT_MAX])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < UNITS; i++) {
        usec_t count = duration / units[i].size;
        if (count == 0)
            continue;
        used += (size_t)snprintf(out + used, CLOCK_TEXT_MAX - used, "%lld%s", (long long)count, units[i].name);
        duration -= count * units[i].size;
    }
    if (used == 0)
        snprintf(out, CLOCK_TEXT_MAX, "0s");
    return out;
}

usec_t jitter(usec_t limit)
{
    uint64_t random = 0;
    if (limit <= 0)
        return 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = (uint64_t)clock_boot() * 0x9E3779B97F4A7C15u;
    return (usec_t)(random % (uint64_t)limit);
}
