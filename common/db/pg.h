#pragma once
/* A connection to PostgreSQL that waits with deadlines. libpq is seen nowhere else.
 *
 * Values go in as typed arguments, never as text of the statement:
 *
 *     struct pg_rows rows;
 *     if (!pg_exec(pg, &sql_task_show, &rows, e, pg_uuid(id)))
 *         return err_add(e, "task %s", text);
 *
 * Statements are prepared under their file's name on a direct connection and sent unnamed behind a pooler. A lost
 * connection is ERR_UNREACHABLE; a COMMIT whose answer was lost is ERR_UNCERTAIN (see pg_commit()). */
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/sql.h"
#include "common/base/text.h"
#include "common/base/uuid.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pg;

struct pg_options {
    const char *url;         /* postgresql://… or key=value words, as libpq reads them */
    const char *application; /* application_name, at most 63 bytes; NULL: "drumbeat" */
    bool pooled;             /* `url` goes through a transaction pooler: no named statements, no session state */
    usec_t connect_timeout;  /* 0: 10 s */
    usec_t call_timeout;     /* longest wait for one statement's answer; 0: 60 s */
};

enum { PG_ARGS_MAX = 32, PG_CALLS_MAX = 600, PG_BUFFERS_MAX = 4 << 20 };

/* NULL and an error when the server cannot be reached (ERR_UNREACHABLE) or the URL is wrong (ERR_USAGE). */
struct pg *pg_open(const struct pg_options *options, struct err *e);
void pg_close(struct pg *pg); /* NULL is fine */
void pg_closep(struct pg **pg);

/* Close it and wait until the server has ended the session, at most `wait`: who looks for it then does not find it any more. */
void pg_leave(struct pg *pg, usec_t wait);

/* The connection works as far as is known; false after a call that lost it. */
bool pg_alive(const struct pg *pg);
int pg_backend_pid(const struct pg *pg);

/* libpq's buffers grow to the largest message that went through them and never shrink. True when they take more than PG_BUFFERS_MAX: who has nothing under
 * way on the connection may open another in its place. */
bool pg_is_swollen(const struct pg *pg);

/* From now on: longest wait for one statement's answer. */
void pg_set_call_timeout(struct pg *pg, usec_t timeout);
int pg_server_version(const struct pg *pg); /* 150020 for 15.20 */
int pg_socket(const struct pg *pg);         /* for poll() */

/* Arguments --------------------------------------------------------------------------------------------------------- */

struct pg_arg {
    enum {
        PG_END,
        PG_NULL,
        PG_TEXT,
        PG_INT,
        PG_BOOL,
        PG_REAL,
        PG_UUID,
        PG_TIME,
        PG_DURATION,
        PG_TEXT_ARRAY,
        PG_INT_ARRAY,
        PG_UUID_ARRAY
    } type;
    union {
        const char *text; /* NULL is SQL NULL; also numerics, dates, jsonb: the statement's casts decide */
        int64_t number;
        double real;
        struct uuid uuid;
        struct {
            size_t count;
            union {
                const char *const *texts; /* a NULL element is SQL NULL */
                const int64_t *ints;
                const struct uuid *uuids;
            };
        } array;
    };
};

struct pg_arg pg_null(void);
struct pg_arg pg_text(const char *text);
struct pg_arg pg_json(const char *text); /* the same as pg_text(); says what it is */
struct pg_arg pg_int(int64_t number);
struct pg_arg pg_bool(bool value);
struct pg_arg pg_real(double value);
struct pg_arg pg_uuid(struct uuid id);
struct pg_arg pg_uuid_or_null(struct uuid id);   /* all zero: NULL */
struct pg_arg pg_time(usec_t at);                /* timestamptz */
struct pg_arg pg_time_or_null(usec_t at);        /* 0: NULL */
struct pg_arg pg_duration(usec_t duration);      /* interval */
struct pg_arg pg_texts(const char *const *texts, size_t count); /* text[]; `texts` NULL: SQL NULL */
struct pg_arg pg_ints(const int64_t *ints, size_t count);       /* bigint[] */
struct pg_arg pg_uuids(const struct uuid *ids, size_t count);   /* uuid[] */

/* Answers ----------------------------------------------------------------------------------------------------------- */

/* The rows of one answer. Valid until the next call on the same connection; nothing to free. */
struct pg_rows {
    const void *result;
    size_t count;    /* rows returned */
    size_t affected; /* rows a command without RETURNING touched */
    size_t columns;
};

bool pg_is_null(const struct pg_rows *rows, size_t row, size_t column);
const char *pg_get_text(const struct pg_rows *rows, size_t row, size_t column); /* "" for NULL */
size_t pg_get_length(const struct pg_rows *rows, size_t row, size_t column);
int64_t pg_get_int(const struct pg_rows *rows, size_t row, size_t column); /* 0 for NULL */
double pg_get_real(const struct pg_rows *rows, size_t row, size_t column);
bool pg_get_bool(const struct pg_rows *rows, size_t row, size_t column);
struct uuid pg_get_uuid(const struct pg_rows *rows, size_t row, size_t column);
usec_t pg_get_time(const struct pg_rows *rows, size_t row, size_t column); /* timestamptz; 0 for NULL */
int pg_column(const struct pg_rows *rows, const char *name);               /* -1: no such column */
const char *pg_column_name(const struct pg_rows *rows, size_t column);

/* Calls ------------------------------------------------------------------------------------------------------------- */

/* The arguments given, if any, with PG_END behind them. */
#define PG_ARGS(...) ((const struct pg_arg[]){{.type = PG_END}, ##__VA_ARGS__, {.type = PG_END}} + 1)

/* Run one statement. `rows` may be NULL. Outside pg_begin() it is a transaction of its own. */
#define pg_exec(pg, query, rows, e, ...) \
    pg_exec_args(pg, query, PG_ARGS(__VA_ARGS__), rows, e)
bool pg_exec_args(struct pg *pg, const struct sql *query, const struct pg_arg *args, struct pg_rows *rows, struct err *e);

/* One of several statements that are sent together, in one round trip and one transaction (all or nothing), unless
 * pg_begin() opened one already. */
struct pg_call {
    const struct sql *query;
    struct pg_arg args[PG_ARGS_MAX]; /* ends with PG_END */
};

/* Run `count` calls; answers[i] belongs to calls[i] and may be NULL as a whole. On an error nothing was done;
 * ERR_UNCERTAIN when the connection was lost before the answer came. */
bool pg_exec_calls(struct pg *pg, const struct pg_call *calls, size_t count, struct pg_rows *answers, struct err *e);

/* Send one statement and do not wait: poll pg_socket(), then take the answer. One at a time; no other call before it was taken. */
bool pg_send(struct pg *pg, const struct sql *query, const struct pg_arg *args, struct err *e);
/* Take the answer. Unless it `waits`, *done is false when it has not arrived yet; the call's time-out counts from when it was sent. */
bool pg_take(struct pg *pg, bool waits, bool *done, struct pg_rows *rows, struct err *e);

/* A script of several statements without arguments: migrations. In one transaction. */
bool pg_script(struct pg *pg, const struct sql *script, struct err *e);

bool pg_begin(struct pg *pg, struct err *e);
bool pg_rollback(struct pg *pg, struct err *e);
/* ERR_UNCERTAIN when the answer never came: ask pg_xact_status() on another connection before doing anything again. */
bool pg_commit(struct pg *pg, struct err *e);
bool pg_in_transaction(const struct pg *pg);

/* Savepoints, nested by their number. */
bool pg_savepoint(struct pg *pg, struct err *e);
bool pg_release_savepoint(struct pg *pg, struct err *e);
bool pg_rollback_to_savepoint(struct pg *pg, struct err *e); /* undoes and forgets it */

/* COPY … FROM STDIN: `query` is the COPY statement in text format; rows come from pg_copy_row(), NULL fields are NULL. */
bool pg_copy_begin(struct pg *pg, const struct sql *query, struct err *e);
bool pg_copy_row(struct pg *pg, const char *const *fields, size_t count, struct err *e);
bool pg_copy_end(struct pg *pg, size_t *rows, struct err *e);

/* Notifications: LISTEN on `channel` (an identifier), then wait. Direct connections only. */
bool pg_listen(struct pg *pg, const char *channel, struct err *e);
/* The next notification that has arrived, without waiting: false when there is none or the connection is lost (then
 * pg_alive() is false). `payload` is valid until the next call. */
bool pg_notification(struct pg *pg, const char **payload, struct err *e);

/* "DBF01", "40001", … of the last error on this connection; "" when the server sent none. */
const char *pg_sqlstate(const struct pg *pg);

/* Where the last error happened, as the server tells it (CONTEXT, DETAIL), "" when it did not. */
const char *pg_error_detail(const struct pg *pg);
