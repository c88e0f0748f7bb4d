/* redis: commands and scripts. All of one call are written first and read afterwards; what the server refused only because it must be
 * asked differently (a script that it has forgotten, a key that another node of a cluster has) is asked again, one by one. */
#include "common/db/redis_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REDIRECTIONS_MAX = 5 };

static const usec_t connect_timeout_default = SECONDS(5), call_timeout_default = SECONDS(5);

/* Opening ----------------------------------------------------------------------------------------------------------- */

static void close_lines(struct redis *redis)
{
    for (size_t i = 0; i < redis->node_count; i++)
        if (redis->nodes[i].line) {
            redisFree(redis->nodes[i].line);
            redis->nodes[i].line = NULL;
        }
    redis->node_count = 1;
    free(redis->slots);
    redis->slots = NULL;
    redis->sent = false;
}

static void free_replies(struct redis *redis)
{
    for (size_t i = 0; i < redis->reply_count; i++)
        if (redis->replies[i])
            freeReplyObject(redis->replies[i]);
    redis->reply_count = 0;
}

bool redis_give_up(struct redis *redis)
{
    close_lines(redis);
    return false;
}

struct redis *redis_open(const struct redis_options *options, struct err *e)
{
    struct redis *redis = mem_zero(1, sizeof *redis);
    redis->connect_timeout = options->connect_timeout ? options->connect_timeout : connect_timeout_default;
    redis->call_timeout = options->call_timeout ? options->call_timeout : call_timeout_default;
    redis->node_count = 1;
    snprintf(redis->name, sizeof redis->name, "%s", options->name ? options->name : "drumbeat");
    if (redis_url_parse(options->url, &redis->url, e) && redis_reopen(redis, e))
        return redis;
    redis_close(redis);
    return NULL;
}

bool redis_reopen(struct redis *redis, struct err *e)
{
    close_lines(redis);
    redis_forget_heard(redis);
    redis->nodes[0].line = redis_find(redis, e);
    if (!redis->nodes[0].line)
        return false;
    return redis_subscribe_again(redis, e) || redis_give_up(redis);
}

void redis_close(struct redis *redis)
{
    if (!redis)
        return;
    close_lines(redis);
    free_replies(redis);
    redis_forget_heard(redis);
    for (size_t i = 0; i < redis->subscription_count; i++)
        free(redis->subscriptions[i].channel);
    free(redis->subscriptions);
    free(redis->heard);
    free(redis->replies);
    free((void *)redis->words.words);
    free(redis->words.lengths);
    free(redis->words.digits);
    explicit_bzero(redis->url.password, sizeof redis->url.password);
    free(redis);
}

void redis_closep(struct redis **redis)
{
    redis_close(*redis);
}

bool redis_alive(const struct redis *redis)
{
    return redis->nodes[0].line != NULL;
}

int redis_socket(const struct redis *redis)
{
    return redis->nodes[0].line ? redis->nodes[0].line->fd : -1;
}

void redis_set_call_timeout(struct redis *redis, usec_t timeout)
{
    redis->call_timeout = timeout;
}

const char *redis_error_code(const struct redis *redis)
{
    return redis->code;
}

/* A cluster's nodes -------------------------------------------------------------------------------------------------- */

/* CRC-16 of XMODEM over the part in the first {}, or over all: the slot of a key (Redis Cluster specification, "Key distribution model"). */
static unsigned slot_of(const char *key, size_t length)
{
    const char *open = memchr(key, '{', length), *end = key + length;
    const char *close = open ? memchr(open, '}', (size_t)(end - open)) : NULL;
    if (close && close > open + 1) {
        key = open + 1;
        end = close;
    }
    unsigned crc = 0;
    for (; key < end; key++) {
        crc ^= (unsigned)(unsigned char)*key << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xFFFF;
    }
    return crc % REDIS_SLOTS;
}

/* The key that decides: the first of a script, the first word behind the command otherwise. */
static const struct rd_arg *key_of(const struct rd_call *call)
{
    if (call->script)
        return call->keys > 0 ? &call->args[0] : NULL;
    return call->args[0].type == RD_BYTES && call->args[1].type == RD_BYTES ? &call->args[1] : NULL;
}

static size_t node_for(const struct redis *redis, const struct rd_call *call)
{
    const struct rd_arg *key = redis->slots ? key_of(call) : NULL;
    size_t node = key && key->type == RD_BYTES ? redis->slots[slot_of(key->bytes, key->length)] : 0;
    return redis->nodes[node].line ? node : 0;
}

/* "MOVED 3999 127.0.0.1:6381", "ASK …": connect there. Without a host it is the one that answered. */
static bool follow(struct redis *redis, const char *direction, size_t *node, unsigned *slot, struct err *e)
{
    struct redis_host host = redis->url.hosts[0];
    const char *to = strrchr(direction, ' '), *colon = strrchr(direction, ':');
    if (sscanf(direction, "%*s %u", slot) != 1 || *slot >= REDIS_SLOTS || !to || !colon || colon < to)
        return err_set(e, ERR_FAILED, "Redis: %s", direction);
    if (colon > to + 1)
        snprintf(host.name, sizeof host.name, "%.*s", (int)(colon - to - 1), to + 1);
    host.port = atoi(colon + 1);
    for (*node = 1; *node < redis->node_count; ++*node)
        if (redis->nodes[*node].host.port == host.port && strcmp(redis->nodes[*node].host.name, host.name) == 0)
            break;
    if (*node == REDIS_NODES_MAX)
        return err_set(e, ERR_LIMIT, "more than %d nodes of a cluster", REDIS_NODES_MAX - 1);
    if (*node == redis->node_count)
        redis->nodes[redis->node_count++] = (struct redis_node){.host = host};
    if (!redis->nodes[*node].line)
        redis->nodes[*node].line = redis_find_node(redis, &host, e);
    return redis->nodes[*node].line != NULL;
}

/* Calls ------------------------------------------------------------------------------------------------------------- */

static bool append(struct redis *redis, const struct rd_call *call, redisContext *line, struct err *e)
{
    char keys[24];
    const char *const first[] = {"EVALSHA", call->script ? call->script->sha1 : "", keys};
    snprintf(keys, sizeof keys, "%zu", call->keys);
    return redis_line_append(line, call->args, call->script ? 3 : 0, first, &redis->words, e);
}

/* One call to one node, in place of what it was answered before. `first`: a command that goes before it. */
static bool ask_again(struct redis *redis, const struct rd_call *call, const struct rd_arg *first, size_t node, redisReply **reply, struct err *e)
{
    redisContext *line = redis->nodes[node].line;
    usec_t deadline = clock_boot() + redis->call_timeout;
    redisReply *before = NULL;
    freeReplyObject(*reply);
    *reply = NULL;
    if (first && !redis_line_append(line, first, 0, NULL, &redis->words, e))
        return false;
    if (!append(redis, call, line, e) || !redis_line_flush(line, deadline, e))
        return false;
    if (first && !redis_line_reply(line, deadline, &before, e))
        return false;
    if (before)
        freeReplyObject(before);
    return redis_line_reply(line, deadline, reply, e);
}

static bool begins(const redisReply *reply, const char *word)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, word, strlen(word)) == 0;
}

/* Until the answer is one for the caller. False: the connection is lost. */
static bool redirect(struct redis *redis, const struct rd_call *call, size_t node, redisReply **reply, struct err *e)
{
    const struct rd_arg asking[] = {rd_text("ASKING"), {.type = RD_END}};
    for (int i = 0; i < REDIRECTIONS_MAX; i++) {
        const struct rd_arg *first = NULL;
        struct rd_arg load[] = {rd_text("SCRIPT"), rd_text("LOAD"), rd_text(call->script ? call->script->text : ""), {.type = RD_END}};
        unsigned slot;
        if (call->script && begins(*reply, "NOSCRIPT")) {
            first = load;
        } else if (begins(*reply, "MOVED ")) {
            if (!follow(redis, (*reply)->str, &node, &slot, e))
                return false;
            if (!redis->slots)
                redis->slots = mem_zero(REDIS_SLOTS, 1);
            redis->slots[slot] = (unsigned char)node;
        } else if (begins(*reply, "ASK ")) {
            if (!follow(redis, (*reply)->str, &node, &slot, e))
                return false;
            first = asking;
        } else {
            return true;
        }
        if (!ask_again(redis, call, first, node, reply, e))
            return false;
    }
    return true;
}

static bool send_all(struct redis *redis, const struct rd_call *calls, size_t count, size_t *nodes, struct err *e)
{
    usec_t deadline = clock_boot() + redis->call_timeout;
    for (size_t i = 0; i < count; i++) {
        nodes[i] = node_for(redis, &calls[i]);
        if (!append(redis, &calls[i], redis->nodes[nodes[i]].line, e))
            return false;
    }
    for (size_t node = 0; node < redis->node_count; node++)
        if (redis->nodes[node].line && !redis_line_flush(redis->nodes[node].line, deadline, e))
            return false;
    return true;
}

static bool read_all(struct redis *redis, const struct rd_call *calls, size_t count, const size_t *nodes, struct err *e)
{
    usec_t deadline = clock_boot() + redis->call_timeout;
    for (; redis->reply_count < count; redis->reply_count++)
        if (!redis_line_reply(redis->nodes[nodes[redis->reply_count]].line, deadline, &redis->replies[redis->reply_count], e))
            return false;
    for (size_t i = 0; i < count; i++)
        if (redis->replies[i]->type == REDIS_REPLY_ERROR && !redirect(redis, &calls[i], nodes[i], &redis->replies[i], e))
            return false;
    return true;
}

static void reserve_replies(struct redis *redis, size_t count)
{
    if (count <= redis->reply_room)
        return;
    redis->reply_room = count;
    redis->replies = mem_grow(redis->replies, count * sizeof *redis->replies);
}

static void free_sizes(size_t **sizes)
{
    free(*sizes);
}

bool redis_calls(struct redis *redis, const struct rd_call *calls, size_t count, const struct rd_reply **replies, struct err *e)
{
    bool good = true, lost;
    assert(!redis->sent);
    free_replies(redis);
    redis->code[0] = '\0';
    if (!redis_alive(redis))
        return err_set(e, ERR_UNREACHABLE, "Redis: not connected");
    if (count > REDIS_CALLS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d commands for Redis at once", REDIS_CALLS_MAX);
    size_t few[8], *many CLEANUP(free_sizes) = count > 8 ? mem_alloc(count * sizeof *many) : NULL, *nodes = many ? many : few;
    reserve_replies(redis, count);
    if (!send_all(redis, calls, count, nodes, e) || !read_all(redis, calls, count, nodes, e))
        return redis_give_up(redis);
    for (size_t i = 0; i < count; i++) {
        if (replies)
            replies[i] = (const struct rd_reply *)redis->replies[i];
        if (good && redis->replies[i]->type == REDIS_REPLY_ERROR) {
            good = redis_error(redis->replies[i], redis->code, &lost, e);
            if (lost)
                return redis_give_up(redis);
        }
    }
    return good;
}

bool redis_call_args(struct redis *redis, const struct rd_arg *args, const struct rd_reply **reply, struct err *e)
{
    return redis_calls(redis, &(struct rd_call){.args = args}, 1, reply, e);
}

bool redis_script(struct redis *redis, const struct script *script, size_t keys, const struct rd_arg *args, const struct rd_reply **reply,
                  struct err *e)
{
    return redis_calls(redis, &(struct rd_call){.script = script, .keys = keys, .args = args}, 1, reply, e) || err_add(e, "%s", script->name);
}

void redis_drop_replies(struct redis *redis)
{
    free_replies(redis);
}

bool redis_send(struct redis *redis, const struct rd_arg *args, struct err *e)
{
    assert(!redis->sent);
    if (!redis_alive(redis))
        return err_set(e, ERR_UNREACHABLE, "Redis: not connected");
    redisContext *line = redis->nodes[0].line;
    redis->sent = redis_line_append(line, args, 0, NULL, &redis->words, e) && redis_line_flush(line, clock_boot() + redis->call_timeout, e);
    return redis->sent || redis_give_up(redis);
}

bool redis_take(struct redis *redis, const struct rd_reply **reply, struct err *e)
{
    bool lost;
    *reply = NULL;
    free_replies(redis);
    reserve_replies(redis, 1);
    if (!redis_alive(redis))
        return err_set(e, ERR_UNREACHABLE, "Redis: not connected");
    if (!redis_line_look(redis->nodes[0].line, 0, &redis->replies[0], e))
        return redis_give_up(redis);
    if (!redis->replies[0])
        return true;
    redis->reply_count = 1;
    redis->sent = false;
    *reply = (const struct rd_reply *)redis->replies[0];
    if (redis->replies[0]->type != REDIS_REPLY_ERROR)
        return true;
    redis_error(redis->replies[0], redis->code, &lost, e);
    return lost ? redis_give_up(redis) : false;
}

/* Arguments and replies ----------------------------------------------------------------------------------------------- */

struct rd_arg rd_text(const char *text)
{
    return rd_bytes(text ? text : "", text ? strlen(text) : 0);
}

struct rd_arg rd_bytes(const void *bytes, size_t length)
{
    return (struct rd_arg){.type = RD_BYTES, .bytes = bytes, .length = length};
}

struct rd_arg rd_int(int64_t number)
{
    return (struct rd_arg){.type = RD_NUMBER, .number = number};
}

static const redisReply *inside(const struct rd_reply *reply)
{
    return (const redisReply *)reply;
}

enum rd_type rd_type_of(const struct rd_reply *reply)
{
    static const enum rd_type types[] = {
        [REDIS_REPLY_STRING] = RD_STRING, [REDIS_REPLY_ARRAY] = RD_ARRAY,   [REDIS_REPLY_INTEGER] = RD_INTEGER,
        [REDIS_REPLY_NIL] = RD_NIL,       [REDIS_REPLY_STATUS] = RD_STATUS, [REDIS_REPLY_ERROR] = RD_ERROR,
    };
    return reply ? types[inside(reply)->type] : RD_NIL;
}

static bool has_text(const struct rd_reply *reply)
{
    enum rd_type type = rd_type_of(reply);
    return type == RD_STRING || type == RD_STATUS || type == RD_ERROR;
}

int64_t rd_int_of(const struct rd_reply *reply)
{
    return rd_type_of(reply) == RD_INTEGER ? inside(reply)->integer : has_text(reply) ? strtoll(inside(reply)->str, NULL, 10) : 0;
}

const char *rd_text_of(const struct rd_reply *reply)
{
    return has_text(reply) ? inside(reply)->str : "";
}

size_t rd_length_of(const struct rd_reply *reply)
{
    return has_text(reply) ? inside(reply)->len : 0;
}

size_t rd_count_of(const struct rd_reply *reply)
{
    return rd_type_of(reply) == RD_ARRAY ? inside(reply)->elements : 0;
}

const struct rd_reply *rd_at(const struct rd_reply *array, size_t index)
{
    return index < rd_count_of(array) ? (const struct rd_reply *)inside(array)->element[index] : NULL;
}
