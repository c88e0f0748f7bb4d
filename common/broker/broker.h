#pragma once
/* A broker knows which tasks are ready and hands them out. A driver is a table of functions and capability flags; the contract suite
 * (tests/test_broker_contract.c) runs against every driver. The store stays the only writer of a task's status: a broker
 * that is `transactional` lives in the same database and claims in the transaction that settles; with any other the effects of a
 * handler are committed first, and a task whose end could not be told runs again. */
#include "common/base/region.h"
#include "common/broker/lanes.h"
#include "common/store/seat.h"

struct claimed {
    struct uuid id;
    int place; /* counts from 1 within the claim */
    int attempt, allowed;
    const char *queue, *name, *args, *tenant;
    const char *limits; /* what the task asks for itself, JSON (limits_tighten); NULL: nothing */
    bool has_ties, expired;
    bool suspect; /* it has killed its process before: it runs alone */
    bool cancelled; /* its end was asked for before it could start */
    usec_t ready_at; /* since when the first attempt could run */
    usec_t tick_at;
};

struct claims {
    int64_t fence;
    size_t count;
    bool last; /* nothing is left behind these that nobody rings for; false: nobody knows */
    struct claimed task[CLAIM_MAX];
};

struct broker; /* opened for one seat */

struct broker_driver {
    const char *name;
    bool transactional;
    bool fenced_claims; /* a seat that was taken away can claim nothing any more, not only settle nothing */
    bool by_name;       /* hands out only tasks whose handler is in `names`; else the caller puts others off */
    bool tenants;       /* shares a queue among tenants */
    bool (*turn)(struct broker *b, const struct settlement *settle, size_t wanted, struct claims *out, struct err *e);
    bool (*give_back)(struct broker *b, int *count, struct err *e);
    bool (*keep_one)(struct broker *b, int64_t fence, int place, usec_t started_at, struct err *e);
};

extern const struct broker_driver broker_postgres; /* any queue with rows */
extern const struct broker_driver broker_redis;    /* queues with `rows: failures` */

/* A queue that is claimed from by its name. */
struct broker_queue {
    const char *name;
    int64_t limit; /* tasks at once; 0: any number */
};

struct broker_options {
    struct pg *pg;           /* the seat's connection */
    const struct seat_key *key;
    struct lanes *lanes;     /* shared with the worker's other seats */
    const char *const *names; /* handlers this worker has */
    size_t name_count;
    const char *redis_url;   /* from here on: of the driver `redis` */
    const struct broker_queue *queues;
    size_t queue_count;
    usec_t lease;
    _Atomic int64_t *held; /* the fence of what is held, 0 for nothing: for who renews the leases; NULL: nobody wants to know */
    const _Atomic uint32_t *bell; /* changes when something may be ready in a queue that was empty; NULL: always look */
};

/* The broker borrows what the options point to; `key` is read at each turn. */
struct broker *broker_open(const struct broker_driver *driver, const struct broker_options *options);
void broker_close(struct broker *b);
const struct broker_driver *broker_driver(const struct broker *b);
void broker_use(struct broker *b, struct pg *pg); /* after a reconnect */

/* Settle what is given (fence 0: nothing) and claim up to `wanted` (0: none), together. out->count 0 is normal. Inside a
 * transaction of the handler it becomes part of that. On an error nothing was done; ERR_UNCERTAIN: unknown.
 * Texts in `out` are valid until the next turn. */
bool broker_turn(struct broker *b, const struct settlement *settle, size_t wanted, struct claims *out, struct err *e);

/* Give back, uncounted, what is held of the last claim and was not settled. */
bool broker_give_back(struct broker *b, int *count, struct err *e);

/* The same for all but the task at `place`, which starts now; 0: for all of the claim, when they may be many. What has run must be settled. */
bool broker_keep_one(struct broker *b, int64_t fence, int place, usec_t started_at, struct err *e);

/* Whether it is worth to ask: false when nothing can have come since the last claim found nothing. */
bool broker_may_have(const struct broker *b);

/* Whether it is still to be told what became of tasks: it could not be reached, and nobody rings for that. Any turn tries again. */
bool broker_owes(const struct broker *b);
