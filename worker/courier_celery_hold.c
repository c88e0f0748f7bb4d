/* courier_celery_hold: messages that are claimed stay claimed while somebody of this side lives.
 *
 * A worker of Celery takes back what was not kept fresh for its visibility time-out. So all that is held is kept fresh, by every courier, also
 * what a worker held that is gone; what it was at is taken over. What was claimed by one that died before it was a task goes back. For workers
 * of Celery that share the queues the same is done (courier_celery_peers.h). */
#include "sql/queries.h"
#include "sql/scripts.h"
#include "worker/courier_celery_peers.h"

#include <stdlib.h>
#include <string.h>

enum { TAGS_MAX = 500 };

static const usec_t adopt_every = SECONDS(2), left_every = SECONDS(10), visibility_cap = HOURS(1), forget_after = DAYS(7), look_again = SECONDS(1);

struct hold {
    struct celery_queues queues;
    struct region *region;
    struct celery_peers *peers;
    usec_t fresh_at, adopt_at, left_at;
};

static void close_hold(struct courier *c, void *data)
{
    struct hold *h = data;
    (void)c;
    celery_queues_free(&h->queues);
    celery_peers_close(h->peers);
    region_free(h->region);
}

/* Others hold these again, or nobody. `elsewhere`: how many other workers have to tell of. */
static bool let_go(struct courier *c, const struct rd_reply *gone, int64_t *elsewhere, struct err *e)
{
    const char *tags[TAGS_MAX];
    struct pg_rows rows;
    size_t count = rd_count_of(gone);
    for (size_t i = 0; i < count; i++)
        tags[i] = rd_text_of(rd_at(gone, i));
    if (count == 0)
        return true;
    if (!pg_exec(c->pg, &sql_celery_let_go, &rows, e, pg_texts(tags, count), pg_uuid(c->board->worker)))
        return err_add(e, "messages that are not held any more");
    int64_t waiting = pg_get_int(&rows, 0, 0), running = pg_get_int(&rows, 0, 1);
    *elsewhere += pg_get_int(&rows, 0, 2);
    if (waiting + running > 0)
        log_warning("celery.messages_taken_back", LOG_INT("waiting", waiting), LOG_INT("running", running));
    if (waiting > 0)
        courier_ring(c->board, COURIER_OUTGOING);
    return true;
}

/* What waits is ours until others might take it back. Children claim nothing of it before that is known, nor after: a worker that
 * comes back after a long time, or was cut off from Redis, would run what others run. */
static void vouch(struct courier *c, usec_t fresh_at)
{
    usec_t visible = c->config->celery.visibility_timeout;
    bool shut = clock_boot() >= atomic_load(&c->edition->lanes.guarded_until);
    atomic_store(&c->edition->lanes.guarded_until, fresh_at + visible - visible / 5);
    if (shut)
        board_wake_all(c->board);
}

static bool keep_fresh(struct courier *c, struct hold *h, struct err *e)
{
    struct rd_arg args[2 + TAGS_MAX + 1] = {rd_text(text_str(&h->queues.unacked)), rd_text(text_str(&h->queues.unacked_index))};
    struct pg_rows rows;
    const struct rd_reply *gone;
    usec_t began = clock_boot();
    int64_t elsewhere = 0;
    if (!pg_exec(c->pg, &sql_celery_held, &rows, e, pg_texts(h->queues.names, h->queues.count)))
        return err_add(e, "messages that are held");
    region_reset(h->region);
    const char **tags = region_alloc(h->region, (rows.count + 1) * sizeof *tags);
    size_t count = rows.count;
    for (size_t i = 0; i < count; i++)
        tags[i] = region_strdup(h->region, pg_get_text(&rows, i, 0));
    for (size_t done = 0; done < count;) {
        size_t n = 0;
        while (n < TAGS_MAX && done < count)
            args[2 + n++] = rd_text(tags[done++]);
        args[2 + n] = (struct rd_arg){.type = RD_END};
        if (!redis_script(c->redis, &lua_celery_fresh, 2, args, &gone, e) || !let_go(c, gone, &elsewhere, e))
            return err_add(e, "keeping messages fresh");
    }
    if (elsewhere > 0) /* whose tasks may be back any moment, when it is dead */
        h->fresh_at = began + look_again;
    else
        vouch(c, began);
    return true;
}

static bool adopt(struct courier *c, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(c->pg, &sql_celery_adopt, &rows, e, pg_uuid(c->board->worker), pg_duration(forget_after)))
        return err_add(e, "messages of workers that are gone");
    if (pg_get_int(&rows, 0, 0) > 0) {
        log_info("celery.messages_adopted", LOG_INT("messages", pg_get_int(&rows, 0, 0)));
        courier_ring(c->board, COURIER_SETTLED);
    }
    return true;
}

static bool put_back(struct courier *c, const struct hold *h, const char *queue, const char *taking, const char *const *tags, size_t count, struct err *e)
{
    struct rd_arg args[3 + CELERY_STEPS_MAX + 1 + CELERY_STEPS_MAX + TAGS_MAX + 1];
    struct text lists[CELERY_STEPS_MAX] = {0};
    const struct rd_reply *reply = NULL;
    size_t n = 0, steps = h->queues.keys.step_count;
    args[n++] = rd_text(text_str(&h->queues.unacked));
    args[n++] = rd_text(text_str(&h->queues.unacked_index));
    args[n++] = rd_text(taking);
    for (size_t i = 0; i < steps; i++) {
        celery_list(&h->queues.keys, queue, i, &lists[i]);
        args[n++] = rd_text(text_str(&lists[i]));
    }
    args[n++] = rd_int((int64_t)steps);
    for (size_t i = 0; i < steps; i++)
        args[n++] = rd_int(h->queues.keys.steps[i]);
    for (size_t i = 0; i < count; i++)
        args[n++] = rd_text(tags[i]);
    args[n] = (struct rd_arg){.type = RD_END};
    bool good = count == 0 || redis_script(c->redis, &lua_celery_put_back, 3 + steps, args, &reply, e);
    for (size_t i = 0; i < steps; i++)
        text_free(&lists[i]);
    if (good && rd_int_of(reply) > 0)
        log_warning("celery.messages_put_back", LOG_STR("queue", queue), LOG_INT("messages", rd_int_of(reply)));
    return good;
}

static bool say_tasks(struct courier *c, const char *taking, const char *const *tags, size_t count, struct err *e)
{
    struct rd_arg args[2 + TAGS_MAX + 1] = {rd_text("SREM"), rd_text(taking)};
    for (size_t i = 0; i < count; i++)
        args[2 + i] = rd_text(tags[i]);
    args[2 + count] = (struct rd_arg){.type = RD_END};
    return count == 0 || redis_call_args(c->redis, args, NULL, e);
}

/* What a courier that died had claimed. Not what the intake of this one is just taking over. */
static bool clear_left(struct courier *c, struct hold *h, const char *queue, struct err *e)
{
    struct text taking CLEANUP(text_free) = {0};
    const struct rd_reply *reply;
    const char *left[TAGS_MAX], *tasks[TAGS_MAX], *tags[TAGS_MAX];
    size_t lost = 0, good = 0, count = 0, mine = strlen(c->celery_claim);
    struct pg_rows rows;
    celery_taking(&h->queues.keys, queue, &taking);
    if (!redis_call(c->redis, &reply, e, rd_text("SRANDMEMBER"), rd_text(text_str(&taking)), rd_int(TAGS_MAX)))
        return err_add(e, "claims of %s that were left", queue);
    for (size_t i = 0; i < rd_count_of(reply); i++) {
        const char *tag = rd_text_of(rd_at(reply, i));
        if (mine == 0 || strncmp(tag, c->celery_claim, mine) != 0)
            tags[count++] = tag;
    }
    if (count == 0)
        return true;
    if (!pg_exec(c->pg, &sql_celery_left, &rows, e, pg_uuid(c->board->worker), pg_texts(tags, count)))
        return err_add(e, "claims of %s that were left", queue);
    for (size_t i = 0; i < rows.count; i++)
        if (pg_get_bool(&rows, i, 1))
            tasks[good++] = pg_get_text(&rows, i, 0);
        else
            left[lost++] = pg_get_text(&rows, i, 0);
    return say_tasks(c, text_str(&taking), tasks, good, e) && put_back(c, h, queue, text_str(&taking), left, lost, e);
}

static bool clear_all_left(struct courier *c, struct hold *h, struct err *e)
{
    for (size_t i = 0; i < h->queues.count; i++) {
        if (clear_left(c, h, h->queues.names[i], e))
            continue;
        if (e->kind != ERR_DATA)
            return false;
        log_warning("celery.claims_unreadable", LOG_ERR(e)); /* a key of another type: what is held is kept fresh all the same */
    }
    return true;
}

/* What workers of Celery held that are gone. */
static bool restore(struct courier *c, const struct hold *h, const char *queue, struct err *e)
{
    struct rd_arg args[2 + CELERY_STEPS_MAX + 2 + CELERY_STEPS_MAX + 1];
    struct text lists[CELERY_STEPS_MAX] = {0};
    const struct rd_reply *reply = NULL;
    size_t n = 0, steps = h->queues.keys.step_count;
    args[n++] = rd_text(text_str(&h->queues.unacked));
    args[n++] = rd_text(text_str(&h->queues.unacked_index));
    for (size_t i = 0; i < steps; i++) {
        celery_list(&h->queues.keys, queue, i, &lists[i]);
        args[n++] = rd_text(text_str(&lists[i]));
    }
    args[n++] = rd_text(queue);
    args[n++] = rd_int(c->config->celery.visibility_timeout / SECONDS(1));
    for (size_t i = 0; i < steps; i++)
        args[n++] = rd_int(h->queues.keys.steps[i]);
    args[n] = (struct rd_arg){.type = RD_END};
    bool good = redis_script(c->redis, &lua_celery_restore, 2 + steps, args, &reply, e);
    for (size_t i = 0; i < steps; i++)
        text_free(&lists[i]);
    if (good && rd_int_of(reply) > 0)
        log_warning("celery.messages_restored", LOG_STR("queue", queue), LOG_INT("messages", rd_int_of(reply)));
    return good;
}

static bool restore_all(struct courier *c, const struct hold *h, struct err *e)
{
    for (size_t i = 0; i < h->queues.count; i++)
        if (!restore(c, h, h->queues.names[i], e))
            return false;
    return true;
}

static bool due(usec_t *at, usec_t now, usec_t every)
{
    if (now < *at)
        return false;
    *at = now + every;
    return true;
}

static bool run(struct courier *c, void *data, struct duty_turn *turn, struct err *e)
{
    struct hold *h = data;
    usec_t now = clock_boot(), visible = c->config->celery.visibility_timeout;
    if (turn->fresh) {
        close_hold(c, h);
        *h = (struct hold){.region = region_new()};
        if (!celery_queues_make(c->config, &h->queues, e) || !(h->peers = celery_peers_open(c, e)))
            return false;
    }
    if (due(&h->left_at, now, left_every) && !clear_all_left(c, h, e))
        return false;
    if (due(&h->fresh_at, now, (visible < visibility_cap ? visible : visibility_cap) / 3) &&
        !(keep_fresh(c, h, e) && celery_peers_keep_fresh(h->peers, c, &h->queues, e) && restore_all(c, h, e)))
        return false;
    if (due(&h->adopt_at, now, adopt_every) && !adopt(c, e))
        return false;
    turn->next_at = h->fresh_at < h->adopt_at ? h->fresh_at : h->adopt_at;
    return true;
}

const struct duty duty_celery_hold = {.name = "celery_hold",
                                      .needs = COURIER_PG | COURIER_REDIS,
                                      .state_size = sizeof(struct hold),
                                      .wanted = celery_wanted,
                                      .run = run,
                                      .close = close_hold};
