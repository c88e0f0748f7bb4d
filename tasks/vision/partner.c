/* vision.partner: the partners of a country, as organizations that all countries share and as what this one knows of them. */
#include "tasks/vision/vision.h"

#include <string.h>
#include <strings.h>

static const struct column columns[] = {
    {"vendor_number", "VENDOR_CODE", COLUMN_ID, .required = true, .max = 30},
    {"name", "VENDOR_NAME", COLUMN_TEXT, .required = true, .max = 255},
    {"organization_type", "PARTNER_TYPE_DESC", COLUMN_TEXT, .required = true},
    {"cso_type", "CSO_TYPE", COLUMN_TEXT},
    {"rating", "RISK_RATING", COLUMN_TEXT, .max = 50},
    {"type_of_assessment", "TYPE_OF_ASSESSMENT", COLUMN_TEXT, .max = 50},
    {"address", "STREET", COLUMN_TEXT, .max = 500},
    {"city", "CITY", COLUMN_TEXT, .max = 64},
    {"postal_code", "POSTAL_CODE", COLUMN_TEXT, .max = 32},
    {"country", "COUNTRY", COLUMN_TEXT, .required = true, .max = 64},
    {"phone_number", "PHONE_NUMBER", COLUMN_TEXT, .max = 64},
    {"email", "EMAIL", COLUMN_TEXT, .max = 255},
    {"deleted_flag", "MARKED_FOR_DELETION", COLUMN_FLAG},
    {"blocked", "POSTING_BLOCK", COLUMN_FLAG},
    {"last_assessment_date", "DATE_OF_ASSESSMENT", COLUMN_DAY},
    {"core_values_assessment_date", "CORE_VALUE_ASSESSMENT_DT", COLUMN_DAY},
    {"psea_assessment_date", "PSEA_ASSESSMENT_DATE", COLUMN_DAY},
    {"sea_risk_rating_name", "SEA_RISK_RATING_NAME", COLUMN_TEXT, .max = 150},
    {"highest_risk_rating_type", "HIGEST_RISK_RATING_TYPE", COLUMN_TEXT, .max = 150}, /* as VISION writes it */
    {"highest_risk_rating_name", "HIGEST_RISK_RATING", COLUMN_TEXT, .max = 150},
    {"short_name", "SEARCH_TERM1", COLUMN_TEXT},
    {"total_ct_cp", "TOTAL_CASH_TRANSFERRED_CP", COLUMN_AMOUNT, .required = true},
    {"total_ct_cy", "TOTAL_CASH_TRANSFERRED_CY", COLUMN_AMOUNT, .required = true},
    {"net_ct_cy", "NET_CASH_TRANSFERRED_CY", COLUMN_AMOUNT, .required = true},
    {"reported_cy", "REPORTED_CY", COLUMN_AMOUNT, .required = true},
    {"total_ct_ytd", "TOTAL_CASH_TRANSFERRED_YTD", COLUMN_AMOUNT, .required = true},
    {0},
};

static const struct staging_step steps[] = {
    {&sql_vision_organization, "organization", STAGING_SHARED},
    {&sql_vision_partner_blocked, "notification", STAGING_SHARED},
    {&sql_vision_partner, "partner_organization", STAGING_MAIN},
    {&sql_vision_partner_unknown, "partner_organization", STAGING_OWN},
    {&sql_vision_partner_realm, "realm", STAGING_SHARED},
    {&sql_vision_engagement, "planned_engagement", STAGING_OWN},
    {&sql_vision_core_values_old, "core_values_assessment", STAGING_OWN},
    {&sql_vision_core_values, "core_values_assessment", STAGING_OWN},
    {0},
};

/* A vendor of a type that is no partner is hidden where it is here. */
static const char *leave_out(const struct js *row, struct row *other)
{
    static const char *const types[] = {"BILATERAL / MULTILATERAL", "CIVIL SOCIETY ORGANIZATION", "GOVERNMENT", "UN AGENCY"};
    const char *type = js_text(js_get(row, "PARTNER_TYPE_DESC")), *vendor = js_text(js_get(row, "VENDOR_CODE"));
    for (size_t i = 0; type && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(types[i], type) == 0)
            return NULL;
    if (!type || !vendor)
        return NULL; /* for the reader to refuse */
    row_text(other, NULL, vendor);
    return "PARTNER_TYPE_DESC: not a type of partner";
}

static const struct vision_list list = {
    .handler = "vision.partner", .endpoint = "partners", .columns = columns, .key = "VENDOR_CODE", .apart = "", .steps = steps, .main = 2, .leave_out = leave_out};

static bool run(struct task *task, const void *args, struct err *e)
{
    return vision_copy(task, &list, args, e);
}

const struct handler handler_vision_partner = {
    .name = "vision.partner",
    .summary = "Copy the partners of a country from VISION",
    .queue = "sync",
    .fields = vision_fields,
    .args_size = sizeof(struct vision_args),
    .run = run,
    .retry = {.max = 3, .first = MINUTES(3), .cap = MINUTES(10)},
};
