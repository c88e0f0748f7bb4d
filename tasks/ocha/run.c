/* run: one run of a handler, how HPC is asked, and how the records of its lists become rows. */
#include "tasks/ocha/ocha.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Asking --------------------------------------------------------------------------------------------------------------------- */

struct records *ocha_ask(struct ocha_run *run, const char *target, const char *path, struct err *e)
{
    struct records *records = http_get_records(run->http, target, path, e);
    const char *status = records ? js_text(records_beside(records, "status")) : NULL;
    if (!records || (status && strcmp(status, "ok") == 0))
        return records;
    const char *message = js_text(records_beside(records, "message"));
    err_set(e, ERR_TRANSIENT, "GET %.*s: status '%.40s'%s%.200s", (int)strcspn(target, "?"), target, status ? status : "",
            message ? ": " : "", message ? message : "");
    records_free(records);
    return NULL;
}

const char *ocha_id(const struct js *value, char out[static OCHA_ID_MAX])
{
    int64_t number;
    const char *text = js_text(value);
    out[0] = '\0';
    if (text && strlen(text) < OCHA_ID_MAX)
        snprintf(out, OCHA_ID_MAX, "%s", text);
    else if (js_integer(value, &number))
        snprintf(out, OCHA_ID_MAX, "%" PRId64, number);
    return out;
}

/* Batches -------------------------------------------------------------------------------------------------------------------- */

bool ocha_stage(struct ocha_run *run, int number, const char *kind, struct err *e)
{
    run->rows++;
    return staging_add(run->staging, number, kind, &run->row, e);
}

/* What ended a record, but not the task. */
static bool is_the_records(const struct err *e)
{
    return e->kind == ERR_DATA || e->kind == ERR_LIMIT;
}

static void at_item(struct ocha_run *run, const struct ocha_item *item)
{
    run->report.index = item->index;
    run->report.page = item->page;
    run->report.id = *item->id ? item->id : NULL;
}

static bool is_full(const struct ocha_run *run, const struct ocha_list *list)
{
    return !list->whole && (run->count >= OCHA_BATCH || run->rows >= OCHA_BATCH_ROWS);
}

static enum ocha_read read_one(struct ocha_run *run, const struct js *record, const struct ocha_list *list, struct err *e)
{
    if (js_type(record) == JS_OBJECT)
        return list->read(run, record, run->count, e);
    record_refuse(NULL, NULL, e, "%s where an object was expected", js_type_name(js_type(record)));
    return OCHA_BAD;
}

/* Count a record by what became of it. False: it ends the task. */
static bool count(struct ocha_run *run, enum ocha_read read, const struct err *why, struct err *e)
{
    run->items[run->count].staged = read == OCHA_READ;
    run->report.fetched += read != OCHA_IGNORE;
    switch (read) {
    case OCHA_READ:
        run->count++;
        return true;
    case OCHA_IGNORE:
        staging_drop(run->staging, run->count);
        return true;
    case OCHA_SKIP:
        staging_drop(run->staging, run->count);
        report_skip(&run->report, why->text);
        return true;
    case OCHA_BAD:
        break;
    }
    staging_drop(run->staging, run->count);
    if (!is_the_records(why)) {
        *e = *why;
        return false;
    }
    run->why = *why;
    report_fail(&run->report, why->text, true);
    return true;
}

bool ocha_take(struct ocha_run *run, const struct record *record, const struct ocha_list *list, struct err *e)
{
    struct err why = record->why;
    if (run->count == STAGING_RECORDS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d records that belong together", STAGING_RECORDS_MAX);
    struct ocha_item *item = &run->items[run->count];
    item->index = record->index;
    item->page = run->report.page;
    ocha_id(js_get(record->json, list->id), item->id);
    at_item(run, item);
    row_reset(&run->row);
    run->unnamed |= !record->json;
    enum ocha_read read = record->json ? read_one(run, record->json, list, &why) : OCHA_BAD;
    bool good = count(run, read, &why, e);
    run->report.id = NULL;
    return good && task_check(run->task, e) && (!is_full(run, list) || ocha_move(run, list, e));
}

/* Records that found no place in the tables are left out, not unchanged. */
static bool skip_absent(struct ocha_run *run, const struct ocha_list *list, struct err *e)
{
    struct pg_rows rows;
    if (!list->absent)
        return true;
    if (!task_sql_rows(run->task, list->absent, &rows, e))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        int number = (int)pg_get_int(&rows, i, 0);
        if (number >= run->count || staging_outcome(run->staging, number, NULL) == STAGING_FAILED)
            continue;
        at_item(run, &run->items[number]);
        run->items[number].staged = false;
        report_skip(&run->report, pg_get_text(&rows, i, 1));
    }
    return true;
}

static void count_moved(struct ocha_run *run, struct ocha_item *item, int number)
{
    const char *reason;
    if (!item->staged)
        return;
    item->failed = report_count(&run->report, run->staging, number) == STAGING_FAILED;
    staging_outcome(run->staging, number, &reason);
    if (item->failed)
        err_set(&run->why, ERR_DATA, "%s", reason ? reason : "refused");
}

bool ocha_move(struct ocha_run *run, const struct ocha_list *list, struct err *e)
{
    int page = run->report.page;
    if (run->count == 0)
        return true;
    if (!staging_move(run->staging, run->report.steps, run->report.counts, e) || !skip_absent(run, list, e))
        return false;
    for (int i = 0; i < run->count; i++) {
        at_item(run, &run->items[i]);
        count_moved(run, &run->items[i], i);
    }
    run->report.id = NULL;
    run->report.page = page;
    staging_reset(run->staging);
    run->count = run->rows = 0;
    return task_commit(run->task, e) && task_progress(run->task, run->report.fetched, 0, run->report.handler, e);
}

bool ocha_read(struct ocha_run *run, struct records *records, const struct ocha_list *list, struct err *e)
{
    struct record record;
    while (records_next(records, &record))
        if (!ocha_take(run, &record, list, e))
            return false;
    return records_end(records, e);
}

bool ocha_read_beside(struct ocha_run *run, const struct records *answer, const char *path, const struct ocha_list *list, struct err *e)
{
    struct records *records CLEANUP(records_freep) = records_again(answer, path, e);
    return records && ocha_read(run, records, list, e);
}

/* A run ---------------------------------------------------------------------------------------------------------------------- */

/* Records that were read but not moved when it ends do not count. */
static bool copy(void *data, struct err *e)
{
    struct ocha_run *run = data;
    bool good = run->copy(run, e);
    run->report.fetched -= good ? 0 : run->count;
    return good;
}

bool ocha_run(struct task *task, const struct ocha_job *job, const char *upstream, int64_t id, const void *args, struct err *e)
{
    const struct http_options options = {.total = MINUTES(5), .pace = OCHA_PACE};
    struct http *http CLEANUP(http_closep) = http_open(task, upstream, &options, e);
    if (!http)
        return false;
    struct ocha_run *run = task_alloc(task, sizeof *run);
    run->task = task;
    run->http = http;
    run->staging = staging_new(task);
    run->args = args;
    run->id = id ? region_printf(task_region(task), "%" PRId64, id) : NULL;
    run->report = (struct report){.task = task, .handler = job->handler, .area = run->id, .steps = job->steps};
    run->copy = job->copy;
    const char *lock = region_printf(task_region(task), "%s/%s", job->handler, id ? run->id : "all");
    const struct report_run around = {lock, copy, NULL, run};
    enum report_end end = report_around(&run->report, &around, e);
    staging_free(run->staging);
    seen_free(&run->seen);
    row_free(&run->row);
    text_free(&run->plans);
    text_free(&run->named);
    js_free(run->groups);
    report_free(&run->report);
    return end == REPORT_GOOD || end == REPORT_LEFT_OUT;
}
