/* manual: the verbs as docs/cli.md and docs/man/drumbeat.1 show them, made from the same rows as --help. */
#include "cli/verb.h"
#include "common/base/text.h"

#include <stdio.h>
#include <string.h>

struct args {
    bool man;
};

static const struct flag flags[] = {
    SWITCH_FLAG(struct args, man, "man", .help = "as a manual page (man(7)) instead of Markdown"),
    {0},
};

static const char *const statuses[] = {
    "done",         "failed", "wrong use or bad configuration", "not found", "refused or not confirmed", "service unreachable",
    "condition not met", NULL,
};

/* Call `add` for each line of `lines`. */
static void each_line(struct text *out, const char *lines, void (*add)(struct text *out, const char *line, int length))
{
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        add(out, lines, (int)length);
        lines += length + (lines[length] == '\n');
    }
}

/* Markdown ---------------------------------------------------------------------------------------------------------- */

static void md_line(struct text *out, const char *line, int length)
{
    text_printf(out, "    %.*s\n", length, line);
}

/* A value such as JSON|@FILE|- stands in a table, where a bar ends a cell. */
static void md_cell(struct text *out, const char *s)
{
    for (; *s; s++)
        text_printf(out, *s == '|' ? "\\%c" : "%c", *s);
}

static void md_flags(struct text *out, const struct flag *flag)
{
    if (!flag || !flag->name)
        return;
    text_puts(out, "| | |\n|---|---|\n");
    for (; flag->name; flag++) {
        text_printf(out, "| `%s%s", flag->operand ? "" : "--", flag->name);
        if (flag->value) {
            text_putc(out, ' ');
            md_cell(out, flag->value);
        }
        text_puts(out, "` | ");
        md_cell(out, flag->help ? flag->help : "");
        text_puts(out, " |\n");
    }
    text_putc(out, '\n');
}

static void md_verb(struct text *out, const struct verb *verb)
{
    text_printf(out, "## %s\n\n%s.\n\n    drumbeat %s", verb->name, verb->summary, verb->name);
    flags_usage(verb->flags, out);
    text_puts(out, "\n\n");
    if (verb->details)
        text_printf(out, "%s\n\n", verb->details);
    md_flags(out, verb->flags);
    text_puts(out, "Example:\n\n");
    each_line(out, verb->example, md_line);
    text_putc(out, '\n');
}

static void markdown(struct text *out)
{
    text_puts(out, "# The command line\n\n"
                   "One binary, `drumbeat`. `drumbeat --help` lists the verbs, `drumbeat VERB --help` tells of one. This page is made of the\n"
                   "same tables (`drumbeat manual`).\n\n"
                   "TIME is RFC 3339 (`2026-03-29T00:30:00Z`), DURATION is `1w2d3h4m5s`. With `--json` a list is one object a line; keys are the\n"
                   "column names, times RFC 3339 in UTC. Tables, colours and progress bars are for terminals; a pipe gets plain lines with tabs\n"
                   "between. `NO_COLOR` is respected. Errors are one line on standard error.\n\n"
                   "| exit status | |\n|---|---|\n");
    for (int i = 0; statuses[i]; i++)
        text_printf(out, "| %d | %s |\n", i, statuses[i]);
    text_puts(out, "\nEvery verb takes\n\n");
    md_flags(out, global_flag_rows);
    for (const struct verb *verb, *const *next = verbs; (verb = *next); next++)
        if (!verb->hidden)
            md_verb(out, verb);
    while (out->len > 1 && out->data[out->len - 2] == '\n')
        out->data[--out->len] = '\0';
}

/* man(7) ------------------------------------------------------------------------------------------------------------ */

/* A backslash and a dash mean something to troff, a dot or an apostrophe when a line begins with it. */
static void man_text(struct text *out, const char *s, size_t length)
{
    if (length > 0 && (*s == '.' || *s == '\''))
        text_puts(out, "\\&");
    for (size_t i = 0; i < length; i++) {
        if (s[i] == '\\')
            text_puts(out, "\\e");
        else if (s[i] == '-')
            text_puts(out, "\\-");
        else
            text_putc(out, s[i]);
    }
}

static void man_puts(struct text *out, const char *s)
{
    man_text(out, s, strlen(s));
}

static void man_line(struct text *out, const char *line, int length)
{
    man_text(out, line, (size_t)length);
    text_putc(out, '\n');
}

static void man_flags(struct text *out, const struct flag *flag)
{
    for (; flag && flag->name; flag++) {
        text_puts(out, ".TP\n\\fB");
        man_puts(out, flag->operand ? "" : "--");
        man_puts(out, flag->name);
        text_puts(out, "\\fR");
        if (flag->value) {
            text_puts(out, " \\fI");
            man_puts(out, flag->value);
            text_puts(out, "\\fR");
        }
        text_putc(out, '\n');
        man_puts(out, flag->help ? flag->help : "");
        text_putc(out, '\n');
    }
}

static void man_verb(struct text *out, const struct verb *verb)
{
    CLEANUP(text_free) struct text usage = {0};
    flags_usage(verb->flags, &usage);
    text_printf(out, ".SS %s\n", verb->name);
    man_puts(out, verb->summary);
    text_puts(out, ".\n.PP\n\\fBdrumbeat ");
    man_puts(out, verb->name);
    text_puts(out, "\\fR");
    man_puts(out, text_str(&usage));
    text_puts(out, "\n");
    if (verb->details) {
        text_puts(out, ".PP\n");
        man_puts(out, verb->details);
        text_putc(out, '\n');
    }
    man_flags(out, verb->flags);
    text_puts(out, ".PP\n.nf\n");
    each_line(out, verb->example, man_line);
    text_puts(out, ".fi\n");
}

static void man_page(struct text *out)
{
    text_puts(out, ".TH DRUMBEAT 1 \"\" \"drumbeat " DRUMBEAT_VERSION "\" \"User Commands\"\n"
                   ".SH NAME\ndrumbeat \\- runs and schedules the tasks of a data platform, on PostgreSQL\n"
                   ".SH SYNOPSIS\n\\fBdrumbeat\\fR \\fIVERB\\fR [\\fIARGUMENTS\\fR]\n"
                   ".SH DESCRIPTION\nA beat emits periodic tasks, workers run tasks in a pool of child processes, and a table in PostgreSQL says what is\n"
                   "queued, what runs, how far it is and how it ended. \\fIDURATION\\fR is 1w2d3h4m5s, \\fITIME\\fR is RFC 3339.\n"
                   ".SH OPTIONS\nEvery verb takes\n");
    man_flags(out, global_flag_rows);
    text_puts(out, ".SH VERBS\n");
    for (const struct verb *verb, *const *next = verbs; (verb = *next); next++)
        if (!verb->hidden)
            man_verb(out, verb);
    text_puts(out, ".SH EXIT STATUS\n");
    for (int i = 0; statuses[i]; i++)
        text_printf(out, ".TP\n.B %d\n%s\n", i, statuses[i]);
    text_puts(out, ".SH ENVIRONMENT\n.TP\n.B DATABASE_URL\nthe PostgreSQL to use\n"
                   ".TP\n.B DRUMBEAT_CONFIG\nthe configuration, else ./drumbeat.yaml, /etc/drumbeat/drumbeat.yaml\n"
                   ".TP\n.B DRUMBEAT_*\nany option of the configuration, its path in capitals joined by _\n"
                   ".TP\n.B NO_COLOR\nno colours\n");
}

static int run(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(text_free) struct text out = {0};
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e))
        return verb_failed(&e);
    if (args.man)
        man_page(&out);
    else
        markdown(&out);
    fputs(text_str(&out), stdout);
    return EXIT_DONE;
}

const struct verb verb_manual = {
    .name = "manual",
    .summary = "all verbs as docs/cli.md and the manual page show them",
    .example = "drumbeat manual > docs/cli.md\ndrumbeat manual --man > docs/man/drumbeat.1",
    .flags = flags,
    .hidden = true,
    .run = run,
};
