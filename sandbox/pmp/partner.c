/* partner: some belong to one country, some are international and the same in several. */
#include "sandbox/pmp/partner.h"

#include "sandbox/dice.h"
#include "sandbox/write.h"
#include <inttypes.h>
#include <stdio.h>

enum { PARTNER_GOVERNMENT_EVERY = 5 };

bool partner_is_government(const struct pmp_country *c, int64_t id)
{
    return pmp_hash(c, "government", id) % PARTNER_GOVERNMENT_EVERY == 0;
}

/* An international partner is rolled from its number alone, so that every country describes it alike. */
static bool is_shared(const struct pmp *p, const struct pmp_country *c, int64_t id)
{
    return !partner_is_government(c, id) &&
           quirks_chance(p->quirks, QUIRK_SHARED_VENDORS, c->business_area, pmp_hash(c, "shared", id));
}

static uint64_t partner_hash(const struct pmp *p, const struct pmp_country *c, int64_t id)
{
    return is_shared(p, c, id) ? dice_hash(p->seed, dice_hash_text(0, "international"), (uint64_t)(id - 1) / 2, 0)
                               : pmp_hash(c, "partner", id);
}

static void make_name(uint64_t hash, bool government, const struct pmp_country *c, char out[static NAME_MAX_LENGTH])
{
    if (government)
        name_ministry(hash, c->name, out, NAME_MAX_LENGTH);
    else
        name_organisation(hash, out, NAME_MAX_LENGTH);
}

void partner_name(const struct pmp *p, const struct pmp_country *c, int64_t id, bool government,
                  char out[static NAME_MAX_LENGTH])
{
    make_name(partner_hash(p, c, id), government, c, out);
}

static void write_vendor(const struct pmp *p, const struct pmp_country *c, int64_t id, uint64_t hash, struct text *out)
{
    if (!is_shared(p, c, id) && quirks_chance(p->quirks, QUIRK_NO_VENDOR, c->business_area, pmp_hash(c, "vendor", id)))
        write_text(out, "unicef_vendor_number", id % 2 ? NULL : "");
    else
        write_textf(out, "unicef_vendor_number", "25%08" PRIu64, hash % 100000000);
}

static void write_amount(const char *key, bool large, struct dice *d, struct text *out)
{
    int64_t cents = dice_between(d, 0, 900000000);
    if (dice_percent(d, 5))
        write_null(out, key);
    else
        write_money(out, key, large ? 1000000000000 + cents : cents);
}

static void write_risk(struct dice *d, int64_t today, struct text *out)
{
    static const char *const ratings[] = {"Low", "Medium", "Significant", "High", "Not Required", NULL};
    static const char *const sea[] = {"Full capacity", "Medium capacity", "Low capacity", "Not Assessed", ""};
    const char *rating = ratings[dice_roll(d, 6)], *capacity = sea[dice_roll(d, 5)];
    static const char *const assessments[] = {"Micro Assessment", "Simplified Checklist", "High Risk Assumed", NULL};
    write_text(out, "basis_for_risk_rating", "");
    if (dice_percent(d, 60))
        write_date(out, "core_values_assessment_date", today - dice_between(d, 30, 1500));
    else
        write_null(out, "core_values_assessment_date");
    write_text(out, "type_of_assessment", assessments[dice_roll(d, 4)]);
    write_text(out, "sea_risk_rating_name", capacity);
    if (dice_percent(d, 80))
        write_textf(out, "psea_assessment_date", "20%02d-02-01T00:00:00Z", (int)dice_between(d, 19, 24));
    else
        write_null(out, "psea_assessment_date");
    write_text(out, "highest_risk_rating_name", rating ? rating : "");
    write_text(out, "highest_risk_rating_type", rating ? "hact" : "");
    write_text(out, "rating", rating);
}

static void write_address(const struct pmp_country *c, uint64_t hash, struct dice *d, struct text *out)
{
    char city[NAME_MAX_LENGTH];
    name_place(hash ^ 1, city, sizeof city);
    write_text(out, "street_address", "");
    write_textf(out, "address", "%d %s Road", (int)dice_between(d, 1, 300), city);
    write_text(out, "city", dice_percent(d, 10) ? NULL : city);
    if (dice_percent(d, 50))
        write_null(out, "postal_code");
    else
        write_textf(out, "postal_code", "%04d", (int)dice_between(d, 100, 9999));
    write_text(out, "country", c ? c->name : "International");
    write_textf(out, "email", "office-%" PRIu64 "@partner.example.org", hash % 1000000);
    write_textf(out, "phone_number", "+%" PRIu64, 100000000 + hash % 900000000);
}

static void write_names(const char *name, bool government, bool international, int64_t changes, struct text *out)
{
    char initials[NAME_MAX_LENGTH];
    name_initials(name, initials, sizeof initials);
    write_text(out, "short_name", initials);
    if (changes > 0)
        write_textf(out, "name", "%s (renamed %" PRId64 ")", name, changes);
    else
        write_text(out, "name", name);
    write_text(out, "alternate_name", "");
    write_text(out, "partner_type", government ? "Government" : "Civil Society Organization");
    write_text(out, "cso_type", government ? NULL : international ? "International" : "National");
}

void partner_write(const struct pmp *p, const struct pmp_country *c, int64_t id, const char *key, struct text *out)
{
    const struct pmp_row *row = pmp_row(c, PMP_PARTNERS, id);
    bool government = partner_is_government(c, id), shared = is_shared(p, c, id);
    const struct occasion o = {.workspace = c->business_area, .offset = -1, .id = id};
    uint64_t hash = partner_hash(p, c, id);
    struct dice d = dice_new(hash);
    struct dice amounts =
        dice_new(quirks_marks(p->quirks, QUIRK_VENDOR_DIFFERS, &o) ? pmp_hash(c, "amounts", id) : ~hash);
    bool large = quirks_chance(p->quirks, QUIRK_LARGE_AMOUNTS, c->business_area, hash);
    int64_t today = p->today / DAYS(1);
    char name[NAME_MAX_LENGTH];
    make_name(hash, government, c, name);
    write_open(out, key, '{');
    write_int(out, "id", id);
    write_vendor(p, c, id, hash, out);
    write_names(name, government, shared, row ? row->changes : 0, out);
    write_address(shared ? NULL : c, hash, &d, out);
    write_amount("total_ct_cp", large, &amounts, out);
    write_amount("total_ct_cy", false, &amounts, out);
    if (dice_percent(&d, 70))
        write_date(out, "last_assessment_date", today - dice_between(&d, 30, 2000));
    else
        write_null(out, "last_assessment_date");
    write_risk(&d, today, out);
    write_close(out, '}');
}
