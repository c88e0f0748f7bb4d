/* json_build: trees of jansson that are still being put together. Like all of memory, they cannot fail to be made. */
#include "common/base/json_build.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *theirs(struct js *node)
{
    return (json_t *)(void *)node;
}

static struct js *ours(json_t *node)
{
    if (!node) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return (struct js *)(void *)node;
}

struct js *js_new_object(void)
{
    return ours(json_object());
}

struct js *js_new_array(void)
{
    return ours(json_array());
}

struct js *js_new_text(const char *s)
{
    struct text clean CLEANUP(text_free) = {0};
    if (!s)
        return js_new_null();
    text_utf8(&clean, s, strlen(s));
    return ours(json_stringn(text_str(&clean), clean.len));
}

struct js *js_new_integer(int64_t value)
{
    return ours(json_integer(value));
}

struct js *js_new_real(double value)
{
    return isfinite(value) ? ours(json_real(value)) : js_new_null();
}

struct js *js_new_bool(bool value)
{
    return ours(json_boolean(value));
}

struct js *js_new_null(void)
{
    return ours(json_null());
}

struct js *js_copy(const struct js *node)
{
    return node ? ours(json_deep_copy((const json_t *)(const void *)node)) : js_new_null();
}

void js_set(struct js *object, const char *key, struct js *value)
{
    int failed = json_object_set_new_nocheck(theirs(object), key, theirs(value ? value : js_new_null()));
    assert(failed == 0);
    (void)failed;
}

void js_remove(struct js *object, const char *key)
{
    json_object_del(theirs(object), key);
}

void js_push(struct js *array, struct js *value)
{
    int failed = json_array_append_new(theirs(array), theirs(value ? value : js_new_null()));
    assert(failed == 0);
    (void)failed;
}

struct js *js_pop(struct js *array)
{
    size_t count = json_array_size(theirs(array));
    if (count == 0)
        return NULL;
    json_t *last = json_incref(json_array_get(theirs(array), count - 1));
    json_array_remove(theirs(array), count - 1);
    return ours(last);
}
