#pragma once
/* What a result backend tells of a task that a worker of Celery runs: the JSON under celery-task-meta-<id>, whoever wrote it. The writer's
 * side is result.h. */
#include "common/base/clock.h"
#include "common/base/region.h"

enum { CELERY_TOLD_MAX = 16 << 20 }; /* bytes that are read of one */

/* As drumbeat.celery_told has it. Texts are NULL and numbers -1 where nothing is told. */
struct celery_told {
    const char *id;
    const char *what;   /* started, progress, retry, success, failure, revoked, expired */
    const char *result; /* JSON */
    const char *error;  /* "ValueError: no such plan" */
    const char *host;
    int64_t pid, value, total;
    const char *message;
    usec_t at; /* 0: not told */
};

/* Everything in `out` lives as long as `r`. ERR_DATA, ERR_LIMIT: it is none. */
bool celery_told_read(const char *text, size_t len, struct region *r, struct celery_told *out, struct err *e);
