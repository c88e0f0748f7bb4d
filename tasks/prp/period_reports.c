/* prp.period_reports: make the reports that partners owe, a page of programme documents at a time, then of indicators of clusters. */
#include "tasks/prp/prp.h"

#include <stdio.h>

enum { DOCUMENTS_PAGE = 100 };

struct args {
    const char *workspace, *today;
    int64_t document;
};

static const struct field fields[] = {
    STR_FIELD(struct args, workspace, .min = 1, .max = 10, .help = "business area or code of one workspace; none: all"),
    I64_FIELD(struct args, document, .min = 1, .max = INT64_MAX, .help = "one programme document, by its row; none: all"),
    PRP_TODAY_FIELD(struct args),
    {0},
};

static const struct staging_step steps[] = {
    {&sql_prp_due_periods, NULL, STAGING_SHARED},
    {&sql_prp_report_number, "progress_report", STAGING_OWN},
    {&sql_prp_report_create, "progress_report", STAGING_OWN},
    {&sql_prp_indicator_report, "indicator_report", STAGING_OWN},
    {&sql_prp_cluster_report, "indicator_report", STAGING_OWN},
    {&sql_prp_location_data, "indicator_location_data", STAGING_OWN},
    {0},
};

/* What reports are made for. */
static const struct owing {
    const struct sql *list;
    const char *kind, *label;
} owings[] = {
    {&sql_prp_documents, "document", "programme documents"},
    {&sql_prp_cluster_indicators, "indicator", "indicators of clusters"},
};

struct making {
    struct task *task;
    const struct args *args;
    struct staging *staging;
    char today[PRP_DAY_MAX];
    const struct owing *owing;
    int64_t before; /* row of the last one; 0: none yet */
    char ids[DOCUMENTS_PAGE][40];
    struct report report;
};

static bool stage_page(struct making *m, size_t *count, int64_t *total, struct err *e)
{
    struct pg_rows rows;
    struct row row CLEANUP(row_free) = {0};
    if (!task_sql_rows(m->task, m->owing->list, &rows, e, m->before ? pg_int(m->before) : pg_null(), pg_text(m->args->workspace),
                       pg_int(DOCUMENTS_PAGE), m->args->document ? pg_int(m->args->document) : pg_null()))
        return false;
    *count = rows.count;
    *total = m->report.fetched + (rows.count > 0 ? pg_get_int(&rows, 0, 3) : 0);
    for (size_t i = 0; i < rows.count; i++) {
        m->before = pg_get_int(&rows, i, 0);
        snprintf(m->ids[i], sizeof m->ids[i], "%s", pg_get_text(&rows, i, 1));
        row_int(&row, "id", m->before);
        row_text(&row, "today", m->today);
        if (!staging_add(m->staging, (int)i, m->owing->kind, &row, e))
            return false;
    }
    return true;
}

/* The next page; *more: there was one. */
static bool make_page(struct making *m, bool *more, struct err *e)
{
    size_t count;
    int64_t total;
    staging_reset(m->staging);
    if (!stage_page(m, &count, &total, e) || !task_commit(m->task, e))
        return false;
    *more = count > 0;
    if (count > 0 && !staging_move(m->staging, steps, m->report.counts, e))
        return false;
    m->report.page++;
    for (size_t i = 0; i < count; i++) {
        m->report.index = (int64_t)i;
        m->report.id = m->ids[i];
        m->report.fetched++;
        report_count(&m->report, m->staging, (int)i);
    }
    return task_commit(m->task, e) && task_progress(m->task, m->report.fetched, total, m->owing->label, e);
}

static bool make_all(void *data, struct err *e)
{
    struct making *m = data;
    for (size_t i = 0; i < sizeof owings / sizeof *owings; i++) {
        m->owing = &owings[i];
        m->before = 0;
        for (bool more = true; more;)
            if (!make_page(m, &more, e))
                return false;
    }
    return true;
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    struct making making = {.task = task,
                            .args = args,
                            .report = {.task = task, .handler = "prp.period_reports", .area = args->workspace, .steps = steps}};
    const struct report_run around = {.lock = "prp.period_reports", .run = make_all, .data = &making};
    if (!prp_day(args->today, making.today, e))
        return false;
    making.staging = staging_new(task);
    enum report_end end = report_around(&making.report, &around, e);
    staging_free(making.staging);
    report_free(&making.report);
    return end == REPORT_GOOD || end == REPORT_LEFT_OUT;
}

const struct handler handler_prp_period_reports = {
    .name = "prp.period_reports",
    .summary = "Make the reports that partners owe for the periods of their documents",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 3, .first = SECONDS(30), .cap = MINUTES(10)},
};
