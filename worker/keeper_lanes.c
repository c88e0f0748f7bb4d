/* keeper_lanes: where work may be, and whom to wake for it. */
#include "worker/keeper_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROMOTE_MAX = 1000, LANES_SHARE = 20 };

static const usec_t busy_before_silence = MSEC(100), poll_every = SECONDS(2);

/* Queues of `drumbeat run` and `bench` ("run.…") belong to the worker that was started for them by name. */
static bool is_private(const char *queue)
{
    return strncmp(queue, "run.", 4) == 0;
}

static bool serves(const struct keeper *k, const char *queue)
{
    for (size_t i = 0; i < k->queue_count; i++)
        if (strcmp(k->queues[i], queue) == 0)
            return true;
    return k->queues == NULL && !is_private(queue);
}

static void hear_ready(struct keeper *k, const char *queue, const char *priority, int64_t low)
{
    if (!serves(k, queue) || strlen(queue) >= LANE_QUEUE_MAX)
        return;
    if (strcmp(priority, "*") == 0)
        k->lanes_unknown = true;
    else if (!lanes_add(&k->board->lanes, queue, atoi(priority), low))
        log_warning("keeper.too_many_lanes", LOG_STR("queue", queue));
    lanes_pull_back(&k->board->lanes, queue, strcmp(priority, "*") == 0 ? LANE_ANY_PRIORITY : atoi(priority), low);
    board_wake_idle(k->board);
}

void keeper_hear(struct keeper *k, const char *payload)
{
    char queue[LANE_QUEUE_MAX + 1], priority[4], id[UUID_TEXT_MAX];
    long long low;
    struct uuid task;
    if (sscanf(payload, "ready %64s %3s %lld", queue, priority, &low) == 3)
        hear_ready(k, queue, priority, low);
    else if (sscanf(payload, "cancel %36s", id) == 1 && uuid_parse(id, &task))
        keeper_stop_task(k, task);
    else if (strcmp(payload, "delayed") == 0)
        k->round_at = 0;
}

/* Learn the lanes that have tasks in them. The walk steps over dead rows, which a held snapshot can make many: it takes at most one
 * part in LANES_SHARE of the time. */
static bool learn_lanes(struct keeper *k, struct err *e)
{
    usec_t began = clock_boot();
    struct pg_rows rows;
    if (!pg_exec(k->pg, &sql_lanes, &rows, e, pg_texts(k->queues, k->queue_count)))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        lanes_add(&k->board->lanes, pg_get_text(&rows, i, 0), (int)pg_get_int(&rows, i, 1), pg_get_int(&rows, i, 2) - 1);
    k->lanes_unknown = false;
    k->lanes_at = clock_boot() + (clock_boot() - began) * LANES_SHARE;
    return true;
}

/* Did a transaction commit late, behind a cursor? */
static bool look_behind(struct keeper *k, int64_t settled, struct err *e)
{
    uint32_t count = atomic_load(&k->board->lanes.count);
    for (uint32_t i = 0; i < count; i++) {
        struct lane *lane = &k->board->lanes.lane[i];
        struct pg_rows rows;
        int64_t above, upto;
        if (!lane_to_look(lane, &above, &upto))
            continue;
        if (!pg_exec(k->pg, &sql_lane_first, &rows, e, pg_text(lane->queue), pg_int(lane->priority), pg_int(above), pg_int(upto),
                     pg_texts(k->catalog->names, k->catalog->count)))
            return false;
        int64_t found = rows.count ? pg_get_int(&rows, 0, 0) : 0;
        lane_looked(lane, upto, found, settled);
        if (found)
            board_wake_idle(k->board);
    }
    return true;
}

static bool promote_due(struct keeper *k, struct err *e)
{
    struct pg_rows rows;
    int64_t count;
    do {
        if (!pg_exec(k->pg, &sql_promote, &rows, e, pg_int(PROMOTE_MAX)))
            return false;
        count = pg_get_int(&rows, 0, 0);
        if (count > 0)
            log_debug("keeper.promoted", LOG_INT("tasks", count));
    } while (count == PROMOTE_MAX);
    return true;
}

struct state {
    int64_t last_seq, next_xid, oldest_xid;
    bool has_delayed;
    usec_t delayed_in;
};

static bool look_at_store(struct keeper *k, struct state *state, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(k->pg, &sql_round, &rows, e))
        return false;
    *state = (struct state){
        .last_seq = pg_get_int(&rows, 0, 0),
        .next_xid = pg_get_int(&rows, 0, 1),
        .oldest_xid = pg_get_int(&rows, 0, 2),
        .has_delayed = !pg_is_null(&rows, 0, 3),
        .delayed_in = pg_get_int(&rows, 0, 3),
    };
    return true;
}

/* Enqueuers that were at work when the flag changed may not ring. Those whose number was given out before the first round after it are
 * waited for; any later one sees the flag. */
static void end_waiting(struct keeper *k, const struct state *state)
{
    if (k->waiting_xid == WAITING_NEW)
        k->waiting_xid = state->next_xid;
    else if (state->oldest_xid >= k->waiting_xid)
        k->waiting_xid = 0;
}

bool keeper_round(struct keeper *k, struct err *e)
{
    struct state state;
    if (!look_at_store(k, &state, e))
        return false;
    if (state.has_delayed && state.delayed_in <= 0 && (!promote_due(k, e) || !look_at_store(k, &state, e)))
        return false;
    k->delayed_at = state.has_delayed ? clock_boot() + state.delayed_in : 0;
    /* The sequence number of the round before: it was read before this round's transaction number was. */
    int64_t settled = lanes_sample(&k->board->lanes, k->last_seq, state.next_xid, state.oldest_xid);
    bool news = state.last_seq != k->last_seq || k->waiting_xid || clock_boot() >= k->poll_at;
    k->last_seq = state.last_seq;
    end_waiting(k, &state);
    if ((k->lanes_unknown || (news && clock_boot() >= k->lanes_at)) && !learn_lanes(k, e))
        return false;
    if (news) {
        k->poll_at = clock_boot() + poll_every + jitter(poll_every / 4);
        board_wake_idle(k->board);
    }
    return look_behind(k, settled, e);
}

static bool say_waiting(struct keeper *k, bool waiting, struct err *e)
{
    if (!pg_exec(k->pg, &sql_worker_waiting, NULL, e, pg_uuid(k->board->worker), pg_bool(waiting)))
        return false;
    k->waiting = waiting;
    k->waiting_xid = waiting ? WAITING_NEW : 0;
    k->waiting_since = clock_boot();
    k->round_at = 0;
    return true;
}

/* Under load every child finds its next tasks by itself, and a NOTIFY would only slow down those who enqueue. */
bool keeper_waiting(struct keeper *k, struct err *e)
{
    usec_t now = clock_boot();
    if (!board_all_busy(k->board)) {
        k->busy_since = 0;
        return k->waiting || say_waiting(k, true, e);
    }
    if (!k->busy_since)
        k->busy_since = now;
    return !k->waiting || now - k->busy_since < busy_before_silence || say_waiting(k, false, e);
}

bool keeper_burst(struct keeper *k, struct err *e)
{
    struct pg_rows rows;
    uint32_t turn = atomic_load(&k->board->idle_turn);
    if (!k->board->burst || atomic_load(&k->board->burst_over) || !board_all_idle(k->board))
        return true;
    if (!pg_exec(k->pg, &sql_claimable, &rows, e, pg_texts(k->queues, k->queue_count), pg_texts(k->catalog->names, k->catalog->count)))
        return false;
    if (pg_get_bool(&rows, 0, 0)) {
        lanes_forget(&k->board->lanes);
        k->lanes_unknown = true;
        k->round_at = 0;
        board_wake_idle(k->board);
    } else if (board_all_idle(k->board) && turn == atomic_load(&k->board->idle_turn)) {
        atomic_store(&k->board->burst_over, 1);
    }
    return true;
}
