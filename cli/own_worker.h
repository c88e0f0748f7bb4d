#pragma once
/* A worker of our own for a private queue: what `run` and `bench` start. It ends when we do. */
#include "cli/session.h"
#include <sys/types.h>

enum { PRIVATE_QUEUE_MAX = 32 };

/* Queues that begin so are served by nobody who was not told their name. */
#define PRIVATE_QUEUE "run."

struct own_worker {
    pid_t pid; /* 0: none, or gone */
    int status;
    char queue[PRIVATE_QUEUE_MAX];
    const char *config; /* a file instead of our configuration; NULL: none */
};

/* Choose the queue's name. */
void own_worker_queue(struct own_worker *w);

/* Start `drumbeat worker --queues <queue> --pool <pool>` with our configuration; it logs nothing below a warning. */
bool own_worker_start(struct own_worker *w, struct session *s, int pool, struct err *e);

/* Is it still there? When not, `status` is its wait status. */
bool own_worker_lives(struct own_worker *w);

/* Ask it to end and wait; it is killed when that takes long. */
void own_worker_stop(struct own_worker *w); /* for CLEANUP */
