/* zone_tzif: from the bytes of a TZif file (RFC 8536) to a list of offset changes: those of the 64-bit block, then
 * those that the footer's rule gives for every year until the end of the calendar. Nothing in the file is trusted. */
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/zone_inside.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_SIZE = 44,
    TYPE_SIZE = 6,
    TYPES_MAX = 256,
    RULE_FIRST_YEAR = 1969,
    RULE_LAST_YEAR = 2200,
    SEGMENTS_MAX = ZONE_SHIFTS_MAX + 2 * (RULE_LAST_YEAR - RULE_FIRST_YEAR + 1) + 1,
    RULE_HOURS_MAX = 167, /* RFC 8536 section 3.3.1 */
};

/* Big-endian input that never reads past its end: what is missing reads as 0 and sets `bad`. */
struct input {
    const unsigned char *at, *end;
    bool bad;
};

static const unsigned char *take(struct input *in, uint64_t len)
{
    if (len > (uint64_t)(in->end - in->at)) {
        in->bad = true;
        in->at = in->end;
        return NULL;
    }
    in->at += len;
    return in->at - len;
}

static uint64_t unsigned_at(const unsigned char *bytes, int width)
{
    uint64_t value = 0;
    for (int i = 0; i < width; i++)
        value = value << 8 | bytes[i];
    return value;
}

struct header {
    int version;
    uint32_t utc_flags, standard_flags, leaps, times, types, chars;
};

static bool read_header(struct input *in, struct header *h)
{
    const unsigned char *bytes = take(in, HEADER_SIZE);
    if (!bytes || memcmp(bytes, "TZif", 4) != 0)
        return false;
    h->version = bytes[4];
    uint32_t *const counts[] = {&h->utc_flags, &h->standard_flags, &h->leaps, &h->times, &h->types, &h->chars};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *counts[i] = (uint32_t)unsigned_at(bytes + 20 + 4 * i, 4);
    return true;
}

/* What follows the transition types in a block whose times have `width` bytes. */
static uint64_t tail_size(const struct header *h, unsigned width)
{
    return (uint64_t)h->chars + (uint64_t)h->leaps * (width + 4) + h->standard_flags + h->utc_flags;
}

static uint64_t block_size(const struct header *h, unsigned width)
{
    return (uint64_t)h->times * (width + 1) + (uint64_t)h->types * TYPE_SIZE + tail_size(h, width);
}

static struct zone *zone_new(void)
{
    struct zone *z = mem_zero(1, sizeof *z + SEGMENTS_MAX * sizeof z->segments[0]);
    z->count = 1;
    z->segments[0].start = INT64_MIN;
    return z;
}

/* From `at` on the offset is `offset`. Called in the order of time, where the later call wins at the same moment; only
 * what lies in the window and changes the offset is kept. */
static void shift(struct zone *z, int64_t at, int32_t offset)
{
    if (at >= ZONE_UNTIL)
        return;
    if (at <= ZONE_FROM) {
        z->segments[0].offset = offset;
        return;
    }
    if (z->segments[z->count - 1].start == at)
        z->count--;
    if (z->segments[z->count - 1].offset != offset && z->count < SEGMENTS_MAX)
        z->segments[z->count++] = (struct zone_segment){.start = at, .offset = offset};
}

static bool read_types(struct input *in, uint32_t count, int32_t offsets[TYPES_MAX])
{
    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *type = take(in, TYPE_SIZE);
        if (!type)
            return false;
        offsets[i] = (int32_t)unsigned_at(type, 4);
        if (offsets[i] < ZONE_OFFSET_MIN || offsets[i] > ZONE_OFFSET_MAX)
            return false;
    }
    return true;
}

/* The 64-bit block after its header. `*last_at` becomes the last transition, INT64_MIN when there is none. */
static bool read_block(struct input *in, const struct header *h, struct zone *z, int64_t *last_at)
{
    int32_t offsets[TYPES_MAX];
    *last_at = INT64_MIN;
    if (h->types == 0 || h->types > TYPES_MAX || h->times > ZONE_SHIFTS_MAX || h->leaps > 0)
        return false;
    const unsigned char *times = take(in, (uint64_t)h->times * 8), *types = take(in, h->times);
    if (!times || !types || !read_types(in, h->types, offsets))
        return false;
    z->segments[0].offset = offsets[0];
    for (uint32_t i = 0; i < h->times; i++) {
        int64_t at = (int64_t)unsigned_at(times + (size_t)8 * i, 8);
        if ((i > 0 && at <= *last_at) || types[i] >= h->types)
            return false;
        shift(z, at, offsets[types[i]]);
        *last_at = at;
    }
    return take(in, tail_size(h, 8)) != NULL;
}

/* "Mm.w.d/time", "Jn/time" or "n/time": the moment in a year when the clock is changed. */
struct rule_day {
    enum { DAY_MONTH_WEEK, DAY_JULIAN, DAY_ZERO_BASED } form;
    int month, week, day;
    int64_t time; /* seconds after that day's midnight */
};

struct rule {
    int32_t standard, daylight; /* offsets */
    bool has_daylight;
    struct rule_day start, end;
};

/* At most three digits, value 0 to `max`. */
static bool read_number(const char **p, int max, int *value)
{
    int digits = 0;
    for (*value = 0; isdigit((unsigned char)**p) && digits < 3; (*p)++, digits++)
        *value = *value * 10 + (**p - '0');
    return digits > 0 && *value <= max;
}

static bool read_literal(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

/* [+-]h[:m[:s]] in seconds. */
static bool read_time(const char **p, int hours_max, int64_t *seconds)
{
    int hours, minutes = 0, rest = 0, sign = 1;
    if (read_literal(p, '-'))
        sign = -1;
    else
        read_literal(p, '+');
    if (!read_number(p, hours_max, &hours) || (read_literal(p, ':') && !read_number(p, 59, &minutes)) ||
        (read_literal(p, ':') && !read_number(p, 59, &rest)))
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60 + rest);
    return true;
}

/* "CET" or "<+0330>": skipped, nothing here shows abbreviations. */
static bool skip_abbreviation(const char **p)
{
    const char *start = *p;
    if (read_literal(p, '<')) {
        while (isalnum((unsigned char)**p) || **p == '+' || **p == '-')
            (*p)++;
        return *p > start + 1 && read_literal(p, '>');
    }
    while (isalpha((unsigned char)**p))
        (*p)++;
    return *p > start;
}

static bool read_rule_day(const char **p, struct rule_day *d)
{
    bool ok;
    if (read_literal(p, 'M')) {
        d->form = DAY_MONTH_WEEK;
        ok = read_number(p, 12, &d->month) && d->month >= 1 && read_literal(p, '.') && read_number(p, 5, &d->week) &&
             d->week >= 1 && read_literal(p, '.') && read_number(p, 6, &d->day);
    } else if (read_literal(p, 'J')) {
        d->form = DAY_JULIAN;
        ok = read_number(p, 365, &d->day) && d->day >= 1;
    } else {
        d->form = DAY_ZERO_BASED;
        ok = read_number(p, 365, &d->day);
    }
    d->time = 2 * 3600;
    return ok && (!read_literal(p, '/') || read_time(p, RULE_HOURS_MAX, &d->time));
}

/* Offsets in a rule count west of Greenwich. */
static bool read_rule_offset(const char **p, int32_t *offset)
{
    int64_t west;
    if (!read_time(p, 24, &west))
        return false;
    *offset = (int32_t)-west;
    return true;
}

static bool parse_rule(const char *p, struct rule *r)
{
    *r = (struct rule){0};
    if (!skip_abbreviation(&p) || !read_rule_offset(&p, &r->standard))
        return false;
    if (*p == '\0')
        return true;
    r->has_daylight = true;
    r->daylight = r->standard + 3600;
    return skip_abbreviation(&p) && (*p == ',' || read_rule_offset(&p, &r->daylight)) && read_literal(&p, ',') &&
           read_rule_day(&p, &r->start) && read_literal(&p, ',') && read_rule_day(&p, &r->end) && *p == '\0';
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The day of week `d->day` (0 is Sunday) in week 1-5 of the month, 5 being the last. */
static int64_t month_week_day(const struct rule_day *d, int64_t year)
{
    int64_t first = days_from_date(year, d->month, 1);
    int64_t after = d->month == 12 ? days_from_date(year + 1, 1, 1) : days_from_date(year, d->month + 1, 1);
    int64_t first_weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + (d->day - first_weekday + 7) % 7 + 7 * (d->week - 1);
    return day < after ? day : day - 7;
}

/* The wall reading at which the rule strikes in that year. */
static int64_t rule_reading(const struct rule_day *d, int64_t year)
{
    int64_t day = days_from_date(year, 1, 1);
    switch (d->form) {
    case DAY_MONTH_WEEK:
        day = month_week_day(d, year);
        break;
    case DAY_JULIAN: /* 29 February is never counted */
        day += d->day - 1 + (is_leap(year) && d->day >= 60);
        break;
    case DAY_ZERO_BASED:
        day += d->day;
        break;
    }
    return day * 86400 + d->time;
}

struct change {
    int64_t at;
    int32_t offset;
    bool starts;
};

/* By time; at one moment the end of one year's daylight time comes before the start of the next, which wins. */
static int compare_changes(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    return x->at != y->at ? (x->at > y->at) - (x->at < y->at) : x->starts - y->starts;
}

/* All changes of the rule that come after the last one listed in the file. */
static void apply_rule(struct zone *z, const struct rule *r, int64_t last_at)
{
    struct change changes[2 * (RULE_LAST_YEAR - RULE_FIRST_YEAR + 1)];
    size_t count = 0;
    if (!r->has_daylight) {
        shift(z, last_at == INT64_MIN ? ZONE_FROM : last_at, r->standard);
        return;
    }
    for (int64_t year = RULE_FIRST_YEAR; year <= RULE_LAST_YEAR; year++) {
        changes[count++] = (struct change){rule_reading(&r->start, year) - r->standard, r->daylight, true};
        changes[count++] = (struct change){rule_reading(&r->end, year) - r->daylight, r->standard, false};
    }
    qsort(changes, count, sizeof *changes, compare_changes);
    for (size_t i = 0; i < count; i++)
        if (changes[i].at > last_at)
            shift(z, changes[i].at, changes[i].offset);
}

/* "\n" rule "\n" at the end of the file; an empty rule means that nothing is known of later times. */
static bool read_footer(struct input *in, struct zone *z, int64_t last_at)
{
    char text[256];
    struct rule rule;
    const unsigned char *newline = take(in, 1);
    const unsigned char *end = memchr(in->at, '\n', (size_t)(in->end - in->at));
    if (!newline || *newline != '\n' || !end || (size_t)(end - in->at) >= sizeof text)
        return false;
    size_t len = (size_t)(end - in->at);
    memcpy(text, in->at, len);
    text[len] = '\0';
    if (len == 0)
        return true;
    if (strlen(text) != len || !parse_rule(text, &rule))
        return false;
    apply_rule(z, &rule, last_at);
    return true;
}

/* Fill in `shown`: readings on the wall before each segment, which go back only if the clock ever did so twice. */
static void note_readings(struct zone *z)
{
    int64_t shown = INT64_MIN;
    for (size_t i = 1; i < z->count; i++) {
        int64_t here = z->segments[i].start + z->segments[i - 1].offset;
        shown = here > shown ? here : shown;
        z->segments[i].shown = (int32_t)(shown - z->segments[i].start);
    }
}

struct zone *zone_read(const char *name, const void *bytes, size_t len, struct err *e)
{
    struct input in = {.at = bytes, .end = (const unsigned char *)bytes + len};
    struct header first = {0}, h = {0};
    struct zone *z = zone_new();
    int64_t last_at;
    bool ok = read_header(&in, &first) && first.version >= '2' && take(&in, block_size(&first, 4)) &&
              read_header(&in, &h) && read_block(&in, &h, z, &last_at) && read_footer(&in, z, last_at);
    if (!ok) {
        zone_close(z);
        err_set(e, ERR_USAGE, "time zone '%s' is not a TZif file of version 2 or later without leap seconds", name);
        return NULL;
    }
    note_readings(z);
    strncpy(z->name, name, ZONE_NAME_MAX);
    z->users = 1;
    return mem_grow(z, sizeof *z + z->count * sizeof z->segments[0]);
}
