#pragma once
/* The sandbox as one thing: its upstreams, its quirks, its counters, and how a request is answered. Calls may come from
 * several threads; everything behind them runs one at a time. */
#include "sandbox/counters.h"
#include "sandbox/http.h"
#include "sandbox/quirks.h"
#include <pthread.h>

enum { SANDBOX_UPSTREAMS_MAX = 8 };

struct sandbox {
    pthread_mutex_t lock;
    const char *user, *password;
    struct quirks quirks, quirks_at_start;
    struct counters counters;
    struct upstream upstreams[SANDBOX_UPSTREAMS_MAX];
    size_t upstreams_count;
};

/* Fill `a`. The caller waits a->wait and delivers, then calls sandbox_done(), once for each call of this. */
void sandbox_answer(struct sandbox *s, struct request *r, struct answer *a);
void sandbox_done(struct sandbox *s);

/* The routes below "/_sandbox", for whoever drives a test; state is the sandbox. No quirk touches them. */
extern const struct route admin_routes[];
