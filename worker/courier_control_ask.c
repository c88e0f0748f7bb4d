/* courier_control_ask: what `celery inspect` asks. */
#include "worker/courier_control_inside.h"

#include "sql/queries.h"

#include <stdio.h>
#include <string.h>

/* About tasks --------------------------------------------------------------------------------------------- */

enum { R_KIND, R_ID, R_NAME, R_ARGS, R_QUEUE, R_PRIORITY, R_STARTED, R_RUN_AT, R_PID };

static struct js *request_of(const struct control_turn *t, const struct pg_rows *rows, size_t i)
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

static bool list_requests(const struct control_turn *t, const char *kind, struct js **answer, struct err *e)
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

static bool active(const struct control_turn *t, struct js **answer, struct err *e)
{
    return list_requests(t, "active", answer, e);
}

static bool reserved(const struct control_turn *t, struct js **answer, struct err *e)
{
    return list_requests(t, "reserved", answer, e);
}

static bool scheduled(const struct control_turn *t, struct js **answer, struct err *e)
{
    return list_requests(t, "scheduled", answer, e);
}

bool control_find(const struct control_turn *t, const char *const *ids, size_t count, bool *here, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(t->courier->pg, &sql_celery_requests, &rows, e, pg_uuid(t->courier->board->worker)))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        for (size_t k = 0; k < count; k++)
            here[k] |= strcmp(pg_get_text(&rows, i, R_ID), ids[k]) == 0;
    return true;
}

static bool query_task(const struct control_turn *t, struct js **answer, struct err *e)
{
    const char *ids[CONTROL_IDS_MAX];
    size_t count = control_ids(control_argument(t, "ids"), ids);
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

/* About the worker ---------------------------------------------------------------------------------------- */

static bool ping(const struct control_turn *t, struct js **answer, struct err *e)
{
    (void)t;
    (void)e;
    *answer = control_ok("pong");
    return true;
}

static bool registered(const struct control_turn *t, struct js **answer, struct err *e)
{
    const struct catalog *catalog = t->courier->catalog;
    bool builtins = false;
    (void)e;
    js_bool(control_argument(t, "builtins"), &builtins);
    *answer = js_new_array();
    for (size_t i = 0; i < catalog->count; i++)
        if (builtins || strncmp(catalog->names[i], "celery.", strlen("celery.")) != 0)
            js_push(*answer, js_new_text(catalog->names[i]));
    return true;
}

static bool active_queues(const struct control_turn *t, struct js **answer, struct err *e)
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

/* How many attempts of each name this worker has brought to their end. */
static struct js *totals(struct tally *tally)
{
    struct js *total = js_new_object();
    for (int i = 0; i < TALLY_SERIES_MAX; i++) {
        const char *name;
        int64_t count = tally_attempts(tally, i, &name), before = 0;
        if (count <= 0)
            continue;
        js_integer(js_get(total, name), &before);
        js_set(total, name, js_new_integer(before + count));
    }
    return total;
}

static bool stats(const struct control_turn *t, struct js **answer, struct err *e)
{
    const struct control *control = t->control;
    struct board *board = t->courier->board;
    struct js *total CLEANUP(js_freep) = totals(&board->tally);
    int64_t pids[CONFIG_POOL_MAX];
    char number[16];
    struct control_stats s = {.total = total,
                              .pid = atomic_load(&board->supervisor_pid),
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

static bool conf(const struct control_turn *t, struct js **answer, struct err *e)
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

static bool report(const struct control_turn *t, struct js **answer, struct err *e)
{
    struct text text CLEANUP(text_free) = {0};
    (void)e;
    text_printf(&text, "\nsoftware -> drumbeat:%s\nplatform -> system:Linux\n\nhandlers: %zu\npool: %d\n", DRUMBEAT_VERSION, t->courier->catalog->count,
                atomic_load(&t->courier->board->pool));
    *answer = control_ok(text_str(&text));
    return true;
}

static bool clock_now_is(const struct control_turn *t, struct js **answer, struct err *e)
{
    (void)e;
    *answer = js_new_object();
    js_set(*answer, "clock", js_new_integer(t->courier->self.clock));
    return true;
}

/* A worker that starts asks the others what was revoked; what is ours to remember is in the store. */
static bool hello(const struct control_turn *t, struct js **answer, struct err *e)
{
    if (!clock_now_is(t, answer, e))
        return false;
    js_set(*answer, "revoked", js_new_object());
    return true;
}

static bool revoked(const struct control_turn *t, struct js **answer, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(t->courier->pg, &sql_celery_revoked, &rows, e))
        return false;
    *answer = js_new_array();
    for (size_t i = 0; i < rows.count; i++)
        js_push(*answer, js_new_text(pg_get_text(&rows, i, 0)));
    return true;
}

/* The names that begin with dump_ are those of old tools. */
const struct control_command control_questions[] = {
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
    {"dump_active", active},
    {"dump_reserved", reserved},
    {"dump_schedule", scheduled},
    {"dump_tasks", registered},
    {"dump_revoked", revoked},
    {"dump_conf", conf},
    {0},
};
