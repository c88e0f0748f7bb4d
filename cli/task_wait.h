#pragma once
/* Waiting for a task's end: looks that begin close together and become rarer, so that a short task is not waited for and
 * a long one costs nothing. */
#include "cli/session.h"
#include "common/store/task.h"

#define WATCH_FIRST MSEC(5)
#define WATCH_LAST MSEC(500)

struct task_watch {
    struct uuid id;
    usec_t deadline; /* CLOCK_BOOTTIME; 0: none */
    usec_t longest;  /* between two looks; 0: WATCH_LAST */
    /* Called after each look and whenever a signal ends a rest, with NULL when the server could not be asked; false ends
     * the wait. May be NULL. It may use the session's connection once it is done with the state. */
    bool (*seen)(void *data, const struct task_state *state);
    void *data;
};

/* Wait until it has ended, the deadline is over or seen() answers false; `state` is the last look (its texts are gone when
 * seen() used the connection). Opens the session's connection again when it is lost. False: ERR_NOT_FOUND, or an error that waiting does not mend. */
bool task_wait(struct session *s, struct task_watch *watch, struct task_state *state, struct err *e);
