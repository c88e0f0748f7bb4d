/* keeper_lanes: where work may be, and whom to wake for it. */
#include "worker/keeper_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROMOTE_MAX = 1000, LOOK_MAX = 1024 };

static const usec_t busy_before_silence = MSEC(100), poll_every = SECONDS(2), batches_patience = MSEC(500),
                    bell_patience = MSEC(500);

bool keeper_queue_is_private(const char *queue)
{
    return strncmp(queue, "run.", 4) == 0;
}

static bool serves(const struct keeper *k, const char *queue)
{
    for (size_t i = 0; i < k->queue_count; i++)
        if (strcmp(k->queues[i], queue) == 0)
            return true;
    return k->queues == NULL && !keeper_queue_is_private(queue);
}

/* A bell for one lane, or for all of a queue when `priority` is "*". Anyone may ring: whether there is a lane that was not heard of
 * before the store says. */
static void hear_ready(struct keeper *k, const char *queue, const char *priority, int flow, int64_t low)
{
    bool all = strcmp(priority, "*") == 0;
    if (!serves(k, queue) || strlen(queue) >= LANE_QUEUE_MAX)
        return;
    k->heard_at = clock_boot();
    k->missed_at = 0;
    if (!all && !lanes_know(k->lanes, queue, atoi(priority), flow)) {
        k->lanes_unknown = true;
        k->round_at = 0;
    }
    lanes_pull_back(k->lanes, queue, all ? LANE_ANY_PRIORITY : atoi(priority), flow, low);
    board_wake_idle(k->board);
}

static void hear_cancel(struct keeper *k, struct uuid task)
{
    board_stop_task(k->board, task);
    courier_ring(k->board, COURIER_CANCEL);
}

void keeper_hear(struct keeper *k, const char *payload)
{
    char queue[LANE_QUEUE_MAX + 1], priority[4], id[UUID_TEXT_MAX];
    int flow;
    long long low;
    struct uuid task;
    if (sscanf(payload, "ready %64s %3s %d %lld", queue, priority, &flow, &low) == 4)
        hear_ready(k, queue, priority, flow, low);
    else if (sscanf(payload, "cancel %36s", id) == 1 && uuid_parse(id, &task))
        hear_cancel(k, task);
    else if (strcmp(payload, "outgoing") == 0)
        courier_ring(k->board, COURIER_OUTGOING);
    else if (strcmp(payload, "settled") == 0)
        courier_ring(k->board, COURIER_SETTLED);
    else if (strncmp(payload, "gate ", 5) == 0)
        keeper_hear_gate(k, payload + 5);
    else if (strcmp(payload, "gates") == 0)
        keeper_hear_gate(k, NULL);
    else if (strcmp(payload, "delayed") == 0)
        k->round_at = 0;
    else if (strcmp(payload, "batch") == 0)
        keeper_hear_batch(k);
}

/* Workers of Celery may take back what waits in such a queue: the courier says until when it is ours. */
static void guard(struct keeper *k, const char *queue, int priority)
{
    const struct config_queue *known = config_queue(k->config, queue);
    if (known && strcmp(known->protocol, "celery") == 0)
        lanes_guard(k->lanes, queue, priority);
}

/* Learn the lanes that there are, and the weights of their flows. */
static bool learn_lanes(struct keeper *k, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(k->pg, &sql_lanes, &rows, e, pg_texts(k->queues, k->queue_count)))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        guard(k, pg_get_text(&rows, i, 0), (int)pg_get_int(&rows, i, 1));
        if (!lanes_add(k->lanes, pg_get_text(&rows, i, 0), (int)pg_get_int(&rows, i, 1), (int)pg_get_int(&rows, i, 2), 0))
            log_warning("keeper.too_many_lanes", LOG_STR("queue", pg_get_text(&rows, i, 0)));
        lanes_weigh(k->lanes, (int)pg_get_int(&rows, i, 2), (int)pg_get_int(&rows, i, 3));
    }
    k->lanes_unknown = false;
    return true;
}

/* Ranges of lanes in which a task may be that nobody looks for, as the arrays of one statement. */
struct look {
    size_t count;
    struct lane *lanes[LOOK_MAX];
    const char *queues[LOOK_MAX];
    int64_t priorities[LOOK_MAX], flows[LOOK_MAX], above[LOOK_MAX], upto[LOOK_MAX], found[LOOK_MAX];
};

static void look_add(const struct keeper *k, struct look *look, struct lane *lane, int64_t above, int64_t upto)
{
    const struct lane_group *group = lane_group(k->lanes, lane);
    size_t i = look->count++;
    look->lanes[i] = lane;
    look->queues[i] = group->queue;
    look->priorities[i] = group->priority;
    look->flows[i] = lane->flow;
    look->above[i] = above;
    look->upto[i] = upto;
    look->found[i] = 0;
}

static bool look_there(struct keeper *k, struct look *look, struct err *e)
{
    struct pg_rows rows;
    size_t count = look->count;
    if (count == 0)
        return true;
    if (!pg_exec(k->pg, &sql_lane_first, &rows, e, pg_texts(look->queues, count), pg_ints(look->priorities, count), pg_ints(look->flows, count),
                 pg_ints(look->above, count), pg_ints(look->upto, count), pg_texts(k->catalog->names, k->catalog->count)))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        look->found[pg_get_int(&rows, i, 0) - 1] = pg_get_int(&rows, i, 1);
    if (rows.count > 0)
        board_wake_idle(k->board);
    return true;
}

/* Did a transaction commit late, behind a cursor? */
static bool look_behind(struct keeper *k, int64_t settled, struct err *e)
{
    static struct look look;
    uint32_t count = atomic_load(&k->lanes->count);
    for (uint32_t next = 0; next < count;) {
        look.count = 0;
        for (; next < count && look.count < LOOK_MAX; next++) {
            struct lane *lane = &k->lanes->lane[next];
            int64_t above, upto;
            if (lane_to_look(lane, &above, &upto))
                look_add(k, &look, lane, above, upto);
        }
        if (!look_there(k, &look, e))
            return false;
        for (size_t i = 0; i < look.count; i++)
            lane_looked(k->lanes, look.lanes[i], look.upto[i], look.found[i], settled);
    }
    return true;
}

/* Is there something in a lane that claims leave out because it was empty? */
static bool look_into_empty(struct keeper *k, struct err *e)
{
    static struct look look;
    uint32_t count = atomic_load(&k->lanes->count);
    for (uint32_t next = 0; next < count;) {
        look.count = 0;
        for (; next < count && look.count < LOOK_MAX; next++) {
            struct lane *lane = &k->lanes->lane[next];
            if (lanes_left_out(k->lanes, lane))
                look_add(k, &look, lane, atomic_load(&lane->cursor), INT64_MAX);
        }
        if (!look_there(k, &look, e))
            return false;
        for (size_t i = 0; i < look.count; i++)
            if (look.found[i])
                lane_ring(k->lanes, look.lanes[i]);
    }
    return true;
}

/* Is there a task that came since the last round and of which no bell has told? It may be on its way: that is for a later round to say. */
static bool look_for_unheard(struct keeper *k, struct err *e)
{
    static struct look look;
    uint32_t count = atomic_load(&k->lanes->count);
    for (uint32_t next = 0; next < count;) {
        look.count = 0;
        for (; next < count && look.count < LOOK_MAX; next++) {
            struct lane *lane = &k->lanes->lane[next];
            int64_t cursor = atomic_load(&lane->cursor);
            look_add(k, &look, lane, cursor > k->last_seq ? cursor : k->last_seq, INT64_MAX);
        }
        if (!look_there(k, &look, e))
            return false;
        for (size_t i = 0; i < look.count; i++)
            if (look.found[i] && !k->missed_at)
                k->missed_at = clock_boot();
    }
    return true;
}

/* Count it when a task was found and for a while before and after no bell was heard. Who enqueues rings for a worker that waits. */
static bool mind_bells(struct keeper *k, bool rung_for, bool news, struct err *e)
{
    usec_t now = clock_boot();
    if (k->missed_at && now - k->missed_at >= bell_patience) {
        k->missed_at = 0;
        k->bells_lost++;
        tally_event(&k->board->tally, TALLY_BELL_LOST, 1);
        if ((k->bells_lost & (k->bells_lost - 1)) == 0) /* 1, 2, 4, 8 … */
            log_warning("keeper.bell_lost", LOG_INT("times", k->bells_lost));
    }
    if (!rung_for || !news || k->missed_at || now - k->heard_at < bell_patience)
        return true;
    return look_for_unheard(k, e);
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
    bool has_delayed, batches_due;
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
        .batches_due = pg_get_bool(&rows, 0, 5),
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
    if (state.batches_due)
        keeper_see_batches(k);
    k->delayed_at = state.has_delayed ? clock_boot() + state.delayed_in : 0;
    /* The sequence number of the round before: it was read before this round's transaction number was. */
    int64_t settled = lanes_sample(k->lanes, k->last_seq, state.next_xid, state.oldest_xid);
    bool rung_for = k->waiting && !k->waiting_xid && !k->lanes_unknown && k->last_seq >= 0;
    if (!mind_bells(k, rung_for, state.last_seq != k->last_seq, e))
        return false;
    bool news = state.last_seq != k->last_seq || k->lanes_unknown || k->waiting_xid || clock_boot() >= k->poll_at;
    k->last_seq = state.last_seq;
    end_waiting(k, &state);
    bool poll = clock_boot() >= k->poll_at;
    if ((k->lanes_unknown || poll) && !learn_lanes(k, e))
        return false;
    if (news && !look_into_empty(k, e))
        return false;
    if (poll)
        k->poll_at = clock_boot() + poll_every + jitter(poll_every / 4);
    if (news)
        board_wake_idle(k->board);
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
    if (pg_get_bool(&rows, 0, 1) && k->batches_pause < batches_patience) {
        keeper_see_batches(k); /* what follows may be for this worker */
        return true;
    }
    if (pg_get_bool(&rows, 0, 0)) {
        lanes_forget(k->lanes);
        k->lanes_unknown = true;
        k->round_at = 0;
        board_wake_idle(k->board);
    } else if (board_all_idle(k->board) && turn == atomic_load(&k->board->idle_turn)) {
        atomic_store(&k->board->burst_over, 1);
    }
    return true;
}
