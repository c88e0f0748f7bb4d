/* json_quick: values are told by their first byte. A string with an escape or a byte that is not ASCII, and a number that is no small integer, are read by
 * jansson, each by itself: so no rule of theirs stands here. */
#include "common/base/json_quick.h"

#include <string.h>

enum { KEY_MAX = 128, DIGITS_MAX = 18 };

struct cursor {
    const char *at, *end;
};

static json_t *read_value(struct cursor *c, int depth);

static char next(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
    return c->at < c->end ? *c->at : '\0';
}

static bool take(struct cursor *c, char byte)
{
    if (next(c) != byte)
        return false;
    c->at++;
    return true;
}

/* What stands between quotes, or is a number, as jansson reads it. */
static json_t *read_other(const char *from, const char *to)
{
    return json_loadb(from, (size_t)(to - from), JSON_DECODE_ANY, NULL);
}

static bool is_plain(unsigned char byte)
{
    return byte >= ' ' && byte < 0x7F && byte != '"' && byte != '\\';
}

/* To behind the string that begins here; *plain: it stands for itself. */
static bool pass_string(struct cursor *c, bool *plain)
{
    const char *at = c->at + 1;
    while (at < c->end && is_plain((unsigned char)*at))
        at++;
    *plain = at < c->end && *at == '"';
    while (at < c->end && *at != '"')
        at += *at == '\\' && at + 1 < c->end ? 2 : 1;
    c->at = at < c->end ? at + 1 : at;
    return at < c->end;
}

static json_t *read_string(struct cursor *c)
{
    const char *from = c->at;
    bool plain;
    if (!pass_string(c, &plain))
        return NULL;
    return plain ? json_stringn_nocheck(from + 1, (size_t)(c->at - from - 2)) : read_other(from, c->at);
}

static json_t *read_number(struct cursor *c)
{
    const char *from = c->at, *digits = from + (*from == '-');
    json_int_t value = 0;
    while (c->at < c->end && *c->at && strchr("+-.0123456789eE", *c->at))
        c->at++;
    for (const char *at = digits; at < c->at; at++) {
        if (*at < '0' || *at > '9' || at - digits == DIGITS_MAX)
            return read_other(from, c->at);
        value = value * 10 + (*at - '0');
    }
    if (digits == c->at || (*digits == '0' && c->at - digits > 1))
        return NULL;
    return json_integer(digits > from ? -value : value);
}

static json_t *read_word(struct cursor *c, const char *word, json_t *value)
{
    size_t len = strlen(word);
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
        return NULL;
    c->at += len;
    return value;
}

static bool read_key(struct cursor *c, char key[static KEY_MAX])
{
    bool plain;
    if (next(c) != '"')
        return false;
    const char *from = c->at + 1;
    if (!pass_string(c, &plain) || !plain || c->at - from > KEY_MAX)
        return false;
    memcpy(key, from, (size_t)(c->at - from - 1));
    key[c->at - from - 1] = '\0';
    return true;
}

static bool read_member(struct cursor *c, json_t *object, int depth)
{
    char key[KEY_MAX];
    if (!read_key(c, key) || !take(c, ':') || json_object_get(object, key))
        return false;
    json_t *value = read_value(c, depth);
    return value && json_object_set_new_nocheck(object, key, value) == 0;
}

static bool read_element(struct cursor *c, json_t *array, int depth)
{
    json_t *value = read_value(c, depth);
    return value && json_array_append_new(array, value) == 0;
}

/* An object or an array, behind its bracket. */
static json_t *read_members(struct cursor *c, json_t *whole, char close, bool (*read)(struct cursor *, json_t *, int), int depth)
{
    if (take(c, close))
        return whole;
    do {
        if (!read(c, whole, depth)) {
            json_decref(whole);
            return NULL;
        }
    } while (take(c, ','));
    if (take(c, close))
        return whole;
    json_decref(whole);
    return NULL;
}

static json_t *read_value(struct cursor *c, int depth)
{
    char first = next(c);
    switch (first) {
    case '"':
        return read_string(c);
    case '{':
    case '[':
        if (depth == 0)
            return NULL;
        c->at++;
        return first == '{' ? read_members(c, json_object(), '}', read_member, depth - 1) : read_members(c, json_array(), ']', read_element, depth - 1);
    case 't':
        return read_word(c, "true", json_true());
    case 'f':
        return read_word(c, "false", json_false());
    case 'n':
        return read_word(c, "null", json_null());
    default:
        return first == '-' || (first >= '0' && first <= '9') ? read_number(c) : NULL;
    }
}

json_t *json_quick(const char *text, size_t len, int depth)
{
    struct cursor c = {.at = text, .end = text + len};
    json_t *value = read_value(&c, depth);
    next(&c);
    if (c.at == c.end)
        return value;
    json_decref(value);
    return NULL;
}
