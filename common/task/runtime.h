#pragma once
/* How a child runs a handler. For worker/ only: handlers include task.h.
 *
 * The child gives a `struct task_host`: what it does with progress, log lines and connections; task.c turns that into what
 * task.h promises. */
#include "common/task/task.h"
#include "config/config.h"

struct task_facts;

struct task_host {
    void *data;
    const struct config *config;
    /* False when the task must stop: ERR_CANCELLED, ERR_TIMEOUT (soft limit), ERR_FENCED. */
    bool (*check)(void *data, struct err *e);
    /* Show it to others; never fails, may be dropped for a newer one. */
    void (*progress)(void *data, int64_t value, int64_t end, const char *message);
    void (*log)(void *data, struct uuid task, enum log_level level, const char *message);
    /* So many bytes of output, for its limit. */
    void (*wrote)(void *data, int64_t bytes);
    /* The child's connection, opened again if it was lost. */
    struct pg *(*pg)(void *data, struct err *e);
    /* Commit the transaction that is open on it, if the seat is still held; a lost answer is looked up. */
    bool (*commit)(void *data, struct err *e);
    /* Put a result that is too large for the row away; *json becomes what stands in the row instead. NULL: all stay in the row. */
    bool (*keep)(void *data, const struct task_facts *facts, const char **json, struct region *region, struct err *e);
};

struct task_facts {
    struct uuid id;
    int attempt;
    int64_t fence;
    usec_t tick_at;
    usec_t soft_at; /* CLOCK_BOOTTIME: when the soft limit is over */
    const char *args;
    const struct limits *limits;
};

enum { TASK_MESSAGE_MAX = 200 };

/* What became of the handler. */
struct task_end {
    bool success;
    struct err error;            /* when not */
    usec_t snooze;               /* when not, and it wants to run again after so long, no attempt spent; else 0 */
    bool again;                  /* when not, and it runs again after `again_after` */
    usec_t again_after;
    bool died;                   /* when not: the program that ran it has died, of `signal` (0: not by one) or with `exit_code` (-1: unknown) */
    int signal, exit_code;
    const char *result;          /* JSON or NULL; in the task's region */
    int64_t progress_value, end_value;
    const char *progress_message; /* NULL: none */
    bool in_transaction;         /* success: its writes wait for a COMMIT that settles with them */
};

/* Run one attempt. `region` is reset by the caller afterwards. */
void task_run(const struct handler *handler, const struct task_facts *facts, const struct task_host *host, struct region *region,
              struct task_end *end);
