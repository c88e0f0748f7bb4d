/* redis_find: which server it is. Sentinels are asked anew each time, since the answer is what a failover changes; what they say is
 * believed only when the server itself says that it is a master. */
#include "common/db/redis_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool run(redisContext *line, usec_t deadline, const struct rd_arg *args, struct err *e)
{
    redisReply *reply;
    if (!redis_line_call(line, args, deadline, &reply, e))
        return false;
    freeReplyObject(reply);
    return true;
}

static bool greet(const struct redis *redis, redisContext *line, usec_t deadline, struct err *e)
{
    const struct redis_url *url = &redis->url;
    if (url->password[0] || url->user[0]) {
        bool good = url->user[0] ? run(line, deadline, RD_ARGS(rd_text("AUTH"), rd_text(url->user), rd_text(url->password)), e)
                                 : run(line, deadline, RD_ARGS(rd_text("AUTH"), rd_text(url->password)), e);
        if (!good) {
            if (e->kind == ERR_FAILED)
                e->kind = ERR_USAGE; /* a server without passwords is given one */
            return err_add(e, "logging in");
        }
    }
    if (url->number && !run(line, deadline, RD_ARGS(rd_text("SELECT"), rd_int(url->number)), e)) {
        if (e->kind == ERR_FAILED)
            e->kind = ERR_USAGE;
        return err_add(e, "database %d", url->number);
    }
    return run(line, deadline, RD_ARGS(rd_text("CLIENT"), rd_text("SETNAME"), rd_text(redis->name)), e);
}

/* A line that is logged in, or none. */
static redisContext *greeted(const struct redis *redis, redisContext *line, usec_t deadline, struct err *e)
{
    if (!line || greet(redis, line, deadline, e))
        return line;
    redisFree(line);
    return NULL;
}

redisContext *redis_find_node(const struct redis *redis, const struct redis_host *host, struct err *e)
{
    usec_t deadline = clock_boot() + redis->connect_timeout;
    return greeted(redis, redis_line_tcp(host, deadline, e), deadline, e);
}

/* What one sentinel says. */
static bool ask_sentinel(const struct redis *redis, const struct redis_host *sentinel, struct redis_host *master, struct err *e)
{
    usec_t deadline = clock_boot() + redis->connect_timeout;
    redisReply *reply = NULL;
    redisContext *line = redis_line_tcp(sentinel, deadline, e);
    if (!line)
        return false;
    bool good = redis_line_call(line, RD_ARGS(rd_text("SENTINEL"), rd_text("get-master-addr-by-name"), rd_text(redis->url.service)), deadline, &reply, e);
    redisFree(line);
    if (!good)
        return false;
    good = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
    if (good) {
        snprintf(master->name, sizeof master->name, "%s", reply->element[0]->str);
        master->port = atoi(reply->element[1]->str);
    }
    freeReplyObject(reply);
    return good || err_set(e, ERR_UNREACHABLE, "the sentinel %s knows no master of \"%s\"", sentinel->name, redis->url.service);
}

static bool is_master(redisContext *line, usec_t deadline, struct err *e)
{
    redisReply *reply;
    if (!redis_line_call(line, RD_ARGS(rd_text("ROLE")), deadline, &reply, e))
        return false;
    bool master = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && reply->element[0]->str && strcmp(reply->element[0]->str, "master") == 0;
    freeReplyObject(reply);
    return master || err_set(e, ERR_UNREACHABLE, "what the sentinel calls the master is none yet");
}

static redisContext *find_by_sentinels(const struct redis *redis, struct err *e)
{
    for (size_t i = 0; i < redis->url.host_count; i++) {
        struct redis_host master;
        if (!ask_sentinel(redis, &redis->url.hosts[i], &master, e))
            continue;
        redisContext *line = redis_find_node(redis, &master, e);
        if (line && is_master(line, clock_boot() + redis->connect_timeout, e))
            return line;
        if (line)
            redisFree(line);
    }
    return NULL;
}

static redisContext *find_first(const struct redis *redis, struct err *e)
{
    redisContext *line = NULL;
    for (size_t i = 0; i < redis->url.host_count && !line; i++)
        line = redis_find_node(redis, &redis->url.hosts[i], e);
    return line;
}

redisContext *redis_find(const struct redis *redis, struct err *e)
{
    usec_t deadline = clock_boot() + redis->connect_timeout;
    switch (redis->url.way) {
    case REDIS_WAY_UNIX:
        return greeted(redis, redis_line_unix(redis->url.path, deadline, e), deadline, e);
    case REDIS_WAY_SENTINEL:
        return find_by_sentinels(redis, e);
    case REDIS_WAY_TCP:
        break;
    }
    return find_first(redis, e);
}
