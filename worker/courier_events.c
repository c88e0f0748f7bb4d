/* courier_events: what becomes of tasks, for monitors. Events are put together and published as one message, as a worker of Celery does it. */
#include "common/celery/keys.h"
#include "common/db/redis_url.h"
#include "worker/courier_inside.h"

bool courier_has_listeners(const struct courier *c)
{
    return atomic_load(&c->edition->task_events);
}

void courier_event(struct courier *c, const char *type, const struct event_task *task)
{
    if (!courier_has_listeners(c))
        return;
    if (!c->events)
        c->events = js_new_array();
    event_task(&c->self, type, task, c->events);
}

void courier_drop_events(struct courier *c)
{
    js_free(c->events);
    c->events = NULL;
}

bool courier_tell_events(struct courier *c, struct err *e)
{
    struct text channel CLEANUP(text_free) = {0}, message CLEANUP(text_free) = {0};
    struct redis_url url;
    if (!c->events)
        return true;
    if (!redis_url_parse(c->config->redis.url, &url, e))
        return false;
    struct celery_keys keys = celery_keys(c->config->celery.key_prefix, c->config->celery.separator, c->config->celery.priority_steps, url.number);
    celery_channel(&keys, "celeryev/task.multi", &channel);
    event_tasks_write(&c->self, c->events, &message);
    courier_drop_events(c);
    return redis_call(c->redis, NULL, e, rd_text("PUBLISH"), rd_text(text_str(&channel)), rd_bytes(text_str(&message), message.len)) || err_add(e, "events of tasks");
}
