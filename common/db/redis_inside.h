#pragma once
/* What the files of a connection know of each other: redis_line.c is one socket, redis_find.c opens the right one, redis.c runs commands
 * and scripts and follows a cluster's directions, redis_listen.c hears messages. */
#include "common/base/text.h"
#include "common/db/redis.h"
#include "common/db/redis_url.h"
#include <hiredis/hiredis.h>

enum { REDIS_NODES_MAX = 64, REDIS_SLOTS = 16384, REDIS_CODE_SIZE = 24, REDIS_NAME_SIZE = 64, REDIS_REPLY_MAX = 256 << 20 };

struct redis_node {
    struct redis_host host;
    redisContext *line; /* NULL: not connected */
};

struct subscription {
    char *channel;
    bool pattern;
};

struct redis {
    struct redis_url url;
    char name[REDIS_NAME_SIZE];
    usec_t connect_timeout, call_timeout;
    struct redis_node nodes[REDIS_NODES_MAX]; /* the first is the one that was opened */
    size_t node_count;
    unsigned char *slots; /* of a cluster: which node has it; NULL until one has directed us elsewhere */
    redisReply **replies;
    size_t reply_count, reply_room;
    struct words {
        const char **words;
        size_t *lengths;
        char (*digits)[24];
        size_t room;
    } words;
    bool sent; /* by redis_send(), and not yet taken */
    char code[REDIS_CODE_SIZE];
    struct subscription *subscriptions;
    size_t subscription_count;
    redisReply **heard; /* messages that came while something else was waited for */
    size_t heard_count, heard_taken;
    usec_t heard_at, asked_at; /* CLOCK_BOOTTIME */
};

/* redis_line.c: one socket ------------------------------------------------------------------------------------------- */

/* A connected, non-blocking socket. NULL: ERR_UNREACHABLE. */
redisContext *redis_line_unix(const char *path, usec_t deadline, struct err *e);
redisContext *redis_line_tcp(const struct redis_host *host, usec_t deadline, struct err *e);

bool redis_line_append(redisContext *line, const struct rd_arg *args, size_t before, const char *const *first, struct words *scratch, struct err *e);
bool redis_line_flush(redisContext *line, usec_t deadline, struct err *e);
/* The next reply, waiting for it; *reply is NULL, and the answer true, when a deadline of 0 or before now is over. */
bool redis_line_look(redisContext *line, usec_t deadline, redisReply **reply, struct err *e);
bool redis_line_reply(redisContext *line, usec_t deadline, redisReply **reply, struct err *e);
/* One command and its reply, to be freed. An error that is answered is false. */
bool redis_line_call(redisContext *line, const struct rd_arg *args, usec_t deadline, redisReply **reply, struct err *e);

/* What an error reply means; `code` gets its first word. True in *lost: the connection is of no use any more. */
bool redis_error(const redisReply *reply, char code[static REDIS_CODE_SIZE], bool *lost, struct err *e);

/* redis_find.c --------------------------------------------------------------------------------------------------------- */

/* Connected to the server that the URL means, logged in and named; a master where sentinels watch. */
redisContext *redis_find(const struct redis *redis, struct err *e);
/* The same for one node of a cluster. */
redisContext *redis_find_node(const struct redis *redis, const struct redis_host *host, struct err *e);

/* redis.c -------------------------------------------------------------------------------------------------------------- */

/* All connections are of no use any more; always false. */
bool redis_give_up(struct redis *redis);

/* redis_listen.c ------------------------------------------------------------------------------------------------------- */

bool redis_subscribe_again(struct redis *redis, struct err *e);
void redis_forget_heard(struct redis *redis);
