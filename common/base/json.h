#pragma once
/* JSON (RFC 8259), read into a tree that keeps 64-bit integers exact and refuses what is not JSON: trailing bytes,
 * bad UTF-8, NUL in strings, duplicate keys, numbers out of range. Built on jansson, which is seen nowhere else
 * (its names begin with json_, ours with js_).
 *
 * Ownership: js_parse() gives a document to be freed with js_free(); every node got from it lives as long as it
 * does. Every accessor takes NULL and answers "absent", so that paths can be chained. */
#include "common/base/err.h"
#include "common/base/text.h"
#include <stddef.h>
#include <stdint.h>

struct js; /* a node */

enum js_type { JS_ABSENT, JS_NULL, JS_BOOL, JS_INTEGER, JS_REAL, JS_TEXT, JS_ARRAY, JS_OBJECT };

enum { JS_DEPTH_MAX = 512 };

/* What some servers put before their text (RFC 8259, section 8.1). */
#define JS_BYTE_ORDER_MARK "\xEF\xBB\xBF"

/* Whole text or nothing; a byte order mark before it is passed over. The error says line and column. */
struct js *js_parse(const char *text, size_t len, struct err *e);
void js_free(struct js *document);
void js_freep(struct js **document); /* for CLEANUP */

enum js_type js_type(const struct js *node);
const char *js_type_name(enum js_type type); /* "a number", "an array": for messages */
bool js_is_null(const struct js *node);      /* null or absent */

const struct js *js_get(const struct js *object, const char *key);
const struct js *js_at(const struct js *array, size_t index);
size_t js_count(const struct js *node); /* members of an array or object; 0 for anything else */

const char *js_text(const struct js *node);                /* NULL when it is not a string */
bool js_integer(const struct js *node, int64_t *value);    /* false when it is not an integer */
bool js_number(const struct js *node, double *value);      /* integers too */
bool js_bool(const struct js *node, bool *value);

/* Call `each` for every member in document order until it answers false. Returns whether all were visited. */
bool js_each(const struct js *object, bool (*each)(void *data, const char *key, const struct js *value), void *data);

/* Add the node as compact JSON; absent as null. */
void js_write(struct text *out, const struct js *node);
