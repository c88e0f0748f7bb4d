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
    struct broker *broker; /* of the queues with rows */
    struct broker *light;  /* of those that are in Redis alone; NULL: there are none */
    struct broker *holder; /* of the claim that is worked on */
    struct broker_queue *light_queues;
    size_t light_count;
    usec_t asked_at;       /* when the broker of the queues with rows was asked last and had nothing; 0: it had something */
    struct region *region;         /* of the attempt */
    struct settlement pending;     /* what ran and is not settled yet */
    struct region *pending_region; /* its texts */
    usec_t pending_since;
    struct ran *ran; /* of what is pending */
    size_t ran_count;
    int series; /* of the task that runs */
    int failures; /* claims in a row that the server refused */
    size_t wanted, last_batch;     /* of the claim that runs; how many of the last full one, or of one with slow tasks, were quick */
    usec_t mean;                   /* of the quick tasks of late, whatever their handlers */
    int64_t ticket; /* of the task that runs */
    usec_t soft_at, born_at;
    struct text xid;
    struct envelope envelope;
    bool spent; /* it left something behind that this child cannot end, or is too old: leave before the next task */
};

/* Run the task and say how it ended. True: it succeeded with a transaction open, which must be committed with the settlement.
 * Texts of `end` are valid until the next attempt. */
bool attempt_run(struct child *c, const struct claimed *task, struct attempt_end *end);

/* How a child's death is told of the task that it ran. */
struct attempt_end death_end(const struct death *death);

/* Release what a dead child's seat held, with the reason. */
bool death_release(struct pg *pg, struct seat_key *key, const struct death *death, struct err *e);
