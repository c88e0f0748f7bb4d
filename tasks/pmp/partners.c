/* pmp.partners: the partners of every country. */
#include "tasks/pmp/pmp.h"

#include <stdio.h>

static bool is_empty(const struct js *item, const char *member)
{
    const struct js *value = js_get(item, member);
    return js_is_null(value) || (js_text(value) && !*js_text(value));
}

static void make_origin(const struct pmp_run *run, char out[static 48])
{
    snprintf(out, 48, "partners/%.32s", run->workspace->business_area);
}

static enum pmp_reading read(struct pmp_run *run, const struct js *item, int record, struct text *key, struct err *e)
{
    char origin[48];
    int64_t number;
    const struct js *vendor = js_get(item, "unicef_vendor_number");
    if (js_integer(vendor, &number))
        text_printf(key, "%" PRId64, number);
    else
        text_puts(key, js_text(vendor) ? js_text(vendor) : "");
    if (js_type(item) == JS_OBJECT && (is_empty(item, "unicef_vendor_number") || is_empty(item, "name"))) {
        err_set(e, ERR_DATA, "%s: missing", is_empty(item, "name") ? "name" : "unicef_vendor_number");
        return PMP_SKIPPED;
    }
    make_origin(run, origin);
    return pmp_read_partner(run, item, NULL, record, origin, "infinity", e) ? PMP_STAGED : PMP_BAD;
}

static bool deactivate(struct pmp_run *run, const char *const *seen, size_t count, int64_t *deactivated, struct err *e)
{
    char origin[48];
    struct pg_rows rows;
    make_origin(run, origin);
    if (!task_sql_rows(run->task, &sql_pmp_partner_deactivate, &rows, e, pg_texts(seen, count),
                       pg_int(run->workspace->id), pg_text(origin)))
        return false;
    *deactivated = pg_get_int(&rows, 0, 0);
    return true;
}

static const struct staging_step steps[] = {
    {&sql_pmp_partner, "partner", STAGING_MAIN},
    {&sql_pmp_partner_workspace, "partner_workspace", STAGING_OWN},
    {&sql_pmp_partner_activate, "partner", STAGING_OWN},
    {0},
};

static const struct pmp_sync sync = {
    .handler = "pmp.partners",
    .list = "/prp/v1/partners/?",
    .page_size = PMP_PARTNERS_PAGE,
    .read = read,
    .steps = steps,
    .deactivate = deactivate,
};

static bool run(struct task *task, const void *args, struct err *e)
{
    return pmp_run_all(task, &sync, args, e);
}

const struct handler handler_pmp_partners = {
    .name = "pmp.partners",
    .summary = "Copy the partners of every country from PMP",
    .queue = "sync",
    .fields = pmp_list_fields,
    .args_size = sizeof(struct pmp_args),
    .run = run,
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
