/* lanes: cursors and the proof that nothing was left behind them, and which lanes a claim asks. Pure: tests/test_lanes.c simulates late
 * commits and shares. */
#include "common/broker/lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A task of a flow of weight 1 takes this much virtual time. */
enum { VIRTUAL_TASK = 1 << 20 };

/* Lanes ------------------------------------------------------------------------------------------------------------- */

static int64_t group_find(const struct lanes *lanes, const char *queue, int priority)
{
    uint32_t count = atomic_load(&lanes->group_count);
    for (uint32_t i = 0; i < count; i++)
        if (lanes->group[i].priority == priority && strcmp(lanes->group[i].queue, queue) == 0)
            return i;
    return -1;
}

static int64_t group_add(struct lanes *lanes, const char *queue, int priority)
{
    uint32_t count = atomic_load(&lanes->group_count);
    int64_t found = group_find(lanes, queue, priority);
    if (found >= 0 || count == LANE_GROUPS_MAX)
        return found;
    struct lane_group *group = &lanes->group[count];
    snprintf(group->queue, sizeof group->queue, "%s", queue);
    group->priority = priority;
    atomic_store(&lanes->group_count, count + 1);
    return count;
}

void lanes_guard(struct lanes *lanes, const char *queue, int priority)
{
    int64_t group = group_add(lanes, queue, priority);
    if (group >= 0)
        lanes->group[group].guarded = true;
}

const struct lane_group *lane_group(const struct lanes *lanes, const struct lane *lane)
{
    return &lanes->group[lane->group];
}

/* The earliest start of a lane that was empty: one task before the others, and nothing saved up beyond that. */
static uint64_t earliest_start(const struct lane_group *group)
{
    uint64_t now = atomic_load(&group->now);
    return now > VIRTUAL_TASK ? now - VIRTUAL_TASK : 0;
}

struct lane *lanes_add(struct lanes *lanes, const char *queue, int priority, int flow, int64_t before)
{
    uint32_t count = atomic_load(&lanes->count);
    int64_t group = group_add(lanes, queue, priority);
    for (uint32_t i = 0; group >= 0 && i < count; i++)
        if (lanes->lane[i].group == (uint32_t)group && lanes->lane[i].flow == flow)
            return &lanes->lane[i];
    if (group < 0 || count == LANES_MAX)
        return NULL;
    struct lane *lane = &lanes->lane[count];
    lane->group = (uint32_t)group;
    lane->flow = flow;
    lane->low = 0;
    atomic_store(&lane->weight, 1);
    atomic_store(&lane->start, earliest_start(&lanes->group[group]));
    atomic_store(&lane->empty, 0);
    atomic_store(&lane->bell, 1);
    atomic_store(&lane->cursor, before);
    atomic_store(&lanes->count, count + 1);
    return lane;
}

bool lanes_know(const struct lanes *lanes, const char *queue, int priority, int flow)
{
    uint32_t count = atomic_load(&lanes->count);
    for (uint32_t i = 0; i < count; i++) {
        const struct lane *lane = &lanes->lane[i];
        const struct lane_group *group = lane_group(lanes, lane);
        if (lane->flow == flow && group->priority == priority && strcmp(group->queue, queue) == 0)
            return true;
    }
    return false;
}

static bool is_open(const struct lane *lane)
{
    return atomic_load(&lane->bell) != atomic_load(&lane->empty);
}

void lane_ring(struct lanes *lanes, struct lane *lane)
{
    uint64_t earliest = earliest_start(lane_group(lanes, lane));
    if (!is_open(lane) && atomic_load(&lane->start) < earliest)
        atomic_store(&lane->start, earliest);
    atomic_fetch_add(&lane->bell, 1);
}

static void pull_back(struct lanes *lanes, struct lane *lane, int64_t to)
{
    int64_t cursor = atomic_load(&lane->cursor);
    while (cursor > to && !atomic_compare_exchange_weak(&lane->cursor, &cursor, to))
        ;
    lane_ring(lanes, lane);
}

void lanes_pull_back(struct lanes *lanes, const char *queue, int priority, int flow, int64_t low)
{
    uint32_t count = atomic_load(&lanes->count);
    for (uint32_t i = 0; i < count; i++) {
        struct lane *lane = &lanes->lane[i];
        const struct lane_group *group = lane_group(lanes, lane);
        if (priority != LANE_ANY_PRIORITY && (priority != group->priority || flow != lane->flow))
            continue;
        if (strcmp(group->queue, queue) != 0)
            continue;
        if (lane->low > low)
            lane->low = low;
        pull_back(lanes, lane, low);
    }
}

void lanes_weigh(struct lanes *lanes, int flow, int weight)
{
    uint32_t count = atomic_load(&lanes->count);
    for (uint32_t i = 0; i < count; i++)
        if (lanes->lane[i].flow == flow)
            atomic_store(&lanes->lane[i].weight, (uint32_t)weight);
}

void lanes_forget(struct lanes *lanes)
{
    uint32_t count = atomic_load(&lanes->count);
    for (uint32_t i = 0; i < count; i++) {
        lanes->lane[i].low = 0;
        atomic_store(&lanes->lane[i].cursor, 0);
        lane_ring(lanes, &lanes->lane[i]);
    }
    lanes->sample_count = 0;
}

bool lanes_open(const struct lanes *lanes)
{
    uint32_t count = atomic_load(&lanes->count);
    for (uint32_t i = 0; i < count; i++)
        if (is_open(&lanes->lane[i]))
            return true;
    return false;
}

/* Shares ------------------------------------------------------------------------------------------------------------ */

bool lanes_left_out(const struct lanes *lanes, const struct lane *lane)
{
    return (lanes->strict || atomic_load(&lanes->count) > LANES_ASKED) && !is_open(lane);
}

/* What the order of lanes needs to know of each, read once. */
struct candidate {
    struct lane *lane;
    int64_t rank;  /* priority, less what its group has gained by waiting */
    uint32_t turn; /* of its group among those of equal rank */
    uint64_t start;
};

static int by_order(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->turn != b->turn)
        return a->turn < b->turn ? -1 : 1;
    return a->start < b->start ? -1 : a->start > b->start;
}

/* The least start among the lanes of each group in which something waits; UINT64_MAX: nothing does. */
static void find_least(const struct lanes *lanes, uint32_t groups, uint64_t *least)
{
    uint32_t count = atomic_load(&lanes->count);
    memset(least, 0xff, groups * sizeof *least);
    for (uint32_t i = 0; i < count; i++) {
        const struct lane *lane = &lanes->lane[i];
        uint64_t start = atomic_load(&lane->start);
        if (lane->group < groups && is_open(lane) && start < least[lane->group])
            least[lane->group] = start;
    }
}

/* The time of a group is the least start of what waits, and never goes back. */
static void move_time(struct lane_group *group, uint64_t least)
{
    uint64_t now = atomic_load(&group->now);
    if (least != UINT64_MAX && least > now)
        atomic_store(&group->now, least);
}

/* A group in which nothing waits does not age. */
static int64_t group_rank(const struct lanes *lanes, struct lane_group *group, bool open, usec_t now)
{
    if (!open || !atomic_load(&group->served_at))
        atomic_store(&group->served_at, now);
    usec_t waits = now - atomic_load(&group->served_at);
    return lanes->ageing && waits > 0 ? group->priority - waits / lanes->ageing : group->priority;
}

/* A lane that was found empty may have got something without a bell. */
static uint64_t lane_start(const struct lanes *lanes, const struct lane *lane)
{
    uint64_t start = atomic_load(&lane->start), earliest = earliest_start(lane_group(lanes, lane));
    return start > earliest || is_open(lane) ? start : earliest;
}

static size_t list_candidates(struct lanes *lanes, usec_t now, uint32_t turn, struct candidate *out)
{
    uint64_t least[LANE_GROUPS_MAX];
    int64_t rank[LANE_GROUPS_MAX];
    uint32_t count = atomic_load(&lanes->count), groups = atomic_load(&lanes->group_count);
    size_t found = 0;
    bool guard_holds = now < atomic_load(&lanes->guarded_until);
    find_least(lanes, groups, least);
    for (uint32_t i = 0; i < groups; i++) {
        move_time(&lanes->group[i], least[i]);
        rank[i] = group_rank(lanes, &lanes->group[i], least[i] != UINT64_MAX, now);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct lane *lane = &lanes->lane[i];
        if (lane->group >= groups || lanes_left_out(lanes, lane) || (lanes->group[lane->group].guarded && !guard_holds))
            continue;
        out[found++] = (struct candidate){
            .lane = lane, .rank = rank[lane->group], .turn = (lane->group + turn) % groups, .start = lane_start(lanes, lane)};
    }
    return found;
}

/* What of `wanted` is the lane's: its part by weight among the open lanes of its group that were picked. */
static void give_quotas(struct lane_picks *picks, size_t wanted)
{
    for (size_t i = 0; i < picks->count; i++) {
        uint64_t mine = atomic_load(&picks->pick[i].lane->weight), all = mine;
        for (size_t k = 0; k < picks->count; k++)
            if (k != i && picks->pick[k].group == picks->pick[i].group && is_open(picks->pick[k].lane))
                all += atomic_load(&picks->pick[k].lane->weight);
        size_t quota = (size_t)((wanted * mine + all - 1) / all);
        picks->pick[i].quota = quota > 0 ? quota : 1;
    }
}

void lanes_pick(struct lanes *lanes, size_t wanted, usec_t now, uint32_t turn, struct lane_picks *out)
{
    static struct candidate candidates[LANES_MAX]; /* a process claims for one seat */
    size_t found = list_candidates(lanes, now, turn, candidates);
    if (found > 1)
        qsort(candidates, found, sizeof *candidates, by_order);
    out->count = found < LANE_PICKS_MAX ? found : LANE_PICKS_MAX;
    for (size_t i = 0; i < out->count; i++) {
        struct lane *lane = candidates[i].lane;
        out->pick[i] = (struct lane_pick){
            .lane = lane, .group = lane_group(lanes, lane), .cursor = atomic_load(&lane->cursor), .bell = atomic_load(&lane->bell)};
    }
    give_quotas(out, wanted);
}

static void charge(struct lanes *lanes, struct lane *lane, size_t taken, usec_t now)
{
    atomic_store(&lane->start, lane_start(lanes, lane) + taken * VIRTUAL_TASK / atomic_load(&lane->weight));
    atomic_store(&lanes->group[lane->group].served_at, now);
}

static void advance(struct lane *lane, int64_t from, int64_t highest)
{
    int64_t cursor = atomic_load(&lane->cursor);
    while (cursor >= from && cursor < highest && !atomic_compare_exchange_weak(&lane->cursor, &cursor, highest))
        ;
}

void lane_took(struct lanes *lanes, const struct lane_pick *pick, size_t taken, bool emptied, int64_t highest, usec_t now)
{
    if (taken > 0) {
        advance(pick->lane, pick->cursor, highest);
        charge(lanes, pick->lane, taken, now);
    }
    if (emptied)
        atomic_store(&pick->lane->empty, pick->bell);
}

/* Looking behind the cursors ---------------------------------------------------------------------------------------- */

int64_t lanes_sample(struct lanes *lanes, int64_t last_seq, int64_t next_xid, int64_t oldest_xid)
{
    int64_t settled = 0;
    size_t over = 0;
    while (over < lanes->sample_count && lanes->samples[over].xid <= oldest_xid)
        settled = lanes->samples[over++].seq;
    lanes->sample_count -= over;
    memmove(lanes->samples, lanes->samples + over, lanes->sample_count * sizeof *lanes->samples);
    /* When a transaction stays open, later samples wait behind it: keep the oldest ones, they are proven first. */
    if (lanes->sample_count < LANE_SAMPLES) {
        lanes->samples[lanes->sample_count].seq = last_seq;
        lanes->samples[lanes->sample_count].xid = next_xid;
        lanes->sample_count++;
    }
    return settled;
}

bool lane_to_look(struct lane *lane, int64_t *above, int64_t *upto)
{
    *above = lane->low;
    *upto = atomic_load(&lane->cursor);
    return *upto > *above;
}

void lane_looked(struct lanes *lanes, struct lane *lane, int64_t upto, int64_t found, int64_t settled)
{
    if (found)
        pull_back(lanes, lane, found - 1);
    else if (settled > lane->low)
        lane->low = settled < upto ? settled : upto;
}
