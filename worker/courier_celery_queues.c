/* courier_celery_queues: which queues are Celery's, and how their keys are called. */
#include "worker/courier_celery.h"

#include <string.h>

static bool speaks_celery(const struct config *config, const struct config_queue *queue)
{
    return strcmp(queue->protocol, "celery") == 0 && config_serves(config, queue->name);
}

_Static_assert(CELERY_QUEUES_MAX <= 64, "a bit of not_consumed for each");

bool courier_consumes(const struct courier *c, size_t queue)
{
    return !(atomic_load(&c->edition->not_consumed) >> queue & 1);
}

bool celery_wanted(const struct config *config)
{
    for (size_t i = 0; i < config->queue_count; i++)
        if (speaks_celery(config, &config->queues[i]))
            return true;
    return false;
}

bool celery_queues_make(const struct config *config, struct celery_queues *queues, struct err *e)
{
    queues->keys = celery_keys(config->celery.key_prefix, config->celery.separator, config->celery.priority_steps, 0);
    for (size_t i = 0; i < config->queue_count; i++) {
        if (!speaks_celery(config, &config->queues[i]))
            continue;
        if (queues->count == CELERY_QUEUES_MAX)
            return err_set(e, ERR_LIMIT, "more than %d queues speak Celery's protocol", CELERY_QUEUES_MAX);
        queues->names[queues->count++] = config->queues[i].name;
    }
    celery_key(&queues->keys, "unacked", &queues->unacked);
    celery_key(&queues->keys, "unacked_index", &queues->unacked_index);
    return true;
}

void celery_queues_free(struct celery_queues *queues)
{
    text_free(&queues->unacked);
    text_free(&queues->unacked_index);
}
