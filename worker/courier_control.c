/* courier_control: the worker as `celery inspect`, `celery control`, `celery status` and Flower see it. Requests come over one channel; a row
 * of two tables answers each. Heartbeats say that it lives. */
#include "worker/courier_control_inside.h"

#include "common/celery/event.h"

#include <stdio.h>
#include <string.h>

enum { REQUESTS_MAX = 100, REPLY_SECONDS = 300 };

const struct js *control_argument(const struct control_turn *t, const char *name)
{
    return js_get(t->request->arguments, name);
}

size_t control_ids(const struct js *node, const char **ids)
{
    size_t count = 0;
    if (js_text(node))
        ids[count++] = js_text(node);
    for (size_t i = 0; js_type(node) == JS_ARRAY && i < js_count(node) && count < CONTROL_IDS_MAX; i++)
        if (js_text(js_at(node, i)))
            ids[count++] = js_text(js_at(node, i));
    return count;
}

/* Listening ----------------------------------------------------------------------------------------------------------------- */

static bool send_reply(struct courier *c, struct control *k, const struct control_request *request, const struct js *answer, struct err *e)
{
    struct text key CLEANUP(text_free) = {0}, message CLEANUP(text_free) = {0}, list CLEANUP(text_free) = {0};
    control_reply_key(request, &key);
    celery_key(&k->queues.keys, text_str(&key), &list);
    control_reply_write(request, c->self.hostname, answer, ++c->self.clock, &message);
    return redis_call(c->redis, NULL, e, rd_text("LPUSH"), rd_text(text_str(&list)), rd_bytes(text_str(&message), message.len)) &&
           redis_call(c->redis, NULL, e, rd_text("EXPIRE"), rd_text(text_str(&list)), rd_int(REPLY_SECONDS));
}

static const struct control_command *find_command(const char *method)
{
    const struct control_command *const tables[] = {control_questions, control_changes};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct control_command *command = tables[i]; command->method; command++)
            if (strcmp(command->method, method) == 0)
                return command;
    return NULL;
}

static bool answer_request(struct courier *c, struct control *k, const struct control_request *request, struct err *e)
{
    const struct control_turn t = {.courier = c, .control = k, .request = request};
    const struct control_command *command = find_command(request->method);
    struct js *answer CLEANUP(js_freep) = NULL;
    if (!command)
        answer = control_error("KeyError", request->method);
    else if (!command->run(&t, &answer, e))
        return err_add(e, "remote control: %s", request->method);
    return !request->reply_key || !answer || send_reply(c, k, request, answer, e);
}

static bool hear(struct courier *c, struct control *k, const struct redis_message *message, struct err *e)
{
    struct control_request request;
    struct err bad;
    if (!control_request_read(message->payload, message->length, &request, &bad)) {
        log_warning("celery.request_not_understood", LOG_ERR(&bad));
        return true;
    }
    c->self.clock = (request.clock > c->self.clock ? request.clock : c->self.clock) + 1;
    bool good = !control_is_for(&request, c->self.hostname, clock_now()) || answer_request(c, k, &request, e);
    control_request_free(&request);
    return good;
}

/* Being there ----------------------------------------------------------------------------------------------------------------- */

static bool say_it_lives(struct courier *c, struct control *k, const char *type, struct err *e)
{
    struct text name CLEANUP(text_free) = {0}, channel CLEANUP(text_free) = {0}, message CLEANUP(text_free) = {0};
    int64_t done = 0;
    for (int i = 0; i < atomic_load(&c->board->seat_count); i++)
        done += (int64_t)atomic_load(&c->board->seats[i].tasks);
    event_worker(&c->self, type, board_busy(c->board), done, &name, &message);
    celery_channel(&k->queues.keys, text_str(&name), &channel);
    return redis_call(c->redis, NULL, e, rd_text("PUBLISH"), rd_text(text_str(&channel)), rd_bytes(text_str(&message), message.len));
}

/* A client looks whether anybody is bound to the exchange before it asks. */
static bool bind_worker(struct courier *c, const struct control *k, bool bound, struct err *e)
{
    struct text set CLEANUP(text_free) = {0}, member CLEANUP(text_free) = {0}, queue CLEANUP(text_free) = {0};
    celery_key(&k->queues.keys, "_kombu.binding." CONTROL_EXCHANGE, &set);
    text_printf(&queue, "%s.%s", c->self.hostname, CONTROL_EXCHANGE);
    celery_binding(&k->queues.keys, "", text_str(&queue), &member);
    return redis_call(c->redis, NULL, e, rd_text(bound ? "SADD" : "SREM"), rd_text(text_str(&set)), rd_text(text_str(&member)));
}

static void close_control(struct courier *c, void *data)
{
    struct control *k = data;
    (void)c;
    celery_queues_free(&k->queues);
    redis_close(k->ears);
}

static bool open_control(struct courier *c, struct control *k, struct err *e)
{
    struct text channel CLEANUP(text_free) = {0};
    if (!redis_url_parse(c->config->redis.url, &k->url, e) || !celery_queues_make(c->config, &k->queues, e))
        return false;
    k->queues.keys.database = k->url.number;
    k->began_at = clock_boot();
    celery_channel(&k->queues.keys, CONTROL_EXCHANGE, &channel);
    k->ears = redis_open(&(struct redis_options){.url = c->config->redis.url, .name = "drumbeat/control"}, e);
    k->open = k->ears && redis_subscribe(k->ears, text_str(&channel), false, e) && bind_worker(c, k, true, e) && say_it_lives(c, k, "worker-online", e);
    return k->open;
}

static bool run(struct courier *c, void *data, struct duty_turn *turn, struct err *e)
{
    struct control *k = data;
    usec_t now = clock_boot();
    if (!k->open && !open_control(c, k, e))
        return false;
    if (turn->leaving)
        return say_it_lives(c, k, "worker-offline", e) && bind_worker(c, k, false, e);
    if (turn->fresh && !bind_worker(c, k, true, e)) /* Redis may have lost it */
        return false;
    for (int i = 0; i < REQUESTS_MAX; i++) {
        struct redis_message message;
        if (!redis_receive(k->ears, 0, &message, e))
            return false;
        if (!message.channel)
            break;
        if (!hear(c, k, &message, e))
            return false;
    }
    if (now >= k->beat_at) {
        k->beat_at = now + SECONDS(EVENT_HEARTBEAT_S);
        if (!control_follow_load(c, k, now, e))
            return false;
        if (!say_it_lives(c, k, "worker-heartbeat", e))
            return false;
    }
    turn->next_at = k->beat_at;
    return true;
}

static size_t watch(struct courier *c, void *data, struct pollfd *fds, size_t room)
{
    struct control *k = data;
    (void)c;
    if (!k->ears || room == 0)
        return 0;
    fds[0] = (struct pollfd){.fd = redis_socket(k->ears), .events = POLLIN};
    return 1;
}

const struct duty duty_control = {
    .name = "control",
    .needs = COURIER_PG | COURIER_REDIS,
    .state_size = sizeof(struct control),
    .wanted = celery_wanted,
    .run = run,
    .watch = watch,
    .close = close_control,
};
