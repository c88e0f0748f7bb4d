/* vision.ram: the indicators of a country's outputs. The answer is the whole list, so what it lacks is no longer in use; half an answer must not
 * look like that. */
#include "tasks/vision/vision.h"

#include <string.h>

static const struct column columns[] = {
    {"code", "INDICATOR_CODE", COLUMN_ID, .required = true, .max = 50},
    {"name", "INDICATOR_DESCRIPTION", COLUMN_TEXT, .required = true, .cut = true, .max = 1024},
    {"wbs", "WBS_ELEMENT_CODE", COLUMN_TEXT, .required = true, .max = 50},
    {"baseline", "INDICATOR_BASELINE", COLUMN_TEXT, .cut = true, .max = 255},
    {"target", "INDICATOR_TARGET", COLUMN_TEXT, .cut = true, .max = 255},
    {0},
};

static const struct staging_step steps[] = {
    {&sql_vision_indicator_gone, "indicator", STAGING_SHARED}, /* first: what is new would make up for what is gone */
    {&sql_vision_indicator, "indicator", STAGING_MAIN},
    {0},
};

static const char *leave_out(const struct js *row, struct row *other)
{
    const char *code = js_text(js_get(row, "INDICATOR_CODE"));
    (void)other;
    return code && strcmp(code, "undefined") == 0 ? "INDICATOR_CODE: undefined" : NULL;
}

static const char *const after[] = {"vision.programme", NULL};

static const struct vision_list list = {.handler = "vision.ram",
                                        .endpoint = "ramindicators",
                                        .columns = columns,
                                        .key = "INDICATOR_CODE",
                                        .apart = "",
                                        .steps = steps,
                                        .main = 1,
                                        .leave_out = leave_out,
                                        .after = after,
                                        .whole = true};

static const struct field fields[] = {
    VISION_AREA_FIELD,
    I64_FIELD(struct vision_args, deactivate, .fallback = "50", .max = 100,
              .help = "deactivate what an answer lacks when that is so many percent at most"),
    VISION_UPSTREAM_FIELD,
    {0},
};

static bool run(struct task *task, const void *args, struct err *e)
{
    return vision_copy(task, &list, args, e);
}

const struct handler handler_vision_ram = {
    .name = "vision.ram",
    .summary = "Copy the indicators of a country's outputs from VISION",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct vision_args),
    .run = run,
    .retry = {.max = 3, .first = MINUTES(3), .cap = MINUTES(10)},
};
