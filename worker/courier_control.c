/* courier_control: the worker as `celery inspect`, `celery control`, `celery status` and Flower see it. Requests come over one channel; a row
 * of `commands` answers each. Heartbeats say that it lives. What a request changes it changes for good where the store keeps it (revokes,
 * rates), and else until the configuration is read again. */
#include "common/celery/control.h"

#include "common/celery/event.h"
#include "common/db/redis_url.h"
#include "sql/queries.h"
#include "worker/courier_celery.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REQUESTS_MAX = 100, REPLY_SECONDS = 300, IDS_MAX = 1000, LIMIT_SECONDS_MAX = 366 * 86400 };

static const usec_t shrink_after = SECONDS(30);

struct control {
    bool open;
    struct celery_queues queues;
    struct redis_url url;
    struct redis *ears;
    usec_t began_at, beat_at;
    usec_t waited_at; /* last: messages for which there was no child */
};

/* A request and who answers it. `answer` NULL afterwards: no reply. */
struct turn {
    struct courier *courier;
    struct control *control;
    const struct control_request *request;
};

static const struct js *argument(const struct turn *t, const char *name)
{
    return js_get(t->request->arguments, name);
}

/* What is asked about tasks --------------------------------------------------------------------------------------------- */

enum { R_KIND, R_ID, R_NAME, R_ARGS, R_QUEUE, R_PRIORITY, R_STARTED, R_RUN_AT, R_PID };

static struct js *request_of(const struct turn *t, const struct pg_rows *rows, size_t i)
{
    struct err e;
    struct text positional CLEANUP(text_free) = {0}, named CLEANUP(text_free) = {0};
    const char *args = pg_get_text(rows, i, R_ARGS);
    struct js *given CLEANUP(js_freep) = js_parse(args, strlen(args), &e);
    const struct js *list = js_get(given, "args"), *kwargs = js_get(given, "kwargs");
    bool pair = js_type(list) == JS_ARRAY && (js_count(given) == 1 || js_type(kwargs) == JS_OBJECT);
    js_write(&positional, pair ? list : NULL);
    js_write(&named, pair ? kwargs : given);
    const struct control_task task = {
        .id = pg_get_text(rows, i, R_ID),
        .name = pg_get_text(rows, i, R_NAME),
        .args = pair ? text_str(&positional) : NULL,
        .kwargs = pair && !kwargs ? NULL : text_str(&named),
        .hostname = t->courier->self.hostname,
        .started_at = pg_get_time(rows, i, R_STARTED),
        .eta_at = pg_get_time(rows, i, R_RUN_AT),
        .queue = pg_get_text(rows, i, R_QUEUE),
        .priority = (int)pg_get_int(rows, i, R_PRIORITY),
        .pid = pg_get_int(rows, i, R_PID),
    };
    return strcmp(pg_get_text(rows, i, R_KIND), "scheduled") == 0 ? control_scheduled(&task) : control_task(&task);
}

static bool list_requests(const struct turn *t, const char *kind, struct js **answer, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(t->courier->pg, &sql_celery_requests, &rows, e, pg_uuid(t->courier->board->worker)))
        return false;
    *answer = js_new_array();
    for (size_t i = 0; i < rows.count; i++)
        if (strcmp(pg_get_text(&rows, i, R_KIND), kind) == 0)
            js_push(*answer, request_of(t, &rows, i));
    return true;
}

static bool active(const struct turn *t, struct js **answer, struct err *e)
{
    return list_requests(t, "active", answer, e);
}

static bool reserved(const struct turn *t, struct js **answer, struct err *e)
{
    return list_requests(t, "reserved", answer, e);
}

static bool scheduled(const struct turn *t, struct js **answer, struct err *e)
{
    return list_requests(t, "scheduled", answer, e);
}

/* One id or an array of them. */
static size_t read_ids(const struct js *node, const char **ids)
{
    size_t count = 0;
    if (js_text(node))
        ids[count++] = js_text(node);
    for (size_t i = 0; js_type(node) == JS_ARRAY && i < js_count(node) && count < IDS_MAX; i++)
        if (js_text(js_at(node, i)))
            ids[count++] = js_text(js_at(node, i));
    return count;
}

static bool query_task(const struct turn *t, struct js **answer, struct err *e)
{
    const char *ids[IDS_MAX];
    size_t count = read_ids(argument(t, "ids"), ids);
    struct pg_rows rows;
    if (!pg_exec(t->courier->pg, &sql_celery_requests, &rows, e, pg_uuid(t->courier->board->worker)))
        return false;
    *answer = js_new_object();
    for (size_t i = 0; i < rows.count; i++)
        for (size_t k = 0; k < count; k++) {
            if (strcmp(pg_get_text(&rows, i, R_ID), ids[k]) != 0)
                continue;
            struct js *pair = js_new_array();
            js_push(pair, js_new_text(pg_get_text(&rows, i, R_KIND)));
            js_push(pair, request_of(t, &rows, i));
            js_set(*answer, ids[k], pair);
        }
    return true;
}

/* What is asked about the worker ---------------------------------------------------------------------------------------- */

static bool ping(const struct turn *t, struct js **answer, struct err *e)
{
    (void)t;
    (void)e;
    *answer = control_ok("pong");
    return true;
}

static bool registered(const struct turn *t, struct js **answer, struct err *e)
{
    (void)e;
    *answer = js_new_array();
    for (size_t i = 0; i < t->courier->catalog->count; i++)
        js_push(*answer, js_new_text(t->courier->catalog->names[i]));
    return true;
}

static bool active_queues(const struct turn *t, struct js **answer, struct err *e)
{
    (void)e;
    *answer = js_new_array();
    for (size_t i = 0; i < t->control->queues.count; i++)
        if (courier_consumes(t->courier, i))
            js_push(*answer, control_queue(t->control->queues.names[i]));
    return true;
}

static size_t children_of(const struct board *board, int64_t *pids)
{
    size_t count = 0;
    for (int i = 0; i < atomic_load(&board->seat_count); i++)
        if (atomic_load(&board->seats[i].pid) > 0)
            pids[count++] = atomic_load(&board->seats[i].pid);
    return count;
}

static int64_t children_at_work(const struct board *board)
{
    int64_t busy = 0;
    for (int i = 0; i < atomic_load(&board->seat_count); i++)
        busy += atomic_load(&board->seats[i].state) == SEAT_BUSY;
    return busy;
}

static bool stats(const struct turn *t, struct js **answer, struct err *e)
{
    const struct control *control = t->control;
    const struct board *board = t->courier->board;
    int64_t pids[CONFIG_POOL_MAX];
    char number[16];
    struct control_stats s = {.pid = atomic_load(&board->supervisor_pid),
                              .clock = t->courier->self.clock,
                              .uptime_s = (clock_boot() - control->began_at) / SECONDS(1),
                              .pool = atomic_load(&board->pool),
                              .prefetch = t->courier->config->celery.prefetch,
                              .children = pids,
                              .child_count = children_of(board, pids),
                              .broker_db = number};
    (void)e;
    snprintf(number, sizeof number, "%d", control->url.number);
    s.broker_path = *control->url.path ? control->url.path : NULL;
    s.broker_host = control->url.host_count > 0 ? control->url.hosts[0].name : NULL;
    s.broker_port = control->url.host_count > 0 ? control->url.hosts[0].port : 0;
    *answer = control_stats(&s);
    return true;
}

static void set_address(struct js *conf, const char *key, const char *url)
{
    struct text masked CLEANUP(text_free) = {0};
    if (url)
        config_mask(url, &masked);
    js_set(conf, key, js_new_text(url ? text_str(&masked) : NULL));
}

static bool conf(const struct turn *t, struct js **answer, struct err *e)
{
    const struct config *config = t->courier->config;
    (void)e;
    *answer = js_new_object();
    set_address(*answer, "broker_url", config->redis.url);
    set_address(*answer, "result_backend", config->celery.result_backend ? config->celery.result_backend : config->redis.url);
    js_set(*answer, "result_expires", js_new_integer(config->celery.result_expires / SECONDS(1)));
    js_set(*answer, "task_track_started", js_new_bool(config->celery.track_started));
    js_set(*answer, "task_acks_late", js_new_bool(true));
    js_set(*answer, "worker_concurrency", js_new_integer(config->worker.pool));
    return true;
}

static bool report(const struct turn *t, struct js **answer, struct err *e)
{
    struct text text CLEANUP(text_free) = {0};
    (void)e;
    text_printf(&text, "\nsoftware -> drumbeat:%s\nplatform -> system:Linux\n\nhandlers: %zu\npool: %d\n", DRUMBEAT_VERSION, t->courier->catalog->count,
                atomic_load(&t->courier->board->pool));
    *answer = control_ok(text_str(&text));
    return true;
}

static bool clock_now_is(const struct turn *t, struct js **answer, struct err *e)
{
    (void)e;
    *answer = js_new_object();
    js_set(*answer, "clock", js_new_integer(t->courier->self.clock));
    return true;
}

/* A worker that starts asks the others what was revoked; what is ours to remember is in the store. */
static bool hello(const struct turn *t, struct js **answer, struct err *e)
{
    if (!clock_now_is(t, answer, e))
        return false;
    js_set(*answer, "revoked", js_new_object());
    return true;
}

/* What is changed --------------------------------------------------------------------------------------------------------- */

static bool revoked(const struct turn *t, struct js **answer, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(t->courier->pg, &sql_celery_revoked, &rows, e))
        return false;
    *answer = js_new_array();
    for (size_t i = 0; i < rows.count; i++)
        js_push(*answer, js_new_text(pg_get_text(&rows, i, 0)));
    return true;
}

static bool revoke_ids(const struct turn *t, bool running_too, struct js **answer, struct err *e)
{
    const char *ids[IDS_MAX];
    struct text said CLEANUP(text_free) = {0};
    size_t count = read_ids(argument(t, "task_id"), ids);
    if (count > 0 && !pg_exec(t->courier->pg, &sql_celery_revoke, NULL, e, pg_texts(ids, count), pg_bool(running_too)))
        return false;
    text_printf(&said, running_too ? "terminate: tasks unknown or terminated: %zu" : "tasks flagged as revoked: %zu", count);
    *answer = control_ok(text_str(&said));
    return true;
}

static bool revoke_tasks(const struct turn *t, struct js **answer, struct err *e)
{
    bool terminate = false;
    js_bool(argument(t, "terminate"), &terminate);
    return revoke_ids(t, terminate, answer, e);
}

static bool terminate(const struct turn *t, struct js **answer, struct err *e)
{
    return revoke_ids(t, true, answer, e);
}

/* "10/m" is the same here and there; a number is so many a second, none or 0 lifts it. */
static bool rate_limit(const struct turn *t, struct js **answer, struct err *e)
{
    const char *name = js_text(argument(t, "task_name")), *given = js_text(argument(t, "rate_limit"));
    char rate[64] = "";
    int64_t number = 0;
    if (js_integer(argument(t, "rate_limit"), &number) && number > 0)
        snprintf(rate, sizeof rate, "%lld/s", (long long)number);
    else if (given)
        snprintf(rate, sizeof rate, "%s%s", given, strchr(given, '/') || strcmp(given, "0") == 0 ? "" : "/s");
    if (!name || !catalog_find(t->courier->catalog, name)) {
        *answer = control_error("ValueError", "unknown task");
        return true;
    }
    const char *wanted = *rate && strcmp(rate, "0") != 0 ? rate : NULL;
    if (pg_exec(t->courier->pg, &sql_celery_set_rate, NULL, e, pg_text(name), pg_text(wanted)))
        *answer = control_ok(wanted ? "new rate limit set successfully" : "rate limit disabled successfully");
    else if (pg_alive(t->courier->pg))
        *answer = control_error("ValueError", "invalid rate limit string");
    return *answer != NULL;
}

static bool stop_worker(const struct turn *t, struct js **answer, struct err *e)
{
    (void)answer;
    (void)e;
    log_info("celery.shutdown_requested");
    kill(atomic_load(&t->courier->board->supervisor_pid), SIGTERM);
    return true;
}

static void say(struct js **answer, struct js *(*kind)(const char *text), const char *before, const char *what, const char *behind)
{
    struct text said CLEANUP(text_free) = {0};
    text_printf(&said, "%s%s%s", before, what, behind);
    *answer = kind(text_str(&said));
}

static struct js *value_error(const char *text)
{
    return control_error("ValueError", text);
}

/* This worker takes messages from the queue, or does not: until it is told otherwise, or reads its configuration again. */
static bool consume(const struct turn *t, bool wanted, struct js **answer)
{
    const char *queue = js_text(argument(t, "queue"));
    for (size_t i = 0; queue && i < t->control->queues.count; i++) {
        if (strcmp(t->control->queues.names[i], queue) != 0)
            continue;
        uint64_t bit = (uint64_t)1 << i, before = wanted ? atomic_fetch_and(&t->courier->edition->not_consumed, ~bit) : atomic_fetch_or(&t->courier->edition->not_consumed, bit);
        log_info(wanted ? "celery.consumer_added" : "celery.consumer_cancelled", LOG_STR("queue", queue));
        courier_ring(t->courier->board, COURIER_SETTLED);
        say(answer, control_ok, !wanted ? "no longer consuming from " : before & bit ? "add consumer " : "already consuming from ", queue, "");
        return true;
    }
    say(answer, value_error, "queues are those of the configuration, and ", queue ? queue : "none", " is not one with protocol: celery that this worker serves");
    return true;
}

static bool add_consumer(const struct turn *t, struct js **answer, struct err *e)
{
    (void)e;
    return consume(t, true, answer);
}

static bool cancel_consumer(const struct turn *t, struct js **answer, struct err *e)
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
static bool resize(const struct turn *t, int sign, struct js **answer)
{
    struct board *board = t->courier->board;
    int64_t n = 1;
    js_integer(argument(t, "n"), &n);
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

static bool pool_grow(const struct turn *t, struct js **answer, struct err *e)
{
    (void)e;
    return resize(t, 1, answer);
}

static bool pool_shrink(const struct turn *t, struct js **answer, struct err *e)
{
    (void)e;
    return resize(t, -1, answer);
}

/* Other children, which have read the configuration again. */
static bool pool_restart(const struct turn *t, struct js **answer, struct err *e)
{
    (void)e;
    kill(atomic_load(&t->courier->board->supervisor_pid), SIGHUP);
    *answer = control_ok("reload started");
    return true;
}

/* The pool follows the load between two sizes, until the next reload. One that is not given stays. */
static bool autoscale(const struct turn *t, struct js **answer, struct err *e)
{
    const struct board *board = t->courier->board;
    struct edition *edition = t->courier->edition;
    struct text said CLEANUP(text_free) = {0};
    int64_t asked = atomic_load(&edition->scale_max), max = asked ? asked : atomic_load(&board->pool), min = asked ? atomic_load(&edition->scale_min) : max;
    (void)e;
    js_integer(argument(t, "max"), &max);
    if (!js_integer(argument(t, "min"), &min) && min > max)
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
static bool follow_load(struct courier *c, struct control *k, usec_t now, struct err *e)
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
        wanted = children_at_work(c->board);
    }
    wanted = wanted > max ? max : wanted < min ? min : wanted;
    if (wanted != pool)
        atomic_store(&c->board->pool_asked, (int32_t)wanted);
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
static bool time_limit(const struct turn *t, struct js **answer, struct err *e)
{
    const char *name = js_text(argument(t, "task_name"));
    const struct catalog_entry *entry = name ? catalog_find(t->courier->catalog, name) : NULL;
    int64_t soft, hard;
    (void)e;
    if (!entry) {
        *answer = value_error("unknown task");
    } else if (!read_limit(argument(t, "soft"), &soft) || !read_limit(argument(t, "hard"), &hard)) {
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

static bool unsupported(const struct turn *t, struct js **answer, struct err *e)
{
    struct text said CLEANUP(text_free) = {0};
    (void)e;
    text_printf(&said, "%s is of Python processes", t->request->method);
    *answer = control_error("NotImplementedError", text_str(&said));
    return true;
}

/* Events of tasks; those of workers are told in any case. */
static bool switch_events(const struct turn *t, bool on, struct js **answer)
{
    bool was = atomic_exchange(&t->courier->edition->task_events, on);
    say(answer, control_ok, was == on ? "task events already " : "task events ", on ? "enabled" : "disabled", "");
    return true;
}

static bool enable_events(const struct turn *t, struct js **answer, struct err *e)
{
    (void)e;
    return switch_events(t, true, answer);
}

static bool disable_events(const struct turn *t, struct js **answer, struct err *e)
{
    (void)e;
    return switch_events(t, false, answer);
}

static bool beat_now(const struct turn *t, struct js **answer, struct err *e)
{
    (void)answer;
    (void)e;
    t->control->beat_at = 0;
    return true;
}

static bool nothing(const struct turn *t, struct js **answer, struct err *e)
{
    (void)t;
    (void)answer;
    (void)e;
    return true;
}

static const struct command {
    const char *method;
    bool (*run)(const struct turn *t, struct js **answer, struct err *e);
} commands[] = {
    {"ping", ping},
    {"active", active},
    {"reserved", reserved},
    {"scheduled", scheduled},
    {"query_task", query_task},
    {"registered", registered},
    {"active_queues", active_queues},
    {"stats", stats},
    {"conf", conf},
    {"report", report},
    {"revoked", revoked},
    {"clock", clock_now_is},
    {"hello", hello},
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
};

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

static bool answer_request(struct courier *c, struct control *k, const struct control_request *request, struct err *e)
{
    const struct turn t = {.courier = c, .control = k, .request = request};
    struct js *answer CLEANUP(js_freep) = NULL;
    bool known = false;
    for (size_t i = 0; i < sizeof commands / sizeof *commands && !known; i++) {
        known = strcmp(commands[i].method, request->method) == 0;
        if (known && !commands[i].run(&t, &answer, e))
            return err_add(e, "remote control: %s", request->method);
    }
    if (!known)
        answer = control_error("KeyError", request->method);
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
    event_worker(&c->self, type, children_at_work(c->board), done, &name, &message);
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
        if (!follow_load(c, k, now, e))
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
