/* rule: when a schedule ticks, and the catch-up policies. A further policy is a row of `policies` and a case in
 * choose(). */
#include "beat/rule.h"
#include "common/base/cron.h"
#include "common/base/text.h"
#include "common/base/zone.h"

#include <stdlib.h>
#include <string.h>

enum catchup { CATCHUP_LAST, CATCHUP_ALL, CATCHUP_NONE, CATCHUPS };

static const char *const policies[CATCHUPS] = {[CATCHUP_LAST] = "last", [CATCHUP_ALL] = "all", [CATCHUP_NONE] = "none"};

struct rule {
    uint32_t users;
    uint16_t specs, excludes;
    enum catchup catchup;
    usec_t window, jitter, start_at, end_at;
    int64_t every_weeks, anchor_week;
    struct zone *zone;    /* of weeks; NULL: every week counts */
    struct cron *crons[]; /* specs, then excludes */
};

/* Reading ------------------------------------------------------------------------------------------------------- */

static size_t count_lines(const char *text)
{
    size_t count = *text != '\0';
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static bool parse_lines(struct rule *rule, uint16_t *count, const char *lines, const struct rule_text *text,
                        struct err *e)
{
    const char *end;
    for (const char *line = lines; *line; line = *end ? end + 1 : end) {
        struct text expression CLEANUP(text_free) = {0};
        end = line + strcspn(line, "\n");
        text_add(&expression, line, (size_t)(end - line));
        struct cron *cron = cron_parse(text_str(&expression), text->tz, text->name, e);
        if (!cron)
            return false;
        rule->crons[rule->specs + rule->excludes] = cron;
        (*count)++;
    }
    return true;
}

static bool find_policy(const char *name, enum catchup *out, struct err *e)
{
    for (int i = 0; i < CATCHUPS; i++)
        if (strcmp(policies[i], name) == 0) {
            *out = (enum catchup)i;
            return true;
        }
    return err_set(e, ERR_USAGE, "catchup '%s' is not last, all or none", name);
}

/* Weeks begin on Monday and are counted from the one of 1970-01-01, a Thursday. */
static int64_t week_of(int64_t day)
{
    int64_t monday = day + 3;
    return monday >= 0 ? monday / 7 : -((6 - monday) / 7);
}

/* Without a zone of its own the schedule's weeks are those of its first expression. */
static bool read_weeks(struct rule *rule, const struct rule_text *text, struct err *e)
{
    if (text->every_weeks <= 1)
        return true;
    rule->every_weeks = text->every_weeks;
    rule->anchor_week = week_of(text->anchor_day);
    rule->zone = zone_open(text->tz && *text->tz ? text->tz : zone_name(cron_zone(rule->crons[0])), e);
    return rule->zone != NULL;
}

struct rule *rule_parse(const struct rule_text *text, struct err *e)
{
    size_t specs = count_lines(text->specs), excludes = count_lines(text->exclude);
    if (specs == 0 || specs > RULE_SPECS_MAX || excludes > RULE_SPECS_MAX) {
        err_set(e, ERR_USAGE, "a schedule has 1 to %d expressions", RULE_SPECS_MAX);
        return NULL;
    }
    struct rule *rule = mem_zero(1, sizeof *rule + (specs + excludes) * sizeof *rule->crons);
    rule->users = 1;
    rule->window = text->catchup_window;
    rule->jitter = text->jitter;
    rule->start_at = text->start_at;
    rule->end_at = text->end_at;
    if (!find_policy(text->catchup, &rule->catchup, e) || !parse_lines(rule, &rule->specs, text->specs, text, e) ||
        !parse_lines(rule, &rule->excludes, text->exclude, text, e) || !read_weeks(rule, text, e)) {
        rule_free(rule);
        return NULL;
    }
    return rule;
}

void rule_free(struct rule *rule)
{
    if (!rule || --rule->users > 0)
        return;
    for (int i = 0; i < rule->specs + rule->excludes; i++)
        cron_free(rule->crons[i]);
    zone_close(rule->zone);
    free(rule);
}

struct rule *rule_share(struct rule *rule)
{
    rule->users++;
    return rule;
}

uint32_t rule_users(const struct rule *rule)
{
    return rule->users;
}

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/). */
static uint64_t fnv(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ p[i]) * 0x100000001b3;
    return hash;
}

#define FNV_START 0xcbf29ce484222325

uint64_t rule_key(const struct rule *rule)
{
    uint64_t hash = fnv(FNV_START, &rule->window, sizeof rule->window);
    for (int i = 0; i < rule->specs + rule->excludes; i++) {
        uint64_t key = cron_key(rule->crons[i]);
        hash = fnv(hash, &key, sizeof key);
    }
    return hash;
}

static bool same_weeks(const struct rule *a, const struct rule *b)
{
    return a->every_weeks == b->every_weeks && a->anchor_week == b->anchor_week &&
           (!a->zone || strcmp(zone_name(a->zone), zone_name(b->zone)) == 0);
}

static bool same_calendars(const struct rule *a, const struct rule *b)
{
    for (int i = 0; i < a->specs + a->excludes; i++)
        if (!cron_same(a->crons[i], b->crons[i]))
            return false;
    return true;
}

bool rule_same(const struct rule *a, const struct rule *b)
{
    return a->specs == b->specs && a->excludes == b->excludes && a->catchup == b->catchup && a->window == b->window &&
           a->jitter == b->jitter && a->start_at == b->start_at && a->end_at == b->end_at && same_weeks(a, b) &&
           same_calendars(a, b);
}

/* Ticks --------------------------------------------------------------------------------------------------------- */

static bool is_excluded(const struct rule *rule, usec_t tick)
{
    for (int i = rule->specs; i < rule->specs + rule->excludes; i++) {
        usec_t fire;
        if (cron_next(rule->crons[i], tick - 1, &fire) && fire == tick)
            return true;
    }
    return false;
}

/* The week of a moment: that of the latest date its wall clock has shown, so that clocks put back repeat no week. */
static int64_t week_at(const struct rule *rule, usec_t at)
{
    int64_t reading = zone_reached(rule->zone, at / SECONDS(1));
    return week_of(reading >= 0 ? reading / 86400 : -1);
}

static usec_t week_begin(const struct rule *rule, int64_t week)
{
    return SECONDS(zone_first(rule->zone, (week * 7 - 3) * 86400));
}

/* How many weeks after one that counts, 0: it does. */
static int64_t weeks_off(const struct rule *rule, usec_t tick)
{
    if (!rule->zone)
        return 0;
    int64_t off = (week_at(rule, tick) - rule->anchor_week) % rule->every_weeks;
    return off < 0 ? off + rule->every_weeks : off;
}

static bool next_fire(const struct rule *rule, usec_t after, usec_t *tick)
{
    bool found = false;
    for (int i = 0; i < rule->specs; i++) {
        usec_t fire;
        if (cron_next(rule->crons[i], after, &fire) && (!found || fire < *tick)) {
            *tick = fire;
            found = true;
        }
    }
    return found && (rule->end_at == 0 || *tick < rule->end_at);
}

bool rule_next(const struct rule *rule, usec_t after, usec_t *tick)
{
    if (rule->start_at > after)
        after = rule->start_at - 1;
    for (int looked = 0; looked < RULE_EXCLUDED_MAX; looked++) {
        if (!next_fire(rule, after, tick))
            return false;
        int64_t off = weeks_off(rule, *tick);
        if (off == 0 && !is_excluded(rule, *tick))
            return true;
        after = off ? week_begin(rule, week_at(rule, *tick) + rule->every_weeks - off) - 1 : *tick;
    }
    return false;
}

static bool last_fire(const struct rule *rule, usec_t after, usec_t until, usec_t *tick)
{
    bool found = false;
    for (int i = 0; i < rule->specs; i++) {
        usec_t fire;
        if (cron_last(rule->crons[i], after, until, &fire) && (!found || fire > *tick)) {
            *tick = fire;
            found = true;
        }
    }
    return found;
}

bool rule_last(const struct rule *rule, usec_t after, usec_t until, usec_t *tick)
{
    if (rule->start_at > after)
        after = rule->start_at - 1;
    if (rule->end_at != 0 && rule->end_at <= until)
        until = rule->end_at - 1;
    for (int looked = 0; looked < RULE_EXCLUDED_MAX && after < until; looked++) {
        if (!last_fire(rule, after, until, tick))
            return false;
        int64_t off = weeks_off(rule, *tick);
        if (off == 0 && !is_excluded(rule, *tick))
            return true;
        until = (off ? week_begin(rule, week_at(rule, *tick) - off + 1) : *tick) - 1;
    }
    return false;
}

void rule_describe(const struct rule *rule, usec_t before, usec_t tick, char local[static CLOCK_TEXT_MAX], struct text *note)
{
    const struct cron *named_by = rule->crons[0];
    for (int i = 0; i < rule->specs; i++) {
        usec_t fire;
        if (cron_next(rule->crons[i], tick - 1, &fire) && fire == tick) {
            named_by = rule->crons[i];
            break;
        }
    }
    cron_local(named_by, tick, local);
    cron_note(named_by, before, tick, note);
}

/* The finaliser of splitmix64 (https://prng.di.unimi.it/splitmix64.c): spreads what FNV leaves in the low bits. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

usec_t rule_due(const struct rule *rule, const char *name, usec_t tick)
{
    if (rule->jitter == 0)
        return tick;
    usec_t following, spread = rule->jitter;
    if (rule_next(rule, tick, &following) && following - tick < spread)
        spread = following - tick;
    uint64_t hash = mix(fnv(fnv(FNV_START, name, strlen(name) + 1), &tick, sizeof tick));
    return tick + (usec_t)(hash % (uint64_t)spread);
}

/* Catching up --------------------------------------------------------------------------------------------------- */

/* How many ticks there are in [from, to), at most `max`. */
static int64_t count_ticks(const struct rule *rule, usec_t from, usec_t to, int64_t max)
{
    int64_t count = 0;
    for (usec_t tick = from - 1; count < max && rule_next(rule, tick, &tick) && tick < to;)
        count++;
    return count;
}

/* The last tick from `next` on that is due at `now`; `next` is. */
static usec_t last_due(const struct rule *rule, const char *name, usec_t next, usec_t now)
{
    usec_t tick;
    if (!rule_last(rule, next, now, &tick))
        return next;
    if (rule_due(rule, name, tick) <= now)
        return tick;
    return rule_last(rule, next, tick - 1, &tick) ? tick : next;
}

/* The first tick of those that `all` still emits: inside the window, and so late that no more than RULE_MISSED_MAX
 * follow. */
static usec_t first_wanted(const struct rule *rule, usec_t next, usec_t last, usec_t now)
{
    usec_t from = now - rule->window > next ? now - rule->window : next;
    while (from < last && count_ticks(rule, from, last, RULE_MISSED_MAX) == RULE_MISSED_MAX)
        from = last - (last - from) / 2;
    usec_t first = next;
    return rule_next(rule, from - 1, &first) ? first : last + 1;
}

/* Some ticks from `next` to `last` may be missed: pick the one to emit, 0 for none. */
static usec_t choose(const struct rule *rule, const char *name, usec_t next, usec_t last, usec_t now)
{
    usec_t first;
    switch (rule->catchup) {
    case CATCHUP_ALL:
        first = first_wanted(rule, next, last, now);
        return first <= last ? first : 0;
    case CATCHUP_NONE:
        return now - rule_due(rule, name, last) <= RULE_NONE_WINDOW ? last : 0;
    case CATCHUP_LAST:
    case CATCHUPS:
        break;
    }
    return now - rule_due(rule, name, last) <= rule->window ? last : 0;
}

void rule_decide(const struct rule *rule, const char *name, usec_t next, usec_t now, struct decision *out)
{
    *out = (struct decision){.tick = next, .mark = next};
    if (now - rule_due(rule, name, next) > RULE_HAND_OVER) {
        usec_t last = last_due(rule, name, next, now);
        bool late_only = now - rule_due(rule, name, last) <= RULE_HAND_OVER;
        out->tick = choose(rule, name, next, last, now);
        if (out->tick == 0 && late_only)
            out->tick = last;
        out->mark = out->tick ? out->tick : last;
        out->passed = count_ticks(rule, next, out->tick ? out->tick : last + 1, RULE_MISSED_MAX);
    }
    out->due = out->tick ? rule_due(rule, name, out->tick) : 0;
    if (!rule_next(rule, out->mark, &out->next))
        out->next = 0;
}
