#pragma once
/* Events: what monitors (`celery events`, Flower) hear of workers and tasks. https://docs.celeryq.dev/en/stable/userguide/monitoring.html#event-reference
 *
 * Published to `/<db>.celeryev/<type with its first "-" as ".">`; those of tasks go together as `task.multi`. They may be lost: the task
 * table is the truth, this is for monitors that know nothing else. */
#include "common/base/clock.h"
#include "common/base/json_build.h"

enum { EVENT_HEARTBEAT_S = 2, EVENT_REPR_MAX = 1024 };

struct event_source {
    const char *hostname; /* name@host */
    int64_t pid;
    int64_t clock;        /* Lamport's; each event raises it */
};

/* Worker events: "worker-online", "worker-heartbeat", "worker-offline". Adds the channel without the database ("celeryev/worker.online") and
 * the message. */
void event_worker(struct event_source *from, const char *type, int64_t active, int64_t processed, struct text *channel, struct text *out);

/* Of a task. Fields that a type does not have are left out. */
struct event_task {
    const char *id;
    usec_t at; /* 0: now */
    const char *name, *args, *kwargs; /* received: as Python shows them, or as JSON */
    const char *root_id, *parent_id;
    int64_t retries;
    usec_t eta_at, expires_at;
    const char *result;    /* succeeded */
    double runtime_s;
    const char *exception, *traceback; /* failed, retried */
    bool terminated, expired;          /* revoked */
};

/* Add a task event to the array: "task-received", "task-started", "task-succeeded", "task-failed", "task-retried", "task-revoked",
 * "task-rejected". */
void event_task(struct event_source *from, const char *type, const struct event_task *task, struct js *events);

/* The message of them all, for `celeryev/task.multi`. */
void event_tasks_write(const struct event_source *from, const struct js *events, struct text *out);
