/* tpm.partners: firms that monitor for the countries. VISION is asked once for each that is known, whatever the number of countries; a vendor that
 * is named becomes one. */
#include "tasks/tpm/tpm.h"

static const struct field fields[] = {
    STR_FIELD(struct vision_args, business_area, .help = "only the firms that this country works with"),
    {.name = "vendor", .type = FIELD_STR, .offset = offsetof(struct vision_args, number), .min = 1, .max = 30, .help = "this firm alone, known or not"},
    STR_FIELD(struct vision_args, upstream, .fallback = "vision", .help = "the upstream to ask"),
    {0},
};

static const struct column columns[] = {
    {"vendor_number", "VENDOR_CODE", COLUMN_ID, .required = true, .max = 30},
    {"name", "VENDOR_NAME", COLUMN_TEXT, .required = true, .max = 255},
    {"street_address", "STREET", COLUMN_TEXT, .max = 500, .or_from = "STREET_ADDRESS"},
    {"city", "CITY", COLUMN_TEXT, .max = 255, .or_from = "VENDOR_CITY"},
    {"postal_code", "POSTAL_CODE", COLUMN_TEXT, .max = 32},
    {"country", "COUNTRY", COLUMN_TEXT, .max = 255, .or_from = "VENDOR_CTRY_NAME"},
    {"email", "EMAIL", COLUMN_TEXT, .max = 255},
    {"phone_number", "PHONE_NUMBER", COLUMN_TEXT, .max = 32},
    {"blocked", "POSTING_BLOCK", COLUMN_FLAG},
    {"deleted_flag", "MARKED_FOR_DELETION", COLUMN_FLAG},
    {0},
};

static const struct staging_step steps[] = {
    {&sql_tpm_organization, "organization", STAGING_SHARED},
    {&sql_tpm_partner, "tpm_partner", STAGING_MAIN},
    {&sql_tpm_realms, "organization_realm", STAGING_OWN},
    {0},
};

static const struct vision_list list = {
    .handler = "tpm.partners", .endpoint = "partners", .number_name = "vendor", .columns = columns, .key = "VENDOR_CODE", .steps = steps, .main = 1};

static bool run(struct task *task, const void *args, struct err *e)
{
    return vision_copy_each(task, &list, &sql_tpm_vendors, args, e);
}

const struct handler handler_tpm_partners = {
    .name = "tpm.partners",
    .summary = "Copy the firms that monitor for the countries from VISION",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct vision_args),
    .run = run,
    .retry = {.max = 3, .first = MINUTES(3), .cap = MINUTES(10)},
};
