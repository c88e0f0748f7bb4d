/* event: events of workers and tasks as monitors read them. A new type of task event is a row in `shapes`. */
#include "common/celery/event.h"

#include "common/celery/letter.h"
#include "common/celery/message.h"

#include <stdlib.h>
#include <string.h>

static double seconds(usec_t at)
{
    return (double)at / 1e6;
}

/* The times of this machine are UTC wherever it stands. */
static struct js *new_event(struct event_source *from, const char *type, usec_t at)
{
    struct js *event = js_new_object();
    js_set(event, "hostname", js_new_text(from->hostname));
    js_set(event, "utcoffset", js_new_integer(0));
    js_set(event, "pid", js_new_integer(from->pid));
    js_set(event, "clock", js_new_integer(++from->clock));
    js_set(event, "timestamp", js_new_real(seconds(at)));
    js_set(event, "type", js_new_text(type));
    return event;
}

static void write_letter(const struct event_source *from, const char *routing_key, const struct js *body, struct text *out)
{
    struct js *headers CLEANUP(js_freep) = js_new_object();
    js_set(headers, "hostname", js_new_text(from->hostname));
    letter_write(&(struct letter){.exchange = "celeryev", .routing_key = routing_key, .delivery_mode = 1, .headers = headers, .body = body}, out);
}

void event_worker(struct event_source *from, const char *type, int64_t active, int64_t processed, struct text *channel, struct text *out)
{
    struct js *event CLEANUP(js_freep) = new_event(from, type, clock_now());
    struct js *load = js_new_array();
    double average[3] = {0};
    const char *dash = strchr(type, '-');
    int known = getloadavg(average, 3);
    for (int i = 0; i < 3; i++)
        js_push(load, js_new_real(i < known ? (double)(int)(average[i] * 100 + 0.5) / 100 : 0));
    js_set(event, "freq", js_new_real(EVENT_HEARTBEAT_S));
    js_set(event, "active", js_new_integer(active));
    js_set(event, "processed", js_new_integer(processed));
    js_set(event, "loadavg", load);
    js_set(event, "sw_ident", js_new_text("drumbeat"));
    js_set(event, "sw_ver", js_new_text(DRUMBEAT_VERSION));
    js_set(event, "sw_sys", js_new_text("Linux"));
    text_printf(channel, "celeryev/%.*s.%s", (int)(dash - type), type, dash + 1);
    write_letter(from, text_str(channel) + strlen("celeryev/"), event, out);
}

/* Tasks ----------------------------------------------------------------------------------------------------------------- */

static struct js *moment_or_null(usec_t at)
{
    char text[CLOCK_TEXT_MAX];
    return at ? js_new_text(celery_time_format(at, text)) : js_new_null();
}

/* Monitors keep every event in memory. */
static struct js *short_text(const char *s)
{
    struct text t CLEANUP(text_free) = {.max = EVENT_REPR_MAX};
    if (!s)
        return js_new_null();
    text_utf8(&t, s, strlen(s));
    return js_new_text(text_str(&t));
}

static void received(struct js *event, const struct event_task *task)
{
    js_set(event, "name", js_new_text(task->name));
    js_set(event, "args", short_text(task->args));
    js_set(event, "kwargs", short_text(task->kwargs));
    js_set(event, "root_id", js_new_text(task->root_id ? task->root_id : task->id));
    js_set(event, "parent_id", js_new_text(task->parent_id));
    js_set(event, "retries", js_new_integer(task->retries));
    js_set(event, "eta", moment_or_null(task->eta_at));
    js_set(event, "expires", moment_or_null(task->expires_at));
}

static void succeeded(struct js *event, const struct event_task *task)
{
    js_set(event, "result", short_text(task->result ? task->result : "None"));
    js_set(event, "runtime", js_new_real(task->runtime_s));
}

static void failed(struct js *event, const struct event_task *task)
{
    js_set(event, "exception", short_text(task->exception));
    js_set(event, "traceback", short_text(task->traceback ? task->traceback : task->exception));
}

static void revoked(struct js *event, const struct event_task *task)
{
    js_set(event, "terminated", js_new_bool(task->terminated));
    js_set(event, "signum", js_new_null());
    js_set(event, "expired", js_new_bool(task->expired));
}

static void nothing_more(struct js *event, const struct event_task *task)
{
    (void)event;
    (void)task;
}

static const struct shape {
    const char *type;
    void (*fill)(struct js *event, const struct event_task *task);
} shapes[] = {
    {"task-received", received}, {"task-succeeded", succeeded}, {"task-failed", failed},          {"task-retried", failed},
    {"task-revoked", revoked},   {"task-started", nothing_more}, {"task-rejected", nothing_more},
};

void event_task(struct event_source *from, const char *type, const struct event_task *task, struct js *events)
{
    struct js *event = new_event(from, type, task->at ? task->at : clock_now());
    js_set(event, "uuid", js_new_text(task->id));
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shapes[i].type, type) == 0)
            shapes[i].fill(event, task);
    js_push(events, event);
}

void event_tasks_write(const struct event_source *from, const struct js *events, struct text *out)
{
    write_letter(from, "task.multi", events, out);
}
