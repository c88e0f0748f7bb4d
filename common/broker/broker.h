#pragma once
/* A broker knows which tasks are ready and hands them out. A driver is a table of functions and capability flags; the contract suite
 * (tests/test_broker_contract.c) runs against every driver. The store stays the only writer of a task's status: a broker
 * that is `transactional` lives in the same database and claims in the transaction that settles. */
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
    usec_t ready_at; /* since when the first attempt could run */
    usec_t tick_at;
};

struct claims {
    int64_t fence;
    size_t count;
    struct claimed task[CLAIM_MAX];
};

struct broker; /* opened for one seat */

struct broker_driver {
    const char *name;
    bool transactional;
    bool (*turn)(struct broker *b, const struct settlement *settle, size_t wanted, struct claims *out, struct err *e);
};

extern const struct broker_driver broker_postgres;

struct broker_options {
    struct pg *pg;           /* the seat's connection */
    const struct seat_key *key;
    struct lanes *lanes;     /* shared with the worker's other seats */
    const char *const *names; /* handlers this worker has */
    size_t name_count;
};

/* The broker borrows what the options point to; `key` is read at each turn. */
struct broker *broker_open(const struct broker_driver *driver, const struct broker_options *options);
void broker_close(struct broker *b);
void broker_use(struct broker *b, struct pg *pg); /* after a reconnect */

/* Settle what is given (fence 0: nothing) and claim up to `wanted` (0: none), together. out->count 0 is normal. Inside a
 * transaction of the handler it becomes part of that. On an error nothing was done; ERR_UNCERTAIN: unknown.
 * Texts in `out` are valid until the next turn. */
bool broker_turn(struct broker *b, const struct settlement *settle, size_t wanted, struct claims *out, struct err *e);
