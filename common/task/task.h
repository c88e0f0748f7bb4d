#pragma once
/* All that a handler includes. A handler is one file: its arguments as a table, one straight-line function, one descriptor
 * (docs/handlers.md walks through one). Its author never sees queues, processes, retries, signals or leases, and may assume
 * that it can be killed at any line and is then run again from the start.
 *
 * Memory from task_alloc() lives as long as the attempt. Database statements run in the task's transaction, which begins by
 * itself with the first of them and is committed by task_commit(), or together with the task's success when the
 * handler returns true: effects in the same database happen once. When it returns false, what was not committed is undone. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/region.h"
#include "common/base/text.h"
#include "common/db/pg.h"
#include "sql/queries.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>

struct task; /* one attempt, as its handler sees it */

/* Arguments --------------------------------------------------------------------------------------------------------- */

enum field_type { FIELD_STR, FIELD_I64, FIELD_REAL, FIELD_BOOL, FIELD_UUID_TEXT, FIELD_JSON, FIELD_STR_LIST };

struct field {
    const char *name; /* NULL ends the table */
    enum field_type type;
    size_t offset;
    const char *help;
    const char *fallback; /* as it would be written in JSON, strings without quotes; NULL: none */
    bool required;
    int64_t min, max; /* of a number; both 0: no limit. Of a string: its length in bytes */
};

#define STR_FIELD(type_, member, ...) {.name = #member, .type = FIELD_STR, .offset = offsetof(type_, member), __VA_ARGS__}
#define I64_FIELD(type_, member, ...) {.name = #member, .type = FIELD_I64, .offset = offsetof(type_, member), __VA_ARGS__}
#define REAL_FIELD(type_, member, ...) {.name = #member, .type = FIELD_REAL, .offset = offsetof(type_, member), __VA_ARGS__}
#define BOOL_FIELD(type_, member, ...) {.name = #member, .type = FIELD_BOOL, .offset = offsetof(type_, member), __VA_ARGS__}
#define JSON_FIELD(type_, member, ...) {.name = #member, .type = FIELD_JSON, .offset = offsetof(type_, member), __VA_ARGS__}
/* const char *const *, ends with NULL */
#define LIST_FIELD(type_, member, ...) {.name = #member, .type = FIELD_STR_LIST, .offset = offsetof(type_, member), __VA_ARGS__}

/* Read a JSON object into the structure the table describes: unknown names, wrong types and values out of range are
 * ERR_DATA and name the argument. Strings are allocated from `region`; a member that was not given and has no fallback is 0. */
bool fields_read(const struct field *fields, const char *args, void *out, struct region *region, struct err *e);

/* Handlers ---------------------------------------------------------------------------------------------------------- */

struct handler {
    const char *name;    /* "pmp.partners" */
    const char *summary; /* one line for `drumbeat handlers` */
    const char *queue;   /* NULL: default */
    const struct field *fields; /* NULL: any object is taken and ignored */
    size_t args_size;
    bool (*run)(struct task *task, const void *args, struct err *e);
    struct limits limit; /* 0: the default of limits.c */
    struct {
        int max;     /* attempts in all; 0: 3 */
        usec_t first, cap;    /* back-off: full jitter up to first × 2^(attempt-1), at most cap; 0: 10 s and 10 min */
        const usec_t *delays; /* instead: the exact wait after attempt 1, 2, …, the last one again and again; ends with -1; NULL: none */
    } retry;
    const void *context;   /* what run() gets instead of arguments when there are no `fields`; NULL: nothing */
    const char *unique_by; /* an argument's name: its value is the unique key when the caller gives none; NULL: none */
};

/* What the handler can ask and tell -------------------------------------------------------------------------------- */

struct uuid task_id(const struct task *task);
int task_attempt(const struct task *task);      /* 1 for the first */
int64_t task_fence(const struct task *task);    /* never repeated: marks what this attempt has seen or written */
usec_t task_tick(const struct task *task);      /* the nominal moment when a schedule made it, else 0 */
const char *task_args(const struct task *task); /* as they were enqueued, JSON */
struct region *task_region(struct task *task);
void *task_alloc(struct task *task, size_t size);

/* Tell how far it is: `value` of `end` (0: unknown), with a message or NULL. Throttled, so call it as often as you like; seen
 * by others while the task's transaction is open; never goes backwards. False (ERR_CANCELLED, ERR_TIMEOUT,
 * ERR_FENCED): stop now and return false. */
bool task_progress(struct task *task, int64_t value, int64_t end, const char *message, struct err *e);

/* The same check without progress: long loops call it now and then. */
bool task_check(struct task *task, struct err *e);

/* How long the handler may still run before its soft limit: network waits are cut to it. Never negative. */
usec_t task_time_left(const struct task *task);

/* How long a process that the handler started is given between SIGTERM and SIGKILL (worker.cancel). */
usec_t task_stop_grace(const struct task *task);

/* A line into drumbeat.task_log. Written apart from the task's transaction: it stays when that is rolled back. */
void task_log(struct task *task, enum log_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Lines and bytes that come from elsewhere: a command's output. The bytes count for the limit of output when they are read, so
 * the line that they become does not. */
void task_log_line(struct task *task, enum log_level level, const char *line);
void task_wrote(struct task *task, size_t bytes);

/* What this attempt may take, for programs that it starts. */
const struct limits *task_limits(const struct task *task);

/* The result of the task: any JSON. Beyond results.limit it goes to a file, when there is a results.root, and the row says which; beyond
 * results.file_limit, or without a root, ERR_LIMIT. */
bool task_result(struct task *task, const char *json, struct err *e);

/* Run again after `delay` (SNOOZE_MIN to SNOOZE_MAX, what lies outside is moved there) because of `why`, without spending an attempt: what
 * the task waits for is not there yet. Answers false, to be returned at once. The thousandth time in a row it counts as a failure. */
#define SNOOZE_MIN SECONDS(1)
#define SNOOZE_MAX DAYS(30)
bool task_snooze(struct task *task, usec_t delay, const char *why, struct err *e);

/* For programs that run tasks. Run again after `delay` because of `why`, whatever the handler's attempts: the program itself decides how often. The
 * members of `headers` (a JSON object or NULL) become part of the row's: what the next attempt has to know. Commits what was written before. Answers false,
 * to be returned at once. */
bool task_again(struct task *task, usec_t delay, const char *why, const char *headers, struct err *e);

/* The program died, by `signal` or with `exit_code`: an attempt that ended like one whose own process dies. */
void task_died(struct task *task, int signal, int exit_code);

/* Database ---------------------------------------------------------------------------------------------------------- */

/* The task's connection, inside its transaction: for pg_copy_*, savepoints and the like. NULL when it cannot be had. */
struct pg *task_pg(struct task *task, struct err *e);

/* Run one statement in the task's transaction. */
#define task_sql(task, query, e, ...) task_sql_args(task, query, PG_ARGS(__VA_ARGS__), NULL, e)
#define task_sql_rows(task, query, rows, e, ...) \
    task_sql_args(task, query, PG_ARGS(__VA_ARGS__), rows, e)
bool task_sql_args(struct task *task, const struct sql *query, const struct pg_arg *args, struct pg_rows *rows, struct err *e);

/* Make what was written so far permanent: refused (ERR_FENCED) when another attempt holds the task by now. A COMMIT whose
 * answer was lost is looked up, not repeated. */
bool task_commit(struct task *task, struct err *e);

/* Undo what was written since the last commit. */
bool task_rollback(struct task *task, struct err *e);

/* A lock on `key` for the rest of this attempt: true in *held when it was free. It cannot be left behind: it counts only while
 * the attempt that took it is running, whatever became of its process. Commits what was written before. */
bool task_try_lock(struct task *task, const char *key, bool *held, struct err *e);

/* Upstreams --------------------------------------------------------------------------------------------------------- */

/* What the configuration says of an upstream, secrets resolved; a certificate or key is the path of a PEM file or its text. Members may be
 * NULL. Valid for the attempt. */
struct upstream {
    const char *name, *url, *user, *password, *key, *cert, *cert_key, *ca;
    const char *const *headers; /* ends with NULL; may be NULL */
};

/* ERR_USAGE when there is no such upstream, it has no URL or is switched off. */
const struct upstream *task_upstream(struct task *task, const char *name, struct err *e);
