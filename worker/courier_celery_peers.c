/* courier_celery_peers: a list of hosts with the moment of their last sign of life, and one of tags with the moment each was first seen. */
#include "worker/courier_celery_peers.h"
#include "common/celery/letter.h"
#include "common/db/redis_url.h"
#include "sql/scripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOSTS_MAX = 256, HOST_SIZE = 128, TAGS_MAX = 1000 };

static const usec_t silent_for = SECONDS(10); /* five heartbeats */

struct host {
    char name[HOST_SIZE];
    usec_t seen_at;
};

struct tag {
    char name[64];
    usec_t seen_at; /* first */
};

struct celery_peers {
    struct redis *redis; /* listens */
    struct host hosts[HOSTS_MAX];
    size_t host_count;
    struct tag tags[TAGS_MAX];
    size_t tag_count;
    usec_t trust_from; /* who holds a tag that was first seen later is alive */
};

struct celery_peers *celery_peers_open(struct courier *c, struct err *e)
{
    struct redis_url url;
    struct text channel CLEANUP(text_free) = {0};
    if (!redis_url_parse(c->config->redis.url, &url, e))
        return NULL;
    struct celery_keys keys = celery_keys(c->config->celery.key_prefix, c->config->celery.separator, c->config->celery.priority_steps, url.number);
    celery_channel(&keys, "celeryev/worker.*", &channel);
    struct redis *redis = redis_open(&(struct redis_options){.url = c->config->redis.url, .name = "drumbeat/courier"}, e);
    if (!redis || !redis_subscribe(redis, text_str(&channel), true, e)) {
        redis_close(redis);
        return NULL;
    }
    struct celery_peers *peers = mem_zero(1, sizeof *peers);
    peers->redis = redis;
    peers->trust_from = clock_boot();
    return peers;
}

void celery_peers_close(struct celery_peers *peers)
{
    if (peers)
        redis_close(peers->redis);
    free(peers);
}

static struct host *find_host(struct celery_peers *peers, const char *name)
{
    for (size_t i = 0; i < peers->host_count; i++)
        if (strcmp(peers->hosts[i].name, name) == 0)
            return &peers->hosts[i];
    return NULL;
}

static void hear(struct celery_peers *peers, const struct redis_message *message)
{
    struct err ignored;
    struct js *letter CLEANUP(js_freep) = letter_read(message->payload, message->length, &ignored);
    const struct js *body = js_get(letter, "body");
    const char *name = js_text(js_get(body, "hostname")), *type = js_text(js_get(body, "type")), *program = js_text(js_get(body, "sw_ident"));
    if (!name || !type || !program || strcmp(program, "py-celery") != 0 || strlen(name) >= HOST_SIZE)
        return;
    struct host *host = find_host(peers, name);
    if (strcmp(type, "worker-offline") == 0) {
        if (host)
            *host = peers->hosts[--peers->host_count];
        return;
    }
    if (!host && peers->host_count < HOSTS_MAX) {
        host = &peers->hosts[peers->host_count++];
        snprintf(host->name, sizeof host->name, "%s", name);
    }
    if (host)
        host->seen_at = clock_boot();
}

static bool hear_all(struct celery_peers *peers, struct err *e)
{
    struct redis_message message;
    do {
        if (!redis_receive(peers->redis, 0, &message, e))
            return err_add(e, "listening to workers of Celery");
        if (message.channel)
            hear(peers, &message);
    } while (message.channel);
    return true;
}

/* Nothing that somebody may have held who has fallen silent is kept fresh. */
static void bury(struct celery_peers *peers)
{
    usec_t now = clock_boot();
    for (size_t i = 0; i < peers->host_count;) {
        struct host *host = &peers->hosts[i];
        if (now - host->seen_at < silent_for) {
            i++;
            continue;
        }
        log_warning("celery.peer_lost", LOG_STR("hostname", host->name));
        peers->trust_from = now;
        *host = peers->hosts[--peers->host_count];
    }
}

static usec_t first_seen(const struct celery_peers *peers, const char *tag, usec_t now)
{
    for (size_t i = 0; i < peers->tag_count; i++)
        if (strcmp(peers->tags[i].name, tag) == 0)
            return peers->tags[i].seen_at;
    return now;
}

static bool is_ours(const char *tag)
{
    return strncmp(tag, "drumbeat:", strlen("drumbeat:")) == 0;
}

/* Note what is held now, with when it was seen first. */
static void note_tags(struct celery_peers *peers, const struct rd_reply *tags)
{
    static struct tag now_there[TAGS_MAX];
    size_t count = 0;
    usec_t now = clock_boot();
    for (size_t i = 0; i < rd_count_of(tags) && count < TAGS_MAX; i++) {
        const char *name = rd_text_of(rd_at(tags, i));
        if (is_ours(name) || strlen(name) >= sizeof now_there->name)
            continue;
        now_there[count].seen_at = first_seen(peers, name, now);
        snprintf(now_there[count++].name, sizeof now_there->name, "%s", name);
    }
    memcpy(peers->tags, now_there, count * sizeof *now_there);
    peers->tag_count = count;
}

bool celery_peers_keep_fresh(struct celery_peers *peers, struct courier *c, const struct celery_queues *queues, struct err *e)
{
    struct rd_arg args[2 + TAGS_MAX + 1] = {rd_text(text_str(&queues->unacked)), rd_text(text_str(&queues->unacked_index))};
    const struct rd_reply *reply;
    size_t n = 2;
    if (!hear_all(peers, e))
        return false;
    bury(peers);
    if (!redis_call(c->redis, &reply, e, rd_text("ZRANGE"), rd_text(text_str(&queues->unacked_index)), rd_int(0), rd_int(2 * TAGS_MAX)))
        return err_add(e, "messages that workers of Celery hold");
    note_tags(peers, reply);
    for (size_t i = 0; peers->host_count > 0 && i < peers->tag_count; i++)
        if (peers->tags[i].seen_at > peers->trust_from)
            args[n++] = rd_text(peers->tags[i].name);
    args[n] = (struct rd_arg){.type = RD_END};
    return n == 2 || redis_script(c->redis, &lua_celery_fresh, 2, args, NULL, e);
}
