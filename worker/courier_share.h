#pragma once
/* courier_share: batches of queues that are in Redis alone, when a task in one turns slow (keeper_mind_slow does it for all others). */
#include "worker/courier_inside.h"

/* The slow task of each seat whose batch was shared last. */
struct sharing {
    struct uuid slow[CONFIG_POOL_MAX];
};

/* What has succeeded before a slow task is gone, what lies behind it goes back to its queue for others. */
bool courier_share_batches(struct courier *c, struct sharing *sharing, const char *const *queues, size_t count, struct err *e);

/* When to look again, CLOCK_BOOTTIME; 0: nobody is at work. */
usec_t courier_share_next(const struct courier *c);
