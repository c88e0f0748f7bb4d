/* courier_queues: the queues whose tasks are in Redis alone. It hears their bells and wakes children, makes due tasks ready when they are due,
 * renews the leases of this worker's claims and takes back those that are over, shares out a batch in which a task turns slow, tells Redis which queues are
 * paused, and writes the rows of tasks that failed. A bell may be lost: each queue is looked at once a second anyway. */
#include "common/broker/redis_queue.h"
#include "sql/queries.h"
#include "sql/scripts.h"
#include "worker/courier_inside.h"
#include "worker/courier_share.h"
#include "worker/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAILED_MAX = 100, QUEUES_MAX = 256 };

static const usec_t look_every = SECONDS(1), note_every = SECONDS(2), note_again = SECONDS(10), tell_pause_every = SECONDS(30);

struct queues {
    size_t count;
    const char *names[QUEUES_MAX];
    bool paused[QUEUES_MAX], empty[QUEUES_MAX];
    struct redis_queue_counts noted[QUEUES_MAX]; /* as PostgreSQL knows them */
    usec_t noted_at[QUEUES_MAX];
    int64_t fences[CONFIG_POOL_MAX]; /* of the claims that seats hold */
    usec_t look_at;         /* the next round */
    usec_t note_at;
    usec_t tell_open_at;    /* when to tell Redis of queues that are not paused, too */
    struct redis *listener; /* NULL: not connected */
    struct sharing sharing;
};

static bool is_ours(const struct config *config, const struct config_queue *queue)
{
    return config_queue_is_light(queue) && config_serves(config, queue->name);
}

static bool wanted(const struct config *config)
{
    for (size_t i = 0; i < config->queue_count; i++)
        if (is_ours(config, &config->queues[i]))
            return true;
    return false;
}

/* Its own connection: a subscribed one can do nothing else. Whatever was rung before it is there is found by looking. */
static bool listen(struct courier *c, struct queues *q, struct err *e)
{
    char channel[REDIS_PREFIX_MAX + 8], prefix[REDIS_PREFIX_MAX];
    redis_close(q->listener);
    q->count = 0;
    q->listener = redis_open(&(struct redis_options){.url = c->config->redis.url, .name = "drumbeat/listener"}, e);
    for (size_t i = 0; q->listener && i < c->config->queue_count; i++) {
        const struct config_queue *queue = &c->config->queues[i];
        if (!is_ours(c->config, queue))
            continue;
        if (q->count == QUEUES_MAX)
            return err_set(e, ERR_LIMIT, "more than %d queues with rows: failures", QUEUES_MAX);
        q->noted[q->count] = (struct redis_queue_counts){.ready = -1};
        q->names[q->count++] = queue->name;
        snprintf(channel, sizeof channel, "%swake", redis_queue_prefix(queue->name, prefix));
        if (!redis_subscribe(q->listener, channel, false, e))
            return false;
    }
    return q->listener != NULL;
}

/* A child that finds the bell changed asks Redis. */
static void wake(struct courier *c)
{
    atomic_fetch_add(&c->board->light_bell, 1);
    board_wake_idle(c->board);
}

static void stop_task(struct courier *c, const char *id)
{
    struct uuid task;
    if (uuid_parse(id, &task))
        board_stop_task(c->board, task);
}

/* The first bell wakes at once: a child is on its way while the rest is read. What rang behind it rings once more. */
static bool hear(struct courier *c, struct queues *q, struct err *e)
{
    struct redis_message message;
    int ready = 0;
    for (;;) {
        if (!redis_receive(q->listener, 0, &message, e))
            return false;
        if (!message.channel)
            break;
        if (strncmp(message.payload, "cancel ", strlen("cancel ")) == 0)
            stop_task(c, message.payload + strlen("cancel "));
        else if (strcmp(message.payload, "ready") != 0)
            q->look_at = 0;
        else if (ready++ == 0)
            wake(c);
    }
    if (ready > 1)
        wake(c);
    return true;
}

/* Their rows first, then they are forgotten: what is written twice is there once. */
static bool write_failed(struct courier *c, const char *queue, struct err *e)
{
    char prefix[REDIS_PREFIX_MAX];
    CLEANUP(text_free) struct text records = {0};
    size_t forget = 0, count;
    redis_queue_prefix(queue, prefix);
    do {
        const struct rd_reply *reply;
        if (!redis_script(c->redis, &lua_queue_failed, 1, RD_ARGS(rd_text(prefix), rd_int((int64_t)forget), rd_int(FAILED_MAX)), &reply, e))
            return false;
        forget = count = rd_count_of(reply);
        text_reset(&records);
        for (size_t i = 0; i < count; i++) {
            text_putc(&records, i ? ',' : '[');
            text_add(&records, rd_text_of(rd_at(reply, i)), rd_length_of(rd_at(reply, i)));
        }
        text_putc(&records, ']');
        if (count > 0 && !pg_exec(c->pg, &sql_record_failures, NULL, e, pg_json(text_str(&records))))
            return err_add(e, "rows of tasks that failed in queue %s", queue);
    } while (count > 0);
    return true;
}

static bool read_pauses(struct courier *c, struct queues *q, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(c->pg, &sql_queues_paused, &rows, e, pg_texts(q->names, q->count)))
        return false;
    for (size_t i = 0; i < q->count; i++) {
        bool was = q->paused[i];
        q->paused[i] = false;
        for (size_t row = 0; row < rows.count; row++)
            q->paused[i] |= strcmp(pg_get_text(&rows, row, 0), q->names[i]) == 0;
        if (was && !q->paused[i])
            q->tell_open_at = 0;
    }
    return true;
}

/* For those who only ask PostgreSQL: what stands in the queue, when it has changed; while something waits also that somebody looks. */
static bool note_counts(struct courier *c, struct queues *q, size_t i, struct err *e)
{
    bool stale = q->noted[i].ready > 0 && clock_boot() - q->noted_at[i] > note_again;
    struct redis_queue_counts now = {0}, *was = &q->noted[i];
    if (!q->empty[i] && !redis_queue_counts(c->redis, q->names[i], &now, e))
        return false;
    if (keeper_queue_is_private(q->names[i]) || (!stale && now.ready == was->ready && now.delayed == was->delayed && now.held == was->held))
        return true;
    *was = now;
    q->noted_at[i] = clock_boot();
    return pg_exec(c->pg, &sql_see_light_queue, NULL, e, pg_text(q->names[i]), pg_int(now.ready), pg_int(now.delayed), pg_int(now.held),
                   pg_time_or_null(now.oldest_at));
}

static bool look_at(struct courier *c, struct queues *q, size_t i, bool tell_open, struct err *e)
{
    struct redis_queue_state state;
    usec_t asked_at = clock_boot();
    int64_t taken = 0;
    enum redis_pause pause = q->paused[i] ? REDIS_PAUSED : tell_open ? REDIS_OPEN : REDIS_PAUSE_AS_IT_WAS;
    struct redis_worker worker = {.id = c->board->worker, .lease = c->board->lease, .fences = q->fences, .seats = (size_t)c->board->seat_count};
    if (!redis_queue_tick(c->redis, q->names[i], &worker, pause, &state, e))
        return false;
    q->empty[i] = state.empty;
    if (state.lapsed > 0 && !redis_queue_take_lapsed(c->redis, q->names[i], &taken, e))
        return false;
    if (taken > 0)
        log_warning("courier.rescued", LOG_STR("queue", q->names[i]), LOG_INT("tasks", taken));
    if (state.ready > 0 && !q->paused[i])
        wake(c);
    if (state.next_due >= 0 && asked_at + state.next_due < q->look_at)
        q->look_at = asked_at + state.next_due;
    return state.failed == 0 || write_failed(c, q->names[i], e);
}

/* What a child left on a seat that is given up has no successor to take it back: its lease runs out. */
static int64_t fence_of(const struct board *board, int seat)
{
    const struct seat *s = &board->seats[seat];
    bool given_up = seat >= board->pool && atomic_load(&s->state) == SEAT_AWAY;
    return given_up ? 0 : atomic_load(&s->light_fence);
}

static bool look_at_all(struct courier *c, struct queues *q, struct err *e)
{
    q->look_at = clock_boot() + look_every;
    if (!read_pauses(c, q, e))
        return false;
    usec_t began = clock_boot();
    for (int seat = 0; seat < c->board->seat_count; seat++)
        q->fences[seat] = fence_of(c->board, seat);
    bool note = began >= q->note_at, tell_open = began >= q->tell_open_at;
    for (size_t i = 0; i < q->count; i++)
        if (!look_at(c, q, i, tell_open, e) || (note && !note_counts(c, q, i, e)))
            return err_add(e, "queue %s", q->names[i]);
    if (note)
        q->note_at = began + note_every;
    if (tell_open)
        q->tell_open_at = began + tell_pause_every;
    atomic_store(&c->board->light_renewed_at, began);
    return true;
}

static bool run(struct courier *c, void *data, struct duty_turn *turn, struct err *e)
{
    struct queues *q = data;
    if (turn->fresh && !listen(c, q, e))
        return err_add(e, "listening");
    if (turn->fresh || turn->leaving)
        q->look_at = 0;
    if (!hear(c, q, e))
        return false;
    if (clock_boot() >= q->look_at && !look_at_all(c, q, e))
        return false;
    if (!courier_share_batches(c, &q->sharing, q->names, q->count, e))
        return err_add(e, "a batch with a slow task");
    usec_t share_at = courier_share_next(c);
    turn->next_at = share_at && share_at < q->look_at ? share_at : q->look_at;
    return true;
}

static size_t watch(struct courier *c, void *data, struct pollfd *fds, size_t room)
{
    const struct queues *q = data;
    (void)c;
    if (!q->listener || room == 0)
        return 0;
    fds[0] = (struct pollfd){.fd = redis_socket(q->listener), .events = POLLIN};
    return 1;
}

static void close_all(struct courier *c, void *data)
{
    struct queues *q = data;
    (void)c;
    redis_close(q->listener);
    q->listener = NULL;
}

const struct duty duty_queues = {.name = "queues", .needs = COURIER_PG | COURIER_REDIS, .state_size = sizeof(struct queues), .wanted = wanted, .run = run,
                                 .watch = watch, .close = close_all};
