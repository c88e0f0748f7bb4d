/* submit: arguments from wherever they are, checked before they are sent. */
#include "cli/submit.h"
#include "cli/input.h"
#include "common/base/json.h"
#include "common/base/region.h"
#include "common/broker/redis_queue.h"
#include "sql/queries.h"

#include <string.h>

void submission_free(struct submission *s)
{
    text_free(&s->json);
}

static bool read_args(struct submission *s, struct err *e)
{
    const char *args = s->args ? s->args : "{}";
    if (strcmp(args, "-") == 0 || args[0] == '@')
        return input_read(args + (args[0] == '@'), &s->json, e) || err_add(e, "--args");
    text_puts(&s->json, args);
    return true;
}

/* JSON, and an object: the server would say the same later and less clearly. */
static bool check_json(const struct submission *s, struct err *e)
{
    CLEANUP(js_freep) struct js *document = js_parse(text_str(&s->json), s->json.len, e);
    if (!document) {
        e->kind = ERR_USAGE;
        return err_add(e, "--args");
    }
    return js_type(document) == JS_OBJECT ||
           err_set(e, ERR_USAGE, "--args: %s, not an object such as {\"key\": \"value\"}", js_type_name(js_type(document)));
}

/* The handler would refuse them at each of its attempts. */
static bool check_fields(const struct submission *s, const struct handler *handler, struct err *e)
{
    if (!handler->fields)
        return true;
    struct region *memory = region_new();
    bool good = fields_read(handler->fields, text_str(&s->json), region_alloc(memory, handler->args_size), memory, e);
    region_free(memory);
    if (good)
        return true;
    e->kind = ERR_USAGE;
    return err_add(e, "--args of %s", s->name);
}

/* The key that the handler takes from its arguments when the caller gives none; "" for none. Once a worker has told of the
 * handler, the schema does the same. */
static void unique_of(const struct submission *s, const struct handler *handler, struct text *key)
{
    struct err ignored;
    if (s->unique || !handler->unique_by)
        return;
    CLEANUP(js_freep) struct js *document = js_parse(text_str(&s->json), s->json.len, &ignored);
    const struct js *value = js_get(document, handler->unique_by);
    if (js_text(value))
        text_puts(key, js_text(value));
    else if (!js_is_null(value))
        js_write(key, value);
}

/* What no worker has said so far, this program's own configuration says. `known` comes back as "some worker has it". */
static bool ask_worker_defaults(struct session *session, const char *name, bool *known, struct err *e)
{
    struct pg_rows rows;
    *known = false;
    if (pg_exec(session->pg, &sql_handler_row, &rows, e, pg_text(name)))
        *known = rows.count > 0;
    else if (e->kind != ERR_REFUSED) /* a role that may only enqueue cannot see them */
        return false;
    return true;
}

static usec_t run_at(const struct submission *s)
{
    return s->in > 0 ? clock_now() + s->in : s->at;
}

/* Into a queue whose tasks are in Redis alone. */
static bool enqueue_light(struct session *session, const char *queue, const struct new_task *task, struct uuid *id, struct err *e)
{
    struct redis *redis = session_redis(session, e);
    return redis && redis_queue_enqueue(redis, queue, task, 1, id, e);
}

bool submit(struct session *session, struct submission *s, struct uuid *id, bool *known, struct err *e)
{
    CLEANUP(text_free) struct text key = {0};
    bool seen;
    if (s->at && s->in)
        return err_set(e, ERR_USAGE, "give --at or --in, not both");
    if (!read_args(s, e) || !check_json(s, e))
        return false;
    const struct catalog *catalog = session_catalog(session, CATALOG_WITHOUT_APP, e);
    const struct catalog_entry *entry = catalog ? catalog_find(catalog, s->name) : NULL;
    if (!catalog || (entry && !check_fields(s, entry->handler, e)) || !ask_worker_defaults(session, s->name, &seen, e))
        return false;
    if (entry && !seen)
        unique_of(s, entry->handler, &key);
    struct new_task task = {
        .name = s->name,
        .args = text_str(&s->json),
        .queue = s->queue ? s->queue : entry && !seen ? entry->queue : NULL,
        .priority = (int)s->priority,
        .run_at = run_at(s),
        .expires_at = s->expires,
        .max_attempts = s->max_attempts ? (int)s->max_attempts : entry && !seen ? entry->max_attempts : 0,
        .unique_key = s->unique ? s->unique : key.len > 0 ? text_str(&key) : NULL,
        .unique_mode = s->unique_mode,
        .unique_until = s->unique_until,
        .unique_window = s->unique_window,
        .idempotency_key = s->idempotency_key,
        .tenant = s->tenant,
        .limit_key = s->limit_key,
    };
    if (known)
        *known = entry || seen;
    const char *queue = s->queue ? s->queue : entry ? entry->queue : "default";
    return config_queue_is_light(config_queue(session->config, queue)) ? enqueue_light(session, queue, &task, id, e)
                                                                       : task_enqueue(session->pg, &task, id, e);
}
