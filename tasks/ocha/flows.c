/* flows: a list of the Financial Tracking Service, 200 flows a page, each page committed with what it brings. A flow can stand in several
 * lists, those of plans and those of projects: it is active as long as one of them has it. */
#include "tasks/ocha/ocha.h"

#include <string.h>

struct flows {
    struct text ids; /* of all flows that came, a JSON array without its end */
    bool unnamed;    /* one came without an id: nobody knows which */
};

static const struct column columns[] = {
    {"external_id", "id", COLUMN_ID, .required = true},
    {"amount_usd", "amountUSD", COLUMN_AMOUNT, .required = true},
    {"original_amount", "originalAmount", COLUMN_AMOUNT},
    {"original_currency", "originalCurrency", COLUMN_TEXT, .max = 16},
    {"exchange_rate", "exchangeRate", COLUMN_AMOUNT},
    {"budget_year", "budgetYear", COLUMN_ID},
    {"contribution_type", "contributionType", COLUMN_TEXT},
    {"flow_type", "flowType", COLUMN_TEXT},
    {"method", NULL, COLUMN_TEXT},
    {"status", NULL, COLUMN_TEXT},
    {"boundary", NULL, COLUMN_TEXT},
    {"new_money", "newMoney", COLUMN_BOOL},
    {"flow_date", "date", COLUMN_DAY},
    {"decision_date", "decisionDate", COLUMN_DAY},
    {"first_reported_date", "firstReportedDate", COLUMN_DAY},
    {"description", NULL, COLUMN_TEXT, .max = 1 << 20},
    {"ref_code", "refCode", COLUMN_TEXT, .cut = true},
    {"parent_flow_id", "parentFlowId", COLUMN_ID},
    {"version_id", "versionId", COLUMN_ID},
    {"external_updated_at", "updatedAt", COLUMN_MOMENT},
    {0},
};

static void add_json(struct row *row, const char *name, const struct js *value)
{
    struct text json CLEANUP(text_free) = {0};
    js_write(&json, value);
    row_json(row, name, text_str(&json));
}

static bool is_a(const struct js *object, const char *type)
{
    const char *is = js_text(js_get(object, "type"));
    return is && strcmp(is, type) == 0;
}

/* The project it goes to, if any. */
static void add_project(struct row *row, const struct js *destinations)
{
    char id[OCHA_ID_MAX] = "";
    const struct js *project = NULL;
    for (size_t i = 0; i < js_count(destinations) && !project; i++)
        project = is_a(js_at(destinations, i), "Project") ? js_at(destinations, i) : NULL;
    row_text(row, "project_external_id", *ocha_id(js_get(project, "id"), id) ? id : NULL);
    row_text(row, "project_code", js_text(js_get(project, "code")));
}

/* "A; B": the organizations it comes from. */
static void add_organizations(struct row *row, const struct js *sources)
{
    struct text names CLEANUP(text_free) = {0};
    for (size_t i = 0; i < js_count(sources); i++) {
        const char *name = is_a(js_at(sources, i), "Organization") ? js_text(js_get(js_at(sources, i), "name")) : NULL;
        text_printf(&names, "%s%s", name && names.len > 0 ? "; " : "", name ? name : "");
    }
    row_text(row, "organizations", text_str(&names));
}

static enum ocha_read read_flow(struct ocha_run *run, const struct js *flow, int number, struct err *e)
{
    const struct js *sources, *destinations;
    char id[OCHA_ID_MAX];
    if (*ocha_id(js_get(flow, "id"), id) && !seen_add(&run->seen, id)) {
        record_refuse(NULL, "id", e, "came before");
        return OCHA_SKIP;
    }
    if (!record_read(flow, columns, NULL, &run->row, e) || !record_array(flow, "sourceObjects", NULL, &sources, e) ||
        !record_array(flow, "destinationObjects", NULL, &destinations, e))
        return OCHA_BAD;
    add_project(&run->row, destinations);
    add_organizations(&run->row, sources);
    add_json(&run->row, "source_objects", sources);
    add_json(&run->row, "destination_objects", destinations);
    add_json(&run->row, "child_flow_ids", js_get(flow, "childFlowIds"));
    add_json(&run->row, "keywords", js_get(flow, "keywords"));
    add_json(&run->row, "grand_bargain_earmarking_type", js_get(flow, "grandBargainEarmarkingType"));
    add_json(&run->row, "report_details", js_get(flow, "reportDetails"));
    row_text(&run->row, "list", run->list);
    return ocha_stage(run, number, "flow", e) ? OCHA_READ : OCHA_BAD;
}

/* Which flows the list has, good or bad: those stay. */
static bool note_ids(struct flows *flows, struct records *page, struct err *e)
{
    char id[OCHA_ID_MAX];
    struct record record;
    while (records_next(page, &record)) {
        flows->unnamed |= !*ocha_id(js_get(record.json, "id"), id);
        text_puts(&flows->ids, flows->ids.len > 0 ? "," : "[");
        text_json_string(&flows->ids, id, strlen(id));
    }
    return (!flows->ids.cut || err_set(e, ERR_LIMIT, "a list of more than %d bytes of ids", OCHA_IDS_MAX)) && records_end(page, e);
}

/* Copy the page at `target`, and put the address of the next into it: "" when there is none. */
static bool copy_page(struct ocha_run *run, struct text *target, struct flows *flows, struct err *e)
{
    static const struct ocha_list list = {read_flow, "id", NULL, false};
    struct records *page CLEANUP(records_freep) = ocha_ask(run, text_str(target), "data.flows", e);
    struct records *again CLEANUP(records_freep) = page ? records_again(page, "data.flows", e) : NULL;
    if (!again || !ocha_read(run, page, &list, e) || !ocha_move(run, &list, e) || !note_ids(flows, again, e))
        return false;
    const struct js *next = js_get(records_beside(page, "meta"), "nextLink");
    text_reset(target);
    text_puts(target, js_text(next) ? js_text(next) : "");
    return js_is_null(next) || js_text(next) || err_set(e, ERR_DATA, "meta.nextLink: %s where an address was expected", js_type_name(js_type(next)));
}

static bool copy_pages(struct ocha_run *run, struct text *target, struct flows *flows, struct err *e)
{
    struct text key CLEANUP(text_free) = {0};
    while (target->len > 0) {
        run->report.page++;
        text_reset(&key);
        text_printf(&key, "page %s", text_str(target));
        if (run->report.page > OCHA_PAGES_MAX)
            return err_set(e, ERR_LIMIT, "more than %d pages", OCHA_PAGES_MAX);
        if (!seen_add(&run->seen, text_str(&key)))
            return err_set(e, ERR_DATA, "the list goes in circles: page %d is one that was read before", run->report.page);
        if (!copy_page(run, target, flows, e))
            return err_add(e, "page %d", run->report.page);
    }
    return true;
}

/* Flows that the list has no more leave it, unless it is empty, which it may be by mistake. */
static bool forget_others(struct ocha_run *run, struct flows *flows, const char *list, struct err *e)
{
    struct pg_rows rows;
    if (flows->unnamed || flows->ids.len == 0)
        return true;
    text_putc(&flows->ids, ']');
    if (!task_sql_rows(run->task, &sql_ocha_flow_gone, &rows, e, pg_text(list), pg_json(text_str(&flows->ids))))
        return false;
    run->report.deactivated += pg_get_int(&rows, 0, 0);
    return true;
}

bool ocha_copy_flows(struct ocha_run *run, const char *filter, const char *list, struct err *e)
{
    struct flows flows = {.ids.max = OCHA_IDS_MAX};
    struct text target CLEANUP(text_free) = {0};
    text_printf(&target, "/v1/public/fts/flow?%s", filter);
    run->list = list;
    bool good = copy_pages(run, &target, &flows, e) && forget_others(run, &flows, list, e) && task_sql(run->task, &sql_ocha_money, e);
    text_free(&flows.ids);
    run->report.page = 0;
    return good;
}
