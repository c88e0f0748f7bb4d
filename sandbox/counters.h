#pragma once
/* What was asked for: requests by route and status, how many at once, and the last ones in words. Bounded. */
#include "common/base/text.h"
#include <stdint.h>

enum { COUNTERS_ROUTES_MAX = 64, COUNTERS_STATUSES_MAX = 16, COUNTERS_LAST_MAX = 100, COUNTERS_LINE_MAX = 256 };

struct counters {
    uint64_t total, now, most_at_once;
    struct route_count {
        const char *route;
        uint64_t requests;
        struct {
            int status;
            uint64_t requests;
        } statuses[COUNTERS_STATUSES_MAX];
    } routes[COUNTERS_ROUTES_MAX];
    char last[COUNTERS_LAST_MAX][COUNTERS_LINE_MAX]; /* a ring, the newest at (total - 1) % COUNTERS_LAST_MAX */
};

void counters_reset(struct counters *c); /* what is being answered now stays counted as such */

/* A request came, and was answered for good (or given up). */
void counters_begin(struct counters *c);
void counters_end(struct counters *c);

/* Its route (must stay valid), its answer's status (0: none is given) and the request in words. */
void counters_add(struct counters *c, const char *route, int status, const char *words);

void counters_write(const struct counters *c, struct text *out); /* JSON */
