#pragma once
/* Writing JSON into a text, member by member; commas come by themselves. `key` is NULL inside an array.
 *
 *     write_open(t, NULL, '{');
 *     write_int(t, "id", 7);
 *     write_close(t, '}');                     {"id":7}
 */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include <stdbool.h>
#include <stdint.h>

void write_open(struct text *t, const char *key, char bracket);
void write_close(struct text *t, char bracket);
void write_null(struct text *t, const char *key);
void write_bool(struct text *t, const char *key, bool value);
void write_int(struct text *t, const char *key, int64_t value);
void write_text(struct text *t, const char *key, const char *value); /* NULL becomes null */
void write_textf(struct text *t, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
void write_node(struct text *t, const char *key, const struct js *value);

/* Money is a string with two digits after the point, as Django REST framework writes decimals. */
void write_money(struct text *t, const char *key, int64_t cents);

/* A day since 1970 as "2025-06-01". */
void write_date(struct text *t, const char *key, int64_t day);

/* "2025-06-01T08:10:43.708677Z": always six digits. */
void write_moment(struct text *t, const char *key, usec_t at);
