/* redis_queue: texts for the scripts, and numbers from their answers. The scripts decide. */
#include "common/broker/redis_queue.h"
#include "common/base/json.h"
#include "common/store/seat.h"
#include "sql/scripts.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROMOTE_MAX = 500, PURGE_MAX = 1000, NAME_MAX_BYTES = 200, KEY_MAX_BYTES = 2000, PRIORITY_DEFAULT = 5, ATTEMPTS_DEFAULT = 3 };

const char *redis_queue_prefix(const char *queue, char out[static REDIS_PREFIX_MAX])
{
    snprintf(out, REDIS_PREFIX_MAX, "drumbeat:{%s}:", queue);
    return out;
}

/* Enqueue ----------------------------------------------------------------------------------------------------------- */

/* Parts are divided by tabs, and a name has no blanks anywhere. */
static bool is_clean(const char *text, size_t most, bool blanks)
{
    for (const char *c = text; c && *c; c++)
        if (iscntrl((unsigned char)*c) || (!blanks && *c == ' '))
            return false;
    return !text || (*text && strlen(text) <= most);
}

static bool check(const struct new_task *task, struct err *e)
{
    CLEANUP(js_freep) struct js *args = task->args ? js_parse(task->args, strlen(task->args), e) : NULL;
    if (task->args && js_type(args) != JS_OBJECT)
        return err_set(e, ERR_USAGE, "args must be JSON objects");
    if (!task->name || !is_clean(task->name, NAME_MAX_BYTES, false))
        return err_set(e, ERR_USAGE, "name must be 1 to 200 characters without blanks");
    if (!is_clean(task->unique_key, KEY_MAX_BYTES, true) || !is_clean(task->tenant, KEY_MAX_BYTES, true))
        return err_set(e, ERR_USAGE, "unique_key and tenant must be 1 to %d bytes without control characters", KEY_MAX_BYTES);
    if (task->priority > 9 || task->max_attempts > 1000 || task->max_attempts < 0)
        return err_set(e, ERR_USAGE, "priority must be between 0 and 9, max_attempts between 1 and 1000");
    if (task->unique_mode || task->unique_until || task->unique_window || task->idempotency_key || task->limit_key || task->headers)
        return err_set(e, ERR_USAGE, "a queue in Redis only knows unique keys that are held until the end, and no idempotency key, limit key or headers");
    return true;
}

static void write_task(struct text *out, const struct new_task *task, struct uuid id, usec_t now)
{
    char text[UUID_TEXT_MAX];
    text_printf(out, "%s\t%d\t0\t%d\t0\t%" PRId64 "\t%" PRId64 "\t%s\t%s\t%s\t%s", uuid_format(id, text), task->priority < 0 ? PRIORITY_DEFAULT : task->priority,
                task->max_attempts ? task->max_attempts : ATTEMPTS_DEFAULT, task->run_at > now ? task->run_at : now, task->expires_at, task->name,
                task->tenant ? task->tenant : "", task->unique_key ? task->unique_key : "", task->args ? task->args : "{}");
}

/* The tasks lie one behind the other in `texts`, divided by their ends. */
static bool write_tasks(const struct new_task *tasks, size_t count, struct uuid *ids, struct text *texts, size_t *ends, struct err *e)
{
    usec_t now = clock_now();
    for (size_t i = 0; i < count; i++) {
        if (!check(&tasks[i], e))
            return false;
        ids[i] = uuid_v7();
        write_task(texts, &tasks[i], ids[i], now);
        ends[i] = texts->len;
    }
    return true;
}

bool redis_queue_enqueue(struct redis *redis, const char *queue, const struct new_task *tasks, size_t count, struct uuid *ids, struct err *e)
{
    CLEANUP(text_free) struct text texts = {0};
    struct rd_arg args[1 + 3 * REDIS_QUEUE_BATCH_MAX + 1];
    size_t ends[REDIS_QUEUE_BATCH_MAX];
    char prefix[REDIS_PREFIX_MAX];
    const struct rd_reply *reply;
    usec_t now = clock_now();
    if (count > REDIS_QUEUE_BATCH_MAX)
        return err_set(e, ERR_LIMIT, "more than %d tasks at once", REDIS_QUEUE_BATCH_MAX);
    if (count == 0)
        return true;
    if (!write_tasks(tasks, count, ids, &texts, ends, e))
        return false;
    size_t n = 0;
    args[n++] = rd_text(redis_queue_prefix(queue, prefix));
    for (size_t i = 0; i < count; i++) {
        size_t from = i > 0 ? ends[i - 1] : 0;
        args[n++] = rd_int(tasks[i].run_at > now ? (tasks[i].run_at + 999) / 1000 : 0);
        args[n++] = rd_text(tasks[i].unique_key);
        args[n++] = rd_bytes(text_str(&texts) + from, ends[i] - from);
    }
    args[n] = (struct rd_arg){.type = RD_END};
    if (!redis_script(redis, &lua_queue_enqueue, 1, args, &reply, e))
        return false;
    for (size_t i = 0; i < count; i++)
        if (rd_length_of(rd_at(reply, i)) > 0)
            uuid_parse(rd_text_of(rd_at(reply, i)), &ids[i]);
    return true;
}

/* Rounds ------------------------------------------------------------------------------------------------------------ */

enum { SEATS_MAX = 1024, HELD_SIZE = 40 };

bool redis_queue_tick(struct redis *redis, const char *queue, const struct redis_worker *worker, enum redis_pause pause, struct redis_queue_state *state,
                      struct err *e)
{
    static const char *const pauses[] = {[REDIS_OPEN] = "", [REDIS_PAUSED] = "1", [REDIS_PAUSE_AS_IT_WAS] = "-"};
    static char held[SEATS_MAX][HELD_SIZE];
    char prefix[REDIS_PREFIX_MAX], id[UUID_TEXT_MAX];
    const struct rd_reply *reply;
    struct rd_arg args[5 + SEATS_MAX + 1] = {rd_text(redis_queue_prefix(queue, prefix)), rd_text(uuid_format(worker->id, id)), rd_int(worker->lease / 1000),
                                             rd_text(pauses[pause]), rd_int(PROMOTE_MAX)};
    size_t count = 5;
    for (size_t seat = 0; seat < worker->seats && seat < SEATS_MAX; seat++)
        if (worker->fences[seat]) {
            snprintf(held[seat], sizeof held[seat], "%zu/%" PRId64, seat, worker->fences[seat]);
            args[count++] = rd_text(held[seat]);
        }
    args[count] = (struct rd_arg){.type = RD_END};
    if (!redis_script(redis, &lua_queue_tick, 1, args, &reply, e))
        return false;
    bool empty = rd_count_of(reply) == 0;
    int64_t next = empty ? -1 : rd_int_of(rd_at(reply, 3));
    *state = (struct redis_queue_state){
        .empty = empty,
        .promoted = rd_int_of(rd_at(reply, 0)),
        .ready = rd_int_of(rd_at(reply, 1)),
        .lapsed = rd_int_of(rd_at(reply, 2)),
        .next_due = next < 0 ? -1 : MSEC(next),
        .failed = rd_int_of(rd_at(reply, 4)),
    };
    return true;
}

/* Places that ended as a success. */
static void mark_done(const struct settlement *ran, char marks[static CLAIM_MAX + 1])
{
    memset(marks, '0', ran->count);
    marks[ran->count] = '\0';
    for (size_t i = 0; i < ran->count; i++)
        if (ran->started[i])
            marks[i] = '1';
    for (size_t i = 0; i < ran->other_count; i++)
        if (ran->others[i].end.outcome == OUTCOME_SUCCESS)
            marks[ran->others[i].place - 1] = '1';
}

static bool take_back(struct redis *redis, const char *queue, const char *seat, struct uuid running, const struct attempt_end *how,
                      const struct settlement *ran, int64_t *count, struct err *e)
{
    char prefix[REDIS_PREFIX_MAX], id[UUID_TEXT_MAX], teller[UUID_TEXT_MAX + 40] = "", marks[CLAIM_MAX + 1] = "";
    const struct rd_reply *reply;
    usec_t now = clock_now();
    if (ran) {
        snprintf(teller, sizeof teller, "%s%" PRId64, seat, ran->fence);
        mark_done(ran, marks);
    }
    if (!redis_script(redis, &lua_queue_take_back, 1,
                      RD_ARGS(rd_text(redis_queue_prefix(queue, prefix)), rd_text(queue), rd_text(seat), rd_text(uuid_is_zero(running) ? "" : uuid_format(running, id)),
                              rd_text(outcome_name(how->outcome)), rd_text(how->error), rd_int(how->started_at), rd_int(how->ended_at ? how->ended_at : now),
                              rd_int(how->signal), rd_int(how->exit_code), rd_int(how->peak_rss), rd_int(how->cpu_ms), rd_int(REDIS_DEATHS_MAX), rd_text(teller),
                              rd_text(marks)),
                      &reply, e))
        return false;
    *count = rd_int_of(reply);
    return true;
}

bool redis_queue_take_lapsed(struct redis *redis, const char *queue, int64_t *count, struct err *e)
{
    const struct attempt_end lost = {.outcome = OUTCOME_LOST, .error = "its worker is gone, or could not renew its lease", .exit_code = -1, .peak_rss = -1, .cpu_ms = -1};
    return take_back(redis, queue, "", (struct uuid){{0}}, &lost, NULL, count, e);
}

bool redis_queue_release_seat(struct redis *redis, const char *queue, struct uuid worker, int seat, struct uuid running, const struct attempt_end *how,
                              const struct settlement *ran, int64_t *count, struct err *e)
{
    char holder[UUID_TEXT_MAX + 16], id[UUID_TEXT_MAX];
    bool counts = how->outcome != OUTCOME_RETURNED;
    snprintf(holder, sizeof holder, "%s/%d/", uuid_format(worker, id), seat);
    return take_back(redis, queue, holder, counts ? running : (struct uuid){{0}}, how, ran, count, e);
}

bool redis_queue_share(struct redis *redis, const char *queue, const struct redis_slow *slow, const struct settlement *ran, int64_t *returned, struct err *e)
{
    char prefix[REDIS_PREFIX_MAX], worker[UUID_TEXT_MAX], task[UUID_TEXT_MAX], holder[UUID_TEXT_MAX + 40], marks[CLAIM_MAX + 1];
    const struct rd_reply *reply;
    snprintf(holder, sizeof holder, "%s/%d/%" PRId64, uuid_format(slow->worker, worker), slow->seat, ran->fence);
    mark_done(ran, marks);
    for (size_t i = (size_t)slow->turn; i < ran->count; i++)
        if (slow->order[i] > 0 && (size_t)slow->order[i] <= ran->count)
            marks[slow->order[i] - 1] = '2';
    if (!redis_script(redis, &lua_queue_share, 1,
                      RD_ARGS(rd_text(redis_queue_prefix(queue, prefix)), rd_text(holder), rd_int(slow->place), rd_text(uuid_format(slow->task, task)), rd_text(marks)),
                      &reply, e))
        return false;
    *returned = rd_int_of(reply);
    return true;
}

/* For people -------------------------------------------------------------------------------------------------------- */

bool redis_queue_counts(struct redis *redis, const char *queue, struct redis_queue_counts *counts, struct err *e)
{
    char prefix[REDIS_PREFIX_MAX];
    const struct rd_reply *reply;
    if (!redis_script(redis, &lua_queue_counts, 1, RD_ARGS(rd_text(redis_queue_prefix(queue, prefix))), &reply, e))
        return false;
    *counts = (struct redis_queue_counts){
        .ready = rd_int_of(rd_at(reply, 0)),
        .delayed = rd_int_of(rd_at(reply, 1)),
        .held = rd_int_of(rd_at(reply, 2)),
        .failed = rd_int_of(rd_at(reply, 3)),
        .oldest_at = rd_int_of(rd_at(reply, 4)),
    };
    return true;
}

bool redis_queue_purge(struct redis *redis, const char *queue, int64_t *count, struct err *e)
{
    char prefix[REDIS_PREFIX_MAX];
    const struct rd_reply *reply;
    *count = 0;
    do {
        if (!redis_script(redis, &lua_queue_purge, 1, RD_ARGS(rd_text(redis_queue_prefix(queue, prefix)), rd_int(PURGE_MAX)), &reply, e))
            return false;
        *count += rd_int_of(reply);
    } while (rd_int_of(reply) > 0);
    return true;
}

bool redis_queue_cancel(struct redis *redis, const char *queue, struct uuid id, struct err *e)
{
    char prefix[REDIS_PREFIX_MAX], text[UUID_TEXT_MAX];
    return redis_script(redis, &lua_queue_cancel, 1, RD_ARGS(rd_text(redis_queue_prefix(queue, prefix)), rd_text(uuid_format(id, text))), NULL, e);
}
