/* log: a line is put together field by field in one of two formats; both quote values as JSON strings, logfmt only where it must. */
#include "common/base/log.h"
#include "common/base/text.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 16 * 1024 };

static const char *const level_names[] = {"debug", "info", "warning", "error"};
static const char *const format_names[] = {"logfmt", "json"};
static const int priorities[] = {[LOG_DEBUG] = 7, [LOG_INFO] = 6, [LOG_WARNING] = 4, [LOG_ERROR] = 3}; /* of syslog */
static struct log_style style = {LOG_INFO, LOG_LOGFMT};
static const char *role_name;

void log_set_style(struct log_style wanted)
{
    style = wanted;
}

struct log_style log_style(void)
{
    return style;
}

void log_set_level(enum log_level level)
{
    style.level = level;
}

/* The place of `word`; `otherwise` when it is none of them. */
static int place_of(const char *word, const char *const *words, int count, int otherwise)
{
    for (int i = 0; word && i < count; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return otherwise;
}

void log_set_words(const char *level, const char *format)
{
    style.level = (enum log_level)place_of(level, level_names, sizeof level_names / sizeof *level_names, (int)style.level);
    style.format = (enum log_format)place_of(format, format_names, sizeof format_names / sizeof *format_names, (int)style.format);
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

/* As a JSON string; what is too long is cut between two characters. */
static void add_quoted(struct text *line, const char *s)
{
    size_t length = strnlen(s, LOG_VALUE_MAX + 1);
    if (length <= LOG_VALUE_MAX) {
        text_json_string(line, s, length);
        return;
    }
    for (length = LOG_VALUE_MAX; length > 0 && ((unsigned char)s[length] & 0xC0) == 0x80; length--)
        ;
    text_json_string(line, s, length);
    line->len--; /* the quote */
    text_puts(line, "\u2026\"");
}

static void add_text(struct text *line, const char *s)
{
    if (style.format == LOG_LOGFMT && strnlen(s, LOG_VALUE_MAX + 1) <= LOG_VALUE_MAX && plain(s))
        text_puts(line, s);
    else
        add_quoted(line, s);
}

static void add_value(struct text *line, const struct log_field *field)
{
    char buffer[UUID_TEXT_MAX];
    switch (field->type) {
    case LOG_FIELD_STR:
        add_text(line, field->str ? field->str : "");
        break;
    case LOG_FIELD_INT:
        text_printf(line, "%lld", (long long)field->number);
        break;
    case LOG_FIELD_UUID:
        add_text(line, uuid_format(field->uuid, buffer));
        break;
    case LOG_FIELD_DURATION:
        text_printf(line, "%lld.%06lld%s", (long long)(field->number / 1000000), (long long)(field->number % 1000000), style.format == LOG_JSON ? "" : "s");
        break;
    }
}

/* All of it or, when the line is full, nothing. */
static void add_field(struct text *line, const struct log_field *field)
{
    struct text one CLEANUP(text_free) = {.max = LINE_MAX_BYTES};
    text_printf(&one, style.format == LOG_JSON ? "%s\"%s\":" : "%s%s=", line->len == 0 ? "" : style.format == LOG_JSON ? "," : " ", field->key);
    add_value(&one, field);
    if (!one.cut && line->len + one.len <= LINE_MAX_BYTES)
        text_add(line, one.data, one.len);
}

/* Whether standard error is the journal of systemd, which says so by its device and inode. */
static bool goes_to_journal(void)
{
    static int known = -1;
    struct stat out;
    char name[64];
    const char *told = getenv("JOURNAL_STREAM");
    if (known < 0 && told && fstat(STDERR_FILENO, &out) == 0) {
        snprintf(name, sizeof name, "%llu:%llu", (unsigned long long)out.st_dev, (unsigned long long)out.st_ino);
        known = strcmp(name, told) == 0;
    }
    return known > 0;
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
    if (level < style.level)
        return;
    char now[CLOCK_TEXT_MAX];
    struct text body CLEANUP(text_free) = {0}, line CLEANUP(text_free) = {0};
    const struct log_field head[] = {LOG_STR("ts", clock_format(clock_now() / 1000 * 1000, now)), LOG_STR("level", level_names[level]),
                                     LOG_STR("role", role_name), LOG_STR("msg", event)};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        if (head[i].str)
            add_field(&body, &head[i]);
    for (; fields->key; fields++)
        add_field(&body, fields);
    if (goes_to_journal())
        text_printf(&line, "<%d>", priorities[level]);
    text_printf(&line, style.format == LOG_JSON ? "{%s}\n" : "%s\n", text_str(&body));
    put(&line);
}
