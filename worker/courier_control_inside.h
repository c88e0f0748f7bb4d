#pragma once
/* Inside remote control: what its rooms share. courier_control.c listens and looks a request up in two tables: what is asked
 * (courier_control_ask.c) and what is changed (courier_control_change.c). */
#include "common/celery/control.h"
#include "common/db/redis_url.h"
#include "worker/courier_celery.h"

enum { CONTROL_IDS_MAX = 1000 };

struct control {
    bool open;
    struct celery_queues queues;
    struct redis_url url;
    struct redis *ears;
    usec_t began_at, beat_at;
    usec_t waited_at; /* last: messages for which there was no child */
};

/* A request. */
struct control_turn {
    struct courier *courier;
    struct control *control;
    const struct control_request *request;
};

/* Who answers it. `answer` NULL afterwards: no reply. */
struct control_command {
    const char *method;
    bool (*run)(const struct control_turn *t, struct js **answer, struct err *e);
};

extern const struct control_command control_questions[], control_changes[]; /* each ends with a method that is NULL */

/* An argument of the request; NULL: it has none of that name. */
const struct js *control_argument(const struct control_turn *t, const char *name);

/* One id or an array of them, at most CONTROL_IDS_MAX, as long as the node lives. */
size_t control_ids(const struct js *node, const char **ids);

/* courier_control_ask.c: which of the ids are of tasks that this worker has. `here` has `count` places. */
bool control_find(const struct control_turn *t, const char *const *ids, size_t count, bool *here, struct err *e);

/* After `autoscale`: ask for as many children as the load wants. */
bool control_follow_load(struct courier *c, struct control *k, usec_t now, struct err *e);
