#pragma once
/* Messages that Redis has lost: a flush, a failover that cut off the last writes, a disk that kept nothing.
 *
 *     sent --its mark is there----------------------> waits, or taken when its list is empty
 *       |---- its mark is gone, but it is found ----> waits, marked again
 *       |---- not found, a worker says it has it ---> taken
 *       `---- nobody has it, no result is there ----> lost: sent again, or run here when it came as a message
 *
 * A mark is written with each message, in one step, so what loses the one loses the other. What is known to be taken is a worker's to
 * finish: it stays what it is, whatever Redis loses later. */
#include "common/celery/keys.h"
#include "worker/courier_inside.h"

struct lost;

struct lost *lost_new(void);
void lost_free(struct lost *lost); /* NULL is fine */

/* Take the next step when it is due. `backend` is where results are. */
bool lost_step(struct lost *lost, struct courier *c, const struct celery_keys *keys, struct redis *backend, struct err *e);

/* When that is. */
usec_t lost_due(const struct lost *lost);

/* Something has been sent just now. */
void lost_sent(struct lost *lost);
