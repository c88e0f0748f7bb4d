/* vision.ewp: work plans and their activities, a row each activity, with the places where and the partners by whom it is carried out. */
#include "tasks/vision/vision.h"

static const struct column columns[] = {
    {"ewp_id", "WP_ID", COLUMN_ID, .max = 50},
    {"workplan", "WP_GID", COLUMN_TEXT, .required = true, .max = 50},
    {"name", "WP_NAME", COLUMN_TEXT, .max = 500},
    {"status", "WP_STATUS", COLUMN_TEXT, .max = 50},
    {"cost_center_code", "COST_CENTER_CODE", COLUMN_TEXT, .max = 50},
    {"cost_center_name", "COST_CENTER_NAME", COLUMN_TEXT},
    {"category_type", "PLAN_CATEGORY_TYPE", COLUMN_TEXT, .max = 50},
    {"plan_type", "PLAN_TYPE", COLUMN_TEXT, .max = 50},
    {"country_programme", "CP_WBS", COLUMN_TEXT, .max = 30},
    {"wbs", "WPA_GID", COLUMN_TEXT, .required = true, .max = 50},
    {"wpa_id", "WPA_ID", COLUMN_ID, .required = true, .max = 50},
    {"start_date", "WPA_START_DATE", COLUMN_DAY, .required = true},
    {"end_date", "WPA_END_DATE", COLUMN_DAY, .required = true},
    {"title", "WPA_TITLE", COLUMN_TEXT, .required = true, .max = 500},
    {"description", "WPA_DESCRIPTION", COLUMN_TEXT, .max = 10000},
    {"total_budget", "TOTAL_BUDGET", COLUMN_AMOUNT},
    {"result", "VISION_ACTIVITY_WBS", COLUMN_TEXT, .required = true, .max = 50},
    {0},
};

static const struct column location[] = {{"p_code", "P_CODE", COLUMN_ID, .max = 32}, {0}};
static const struct column partner[] = {{"vendor_number", "IMPLEMENTING_PARTNER_CODE", COLUMN_ID, .max = 30}, {0}};

static const struct vision_part parts[] = {
    {"WPA_GEOLOCATIONS.GEOLOCATION", "location", location},
    {"WPA_IMPLEMENTING_PARTNERS.IMPL_PARTNER", "partner", partner},
    {0},
};

static const struct staging_step steps[] = {
    {&sql_vision_ewp_workplan, "ewp_workplan", STAGING_SHARED},
    {&sql_vision_ewp_activity, "ewp_activity", STAGING_SHARED},
    {&sql_vision_ewp_location, "ewp_activity_location", STAGING_SHARED},
    {&sql_vision_ewp_partner, "ewp_activity_partner", STAGING_SHARED},
    {&sql_vision_marks, NULL, STAGING_MAIN},
    {0},
};

static const char *const after[] = {"vision.programme", "vision.partner", NULL};

static const struct vision_list list = {
    .handler = "vision.ewp", .endpoint = "ramworkplans", .columns = columns, .parts = parts, .key = "WPA_GID", .steps = steps, .main = 4, .after = after};

static bool run(struct task *task, const void *args, struct err *e)
{
    return vision_copy(task, &list, args, e);
}

const struct handler handler_vision_ewp = {
    .name = "vision.ewp",
    .summary = "Copy a country's work plans from VISION",
    .queue = "sync",
    .fields = vision_fields,
    .args_size = sizeof(struct vision_args),
    .run = run,
    .retry = {.max = 3, .first = MINUTES(3), .cap = MINUTES(10)},
};
