#pragma once
/* The processes that `up` keeps running: a row each, started again when they die, stopped in the order of the rows.
 *
 *               start                     ends                      its time comes
 *     (added) ---------> RUNNING ----------------------> WAITING ----------------------> RUNNING
 *                           |      short lives wait longer:          stop
 *                           |      200 ms doubled up to 30 s           |
 *                           `--------------- stop ------------------> STOPPED
 */
#include "cli/up/process.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { SERVICES_MAX = 8 };

struct service {
    const char *name;
    /* Start it; *pid is our child. `program` is for services_start_program(), `data` for others. */
    bool (*start)(struct service *service, pid_t *pid, struct err *e);
    struct program program;
    void *data;
    int stop_signal;  /* asks for an orderly end */
    int press_signal; /* when that takes longer than stop_limit, or the user asks twice; SIGKILL comes after that */
    usec_t stop_limit;
    int reload_signal; /* makes it read its configuration again; 0: it has none */
    int give_up_status; /* an exit status after which starting again is of no use; 0: none */

    enum { SERVICE_RUNNING, SERVICE_WAITING, SERVICE_STOPPED } state;
    pid_t pid;
    usec_t started_at; /* clock_boot() */
    usec_t again_at;   /* WAITING: when to start */
    usec_t wait;       /* the last back-off */
    int status;        /* of the last life, as waitpid() tells it */
};

struct services {
    struct service rows[SERVICES_MAX];
    size_t count;
};

/* The `start` of a service that is a program and no more. */
bool services_start_program(struct service *service, pid_t *pid, struct err *e);

/* Add a copy of `row` and start it. The service that was added is services->rows[count - 1]. */
bool services_add(struct services *s, const struct service *row, struct err *e);

/* Take note of children that ended, and start those whose time has come. Returns the one that gave up, else NULL. To be
 * called after SIGCHLD and when services_next_at() has passed. */
const struct service *services_tick(struct services *s);

/* When services_tick() has something to do at the latest (clock_boot()); 0: only after SIGCHLD. */
usec_t services_next_at(const struct services *s);

/* Have those that run and have a configuration read it again. */
void services_reload(const struct services *s);

/* Stop all, the last row first: each is asked, pressed after its limit, then killed. `signals` is a signalfd that has
 * SIGCHLD, SIGINT and SIGTERM: one that arrives meanwhile presses at once. */
void services_stop(struct services *s, int signals);
