#pragma once
/* The tally: what the processes of a worker count while they work. It lies in memory that they share; any of them adds, at the cost of a
 * few additions, and one of them writes it to the store now and then (sql/migrations, tally). There the counts of a worker stay
 * when it is gone and when the rows they are about are forgotten, so that they only ever grow.
 *
 * A series is a queue and a handler's name. A further outcome or event is a member of an enum, at its end, and a row of tally_outcomes. */
#include "common/base/clock.h"
#include "common/db/pg.h"
#include <stdatomic.h>

/* How an attempt ended, as far as its worker can tell. */
enum tally_outcome {
    TALLY_SUCCESS,
    TALLY_RETRIED, /* it failed and will be tried again */
    TALLY_ERRORED,
    TALLY_KILLED,
    TALLY_SKIPPED, /* expired before it could start */
    TALLY_SNOOZED,
    TALLY_DIED, /* its process did; whether it is tried again is not known here */
    TALLY_OUTCOMES
};

extern const char *const tally_outcomes[TALLY_OUTCOMES];

/* What happens to workers rather than to tasks. */
enum tally_event {
    TALLY_RESCUED_CHILD,  /* tasks whose child died, released with the reason */
    TALLY_RESCUED_WORKER, /* tasks taken over from a worker that is gone */
    TALLY_STALE_WRITE,    /* a write that showed an old epoch and was refused */
    TALLY_COMMITTED,      /* a COMMIT whose answer was lost, and what asking said */
    TALLY_ROLLED_BACK,
    TALLY_CHILD_SIGNAL, /* a child ended, by a signal of somebody else */
    TALLY_CHILD_LIMIT,  /* because it went over a limit, or was stopped for another reason */
    TALLY_CHILD_EXIT,   /* with an error */
    TALLY_CHILD_SPENT,  /* in order: it was old, large or relieved */
    TALLY_BELL_LOST,    /* tasks were found of which no notification had told */
    TALLY_SET_ASIDE,    /* messages of Celery clients that could not be read */
    TALLY_EVENTS
};

/* Upper bounds of the histograms in seconds; one more bucket takes the rest. */
enum { TALLY_BOUNDS = 7, TALLY_BUCKETS = TALLY_BOUNDS + 1 };
extern const double tally_run_bounds[TALLY_BOUNDS], tally_wait_bounds[TALLY_BOUNDS];

/* The numbers of a series: outcomes, a histogram of running times and their sum (microseconds), the same of waiting times. Those of the
 * one without a queue and a name are events. */
enum {
    TALLY_RUN = TALLY_OUTCOMES,
    TALLY_RUN_SUM = TALLY_RUN + TALLY_BUCKETS,
    TALLY_WAIT = TALLY_RUN_SUM + 1,
    TALLY_WAIT_SUM = TALLY_WAIT + TALLY_BUCKETS,
    TALLY_NUMBERS = TALLY_WAIT_SUM + 1
};

enum { TALLY_SERIES_MAX = 256, TALLY_QUEUE_SIZE = 64, TALLY_NAME_SIZE = 128 };

struct tally_series {
    _Atomic uint32_t state;
    char queue[TALLY_QUEUE_SIZE], name[TALLY_NAME_SIZE];
    _Atomic int64_t numbers[TALLY_NUMBERS];
};

/* Begins as zeros. */
struct tally {
    struct tally_series series[TALLY_SERIES_MAX];
};

/* The series of that queue and name, made when it is new; private queues (`drumbeat run`) are one. `hint` is one it may be, such as the last
 * answer. When there are too many it is the one of the name "other". */
int tally_find(struct tally *tally, int hint, const char *queue, const char *name);

/* One attempt ended. `ran`, `waited`: negative for unknown. */
void tally_count(struct tally *tally, int series, enum tally_outcome outcome, usec_t ran, usec_t waited);
void tally_event(struct tally *tally, enum tally_event event, int64_t count);

/* How many attempts of a series have ended, and its handler's name; negative: there is no such series. */
int64_t tally_attempts(struct tally *tally, int series, const char **name);

/* What was written so far, by whoever writes. Begins as zeros. */
struct tally_written {
    int64_t sums[TALLY_SERIES_MAX];
};

/* Write the series that have changed. Writing them twice does no harm. */
bool tally_write(struct tally *tally, struct tally_written *written, struct uuid worker, struct pg *pg, struct err *e);
