#pragma once
/* A growing byte string that is always NUL-terminated. Out of memory ends the process; a text never grows beyond
 * its `max` (TEXT_MAX when 0): what does not fit is dropped and `cut` is set. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum { TEXT_MAX = 1 << 30 };

struct text {
    char *data; /* NULL until something was added; text_str() never is */
    size_t len;
    size_t room;
    size_t max;
    bool cut;
};

#define CLEANUP(destroy) __attribute__((cleanup(destroy)))

void text_add(struct text *t, const void *bytes, size_t len);
void text_puts(struct text *t, const char *s);
void text_putc(struct text *t, char c);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *t, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
void text_reset(struct text *t); /* empty, memory kept */
void text_free(struct text *t);
const char *text_str(const struct text *t); /* "" for an empty one; valid until the next change */

/* Add `s` as a JSON string with its quotes (RFC 8259 section 7). Bytes that are not UTF-8, and NUL, become U+FFFD. */
void text_json_string(struct text *t, const char *s, size_t len);
void text_json_text(struct text *t, const char *s); /* null for NULL */

/* Copy `s` so that PostgreSQL takes it as text: bytes that are not UTF-8, and NUL, become U+FFFD. Cut at a character. */
void text_utf8(struct text *t, const char *s, size_t len);

/* malloc, calloc and strdup that end the process when there is no memory left. */
void *mem_alloc(size_t size);
void *mem_zero(size_t count, size_t size);
void *mem_grow(void *old, size_t size);
char *mem_strdup(const char *s);
