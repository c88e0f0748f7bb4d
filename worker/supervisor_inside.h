#pragma once
/* What the supervisor's files know of each other: supervisor.c is the loop, the way up and the way down, reload.c changes from one
 * edition of the configuration to the next. */
#include "worker/fork_parent.h"
#include "worker/posts.h"
#include "worker/worker.h"
#include <assert.h>

struct supervisor {
    const struct worker_options *options;
    struct board *board;
    int fds[FD_ENDS]; /* what fork servers inherit */
    uv_loop_t loop;
    struct fork_parent *parents[EDITIONS_MAX]; /* by edition; NULL: none */
    struct fork_parent_host parents_host;
    uint32_t last_edition;
    bool reload_asked;
    usec_t drain_for;
    uv_timer_t tick;
    uv_signal_t on_term, on_int, on_quit, on_hup;
    struct post *posts; /* by role - ROLE_FIRST: the courier's and the keeper's, then one a seat */
    struct posts_host host;
    usec_t started_at, drain_until, close_until, parents_at;
    uint32_t lives_seen;
    bool fork_server_ready, all_started, ending;
    int exit_status;
};

static inline enum phase supervisor_phase(const struct supervisor *s)
{
    return (enum phase)atomic_load(&s->board->phase);
}

/* The post of a seat, the keeper's or the courier's. */
static inline struct post *supervisor_post(struct supervisor *s, int role)
{
    assert(role >= ROLE_FIRST && role < CONFIG_POOL_MAX);
    return &s->posts[role - ROLE_FIRST];
}

/* Somebody is there, or about to be. */
static inline bool post_is_taken(const struct post *post)
{
    return post->state == POST_LIVE || post->state == POST_SHOT || post->state == POST_SPAWNING;
}

/* Keeper and courier look around. */
void supervisor_ring(const struct supervisor *s);

/* reload.c ----------------------------------------------------------------------------------------------------------- */

bool edition_is_current(const struct supervisor *s, const struct fork_parent *parent);

/* Is it the one that is still to become ready? */
bool edition_is_coming(const struct supervisor *s, const struct fork_parent *parent);

/* A fork server of the next edition that has room: long tasks can keep some of the earlier ones. The first one too. */
bool reload_start(struct supervisor *s, struct err *e);

/* What an edition says about the worker as a whole. */
void reload_adopt(struct supervisor *s, const struct edition *edition);

/* Another pool than the configuration has, when one was asked for. */
void reload_resize(struct supervisor *s);

/* The courier of the current edition, when it needs one. */
void reload_order_courier(struct supervisor *s);

/* Begin what was asked for, one after the other: several that were asked for meanwhile are one. */
void reload_check(struct supervisor *s, usec_t now);

/* The fork server of the coming edition has ended: one line says what is wrong with the file, and where. */
void reload_refused(struct supervisor *s, const struct fork_parent *parent, int64_t status, int signal_number);

/* It is ready: from here on whoever comes is of the new edition, and the others leave as soon as they can. */
void reload_ready(struct supervisor *s, struct fork_parent *parent);

/* Dismiss fork servers of earlier editions whose last child has left. */
void reload_dismiss_empty(struct supervisor *s);
