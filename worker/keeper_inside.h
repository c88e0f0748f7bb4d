#pragma once
/* What the keeper's files know of each other: keeper.c is the loop, keeper_lanes.c finds work, keeper_seats.c watches children,
 * keeper_gates.c holds limits, keeper_lease.c renews and rescues. */
#include "worker/keeper.h"
#include "worker/log_line.h"

#include "common/base/region.h"

#define WAITING_NEW INT64_MAX

enum { KEEPER_LINES_MAX = 2000, NEIGHBOURS_MAX = 64, GATES_HEARD_MAX = 64, KEEPER_CALLS_MAX = SETTLE_CALLS_MAX + 2 };

struct keeper {
    struct board *board;
    uint32_t edition;
    struct lanes *lanes; /* of the edition */
    usec_t relieved_at;  /* when a later edition was seen; 0: not yet */
    const struct config *config;
    const struct catalog *catalog;
    const char *const *queues; /* NULL: all */
    size_t queue_count;
    struct pg *pg;
    struct pg *listener; /* the same as pg unless that goes through a pooler */
    bool open;           /* connected and registered */
    int failures;
    usec_t retry_at, renew_at, round_at, rescue_at, look_at, progress_at, results_at, history_at;
    /* new work */
    int64_t last_seq;
    bool lanes_unknown;
    usec_t poll_at;  /* when to look for work whether or not there is news */
    usec_t delayed_at; /* CLOCK_BOOTTIME of the next delayed task; 0: none */
    /* batches */
    usec_t batches_at;    /* when to look at those that were put off; 0: none are known */
    usec_t batches_pause; /* between two looks that did not decide everything */
    usec_t sweep_at;
    /* limits */
    struct region *gate_memory;
    const char *gates[GATES_HEARD_MAX]; /* somebody may be let in there */
    size_t gate_count;
    usec_t gates_at;  /* when to look at every gate */
    usec_t tokens_at; /* CLOCK_BOOTTIME of the next token somebody waits for; 0: none */
    /* the bell */
    bool waiting;       /* as the worker's row says */
    int64_t waiting_xid; /* transactions below it may have read "not waiting"; WAITING_NEW: all that are open; 0: none is left */
    usec_t waiting_since;
    usec_t busy_since;
    usec_t heard_at;  /* CLOCK_BOOTTIME of the last bell for a lane of ours */
    usec_t missed_at; /* and of a look that found a task of which none had told; 0: no doubt */
    int64_t bells_lost;
    /* what children tell */
    uint32_t *progress_seen;
    struct told {
        struct uuid started; /* the slow task that was marked as started last */
        uint32_t turn;       /* and of which turn of the notes so many were settled by */
        uint32_t notes;
        usec_t again_at;     /* after a lock that was not to be had */
    } *told; /* by seat */
    struct settlement settlement;
    struct pg_call *calls; /* that settle */
    struct pg_rows *answers;
    struct log_line *lines;
    size_t line_count, lines_dropped;
    char boot[64];
    struct uuid dead[NEIGHBOURS_MAX]; /* workers of this host whose process is gone */
    size_t dead_count;
    usec_t unknown_reported_at;
    struct tally_written written;
    usec_t tally_at, fold_at;
};

/* keeper_lanes.c: find work ------------------------------------------------------------------------------------------ */

/* A notification of channel "drumbeat". Unknown ones are ignored: anyone may send one. */
void keeper_hear(struct keeper *k, const char *payload);

/* Once a second: what is new, what is due, what may have been missed. */
bool keeper_round(struct keeper *k, struct err *e);

/* Ring or not: tell enqueuers whether it is worth a NOTIFY. */
bool keeper_waiting(struct keeper *k, struct err *e);

/* A worker with --burst: nothing left to do? */
bool keeper_burst(struct keeper *k, struct err *e);

/* keeper_gates.c: limits --------------------------------------------------------------------------------------------- */

/* Somebody may be let in at this gate; NULL: at any. */
void keeper_hear_gate(struct keeper *k, const char *gate);

/* Let in what may go in: at the gates that were heard of, at rates whose time has come, once a second at all. */
bool keeper_admit(struct keeper *k, struct err *e);

/* Tell the store what the configuration says of queues, and what it limits. */
bool keeper_configure(struct keeper *k, struct err *e);

/* keeper_seats.c: watch children ------------------------------------------------------------------------------------- */

bool keeper_flush_progress(struct keeper *k, struct err *e);
void keeper_collect_lines(struct keeper *k);
bool keeper_flush_lines(struct keeper *k, struct err *e);
/* A task of a batch turns out slow: what ran before it is settled, it is marked as started, and others can have the rest of the batch. */
bool keeper_mind_slow(struct keeper *k, struct err *e);
/* Seats whose child is dead and will not come back soon. */
bool keeper_release_dead(struct keeper *k, struct err *e);

/* keeper_batches.c: finish batches that their children could not -------------------------------------------------------- */

/* A bell, or a round that saw that something is left. */
void keeper_hear_batch(struct keeper *k);
void keeper_see_batches(struct keeper *k);
bool keeper_batches(struct keeper *k, struct err *e);

/* keeper_history.c: shelves are made and dropped. */
void keeper_plan_history(struct keeper *k);
bool keeper_history(struct keeper *k, struct err *e);
/* Write what was counted, and put what workers counted that are gone with the rest. */
bool keeper_write_tally(struct keeper *k, struct err *e);

/* keeper_results.c: files of large results whose time is over. */
void keeper_prune_results(struct keeper *k);

/* keeper_lease.c: the lease ------------------------------------------------------------------------------------------ */

bool keeper_register(struct keeper *k, struct err *e);
bool keeper_renew(struct keeper *k, struct err *e);
bool keeper_rescue(struct keeper *k, struct err *e);
