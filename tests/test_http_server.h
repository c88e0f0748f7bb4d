#pragma once
/* A server that answers from a script: a row a request, in order, as raw bytes; the last row is repeated. One
 * connection, one request. It runs in a process of its own and ends with the test. */
#include "common/base/clock.h"
#include <stddef.h>

struct scripted {
    const char *answer; /* whole, headers included; a helper makes the usual one */
    size_t len;         /* 0: strlen */
    usec_t wait;        /* before the answer */
    usec_t pause;       /* after the first half of it */
    bool drop;          /* close without a word */
};

/* Start it; `base` becomes "http://127.0.0.1:PORT". `rows` ends with an empty row. */
void scripted_start(const struct scripted *rows, char base[static 64]);
void scripted_stop(void);

/* Requests so far, and the n-th, 0 for the first, with its body as far as there is room; "" when there was none. */
int scripted_count(void);
const char *scripted_request(int n);

/* "HTTP/1.1 STATUS …" with a JSON body and a right length; valid until the program ends. */
const char *scripted_json(int status, const char *more_headers, const char *body);

/* A text that stays until the program ends. */
const char *scripted_keep(const char *format, ...) __attribute__((format(printf, 1, 2)));
