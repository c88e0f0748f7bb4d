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
    int64_t unread;       /* rows of the answer of which not even the name is known */
    struct seen seen;     /* what the rows of the answer are about, by name */
    struct text name;
    int in_batch;
    const char *only; /* of the running question: which rows it is about; NULL: all */
};

const struct field vision_fields[] = {VISION_AREA_FIELD, VISION_UPSTREAM_FIELD, {0}};

const struct field vision_number_fields[] = {
    VISION_AREA_FIELD,
    STR_FIELD(struct vision_args, number, .min = 1, .max = 30, .help = "only the one with this number"),
    VISION_UPSTREAM_FIELD,
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
        const struct js *value = record_value(row, column);
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

/* The country and the place end a row. */
static bool add_row(struct run *run, const char *kind, struct row *row, struct err *e)
{
    row_int(row, NULL, run->report.country_id);
    row_int(row, NULL, run->report.index);
    return staging_add(run->staging, run->in_batch, kind, row, e);
}

static bool stage_part(struct run *run, const struct vision_part *part, const struct js *node, const char *path, struct err *e)
{
    char name[64];
    bool good = true;
    const struct place place = {.member = part->path, .index = -1};
    if (js_type(node) == JS_ARRAY) {
        for (size_t i = 0; i < js_count(node) && good; i++)
            good = stage_part(run, part, js_at(node, i), path, e);
        return good;
    }
    if (js_is_null(node) || (js_text(node) && !*js_text(node)) || (js_type(node) == JS_OBJECT && js_count(node) == 0))
        return true;
    if (js_type(node) != JS_OBJECT)
        return record_refuse(&place, NULL, e, "%s where an object was expected", js_type_name(js_type(node)));
    if (*path) {
        size_t length = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        return stage_part(run, part, js_get(node, name), path + length + (path[length] == '.'), e);
    }
    row_reset(&run->other);
    return record_read(node, part->columns, &place, &run->other, e) && add_row(run, part->kind, &run->other, e);
}

static bool stage_all(struct run *run, const struct js *row, struct err *e)
{
    bool good = record_read(row, run->list->columns, NULL, &run->row, e) && add_row(run, "row", &run->row, e);
    for (const struct vision_part *part = run->list->parts; part && part->path && good; part++)
        good = stage_part(run, part, row, part->path, e);
    if (!good)
        staging_drop(run->staging, run->in_batch);
    return good;
}

/* Several rows of one thing may say different things: which of them counts must not go unsaid. */
static void note_again(struct run *run, const struct js *row)
{
    if (!run->list->apart)
        return;
    text_reset(&run->name);
    js_write(&run->name, js_get(row, run->list->key));
    js_write(&run->name, js_get(row, run->list->apart));
    if (!seen_add(&run->seen, text_str(&run->name)))
        report_note(&run->report, "comes again: the last of its rows counts");
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
    if (!stage_all(run, row, e))
        return false;
    note_again(run, row);
    run->staged++;
    run->in_batch++;
    return true;
}

/* The row is there, whatever becomes of it. */
static bool stage_seen(struct run *run, const struct js *row, struct err *e)
{
    const struct column key[] = {{"key", run->list->key, COLUMN_ID, .max = 255}, {0}};
    struct err why;
    if (!run->list->whole)
        return true;
    row_reset(&run->other);
    if (!row || !record_read(row, key, NULL, &run->other, &why)) {
        run->unread++;
        return true;
    }
    return staging_add(run->staging, run->in_batch++, "seen", &run->other, e);
}

static bool stage_run(struct run *run, struct err *e)
{
    row_reset(&run->other);
    row_int(&run->other, NULL, run->report.country_id);
    row_bool(&run->other, NULL, run->unread == 0);
    row_int(&run->other, NULL, run->args->deactivate);
    row_bool(&run->other, NULL, run->args->delegated);
    return staging_add(run->staging, run->in_batch++, "run", &run->other, e);
}

static bool take(struct run *run, const struct record *record, struct err *e)
{
    struct err why = record->why;
    run->report.fetched++;
    run->report.index = record->index;
    run->report.id = js_text(js_get(record->json, run->list->key));
    if (!stage_seen(run, record->json, e))
        return false;
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
    run->unread = 0;
    seen_free(&run->seen);
    while (records_next(records, &record))
        if (!take(run, &record, e) || (!run->numbers && run->in_batch >= VISION_BATCH && !send(run, e)))
            return false;
    return records_end(records, e) && stage_run(run, e);
}

/* What the statements said of rows, which then were left out. */
static bool hear(struct run *run, struct err *e)
{
    struct report *report = &run->report;
    struct pg_rows rows;
    if (!task_sql_rows(run->task, &sql_vision_told, &rows, e, pg_int(REPORT_NOTES_MAX)))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        report->index = pg_is_null(&rows, i, 0) ? -1 : pg_get_int(&rows, i, 0);
        report->id = pg_is_null(&rows, i, 1) ? NULL : pg_get_text(&rows, i, 1);
        report_note(report, pg_get_text(&rows, i, 2));
    }
    report->id = NULL;
    if (rows.count == 0)
        return true;
    report->notes_untold += pg_get_int(&rows, 0, 3) - (int64_t)rows.count;
    report->skipped += pg_get_int(&rows, 0, 4);
    run->staged -= pg_get_int(&rows, 0, 4);
    return true;
}

static bool move(struct run *run, struct err *e)
{
    struct report *report = &run->report;
    const struct staging_count *main = &report->counts[run->list->main];
    if (!staging_move(run->staging, run->list->steps, report->counts, e) || !hear(run, e))
        return false;
    report->created = main->created;
    report->updated = main->updated;
    report->unchanged = run->staged - main->created - main->updated;
    for (int i = 0; run->list->whole && run->list->steps[i].query; i++)
        report->deactivated += report->counts[i].removed;
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
        const char *area = run->args->ask_area ? run->args->ask_area : run->report.area;
        http_escape(out, area ? area : "");
    }
    text_puts(out, list->more ? list->more : "");
}

static bool copy_list(void *data, struct err *e)
{
    struct run *run = data;
    struct text target CLEANUP(text_free) = {0};
    write_target(run, run->args->number, &target);
    struct records *records CLEANUP(records_freep) = http_get_records(run->http, text_str(&target), "ROWSET.ROW", e);
    if (!records || !read_rows(run, records, e))
        return false;
    if (run->args->number && run->rows == 0)
        return err_set(e, ERR_NOT_FOUND, "VISION knows no %s of this number in %s", run->list->endpoint, run->report.area);
    return send(run, e) && move(run, e) && note_synced(run, e);
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

/* What is on its way in the same batch and is referred to here: that first, good or bad. */
static bool take_turn(struct task *task, const struct vision_list *list, struct err *e)
{
    struct pg_rows rows;
    size_t count = 0;
    while (list->after && list->after[count])
        count++;
    if (count == 0)
        return true;
    if (!task_sql_rows(task, &sql_vision_before, &rows, e, pg_uuid(task_id(task)), pg_texts(list->after, count)))
        return false;
    return rows.count == 0 || task_snooze(task, SECONDS(pg_get_int(&rows, 0, 1)), pg_get_text(&rows, 0, 0), e);
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
    if (!http || !take_turn(task, list, e) || (args->business_area && !find_country(&run, args->business_area, e)))
        return false;
    snprintf(lock, sizeof lock, "%s/%s", list->handler, run.report.area ? run.report.area : "all");
    const struct report_run around = {lock, numbers ? copy_each : copy_list, tell, &run};
    run.staging = staging_new(task);
    enum report_end end = report_around(&run.report, &around, e);
    staging_free(run.staging);
    report_free(&run.report);
    seen_free(&run.seen);
    text_free(&run.name);
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
