/* message_write: what we send. Everything that makes a stock worker end, or drop a message, is refused here: an id, a name, a tag and a
 * routing key that are not there, arguments that are not an array and an object, and a text that is not UTF-8. */
#include "common/base/base64.h"
#include "common/base/uuid.h"
#include "common/celery/message.h"
#include "common/celery/plain.h"

#include <string.h>

/* Whether a text may be written: there when it is needed, short, printable. */
static bool check_text(const char *what, const char *s, bool needed, struct err *e)
{
    if (!s)
        return !needed || err_set(e, ERR_USAGE, "a Celery message without %s cannot be sent", what);
    if (needed && !*s)
        return err_set(e, ERR_USAGE, "a Celery message with an empty %s cannot be sent", what);
    struct text clean CLEANUP(text_free) = {0};
    text_utf8(&clean, s, strlen(s));
    if (strlen(s) > CELERY_NAME_MAX || strcmp(text_str(&clean), s) != 0)
        return err_set(e, ERR_USAGE, "the %s of a Celery message is not text of at most %d bytes", what, CELERY_NAME_MAX);
    return true;
}

/* A member that is JSON: parsed, of the right type, and written again in plain form; NULL is `fallback`. */
static bool write_json(struct text *out, const char *what, const char *json, enum js_type type, const char *fallback, struct err *e)
{
    if (!json) {
        text_puts(out, fallback);
        return true;
    }
    struct js *document CLEANUP(js_freep) = js_parse(json, strlen(json), e);
    if (!document)
        return err_add(e, "%s of a Celery message", what);
    if (js_type(document) != type)
        return err_set(e, ERR_USAGE, "%s of a Celery message is %s, not %s", what, js_type_name(js_type(document)), js_type_name(type));
    return plain_write(out, document, e) || err_add(e, "%s of a Celery message", what);
}

/* What the body and, for people, the headers have: plain JSON. */
struct arguments {
    struct text args, kwargs;
};

static void arguments_free(struct arguments *a)
{
    text_free(&a->args);
    text_free(&a->kwargs);
}

static bool write_body(const struct celery_message *m, const struct arguments *a, struct text *out, struct err *e)
{
    text_printf(out, "[%s,%s,{\"callbacks\":", text_str(&a->args), text_str(&a->kwargs));
    if (!write_json(out, "callbacks", m->callbacks, JS_ARRAY, "null", e))
        return false;
    text_puts(out, ",\"errbacks\":");
    if (!write_json(out, "errbacks", m->errbacks, JS_ARRAY, "null", e))
        return false;
    text_puts(out, ",\"chain\":");
    if (!write_json(out, "chain", m->chain, JS_ARRAY, "null", e))
        return false;
    text_puts(out, ",\"chord\":");
    if (!write_json(out, "chord", m->chord, JS_OBJECT, "null", e))
        return false;
    text_puts(out, "}]");
    return out->len <= CELERY_BODY_MAX / 2 || err_set(e, ERR_LIMIT, "the arguments of a Celery message are longer than %d bytes", CELERY_BODY_MAX / 2);
}

static void write_text(struct text *out, const char *key, const char *value)
{
    text_printf(out, ",\"%s\":", key);
    text_json_text(out, value);
}

static void write_time(struct text *out, const char *key, usec_t at)
{
    char iso[CLOCK_TEXT_MAX];
    write_text(out, key, at ? celery_time_format(at, iso) : NULL);
}

static void write_seconds(struct text *out, usec_t limit)
{
    if (limit)
        text_printf(out, "%.6g", (double)limit / SECONDS(1));
    else
        text_puts(out, "null");
}

/* As people read it: cut at a character. */
static void write_shown(struct text *out, const char *key, const char *value, const char *fallback)
{
    struct text cut CLEANUP(text_free) = {.max = CELERY_REPR_MAX};
    const char *s = value ? value : fallback;
    text_utf8(&cut, s, strlen(s));
    write_text(out, key, text_str(&cut));
}

static const char *const own_headers[] = {"lang",      "task",   "id",     "root_id",       "parent_id", "group",     "group_index",
                                          "eta",       "expires", "retries", "timelimit",   "shadow",    "argsrepr",  "kwargsrepr",
                                          "origin",    "ignore_result", "compression"};

/* A header that the fields of the message do not set: custom ones, stamps. */
static bool write_custom(void *data, const char *key, const struct js *value)
{
    struct text *out = data;
    struct err e;
    for (size_t i = 0; i < sizeof own_headers / sizeof *own_headers; i++) {
        if (strcmp(own_headers[i], key) == 0)
            return true;
    }
    struct text plain CLEANUP(text_free) = {0};
    if (!plain_write(&plain, value, &e))
        return true; /* a typed value that is none says nothing to anybody */
    text_putc(out, ',');
    text_json_string(out, key, strlen(key));
    text_putc(out, ':');
    text_add(out, text_str(&plain), plain.len);
    return true;
}

static bool write_headers(const struct celery_message *m, const struct arguments *a, struct text *out, struct err *e)
{
    text_puts(out, "{\"lang\":\"c\"");
    write_text(out, "task", m->task);
    write_text(out, "id", m->id);
    write_text(out, "root_id", m->root_id ? m->root_id : m->id);
    write_text(out, "parent_id", m->parent_id);
    write_text(out, "group", m->group_id);
    if (m->group_index >= 0 && m->group_id)
        text_printf(out, ",\"group_index\":%lld", (long long)m->group_index);
    else
        text_puts(out, ",\"group_index\":null");
    write_time(out, "eta", m->eta_at);
    write_time(out, "expires", m->expires_at);
    text_printf(out, ",\"retries\":%lld,\"timelimit\":[", (long long)m->retries);
    write_seconds(out, m->hard);
    text_putc(out, ',');
    write_seconds(out, m->soft);
    text_putc(out, ']');
    write_text(out, "shadow", m->shadow);
    write_shown(out, "argsrepr", m->argsrepr, text_str(&a->args));
    write_shown(out, "kwargsrepr", m->kwargsrepr, text_str(&a->kwargs));
    write_shown(out, "origin", m->origin, "drumbeat");
    text_printf(out, ",\"ignore_result\":%s", m->ignore_result ? "true" : "false");
    if (m->headers) {
        struct js *custom CLEANUP(js_freep) = js_parse(m->headers, strlen(m->headers), e);
        if (!custom || js_type(custom) != JS_OBJECT)
            return custom ? err_set(e, ERR_USAGE, "the headers of a Celery message are not an object") : err_add(e, "the headers of a Celery message");
        js_each(custom, write_custom, out);
    }
    text_putc(out, '}');
    return true;
}

static bool check(const struct celery_message *m, struct err *e)
{
    if (!check_text("id", m->id, true, e) || !check_text("task name", m->task, true, e) ||
        !check_text("routing key", m->routing_key, true, e) || !check_text("exchange", m->exchange, false, e) ||
        !check_text("root id", m->root_id, false, e) || !check_text("parent id", m->parent_id, false, e) ||
        !check_text("group id", m->group_id, false, e) || !check_text("correlation id", m->correlation_id, false, e) ||
        !check_text("reply_to", m->reply_to, false, e) || !check_text("shadow name", m->shadow, false, e) ||
        (m->delivery_tag && !check_text("delivery tag", m->delivery_tag, true, e)))
        return false;
    if (m->priority < 0 || m->priority > CELERY_PRIORITY_MAX)
        return err_set(e, ERR_USAGE, "the priority of a Celery message is %d, not 0 to %d", m->priority, CELERY_PRIORITY_MAX);
    if (m->retries < 0 || m->eta_at < 0 || m->expires_at < 0 || m->soft < 0 || m->hard < 0)
        return err_set(e, ERR_USAGE, "a number or a time of a Celery message is below 0");
    return true;
}

bool celery_message_write(const struct celery_message *m, struct text *out, struct err *e)
{
    struct text body CLEANUP(text_free) = {0}, headers CLEANUP(text_free) = {0};
    struct arguments a CLEANUP(arguments_free) = {0};
    char tag[UUID_TEXT_MAX];
    if (!check(m, e) || !write_json(&a.args, "args", m->args, JS_ARRAY, "[]", e) ||
        !write_json(&a.kwargs, "kwargs", m->kwargs, JS_OBJECT, "{}", e) || !write_body(m, &a, &body, e) || !write_headers(m, &a, &headers, e))
        return false;
    text_puts(out, "{\"body\":\"");
    base64_write(out, text_str(&body), body.len);
    text_puts(out, "\",\"content-encoding\":\"utf-8\",\"content-type\":\"application/json\",\"headers\":");
    text_add(out, text_str(&headers), headers.len);
    text_puts(out, ",\"properties\":{\"delivery_mode\":2,\"body_encoding\":\"base64\"");
    write_text(out, "correlation_id", m->correlation_id ? m->correlation_id : m->id);
    write_text(out, "reply_to", m->reply_to ? m->reply_to : m->id);
    text_puts(out, ",\"delivery_info\":{\"exchange\":");
    text_json_string(out, m->exchange ? m->exchange : "", m->exchange ? strlen(m->exchange) : 0);
    write_text(out, "routing_key", m->routing_key);
    text_printf(out, "},\"priority\":%d", m->priority);
    write_text(out, "delivery_tag", m->delivery_tag ? m->delivery_tag : uuid_format(uuid_v7(), tag));
    text_puts(out, "}}");
    return true;
}
