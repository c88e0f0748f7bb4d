/* secret: references to what must not stand in a file or in a task, and how addresses are shown. */
#include "config/load.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SECRET_MAX = 64 * 1024 };

static bool from_file(const char *path, struct text *out, struct err *e)
{
    struct text content CLEANUP(text_free) = {0};
    if (!file_read("the secret", path, SECRET_MAX, &content, e))
        return false;
    size_t length = content.len;
    if (length > 0 && content.data[length - 1] == '\n')
        length -= length > 1 && content.data[length - 2] == '\r' ? 2 : 1;
    if (length > 0 && memchr(content.data, '\0', length))
        return err_set(e, ERR_USAGE, "the secret %s has a NUL byte in it", path);
    text_add(out, text_str(&content), length);
    return true;
}

static bool from_environment(const char *name, struct text *out, struct err *e)
{
    const char *value = getenv(name);
    if (!value)
        return err_set(e, ERR_USAGE, "the environment variable %s is not set", name);
    text_puts(out, value);
    return true;
}

bool config_secret(const char *written, struct text *out, struct err *e)
{
    if (strncmp(written, "env:", 4) == 0)
        return from_environment(written + 4, out, e);
    if (strncmp(written, "file:", 5) == 0)
        return from_file(written + 5, out, e);
    text_puts(out, written);
    return true;
}

bool config_secret_pair(const char *written, const char *separator, struct text *out, struct err *e)
{
    const char *found = strstr(written, separator);
    size_t name = found ? (size_t)(found - written) + strlen(separator) : strlen(written);
    text_add(out, written, name);
    return config_secret(written + name, out, e) ||
           err_add(e, "%.*s", (int)(name - (found ? strlen(separator) : 0)), written);
}

/* Does the word that ends before `end` name a secret: password, sslpassword, token, api_key? */
static bool names_secret(const char *start, const char *end)
{
    static const char *const words[] = {"pass", "secret", "token", "key"};
    for (const char *p = start; p < end; p++)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if ((size_t)(end - p) >= strlen(words[i]) && strncasecmp(p, words[i], strlen(words[i])) == 0)
                return true;
    return false;
}

static bool word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* The end of a value: a quoted one ends with its quote (libpq's keyword form), any other at a blank or &. */
static const char *value_end(const char *p)
{
    if (*p != '\'')
        return p + strcspn(p, " &");
    for (p++; *p && *p != '\''; p++)
        if (*p == '\\' && p[1])
            p++;
    return p + (*p == '\'');
}

/* Add `p` with every value of a secret's name, "password = x" or "&token=x", as ***. */
static void mask_parameters(const char *p, struct text *out)
{
    const char *word = p;
    while (*p) {
        if (*p != '=') {
            if (word_char(*p) && (p == word || !word_char(p[-1])))
                word = p;
            text_putc(out, *p++);
            continue;
        }
        const char *end = p;
        while (end > word && !word_char(end[-1]))
            end--;
        text_putc(out, *p++);
        if (names_secret(word, end)) {
            text_puts(out, "***");
            p = value_end(p + strspn(p, " "));
        }
        word = p;
    }
}

void config_mask(const char *url, struct text *out)
{
    const char *start = strstr(url, "://");
    const char *at = start ? strrchr(start, '@') : NULL; /* the last: a password may hold one that is not escaped */
    const char *colon = at ? memchr(start + 3, ':', (size_t)(at - start) - 3) : NULL;
    if (colon && at > start + 3) {
        struct text front CLEANUP(text_free) = {0}; /* a query may be in it, when the colon is one of the query's */
        text_add(&front, url, (size_t)(colon + 1 - url));
        mask_parameters(text_str(&front), out);
        text_puts(out, "***");
        url = at;
    }
    mask_parameters(url, out);
}
