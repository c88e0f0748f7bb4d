#pragma once
/* Schedule expressions: cron with 5, 6 (seconds first) or 7 (and years) fields, nicknames, and @every.
 *
 *   expr := [("CRON_TZ=" | "TZ=") zone] ( fields | @daily and the like | "@every" duration ["/" phase] )
 *
 * The rule for clocks that are put forward or back: a schedule whose hour field selects all 24 hours follows real time
 * (it fires at each moment whose wall reading matches); any other fires each selected wall time of each matching date
 * once: at the end of the jump when the clock jumps over it, and the first time when it happens twice.
 * Fires are whole seconds in the local years 1970 to 2199. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/text.h"
#include "common/base/zone.h"

enum { CRON_TEXT_MAX = 1024, CRON_YEAR_MIN = 1970, CRON_YEAR_MAX = 2199 };

struct cron; /* about 130 bytes; never changed after parsing, so threads may share it */

/* Read an expression. `tz` is the schedule's zone, NULL or "" for none (UTC, unless the text has a prefix; both given
 * must be equal). `name` is the schedule's name, which H is computed from; NULL or "" refuses H.
 * NULL and ERR_USAGE with one line that says column, field, offending text, what is allowed and often what to write
 * instead. An expression that can never fire (30 February) is no error: see cron_next(). */
struct cron *cron_parse(const char *text, const char *tz, const char *name, struct err *e);
void cron_free(struct cron *c);
void cron_freep(struct cron **c); /* for CLEANUP */

/* Do both fire at the same moments because they say the same, in whatever words? cron_key() is then the same number; it is
 * seldom otherwise. */
bool cron_same(const struct cron *a, const struct cron *b);
uint64_t cron_key(const struct cron *c);

/* The first fire strictly after `from` (fractions of a second count); false when there is none. Always ends: at most
 * 84,006 dates are looked at, by month, and a full miss costs microseconds. */
bool cron_next(const struct cron *c, usec_t from, usec_t *next_at);

/* The last fire in (after, until]; false when there is none. Some 35 times the cost of cron_next(), however many
 * fires lie between. */
bool cron_last(const struct cron *c, usec_t after, usec_t until, usec_t *last_at);

/* The zone the expression is read in: the prefix's, the schedule's, else UTC; UTC for @every. Lives as long as `c`. */
const struct zone *cron_zone(const struct cron *c);

/* Add the expression in words: "at 02:30, on Monday to Friday, Europe/Paris time". */
void cron_words(const struct cron *c, struct text *out);

/* Add one line (ending in '\n') for each thing about the expression that is allowed and seldom meant; `now` is where
 * looking ahead begins. */
void cron_warnings(const struct cron *c, usec_t now, struct text *out);

/* Add what the clocks of its zone do about the fire `at`, nothing when they do nothing: the time does not exist or
 * comes twice, or the clock was changed since the moment `before`. */
void cron_note(const struct cron *c, usec_t before, usec_t at, struct text *out);

/* The moment `at` as the zone's wall clock shows it, with its offset: "2026-03-29T03:00:00+02:00". Returns `out`. */
const char *cron_local(const struct cron *c, usec_t at, char out[static CLOCK_TEXT_MAX]);
