/* attempt: runs one task and translates how it ended. */
#include "worker/attempt.h"
#include "common/store/result.h"
#include "worker/log_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

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
    (void)data;
    log_line_send(FD_LOG_WRITE, task, level, message);
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

static void translate_error(const struct catalog_entry *entry, const struct claimed *task, struct err *error, struct attempt_end *end)
{
    char limit[CLOCK_TEXT_MAX];
    end->outcome = OUTCOME_FAILED;
    end->retryable = err_retryable(error->kind);
    if (error->kind == ERR_CANCELLED) {
        end->outcome = OUTCOME_CANCELLED;
    } else if (error->kind == ERR_TIMEOUT && end->ended_at - end->started_at >= entry->soft) {
        end->outcome = OUTCOME_LIMIT;
        err_add(error, "soft limit %s", duration_format(entry->soft, limit));
    }
    if (end->retryable)
        end->retry_after = catalog_retry_delay(entry, task->attempt);
    end->error = error->text;
}

static int64_t cpu_ms(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

static int64_t peak_rss(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (int64_t)used.ru_maxrss * 1024;
}

static void sit_down(struct child *c, const struct claimed *task, const struct catalog_entry *entry, usec_t started_at)
{
    struct seat_view view = {
        .task = task->id,
        .fence = c->pending.fence,
        .epoch = c->key.epoch,
        .place = task->place,
        .told = c->wanted == 1,
        .since = clock_boot(),
        .started_at = started_at,
        .memory = entry->memory,
    };
    view.soft_at = view.since + entry->soft;
    view.hard_at = view.since + entry->hard;
    c->soft_at = view.soft_at;
    c->ticket = seat_ticket(view.fence, view.place);
    snprintf(view.name, sizeof view.name, "%s", task->name);
    seat_begin(c->seat, &view);
}

/* The measurements of a long task; a tiny one is not worth two system calls. */
static void measure(struct attempt_end *end, int64_t cpu_before)
{
    if (end->ended_at - end->started_at < MSEC(1))
        return;
    end->cpu_ms = cpu_ms() - cpu_before;
    end->peak_rss = peak_rss();
}

/* A running mean, shared by the pool; races only cost precision. The first of a handler counts whole. */
static void learn_duration(struct child *c, const struct catalog_entry *entry, usec_t took)
{
    _Atomic int64_t *shared = &c->board->mean_us[entry->place];
    int64_t mean = atomic_load_explicit(shared, memory_order_relaxed);
    usec_t counted = took > 0 ? took : 1;
    atomic_store_explicit(shared, mean ? (mean * 7 + counted) / 8 + 1 : counted, memory_order_relaxed);
    c->mean = c->mean ? (c->mean * 7 + counted) / 8 : counted;
}

usec_t attempt_mean(const struct child *c, const struct claimed *task)
{
    const struct catalog_entry *entry = catalog_find(c->catalog, task->name);
    return entry ? atomic_load_explicit(&c->board->mean_us[entry->place], memory_order_relaxed) : 0;
}

bool attempt_run(struct child *c, const struct claimed *task, struct attempt_end *end)
{
    static struct task_end result;
    int64_t cpu_before = cpu_ms();
    const struct catalog_entry *entry = catalog_find(c->catalog, task->name);
    *end = (struct attempt_end){.started_at = clock_now(), .exit_code = -1, .peak_rss = -1, .cpu_ms = -1, .progress_value = -1, .end_value = -1};
    if (task->expired || !entry) {
        end->outcome = task->expired ? OUTCOME_EXPIRED : OUTCOME_RETURNED;
        end->error = task->expired ? "expired before it could start" : NULL;
        end->ended_at = end->started_at;
        return false;
    }
    region_reset(c->region);
    sit_down(c, task, entry, end->started_at);
    struct task_host host = {.data = c, .config = c->config, .check = check, .progress = progress, .log = log_task, .pg = connection, .commit = commit, .keep = keep_result};
    struct task_facts facts = {.id = task->id,
                               .attempt = task->attempt,
                               .fence = c->pending.fence,
                               .tick_at = task->tick_at,
                               .soft_at = c->soft_at,
                               .args = task->args};
    task_run(entry->handler, &facts, &host, c->region, &result);
    seat_finish(c->seat);
    end->ended_at = clock_now();
    measure(end, cpu_before);
    learn_duration(c, entry, end->ended_at - end->started_at);
    end->progress_value = result.progress_value;
    end->end_value = result.end_value;
    end->progress_message = result.progress_message;
    end->result = result.result;
    if (!result.success)
        translate_error(entry, task, &result.error, end);
    return result.in_transaction;
}

bool death_release(struct pg *pg, struct seat_key *key, const struct death *death, struct err *e)
{
    struct attempt_end how = {
        .outcome = death->outcome,
        .retryable = true,
        .started_at = death->started_at,
        .ended_at = clock_now(),
        .error = death->text,
        .signal = death->signal,
        .exit_code = death->exit_code,
        .peak_rss = death->peak_rss,
        .cpu_ms = death->cpu_ms,
    };
    return seat_open(pg, key, death->task, &how, e);
}
