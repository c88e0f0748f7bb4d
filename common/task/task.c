/* task: what a handler may ask and tell while it runs. */
#include "common/task/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct task {
    const struct task_facts *facts;
    const struct task_host *host;
    struct region *region;
    const char *result;
    usec_t snooze;
    bool again, died;
    usec_t again_after;
    int signal, exit_code;
    int64_t progress_value, end_value;
    char message[TASK_MESSAGE_MAX];
    struct pg *pg; /* while a transaction is open */
};

struct uuid task_id(const struct task *task)
{
    return task->facts->id;
}

int task_attempt(const struct task *task)
{
    return task->facts->attempt;
}

int64_t task_fence(const struct task *task)
{
    return task->facts->fence;
}

usec_t task_tick(const struct task *task)
{
    return task->facts->tick_at;
}

const char *task_args(const struct task *task)
{
    return task->facts->args;
}

struct region *task_region(struct task *task)
{
    return task->region;
}

void *task_alloc(struct task *task, size_t size)
{
    return region_alloc(task->region, size);
}

bool task_check(struct task *task, struct err *e)
{
    return task->host->check(task->host->data, e);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

bool task_progress(struct task *task, int64_t value, int64_t end, const char *message, struct err *e)
{
    task->progress_value = larger(task->progress_value, value);
    task->end_value = larger(end, 0);
    if (message) {
        struct text clean CLEANUP(text_free) = {.max = sizeof task->message - 1};
        text_utf8(&clean, message, strlen(message));
        snprintf(task->message, sizeof task->message, "%s", text_str(&clean));
    }
    task->host->progress(task->host->data, task->progress_value, task->end_value, message ? task->message : NULL);
    return task_check(task, e);
}

usec_t task_time_left(const struct task *task)
{
    return larger(task->facts->soft_at - clock_boot(), 0);
}

usec_t task_stop_grace(const struct task *task)
{
    const struct config *config = task->host->config;
    return config->worker.cancel.kill - config->worker.cancel.term;
}

void task_log(struct task *task, enum log_level level, const char *format, ...)
{
    struct text line CLEANUP(text_free) = {.max = 4000};
    va_list args;
    va_start(args, format);
    text_vprintf(&line, format, args);
    va_end(args);
    task_wrote(task, line.len);
    task_log_line(task, level, text_str(&line));
}

void task_log_line(struct task *task, enum log_level level, const char *line)
{
    task->host->log(task->host->data, task->facts->id, level, line);
}

void task_wrote(struct task *task, size_t bytes)
{
    task->host->wrote(task->host->data, (int64_t)bytes);
}

const struct limits *task_limits(const struct task *task)
{
    return task->facts->limits;
}

bool task_result(struct task *task, const char *json, struct err *e)
{
    const struct config *config = task->host->config;
    bool files = config->results.root != NULL;
    int64_t most = files ? config->results.file_limit : config->results.limit;
    size_t len = strlen(json);
    if (len > (size_t)most)
        return err_set(e, ERR_LIMIT, "the result has %zu bytes, more than the %" PRId64 " of %s", len, most,
                       files ? "results.file_limit" : "results.limit (results.root lets larger ones go to files)");
    struct js *document = js_parse(json, len, e);
    js_free(document);
    if (!document)
        return err_add(e, "result");
    task->result = region_strdup(task->region, json);
    return true;
}

bool task_snooze(struct task *task, usec_t delay, const char *why, struct err *e)
{
    task->snooze = delay < SNOOZE_MIN ? SNOOZE_MIN : delay > SNOOZE_MAX ? SNOOZE_MAX : delay;
    return err_set(e, ERR_TRANSIENT, "%s", why);
}

bool task_again(struct task *task, usec_t delay, const char *why, const char *headers, struct err *e)
{
    if (!task_sql(task, &sql_task_again, e, pg_uuid(task->facts->id), pg_int(task->facts->fence), pg_json(headers)) || !task_commit(task, e))
        return err_add(e, "asking for another run");
    task->again = true;
    task->again_after = delay;
    return err_set(e, ERR_TRANSIENT, "%s", why);
}

void task_died(struct task *task, int signal, int exit_code)
{
    task->died = true;
    task->signal = signal;
    task->exit_code = exit_code;
}

/* Database ---------------------------------------------------------------------------------------------------------- */

struct pg *task_pg(struct task *task, struct err *e)
{
    if (task->pg && pg_alive(task->pg) && pg_in_transaction(task->pg))
        return task->pg;
    if (task->pg && !pg_alive(task->pg)) {
        err_set(e, ERR_UNREACHABLE, "the connection was lost inside the task's transaction");
        return NULL;
    }
    struct pg *pg = task->host->pg(task->host->data, e);
    if (!pg || !pg_begin(pg, e))
        return NULL;
    task->pg = pg;
    return pg;
}

bool task_sql_args(struct task *task, const struct sql *query, const struct pg_arg *args, struct pg_rows *rows, struct err *e)
{
    struct pg *pg = task_pg(task, e);
    return pg && (pg_exec_args(pg, query, args, rows, e) || err_add(e, "%s", query->name));
}

bool task_commit(struct task *task, struct err *e)
{
    if (!task->pg)
        return true;
    task->pg = NULL;
    return task->host->commit(task->host->data, e);
}

bool task_rollback(struct task *task, struct err *e)
{
    struct pg *pg = task->pg;
    task->pg = NULL;
    return !pg || !pg_in_transaction(pg) || pg_rollback(pg, e);
}

bool task_try_lock(struct task *task, const char *key, bool *held, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(task, &sql_try_lock, &rows, e, pg_text(key), pg_uuid(task->facts->id), pg_int(task->facts->fence)))
        return false;
    *held = pg_get_bool(&rows, 0, 0);
    return task_commit(task, e);
}

/* Upstreams --------------------------------------------------------------------------------------------------------- */

static bool secret(struct task *task, const char *written, const char **out, struct err *e)
{
    struct text value CLEANUP(text_free) = {0};
    *out = NULL;
    if (!written)
        return true;
    if (!config_secret(written, &value, e))
        return false;
    *out = region_strdup(task->region, text_str(&value));
    return true;
}

/* "Name: env:TOKEN" -> "Name: …", for each header. */
static bool secret_headers(struct task *task, const char *const *written, const char *const **out, struct err *e)
{
    size_t count = 0;
    while (written && written[count])
        count++;
    const char **headers = task_alloc(task, (count + 1) * sizeof *headers);
    for (size_t i = 0; i < count; i++) {
        struct text value CLEANUP(text_free) = {0};
        if (!config_secret_pair(written[i], ": ", &value, e))
            return false;
        headers[i] = region_strdup(task->region, text_str(&value));
    }
    *out = headers;
    return true;
}

const struct upstream *task_upstream(struct task *task, const char *name, struct err *e)
{
    const struct config_upstream *conf = config_upstream(task->host->config, name);
    if (!conf || !conf->url || !*conf->url) {
        err_set(e, ERR_USAGE, "upstream '%s' has no URL: set upstreams.%s.url", name, name);
        return NULL;
    }
    if (!conf->enabled) {
        err_set(e, ERR_USAGE, "upstream '%s' is switched off: upstreams.%s.enabled is false", name, name);
        return NULL;
    }
    struct upstream *up = task_alloc(task, sizeof *up);
    *up = (struct upstream){.name = conf->name, .url = conf->url, .user = conf->user};
    if (!secret(task, conf->password, &up->password, e) || !secret(task, conf->key, &up->key, e) || !secret(task, conf->cert, &up->cert, e) ||
        !secret(task, conf->cert_key, &up->cert_key, e) || !secret(task, conf->ca, &up->ca, e) ||
        !secret_headers(task, conf->headers, &up->headers, e)) {
        err_add(e, "upstream '%s'", name);
        return NULL;
    }
    return up;
}

/* Running ----------------------------------------------------------------------------------------------------------- */

static bool run(struct task *task, const struct handler *handler, struct err *e)
{
    void *args = region_alloc(task->region, handler->args_size);
    if (handler->fields && !fields_read(handler->fields, task->facts->args, args, task->region, e))
        return err_add(e, "arguments");
    return task_check(task, e) && handler->run(task, handler->fields ? args : handler->context, e);
}

/* A result that does not fit into the row goes elsewhere, before the row can say where. */
static bool keep_result(struct task *task, struct err *e)
{
    bool fits = !task->result || !task->host->keep || strlen(task->result) <= (size_t)task->host->config->results.limit;
    return fits || task->host->keep(task->host->data, task->facts, &task->result, task->region, e) || err_add(e, "the result");
}

void task_run(const struct handler *handler, const struct task_facts *facts, const struct task_host *host, struct region *region,
              struct task_end *end)
{
    struct task task = {.facts = facts, .host = host, .region = region};
    *end = (struct task_end){0};
    end->success = run(&task, handler, &end->error) && keep_result(&task, &end->error);
    if (!end->success && end->error.kind == ERR_NONE)
        err_set(&end->error, ERR_FAILED, "%s failed without saying why", handler->name);
    struct err ignored;
    if (!end->success)
        task_rollback(&task, &ignored); /* a lost connection rolls back too */
    end->snooze = end->success || end->error.kind == ERR_CANCELLED ? 0 : task.snooze;
    end->again = !end->success && task.again && end->error.kind == ERR_TRANSIENT;
    end->again_after = task.again_after;
    end->died = !end->success && task.died && end->error.kind != ERR_CANCELLED;
    end->signal = task.signal;
    end->exit_code = task.exit_code;
    end->in_transaction = end->success && task.pg;
    end->result = task.result;
    end->progress_value = task.progress_value;
    end->end_value = task.end_value;
    end->progress_message = *task.message ? region_strdup(region, task.message) : NULL;
}
