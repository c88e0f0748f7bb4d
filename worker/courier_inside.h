#pragma once
/* What the courier's files know of each other: courier.c is the loop with the table of duties, courier_NAME.c is the duty of that name.
 *
 * A duty is straight-line code with a state of its own. It runs when a bell rings that it listens to, when a descriptor that it watches is
 * ready, when the moment has come that it asked for, and once after its connections are new: then nothing that was heard before counts,
 * and it looks at everything. What it waits for has a deadline: the others wait meanwhile. One that fails runs again after a back-off, and
 * the others go on. */
#include "common/celery/event.h"
#include "common/db/pg.h"
#include "common/db/redis.h"
#include "worker/courier.h"
#include <poll.h>

enum { COURIER_FDS_MAX = 32 };

/* Connections that a duty cannot do without. */
enum { COURIER_PG = 1, COURIER_REDIS = 2 };

struct courier {
    struct board *board;
    const struct config *config;
    const struct catalog *catalog;
    struct edition *edition;
    struct event_source self; /* as monitors of Celery see this worker */
    struct js *events;        /* of tasks, that are to be told; NULL: none */
    struct pg *pg;       /* NULL: not connected */
    struct redis *redis; /* for commands; a duty that listens or blocks opens its own. NULL: not connected */
    int64_t celery_held;   /* messages of Celery that this courier holds, those that run counted */
    int64_t celery_over;   /* messages of Celery that this courier held and has brought to their end */
    char celery_claim[96]; /* how the tags of those begin that this courier is taking over; "": none */
};

/* courier_events.c: note what monitors are to be told of a task, if anybody listens; what duties do besides comes first. Events may be lost,
 * tasks may not: one that cannot be sent is dropped. */
void courier_event(struct courier *c, const char *type, const struct event_task *task);
void courier_drop_events(struct courier *c);
bool courier_tell_events(struct courier *c, struct err *e);
bool courier_has_listeners(const struct courier *c);

/* A connection of its own, for a duty that does not wait for its answers. */
struct pg *courier_open_pg(const struct courier *c, struct err *e);

/* Another connection in place of one with nothing under way, when that has grown with large messages. */
void courier_slim_pg(const struct courier *c, struct pg **pg);

/* Why a duty runs, and when it wants to run again. */
struct duty_turn {
    bool fresh;     /* the connections are new */
    uint32_t bells; /* enum courier_bell: rung since its last run */
    bool leaving;   /* the children are gone: its last run */
    usec_t next_at; /* for the duty to set, CLOCK_BOOTTIME; 0: not by the clock */
};

struct duty {
    const char *name;
    int needs;      /* COURIER_PG, COURIER_REDIS: it runs only while they are there */
    uint32_t bells; /* enum courier_bell that it listens to */
    size_t state_size;
    /* Is there anything for it in this configuration? NULL: always. */
    bool (*wanted)(const struct config *config);
    bool (*run)(struct courier *c, void *state, struct duty_turn *turn, struct err *e);
    /* Descriptors that it wants to be woken by; NULL: none. */
    size_t (*watch)(struct courier *c, void *state, struct pollfd *fds, size_t room);
    /* Give up what it opened itself; its state is cleared afterwards. NULL: nothing. */
    void (*close)(struct courier *c, void *state);
};

/* courier_watch.c: is this a Redis that keeps what it is given? */
extern const struct duty duty_watch;

/* courier_queues.c: queues whose tasks are in Redis alone. */
extern const struct duty duty_queues;

/* courier_celery*.c: queues with protocol: celery (courier_celery.h). */
extern const struct duty duty_celery, duty_celery_hold, duty_celery_news;

/* courier_out.c: tasks that workers of Celery run. */
extern const struct duty duty_out;

/* courier_control.c: remote control and heartbeats, for the tools of Celery. */
extern const struct duty duty_control;
