#pragma once
/* Where to claim from. A lane is (queue, priority, flow); its tasks have rising sequence numbers. A claimer looks only right of the
 * lane's cursor, the highest number it has claimed, so that dead rows left of it cost nothing.
 *
 * But a transaction may commit late, with a number the cursor has passed. `low` is the proof against that: every task with a
 * number up to it was seen to be gone. Once a round the keeper takes a sample (last number given out, number of the next
 * transaction). When every transaction below that has ended, nothing can appear at or below the sampled number any more
 * (enqueue takes its transaction number before its sequence number). The keeper then looks once between low and cursor: a task
 * found there pulls the cursor back, none found lets low rise. Tasks that come back with an old number ring with it.
 *
 * Which lanes a claim asks, and for how much of each (lanes_pick): groups of one queue and priority by priority, where a group that was
 * not served gains one priority each `ageing`; groups of equal rank take turns; in a group the flows share by weight (start-time
 * fair queueing: a lane's `start` is the virtual time at which its next task is due). A lane that had less than it was asked for is
 * taken for empty until a bell rings in it; such lanes are left out when there are more than LANES_ASKED of them, and the keeper
 * looks at them for the claimers.
 *
 * The table lives in memory shared by one keeper and many children; only the keeper adds lanes and moves `low`. Races between children
 * cost fairness for a moment, nothing else. */
#include "common/base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LANES_MAX = 8192, LANE_GROUPS_MAX = 512, LANE_QUEUE_MAX = 64, LANE_SAMPLES = 8, LANES_ASKED = 16, LANE_PICKS_MAX = 64, LANE_WEIGHT_MAX = 1000 };

/* Lanes of one queue and priority. */
struct lane_group {
    char queue[LANE_QUEUE_MAX];
    int priority;
    bool guarded;              /* nothing is claimed from it unless somebody has just seen that its tasks are ours */
    _Atomic uint64_t now;      /* virtual time: the least start of the lanes in which something waits */
    _Atomic int64_t served_at; /* CLOCK_BOOTTIME: when a task was claimed from it last, or it was seen empty */
};

struct lane {
    uint32_t group;
    int flow;
    _Atomic uint32_t weight;
    _Atomic uint32_t bell, empty; /* equal: there was nothing to claim since the last bell */
    _Atomic uint64_t start;
    _Atomic int64_t cursor;
    int64_t low;           /* keeper only */
};

struct lanes {
    usec_t ageing;                       /* 0: priorities never change */
    bool strict;                         /* leave out empty lanes even when there are few */
    _Atomic uint32_t count, group_count; /* lanes are added, never removed */
    _Atomic int64_t guarded_until;       /* CLOCK_BOOTTIME: so long tasks of guarded groups are known to be ours; 0: not at all yet */
    struct lane_group group[LANE_GROUPS_MAX];
    struct lane lane[LANES_MAX];
    struct {
        int64_t seq, xid;
    } samples[LANE_SAMPLES]; /* keeper only, oldest first */
    size_t sample_count;
};

/* What one claim asks: in this order, at most `quota` from each lane, right of `cursor`. */
struct lane_pick {
    struct lane *lane;
    const struct lane_group *group;
    int64_t cursor;
    uint32_t bell;
    size_t quota;
};

struct lane_picks {
    size_t count;
    struct lane_pick pick[LANE_PICKS_MAX];
};

/* Make sure the lane is known; a new one starts with its cursor at `before`, below its first task. NULL when there is no room for another
 * lane or group. */
struct lane *lanes_add(struct lanes *lanes, const char *queue, int priority, int flow, int64_t before);

/* Guard a queue's lanes of this priority, before they are added: others may have a claim on their tasks, too. */
void lanes_guard(struct lanes *lanes, const char *queue, int priority);

bool lanes_know(const struct lanes *lanes, const char *queue, int priority, int flow);

const struct lane_group *lane_group(const struct lanes *lanes, const struct lane *lane);

/* Tasks above `low` are there: pull back the lane, or all of the queue's when `priority` is LANE_ANY_PRIORITY. */
enum { LANE_ANY_PRIORITY = -1 };
void lanes_pull_back(struct lanes *lanes, const char *queue, int priority, int flow, int64_t low);

/* The share of a flow in every queue, 1 to LANE_WEIGHT_MAX; it is 1 before. */
void lanes_weigh(struct lanes *lanes, int flow, int weight);

/* Nothing is known any more (a lost LISTEN connection): look at everything again. */
void lanes_forget(struct lanes *lanes);

/* What a claim of up to `wanted` tasks should ask at `now` (CLOCK_BOOTTIME). `turn` counts the caller's claims: whose turn it is among
 * groups of equal rank. */
void lanes_pick(struct lanes *lanes, size_t wanted, usec_t now, uint32_t turn, struct lane_picks *out);

/* A claim took `taken` of what it picked, the last of them `highest`: move on, unless the keeper pulled back below the cursor meanwhile.
 * `emptied`: it left nothing there. */
void lane_took(struct lanes *lanes, const struct lane_pick *pick, size_t taken, bool emptied, int64_t highest, usec_t now);

/* Whether any lane may have something to claim that nobody rings for. */
bool lanes_open(const struct lanes *lanes);

/* Whether the keeper has to look right of the cursor for the claimers; lane_ring() when it found something. */
bool lanes_left_out(const struct lanes *lanes, const struct lane *lane);
void lane_ring(struct lanes *lanes, struct lane *lane);

/* One round: `last_seq` was the last number given out when `next_xid` was the next transaction's number and `oldest_xid` the lowest one
 * still open. Answers the highest number below which nothing can appear any more. */
int64_t lanes_sample(struct lanes *lanes, int64_t last_seq, int64_t next_xid, int64_t oldest_xid);

/* The range (*above, *upto] in which the keeper has to look; false when it is empty. `settled` is lanes_sample()'s answer. */
bool lane_to_look(struct lane *lane, int64_t *above, int64_t *upto);

/* What the look found: `found` 0 for nothing. */
void lane_looked(struct lanes *lanes, struct lane *lane, int64_t upto, int64_t found, int64_t settled);
