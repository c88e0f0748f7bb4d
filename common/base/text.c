/* text: byte strings that grow, and allocation that cannot fail. */
#include "common/base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *or_die(void *memory)
{
    static const char message[] = "out of memory\n";
    if (memory)
        return memory;
    ssize_t ignored = write(STDERR_FILENO, message, sizeof message - 1);
    (void)ignored;
    _exit(71); /* EX_OSERR: a supervisor starts the process again, its task is retried */
}

void *mem_alloc(size_t size)
{
    return or_die(malloc(size ? size : 1));
}

void *mem_zero(size_t count, size_t size)
{
    return or_die(calloc(count ? count : 1, size ? size : 1));
}

void *mem_grow(void *old, size_t size)
{
    return or_die(realloc(old, size ? size : 1));
}

char *mem_strdup(const char *s)
{
    return or_die(strdup(s));
}

/* Make room for up to `len` more bytes; returns how many of them fit below the maximum. */
static size_t reserve(struct text *t, size_t len)
{
    size_t max = t->max ? t->max : TEXT_MAX;
    size_t left = max > t->len ? max - t->len : 0;
    if (len > left) {
        t->cut = true;
        len = left;
    }
    if (t->len + len + 1 > t->room) {
        t->room = t->len + len + 1 + t->room / 2;
        t->data = mem_grow(t->data, t->room);
    }
    return len;
}

void text_add(struct text *t, const void *bytes, size_t len)
{
    len = reserve(t, len);
    if (len > 0)
        memcpy(t->data + t->len, bytes, len);
    t->len += len;
    t->data[t->len] = '\0';
}

void text_puts(struct text *t, const char *s)
{
    text_add(t, s, strlen(s));
}

void text_putc(struct text *t, char c)
{
    text_add(t, &c, 1);
}

void text_vprintf(struct text *t, const char *format, va_list args)
{
    char small[512];
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(small, sizeof small, format, args);
    if (len >= 0 && (size_t)len < sizeof small) {
        text_add(t, small, (size_t)len);
    } else if (len >= 0) {
        char *large = mem_alloc((size_t)len + 1);
        vsnprintf(large, (size_t)len + 1, format, again);
        text_add(t, large, (size_t)len);
        free(large);
    }
    va_end(again);
}

void text_printf(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_vprintf(t, format, args);
    va_end(args);
}

void text_reset(struct text *t)
{
    t->len = 0;
    t->cut = false;
    if (t->data)
        t->data[0] = '\0';
}

void text_free(struct text *t)
{
    free(t->data);
    *t = (struct text){.max = t->max};
}

const char *text_str(const struct text *t)
{
    return t->data ? t->data : "";
}

/* Length of the UTF-8 character at `s`, 0 when it is not one (RFC 3629 section 4: no overlong forms, no surrogates). */
static size_t utf8_length(const unsigned char *s, size_t left)
{
    static const struct {
        unsigned char first_low, first_high, second_low, second_high;
        size_t length;
    } forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    if (s[0] < 0x80)
        return s[0] != 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (s[0] < forms[i].first_low || s[0] > forms[i].first_high || left < forms[i].length)
            continue;
        if (s[1] < forms[i].second_low || s[1] > forms[i].second_high)
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((s[k] & 0xC0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

static const char REPLACEMENT[] = "\xEF\xBF\xBD";

/* Take off a last character of which only the beginning fitted. */
static void trim_to_character(struct text *t)
{
    size_t start = t->len;
    for (size_t back = 1; back <= 4 && back <= t->len; back++)
        if (((unsigned char)t->data[t->len - back] & 0xC0) != 0x80) {
            start = t->len - back;
            break;
        }
    if (start < t->len && utf8_length((const unsigned char *)t->data + start, t->len - start) == 0)
        t->data[t->len = start] = '\0';
}

void text_utf8(struct text *t, const char *s, size_t len)
{
    size_t clean = 0;
    for (size_t i = 0; i < len;) {
        size_t length = utf8_length((const unsigned char *)s + i, len - i);
        if (length > 0) {
            i += length;
            continue;
        }
        text_add(t, s + clean, i - clean);
        text_puts(t, REPLACEMENT);
        clean = ++i;
    }
    text_add(t, s + clean, len - clean);
    if (t->cut)
        trim_to_character(t);
}

/* The other control characters (U+0080 to U+009F), which a terminal may obey, and the separators of lines and paragraphs (U+2028, U+2029). */
static bool breaks_lines(const unsigned char *s)
{
    return (s[0] == 0xC2 && s[1] < 0xA0) || (s[0] == 0xE2 && s[1] == 0x80 && (s[2] == 0xA8 || s[2] == 0xA9));
}

/* Stands in a string of JSON as it is. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

/* Add the character at `s`, `length` bytes long, 0: it is none. */
static void add_escaped(struct text *t, const char *s, size_t length)
{
    static const char escapes[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
    unsigned char c = (unsigned char)s[0];
    if (length == 0)
        text_puts(t, REPLACEMENT);
    else if (c < sizeof escapes && escapes[c])
        text_add(t, (char[]){'\\', escapes[c]}, 2);
    else if (c < 0x20 || c == 0x7F)
        text_printf(t, "\\u%04x", c);
    else if (breaks_lines((const unsigned char *)s))
        text_printf(t, "\\u%04x", c == 0xC2 ? (unsigned char)s[1] : 0x2000u + ((unsigned char)s[2] & 0x3Fu));
    else
        text_add(t, s, length);
}

void text_json_string(struct text *t, const char *s, size_t len)
{
    text_putc(t, '"');
    for (size_t i = 0; i < len;) {
        size_t plain = i;
        while (plain < len && is_plain((unsigned char)s[plain]))
            plain++;
        text_add(t, s + i, plain - i);
        i = plain;
        if (i < len) {
            size_t length = utf8_length((const unsigned char *)s + i, len - i);
            add_escaped(t, s + i, length);
            i += length > 0 ? length : 1;
        }
    }
    text_putc(t, '"');
}

void text_json_text(struct text *t, const char *s)
{
    if (s)
        text_json_string(t, s, strlen(s));
    else
        text_puts(t, "null");
}
