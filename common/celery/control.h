#pragma once
/* Remote control (kombu's pidbox): a client publishes a request to all workers, each puts its reply into a list of the client.
 * https://docs.celeryq.dev/en/stable/userguide/workers.html#remote-control
 *
 * The members here are those that `celery inspect`, `celery status` and Flower read. */
#include "common/base/clock.h"
#include "common/base/json_build.h"

/* Where requests are published is `/<db>.celery.pidbox`; a worker is bound as "", "", "<hostname>.celery.pidbox" in
 * `_kombu.binding.celery.pidbox`, the separator between them. */
#define CONTROL_EXCHANGE "celery.pidbox"
#define CONTROL_REPLIES "reply.celery.pidbox"

struct control_request {
    struct js *letter; /* owns all below */
    const char *method;
    const struct js *arguments;
    const struct js *destination; /* hostnames; NULL: all */
    const char *pattern, *matcher;
    const char *ticket;
    const char *reply_exchange, *reply_key; /* NULL: no reply is wanted */
    int64_t clock;
    double expires; /* seconds since 1970; 0: never */
};

/* ERR_DATA, ERR_LIMIT: it is none. To be freed with control_request_free(). */
bool control_request_read(const char *text, size_t len, struct control_request *out, struct err *e);
void control_request_free(struct control_request *request);

/* A request to all workers: the message for the channel of CONTROL_EXCHANGE. Replies to one with a ticket come to the list TICKET.reply.celery.pidbox, when that
 * is bound so to CONTROL_REPLIES; `ticket` NULL: none is wanted. */
void control_request_write(const char *method, const struct js *arguments, const char *ticket, struct text *out);

/* Is it meant for this worker, and not over? Patterns other than "glob" are not understood: such a request is not for us. */
bool control_is_for(const struct control_request *request, const char *hostname, usec_t now);

/* The reply, to be pushed to control_reply_key(). `answer` is what the command answered. */
void control_reply_write(const struct control_request *request, const char *hostname, const struct js *answer, int64_t clock, struct text *out);
void control_reply_key(const struct control_request *request, struct text *out);

/* What commands answer ---------------------------------------------------------------------------------------------------- */

struct js *control_ok(const char *text);
struct js *control_refusal(const char *text);                 /* {"error": "…"} */
struct js *control_error(const char *kind, const char *text); /* {"error": "KeyError('…')"}, as Python shows an exception */

/* A task that somebody has and that has not ended. */
struct control_task {
    const char *id, *name;
    const char *args, *kwargs; /* JSON */
    const char *hostname;
    usec_t started_at;         /* 0: not yet */
    usec_t eta_at;             /* 0: none */
    bool acknowledged;
    const char *queue;
    int priority;
    int64_t pid;               /* of the process that runs it; 0: none */
};

struct js *control_task(const struct control_task *task);
struct js *control_scheduled(const struct control_task *task);

/* One that a worker consumes from. */
struct js *control_queue(const char *name);

struct control_stats {
    const struct js *total; /* {name: how many were taken} */
    int64_t pid, clock, uptime_s, pool, prefetch;
    const int64_t *children; /* their pids */
    size_t child_count;
    const char *broker_host, *broker_path, *broker_db;
    int broker_port;
};

struct js *control_stats(const struct control_stats *stats);
