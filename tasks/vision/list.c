/* list: one answer is one unit. It is seen to be whole before its first row is looked at, then all rows go to the server in
 * batches and are moved by one list of statements in one transaction: what they say of each other (headers repeated on
 * each line, sums over lines) must not depend on where a page would have ended. Of many small answers each is a unit. */
#include "tasks/vision/list.h"

#include <stdio.h>
#include <string.h>

struct run {
    struct task *task;
    struct http *http;
    const struct vision_list *list;
    const struct vision_args *args;
    const struct sql *numbers; /* what many questions are about; NULL: there is one question */
    struct report report;
    struct staging *staging;
    struct row row, other;
    int64_t rows, staged; /* in the answer; of all answers good */
    int in_batch;
    const char *only; /* of the running question: which rows it is about; NULL: all */
};

#define AREA_FIELD STR_FIELD(struct vision_args, business_area, .required = true, .help = "business area or code of a country")
#define UPSTREAM_FIELD STR_FIELD(struct vision_args, upstream, .fallback = "vision", .help = "the upstream to ask")

const struct field vision_fields[] = {AREA_FIELD, UPSTREAM_FIELD, {0}};

const struct field vision_number_fields[] = {
    AREA_FIELD,
    STR_FIELD(struct vision_args, number, .min = 1, .max = 30, .help = "only the one with this number"),
    UPSTREAM_FIELD,
    {0},
};

/* The place of the answers of one question must not be taken by what it did not ask for. */
static bool is_other(const struct run *run, const struct js *row)
{
    const char *key = js_text(js_get(row, run->list->key));
    return run->only && key && strcmp(key, run->only) != 0;
}

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
    if (is_other(run, row))
        return skip(run, "not what was asked for", e);
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
        if (!take(run, &record, e) || (!run->numbers && run->in_batch == VISION_BATCH && !send(run, e)))
            return false;
    return records_end(records, e);
}

static bool move(struct run *run, struct err *e)
{
    struct report *report = &run->report;
    const struct staging_count *main = &report->counts[run->list->main];
    if (!staging_move(run->staging, run->list->steps, report->counts, e))
        return false;
    report->created = main->created;
    report->updated = main->updated;
    report->unchanged = run->staged - main->created - main->updated;
    return true;
}

static bool note_synced(struct run *run, struct err *e)
{
    return run->report.country_id == 0 || task_sql(run->task, &sql_vision_synced, e, pg_int(run->report.country_id));
}

/* Where the list is asked for, or one thing of it. */
static void write_target(const struct run *run, const char *number, struct text *out)
{
    const struct vision_list *list = run->list;
    bool in_path = number && !list->number_name;
    text_printf(out, "/%s/", list->endpoint);
    if (in_path) {
        http_escape(out, number);
        text_putc(out, '/');
    }
    if (number && !in_path) {
        text_printf(out, "?%s=", list->number_name);
        http_escape(out, number);
    } else {
        text_printf(out, "?%s=", list->area_name ? list->area_name : "businessarea");
        http_escape(out, run->report.area ? run->report.area : "");
    }
    text_puts(out, list->more ? list->more : "");
}

static bool copy_list(void *data, struct err *e)
{
    struct run *run = data;
    struct text target CLEANUP(text_free) = {0};
    write_target(run, run->args->number, &target);
    struct records *records CLEANUP(records_freep) = http_get_records(run->http, text_str(&target), "ROWSET.ROW", e);
    return records && read_rows(run, records, e) && send(run, e) && move(run, e) && note_synced(run, e);
}

/* Many questions -------------------------------------------------------------------------------------- */

static bool read_numbers(struct run *run, const char ***numbers, size_t *count, struct err *e)
{
    struct pg_rows rows;
    struct region *region = task_region(run->task);
    if (!task_sql_rows(run->task, run->numbers, &rows, e, run->report.country_id ? pg_int(run->report.country_id) : pg_null(),
                       pg_text(run->args->number)))
        return false;
    if (rows.count > VISION_QUESTIONS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d to ask for", VISION_QUESTIONS_MAX);
    *count = rows.count;
    *numbers = region_alloc(region, (rows.count + 1) * sizeof **numbers);
    for (size_t i = 0; i < rows.count; i++)
        (*numbers)[i] = region_strdup(region, pg_get_text(&rows, i, 0));
    return task_commit(run->task, e);
}

/* What the database would not take is not unchanged. */
static void note_refused(struct run *run)
{
    const char *why;
    for (int i = 0; i < run->in_batch; i++)
        if (staging_outcome(run->staging, i, &why) == STAGING_FAILED) {
            report_fail(&run->report, why, false);
            run->staged--;
            run->report.unchanged--;
        }
}

static bool copy_answer(struct run *run, struct records *records, struct err *e)
{
    run->in_batch = 0;
    staging_reset(run->staging);
    if (!read_rows(run, records, e))
        return false;
    if (run->rows == 0) {
        run->report.fetched++;
        run->report.index = 0;
        run->report.id = run->only;
        report_skip(&run->report, "nothing is known of it");
    }
    if (!move(run, e))
        return false;
    note_refused(run);
    return task_commit(run->task, e);
}

/* Errors after which the next question may well be answered. */
static bool is_about_one(const struct err *e)
{
    return e->kind == ERR_TRANSIENT || e->kind == ERR_NOT_FOUND || e->kind == ERR_DATA || e->kind == ERR_FAILED || e->kind == ERR_LIMIT;
}

static void note_unanswered(struct run *run, const struct err *why)
{
    run->report.fetched++;
    run->report.index = 0;
    run->report.id = run->only;
    report_fail(&run->report, why->text, false);
}

/* *answered: an answer came; without one it is noted. */
static bool ask_for(struct run *run, const char *number, bool *answered, struct err *e)
{
    struct text target CLEANUP(text_free) = {0};
    run->only = number;
    write_target(run, number, &target);
    struct records *records CLEANUP(records_freep) = http_get_records(run->http, text_str(&target), "ROWSET.ROW", e);
    *answered = records;
    if (records)
        return copy_answer(run, records, e);
    if (!is_about_one(e))
        return false;
    note_unanswered(run, e);
    return true;
}

static bool copy_each(void *data, struct err *e)
{
    struct run *run = data;
    const char **numbers = NULL;
    size_t count = 0;
    int in_a_row = 0;
    if (!read_numbers(run, &numbers, &count, e))
        return false;
    for (size_t i = 0; i < count; i++) {
        bool answered;
        run->report.page = (int)i + 1;
        if (!ask_for(run, numbers[i], &answered, e))
            return false;
        in_a_row = answered ? 0 : in_a_row + 1;
        if (in_a_row == VISION_FAILURES_MAX)
            return err_add(e, "%d failures in a row, the last", VISION_FAILURES_MAX);
        if (!task_progress(run->task, (int64_t)i + 1, (int64_t)count, run->list->endpoint, e))
            return false;
    }
    return note_synced(run, e);
}

/* The run --------------------------------------------------------------------------------------------- */

static void tell(const void *data, struct row *row)
{
    const struct run *run = data;
    row_text(row, "endpoint", run->list->endpoint);
    if (!run->numbers)
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

static bool copy(struct task *task, const struct vision_list *list, const struct sql *numbers, const struct vision_args *args,
                 struct err *e)
{
    char lock[120];
    const struct http_options options = {
        .total = SECONDS(400), .stall = SECONDS(400), .tries = 3, .key_header = "Ocp-Apim-Subscription-Key"};
    struct http *http CLEANUP(http_closep) = http_open(task, args->upstream, &options, e);
    struct run run = {.task = task,
                      .http = http,
                      .list = list,
                      .args = args,
                      .numbers = numbers,
                      .report = {.task = task, .handler = list->handler, .steps = list->steps},
                      .row.flat = true,
                      .other.flat = true};
    if (!http || (args->business_area && !find_country(&run, args->business_area, e)))
        return false;
    snprintf(lock, sizeof lock, "%s/%s", list->handler, run.report.area ? run.report.area : "all");
    const struct report_run around = {lock, numbers ? copy_each : copy_list, tell, &run};
    run.staging = staging_new(task);
    enum report_end end = report_around(&run.report, &around, e);
    staging_free(run.staging);
    report_free(&run.report);
    row_free(&run.row);
    row_free(&run.other);
    return end == REPORT_GOOD || end == REPORT_LEFT_OUT;
}

bool vision_copy(struct task *task, const struct vision_list *list, const struct vision_args *args, struct err *e)
{
    return copy(task, list, NULL, args, e);
}

bool vision_copy_each(struct task *task, const struct vision_list *list, const struct sql *numbers, const struct vision_args *args,
                      struct err *e)
{
    return copy(task, list, numbers, args, e);
}
