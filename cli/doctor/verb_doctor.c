/* doctor: is everything as it should be, and how is it mended? */
#include "cli/doctor/doctor.h"
#include "cli/rows.h"
#include "cli/terminal.h"
#include "cli/verb.h"

#include <stdio.h>
#include <string.h>

struct args {
    bool json;
};

static const struct flag flags[] = {
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON, one object a line: {check, status, reason, mend}"),
    {0},
};

static const char *const words[] = {[VERDICT_NONE] = "", [VERDICT_OK] = "OK", [VERDICT_WARN] = "WARN", [VERDICT_FAIL] = "FAIL"};

static void print_json(const struct check *check, const struct finding *f)
{
    CLEANUP(text_free) struct text out = {0};
    text_printf(&out, "{\"check\": \"%s\", \"status\": \"%s\", \"reason\": ", check->name, words[f->verdict]);
    text_json_string(&out, text_str(&f->reason), f->reason.len);
    text_puts(&out, ", \"mend\": ");
    text_json_text(&out, f->mend.len > 0 ? text_str(&f->mend) : NULL);
    printf("%s}\n", text_str(&out));
}

static void print(const struct check *check, const struct finding *f)
{
    CLEANUP(text_free) struct text reason = {0};
    bool colours = terminal_colours(stdout);
    text_add_line(&reason, text_str(&f->reason));
    if (f->mend.len > 0) {
        text_puts(&reason, " -> ");
        text_add_line(&reason, text_str(&f->mend));
    }
    if (!terminal_is(stdout)) {
        printf("%s\t%s\t%s\n", words[f->verdict], check->name, text_str(&reason));
        return;
    }
    printf("%s%-4s%s  %-15s %s\n", colours ? status_colour(words[f->verdict]) : "", words[f->verdict], colours ? COLOUR_END : "", check->name,
           text_str(&reason));
}

/* One check; what it found. */
static enum verdict examine(struct doctor *d, const struct check *check, bool json)
{
    struct finding f = {0};
    if (!check->needs || *check->needs(d))
        check->look(d, &f);
    if (f.verdict != VERDICT_NONE) {
        (json ? print_json : print)(check, &f);
        fflush(stdout);
    }
    text_free(&f.reason);
    text_free(&f.mend);
    return f.verdict;
}

static int run(int argc, char **argv)
{
    struct args args = {0};
    struct doctor d = {0};
    struct err e;
    enum verdict worst = VERDICT_OK;
    if (!flags_read(flags, argc, argv, &args, &e))
        return verb_failed(&e);
    for (const struct check *check = checks; check->name; check++) {
        enum verdict verdict = examine(&d, check, args.json);
        worst = verdict > worst ? verdict : worst;
    }
    session_close(&d.session);
    return worst == VERDICT_FAIL ? EXIT_FAILED : worst == VERDICT_WARN ? EXIT_NOT_MET : EXIT_DONE;
}

const struct verb verb_doctor = {
    .name = "doctor",
    .summary = "look at connections, versions, settings, clock, limits, schema and work; say how to mend what is wrong",
    .details = "Exit status: 0 all OK, 1 a FAIL, 6 a WARN. Nothing is changed.",
    .example = "drumbeat doctor\ndrumbeat doctor --json | jq 'select(.status != \"OK\")'",
    .flags = flags,
    .run = run,
};
