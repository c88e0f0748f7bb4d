/* courier_control_change: what `celery control` changes: for good where the store keeps it (revokes, rates), and else until the configuration is read
 * again. */
#include "worker/courier_control_inside.h"

#include "sql/queries.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { LIMIT_SECONDS_MAX = 366 * 86400 };

static const usec_t shrink_after = SECONDS(30);

static struct js *value_error(const char *text)
{
    return control_error("ValueError", text);
}

static void say(struct js **answer, struct js *(*kind)(const char *text), const char *before, const char *what, const char *behind)
{
    struct text said CLEANUP(text_free) = {0};
    text_printf(&said, "%s%s%s", before, what, behind);
    *answer = kind(text_str(&said));
}

static void add_id(struct text *list, const char *id)
{
    text_puts(list, list->len ? ", " : "");
    text_puts(list, id);
}

static bool revoke_ids(const struct control_turn *t, bool running_too, struct js **answer, struct err *e)
{
    const char *ids[CONTROL_IDS_MAX];
    bool here[CONTROL_IDS_MAX] = {false};
    struct text list CLEANUP(text_free) = {0};
    size_t count = control_ids(control_argument(t, "task_id"), ids);
    if (running_too && !control_find(t, ids, count, here, e))
        return false;
    if (count > 0 && !pg_exec(t->courier->pg, &sql_celery_revoke, NULL, e, pg_texts(ids, count), pg_bool(running_too)))
        return false;
    for (size_t i = 0; i < count; i++)
        if (here[i] || !running_too)
            add_id(&list, ids[i]);
    if (running_too)
        say(answer, control_ok, "terminate: ", list.len ? text_str(&list) : "tasks unknown", "");
    else
        say(answer, control_ok, "tasks ", text_str(&list), " flagged as revoked");
    return true;
}

static bool revoke_tasks(const struct control_turn *t, struct js **answer, struct err *e)
{
    bool terminate = false;
    js_bool(control_argument(t, "terminate"), &terminate);
    return revoke_ids(t, terminate, answer, e);
}

static bool terminate(const struct control_turn *t, struct js **answer, struct err *e)
{
    return revoke_ids(t, true, answer, e);
}

/* "10/m" is the same here and there; a number is so many a second, none or 0 lifts it. */
static bool rate_limit(const struct control_turn *t, struct js **answer, struct err *e)
{
    const char *name = js_text(control_argument(t, "task_name")), *given = js_text(control_argument(t, "rate_limit"));
    char rate[64] = "";
    int64_t number = 0;
    if (js_integer(control_argument(t, "rate_limit"), &number) && number > 0)
        snprintf(rate, sizeof rate, "%lld/s", (long long)number);
    else if (given)
        snprintf(rate, sizeof rate, "%s%s", given, strchr(given, '/') || strcmp(given, "0") == 0 ? "" : "/s");
    if (!name || !catalog_find(t->courier->catalog, name)) {
        *answer = control_refusal("unknown task");
        return true;
    }
    const char *wanted = *rate && strcmp(rate, "0") != 0 ? rate : NULL;
    if (pg_exec(t->courier->pg, &sql_celery_set_rate, NULL, e, pg_text(name), pg_text(wanted)))
        *answer = control_ok(wanted ? "new rate limit set successfully" : "rate limit disabled successfully");
    else if (pg_alive(t->courier->pg))
        say(answer, control_refusal, "Invalid rate limit string: '", rate, "'");
    return *answer != NULL;
}

static bool stop_worker(const struct control_turn *t, struct js **answer, struct err *e)
{
    (void)answer;
    (void)e;
    log_info("celery.shutdown_requested");
    kill(atomic_load(&t->courier->board->supervisor_pid), SIGTERM);
    return true;
}

/* This worker takes messages from the queue, or does not: until it is told otherwise, or reads its configuration again. */
static bool consume(const struct control_turn *t, bool wanted, struct js **answer)
{
    const char *queue = js_text(control_argument(t, "queue"));
    for (size_t i = 0; queue && i < t->control->queues.count; i++) {
        if (strcmp(t->control->queues.names[i], queue) != 0)
            continue;
        uint64_t bit = (uint64_t)1 << i;
        if (wanted)
            atomic_fetch_and(&t->courier->edition->not_consumed, ~bit);
        else
            atomic_fetch_or(&t->courier->edition->not_consumed, bit);
        log_info(wanted ? "celery.consumer_added" : "celery.consumer_cancelled", LOG_STR("queue", queue));
        courier_ring(t->courier->board, COURIER_SETTLED);
        say(answer, control_ok, wanted ? "add consumer " : "no longer consuming from ", queue, "");
        return true;
    }
    say(answer, value_error, "queues are those of the configuration, and ", queue ? queue : "none", " is not one with protocol: celery that this worker serves");
    return true;
}

static bool add_consumer(const struct control_turn *t, struct js **answer, struct err *e)
{
    (void)e;
    return consume(t, true, answer);
}

static bool cancel_consumer(const struct control_turn *t, struct js **answer, struct err *e)
{
    (void)e;
    return consume(t, false, answer);
}

/* A pool that follows the load may go as far from now on. */
static void ask_for_pool(const struct courier *c, int32_t pool)
{
    struct edition *edition = c->edition;
    if (atomic_load(&edition->scale_max) && pool > atomic_load(&edition->scale_max))
        atomic_store(&edition->scale_max, pool);
    if (pool < atomic_load(&edition->scale_min))
        atomic_store(&edition->scale_min, pool);
    atomic_store(&c->board->pool_asked, pool);
}

/* By `n` children, until the next reload. */
static bool resize(const struct control_turn *t, int sign, struct js **answer)
{
    struct board *board = t->courier->board;
    int64_t n = 1;
    js_integer(control_argument(t, "n"), &n);
    int64_t asked = atomic_load(&board->pool_asked), pool = (asked ? asked : atomic_load(&board->pool)) + sign * n;
    if (n < 0 || n > CONFIG_POOL_MAX || pool < 1 || pool > CONFIG_POOL_MAX) {
        struct text said CLEANUP(text_free) = {0};
        text_printf(&said, "a pool has 1 to %d children", CONFIG_POOL_MAX);
        *answer = value_error(text_str(&said));
        return true;
    }
    ask_for_pool(t->courier, (int32_t)pool);
    *answer = control_ok(sign > 0 ? "pool will grow" : "pool will shrink");
    return true;
}

static bool pool_grow(const struct control_turn *t, struct js **answer, struct err *e)
{
    (void)e;
    return resize(t, 1, answer);
}

static bool pool_shrink(const struct control_turn *t, struct js **answer, struct err *e)
{
    (void)e;
    return resize(t, -1, answer);
}

/* Other children, which have read the configuration again. */
static bool pool_restart(const struct control_turn *t, struct js **answer, struct err *e)
{
    (void)e;
    kill(atomic_load(&t->courier->board->supervisor_pid), SIGHUP);
    *answer = control_ok("reload started");
    return true;
}

/* The pool follows the load between two sizes, until the next reload. One that is not given stays. */
static bool autoscale(const struct control_turn *t, struct js **answer, struct err *e)
{
    const struct board *board = t->courier->board;
    struct edition *edition = t->courier->edition;
    struct text said CLEANUP(text_free) = {0};
    int64_t asked = atomic_load(&edition->scale_max), max = asked ? asked : atomic_load(&board->pool), min = asked ? atomic_load(&edition->scale_min) : max;
    (void)e;
    js_integer(control_argument(t, "max"), &max);
    if (!js_integer(control_argument(t, "min"), &min) && min > max)
        min = max;
    if (min < 1 || min > max || max > CONFIG_POOL_MAX) {
        text_printf(&said, "a pool has 1 to %d children", CONFIG_POOL_MAX);
        *answer = value_error(text_str(&said));
        return true;
    }
    atomic_store(&edition->scale_min, (int32_t)min);
    atomic_store(&edition->scale_max, (int32_t)max);
    t->control->beat_at = 0;
    text_printf(&said, "autoscale now max=%lld min=%lld", (long long)max, (long long)min);
    *answer = control_ok(text_str(&said));
    return true;
}

/* Seconds, or nothing: as configured. */
static bool read_limit(const struct js *node, int64_t *limit)
{
    double seconds = 0;
    *limit = 0;
    if (js_is_null(node))
        return true;
    if (!js_number(node, &seconds) || !(seconds >= 0 && seconds <= LIMIT_SECONDS_MAX))
        return false;
    *limit = seconds > 1 ? (int64_t)(seconds * SECONDS(1)) : SECONDS(1);
    return true;
}

/* Of this worker's tasks of that name, until the next reload. */
static bool time_limit(const struct control_turn *t, struct js **answer, struct err *e)
{
    const char *name = js_text(control_argument(t, "task_name"));
    const struct catalog_entry *entry = name ? catalog_find(t->courier->catalog, name) : NULL;
    int64_t soft, hard;
    (void)e;
    if (!entry) {
        *answer = control_refusal("unknown task");
    } else if (!read_limit(control_argument(t, "soft"), &soft) || !read_limit(control_argument(t, "hard"), &hard)) {
        *answer = value_error("a limit is a number of seconds");
    } else {
        struct asked_limits *asked = &t->courier->edition->asked[entry->place];
        atomic_store(&asked->soft, soft);
        atomic_store(&asked->hard, hard);
        log_info("celery.limits_asked", LOG_STR("handler", name), LOG_INT("soft_ms", soft / 1000), LOG_INT("hard_ms", hard / 1000));
        *answer = control_ok("time limits set successfully");
    }
    return true;
}

static bool unsupported(const struct control_turn *t, struct js **answer, struct err *e)
{
    struct text said CLEANUP(text_free) = {0};
    (void)e;
    text_printf(&said, "%s is of Python processes", t->request->method);
    *answer = control_error("NotImplementedError", text_str(&said));
    return true;
}

/* Events of tasks; those of workers are told in any case. */
static bool switch_events(const struct control_turn *t, bool on, struct js **answer)
{
    bool was = atomic_exchange(&t->courier->edition->task_events, on);
    say(answer, control_ok, was == on ? "task events already " : "task events ", on ? "enabled" : "disabled", "");
    return true;
}

static bool enable_events(const struct control_turn *t, struct js **answer, struct err *e)
{
    (void)e;
    return switch_events(t, true, answer);
}

static bool disable_events(const struct control_turn *t, struct js **answer, struct err *e)
{
    (void)e;
    return switch_events(t, false, answer);
}

/* That it was heard is all there is to answer. */
static bool nothing(const struct control_turn *t, struct js **answer, struct err *e)
{
    (void)t;
    (void)e;
    *answer = js_new_null();
    return true;
}

static bool beat_now(const struct control_turn *t, struct js **answer, struct err *e)
{
    t->control->beat_at = 0;
    return nothing(t, answer, e);
}

const struct control_command control_changes[] = {
    {"revoke", revoke_tasks},
    {"terminate", terminate},
    {"rate_limit", rate_limit},
    {"shutdown", stop_worker},
    {"add_consumer", add_consumer},
    {"cancel_consumer", cancel_consumer},
    {"time_limit", time_limit},
    {"pool_grow", pool_grow},
    {"pool_shrink", pool_shrink},
    {"pool_restart", pool_restart},
    {"autoscale", autoscale},
    {"enable_events", enable_events},
    {"disable_events", disable_events},
    {"heartbeat", beat_now},
    {"election", nothing},
    {"memsample", unsupported},
    {"memdump", unsupported},
    {"objgraph", unsupported},
    {"revoke_by_stamped_headers", unsupported},
    {0},
};

/* Following the load -------------------------------------------------------------------------------------------------------- */

/* How many messages wait for a child: those that are held for more than there are, and those that nobody has taken yet. */
static bool count_waiting(struct courier *c, const struct control *k, int64_t *waiting, struct err *e)
{
    int64_t pool = atomic_load(&c->board->pool);
    *waiting = c->celery_held > pool ? c->celery_held - pool : 0;
    for (size_t i = 0; i < k->queues.count; i++)
        for (size_t step = 0; courier_consumes(c, i) && step < k->queues.keys.step_count; step++) {
            struct text list CLEANUP(text_free) = {0};
            const struct rd_reply *length;
            celery_list(&k->queues.keys, k->queues.names[i], step, &list);
            if (!redis_call(c->redis, &length, e, rd_text("LLEN"), rd_text(text_str(&list))))
                return e->kind == ERR_DATA; /* no list: nothing that could be taken */
            *waiting += rd_int_of(length);
        }
    return true;
}

/* A child more for each message that waits, twice as many at most; only so many as are at work when none has waited for long. */
bool control_follow_load(struct courier *c, struct control *k, usec_t now, struct err *e)
{
    int64_t min = atomic_load(&c->edition->scale_min), max = atomic_load(&c->edition->scale_max), pool = atomic_load(&c->board->pool), wanted = pool, waiting;
    if (!max)
        return true;
    if (!count_waiting(c, k, &waiting, e))
        return false;
    if (waiting > 0) {
        wanted += waiting < pool ? waiting : pool;
        k->waited_at = now;
    } else if (now - k->waited_at > shrink_after) {
        wanted = board_busy(c->board);
    }
    wanted = wanted > max ? max : wanted < min ? min : wanted;
    if (wanted != pool)
        atomic_store(&c->board->pool_asked, (int32_t)wanted);
    return true;
}
