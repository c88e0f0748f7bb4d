/* hact.values: what was planned and done this year for each partner. With a country it does the country's partners, in one statement; without one it
 * enqueues a batch with a task for each country, whose progress is that of all, and hact.summary behind it. */
#include "tasks/hact/hact.h"

#include <stdio.h>

struct args {
    const char *business_area, *today, *to, *sender;
};

static const struct field fields[] = {
    STR_FIELD(struct args, business_area, .help = "business area or code of a country; none: a task for each"),
    HACT_TODAY_FIELD(struct args),
    STR_FIELD(struct args, to, .min = 3, .max = 254, .help = "address that the summary of all countries is mailed to; none: no mail"),
    STR_FIELD(struct args, sender, .fallback = "drumbeat@localhost", .min = 3, .max = 254, .help = "address it is from"),
    {0},
};

struct country {
    struct task *task;
    const struct args *args;
    struct report report;
};

static bool update(void *data, struct err *e)
{
    struct country *c = data;
    struct pg_rows rows;
    if (!task_sql_rows(c->task, &sql_hact_values, &rows, e, pg_int(c->report.country_id), pg_text(c->args->today)))
        return false;
    c->report.fetched = pg_get_int(&rows, 0, 0);
    c->report.updated = pg_get_int(&rows, 0, 1);
    c->report.unchanged = c->report.fetched - c->report.updated;
    return task_progress(c->task, c->report.fetched, c->report.fetched, "partners", e);
}

static bool find_country(struct country *c, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(c->task, &sql_hact_countries, &rows, e, pg_text(c->args->business_area)))
        return false;
    if (rows.count == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no country '%s'", c->args->business_area);
    c->report.country_id = pg_get_int(&rows, 0, 0);
    c->report.area = region_strdup(task_region(c->task), pg_get_text(&rows, 0, 1));
    return task_commit(c->task, e);
}

static bool update_country(struct task *task, const struct args *args, struct err *e)
{
    char lock[64];
    struct row result CLEANUP(row_free) = {0};
    struct country c = {.task = task, .args = args, .report = {.task = task, .handler = "hact.values"}};
    if (!find_country(&c, e))
        return false;
    snprintf(lock, sizeof lock, "hact.values/%s", c.report.area);
    const struct report_run around = {.lock = lock, .run = update, .data = &c};
    enum report_end end = report_around(&c.report, &around, e);
    row_int(&result, "partners", c.report.fetched);
    row_int(&result, "updated", c.report.updated);
    report_free(&c.report);
    return (end == REPORT_GOOD || end == REPORT_LEFT_OUT) && task_result(task, row_end(&result), e);
}

static bool fan_out(struct task *task, const struct args *args, struct err *e)
{
    struct pg_rows rows;
    struct row summary CLEANUP(row_free) = {0}, result CLEANUP(row_free) = {0};
    row_text(&summary, "sender", args->sender);
    if (args->to)
        row_text(&summary, "to", args->to);
    if (!task_sql_rows(task, &sql_hact_fan_out, &rows, e, pg_text(args->today), pg_json(row_end(&summary))))
        return false;
    if (pg_is_null(&rows, 0, 0))
        return err_set(e, ERR_TRANSIENT, "no country is known yet, pmp.workspaces has to run first");
    row_text(&result, "batch", pg_get_text(&rows, 0, 0));
    row_int(&result, "countries", pg_get_int(&rows, 0, 1));
    return task_result(task, row_end(&result), e);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    return args->business_area ? update_country(task, args, e) : fan_out(task, args, e);
}

const struct handler handler_hact_values = {
    .name = "hact.values",
    .summary = "Count what was done to be sure of each partner, a task for each country",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 3, .first = MINUTES(1), .cap = MINUTES(10)},
};
