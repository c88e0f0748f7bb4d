/* plain: typed values become their texts; a type is a row. */
#include "common/celery/plain.h"

#include "common/base/uuid.h"

#include <string.h>

static bool write_text(struct text *out, const struct js *value)
{
    const char *s = js_text(value);
    if (s)
        text_json_string(out, s, strlen(s));
    return s;
}

/* {"hex": "…32 digits…"} */
static bool write_uuid(struct text *out, const struct js *value)
{
    const char *hex = js_text(js_get(value, "hex"));
    char id[UUID_TEXT_MAX] = "";
    if (!hex || strlen(hex) != 32)
        return false;
    for (size_t i = 0, o = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            id[o++] = '-';
        id[o++] = hex[i];
    }
    struct uuid parsed;
    if (!uuid_parse(id, &parsed))
        return false;
    text_printf(out, "\"%s\"", uuid_format(parsed, id));
    return true;
}

static const struct typed {
    const char *name;
    bool (*write)(struct text *out, const struct js *value);
} types[] = {
    {"datetime", write_text}, {"date", write_text},  {"time", write_text},   {"decimal", write_text},
    {"uuid", write_uuid},     {"bytes", write_text}, {"base64", write_text},
};

static const struct typed *type_of(const struct js *node)
{
    const char *name = js_text(js_get(node, "__type__"));
    if (!name || !js_get(node, "__value__") || js_count(node) != 2)
        return NULL;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return NULL;
}

const char *plain_text(const struct js *node)
{
    return type_of(node) ? js_text(js_get(node, "__value__")) : js_text(node);
}

struct members {
    struct text *out;
    struct err *e;
    bool first;
};

static bool write_member(void *data, const char *key, const struct js *value)
{
    struct members *m = data;
    if (!m->first)
        text_putc(m->out, ',');
    m->first = false;
    text_json_string(m->out, key, strlen(key));
    text_putc(m->out, ':');
    return plain_write(m->out, value, m->e);
}

static bool write_object(struct text *out, const struct js *node, struct err *e)
{
    const struct typed *typed = type_of(node);
    if (typed)
        return typed->write(out, js_get(node, "__value__")) || err_set(e, ERR_DATA, "a typed value is not a %s", typed->name);
    struct members members = {.out = out, .e = e, .first = true};
    text_putc(out, '{');
    bool good = js_each(node, write_member, &members);
    text_putc(out, '}');
    return good;
}

static bool write_array(struct text *out, const struct js *node, struct err *e)
{
    bool good = true;
    text_putc(out, '[');
    for (size_t i = 0; good && i < js_count(node); i++) {
        if (i > 0)
            text_putc(out, ',');
        good = plain_write(out, js_at(node, i), e);
    }
    text_putc(out, ']');
    return good;
}

bool plain_write(struct text *out, const struct js *node, struct err *e)
{
    if (js_type(node) == JS_OBJECT)
        return write_object(out, node, e);
    if (js_type(node) == JS_ARRAY)
        return write_array(out, node, e);
    js_write(out, node);
    return true;
}
