#pragma once
/* A mail server that delivers to nobody: it speaks enough SMTP (RFC 5321) on a port of its own, one conversation at a time, and shows
 * what it has taken below "/_sandbox/mails" of the HTTP side. The state of a route is a struct smtp. */
#include "common/base/err.h"
#include "sandbox/http.h"
#include "sandbox/quirks.h"
#include <pthread.h>

enum { SMTP_MAILS_MAX = 10000, SMTP_MAIL_BYTES_MAX = 1 << 20, SMTP_LINE_MAX = 2048 };

struct smtp_mail {
    char *from, *to, *text; /* `to`: the recipients with blanks between */
};

struct smtp {
    pthread_mutex_t *lock; /* the sandbox's: around quirks and mails */
    struct quirks *quirks;
    struct smtp_mail *mails;
    size_t count;
    int port;
    int listening, stopping; /* stopping: an eventfd */
    pthread_t thread;
};

extern const struct route smtp_routes[];

/* Listen on the loopback address, port 0: any. `lock` and `quirks` are set before. */
bool smtp_start(struct smtp *s, int port, struct err *e);
void smtp_stop(struct smtp *s); /* nothing when it was not started */
void smtp_reset(void *state);   /* forget all mails */
