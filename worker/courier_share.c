/* courier_share: a child's batch is cut behind the task that it runs, so that it goes no further; then its notes tell what has run and what has not, and
 * Redis is told by one script. The child tells it all again when it comes to it: what is no longer in the claim is left alone. */
#include "common/broker/redis_queue.h"
#include "worker/courier_share.h"
#include "worker/slow.h"

/* `sent`: Redis was asked. */
static bool share(struct courier *c, int seat, const struct seat_view *view, const char *const *queues, size_t count, bool *sent, struct err *e)
{
    static struct notes notes;
    static struct other others[CLAIM_MAX];
    static struct settlement ran = {.others = others};
    struct seat *s = &c->board->seats[seat];
    const struct redis_slow slow = {.worker = c->board->worker, .seat = seat, .task = view->task, .place = view->place, .turn = view->turn, .order = notes.order};
    int64_t returned = -1;
    *sent = seat_cut_batch(s, view->turn) && notes_copy(&s->notes, &notes) && notes.fence == view->fence && notes.light;
    if (!*sent)
        return true;
    notes_settlement(&notes, &ran);
    for (size_t i = 0; returned < 0 && i < count; i++)
        if (!redis_queue_share(c->redis, queues[i], &slow, &ran, &returned, e))
            return err_add(e, "queue %s", queues[i]);
    log_debug("courier.shared_batch", LOG_INT("seat", seat), LOG_INT("returned", returned));
    return true;
}

bool courier_share_batches(struct courier *c, struct sharing *sharing, const char *const *queues, size_t count, struct err *e)
{
    for (int i = 0; i < c->board->seat_count; i++) {
        struct seat_view view;
        bool sent;
        if (!seat_look(&c->board->seats[i], &view) || uuid_is_zero(view.task) || !view.light ||
            !slow_in_batch(c->edition, c->catalog, &view, sharing->slow[i]))
            continue;
        if (!share(c, i, &view, queues, count, &sent, e))
            return false;
        if (sent)
            sharing->slow[i] = view.task;
    }
    return true;
}

usec_t courier_share_next(const struct courier *c)
{
    return board_all_idle(c->board) ? 0 : clock_boot() + SLOW_LOOK;
}
