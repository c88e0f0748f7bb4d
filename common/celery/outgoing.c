/* outgoing: from a row to a message. */
#include "common/celery/outgoing.h"

#include "common/base/json_build.h"
#include "common/base/limits.h"

#include <string.h>

/* Whether the arguments are positional ones with keyword arguments, as celery_message_arguments() writes them. */
static bool is_pair(const struct js *args)
{
    size_t known = (js_type(js_get(args, "args")) == JS_ARRAY) + (js_type(js_get(args, "kwargs")) == JS_OBJECT);
    return js_type(js_get(args, "args")) == JS_ARRAY && js_count(args) == known;
}

static const char *kept(struct region *r, const struct js *node)
{
    struct text t CLEANUP(text_free) = {0};
    if (js_is_null(node))
        return NULL;
    js_write(&t, node);
    return region_strndup(r, text_str(&t), t.len);
}

static void set_time_limits(const struct js *limits, struct celery_message *m)
{
    struct text json CLEANUP(text_free) = {0};
    struct err e;
    struct limits wanted;
    if (js_type(limits) != JS_OBJECT)
        return;
    for (const struct limit *l = limits_all; l->name; l++)
        memcpy((char *)&wanted + l->offset, &(int64_t){INT64_MAX}, sizeof(int64_t));
    js_write(&json, limits);
    if (!limits_tighten(&wanted, text_str(&json), &e))
        return;
    m->hard = wanted.hard == INT64_MAX ? 0 : wanted.hard;
    m->soft = wanted.soft == INT64_MAX || wanted.soft == wanted.hard ? 0 : wanted.soft;
}

static void set_text(struct js *object, const char *key, const char *value)
{
    if (value && js_is_null(js_get(object, key)))
        js_set(object, key, js_new_text(value));
}

static bool set_headers(const struct celery_outgoing *row, struct region *r, struct celery_message *m, struct err *e)
{
    struct js *given CLEANUP(js_freep) = row->headers ? js_parse(row->headers, strlen(row->headers), e) : js_new_object();
    if (!given)
        return false;
    struct js *headers CLEANUP(js_freep) = js_copy(given);
    set_time_limits(js_get(headers, "limits"), m);
    js_remove(headers, "limits");
    set_text(headers, "tenant", row->tenant);
    set_text(headers, "periodic_task_name", row->schedule);
    m->headers = kept(r, headers);
    return true;
}

static bool write_with(struct region *r, const struct celery_outgoing *row, struct text *out, struct err *e)
{
    struct celery_message m = {
        .protocol = 2,
        .id = row->id,
        .task = row->task,
        .root_id = row->parent_id ? row->parent_id : row->id,
        .parent_id = row->parent_id,
        .group_index = -1,
        .expires_at = row->expires_at,
        .priority = row->priority,
        .origin = "drumbeat",
        .delivery_tag = row->id,
        .routing_key = row->queue,
    };
    struct js *args CLEANUP(js_freep) = js_parse(row->args, strlen(row->args), e);
    if (!args)
        return false;
    m.args = is_pair(args) ? kept(r, js_get(args, "args")) : NULL;
    m.kwargs = is_pair(args) ? kept(r, js_get(args, "kwargs")) : row->args;
    return set_headers(row, r, &m, e) && celery_message_write(&m, out, e);
}

bool celery_outgoing_write(const struct celery_outgoing *row, struct text *out, struct err *e)
{
    struct region *r = region_new();
    bool good = write_with(r, row, out, e);
    region_free(r);
    return good || err_add(e, "task %s for queue %s of Celery", row->id, row->queue);
}
