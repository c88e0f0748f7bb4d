/* hact.aggregate: each country's year in figures, for its charts. A country is one statement and one transaction; one whose figures cannot be had is told
 * and does not keep the others. */
#include "tasks/hact/hact.h"

struct args {
    const char *business_area, *today;
};

static const struct field fields[] = {
    STR_FIELD(struct args, business_area, .help = "business area or code of one country; none: all"),
    HACT_TODAY_FIELD(struct args),
    {0},
};

struct country {
    int64_t id;
    const char *area;
};

struct aggregating {
    struct task *task;
    const struct args *args;
    struct report report;
};

static bool read_countries(struct aggregating *a, struct country **countries, size_t *count, struct err *e)
{
    struct pg_rows rows;
    struct region *region = task_region(a->task);
    if (!task_sql_rows(a->task, &sql_hact_countries, &rows, e, pg_text(a->args->business_area)))
        return false;
    if (rows.count == 0 && a->args->business_area)
        return err_set(e, ERR_NOT_FOUND, "there is no country '%s'", a->args->business_area);
    *count = rows.count;
    *countries = region_alloc(region, (rows.count + 1) * sizeof **countries);
    for (size_t i = 0; i < rows.count; i++)
        (*countries)[i] = (struct country){pg_get_int(&rows, i, 0), region_strdup(region, pg_get_text(&rows, i, 1))};
    return task_commit(a->task, e);
}

/* An error that comes from what a country's rows hold. */
static bool is_the_countrys(const struct err *e)
{
    return e->kind == ERR_DATA || e->kind == ERR_LIMIT || e->kind == ERR_FAILED;
}

static bool aggregate_country(struct aggregating *a, const struct country *country, struct err *e)
{
    struct pg_rows rows;
    struct report *report = &a->report;
    report->fetched++;
    report->id = country->area;
    if (!task_sql_rows(a->task, &sql_hact_aggregate, &rows, e, pg_int(country->id), pg_text(a->args->today))) {
        if (!is_the_countrys(e))
            return false;
        report_fail(report, e->text, false);
        return task_rollback(a->task, e);
    }
    bool is_new = pg_get_bool(&rows, 0, 0), is_written = pg_get_bool(&rows, 0, 1);
    report->created += is_new;
    report->updated += is_written && !is_new;
    report->unchanged += !is_written;
    return task_commit(a->task, e);
}

static bool aggregate(void *data, struct err *e)
{
    struct aggregating *a = data;
    struct country *countries = NULL;
    size_t count = 0;
    if (!read_countries(a, &countries, &count, e))
        return false;
    for (size_t i = 0; i < count; i++) {
        a->report.index = (int64_t)i;
        if (!aggregate_country(a, &countries[i], e) || !task_progress(a->task, (int64_t)i + 1, (int64_t)count, "countries", e))
            return false;
    }
    return true;
}

static bool run(struct task *task, const void *data, struct err *e)
{
    struct aggregating a = {.task = task, .args = data, .report = {.task = task, .handler = "hact.aggregate"}};
    const struct report_run around = {.lock = "hact.aggregate", .run = aggregate, .data = &a};
    enum report_end end = report_around(&a.report, &around, e);
    report_free(&a.report);
    return end == REPORT_GOOD || end == REPORT_LEFT_OUT;
}

const struct handler handler_hact_aggregate = {
    .name = "hact.aggregate",
    .summary = "Sum up a year's assurance of each country",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 3, .first = MINUTES(1), .cap = MINUTES(10)},
};
