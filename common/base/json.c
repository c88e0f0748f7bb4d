/* json: a strict reader over jansson. */
#include "common/base/json.h"
#include "common/base/text.h"

#include "common/base/json_quick.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Our nodes are jansson's under another name, never changed after parsing. */
static json_t *node_of(const struct js *node)
{
    union {
        const struct js *ours;
        json_t *theirs;
    } u = {.ours = node};
    return u.theirs;
}

static struct js *from(const json_t *node)
{
    union {
        const json_t *theirs;
        struct js *ours;
    } u = {.theirs = node};
    return u.ours;
}

/* A text for which there is no memory is not a bad text: it ends the process as every allocation does. */
__attribute__((constructor)) static void use_own_memory(void)
{
    json_set_alloc_funcs(mem_alloc, free);
}

/* jansson stops at 2048 levels, which costs more stack than a handler should; ours is counted before it parses. */
static bool too_deep(const char *text, size_t len)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JS_DEPTH_MAX)
                return true;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return false;
}

struct js *js_parse(const char *text, size_t len, struct err *e)
{
    size_t mark = strlen(JS_BYTE_ORDER_MARK);
    if (len >= mark && memcmp(text, JS_BYTE_ORDER_MARK, mark) == 0) {
        text += mark;
        len -= mark;
    }
    json_t *quick = json_quick(text, len, JS_DEPTH_MAX);
    if (quick)
        return from(quick);
    if (too_deep(text, len)) {
        err_set(e, ERR_LIMIT, "JSON is nested more than %d levels deep", JS_DEPTH_MAX);
        return NULL;
    }
    json_error_t why;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    for (char *p = why.text; !root && *p; p++)
        *p = (unsigned char)*p < ' ' ? ' ' : *p; /* it quotes what it did not like: one line all the same */
    if (!root)
        err_set(e, ERR_DATA, "not valid JSON, line %d column %d: %s", why.line, why.column, why.text);
    return from(root);
}

void js_free(struct js *document)
{
    json_decref(node_of(document));
}

void js_freep(struct js **document)
{
    js_free(*document);
}

enum js_type js_type(const struct js *node)
{
    if (!node)
        return JS_ABSENT;
    switch (json_typeof(node_of(node))) {
    case JSON_OBJECT:
        return JS_OBJECT;
    case JSON_ARRAY:
        return JS_ARRAY;
    case JSON_STRING:
        return JS_TEXT;
    case JSON_INTEGER:
        return JS_INTEGER;
    case JSON_REAL:
        return JS_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JS_BOOL;
    case JSON_NULL:
        return JS_NULL;
    }
    return JS_ABSENT;
}

const char *js_type_name(enum js_type type)
{
    static const char *const names[] = {
        [JS_ABSENT] = "nothing",   [JS_NULL] = "null",         [JS_BOOL] = "true or false", [JS_INTEGER] = "a whole number",
        [JS_REAL] = "a number",    [JS_TEXT] = "a string",     [JS_ARRAY] = "an array",     [JS_OBJECT] = "an object",
    };
    return names[type];
}

bool js_is_null(const struct js *node)
{
    return !node || json_is_null(node_of(node));
}

const struct js *js_get(const struct js *object, const char *key)
{
    return object ? from(json_object_get(node_of(object), key)) : NULL;
}

const struct js *js_at(const struct js *array, size_t index)
{
    return array ? from(json_array_get(node_of(array), index)) : NULL;
}

size_t js_count(const struct js *node)
{
    switch (js_type(node)) {
    case JS_ARRAY:
        return json_array_size(node_of(node));
    case JS_OBJECT:
        return json_object_size(node_of(node));
    case JS_ABSENT:
    case JS_NULL:
    case JS_BOOL:
    case JS_INTEGER:
    case JS_REAL:
    case JS_TEXT:
        break;
    }
    return 0;
}

const char *js_text(const struct js *node)
{
    return node ? json_string_value(node_of(node)) : NULL;
}

bool js_integer(const struct js *node, int64_t *value)
{
    if (js_type(node) != JS_INTEGER)
        return false;
    *value = json_integer_value(node_of(node));
    return true;
}

bool js_number(const struct js *node, double *value)
{
    if (js_type(node) != JS_INTEGER && js_type(node) != JS_REAL)
        return false;
    *value = json_number_value(node_of(node));
    return true;
}

bool js_bool(const struct js *node, bool *value)
{
    if (js_type(node) != JS_BOOL)
        return false;
    *value = json_is_true(node_of(node));
    return true;
}

bool js_each(const struct js *object, bool (*each)(void *data, const char *key, const struct js *value), void *data)
{
    const char *key;
    json_t *value;
    if (js_type(object) != JS_OBJECT)
        return true;
    json_object_foreach(node_of(object), key, value)
    {
        if (!each(data, key, from(value)))
            return false;
    }
    return true;
}

/* Of what is no container most is written without jansson's buffer of its own. */
static bool write_simple(struct text *out, const struct js *node)
{
    switch (js_type(node)) {
    case JS_TEXT:
        text_json_string(out, json_string_value(node_of(node)), json_string_length(node_of(node)));
        return true;
    case JS_INTEGER:
        text_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(node_of(node)));
        return true;
    case JS_BOOL:
        text_puts(out, json_is_true(node_of(node)) ? "true" : "false");
        return true;
    case JS_NULL:
    case JS_ABSENT:
        text_puts(out, "null");
        return true;
    case JS_REAL:
    case JS_ARRAY:
    case JS_OBJECT:
        break;
    }
    return false;
}

void js_write(struct text *out, const struct js *node)
{
    if (write_simple(out, node))
        return;
    char *dump = json_dumps(node_of(node), JSON_COMPACT | JSON_ENCODE_ANY);
    text_puts(out, dump ? dump : "null");
    free(dump);
}
