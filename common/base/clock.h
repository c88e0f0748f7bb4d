#pragma once
/* Time is one type: microseconds. A name that ends in _at is a moment (UTC, since 1970), any other a duration.
 * Time enters the program in clock_now(), clock_boot() and nowhere else. */
#include "common/base/err.h"
#include <stddef.h>
#include <stdint.h>

typedef int64_t usec_t;

#define MSEC(n) ((usec_t)(n)*1000)
#define SECONDS(n) ((usec_t)(n)*1000000)
#define MINUTES(n) ((usec_t)(n)*60000000)
#define HOURS(n) ((usec_t)(n)*3600000000)
#define DAYS(n) ((usec_t)(n)*86400000000)

enum { CLOCK_TEXT_MAX = 40 };

/* Wall clock, UTC. For moments that are stored or shown. */
usec_t clock_now(void);

/* CLOCK_BOOTTIME: for durations and deadlines; goes on while the machine is suspended. */
usec_t clock_boot(void);

/* "2026-03-29T00:30:00Z", with as many fraction digits (0, 3 or 6) as the moment needs. Returns `out`. */
const char *clock_format(usec_t at, char out[static CLOCK_TEXT_MAX]);

/* RFC 3339, section 5.6: "T" or a blank between date and time, "Z" or an offset, up to 6 fraction digits are kept. */
bool clock_parse(const char *text, usec_t *at, struct err *e);

/* A duration such as 1w2d3h4m5s, 250ms: units large to small, each once. Bare numbers are refused. */
bool duration_parse(const char *text, usec_t *duration, struct err *e);

/* The shortest exact text, "1h30m"; "0s" for none. Returns `out`. */
const char *duration_format(usec_t duration, char out[static CLOCK_TEXT_MAX]);

/* Days since 1970-01-01 of a proleptic Gregorian date, and back. Month 1-12. */
int64_t days_from_date(int64_t year, int month, int day);
void date_from_days(int64_t days, int64_t *year, int *month, int *day);

/* A uniformly spread fraction of `limit`: full jitter for back-off. */
usec_t jitter(usec_t limit);
