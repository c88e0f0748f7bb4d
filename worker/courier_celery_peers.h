#pragma once
/* Messages that workers of Celery hold. Nobody keeps those fresh: one that runs for longer than the visibility time-out is taken back and
 * runs twice. The courier does, as long as it knows who may hold them to be alive: workers of Celery tell every two seconds (their
 * heartbeat), and say when they leave. What was held when one of them fell silent is left alone from then on: it may have been that one's,
 * and goes back to its queue when its time is over. So does what was held before the courier came, or when nobody tells anything. */
#include "worker/courier_celery.h"

struct celery_peers;

/* Listen to them. NULL: it could not be done. */
struct celery_peers *celery_peers_open(struct courier *c, struct err *e);
void celery_peers_close(struct celery_peers *peers); /* NULL is fine */

/* Hear what they have told, and keep fresh what they hold. */
bool celery_peers_keep_fresh(struct celery_peers *peers, struct courier *c, const struct celery_queues *queues, struct err *e);
