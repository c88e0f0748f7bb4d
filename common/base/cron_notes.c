/* cron_notes: what a schedule's reader should know: expressions that are allowed and seldom meant, and what the clocks
 * of the zone do about a fire. */
#include "common/base/cron_inside.h"

#include <stdio.h>

enum { LOOK_AHEAD_DAYS = 400 };

/* "2026-03-29 02:30" or, with seconds, "2026-03-29 02:30:15". */
static const char *reading_text(int64_t reading, char out[static CLOCK_TEXT_MAX])
{
    clock_format(SECONDS(reading), out);
    out[10] = ' ';
    out[reading % 60 == 0 ? 16 : 19] = '\0';
    return out;
}

/* The first jump forward within the look-ahead that swallows a selected time. */
static void warn_gap(const struct cron *c, int64_t now, struct text *out)
{
    char lost[CLOCK_TEXT_MAX], instead[CLOCK_TEXT_MAX];
    struct zone_span span = zone_span(c->zone, now);
    while (span.end < now + LOOK_AHEAD_DAYS * CRON_DAY) {
        struct zone_span next = zone_span(c->zone, span.end);
        int64_t from = span.end + span.offset, until = span.end + next.offset, reading;
        if (until > from && cron_next_reading(c, from, &reading) && reading < until) {
            text_printf(out, "%s does not exist in %s, where the clock is put forward; it fires at %s instead\n",
                        reading_text(reading, lost), zone_name(c->zone), reading_text(until, instead));
            return;
        }
        span = next;
    }
}

static void warn_rare(const struct cron *c, usec_t now, struct text *out)
{
    char first[CLOCK_TEXT_MAX], second[CLOCK_TEXT_MAX];
    usec_t at, then;
    if (!cron_next(c, now, &at))
        text_puts(out, "never fires\n");
    else if (!cron_next(c, at, &then))
        text_printf(out, "fires once more, at %s, and never again\n", clock_format(at, first));
    else if (then - at > DAYS(LOOK_AHEAD_DAYS))
        text_printf(out, "fires less than once in %d days: at %s, then at %s\n", LOOK_AHEAD_DAYS,
                    clock_format(at, first), clock_format(then, second));
}

void cron_warnings(const struct cron *c, usec_t now, struct text *out)
{
    warn_rare(c, now, out);
    if (c->interval)
        return;
    if (c->minutes == CRON_MINUTES_ALL && __builtin_popcount(c->hours) == 1)
        text_printf(out, "every minute of hour %d; write 0 for the minute to fire once\n", __builtin_ctz(c->hours));
    if (!c->any_day && !c->any_weekday && !c->both)
        text_puts(out,
                  "day-of-month and day-of-week are both given, so either is enough; write + in front of day-of-week "
                  "when both must match\n");
    if (c->uneven)
        text_puts(out, "a step does not divide its field, so the last interval of each round is shorter\n");
    if (c->day_step)
        text_puts(out,
                  "a step over day-of-month starts again at 1, so the interval at the end of a month is shorter\n");
    if (!cron_is_every_hour(c))
        warn_gap(c, now / 1000000, out);
}

const char *cron_local(const struct cron *c, usec_t at, char out[static CLOCK_TEXT_MAX])
{
    int offset = zone_span(c->zone, at / 1000000).offset;
    int west = offset < 0, size = west ? -offset : offset;
    char local[CLOCK_TEXT_MAX], rest[8] = "";
    clock_format(at + SECONDS(offset), local);
    if (size % 60 != 0)
        snprintf(rest, sizeof rest, ":%02d", size % 60);
    snprintf(out, CLOCK_TEXT_MAX, "%.19s%c%02d:%02d%s", local, west ? '-' : '+', size / 3600, size / 60 % 60, rest);
    return out;
}

/* The time of day of a reading, "02:30". */
static const char *time_text(int64_t reading, char out[static CLOCK_TEXT_MAX])
{
    char whole[CLOCK_TEXT_MAX];
    clock_format(SECONDS(reading), whole);
    snprintf(out, CLOCK_TEXT_MAX, "%.*s", reading % 60 == 0 ? 5 : 8, whole + 11);
    return out;
}

/* Does the stretch begin with a jump over a selected time, for which the schedule fires at its very start? */
static bool note_jump(const struct cron *c, struct zone_span before, struct zone_span span, int64_t at,
                      struct text *out)
{
    char lost[CLOCK_TEXT_MAX], from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];
    int64_t reading, end = at + span.offset;
    if (cron_is_every_hour(c) || at != span.start || before.offset >= span.offset ||
        !cron_next_reading(c, at + before.offset, &reading) || reading >= end)
        return false;
    text_printf(out, "%s does not exist: the clock goes from %s to %s", time_text(reading, lost),
                time_text(at + before.offset, from), time_text(end, to));
    return true;
}

static bool note_repeat(const struct cron *c, struct zone_span before, struct zone_span span, int64_t at,
                        struct text *out)
{
    char time[CLOCK_TEXT_MAX], from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];
    int64_t reading = at + span.offset;
    if (span.end != INT64_MAX) {
        int after = zone_span(c->zone, span.end).offset;
        if (reading >= span.end + after) {
            text_printf(out, "the first of two %s: the clock goes from %s back to %s", time_text(reading, time),
                        time_text(span.end + span.offset, from), time_text(span.end + after, to));
            return true;
        }
    }
    if (span.start == INT64_MIN || reading >= span.start + before.offset)
        return false;
    text_printf(out, "the second of two %s", time_text(reading, time));
    return true;
}

void cron_note(const struct cron *c, usec_t before, usec_t at, struct text *out)
{
    char size[CLOCK_TEXT_MAX];
    struct zone_span span = zone_span(c->zone, at / 1000000), last = span;
    if (span.start != INT64_MIN)
        last = zone_span(c->zone, span.start - 1);
    if (note_jump(c, last, span, at / 1000000, out) || note_repeat(c, last, span, at / 1000000, out))
        return;
    int moved = span.offset - zone_span(c->zone, before / 1000000).offset;
    if (moved != 0)
        text_printf(out, "the clock was put %s by %s since the last", moved > 0 ? "forward" : "back",
                    duration_format(SECONDS(moved > 0 ? moved : -moved), size));
}
