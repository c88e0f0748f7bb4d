/* list: one answer is one unit. It is seen to be whole before its first row is looked at, then all rows go to the server in
 * batches and are moved by one list of statements in one transaction: what they say of each other (headers repeated on
 * each line, sums over lines) must not depend on where a page would have ended. */
#include "tasks/vision/vision.h"

#include <stdio.h>
#include <string.h>

struct run {
    struct task *task;
    struct http *http;
    const struct vision_list *list;
    struct report report;
    struct staging *staging;
    struct row row, other;
    int64_t rows, staged; /* in the answer; of them good */
    int in_batch;
};

const struct field vision_fields[] = {
    STR_FIELD(struct vision_args, business_area, .required = true, .help = "business area or code of a country"),
    STR_FIELD(struct vision_args, upstream, .fallback = "vision", .help = "the upstream to ask"),
    {0},
};

/* A required member that is not there: VISION's older versions leave some out. */
static const char *missing(const struct run *run, const struct js *row)
{
    for (const struct column *column = run->list->columns; column->name; column++) {
        const struct js *value = js_get(row, column->from);
        if (column->required && (js_is_null(value) || (js_text(value) && !js_text(value)[strspn(js_text(value), " ")])))
            return column->from;
    }
    return NULL;
}

static bool skip(struct run *run, const char *why, struct err *e)
{
    report_skip(&run->report, why);
    if (run->other.count == 0)
        return true;
    row_int(&run->other, NULL, run->report.country_id);
    return staging_add(run->staging, run->in_batch++, "unknown", &run->other, e);
}

static bool stage(struct run *run, const struct js *row, struct err *e)
{
    char why[160];
    const char *absent = js_type(row) == JS_OBJECT ? missing(run, row) : NULL;
    row_reset(&run->row);
    row_reset(&run->other);
    snprintf(why, sizeof why, "%s: missing", absent ? absent : "");
    if (absent)
        return skip(run, why, e);
    const char *not_ours = run->list->leave_out && js_type(row) == JS_OBJECT ? run->list->leave_out(row, &run->other) : NULL;
    if (not_ours)
        return skip(run, not_ours, e);
    if (!record_read(row, run->list->columns, NULL, &run->row, e))
        return false;
    row_int(&run->row, NULL, run->report.country_id);
    row_int(&run->row, NULL, run->report.index);
    run->staged++;
    return staging_add(run->staging, run->in_batch++, "row", &run->row, e);
}

static bool take(struct run *run, const struct record *record, struct err *e)
{
    struct err why = record->why;
    run->report.fetched++;
    run->report.index = record->index;
    run->report.id = js_text(js_get(record->json, run->list->key));
    bool good = record->json && stage(run, record->json, &why);
    if (!good && why.kind != ERR_DATA && why.kind != ERR_LIMIT) {
        *e = why;
        return false;
    }
    if (!good)
        report_fail(&run->report, why.text, true);
    run->report.id = NULL;
    return true;
}

/* Give what is staged to the server and make room. */
static bool send(struct run *run, struct err *e)
{
    run->in_batch = 0;
    return staging_send(run->staging, e) && task_progress(run->task, run->report.fetched, run->rows, run->list->endpoint, e);
}

static bool read_rows(struct run *run, struct records *records, struct err *e)
{
    struct record record;
    run->rows = records_count(records);
    while (records_next(records, &record))
        if (!take(run, &record, e) || (run->in_batch == VISION_BATCH && !send(run, e)))
            return false;
    return records_end(records, e) && send(run, e);
}

static bool move(struct run *run, struct err *e)
{
    struct staging_count *counts = run->report.counts;
    if (!staging_move(run->staging, run->list->steps, counts, e))
        return false;
    run->report.created = counts[run->list->main].created;
    run->report.updated = counts[run->list->main].updated;
    run->report.unchanged = run->staged - run->report.created - run->report.updated;
    return task_sql(run->task, &sql_vision_synced, e, pg_int(run->report.country_id));
}

static bool copy(void *data, struct err *e)
{
    struct run *run = data;
    struct text target CLEANUP(text_free) = {0};
    text_printf(&target, "/%s/?businessarea=", run->list->endpoint);
    http_escape(&target, run->report.area);
    struct records *records CLEANUP(records_freep) = http_get_records(run->http, text_str(&target), "ROWSET.ROW", e);
    return records && read_rows(run, records, e) && move(run, e);
}

static void tell(const void *data, struct row *row)
{
    const struct run *run = data;
    row_text(row, "endpoint", run->list->endpoint);
    row_int(row, "rows_answered", run->rows);
}

static bool find_country(struct run *run, const char *wanted, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(run->task, &sql_vision_country, &rows, e, pg_text(wanted)))
        return false;
    if (rows.count == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no country '%s'", wanted);
    run->report.country_id = pg_get_int(&rows, 0, 0);
    run->report.area = region_strdup(task_region(run->task), pg_get_text(&rows, 0, 1));
    return task_commit(run->task, e);
}

bool vision_copy(struct task *task, const struct vision_list *list, const struct vision_args *args, struct err *e)
{
    char lock[120];
    const struct http_options options = {
        .total = SECONDS(400), .stall = SECONDS(400), .tries = 3, .key_header = "Ocp-Apim-Subscription-Key"};
    struct http *http CLEANUP(http_closep) = http_open(task, args->upstream, &options, e);
    struct run run = {.task = task,
                      .http = http,
                      .list = list,
                      .report = {.task = task, .handler = list->handler, .steps = list->steps},
                      .row.flat = true,
                      .other.flat = true};
    if (!http || !find_country(&run, args->business_area, e))
        return false;
    snprintf(lock, sizeof lock, "%s/%s", list->handler, run.report.area);
    const struct report_run around = {lock, copy, tell, &run};
    run.staging = staging_new(task);
    enum report_end end = report_around(&run.report, &around, e);
    staging_free(run.staging);
    report_free(&run.report);
    row_free(&run.row);
    row_free(&run.other);
    return end == REPORT_GOOD || end == REPORT_LEFT_OUT;
}
