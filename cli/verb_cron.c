/* cron: a schedule expression in words, its next times in its zone and in UTC; or --batch, for programs. */
#include "cli/cron_batch.h"
#include "cli/verb.h"
#include "common/base/cron.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { COUNT_DEFAULT = 5 };

struct args {
    const char *expr, *tz, *seed;
    usec_t from;
    int64_t count;
    bool batch, json;
};

static const struct flag flags[] = {
    TEXT_OPERAND(struct args, expr, "EXPR", .help = "the expression, in quotes"),
    TEXT_FLAG(struct args, tz, "tz", .value = "ZONE", .help = "the zone it is read in, such as Europe/Paris (UTC)"),
    TIME_FLAG(struct args, from, "from", .value = "TIME", .help = "times after this moment (now)"),
    NUMBER_FLAG(struct args, count, "count", .value = "N", .min = 1, .max = CRON_COUNT_MAX,
                .help = "how many times (5)"),
    TEXT_FLAG(struct args, seed, "seed", .value = "NAME", .help = "the schedule's name, which H is computed from"),
    SWITCH_FLAG(struct args, batch, "batch",
                .help = "answer JSON lines {expr, tz, from, count, seed} from standard input"),
    SWITCH_FLAG(struct args, json, "json",
                .help = "print one JSON object: {expr, tz, words, next: [{utc, local, note}], warnings}"),
    {0},
};

/* One fire, with what the clock does about it. */
typedef void add_fire(const struct cron *c, usec_t before, usec_t at, struct text *out);

static void add_fires(const struct cron *c, const struct args *args, const char *between, add_fire *add,
                      struct text *out)
{
    usec_t before = args->from, at;
    for (int64_t i = 0; i < args->count && cron_next(c, before, &at); i++, before = at) {
        text_puts(out, i ? between : "");
        add(c, before, at, out);
    }
}

static void add_line(const struct cron *c, usec_t before, usec_t at, struct text *out)
{
    char local[CLOCK_TEXT_MAX], utc[CLOCK_TEXT_MAX];
    CLEANUP(text_free) struct text note = {0};
    cron_note(c, before, at, &note);
    text_printf(out, "%s\t%s%s%s\n", cron_local(c, at, local), clock_format(at, utc), note.len ? "\t" : "",
                text_str(&note));
}

static void add_json_string(struct text *out, const char *key, const char *value)
{
    text_printf(out, "\"%s\": ", key);
    text_json_text(out, value);
}

static void add_object(const struct cron *c, usec_t before, usec_t at, struct text *out)
{
    char local[CLOCK_TEXT_MAX], utc[CLOCK_TEXT_MAX];
    CLEANUP(text_free) struct text note = {0};
    cron_note(c, before, at, &note);
    text_printf(out, "{\"utc\": \"%s\", \"local\": \"%s\", ", clock_format(at, utc), cron_local(c, at, local));
    add_json_string(out, "note", note.len ? note.data : NULL);
    text_putc(out, '}');
}

/* The lines of `lines` as a JSON array of strings. */
static void add_array(struct text *out, const char *lines)
{
    text_putc(out, '[');
    for (const char *between = ""; *lines; between = ", ") {
        size_t len = strcspn(lines, "\n");
        text_puts(out, between);
        text_json_string(out, lines, len);
        lines += len + 1;
    }
    text_putc(out, ']');
}

static void explain_json(const struct cron *c, const struct args *args, const char *words, const char *warnings,
                         struct text *out)
{
    text_putc(out, '{');
    add_json_string(out, "expr", args->expr);
    text_puts(out, ", ");
    add_json_string(out, "tz", zone_name(cron_zone(c)));
    text_puts(out, ", ");
    add_json_string(out, "words", words);
    text_puts(out, ", \"next\": [");
    add_fires(c, args, ", ", add_object, out);
    text_puts(out, "], \"warnings\": ");
    add_array(out, warnings);
    text_puts(out, "}\n");
}

static void explain(const struct cron *c, const struct args *args, const char *words, const char *warnings,
                    struct text *out)
{
    usec_t at;
    text_printf(out, "%s\n", words);
    if (!cron_next(c, args->from, &at))
        text_puts(out, "never\n");
    add_fires(c, args, "", add_line, out);
    for (; *warnings; warnings += strcspn(warnings, "\n") + 1)
        text_printf(out, "warning: %.*s\n", (int)strcspn(warnings, "\n"), warnings);
}

static bool answer(const struct args *args, struct err *e)
{
    CLEANUP(text_free) struct text words = {0}, warnings = {0}, out = {0};
    CLEANUP(cron_freep) struct cron *c = cron_parse(args->expr, args->tz, args->seed, e);
    if (!c)
        return false;
    cron_words(c, &words);
    cron_warnings(c, args->from, &warnings);
    (args->json ? explain_json : explain)(c, args, text_str(&words), text_str(&warnings), &out);
    return fputs(text_str(&out), stdout) >= 0 || err_set(e, ERR_FAILED, "cannot write");
}

static int run(int argc, char **argv)
{
    struct args args = {.from = clock_now(), .count = COUNT_DEFAULT};
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e))
        return verb_failed(&e);
    if (args.batch == (args.expr != NULL)) {
        err_set(&e, ERR_USAGE,
                args.batch ? "cron: --batch reads expressions from standard input, not from the line"
                           : "cron: EXPR is missing, such as '0 9 * * MON-FRI'");
        return verb_failed(&e);
    }
    bool good = args.batch ? cron_batch(STDIN_FILENO, STDOUT_FILENO, &e) : answer(&args, &e);
    return good ? EXIT_DONE : verb_failed(&e);
}

const struct verb verb_cron = {
    .name = "cron",
    .summary = "a schedule expression in words, with its next times",
    .details =
        "A line a time: in the expression's zone, in UTC, and what the clocks there do about it. With --batch, each\n"
        "line of standard input is a question and each answer an array of times in UTC, or {\"error\": message}.",
    .example = "drumbeat cron '30 2 * * MON-FRI' --tz Europe/Paris\n"
               "drumbeat cron 'H H(1-5) * * *' --seed pmp.partners --count 3\n"
               "echo '{\"expr\": \"0 0 29 2 *\", \"count\": 3}' | drumbeat cron --batch",
    .flags = flags,
    .run = run,
};
