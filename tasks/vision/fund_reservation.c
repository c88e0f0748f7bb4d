/* vision.fund_reservation, vision.delegated_frs: reserved funds and their lines, which come as lines that repeat their header. One reservation can be
 * asked for by its number, also one that another country's office keeps; those are delegated, are in no list of this country and are asked
 * for one by one. */
#include "tasks/vision/vision.h"

static const struct column columns[] = {
    {"vendor_code", "VENDOR_CODE", COLUMN_ID, .required = true, .max = 20},
    {"fr_number", "FR_NUMBER", COLUMN_ID, .required = true, .max = 20},
    {"document_date", "FR_DOC_DATE", COLUMN_DAY, .required = true},
    {"fr_type", "FR_TYPE", COLUMN_TEXT, .max = 50},
    {"currency", "CURRENCY", COLUMN_TEXT, .required = true, .max = 50},
    {"document_text", "FR_DOCUMENT_TEXT", COLUMN_TEXT, .required = true, .max = 255},
    {"start_date", "FR_START_DATE", COLUMN_DAY, .required = true},
    {"end_date", "FR_END_DATE", COLUMN_DAY, .required = true},
    {"line_item", "LINE_ITEM", COLUMN_INT, .required = true, .max = 4},
    {"wbs", "WBS_ELEMENT", COLUMN_TEXT, .required = true, .max = 30},
    {"grant_number", "GRANT_REF", COLUMN_TEXT, .required = true, .max = 20},
    {"donor", "DONOR_NAME", COLUMN_TEXT, .max = 256},
    {"donor_code", "DONOR_CODE", COLUMN_TEXT, .max = 30},
    {"fund", "FUND", COLUMN_TEXT, .required = true, .max = 10},
    {"overall_amount", "OVERALL_AMOUNT", COLUMN_AMOUNT, .required = true},
    {"overall_amount_dc", "OVERALL_AMOUNT_DC", COLUMN_AMOUNT},
    {"line_item_text", "FR_LINE_ITEM_TEXT", COLUMN_TEXT, .max = 255},
    {"due_date", "DUE_DATE", COLUMN_DAY, .required = true},
    {"intervention_amt", "CURRENT_FR_AMOUNT", COLUMN_AMOUNT},
    {"actual_amt", "ACTUAL_CASH_TRANSFER", COLUMN_AMOUNT},
    {"actual_amt_local", "ACTUAL_CASH_TRANSFER_DC", COLUMN_AMOUNT},
    {"outstanding_amt", "OUTSTANDING_DCT", COLUMN_AMOUNT},
    {"outstanding_amt_local", "OUTSTANDING_DCT_DC", COLUMN_AMOUNT},
    {"multi_curr_flag", "MULTI_CURR_FLAG", COLUMN_FLAG},
    {"completed_flag", "COMPLETED_FLAG", COLUMN_FLAG},
    {0},
};

static const struct staging_step steps[] = {
    {&sql_vision_fr_header, "fr_header", STAGING_SHARED},
    {&sql_vision_fr_item, "fr_item", STAGING_MAIN},
    {&sql_vision_fr_total, "fr_header", STAGING_SHARED},
    {0},
};

static const struct vision_list list = {
    .handler = "vision.fund_reservation", .endpoint = "fundsreservations", .columns = columns, .key = "FR_NUMBER", .apart = "LINE_ITEM", .steps = steps, .main = 1};

static const struct vision_list delegated = {
    .handler = "vision.delegated_frs", .endpoint = "fundsreservations", .columns = columns, .key = "FR_NUMBER", .apart = "LINE_ITEM", .steps = steps, .main = 1};

static const struct field fields[] = {
    VISION_AREA_FIELD,
    STR_FIELD(struct vision_args, number, .min = 1, .max = 20, .help = "only the reservation with this number"),
    STR_FIELD(struct vision_args, ask_area, .min = 1, .max = 10, .help = "the business area whose reservation it is, when it is not the country's"),
    BOOL_FIELD(struct vision_args, delegated, .fallback = "false", .help = "it is new here and delegated to the country: vision.delegated_frs asks for it again"),
    VISION_UPSTREAM_FIELD,
    {0},
};

static const struct field delegated_fields[] = {
    STR_FIELD(struct vision_args, business_area, .help = "business area or code of one country; none: a task for each that takes part"),
    STR_FIELD(struct vision_args, number, .min = 1, .max = 20, .help = "only the reservation with this number"),
    VISION_UPSTREAM_FIELD,
    {0},
};

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct vision_args *args = data;
    if (!args->number && (args->ask_area || args->delegated))
        return err_set(e, ERR_USAGE, "ask_area and delegated are about one reservation: number is missing");
    return vision_copy(task, &list, args, e);
}

static bool run_delegated(struct task *task, const void *data, struct err *e)
{
    static const char *const name = "vision.delegated_frs";
    const struct vision_args *args = data;
    return args->business_area ? vision_copy_each(task, &delegated, &sql_vision_delegated, args, e)
                               : vision_fan_out(task, name, &name, 1, NULL, args->upstream, e);
}

const struct handler handler_vision_fund_reservation = {
    .name = "vision.fund_reservation",
    .summary = "Copy a country's fund reservations, or one of them, from VISION",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct vision_args),
    .run = run,
    .retry = {.max = 3, .first = MINUTES(3), .cap = MINUTES(10)},
};

const struct handler handler_vision_delegated_frs = {
    .name = "vision.delegated_frs",
    .summary = "Ask VISION again for the reservations that are delegated to a country, one by one",
    .queue = "sync",
    .fields = delegated_fields,
    .args_size = sizeof(struct vision_args),
    .run = run_delegated,
    .retry = {.max = 3, .first = MINUTES(3), .cap = MINUTES(10)},
};
