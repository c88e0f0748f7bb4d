#pragma once
/* History is kept on shelves: spans of time that are made ahead and dropped whole (sql/migrations/0009_history.sql). Any number of processes
 * may look after them at once. */
#include "common/db/pg.h"

enum history_state {
    HISTORY_IDLE,   /* nothing is due */
    HISTORY_BUSY,   /* somebody else is at it */
    HISTORY_LATER,  /* somebody's locks were in the way */
    HISTORY_GOING,  /* there is more to do at once */
    HISTORY_DROPPED /* a shelf is gone; there may be another */
};

struct history_step {
    enum history_state state;
    int64_t seen, kept; /* of the shelf under way: tasks looked at so far, and how many of them stay */
};

/* See that there is a shelf for what comes, and that lists are planned for as much as there is. `shortest`: the shortest time for which tasks are kept, 0: all for ever. */
bool history_ahead(struct pg *pg, usec_t shortest, struct err *e);

/* One step of forgetting, one transaction, which looks at `most` tasks at most. `policy` is config_history()'s. */
bool history_step(struct pg *pg, const char *policy, int most, struct history_step *step, struct err *e);
