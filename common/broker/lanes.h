#pragma once
/* Where to claim from. A lane is (queue, priority); its tasks have rising sequence numbers. A claimer looks only right of the
 * lane's cursor, the highest number it has claimed, so that dead rows left of it cost nothing.
 *
 * But a transaction may commit late, with a number the cursor has passed. `low` is the proof against that: every task with a
 * number up to it was seen to be gone. Once a round the keeper takes a sample (last number given out, number of the next
 * transaction). When every transaction below that has ended, nothing can appear at or below the sampled number any more
 * (enqueue takes its transaction number before its sequence number). The keeper then looks once between low and cursor: a task
 * found there pulls the cursor back, none found lets low rise. Tasks that come back with an old number ring with it.
 *
 * The table lives in memory shared by one keeper and many children; only the keeper adds lanes and moves `low`. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LANES_MAX = 512, LANE_QUEUE_MAX = 64, LANE_SAMPLES = 8 };

struct lane {
    char queue[LANE_QUEUE_MAX];
    int priority;
    _Atomic int64_t cursor;
    int64_t low;           /* keeper only */
};

struct lanes {
    _Atomic uint32_t count; /* lanes are added, never removed */
    struct lane lane[LANES_MAX];
    struct {
        int64_t seq, xid;
    } samples[LANE_SAMPLES]; /* keeper only, oldest first */
    size_t sample_count;
};

/* Make sure the lane is known; a new one starts with its cursor at `before`, below its first task. NULL when there are LANES_MAX
 * others. */
struct lane *lanes_add(struct lanes *lanes, const char *queue, int priority, int64_t before);

/* Tasks above `low` are there: pull back the lane, or all of the queue's when `priority` is LANE_ANY_PRIORITY. */
enum { LANE_ANY_PRIORITY = -1 };
void lanes_pull_back(struct lanes *lanes, const char *queue, int priority, int64_t low);

/* Nothing is known any more (a lost LISTEN connection): look at everything again. */
void lanes_forget(struct lanes *lanes);

/* A claim that began when the cursor was `from` took `highest`: move on, unless the keeper pulled back below `from` meanwhile. */
void lane_advance(struct lane *lane, int64_t from, int64_t highest);

/* One round: `last_seq` was the last number given out when `next_xid` was the next transaction's number and `oldest_xid` the lowest one
 * still open. Answers the highest number below which nothing can appear any more. */
int64_t lanes_sample(struct lanes *lanes, int64_t last_seq, int64_t next_xid, int64_t oldest_xid);

/* The range (*above, *upto] in which the keeper has to look; false when it is empty. `settled` is lanes_sample()'s answer. */
bool lane_to_look(struct lane *lane, int64_t *above, int64_t *upto);

/* What the look found: `found` 0 for nothing. */
void lane_looked(struct lane *lane, int64_t upto, int64_t found, int64_t settled);
