/* print: what `drumbeat config` shows. Each type writes itself as one text; JSON keeps numbers and lists as such. */
#include "config/load.h"

#include "common/base/clock.h"
#include "common/base/size.h"
#include <string.h>

static bool is_reference(const char *written)
{
    return strncmp(written, "env:", 4) == 0 || strncmp(written, "file:", 5) == 0;
}

static void add_secret(struct text *out, const char *written)
{
    text_puts(out, is_reference(written) ? written : "***");
}

static void show_text(const struct option *option, const void *slot, struct text *out)
{
    const char *value = *(const char *const *)slot;
    if (!value)
        return;
    if (option->secret)
        add_secret(out, value);
    else
        text_puts(out, value);
}

static void show_url(const struct option *option, const void *slot, struct text *out)
{
    (void)option;
    const char *value = *(const char *const *)slot;
    if (value)
        config_mask(value, out);
}

static void show_int(const struct option *option, const void *slot, struct text *out)
{
    int number = *(const int *)slot;
    if (number || option->fallback)
        text_printf(out, "%d", number);
}

static void show_count(const struct option *option, const void *slot, struct text *out)
{
    int64_t number = *(const int64_t *)slot;
    if (number || option->fallback)
        text_printf(out, "%lld", (long long)number);
}

static void show_size(const struct option *option, const void *slot, struct text *out)
{
    char buffer[SIZE_TEXT_MAX];
    int64_t bytes = *(const int64_t *)slot;
    if (bytes || option->fallback)
        text_puts(out, size_format(bytes, buffer));
}

static void show_duration(const struct option *option, const void *slot, struct text *out)
{
    char buffer[CLOCK_TEXT_MAX];
    usec_t duration = *(const usec_t *)slot;
    if (duration || option->fallback)
        text_puts(out, duration_format(duration, buffer));
}

static void show_moment(const struct option *option, const void *slot, struct text *out)
{
    (void)option;
    char buffer[CLOCK_TEXT_MAX];
    usec_t at = *(const usec_t *)slot;
    if (at)
        text_puts(out, clock_format(at, buffer));
}

static void show_bool(const struct option *option, const void *slot, struct text *out)
{
    (void)option;
    text_puts(out, *(const bool *)slot ? "true" : "false");
}

/* Add one item; of "NAME=VALUE" and "Name: value" only the name is shown, and the value when it is a reference. */
static void add_item(const struct option *option, const char *item, struct text *out)
{
    struct text shown CLEANUP(text_free) = {0};
    const char *between = option->type == OPTION_ENV ? "=" : ": ";
    const char *value = option->secret ? strstr(item, between) : NULL;
    if (value) {
        value += strlen(between);
        text_add(&shown, item, (size_t)(value - item));
        add_secret(&shown, value);
    } else {
        text_puts(&shown, item);
    }
    text_json_string(out, text_str(&shown), shown.len);
}

static void show_list(const struct option *option, const void *slot, struct text *out)
{
    const char *const *list = *(const char *const *const *)slot;
    if (!list)
        return;
    text_putc(out, '[');
    for (size_t i = 0; list[i]; i++) {
        if (i > 0)
            text_puts(out, ", ");
        add_item(option, list[i], out);
    }
    text_putc(out, ']');
}

static void show_durations(const struct option *option, const void *slot, struct text *out)
{
    (void)option;
    char buffer[CLOCK_TEXT_MAX];
    const usec_t *list = *(const usec_t *const *)slot;
    if (!list)
        return;
    for (size_t i = 0; list[i] >= 0; i++)
        text_printf(out, "%s\"%s\"", i > 0 ? ", " : "[", duration_format(list[i], buffer));
    text_putc(out, ']');
}

/* Nothing is added for what is not set. `json`: the text is JSON as it is. */
static const struct {
    void (*show)(const struct option *option, const void *slot, struct text *out);
    bool json;
} kinds[OPTION_TYPES] = {
    [OPTION_TEXT] = {show_text, false},     [OPTION_URL] = {show_url, false},
    [OPTION_ADDRESS] = {show_url, false},   [OPTION_QUEUE] = {show_text, false},
    [OPTION_CHOICE] = {show_text, false},   [OPTION_JSON] = {show_text, true},
    [OPTION_INT] = {show_int, true},        [OPTION_COUNT] = {show_count, true},
    [OPTION_SIZE] = {show_size, false},     [OPTION_DURATION] = {show_duration, false},
    [OPTION_MOMENT] = {show_moment, false}, [OPTION_BOOL] = {show_bool, true},
    [OPTION_QUEUES] = {show_list, true},    [OPTION_SPECS] = {show_list, true},
    [OPTION_ARGV] = {show_list, true},      [OPTION_ENV] = {show_list, true},
    [OPTION_HEADERS] = {show_list, true},   [OPTION_DURATIONS] = {show_durations, true},
    [OPTION_RATE] = {show_text, false},
};

static void add_origin(const struct origin *origin, struct text *out)
{
    switch (origin->source) {
    case SOURCE_DEFAULT:
        text_puts(out, "default");
        break;
    case SOURCE_BUILT_IN:
        text_puts(out, "built-in");
        break;
    case SOURCE_FILE:
        text_printf(out, "file %s:%zu", origin->name, origin->line);
        break;
    case SOURCE_ENVIRONMENT:
        text_printf(out, "environment %s", origin->name);
        break;
    case SOURCE_FLAG:
        text_puts(out, "flag");
        break;
    }
}

/* The texts of one line. */
struct line {
    struct text path, value, origin;
};

static void print_json(const struct line *line, bool literal, struct text *out)
{
    text_puts(out, "{\"option\": ");
    text_json_string(out, text_str(&line->path), line->path.len);
    text_puts(out, ", \"value\": ");
    if (line->value.len == 0)
        text_puts(out, "null");
    else if (literal)
        text_puts(out, text_str(&line->value));
    else
        text_json_string(out, text_str(&line->value), line->value.len);
    text_puts(out, ", \"origin\": ");
    text_json_string(out, text_str(&line->origin), line->origin.len);
    text_puts(out, "}\n");
}

static void print_plain(const struct line *line, struct text *out)
{
    text_printf(out, "%s = %s%s(%s)\n", text_str(&line->path), text_str(&line->value), line->value.len ? "  " : " ",
                text_str(&line->origin));
}

static void print_setting(struct setting at, bool json, struct line *line, struct text *out)
{
    const struct option *option = setting_option(at);
    text_reset(&line->path);
    text_reset(&line->value);
    text_reset(&line->origin);
    option_path(at.entries->section, setting_name(at), option, &line->path);
    kinds[option->type].show(option, setting_slot(at), &line->value);
    add_origin(setting_origin(at), &line->origin);
    if (json)
        print_json(line, kinds[option->type].json, out);
    else
        print_plain(line, out);
}

void config_print(const struct config *config, bool json, struct text *out)
{
    struct line line = {0};
    const struct loaded *l = (const struct loaded *)config;
    for (const struct entries *entries = l->sections; entries < l->sections + SECTION_COUNT; entries++)
        for (struct setting at = {.entries = entries}; at.entry < entries->count; at.entry++)
            for (at.option = 0; at.option < entries->section->option_count; at.option++)
                print_setting(at, json, &line, out);
    text_free(&line.path);
    text_free(&line.value);
    text_free(&line.origin);
}
