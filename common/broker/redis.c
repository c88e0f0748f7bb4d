/* broker/redis: queues whose tasks are in Redis alone. One claim is held at a time; its tasks are remembered as they came, because a retry is
 * the same text with another number of attempts.
 *
 * What is to be said of a claim (`words`) is kept until Redis has heard it: after a lost connection it is said again, which changes nothing
 * that was heard already, and until then nothing more is claimed here. So a turn fails only when the lease ran out and others have the
 * tasks; a Redis that is away is asked again after a back-off, and the caller goes on with other queues. */
#include "common/base/crash_point.h"
#include "common/base/log.h"
#include "common/broker/driver.h"
#include "common/broker/redis_queue.h"
#include "sql/scripts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOLDER_MAX = 80, WORDS_PER_TASK = 4 };

static const usec_t back_off_first = MSEC(50), back_off_cap = SECONDS(2), call_timeout = SECONDS(5), unknown_name_wait = SECONDS(5);

/* One place of a claim. */
struct place {
    const char *text; /* the task as it came */
    size_t length;
    const char *unique; /* NULL: none */
    bool settled;
    bool foreign;   /* no handler of ours has the name */
    bool cancelled; /* before it could start */
};

struct redis_side {
    struct redis *redis; /* NULL: not connected */
    usec_t retry_at;
    int failures;
    uint32_t *empty; /* by queue: the bell when it had nothing left */
    size_t queue;    /* that the claim is of */
    char holder[HOLDER_MAX];
    struct place places[CLAIM_MAX];
    size_t count, settled; /* places; 0: nothing is held */
    struct rd_arg words[3 + CLAIM_MAX * WORDS_PER_TASK + 1];
    size_t word_count; /* of tasks; 0: there is nothing to say of any */
    bool last; /* after these words nothing of the claim is left */
};

struct redis_side *redis_side_new(void)
{
    return mem_zero(1, sizeof(struct redis_side));
}

void redis_side_free(struct redis_side *side)
{
    if (!side)
        return;
    redis_close(side->redis);
    free(side->empty);
    free(side);
}

static uint32_t bell_of(const struct broker *b)
{
    return b->options.bell ? atomic_load(b->options.bell) : 0;
}

/* Connection -------------------------------------------------------------------------------------------------------- */

static void note_lost(struct redis_side *side, const struct err *e)
{
    usec_t limit = back_off_first << (side->failures < 6 ? side->failures : 6);
    redis_close(side->redis);
    side->redis = NULL;
    side->retry_at = clock_boot() + back_off_first / 2 + jitter(limit < back_off_cap ? limit : back_off_cap);
    if (side->failures++ == 0)
        log_warning("child.redis_lost", LOG_ERR(e));
}

static bool is_connected(struct broker *b)
{
    struct err e;
    struct redis_side *side = b->redis;
    char name[48];
    if (side->redis && redis_alive(side->redis))
        return true;
    if (clock_boot() < side->retry_at)
        return false;
    redis_close(side->redis);
    snprintf(name, sizeof name, "drumbeat/child/%d", b->options.key->seat);
    side->redis = redis_open(&(struct redis_options){.url = b->options.redis_url, .name = name, .call_timeout = call_timeout}, &e);
    if (!side->redis)
        note_lost(side, &e);
    return side->redis != NULL;
}

/* What became of tasks ---------------------------------------------------------------------------------------------- */

static const char *prefix_of(struct broker *b, size_t queue)
{
    char prefix[REDIS_PREFIX_MAX];
    return region_strdup(b->region, redis_queue_prefix(b->options.queues[queue].name, prefix));
}

static void say(struct redis_side *side, int place, const char *what, struct rd_arg argument, const char *text)
{
    struct rd_arg *word = side->words + 3 + side->word_count * WORDS_PER_TASK;
    struct place *p = &side->places[place - 1];
    if (p->settled)
        return;
    p->settled = true;
    side->settled++;
    side->word_count++;
    word[0] = rd_int(place);
    word[1] = rd_text(what);
    word[2] = argument;
    word[3] = rd_text(text);
}

/* The task's own text, from its field number `field` (from 0) on. */
static const char *field_at(const char *text, int field)
{
    while (field-- > 0)
        text = strchr(text, '\t') + 1;
    return text;
}

/* The text of a task that failed, with the number of its attempts; `ready_at` is when it may run again. */
static const char *retried(struct broker *b, const struct place *p, int attempt, usec_t ready_at)
{
    const char *allowed = field_at(p->text, 3), *deaths = field_at(p->text, 4), *expires = field_at(p->text, 6);
    return region_printf(b->region, "%.38s\t%d\t%.*s\t%.*s\t%" PRId64 "\t%s", p->text, attempt, (int)strcspn(allowed, "\t"), allowed,
                         (int)strcspn(deaths, "\t"), deaths, ready_at, expires);
}

static void add_member(struct text *out, const char *name, const char *value, size_t length)
{
    text_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);
    text_json_string(out, value, length);
}

static void add_number(struct text *out, const char *name, int64_t value)
{
    text_printf(out, "%s\"%s\":\"%" PRId64 "\"", out->len > 1 ? "," : "", name, value);
}

/* What PostgreSQL gets of it (drumbeat.record_failures). */
static const char *failed_record(struct broker *b, const struct place *p, const struct attempt_end *end, const char *status)
{
    static const char *const names[] = {"id", "priority", NULL, "allowed", NULL, "ready", "expires", "name", "tenant", "unique", "args"};
    CLEANUP(text_free) struct text out = {0};
    char worker[UUID_TEXT_MAX];
    const char *field = p->text;
    text_putc(&out, '{');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = i + 1 < sizeof names / sizeof *names ? strcspn(field, "\t") : p->length - (size_t)(field - p->text);
        if (names[i])
            add_member(&out, names[i], field, length);
        field += length + 1;
    }
    bool started = end->outcome != OUTCOME_EXPIRED && !p->cancelled;
    add_number(&out, "attempt", strtoll(field_at(p->text, 2), NULL, 10) + started);
    add_member(&out, "queue", b->options.queues[b->redis->queue].name, strlen(b->options.queues[b->redis->queue].name));
    add_member(&out, "status", status, strlen(status));
    add_member(&out, "outcome", outcome_name(end->outcome), strlen(outcome_name(end->outcome)));
    add_member(&out, "error", end->error ? end->error : "", end->error ? strlen(end->error) : 0);
    add_member(&out, "worker", uuid_format(b->options.key->worker, worker), UUID_TEXT_MAX - 1);
    add_member(&out, "fence", strrchr(b->redis->holder, '/') + 1, strlen(strrchr(b->redis->holder, '/') + 1));
    add_number(&out, "started", started ? end->started_at : 0);
    add_number(&out, "ended", end->ended_at);
    add_number(&out, "signal", end->signal);
    add_number(&out, "exit", end->exit_code);
    add_number(&out, "rss", end->peak_rss);
    add_number(&out, "cpu", end->cpu_ms);
    text_putc(&out, '}');
    return region_strdup(b->region, text_str(&out));
}

/* A task that ends without success: as drumbeat.move_on() decides for the others. */
static void end_other(struct broker *b, int place, const struct attempt_end *end)
{
    struct redis_side *side = b->redis;
    const struct place *p = &side->places[place - 1];
    int attempt = (int)strtol(field_at(p->text, 2), NULL, 10), allowed = (int)strtol(field_at(p->text, 3), NULL, 10);
    usec_t again_at = clock_now() + end->retry_after;
    struct rd_arg due = rd_int((again_at + 999) / 1000), unique = rd_text(p->unique);
    switch (end->outcome) {
    case OUTCOME_SUCCESS:
        say(side, place, "done", unique, "");
        break;
    case OUTCOME_RETURNED:
        if (p->foreign) /* another worker may have the handler */
            say(side, place, "later", rd_int((clock_now() + unknown_name_wait) / 1000), p->text);
        else
            say(side, place, "front", rd_text(""), "");
        break;
    case OUTCOME_SNOOZED:
        say(side, place, "later", due, retried(b, p, attempt, again_at));
        break;
    case OUTCOME_CANCELLED:
        say(side, place, "failed", unique, failed_record(b, p, end, "KILLED"));
        break;
    case OUTCOME_EXPIRED:
        say(side, place, "failed", unique, failed_record(b, p, end, "SKIPPED"));
        break;
    case OUTCOME_FAILED:
    case OUTCOME_CRASHED:
    case OUTCOME_LIMIT:
    case OUTCOME_LOST:
        if (end->retryable && attempt + 1 < allowed)
            say(side, place, "later", due, retried(b, p, attempt + 1, again_at));
        else
            say(side, place, "failed", unique, failed_record(b, p, end, "ERRORED"));
        break;
    }
}

/* A plain success needs no word of its own when all of the claim go together and nothing else is to be done for it. */
static void note_settled(struct broker *b, const struct settlement *s)
{
    struct redis_side *side = b->redis;
    size_t plain = 0;
    for (size_t i = 0; i < side->count && i < s->count; i++)
        plain += s->started[i] != 0 && !side->places[i].settled && !side->places[i].unique;
    bool all = side->settled == 0 && plain == side->count;
    for (size_t i = 0; i < side->count && i < s->count; i++) {
        if (s->started[i] == 0)
            continue;
        if (!all)
            say(side, (int)i + 1, "done", rd_text(side->places[i].unique), "");
        side->settled += all;
        side->places[i].settled = true;
    }
    for (size_t i = 0; i < s->other_count; i++)
        if (s->others[i].place <= (int)side->count)
            end_other(b, s->others[i].place, &s->others[i].end);
    side->last = side->settled == side->count;
}

/* Turns ------------------------------------------------------------------------------------------------------------- */

static struct rd_call finish_call(struct broker *b)
{
    struct redis_side *side = b->redis;
    side->words[0] = rd_text(prefix_of(b, side->queue));
    side->words[1] = rd_text(side->holder);
    side->words[2] = rd_text(side->last ? "1" : "");
    side->words[3 + side->word_count * WORDS_PER_TASK] = (struct rd_arg){.type = RD_END};
    return (struct rd_call){.script = &lua_queue_finish, .keys = 1, .args = side->words};
}

static void tell_held(const struct broker *b, int64_t fence)
{
    if (b->options.held)
        atomic_store(b->options.held, fence);
}

/* ERR_FENCED: others have what this seat still runs. That all of it was run already, and perhaps told before, is no error. */
static bool heard(struct broker *b, const struct rd_reply *answer, struct err *e)
{
    struct redis_side *side = b->redis;
    bool lost = rd_int_of(answer) == 0, last = side->last;
    side->word_count = 0;
    if (last || lost) {
        side->count = side->settled = 0;
        tell_held(b, 0);
    }
    if (lost && last)
        log_info("child.redis_claim_was_over", LOG_STR("holder", side->holder));
    return !lost || last || err_set(e, ERR_FENCED, "the lease of claim %s is over", side->holder);
}

static bool has_words(const struct redis_side *side)
{
    return side->count > 0 && (side->word_count > 0 || side->last);
}

bool broker_owes(const struct broker *b)
{
    return b->redis && has_words(b->redis);
}

bool broker_may_have(const struct broker *b)
{
    const struct redis_side *side = b->redis;
    if (!side || !side->empty || !b->options.bell || has_words(side))
        return true;
    for (size_t i = 0; i < b->options.queue_count; i++)
        if (side->empty[i] != bell_of(b))
            return true;
    return false;
}

/* A tab ends the part; NULL for an empty one. */
static const char *take_part(char **rest)
{
    char *part = *rest, *tab = strchr(part, '\t');
    if (tab) {
        *tab = '\0';
        *rest = tab + 1;
    }
    return *part ? part : NULL;
}

static int64_t take_number(char **rest)
{
    const char *part = take_part(rest);
    return part ? strtoll(part, NULL, 10) : 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool knows(const struct broker *b, const char *name)
{
    return name && bsearch(&name, b->options.names, b->options.name_count, sizeof name, compare_names);
}

static void read_task(struct broker *b, const struct rd_reply *reply, int place, struct claimed *out)
{
    struct place *p = &b->redis->places[place - 1];
    char *rest = region_strndup(b->region, rd_text_of(reply), rd_length_of(reply));
    *p = (struct place){.text = region_strndup(b->region, rd_text_of(reply), rd_length_of(reply)), .length = rd_length_of(reply)};
    *out = (struct claimed){.place = place, .queue = b->options.queues[b->redis->queue].name};
    uuid_parse(take_part(&rest), &out->id);
    take_part(&rest);
    out->attempt = (int)take_number(&rest) + 1;
    out->allowed = (int)take_number(&rest);
    take_part(&rest);
    out->ready_at = take_number(&rest);
    usec_t expires_at = take_number(&rest);
    out->expired = expires_at && expires_at <= clock_now();
    out->name = take_part(&rest);
    out->tenant = take_part(&rest);
    p->unique = take_part(&rest);
    p->foreign = !knows(b, out->name);
    out->args = rest;
}

/* The answer of a claim: fence, who was cancelled, the tasks. */
static void read_claim(struct broker *b, size_t queue, const struct rd_reply *reply, struct claims *out)
{
    struct redis_side *side = b->redis;
    size_t count = rd_count_of(reply);
    char worker[UUID_TEXT_MAX];
    if (count < 3)
        return;
    out->fence = rd_int_of(rd_at(reply, 0));
    out->count = count - 2;
    tell_held(b, out->fence);
    side->queue = queue;
    side->count = out->count;
    side->settled = side->word_count = 0;
    side->last = false;
    snprintf(side->holder, sizeof side->holder, "%s/%d/%" PRId64, uuid_format(b->options.key->worker, worker), b->options.key->seat, out->fence);
    const char *marks = rd_text_of(rd_at(reply, 1));
    for (size_t i = 0; i < out->count; i++) {
        read_task(b, rd_at(reply, i + 2), (int)i + 1, &out->task[i]);
        out->task[i].cancelled = side->places[i].cancelled = strlen(marks) > i && marks[i] == '1';
    }
}

/* The next queue that may have something; false: none. */
static bool next_queue(struct broker *b, size_t *queue)
{
    for (size_t i = 0; i < b->options.queue_count; i++) {
        *queue = b->turn++ % b->options.queue_count;
        if (!b->options.bell || b->redis->empty[*queue] != bell_of(b))
            return true;
    }
    return false;
}

/* Say what there is to say and claim from one queue, in one round trip. *again: this queue had nothing, another one may. */
static bool one_round(struct broker *b, bool claims, size_t queue, size_t wanted, struct claims *out, bool *again, struct err *e)
{
    struct redis_side *side = b->redis;
    const struct rd_reply *replies[2];
    struct rd_call calls[2];
    char id[UUID_TEXT_MAX], seat[HOLDER_MAX];
    size_t count = 0;
    bool says = has_words(side);
    uint32_t bell = bell_of(b);
    snprintf(seat, sizeof seat, "%s/%d", uuid_format(b->options.key->worker, id), b->options.key->seat);
    const struct rd_arg *claim_args = RD_ARGS(rd_text(prefix_of(b, queue)), rd_text(seat), rd_int((int64_t)wanted), rd_int(b->options.lease / 1000),
                                              rd_int(b->options.queues[queue].limit));
    if (says)
        calls[count++] = finish_call(b);
    if (claims)
        calls[count++] = (struct rd_call){.script = &lua_queue_claim, .keys = 1, .args = claim_args};
    *again = false;
    if (count == 0)
        return true;
    CRASH_POINT("redis turn", "before");
    if (!redis_calls(side->redis, calls, count, replies, e)) {
        note_lost(side, e);
        return true;
    }
    CRASH_POINT("redis turn", "answered");
    side->failures = 0;
    if (says && !heard(b, replies[0], e))
        return false;
    if (!claims)
        return true;
    if (side->count == 0)
        region_reset(b->region);
    read_claim(b, queue, replies[count - 1], out);
    if (out->count < wanted)
        side->empty[queue] = bell;
    *again = out->count == 0;
    return true;
}

static bool turn(struct broker *b, const struct settlement *settle, size_t wanted, struct claims *out, struct err *e)
{
    struct redis_side *side = b->redis;
    size_t queue = 0;
    bool again;
    if (!side->empty) {
        side->empty = mem_zero(b->options.queue_count, sizeof *side->empty);
        for (size_t i = 0; i < b->options.queue_count; i++)
            side->empty[i] = bell_of(b) - 1;
    }
    if (settle->fence && side->count > 0)
        note_settled(b, settle);
    if (!is_connected(b))
        return true;
    bool free_after = side->count == 0 || side->last;
    bool claims = wanted > 0 && free_after && next_queue(b, &queue);
    if (wanted > CLAIM_MAX)
        wanted = CLAIM_MAX;
    for (size_t tries = 0; tries < b->options.queue_count; tries++) {
        if (!one_round(b, claims, queue, wanted, out, &again, e))
            return false;
        if (!again || !next_queue(b, &queue))
            break;
    }
    return true;
}

/* Places that were not settled go back to the front, the last of them first, so that their order stays. `kept`: all but this one. */
static bool put_back(struct broker *b, int kept, int *count, struct err *e)
{
    static const struct settlement nothing;
    static struct claims none;
    struct redis_side *side = b->redis;
    *count = 0;
    for (int place = (int)side->count; place > 0; place--)
        if (place != kept && !side->places[place - 1].settled) {
            say(side, place, "front", rd_text(""), "");
            ++*count;
        }
    side->last = side->count > 0 && side->settled == side->count;
    return turn(b, &nothing, 0, &none, e);
}

static bool give_back(struct broker *b, int *count, struct err *e)
{
    return put_back(b, 0, count, e);
}

static bool keep_one(struct broker *b, int64_t fence, int place, usec_t started_at, struct err *e)
{
    int count;
    (void)fence;
    (void)started_at;
    return put_back(b, place, &count, e);
}

const struct broker_driver broker_redis = {.name = "redis", .turn = turn, .give_back = give_back, .keep_one = keep_one};
