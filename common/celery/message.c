/* message: the envelope's parts are read in turn: how it came (properties), what it is (headers, or for protocol 1 the body), what it
 * is called with (body). A text of headers is a row of `header_texts`. */
#include "common/celery/message.h"

#include "common/base/base64.h"
#include "common/celery/plain.h"
#include "common/celery/unpack.h"

#include <string.h>

enum { TIME_LIMIT_MAX = 366 * 86400 }; /* seconds */

struct reading {
    struct region *region;
    struct celery_message *out;
    struct err *e;
};

/* An object of the message and what it is called in a complaint. */
struct part {
    const char *name;
    const struct js *node;
};

static bool refuse_type(struct reading *r, struct part part, const char *key, const char *wanted)
{
    const struct js *member = js_get(part.node, key);
    return js_is_null(member)
               ? err_set(r->e, ERR_DATA, "%s.%s is missing", part.name, key)
               : err_set(r->e, ERR_DATA, "%s.%s is %s, not %s", part.name, key, js_type_name(js_type(member)), wanted);
}

static bool open_part(struct reading *r, struct part outer, const char *key, const char *name, struct part *part)
{
    *part = (struct part){.name = name, .node = js_get(outer.node, key)};
    if (js_type(part->node) == JS_OBJECT)
        return true;
    return js_is_null(part->node) ? err_set(r->e, ERR_DATA, "%s is missing", name)
                                  : err_set(r->e, ERR_DATA, "%s is %s, not an object", name, js_type_name(js_type(part->node)));
}

enum need { OPTIONAL, MAY_BE_EMPTY, NEEDED, SHOWN }; /* SHOWN: only people read it; it is cut, not refused */

static bool read_text(struct reading *r, struct part part, const char *key, enum need need, const char **out)
{
    const struct js *member = js_get(part.node, key);
    const char *s = plain_text(member);
    if (!s)
        return (js_is_null(member) && (need == OPTIONAL || need == SHOWN)) || refuse_type(r, part, key, "a string");
    if (!*s && need == NEEDED)
        return err_set(r->e, ERR_DATA, "%s.%s is empty", part.name, key);
    if (strlen(s) > CELERY_NAME_MAX && need != SHOWN)
        return err_set(r->e, ERR_LIMIT, "%s.%s is longer than %d bytes", part.name, key, CELERY_NAME_MAX);
    struct text copy CLEANUP(text_free) = {.max = CELERY_REPR_MAX};
    text_utf8(&copy, s, strlen(s));
    *out = region_strndup(r->region, text_str(&copy), copy.len);
    return true;
}

static bool read_count(struct reading *r, struct part part, const char *key, int64_t max, int64_t *out)
{
    const struct js *member = js_get(part.node, key);
    int64_t value;
    if (js_is_null(member))
        return true;
    if (!js_integer(member, &value))
        return refuse_type(r, part, key, "a whole number");
    if (value < 0 || value > max)
        return err_set(r->e, ERR_DATA, "%s.%s is %lld, not 0 to %lld", part.name, key, (long long)value, (long long)max);
    *out = value;
    return true;
}

static bool read_time(struct reading *r, struct part part, const char *key, usec_t *out)
{
    const struct js *member = js_get(part.node, key);
    if (js_is_null(member))
        return true;
    if (!plain_text(member))
        return refuse_type(r, part, key, "a time");
    return celery_time_parse(plain_text(member), out, r->e) || err_add(r->e, "%s.%s", part.name, key);
}

/* Keep a member as plain JSON; null and absent are NULL. */
static bool read_json(struct reading *r, struct part part, const char *key, enum js_type type, const char **out)
{
    const struct js *member = js_get(part.node, key);
    struct text json CLEANUP(text_free) = {0};
    if (js_is_null(member))
        return true;
    if (js_type(member) != type)
        return refuse_type(r, part, key, js_type_name(type));
    if (!plain_write(&json, member, r->e))
        return err_add(r->e, "%s.%s", part.name, key);
    *out = region_strndup(r->region, text_str(&json), json.len);
    return true;
}

static bool read_seconds(struct reading *r, struct part part, const struct js *member, usec_t *out)
{
    double seconds;
    if (js_is_null(member))
        return true;
    if (!js_number(member, &seconds) || !(seconds >= 0 && seconds <= TIME_LIMIT_MAX))
        return err_set(r->e, ERR_DATA, "%s.timelimit is not two numbers of seconds", part.name);
    *out = (usec_t)(seconds * SECONDS(1));
    return true;
}

static bool read_time_limits(struct reading *r, struct part part)
{
    const struct js *limits = js_get(part.node, "timelimit");
    if (js_is_null(limits))
        return true;
    if (js_type(limits) != JS_ARRAY || js_count(limits) != 2)
        return err_set(r->e, ERR_DATA, "%s.timelimit is not two numbers of seconds", part.name);
    return read_seconds(r, part, js_at(limits, 0), &r->out->hard) && read_seconds(r, part, js_at(limits, 1), &r->out->soft);
}

/* What both protocols say in the same words, of headers or of the body. */
static bool read_course(struct reading *r, struct part part)
{
    struct celery_message *m = r->out;
    return read_text(r, part, "task", NEEDED, &m->task) && read_text(r, part, "id", NEEDED, &m->id) &&
           read_count(r, part, "retries", CELERY_RETRIES_MAX, &m->retries) && read_time(r, part, "eta", &m->eta_at) &&
           read_time(r, part, "expires", &m->expires_at) && read_time_limits(r, part);
}

static bool read_arguments(struct reading *r, struct part part)
{
    struct celery_message *m = r->out;
    m->args = "[]";
    m->kwargs = "{}";
    return read_json(r, part, "args", JS_ARRAY, &m->args) && read_json(r, part, "kwargs", JS_OBJECT, &m->kwargs);
}

static bool read_links(struct reading *r, struct part part)
{
    struct celery_message *m = r->out;
    return read_json(r, part, "callbacks", JS_ARRAY, &m->callbacks) && read_json(r, part, "errbacks", JS_ARRAY, &m->errbacks) &&
           read_json(r, part, "chain", JS_ARRAY, &m->chain) && read_json(r, part, "chord", JS_OBJECT, &m->chord);
}

static const struct header_text {
    const char *key;
    size_t offset;
    enum need need;
} header_texts[] = {
    {"root_id", offsetof(struct celery_message, root_id), OPTIONAL},   {"parent_id", offsetof(struct celery_message, parent_id), OPTIONAL},
    {"group", offsetof(struct celery_message, group_id), OPTIONAL},    {"origin", offsetof(struct celery_message, origin), SHOWN},
    {"shadow", offsetof(struct celery_message, shadow), SHOWN},        {"argsrepr", offsetof(struct celery_message, argsrepr), SHOWN},
    {"kwargsrepr", offsetof(struct celery_message, kwargsrepr), SHOWN},
};

static bool read_headers(struct reading *r, struct part headers)
{
    for (size_t i = 0; i < sizeof header_texts / sizeof *header_texts; i++) {
        const char **at = (const char **)(void *)((char *)r->out + header_texts[i].offset);
        if (!read_text(r, headers, header_texts[i].key, header_texts[i].need, at))
            return false;
    }
    const struct js *ignore = js_get(headers.node, "ignore_result");
    if (!js_is_null(ignore) && !js_bool(ignore, &r->out->ignore_result))
        return refuse_type(r, headers, "ignore_result", "true or false");
    return read_course(r, headers) && read_count(r, headers, "group_index", INT32_MAX, &r->out->group_index);
}

/* Protocol 2: [args, kwargs, embed]. */
static bool read_body_2(struct reading *r, const struct js *body)
{
    struct celery_message *m = r->out;
    if (js_type(body) != JS_ARRAY || js_count(body) != 3)
        return err_set(r->e, ERR_DATA, "the body is not an array of arguments, keyword arguments and the rest");
    if (js_type(js_at(body, 0)) != JS_ARRAY || js_type(js_at(body, 1)) != JS_OBJECT)
        return err_set(r->e, ERR_DATA, "the arguments of the body are not an array and an object");
    struct text args CLEANUP(text_free) = {0}, kwargs CLEANUP(text_free) = {0};
    if (!plain_write(&args, js_at(body, 0), r->e) || !plain_write(&kwargs, js_at(body, 1), r->e))
        return err_add(r->e, "the arguments of the body");
    m->args = region_strndup(r->region, text_str(&args), args.len);
    m->kwargs = region_strndup(r->region, text_str(&kwargs), kwargs.len);
    if (js_is_null(js_at(body, 2)))
        return true;
    struct part embed = {.name = "the body's third member", .node = js_at(body, 2)};
    return (js_type(embed.node) == JS_OBJECT || err_set(r->e, ERR_DATA, "%s is not an object", embed.name)) && read_links(r, embed);
}

/* Protocol 1: one object that says everything. */
static bool read_body_1(struct reading *r, const struct js *body)
{
    struct part part = {.name = "body", .node = body};
    r->out->protocol = 1;
    if (js_type(body) != JS_OBJECT)
        return err_set(r->e, ERR_DATA, "headers.task is missing, and the body is %s, not a task of protocol 1",
                       js_type_name(js_type(body)));
    return read_course(r, part) && read_arguments(r, part) && read_links(r, part) &&
           read_text(r, part, "taskset", OPTIONAL, &r->out->group_id);
}

/* The body's text: as it stands, or out of base64, and then out of its packing. */
static bool decode_body(struct reading *r, struct part envelope, struct part headers, struct part properties, struct text *out)
{
    const char *encoding = js_text(js_get(properties.node, "body_encoding"));
    const char *packing = js_text(js_get(headers.node, "compression"));
    const char *body = js_text(js_get(envelope.node, "body"));
    struct text raw CLEANUP(text_free) = {0};
    if (!body)
        return refuse_type(r, envelope, "body", "a string");
    if (encoding && strcmp(encoding, "base64") != 0)
        return err_set(r->e, ERR_DATA, "properties.body_encoding is '%.60s', not base64", encoding);
    if (!encoding)
        text_puts(&raw, body);
    else if (!base64_read(&raw, body, strlen(body), r->e))
        return err_add(r->e, "the body");
    if (packing)
        return unpack(out, packing, text_str(&raw), raw.len, r->e);
    text_add(out, text_str(&raw), raw.len);
    return true;
}

static bool is_json(struct reading *r, struct part envelope)
{
    const char *type = js_text(js_get(envelope.node, "content-type"));
    return !type || strcmp(type, "application/json") == 0 ||
           err_set(r->e, ERR_DATA, "content-type is '%.60s'; only application/json is accepted", type);
}

static bool read_properties(struct reading *r, struct part properties)
{
    struct celery_message *m = r->out;
    struct part info;
    int64_t priority = 0;
    if (!read_text(r, properties, "delivery_tag", NEEDED, &m->delivery_tag) ||
        !open_part(r, properties, "delivery_info", "properties.delivery_info", &info) ||
        !read_text(r, info, "exchange", MAY_BE_EMPTY, &m->exchange) || !read_text(r, info, "routing_key", NEEDED, &m->routing_key) ||
        !read_text(r, properties, "correlation_id", OPTIONAL, &m->correlation_id) ||
        !read_text(r, properties, "reply_to", OPTIONAL, &m->reply_to) || !read_count(r, properties, "priority", INT32_MAX, &priority))
        return false;
    m->priority = priority > CELERY_PRIORITY_MAX ? CELERY_PRIORITY_MAX : (int)priority; /* as kombu takes it */
    return true;
}

static bool read_envelope(struct reading *r, const struct js *document)
{
    struct part envelope = {.name = "message", .node = document}, properties, headers = {.name = "headers"};
    struct text body CLEANUP(text_free) = {.max = CELERY_BODY_MAX};
    if (js_type(document) != JS_OBJECT)
        return err_set(r->e, ERR_DATA, "the message is %s, not an object", js_type_name(js_type(document)));
    if (!open_part(r, envelope, "properties", "properties", &properties) || !read_properties(r, properties))
        return false;
    if (!js_is_null(js_get(document, "headers")) && !open_part(r, envelope, "headers", "headers", &headers))
        return false;
    r->out->headers = "{}";
    if (!read_json(r, envelope, "headers", JS_OBJECT, &r->out->headers) || !is_json(r, envelope) ||
        !decode_body(r, envelope, headers, properties, &body))
        return false;
    struct js *content CLEANUP(js_freep) = js_parse(text_str(&body), body.len, r->e);
    if (!content)
        return err_add(r->e, "the body");
    if (js_is_null(js_get(headers.node, "task")))
        return read_body_1(r, content);
    return read_headers(r, headers) && read_body_2(r, content);
}

bool celery_message_read(const char *envelope, size_t len, struct region *region, struct celery_message *out, struct err *e)
{
    struct reading r = {.region = region, .out = out, .e = e};
    *out = (struct celery_message){.protocol = 2, .group_index = -1};
    if (len > CELERY_MESSAGE_MAX)
        return err_set(e, ERR_LIMIT, "the message is longer than %d bytes", CELERY_MESSAGE_MAX);
    struct js *document CLEANUP(js_freep) = js_parse(envelope, len, e);
    if (!document)
        return err_add(e, "the message");
    return read_envelope(&r, document);
}

const char *celery_message_body(const char *envelope, size_t len, struct region *region)
{
    struct err e;
    struct reading r = {.region = region, .e = &e};
    struct text body CLEANUP(text_free) = {.max = CELERY_BODY_MAX};
    struct js *document CLEANUP(js_freep) = js_parse(envelope, len, &e);
    struct part whole = {.name = "message", .node = document}, headers = {.name = "headers", .node = js_get(document, "headers")},
                properties = {.name = "properties", .node = js_get(document, "properties")};
    bool has = !js_is_null(js_get(headers.node, "task")) && decode_body(&r, whole, headers, properties, &body);
    return has ? region_strndup(region, text_str(&body), body.len) : NULL;
}

void celery_message_arguments(const struct celery_message *m, struct text *out)
{
    if (strcmp(m->args, "[]") == 0)
        text_puts(out, m->kwargs);
    else
        text_printf(out, "{\"args\":%s,\"kwargs\":%s}", m->args, m->kwargs);
}

/* Python's isoformat() leaves out an offset it does not know, and a parser of ISO 8601 takes "+0200" and "+02" too. */
bool celery_time_parse(const char *text, usec_t *at, struct err *e)
{
    char whole[CLOCK_TEXT_MAX];
    size_t len = strlen(text), time = strcspn(text, "Tt "), zone = time + strcspn(text + time, "Zz+-"), offset = len - zone;
    if (len + sizeof "+00:00" > sizeof whole)
        return err_set(e, ERR_DATA, "'%.40s' is not a time", text);
    memcpy(whole, text, len + 1);
    if (offset == 0)
        memcpy(whole + len, "Z", sizeof "Z");
    else if (offset == 3)
        memcpy(whole + len, ":00", sizeof ":00");
    else if (offset == 5 && !strchr(whole + zone, ':'))
        memcpy(whole + zone + 3, (char[]){':', text[zone + 3], text[zone + 4], '\0'}, 4);
    return clock_parse(whole, at, e) || err_set(e, ERR_DATA, "'%s' is not a time", text);
}

const char *celery_time_format(usec_t at, char out[static CLOCK_TEXT_MAX])
{
    clock_format(at, out);
    char *zone = strchr(out, 'Z');
    if (zone)
        memcpy(zone, "+00:00", sizeof "+00:00");
    return out;
}
