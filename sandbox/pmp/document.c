/* document: first the facts, then the JSON in the order in which the real server writes it. */
#include "sandbox/pmp/document.h"

#include "sandbox/dice.h"
#include "sandbox/pmp/names.h"
#include "sandbox/pmp/partner.h"
#include "sandbox/pmp/periods.h"
#include "sandbox/pmp/person.h"
#include "sandbox/pmp/place.h"
#include "sandbox/pmp/results.h"
#include "sandbox/write.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *roll_status(struct dice *d)
{
    static const struct {
        int percent;
        const char *status;
    } statuses[] = {{55, "active"},   {15, "ended"},     {10, "closed"}, {6, "signed"},
                    {4, "suspended"}, {3, "terminated"}, {3, "review"},  {2, "signature"}};
    int rest = (int)dice_roll(d, 100);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        rest -= statuses[i].percent;
        if (rest < 0)
            return statuses[i].status;
    }
    return "draft";
}

static void roll_dates(const struct pmp *p, const struct pmp_country *c, struct dice *d, struct document *doc)
{
    doc->start = p->today / DAYS(1) - dice_between(d, 20, 700);
    doc->end = doc->start + dice_between(d, 90, 900);
    if (!quirks_chance(p->quirks, QUIRK_NO_DATES, c->business_area, doc->hash))
        return;
    if (doc->hash % 3 != 0)
        doc->start = 0;
    if (doc->hash % 3 != 1)
        doc->end = 0;
}

static void make_numbers(const struct pmp_country *c, struct dice *d, struct document *doc)
{
    int year = (int)dice_between(d, 2021, 2025);
    doc->agreement = doc->partner * 10 + (int64_t)dice_roll(d, 3);
    if (doc->government) {
        snprintf(doc->number, sizeof doc->number, "%s/GDD%d%" PRId64, c->iso3, year, doc->id);
        snprintf(doc->agreement_number, sizeof doc->agreement_number, "-");
    } else {
        snprintf(doc->agreement_number, sizeof doc->agreement_number, "%s/PCA%d%" PRId64, c->iso3, year,
                 doc->agreement);
        snprintf(doc->number, sizeof doc->number, "%s/%s%d%" PRId64, doc->agreement_number, doc->type, year, doc->id);
    }
}

static const char *roll_type(struct dice *d)
{
    static const char *const types[] = {"PD", "PD", "PD", "SPD", "SPD", "HPD", "SSFA"};
    return types[dice_roll(d, sizeof types / sizeof *types)];
}

/* One of the partners there were at the start, removed or not, so that a test that removes one changes no document. */
static int64_t roll_partner(const struct pmp_country *c, struct dice *d, bool government)
{
    const struct pmp_list *partners = &c->lists[PMP_PARTNERS];
    size_t count = (size_t)c->partners_generated, at = dice_roll(d, count), tried = 0;
    while (tried++ < count && partner_is_government(c, partners->rows[at].id) != government)
        at = (at + 1) % count;
    return partners->rows[at].id;
}

static void read_generated(const struct pmp *p, const struct pmp_country *c, const struct pmp_row *row,
                           struct document *doc)
{
    doc->hash = pmp_hash(c, doc->government ? "gdd" : "document", row->id);
    struct dice d = dice_new(doc->hash);
    doc->type = doc->government ? "GDD" : roll_type(&d);
    doc->status = roll_status(&d);
    doc->partner = roll_partner(c, &d, doc->government);
    doc->programme = 1 + (int64_t)dice_roll(&d, 2);
    doc->place = 2 + (int64_t)dice_roll(&d, (uint64_t)c->regions);
    doc->sections_count = 1 + dice_roll(&d, DOCUMENT_SECTIONS_MAX);
    int64_t section = (int64_t)dice_roll(&d, NAME_SECTIONS);
    for (size_t i = 0; i < doc->sections_count; i++)
        doc->sections[i] = 1 + (section + (int64_t)i * 3) % NAME_SECTIONS;
    roll_dates(p, c, &d, doc);
    make_numbers(c, &d, doc);
}

static const char *text_or(const struct js *node, const char *fallback)
{
    const char *text = js_text(node);
    return text ? text : fallback;
}

static void read_loaded(const struct js *js, struct document *doc)
{
    const struct js *sections = js_get(js, "sections");
    doc->type = text_or(js_get(js, "document_type"), "PD");
    doc->status = text_or(js_get(js, "status"), "");
    js_integer(js_get(js_get(js, "partner_org"), "id"), &doc->partner);
    js_integer(js_get(js, "country_programme"), &doc->programme);
    while (doc->sections_count < DOCUMENT_SECTIONS_MAX && doc->sections_count < js_count(sections)) {
        js_integer(js_get(js_at(sections, doc->sections_count), "id"), &doc->sections[doc->sections_count]);
        doc->sections_count++;
    }
    snprintf(doc->number, sizeof doc->number, "%s", text_or(js_get(js, "number"), ""));
}

void document_read(const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind, const struct pmp_row *row,
                   struct document *out)
{
    *out = (struct document){.id = row->id, .government = kind == PMP_GOVERNMENT};
    if (row->loaded)
        read_loaded(row->loaded, out);
    else
        read_generated(p, c, row, out);
}

static void write_day(const char *key, int64_t day, struct text *out)
{
    if (day)
        write_date(out, key, day);
    else
        write_null(out, key);
}

static void write_sections(const struct document *doc, struct text *out)
{
    write_open(out, "sections", '[');
    for (size_t i = 0; i < doc->sections_count; i++) {
        write_open(out, NULL, '{');
        write_int(out, "id", doc->sections[i]);
        write_text(out, "name", name_section((size_t)doc->sections[i] - 1));
        write_close(out, '}');
    }
    write_close(out, ']');
}

static void write_persons(const struct pmp *p, const struct pmp_country *c, const struct document *doc, const char *key,
                          struct text *out)
{
    bool office = strcmp(key, "unicef_focal_points") == 0;
    struct dice d = dice_new(dice_hash(doc->hash, dice_hash_text(0, key), 0, 0));
    int64_t staff = office ? STAFF_OF_OFFICE : STAFF_OF_PARTNER, count = dice_between(&d, office ? 1 : 0, 2);
    int64_t first = (int64_t)dice_roll(&d, (uint64_t)staff);
    write_open(out, key, '[');
    for (int64_t i = 0; i < count; i++)
        person_write(p, c, office ? 0 : doc->partner, (first + i) % staff, doc->id, office ? PERSON_SHORT : PERSON_FULL,
                     out);
    write_close(out, ']');
}

static void write_amendments(const struct pmp *p, const struct pmp_country *c, const struct document *doc,
                             struct text *out)
{
    static const char *const types[] = {"no_cost", "budget_lte_20", "budget_gt_20", "admin_error", "change", "other"};
    struct dice d = dice_new(dice_hash(doc->hash, 6, 0, 0));
    int64_t count = doc->start ? dice_between(&d, -2, 2) : 0;
    write_open(out, "amendments", '[');
    for (int64_t i = 0; i < count; i++) {
        bool unsigned_yet = quirks_chance(p->quirks, QUIRK_UNSIGNED_AMENDMENTS, c->business_area,
                                          dice_hash(doc->hash, 7, (uint64_t)i, 0));
        uint64_t type = dice_roll(&d, 6);
        int64_t signed_on = doc->start + dice_between(&d, 30, 300);
        write_open(out, NULL, '{');
        write_open(out, "types", '[');
        write_text(out, NULL, types[type]);
        write_close(out, ']');
        write_text(out, "other_description", type == 5 ? "See the signed letter" : NULL);
        write_day("signed_date", unsigned_yet ? 0 : signed_on, out);
        write_textf(out, "amendment_number", "%" PRId64, i + 1);
        write_close(out, '}');
    }
    write_close(out, ']');
}

struct budget {
    int64_t cso, cash, supplies, disbursed;
    bool disbursement_known;
};

static struct budget roll_budget(const struct pmp *p, const struct pmp_country *c, const struct document *doc)
{
    struct dice d = dice_new(dice_hash(doc->hash, 4, 0, 0));
    struct budget b = {.cso = doc->government ? 0 : dice_between(&d, 0, 20000000)};
    b.cash = dice_between(&d, 100000, 200000000);
    b.supplies = dice_percent(&d, 50) ? 0 : dice_between(&d, 0, 50000000);
    b.disbursed = b.cash / 100 * dice_between(&d, 0, 100);
    b.disbursement_known = !quirks_chance(p->quirks, QUIRK_NO_DISBURSEMENT, c->business_area, doc->hash);
    if (quirks_chance(p->quirks, QUIRK_LARGE_AMOUNTS, c->business_area, doc->hash))
        b.cash += 1234567890123;
    return b;
}

static void write_budget(const struct pmp_country *c, const struct budget *b, struct text *out)
{
    write_money(out, "cso_budget", b->cso);
    write_text(out, "cso_budget_currency", c->currency);
    write_money(out, "unicef_budget", b->cash + b->supplies);
    write_text(out, "unicef_budget_currency", c->currency);
}

/* "-1.0" is the real server's word for "the currencies are mixed". */
static void write_spending(const struct document *doc, const struct budget *b, struct text *out)
{
    write_money(out, "unicef_budget_cash", b->cash);
    write_money(out, "unicef_budget_supplies", b->supplies);
    if (b->disbursement_known) {
        int64_t tenths = b->disbursed / (b->cash / 1000 + 1);
        write_money(out, "disbursement", b->disbursed);
        write_textf(out, "disbursement_percent", "%" PRId64 ".%d", tenths / 10, (int)(tenths % 10));
    } else {
        write_null(out, "disbursement");
        write_text(out, "disbursement_percent", doc->hash % 2 ? "-1.0" : NULL);
    }
}

static void write_offices(const struct pmp_country *c, const struct document *doc, struct text *out)
{
    struct place place;
    write_open(out, "offices", '[');
    for (uint64_t i = 0; i < doc->hash % 3; i++) {
        place_at(c, 2 + (int64_t)((doc->hash / 3 + i) % (uint64_t)c->regions), &place);
        write_text(out, NULL, place.name);
    }
    write_close(out, ']');
}

static void write_title(const struct pmp_country *c, const struct document *doc, int64_t changes, struct text *out)
{
    struct place place;
    char title[TITLE_MAX_LENGTH];
    place_at(c, doc->place, &place);
    title_document(doc->hash, place.name, title, sizeof title);
    if (changes > 0)
        write_textf(out, "title", "%s (change %" PRId64 ")", title, changes);
    else
        write_text(out, "title", title);
}

static void write_head(const struct pmp_country *c, const struct document *doc, int64_t changes, struct text *out)
{
    write_int(out, "id", doc->id);
    write_title(c, doc, changes, out);
    write_text(out, "document_type", doc->type);
    write_text(out, "business_area_code", c->business_area);
    write_offices(c, doc, out);
    write_text(out, "number", doc->number);
    write_text(out, "status", doc->status);
    write_int(out, "workspace", c->id);
}

static void write_government(const struct pmp *p, const struct pmp_country *c, const struct document *doc,
                             struct text *out)
{
    if (!doc->government)
        return;
    write_open(out, "locations", '[');
    place_write_reference(p, c, doc->place, false, out);
    write_close(out, ']');
    write_bool(out, "has_signed_document", doc->hash % 2);
}

void document_write(const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind, const struct pmp_row *row,
                    struct text *out)
{
    struct document doc;
    document_read(p, c, kind, row, &doc);
    struct budget budget = roll_budget(p, c, &doc);
    write_open(out, NULL, '{');
    write_head(c, &doc, row->changes, out);
    partner_write(p, c, doc.partner, "partner_org", out);
    periods_write_special(&doc, out);
    write_sections(&doc, out);
    write_text(out, "agreement", doc.agreement_number);
    write_persons(p, c, &doc, "unicef_focal_points", out);
    write_persons(p, c, &doc, "agreement_auth_officers", out);
    write_persons(p, c, &doc, "focal_points", out);
    write_day("start_date", doc.start, out);
    write_day("end_date", doc.end, out);
    write_budget(c, &budget, out);
    periods_write(&doc, out);
    results_write(p, c, &doc, out);
    write_moment(out, "update_date", row->updated_at);
    write_amendments(p, c, &doc, out);
    write_spending(&doc, &budget, out);
    write_government(p, c, &doc, out);
    write_close(out, '}');
}
