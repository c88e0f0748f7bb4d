/* quirks: the table of everything that can be odd or wrong. A new quirk is a row here, a name in the enum, and the one
 * place that asks for it: faults.c for requests, a list or a writer of the upstream for data. */
#include "sandbox/quirks.h"

#include "sandbox/dice.h"
#include "sandbox/write.h"
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum bare { BARE_EVERY, BARE_PERCENT, BARE_VALUE };

static const struct row {
    const char *name;
    const char *help;
    enum bare bare;  /* what a bare number in a rule sets */
    const char *unit;
    int64_t value;   /* when the rule gives none */
    int64_t max;     /* of a bare number */
    bool on;         /* at the start */
} table[QUIRKS] = {
    [QUIRK_SLOW] = {"slow", "answer late", BARE_VALUE, "ms", 1000, 600000, false},
    [QUIRK_HANG] = {"hang", "accept the request, then say nothing until the client gives up", BARE_VALUE, "s", 600, 3600, false},
    [QUIRK_DROP] = {"drop", "close the connection without an answer", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_AUTH_FAILURE] = {"auth-failure", "401 whatever the credentials", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_FORBIDDEN] = {"forbidden", "403 whatever the credentials", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_TOO_MANY] = {"too-many", "429 with Retry-After (after=SECONDS, default 1)", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_SERVER_ERROR] = {"server-error", "500 with an HTML body", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_BAD_GATEWAY] = {"bad-gateway", "502 with the proxy's HTML body", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_UNAVAILABLE] = {"unavailable", "503 with Retry-After (after=SECONDS, default 1)", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_GATEWAY_TIMEOUT] = {"gateway-timeout", "504 with the proxy's HTML body", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_LOGIN_PAGE] = {"login-page", "200 with an HTML log-in page", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_REDIRECT_LOOP] = {"redirect-loop", "302 to itself", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_TRUNCATED] = {"truncated", "half of the JSON, with a Content-Length that agrees", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_CUT_OFF] = {"cut-off", "half of the body that Content-Length promised, then the connection closes", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_CUT_CHUNKED] = {"cut-chunked", "half of a chunked body, then the connection closes", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_HUGE] = {"huge", "a body of that many MiB of blanks before the JSON", BARE_VALUE, "MiB", 64, 4096, false},
    [QUIRK_GZIP] = {"gzip", "compressed bodies for clients that accept them", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_REPEATED_ROWS] = {"repeated-rows", "a page begins with the last row of the page before", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_INSERTED_ROWS] = {"inserted-rows", "a new document appears between two page reads: one row comes twice", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_REMOVED_ROWS] = {"removed-rows", "the newest document vanishes between two page reads: one row is missed", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_BAD_DOCUMENTS] = {"bad-documents", "every so many document ids, a member has the wrong type (or id=ID)", BARE_EVERY, "every", 10, INT64_MAX, false},
    [QUIRK_BAD_PARTNERS] = {"bad-partners", "every so many partner ids, a member has the wrong type (or id=ID)", BARE_EVERY, "every", 10, INT64_MAX, false},
    [QUIRK_LONG_TEXTS] = {"long-texts", "every so many document ids, titles and names longer than any column", BARE_EVERY, "every", 10, INT64_MAX, false},
    [QUIRK_VENDOR_DIFFERS] = {"vendor-differs", "a partner of several countries has other amounts in each", BARE_EVERY, "every", 1, INT64_MAX, false},
    [QUIRK_ODD_TARGETS] = {"odd-targets", "targets and baselines such as \"None\", null, \"1,500\", \"12\"", BARE_PERCENT, "%", 25, 100, true},
    [QUIRK_EMPTY_UNITS] = {"empty-units", "indicators whose unit is \"\"", BARE_PERCENT, "%", 10, 100, true},
    [QUIRK_NO_VENDOR] = {"no-vendor", "partners without vendor number", BARE_PERCENT, "%", 6, 100, true},
    [QUIRK_NO_DATES] = {"no-dates", "documents without start or end date", BARE_PERCENT, "%", 5, 100, true},
    [QUIRK_ODD_LOCATIONS] = {"odd-locations", "locations whose p_code or admin_level is null", BARE_PERCENT, "%", 3, 100, true},
    [QUIRK_NO_PARENT] = {"no-parent", "indicators whose locations come without parent_pcode", BARE_PERCENT, "%", 15, 100, true},
    [QUIRK_EMAIL_CASE] = {"email-case", "the same e-mail in other letters", BARE_PERCENT, "%", 10, 100, true},
    [QUIRK_NO_EMAIL] = {"no-email", "persons without e-mail", BARE_PERCENT, "%", 2, 100, true},
    [QUIRK_UNSIGNED_AMENDMENTS] = {"unsigned-amendments", "amendments whose signed_date is null", BARE_PERCENT, "%", 30, 100, true},
    [QUIRK_LARGE_AMOUNTS] = {"large-amounts", "amounts of 10,000,000,000 and more", BARE_PERCENT, "%", 3, 100, true},
    [QUIRK_NO_DISBURSEMENT] = {"no-disbursement", "disbursement null, or -1.0 percent", BARE_PERCENT, "%", 30, 100, true},
    [QUIRK_EMPTY_DISAGGREGATIONS] = {"empty-disaggregations", "disaggregations without values", BARE_PERCENT, "%", 10, 100, true},
    [QUIRK_SHARED_VENDORS] = {"shared-vendors", "partners that several countries have", BARE_PERCENT, "%", 15, 100, true},
    [QUIRK_ODD_WORKSPACES] = {"odd-workspaces", "the global and regional workspaces, and one without country code", BARE_EVERY, "every", 1, INT64_MAX, true},
};

static void rule_clear(struct quirk_rule *rule, const struct row *row, bool on)
{
    *rule = (struct quirk_rule){.on = on, .every = 1, .offset = -1, .id = -1, .after = 1, .value = row->value};
    if (row->bare == BARE_EVERY)
        rule->every = row->value;
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
    {"every", offsetof(struct quirk_rule, every), false},     {"times", offsetof(struct quirk_rule, times), false},
    {"offset", offsetof(struct quirk_rule, offset), false},   {"id", offsetof(struct quirk_rule, id), false},
    {"after", offsetof(struct quirk_rule, after), false},     {"workspace", offsetof(struct quirk_rule, workspace), true},
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
        if (strlen(value) >= QUIRK_WORD_MAX)
            return err_set(e, ERR_USAGE, "%s is longer than %d characters", name, QUIRK_WORD_MAX - 1);
        strcpy(member, value);
        return true;
    }
    return err_set(e, ERR_USAGE, "unknown key '%s'", name);
}

static bool set_bare(struct quirk_rule *rule, const struct row *row, const char *word, struct err *e)
{
    if (strcmp(word, "on") == 0 || strcmp(word, "off") == 0) {
        rule->on = word[1] == 'n';
        return true;
    }
    int64_t number;
    if (!read_number(word, row->max, &number, e))
        return false;
    if (number == 0)
        rule->on = false;
    else if (row->bare == BARE_EVERY)
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
    if (strlen(text) >= sizeof copy)
        return err_set(e, ERR_USAGE, "the rule of %s is longer than %d characters", name, QUIRK_RULE_MAX - 1);
    struct quirk_rule rule;
    if (!read_rule(&rule, &table[i], strcpy(copy, *text ? text : "on"), e))
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
           (!*rule->path || (o->path && strstr(o->path, rule->path))) && (rule->offset < 0 || rule->offset == o->offset) &&
           (rule->id < 0 || rule->id == o->id);
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
        text_printf(out, " [%s, %" PRId64 " %s]\n", table[i].on ? "on" : "off", table[i].value, table[i].unit);
    }
}

static void describe(const struct quirk_rule *rule, const struct row *row, struct text *out)
{
    text_puts(out, rule->on ? "on" : "off");
    if (row->bare != BARE_EVERY)
        text_printf(out, ",%" PRId64, rule->value);
    if (rule->every != 1)
        text_printf(out, ",every=%" PRId64, rule->every);
    if (rule->times > 0)
        text_printf(out, ",times=%" PRId64, rule->times);
    if (rule->offset >= 0)
        text_printf(out, ",offset=%" PRId64, rule->offset);
    if (rule->id >= 0)
        text_printf(out, ",id=%" PRId64, rule->id);
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
