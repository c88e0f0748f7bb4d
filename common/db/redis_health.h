#pragma once
/* What a Redis says about itself, and whether queues may be trusted to it. A rule is a row of `complaints` or `warnings`. */
#include "common/db/redis.h"

enum { REDIS_HEALTH_TEXT = 64 };

struct redis_health {
    char version[REDIS_HEALTH_TEXT], policy[REDIS_HEALTH_TEXT], role[REDIS_HEALTH_TEXT];
    int64_t used, most; /* bytes; most 0: no limit */
    int64_t evicted;    /* keys, since it was started */
    bool append_only, cluster;
    bool last_save_good; /* also of the append-only file */
};

/* Asks INFO: no right to CONFIG is needed. */
bool redis_look(struct redis *redis, struct redis_health *health, struct err *e);

/* What makes it unfit for queues: it loses what it was given, or cannot take any more; NULL: nothing. */
const char *redis_health_complaint(const struct redis_health *health);

/* What costs something only in a mishap; `place` counts from 0, NULL: no more. */
const char *redis_health_warning(const struct redis_health *health, size_t place);
