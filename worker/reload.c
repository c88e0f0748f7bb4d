/* reload: another configuration for a worker that runs. A second fork server is executed, which reads the configuration anew. Refuses it:
 * all stays as it is. Is ready: its edition is the current one; children and keeper of the one before leave as soon as they can, and
 * whoever follows on their posts comes from the new fork server. The old one is dismissed when its last child has left. */
#include "worker/supervisor_inside.h"

#include <signal.h>
#include <string.h>

static const usec_t reload_patience = SECONDS(10), app_patience = MINUTES(1);

bool edition_is_current(const struct supervisor *s, const struct fork_parent *parent)
{
    return parent->edition == atomic_load(&s->board->edition);
}

bool edition_is_coming(const struct supervisor *s, const struct fork_parent *parent)
{
    return parent->edition > atomic_load(&s->board->edition) && !parent->dismissed;
}

bool reload_start(struct supervisor *s, struct err *e)
{
    uint32_t number = s->last_edition + 1;
    while (s->parents[number % EDITIONS_MAX])
        number++;
    if (number > EDITIONS_MAX) /* its record was another's; until then it is memory that nobody has touched */
        memset(board_edition(s->board, number), 0, sizeof(struct edition));
    atomic_store(&s->board->coming, number);
    struct fork_parent *parent = fork_parent_start(&s->loop, number, s->fds, s->options->flags, &s->parents_host, e);
    s->parents[number % EDITIONS_MAX] = parent;
    s->last_edition = number;
    return parent != NULL;
}

static bool editions_full(const struct supervisor *s)
{
    int count = 0;
    for (int i = 0; i < EDITIONS_MAX; i++)
        count += s->parents[i] != NULL;
    return count == EDITIONS_MAX;
}

static struct fork_parent *coming(const struct supervisor *s)
{
    for (int i = 0; i < EDITIONS_MAX; i++)
        if (s->parents[i] && edition_is_coming(s, s->parents[i]))
            return s->parents[i];
    return NULL;
}

void reload_check(struct supervisor *s, usec_t now)
{
    struct err e;
    struct fork_parent *parent = coming(s);
    if (parent && now - parent->started_at > (s->options->config->celery.app ? app_patience : reload_patience))
        uv_process_kill(&parent->process, SIGKILL);
    if (!s->reload_asked || parent || !s->fork_server_ready || editions_full(s))
        return;
    s->reload_asked = false;
    log_info("worker.reloading");
    if (!reload_start(s, &e))
        log_error("worker.reload_refused", LOG_ERR(&e));
}

void reload_refused(struct supervisor *s, const struct fork_parent *parent, int64_t status, int signal_number)
{
    const struct edition *edition = board_edition(s->board, parent->edition);
    log_error("worker.reload_refused", LOG_STR("error", *edition->trouble ? edition->trouble : "the new fork server ended before it was ready"),
              LOG_INT("status", status), LOG_INT("signal", signal_number));
}

/* The posts of the pool as it is now. Who sits beyond it leaves with the others, and nobody follows. */
static void set_pool(struct supervisor *s, int pool)
{
    atomic_store(&s->board->pool, pool);
    if (pool > s->board->seat_count)
        atomic_store(&s->board->seat_count, pool);
    s->all_started = true;
    for (int seat = 0; seat < s->board->seat_count; seat++) {
        struct post *post = supervisor_post(s, seat);
        post->surplus = post->role >= pool;
        if (!post->surplus)
            post_event(post, POST_ORDER, NULL, &s->host);
    }
}

void reload_resize(struct supervisor *s)
{
    int asked = atomic_load(&s->board->pool_asked);
    if (!asked || asked == s->board->pool || !s->all_started || supervisor_phase(s) != PHASE_RUN)
        return;
    set_pool(s, asked);
    board_wake_all(s->board); /* who is beyond it has to see that */
    log_info("worker.resized", LOG_INT("pool", asked));
}

void reload_order_courier(struct supervisor *s)
{
    struct post *post = supervisor_post(s, ROLE_COURIER);
    post->surplus = !board_edition(s->board, atomic_load(&s->board->edition))->needs_courier;
    if (post->surplus)
        return;
    if (!post_is_taken(post))
        atomic_store(&s->board->courier_at, 0); /* of one that left long ago */
    post_event(post, POST_ORDER, NULL, &s->host);
}

void reload_adopt(struct supervisor *s, const struct edition *edition)
{
    s->drain_for = edition->drain;
    s->host.cancel_term = edition->cancel_term;
    s->host.cancel_kill = edition->cancel_kill;
    log_set_style(edition->log);
}

void reload_ready(struct supervisor *s, struct fork_parent *parent)
{
    const struct edition *edition = board_edition(s->board, parent->edition);
    if (supervisor_phase(s) != PHASE_RUN) {
        fork_parent_dismiss(parent);
        return;
    }
    reload_adopt(s, edition);
    atomic_store(&s->board->edition, parent->edition);
    atomic_store(&s->board->pool_asked, 0);
    set_pool(s, edition->pool);
    reload_order_courier(s);
    board_wake_all(s->board);
    supervisor_ring(s);
    log_info("worker.reloaded", LOG_INT("edition", parent->edition), LOG_INT("pool", edition->pool));
    s->options->reloaded();
}

static bool has_children(struct supervisor *s, const struct fork_parent *parent)
{
    for (int i = 0; i < s->board->seat_count - ROLE_FIRST; i++)
        if (post_is_taken(&s->posts[i]) && s->posts[i].edition == parent->edition)
            return true;
    return false;
}

void reload_dismiss_empty(struct supervisor *s)
{
    for (int i = 0; i < EDITIONS_MAX; i++) {
        struct fork_parent *parent = s->parents[i];
        if (!parent || parent->dismissed || edition_is_current(s, parent) || edition_is_coming(s, parent) || has_children(s, parent))
            continue;
        fork_parent_dismiss(parent);
        log_info("worker.edition_left", LOG_INT("edition", parent->edition));
    }
}
