#pragma once
/* Errors: a kind and a text that says what happened to whom.
 *
 * A function returns bool, true is success, and takes `struct err *` last. The lowest function that understands
 * the failure sets kind and text; each caller may put what it was doing in front; only loops and main() log.
 * The kind decides whether a task is retried and what a command exits with: see the table in err.c. */
#include <stdbool.h>

enum err_kind {
    ERR_NONE = 0,
    ERR_USAGE,       /* wrong arguments or configuration */
    ERR_NOT_FOUND,   /* the thing named does not exist */
    ERR_REFUSED,     /* not allowed, or not in this state */
    ERR_UNREACHABLE, /* a service does not answer: connect again later */
    ERR_TRANSIENT,   /* the same call may succeed soon: 5xx, deadlock, disk full */
    ERR_TIMEOUT,     /* a deadline passed */
    ERR_DATA,        /* the input is bad and will be bad next time */
    ERR_LIMIT,       /* a named maximum was reached */
    ERR_CANCELLED,   /* somebody asked to stop */
    ERR_FENCED,      /* another attempt holds the task now: write nothing more */
    ERR_UNCERTAIN,   /* a COMMIT was sent and its answer never came */
    ERR_FAILED,      /* anything else */
    ERR_KINDS
};

enum { ERR_TEXT_MAX = 2048 };

struct err {
    enum err_kind kind;
    char text[ERR_TEXT_MAX];
};

/* Set kind and text, both replaced; always returns false, so that `return ok || err_set(…)` reads well.
 * Text beyond ERR_TEXT_MAX is cut, at a character. */
bool err_set(struct err *e, enum err_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As err_set() with ": " and strerror(errno_value) at the end. */
bool err_errno(struct err *e, enum err_kind kind, int errno_value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Put "context: " in front of the text, the kind stays; always returns false. */
bool err_add(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

void err_clear(struct err *e);

/* "transient", … : what logs and the attempt table show. */
const char *err_kind_name(enum err_kind kind);

/* May the same task succeed if it is run again? */
bool err_retryable(enum err_kind kind);

/* The exit status a command ends with (the public contract): 1, 2, 3, 4 or 5. */
int err_exit_status(enum err_kind kind);
