#pragma once
/* A connection to Redis that waits with deadlines. hiredis is seen nowhere else.
 *
 * Words of a command go in as arguments, never as text of the command:
 *
 *     const struct rd_reply *reply;
 *     if (!redis_call(redis, &reply, e, rd_text("HGET"), rd_text(key), rd_bytes(field, length)))
 *         return err_add(e, "reading %s", key);
 *     int64_t number = rd_int_of(reply);
 *
 * A lost connection, a server that is loading, has become a replica or belongs to a cluster that is down is ERR_UNREACHABLE, and the
 * connection must be opened anew (redis_reopen() finds the server again and subscribes again). What was sent on a lost connection may
 * have happened: scripts are written so that they can be repeated. A full Redis, or one that cannot save, is ERR_TRANSIENT. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/sql.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redis;

struct redis_options {
    const char *url;       /* see redis_url.h for its forms */
    const char *name;      /* CLIENT SETNAME: no blanks; NULL: "drumbeat" */
    usec_t connect_timeout; /* 0: 5 s */
    usec_t call_timeout;    /* longest wait for an answer; 0: 5 s */
};

enum { REDIS_CALL_ARGS_MAX = 8192, REDIS_CALLS_MAX = 4096, REDIS_SUBSCRIPTIONS_MAX = 4096 };

/* NULL and an error when the server cannot be reached (ERR_UNREACHABLE), or will not have us or the URL is wrong (ERR_USAGE). */
struct redis *redis_open(const struct redis_options *options, struct err *e);
void redis_close(struct redis *redis); /* NULL is fine */
void redis_closep(struct redis **redis);

/* Connect again with the same options, as after a loss, and subscribe to all that was subscribed to. */
bool redis_reopen(struct redis *redis, struct err *e);

/* The connection works as far as is known; false after a call that lost it. */
bool redis_alive(const struct redis *redis);
int redis_socket(const struct redis *redis); /* for poll(); -1: not connected */

/* From now on: the longest wait for an answer. A blocking command needs its own time-out and some more. */
void redis_set_call_timeout(struct redis *redis, usec_t timeout);

/* Arguments --------------------------------------------------------------------------------------------------------- */

struct rd_arg {
    enum { RD_END, RD_BYTES, RD_NUMBER } type;
    const char *bytes;
    size_t length;
    int64_t number;
};

struct rd_arg rd_text(const char *text); /* NULL: an empty one */
struct rd_arg rd_bytes(const void *bytes, size_t length);
struct rd_arg rd_int(int64_t number);

/* Replies ----------------------------------------------------------------------------------------------------------- */

/* Valid until the next call on the same connection; nothing to free. All accessors take NULL and answer "nothing". */
struct rd_reply;

enum rd_type { RD_NIL, RD_INTEGER, RD_STRING, RD_STATUS, RD_ERROR, RD_ARRAY };

enum rd_type rd_type_of(const struct rd_reply *reply);
int64_t rd_int_of(const struct rd_reply *reply);      /* of an integer, or of a string that is one; else 0 */
const char *rd_text_of(const struct rd_reply *reply); /* a string's, status' or error's; "" else. NUL-terminated */
size_t rd_length_of(const struct rd_reply *reply);    /* bytes of its text */
size_t rd_count_of(const struct rd_reply *reply);     /* members of an array; else 0 */
const struct rd_reply *rd_at(const struct rd_reply *array, size_t index); /* NULL: there is none */

/* Calls ------------------------------------------------------------------------------------------------------------- */

/* The arguments given with RD_END behind them. */
#define RD_ARGS(...) ((const struct rd_arg[]){__VA_ARGS__, {.type = RD_END}})

/* Send one command and wait for its answer; `reply` may be NULL. An answer that is an error is false. */
#define redis_call(redis, reply, e, ...) \
    redis_call_args(redis, RD_ARGS(__VA_ARGS__), reply, e)
bool redis_call_args(struct redis *redis, const struct rd_arg *args, const struct rd_reply **reply, struct err *e);

/* Run a script of sql/scripts (EVALSHA; loaded when the server does not know it). args: KEYS, then ARGV. */
bool redis_script(struct redis *redis, const struct script *script, size_t keys, const struct rd_arg *args, const struct rd_reply **reply,
                  struct err *e);

/* One of several commands that are sent together, in one round trip; each happens by itself. */
struct rd_call {
    const struct script *script; /* NULL: the arguments are a command */
    size_t keys;                 /* of the script: how many of the arguments are KEYS */
    const struct rd_arg *args;   /* ends with RD_END */
};

/* replies[i] belongs to calls[i]; `replies` may be NULL. False when one was answered by an error (the first one is told, the replies
 * are all there) or when the connection was lost (there are none). */
bool redis_calls(struct redis *redis, const struct rd_call *calls, size_t count, const struct rd_reply **replies, struct err *e);

/* Send one command and do not wait: poll redis_socket(), then take the answer. One at a time; no other call before it was taken. */
bool redis_send(struct redis *redis, const struct rd_arg *args, struct err *e);
/* The answer when it has arrived, NULL when it has not yet. False: an error was answered, or the connection is lost. */
bool redis_take(struct redis *redis, const struct rd_reply **reply, struct err *e);

/* Answers are void with the next call, or now: one may be large, and the next call far off. */
void redis_drop_replies(struct redis *redis);

/* Listening --------------------------------------------------------------------------------------------------------- */

/* On a connection of its own: it can do nothing else from now on. `pattern`: the channel is a pattern (PSUBSCRIBE). */
bool redis_subscribe(struct redis *redis, const char *channel, bool pattern, struct err *e);
bool redis_unsubscribe(struct redis *redis, const char *channel, struct err *e);

struct redis_message {
    const char *channel; /* NULL: nothing has arrived */
    const char *payload;
    size_t length;
};

/* The next message, waiting for it at most `wait` (0: not at all). False when the connection is lost, also when the server has not
 * answered anything for longer than twice the call's time-out: a silent one is asked now and then. */
bool redis_receive(struct redis *redis, usec_t wait, struct redis_message *message, struct err *e);

/* What the last error reply began with, "OOM", "WRONGTYPE", … ; "" when there was none. */
const char *redis_error_code(const struct redis *redis);
