#pragma once
/* Messages between programs that are no tasks: requests of remote control, their replies, events. kombu's envelope around a JSON body;
 * https://docs.celeryq.dev/projects/kombu/en/stable/, virtual transports. */
#include "common/base/json_build.h"

enum { LETTER_MAX = 1 << 20 }; /* bytes of an envelope that is read */

struct letter {
    const char *exchange, *routing_key;
    int delivery_mode; /* 1: may be lost, 2: should not be */
    const struct js *headers, *body;
};

/* Write the envelope, with a fresh delivery tag. */
void letter_write(const struct letter *letter, struct text *out);

/* Read one: the answer holds "headers" and "body" (the decoded body) and is the caller's. NULL: it is not one, ERR_DATA or ERR_LIMIT. */
struct js *letter_read(const char *text, size_t len, struct err *e);
