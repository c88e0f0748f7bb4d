/* vision.fund_reservation: reserved funds and their lines, which come as lines that repeat their header. */
#include "tasks/vision/vision.h"

static const struct column columns[] = {
    {"vendor_code", "VENDOR_CODE", COLUMN_ID, .required = true, .max = 20},
    {"fr_number", "FR_NUMBER", COLUMN_ID, .required = true, .max = 20},
    {"document_date", "FR_DOC_DATE", COLUMN_DAY},
    {"fr_type", "FR_TYPE", COLUMN_TEXT, .max = 50},
    {"currency", "CURRENCY", COLUMN_TEXT, .max = 50},
    {"document_text", "FR_DOCUMENT_TEXT", COLUMN_TEXT, .max = 255},
    {"start_date", "FR_START_DATE", COLUMN_DAY},
    {"end_date", "FR_END_DATE", COLUMN_DAY},
    {"line_item", "LINE_ITEM", COLUMN_INT, .required = true},
    {"wbs", "WBS_ELEMENT", COLUMN_TEXT, .max = 30},
    {"grant_number", "GRANT_REF", COLUMN_TEXT, .max = 20},
    {"donor", "DONOR_NAME", COLUMN_TEXT, .max = 256},
    {"donor_code", "DONOR_CODE", COLUMN_TEXT, .max = 30},
    {"fund", "FUND", COLUMN_TEXT, .max = 10},
    {"overall_amount", "OVERALL_AMOUNT", COLUMN_AMOUNT, .required = true},
    {"overall_amount_dc", "OVERALL_AMOUNT_DC", COLUMN_AMOUNT},
    {"line_item_text", "FR_LINE_ITEM_TEXT", COLUMN_TEXT, .max = 255},
    {"due_date", "DUE_DATE", COLUMN_DAY},
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
    .handler = "vision.fund_reservation", .endpoint = "fundsreservations", .columns = columns, .key = "FR_NUMBER", .steps = steps, .main = 1};

static bool run(struct task *task, const void *args, struct err *e)
{
    return vision_copy(task, &list, args, e);
}

const struct handler handler_vision_fund_reservation = {
    .name = "vision.fund_reservation",
    .summary = "Copy a country's fund reservations from VISION",
    .queue = "sync",
    .fields = vision_fields,
    .args_size = sizeof(struct vision_args),
    .run = run,
    .retry = {.max = 3, .first = MINUTES(3), .cap = MINUTES(10)},
};
