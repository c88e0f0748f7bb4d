#pragma once
/* The times of one schedule, and what to do about a tick that is due. Pure: no clock, no database; times are the
 * store's.
 *
 * A tick is nominal: the moment the expressions name. It is due at that moment plus its jitter, which depends on
 * nothing but the schedule's name and the tick, so that all beats agree. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/text.h"
#include <stdbool.h>
#include <stdint.h>

/* A tick that is at most this late is only late (a beat was replaced by another), not missed: it is emitted under every
 * catch-up policy. */
#define RULE_HAND_OVER SECONDS(15)

/* What catch-up `none` still tolerates. */
#define RULE_NONE_WINDOW SECONDS(60)

enum {
    RULE_SPECS_MAX = 100,
    RULE_MISSED_MAX = 1000,     /* where counting missed ticks stops, and what catch-up `all` emits at most */
    RULE_EXCLUDED_MAX = 1000000 /* ticks in a row that are looked at before a schedule counts as wholly excluded */
};

/* A schedule's times as they are written. */
struct rule_text {
    const char *name;
    const char *specs;   /* expressions, separated by line ends */
    const char *exclude; /* the same: a tick at which one of these fires is none; "" for nothing */
    const char *tz;      /* NULL or "": UTC */
    const char *catchup; /* last, all, none */
    usec_t catchup_window;
    usec_t jitter;
    usec_t start_at, end_at; /* ticks in [start, end); 0: no bound */
    int64_t every_weeks; /* ticks only in weeks (from Monday) this many apart, by the wall clock of `tz`; 0: in every
                            week */
    int64_t anchor_day;  /* days since 1970 of a date in one of those weeks */
};

struct rule;

/* ERR_USAGE with the expression's own complaint. */
struct rule *rule_parse(const struct rule_text *text, struct err *e);
void rule_free(struct rule *rule);

/* Do both tick and catch up alike, in whatever words they were written? Their keys are then the same; else seldom. */
bool rule_same(const struct rule *a, const struct rule *b);
uint64_t rule_key(const struct rule *rule);

/* Schedules share rules that are the same: one more user; rule_free() counts one less and frees after the last. */
struct rule *rule_share(struct rule *rule);
uint32_t rule_users(const struct rule *rule);

/* The first tick after `after`; false: never again. */
bool rule_next(const struct rule *rule, usec_t after, usec_t *tick);

/* The last tick in (after, until]; false: none. */
bool rule_last(const struct rule *rule, usec_t after, usec_t until, usec_t *tick);

/* The tick as the wall clock of the expression that names it shows it ("2026-03-29T03:00:00+02:00"), and added to `note` what that
 * clock does about it, as cron_note() says it; `before`: the tick before. */
void rule_describe(const struct rule *rule, usec_t before, usec_t tick, char local[static CLOCK_TEXT_MAX], struct text *note);

/* When the tick of that schedule is due. */
usec_t rule_due(const struct rule *rule, const char *name, usec_t tick);

/* What to do about `next`, the first tick after the mark, which is due at `now`. */
struct decision {
    usec_t tick;    /* emit this one; 0: none */
    usec_t due;     /* when it was due */
    usec_t mark;    /* then everything up to here is dealt with */
    int64_t passed; /* ticks passed over before it, at most RULE_MISSED_MAX are counted */
    usec_t next;    /* the first tick after the mark, 0: never */
};

void rule_decide(const struct rule *rule, const char *name, usec_t next, usec_t now, struct decision *out);
