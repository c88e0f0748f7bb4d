/* courier_out: tasks that workers of Celery run. Three things, each done again from rows after any crash: push what became ready
 * (drumbeat.take_outgoing), write what the result backend tells (drumbeat.celery_report) - as it is published, and by asking for all that is
 * outstanding, a page at a time - and see to it that what is cancelled does not run. What Redis loses meanwhile is courier_lost.c's. */
#include "common/celery/control.h"
#include "common/celery/keys.h"
#include "common/celery/outgoing.h"
#include "common/celery/result.h"
#include "common/celery/told.h"
#include "common/db/redis_url.h"
#include "sql/queries.h"
#include "sql/scripts.h"
#include "worker/courier_lost.h"

#include <stdio.h>
#include <string.h>

enum { PUSH_MAX = 200, TELL_MAX = 500, HEAR_MAX = 2000 };

static const usec_t sweep_every = SECONDS(5), idle_sweep_every = SECONDS(30), cancel_every = SECONDS(10), give_up_every = MINUTES(1);

/* What was told, by column, as celery_report takes it. */
struct tells {
    size_t count;
    const char *ids[TELL_MAX], *whats[TELL_MAX], *results[TELL_MAX], *errors[TELL_MAX], *hosts[TELL_MAX], *messages[TELL_MAX];
    int64_t pids[TELL_MAX], values[TELL_MAX], totals[TELL_MAX], moments[TELL_MAX];
};

/* What is pushed together. */
struct push {
    struct rd_arg keys[3 * PUSH_MAX], texts[2 * PUSH_MAX], stale[PUSH_MAX + 2];
    size_t count;
    struct tells refused;
};

struct out {
    bool open;
    struct celery_keys keys;
    struct region *region;
    struct redis *backend; /* NULL: that of the broker */
    struct redis *ears;    /* listens to results */
    char after[CELERY_NAME_MAX + 1]; /* where the sweep goes on */
    usec_t sweep_at, cancel_at, give_up_at;
    struct lost *lost;
    struct push push;
};

static struct redis *backend_of(const struct courier *c, const struct out *o)
{
    return o->backend ? o->backend : c->redis;
}

/* Opening --------------------------------------------------------------------------------------------------------------- */

static bool wanted(const struct config *config)
{
    for (size_t i = 0; i < config->queue_count; i++)
        if (strcmp(config->queues[i].protocol, "celery") == 0)
            return true;
    return false;
}

static void close_out(struct courier *c, void *data)
{
    struct out *o = data;
    (void)c;
    region_free(o->region);
    lost_free(o->lost);
    redis_close(o->backend);
    redis_close(o->ears);
}

static bool open_out(struct courier *c, struct out *o, struct err *e)
{
    const struct config *config = c->config;
    const char *results = config->celery.result_backend ? config->celery.result_backend : config->redis.url;
    struct redis_url url;
    if (!redis_url_parse(config->redis.url, &url, e))
        return false;
    o->keys = celery_keys(config->celery.key_prefix, config->celery.separator, config->celery.priority_steps, url.number);
    o->region = region_new();
    o->lost = lost_new();
    if (config->celery.result_backend && !(o->backend = redis_open(&(struct redis_options){.url = results, .name = "drumbeat/results"}, e)))
        return err_add(e, "celery.result_backend");
    o->ears = redis_open(&(struct redis_options){.url = results, .name = "drumbeat/ears"}, e);
    o->open = o->ears && redis_subscribe(o->ears, CELERY_RESULT_KEY "*", true, e);
    return o->open;
}

/* What was told -------------------------------------------------------------------------------------------------------- */

static void add_tell(struct tells *t, const struct celery_told *told)
{
    size_t i = t->count++;
    t->ids[i] = told->id;
    t->whats[i] = told->what;
    t->results[i] = told->result;
    t->errors[i] = told->error;
    t->hosts[i] = told->host;
    t->messages[i] = told->message;
    t->pids[i] = told->pid;
    t->values[i] = told->value;
    t->totals[i] = told->total;
    t->moments[i] = told->at;
}

static bool report(struct courier *c, const struct tells *t, struct err *e)
{
    size_t n = t->count;
    return n == 0 || pg_exec(c->pg, &sql_celery_report, NULL, e, pg_texts(t->ids, n), pg_texts(t->whats, n), pg_texts(t->results, n), pg_texts(t->errors, n),
                             pg_texts(t->hosts, n), pg_ints(t->pids, n), pg_ints(t->values, n), pg_ints(t->totals, n), pg_texts(t->messages, n),
                             pg_ints(t->moments, n));
}

/* A result that nobody can read is nothing told: it is not ours alone to be refused. */
static void understand(struct out *o, const char *text, size_t len, struct tells *t)
{
    struct celery_told told;
    struct err e;
    if (celery_told_read(text, len, o->region, &told, &e))
        add_tell(t, &told);
    else
        log_debug("celery.result_not_understood", LOG_ERR(&e));
}

/* Most of what is told may be of tasks that came as messages: nothing to understand while none of ours is out. */
static bool any_sent(struct courier *c, bool *any, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(c->pg, &sql_celery_any_sent, &rows, e))
        return err_add(e, "whether anything was sent");
    *any = pg_get_bool(&rows, 0, 0);
    return true;
}

/* Of several states of one task in a row each is told by itself: they follow each other. */
static bool hear(struct courier *c, struct out *o, struct err *e)
{
    bool any = false;
    for (size_t heard = 0; heard < HEAR_MAX;) {
        struct tells t = {0};
        struct redis_message message = {0};
        region_reset(o->region);
        while (t.count < TELL_MAX) {
            if (!redis_receive(o->ears, 0, &message, e))
                return false;
            if (!message.channel)
                break;
            if (heard++ == 0 && !any_sent(c, &any, e))
                return false;
            if (any)
                understand(o, message.payload, message.length, &t);
        }
        if (!report(c, &t, e))
            return false;
        if (!message.channel)
            return true;
    }
    return true;
}

/* Ask for a page of what is outstanding. `more`: there is another. */
static bool sweep(struct courier *c, struct out *o, bool *more, struct err *e)
{
    struct pg_rows rows;
    struct rd_arg args[TELL_MAX + 2] = {rd_text("MGET")};
    const struct rd_reply *reply;
    struct tells t = {0};
    region_reset(o->region);
    if (!pg_exec(c->pg, &sql_celery_outstanding, &rows, e, pg_text(o->after), pg_int(TELL_MAX)))
        return false;
    *more = rows.count > 0;
    snprintf(o->after, sizeof o->after, "%s", rows.count == TELL_MAX ? pg_get_text(&rows, TELL_MAX - 1, 0) : "");
    if (rows.count == 0)
        return true;
    for (size_t i = 0; i < rows.count; i++)
        args[i + 1] = rd_text(region_printf(o->region, CELERY_RESULT_KEY "%s", pg_get_text(&rows, i, 0)));
    args[rows.count + 1] = (struct rd_arg){.type = RD_END};
    if (!redis_call_args(backend_of(c, o), args, &reply, e))
        return err_add(e, "results of Celery");
    for (size_t i = 0; i < rd_count_of(reply); i++)
        if (rd_type_of(rd_at(reply, i)) == RD_STRING)
            understand(o, rd_text_of(rd_at(reply, i)), rd_length_of(rd_at(reply, i)), &t);
    return report(c, &t, e);
}

/* Pushing --------------------------------------------------------------------------------------------------------------- */

/* Columns of celery_outgoing and celery_unsendable. */
enum { O_ID, O_SEQ, O_NAME, O_QUEUE, O_ARGS, O_PRIORITY, O_EXPIRES, O_HEADERS, O_PARENT, O_TENANT, O_SCHEDULE };

static const char *kept(struct out *o, const struct pg_rows *rows, size_t row, size_t column)
{
    return pg_is_null(rows, row, column) ? NULL : region_strdup(o->region, pg_get_text(rows, row, column));
}

static struct celery_outgoing read_outgoing(struct out *o, const struct pg_rows *rows, size_t row)
{
    return (struct celery_outgoing){
        .id = kept(o, rows, row, O_ID),
        .task = kept(o, rows, row, O_NAME),
        .queue = kept(o, rows, row, O_QUEUE),
        .args = kept(o, rows, row, O_ARGS),
        .priority = (int)pg_get_int(rows, row, O_PRIORITY),
        .expires_at = pg_get_time(rows, row, O_EXPIRES),
        .headers = kept(o, rows, row, O_HEADERS),
        .parent_id = kept(o, rows, row, O_PARENT),
        .tenant = kept(o, rows, row, O_TENANT),
        .schedule = kept(o, rows, row, O_SCHEDULE),
    };
}

static struct rd_arg kept_arg(struct out *o, const struct text *text)
{
    return rd_bytes(region_strndup(o->region, text_str(text), text->len), text->len);
}

static struct rd_arg list_of(struct out *o, const struct celery_outgoing *row)
{
    struct text list CLEANUP(text_free) = {0};
    celery_list(&o->keys, row->queue, celery_step(&o->keys, row->priority), &list);
    return kept_arg(o, &list);
}

static struct rd_arg binding_key(struct out *o, const struct celery_outgoing *row)
{
    struct text key CLEANUP(text_free) = {0};
    celery_key(&o->keys, "_kombu.binding.", &key);
    text_puts(&key, row->queue);
    return kept_arg(o, &key);
}

static struct rd_arg binding_of(struct out *o, const struct celery_outgoing *row)
{
    struct text binding CLEANUP(text_free) = {0};
    celery_binding(&o->keys, row->queue, row->queue, &binding);
    return kept_arg(o, &binding);
}

static struct rd_arg mark_of(struct out *o, const struct celery_outgoing *row, int64_t seq)
{
    struct text mark CLEANUP(text_free) = {0};
    celery_sent_mark(&o->keys, row->id, seq, &mark);
    return kept_arg(o, &mark);
}

/* A message that may not leave is a task that has failed, and holds up nothing. */
static void add_push(struct out *o, const struct celery_outgoing *row, int64_t seq)
{
    struct push *push = &o->push;
    struct text message CLEANUP(text_free) = {0};
    struct err e;
    if (!celery_outgoing_write(row, &message, &e)) {
        log_warning("celery.unsendable", LOG_STR("task", row->id), LOG_ERR(&e));
        add_tell(&push->refused, &(struct celery_told){.id = row->id, .what = "failure", .error = region_strdup(o->region, e.text), .pid = -1, .value = -1, .total = -1});
        return;
    }
    size_t i = push->count++;
    push->keys[3 * i] = mark_of(o, row, seq);
    push->keys[3 * i + 1] = list_of(o, row);
    push->keys[3 * i + 2] = binding_key(o, row);
    push->texts[2 * i] = kept_arg(o, &message);
    push->texts[2 * i + 1] = binding_of(o, row);
    push->stale[i + 1] = rd_text(region_printf(o->region, CELERY_RESULT_KEY "%s", row->id));
}

/* What an earlier run of the same task left in the result backend would be taken for this one's. */
static bool send_push(struct courier *c, struct out *o, struct err *e)
{
    struct push *push = &o->push;
    struct rd_arg args[5 * PUSH_MAX + 2];
    size_t n = push->count, used = 3 * n;
    if (n == 0)
        return true;
    push->stale[0] = rd_text("DEL");
    push->stale[n + 1] = (struct rd_arg){.type = RD_END};
    memcpy(args, push->keys, 3 * n * sizeof *args);
    args[used++] = rd_int(CELERY_MARK_SECONDS);
    memcpy(args + used, push->texts, 2 * n * sizeof *args);
    args[used + 2 * n] = (struct rd_arg){.type = RD_END};
    return redis_call_args(backend_of(c, o), push->stale, NULL, e) && redis_script(c->redis, &lua_celery_push, 3 * n, args, NULL, e);
}

static bool push_batch(struct courier *c, struct out *o, size_t *taken, struct err *e)
{
    struct push *push = &o->push;
    struct pg_rows rows;
    push->count = push->refused.count = 0;
    region_reset(o->region);
    if (!pg_exec(c->pg, &sql_celery_outgoing, &rows, e, pg_int(PUSH_MAX)))
        return false;
    *taken = rows.count;
    for (size_t i = 0; i < rows.count; i++) {
        struct celery_outgoing row = read_outgoing(o, &rows, i);
        add_push(o, &row, pg_get_int(&rows, i, O_SEQ));
    }
    return send_push(c, o, e) && report(c, &push->refused, e);
}

/* The rows are locked until the messages are in Redis: a cancel waits for that, and then knows where the task is. */
static bool push_all(struct courier *c, struct out *o, struct err *e)
{
    size_t taken = PUSH_MAX;
    while (taken == PUSH_MAX) {
        struct err ignored;
        if (!pg_begin(c->pg, e))
            return false;
        if (!push_batch(c, o, &taken, e)) {
            if (pg_alive(c->pg))
                pg_rollback(c->pg, &ignored);
            return err_add(e, "pushing to Celery");
        }
        if (!pg_commit(c->pg, e))
            return false;
    }
    return true;
}

/* Cancelling ------------------------------------------------------------------------------------------------------------ */

static bool take_back(struct courier *c, struct out *o, const struct celery_outgoing *row, bool *found, struct err *e)
{
    struct text message CLEANUP(text_free) = {0};
    const struct rd_reply *reply;
    *found = false;
    if (!celery_outgoing_write(row, &message, e))
        return true;
    if (!redis_call(c->redis, &reply, e, rd_text("LREM"), list_of(o, row), rd_int(0), rd_bytes(text_str(&message), message.len)))
        return false;
    *found = rd_int_of(reply) > 0;
    return true;
}

static bool revoke(struct courier *c, struct out *o, const char *const *ids, size_t count, struct err *e)
{
    struct js *arguments CLEANUP(js_freep) = js_new_object();
    struct js *all = js_new_array();
    struct text channel CLEANUP(text_free) = {0}, message CLEANUP(text_free) = {0};
    if (count == 0) {
        js_free(all);
        return true;
    }
    for (size_t i = 0; i < count; i++)
        js_push(all, js_new_text(ids[i]));
    js_set(arguments, "task_id", all);
    js_set(arguments, "terminate", js_new_bool(true));
    js_set(arguments, "signal", js_new_text("SIGTERM"));
    control_request_write("revoke", arguments, NULL, &message);
    celery_channel(&o->keys, CONTROL_EXCHANGE, &channel);
    return redis_call(c->redis, NULL, e, rd_text("PUBLISH"), rd_text(text_str(&channel)), rd_bytes(text_str(&message), message.len));
}

/* What still waits in its queue is taken out of it. The rest is asked for again and again: workers remember what was revoked in memory
 * only, and one that starts later has not heard of it. */
static bool cancel_all(struct courier *c, struct out *o, struct err *e)
{
    struct pg_rows rows;
    struct celery_outgoing cancelled[PUSH_MAX];
    const char *ids[PUSH_MAX];
    size_t count = 0, left = 0;
    region_reset(o->region);
    if (!pg_exec(c->pg, &sql_celery_unsendable, &rows, e))
        return false;
    for (; count < rows.count && count < PUSH_MAX; count++)
        cancelled[count] = read_outgoing(o, &rows, count);
    for (size_t i = 0; i < count; i++) {
        bool found;
        if (!take_back(c, o, &cancelled[i], &found, e))
            return err_add(e, "cancelling task %s", cancelled[i].id);
        if (!found)
            ids[left++] = cancelled[i].id;
        else if (!pg_exec(c->pg, &sql_celery_unsend, NULL, e, pg_text(cancelled[i].id)))
            return false;
    }
    return revoke(c, o, ids, left, e);
}

/* The duty -------------------------------------------------------------------------------------------------------------- */

static bool is_due(usec_t *at, usec_t now, usec_t every, bool anyway)
{
    if (now < *at && !anyway)
        return false;
    *at = now + every;
    return true;
}

static usec_t earlier(usec_t a, usec_t b)
{
    return a < b ? a : b;
}

static bool give_up(struct courier *c, struct err *e)
{
    usec_t patience = c->config->celery.unreported;
    return patience == 0 || pg_exec(c->pg, &sql_celery_give_up, NULL, e, pg_duration(patience));
}

static bool run(struct courier *c, void *data, struct duty_turn *turn, struct err *e)
{
    struct out *o = data;
    usec_t now = clock_boot();
    bool more = false;
    if (!o->open && !open_out(c, o, e))
        return false;
    if (!hear(c, o, e))
        return false;
    if ((turn->fresh || turn->bells || now >= o->sweep_at) && !push_all(c, o, e))
        return false;
    if (is_due(&o->cancel_at, now, cancel_every, turn->bells & COURIER_CANCEL) && !cancel_all(c, o, e))
        return false;
    if (is_due(&o->sweep_at, now, idle_sweep_every, turn->bells & COURIER_OUTGOING)) {
        if (!sweep(c, o, &more, e))
            return false;
        if (more)
            o->sweep_at = now + (*o->after ? MSEC(100) : sweep_every);
    }
    if (is_due(&o->give_up_at, now, give_up_every, false) && !give_up(c, e))
        return false;
    if (turn->bells & COURIER_OUTGOING)
        lost_sent(o->lost);
    if (!lost_step(o->lost, c, &o->keys, backend_of(c, o), e))
        return false;
    turn->next_at = earlier(lost_due(o->lost), earlier(o->sweep_at, o->cancel_at));
    return true;
}

static size_t watch(struct courier *c, void *data, struct pollfd *fds, size_t room)
{
    struct out *o = data;
    (void)c;
    if (!o->ears || room == 0)
        return 0;
    fds[0] = (struct pollfd){.fd = redis_socket(o->ears), .events = POLLIN};
    return 1;
}

const struct duty duty_out = {
    .name = "out",
    .needs = COURIER_PG | COURIER_REDIS,
    .bells = COURIER_OUTGOING | COURIER_CANCEL,
    .state_size = sizeof(struct out),
    .wanted = wanted,
    .run = run,
    .watch = watch,
    .close = close_out,
};
