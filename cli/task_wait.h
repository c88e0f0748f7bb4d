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
    usec_t pause;    /* between two looks; task_wait() begins with WATCH_FIRST */
    /* Called after each look, and where it is woken by a signal; false ends the wait. May be NULL. */
    bool (*seen)(void *data, const struct task_state *state);
    void *data;
};

/* Wait until it has ended, the deadline is over or seen() answers false; `state` is the last look. Opens the session's
 * connection again when it is lost. False: ERR_NOT_FOUND, or an error that waiting does not mend. */
bool task_wait(struct session *s, struct task_watch *watch, struct task_state *state, struct err *e);
