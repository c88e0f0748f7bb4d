#pragma once
/* One attempt of one task, inside a child: the seat's record, the limits it asks for, and the host that task.c talks to. */
#include "common/broker/broker.h"
#include "common/db/redis.h"
#include "worker/board.h"
#include "worker/catalog.h"
#include "worker/envelope.h"

/* An end whose texts are too long for the notes: it is settled before anything else runs. */
struct aside {
    bool present;
    struct note note;
    struct attempt_end end;
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
    int64_t fence;                 /* of the claim that is worked on; 0: it was given back */
    struct notes *notes;           /* the seat's: what ran and is not settled yet */
    struct aside aside;
    usec_t pending_since;          /* when the first of these ended; 0: there are none */
    struct settlement settlement;  /* made of them */
    struct region *pending_region; /* texts on their way there */
    int series; /* of the task that runs */
    int turn;   /* and the how manieth of its batch it is */
    int failures; /* claims in a row that the server refused */
    usec_t batch_at; /* when the claim that is worked on was begun */
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

/* Take back what it held in Redis alone. */
bool death_release_light(struct redis *redis, const char *queue, const struct seat_key *key, const struct seat *seat, struct err *e);

/* Release what a dead child's seat held: what it had noted is settled, the task that ran ends with the reason, all else goes back. key->epoch
 * is set. */
bool death_release(struct pg *pg, struct seat_key *key, struct seat *seat, struct tally *tally, struct err *e);
