/* document: one programme or government document, taken apart into rows of the stage. What goes where is in the tables
 * of columns; the order in which the rows then move is pmp_document_steps. A new member of PMP's documents is a row of
 * a table here, a column in the schema and in one statement. */
#include "tasks/pmp/reading.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { EMAIL_MAX = 255 };

static const struct column document_columns[] = {
    {"external_id", "id", COLUMN_ID, .required = true},
    {"agreement", NULL, COLUMN_TEXT, .max = 255},
    {"document_type", NULL, COLUMN_TEXT, .required = true, .max = 4},
    {"reference_number", "number", COLUMN_TEXT, .required = true, .max = 255},
    {"title", NULL, COLUMN_TEXT, .required = true, .max = 512},
    {"start_date", NULL, COLUMN_DATE, .required = true},
    {"end_date", NULL, COLUMN_DATE, .required = true},
    {"status", NULL, COLUMN_TEXT, .required = true, .max = 32},
    {"cso_contribution", "cso_budget", COLUMN_DECIMAL},
    {"cso_contribution_currency", "cso_budget_currency", COLUMN_TEXT, .max = 16},
    {"total_unicef_budget", "unicef_budget", COLUMN_DECIMAL},
    {"total_unicef_budget_currency", "unicef_budget_currency", COLUMN_TEXT, .max = 16},
    {"total_unicef_cash", "unicef_budget_cash", COLUMN_DECIMAL},
    {"in_kind_amount", "unicef_budget_supplies", COLUMN_DECIMAL},
    {"funds_received_to_date", "disbursement", COLUMN_DECIMAL},
    {"funds_received_to_date_percent", "disbursement_percent", COLUMN_DECIMAL},
    {"has_signed_document", NULL, COLUMN_BOOL},
    {"external_updated_at", "update_date", COLUMN_MOMENT},
    {0},
};

static const struct column currency_columns[] = {
    {"total_unicef_cash_currency", "unicef_budget_cash_currency", COLUMN_TEXT, .max = 16},
    {"in_kind_amount_currency", "unicef_budget_supplies_currency", COLUMN_TEXT, .max = 16},
    {0},
};

static const struct column amendment_columns[] = {
    {"signed_date", NULL, COLUMN_DATE},
    {"amendment_number", NULL, COLUMN_ID},
    {0},
};

static const struct column partner_keys[] = {
    {"vendor_number", "unicef_vendor_number", COLUMN_ID, .max = 30},
    {"partner_external_id", "id", COLUMN_ID},
    {0},
};

static const struct column person_columns[] = {
    {"name", NULL, COLUMN_TEXT, .max = 128, .cut = true},
    {"title", NULL, COLUMN_TEXT, .max = 255, .cut = true},
    {"phone_number", "phone_num", COLUMN_TEXT, .max = 64, .cut = true},
    {"active", NULL, COLUMN_BOOL, .fallback = "true"},
    {0},
};

static const struct column section_columns[] = {
    {"external_id", "id", COLUMN_ID, .required = true},
    {"name", NULL, COLUMN_TEXT, .required = true},
    {0},
};

static const struct column period_columns[] = {
    {"external_id", "id", COLUMN_ID, .required = true},
    {"start_date", NULL, COLUMN_DATE},
    {"end_date", NULL, COLUMN_DATE},
    {"due_date", NULL, COLUMN_DATE},
    {"description", NULL, COLUMN_TEXT, .max = 512},
    {0},
};

bool reading_stage(struct reading *r, const char *kind)
{
    return staging_add(r->run->staging, r->record, kind, &r->run->row, r->e);
}

void reading_add_origin(struct reading *r)
{
    row_text(&r->run->row, "origin", r->origin);
    row_text(&r->run->row, "origin_at", r->origin_at);
}

bool reading_is_blank(const struct js *object, const char *member)
{
    const struct js *value = js_get(object, member);
    return js_is_null(value) || (js_text(value) && !*js_text(value));
}

void reading_id(const struct js *value, char *out, size_t size)
{
    int64_t number;
    if (js_integer(value, &number))
        snprintf(out, size, "%" PRId64, number);
    else
        snprintf(out, size, "%s", js_text(value) ? js_text(value) : "");
}

/* The document itself --------------------------------------------------------------------------------- */

static bool read_offices(struct reading *r)
{
    struct text offices CLEANUP(text_free) = {0};
    const struct js *array;
    if (!record_array(r->item, "offices", NULL, &array, r->e))
        return false;
    for (size_t i = 0; i < js_count(array); i++) {
        const char *office = js_text(js_at(array, i));
        if (!office)
            return record_refuse(&(struct place){NULL, "offices", (int)i}, NULL, r->e, "not a string");
        text_printf(&offices, "%s%s", offices.len > 0 ? ", " : "", office);
    }
    row_text(&r->run->row, "unicef_office", offices.len > 0 ? text_str(&offices) : "N/A");
    return true;
}

/* Kept as they come, once their dates are known to be dates. */
static bool read_amendments(struct reading *r)
{
    struct text json CLEANUP(text_free) = {0};
    struct row checked CLEANUP(row_free) = {0};
    const struct js *array;
    if (!record_array(r->item, "amendments", NULL, &array, r->e))
        return false;
    for (size_t i = 0; i < js_count(array); i++)
        if (!record_read(js_at(array, i), amendment_columns, &(struct place){NULL, "amendments", (int)i}, &checked,
                         r->e))
            return false;
    js_write(&json, array);
    row_json(&r->run->row, "amendments", js_type(array) == JS_ARRAY ? text_str(&json) : "[]");
    return true;
}

/* Cash and supplies are UNICEF's, so without a currency of their own they are in that of its budget. */
static bool read_currencies(struct reading *r)
{
    const struct js *budget = js_get(r->item, "unicef_budget_currency");
    for (const struct column *column = currency_columns; column->name; column++)
        if (reading_is_blank(r->item, column->from))
            row_text(&r->run->row, column->name, js_text(budget));
        else if (!record_read(r->item, (const struct column[]){*column, {0}}, NULL, &r->run->row, r->e))
            return false;
    return true;
}

static bool read_document(struct reading *r)
{
    char source[48];
    struct row *row = &r->run->row;
    const struct place partner = {NULL, "partner_org", -1};
    if (!record_read(r->item, document_columns, NULL, row, r->e) || !read_offices(r) || !read_amendments(r) ||
        !read_currencies(r) || !record_read(js_get(r->item, "partner_org"), partner_keys, &partner, row, r->e))
        return false;
    snprintf(source, sizeof source, "pmp:%.20s", r->run->workspace->business_area);
    row_text(row, "partner_external_source", source);
    row_text(row, "external_business_area_code", r->business_area);
    row_int(row, "workspace_id", r->run->workspace->id);
    row_bool(row, "government", r->run->sync->government);
    row_text(row, "source", r->source);
    return reading_stage(r, "document") &&
           pmp_read_partner(r->run, js_get(r->item, "partner_org"), &partner, r->record, r->origin, r->origin_at, r->e);
}

/* Persons --------------------------------------------------------------------------------------------- */

static const struct {
    const char *member, *role;
} roles[] = {
    {"unicef_focal_points", "unicef_focal_point"},
    {"focal_points", "partner_focal_point"},
    {"agreement_auth_officers", "auth_officer"},
};

/* Lower case, one "@" with something on both sides, a point in the domain, no blank. */
static bool read_email(const char *text, char out[static EMAIL_MAX + 1])
{
    size_t used = 0;
    const char *at = text ? strchr(text, '@') : NULL;
    if (!at || at == text || strchr(at + 1, '@') || !strchr(at + 1, '.') || strlen(text) > EMAIL_MAX)
        return false;
    for (; text[used]; used++) {
        if (!isascii((unsigned char)text[used]) || !isgraph((unsigned char)text[used]))
            return false;
        out[used] = (char)tolower((unsigned char)text[used]);
    }
    out[used] = '\0';
    return true;
}

/* A person that cannot be used is noted and left out: no reason to lose the document. */
static bool read_person(struct reading *r, const struct js *person, const char *role, const struct place *place)
{
    char email[EMAIL_MAX + 1];
    struct err why = {0};
    bool good = record_read(person, person_columns, place, &r->run->row, &why) &&
                (read_email(js_text(js_get(person, "email")), email) ||
                 record_refuse(place, "email", &why, "not an e-mail address; person left out"));
    if (!good) {
        row_reset(&r->run->row);
        report_note(&r->run->report, why.text);
        return true;
    }
    row_text(&r->run->row, "email", email);
    row_text(&r->run->row, "role", role);
    reading_add_origin(r);
    return reading_stage(r, "person");
}

static bool read_persons(struct reading *r)
{
    const struct js *array;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (!record_array(r->item, roles[i].member, NULL, &array, r->e))
            return false;
        for (size_t n = 0; n < js_count(array); n++)
            if (!read_person(r, js_at(array, n), roles[i].role, &(struct place){NULL, roles[i].member, (int)n}))
                return false;
    }
    return true;
}

/* Sections and periods -------------------------------------------------------------------------------- */

static bool read_sections(struct reading *r)
{
    const struct js *array;
    if (!record_array(r->item, "sections", NULL, &array, r->e))
        return false;
    for (size_t i = 0; i < js_count(array); i++) {
        if (!record_read(js_at(array, i), section_columns, &(struct place){NULL, "sections", (int)i}, &r->run->row,
                         r->e))
            return false;
        row_text(&r->run->row, "external_business_area_code", r->business_area);
        reading_add_origin(r);
        if (!reading_stage(r, "section"))
            return false;
    }
    return true;
}

static bool read_periods(struct reading *r, const char *member, const char *only_type)
{
    const struct js *array;
    if (!record_array(r->item, member, NULL, &array, r->e))
        return false;
    for (size_t i = 0; i < js_count(array); i++) {
        const struct place place = {NULL, member, (int)i};
        const char *type = only_type ? only_type : js_text(js_get(js_at(array, i), "report_type"));
        if (!record_read(js_at(array, i), period_columns, &place, &r->run->row, r->e))
            return false;
        if (!type || (!only_type && strcmp(type, "QPR") != 0 && strcmp(type, "HR") != 0))
            return record_refuse(&place, "report_type", r->e, "'%.20s' is neither QPR nor HR", type ? type : "");
        row_text(&r->run->row, "report_type", type);
        if (!reading_stage(r, "period"))
            return false;
    }
    return true;
}

/* The whole ------------------------------------------------------------------------------------------- */

static void begin(struct reading *r)
{
    const char *kind = r->run->sync->government ? "government" : "documents";
    reading_id(js_get(r->item, "id"), r->id, sizeof r->id);
    reading_id(js_get(r->item, "business_area_code"), r->business_area, sizeof r->business_area);
    if (!*r->business_area || strlen(r->business_area) > 32)
        snprintf(r->business_area, sizeof r->business_area, "%s", r->run->workspace->business_area);
    snprintf(r->source, sizeof r->source, "%s:%.8s:%s:%s", r->run->sync->government ? "gdd" : "pmp",
             r->run->workspace->code, r->business_area, r->id);
    snprintf(r->origin, sizeof r->origin, "%s/%s/%s", kind, r->business_area, r->id);
    snprintf(r->origin_at, sizeof r->origin_at, "-infinity");
    if (r->run->item_updated_at)
        clock_format(r->run->item_updated_at, r->origin_at);
}

enum pmp_reading pmp_read_document(struct pmp_run *run, const struct js *item, int record, struct text *key,
                                   struct err *e)
{
    struct reading r = {.run = run, .record = record, .item = item, .e = e};
    begin(&r);
    text_puts(key, r.id);
    if (js_type(item) == JS_OBJECT && (reading_is_blank(item, "start_date") || reading_is_blank(item, "end_date"))) {
        err_set(e, ERR_DATA, "%s: missing", reading_is_blank(item, "start_date") ? "start_date" : "end_date");
        return PMP_SKIPPED;
    }
    bool good = read_document(&r) && read_persons(&r) && read_sections(&r) &&
                read_periods(&r, "reporting_requirements", NULL) && read_periods(&r, "special_reports", "SR") &&
                reading_own_locations(&r) && reading_results(&r);
    return good ? PMP_STAGED : PMP_BAD;
}

bool pmp_deactivate_documents(struct pmp_run *run, const char *const *seen, size_t count, int64_t *deactivated,
                              struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(run->task, &sql_pmp_document_deactivate, &rows, e, pg_texts(seen, count),
                       pg_int(run->workspace->id), pg_bool(run->sync->government)))
        return false;
    *deactivated = pg_get_int(&rows, 0, 0);
    return true;
}

/* Shared tables first, each in the order of its keys; then the document, then what hangs on it. */
const struct staging_step pmp_document_steps[] = {
    {&sql_pmp_partner, "partner", STAGING_SHARED},
    {&sql_pmp_person, "person", STAGING_SHARED},
    {&sql_pmp_section, "section", STAGING_SHARED},
    {&sql_pmp_location, "location", STAGING_SHARED},
    {&sql_pmp_location_workspace, "location_workspace", STAGING_SHARED},
    {&sql_pmp_location_parent, "location", STAGING_SHARED},
    {&sql_pmp_disaggregation, "disaggregation", STAGING_SHARED},
    {&sql_pmp_disaggregation_value, "disaggregation_value", STAGING_SHARED},
    {&sql_pmp_document, "programme_document", STAGING_MAIN},
    {&sql_pmp_document_key, NULL, STAGING_SHARED},
    {&sql_pmp_document_person, "programme_document_person", STAGING_OWN},
    {&sql_pmp_person_active, "person", STAGING_SHARED},
    {&sql_pmp_document_section, "programme_document_section", STAGING_OWN},
    {&sql_pmp_document_location, "programme_document_location", STAGING_OWN},
    {&sql_pmp_period_reports, "progress_report", STAGING_OWN},
    {&sql_pmp_period, "reporting_period", STAGING_OWN},
    {&sql_pmp_result_link, "pd_result_link", STAGING_OWN},
    {&sql_pmp_output, "lower_level_output", STAGING_OWN},
    {&sql_pmp_blueprint, "indicator_blueprint", STAGING_OWN},
    {&sql_pmp_reportable, "reportable", STAGING_OWN},
    {&sql_pmp_location_goal, "reportable_location_goal", STAGING_OWN},
    {&sql_pmp_reportable_disaggregation, "reportable_disaggregation", STAGING_OWN},
    {0},
};
