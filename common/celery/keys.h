#pragma once
/* What kombu and Celery call their keys and channels in Redis. A queue is one list for each step of priority; its own name is the first. */
#include "common/base/text.h"
#include <stdint.h>

enum { CELERY_STEPS_MAX = 10 };

struct celery_keys {
    const char *prefix;    /* global_keyprefix, "" for none */
    const char *separator;
    int steps[CELERY_STEPS_MAX]; /* rising, the first is 0 */
    size_t step_count;
    int database;
};

/* `steps` "0,3,6,9" as the configuration has checked it. `prefix` and `separator` NULL: none, and kombu's own. */
struct celery_keys celery_keys(const char *prefix, const char *separator, const char *steps, int database);

/* Each adds to `out`. */
void celery_key(const struct celery_keys *keys, const char *name, struct text *out);                /* any key, with the prefix */
void celery_list(const struct celery_keys *keys, const char *queue, size_t step, struct text *out); /* the list of the step at this index */
size_t celery_step(const struct celery_keys *keys, int priority);                                   /* index of the step it is rounded down to */
/* Member of the set `_kombu.binding.<exchange>`. */
void celery_binding(const struct celery_keys *keys, const char *routing_key, const char *queue, struct text *out);
/* Channel of a fan-out exchange: "celery.pidbox", "celeryev/worker.online". */
void celery_channel(const struct celery_keys *keys, const char *name, struct text *out);
/* Ours, beside a queue's own: what was set aside, and the tags of messages that are claimed and not tasks yet. */
void celery_aside(const struct celery_keys *keys, const char *queue, struct text *out);
void celery_taking(const struct celery_keys *keys, const char *queue, struct text *out);
/* The mark of a message that was sent, by its id and place: while it is there Redis remembers. */
void celery_sent_mark(const struct celery_keys *keys, const char *id, int64_t seq, struct text *out);
enum { CELERY_MARK_SECONDS = 86400 }; /* longer than nobody looks */
