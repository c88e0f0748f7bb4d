#pragma once
/* What the courier's duties for queues with protocol: celery share. Each message goes through three of them:
 *
 *     courier_celery.c         claims it, and takes it over as a task (drumbeat.celery_take)
 *     courier_celery_hold.c    says that it is still held, while its task waits and runs; puts back what a crash left between the two
 *     courier_celery_news.c    tells the result backend what becomes of the task, and acknowledges it at the end
 *
 * They know of each other through rows alone (drumbeat.celery_message, celery_news): any of them may be done by another courier, twice, or
 * after a crash between any two steps. */
#include "common/celery/keys.h"
#include "worker/courier_inside.h"

enum { CELERY_QUEUES_MAX = 64 };

struct celery_queues {
    struct celery_keys keys;
    size_t count;
    const char *names[CELERY_QUEUES_MAX];
    struct text unacked, unacked_index; /* keys */
};

/* The queues of this worker that speak Celery's protocol. */
bool celery_queues_make(const struct config *config, struct celery_queues *queues, struct err *e);
void celery_queues_free(struct celery_queues *queues);

/* Does this worker take messages from the queue at this place now? It was not asked to stop. */
bool courier_consumes(const struct courier *c, size_t queue);

/* Is there any? For duties' `wanted`. */
bool celery_wanted(const struct config *config);
