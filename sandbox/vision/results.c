/* results: programmes and what hangs on them. The n-th activity of a country belongs to output n / 5, this to outcome n / 10; an indicator, a face form and
 * an activity of a work plan for each. */
#include "sandbox/dice.h"
#include "sandbox/pmp/names.h"
#include "sandbox/pmp/world.h"
#include "sandbox/vision/line.h"
#include "sandbox/write.h"

#include <inttypes.h>
#include <stdio.h>

enum { AN_OUTPUT = 5, AN_OUTCOME = 10, A_WORKPLAN = 10, LINES = 3, WBS_MAX = 32, FIRST_DAY = 19723, LAST_DAY = 33237 }; /* 2024-01-01 to 2060-12-31 */

/* Of the n-th activity, as far as its programme (10 characters), outcome (14), output (18) or itself (22). */
static void write_wbs(const struct line *l, const char *key, int length)
{
    char wbs[WBS_MAX];
    snprintf(wbs, sizeof wbs, "%.4s/A0/05/6%02d/%03d/%03d", l->area, (int)(l->n / AN_OUTCOME % 100), (int)(l->n % AN_OUTCOME / AN_OUTPUT + 1),
             (int)(l->n % AN_OUTPUT + 1));
    write_textf(l->out, key, "%.*s", length, wbs);
}

static void write_level(const struct line *l, const char *level, int length)
{
    char key[WBS_MAX];
    snprintf(key, sizeof key, "%s_WBS", level);
    write_wbs(l, key, length);
    snprintf(key, sizeof key, "%s_NAME", level);
    write_textf(l->out, key, "%s %" PRId64 "%s", level, l->n / (length == 14 ? AN_OUTCOME : length == 18 ? AN_OUTPUT : 1), l->legacy ? " u0026 MORE" : " & MORE");
    snprintf(key, sizeof key, "%s_START_DATE", level);
    line_day(l, key, FIRST_DAY);
    snprintf(key, sizeof key, "%s_END_DATE", level);
    if (!l->lacks)
        line_day(l, key, LAST_DAY);
}

void line_of_programme(const struct line *l)
{
    write_textf(l->out, "COUNTRY_PROGRAMME_NAME", "COUNTRY PROGRAMME OF %s", l->area);
    write_wbs(l, "COUNTRY_PROGRAMME_WBS", 10);
    line_day(l, "CP_START_DATE", FIRST_DAY);
    line_day(l, "CP_END_DATE", LAST_DAY);
    write_textf(l->out, "GOAL_AREA_CODE", "2%d", (int)(l->n / AN_OUTCOME % 5 + 1));
    write_text(l->out, "GOAL_AREA_NAME", "Every child learns");
    write_level(l, "OUTCOME", 14);
    write_level(l, "OUTPUT", 18);
    write_text(l->out, "HUMANITARIAN_MARKER_CODE", "1");
    write_text(l->out, "HUMANITARIAN_MARKER_NAME", "Marginal");
    write_text(l->out, "RESULT_AREA_CODE", "21-01");
    write_text(l->out, "RESULT_AREA_NAME", "Equitable access");
    write_text(l->out, "GENDER_MARKER_CODE", "2");
    write_text(l->out, "GENDER_MARKER_NAME", "Significant");
    write_level(l, "ACTIVITY", 22);
    write_text(l->out, "SIC_CODE", "21-01-02");
    write_text(l->out, "SIC_NAME", "Provision of access");
    write_text(l->out, "GIC_CODE", "001");
    write_text(l->out, "GIC_NAME", "Capacity development");
    write_text(l->out, "HUMANITARIAN_TAG", l->n % 3 == 0 ? "Yes" : "No");
}

void line_of_indicator(const struct line *l)
{
    write_textf(l->out, "INDICATOR_CODE", "%.4sRAM%05" PRId64, l->area, l->n);
    write_textf(l->out, "INDICATOR_DESCRIPTION", "# of schools that are open (%" PRId64 ")", l->n);
    if (!l->lacks)
        write_textf(l->out, "WBS_ELEMENT_CODE", "%.4sA0056%02d%03d", l->area, (int)(l->n / AN_OUTCOME % 100), (int)(l->n % AN_OUTCOME / AN_OUTPUT + 1));
    write_text(l->out, "INDICATOR_BASELINE", l->n % 4 == 0 ? NULL : "0");
    line_amount(l, "INDICATOR_TARGET", (l->n + 1) * 50000);
}

static void write_transaction(const struct line *l, const char *key, int64_t cents)
{
    write_open(l->out, key, '{');
    write_textf(l->out, "FACE_ENTERED", "%.4s / %06" PRId64, l->area, 502200 + l->n);
    write_textf(l->out, "FACE_ACCOUNTED", "%.4s / %06" PRId64, l->area, 501096 + l->n);
    write_text(l->out, "FC_ITEM", "0100654833 / 001");
    line_amount(l, "AUTH_AMT", cents * 100);
    line_amount(l, "AUTH_AMT_USD", cents);
    write_close(l->out, '}');
}

/* No transaction, one, or several. */
void line_of_face_form(const struct line *l)
{
    int64_t count = l->n % 4;
    write_text(l->out, "BUSINESS_AREA_CODE", l->area);
    write_textf(l->out, "FACE_FORM_NUMBER", "FACE_%06" PRId64, (int64_t)(l->hash % 1000) * 1000 + l->n);
    line_vendor(l, "IMPLEMENTING_PARNTER_CODE", l->n);
    write_text(l->out, "DOCUMENT_TYPE_DESC", "Direct Cash Transfer");
    write_text(l->out, "CURRENCY", l->lacks ? NULL : "USD");
    line_day(l, "REPORTING_POSTING_DATE", FIRST_DAY + 100 + l->n % 200);
    line_day(l, "REPORTING_START_DATE", FIRST_DAY);
    line_day(l, "REPORTING_END_DATE", FIRST_DAY + 90);
    write_open(l->out, "HACT_FUNDINGS", '{');
    write_close(l->out, '}');
    write_open(l->out, "HACT_TRANSACTIONS", '{');
    if (count == 1)
        write_transaction(l, "TYPE_HACT_TRANSACTION", 123456);
    if (count > 1) {
        write_open(l->out, "TYPE_HACT_TRANSACTION", '[');
        for (int64_t i = 0; i < count; i++)
            write_transaction(l, NULL, 10010 * (i + 1));
        write_close(l->out, ']');
    }
    write_close(l->out, '}');
}

void line_of_commitment(const struct line *l)
{
    line_vendor(l, "VENDOR_CODE", l->n / LINES);
    write_textf(l->out, "FC_NUMBER", "%010" PRId64, line_number(l));
    line_day(l, "FC_DOC_DATE", FIRST_DAY + l->n % 200);
    write_text(l->out, "FR_TYPE", "Direct Cash Transfer");
    write_text(l->out, "CURRENCY", "USD");
    write_text(l->out, "FC_DOCUMENT_TEXT", "Commitment");
    write_text(l->out, "EXCHANGE_RATE", "1.00000");
    write_text(l->out, "RESP_PERSON", "SANDBOX");
    write_textf(l->out, "LINE_ITEM", "%" PRId64, l->n % LINES + 1);
    write_wbs(l, "WBS_ELEMENT", 22);
    write_text(l->out, "GRANT_REF", "SC240001");
    write_text(l->out, "FUND", "SC");
    write_text(l->out, "GL_ACCOUNT", "4010002");
    line_day(l, "DUE_DATE", FIRST_DAY + 300);
    write_text(l->out, "FR_NUMBER", NULL);
    if (!l->lacks)
        line_amount(l, "COMMITMENT_AMOUNT_USD", 250000 + l->n * 125);
    line_amount(l, "COMMITMENT_AMOUNT_DC", 250000 + l->n * 125);
    line_amount(l, "AMOUNT_CHANGED", 0);
    write_text(l->out, "FC_LINE_ITEM_TEXT", "Line");
}

static void write_place(const struct line *l, const char *key, int number)
{
    const struct pmp_country *country = l->v->pmp ? pmp_country(l->v->pmp, l->area) : NULL;
    write_open(l->out, key, '{');
    write_textf(l->out, "P_CODE", "%.2s%02d", country ? country->short_code : "ZZ", number);
    write_text(l->out, "AREA_NAME", "Region");
    write_close(l->out, '}');
}

/* No place, one, or two. */
static void write_places(const struct line *l)
{
    write_open(l->out, "WPA_GEOLOCATIONS", '{');
    if (l->n % 3 == 1)
        write_place(l, "GEOLOCATION", 1);
    if (l->n % 3 == 2) {
        write_open(l->out, "GEOLOCATION", '[');
        write_place(l, NULL, 1);
        write_place(l, NULL, 2);
        write_close(l->out, ']');
    }
    write_close(l->out, '}');
}

void line_of_workplan(const struct line *l)
{
    int64_t plan = l->n / A_WORKPLAN;
    write_text(l->out, "BUSINESS_AREA_CODE", l->area);
    write_wbs(l, "CP_WBS", 10);
    write_wbs(l, "VISION_ACTIVITY_WBS", 22);
    write_textf(l->out, "WP_GID", "WP/%.4sA005/%06" PRId64 "/01", l->area, plan);
    write_textf(l->out, "WP_ID", "%" PRId64, 147000 + plan);
    write_textf(l->out, "WP_NAME", "Work plan %" PRId64, plan);
    write_text(l->out, "WP_STATUS", "Signed");
    write_textf(l->out, "WPA_GID", "%.4s/A0/05/WPA%06" PRId64, l->area, l->n);
    write_textf(l->out, "WPA_ID", "%" PRId64, 191000 + l->n);
    write_textf(l->out, "WPA_TITLE", "Activity %" PRId64, l->n);
    write_text(l->out, "WPA_DESCRIPTION", NULL);
    line_day(l, "WPA_START_DATE", FIRST_DAY);
    if (!l->lacks)
        line_day(l, "WPA_END_DATE", LAST_DAY);
    line_amount(l, "TOTAL_BUDGET", 123400 + l->n * 100);
    write_places(l);
    write_open(l->out, "WPA_IMPLEMENTING_PARTNERS", '{');
    write_open(l->out, "IMPL_PARTNER", '{');
    line_vendor(l, "IMPLEMENTING_PARTNER_CODE", l->n);
    write_text(l->out, "IMPLEMENTING_PARTNER_NAME", "Partner");
    write_close(l->out, '}');
    write_close(l->out, '}');
    write_textf(l->out, "COST_CENTER_CODE", "%.4sH00000", l->area);
    write_text(l->out, "COST_CENTER_NAME", "Main office");
    write_text(l->out, "PLAN_CATEGORY_TYPE", "Section");
    write_text(l->out, "PLAN_TYPE", "Annual");
    write_text(l->out, "PLAN_AT_KI_LEVEL", "No");
}
