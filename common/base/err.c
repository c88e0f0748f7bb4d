/* err: the one error type. A new kind of failure is a row of `kinds` and a name in err.h. */
#include "common/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    bool retryable;
    int exit_status;
} kinds[ERR_KINDS] = {
    [ERR_NONE] = {"none", false, 0},
    [ERR_USAGE] = {"usage", false, 2},
    [ERR_NOT_FOUND] = {"not_found", false, 3},
    [ERR_REFUSED] = {"refused", false, 4},
    [ERR_UNREACHABLE] = {"unreachable", true, 5},
    [ERR_TRANSIENT] = {"transient", true, 1},
    [ERR_TIMEOUT] = {"timeout", true, 1},
    [ERR_DATA] = {"data", false, 1},
    [ERR_LIMIT] = {"limit", false, 1},
    [ERR_CANCELLED] = {"cancelled", false, 1},
    [ERR_FENCED] = {"fenced", false, 1},
    [ERR_UNCERTAIN] = {"uncertain", true, 1},
    [ERR_FAILED] = {"failed", true, 1},
};

/* A text that was cut must not end inside a UTF-8 character: it goes into a text column. */
static void cut_at_character(char *text, size_t size)
{
    size_t end = strlen(text);
    if (end + 1 < size)
        return;
    while (end > 0 && ((unsigned char)text[end - 1] & 0xC0) == 0x80)
        end--;
    if (end > 0 && (unsigned char)text[end - 1] >= 0xC0)
        end--;
    text[end] = '\0';
}

__attribute__((format(printf, 2, 0))) static void set_text(struct err *e, const char *format, va_list args)
{
    vsnprintf(e->text, sizeof e->text, format, args);
    cut_at_character(e->text, sizeof e->text);
}

bool err_set(struct err *e, enum err_kind kind, const char *format, ...)
{
    va_list args;
    e->kind = kind;
    va_start(args, format);
    set_text(e, format, args);
    va_end(args);
    return false;
}

bool err_errno(struct err *e, enum err_kind kind, int errno_value, const char *format, ...)
{
    va_list args;
    e->kind = kind;
    va_start(args, format);
    set_text(e, format, args);
    va_end(args);
    size_t used = strlen(e->text);
    char reason[128];
    snprintf(e->text + used, sizeof e->text - used, ": %s", strerror_r(errno_value, reason, sizeof reason));
    return false;
}

bool err_add(struct err *e, const char *format, ...)
{
    char tail[ERR_TEXT_MAX];
    memcpy(tail, e->text, sizeof tail);
    va_list args;
    va_start(args, format);
    set_text(e, format, args);
    va_end(args);
    size_t used = strlen(e->text);
    snprintf(e->text + used, sizeof e->text - used, ": %s", tail);
    cut_at_character(e->text, sizeof e->text);
    return false;
}

void err_clear(struct err *e)
{
    e->kind = ERR_NONE;
    e->text[0] = '\0';
}

const char *err_kind_name(enum err_kind kind)
{
    return kinds[kind].name;
}

bool err_retryable(enum err_kind kind)
{
    return kinds[kind].retryable;
}

int err_exit_status(enum err_kind kind)
{
    return kinds[kind].exit_status;
}
