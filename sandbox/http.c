/* http: the shapes of error answers, and matching of paths. */
#include "sandbox/http.h"

#include "sandbox/write.h"
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *request_arg(const struct request *r, const char *name)
{
    for (size_t i = r->args_count; i-- > 0;)
        if (strcmp(r->args[i].name, name) == 0)
            return r->args[i].value;
    return NULL;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' ? c | 0x20 : c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static void add_unescaped(struct text *out, const char *s, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool escaped = s[i] == '%' && i + 2 < length && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0;
        text_putc(out, escaped ? (char)(hex_digit(s[i + 1]) << 4 | hex_digit(s[i + 2])) : s[i] == '+' ? ' ' : s[i]);
        i += escaped ? 2 : 0;
    }
}

bool request_form(const struct request *r, const char *name, struct text *out)
{
    size_t length = strlen(name);
    for (const char *pair = r->body; pair && *pair; pair += strspn(pair, "&")) {
        size_t end = strcspn(pair, "&");
        if (end > length && strncmp(pair, name, length) == 0 && pair[length] == '=') {
            add_unescaped(out, pair + length + 1, end - length - 1);
            return true;
        }
        pair += end;
    }
    return false;
}

static void add_escaped(struct text *out, const char *s)
{
    for (; *s; s++) {
        bool plain =
            (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("-._~", *s);
        if (plain)
            text_putc(out, *s);
        else
            text_printf(out, "%%%02X", (unsigned char)*s);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

static void change(struct pair *args, size_t *count, struct pair wanted)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (strcmp(args[i].name, wanted.name) != 0)
            args[kept++] = args[i];
    if (wanted.value)
        args[kept++] = wanted;
    *count = kept;
}

void request_link(const struct request *r, const struct pair *changes, size_t count, struct text *out)
{
    struct pair args[REQUEST_ARGS_MAX + LINK_CHANGES_MAX];
    size_t total = r->args_count;
    assert(count <= LINK_CHANGES_MAX);
    memcpy(args, r->args, total * sizeof *args);
    for (size_t i = 0; i < count; i++)
        change(args, &total, changes[i]);
    qsort(args, total, sizeof *args, by_name);
    text_printf(out, "http://%s%s", r->host, r->path);
    for (size_t i = 0; i < total; i++) {
        text_putc(out, i ? '&' : '?');
        add_escaped(out, args[i].name);
        text_putc(out, '=');
        add_escaped(out, args[i].value);
    }
}

__attribute__((format(printf, 2, 0))) static void add_words(struct answer *a, const char *format, va_list args)
{
    struct text words = {0};
    text_vprintf(&words, format, args);
    text_json_string(&a->body, text_str(&words), words.len);
    text_free(&words);
}

void answer_detail(struct answer *a, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    a->status = status;
    text_reset(&a->body);
    text_puts(&a->body, "{\"detail\":");
    add_words(a, format, args);
    text_putc(&a->body, '}');
    va_end(args);
}

void answer_invalid(struct answer *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    a->status = 400;
    text_reset(&a->body);
    text_putc(&a->body, '[');
    add_words(a, format, args);
    text_putc(&a->body, ']');
    va_end(args);
}

void answer_html(struct answer *a, int status, const char *title, const char *words)
{
    a->status = status;
    a->type = "text/html";
    text_reset(&a->body);
    text_printf(&a->body,
                "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n%s\r\n</"
                "body>\r\n</html>\r\n",
                title, title, words);
}

void answer_free(struct answer *a)
{
    text_free(&a->body);
    text_free(&a->location);
}

/* Digits up to the next "/", as an id. */
static bool read_id(const char **path, int64_t *id)
{
    char *end;
    if (**path < '0' || **path > '9')
        return false;
    errno = 0;
    *id = strtoll(*path, &end, 10);
    *path = end;
    return errno == 0;
}

static size_t word_length(const char *path)
{
    size_t length = 0;
    while (isalnum((unsigned char)path[length]))
        length++;
    return length;
}

static bool path_matches(const char *pattern, const char *path, int64_t *id)
{
    *id = -1;
    for (; *pattern; pattern++) {
        if (*pattern != '<') {
            if (*path++ != *pattern)
                return false;
            continue;
        }
        size_t word = strncmp(pattern, "<word>", strlen("<word>")) == 0 ? word_length(path) : 0;
        if (word == 0 && !read_id(&path, id))
            return false;
        path += word;
        pattern = strchr(pattern, '>');
    }
    return *path == '\0';
}

const struct route *route_find(const struct route *routes, struct request *r, const char *path, bool *other_method)
{
    for (; routes->pattern; routes++) {
        if (!path_matches(routes->pattern, path, &r->id))
            continue;
        if (strcmp(routes->method, r->method) == 0)
            return routes;
        *other_method = true;
    }
    return NULL;
}
