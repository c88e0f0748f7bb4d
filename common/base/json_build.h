#pragma once
/* JSON that is put together here, to be written with js_write() or read like a parsed document.
 *
 *     struct js *reply CLEANUP(js_freep) = js_new_object();
 *     js_set(reply, "ok", js_new_text("pong"));
 *
 * What is put into an array or object belongs to it from then on. NULL as a value is null. Text that is not UTF-8 is made so, as
 * text_utf8() does it. A node of another document is put in as js_copy() of it. */
#include "common/base/json.h"

struct js *js_new_object(void);
struct js *js_new_array(void);
struct js *js_new_text(const char *s); /* NULL: null */
struct js *js_new_integer(int64_t value);
struct js *js_new_real(double value); /* null when it is not finite: JSON has no such number */
struct js *js_new_bool(bool value);
struct js *js_new_null(void);

/* All of it again, free to be changed; null for NULL. */
struct js *js_copy(const struct js *node);

/* Set or replace a member. `object` must be one. */
void js_set(struct js *object, const char *key, struct js *value);
void js_remove(struct js *object, const char *key); /* nothing when it has none */

/* Add at the end; `array` must be one. */
void js_push(struct js *array, struct js *value);
/* The last element leaves the array and is the caller's; NULL when there is none. */
struct js *js_pop(struct js *array);
