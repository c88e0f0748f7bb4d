/* vision.dct: how much of the cash that partners were given is outstanding for long, summed up from single transfers. */
#include "tasks/vision/vision.h"

static const struct column columns[] = {
    {"vendor_number", "VENDOR_CODE", COLUMN_ID, .required = true, .max = 30},
    {"to_9_months", "AMT_6TO9_MONTHS_USD", COLUMN_AMOUNT},
    {"over_9_months", "AMT_MORE9_MONTHS_USD", COLUMN_AMOUNT},
    {0},
};

static const struct staging_step steps[] = {{&sql_vision_dct, "partner_organization", STAGING_MAIN}, {0}};

static const char *const after[] = {"vision.partner", NULL};

static const struct vision_list list = {.handler = "vision.dct", .endpoint = "dcts", .columns = columns, .key = "VENDOR_CODE", .steps = steps, .after = after};

static bool run(struct task *task, const void *args, struct err *e)
{
    return vision_copy(task, &list, args, e);
}

const struct handler handler_vision_dct = {
    .name = "vision.dct",
    .summary = "Copy a country's outstanding cash transfers from VISION",
    .queue = "sync",
    .fields = vision_fields,
    .args_size = sizeof(struct vision_args),
    .run = run,
    .retry = {.max = 3, .first = MINUTES(3), .cap = MINUTES(10)},
};
