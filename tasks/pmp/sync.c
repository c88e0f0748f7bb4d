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

static bool show(struct pmp_run *run, const struct page *page, struct err *e)
{
    const struct pmp_progress *progress = run->progress;
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

/* Pull and move all pages. */
static bool pull(struct pmp_run *run, struct err *e)
{
    struct text address CLEANUP(text_free) = {0};
    struct page page;
    bool good = true;
    add_address(run, &address);
    struct pages pages = task_pages(run->http, text_str(&address));
    while (good && page_next(&pages, &page))
        good = pmp_move_page(run, &page, e) && task_commit(run->task, e) && show(run, &page, e);
    run->complete = good && !pages.uneven && !run->unknown && !run->repeated;
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
static bool remember(struct pmp_run *run, struct err *e)
{
    const struct pmp_workspace *w = run->workspace;
    usec_t mark = run->newest > w->watermark || run->full ? run->newest : w->watermark;
    if (run->oldest_failed > 0 && run->oldest_failed < mark)
        mark = run->oldest_failed;
    if (run->args->id || !run->complete || run->oldest_failed < 0)
        return true;
    return task_sql(run->task, &sql_pmp_sync_state, e, pg_text(run->sync->handler), pg_int(w->id),
                    pg_text(http_origin(run->http)), pg_time_or_null(mark), pg_bool(run->full));
}

/* What was not in a complete pull is let go of. A list without any record is a mistake of the server, not news. */
static bool let_go(struct pmp_run *run, struct err *e)
{
    const char *why = !run->complete ? "the list changed while it was read" : run->seen_count == 0 ? "the list is empty" : NULL;
    if (!run->full)
        return true;
    if (!why)
        return run->sync->deactivate(run, run->seen, run->seen_count, &run->report.deactivated, e);
    task_log(run->task, LOG_WARNING, "%s %s: %s, nothing is deactivated", run->sync->handler, run->workspace->business_area, why);
    return true;
}

static bool finish(struct pmp_run *run, struct err *e)
{
    return let_go(run, e) && remember(run, e);
}

/* One workspace. */
static bool sync_workspace(void *data, struct err *e)
{
    struct pmp_run *run = data;
    return choose(run, e) && pull(run, e) && finish(run, e);
}

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
    bool retryable, stopped; /* stopped: the task has to end, whatever the others would say */
    enum pmp_filter filter;
    struct text names; /* of those that failed, with the reason */
    struct pmp_progress progress;
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
    char key[100];
    snprintf(key, sizeof key, "%s/%s", sync->handler, w->code);
    tally->progress.ahead -= w->expected;
    struct pmp_run run = {.sync = sync,
                          .task = task,
                          .http = http,
                          .workspace = w,
                          .args = args,
                          .progress = &tally->progress,
                          .filter = &tally->filter};
    const struct report_run around = {key, sync_workspace, pmp_tell, &run};
    pmp_run_begin(&run);
    enum report_end end = report_around(&run.report, &around, e);
    tally->progress.done += run.report.fetched;
    tally->good += end == REPORT_GOOD;
    tally->locked += end == REPORT_LEFT_OUT;
    tally->stopped = end == REPORT_STOP;
    bool good = !tally->stopped && (end != REPORT_FAILED || note_failed(tally, w, e));
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
    good = (good || tally.failed > 0) && !tally.stopped ? judge(&tally, count, e) : good;
    text_free(&tally.names);
    return good && tell(task, &tally, count, e);
}
