#pragma once
/* What follows a task of Celery's that has ended: callbacks, the rest of its chain, its chord, errbacks. */
#include "common/celery/result.h"
#include "worker/courier_celery.h"

struct canvas_end {
    const struct celery_result *result; /* as it was written to the result backend */
    const char *queue;                  /* it came through; what follows goes there unless its signature, or its handler, names another */
    const char *embed;                  /* drumbeat.celery_message.embed */
};

/* Send it all. Nothing is sent twice, however often this is called for the same end: call it again after a crash, before the message is
 * acknowledged. `backend` is where results are. A canvas that is none is a log line: the task itself has ended as it did. */
bool courier_canvas(struct courier *c, const struct celery_queues *queues, struct redis *backend, const struct canvas_end *end, struct err *e);
