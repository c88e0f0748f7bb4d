#pragma once
/* The first round on an empty registry: every sync whose upstream is configured or stood in for, once. Later steps need the rows of earlier ones, so a
 * step is enqueued when the one before it ended in SUCCESS, batches that its tasks have enqueued included. To add a sync, add a row to round.c. */
#include "common/base/clock.h"
#include "common/db/pg.h"
#include "common/store/task.h"
#include "config/config.h"
#include <stdbool.h>
#include <stddef.h>

enum { ROUND_TASKS = 20, ROUND_STATUS_MAX = 16, ROUND_TEXT_MAX = 256 };

struct round_task {
    const struct row *row; /* of round.c */
    struct uuid id; /* all zero: not enqueued yet */
    char status[ROUND_STATUS_MAX], message[ROUND_TEXT_MAX], error[ROUND_TEXT_MAX];
    struct task_state state; /* its texts are those above: see round_state() */
};

struct round {
    struct round_task tasks[ROUND_TASKS];
    size_t count;
    size_t step;
    enum { ROUND_GOES_ON, ROUND_SUCCEEDED, ROUND_FAILED } outcome;
};

/* Is the registry empty: has no sync ever run? */
bool round_is_due(struct pg *pg, bool *due, struct err *e);

/* `sandboxed`: the sandbox stands in for upstreams without an address. */
void round_begin(struct round *r, const struct config *config, bool sandboxed);

const char *round_name(const struct round_task *task);

/* Enqueue what may run now, look at what runs, decide. An error leaves the round as it was: call again later. */
bool round_advance(struct round *r, struct pg *pg, struct err *e);

/* How many of `tasks` have been enqueued: they come first. */
size_t round_shown(const struct round *r);

/* Where a task stands, with texts that are valid until the next round_advance(). */
struct task_state round_state(const struct round_task *task);

/* Why it failed, one line; valid as long as the round. */
void round_failure(const struct round *r, struct text *out);
