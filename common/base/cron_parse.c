/* cron_parse: what an expression may be: a prefix, then fields, a nickname (a row of `nicknames`) or an interval. Forms
 * of other dialects get their hint in `shape_hints`. What a field may say is decided in cron_field.c. */
#include "common/base/cron_field.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORDS_MAX = 7, INTERVAL_DIGITS_MAX = 9, INTERVAL_MAX = 366 * CRON_DAY };

/* Cut at blanks. Returns the number of words, also when there are more than fit. */
static size_t split(const char *text, struct cron_piece words[WORDS_MAX])
{
    size_t count = 0;
    for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
        size_t len = strcspn(text, " \t");
        if (count < WORDS_MAX)
            words[count] = (struct cron_piece){text, len};
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
static bool is_zone_like(struct cron_piece word)
{
    const char *slash = memchr(word.at, '/', word.len);
    bool utc = word.len == 3 && (starts_with(word.at, "UTC") || starts_with(word.at, "GMT"));
    return utc || (slash && isalpha((unsigned char)*word.at) && isalpha((unsigned char)slash[1]));
}

/* Forms of other dialects that no single field can explain. */
static bool refuse_shape(const struct cron_parser *p, const char *text, const struct cron_piece *words, size_t count)
{
    for (size_t i = 0; i < sizeof shape_hints / sizeof *shape_hints; i++)
        if (starts_with(text, shape_hints[i].start))
            return err_set(p->e, ERR_USAGE, "'%.*s' (col %td) is not an expression%s", CRON_QUOTE(words[0]),
                           words[0].at - p->text, shape_hints[i].hint);
    for (size_t i = 0; i < count && i < WORDS_MAX; i++)
        if (*words[i].at == '#')
            return err_set(p->e, ERR_USAGE, "'%.*s' (col %td): comments are not accepted", CRON_QUOTE(words[i]),
                           words[i].at - p->text);
    const struct cron_piece *last = &words[(count < WORDS_MAX ? count : WORDS_MAX) - 1];
    if (count > 5 && is_zone_like(*last))
        return err_set(p->e, ERR_USAGE, "'%.*s' (col %td): a time zone goes in front, CRON_TZ=%.*s", CRON_QUOTE(*last),
                       last->at - p->text, CRON_QUOTE(*last));
    return true;
}

static bool read_fields(struct cron_parser *p, const char *text)
{
    struct cron_piece words[WORDS_MAX];
    size_t count = split(text, words);
    if (count > 0 && !refuse_shape(p, words[0].at, words, count))
        return false;
    if (count < 5 || count > WORDS_MAX)
        return err_set(p->e, ERR_USAGE, "expected 5, 6 (seconds first) or 7 fields, found %zu", count);
    enum cron_unit first = count == 5 ? CRON_MINUTE : CRON_SECOND;
    p->cron->seconds = 1;
    memset(p->cron->years, 0xff, sizeof p->cron->years);
    for (size_t i = 0; i < count; i++)
        if (!cron_read_field(p, (enum cron_unit)(first + i), words[i]))
            return false;
    return true;
}

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

static bool refuse_rest(const struct cron_parser *p, struct cron_piece word, const char *hint)
{
    return err_set(p->e, ERR_USAGE, "'%.*s' (col %td): nothing may follow here%s", CRON_QUOTE(word), word.at - p->text,
                   hint);
}

static bool read_nickname(struct cron_parser *p, const struct cron_piece *words, size_t count)
{
    struct cron_piece word = words[0];
    for (size_t i = 0; i < sizeof nicknames / sizeof *nicknames; i++) {
        if (strlen(nicknames[i].name) != word.len || strncasecmp(nicknames[i].name, word.at, word.len) != 0)
            continue;
        if (nicknames[i].fields && count > 1)
            return refuse_rest(p, words[1], "");
        if (nicknames[i].fields)
            return read_fields(p, nicknames[i].fields);
        return err_set(p->e, ERR_USAGE, "nickname (col %td): '%.*s' is not accepted; %s", word.at - p->text,
                       CRON_QUOTE(word), nicknames[i].instead);
    }
    return err_set(
        p->e, ERR_USAGE,
        "nickname (col %td): unknown '%.*s', allowed are @yearly @annually @monthly @weekly @daily @midnight "
        "@hourly @minutely and @every",
        word.at - p->text, CRON_QUOTE(word));
}

static const struct cron_field interval_field = {.name = "interval", .allowed = "1s-366d"};

static bool refuse_interval(const struct cron_parser *p)
{
    return cron_refuse(p,
                       "'%.*s' is not understood; write whole numbers with w d h m s, large to small, each once, as in "
                       "1h30m, and /phase if wanted",
                       CRON_QUOTE(p->item));
}

/* A duration up to `stop` or the end of the item. */
static bool read_duration(struct cron_parser *p, char stop, int64_t *seconds)
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
        for (; isdigit((unsigned char)cron_peek(p)) && digits <= INTERVAL_DIGITS_MAX; p->at++, digits++)
            number = number * 10 + (*p->at - '0');
        if (digits == 0 || digits > INTERVAL_DIGITS_MAX || cron_at_end(p))
            return refuse_interval(p);
        while (next < count && units[next].letter != *p->at)
            next++;
        if (next == count)
            return refuse_interval(p);
        *seconds += number * units[next++].size;
        p->at++;
    } while (!cron_at_end(p) && *p->at != stop);
    return true;
}

/* "duration[/phase]" */
static bool read_interval(struct cron_parser *p, struct cron_piece word)
{
    int64_t interval, phase = 0;
    p->field = &interval_field;
    p->item = word;
    p->at = word.at;
    if (!read_duration(p, '/', &interval) || (cron_skip(p, '/') && !read_duration(p, '\0', &phase)))
        return false;
    if (interval < 1 || interval > INTERVAL_MAX)
        return cron_refuse(p, "'%.*s' is outside 1s-366d", CRON_QUOTE(word));
    if (phase >= interval)
        return cron_refuse(p, "'%.*s': the phase must be shorter than the interval", CRON_QUOTE(word));
    p->cron->interval = (uint32_t)interval;
    p->cron->phase = (uint32_t)phase;
    return true;
}

static bool read_at_sign(struct cron_parser *p, const char *text)
{
    struct cron_piece words[WORDS_MAX];
    size_t count = split(text, words);
    if (words[0].len != strlen("@every") || !starts_with(words[0].at, "@every"))
        return read_nickname(p, words, count);
    if (count < 2)
        return err_set(p->e, ERR_USAGE,
                       "interval (col %td): @every is followed by an interval, 1s-366d, as in @every 5m",
                       words[0].at - p->text);
    if (count > 2)
        return refuse_rest(p, words[2], "; an interval is one word, as in 1h30m");
    return read_interval(p, words[1]);
}

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
static bool read_prefix(const struct cron_parser *p, const char **text, char zone[static CRON_TEXT_MAX + 1])
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
        return err_set(p->e, ERR_USAGE, "time zone (col %td): two different time zones; one prefix is all",
                       *text - p->text);
    return true;
}

/* Open the zone that counts: the prefix's or the schedule's, which may not differ. */
static bool open_zone(const struct cron_parser *p, const char *prefix, const char *tz)
{
    if (*prefix && *tz && strcmp(prefix, tz) != 0)
        return err_set(p->e, ERR_USAGE, "two different time zones: '%.*s' in the expression, '%.*s' beside it",
                       CRON_QUOTE_MAX, prefix, CRON_QUOTE_MAX, tz);
    const char *name = *prefix ? prefix : *tz ? tz : NULL;
    p->cron->zone = zone_open(name, p->e);
    return p->cron->zone != NULL;
}

/* An interval is elapsed time: a zone beside it was checked and no longer matters, one inside it is a mistake. */
static bool drop_zone(const struct cron_parser *p, const char *prefix)
{
    if (*prefix)
        return err_set(p->e, ERR_USAGE, "@every has no time zone; leave out '%.*s'", CRON_QUOTE_MAX, prefix);
    zone_close(p->cron->zone);
    p->cron->zone = zone_open(NULL, p->e);
    return true;
}

static bool parse(struct cron_parser *p, const char *tz)
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
    struct cron_parser p = {.text = text, .name = name ? name : "", .cron = mem_zero(1, sizeof *p.cron), .e = e};
    if (parse(&p, tz ? tz : ""))
        return p.cron;
    cron_free(p.cron);
    return NULL;
}
