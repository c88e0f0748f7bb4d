/* redis_listen: messages. What is subscribed to is remembered, so that a connection that was lost hears the same again; a server that has
 * said nothing for a while is asked (PING), since a silent connection may as well be a dead one. */
#include "common/db/redis_inside.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HEARD_MAX = 10000 };

void redis_forget_heard(struct redis *redis)
{
    for (size_t i = redis->heard_taken; i < redis->heard_count; i++)
        freeReplyObject(redis->heard[i]);
    redis->heard_count = redis->heard_taken = 0;
    redis->heard_at = redis->asked_at = 0;
}

static bool keep(struct redis *redis, redisReply *message, struct err *e)
{
    if (redis->heard_count == HEARD_MAX) {
        freeReplyObject(message);
        return err_set(e, ERR_UNREACHABLE, "Redis: more than %d messages wait", HEARD_MAX);
    }
    redis->heard = mem_grow(redis->heard, (redis->heard_count + 1) * sizeof *redis->heard);
    redis->heard[redis->heard_count++] = message;
    return true;
}

static bool is_array_of(const redisReply *reply, const char *word, size_t elements)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == elements && reply->element[0]->str && strcmp(reply->element[0]->str, word) == 0;
}

static bool is_message(const redisReply *reply)
{
    return is_array_of(reply, "message", 3) || is_array_of(reply, "pmessage", 4);
}

/* Messages may come before the confirmation. */
static bool await_confirmation(struct redis *redis, const char *verb, usec_t deadline, struct err *e)
{
    for (;;) {
        redisReply *reply;
        if (!redis_line_reply(redis->nodes[0].line, deadline, &reply, e))
            return false;
        if (is_message(reply)) {
            if (!keep(redis, reply, e))
                return false;
            continue;
        }
        bool lost, confirmed = is_array_of(reply, verb, 3), error = reply->type == REDIS_REPLY_ERROR;
        if (error)
            redis_error(reply, redis->code, &lost, e);
        freeReplyObject(reply);
        if (error || confirmed)
            return confirmed;
    }
}

static bool subscribe(struct redis *redis, const struct subscription *s, struct err *e)
{
    usec_t deadline = clock_boot() + redis->call_timeout;
    redisContext *line = redis->nodes[0].line;
    const char *verb = s->pattern ? "PSUBSCRIBE" : "SUBSCRIBE";
    if (!redis_line_append(line, RD_ARGS(rd_text(verb), rd_text(s->channel)), 0, NULL, &redis->words, e) || !redis_line_flush(line, deadline, e) ||
        !await_confirmation(redis, s->pattern ? "psubscribe" : "subscribe", deadline, e))
        return err_add(e, "subscribing to %s", s->channel);
    redis->heard_at = clock_boot();
    return true;
}

bool redis_subscribe_again(struct redis *redis, struct err *e)
{
    for (size_t i = 0; i < redis->subscription_count; i++)
        if (!subscribe(redis, &redis->subscriptions[i], e))
            return false;
    return true;
}

bool redis_subscribe(struct redis *redis, const char *channel, bool pattern, struct err *e)
{
    if (redis->subscription_count == REDIS_SUBSCRIPTIONS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d subscriptions", REDIS_SUBSCRIPTIONS_MAX);
    redis->subscriptions = mem_grow(redis->subscriptions, (redis->subscription_count + 1) * sizeof *redis->subscriptions);
    redis->subscriptions[redis->subscription_count] = (struct subscription){.channel = mem_strdup(channel), .pattern = pattern};
    struct subscription *added = &redis->subscriptions[redis->subscription_count++];
    if (!redis_alive(redis))
        return err_set(e, ERR_UNREACHABLE, "Redis: not connected");
    return subscribe(redis, added, e) || redis_give_up(redis);
}

bool redis_unsubscribe(struct redis *redis, const char *channel, struct err *e)
{
    for (size_t i = 0; i < redis->subscription_count; i++) {
        struct subscription *s = &redis->subscriptions[i];
        if (strcmp(s->channel, channel) != 0)
            continue;
        const char *verb = s->pattern ? "PUNSUBSCRIBE" : "UNSUBSCRIBE";
        free(s->channel);
        *s = redis->subscriptions[--redis->subscription_count];
        if (!redis_alive(redis))
            return err_set(e, ERR_UNREACHABLE, "Redis: not connected");
        redisContext *line = redis->nodes[0].line;
        return (redis_line_append(line, RD_ARGS(rd_text(verb), rd_text(channel)), 0, NULL, &redis->words, e) &&
                redis_line_flush(line, clock_boot() + redis->call_timeout, e)) ||
               redis_give_up(redis);
    }
    return true;
}

/* Hand out a message; it is freed with the replies at the next call. */
static void give(struct redis *redis, redisReply *reply, struct redis_message *message)
{
    size_t channel = reply->elements - 2;
    redis->replies = mem_grow(redis->replies, sizeof *redis->replies);
    redis->reply_room = redis->reply_room ? redis->reply_room : 1;
    redis->replies[0] = reply;
    redis->reply_count = 1;
    *message = (struct redis_message){
        .channel = reply->element[channel]->str,
        .payload = reply->element[channel + 1]->str ? reply->element[channel + 1]->str : "",
        .length = reply->element[channel + 1]->len,
    };
}

/* Has it been silent for too long? Then it is asked, once; and given up when it does not answer that either. */
static bool check_silence(struct redis *redis, usec_t now, struct err *e)
{
    redisContext *line = redis->nodes[0].line;
    if (now - redis->heard_at < redis->call_timeout)
        return true;
    if (redis->asked_at > redis->heard_at)
        return now - redis->asked_at < redis->call_timeout || err_set(e, ERR_UNREACHABLE, "Redis: silent for %" PRId64 " s", (now - redis->heard_at) / 1000000);
    redis->asked_at = now;
    return redis_line_append(line, RD_ARGS(rd_text("PING")), 0, NULL, &redis->words, e) && redis_line_flush(line, now + redis->call_timeout, e);
}

static bool receive(struct redis *redis, usec_t deadline, struct redis_message *message, struct err *e)
{
    for (;;) {
        redisReply *reply;
        usec_t now = clock_boot(), look = now + redis->call_timeout / 4;
        if (!check_silence(redis, now, e) || !redis_line_look(redis->nodes[0].line, deadline < look ? deadline : look, &reply, e))
            return false;
        if (!reply && clock_boot() >= deadline)
            return true;
        if (!reply)
            continue;
        redis->heard_at = clock_boot();
        if (is_message(reply)) {
            give(redis, reply, message);
            return true;
        }
        freeReplyObject(reply);
    }
}

bool redis_receive(struct redis *redis, usec_t wait, struct redis_message *message, struct err *e)
{
    *message = (struct redis_message){0};
    for (size_t i = 0; i < redis->reply_count; i++)
        freeReplyObject(redis->replies[i]);
    redis->reply_count = 0;
    if (redis->heard_taken < redis->heard_count) {
        give(redis, redis->heard[redis->heard_taken++], message);
        if (redis->heard_taken == redis->heard_count)
            redis->heard_taken = redis->heard_count = 0;
        return true;
    }
    if (!redis_alive(redis))
        return err_set(e, ERR_UNREACHABLE, "Redis: not connected");
    return receive(redis, clock_boot() + wait, message, e) || redis_give_up(redis);
}
