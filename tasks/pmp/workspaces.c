/* pmp.workspaces: the countries PMP has, which the other syncs go through. One list without pages. */
#include "tasks/pmp/pmp.h"

#include <string.h>

static const struct column columns[] = {
    {"workspace_code", "country_short_code", COLUMN_ID, .required = true, .max = 8},
    {"external_id", "id", COLUMN_ID},
    {"title", "name", COLUMN_TEXT, .required = true, .max = 255},
    {"business_area_code", NULL, COLUMN_ID, .max = 10},
    {"iso3_code", NULL, COLUMN_TEXT, .max = 10},
    {"latitude", NULL, COLUMN_DECIMAL, .max = 3},
    {"longitude", NULL, COLUMN_DECIMAL, .max = 3},
    {"initial_zoom", NULL, COLUMN_INT},
    {"local_currency_code", NULL, COLUMN_ID, .max = 16},
    {0},
};

static enum pmp_reading read(struct pmp_run *run, const struct js *item, int record, struct text *key, struct err *e)
{
    const struct js *code = js_get(item, "country_short_code");
    text_puts(key, js_text(code) ? js_text(code) : "");
    if (js_type(item) == JS_OBJECT && (js_is_null(code) || (js_text(code) && !*js_text(code)))) {
        err_set(e, ERR_DATA, "country_short_code: missing");
        return PMP_SKIPPED;
    }
    return record_read(item, columns, NULL, &run->row, e) &&
                   staging_add(run->staging, record, "workspace", &run->row, e)
               ? PMP_STAGED
               : PMP_BAD;
}

static bool deactivate(struct pmp_run *run, const char *const *seen, size_t count, int64_t *deactivated, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(run->task, &sql_pmp_workspace_deactivate, &rows, e, pg_texts(seen, count)))
        return false;
    *deactivated = pg_get_int(&rows, 0, 0);
    return true;
}

static const struct staging_step steps[] = {{&sql_pmp_workspace, "workspace", STAGING_MAIN}, {0}};

static const struct pmp_sync sync = {
    .handler = "pmp.workspaces",
    .list = "/v2/workspaces/",
    .read = read,
    .steps = steps,
    .deactivate = deactivate,
};

static bool pull(struct pmp_run *run, struct err *e)
{
    struct page page;
    bool good = true;
    struct pages pages = task_pages(run->http, sync.list);
    while (good && page_next(&pages, &page))
        good = pmp_move_page(run, &page, e) &&
               task_progress(run->task, page.seen + (int64_t)page.count, page.total, "workspaces", e);
    run->complete = good && !pages.uneven && !run->unknown;
    struct err ignored;
    return pages_end(&pages, good ? e : &ignored) && good;
}

/* A list without any country is a mistake of the server, not news. */
static bool finish(struct pmp_run *run, struct err *e)
{
    const struct report *report = &run->report;
    if (report->created + report->updated + report->unchanged == 0)
        return err_set(e, ERR_TRANSIENT, "%s tells of no country that can be used", sync.list);
    return !run->complete || deactivate(run, run->seen, run->seen_count, &run->report.deactivated, e);
}

static bool copy_all(void *data, struct err *e)
{
    return pull(data, e) && finish(data, e);
}

static bool run_all(struct task *task, const void *data, struct err *e)
{
    const struct pmp_args *args = data;
    const struct pmp_workspace everywhere = {.title = "workspaces"};
    struct http *http CLEANUP(http_closep) = pmp_open(task, args->upstream, e);
    if (!http)
        return false;
    struct pmp_run run = {
        .sync = &sync, .task = task, .http = http, .workspace = &everywhere, .args = args, .full = true};
    const struct report_run around = {sync.handler, copy_all, pmp_tell, &run};
    pmp_run_begin(&run);
    enum report_end end = report_around(&run.report, &around, e);
    pmp_run_end(&run);
    return end == REPORT_GOOD || end == REPORT_LEFT_OUT;
}

const struct handler handler_pmp_workspaces = {
    .name = "pmp.workspaces",
    .summary = "Copy the list of countries from PMP",
    .queue = "sync",
    .fields = pmp_list_fields,
    .args_size = sizeof(struct pmp_args),
    .run = run_all,
    .retry = {.max = 5, .first = SECONDS(10), .cap = MINUTES(10)},
};
