#pragma once
/* A Celery task message as it stands in a Redis list: kombu's envelope with a task of protocol 2, or 1 (read only).
 * https://docs.celeryq.dev/en/stable/internals/protocol.html; where the page and the wire differ, the wire is followed: timelimit is
 * [hard, soft].
 *
 * Reading refuses whatever a worker could not act upon, with a reason that names the place; nothing is repaired but what kombu itself
 * leaves out. Writing refuses whatever a stock worker would not survive: one that cannot read a message puts it back and ends, and so
 * does the next. */
#include "common/base/clock.h"
#include "common/base/region.h"
#include "common/base/text.h"

enum {
    CELERY_MESSAGE_MAX = 16 << 20, /* bytes of an envelope */
    CELERY_BODY_MAX = 16 << 20,    /* of a body once it is decoded and unpacked */
    CELERY_NAME_MAX = 255,         /* of an id, a task's name, a tag, a routing key, … */
    CELERY_REPR_MAX = 1024,        /* of argsrepr and kwargsrepr: for people, cut */
    CELERY_PRIORITY_MAX = 9,
    CELERY_RETRIES_MAX = 1000000,
};

/* Texts are NULL and moments and durations 0 when there is none. Those said to be JSON are compact and plain (common/celery/plain.h). */
struct celery_message {
    int protocol; /* that it was read from, 2 or 1; always 2 when written */
    const char *id;
    const char *task;
    const char *root_id;   /* written as `id` when NULL */
    const char *parent_id;
    const char *group_id;
    int64_t group_index;   /* -1: none */
    int64_t retries;
    usec_t eta_at;
    usec_t expires_at;
    usec_t soft, hard;
    int priority;          /* 0 to 9, smaller is sooner */
    bool ignore_result;
    const char *args;      /* JSON array; written as [] when NULL */
    const char *kwargs;    /* JSON object; written as {} when NULL */
    const char *callbacks; /* JSON, the canvas: arrays of signatures … */
    const char *errbacks;
    const char *chain;     /* … reversed: the last element runs next … */
    const char *chord;     /* … and one signature */
    const char *headers;   /* JSON object: all of them as read; those that the fields above do not set are written too */
    const char *origin, *shadow, *argsrepr, *kwargsrepr;
    const char *correlation_id;             /* written as `id` when NULL */
    const char *reply_to;                   /* written as `id` when NULL: nobody listens */
    const char *delivery_tag;               /* written as a fresh UUID when NULL */
    const char *exchange, *routing_key;     /* exchange is written as "" when NULL */
};

/* Read one element of a queue's list. Everything in `out` lives as long as `r`. ERR_DATA or ERR_LIMIT: the reason to set it aside. */
bool celery_message_read(const char *envelope, size_t len, struct region *r, struct celery_message *out, struct err *e);

/* The text of the body as the client wrote it, decoded and unpacked, for who reads it as Celery does: of a message that was read before. NULL: it is
 * of protocol 1. */
const char *celery_message_body(const char *envelope, size_t len, struct region *r);

/* What a drumbeat handler gets as its arguments: kwargs alone as they are, else {"args": [...], "kwargs": {...}}. */
void celery_message_arguments(const struct celery_message *m, struct text *out);

/* Write the element that is to be pushed to the list of `m->routing_key`'s queue. ERR_USAGE names what may not leave. */
bool celery_message_write(const struct celery_message *m, struct text *out, struct err *e);

/* ISO 8601 as Celery writes and reads it: the offset may be anything or missing, which is UTC. Written with "+00:00". Returns `out`. */
bool celery_time_parse(const char *text, usec_t *at, struct err *e);
const char *celery_time_format(usec_t at, char out[static CLOCK_TEXT_MAX]);
