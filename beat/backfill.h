#pragma once
/* The ticks of a past range that were never emitted. */
#include "common/db/pg.h"

enum { BACKFILL_RATE = 100, BACKFILL_RATE_MAX = 100000, BACKFILL_TICKS_MAX = 1000000 };

struct backfill {
    const char *name;
    usec_t from, to; /* ticks in [from, to); to 0: until now, by the store's clock */
    int64_t rate;    /* ticks a second, up to BACKFILL_RATE_MAX */
    bool dry;        /* only count */
};

struct backfilled {
    int64_t ticks;   /* in the range */
    int64_t emitted; /* of them, now; when dry, those that would be */
};

/* Emit them in their order. What has a tick row is left alone, so that a backfill that was interrupted goes on where it
 * was when it is asked for again. The schedule's mark stays; it may be paused or disabled. Where an overlap policy or a
 * unique key keeps its tasks apart each waits, without an end, for the one before. *out counts up to the failure too.
 * ERR_NOT_FOUND: no such schedule; ERR_LIMIT: more than BACKFILL_TICKS_MAX ticks, nothing was emitted; ERR_USAGE: the
 * range is empty or ends in the future by the store's clock. */
bool backfill(struct pg *pg, const struct backfill *what, struct backfilled *out, struct err *e);
