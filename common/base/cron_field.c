/* cron_field: what a field may say. A field is a row of `fields`, and signs that people bring from other dialects get
 * their hint in `sign_hints`. Items add their values to the field's set; those that depend on the month (L, W, #) go
 * straight into the schedule. */
#include "common/base/cron_field.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { DIGITS_MAX = 4, H_DAYS_MAX = 28, HINT_MAX = 160 };

static const char *const month_names[] = {"JANUARY", "FEBRUARY",  "MARCH",   "APRIL",    "MAY",      "JUNE", "JULY",
                                          "AUGUST",  "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER", NULL};
static const char *const weekday_names[] = {"SUNDAY",   "MONDAY", "TUESDAY",  "WEDNESDAY",
                                            "THURSDAY", "FRIDAY", "SATURDAY", NULL};

static const struct cron_field fields[] = {
    [CRON_SECOND] = {"second", 's', 's', 0, 59, 59, 60, 59, "0-59", NULL},
    [CRON_MINUTE] = {"minute", 'm', 'm', 0, 59, 59, 60, 59, "0-59", NULL},
    [CRON_HOUR] = {"hour", 'h', 'h', 0, 23, 23, 24, 23, "0-23", NULL},
    [CRON_DAY_OF_MONTH] = {"day-of-month", 'D', 'd', 1, 31, 31, 31, H_DAYS_MAX, "1-31", NULL},
    [CRON_MONTH] = {"month", 'M', 0, 1, 12, 12, 12, 12, "1-12 or JAN-DEC", month_names},
    [CRON_WEEKDAY] = {"day-of-week", 'W', 0, 0, 7, 6, 7, 6, "0-7 or SUN-SAT", weekday_names},
    [CRON_YEAR] = {"year", 0, 0, CRON_YEAR_MIN, CRON_YEAR_MAX, CRON_YEAR_MAX, CRON_YEARS, 0, "1970-2199", NULL},
};

bool cron_refuse(const struct cron_parser *p, const char *format, ...)
{
    char reason[512];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    return err_set(p->e, ERR_USAGE, "%s (col %td): %s", p->field->name, p->item.at - p->text, reason);
}

static const struct {
    char sign;
    const char *hint;
} sign_hints[] = {
    {'~', "; use H(a-b) for a fixed value drawn from a range"},
    {'&', "; write + in front of day-of-week when both days must match"},
    {'+', "; + is only the first character of day-of-week"},
    {'$', "; use L for the last day of the month"},
    {'%', "; % has no meaning here"},
    {'?', "; ? stands alone, in day-of-month or day-of-week"},
    {'#', "; # follows a single day-of-week, as in FRI#2"},
    {'W', "; W is for a single day-of-month only, as in 15W or LW"},
    {'L', "; L is for the last day-of-month (L, L-3, LW) or a last day-of-week (FRIL) only, without ranges and steps"},
    {'H', "; H is written H, H/n, H(a-b) or H(a-b)/n"},
    {'(', "; parentheses only follow H"},
};

/* Is the character a sign rather than a letter of a name? "LW" is two signs. */
static bool is_sign(struct cron_piece item, size_t at)
{
    size_t first = at, end = at;
    while (first > 0 && isalpha((unsigned char)item.at[first - 1]))
        first--;
    while (end < item.len && isalpha((unsigned char)item.at[end]))
        end++;
    return end - first <= 2;
}

static const char *sign_hint(struct cron_piece item)
{
    for (size_t i = 0; i < sizeof sign_hints / sizeof *sign_hints; i++)
        for (size_t at = 0; at < item.len; at++)
            if (toupper((unsigned char)item.at[at]) == sign_hints[i].sign && is_sign(item, at))
                return sign_hints[i].hint;
    return "";
}

/* The item makes no sense; say what the field takes. */
static bool refuse_item(const struct cron_parser *p)
{
    return cron_refuse(p, "'%.*s' is not understood, allowed are %s%s", CRON_QUOTE(p->item), p->field->allowed,
                       sign_hint(p->item));
}

static const char *item_end(const struct cron_parser *p)
{
    return p->item.at + p->item.len;
}

bool cron_at_end(const struct cron_parser *p)
{
    return p->at == item_end(p);
}

char cron_peek(const struct cron_parser *p)
{
    return cron_at_end(p) ? '\0' : (char)toupper((unsigned char)*p->at);
}

bool cron_skip(struct cron_parser *p, char c)
{
    if (cron_peek(p) != c)
        return false;
    p->at++;
    return true;
}

static bool read_digits(struct cron_parser *p, int *value)
{
    const char *start = p->at;
    for (*value = 0; isdigit((unsigned char)cron_peek(p)); p->at++)
        if (p->at - start < DIGITS_MAX)
            *value = *value * 10 + (*p->at - '0');
    if (p->at == start)
        return refuse_item(p);
    if (p->at - start > DIGITS_MAX)
        return cron_refuse(p, "'%.*s' has more than %d digits, allowed are %s", CRON_QUOTE(p->item), DIGITS_MAX,
                           p->field->allowed);
    return true;
}

/* The index of the name in three letters or in full, case aside; -1 for none. */
static int find_name(const char *const *names, struct cron_piece word)
{
    for (int i = 0; names && names[i]; i++)
        if ((word.len == 3 || word.len == strlen(names[i])) && strncasecmp(word.at, names[i], word.len) == 0)
            return i;
    return -1;
}

static bool refuse_word(const struct cron_parser *p, struct cron_piece word)
{
    const char *const *names = p->field->names;
    for (int i = 0; names && word.len >= 3 && names[i]; i++)
        if (strncasecmp(word.at, names[i], 3) == 0)
            return cron_refuse(p, "unknown value '%.*s'; use %.3s or %s", CRON_QUOTE(word), names[i], names[i]);
    if (!names || word.len < 3)
        return refuse_item(p);
    return cron_refuse(p, "unknown value '%.*s', allowed are %s%s", CRON_QUOTE(word), p->field->allowed,
                       sign_hint(p->item));
}

/* A name; in day-of-week the L of FRIL is left unread. */
static bool read_name(struct cron_parser *p, int *value)
{
    struct cron_piece word = {.at = p->at};
    while (isalpha((unsigned char)cron_peek(p))) {
        p->at++;
        word.len++;
    }
    *value = find_name(p->field->names, word);
    if (*value < 0 && p->field == &fields[CRON_WEEKDAY] && word.len > 3 && toupper((unsigned char)p->at[-1]) == 'L') {
        *value = find_name(p->field->names, (struct cron_piece){word.at, word.len - 1});
        p->at--;
    }
    if (*value < 0)
        return refuse_word(p, word);
    *value += p->field->min;
    return true;
}

static bool in_range(const struct cron_parser *p, int value)
{
    if (value >= p->field->min && value <= p->field->max)
        return true;
    return cron_refuse(p, "%d is outside %s%s", value, p->field->allowed,
                       value > 999 && p->field != &fields[CRON_YEAR] ? "; use 7 fields for a year" : "");
}

static bool read_value(struct cron_parser *p, int *value)
{
    if (isalpha((unsigned char)cron_peek(p)))
        return read_name(p, value);
    return read_digits(p, value) && in_range(p, *value);
}

/* "/n"; `*step` is 1 when there is none. `room` is the largest step. */
static bool read_step(struct cron_parser *p, int room, int *step)
{
    char hint[HINT_MAX] = "";
    const char *unit = p->field->name;
    *step = 1;
    if (!cron_skip(p, '/'))
        return true;
    if (!isdigit((unsigned char)cron_peek(p)))
        return cron_refuse(p, "'%.*s' has no step: a number from 1 to %d follows the /", CRON_QUOTE(p->item), room);
    if (!read_digits(p, step))
        return false;
    if (*step == 0)
        return cron_refuse(p, "step 0 in '%.*s', allowed are 1-%d", CRON_QUOTE(p->item), room);
    if (*step <= room)
        return true;
    if (p->field == &fields[CRON_DAY_OF_MONTH])
        unit = "day";
    if (p->field->interval)
        snprintf(hint, sizeof hint, "; for every %d %ss write @every %d%c", *step, unit, *step, p->field->interval);
    return cron_refuse(p, "step %d is larger than %s (%d values)%s", *step,
                       room == p->field->count ? "the field" : "its range", room, hint);
}

static void select_value(struct cron_parser *p, int value)
{
    int bit = p->field == &fields[CRON_YEAR] ? value - CRON_YEAR_MIN : value;
    p->set[bit / 64] |= 1ull << (bit % 64);
}

/* Every `step`th value of the ring, `length` values from `first` on. */
static void select_ring(struct cron_parser *p, int first, int length, int step)
{
    for (int i = 0; i < length; i += step)
        select_value(p, p->field->min + (first - p->field->min + i) % p->field->count);
}

/* A step through a whole field that starts again at its beginning, remembered for the warnings. */
static void note_step(struct cron_parser *p, int step)
{
    if (p->field == &fields[CRON_DAY_OF_MONTH])
        p->cron->day_step = p->cron->day_step || (step > 1 && step < p->field->max);
    else if (p->field != &fields[CRON_YEAR] && p->field->count % step != 0)
        p->cron->uneven = true;
}

static void select_range(struct cron_parser *p, int first, int last, int step)
{
    const struct cron_field *f = p->field;
    int length = last - first + 1;
    if (first > last)
        length += f->count;
    select_ring(p, first, length, step);
    if (first == f->min && length >= f->count)
        note_step(p, step);
}

static bool finish(struct cron_parser *p)
{
    return cron_at_end(p) || refuse_item(p);
}

static bool read_star(struct cron_parser *p)
{
    int step;
    p->at++;
    if (!read_step(p, p->field->count, &step) || !finish(p))
        return false;
    p->any = p->any || step == 1;
    select_range(p, p->field->min, p->field->last, step);
    return true;
}

static uint64_t hash_of(const char *name, char letter)
{
    uint64_t x = 0xcbf29ce484222325u;
    for (const char *c = name; *c; c++)
        x = (x ^ (unsigned char)*c) * 0x100000001b3u;
    x = (x ^ 0) * 0x100000001b3u;
    x = (x ^ (unsigned char)letter) * 0x100000001b3u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* "(a-b)" after H, Sunday only as 0. */
static bool read_h_range(struct cron_parser *p, int *first, int *last)
{
    *first = p->field->min;
    *last = p->field->h_last;
    if (!cron_skip(p, '('))
        return true;
    if (!read_value(p, first))
        return false;
    if (!cron_skip(p, '-'))
        return refuse_item(p);
    if (!read_value(p, last))
        return false;
    if (!cron_skip(p, ')'))
        return refuse_item(p);
    if (*first > p->field->last || *last > p->field->last)
        return cron_refuse(p, "7 in '%.*s'; inside H(...) Sunday is 0", CRON_QUOTE(p->item));
    if (*first > *last)
        return cron_refuse(p, "the range of '%.*s' runs backwards", CRON_QUOTE(p->item));
    return true;
}

static bool read_h(struct cron_parser *p)
{
    int first, last, step;
    p->at++;
    if (!p->field->letter)
        return cron_refuse(p, "'%.*s': H is not accepted here, allowed are %s", CRON_QUOTE(p->item), p->field->allowed);
    bool has_step, whole = cron_peek(p) != '(';
    if (!read_h_range(p, &first, &last))
        return false;
    has_step = cron_peek(p) == '/';
    if (!read_step(p, last - first + 1, &step) || !finish(p))
        return false;
    if (!*p->name)
        return cron_refuse(p, "'%.*s' needs the name of a schedule to be computed from", CRON_QUOTE(p->item));
    uint64_t span = has_step ? (uint64_t)step : (uint64_t)(last - first + 1);
    int value = first + (int)(hash_of(p->name, p->field->letter) % span);
    for (select_value(p, value); has_step && value + step <= last; select_value(p, value))
        value += step;
    if (has_step && whole && p->field != &fields[CRON_DAY_OF_MONTH])
        note_step(p, step);
    return true;
}

/* L, L-n, LW, L-nW in day-of-month. */
static bool read_last_day(struct cron_parser *p)
{
    int before = 0;
    p->at++;
    if (cron_skip(p, '-')) {
        if (!read_digits(p, &before))
            return false;
        if (before < 1 || before > 30)
            return cron_refuse(p, "'%.*s': L-n takes n from 1 to 30", CRON_QUOTE(p->item));
    }
    bool workday = cron_skip(p, 'W');
    if (!finish(p))
        return false;
    *(workday ? &p->cron->workdays_last : &p->cron->days_last) |= 1u << before;
    return true;
}

/* After a day of the week: "L", "#L", "#k". */
static bool read_nth(struct cron_parser *p, int weekday)
{
    bool numbered = cron_skip(p, '#');
    int nth;
    weekday %= 7;
    if (cron_skip(p, 'L')) {
        p->cron->weekdays_last |= (uint8_t)(1u << weekday);
        return finish(p);
    }
    if (!numbered || !isdigit((unsigned char)cron_peek(p)))
        return cron_refuse(p, "'%.*s': 1 to 5 or L follows the #", CRON_QUOTE(p->item));
    if (!read_digits(p, &nth) || !finish(p))
        return false;
    if (nth < 1 || nth > 5)
        return cron_refuse(p, "'%.*s': a month has the 1st to 5th such day, #%d is outside 1-5", CRON_QUOTE(p->item),
                           nth);
    p->cron->weekdays_nth |= 1ull << (7 * (nth - 1) + weekday);
    return true;
}

static bool read_workday(struct cron_parser *p, int day)
{
    p->at++;
    p->cron->workdays |= 1u << day;
    return finish(p);
}

/* "-b" and "/n" after the first value. */
static bool read_range(struct cron_parser *p, int first)
{
    int last = first, step;
    const struct cron_field *f = p->field;
    bool ranged = cron_skip(p, '-');
    if (ranged && !read_value(p, &last))
        return false;
    bool stepped = cron_peek(p) == '/';
    if (!read_step(p, f->count, &step) || !finish(p))
        return false;
    if (f == &fields[CRON_YEAR] && first > last)
        return cron_refuse(p, "the range '%.*s' runs backwards", CRON_QUOTE(p->item));
    if (stepped && !ranged && first > f->last)
        return cron_refuse(p, "'%.*s': a step from 7 has nowhere to go; Sunday with a step is 0/n",
                           CRON_QUOTE(p->item));
    if (stepped && !ranged)
        last = f->last;
    if (first > f->last && last > f->last)
        last = f->min;
    if (first > f->last)
        first = f->min;
    select_range(p, first, last, step);
    return true;
}

static bool read_item(struct cron_parser *p)
{
    int value;
    p->at = p->item.at;
    if (p->item.len == 0)
        return cron_refuse(p, "empty item in a list, allowed are %s", p->field->allowed);
    if (cron_peek(p) == '*')
        return read_star(p);
    if (cron_peek(p) == 'H')
        return read_h(p);
    if (cron_peek(p) == 'L' && p->field == &fields[CRON_DAY_OF_MONTH])
        return read_last_day(p);
    if (cron_peek(p) == 'L' && p->item.len == 1 && p->field == &fields[CRON_WEEKDAY])
        return cron_refuse(p, "a lone 'L' is ambiguous; SAT, or 6L for the last Saturday");
    if (!read_value(p, &value))
        return false;
    if (cron_peek(p) == 'W' && p->field == &fields[CRON_DAY_OF_MONTH])
        return read_workday(p, value);
    if ((cron_peek(p) == 'L' || cron_peek(p) == '#') && p->field == &fields[CRON_WEEKDAY])
        return read_nth(p, value);
    return read_range(p, value);
}

static void keep_set(const struct cron_parser *p)
{
    struct cron *c = p->cron;
    switch ((enum cron_unit)(p->field - fields)) {
    case CRON_SECOND:
        c->seconds = p->set[0];
        break;
    case CRON_MINUTE:
        c->minutes = p->set[0];
        break;
    case CRON_HOUR:
        c->hours = (uint32_t)p->set[0];
        break;
    case CRON_DAY_OF_MONTH:
        c->days = (uint32_t)p->set[0];
        c->any_day = p->any;
        break;
    case CRON_MONTH:
        c->months = (uint16_t)p->set[0];
        break;
    case CRON_WEEKDAY:
        c->weekdays = (uint8_t)p->set[0];
        c->any_weekday = p->any;
        break;
    case CRON_YEAR:
        memcpy(c->years, p->set, sizeof c->years);
        break;
    }
}

/* "?": as good as "*" where it may stand. */
static bool read_any(struct cron_parser *p)
{
    if (p->field != &fields[CRON_DAY_OF_MONTH] && p->field != &fields[CRON_WEEKDAY])
        return cron_refuse(p, "'?' is only for day-of-month and day-of-week; use *, allowed are %s", p->field->allowed);
    p->any = true;
    select_range(p, p->field->min, p->field->last, 1);
    return true;
}

static bool read_items(struct cron_parser *p, struct cron_piece text)
{
    const char *end = text.at + text.len;
    for (const char *at = text.at;; at++) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        p->item = (struct cron_piece){at, (size_t)((comma ? comma : end) - at)};
        if (!read_item(p))
            return false;
        if (!comma)
            return true;
        at = comma;
    }
}

bool cron_read_field(struct cron_parser *p, enum cron_unit unit, struct cron_piece text)
{
    p->field = &fields[unit];
    p->item = text;
    p->any = false;
    memset(p->set, 0, sizeof p->set);
    if (unit == CRON_WEEKDAY && *text.at == '+') {
        p->cron->both = true;
        text.at++;
        text.len--;
        if (text.len == 0)
            return cron_refuse(p, "'+' is followed by nothing, allowed are %s", p->field->allowed);
    }
    bool any = text.len == 1 && *text.at == '?';
    if (!(any ? read_any(p) : read_items(p, text)))
        return false;
    keep_set(p);
    return true;
}
