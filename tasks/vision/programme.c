/* vision.programme: country programmes and their results, which come as one row an activity with all that is above it. A level
 * counts when a row has all of it; what belongs to what follows from the WBS. */
#include "tasks/vision/vision.h"

static const struct column columns[] = {
    {"cp_name", "COUNTRY_PROGRAMME_NAME", COLUMN_TEXT, .max = 150},
    {"cp_wbs", "COUNTRY_PROGRAMME_WBS", COLUMN_TEXT, .max = 30},
    {"cp_from", "CP_START_DATE", COLUMN_DAY},
    {"cp_to", "CP_END_DATE", COLUMN_DAY},
    {"outcome_code", "GOAL_AREA_CODE", COLUMN_TEXT, .max = 50, .or_from = "OUTCOME_AREA_CODE"},
    {"outcome_wbs", "OUTCOME_WBS", COLUMN_TEXT, .max = 50},
    {"outcome_name", "OUTCOME_NAME", COLUMN_TEXT, .max = 10000, .or_from = "OUTCOME_DESCRIPTION"},
    {"outcome_from", "OUTCOME_START_DATE", COLUMN_DAY},
    {"outcome_to", "OUTCOME_END_DATE", COLUMN_DAY},
    {"output_wbs", "OUTPUT_WBS", COLUMN_TEXT, .max = 50},
    {"output_name", "OUTPUT_NAME", COLUMN_TEXT, .max = 10000, .or_from = "OUTPUT_DESCRIPTION"},
    {"output_from", "OUTPUT_START_DATE", COLUMN_DAY},
    {"output_to", "OUTPUT_END_DATE", COLUMN_DAY},
    {"humanitarian_marker_code", "HUMANITARIAN_MARKER_CODE", COLUMN_TEXT},
    {"humanitarian_marker_name", "HUMANITARIAN_MARKER_NAME", COLUMN_TEXT},
    {"programme_area_code", "RESULT_AREA_CODE", COLUMN_TEXT, .max = 50, .or_from = "PROGRAMME_AREA_CODE"},
    {"programme_area_name", "RESULT_AREA_NAME", COLUMN_TEXT, .or_from = "PROGRAMME_AREA_NAME"},
    {"activity_wbs", "ACTIVITY_WBS", COLUMN_TEXT, .max = 50},
    {"activity_name", "ACTIVITY_NAME", COLUMN_TEXT, .max = 10000, .or_from = "ACTIVITY_DESCRIPTION"},
    {"activity_from", "ACTIVITY_START_DATE", COLUMN_DAY},
    {"activity_to", "ACTIVITY_END_DATE", COLUMN_DAY},
    {"sic_code", "SIC_CODE", COLUMN_TEXT, .max = 50},
    {"sic_name", "SIC_NAME", COLUMN_TEXT},
    {"gic_code", "GIC_CODE", COLUMN_TEXT, .max = 50},
    {"gic_name", "GIC_NAME", COLUMN_TEXT},
    {"humanitarian_tag", "HUMANITARIAN_TAG", COLUMN_TEXT},
    {0},
};

static const struct staging_step steps[] = {
    {&sql_vision_programme_old, NULL, STAGING_SHARED},
    {&sql_vision_country_programme, "country_programme", STAGING_SHARED},
    {&sql_vision_result, "result", STAGING_SHARED},
    {&sql_vision_result_parent, "result", STAGING_SHARED},
    {&sql_vision_programme_told, NULL, STAGING_SHARED},
    {&sql_vision_marks, NULL, STAGING_MAIN},
    {0},
};

static const struct vision_list list = {
    .handler = "vision.programme", .endpoint = "wbsstructures", .more = "&cycle=all", .columns = columns, .key = "ACTIVITY_WBS", .steps = steps, .main = 5};

static bool run(struct task *task, const void *args, struct err *e)
{
    return vision_copy(task, &list, args, e);
}

const struct handler handler_vision_programme = {
    .name = "vision.programme",
    .summary = "Copy a country's programmes and their results from VISION",
    .queue = "sync",
    .fields = vision_fields,
    .args_size = sizeof(struct vision_args),
    .run = run,
    .retry = {.max = 3, .first = MINUTES(3), .cap = MINUTES(10)},
};
