/* vision.send_document: tell VISION of a programme document, as JSON that whoever enqueues it has put together. That it goes out is written down and
 * committed first, so that the log knows of each attempt, also of one that was killed; each attempt is one request. */
#include "tasks/vision/vision.h"

#include <stdio.h>
#include <string.h>

enum { SAID_MAX = 64 << 10, WAIT_SECONDS = 10 };

struct args {
    const char *business_area, *document, *number, *path, *upstream;
};

static const struct field fields[] = {
    STR_FIELD(struct args, business_area, .required = true, .help = "business area or code of a country"),
    JSON_FIELD(struct args, document, .required = true, .help = "what is sent, an object"),
    STR_FIELD(struct args, number, .min = 1, .max = 64, .help = "of the document: of one number one is sent at a time"),
    STR_FIELD(struct args, path, .fallback = "", .help = "put behind the upstream's address; none: that address"),
    STR_FIELD(struct args, upstream, .fallback = "ezhact", .help = "the upstream to tell"),
    {0},
};

/* One attempt; texts in the task's region. */
struct sending {
    struct task *task;
    const struct args *args;
    int64_t row;          /* of sync_log */
    const char *document; /* as it was given, digit by digit */
    const char *area;     /* NULL: the country is not known */
    int status;
    const char *said; /* NULL: nothing came */
};

static bool begin(struct sending *s, struct err *e)
{
    struct pg_rows rows;
    struct region *region = task_region(s->task);
    if (!task_sql_rows(s->task, &sql_vision_send_begin, &rows, e, pg_text(s->args->business_area), pg_uuid(task_id(s->task)),
                       pg_json(task_args(s->task))))
        return false;
    s->row = pg_get_int(&rows, 0, 0);
    s->document = region_strdup(region, pg_get_text(&rows, 0, 1));
    s->area = pg_is_null(&rows, 0, 2) ? NULL : region_strdup(region, pg_get_text(&rows, 0, 2));
    return task_commit(s->task, e);
}

/* What fails between here and there may go well next time, unless the task has to end or its configuration is wrong. */
static void expect_better(struct err *e)
{
    if (e->kind == ERR_REFUSED || e->kind == ERR_DATA || e->kind == ERR_LIMIT || e->kind == ERR_NOT_FOUND)
        e->kind = ERR_TRANSIENT;
}

static bool deliver(struct sending *s, struct http *http, struct err *e)
{
    struct http_answer answer;
    struct text said CLEANUP(text_free) = {.max = SAID_MAX};
    if (!http_send(http, "POST", s->args->path, s->document, &answer, e)) {
        expect_better(e);
        return false;
    }
    text_utf8(&said, answer.body, answer.len);
    s->status = answer.status;
    s->said = region_strdup(task_region(s->task), text_str(&said));
    return answer.status == 200 || answer.status == 201 || err_set(e, ERR_TRANSIENT, "HTTP %d: %s", answer.status, s->said);
}

static bool send(struct sending *s, struct err *e)
{
    const struct http_options options = {.total = SECONDS(400), .stall = SECONDS(400), .tries = 1, .every_status = true};
    struct js *document CLEANUP(js_freep) = js_parse(s->document, strlen(s->document), e);
    if (js_type(document) != JS_OBJECT)
        return err_set(e, ERR_DATA, "'document' is not an object");
    if (!s->area)
        return err_set(e, ERR_NOT_FOUND, "there is no country '%s'", s->args->business_area);
    struct http *http CLEANUP(http_closep) = http_open(s->task, s->args->upstream, &options, e);
    return http && task_progress(s->task, 0, 1, "sending", e) && deliver(s, http, e);
}

static bool finish(struct sending *s, const struct err *why, struct err *e)
{
    const char *reason = why ? why->text : NULL;
    if (why && s->said)
        reason = s->said;
    task_log(s->task, why ? LOG_ERROR : LOG_INFO, "vision.send_document %s: %s", s->args->business_area, why ? why->text : s->said);
    return task_sql(s->task, &sql_vision_send_end, e, pg_int(s->row), pg_bool(!why), pg_text(why ? NULL : s->said), pg_text(reason));
}

static bool tell(struct sending *s, struct err *e)
{
    struct row result CLEANUP(row_free) = {0};
    row_int(&result, "status", s->status);
    row_text(&result, "answer", s->said);
    return task_result(s->task, row_end(&result), e) && task_progress(s->task, 1, 1, "sent", e);
}

/* Another task is sending a document of this number: its turn first. */
static bool take_turn(struct task *task, const struct args *args, struct err *e)
{
    char key[160];
    bool held = true;
    snprintf(key, sizeof key, "vision.send_document/%s/%s", args->business_area, args->number ? args->number : "");
    if (args->number && !task_try_lock(task, key, &held, e))
        return false;
    return held || task_snooze(task, SECONDS(WAIT_SECONDS), "a document of this number is being sent", e);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    struct sending s = {.task = task, .args = data};
    struct err other;
    if (!take_turn(task, s.args, e) || !begin(&s, e))
        return false;
    if (send(&s, e))
        return finish(&s, NULL, e) && tell(&s, e);
    bool told = e->kind == ERR_FENCED || (finish(&s, e, &other) && task_commit(task, &other));
    if (!told)
        *e = other;
    return false;
}

static const usec_t delays[] = {MINUTES(1), MINUTES(2), -1};

const struct handler handler_vision_send_document = {
    .name = "vision.send_document",
    .summary = "Send a programme document to VISION",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 3, .delays = delays},
};
