/* vision.face_forms: what partners were authorized to spend, a form each, as the sum of its transactions. */
#include "tasks/vision/vision.h"

static const struct column columns[] = {
    {"face_number", "FACE_FORM_NUMBER", COLUMN_ID, .required = true, .max = 50},
    {"vendor_number", "IMPLEMENTING_PARNTER_CODE", COLUMN_ID, .required = true, .max = 30, .or_from = "IMPLEMENTING_PARTNER_CODE"}, /* as VISION writes it */
    {"modality", "DOCUMENT_TYPE_DESC", COLUMN_TEXT, .required = true, .max = 50},
    {"currency", "CURRENCY", COLUMN_TEXT, .required = true, .max = 50},
    {"date_of_liquidation", "REPORTING_POSTING_DATE", COLUMN_DAY, .required = true},
    {"start_date", "REPORTING_START_DATE", COLUMN_DAY, .required = true},
    {"end_date", "REPORTING_END_DATE", COLUMN_DAY},
    {0},
};

static const struct column transaction[] = {{"amount_local", "AUTH_AMT", COLUMN_AMOUNT}, {"amount_usd", "AUTH_AMT_USD", COLUMN_AMOUNT}, {0}};

static const struct vision_part parts[] = {{"HACT_TRANSACTIONS.TYPE_HACT_TRANSACTION", "transaction", transaction}, {0}};

static const struct staging_step steps[] = {{&sql_vision_face_form, "face_form", STAGING_MAIN}, {0}};

static const char *const after[] = {"vision.partner", NULL};

static const struct vision_list list = {.handler = "vision.face_forms",
                                        .endpoint = "faceforms",
                                        .area_name = "businessareacode",
                                        .columns = columns,
                                        .parts = parts,
                                        .key = "FACE_FORM_NUMBER",
                                        .apart = "",
                                        .steps = steps,
                                        .after = after};

static bool run(struct task *task, const void *args, struct err *e)
{
    return vision_copy(task, &list, args, e);
}

const struct handler handler_vision_face_forms = {
    .name = "vision.face_forms",
    .summary = "Copy a country's face forms from VISION",
    .queue = "sync",
    .fields = vision_fields,
    .args_size = sizeof(struct vision_args),
    .run = run,
    .retry = {.max = 3, .first = MINUTES(3), .cap = MINUTES(10)},
};
