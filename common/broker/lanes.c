/* lanes: cursors and the proof that nothing was left behind them. Pure: tests/test_lanes.c simulates late commits. */
#include "common/broker/lanes.h"

#include <stdio.h>
#include <string.h>

struct lane *lanes_add(struct lanes *lanes, const char *queue, int priority, int64_t before)
{
    uint32_t count = atomic_load(&lanes->count);
    for (uint32_t i = 0; i < count; i++)
        if (lanes->lane[i].priority == priority && strcmp(lanes->lane[i].queue, queue) == 0)
            return &lanes->lane[i];
    if (count == LANES_MAX)
        return NULL;
    struct lane *lane = &lanes->lane[count];
    snprintf(lane->queue, sizeof lane->queue, "%s", queue);
    lane->priority = priority;
    lane->low = 0;
    atomic_store(&lane->cursor, before);
    atomic_store(&lanes->count, count + 1);
    return lane;
}

static void pull_back(struct lane *lane, int64_t to)
{
    int64_t cursor = atomic_load(&lane->cursor);
    while (cursor > to && !atomic_compare_exchange_weak(&lane->cursor, &cursor, to))
        ;
}

void lanes_pull_back(struct lanes *lanes, const char *queue, int priority, int64_t low)
{
    uint32_t count = atomic_load(&lanes->count);
    for (uint32_t i = 0; i < count; i++) {
        struct lane *lane = &lanes->lane[i];
        if ((priority != LANE_ANY_PRIORITY && priority != lane->priority) || strcmp(lane->queue, queue) != 0)
            continue;
        if (lane->low > low)
            lane->low = low;
        pull_back(lane, low);
    }
}

void lanes_forget(struct lanes *lanes)
{
    uint32_t count = atomic_load(&lanes->count);
    for (uint32_t i = 0; i < count; i++) {
        lanes->lane[i].low = 0;
        atomic_store(&lanes->lane[i].cursor, 0);
    }
    lanes->sample_count = 0;
}

void lane_advance(struct lane *lane, int64_t from, int64_t highest)
{
    int64_t cursor = atomic_load(&lane->cursor);
    while (cursor >= from && cursor < highest && !atomic_compare_exchange_weak(&lane->cursor, &cursor, highest))
        ;
}

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

void lane_looked(struct lane *lane, int64_t upto, int64_t found, int64_t settled)
{
    if (found)
        pull_back(lane, found - 1);
    else if (settled > lane->low)
        lane->low = settled < upto ? settled : upto;
}
