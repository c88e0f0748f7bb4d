/* sync: what the syncs with PMP have in common. For each workspace, under a lock: pull the list page by page, move each
 * page in a transaction of its own, and only when everything came, let go of what was not in it. */
#include "tasks/pmp/pmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PMP_DEAD_AFTER = 3, PMP_FAILED_NAMES_MAX = 1000 };

#define ARG_WORKSPACE STR_FIELD(struct pmp_args, workspace, .help = "business area or code of one workspace; none: all")
#define ARG_UPSTREAM STR_FIELD(struct pmp_args, upstream, .fallback = "pmp", .help = "the upstream to ask")

const struct field pmp_list_fields[] = {ARG_WORKSPACE, ARG_UPSTREAM, {0}};

const struct field pmp_document_fields[] = {
    I64_FIELD(struct pmp_args, id, .min = 1, .max = INT64_MAX, .help = "one document, by its id in PMP; none: all"),
    BOOL_FIELD(struct pmp_args, full, .help = "pull everything, not only what changed"),
    ARG_WORKSPACE,
    ARG_UPSTREAM,
    {0},
};

struct http *pmp_open(struct task *task, const char *upstream, struct err *e)
{
    return http_open(task, upstream, &(struct http_options){.total = SECONDS(300)}, e);
}

/* Telling -----------------------------------------------------------------------------------------------------------
 */

static void add_place(const struct pmp_run *run, struct row *row)
{
    row_text(row, "workspace", run->workspace->business_area);
    row_int(row, "page", run->page);
    row_int(row, "index", run->index);
    row_text(row, "id", run->id);
}

void pmp_note(struct pmp_run *run, const char *what)
{
    struct row row CLEANUP(row_free) = {0};
    if (run->notes_told == PMP_NOTES_MAX) {
        run->notes_untold++;
        return;
    }
    add_place(run, &row);
    row_text(&row, "note", what);
    text_printf(&run->notes, "%s%s", run->notes_told++ > 0 ? "," : "", row_end(&row));
}

/* "field: reason", as record.h words it, in two; what the database says names no field. */
static void add_failure(struct pmp_run *run, const char *why, bool names_field)
{
    struct row row CLEANUP(row_free) = {0};
    char field[256];
    const char *colon = names_field ? strstr(why, ": ") : NULL;
    snprintf(field, sizeof field, "%.*s", colon ? (int)(colon - why) : 0, why);
    add_place(run, &row);
    row_text(&row, "field", colon ? field : NULL);
    row_text(&row, "reason", colon ? colon + 2 : why);
    text_printf(&run->failures, "%s%s", run->failures_told++ > 0 ? "," : "", row_end(&row));
}

static void fail_item(struct pmp_run *run, const char *why, bool names_field)
{
    run->failed++;
    if (run->item_updated_at == 0)
        run->oldest_failed = -1;
    else if (run->oldest_failed == 0 || run->item_updated_at < run->oldest_failed)
        run->oldest_failed = run->oldest_failed == -1 ? -1 : run->item_updated_at;
    if (run->failures_told == PMP_NOTES_MAX) {
        run->failures_untold++;
        return;
    }
    add_failure(run, why, names_field);
    task_log(run->task, LOG_WARNING, "%s %s: page %d, item %d, id %s: %s", run->sync->handler,
             run->workspace->business_area, run->page, run->index, run->id, why);
}

static void skip_item(struct pmp_run *run, const char *why)
{
    run->skipped++;
    pmp_note(run, why);
}

/* The log of a run ---------------------------------------------------------------------------------------------------
 */

/* {"partner": {"created": 1, "updated": 0, "removed": 0}, …}: rows written, a table once though several steps write it.
 */
static void write_counts(const struct pmp_run *run, struct text *out)
{
    const struct staging_step *steps = run->sync->steps;
    text_putc(out, '{');
    for (size_t i = 0; steps[i].query; i++) {
        struct staging_count sum = {0};
        bool told = !steps[i].table;
        for (size_t n = 0; n < i && !told; n++)
            told = steps[n].table && strcmp(steps[n].table, steps[i].table) == 0;
        for (size_t n = i; steps[n].query && !told; n++)
            if (steps[n].table && strcmp(steps[n].table, steps[i].table) == 0) {
                sum.created += run->counts[n].created;
                sum.updated += run->counts[n].updated;
                sum.removed += run->counts[n].removed;
            }
        if (sum.created + sum.updated + sum.removed > 0)
            text_printf(out, "%s\"%s\":{\"created\":%" PRId64 ",\"updated\":%" PRId64 ",\"removed\":%" PRId64 "}",
                        out->len > 1 ? "," : "", steps[i].table, sum.created, sum.updated, sum.removed);
    }
    text_putc(out, '}');
}

static void write_data(const struct pmp_run *run, bool complete, struct row *row)
{
    char moment[CLOCK_TEXT_MAX];
    struct text list CLEANUP(text_free) = {0}, rows CLEANUP(text_free) = {0};
    row_bool(row, "full", run->full);
    row_bool(row, "complete", complete);
    row_text(row, "updated_after", run->after ? clock_format(run->after, moment) : NULL);
    write_counts(run, &rows);
    row_json(row, "rows", text_str(&rows));
    text_printf(&list, "[%s]", text_str(&run->failures));
    row_json(row, "failures", text_str(&list));
    row_int(row, "failures_left_out", run->failures_untold);
    text_reset(&list);
    text_printf(&list, "[%s]", text_str(&run->notes));
    row_json(row, "notes", text_str(&list));
    row_int(row, "notes_left_out", run->notes_untold);
}

bool pmp_log(struct pmp_run *run, bool complete, const struct err *why, struct err *e)
{
    struct row data CLEANUP(row_free) = {0};
    char details[512];
    snprintf(details, sizeof details,
             "%" PRId64 " fetched, %" PRId64 " created, %" PRId64 " updated, %" PRId64 " unchanged, %" PRId64
             " skipped, %" PRId64 " deactivated, %" PRId64 " failed",
             run->fetched, run->created, run->updated, run->unchanged, run->skipped, run->deactivated, run->failed);
    write_data(run, complete, &data);
    task_log(run->task, why ? LOG_ERROR : LOG_INFO, "%s %s: %s%s%s", run->sync->handler,
             run->workspace->business_area ? run->workspace->business_area : "all", details, why ? "; " : "",
             why ? why->text : "");
    return task_sql(run->task, &sql_pmp_sync_log, e, pg_text(run->sync->handler),
                    pg_text(run->workspace->business_area), run->workspace->id ? pg_int(run->workspace->id) : pg_null(),
                    pg_bool(!why), pg_text(details), pg_text(why ? why->text : NULL), pg_json(row_end(&data)),
                    pg_uuid(task_id(run->task)), pg_int(run->fetched), pg_int(run->created), pg_int(run->updated),
                    pg_int(run->unchanged), pg_int(run->skipped), pg_int(run->deactivated), pg_int(run->failed));
}

/* A page ------------------------------------------------------------------------------------------------------------
 */

void pmp_run_begin(struct pmp_run *run)
{
    run->region = region_new();
    run->staging = staging_new(run->task);
}

void pmp_run_end(struct pmp_run *run)
{
    row_free(&run->row);
    text_free(&run->failures);
    text_free(&run->notes);
    free(run->seen);
    staging_free(run->staging);
    region_free(run->region);
}

static bool see(struct pmp_run *run, const char *key, struct err *e)
{
    if (!*key) {
        run->unknown = true;
        return true;
    }
    if (run->seen_count == PMP_SEEN_MAX)
        return err_set(e, ERR_LIMIT, "more than %d records", PMP_SEEN_MAX);
    if (run->seen_count == run->seen_room) {
        run->seen_room = 2 * run->seen_room + 256;
        run->seen = mem_grow(run->seen, run->seen_room * sizeof *run->seen);
    }
    run->seen[run->seen_count++] = region_strdup(run->region, key);
    return true;
}

/* What is known of an item whatever becomes of it. */
struct item {
    char id[40];
    const char *key; /* in the region; "" when it could not be read */
    usec_t updated_at;
    bool staged;
};

static void look_at(struct pmp_run *run, const struct js *json, int index, struct item *item)
{
    int64_t number;
    struct err ignored;
    const char *id = js_text(js_get(json, "id")), *updated_at = js_text(js_get(json, "update_date"));
    if (js_integer(js_get(json, "id"), &number))
        snprintf(item->id, sizeof item->id, "%" PRId64, number);
    else
        snprintf(item->id, sizeof item->id, "%s", id ? id : "?");
    item->updated_at = 0;
    if (updated_at && !clock_parse(updated_at, &item->updated_at, &ignored))
        item->updated_at = 0;
    run->index = index;
    run->id = item->id;
    run->item_updated_at = item->updated_at;
}

/* The same record twice on a page: the later one counts. */
static void drop_earlier(struct pmp_run *run, struct item *items, int index)
{
    for (int i = 0; i < index; i++)
        if (items[i].staged && strcmp(items[i].key, items[index].key) == 0) {
            staging_drop(run->staging, i);
            items[i].staged = false;
            skip_item(run, "comes twice on its page");
        }
}

static bool read_item(struct pmp_run *run, const struct js *json, int index, struct item *items, struct err *e)
{
    struct text key CLEANUP(text_free) = {.max = 100};
    struct err why = {0};
    struct item *item = &items[index];
    look_at(run, json, index, item);
    row_reset(&run->row);
    enum pmp_reading reading = run->sync->read(run, json, index, &key, &why);
    item->key = region_strdup(run->region, text_str(&key));
    item->staged = reading == PMP_STAGED;
    if (reading == PMP_BAD && why.kind != ERR_DATA) {
        *e = why;
        return false;
    }
    if (!item->staged)
        staging_drop(run->staging, index);
    if (reading == PMP_SKIPPED)
        skip_item(run, why.text);
    else if (reading == PMP_BAD)
        fail_item(run, why.text, true);
    else
        drop_earlier(run, items, index);
    if (item->updated_at > run->newest)
        run->newest = item->updated_at;
    /* A skipped item without a key cannot be one that is here. */
    return (reading == PMP_SKIPPED && !*item->key) || see(run, item->key, e);
}

static void count_item(struct pmp_run *run, struct item *item, int index)
{
    const char *reason;
    if (!item->staged)
        return;
    run->index = index;
    run->id = item->id;
    run->item_updated_at = item->updated_at;
    switch (staging_outcome(run->staging, index, &reason)) {
    case STAGING_CREATED:
        run->created++;
        break;
    case STAGING_UPDATED:
        run->updated++;
        break;
    case STAGING_UNCHANGED:
        run->unchanged++;
        break;
    case STAGING_FAILED:
        fail_item(run, reason, false);
        break;
    }
}

bool pmp_move_page(struct pmp_run *run, const struct page *page, struct err *e)
{
    if (page->count > STAGING_RECORDS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d items on a page", STAGING_RECORDS_MAX);
    struct item *items = mem_zero(page->count + 1, sizeof *items);
    bool good = true;
    run->page = page->number;
    staging_reset(run->staging);
    for (size_t i = 0; i < page->count && good; i++)
        good = read_item(run, js_at(page->items, i), (int)i, items, e);
    good = good && staging_move(run->staging, run->sync->steps, run->counts, e);
    for (size_t i = 0; i < page->count && good; i++)
        count_item(run, &items[i], (int)i);
    run->fetched += good ? (int64_t)page->count : 0;
    free(items);
    return good || err_add(e, "page %d", page->number);
}

/* A workspace -------------------------------------------------------------------------------------------------------
 */

/* How far the whole task is. */
struct progress {
    int64_t done;  /* items of the workspaces before */
    int64_t ahead; /* of those after, as far as the last run tells */
};

static bool show(struct pmp_run *run, const struct progress *progress, const struct page *page, struct err *e)
{
    char message[160];
    int64_t seen = page->seen + (int64_t)page->count, here = page->total > seen ? page->total : seen;
    snprintf(message, sizeof message, "%.80s (%.20s), page %d", run->workspace->title, run->workspace->business_area,
             page->number);
    return task_progress(run->task, progress->done + seen, progress->done + here + progress->ahead, message, e);
}

static void add_address(const struct pmp_run *run, struct text *out)
{
    char moment[CLOCK_TEXT_MAX];
    text_printf(out, "%slimit=%" PRId64 "&offset=0&workspace=", run->sync->list, run->sync->page_size);
    http_escape(out, run->workspace->business_area);
    if (run->args->id)
        text_printf(out, "&id=%" PRId64, run->args->id);
    if (run->after) {
        text_puts(out, "&updated_after=");
        http_escape(out, clock_format(run->after, moment));
    }
}

/* Pull and move all pages; *complete: nothing moved in the list meanwhile and everything could be told apart. */
static bool pull(struct pmp_run *run, const struct progress *progress, bool *complete, struct err *e)
{
    struct text address CLEANUP(text_free) = {0};
    struct page page;
    bool good = true;
    add_address(run, &address);
    struct pages pages = task_pages(run->http, text_str(&address));
    while (good && page_next(&pages, &page))
        good = pmp_move_page(run, &page, e) && task_commit(run->task, e) && show(run, progress, &page, e);
    *complete = good && !pages.uneven && !run->unknown;
    struct err ignored;
    return pages_end(&pages, good ? e : &ignored) && good;
}

/* Whether the server knows updated_after: one that leaves out nothing, whatever is asked for, has to be read whole. It
 * is asked once a task, for what was changed in the far future. */
static bool probe(struct pmp_run *run, struct err *e)
{
    struct text address CLEANUP(text_free) = {0};
    text_printf(&address, "%slimit=1&updated_after=2999-01-01T00%%3A00%%3A00Z&workspace=", run->sync->list);
    http_escape(&address, run->workspace->business_area);
    struct pages pages = task_pages(run->http, text_str(&address));
    struct page page = {0};
    bool any = page_next(&pages, &page) && (page.count > 0 || page.total > 0);
    if (pages_end(&pages, e))
        *run->filter = any ? PMP_FILTER_IGNORED : PMP_FILTER_KNOWN;
    else if (e->kind == ERR_DATA)
        *run->filter = PMP_FILTER_IGNORED; /* HTTP 400 */
    return *run->filter != PMP_FILTER_UNKNOWN;
}

/* Everything, or what changed since the last good run. */
static bool choose(struct pmp_run *run, struct err *e)
{
    const struct pmp_workspace *w = run->workspace;
    bool known = w->upstream && strcmp(w->upstream, http_origin(run->http)) == 0 && w->watermark && w->full_at;
    if (run->args->id)
        return true;
    run->full = !run->sync->incremental || run->args->full || !known || clock_now() - w->full_at >= PMP_FULL_EVERY;
    if (!run->full && *run->filter == PMP_FILTER_UNKNOWN && !probe(run, e))
        return false;
    run->full |= *run->filter == PMP_FILTER_IGNORED;
    run->after = run->full ? 0 : w->watermark - PMP_OVERLAP;
    return true;
}

/* What changed upstream up to here is here. A record that failed is asked for again. */
static bool remember(struct pmp_run *run, bool complete, struct err *e)
{
    const struct pmp_workspace *w = run->workspace;
    usec_t mark = run->newest > w->watermark || run->full ? run->newest : w->watermark;
    if (run->oldest_failed > 0 && run->oldest_failed < mark)
        mark = run->oldest_failed;
    if (run->args->id || !complete || run->oldest_failed < 0)
        return true;
    return task_sql(run->task, &sql_pmp_sync_state, e, pg_text(run->sync->handler), pg_int(w->id),
                    pg_text(http_origin(run->http)), pg_time_or_null(mark), pg_bool(run->full));
}

static bool finish(struct pmp_run *run, bool complete, struct err *e)
{
    if (run->full && complete && !run->sync->deactivate(run, run->seen, run->seen_count, &run->deactivated, e))
        return false;
    if (run->full && !complete)
        task_log(run->task, LOG_WARNING, "%s %s: the list changed while it was read, nothing is deactivated",
                 run->sync->handler, run->workspace->business_area);
    return remember(run, complete, e) && pmp_log(run, complete, NULL, e) && task_commit(run->task, e);
}

/* Errors that end the task at once, whatever the other workspaces would say. */
static bool ends_task(const struct err *e)
{
    return e->kind == ERR_CANCELLED || e->kind == ERR_FENCED || e->kind == ERR_TIMEOUT || e->kind == ERR_UNCERTAIN;
}

enum sync_end { SYNC_GOOD, SYNC_FAILED, SYNC_STOP };

/* One workspace. SYNC_FAILED: it failed, is in the log, and the others go on; SYNC_STOP: the task ends. */
static enum sync_end sync_workspace(struct pmp_run *run, const struct progress *progress, struct err *e)
{
    bool complete = false;
    struct err other;
    if (choose(run, e) && pull(run, progress, &complete, e) && finish(run, complete, e))
        return SYNC_GOOD;
    if (ends_task(e))
        return SYNC_STOP;
    if (task_rollback(run->task, &other) && pmp_log(run, false, e, &other) && task_commit(run->task, &other))
        return SYNC_FAILED;
    *e = other;
    return SYNC_STOP;
}

/* All workspaces ----------------------------------------------------------------------------------------------------
 */

static bool load(struct task *task, const struct pmp_sync *sync, const struct pmp_args *args,
                 struct pmp_workspace **out, size_t *count, struct err *e)
{
    struct pg_rows rows;
    struct region *region = task_region(task);
    if (!task_sql_rows(task, &sql_pmp_workspaces, &rows, e, pg_text(sync->handler), pg_text(args->workspace)))
        return false;
    *count = rows.count;
    *out = region_alloc(region, (rows.count + 1) * sizeof **out);
    for (size_t i = 0; i < rows.count; i++)
        (*out)[i] = (struct pmp_workspace){
            .id = pg_get_int(&rows, i, 0),
            .business_area = region_strdup(region, pg_get_text(&rows, i, 1)),
            .code = region_strdup(region, pg_get_text(&rows, i, 2)),
            .title = region_strdup(region, pg_get_text(&rows, i, 3)),
            .upstream = pg_is_null(&rows, i, 4) ? NULL : region_strdup(region, pg_get_text(&rows, i, 4)),
            .watermark = pg_get_time(&rows, i, 5),
            .full_at = pg_get_time(&rows, i, 6),
            .expected = pg_get_int(&rows, i, 7),
        };
    if (*count == 0 && args->workspace)
        return err_set(e, ERR_NOT_FOUND, "there is no workspace '%s' to sync", args->workspace);
    if (*count == 0)
        return err_set(e, ERR_TRANSIENT, "no workspace is known yet: pmp.workspaces has to run first");
    return true;
}

/* What became of the workspaces so far. */
struct tally {
    size_t good, failed, locked;
    bool retryable;
    enum pmp_filter filter;
    struct text names; /* of those that failed, with the reason */
    struct progress progress;
    struct err last;
};

static bool note_failed(struct tally *tally, const struct pmp_workspace *w, const struct err *why)
{
    tally->failed++;
    tally->retryable |= err_retryable(why->kind);
    tally->last = *why;
    text_printf(&tally->names, "%s%s (%s): %s", tally->names.len > 0 ? "; " : "", w->title, w->business_area,
                why->text);
    /* The first ones all failed for a reason that is not theirs: the upstream is away, or does not let us in. */
    return tally->good > 0 || tally->failed < PMP_DEAD_AFTER ||
           (why->kind != ERR_REFUSED && why->kind != ERR_UNREACHABLE);
}

static bool sync_one(struct task *task, struct http *http, const struct pmp_sync *sync, const struct pmp_args *args,
                     const struct pmp_workspace *w, struct tally *tally, struct err *e)
{
    bool held;
    char key[100];
    snprintf(key, sizeof key, "%s/%s", sync->handler, w->code);
    tally->progress.ahead -= w->expected;
    if (!task_try_lock(task, key, &held, e))
        return false;
    if (!held) {
        tally->locked++;
        task_log(task, LOG_WARNING, "%s %s: another run is at it, left out", sync->handler, w->business_area);
        return true;
    }
    struct pmp_run run = {
        .sync = sync, .task = task, .http = http, .workspace = w, .args = args, .filter = &tally->filter};
    pmp_run_begin(&run);
    enum sync_end end = sync_workspace(&run, &tally->progress, e);
    tally->progress.done += run.fetched;
    tally->good += end == SYNC_GOOD;
    bool good = end == SYNC_GOOD || (end == SYNC_FAILED && note_failed(tally, w, e));
    pmp_run_end(&run);
    return good;
}

static bool judge(const struct tally *tally, size_t count, struct err *e)
{
    if (tally->failed == 0)
        return true;
    return err_set(e, tally->retryable ? ERR_TRANSIENT : tally->last.kind, "%zu of %zu workspaces failed: %s",
                   tally->failed, count, text_str(&tally->names));
}

static bool tell(struct task *task, const struct tally *tally, size_t count, struct err *e)
{
    char result[200];
    snprintf(result, sizeof result, "{\"workspaces\":%zu,\"synced\":%zu,\"left_out\":%zu,\"records\":%" PRId64 "}",
             count, tally->good, tally->locked, tally->progress.done);
    return task_result(task, result, e);
}

bool pmp_run_all(struct task *task, const struct pmp_sync *sync, const struct pmp_args *args, struct err *e)
{
    struct pmp_workspace *workspaces;
    size_t count;
    struct tally tally = {.names.max = PMP_FAILED_NAMES_MAX};
    struct http *http CLEANUP(http_closep) = pmp_open(task, args->upstream, e);
    if (!http || !load(task, sync, args, &workspaces, &count, e) || !task_commit(task, e))
        return false;
    for (size_t i = 0; i < count; i++)
        tally.progress.ahead += workspaces[i].expected;
    bool good = true;
    for (size_t i = 0; i < count && good; i++)
        good = sync_one(task, http, sync, args, &workspaces[i], &tally, e);
    good = (good || tally.failed > 0) && !(!good && ends_task(e)) ? judge(&tally, count, e) : good;
    text_free(&tally.names);
    return good && tell(task, &tally, count, e);
}
