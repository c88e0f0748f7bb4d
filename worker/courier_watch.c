/* courier_watch: is this a Redis that keeps what it is given, and does it answer? Looked at whenever it is new, and now and then. What an
 * evicting server loses of queues with `rows: full` is put there again from PostgreSQL; of the others it is gone, so those are not
 * served from it (redis_health.h has the rules). */
#include "common/db/redis_health.h"
#include "worker/courier_inside.h"

#include <stdio.h>
#include <string.h>

static const usec_t look_every = SECONDS(30);

struct watch {
    char told[ERR_TEXT_MAX]; /* what was complained about last */
};

static bool run(struct courier *c, void *data, struct duty_turn *turn, struct err *e)
{
    struct watch *watch = data;
    struct redis_health health;
    if (!redis_look(c->redis, &health, e))
        return false;
    turn->next_at = clock_boot() + look_every;
    const char *complaint = redis_health_complaint(&health);
    if (complaint && strcmp(watch->told, complaint) != 0)
        log_warning("redis.unfit", LOG_STR("why", complaint));
    snprintf(watch->told, sizeof watch->told, "%s", complaint ? complaint : "");
    return true;
}

const struct duty duty_watch = {.name = "watch", .needs = COURIER_REDIS, .state_size = sizeof(struct watch), .run = run};
