/* help: what `drumbeat --help` and `drumbeat VERB --help` print. */
#include "cli/help.h"

#include <string.h>

static void add_row(const struct verb *verb, struct text *out)
{
    text_printf(out, "  %-18s %s\n", verb->name, verb->summary);
}

void help_all(struct text *out)
{
    text_puts(out, "drumbeat " DRUMBEAT_VERSION ": runs and schedules the tasks of a data platform, on PostgreSQL\n\n"
                   "usage: drumbeat VERB [ARGUMENTS]\n\n");
    for (const struct verb *verb, *const *next = verbs; (verb = *next); next++)
        if (!verb->hidden)
            add_row(verb, out);
    text_puts(out, "\nevery verb takes\n");
    flags_help(global_flag_rows, out);
    text_puts(out, "\nexit status: 0 done, 1 failed, 2 wrong use or bad configuration, 3 not found, 4 refused or not confirmed,\n"
                   "5 service unreachable, 6 condition not met\n"
                   "\nexample\n"
                   "  drumbeat run echo --args '{\"greeting\": \"hello\"}'\n");
}

static void add_lines(const char *lines, struct text *out)
{
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        text_printf(out, "  %.*s\n", (int)length, lines);
        lines += length + (lines[length] == '\n');
    }
}

void help_verb(const struct verb *verb, struct text *out)
{
    text_printf(out, "drumbeat %s: %s\n\nusage: drumbeat %s", verb->name, verb->summary, verb->name);
    flags_usage(verb->flags, out);
    text_puts(out, "\n\n");
    if (verb->details)
        text_printf(out, "%s\n\n", verb->details);
    flags_help(verb->flags, out);
    flags_help(global_flag_rows, out);
    text_puts(out, "\nexample\n");
    add_lines(verb->example, out);
}

bool help_family(const char *word, struct text *out)
{
    size_t length = strlen(word);
    const struct verb *first = NULL;
    for (const struct verb *verb, *const *next = verbs; (verb = *next); next++) {
        if (verb->hidden || strncmp(verb->name, word, length) != 0 || verb->name[length] != ' ')
            continue;
        if (!first)
            text_printf(out, "usage: drumbeat %s VERB [ARGUMENTS]\n\n", word);
        if (!first)
            first = verb;
        add_row(verb, out);
    }
    if (first)
        text_printf(out, "\nexample\n  drumbeat %s --help\n", first->name);
    return first != NULL;
}
