/* courier_lost: look at what was sent and is not known to be taken, a page at a time; ask workers of Celery, by remote control, for what Redis does not
 * remember; and write down what is lost. Asking costs everybody something, so it is done only for what is neither marked nor found. */
#include "worker/courier_lost.h"

#include "common/base/uuid.h"
#include "common/celery/control.h"
#include "common/celery/letter.h"
#include "common/celery/message.h"
#include "common/celery/result.h"
#include "sql/queries.h"
#include "sql/scripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 500, ASK_MAX = 100 };

static const usec_t old_enough = SECONDS(1), look_every = SECONDS(2), idle_look_every = SECONDS(10), look_again = MSEC(50), listen_every = MSEC(100), answer_within = SECONDS(30);

struct waiting {
    const char *id, *queue;
    int64_t seq;
    int priority;
};

struct lost {
    struct region *region; /* of one look */
    char after[CELERY_NAME_MAX + 1]; /* where the next one goes on */
    usec_t due_at;
    /* What was asked for, and nobody has said yet that it has it */
    struct waiting asked[ASK_MAX];
    size_t asked_count;
    const char *had[ASK_MAX]; /* ids that somebody has */
    size_t had_count;
    char ticket[UUID_TEXT_MAX]; /* "": nothing was asked */
    int64_t listeners, answers;
    usec_t until;
};

struct lost *lost_new(void)
{
    struct lost *lost = mem_zero(1, sizeof *lost);
    lost->region = region_new();
    return lost;
}

void lost_free(struct lost *lost)
{
    if (lost)
        region_free(lost->region);
    free(lost);
}

usec_t lost_due(const struct lost *lost)
{
    return lost->due_at;
}

void lost_sent(struct lost *lost)
{
    usec_t soon = clock_boot() + look_every;
    if (lost->due_at > soon)
        lost->due_at = soon;
}

static bool is_asking(const struct lost *lost)
{
    return *lost->ticket;
}

static struct rd_arg kept(struct lost *lost, const struct text *text)
{
    return rd_bytes(region_strndup(lost->region, text_str(text), text->len), text->len);
}

/* Looking --------------------------------------------------------------------------------------------------------------- */

static bool read_page(struct lost *lost, struct courier *c, struct waiting *page, size_t *count, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(c->pg, &sql_celery_waiting, &rows, e, pg_text(lost->after), pg_duration(old_enough), pg_int(PAGE_MAX)))
        return err_add(e, "messages that wait");
    for (size_t i = 0; i < rows.count; i++)
        page[i] = (struct waiting){.id = region_strdup(lost->region, pg_get_text(&rows, i, 0)),
                                   .seq = pg_get_int(&rows, i, 1),
                                   .queue = region_strdup(lost->region, pg_get_text(&rows, i, 2)),
                                   .priority = (int)pg_get_int(&rows, i, 3)};
    *count = rows.count;
    return true;
}

static struct rd_arg mark_of(struct lost *lost, const struct celery_keys *keys, const struct waiting *w)
{
    struct text mark CLEANUP(text_free) = {0};
    celery_sent_mark(keys, w->id, w->seq, &mark);
    return kept(lost, &mark);
}

static struct rd_arg list_of(struct lost *lost, const struct celery_keys *keys, const char *queue, size_t step)
{
    struct text list CLEANUP(text_free) = {0};
    celery_list(keys, queue, step, &list);
    return kept(lost, &list);
}

static void ask_for(struct lost *lost, const struct waiting *w)
{
    lost->asked[lost->asked_count++] = *w;
}

/* What Redis says of a page by its marks. How many of it were looked at: what is to be asked for may be too much for one time. */
static bool sort_page(struct lost *lost, struct courier *c, const struct celery_keys *keys, const struct waiting *page, size_t count, size_t *seen, struct err *e)
{
    struct rd_arg args[2 * PAGE_MAX + 2];
    const char *taken[PAGE_MAX];
    const struct rd_reply *reply;
    size_t taken_count = 0;
    for (size_t i = 0; i < count; i++) {
        args[2 * i] = mark_of(lost, keys, &page[i]);
        args[2 * i + 1] = list_of(lost, keys, page[i].queue, celery_step(keys, page[i].priority));
    }
    args[2 * count] = rd_int(CELERY_MARK_SECONDS);
    args[2 * count + 1] = (struct rd_arg){.type = RD_END};
    if (!redis_script(c->redis, &lua_celery_waits, 2 * count, args, &reply, e))
        return err_add(e, "messages that wait");
    for (*seen = 0; *seen < count && lost->asked_count < ASK_MAX; (*seen)++) {
        const char *how = rd_text_of(rd_at(reply, *seen));
        if (strcmp(how, "taken") == 0)
            taken[taken_count++] = page[*seen].id;
        else if (strcmp(how, "lost") == 0)
            ask_for(lost, &page[*seen]);
    }
    return taken_count == 0 || pg_exec(c->pg, &sql_celery_taken, NULL, e, pg_texts(taken, taken_count));
}

/* Finding --------------------------------------------------------------------------------------------------------------- */

static void no_longer_asked(struct lost *lost, const char *id)
{
    for (size_t i = 0; i < lost->asked_count; i++)
        if (strcmp(lost->asked[i].id, id) == 0)
            lost->asked[i--] = lost->asked[--lost->asked_count];
}

/* One that is there after all: the next look knows it by its mark again. */
static bool mark_again(struct lost *lost, struct courier *c, const struct celery_keys *keys, const char *id, struct err *e)
{
    for (size_t i = 0; i < lost->asked_count; i++)
        if (strcmp(lost->asked[i].id, id) == 0 &&
            !redis_call(c->redis, NULL, e, rd_text("SET"), mark_of(lost, keys, &lost->asked[i]), rd_int(1), rd_text("EX"), rd_int(CELERY_MARK_SECONDS)))
            return false;
    no_longer_asked(lost, id);
    return true;
}

static bool find_in(struct lost *lost, struct courier *c, const struct celery_keys *keys, const char *queue, struct err *e)
{
    struct rd_arg args[1 + CELERY_STEPS_MAX + ASK_MAX + 1];
    struct text unacked CLEANUP(text_free) = {0};
    const struct rd_reply *reply;
    const char *found[ASK_MAX];
    size_t n = 0, count;
    celery_key(keys, "unacked", &unacked);
    args[n++] = rd_text(text_str(&unacked));
    for (size_t step = 0; step < keys->step_count; step++)
        args[n++] = list_of(lost, keys, queue, step);
    for (size_t i = 0; i < lost->asked_count; i++)
        if (strcmp(lost->asked[i].queue, queue) == 0)
            args[n++] = rd_text(lost->asked[i].id);
    args[n] = (struct rd_arg){.type = RD_END};
    if (!redis_script(c->redis, &lua_celery_find, 1 + keys->step_count, args, &reply, e))
        return err_add(e, "looking for messages in queue %s", queue);
    count = rd_count_of(reply) < ASK_MAX ? rd_count_of(reply) : ASK_MAX;
    for (size_t i = 0; i < count; i++)
        found[i] = region_strdup(lost->region, rd_text_of(rd_at(reply, i)));
    for (size_t i = 0; i < count; i++)
        if (!mark_again(lost, c, keys, found[i], e))
            return false;
    return true;
}

static bool is_first_of_its_queue(const struct waiting *all, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(all[k].queue, all[i].queue) == 0)
            return false;
    return true;
}

static bool find(struct lost *lost, struct courier *c, const struct celery_keys *keys, struct err *e)
{
    const char *queues[ASK_MAX];
    size_t count = 0;
    for (size_t i = 0; i < lost->asked_count; i++)
        if (is_first_of_its_queue(lost->asked, i))
            queues[count++] = lost->asked[i].queue;
    for (size_t i = 0; i < count; i++)
        if (!find_in(lost, c, keys, queues[i], e))
            return false;
    return true;
}

/* Asking workers ---------------------------------------------------------------------------------------------------------- */

static void reply_list(const struct lost *lost, const struct celery_keys *keys, struct text *out)
{
    celery_key(keys, lost->ticket, out);
    text_puts(out, "." CONTROL_REPLIES);
}

/* Whoever answers looks up where to. */
static bool bind_replies(const struct lost *lost, struct courier *c, const struct celery_keys *keys, const char *command, struct err *e)
{
    struct text set CLEANUP(text_free) = {0}, member CLEANUP(text_free) = {0}, queue CLEANUP(text_free) = {0};
    celery_key(keys, "_kombu.binding." CONTROL_REPLIES, &set);
    text_printf(&queue, "%s." CONTROL_REPLIES, lost->ticket);
    celery_binding(keys, lost->ticket, text_str(&queue), &member);
    return redis_call(c->redis, NULL, e, rd_text(command), rd_text(text_str(&set)), rd_text(text_str(&member)));
}

static bool ask(struct lost *lost, struct courier *c, const struct celery_keys *keys, struct err *e)
{
    struct js *arguments CLEANUP(js_freep) = js_new_object(), *ids = js_new_array();
    struct text channel CLEANUP(text_free) = {0}, message CLEANUP(text_free) = {0};
    const struct rd_reply *reply;
    for (size_t i = 0; i < lost->asked_count; i++)
        js_push(ids, js_new_text(lost->asked[i].id));
    js_set(arguments, "ids", ids);
    uuid_format(uuid_v7(), lost->ticket);
    lost->answers = 0;
    lost->had_count = 0;
    lost->until = clock_boot() + answer_within;
    control_request_write("query_task", arguments, lost->ticket, &message);
    celery_channel(keys, CONTROL_EXCHANGE, &channel);
    if (!bind_replies(lost, c, keys, "SADD", e) ||
        !redis_call(c->redis, &reply, e, rd_text("PUBLISH"), rd_text(text_str(&channel)), rd_bytes(text_str(&message), message.len)))
        return err_add(e, "asking workers of Celery for messages");
    lost->listeners = rd_int_of(reply);
    return true;
}

static bool has_it(void *data, const char *id, const struct js *state)
{
    struct lost *lost = data;
    (void)state;
    for (size_t i = 0; i < lost->asked_count; i++)
        if (strcmp(lost->asked[i].id, id) == 0)
            lost->had[lost->had_count++] = lost->asked[i].id;
    no_longer_asked(lost, id);
    return true;
}

/* {hostname: {id: [state, request], …}} */
static bool hear_one(void *data, const char *hostname, const struct js *answer)
{
    (void)hostname;
    return js_type(answer) != JS_OBJECT || js_each(answer, has_it, data);
}

static bool hear(struct lost *lost, struct courier *c, const struct celery_keys *keys, struct err *e)
{
    struct text list CLEANUP(text_free) = {0};
    const struct rd_reply *reply;
    reply_list(lost, keys, &list);
    if (!redis_call(c->redis, &reply, e, rd_text("LRANGE"), rd_text(text_str(&list)), rd_int(0), rd_int(-1)))
        return err_add(e, "answers of workers of Celery");
    lost->answers = (int64_t)rd_count_of(reply);
    for (size_t i = 0; i < rd_count_of(reply); i++) {
        struct err ignored;
        struct js *letter CLEANUP(js_freep) = letter_read(rd_text_of(rd_at(reply, i)), rd_length_of(rd_at(reply, i)), &ignored);
        if (js_type(js_get(letter, "body")) == JS_OBJECT)
            js_each(js_get(letter, "body"), hear_one, lost);
    }
    return true;
}

/* Deciding ---------------------------------------------------------------------------------------------------------------- */

/* One that has a result has ended: it is heard of as any other. */
static bool leave_out_ended(struct lost *lost, struct redis *backend, struct err *e)
{
    struct rd_arg args[ASK_MAX + 2] = {rd_text("MGET")};
    const struct rd_reply *reply;
    const char *ended[ASK_MAX];
    size_t count = 0, asked = lost->asked_count;
    for (size_t i = 0; i < asked; i++)
        args[1 + i] = rd_text(region_printf(lost->region, CELERY_RESULT_KEY "%s", lost->asked[i].id));
    args[1 + asked] = (struct rd_arg){.type = RD_END};
    if (!redis_call_args(backend, args, &reply, e))
        return err_add(e, "results of messages that may be lost");
    for (size_t i = 0; i < asked; i++)
        if (rd_type_of(rd_at(reply, i)) == RD_STRING)
            ended[count++] = lost->asked[i].id;
    for (size_t i = 0; i < count; i++)
        no_longer_asked(lost, ended[i]);
    return true;
}

static bool write_lost(const struct lost *lost, struct courier *c, struct err *e)
{
    const char *ids[ASK_MAX];
    int64_t seqs[ASK_MAX];
    struct pg_rows rows;
    size_t count = lost->asked_count;
    for (size_t i = 0; i < count; i++) {
        ids[i] = lost->asked[i].id;
        seqs[i] = lost->asked[i].seq;
    }
    if (!pg_exec(c->pg, &sql_celery_lost, &rows, e, pg_texts(ids, count), pg_ints(seqs, count)))
        return err_add(e, "messages that are lost");
    if (pg_get_int(&rows, 0, 0) > 0)
        log_warning("celery.messages_lost", LOG_INT("messages", pg_get_int(&rows, 0, 0)));
    return true;
}

static bool decide(struct lost *lost, struct courier *c, const struct celery_keys *keys, struct redis *backend, struct err *e)
{
    struct text list CLEANUP(text_free) = {0};
    reply_list(lost, keys, &list);
    if (!bind_replies(lost, c, keys, "SREM", e) || !redis_call(c->redis, NULL, e, rd_text("DEL"), rd_text(text_str(&list))))
        return false;
    *lost->ticket = '\0';
    if (lost->had_count > 0 && !pg_exec(c->pg, &sql_celery_taken, NULL, e, pg_texts(lost->had, lost->had_count)))
        return err_add(e, "messages that somebody has");
    if (lost->asked_count > 0 && !leave_out_ended(lost, backend, e))
        return false;
    return lost->asked_count == 0 || write_lost(lost, c, e);
}

/* Steps ------------------------------------------------------------------------------------------------------------------- */

static bool look(struct lost *lost, struct courier *c, const struct celery_keys *keys, struct err *e)
{
    struct waiting page[PAGE_MAX];
    size_t count = 0, seen = 0;
    region_reset(lost->region);
    lost->asked_count = 0;
    if (!read_page(lost, c, page, &count, e))
        return false;
    if (count > 0 && !sort_page(lost, c, keys, page, count, &seen, e))
        return false;
    bool more = seen < count || count == PAGE_MAX;
    snprintf(lost->after, sizeof lost->after, "%s", more && seen > 0 ? page[seen - 1].id : "");
    lost->due_at = clock_boot() + (more ? look_again : count > 0 ? look_every : idle_look_every);
    if (lost->asked_count > 0 && !find(lost, c, keys, e))
        return false;
    return lost->asked_count == 0 || ask(lost, c, keys, e);
}

bool lost_step(struct lost *lost, struct courier *c, const struct celery_keys *keys, struct redis *backend, struct err *e)
{
    if (clock_boot() < lost->due_at)
        return true;
    if (!is_asking(lost)) {
        if (!look(lost, c, keys, e))
            return false;
    } else if (!hear(lost, c, keys, e) || ((lost->answers >= lost->listeners || clock_boot() >= lost->until) && !decide(lost, c, keys, backend, e))) {
        return false;
    }
    if (is_asking(lost))
        lost->due_at = clock_boot() + listen_every;
    return true;
}
