#pragma once
/* Tasks as their callers see them: enqueue, cancel, retry, look. Each is a function of the schema (sql/migrations), so that
 * a program without this library does the same by SQL. Calls inside pg_begin() are part of that transaction. */
#include "common/db/pg.h"

/* What a task is made of. NULL and 0 mean the default everywhere but in `name`; priority -1 is the default. */
struct new_task {
    const char *name;
    const char *args; /* a JSON object */
    const char *queue;
    int priority;
    usec_t run_at;
    usec_t expires_at;
    int max_attempts;
    const char *unique_key;
    const char *unique_mode;  /* return, skip or replace */
    const char *unique_until; /* final or start */
    usec_t unique_window;
    const char *idempotency_key;
    const char *tenant;
    const char *created_by;
    const char *headers; /* a JSON object */
    const char *limit_key;
};

/* `id` is the new task's, or the id of the task that holds the unique key, or all zero when it was skipped for that. Bad values: ERR_USAGE. */
bool task_enqueue(struct pg *pg, const struct new_task *task, struct uuid *id, struct err *e);

/* What an operation on one task came to. */
enum task_answer { TASK_DONE, TASK_NOT_APPLICABLE, TASK_UNKNOWN };

bool task_cancel(struct pg *pg, struct uuid id, enum task_answer *answer, struct err *e);
bool task_retry(struct pg *pg, struct uuid id, enum task_answer *answer, struct err *e);

/* Where a task stands. The texts are valid until the next call on the connection. */
struct task_state {
    const char *status; /* QUEUED, RUNNING, SUCCESS, ERRORED, KILLED, SKIPPED */
    int attempt;
    int64_t progress_value, end_value;
    const char *progress_message, *error;
    usec_t started_at, ended_at;
};

/* False with ERR_NOT_FOUND when there is no such task. */
bool task_look(struct pg *pg, struct uuid id, struct task_state *state, struct err *e);

/* SUCCESS, ERRORED, KILLED or SKIPPED: only retry leaves it. */
bool task_status_is_final(const char *status);
