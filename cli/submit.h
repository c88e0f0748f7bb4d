#pragma once
/* What `enqueue` and `run` share: a task as it is put on the command line. */
#include "cli/flags.h"
#include "cli/session.h"
#include "common/store/task.h"

struct submission {
    const char *name, *args; /* args: JSON, @FILE or - */
    const char *queue, *unique, *tenant, *limit_key;
    const char *unique_mode, *unique_until, *idempotency_key;
    usec_t unique_window;
    int64_t priority; /* -1: the default */
    int64_t max_attempts;
    usec_t at, in, expires;
    struct text json; /* the arguments as they were read */
};

void submission_free(struct submission *s); /* for CLEANUP */

/* Read the arguments, hold them against the handler's table when this program knows the handler (ERR_USAGE names the
 * argument), and enqueue. `known` may be NULL: does this program or any worker so far have the handler? */
bool submit(struct session *session, struct submission *submission, struct uuid *id, bool *known, struct err *e);
