/* send: POST a slice, let the family's judge read the summary, and go on with what is not settled by it. */
#include "tasks/dhis2/send.h"

#include "common/base/json_build.h"
#include <string.h>
#include <strings.h>

/* Statuses with which DHIS2 tells what came of an import. */
static const int answers[] = {409, 500, 0};

/* Older ones write import_count, newer ones importCount. */
static const struct js *either(const struct js *object, const char *one, const char *other)
{
    const struct js *value = js_get(object, one);
    return value ? value : js_get(object, other);
}

/* The summary itself, or what is wrapped around it. */
static const struct js *summary_of(const struct js *answer)
{
    const struct js *inner = js_get(answer, "response");
    return js_type(inner) == JS_OBJECT && js_count(inner) > 0 ? inner : answer;
}

bool dhis2_is_success(const struct js *summary)
{
    const char *status = js_text(js_get(summary, "status"));
    return !status || strcasecmp(status, "SUCCESS") == 0 || strcasecmp(status, "OK") == 0;
}

void dhis2_blame(struct dhis2_item *item, const struct js *conflict)
{
    if (item->told++ >= DHIS2_ERRORS_MAX)
        return;
    text_puts(&item->errors, item->told > 1 ? "," : "");
    js_write(&item->errors, conflict);
}

void dhis2_reason(const struct dhis2_item *item, struct text *out)
{
    struct err e;
    struct text list CLEANUP(text_free) = {0};
    text_printf(&list, "[%s]", text_str(&item->errors));
    struct js *errors CLEANUP(js_freep) = js_parse(text_str(&list), list.len, &e);
    const struct js *first = js_at(errors, 0);
    const char *code = js_text(js_get(first, "errorCode")), *words = js_text(either(first, "value", "message"));
    text_printf(out, "%s%s%s", code ? code : "", code ? ": " : "", words ? words : "refused");
    if (item->told > 1)
        text_printf(out, " (and %d more)", item->told - 1);
}

void dhis2_items_free(struct dhis2_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        js_free(items[i].json);
        text_free(&items[i].errors);
    }
}

/* Why one item was not taken when the answer lists nothing: its own words. */
static void blame_in_words(const struct js *answer, int status, struct dhis2_item *item)
{
    const struct js *summary = summary_of(answer), *words = js_get(summary, "description");
    struct js *conflict CLEANUP(js_freep) = js_new_object();
    struct text plain CLEANUP(text_free) = {0};
    words = js_text(words) ? words : js_get(answer, "message");
    text_printf(&plain, "HTTP %d", status);
    js_set(conflict, "value", js_new_text(js_text(words) ? js_text(words) : text_str(&plain)));
    dhis2_blame(item, conflict);
}

static void add_counts(struct dhis2_outlet *outlet, const struct js *summary, struct dhis2_item *const *items, size_t count)
{
    const struct js *counts = either(summary, "importCount", "import_count");
    int64_t created = 0, updated = 0, taken = 0;
    counts = counts ? counts : js_get(summary, "stats");
    js_integer(either(counts, "imported", "created"), &created);
    js_integer(js_get(counts, "updated"), &updated);
    for (size_t i = 0; i < count; i++)
        taken += items[i]->told == 0;
    created = created < 0 ? 0 : created < taken ? created : taken;
    updated = updated < 0 ? 0 : updated < taken - created ? updated : taken - created;
    outlet->created += created;
    outlet->updated += updated;
}

static struct js *post(struct dhis2_outlet *outlet, struct dhis2_item *const *items, size_t count, int *status, struct err *e)
{
    struct text body CLEANUP(text_free) = {0};
    struct http_answer answer;
    text_printf(&body, "{\"%s\":[", outlet->member);
    for (size_t i = 0; i < count; i++) {
        text_puts(&body, i ? "," : "");
        js_write(&body, items[i]->json);
    }
    text_puts(&body, "]}");
    if (!http_send(outlet->http, "POST", outlet->target, text_str(&body), &answer, e))
        return NULL;
    *status = answer.status;
    struct js *json = js_parse(answer.body, answer.len, e);
    if (!json)
        e->kind = ERR_TRANSIENT;
    return json;
}

/* One server that fails each import must not mark a million items as bad. */
static bool watch_failures(struct dhis2_outlet *outlet, int status, const struct js *summary, struct err *e)
{
    const char *words = js_text(js_get(summary, "description"));
    outlet->failures = status >= 500 ? outlet->failures + 1 : 0;
    return outlet->failures < DHIS2_FAILURES_MAX ||
           err_set(e, ERR_TRANSIENT, "%d imports in a row failed: %s", outlet->failures, words ? words : "no reason given");
}

/* Keep those that nothing was said against. */
static size_t keep_rest(struct dhis2_item **items, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        if (items[i]->told == 0)
            items[left++] = items[i];
    return left;
}

static bool is_any_blamed(struct dhis2_item *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (items[i]->told > 0)
            return true;
    return false;
}

/* One request; *verdict is what came of it. */
static bool send_once(struct dhis2_outlet *outlet, struct dhis2_item *const *items, size_t count, enum dhis2_verdict *verdict,
                      struct err *e)
{
    int status = 0;
    if (!task_check(http_task(outlet->http), e))
        return false;
    struct js *answer CLEANUP(js_freep) = post(outlet, items, count, &status, e);
    const struct js *summary = summary_of(answer);
    if (!answer || !watch_failures(outlet, status, summary, e))
        return false;
    *verdict = outlet->judge(summary, items, count);
    if (*verdict == DHIS2_TAKEN && (status >= 300 || !dhis2_is_success(answer)) && !is_any_blamed(items, count))
        *verdict = DHIS2_UNCLEAR; /* refused as a whole, and the summary does not say why */
    if (count == 1 && *verdict != DHIS2_TAKEN && items[0]->told == 0)
        blame_in_words(answer, status, items[0]);
    if (*verdict == DHIS2_TAKEN)
        add_counts(outlet, summary, items, count);
    return true;
}

bool dhis2_send(struct dhis2_outlet *outlet, struct dhis2_item *const *items, size_t count, struct err *e)
{
    struct dhis2_item *left[DHIS2_SLICE_MAX];
    enum dhis2_verdict verdict = DHIS2_NOT_TAKEN;
    memcpy(left, items, count * sizeof *left);
    while (verdict == DHIS2_NOT_TAKEN && count > 0) {
        if (!send_once(outlet, left, count, &verdict, e))
            return false;
        count = keep_rest(left, count);
    }
    if (verdict != DHIS2_UNCLEAR || count < 2)
        return true;
    return dhis2_send(outlet, left, count / 2, e) && dhis2_send(outlet, left + count / 2, count - count / 2, e);
}

/* A run -------------------------------------------------------------------------------------------------- */

static bool tell_result(struct task *task, const struct report *report, const struct report_run *around, struct err *e)
{
    struct row row CLEANUP(row_free) = {0};
    row_int(&row, "sent", report->fetched);
    row_int(&row, "created", report->created);
    row_int(&row, "updated", report->updated);
    row_int(&row, "unchanged", report->unchanged);
    row_int(&row, "failed", report->failed);
    around->tell(around->data, &row);
    return task_result(task, row_end(&row), e);
}

bool dhis2_export(struct task *task, const char *upstream, struct dhis2_outlet *outlet, struct report *report, const struct report_run *around, struct err *e)
{
    const struct http_options options = {.total = MINUTES(5), .answers = answers};
    struct http *http CLEANUP(http_closep) = http_open(task, upstream, &options, e);
    outlet->http = http;
    if (!http)
        return false;
    enum report_end end = report_around(report, around, e);
    bool good = end == REPORT_LEFT_OUT || (end == REPORT_GOOD && tell_result(task, report, around, e));
    report_free(report);
    return good;
}
