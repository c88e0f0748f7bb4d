#pragma once
/* A row of drumbeat.task as the message that a worker of Celery is sent. The same row always makes the same text, so that a message can be
 * found in its queue again. */
#include "common/celery/message.h"

struct celery_outgoing {
    const char *id, *task, *queue;
    const char *args; /* JSON object: {"args": [...], "kwargs": {...}} as they are, anything else is kwargs alone */
    int priority;
    usec_t expires_at;
    const char *headers;   /* JSON object or NULL: custom ones go along; of `limits`, soft and hard are time limits */
    const char *parent_id; /* NULL: none, as for the rest */
    const char *tenant;
    const char *schedule;
};

/* Add the envelope. ERR_USAGE, ERR_DATA, ERR_LIMIT: it may not leave. */
bool celery_outgoing_write(const struct celery_outgoing *row, struct text *out, struct err *e);
