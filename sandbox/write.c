/* write: a comma is due unless something was just opened or named. */
#include "sandbox/write.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

static void start(struct text *t, const char *key)
{
    if (t->len > 0 && !strchr("{[:", t->data[t->len - 1]))
        text_putc(t, ',');
    if (!key)
        return;
    text_json_string(t, key, strlen(key));
    text_putc(t, ':');
}

void write_open(struct text *t, const char *key, char bracket)
{
    start(t, key);
    text_putc(t, bracket);
}

void write_close(struct text *t, char bracket)
{
    text_putc(t, bracket);
}

void write_null(struct text *t, const char *key)
{
    start(t, key);
    text_puts(t, "null");
}

void write_bool(struct text *t, const char *key, bool value)
{
    start(t, key);
    text_puts(t, value ? "true" : "false");
}

void write_int(struct text *t, const char *key, int64_t value)
{
    start(t, key);
    text_printf(t, "%" PRId64, value);
}

void write_text(struct text *t, const char *key, const char *value)
{
    if (!value) {
        write_null(t, key);
        return;
    }
    start(t, key);
    text_json_string(t, value, strlen(value));
}

void write_textf(struct text *t, const char *key, const char *format, ...)
{
    struct text value = {0};
    va_list args;
    va_start(args, format);
    text_vprintf(&value, format, args);
    va_end(args);
    write_text(t, key, text_str(&value));
    text_free(&value);
}

void write_node(struct text *t, const char *key, const struct js *value)
{
    start(t, key);
    js_write(t, value);
}

void write_money(struct text *t, const char *key, int64_t cents)
{
    start(t, key);
    text_printf(t, "\"%" PRId64 ".%02d\"", cents / 100, (int)(cents % 100));
}

void write_date(struct text *t, const char *key, int64_t day)
{
    int64_t year;
    int month, day_of_month;
    date_from_days(day, &year, &month, &day_of_month);
    start(t, key);
    text_printf(t, "\"%04" PRId64 "-%02d-%02d\"", year, month, day_of_month);
}

void write_moment(struct text *t, const char *key, usec_t at)
{
    int64_t year;
    int month, day;
    date_from_days(at / DAYS(1), &year, &month, &day);
    usec_t rest = at % DAYS(1);
    start(t, key);
    text_printf(t, "\"%04" PRId64 "-%02d-%02dT%02d:%02d:%02d.%06dZ\"", year, month, day, (int)(rest / HOURS(1)),
                (int)(rest / MINUTES(1) % 60), (int)(rest / SECONDS(1) % 60), (int)(rest % SECONDS(1)));
}
