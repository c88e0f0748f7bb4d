/* tpm.purchase_orders: what countries ordered from auditors, a line for each item that repeats its order. Orders and firms are known to all countries.
 * Without a country it enqueues a batch with a task for each. */
#include "tasks/tpm/tpm.h"

static const struct field fields[] = {
    STR_FIELD(struct vision_args, business_area, .help = "business area or code of a country; none: a task for each that takes part"),
    STR_FIELD(struct vision_args, number, .min = 1, .max = 30, .help = "only the order with this number"),
    STR_FIELD(struct vision_args, upstream, .fallback = "vision", .help = "the upstream to ask"),
    {0},
};

static const struct column columns[] = {
    {"vendor_number", "VENDOR_CODE", COLUMN_ID, .required = true, .max = 30},
    {"name", "VENDOR_NAME", COLUMN_TEXT, .required = true, .max = 255},
    {"country", "VENDOR_CTRY_NAME", COLUMN_TEXT, .max = 255},
    {"order_number", "PO_NUMBER", COLUMN_ID, .required = true, .max = 30},
    {"contract_start_date", "PO_DATE", COLUMN_DAY},
    {"contract_end_date", "EXPIRY_DATE", COLUMN_DAY},
    {"number", "PO_ITEM", COLUMN_INT, .max = 9},
    {0},
};

static const struct staging_step steps[] = {
    {&sql_tpm_organization, "organization", STAGING_SHARED},
    {&sql_tpm_firm, "auditor_firm", STAGING_SHARED},
    {&sql_tpm_order, "purchase_order", STAGING_SHARED},
    {&sql_tpm_order_item, "purchase_order_item", STAGING_MAIN},
    {0},
};

static const struct vision_list list = {
    .handler = "tpm.purchase_orders", .endpoint = "purchaseorders", .columns = columns, .key = "PO_NUMBER", .steps = steps, .main = 3};

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct vision_args *args = data;
    const char *const self[] = {list.handler};
    if (args->business_area)
        return vision_copy(task, &list, args, e);
    return args->number ? err_set(e, ERR_USAGE, "a number needs a business_area") : vision_fan_out(task, list.handler, self, 1, NULL, args->upstream, e);
}

const struct handler handler_tpm_purchase_orders = {
    .name = "tpm.purchase_orders",
    .summary = "Copy a country's purchase orders for audits from VISION",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct vision_args),
    .run = run,
    .retry = {.max = 3, .first = MINUTES(3), .cap = MINUTES(10)},
};
