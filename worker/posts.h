#pragma once
/* The supervisor's side of a seat: a post, which a child holds, dies on and is replaced at. The keeper's and the courier's posts are two of
 * them, without a seat.
 *
 *                 order            spawned              told to leave, exited
 *     VACANT ----------> SPAWNING ----------> LIVE ------------------------------> CLOSED
 *        ^                  | failed           |  \ limit: shoot                   |
 *        |                  v                  |   `---------> SHOT               | order, when the
 *        `-- due -------- BACKOFF <-- exited, --+-- exited ------'                | pool grows again
 *                                   died young                         SPAWNING <-'
 *
 * After a reload a child of an earlier edition of the configuration stays until its task is done; the one that follows it is the new
 * edition's.
 *
 * What each event does in each state is one table in posts.c. */
#include "worker/board.h"
#include "worker/fork_server.h"

enum post_state { POST_VACANT, POST_SPAWNING, POST_LIVE, POST_SHOT, POST_BACKOFF, POST_CLOSED, POST_STATES };

enum post_event { POST_ORDER, POST_SPAWNED, POST_FAILED, POST_EXITED, POST_DUE, POST_EVENTS };

struct post {
    enum post_state state;
    int role; /* the seat's number, ROLE_KEEPER or ROLE_COURIER */
    struct seat *seat; /* NULL for these two */
    bool surplus;      /* beyond the pool, which shrank, or no courier is needed: nobody follows who sits there */
    uint32_t edition;  /* of the fork server that was asked last */
    pid_t pid;
    usec_t born_at, due_at; /* CLOCK_BOOTTIME */
    usec_t looked_at, stopped_since; /* the first: whether it is stopped */
    usec_t shared_at; /* when the memory of its family was last looked at closely */
    int young_deaths;
    enum outcome shot_outcome; /* why it was shot */
    struct uuid shot_task;     /* and for which task */
    char shot_text[DEATH_TEXT_MAX];
    int64_t term_sent_for;     /* seat_ticket() of the task that was sent SIGTERM last */
};

/* What posts ask of the supervisor. */
struct posts_host {
    void (*order)(void *data, const struct order *order);
    void *data;
    bool (*closing)(void *data); /* no child is to be replaced any more */
    usec_t cancel_term, cancel_kill; /* after the request */
    bool light_lease_over;           /* what is held in Redis alone cannot be kept any more */
    struct tally *tally;
};

void post_event(struct post *post, enum post_event event, const struct news *news, const struct posts_host *host);

/* Kill the child's process group, for a reason that goes into the task's row. */
void post_shoot(struct post *post, enum outcome outcome, const char *reason, const struct posts_host *host);

/* Look at the clock: back-off, limits, a child stopped for `lease`, cancels that are not heeded. `lease_over`: the lease cannot be renewed in time. */
void post_check(struct post *post, usec_t now, usec_t lease, bool lease_over, const struct posts_host *host);
