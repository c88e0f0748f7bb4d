/* vision: a list is a function that writes its n-th row; how many there are follows from the size of the world. All values are
 * strings or null, amounts with commas now and then, dates with two digits for the year. */
#include "sandbox/vision/vision.h"

#include "sandbox/dice.h"
#include "sandbox/pmp/names.h"
#include "sandbox/vision/line.h"
#include "sandbox/write.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PARTNERS_SMALL = 30, PARTNERS_FULL = 600, LINES = 3, ITEMS = 2, NUMBER_MAX = 48 };

/* The number of the thing to which the lines from n on belong. */
static int64_t number_of(const struct list *list, uint64_t hash, int64_t n)
{
    return list->base + (int64_t)(hash % 1000) * list->span + n / list->lines;
}

int64_t line_number(const struct line *l)
{
    return number_of(l->list, l->hash, l->n);
}

static int64_t partners(const struct vision *v)
{
    return v->full ? PARTNERS_FULL : PARTNERS_SMALL;
}

/* Amounts of four digits and more have commas in two of three rows. */
void line_amount(const struct line *l, const char *key, int64_t cents)
{
    char text[NUMBER_MAX];
    bool commas = l->n % 3 != 0 && cents >= 100000;
    if (commas)
        snprintf(text, sizeof text, "%" PRId64 ",%03d.%02d", cents / 100000, (int)(cents / 100 % 1000), (int)(cents % 100));
    else
        snprintf(text, sizeof text, "%" PRId64 ".%02d", cents / 100, (int)(cents % 100));
    if (l->legacy && !l->bad)
        text_printf(l->out, ",\"%s\":%" PRId64 ".%02d", key, cents / 100, (int)(cents % 100));
    else
        write_text(l->out, key, l->bad ? "n/a" : text);
}

void line_day(const struct line *l, const char *key, int64_t day)
{
    static const char months[12][4] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
    int64_t year;
    int month, in_month;
    date_from_days(day, &year, &month, &in_month);
    if (l->legacy)
        write_textf(l->out, key, "/Date(%" PRId64 ")/", day * 86400000 + 5 * 3600000);
    else
        write_textf(l->out, key, "%02d-%s-%02d", in_month, months[month - 1], (int)(year % 100));
}

void line_vendor(const struct line *l, const char *key, int64_t partner)
{
    write_textf(l->out, key, "%010" PRIu64, 25000000 + l->hash % 1000 * 1000 + (uint64_t)partner);
}

static void write_partner(const struct line *l)
{
    static const char *const types[] = {"CIVIL SOCIETY ORGANIZATION", "GOVERNMENT", "UN AGENCY", "SUPPLIER"};
    char name[NAME_MAX_LENGTH];
    struct dice d = dice_new(dice_hash(l->hash, 1, (uint64_t)l->n, l->v->seed));
    name_organisation(dice_roll(&d, UINT32_MAX), name, sizeof name);
    const char *type = types[l->n % 15 == 14 ? 3 : dice_roll(&d, 3)];
    line_vendor(l, "VENDOR_CODE", l->n);
    write_textf(l->out, "VENDOR_NAME", "%s%s", name, l->n % 7 != 0 ? "" : l->legacy ? " u0026 Sons" : " & Sons");
    write_text(l->out, "PARTNER_TYPE_DESC", type);
    write_text(l->out, "CSO_TYPE", *type == 'C' ? "NATIONAL NGO" : NULL);
    write_text(l->out, "COUNTRY", l->lacks ? NULL : "SBX");
    write_text(l->out, "MARKED_FOR_DELETION", l->n % 11 == 10 ? "X" : NULL);
    write_text(l->out, "POSTING_BLOCK", l->n % 13 == 12 ? "X" : NULL);
    write_text(l->out, "HIGEST_RISK_RATING", "Low");
    line_day(l, "CORE_VALUE_ASSESSMENT_DT", 18000 + dice_between(&d, 0, 1500));
    static const char *const amounts[] = {"TOTAL_CASH_TRANSFERRED_CP", "TOTAL_CASH_TRANSFERRED_CY", "NET_CASH_TRANSFERRED_CY", "REPORTED_CY",
                                          "TOTAL_CASH_TRANSFERRED_YTD"};
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++)
        line_amount(l, amounts[i], dice_between(&d, 0, 90000000));
}

/* Three lines a reservation, a reservation a partner. */
static void write_reservation(const struct line *l)
{
    int64_t reservation = l->n / LINES, item = l->n % LINES + 1;
    struct dice d = dice_new(dice_hash(l->hash, 2, (uint64_t)reservation, l->v->seed));
    line_vendor(l, "VENDOR_CODE", reservation);
    write_textf(l->out, "FR_NUMBER", "%010" PRId64, line_number(l));
    int64_t day = 18500 + dice_between(&d, 0, 900);
    line_day(l, "FR_DOC_DATE", day);
    write_text(l->out, "FR_TYPE", "Programme Document Against PCA");
    write_text(l->out, "CURRENCY", "USD");
    write_text(l->out, "FR_DOCUMENT_TEXT", "Reservation");
    line_day(l, "FR_START_DATE", day);
    line_day(l, "FR_END_DATE", day + 365);
    write_textf(l->out, "LINE_ITEM", "%" PRId64, item);
    write_text(l->out, "WBS_ELEMENT", "0060/A0/06/010/001/003");
    write_text(l->out, "GRANT_REF", "NON-GRANT");
    write_text(l->out, "FUND", "GC");
    line_day(l, "DUE_DATE", day + 30);
    if (!l->lacks)
        line_amount(l, "OVERALL_AMOUNT", 100000 * item + dice_between(&d, 0, 99999));
    line_amount(l, "OVERALL_AMOUNT_DC", 50000 * item);
    line_amount(l, "CURRENT_FR_AMOUNT", 700000);
    write_text(l->out, "MULTI_CURR_FLAG", "N");
    write_text(l->out, "COMPLETED_FLAG", reservation % 4 == 0 ? "X" : NULL);
}

static void write_transfer(const struct line *l)
{
    line_vendor(l, "VENDOR_CODE", l->n / LINES);
    write_text(l->out, "EXPIRY_DATE", "2026-12-31T00:00:00-05:00");
    line_amount(l, "AMT_6TO9_MONTHS_USD", 150000 + l->n * 100);
    if (!l->lacks)
        line_amount(l, "AMT_MORE9_MONTHS_USD", 2550);
}

/* Two items an order, an order a firm. */
static void write_order(const struct line *l)
{
    int64_t order = l->n / ITEMS;
    struct dice d = dice_new(dice_hash(l->hash, 3, (uint64_t)order, l->v->seed));
    char name[NAME_MAX_LENGTH];
    name_organisation(dice_roll(&d, UINT32_MAX), name, sizeof name);
    write_textf(l->out, "PO_NUMBER", "%010" PRId64, line_number(l));
    write_textf(l->out, "PO_ITEM", "%05" PRId64, (l->n % ITEMS + 1) * 10);
    line_vendor(l, "VENDOR_CODE", 900 + order);
    write_text(l->out, "VENDOR_NAME", l->lacks ? NULL : name);
    write_text(l->out, "VENDOR_CTRY_NAME", "Sandbox");
    int64_t day = 18500 + dice_between(&d, 0, 900);
    line_day(l, "PO_DATE", day);
    line_day(l, "EXPIRY_DATE", day + 730);
    write_text(l->out, "DONOR_NAME", NULL);
    write_text(l->out, "GRANT_REF", "NON-GRANT");
}

/* A firm that monitors, as its vendor number is asked for. */
static void write_firm(const struct line *l)
{
    char name[NAME_MAX_LENGTH];
    struct dice d = dice_new(dice_hash(l->hash, 4, (uint64_t)l->n, l->v->seed));
    name_organisation(dice_roll(&d, UINT32_MAX), name, sizeof name);
    write_text(l->out, "VENDOR_CODE", l->vendor);
    write_text(l->out, "VENDOR_NAME", l->lacks ? NULL : name);
    write_textf(l->out, "STREET", "%d Market Street", (int)dice_between(&d, 1, 200));
    write_text(l->out, "CITY", "Sandbox");
    write_text(l->out, "POSTAL_CODE", NULL);
    write_text(l->out, "COUNTRY", "SBX");
    write_text(l->out, "EMAIL", "office@example.org");
    write_text(l->out, "PHONE_NUMBER", NULL);
    write_text(l->out, "MARKED_FOR_DELETION", l->n % 11 == 10 ? "X" : NULL);
    write_text(l->out, "POSTING_BLOCK", l->n % 13 == 12 ? "X" : NULL);
}

enum { PARTNERS, RESERVATIONS, TRANSFERS, ORDERS, FIRMS, PROGRAMMES, INDICATORS, FACE_FORMS, COMMITMENTS, WORKPLANS };

static const struct list lists[] = {
    [PARTNERS] = {"/partners/", write_partner, 1, 0, 0},
    [RESERVATIONS] = {"/fundsreservations/", write_reservation, LINES, 100000000, 10000},
    [TRANSFERS] = {"/dcts/", write_transfer, LINES, 0, 0},
    [ORDERS] = {"/purchaseorders/", write_order, ITEMS, 45000000, 1000},
    [FIRMS] = {"/partners/", write_firm, 1, 0, 0},
    [PROGRAMMES] = {"/wbsstructures/", line_of_programme, 1, 0, 0},
    [INDICATORS] = {"/ramindicators/", line_of_indicator, 1, 0, 0},
    [FACE_FORMS] = {"/faceforms/", line_of_face_form, 1, 0, 0},
    [COMMITMENTS] = {"/fundscommitments/", line_of_commitment, LINES, 500000000, 10000},
    [WORKPLANS] = {"/ramworkplans/", line_of_workplan, 1, 0, 0},
};

/* Which of a list's lines an answer has. */
struct part {
    const char *area;
    int64_t from, count;
    const char *vendor;
};

static void write_row(struct vision *v, const struct list *list, uint64_t hash, int64_t n, const struct part *part, bool legacy, struct text *out)
{
    const struct occasion o = {.path = list->path, .offset = -1, .id = n + 1};
    const struct line line = {.v = v,
                              .list = list,
                              .area = part->area,
                              .hash = hash,
                              .n = n,
                              .legacy = legacy,
                              .lacks = quirks_marks(v->quirks, QUIRK_MISSING_KEYS, &o),
                              .bad = quirks_marks(v->quirks, QUIRK_BAD_AMOUNTS, &o),
                              .vendor = part->vendor,
                              .out = out};
    const int times = part->count > 1 && quirks_marks(v->quirks, QUIRK_REPEATED_LINES, &o) ? 2 : 1;
    for (int time = 0; time < times; time++) {
        write_open(out, NULL, '{');
        list->write(&line);
        write_close(out, '}');
    }
}

/* One row is an object, several are a list. */
static void write_rows(struct vision *v, const struct list *list, uint64_t hash, const struct part *part, bool legacy, struct text *out)
{
    bool one = part->count == 1;
    write_open(out, NULL, '{');
    write_open(out, "ROWSET", '{');
    text_puts(out, one ? "\"ROW\":" : "\"ROW\":[");
    for (int64_t i = 0; i < part->count; i++)
        write_row(v, list, hash, part->from + i, part, legacy, out);
    text_puts(out, one ? "}}" : "]}}");
}

static void answer_nothing(struct vision *v, struct answer *a)
{
    static const char *const forms[] = {"\"No Data Available\"", "{}", "{\"ROWSET\":{}}"};
    text_puts(&a->body, forms[v->asked++ % 3]);
}

static void answer_part(struct vision *v, const struct list *list, uint64_t hash, struct part part, const struct occasion *o, struct answer *a)
{
    struct text inner = {0};
    if (part.count > 1 && quirks_fire(v->quirks, QUIRK_ONE_ROW, o))
        part.count = 1;
    if (!quirks_fire(v->quirks, QUIRK_LEGACY_FORM, o)) {
        write_rows(v, list, hash, &part, false, &a->body);
        return;
    }
    write_rows(v, list, hash, &part, true, &inner);
    text_json_string(&a->body, text_str(&inner), inner.len);
    text_free(&inner);
}

static bool may_ask(const struct vision *v, const struct request *r, struct answer *a)
{
    a->type = "application/json; charset=utf-8";
    if (r->key && strcmp(r->key, v->key) == 0)
        return true;
    a->status = 401;
    text_puts(&a->body, "{\"statusCode\":401,\"message\":\"Access denied due to missing subscription key.\"}");
    return false;
}

/* The answer that was saved for this question; quirks of rows do not touch it. */
static void answer_saved(struct vision *v, const struct request *r, const char *area, struct answer *a)
{
    const struct js *body = saved_find(v->saved, r->below, area ? area : "");
    if (body)
        js_write(&a->body, body);
    else
        answer_nothing(v, a);
}

/* A list of a business area, or what belongs to the number behind its name. */
static void answer_list(struct vision *v, const struct list *list, const struct request *r, struct answer *a)
{
    const char *area = request_arg(r, list == &lists[FACE_FORMS] ? "businessareacode" : "businessarea");
    const struct occasion o = {.workspace = area, .path = list->path, .offset = -1, .id = r->id};
    uint64_t hash = dice_hash_text(v->seed, area ? area : "");
    struct part part = {area, 0, partners(v) * list->lines, NULL};
    if (!may_ask(v, r, a))
        return;
    if (v->saved->count > 0) {
        answer_saved(v, r, area, a);
        return;
    }
    int64_t place = r->id - number_of(list, hash, 0);
    bool known = area && strlen(area) == 4 && (r->id < 0 || (place >= 0 && place < partners(v)));
    if (r->id >= 0)
        part = (struct part){area, place * list->lines, list->lines, NULL};
    if (!known || quirks_fire(v->quirks, QUIRK_NO_DATA, &o))
        answer_nothing(v, a);
    else
        answer_part(v, list, hash, part, &o, a);
}

/* Vendors with a 9 at the end are not known. */
static void answer_firm(struct vision *v, const char *vendor, const struct request *r, struct answer *a)
{
    int64_t number = (int64_t)(dice_hash_text(v->seed, vendor) % 1000000);
    const struct occasion o = {.path = lists[FIRMS].path, .offset = -1, .id = number};
    size_t length = strlen(vendor);
    if (!may_ask(v, r, a))
        return;
    if (length == 0 || vendor[length - 1] == '9' || quirks_fire(v->quirks, QUIRK_NO_DATA, &o))
        answer_nothing(v, a);
    else
        answer_part(v, &lists[FIRMS], v->seed, (struct part){NULL, number, 1, vendor}, &o, a);
}

static void serve_partners(void *state, const struct request *r, struct answer *a)
{
    const char *vendor = request_arg(r, "vendor");
    if (vendor)
        answer_firm(state, vendor, r, a);
    else
        answer_list(state, &lists[PARTNERS], r, a);
}

static void serve_reservations(void *state, const struct request *r, struct answer *a)
{
    answer_list(state, &lists[RESERVATIONS], r, a);
}

static void serve_transfers(void *state, const struct request *r, struct answer *a)
{
    answer_list(state, &lists[TRANSFERS], r, a);
}

static void serve_orders(void *state, const struct request *r, struct answer *a)
{
    answer_list(state, &lists[ORDERS], r, a);
}

static void serve_programmes(void *state, const struct request *r, struct answer *a)
{
    answer_list(state, &lists[PROGRAMMES], r, a);
}

static void serve_indicators(void *state, const struct request *r, struct answer *a)
{
    answer_list(state, &lists[INDICATORS], r, a);
}

static void serve_face_forms(void *state, const struct request *r, struct answer *a)
{
    answer_list(state, &lists[FACE_FORMS], r, a);
}

static void serve_commitments(void *state, const struct request *r, struct answer *a)
{
    answer_list(state, &lists[COMMITMENTS], r, a);
}

static void serve_workplans(void *state, const struct request *r, struct answer *a)
{
    answer_list(state, &lists[WORKPLANS], r, a);
}

const struct route vision_routes[] = {
    {"GET", "/partners/", serve_partners},
    {"GET", "/fundsreservations/", serve_reservations},
    {"GET", "/fundsreservations/<id>/", serve_reservations},
    {"GET", "/dcts/", serve_transfers},
    {"GET", "/purchaseorders/", serve_orders},
    {"GET", "/purchaseorders/<id>/", serve_orders},
    {"GET", "/wbsstructures/", serve_programmes},
    {"GET", "/ramindicators/", serve_indicators},
    {"GET", "/faceforms/", serve_face_forms},
    {"GET", "/fundscommitments/", serve_commitments},
    {"GET", "/ramworkplans/", serve_workplans},
    {0},
};

void vision_reset(void *state)
{
    ((struct vision *)state)->asked = 0;
}
