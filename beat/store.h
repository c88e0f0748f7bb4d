#pragma once
/* What a beat asks of the store. Each call is one statement in a transaction of its own. */
#include "beat/scheduler.h"
#include "common/db/pg.h"

enum { STORE_PAGE = 1000 }; /* rows of one answer, and schedules of one emission */

struct leadership {
    bool leads;
    int64_t epoch;
    usec_t clock; /* the store's, when it answered */
};

/* Take or keep the lease for `term`, or only look when not `willing`. `direct`: the connection is a session of its own,
 * so that its end is the lease's. */
bool store_lead(struct pg *pg, struct uuid beat, usec_t term, bool direct, bool willing, struct leadership *out,
                struct err *e);
bool store_stop_leading(struct pg *pg, struct uuid beat, struct err *e);

/* Rows of the schedule table, given to `take` one by one; what the row points to lives as long as the call. */
typedef void store_take(void *data, const struct schedule_row *row);

/* Those with a revision above *revision, which moves along; at most STORE_PAGE. *count of them were given. */
bool store_changes(struct pg *pg, int64_t *revision, store_take *take, void *data, size_t *count, struct err *e);

/* Those with a next tick up to `until`, or with none yet; otherwise the same. */
bool store_overdue(struct pg *pg, usec_t until, int64_t *revision, store_take *take, void *data, size_t *count,
                   struct err *e);

/* Those named; one that was deleted is given as not active. */
bool store_rows(struct pg *pg, const char *const *names, size_t count, store_take *take, void *data, struct err *e);

/* Insert ticks and tasks and move the marks, all in one transaction. done[i] tells whether emissions[i] was; otherwise
 * its row is another by now or is held by somebody. At most STORE_PAGE. ERR_FENCED: another beat leads and nothing was
 * written. ERR_UNCERTAIN: it may have happened; asking again is harmless. */
bool store_emit(struct pg *pg, struct uuid beat, int64_t epoch, const struct emission *emissions, size_t count,
                bool *done, struct err *e);

/* What the beat found about a definition. */
struct placement {
    char *name;
    int64_t revision;
    usec_t next;   /* 0: never */
    char *problem; /* NULL: none */
};

/* At most STORE_PAGE. */
bool store_place(struct pg *pg, const struct placement *placements, size_t count, struct err *e);

/* Pause schedules whose last tasks failed, as many in a row as they allow: of STORE_PAGE that come after the name
 * `behind`. `told` is called for each that was. *looked_to: the last name looked at, to be freed, NULL when there are
 * no more. ERR_TRANSIENT: somebody else's transaction is changing schedules, try again. */
bool store_pause_failing(struct pg *pg, const char *behind, void (*told)(const char *name), char **looked_to,
                         struct err *e);

/* Forget ticks emitted longer ago than `keep`, at most STORE_PRUNE; *count were. */
enum { STORE_PRUNE = 10000 };
bool store_prune(struct pg *pg, usec_t keep, size_t *count, struct err *e);
