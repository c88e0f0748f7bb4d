/* quirks: the table of everything that can be odd or wrong. A new quirk is a row here, a name in the enum, and the one
 * place that asks for it: faults.c for requests, a list or a writer of the upstream for data. */
#include "sandbox/quirks.h"

#include "sandbox/dice.h"
#include "sandbox/write.h"
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a bare number in a rule means, how the help calls it, and the most it may be. */
static const struct bare {
    const char *unit;
    int64_t max;
} EVERY = {"every", INT64_MAX}, PERCENT = {"%", 100}, MILLISECONDS = {"ms", 600000}, UP_TO_SECONDS = {"s", 3600},
  MIB = {"MiB", 4096}, IDS = {"ids", INT64_MAX};

/* clang-format off */
static const struct row {
    const char *name;
    const struct bare *bare;
    int64_t number; /* when the rule gives none */
    bool on;        /* at the start */
    const char *help;
} table[QUIRKS] = {
    [QUIRK_SLOW]            = {"slow",            &MILLISECONDS, 1000, false, "answer late"},
    [QUIRK_HANG]            = {"hang",            &UP_TO_SECONDS, 600, false, "accept the request, then say nothing until the client gives up"},
    [QUIRK_DROP]            = {"drop",            &EVERY, 1, false, "close the connection without an answer"},
    [QUIRK_AUTH_FAILURE]    = {"auth-failure",    &EVERY, 1, false, "401 whatever the credentials"},
    [QUIRK_FORBIDDEN]       = {"forbidden",       &EVERY, 1, false, "403 whatever the credentials"},
    [QUIRK_TOO_MANY]        = {"too-many",        &EVERY, 1, false, "429 with Retry-After (after=SECONDS, default 1)"},
    [QUIRK_SERVER_ERROR]    = {"server-error",    &EVERY, 1, false, "500 with an HTML body"},
    [QUIRK_BAD_GATEWAY]     = {"bad-gateway",     &EVERY, 1, false, "502 with the proxy's HTML body"},
    [QUIRK_UNAVAILABLE]     = {"unavailable",     &EVERY, 1, false, "503 with Retry-After (after=SECONDS, default 1)"},
    [QUIRK_GATEWAY_TIMEOUT] = {"gateway-timeout", &EVERY, 1, false, "504 with the proxy's HTML body"},
    [QUIRK_LOGIN_PAGE]      = {"login-page",      &EVERY, 1, false, "200 with an HTML log-in page"},
    [QUIRK_REDIRECT_LOOP]   = {"redirect-loop",   &EVERY, 1, false, "302 to itself"},
    [QUIRK_TRUNCATED]       = {"truncated",       &EVERY, 1, false, "half of the JSON, with a Content-Length that agrees"},
    [QUIRK_CUT_OFF]         = {"cut-off",         &EVERY, 1, false, "half of what Content-Length promised, then the connection closes"},
    [QUIRK_CUT_CHUNKED]     = {"cut-chunked",     &EVERY, 1, false, "half of a chunked body, then the connection closes"},
    [QUIRK_HUGE]            = {"huge",            &MIB, 64, false, "that many MiB of blanks before the JSON"},
    [QUIRK_GZIP]            = {"gzip",            &EVERY, 1, false, "compressed bodies for clients that accept them"},

    [QUIRK_REPEATED_ROWS] = {"repeated-rows", &EVERY, 1, false, "a page begins with the last row of the page before"},
    [QUIRK_INSERTED_ROWS] = {"inserted-rows", &EVERY, 1, false, "a document appears between two page reads: one row comes twice"},
    [QUIRK_REMOVED_ROWS]  = {"removed-rows",  &EVERY, 1, false, "the newest document vanishes between two page reads: one row is missed"},
    [QUIRK_TOUCHED_ROWS]  = {"touched-rows",  &EVERY, 1, false, "the newest document changes between two page reads"},

    [QUIRK_BAD_DOCUMENTS]    = {"bad-documents",    &EVERY, 10, false, "every so many document ids, a member has the wrong type (or id=ID)"},
    [QUIRK_BAD_PARTNERS]     = {"bad-partners",     &EVERY, 10, false, "every so many partner ids, a member has the wrong type (or id=ID)"},
    [QUIRK_MISSING_PARTNERS] = {"missing-partners", &EVERY, 10, false, "every so many partner ids are not listed, though documents name them"},
    [QUIRK_LONG_TEXTS]       = {"long-texts",       &EVERY, 10, false, "every so many document ids, a title longer than any column"},
    [QUIRK_VENDOR_DIFFERS]   = {"vendor-differs",   &EVERY, 1, false, "a partner of several countries has other amounts in each"},

    [QUIRK_ODD_TARGETS]           = {"odd-targets",           &PERCENT, 25, true, "targets and baselines such as \"None\", null, \"1,500\", \"12\""},
    [QUIRK_EMPTY_UNITS]           = {"empty-units",           &PERCENT, 10, true, "indicators whose unit is \"\""},
    [QUIRK_NO_VENDOR]             = {"no-vendor",             &PERCENT, 6, true, "partners without vendor number"},
    [QUIRK_NO_DATES]              = {"no-dates",              &PERCENT, 5, true, "documents without start or end date"},
    [QUIRK_ODD_LOCATIONS]         = {"odd-locations",         &PERCENT, 3, true, "locations whose p_code or admin_level is null"},
    [QUIRK_NO_PARENT]             = {"no-parent",             &PERCENT, 15, true, "indicators whose locations come without parent_pcode"},
    [QUIRK_EMAIL_CASE]            = {"email-case",            &PERCENT, 10, true, "the same e-mail in other letters"},
    [QUIRK_NO_EMAIL]              = {"no-email",              &PERCENT, 2, true, "persons without e-mail"},
    [QUIRK_UNSIGNED_AMENDMENTS]   = {"unsigned-amendments",   &PERCENT, 30, true, "amendments whose signed_date is null"},
    [QUIRK_LARGE_AMOUNTS]         = {"large-amounts",         &PERCENT, 3, true, "amounts of 10,000,000,000 and more"},
    [QUIRK_NO_DISBURSEMENT]       = {"no-disbursement",       &PERCENT, 30, true, "disbursement null, its percentage null or -1.0"},
    [QUIRK_EMPTY_DISAGGREGATIONS] = {"empty-disaggregations", &PERCENT, 10, true, "disaggregations without values"},
    [QUIRK_SHARED_VENDORS]        = {"shared-vendors",        &PERCENT, 15, true, "partners that several countries have"},
    [QUIRK_ODD_WORKSPACES]        = {"odd-workspaces",        &EVERY, 1, true, "the global and regional workspaces, and some without country code"},

    [QUIRK_STATEMENT_TIMEOUT] = {"statement-timeout", &IDS, 10, false, "CARTO: 429 with a time-out for questions about more ids than that (offset=ID narrows it down)"},
    [QUIRK_ERROR_BESIDE_ROWS] = {"error-beside-rows", &EVERY, 1, false, "CARTO: 200 with half of the rows and an error"},
    [QUIRK_ROWS_IN_ANY_ORDER] = {"rows-in-any-order", &EVERY, 1, true, "CARTO: a page's rows come in no order"},
    [QUIRK_NUMERIC_CODES]     = {"numeric-codes",     &EVERY, 1, false, "CARTO: every so many ids, p_codes are numbers"},
    [QUIRK_REPEATED_CODES]    = {"repeated-codes",    &EVERY, 10, false, "CARTO: every so many ids, the p_code of the place before"},
    [QUIRK_LOST_PARENTS]      = {"lost-parents",      &EVERY, 10, false, "CARTO: every so many ids, a parent that does not exist"},
    [QUIRK_BAD_SHAPES]        = {"bad-shapes",        &EVERY, 10, false, "CARTO: every so many ids, a ring that does not close, or no geometry"},
    [QUIRK_BLANK_PLACES]      = {"blank-places",      &EVERY, 10, false, "CARTO: every so many ids, a name of blanks"},
    [QUIRK_OVERLAPPING_PAGES] = {"overlapping-pages", &EVERY, 1, false, "DHIS2: a page begins with the last row of the page before, and one row is missed"},
    [QUIRK_OLD_GEOMETRY]      = {"old-geometry",      &EVERY, 1, false, "DHIS2: coordinates as a text, as before 2.32"},
    [QUIRK_ZONED_DATES]       = {"zoned-dates",       &EVERY, 1, false, "DHIS2: dates with an offset behind them"},
    [QUIRK_UNNAMED_LEVEL]     = {"unnamed-level",     &EVERY, 1, false, "DHIS2: the lowest level has no name"},
    [QUIRK_BAD_UNITS]         = {"bad-units",         &EVERY, 10, false, "DHIS2: every so many org units, a member has the wrong type (or id=NUMBER)"},
    [QUIRK_ODD_GEOMETRY]      = {"odd-geometry",      &PERCENT, 3, true, "DHIS2: polygons that are not closed, points beyond the pole"},
    [QUIRK_BLANK_NAMES]       = {"blank-names",       &PERCENT, 5, true, "DHIS2: names with blanks around them"},
    [QUIRK_NO_CODES]          = {"no-codes",          &PERCENT, 20, true, "DHIS2: org units without code"},
    [QUIRK_REFUSED_VALUES]    = {"refused-values",    &PERCENT, 10, false, "DHIS2: data values that are refused, always the same ones (409)"},
    [QUIRK_NAMELESS_CONFLICTS] = {"nameless-conflicts", &EVERY, 1, false, "DHIS2: conflicts that do not say which data value they mean"},
    [QUIRK_FAILED_IMPORTS]    = {"failed-imports",    &EVERY, 1, false, "DHIS2: an import with a refused data value fails as a whole (500)"},

    [QUIRK_MAIL_SLOW]    = {"mail-slow",    &MILLISECONDS, 1000, false, "mail: greet late"},
    [QUIRK_MAIL_AWAY]    = {"mail-away",    &EVERY, 1, false, "mail: 421 in place of a greeting"},
    [QUIRK_MAIL_BUSY]    = {"mail-busy",    &EVERY, 1, false, "mail: 451 for a recipient (path=PART OF THE ADDRESS)"},
    [QUIRK_MAIL_REFUSED] = {"mail-refused", &EVERY, 1, false, "mail: 550 for a recipient (path=PART OF THE ADDRESS)"},
    [QUIRK_MAIL_DROPPED] = {"mail-dropped", &EVERY, 1, false, "mail: close the connection once the text has come"},

    [QUIRK_NO_DATA]      = {"no-data",      &EVERY, 1, false, "VISION: nothing, in each of its three forms in turn"},
    [QUIRK_ONE_ROW]      = {"one-row",      &EVERY, 1, false, "VISION: only the first row, as an object instead of a list"},
    [QUIRK_LEGACY_FORM]  = {"legacy-form",  &EVERY, 1, false, "VISION: JSON in a JSON string, /Date(ms)/, numbers as numbers, u0026 for &"},
    [QUIRK_MISSING_KEYS] = {"missing-keys", &EVERY, 10, false, "VISION: every so many rows lack a member that others have"},
    [QUIRK_BAD_AMOUNTS]  = {"bad-amounts",  &EVERY, 10, false, "VISION: every so many rows have words for an amount"},
    [QUIRK_REPEATED_LINES] = {"repeated-lines", &EVERY, 10, false, "VISION: every so many rows come twice"},

    [QUIRK_ANONYMOUS_LIMIT] = {"anonymous-limit", &MILLISECONDS, 1000, true, "OCHA: 429 for who does not log in and asks again so soon"},
    [QUIRK_BAD_STATUS]      = {"bad-status",      &EVERY, 1, false, "OCHA: 200 whose status is not \"ok\""},
    [QUIRK_CIRCLING_PAGES]  = {"circling-pages",  &EVERY, 1, false, "OCHA: the next page is the first one"},
    [QUIRK_BAD_FLOWS]       = {"bad-flows",       &EVERY, 10, false, "OCHA: every so many flow ids, a word for an amount (or id=ID)"},
    [QUIRK_BAD_ATTACHMENTS] = {"bad-attachments", &EVERY, 10, false, "OCHA: every so many attachment ids, a number for a description (or id=ID)"},
    [QUIRK_ODD_TOTALS]      = {"odd-totals",      &EVERY, 5, true, "OCHA: every so many attachment ids, totals that are texts, some empty"},
    [QUIRK_NO_BASELINE]     = {"no-baseline",     &EVERY, 7, true, "OCHA: every so many attachment ids, totals without a baseline"},
    [QUIRK_SUPPORT_OBJECT]  = {"support-object",  &EVERY, 3, true, "OCHA: every so many activity ids, what they support is an object"},
    [QUIRK_LOST_CLUSTERS]   = {"lost-clusters",   &EVERY, 10, false, "OCHA: every so many entity ids, a cluster that does not exist"},
    [QUIRK_FLAT_PLANS]      = {"flat-plans",      &EVERY, 1, false, "OCHA: every so many plan ids, no planVersion: the plan itself has name and dates"},
    [QUIRK_UNPUBLISHED]     = {"unpublished",     &EVERY, 10, false, "OCHA: every so many project ids, no version is published"},
};
/* clang-format on */

static void rule_clear(struct quirk_rule *rule, const struct row *row, bool on)
{
    *rule = (struct quirk_rule){.on = on, .every = 1, .offset = -1, .id = -1, .after = 1, .value = row->number};
    if (row->bare == &EVERY)
        rule->every = row->number;
}

void quirks_reset(struct quirks *q)
{
    for (size_t i = 0; i < QUIRKS; i++)
        rule_clear(&q->rules[i], &table[i], table[i].on);
}

static bool read_number(const char *text, int64_t max, int64_t *value, struct err *e)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || errno || number < 0 || number > max)
        return err_set(e, ERR_USAGE, "'%s' is not a whole number from 0 to %" PRId64, text, max);
    *value = number;
    return true;
}

static const struct key {
    const char *name;
    size_t offset;
    bool word;
} keys[] = {
    {"every", offsetof(struct quirk_rule, every), false},   {"times", offsetof(struct quirk_rule, times), false},
    {"offset", offsetof(struct quirk_rule, offset), false}, {"id", offsetof(struct quirk_rule, id), false},
    {"after", offsetof(struct quirk_rule, after), false},   {"workspace", offsetof(struct quirk_rule, workspace), true},
    {"path", offsetof(struct quirk_rule, path), true},
};

static bool set_key(struct quirk_rule *rule, const char *name, const char *value, struct err *e)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i].name, name) != 0)
            continue;
        void *member = (char *)rule + keys[i].offset;
        if (!keys[i].word)
            return read_number(value, INT64_MAX, member, e);
        return snprintf(member, QUIRK_WORD_MAX, "%s", value) < QUIRK_WORD_MAX ||
               err_set(e, ERR_USAGE, "%s is longer than %d characters", name, QUIRK_WORD_MAX - 1);
    }
    return err_set(e, ERR_USAGE, "unknown key '%s'", name);
}

static bool set_bare(struct quirk_rule *rule, const struct row *row, const char *word, struct err *e)
{
    if (strcmp(word, "on") == 0 || strcmp(word, "off") == 0) {
        rule->on = word[1] == 'n';
        return true;
    }
    int64_t number = 0;
    if (!read_number(word, row->bare->max, &number, e))
        return false;
    if (number == 0)
        rule->on = false;
    else if (row->bare == &EVERY)
        rule->every = number;
    else
        rule->value = number;
    return true;
}

static bool read_rule(struct quirk_rule *rule, const struct row *row, char *text, struct err *e)
{
    rule_clear(rule, row, true);
    char *rest = text;
    for (char *word; (word = strsep(&rest, ","));) {
        char *value = strchr(word, '=');
        if (value)
            *value++ = '\0';
        if (!(value ? set_key(rule, word, value, e) : set_bare(rule, row, word, e)))
            return false;
    }
    return rule->every > 0 || err_set(e, ERR_USAGE, "every must be at least 1");
}

bool quirks_set(struct quirks *q, const char *name, const char *text, struct err *e)
{
    char copy[QUIRK_RULE_MAX];
    size_t i = 0;
    while (i < QUIRKS && strcmp(table[i].name, name) != 0)
        i++;
    if (i == QUIRKS)
        return err_set(e, ERR_USAGE, "there is no quirk '%s'", name);
    if (snprintf(copy, sizeof copy, "%s", *text ? text : "on") >= (int)sizeof copy)
        return err_set(e, ERR_USAGE, "the rule of %s is longer than %d characters", name, QUIRK_RULE_MAX - 1);
    struct quirk_rule rule;
    if (!read_rule(&rule, &table[i], copy, e))
        return err_add(e, "quirk %s", name);
    q->rules[i] = rule;
    return true;
}

bool quirks_set_text(struct quirks *q, const char *text, struct err *e)
{
    char name[QUIRK_WORD_MAX];
    size_t length = strcspn(text, "=");
    if (length >= sizeof name)
        return err_set(e, ERR_USAGE, "there is no quirk '%s'", text);
    memcpy(name, text, length);
    name[length] = '\0';
    return quirks_set(q, name, text[length] ? text + length + 1 : "on", e);
}

static bool matches(const struct quirk_rule *rule, const struct occasion *o)
{
    return rule->on && (!*rule->workspace || (o->workspace && strcmp(rule->workspace, o->workspace) == 0)) &&
           (!*rule->path || (o->path && strstr(o->path, rule->path))) &&
           (rule->offset < 0 || rule->offset == o->offset) && (rule->id < 0 || rule->id == o->id);
}

bool quirks_fire(struct quirks *q, enum quirk quirk, const struct occasion *o)
{
    struct quirk_rule *rule = &q->rules[quirk];
    if (!matches(rule, o) || (rule->times > 0 && rule->fired >= (uint64_t)rule->times))
        return false;
    if (++rule->seen % (uint64_t)rule->every != 0)
        return false;
    rule->fired++;
    return true;
}

bool quirks_marks(const struct quirks *q, enum quirk quirk, const struct occasion *o)
{
    const struct quirk_rule *rule = &q->rules[quirk];
    return matches(rule, o) && (rule->id >= 0 || o->id % rule->every == 0);
}

bool quirks_chance(const struct quirks *q, enum quirk quirk, const char *workspace, uint64_t hash)
{
    const struct occasion o = {.workspace = workspace, .offset = -1, .id = -1};
    return matches(&q->rules[quirk], &o) && dice_hash(hash, quirk, 0, 0) % 100 < (uint64_t)q->rules[quirk].value;
}

const char *quirk_name(enum quirk quirk)
{
    return table[quirk].name;
}

void quirks_help(struct text *out)
{
    for (size_t i = 0; i < QUIRKS; i++) {
        text_printf(out, "  %-22s %s", table[i].name, table[i].help);
        text_printf(out, " [%s, %" PRId64 " %s]\n", table[i].on ? "on" : "off", table[i].number, table[i].bare->unit);
    }
}

static void describe(const struct quirk_rule *rule, const struct row *row, struct text *out)
{
    text_puts(out, rule->on ? "on" : "off");
    if (row->bare != &EVERY)
        text_printf(out, ",%" PRId64, rule->value);
    if (rule->every != 1)
        text_printf(out, ",every=%" PRId64, rule->every);
    if (rule->times > 0)
        text_printf(out, ",times=%" PRId64, rule->times);
    if (rule->offset >= 0)
        text_printf(out, ",offset=%" PRId64, rule->offset);
    if (rule->id >= 0)
        text_printf(out, ",id=%" PRId64, rule->id);
    if (rule->after != 1)
        text_printf(out, ",after=%" PRId64, rule->after);
    if (*rule->workspace)
        text_printf(out, ",workspace=%s", rule->workspace);
    if (*rule->path)
        text_printf(out, ",path=%s", rule->path);
}

void quirks_write(const struct quirks *q, struct text *out)
{
    write_open(out, NULL, '{');
    for (size_t i = 0; i < QUIRKS; i++) {
        struct text rule = {0};
        describe(&q->rules[i], &table[i], &rule);
        write_open(out, table[i].name, '{');
        write_text(out, "rule", text_str(&rule));
        write_int(out, "fired", (int64_t)q->rules[i].fired);
        write_close(out, '}');
        text_free(&rule);
    }
    write_close(out, '}');
}
