/* partner: one organisation as PMP describes it, in its list and in each document. What PMP calls by words is kept as
 * the registry's codes: a new word is a row of a table here. */
#include "tasks/pmp/pmp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct column columns[] = {
    {"external_id", "id", COLUMN_ID, .max = 32},
    {"title", "name", COLUMN_TEXT, .required = true, .max = 255},
    {"vendor_number", "unicef_vendor_number", COLUMN_ID, .max = 30},
    {"short_title", "short_name", COLUMN_TEXT, .max = 50},
    {"alternate_title", "alternate_name", COLUMN_TEXT, .max = 255},
    {"email", NULL, COLUMN_TEXT, .max = 255},
    {"phone_number", NULL, COLUMN_TEXT, .max = 64},
    {"last_assessment_date", NULL, COLUMN_DATE},
    {"core_values_assessment_date", NULL, COLUMN_DATE},
    {"street_address", NULL, COLUMN_TEXT, .max = 512},
    {"address", NULL, COLUMN_TEXT, .max = 512},
    {"city", NULL, COLUMN_TEXT, .max = 64},
    {"postal_code", NULL, COLUMN_TEXT, .max = 32},
    {"country", NULL, COLUMN_TEXT, .max = 64},
    {"total_ct_cp", NULL, COLUMN_DECIMAL},
    {"total_ct_cy", NULL, COLUMN_DECIMAL},
    {"rating", NULL, COLUMN_TEXT, .max = 50},
    {"type_of_assessment", NULL, COLUMN_TEXT, .max = 50},
    {"sea_risk_rating_name", NULL, COLUMN_TEXT, .max = 150},
    {"psea_assessment_date", NULL, COLUMN_MOMENT},
    {"highest_risk_rating_type", NULL, COLUMN_TEXT, .max = 150},
    {"highest_risk_rating_name", NULL, COLUMN_TEXT, .max = 150},
    {0},
};

struct word {
    const char *upstream, *code;
};

static const struct word partner_types[] = {
    {"Bilateral / Multilateral", "B/M"},
    {"Civil Society Organization", "CSO"},
    {"Government", "Gov"},
    {"UN Agency", "UNA"},
    {0},
};

static const struct word cso_types[] = {
    {"International", "Int"},
    {"National", "Nat"},
    {"Community Based Organization", "CBO"},
    {"Academic Institution", "Aca"},
    {"Red Cross/Red Crescent National Societies", "Red"},
    {0},
};

/* The registry's code for a word of PMP; null for one it does not know, which is noted. */
static bool read_word(struct pmp_run *run, const struct js *partner, const char *member, const struct word *words,
                      const struct place *place, struct err *e)
{
    char note[160];
    const struct js *value = js_get(partner, member);
    const char *text = js_text(value);
    const struct word *word = words;
    if (!text && !js_is_null(value))
        return record_refuse(place, member, e, "%s where a string was expected", js_type_name(js_type(value)));
    while (text && word->upstream && strcasecmp(word->upstream, text) != 0 && strcmp(word->code, text) != 0)
        word++;
    if (text && *text && !word->upstream) {
        snprintf(note, sizeof note, "%s: '%.80s' is not known", member, text);
        report_note(&run->report, note);
    }
    row_text(&run->row, member, text ? word->code : NULL);
    return true;
}

/* The server's own text is always empty: it is what the assessment says. */
static void read_basis(struct pmp_run *run, const struct js *partner)
{
    char basis[96];
    const char *type = js_text(js_get(partner, "type_of_assessment"));
    const char *date = js_text(js_get(partner, "last_assessment_date"));
    snprintf(basis, sizeof basis, "%s - %s", type ? type : "", date ? date : "");
    row_text(&run->row, "basis_for_risk_rating", type && *type && date && *date ? basis : "N/A");
}

bool pmp_read_partner(struct pmp_run *run, const struct js *partner, const struct place *place, int record,
                      const char *origin, const char *origin_at, struct err *e)
{
    char source[40];
    const char *country = js_text(js_get(partner, "country"));
    if (!record_read(partner, columns, place, &run->row, e) ||
        !read_word(run, partner, "partner_type", partner_types, place, e) ||
        !read_word(run, partner, "cso_type", cso_types, place, e))
        return false;
    read_basis(run, partner);
    snprintf(source, sizeof source, "pmp:%.20s", run->workspace->business_area);
    row_text(&run->row, "external_source", source);
    row_text(&run->row, "country_code", country && strlen(country) == 2 ? country : NULL);
    row_int(&run->row, "workspace_id", run->workspace->id);
    row_text(&run->row, "origin", origin);
    row_text(&run->row, "origin_at", origin_at);
    return staging_add(run->staging, record, "partner", &run->row, e);
}
