#pragma once
/* All schedules of a beat, by name and by the time something is to be done about them. Pure: `now` is given, and is the
 * store's clock. What it says is to be emitted is a proposal that the store compares with its rows (revision, mark), so
 * a scheduler that is behind the store does no harm.
 *
 * Made small: a schedule costs about 100 bytes and its name; its times cost some 250 bytes where no other schedule has
 * the same. */
#include "beat/rule.h"
#include <stddef.h>

#define SCHEDULER_NEVER INT64_MAX

/* Missed ticks of one schedule (catch-up `all`) are emitted this far apart. */
#define SCHEDULER_PACE MSEC(10)

struct scheduler;

/* One row of the schedule table. */
struct schedule_row {
    struct rule_text rule;
    int64_t revision;
    bool active;      /* enabled and not paused */
    usec_t mark;      /* everything up to it is dealt with */
    usec_t next_tick; /* as the row has it; 0: none */
};

/* What is to be done about one schedule. */
struct emission {
    struct schedule *schedule; /* valid until the next scheduler_put() or scheduler_remove() of that name */
    const char *name;
    int64_t revision;
    usec_t mark; /* the row's, to be compared */
    struct decision what;
};

struct scheduler *scheduler_new(void);
void scheduler_free(struct scheduler *s);
size_t scheduler_count(const struct scheduler *s);

/* Take in a row: a new schedule, a new definition, or the mark of one that is known. One that is not active is
 * forgotten. `next` is its next tick after the mark, 0: never. ERR_USAGE when the definition cannot be read: the
 * schedule is then forgotten too. */
bool scheduler_put(struct scheduler *s, const struct schedule_row *row, usec_t *next, struct err *e);
void scheduler_remove(struct scheduler *s, const char *name);

/* When there is something to do next; SCHEDULER_NEVER. */
usec_t scheduler_wake(const struct scheduler *s);

/* Take up to `max` schedules about which something is to be done at `now`, the longest due first. Each is answered by
 * scheduler_done() or scheduler_put_back(). */
size_t scheduler_take(struct scheduler *s, usec_t now, struct emission *out, size_t max);
void scheduler_done(struct scheduler *s, const struct emission *emission, usec_t now);
void scheduler_put_back(struct scheduler *s, const struct emission *emission, usec_t wake);

/* Another beat emits: move past all that is due. */
void scheduler_pass(struct scheduler *s, usec_t now);
