/* letter: what control and events are wrapped in. */
#include "common/celery/letter.h"

#include "common/base/base64.h"
#include "common/base/uuid.h"

#include <string.h>

static struct js *encoded(const struct js *body)
{
    struct text plain CLEANUP(text_free) = {0}, wrapped CLEANUP(text_free) = {0};
    js_write(&plain, body);
    base64_write(&wrapped, text_str(&plain), plain.len);
    return js_new_text(text_str(&wrapped));
}

static struct js *properties(const struct letter *letter)
{
    char tag[UUID_TEXT_MAX];
    struct js *properties = js_new_object(), *info = js_new_object();
    js_set(info, "exchange", js_new_text(letter->exchange));
    js_set(info, "routing_key", js_new_text(letter->routing_key));
    js_set(properties, "delivery_mode", js_new_integer(letter->delivery_mode));
    js_set(properties, "delivery_info", info);
    js_set(properties, "priority", js_new_integer(0));
    js_set(properties, "body_encoding", js_new_text("base64"));
    js_set(properties, "delivery_tag", js_new_text(uuid_format(uuid_v7(), tag)));
    return properties;
}

void letter_write(const struct letter *letter, struct text *out)
{
    struct js *envelope CLEANUP(js_freep) = js_new_object();
    js_set(envelope, "body", encoded(letter->body));
    js_set(envelope, "content-encoding", js_new_text("utf-8"));
    js_set(envelope, "content-type", js_new_text("application/json"));
    js_set(envelope, "headers", letter->headers ? js_copy(letter->headers) : js_new_object());
    js_set(envelope, "properties", properties(letter));
    js_write(out, envelope);
}

static struct js *decoded_body(const struct js *envelope, struct err *e)
{
    const char *body = js_text(js_get(envelope, "body")), *type = js_text(js_get(envelope, "content-type"));
    const char *encoding = js_text(js_get(js_get(envelope, "properties"), "body_encoding"));
    struct text plain CLEANUP(text_free) = {.max = LETTER_MAX};
    if (!body || !type || strcmp(type, "application/json") != 0) {
        err_set(e, ERR_DATA, "content-type is %.100s, not application/json with a body", type ? type : "missing");
        return NULL;
    }
    if (!encoding || strcmp(encoding, "base64") != 0)
        return js_parse(body, strlen(body), e);
    return base64_read(&plain, body, strlen(body), e) ? js_parse(text_str(&plain), plain.len, e) : NULL;
}

struct js *letter_read(const char *text, size_t len, struct err *e)
{
    if (len > LETTER_MAX) {
        err_set(e, ERR_LIMIT, "%zu bytes, more than %d", len, LETTER_MAX);
        return NULL;
    }
    struct js *envelope CLEANUP(js_freep) = js_parse(text, len, e);
    struct js *body = envelope ? decoded_body(envelope, e) : NULL;
    if (!body)
        return NULL;
    struct js *letter = js_new_object();
    js_set(letter, "headers", js_copy(js_get(envelope, "headers")));
    js_set(letter, "body", body);
    return letter;
}
