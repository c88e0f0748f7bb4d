/* handlers: what tasks this program can run, and what arguments they take. */
#include "cli/session.h"
#include "cli/verb.h"
#include "tasks/registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct args {
    const char *name;
    bool json;
};

static const struct flag flags[] = {
    TEXT_OPERAND(struct args, name, "NAME", .help = "one handler with its arguments"),
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON, one object a line"),
    {0},
};

static const char *const type_names[] = {
    [FIELD_STR] = "text",  [FIELD_I64] = "integer", [FIELD_REAL] = "number",   [FIELD_BOOL] = "boolean",
    [FIELD_UUID_TEXT] = "uuid", [FIELD_JSON] = "json",   [FIELD_STR_LIST] = "list of text",
};

static void add_json(struct text *out, const char *key, const char *value)
{
    text_printf(out, ", \"%s\": ", key);
    text_json_text(out, value);
}

static void add_field_json(struct text *out, const struct field *field)
{
    text_puts(out, "{\"name\": ");
    text_json_string(out, field->name, strlen(field->name));
    add_json(out, "type", type_names[field->type]);
    text_printf(out, ", \"required\": %s", field->required ? "true" : "false");
    add_json(out, "default", field->fallback);
    if (field->min || field->max)
        text_printf(out, ", \"min\": %" PRId64 ", \"max\": %" PRId64, field->min, field->max);
    add_json(out, "help", field->help);
    text_putc(out, '}');
}

static void add_entry_json(struct text *out, const struct catalog_entry *entry)
{
    text_puts(out, "{\"name\": ");
    text_json_string(out, entry->handler->name, strlen(entry->handler->name));
    add_json(out, "summary", entry->handler->summary);
    add_json(out, "queue", entry->queue);
    text_printf(out, ", \"max_attempts\": %d, \"soft_s\": %" PRId64 ", \"hard_s\": %" PRId64 ", \"memory\": %" PRId64 ", \"cpu_s\": %" PRId64
                ", \"files\": %" PRId64 ", \"output\": %" PRId64 ", \"log_lines\": %" PRId64 ", \"processes\": %" PRId64 ", \"args\": [",
                entry->max_attempts, entry->limits.soft / SECONDS(1), entry->limits.hard / SECONDS(1), entry->limits.memory,
                entry->limits.cpu / SECONDS(1), entry->limits.files, entry->limits.output, entry->limits.log_lines, entry->limits.processes);
    for (const struct field *field = entry->handler->fields; field && field->name; field++) {
        text_puts(out, field == entry->handler->fields ? "" : ", ");
        add_field_json(out, field);
    }
    text_puts(out, "]}\n");
}

static void add_field(struct text *out, const struct field *field)
{
    CLEANUP(text_free) struct text facts = {0};
    text_puts(&facts, type_names[field->type]);
    if (field->min || field->max)
        text_printf(&facts, " %" PRId64 " to %" PRId64, field->min, field->max);
    if (field->required)
        text_puts(&facts, ", required");
    if (field->fallback)
        text_printf(&facts, ", default %s", field->fallback);
    text_printf(out, "  %-18s %s\n", field->name, text_str(&facts));
    if (field->help)
        text_printf(out, "  %-18s   %s\n", "", field->help);
}

static void add_entry(struct text *out, const struct catalog_entry *entry)
{
    const struct handler *handler = entry->handler;
    text_printf(out, "%s: %s\n\nqueue %s, at most %d attempts\nlimits:", handler->name, handler->summary, entry->queue,
                entry->max_attempts);
    for (const struct limit *limit = limits_all; limit->name; limit++) {
        text_printf(out, "%s %s ", limit == limits_all ? "" : ",", limit->name);
        limit_print(limit, &entry->limits, out);
    }
    text_putc(out, '\n');
    text_puts(out, handler->fields ? "\narguments\n" : "\narguments: any object\n");
    for (const struct field *field = handler->fields; field && field->name; field++)
        add_field(out, field);
}

static bool print(const struct catalog *catalog, const struct args *args, struct err *e)
{
    CLEANUP(text_free) struct text out = {0};
    const struct catalog_entry *one = args->name ? catalog_find(catalog, args->name) : NULL;
    if (args->name && !one)
        return handler_missing(args->name, e);
    for (size_t i = 0; i < catalog->count; i++) {
        const struct catalog_entry *entry = &catalog->entries[i];
        if (one && entry != one)
            continue;
        if (args->json)
            add_entry_json(&out, entry);
        else if (one)
            add_entry(&out, entry);
        else
            text_printf(&out, "%-28s %s\n", entry->handler->name, entry->handler->summary);
    }
    fputs(text_str(&out), stdout);
    return true;
}

static int run(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e) || !session_config(&s, NULL, &e))
        return verb_failed(&e);
    const struct catalog *catalog = session_catalog(&s, CATALOG_ALL, &e);
    if (!catalog || !print(catalog, &args, &e))
        return verb_failed(&e);
    return EXIT_DONE;
}

const struct verb verb_handlers = {
    .name = "handlers",
    .summary = "the handlers of this program; with a name, its arguments",
    .example = "drumbeat handlers\ndrumbeat handlers sleep",
    .flags = flags,
    .run = run,
};
