#pragma once
/* What the drivers in this folder know of each other. */
#include "common/broker/broker.h"

enum { DRIVER_CALLS_MAX = 3 }; /* that a driver sends beside those that settle */

struct redis_side;

struct broker {
    const struct broker_driver *driver;
    struct broker_options options;
    struct region *region; /* of the last claim */
    struct pg_call *calls;
    struct pg_rows *answers;
    struct redis_side *redis; /* of the driver `redis`; else NULL */
    uint32_t turn; /* which queue goes first among those of equal rank */
};

/* redis.c */
struct redis_side *redis_side_new(void);
void redis_side_free(struct redis_side *side); /* NULL is fine */
