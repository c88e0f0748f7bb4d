#pragma once
/* `drumbeat web`: the operator's edge. It answers GET and HEAD:
 *
 *     /livez, /healthz   this process turns; whether anything else works does not matter
 *     /readyz            tasks get done: a verdict with its reasons
 *     /metrics           Prometheus text format 0.0.4
 *
 * Two threads: one owns the database connection, looks about once a second (look.h) and leaves what it saw in the state
 * below; libmicrohttpd's answers from there. So no request waits for the database, and no scrape reaches it. */
#include "common/base/clock.h"
#include "web/health.h"
#include "web/look.h"
#include <pthread.h>

struct web_options {
    const char *url;    /* the database */
    bool pooled;        /* it goes through a transaction pooler */
    const char *listen; /* ADDRESS:PORT or [ADDRESS]:PORT, numeric; port 0: a free one */
    struct health_rules rules;
    bool (*reread)(struct err *e); /* what SIGHUP asks for: read the configuration, take over its log level. NULL: nothing */
};

/* What both threads know. */
struct web {
    pthread_mutex_t lock;
    struct look look; /* under the lock */
    struct health_rules rules;
    usec_t started_at; /* wall clock */
};

/* Run until SIGTERM, SIGINT or the end of the terminal; answers the exit status: 5 when the database does not answer for 10 s at the start, 2
 * for a bad address, 1 when it is taken. Once up it never ends for an outage. */
int web_main(const struct web_options *options);
