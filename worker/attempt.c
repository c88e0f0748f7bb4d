/* attempt: runs one task and translates how it ended. */
#include "worker/attempt.h"
#include "common/broker/redis_queue.h"
#include "common/store/result.h"
#include "worker/log_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The host of a task ------------------------------------------------------------------------------------------------ */

static bool check(void *data, struct err *e)
{
    struct child *c = data;
    if (atomic_load(&c->seat->stop) == c->ticket)
        return err_set(e, ERR_CANCELLED, "cancelled");
    if (clock_boot() > c->soft_at)
        return err_set(e, ERR_TIMEOUT, "out of time: the soft limit is over");
    return true;
}

static void progress(void *data, int64_t value, int64_t end, const char *message)
{
    struct child *c = data;
    seat_progress(c->seat, value, end, message);
}

static void log_task(void *data, struct uuid task, enum log_level level, const char *message)
{
    struct child *c = data;
    bool last;
    if (envelope_takes_line(&c->envelope, strlen(message), &last))
        log_line_send(FD_LOG_WRITE, task, level, message);
    else if (last)
        log_line_send(FD_LOG_WRITE, task, LOG_WARNING, "the rest of this attempt's log is dropped: it is beyond log_lines or 1 MiB");
}

static void wrote(void *data, int64_t bytes)
{
    struct child *c = data;
    envelope_count_output(&c->envelope, bytes);
}

static struct pg *connection(void *data, struct err *e)
{
    struct child *c = data;
    if (pg_alive(c->pg))
        return c->pg;
    err_set(e, ERR_UNREACHABLE, "the connection to PostgreSQL is lost");
    return NULL;
}

/* A commit in the middle of a handler. When its answer is lost, the server is asked on a new connection what became of it; the
 * old session was ended first, so the answer is final. */
static bool commit(void *data, struct err *e)
{
    struct child *c = data;
    bool committed;
    if (!seat_before_commit(c->pg, &c->key, &c->xid, e))
        return false;
    if (pg_commit(c->pg, e))
        return true;
    if (e->kind != ERR_UNCERTAIN)
        return false;
    char application[SEAT_APPLICATION_MAX];
    struct pg_options options = {.url = c->config->database.url,
                                 .application = seat_application(c->board->worker, c->key.seat, application),
                                 .pooled = c->config->database.listen_url != NULL};
    struct pg *fresh = pg_open(&options, e);
    if (!fresh || !seat_raise(fresh, &c->key, e) || !xact_committed(fresh, text_str(&c->xid), &committed, e)) {
        pg_close(fresh);
        return err_add(e, "a COMMIT was not answered");
    }
    tally_event(&c->board->tally, committed ? TALLY_COMMITTED : TALLY_ROLLED_BACK, 1);
    pg_close(c->pg);
    c->pg = fresh;
    broker_use(c->broker, fresh);
    return committed || err_set(e, ERR_TRANSIENT, "a COMMIT was not answered and did not happen");
}

static bool keep_result(void *data, const struct task_facts *facts, const char **json, struct region *region, struct err *e)
{
    const struct child *c = data;
    const struct config *config = c->config;
    struct text reference CLEANUP(text_free) = {0};
    struct result_place place = {.root = config->results.root, .keep = config->results.keep, .mode = (unsigned)strtoul(config->results.mode, NULL, 8)};
    if (!result_put(&place, facts->id, facts->fence, *json, &reference, e))
        return false;
    *json = region_strdup(region, text_str(&reference));
    return true;
}

/* How it ended ------------------------------------------------------------------------------------------------------ */

static void translate_snooze(const struct task_end *result, struct attempt_end *end)
{
    end->outcome = OUTCOME_SNOOZED;
    end->retry_after = result->snooze;
    end->error = result->error.text;
}

static void translate_death(const struct task_end *result, struct attempt_end *end)
{
    end->outcome = OUTCOME_CRASHED;
    end->retryable = true;
    end->signal = result->signal;
    end->exit_code = result->exit_code;
    end->error = result->error.text;
}

/* `broken`: what the kernel had to do to the task, NULL: nothing. */
static void translate_error(const struct catalog_entry *entry, const struct claimed *task, const struct limits *limits, struct err *error,
                            const char *broken, struct attempt_end *end)
{
    char limit[CLOCK_TEXT_MAX];
    end->outcome = OUTCOME_FAILED;
    end->retryable = err_retryable(error->kind);
    if (error->kind == ERR_CANCELLED) {
        end->outcome = OUTCOME_CANCELLED;
    } else if (broken) {
        end->outcome = OUTCOME_LIMIT;
        end->retryable = true;
        err_add(error, "%s", broken);
    } else if (error->kind == ERR_TIMEOUT && end->ended_at - end->started_at >= limits->soft) {
        end->outcome = OUTCOME_LIMIT;
        err_add(error, "soft limit %s", duration_format(limits->soft, limit));
    }
    if (end->retryable)
        end->retry_after = catalog_retry_delay(entry, task->attempt);
    end->error = error->text;
}

static void sit_down(struct child *c, const struct claimed *task, const struct catalog_entry *entry, const struct limits *limits, usec_t started_at)
{
    struct seat_view view = {
        .task = task->id,
        .fence = c->fence,
        .epoch = c->key.epoch,
        .place = task->place,
        .turn = c->turn,
        .attempt = task->attempt,
        .series = c->series,
        .told = c->wanted == 1,
        .light = c->holder == c->light,
        .since = clock_boot(),
        .started_at = started_at,
        .limits = *limits,
        .hard_is_final = catalog_is_app(entry),
        .cpu_before = c->envelope.cpu_before,
    };
    view.soft_at = view.since + limits->soft;
    view.hard_at = view.since + limits->hard;
    c->soft_at = view.soft_at;
    c->ticket = seat_ticket(view.fence, view.place);
    snprintf(view.name, sizeof view.name, "%s", task->name);
    seat_begin(c->seat, &view);
}

/* The measurements of a long task; a tiny one is not worth the system calls. */
static void measure(struct child *c, struct attempt_end *end)
{
    if (end->ended_at - end->started_at < MSEC(1))
        return;
    end->cpu_ms = envelope_cpu(&c->envelope) / 1000;
    end->peak_rss = envelope_peak();
    int64_t most = c->config->worker.recycle.memory;
    c->spent |= most && end->peak_rss > most && envelope_resident() > most;
}

/* A running mean, shared by the pool; races only cost precision. The first of a handler counts whole. */
static void learn_duration(const struct child *c, const struct catalog_entry *entry, usec_t took)
{
    _Atomic int64_t *shared = &c->shared->mean_us[entry->place];
    int64_t mean = atomic_load_explicit(shared, memory_order_relaxed);
    usec_t counted = took > 0 ? took : 1;
    atomic_store_explicit(shared, mean ? (mean * 7 + counted) / 8 + 1 : counted, memory_order_relaxed);
}

/* What remote control has asked for stands in place of what is configured. */
static struct limits limits_of(const struct child *c, const struct catalog_entry *entry)
{
    struct limits limits = entry->limits;
    const struct asked_limits *asked = &c->shared->asked[entry->place];
    usec_t soft = atomic_load_explicit(&asked->soft, memory_order_relaxed), hard = atomic_load_explicit(&asked->hard, memory_order_relaxed);
    if (soft)
        limits.soft = soft;
    if (hard)
        limits.hard = hard;
    return limits;
}

bool attempt_run(struct child *c, const struct claimed *task, struct attempt_end *end)
{
    static struct task_end result;
    const struct catalog_entry *entry = catalog_find(c->catalog, task->name);
    *end = (struct attempt_end){.started_at = clock_now(), .exit_code = -1, .peak_rss = -1, .cpu_ms = -1, .progress_value = -1, .end_value = -1};
    if (task->cancelled || task->expired || !entry) {
        end->outcome = task->cancelled ? OUTCOME_CANCELLED : task->expired ? OUTCOME_EXPIRED : OUTCOME_RETURNED;
        end->error = task->cancelled ? "cancelled before it started" : task->expired ? "expired before it could start" : NULL;
        end->ended_at = end->started_at;
        return false;
    }
    region_reset(c->region);
    struct limits limits = limits_of(c, entry);
    if (task->limits && !limits_tighten(&limits, task->limits, &result.error)) {
        translate_error(entry, task, &limits, &result.error, NULL, end);
        end->ended_at = end->started_at;
        return false;
    }
    struct limits held = limits; /* with what programs take that are here for other tasks */
    held.memory += envelope_kept_memory(catalog_command(entry));
    envelope_begin(&c->envelope, &held);
    sit_down(c, task, entry, &held, end->started_at);
    struct task_host host = {.data = c, .config = c->config, .check = check, .progress = progress, .log = log_task, .wrote = wrote, .pg = connection,
                             .commit = commit, .keep = keep_result};
    struct task_facts facts = {.id = task->id,
                               .attempt = task->attempt,
                               .fence = c->fence,
                               .tick_at = task->tick_at,
                               .soft_at = c->soft_at,
                               .args = task->args,
                               .limits = &limits};
    task_run(entry->handler, &facts, &host, c->region, &result);
    end->ended_at = clock_now();
    c->spent |= !envelope_end(&c->envelope, end->ended_at - end->started_at);
    seat_finish(c->seat);
    measure(c, end);
    learn_duration(c, entry, end->ended_at - end->started_at);
    end->progress_value = result.progress_value;
    end->end_value = result.end_value;
    end->progress_message = result.progress_message;
    end->result = result.result;
    if (result.snooze)
        translate_snooze(&result, end);
    else if (result.died && !c->envelope.broken)
        translate_death(&result, end);
    else if (!result.success)
        translate_error(entry, task, &limits, &result.error, c->envelope.broken, end);
    if (result.again && end->outcome == OUTCOME_FAILED)
        end->retry_after = result.again_after;
    return result.in_transaction;
}

struct attempt_end death_end(const struct death *death)
{
    return (struct attempt_end){
        .outcome = death->outcome,
        .retryable = !death->final,
        .started_at = death->started_at,
        .ended_at = clock_now(),
        .error = death->text,
        .signal = death->signal,
        .exit_code = death->exit_code,
        .peak_rss = death->peak_rss,
        .cpu_ms = death->cpu_ms,
    };
}

/* What a dead child noted; false: nothing. */
static bool notes_of_dead(const struct seat *seat, struct notes **notes, struct settlement **ran)
{
    static struct notes copy;
    static struct other others[CLAIM_MAX];
    static struct settlement settlement = {.others = others};
    *notes = &copy;
    *ran = &settlement;
    if (!notes_copy(&seat->notes, &copy) || copy.count == 0)
        return false;
    notes_settlement(&copy, &settlement);
    return true;
}

bool death_release_light(struct redis *redis, const char *queue, const struct seat_key *key, const struct seat *seat, struct err *e)
{
    struct notes *notes;
    struct settlement *ran;
    int64_t count;
    struct attempt_end how = death_end(&seat->death);
    bool told = notes_of_dead(seat, &notes, &ran) && notes->light;
    return redis_queue_release_seat(redis, queue, key->worker, key->seat, seat->death.task, &how, told ? ran : NULL, &count, e);
}

bool death_release(struct pg *pg, struct seat_key *key, struct seat *seat, struct tally *tally, struct err *e)
{
    struct notes *notes;
    struct settlement *ran;
    struct attempt_end how = death_end(&seat->death);
    bool noted = notes_of_dead(seat, &notes, &ran), told = noted && !notes->light;
    if (!seat_take(pg, key, e))
        return false;
    bool released = seat_empty(pg, key, told ? ran : NULL, seat->death.task, &how, e);
    if (!released && told && e->kind == ERR_DATA) {
        log_error("task.not_settled", LOG_ERR(e));
        notes->unstorable = true;
        notes_settlement(notes, ran);
        released = seat_empty(pg, key, ran, seat->death.task, &how, e);
    }
    if (!released)
        return false;
    if (noted)
        notes_count(notes, tally);
    notes_forget(&seat->notes);
    return true;
}
