/* cron_parse: what an expression may say. A field is a row of `fields`, a nickname a row of `nicknames`, and what people
 * bring from other cron dialects gets its hint in the tables of hints. Every refusal names column, field and text. */
#include "common/base/cron_inside.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DIGITS_MAX = 4, WORDS_MAX = 7, H_DAYS_MAX = 28, HINT_MAX = 160, INTERVAL_DIGITS_MAX = 9 };
enum { INTERVAL_MAX = 366 * CRON_DAY };

enum unit { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR };

static const char *const month_names[] = {"JANUARY", "FEBRUARY", "MARCH",     "APRIL",   "MAY",      "JUNE",    "JULY",
                                          "AUGUST",  "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER", NULL};
static const char *const weekday_names[] = {"SUNDAY",   "MONDAY", "TUESDAY",  "WEDNESDAY",
                                            "THURSDAY", "FRIDAY", "SATURDAY", NULL};

static const struct field {
    const char *name;
    char letter;         /* what H mixes in, 0 where H is not accepted */
    char interval;       /* the unit of @every to point to, 0 for none */
    int min, max;        /* the values that may be written */
    int last;            /* the last one counted by a/n: 7 is Sunday again */
    int count;           /* different values: the ring of a range, and the largest step */
    int h_last;          /* the last value of H without a range */
    const char *allowed; /* for messages */
    const char *const *names;
} fields[] = {
    [SECOND] = {"second", 's', 's', 0, 59, 59, 60, 59, "0-59", NULL},
    [MINUTE] = {"minute", 'm', 'm', 0, 59, 59, 60, 59, "0-59", NULL},
    [HOUR] = {"hour", 'h', 'h', 0, 23, 23, 24, 23, "0-23", NULL},
    [DAY] = {"day-of-month", 'D', 'd', 1, 31, 31, 31, H_DAYS_MAX, "1-31", NULL},
    [MONTH] = {"month", 'M', 0, 1, 12, 12, 12, 12, "1-12 or JAN-DEC", month_names},
    [WEEKDAY] = {"day-of-week", 'W', 0, 0, 7, 6, 7, 6, "0-7 or SUN-SAT", weekday_names},
    [YEAR] = {"year", 0, 0, CRON_YEAR_MIN, CRON_YEAR_MAX, CRON_YEAR_MAX, CRON_YEARS, 0, "1970-2199", NULL},
};

/* A piece of the text. */
struct piece {
    const char *at;
    size_t len;
};

struct parser {
    const char *text;   /* the whole, for columns */
    const char *name;   /* of the schedule */
    struct cron *cron;
    const struct field *field;
    struct piece item;  /* what a message quotes */
    const char *at;     /* how far it is read; ends at item.at + item.len */
    uint64_t set[CRON_YEAR_WORDS]; /* values of this field; year n is bit n - CRON_YEAR_MIN */
    bool any;                      /* an item of this field is "*" */
    struct err *e;
};

/* ---- messages ---- */

/* "minute (col 0): …". Always false. */
static bool refuse(const struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(const struct parser *p, const char *format, ...)
{
    char reason[512];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    return err_set(p->e, ERR_USAGE, "%s (col %td): %s", p->field->name, p->item.at - p->text, reason);
}

/* For "'%.*s'": the item, shortened when it is long. */
enum { QUOTE_MAX = 64 };
#define QUOTE(piece) (int)((piece).len < QUOTE_MAX ? (piece).len : QUOTE_MAX), (piece).at

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
static bool is_sign(struct piece item, size_t at)
{
    size_t first = at, end = at;
    while (first > 0 && isalpha((unsigned char)item.at[first - 1]))
        first--;
    while (end < item.len && isalpha((unsigned char)item.at[end]))
        end++;
    return end - first <= 2;
}

static const char *sign_hint(struct piece item)
{
    for (size_t i = 0; i < sizeof sign_hints / sizeof *sign_hints; i++)
        for (size_t at = 0; at < item.len; at++)
            if (toupper((unsigned char)item.at[at]) == sign_hints[i].sign && is_sign(item, at))
                return sign_hints[i].hint;
    return "";
}

/* The item makes no sense; say what the field takes. */
static bool refuse_item(const struct parser *p)
{
    return refuse(p, "'%.*s' is not understood, allowed are %s%s", QUOTE(p->item), p->field->allowed,
                  sign_hint(p->item));
}

/* ---- small readers ---- */

static const char *item_end(const struct parser *p)
{
    return p->item.at + p->item.len;
}

static bool at_end(const struct parser *p)
{
    return p->at == item_end(p);
}

/* The next character in upper case, 0 at the end. */
static char peek(const struct parser *p)
{
    return at_end(p) ? '\0' : (char)toupper((unsigned char)*p->at);
}

static bool skip(struct parser *p, char c)
{
    if (peek(p) != c)
        return false;
    p->at++;
    return true;
}

static bool read_digits(struct parser *p, int *value)
{
    const char *start = p->at;
    for (*value = 0; isdigit((unsigned char)peek(p)); p->at++)
        if (p->at - start < DIGITS_MAX)
            *value = *value * 10 + (*p->at - '0');
    if (p->at == start)
        return refuse_item(p);
    if (p->at - start > DIGITS_MAX)
        return refuse(p, "'%.*s' has more than %d digits, allowed are %s", QUOTE(p->item), DIGITS_MAX,
                      p->field->allowed);
    return true;
}

/* The index of the name in three letters or in full, case aside; -1 for none. */
static int find_name(const char *const *names, struct piece word)
{
    for (int i = 0; names && names[i]; i++)
        if ((word.len == 3 || word.len == strlen(names[i])) && strncasecmp(word.at, names[i], word.len) == 0)
            return i;
    return -1;
}

static bool refuse_word(const struct parser *p, struct piece word)
{
    const char *const *names = p->field->names;
    for (int i = 0; names && word.len >= 3 && names[i]; i++)
        if (strncasecmp(word.at, names[i], 3) == 0)
            return refuse(p, "unknown value '%.*s'; use %.3s or %s", QUOTE(word), names[i], names[i]);
    if (!names || word.len < 3)
        return refuse_item(p);
    return refuse(p, "unknown value '%.*s', allowed are %s%s", QUOTE(word), p->field->allowed, sign_hint(p->item));
}

/* A name; in day-of-week the L of FRIL is left unread. */
static bool read_name(struct parser *p, int *value)
{
    struct piece word = {.at = p->at};
    while (isalpha((unsigned char)peek(p))) {
        p->at++;
        word.len++;
    }
    *value = find_name(p->field->names, word);
    if (*value < 0 && p->field == &fields[WEEKDAY] && word.len > 3 && toupper((unsigned char)p->at[-1]) == 'L') {
        *value = find_name(p->field->names, (struct piece){word.at, word.len - 1});
        p->at--;
    }
    if (*value < 0)
        return refuse_word(p, word);
    *value += p->field->min;
    return true;
}

static bool in_range(const struct parser *p, int value)
{
    if (value >= p->field->min && value <= p->field->max)
        return true;
    return refuse(p, "%d is outside %s%s", value, p->field->allowed,
                  value > 999 && p->field != &fields[YEAR] ? "; use 7 fields for a year" : "");
}

static bool read_value(struct parser *p, int *value)
{
    if (isalpha((unsigned char)peek(p)))
        return read_name(p, value);
    return read_digits(p, value) && in_range(p, *value);
}

/* "/n"; `*step` is 1 when there is none. `room` is the largest step. */
static bool read_step(struct parser *p, int room, int *step)
{
    char hint[HINT_MAX] = "";
    const char *unit = p->field->name;
    *step = 1;
    if (!skip(p, '/'))
        return true;
    if (!isdigit((unsigned char)peek(p)))
        return refuse(p, "'%.*s' has no step: a number from 1 to %d follows the /", QUOTE(p->item), room);
    if (!read_digits(p, step))
        return false;
    if (*step == 0)
        return refuse(p, "step 0 in '%.*s', allowed are 1-%d", QUOTE(p->item), room);
    if (*step <= room)
        return true;
    if (p->field == &fields[DAY])
        unit = "day";
    if (p->field->interval)
        snprintf(hint, sizeof hint, "; for every %d %ss write @every %d%c", *step, unit, *step, p->field->interval);
    return refuse(p, "step %d is larger than %s (%d values)%s", *step, room == p->field->count ? "the field" : "its range",
                  room, hint);
}

/* ---- sets ---- */

static void select_value(struct parser *p, int value)
{
    int bit = p->field == &fields[YEAR] ? value - CRON_YEAR_MIN : value;
    p->set[bit / 64] |= 1ull << (bit % 64);
}

/* Every `step`th value of the ring, `length` values from `first` on. */
static void select_ring(struct parser *p, int first, int length, int step)
{
    for (int i = 0; i < length; i += step)
        select_value(p, p->field->min + (first - p->field->min + i) % p->field->count);
}

/* A step through a whole field that starts again at its beginning, remembered for the warnings. */
static void note_step(struct parser *p, int step)
{
    if (p->field == &fields[DAY])
        p->cron->day_step = p->cron->day_step || (step > 1 && step < p->field->max);
    else if (p->field != &fields[YEAR] && p->field->count % step != 0)
        p->cron->uneven = true;
}

static void select_range(struct parser *p, int first, int last, int step)
{
    const struct field *f = p->field;
    int length = last - first + 1;
    if (first > last)
        length += f->count;
    select_ring(p, first, length, step);
    if (first == f->min && length >= f->count)
        note_step(p, step);
}

/* ---- items ---- */

static bool finish(struct parser *p)
{
    return at_end(p) || refuse_item(p);
}

static bool read_star(struct parser *p)
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
static bool read_h_range(struct parser *p, int *first, int *last)
{
    *first = p->field->min;
    *last = p->field->h_last;
    if (!skip(p, '('))
        return true;
    if (!read_value(p, first))
        return false;
    if (!skip(p, '-'))
        return refuse_item(p);
    if (!read_value(p, last))
        return false;
    if (!skip(p, ')'))
        return refuse_item(p);
    if (*first > p->field->last || *last > p->field->last)
        return refuse(p, "7 in '%.*s'; inside H(...) Sunday is 0", QUOTE(p->item));
    if (*first > *last)
        return refuse(p, "the range of '%.*s' runs backwards", QUOTE(p->item));
    return true;
}

static bool read_h(struct parser *p)
{
    int first, last, step;
    p->at++;
    if (!p->field->letter)
        return refuse(p, "'%.*s': H is not accepted here, allowed are %s", QUOTE(p->item), p->field->allowed);
    bool has_step, whole = peek(p) != '(';
    if (!read_h_range(p, &first, &last))
        return false;
    has_step = peek(p) == '/';
    if (!read_step(p, last - first + 1, &step) || !finish(p))
        return false;
    if (!*p->name)
        return refuse(p, "'%.*s' needs the name of a schedule to be computed from", QUOTE(p->item));
    uint64_t span = has_step ? (uint64_t)step : (uint64_t)(last - first + 1);
    int value = first + (int)(hash_of(p->name, p->field->letter) % span);
    for (select_value(p, value); has_step && value + step <= last; select_value(p, value))
        value += step;
    if (has_step && whole && p->field != &fields[DAY])
        note_step(p, step);
    return true;
}

/* L, L-n, LW, L-nW in day-of-month. */
static bool read_last_day(struct parser *p)
{
    int before = 0;
    p->at++;
    if (skip(p, '-')) {
        if (!read_digits(p, &before))
            return false;
        if (before < 1 || before > 30)
            return refuse(p, "'%.*s': L-n takes n from 1 to 30", QUOTE(p->item));
    }
    bool workday = skip(p, 'W');
    if (!finish(p))
        return false;
    *(workday ? &p->cron->workdays_last : &p->cron->days_last) |= 1u << before;
    return true;
}

/* After a day of the week: "L", "#L", "#k". */
static bool read_nth(struct parser *p, int weekday)
{
    bool numbered = skip(p, '#');
    int nth;
    weekday %= 7;
    if (skip(p, 'L')) {
        p->cron->weekdays_last |= (uint8_t)(1u << weekday);
        return finish(p);
    }
    if (!numbered || !isdigit((unsigned char)peek(p)))
        return refuse(p, "'%.*s': 1 to 5 or L follows the #", QUOTE(p->item));
    if (!read_digits(p, &nth) || !finish(p))
        return false;
    if (nth < 1 || nth > 5)
        return refuse(p, "'%.*s': a month has the 1st to 5th such day, #%d is outside 1-5", QUOTE(p->item), nth);
    p->cron->weekdays_nth |= 1ull << (7 * (nth - 1) + weekday);
    return true;
}

static bool read_workday(struct parser *p, int day)
{
    p->at++;
    p->cron->workdays |= 1u << day;
    return finish(p);
}

/* "-b" and "/n" after the first value. */
static bool read_range(struct parser *p, int first)
{
    int last = first, step;
    const struct field *f = p->field;
    bool ranged = skip(p, '-');
    if (ranged && !read_value(p, &last))
        return false;
    bool stepped = peek(p) == '/';
    if (!read_step(p, f->count, &step) || !finish(p))
        return false;
    if (f == &fields[YEAR] && first > last)
        return refuse(p, "the range '%.*s' runs backwards", QUOTE(p->item));
    if (stepped && !ranged && first > f->last)
        return refuse(p, "'%.*s': a step from 7 has nowhere to go; Sunday with a step is 0/n", QUOTE(p->item));
    if (stepped && !ranged)
        last = f->last;
    if (first > f->last && last > f->last)
        last = f->min;
    if (first > f->last)
        first = f->min;
    select_range(p, first, last, step);
    return true;
}

static bool read_item(struct parser *p)
{
    int value;
    p->at = p->item.at;
    if (p->item.len == 0)
        return refuse(p, "empty item in a list, allowed are %s", p->field->allowed);
    if (peek(p) == '*')
        return read_star(p);
    if (peek(p) == 'H')
        return read_h(p);
    if (peek(p) == 'L' && p->field == &fields[DAY])
        return read_last_day(p);
    if (peek(p) == 'L' && p->item.len == 1 && p->field == &fields[WEEKDAY])
        return refuse(p, "a lone 'L' is ambiguous; SAT, or 6L for the last Saturday");
    if (!read_value(p, &value))
        return false;
    if (peek(p) == 'W' && p->field == &fields[DAY])
        return read_workday(p, value);
    if ((peek(p) == 'L' || peek(p) == '#') && p->field == &fields[WEEKDAY])
        return read_nth(p, value);
    return read_range(p, value);
}

/* ---- fields ---- */

static void keep_set(const struct parser *p)
{
    struct cron *c = p->cron;
    switch ((enum unit)(p->field - fields)) {
    case SECOND:
        c->seconds = p->set[0];
        break;
    case MINUTE:
        c->minutes = p->set[0];
        break;
    case HOUR:
        c->hours = (uint32_t)p->set[0];
        break;
    case DAY:
        c->days = (uint32_t)p->set[0];
        c->any_day = p->any;
        break;
    case MONTH:
        c->months = (uint16_t)p->set[0];
        break;
    case WEEKDAY:
        c->weekdays = (uint8_t)p->set[0];
        c->any_weekday = p->any;
        break;
    case YEAR:
        memcpy(c->years, p->set, sizeof c->years);
        break;
    }
}

/* "?": as good as "*" where it may stand. */
static bool read_any(struct parser *p)
{
    if (p->field != &fields[DAY] && p->field != &fields[WEEKDAY])
        return refuse(p, "'?' is only for day-of-month and day-of-week; use *, allowed are %s", p->field->allowed);
    p->any = true;
    select_range(p, p->field->min, p->field->last, 1);
    return true;
}

static bool read_items(struct parser *p, struct piece text)
{
    const char *end = text.at + text.len;
    for (const char *at = text.at;; at++) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        p->item = (struct piece){at, (size_t)((comma ? comma : end) - at)};
        if (!read_item(p))
            return false;
        if (!comma)
            return true;
        at = comma;
    }
}

static bool read_field(struct parser *p, enum unit unit, struct piece text)
{
    p->field = &fields[unit];
    p->item = text;
    p->any = false;
    memset(p->set, 0, sizeof p->set);
    if (unit == WEEKDAY && *text.at == '+') {
        p->cron->both = true;
        text.at++;
        text.len--;
        if (text.len == 0)
            return refuse(p, "'+' is followed by nothing, allowed are %s", p->field->allowed);
    }
    bool any = text.len == 1 && *text.at == '?';
    if (!(any ? read_any(p) : read_items(p, text)))
        return false;
    keep_set(p);
    return true;
}

/* Cut at blanks. Returns the number of words, also when there are more than fit. */
static size_t split(const char *text, struct piece words[WORDS_MAX])
{
    size_t count = 0;
    for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
        size_t len = strcspn(text, " \t");
        if (count < WORDS_MAX)
            words[count] = (struct piece){text, len};
        count++;
        text += len;
    }
    return count;
}

static bool starts_with(const char *text, const char *start)
{
    return strncasecmp(text, start, strlen(start)) == 0;
}

static const struct {
    const char *start;
    const char *hint;
} shape_hints[] = {
    {"cron(", "; write the fields without cron( )"},
    {"rate(", "; write @every, as in @every 5m"},
    {"RRULE", "; recurrence rules (RFC 5545) are not accepted"},
    {"FREQ=", "; recurrence rules (RFC 5545) are not accepted"},
    {"DTSTART", "; recurrence rules (RFC 5545) are not accepted"},
    {"every", "; for an interval write @every, as in @every 5m"},
};

/* A zone written last, where fugit and others want it. */
static bool is_zone_like(struct piece word)
{
    const char *slash = memchr(word.at, '/', word.len);
    bool utc = word.len == 3 && (starts_with(word.at, "UTC") || starts_with(word.at, "GMT"));
    return utc || (slash && isalpha((unsigned char)*word.at) && isalpha((unsigned char)slash[1]));
}

/* Forms of other dialects that no single field can explain. */
static bool refuse_shape(const struct parser *p, const char *text, const struct piece *words, size_t count)
{
    for (size_t i = 0; i < sizeof shape_hints / sizeof *shape_hints; i++)
        if (starts_with(text, shape_hints[i].start))
            return err_set(p->e, ERR_USAGE, "'%.*s' (col %td) is not an expression%s", QUOTE(words[0]),
                           words[0].at - p->text, shape_hints[i].hint);
    for (size_t i = 0; i < count && i < WORDS_MAX; i++)
        if (*words[i].at == '#')
            return err_set(p->e, ERR_USAGE, "'%.*s' (col %td): comments are not accepted", QUOTE(words[i]),
                           words[i].at - p->text);
    const struct piece *last = &words[(count < WORDS_MAX ? count : WORDS_MAX) - 1];
    if (count > 5 && is_zone_like(*last))
        return err_set(p->e, ERR_USAGE, "'%.*s' (col %td): a time zone goes in front, CRON_TZ=%.*s", QUOTE(*last),
                       last->at - p->text, QUOTE(*last));
    return true;
}

static bool read_fields(struct parser *p, const char *text)
{
    struct piece words[WORDS_MAX];
    size_t count = split(text, words);
    if (count > 0 && !refuse_shape(p, words[0].at, words, count))
        return false;
    if (count < 5 || count > WORDS_MAX)
        return err_set(p->e, ERR_USAGE, "expected 5, 6 (seconds first) or 7 fields, found %zu", count);
    enum unit first = count == 5 ? MINUTE : SECOND;
    p->cron->seconds = 1;
    memset(p->cron->years, 0xff, sizeof p->cron->years);
    for (size_t i = 0; i < count; i++)
        if (!read_field(p, (enum unit)(first + i), words[i]))
            return false;
    return true;
}

/* ---- nicknames and intervals ---- */

static const struct {
    const char *name;
    const char *fields;  /* NULL: refused, */
    const char *instead; /* because of this */
} nicknames[] = {
    {"@yearly", "0 0 1 1 *", NULL},
    {"@annually", "0 0 1 1 *", NULL},
    {"@monthly", "0 0 1 * *", NULL},
    {"@weekly", "0 0 * * 0", NULL},
    {"@daily", "0 0 * * *", NULL},
    {"@midnight", "0 0 * * *", NULL},
    {"@hourly", "0 * * * *", NULL},
    {"@minutely", "* * * * *", NULL},
    {"@reboot", NULL, "schedules run on several machines, none of which has a boot that counts"},
    {"@secondly", NULL, "write * * * * * * or @every 1s"},
    {"@weekdays", NULL, "write 0 0 * * MON-FRI"},
    {"@weekends", NULL, "write 0 0 * * SAT,SUN"},
    {"@at", NULL, "a single moment is no schedule expression"},
};

static bool refuse_rest(const struct parser *p, struct piece word, const char *hint)
{
    return err_set(p->e, ERR_USAGE, "'%.*s' (col %td): nothing may follow here%s", QUOTE(word), word.at - p->text, hint);
}

static bool read_nickname(struct parser *p, const struct piece *words, size_t count)
{
    struct piece word = words[0];
    for (size_t i = 0; i < sizeof nicknames / sizeof *nicknames; i++) {
        if (strlen(nicknames[i].name) != word.len || strncasecmp(nicknames[i].name, word.at, word.len) != 0)
            continue;
        if (nicknames[i].fields && count > 1)
            return refuse_rest(p, words[1], "");
        if (nicknames[i].fields)
            return read_fields(p, nicknames[i].fields);
        return err_set(p->e, ERR_USAGE, "nickname (col %td): '%.*s' is not accepted; %s", word.at - p->text, QUOTE(word),
                       nicknames[i].instead);
    }
    return err_set(p->e, ERR_USAGE,
                   "nickname (col %td): unknown '%.*s', allowed are @yearly @annually @monthly @weekly @daily @midnight "
                   "@hourly @minutely and @every", word.at - p->text, QUOTE(word));
}

static const struct field interval_field = {.name = "interval", .allowed = "1s-366d"};

static bool refuse_interval(const struct parser *p)
{
    return refuse(p, "'%.*s' is not understood; write whole numbers with w d h m s, large to small, each once, as in "
                  "1h30m, and /phase if wanted", QUOTE(p->item));
}

/* A duration up to `stop` or the end of the item. */
static bool read_duration(struct parser *p, char stop, int64_t *seconds)
{
    static const struct {
        char letter;
        int64_t size;
    } units[] = {{'w', 7 * CRON_DAY}, {'d', CRON_DAY}, {'h', 3600}, {'m', 60}, {'s', 1}};
    size_t next = 0, count = sizeof units / sizeof *units;
    *seconds = 0;
    do {
        int64_t number = 0;
        int digits = 0;
        for (; isdigit((unsigned char)peek(p)) && digits <= INTERVAL_DIGITS_MAX; p->at++, digits++)
            number = number * 10 + (*p->at - '0');
        if (digits == 0 || digits > INTERVAL_DIGITS_MAX || at_end(p))
            return refuse_interval(p);
        while (next < count && units[next].letter != *p->at)
            next++;
        if (next == count)
            return refuse_interval(p);
        *seconds += number * units[next++].size;
        p->at++;
    } while (!at_end(p) && *p->at != stop);
    return true;
}

/* "duration[/phase]" */
static bool read_interval(struct parser *p, struct piece word)
{
    int64_t interval, phase = 0;
    p->field = &interval_field;
    p->item = word;
    p->at = word.at;
    if (!read_duration(p, '/', &interval) || (skip(p, '/') && !read_duration(p, '\0', &phase)))
        return false;
    if (interval < 1 || interval > INTERVAL_MAX)
        return refuse(p, "'%.*s' is outside 1s-366d", QUOTE(word));
    if (phase >= interval)
        return refuse(p, "'%.*s': the phase must be shorter than the interval", QUOTE(word));
    p->cron->interval = (uint32_t)interval;
    p->cron->phase = (uint32_t)phase;
    return true;
}

static bool read_at_sign(struct parser *p, const char *text)
{
    struct piece words[WORDS_MAX];
    size_t count = split(text, words);
    if (words[0].len != strlen("@every") || !starts_with(words[0].at, "@every"))
        return read_nickname(p, words, count);
    if (count < 2)
        return err_set(p->e, ERR_USAGE, "interval (col %td): @every is followed by an interval, 1s-366d, as in @every 5m",
                       words[0].at - p->text);
    if (count > 2)
        return refuse_rest(p, words[2], "; an interval is one word, as in 1h30m");
    return read_interval(p, words[1]);
}

/* ---- the whole ---- */

static bool check_bytes(const char *text, struct err *e)
{
    size_t len = strnlen(text, CRON_TEXT_MAX + 1);
    if (len > CRON_TEXT_MAX)
        return err_set(e, ERR_USAGE, "the expression is longer than %d bytes", CRON_TEXT_MAX);
    for (size_t i = 0; i < len; i++)
        if (text[i] != '\t' && (text[i] < 0x20 || text[i] > 0x7e))
            return err_set(e, ERR_USAGE, "byte 0x%02x (col %zu) is not printable ASCII", (unsigned char)text[i], i);
    return true;
}

static size_t prefix_len(const char *text)
{
    return starts_with(text, "CRON_TZ=") ? 8 : starts_with(text, "TZ=") ? 3 : 0;
}

/* Read "CRON_TZ=zone" into `zone`, empty when there is none, and move `*text` behind it and its blanks. */
static bool read_prefix(const struct parser *p, const char **text, char zone[static CRON_TEXT_MAX + 1])
{
    size_t prefix = prefix_len(*text), len = strcspn(*text + prefix, " \t");
    zone[0] = '\0';
    if (prefix == 0)
        return true;
    if (strncmp(*text, prefix == 3 ? "TZ=" : "CRON_TZ=", prefix) != 0)
        return err_set(p->e, ERR_USAGE, "time zone (col %td): write '%.*s' in capitals", *text - p->text, (int)prefix,
                       *text);
    if (len == 0)
        return err_set(p->e, ERR_USAGE, "time zone (col %td): '%.*s' is followed by no name", *text - p->text,
                       (int)prefix, *text);
    memcpy(zone, *text + prefix, len);
    zone[len] = '\0';
    *text += prefix + len;
    *text += strspn(*text, " \t");
    if (prefix_len(*text) > 0)
        return err_set(p->e, ERR_USAGE, "time zone (col %td): two different time zones; one prefix is all", *text - p->text);
    return true;
}

/* Open the zone that counts: the prefix's or the schedule's, which may not differ. */
static bool open_zone(const struct parser *p, const char *prefix, const char *tz)
{
    if (*prefix && *tz && strcmp(prefix, tz) != 0)
        return err_set(p->e, ERR_USAGE, "two different time zones: '%.*s' in the expression, '%.*s' beside it", QUOTE_MAX,
                       prefix, QUOTE_MAX, tz);
    const char *name = *prefix ? prefix : *tz ? tz : NULL;
    p->cron->zone = zone_open(name, p->e);
    return p->cron->zone != NULL;
}

/* An interval is elapsed time: a zone beside it was checked and no longer matters, one inside it is a mistake. */
static bool drop_zone(const struct parser *p, const char *prefix)
{
    if (*prefix)
        return err_set(p->e, ERR_USAGE, "@every has no time zone; leave out '%.*s'", QUOTE_MAX, prefix);
    zone_close(p->cron->zone);
    p->cron->zone = zone_open(NULL, p->e);
    return true;
}

static bool parse(struct parser *p, const char *tz)
{
    char prefix[CRON_TEXT_MAX + 1];
    const char *text = p->text + strspn(p->text, " \t");
    if (!read_prefix(p, &text, prefix) || !open_zone(p, prefix, tz))
        return false;
    if (!(*text == '@' ? read_at_sign(p, text) : read_fields(p, text)))
        return false;
    return p->cron->interval == 0 || drop_zone(p, prefix);
}

struct cron *cron_parse(const char *text, const char *tz, const char *name, struct err *e)
{
    if (!check_bytes(text, e))
        return NULL;
    struct parser p = {.text = text, .name = name ? name : "", .cron = mem_zero(1, sizeof *p.cron), .e = e};
    if (parse(&p, tz ? tz : ""))
        return p.cron;
    cron_free(p.cron);
    return NULL;
}
