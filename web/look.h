#pragma once
/* A look at the database, a reading at a time. A reading is a row of a table (look.c): what is asked, how often, and
 * where the answer goes. One that takes long is made less often: looking costs the server a few percent of one core.
 * Readings cost the same whatever waits and however long the history is. */
#include "common/db/pg.h"
#include "common/store/tally.h"

enum reading {
    READ_SCHEMA,
    READ_BLOCKER, /* cheap, and wanted when what follows hangs */
    READ_WORKERS,
    READ_WAITING,
    READ_BEAT,
    READ_HANDLERS,
    READ_DEPTHS,
    READ_GATES,
    READ_TOTALS,
    READ_OUTCOMES,
    READ_TALLY,
    READ_STREAMS,
    READINGS
};

enum { LOOK_QUEUES_MAX = 300, LOOK_SERIES_MAX = 80, LOOK_GATES_MAX = 100, LOOK_QUEUE_SIZE = 64, LOOK_TEXT_SIZE = 256, LOOK_CALL_MS = 4000 };

/* When a reading was made. Moments are clock_boot(). */
struct made {
    usec_t good_at; /* 0: not on this connection */
    usec_t next_at, took;
    bool failed; /* the last time; then `problem` says why */
    char problem[LOOK_TEXT_SIZE];
};

/* A queue in which tasks wait, or a limit that has room for one that waits. */
struct waiting {
    char queue[LOOK_QUEUE_SIZE];
    bool paused;
    bool served;    /* by a living worker */
    bool claimable; /* a worker with a free seat could claim a task; the rest is about the one it would claim next */
    int64_t priority, seq, attempt;
    char task[UUID_TEXT_MAX], handler[LOOK_TEXT_SIZE], worker[LOOK_TEXT_SIZE];
    usec_t since; /* it has been the next to be claimed since then, clock_boot() */
};

/* What stands in a queue. Numbers are double, as Prometheus has them. */
struct depth {
    char queue[LOOK_QUEUE_SIZE];
    double paused, ready, delayed, running, gated, oldest; /* oldest in seconds */
};

/* A limit over all workers. What it does not limit is negative. */
struct gate {
    char kind[16], name[LOOK_TEXT_SIZE];
    double slots, used, waiting;           /* slots in all, in use, tasks that wait for one */
    double rate, unstarted, next_token_in; /* starts a second, tasks that wait for a token, seconds until the next one */
};

/* What workers have counted of a queue and a handler. */
struct counts {
    char queue[TALLY_QUEUE_SIZE], name[TALLY_NAME_SIZE];
    double numbers[TALLY_NUMBERS];
};

struct look {
    usec_t turned_at; /* the loop came round, clock_boot() */
    bool connected;
    usec_t connected_at;          /* clock_boot() */
    char problem[LOOK_TEXT_SIZE]; /* why not connected; "" at the start */
    struct made made[READINGS];
    struct {
        double live, draining, silent, seats, busy;
    } workers;
    struct waiting waiting[LOOK_QUEUES_MAX];
    size_t waiting_count;
    struct depth depths[LOOK_QUEUES_MAX];
    size_t depth_count;
    struct gate gates[LOOK_GATES_MAX];
    size_t gate_count;
    struct {
        bool leads;
        double schedules, overdue;
        double last_tick;      /* seconds since 1970, 0: none */
        double late;           /* seconds, as the next two */
        double last_late, age; /* of the last tick; of the beat that leads; negative: there is none */
        char late_name[LOOK_TEXT_SIZE];
    } beat;
    char strangers[LOOK_TEXT_SIZE]; /* names of waiting tasks that no worker has a handler for; "": none */
    struct {
        double enqueued, ended, failed;
    } totals;
    struct {
        double success, errored, killed, skipped;
    } outcomes;
    struct {
        double lag, moved; /* messages of Kafka that wait; seconds since some were read, negative: never */
    } streams;
    struct counts counts[LOOK_SERIES_MAX]; /* of more than these the last takes the rest, with "other" for both */
    size_t counts_count;
    double events[TALLY_EVENTS];
    double ticks_emitted, ticks_missed;
    char blocker[LOOK_TEXT_SIZE]; /* who holds what a worker waits for; "": nobody */
};

extern const char *const reading_names[READINGS];

/* Make the readings that are due. False when the connection was lost; a reading that failed for another reason says so
 * in `made`. */
bool look_read(struct look *look, struct pg *pg, struct err *e);

/* When the next is due, clock_boot(). */
usec_t look_wake(const struct look *look);

/* There is a connection: everything is to be read. */
void look_connected(struct look *look);

/* The connection is gone: what waited before counts for nothing. */
void look_forget(struct look *look, const struct err *why);

/* For how long the queue's next task could have been claimed and was not; 0 when there is none. */
usec_t look_stalled(const struct look *look, const struct waiting *waiting);
