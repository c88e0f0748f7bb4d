#pragma once
/* One attempt of one task, inside a child: the seat's record, the limits it asks for, and the host that task.c talks to. */
#include "common/broker/broker.h"
#include "worker/board.h"
#include "worker/catalog.h"
#include "worker/envelope.h"

/* An attempt that is counted once it is settled. */
struct ran {
    int series;
    enum tally_outcome outcome;
    usec_t took, waited; /* negative: unknown */
};

struct child {
    struct board *board;
    uint32_t edition;
    struct edition *shared; /* with the children of the same edition */
    struct seat *seat;
    const struct config *config;
    const struct catalog *catalog;
    struct seat_key key;
    struct pg *pg;
    struct broker *broker;
    struct region *region;         /* of the attempt */
    struct settlement pending;     /* what ran and is not settled yet */
    struct region *pending_region; /* its texts */
    usec_t pending_since;
    struct ran *ran; /* of what is pending */
    size_t ran_count;
    int series; /* of the task that runs */
    int failures; /* claims in a row that the server refused */
    size_t wanted, last_batch;     /* of the claim that runs; what the one before came to */
    usec_t mean;                   /* of the tasks of late, whatever their handlers */
    int64_t ticket; /* of the task that runs */
    usec_t soft_at, born_at;
    struct text xid;
    struct envelope envelope;
    bool spent; /* it left something behind that this child cannot end, or is too old: leave before the next task */
};

/* How long tasks of this handler take, roughly; 0: unknown. */
usec_t attempt_mean(const struct child *c, const struct claimed *task);

/* Run the task and say how it ended. True: it succeeded with a transaction open, which must be committed with the settlement.
 * Texts of `end` are valid until the next attempt. */
bool attempt_run(struct child *c, const struct claimed *task, struct attempt_end *end);

/* Release what a dead child's seat held, with the reason. */
bool death_release(struct pg *pg, struct seat_key *key, const struct death *death, struct err *e);
