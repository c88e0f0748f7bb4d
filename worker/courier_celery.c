/* courier_celery: take messages over as tasks.
 *
 *     list --claim (script)--> unacked --read--> arrays --celery_take (one transaction)--> task --taken (script)--> not in `taking`
 *                                 `-- refused: set aside
 *
 * It claims no more than will run soon: Celery's own workers on the same queue want their share. When there is nothing to claim it waits
 * for each list with BLMOVE from its tail to its tail, which changes nothing and wakes at the next push by anybody. */
#include "worker/courier_celery.h"
#include "common/celery/message.h"
#include "common/base/crash_point.h"
#include "common/base/json.h"
#include "sql/queries.h"
#include "sql/scripts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAKE_MAX = 500, WAITS_MAX = 16, TARGET_MAX = 5000, NAME_MAX_OF_TASK = 200, BATCHES = 2 };

static const usec_t ahead = MSEC(100), look_every = SECONDS(1), wait_for = SECONDS(15), shortest_limit = SECONDS(1);

/* A connection that waits for one list. */
struct wait {
    struct redis *redis;
    struct text list;
    size_t queue;
    bool asked;
};

/* The arrays of one celery_take. */
struct batch {
    struct region *region; /* what they point to */
    const char *queue;
    size_t count;
    const char *ids[TAKE_MAX], *tags[TAKE_MAX], *names[TAKE_MAX], *args[TAKE_MAX], *headers[TAKE_MAX], *limits[TAKE_MAX], *embeds[TAKE_MAX],
        *refusals[TAKE_MAX];
    int64_t priorities[TAKE_MAX], etas[TAKE_MAX], expiries[TAKE_MAX], retries[TAKE_MAX];
};

struct intake {
    bool open;
    struct celery_queues queues;
    bool quiet[CELERY_QUEUES_MAX]; /* nothing to claim there, and its lists are empty: worth waiting for */
    struct wait waits[WAITS_MAX];
    size_t wait_count;
    struct region *region; /* of one claim */
    struct pg *pg;         /* takes a batch over while the other duties go on */
    struct batch *batches, *taking, *loaded; /* one is on its way, the next is read meanwhile; NULL: none */
    char prefix[80];       /* of tags */
    int64_t claims, passed_over;
    size_t next; /* queue that is asked first */
    /* How many are claimed ahead */
    int64_t held;             /* messages that are held: counted now and then, and reckoned in between */
    int64_t over;             /* of the courier's celery_over, as far as `held` knows of it */
    int64_t taken, taken_before, open_before;
    double rate; /* messages that come to their end, a second */
    usec_t measured_at, counted_at;
};

static const char *list_key(const struct intake *in, const char *queue, size_t step)
{
    struct text list CLEANUP(text_free) = {0};
    celery_list(&in->queues.keys, queue, step, &list);
    return region_strdup(in->region, text_str(&list));
}

/* Setting up -------------------------------------------------------------------------------------------------------- */

/* Clients look the queue up before they send to it. */
static bool bind(struct courier *c, const struct intake *in, struct err *e)
{
    for (size_t i = 0; i < in->queues.count; i++) {
        struct text set CLEANUP(text_free) = {0}, member CLEANUP(text_free) = {0};
        celery_key(&in->queues.keys, "_kombu.binding.", &set);
        text_puts(&set, in->queues.names[i]);
        celery_binding(&in->queues.keys, in->queues.names[i], in->queues.names[i], &member);
        if (redis_call(c->redis, NULL, e, rd_text("SADD"), rd_text(text_str(&set)), rd_text(text_str(&member))))
            continue;
        err_add(e, "binding queue %s", in->queues.names[i]);
        if (e->kind != ERR_DATA)
            return false;
        log_warning("celery.queue_unbound", LOG_ERR(e)); /* another program has that key: clients cannot look the queue up, those who know it send on */
    }
    return true;
}

static bool open_intake(struct courier *c, struct intake *in, struct err *e)
{
    char worker[UUID_TEXT_MAX], once[UUID_TEXT_MAX];
    if (!celery_queues_make(c->config, &in->queues, e))
        return false;
    if (!(in->pg = courier_open_pg(c, e)))
        return false;
    uuid_format(c->board->worker, worker);
    uuid_format(uuid_v7(), once);
    snprintf(in->prefix, sizeof in->prefix, "drumbeat:%s:%.23s", worker, once);
    snprintf(c->celery_claim, sizeof c->celery_claim, "%s.", in->prefix);
    in->region = region_new();
    in->batches = mem_zero(BATCHES, sizeof *in->batches);
    for (size_t i = 0; i < BATCHES; i++)
        in->batches[i].region = region_new();
    in->open = true;
    return bind(c, in, e);
}

static void close_intake(struct courier *c, void *data)
{
    struct intake *in = data;
    c->celery_claim[0] = '\0';
    pg_close(in->pg);
    for (size_t i = 0; i < in->wait_count; i++) {
        redis_close(in->waits[i].redis);
        text_free(&in->waits[i].list);
    }
    celery_queues_free(&in->queues);
    region_free(in->region);
    for (size_t i = 0; in->batches && i < BATCHES; i++)
        region_free(in->batches[i].region);
    free(in->batches);
}

/* Reading a message into the arrays --------------------------------------------------------------------------------- */

static void add_member(struct text *out, const char *key, const char *value, bool is_json)
{
    if (!value)
        return;
    text_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", key);
    if (is_json)
        text_puts(out, value);
    else
        text_json_string(out, value, strlen(value));
}

/* What a task of the application needs besides: the body as it came, and whether it follows another of its id. */
static void add_app(struct text *out, const struct celery_message *m, const char *body)
{
    struct err ignored;
    int64_t follows = 0;
    char number[24];
    struct js *headers CLEANUP(js_freep) = js_parse(m->headers, strlen(m->headers), &ignored);
    add_member(out, "app", "true", true);
    add_member(out, "body", body, false);
    if (js_integer(js_get(headers, "drumbeat_successor"), &follows)) {
        snprintf(number, sizeof number, "%" PRId64, follows);
        add_member(out, "successor", number, true);
    }
}

/* What the end of the task will need (0031_celery.sql). */
static const char *embed(const struct celery_message *m, bool app, const char *body, struct region *region)
{
    char index[24];
    struct text out CLEANUP(text_free) = {0};
    snprintf(index, sizeof index, "%lld", (long long)m->group_index);
    text_putc(&out, '{');
    add_member(&out, "root_id", m->root_id, false);
    add_member(&out, "parent_id", m->parent_id, false);
    add_member(&out, "group", m->group_id, false);
    add_member(&out, "group_index", m->group_index >= 0 ? index : NULL, true);
    add_member(&out, "reply_to", m->reply_to, false);
    add_member(&out, "correlation_id", m->correlation_id && strcmp(m->correlation_id, m->id) != 0 ? m->correlation_id : NULL, false);
    add_member(&out, "ignore_result", m->ignore_result ? "true" : NULL, true);
    add_member(&out, "callbacks", m->callbacks, true);
    add_member(&out, "errbacks", m->errbacks, true);
    add_member(&out, "chain", m->chain, true);
    add_member(&out, "chord", m->chord, true);
    if (app)
        add_app(&out, m, body);
    text_putc(&out, '}');
    return region_strndup(region, text_str(&out), out.len);
}

/* A limit below what the runner allows is the least that it allows. */
static const char *limits(const struct celery_message *m, struct region *region)
{
    char soft[CLOCK_TEXT_MAX], hard[CLOCK_TEXT_MAX];
    struct text out CLEANUP(text_free) = {0};
    text_putc(&out, '{');
    if (m->soft)
        add_member(&out, "soft", duration_format(m->soft < shortest_limit ? shortest_limit : m->soft, soft), false);
    if (m->hard)
        add_member(&out, "hard", duration_format(m->hard < shortest_limit ? shortest_limit : m->hard, hard), false);
    text_putc(&out, '}');
    return out.len > 2 ? region_strndup(region, text_str(&out), out.len) : NULL;
}

static bool check_name(const char *name, struct err *e)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
            return err_set(e, ERR_DATA, "the task's name has blanks in it");
    return len <= NAME_MAX_OF_TASK || err_set(e, ERR_LIMIT, "the task's name is longer than %d bytes", NAME_MAX_OF_TASK);
}

static void batch_add(struct batch *b, const char *tag, const struct celery_message *m, const char *refusal, const char *embedded)
{
    struct region *region = b->region;
    size_t i = b->count++;
    struct text args CLEANUP(text_free) = {0};
    celery_message_arguments(m, &args);
    b->ids[i] = m->id;
    b->tags[i] = tag;
    b->names[i] = m->task;
    b->args[i] = region_strndup(region, text_str(&args), args.len);
    b->headers[i] = m->headers;
    b->limits[i] = limits(m, region);
    b->refusals[i] = refusal;
    b->embeds[i] = embedded;
    b->priorities[i] = m->priority;
    b->etas[i] = m->eta_at > 0 ? m->eta_at : 0;
    b->expiries[i] = m->expires_at < 0 ? 1 : m->expires_at;
    b->retries[i] = m->retries;
}

/* What cannot become a task ----------------------------------------------------------------------------------------- */

static bool set_aside(struct courier *c, const struct intake *in, const char *queue, const char *tag, const char *message, size_t len, const struct err *why,
                      struct err *e)
{
    struct text list CLEANUP(text_free) = {0}, taking CLEANUP(text_free) = {0};
    celery_aside(&in->queues.keys, queue, &list);
    celery_taking(&in->queues.keys, queue, &taking);
    log_warning("celery.message_set_aside", LOG_STR("queue", queue), LOG_ERR(why));
    tally_event(&c->board->tally, TALLY_SET_ASIDE, 1);
    return redis_script(c->redis, &lua_celery_set_aside, 4,
                        RD_ARGS(rd_text(text_str(&in->queues.unacked)), rd_text(text_str(&in->queues.unacked_index)), rd_text(text_str(&list)),
                                rd_text(text_str(&taking)), rd_text(tag), rd_bytes(message, len), rd_text(why->text),
                                rd_int(c->config->celery.keep_quarantined)),
                        NULL, e);
}

/* Why a task that no handler is for ends at once; NULL: it does not. */
static const char *refuse(const struct courier *c, const struct celery_message *m, struct region *region)
{
    return catalog_find(c->catalog, m->task) ? NULL : region_printf(region, "NotRegistered: %s", m->task);
}

/* Into the batch, or aside. */
static bool take_message(struct courier *c, struct intake *in, struct batch *b, const char *tag, const char *text, size_t len, struct err *e)
{
    struct celery_message m;
    struct err why = {0};
    bool may_refuse = strcmp(c->config->celery.unknown_tasks, "fail") == 0;
    bool good = celery_message_read(text, len, b->region, &m, &why) && check_name(m.task, &why) &&
                (may_refuse || catalog_find(c->catalog, m.task) || err_set(&why, ERR_NOT_FOUND, "this worker has no handler named %s", m.task));
    if (!good)
        return set_aside(c, in, b->queue, tag, text, len, &why, e);
    const struct catalog_entry *entry = catalog_find(c->catalog, m.task);
    bool app = entry && catalog_is_app(entry);
    const char *body = app ? celery_message_body(text, len, b->region) : NULL;
    batch_add(b, tag, &m, refuse(c, &m, b->region), embed(&m, app, body, b->region));
    courier_event(c, "task-received", &(struct event_task){.id = m.id, .name = m.task, .args = m.argsrepr ? m.argsrepr : m.args, .kwargs = m.kwargsrepr ? m.kwargsrepr : m.kwargs,
                                                          .root_id = m.root_id, .parent_id = m.parent_id, .retries = m.retries, .eta_at = m.eta_at, .expires_at = m.expires_at});
    return true;
}

/* Claiming ---------------------------------------------------------------------------------------------------------- */

struct claim {
    const struct rd_reply *messages; /* tag, message, tag, message, … */
    int64_t left;
};

static bool claim(struct courier *c, struct intake *in, const char *queue, int64_t most, struct claim *claimed, struct err *e)
{
    enum { FIXED_KEYS = 4, FIXED_WORDS = 5 };
    struct rd_arg args[FIXED_KEYS + CELERY_STEPS_MAX + FIXED_WORDS + CATALOG_MAX + 1];
    struct text aside CLEANUP(text_free) = {0}, taking CLEANUP(text_free) = {0};
    const struct celery_keys *keys = &in->queues.keys;
    const struct rd_reply *reply;
    size_t n = 0;
    bool leave = strcmp(c->config->celery.unknown_tasks, "leave") == 0;
    celery_aside(keys, queue, &aside);
    celery_taking(keys, queue, &taking);
    args[n++] = rd_text(text_str(&in->queues.unacked));
    args[n++] = rd_text(text_str(&in->queues.unacked_index));
    args[n++] = rd_text(text_str(&aside));
    args[n++] = rd_text(text_str(&taking));
    for (size_t i = 0; i < keys->step_count; i++)
        args[n++] = rd_text(list_key(in, queue, i));
    args[n++] = rd_int(most);
    args[n++] = rd_text(region_printf(in->region, "%s%lld.", c->celery_claim, (long long)in->claims++));
    args[n++] = rd_int(c->config->celery.keep_quarantined);
    args[n++] = rd_text(leave ? "1" : "0");
    args[n++] = rd_text(queue);
    for (size_t i = 0; leave && i < c->catalog->count; i++)
        args[n++] = rd_text(c->catalog->names[i]);
    args[n] = (struct rd_arg){.type = RD_END};
    if (!redis_script(c->redis, &lua_celery_claim, FIXED_KEYS + keys->step_count, args, &reply, e))
        return err_add(e, "claiming from %s", queue);
    if (rd_int_of(rd_at(reply, 1)) > 0) {
        log_warning("celery.message_set_aside", LOG_STR("queue", queue), LOG_INT("messages", rd_int_of(rd_at(reply, 1))));
        tally_event(&c->board->tally, TALLY_SET_ASIDE, rd_int_of(rd_at(reply, 1)));
    }
    *claimed = (struct claim){.messages = rd_at(reply, 0), .left = rd_int_of(rd_at(reply, 2))};
    return true;
}

/* The replies are void with the next call: what is needed of them is copied first. */
static bool read_claim(struct courier *c, struct intake *in, struct batch *b, const struct claim *claimed, struct err *e)
{
    size_t count = rd_count_of(claimed->messages) / 2;
    struct {
        const char *tag, *text;
        size_t len;
    } copies[TAKE_MAX];
    for (size_t i = 0; i < count; i++) {
        const struct rd_reply *text = rd_at(claimed->messages, 2 * i + 1);
        copies[i].tag = region_strdup(b->region, rd_text_of(rd_at(claimed->messages, 2 * i)));
        copies[i].len = rd_length_of(text);
        copies[i].text = region_strndup(in->region, rd_text_of(text), copies[i].len);
    }
    for (size_t i = 0; i < count; i++)
        if (!take_message(c, in, b, copies[i].tag, copies[i].text, copies[i].len, e))
            return false;
    return true;
}

/* Taking over ------------------------------------------------------------------------------------------------------- */

static bool say_taken(struct courier *c, const struct intake *in, const struct batch *b, const struct pg_rows *rows, struct err *e)
{
    struct rd_arg args[3 + 1 + 2 * TAKE_MAX + 1];
    struct text taking CLEANUP(text_free) = {0};
    size_t n = 0;
    celery_taking(&in->queues.keys, b->queue, &taking);
    args[n++] = rd_text(text_str(&in->queues.unacked));
    args[n++] = rd_text(text_str(&in->queues.unacked_index));
    args[n++] = rd_text(text_str(&taking));
    args[n++] = rd_int((int64_t)b->count);
    for (size_t i = 0; i < b->count; i++)
        args[n++] = rd_text(b->tags[i]);
    for (size_t i = 0; i < rows->count; i++)
        if (!pg_is_null(rows, i, 2))
            args[n++] = rd_text(pg_get_text(rows, i, 2));
    args[n] = (struct rd_arg){.type = RD_END};
    return redis_script(c->redis, &lua_celery_taken, 3, args, NULL, e);
}

/* Begin to take over what is loaded, when nothing is on its way. */
static bool send_batch(struct courier *c, struct intake *in, struct err *e)
{
    struct batch *b = in->loaded;
    if (!b || in->taking)
        return true;
    in->taking = b;
    in->loaded = NULL;
    return pg_send(in->pg, &sql_celery_take,
                   PG_ARGS(pg_uuid(c->board->worker), pg_text(b->queue), pg_texts(b->ids, b->count), pg_texts(b->tags, b->count),
                           pg_texts(b->names, b->count), pg_texts(b->args, b->count), pg_ints(b->priorities, b->count), pg_ints(b->etas, b->count),
                           pg_ints(b->expiries, b->count), pg_ints(b->retries, b->count), pg_texts(b->headers, b->count),
                           pg_texts(b->limits, b->count), pg_texts(b->embeds, b->count), pg_texts(b->refusals, b->count)),
                   e) ||
           err_add(e, "taking messages of %s over", b->queue);
}

/* The batch on its way, if any, when it has arrived; or wait for it. The next one goes. */
static bool hear_batch(struct courier *c, struct intake *in, bool waits, struct err *e)
{
    struct pg_rows rows;
    bool done;
    struct batch *b = in->taking;
    if (!b)
        return true;
    if (!pg_take(in->pg, waits, &done, &rows, e))
        return err_add(e, "taking messages of %s over", b->queue);
    if (!done)
        return true;
    CRASH_POINT("celery", "taken");
    in->taken += (int64_t)b->count;
    courier_ring(c->board, COURIER_SETTLED); /* some may have ended at once, others are about to start */
    if (!say_taken(c, in, b, &rows, e))
        return false;
    in->taking = NULL;
    b->count = 0;
    region_reset(b->region);
    courier_slim_pg(c, &in->pg);
    return send_batch(c, in, e);
}

/* A key of another type stands where the queue is, or what is held: that is for people to mend, and other queues go on meanwhile. */
static bool pass_over(struct intake *in, const char *queue, const struct err *why)
{
    int64_t times = ++in->passed_over;
    if ((times & (times - 1)) == 0)
        log_warning("celery.queue_unreadable", LOG_STR("queue", queue), LOG_ERR(why), LOG_INT("times", times));
    return true;
}

/* One claim of one queue, into the batch that is free. */
static bool take_from(struct courier *c, struct intake *in, size_t queue, int64_t most, size_t *got, struct err *e)
{
    struct claim claimed = {0};
    struct batch *b = in->taking == &in->batches[0] ? &in->batches[1] : &in->batches[0];
    *got = 0;
    region_reset(in->region);
    region_reset(b->region);
    b->queue = in->queues.names[queue];
    b->count = 0;
    courier_drop_events(c);
    if (!claim(c, in, b->queue, most < TAKE_MAX ? most : TAKE_MAX, &claimed, e))
        return e->kind == ERR_DATA && pass_over(in, b->queue, e);
    *got = rd_count_of(claimed.messages) / 2;
    in->quiet[queue] = *got == 0 && claimed.left == 0;
    if (!read_claim(c, in, b, &claimed, e))
        return false;
    region_reset(in->region);
    if (b->count == 0)
        return true;
    CRASH_POINT("celery", "claimed");
    in->loaded = b;
    in->held += (int64_t)b->count;
    return send_batch(c, in, e) && courier_tell_events(c, e);
}

/* How much, and when ------------------------------------------------------------------------------------------------ */

/* What is over since the last look, as messages a second: long tasks let it fall to nothing. */
static void measure(struct intake *in, int64_t open)
{
    usec_t now = clock_boot(), since = now - in->measured_at;
    if (since < MSEC(20))
        return;
    int64_t done = in->taken - in->taken_before - (open - in->open_before);
    double rate = done > 0 ? (double)done * SECONDS(1) / (double)since : 0;
    in->rate = in->measured_at && since < SECONDS(2) ? (rate > in->rate ? rate : (in->rate + rate) / 2) : 0;
    in->measured_at = now;
    in->taken_before = in->taken;
    in->open_before = open;
}

static int64_t target(const struct courier *c, const struct intake *in)
{
    int64_t pool = atomic_load(&c->board->pool), wanted = pool + (int64_t)(in->rate * (double)ahead / SECONDS(1));
    if (c->config->celery.prefetch)
        return pool + c->config->celery.prefetch;
    return wanted < TARGET_MAX ? wanted : TARGET_MAX;
}

static bool is_paused(const struct pg_rows *rows, const char *queue)
{
    for (size_t i = 0; i < rows->count; i++)
        if (!pg_is_null(rows, i, 1) && strcmp(pg_get_text(rows, i, 1), queue) == 0)
            return true;
    return false;
}

/* How many messages are held, and which queues are not to be claimed from. */
static bool look(struct courier *c, struct intake *in, bool *paused, struct err *e)
{
    struct pg_rows rows;
    usec_t now = clock_boot();
    bool counts = now - in->counted_at >= look_every;
    if (!pg_exec(c->pg, &sql_celery_open, &rows, e, pg_uuid(c->board->worker), pg_texts(in->queues.names, in->queues.count), pg_bool(counts)))
        return err_add(e, "counting messages");
    if (counts) {
        in->held = pg_get_int(&rows, 0, 0);
        in->counted_at = now;
    } else {
        in->held -= c->celery_over - in->over;
    }
    in->over = c->celery_over;
    c->celery_held = in->held;
    for (size_t i = 0; i < in->queues.count; i++)
        paused[i] = is_paused(&rows, in->queues.names[i]) || !courier_consumes(c, i);
    return true;
}

/* Claim from one queue after the other, until there is enough, nothing more, or a batch that has to wait for another. */
static bool take_all(struct courier *c, struct intake *in, bool *full, struct err *e)
{
    bool paused[CELERY_QUEUES_MAX] = {false};
    size_t count = in->queues.count, got;
    if (!look(c, in, paused, e))
        return false;
    measure(in, in->held);
    int64_t room = target(c, in) - in->held;
    for (size_t i = 0; room > 0 && i < count && !in->loaded; i++) {
        size_t queue = in->next++ % count;
        in->quiet[queue] = false;
        if (paused[queue])
            continue;
        if (!take_from(c, in, queue, room, &got, e))
            return false;
        room -= (int64_t)got;
    }
    *full = room <= 0;
    return true;
}

/* Waiting ----------------------------------------------------------------------------------------------------------- */

static struct wait *add_wait(struct courier *c, struct intake *in, size_t queue, const char *list, struct err *e)
{
    const struct redis_options options = {.url = c->config->redis.url, .name = "drumbeat/courier", .call_timeout = wait_for + SECONDS(5)};
    struct redis *redis = redis_open(&options, e);
    if (!redis)
        return NULL;
    struct wait *wait = &in->waits[in->wait_count++];
    *wait = (struct wait){.redis = redis, .queue = queue};
    text_puts(&wait->list, list);
    return wait;
}

static struct wait *find_wait(struct intake *in, const char *list)
{
    for (size_t i = 0; i < in->wait_count; i++)
        if (strcmp(text_str(&in->waits[i].list), list) == 0)
            return &in->waits[i];
    return NULL;
}

static bool ask(struct wait *wait, struct err *e)
{
    const char *list = text_str(&wait->list);
    if (wait->asked)
        return true;
    wait->asked = true;
    return redis_send(wait->redis, RD_ARGS(rd_text("BLMOVE"), rd_text(list), rd_text(list), rd_text("RIGHT"), rd_text("RIGHT"), rd_int(wait_for / SECONDS(1))),
                      e);
}

/* Wait for the lists of queues that are quiet. Of more lists than there may be connections the rest is looked at now and then. */
static bool wait_quietly(struct courier *c, struct intake *in, bool *all, struct err *e)
{
    *all = true;
    for (size_t q = 0; q < in->queues.count; q++) {
        for (size_t s = 0; in->quiet[q] && s < in->queues.keys.step_count; s++) {
            const char *list = list_key(in, in->queues.names[q], s);
            struct wait *wait = find_wait(in, list);
            if (!wait && in->wait_count < WAITS_MAX && !(wait = add_wait(c, in, q, list, e)))
                return false;
            if (wait && !ask(wait, e))
                return false;
            *all = *all && wait;
        }
        *all = *all && in->quiet[q];
    }
    return true;
}

/* What has arrived is only a sign: the message is still in its list. */
static bool hear_waits(struct intake *in, struct err *e)
{
    for (size_t i = 0; i < in->wait_count; i++) {
        const struct rd_reply *reply = NULL;
        if (!in->waits[i].asked)
            continue;
        if (!redis_take(in->waits[i].redis, &reply, e))
            return err_add(e, "waiting for %s", in->queues.names[in->waits[i].queue]);
        in->waits[i].asked = !reply;
        redis_drop_replies(in->waits[i].redis);
    }
    return true;
}

static size_t watch(struct courier *c, void *data, struct pollfd *fds, size_t room)
{
    struct intake *in = data;
    size_t count = 0;
    (void)c;
    if (in->taking && count < room)
        fds[count++] = (struct pollfd){.fd = pg_socket(in->pg), .events = POLLIN};
    for (size_t i = 0; i < in->wait_count && count < room; i++)
        if (in->waits[i].asked)
            fds[count++] = (struct pollfd){.fd = redis_socket(in->waits[i].redis), .events = POLLIN};
    return count;
}

static bool run(struct courier *c, void *data, struct duty_turn *turn, struct err *e)
{
    struct intake *in = data;
    bool full = false, all = false, over = turn->leaving || atomic_load(&c->board->phase) != PHASE_RUN;
    if (turn->fresh && !over) {
        close_intake(c, in);
        *in = (struct intake){0};
        if (!open_intake(c, in, e))
            return false;
    }
    do {
        if (!hear_batch(c, in, over, e))
            return false;
    } while (over && in->taking);
    turn->next_at = clock_boot() + look_every;
    if (over || in->loaded)
        return true;
    if (!hear_waits(in, e) || !take_all(c, in, &full, e))
        return false;
    if (!full && !in->loaded && !wait_quietly(c, in, &all, e))
        return false;
    if (!full && all)
        turn->next_at = clock_boot() + wait_for;
    return true;
}

const struct duty duty_celery = {.name = "celery",
                                 .needs = COURIER_PG | COURIER_REDIS,
                                 .bells = COURIER_SETTLED | COURIER_IDLE,
                                 .state_size = sizeof(struct intake),
                                 .wanted = celery_wanted,
                                 .run = run,
                                 .watch = watch,
                                 .close = close_intake};
