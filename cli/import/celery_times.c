/* celery_times: Celery's crontab language (celery.schedules.crontab_parser) is smaller than ours and differs in three
 * points: both day fields must match, a step may be longer than its field, and a name counts by its first three
 * letters. A further column of a crontab is a row of `crontab_fields`, a further period a row of `periods`. */
#include "cli/import/celery_times.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Intervals --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    char unit;
    int64_t divisor;
} periods[] = {{"days", 'd', 1}, {"hours", 'h', 1}, {"minutes", 'm', 1}, {"seconds", 's', 1}, {"microseconds", 's', 1000000}};

bool celery_interval(const struct js *fields, struct text *spec, struct err *e)
{
    int64_t every;
    const char *period = js_text(js_get(fields, "period"));
    if (!js_integer(js_get(fields, "every"), &every) || every < 1)
        return err_set(e, ERR_DATA, "every is not a whole number above 0");
    for (size_t i = 0; period && i < sizeof periods / sizeof *periods; i++) {
        if (strcmp(period, periods[i].name) != 0)
            continue;
        if (every % periods[i].divisor != 0)
            return err_set(e, ERR_DATA, "every %" PRId64 " %s: whole seconds only", every, period);
        text_printf(spec, "@every %" PRId64 "%c", every / periods[i].divisor, periods[i].unit);
        return true;
    }
    return err_set(e, ERR_DATA, "period '%s' is not days, hours, minutes, seconds or microseconds", period ? period : "");
}

/* Crontabs ---------------------------------------------------------------------------------------------------------- */

enum { DAY_OF_MONTH = 2, DAY_OF_WEEK = 4, CRONTAB_FIELDS = 5, ITEM_MAX = 31, NUMBER_MAX = 9999, NAME_LENGTH = 3 };

static const struct crontab_field {
    const char *key;
    int min, max;
    const char *names; /* the first is `min` */
} crontab_fields[CRONTAB_FIELDS] = {
    {"minute", 0, 59, ""},
    {"hour", 0, 23, ""},
    {"day_of_month", 1, 31, ""},
    {"month_of_year", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    {"day_of_week", 0, 6, "sunmontuewedthufrisat"},
};

static bool read_number(const char **at, int *number)
{
    size_t digits = strspn(*at, "0123456789");
    *number = digits > 0 && digits <= 4 ? (int)strtol(*at, NULL, 10) : NUMBER_MAX;
    *at += digits;
    return digits > 0;
}

static bool read_name(const struct crontab_field *field, const char **at, int *value)
{
    size_t letters = 0;
    while (isalpha((unsigned char)(*at)[letters]))
        letters++;
    for (int i = 0; letters >= NAME_LENGTH && field->names[i * NAME_LENGTH]; i++)
        if (strncasecmp(field->names + (ptrdiff_t)i * NAME_LENGTH, *at, NAME_LENGTH) == 0) {
            *value = field->min + i;
            *at += letters;
            return true;
        }
    return false;
}

static bool read_value(const struct crontab_field *field, const char **at, int *value)
{
    return (read_number(at, value) || read_name(field, at, value)) && *value >= field->min && *value <= field->max;
}

/* One of: * | * / n | a | a-b | a-b / n. A step that is longer than the field leaves its first value. */
static bool add_item(const struct crontab_field *field, const char *item, struct text *out)
{
    int from = field->min, to = field->max, step = 1;
    bool star = *item == '*', range = star;
    if (star)
        item++;
    else if (!read_value(field, &item, &from))
        return false;
    if (!star && *item == '-') {
        range = true;
        item++;
        if (!read_value(field, &item, &to))
            return false;
    }
    if (range && *item == '/') {
        item++;
        if (!read_number(&item, &step) || step == 0)
            return false;
    }
    bool lone = !range || step > field->max - field->min;
    if (star && !lone)
        text_putc(out, '*');
    else
        text_printf(out, "%d", from);
    if (!star && !lone)
        text_printf(out, "-%d", to);
    if (!lone && step > 1)
        text_printf(out, "/%d", step);
    return *item == '\0';
}

/* Blanks around items do no harm, as in Celery. */
static bool add_items(const struct crontab_field *field, const char *list, struct text *out)
{
    for (const char *end;; list = end + 1) {
        char item[ITEM_MAX + 1];
        end = list + strcspn(list, ",");
        const char *first = list + strspn(list, " "), *last = end;
        while (last > first && last[-1] == ' ')
            last--;
        if (first >= last || last - first > ITEM_MAX)
            return false;
        memcpy(item, first, (size_t)(last - first));
        item[last - first] = '\0';
        if (!add_item(field, item, out))
            return false;
        if (*end == '\0')
            return true;
        text_putc(out, ',');
    }
}

/* A column is text, or a number in fixtures written by hand; "*" when it is not there. */
static bool add_field(const struct crontab_field *field, const struct js *fields, struct text *out, struct err *e)
{
    CLEANUP(text_free) struct text list = {0};
    const struct js *node = js_get(fields, field->key);
    if (js_text(node))
        text_puts(&list, js_text(node));
    else if (!js_is_null(node))
        js_write(&list, node);
    if (list.len == 0)
        text_putc(&list, '*');
    return add_items(field, text_str(&list), out) ||
           err_set(e, ERR_DATA, "%s '%s': Celery reads *, */n, a, a-b, a-b/n and lists of these, from %d to %d%s", field->key,
                   text_str(&list), field->min, field->max, field->min == 0 && field->max == 6 ? ", 0 is Sunday" : "");
}

bool celery_crontab(const struct js *fields, struct text *spec, struct err *e)
{
    bool any_day = true;
    for (int i = 0; i < CRONTAB_FIELDS; i++) {
        CLEANUP(text_free) struct text part = {0};
        if (!add_field(&crontab_fields[i], fields, &part, e))
            return false;
        bool any = strcmp(text_str(&part), "*") == 0;
        text_printf(spec, "%s%s%s", i > 0 ? " " : "", i == DAY_OF_WEEK && !any && !any_day ? "+" : "", text_str(&part));
        if (i == DAY_OF_MONTH)
            any_day = any;
    }
    return true;
}

/* Moments ----------------------------------------------------------------------------------------------------------- */

/* The expression that fires at the second of `at` and never else, in UTC. */
static void add_exact(usec_t at, struct text *spec)
{
    int64_t year, seconds = at % DAYS(1) / SECONDS(1);
    int month, day;
    date_from_days(at / DAYS(1), &year, &month, &day);
    text_printf(spec, "%" PRId64 " %" PRId64 " %" PRId64 " %d %d * %" PRId64, seconds % 60, seconds / 60 % 60, seconds / 3600, day,
                month, year);
}

bool celery_clocked(const struct js *fields, struct text *spec, struct err *e)
{
    usec_t at;
    const char *time = js_text(js_get(fields, "clocked_time"));
    if (!clock_parse(time ? time : "", &at, e)) {
        e->kind = ERR_DATA;
        return err_add(e, "clocked_time");
    }
    add_exact(at, spec);
    return true;
}
