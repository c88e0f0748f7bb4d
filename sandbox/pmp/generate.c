/* generate: which countries there are, how large each is, and the ids of what is in them. */
#include "sandbox/pmp/names.h"
#include "sandbox/pmp/place.h"
#include "sandbox/pmp/world.h"

#include "sandbox/dice.h"
#include <stdio.h>
#include <string.h>

enum {
    GOVERNMENT_FIRST = 3000,
    SMALL_COUNTRIES = 4,
    FULL_COUNTRIES = 45,
    FULL_DOCUMENTS = 3118,
    FULL_FIRST = 523,
    FULL_SECOND = 322
};

/* Documents of the n-th country. The full scale has the volume seen in production in 2018: two large countries and a
 * long tail that adds up; the tail falls off linearly. */
static int document_count(enum pmp_scale scale, int n)
{
    static const int small[SMALL_COUNTRIES] = {40, 24, 12, 5};
    const int tail = FULL_COUNTRIES - 2, rest = FULL_DOCUMENTS - FULL_FIRST - FULL_SECOND;
    const int all = tail * 60 - tail * (tail - 1) / 2;
    if (scale == PMP_SMALL)
        return small[n];
    if (n < 2)
        return n ? FULL_SECOND : FULL_FIRST;
    int before = (n - 2) * 60 - (n - 2) * (n - 3) / 2, with = (n - 1) * 60 - (n - 1) * (n - 2) / 2;
    return rest * with / all - rest * before / all;
}

static usec_t roll_update(const struct pmp *p, struct dice *d)
{
    return p->today - HOURS(1) - (usec_t)dice_roll(d, DAYS(300));
}

/* Ids with gaps, as in a database that has seen deletions. */
static void add_rows(const struct pmp *p, struct pmp_country *c, enum pmp_kind kind, int64_t count, int64_t first,
                     int64_t gap)
{
    struct dice d = dice_new(pmp_hash(c, "rows", kind));
    for (int64_t i = 0; i < count; i++) {
        struct pmp_row *row = pmp_add_row(c, kind, first + i * gap + (int64_t)dice_roll(&d, (uint64_t)gap));
        row->updated_at = roll_update(p, &d);
    }
}

/* Two letters that ISO 3166 gives to no country: "QB" to "QZ", then "XA" to "XZ". */
static void make_codes(struct pmp_country *c, int n)
{
    static const char *const currencies[] = {"USD", "XOF", "KES", "LBP", "PHP", "XAF"};
    char letters[3] = {n < 25 ? 'Q' : 'X', n < 25 ? (char)('B' + n) : (char)('A' + n - 25), '\0'};
    snprintf(c->short_code, sizeof c->short_code, "%s", letters);
    snprintf(c->iso3, sizeof c->iso3, "%s%c", letters, c->name[0]);
    snprintf(c->business_area, sizeof c->business_area, "%04d", 160 + 90 * n);
    snprintf(c->currency, sizeof c->currency, "%s", currencies[n % 6]);
}

static void add_country(struct pmp *p, int n)
{
    struct pmp_country *c = pmp_add_country(p);
    int documents = document_count(p->scale, n);
    c->hash = dice_hash(p->seed, (uint64_t)n, 0, 0);
    struct dice d = dice_new(c->hash);
    name_place(c->hash, c->name, sizeof c->name);
    make_codes(c, n);
    c->latitude = dice_between(&d, -35000000, 60000000);
    c->longitude = dice_between(&d, -99000000, 99000000);
    c->regions = (int)dice_between(&d, 3, 8);
    c->districts = (int)dice_between(&d, 2, 5);
    c->towns = (int)dice_between(&d, 2, 4);
    c->partners_generated = documents / 3 + 4;
    add_rows(p, c, PMP_PARTNERS, c->partners_generated, 1, 2);
    add_rows(p, c, PMP_DOCUMENTS, documents, 40, 3);
    add_rows(p, c, PMP_GOVERNMENT, documents / 5 + 1, GOVERNMENT_FIRST, 2);
    add_rows(p, c, PMP_LOCATIONS, place_count(c), 1, 1);
}

void pmp_generate(struct pmp *p)
{
    int countries = p->scale == PMP_FULL ? FULL_COUNTRIES : SMALL_COUNTRIES;
    for (int n = 0; n < countries; n++)
        add_country(p, n);
}
