/* vision.fund_commitment: committed funds and their lines, which come as lines that repeat their header. Not part of vision.sync unless asked for. */
#include "tasks/vision/vision.h"

static const struct column columns[] = {
    {"vendor_code", "VENDOR_CODE", COLUMN_ID, .required = true, .max = 20},
    {"fc_number", "FC_NUMBER", COLUMN_ID, .required = true, .max = 20},
    {"document_date", "FC_DOC_DATE", COLUMN_DAY},
    {"fc_type", "FR_TYPE", COLUMN_TEXT, .max = 50},
    {"currency", "CURRENCY", COLUMN_TEXT, .max = 50},
    {"document_text", "FC_DOCUMENT_TEXT", COLUMN_TEXT, .max = 255},
    {"exchange_rate", "EXCHANGE_RATE", COLUMN_ID, .max = 20},
    {"responsible_person", "RESP_PERSON", COLUMN_TEXT, .max = 100},
    {"line_item", "LINE_ITEM", COLUMN_INT, .required = true, .max = 4},
    {"wbs", "WBS_ELEMENT", COLUMN_TEXT, .max = 30},
    {"grant_number", "GRANT_REF", COLUMN_TEXT, .max = 20},
    {"fund", "FUND", COLUMN_TEXT, .max = 10},
    {"gl_account", "GL_ACCOUNT", COLUMN_ID, .max = 20},
    {"due_date", "DUE_DATE", COLUMN_DAY},
    {"fr_number", "FR_NUMBER", COLUMN_ID, .max = 20},
    {"commitment_amount", "COMMITMENT_AMOUNT_USD", COLUMN_AMOUNT, .required = true},
    {"commitment_amount_dc", "COMMITMENT_AMOUNT_DC", COLUMN_AMOUNT},
    {"amount_changed", "AMOUNT_CHANGED", COLUMN_AMOUNT},
    {"line_item_text", "FC_LINE_ITEM_TEXT", COLUMN_TEXT, .max = 255},
    {0},
};

static const struct staging_step steps[] = {
    {&sql_vision_fc_header, "fc_header", STAGING_SHARED},
    {&sql_vision_fc_item, "fc_item", STAGING_MAIN},
    {0},
};

static const struct vision_list list = {
    .handler = "vision.fund_commitment", .endpoint = "fundscommitments", .columns = columns, .key = "FC_NUMBER", .apart = "LINE_ITEM", .steps = steps, .main = 1};

static bool run(struct task *task, const void *args, struct err *e)
{
    return vision_copy(task, &list, args, e);
}

const struct handler handler_vision_fund_commitment = {
    .name = "vision.fund_commitment",
    .summary = "Copy a country's fund commitments from VISION",
    .queue = "sync",
    .fields = vision_fields,
    .args_size = sizeof(struct vision_args),
    .run = run,
    .retry = {.max = 3, .first = MINUTES(3), .cap = MINUTES(10)},
};
