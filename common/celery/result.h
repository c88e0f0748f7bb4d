#pragma once
/* What a Celery result backend holds of a task: the value of celery-task-meta-<id>, which is published on a channel of that name too. */
#include "common/base/clock.h"
#include "common/base/text.h"

#define CELERY_RESULT_KEY "celery-task-meta-"

enum celery_state { CELERY_STARTED, CELERY_PROGRESS, CELERY_RETRY, CELERY_SUCCESS, CELERY_FAILURE, CELERY_REVOKED };

const char *celery_state_name(enum celery_state state);

struct celery_result {
    enum celery_state state;
    const char *id;
    const char *result;      /* SUCCESS: JSON; NULL: null */
    const char *error;       /* FAILURE, RETRY, REVOKED: what went wrong */
    const char *outcome;     /* of the last attempt, as drumbeat.attempt has it; NULL: none */
    const char *children;    /* JSON array of results' tuples; NULL: none */
    const char *parent_id, *group_id; /* NULL: none */
    usec_t done_at;          /* of states that are final */
    const char *host;        /* STARTED */
    int64_t pid;
    int64_t value, total;    /* PROGRESS */
    const char *message;     /* PROGRESS; NULL: none */
};

/* Add it as JSON. */
void celery_result_write(const struct celery_result *r, struct text *out);

/* An exception as a client makes it again: a class of Python's or Celery's own, and its message. An error that begins with the name of a
 * built-in exception, "ValueError: no such plan", is one of that class. */
struct celery_exception {
    char type[64];
    const char *module;
    const char *message; /* in `error` */
};
struct celery_exception celery_exception(enum celery_state state, const char *outcome, const char *error);
