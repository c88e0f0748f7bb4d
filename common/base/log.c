/* log: logfmt lines. Values with blanks, quotes or control characters are quoted as JSON strings. */
#include "common/base/log.h"
#include "common/base/text.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8 * 1024 };

static const char *const level_names[] = {"debug", "info", "warning", "error"};
static enum log_level lowest = LOG_INFO;
static const char *role_name;

void log_set_level(enum log_level level)
{
    lowest = level;
}

void log_set_level_name(const char *name)
{
    for (size_t i = 0; name && i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(level_names[i], name) == 0)
            lowest = (enum log_level)i;
}

enum log_level log_level(void)
{
    return lowest;
}

void log_set_role(const char *role)
{
    role_name = role;
}

static bool plain(const char *s)
{
    if (*s == '\0')
        return false;
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || *s == '"' || *s == '=' || *s == '\\' || (unsigned char)*s >= 0x7F)
            return false;
    return true;
}

static void add_value(struct text *line, const struct log_field *field)
{
    char buffer[CLOCK_TEXT_MAX > (int)UUID_TEXT_MAX ? (int)CLOCK_TEXT_MAX : (int)UUID_TEXT_MAX];
    switch (field->type) {
    case LOG_FIELD_STR:
        if (field->str && plain(field->str))
            text_puts(line, field->str);
        else
            text_json_string(line, field->str ? field->str : "", field->str ? strlen(field->str) : 0);
        break;
    case LOG_FIELD_INT:
        text_printf(line, "%lld", (long long)field->number);
        break;
    case LOG_FIELD_UUID:
        text_puts(line, uuid_format(field->uuid, buffer));
        break;
    case LOG_FIELD_DURATION:
        text_printf(line, "%lld.%06llds", (long long)(field->number / 1000000), (long long)(field->number % 1000000));
        break;
    }
}

/* Whoever reads the log may be slow or stopped: rather than wait for it for ever, a line is dropped and counted. */
static bool has_room(void)
{
    enum { PATIENCE_MS = 20 };
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&out, 1, PATIENCE_MS) != 0;
}

static void put(const struct text *line)
{
    static int64_t dropped;
    ssize_t ignored;
    if (!has_room()) {
        dropped++;
        return;
    }
    ignored = write(STDERR_FILENO, line->data, line->len);
    if (dropped > 0) {
        int64_t lines = dropped;
        dropped = 0;
        log_warning("log.lines_dropped", LOG_INT("lines", lines));
    }
    (void)ignored;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    if (level < lowest)
        return;
    char now[CLOCK_TEXT_MAX];
    struct text line CLEANUP(text_free) = {.max = LINE_MAX_BYTES};
    text_printf(&line, "%s %s ", clock_format(clock_now() / 1000 * 1000, now), level_names[level]);
    if (role_name)
        text_printf(&line, "[%s] ", role_name);
    text_puts(&line, event);
    for (; fields->key; fields++) {
        text_printf(&line, " %s=", fields->key);
        add_value(&line, fields);
    }
    if (line.cut)
        line.len -= 1;
    line.max = LINE_MAX_BYTES + 2;
    text_putc(&line, '\n');
    put(&line);
}
