/* redis: the check of the Redis that is configured (common/db/redis_health.h has the rules). */
#include "common/db/redis_health.h"
#include "cli/doctor/doctor.h"

#include <inttypes.h>
#include <string.h>

static bool is_needed(const struct config *config)
{
    for (size_t i = 0; i < config->queue_count; i++)
        if (strcmp(config->queues[i].broker, "redis") == 0)
            return true;
    return false;
}

/* Anybody who reaches it may do anything with it. */
static bool is_open(const char *url)
{
    return strchr(url, '@') == NULL && strncmp(url, "unix://", strlen("unix://")) != 0 && strncmp(url, "redis+socket://", strlen("redis+socket://")) != 0;
}

static void judge(const struct redis_health *health, const char *url, struct finding *f)
{
    const char *complaint = redis_health_complaint(health), *warning = redis_health_warning(health, 0);
    if (complaint) {
        found(f, VERDICT_FAIL, "Redis %s: %s", health->version, complaint);
        mend(f, "queues need a master of version 7 with maxmemory-policy noeviction");
    } else if (warning) {
        found(f, VERDICT_WARN, "Redis %s: %s", health->version, warning);
        mend(f, "of queues with rows: full nothing is lost by it; of those with rows: failures the waiting tasks are");
    } else if (is_open(url)) {
        found(f, VERDICT_WARN, "Redis %s: it asks nobody for a password", health->version);
        mend(f, "use a unix socket, or a user of its own with the rights that docs/redis.md lists");
    } else {
        found(f, VERDICT_OK, "Redis %s, %s, %" PRId64 " MiB used", health->version, health->policy, health->used >> 20);
    }
}

void check_redis(struct doctor *d, struct finding *f)
{
    struct err e;
    struct redis_health health;
    const char *url = d->session.config->redis.url;
    if (!url && !is_needed(d->session.config))
        return;
    if (!url) {
        found(f, VERDICT_FAIL, "none is configured, and queues with broker: redis need it");
        mend(f, "set REDIS_URL");
        return;
    }
    struct redis *redis = session_redis(&d->session, &e);
    if (redis && redis_look(redis, &health, &e)) {
        judge(&health, url, f);
        return;
    }
    found(f, VERDICT_FAIL, "%s", e.text);
    mend(f, "start it or correct REDIS_URL");
}
