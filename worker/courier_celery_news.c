/* courier_celery_news: tell the result backend what became of tasks that came as messages, and acknowledge the messages of those that have
 * ended. First the result, then what follows the task, then the acknowledgement, then the row is forgotten: what is done twice after a crash changes
 * nothing. */
#include "common/base/crash_point.h"
#include "common/base/json_build.h"
#include "common/celery/result.h"
#include "sql/queries.h"
#include "sql/scripts.h"
#include "worker/courier_canvas.h"

#include <stdlib.h>
#include <string.h>

enum { NEWS_MAX = 500, LATE_NEWS = 2000 }; /* LATE_NEWS: so many may become visible before one that has its number already */

static const usec_t sweep_every = SECONDS(2), progress_every = MSEC(250), awake_for = SECONDS(1);

struct news {
    struct celery_queues queues;
    struct region *region;
    struct redis *backend; /* NULL: that of the broker */
    int64_t seen;     /* the last number of news that were read */
    usec_t sweep_at;  /* when to look from the beginning */
    usec_t progress_at;
    usec_t rung_at; /* last: something has been taken over or has ended */
};

/* What a turn writes, and to whom. */
struct letters {
    size_t count;
    const char *keys[NEWS_MAX], *results[NEWS_MAX];
};

static void close_news(struct courier *c, void *data)
{
    struct news *n = data;
    (void)c;
    celery_queues_free(&n->queues);
    region_free(n->region);
    redis_close(n->backend);
}

static bool open_news(struct courier *c, struct news *n, struct err *e)
{
    const char *url = c->config->celery.result_backend;
    n->region = region_new();
    if (url && !(n->backend = redis_open(&(struct redis_options){.url = url, .name = "drumbeat/courier"}, e)))
        return err_add(e, "celery.result_backend");
    return celery_queues_make(c->config, &n->queues, e);
}

static bool send_letters(struct courier *c, struct news *n, const struct letters *letters, struct err *e)
{
    struct rd_arg args[2 * NEWS_MAX + 2];
    size_t used = 0;
    if (letters->count == 0)
        return true;
    for (size_t i = 0; i < letters->count; i++)
        args[used++] = rd_text(letters->keys[i]);
    args[used++] = rd_int(c->config->celery.result_expires / SECONDS(1));
    for (size_t i = 0; i < letters->count; i++)
        args[used++] = rd_text(letters->results[i]);
    args[used] = (struct rd_arg){.type = RD_END};
    return redis_script(n->backend ? n->backend : c->redis, &lua_celery_result, letters->count, args, NULL, e) || err_add(e, "results of Celery");
}

/* What a result repeats of its message; most have nothing of it, and are not read to find that out. One that cannot be read must not keep the
 * results of the others back. */
static struct js *read_embed(const char *id, const char *embed)
{
    struct err why;
    bool may_have = strstr(embed, "\"ignore_result\"") || strstr(embed, "\"parent_id\"") || strstr(embed, "\"group\"");
    struct js *document = may_have ? js_parse(embed, strlen(embed), &why) : js_new_object();
    if (document)
        return document;
    log_warning("celery.message_unreadable", LOG_STR("task", id), LOG_ERR(&why));
    return js_new_object();
}

/* Add a result, unless the caller does not want to know. */
static void add_letter(struct news *n, struct letters *letters, const char *embed, struct celery_result *result)
{
    bool ignored = false;
    struct text json CLEANUP(text_free) = {0};
    struct js *document CLEANUP(js_freep) = read_embed(result->id, embed);
    if (js_bool(js_get(document, "ignore_result"), &ignored) && ignored)
        return;
    result->parent_id = js_text(js_get(document, "parent_id"));
    result->group_id = js_text(js_get(document, "group"));
    celery_result_write(result, &json);
    letters->keys[letters->count] = region_printf(n->region, CELERY_RESULT_KEY "%s", result->id);
    letters->results[letters->count++] = region_strndup(n->region, text_str(&json), json.len);
}

/* News -------------------------------------------------------------------------------------------------------------- */

enum { TASK, WHAT, EXTERNAL, QUEUE, TAG, EMBED, ERROR, OUTCOME, STATUS, RESULT, STARTED_AT, ENDED_AT, RAN_AT, TOLD, SEQ };

static const char *text_or_null(const struct pg_rows *rows, size_t row, size_t column)
{
    return pg_is_null(rows, row, column) ? NULL : pg_get_text(rows, row, column);
}

/* In Celery's words. */
static void tell_revoked(const struct pg_rows *rows, size_t i, bool expired, struct celery_result *result)
{
    result->state = CELERY_REVOKED;
    result->error = expired ? "expired" : pg_is_null(rows, i, STARTED_AT) ? "revoked" : "terminated";
}

static struct celery_result read_news(const struct pg_rows *rows, size_t i)
{
    struct celery_result result = {.state = CELERY_FAILURE,
                                   .id = pg_get_text(rows, i, EXTERNAL),
                                   .result = text_or_null(rows, i, RESULT),
                                   .error = text_or_null(rows, i, ERROR),
                                   .outcome = text_or_null(rows, i, OUTCOME),
                                   .done_at = pg_get_time(rows, i, ENDED_AT)};
    const char *status = pg_get_text(rows, i, STATUS);
    if (strcmp(pg_get_text(rows, i, WHAT), "retry") == 0)
        result.state = CELERY_RETRY;
    else if (strcmp(status, "SUCCESS") == 0)
        result.state = CELERY_SUCCESS;
    else if (strcmp(status, "ERRORED") != 0)
        tell_revoked(rows, i, strcmp(status, "SKIPPED") == 0, &result);
    return result;
}

static bool is_end(const struct pg_rows *rows, size_t i)
{
    return strcmp(pg_get_text(rows, i, WHAT), "ended") == 0;
}

/* The member of a message's `embed`, as it was written. */
#define APP_MARK "\"app\":true"

/* A task of the application was told of, with all that follows it, by the program that ran it. */
static bool is_app(const struct pg_rows *rows, size_t i)
{
    return strstr(pg_get_text(rows, i, EMBED), APP_MARK) != NULL;
}

static bool told_by_app(const struct pg_rows *rows, size_t i)
{
    const char *outcome = pg_is_null(rows, i, OUTCOME) ? "" : pg_get_text(rows, i, OUTCOME);
    return !is_end(rows, i) || strcmp(pg_get_text(rows, i, STATUS), "SUCCESS") == 0 || strcmp(outcome, "failed") == 0;
}

/* Callbacks, chains and chords, before the messages that carried them are acknowledged. */
static bool send_what_follows(struct courier *c, struct news *n, const struct pg_rows *rows, struct err *e)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct celery_result result = read_news(rows, i);
        const struct canvas_end end = {.result = &result, .queue = pg_get_text(rows, i, QUEUE), .embed = pg_get_text(rows, i, EMBED)};
        if (is_end(rows, i) && !is_app(rows, i) && !courier_canvas(c, &n->queues, n->backend ? n->backend : c->redis, &end, e))
            return false;
    }
    return true;
}

static bool acknowledge(struct courier *c, struct news *n, const struct pg_rows *rows, struct err *e)
{
    struct rd_arg args[4 + NEWS_MAX + 1];
    size_t used = 0;
    args[used++] = rd_text(text_str(&n->queues.unacked));
    args[used++] = rd_text(text_str(&n->queues.unacked_index));
    args[used++] = rd_text("");
    args[used++] = rd_int(0);
    for (size_t i = 0; i < rows->count; i++)
        if (is_end(rows, i) && !pg_is_null(rows, i, TAG))
            args[used++] = rd_text(pg_get_text(rows, i, TAG));
    args[used] = (struct rd_arg){.type = RD_END};
    return used == 4 || redis_script(c->redis, &lua_celery_taken, 3, args, NULL, e) || err_add(e, "acknowledging");
}

/* What is left to the application to tell: of tasks whose process died over them, or that never began. */
struct untold {
    size_t count;
    struct uuid tasks[NEWS_MAX];
    const char *states[NEWS_MAX], *types[NEWS_MAX], *modules[NEWS_MAX], *messages[NEWS_MAX];
};

static void list_untold(struct news *n, const struct pg_rows *rows, struct untold *out)
{
    out->count = 0;
    for (size_t i = 0; i < rows->count; i++) {
        if (!is_app(rows, i) || told_by_app(rows, i))
            continue;
        struct celery_result result = read_news(rows, i);
        struct celery_exception x = celery_exception(result.state, result.outcome, result.error);
        size_t place = out->count++;
        out->tasks[place] = pg_get_uuid(rows, i, TASK);
        out->states[place] = celery_state_name(result.state);
        out->types[place] = region_strdup(n->region, x.type);
        out->modules[place] = x.module;
        out->messages[place] = region_strdup(n->region, x.message);
    }
}

static bool leave_to_app(struct courier *c, const struct untold *u, struct err *e)
{
    return u->count == 0 ||
           pg_exec(c->pg, &sql_celery_tell, NULL, e, pg_uuids(u->tasks, u->count), pg_texts(u->states, u->count), pg_texts(u->types, u->count),
                   pg_texts(u->modules, u->count), pg_texts(u->messages, u->count)) ||
           err_add(e, "leaving news to the application");
}

static bool forget(struct courier *c, struct news *n, const struct pg_rows *rows, struct err *e)
{
    static struct untold untold;
    struct uuid tasks[NEWS_MAX];
    const char *whats[NEWS_MAX];
    size_t count = rows->count;
    int64_t over = 0;
    for (size_t i = 0; i < count; i++) {
        tasks[i] = pg_get_uuid(rows, i, TASK);
        whats[i] = is_end(rows, i) ? "ended" : "retry";
        over += is_end(rows, i) && !pg_is_null(rows, i, TAG);
    }
    list_untold(n, rows, &untold);
    c->celery_over += over;
    return leave_to_app(c, &untold, e) &&
           (pg_exec(c->pg, &sql_celery_told_news, NULL, e, pg_uuids(tasks, count), pg_texts(whats, count)) || err_add(e, "news that were told"));
}

/* Events ------------------------------------------------------------------------------------------------------------ */

/* As Python shows an exception, "ValueError('no such plan')". */
static const char *shown(struct region *r, const struct celery_result *result)
{
    struct celery_exception x = celery_exception(result->state, result->outcome, result->error);
    struct text t CLEANUP(text_free) = {0};
    text_printf(&t, "%s('", x.type);
    for (const char *p = x.message; *p; p++)
        text_printf(&t, *p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
    text_puts(&t, "')");
    return region_strdup(r, text_str(&t));
}

static const char *type_of(const struct celery_result *result)
{
    switch (result->state) {
    case CELERY_SUCCESS:
        return "task-succeeded";
    case CELERY_RETRY:
        return "task-retried";
    case CELERY_REVOKED:
        return "task-revoked";
    case CELERY_STARTED:
    case CELERY_PROGRESS:
        return "task-started";
    case CELERY_FAILURE:
        break;
    }
    return "task-failed";
}

/* One that was over before it was seen to run has been started, too. */
static void note_ends(struct courier *c, struct news *n, const struct pg_rows *rows)
{
    for (size_t i = 0; courier_has_listeners(c) && i < rows->count; i++) {
        const struct celery_result result = read_news(rows, i);
        usec_t started_at = pg_get_time(rows, i, RAN_AT);
        struct event_task event = {.id = result.id, .at = started_at};
        if (started_at && !pg_get_bool(rows, i, TOLD))
            courier_event(c, "task-started", &event);
        event.at = is_end(rows, i) ? result.done_at : 0;
        event.result = result.result;
        event.runtime_s = started_at ? (double)(result.done_at - started_at) / 1e6 : 0;
        event.exception = result.state == CELERY_SUCCESS ? NULL : shown(n->region, &result);
        event.traceback = result.error;
        event.terminated = started_at > 0;
        event.expired = result.error && strcmp(result.error, "expired") == 0;
        courier_event(c, type_of(&result), &event);
    }
}

static bool tell_news(struct courier *c, struct news *n, size_t *count, struct err *e)
{
    static struct letters letters;
    struct pg_rows rows;
    letters.count = 0;
    region_reset(n->region);
    if (clock_boot() >= n->sweep_at) {
        n->sweep_at = clock_boot() + sweep_every;
        n->seen = 0;
    }
    if (!pg_exec(c->pg, &sql_celery_news, &rows, e, pg_uuid(c->board->worker), pg_int(n->seen > LATE_NEWS ? n->seen - LATE_NEWS : 0), pg_int(NEWS_MAX)))
        return err_add(e, "news of messages");
    *count = rows.count;
    if (rows.count > 0)
        n->seen = pg_get_int(&rows, rows.count - 1, SEQ);
    for (size_t i = 0; i < rows.count; i++) {
        struct celery_result result = read_news(&rows, i);
        if (!is_app(&rows, i))
            add_letter(n, &letters, pg_get_text(&rows, i, EMBED), &result);
    }
    if (rows.count == 0)
        return true;
    CRASH_POINT("celery", "ended");
    if (!send_letters(c, n, &letters, e))
        return false;
    CRASH_POINT("celery", "told");
    if (!send_what_follows(c, n, &rows, e))
        return false;
    if (!acknowledge(c, n, &rows, e))
        return false;
    CRASH_POINT("celery", "acknowledged");
    courier_drop_events(c);
    note_ends(c, n, &rows);
    return forget(c, n, &rows, e) && courier_tell_events(c, e);
}

/* Progress ---------------------------------------------------------------------------------------------------------- */

static bool tell_progress(struct courier *c, struct news *n, struct err *e)
{
    enum { P_TASK, P_EXTERNAL, P_EMBED, P_TOLD, P_VALUE, P_TOTAL, P_MESSAGE, P_PID, P_HOST, P_STARTED, P_NEW };
    static struct letters letters;
    static struct uuid tasks[NEWS_MAX];
    const char *told[NEWS_MAX];
    struct pg_rows rows;
    bool track = c->config->celery.track_started;
    letters.count = 0;
    region_reset(n->region);
    if (!pg_exec(c->pg, &sql_celery_progress, &rows, e, pg_uuid(c->board->worker), pg_bool(track || courier_has_listeners(c)), pg_int(NEWS_MAX)))
        return err_add(e, "progress of messages");
    for (size_t i = 0; i < rows.count; i++) {
        struct celery_result result = {.id = pg_get_text(&rows, i, P_EXTERNAL),
                                       .value = pg_get_int(&rows, i, P_VALUE),
                                       .total = pg_get_int(&rows, i, P_TOTAL),
                                       .message = text_or_null(&rows, i, P_MESSAGE),
                                       .pid = pg_get_int(&rows, i, P_PID),
                                       .host = text_or_null(&rows, i, P_HOST)};
        result.state = result.value > 0 || result.message ? CELERY_PROGRESS : CELERY_STARTED;
        bool progress = result.state == CELERY_PROGRESS;
        bool app = strstr(pg_get_text(&rows, i, P_EMBED), APP_MARK) != NULL;
        if (!app && (track || progress))
            add_letter(n, &letters, pg_get_text(&rows, i, P_EMBED), &result);
        if (pg_get_bool(&rows, i, P_NEW))
            courier_event(c, "task-started", &(struct event_task){.id = region_strdup(n->region, result.id), .at = pg_get_time(&rows, i, P_STARTED)});
        tasks[i] = pg_get_uuid(&rows, i, P_TASK);
        told[i] = region_strdup(n->region, pg_get_text(&rows, i, P_TOLD));
    }
    return rows.count == 0 || (send_letters(c, n, &letters, e) && courier_tell_events(c, e) &&
                               (pg_exec(c->pg, &sql_celery_told, NULL, e, pg_uuids(tasks, rows.count), pg_texts(told, rows.count)) || err_add(e, "progress that was told")));
}

static bool run(struct courier *c, void *data, struct duty_turn *turn, struct err *e)
{
    struct news *n = data;
    usec_t now = clock_boot();
    size_t count = 0;
    if (turn->fresh) {
        close_news(c, n);
        *n = (struct news){0};
        if (!open_news(c, n, e))
            return false;
    }
    do {
        if (!tell_news(c, n, &count, e))
            return false;
    } while (count == NEWS_MAX);
    if (turn->bells)
        n->rung_at = now;
    bool idle = board_all_idle(c->board) && now - n->rung_at > awake_for;
    if (!idle && now >= n->progress_at) {
        n->progress_at = now + progress_every;
        if (!tell_progress(c, n, e))
            return false;
    }
    turn->next_at = idle ? now + sweep_every : n->progress_at;
    return true;
}

const struct duty duty_celery_news = {.name = "celery_news",
                                      .needs = COURIER_PG | COURIER_REDIS,
                                      .bells = COURIER_SETTLED,
                                      .state_size = sizeof(struct news),
                                      .wanted = celery_wanted,
                                      .run = run,
                                      .close = close_news};
