#pragma once
/* A queue whose tasks are in Redis alone (`broker: redis, rows: failures`): its verbs, a script each (sql/scripts/queue_*.lua). All its
 * keys begin with "drumbeat:{name}:", so that they are in one slot of a cluster:
 *
 *     ready:0 … ready:9   lists, by priority, of tasks that may be claimed       delayed     sorted set of those that are due later
 *     held:<holder>       list: one claim, settled places are empty              leases      sorted set of holders by the end of their lease
 *     state               hash: the last fence; paused                           unique      hash: key -> id of the task that holds it
 *     failed              list of failed tasks, as JSON, until PostgreSQL has them          cancelled   set of ids
 *     wake                channel: "ready", "delayed", "failed", "cancel <id>"
 *
 * A holder is "<worker>/<seat>/<fence>". A task is one text, its parts divided by tabs:
 *
 *     id  priority  attempts  allowed  deaths  ready_at  expires_at  name  tenant  unique_key  arguments */
#include "common/base/text.h"
#include "common/base/uuid.h"
#include "common/db/redis.h"
#include "common/store/task.h"

enum { REDIS_QUEUE_BATCH_MAX = 500, REDIS_PREFIX_MAX = 96, REDIS_DEATHS_MAX = 3 };

/* "drumbeat:{queue}:", returns `out`. */
const char *redis_queue_prefix(const char *queue, char out[static REDIS_PREFIX_MAX]);

/* Put tasks into the queue. ids[i] is the new task's, or that of the task which holds its unique key. What only SQL can keep (unique
 * modes and windows, idempotency keys, limit keys, headers) is ERR_USAGE. Nothing or all of one call of REDIS_QUEUE_BATCH_MAX at most. */
bool redis_queue_enqueue(struct redis *redis, const char *queue, const struct new_task *tasks, size_t count, struct uuid *ids, struct err *e);

/* What a worker does for the queue now and then (queue_tick.lua). */
struct redis_queue_state {
    int64_t promoted, ready, lapsed, failed;
    usec_t next_due; /* from now; -1: nothing is delayed */
    bool empty;      /* nothing waits, is held or failed */
};
enum redis_pause { REDIS_OPEN, REDIS_PAUSED, REDIS_PAUSE_AS_IT_WAS };

/* What the worker holds of its queues: element n of `fences` belongs to seat n, 0 for nothing. */
struct redis_worker {
    struct uuid id;
    usec_t lease;
    const int64_t *fences;
    size_t seats;
};
bool redis_queue_tick(struct redis *redis, const char *queue, const struct redis_worker *worker, enum redis_pause pause, struct redis_queue_state *state,
                      struct err *e);

/* Take back what is held under leases that are over. */
bool redis_queue_take_lapsed(struct redis *redis, const char *queue, int64_t *count, struct err *e);

/* Take back what a seat holds whose child is dead: `running` is the task that it died of (zero: none), `how` its end; successes of `ran` are gone
 * (NULL: nothing is known to have run). */
struct attempt_end;
struct settlement;
bool redis_queue_release_seat(struct redis *redis, const char *queue, struct uuid worker, int seat, struct uuid running, const struct attempt_end *how,
                              const struct settlement *ran, int64_t *count, struct err *e);

/* A task of a claim that has turned slow: where it stands, and the places of the claim in the order in which they run. */
struct redis_slow {
    struct uuid worker, task;
    int seat, place, turn; /* the how manieth it is of `order` */
    const int16_t *order;
};

/* What succeeded before it is gone, as `ran` tells; what was to run after it goes back to where it stood. *returned: how many; -1: the task is not
 * held in this queue. */
bool redis_queue_share(struct redis *redis, const char *queue, const struct redis_slow *slow, const struct settlement *ran, int64_t *returned, struct err *e);

struct redis_queue_counts {
    int64_t ready, delayed, held, failed;
    usec_t oldest_at; /* 0: none */
};
bool redis_queue_counts(struct redis *redis, const char *queue, struct redis_queue_counts *counts, struct err *e);

/* Forget everything that waits. */
bool redis_queue_purge(struct redis *redis, const char *queue, int64_t *count, struct err *e);

/* Ask for the end of a task, wherever in the queue it is: nobody keeps a list of ids, so it may as well be nowhere. */
bool redis_queue_cancel(struct redis *redis, const char *queue, struct uuid id, struct err *e);
