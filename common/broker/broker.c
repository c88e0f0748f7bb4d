/* broker: what all drivers share. */
#include "common/broker/broker.h"
#include "common/broker/driver.h"

#include <stdlib.h>

struct broker *broker_open(const struct broker_driver *driver, const struct broker_options *options)
{
    struct broker *b = mem_zero(1, sizeof *b);
    b->driver = driver;
    b->options = *options;
    b->region = region_new();
    b->calls = mem_zero(SETTLE_CALLS_MAX + DRIVER_CALLS_MAX, sizeof *b->calls);
    b->answers = mem_zero(SETTLE_CALLS_MAX + DRIVER_CALLS_MAX, sizeof *b->answers);
    if (options->queue_count > 0)
        b->redis = redis_side_new();
    return b;
}

void broker_close(struct broker *b)
{
    if (!b)
        return;
    region_free(b->region);
    redis_side_free(b->redis);
    free(b->calls);
    free(b->answers);
    free(b);
}

void broker_use(struct broker *b, struct pg *pg)
{
    b->options.pg = pg;
}

bool broker_turn(struct broker *b, const struct settlement *settle, size_t wanted, struct claims *out, struct err *e)
{
    out->count = 0;
    out->fence = 0;
    out->last = false;
    return b->driver->turn(b, settle, wanted, out, e);
}

bool broker_give_back(struct broker *b, int *count, struct err *e)
{
    return b->driver->give_back(b, count, e);
}

bool broker_keep_one(struct broker *b, int64_t fence, int place, usec_t started_at, struct err *e)
{
    return b->driver->keep_one(b, fence, place, started_at, e);
}

const struct broker_driver *broker_driver(const struct broker *b)
{
    return b->driver;
}
