/* told: a state of Celery's in our words. Custom states are progress: their meta object is what the task wants seen. */
#include "common/celery/told.h"

#include "common/base/json.h"
#include "common/celery/message.h"
#include "common/celery/plain.h"

#include <string.h>

static const struct {
    const char *state, *what;
} states[] = {
    {"STARTED", "started"}, {"RETRY", "retry"}, {"SUCCESS", "success"}, {"FAILURE", "failure"}, {"REVOKED", "revoked"}, {"PENDING", NULL}, {"RECEIVED", NULL},
};

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static const char *what_of(const char *state)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (is(states[i].state, state))
            return states[i].what;
    return "progress";
}

static bool keep_json(const struct js *node, struct region *r, const char **out, struct err *e)
{
    struct text plain CLEANUP(text_free) = {0};
    if (!plain_write(&plain, node, e))
        return false;
    *out = region_strndup(r, text_str(&plain), plain.len);
    return true;
}

/* An exception as {exc_type, exc_message}; its message is a text, or the array of its arguments. */
static const char *error_text(const struct js *result, struct region *r)
{
    struct text t CLEANUP(text_free) = {.max = ERR_TEXT_MAX};
    const struct js *message = js_get(result, "exc_message");
    const char *type = js_text(js_get(result, "exc_type"));
    if (js_type(message) == JS_ARRAY && js_count(message) == 1)
        message = js_at(message, 0);
    text_puts(&t, type ? type : js_text(result) ? js_text(result) : "failed");
    if (js_type(message) == JS_TEXT)
        text_printf(&t, ": %s", js_text(message));
    else if (!js_is_null(message) && !(js_type(message) == JS_ARRAY && js_count(message) == 0)) {
        text_puts(&t, ": ");
        js_write(&t, message);
    }
    return region_strdup(r, text_str(&t));
}

static int64_t whole(const struct js *node)
{
    double value = -1;
    return js_number(node, &value) && value >= 0 && value < 9e15 ? (int64_t)(value + 0.5) : -1;
}

/* The names under which tasks tell how far they are: ours, then those that are common. */
static const struct js *first_of(const struct js *meta, const char *const *names)
{
    for (; *names; names++)
        if (!js_is_null(js_get(meta, *names)))
            return js_get(meta, *names);
    return NULL;
}

static void read_progress(const struct js *meta, const char *state, struct region *r, struct celery_told *out)
{
    static const char *const values[] = {"current", "done", "progress", "processed", NULL}, *const totals[] = {"total", NULL},
                      *const messages[] = {"message", "status", "description", NULL};
    const char *message = js_text(first_of(meta, messages));
    out->value = whole(first_of(meta, values));
    out->total = whole(first_of(meta, totals));
    out->message = message ? region_strdup(r, message) : is(state, "PROGRESS") ? NULL : region_strdup(r, state);
}

static void read_moment(const struct js *meta, usec_t *at)
{
    struct err e;
    const char *done = js_text(js_get(meta, "date_done"));
    if (done && !celery_time_parse(done, at, &e))
        *at = 0;
}

bool celery_told_read(const char *text, size_t len, struct region *r, struct celery_told *out, struct err *e)
{
    *out = (struct celery_told){.pid = -1, .value = -1, .total = -1};
    if (len > CELERY_TOLD_MAX)
        return err_set(e, ERR_LIMIT, "a result of %zu bytes, more than %d", len, CELERY_TOLD_MAX);
    struct js *meta CLEANUP(js_freep) = js_parse(text, len, e);
    const char *id = js_text(js_get(meta, "task_id")), *state = js_text(js_get(meta, "status"));
    if (!meta)
        return false;
    if (!id || !state || !what_of(state))
        return err_set(e, ERR_DATA, "a result without task_id and a state that says anything");
    const struct js *result = js_get(meta, "result");
    out->id = region_strdup(r, id);
    out->what = what_of(state);
    read_moment(meta, &out->at);
    if (is(out->what, "success"))
        return keep_json(result, r, &out->result, e);
    if (is(out->what, "started")) {
        out->host = js_text(js_get(result, "hostname")) ? region_strdup(r, js_text(js_get(result, "hostname"))) : NULL;
        out->pid = whole(js_get(result, "pid"));
    } else if (is(out->what, "progress")) {
        read_progress(result, state, r, out);
    } else {
        out->error = error_text(result, r);
        if (is(out->what, "revoked") && strstr(out->error, "expired"))
            out->what = "expired";
    }
    return true;
}
