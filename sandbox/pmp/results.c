/* results: one result link a country programme output, lower outputs below it, indicators below those. */
#include "sandbox/pmp/results.h"

#include "sandbox/dice.h"
#include "sandbox/pmp/names.h"
#include "sandbox/pmp/place.h"
#include "sandbox/write.h"
#include <inttypes.h>

/* Ids of children are parts of the document's range, so that they are unique in the country. */
enum {
    LINKS_MAX = 3,
    OUTPUTS_MAX = 12,
    INDICATORS_MAX = 500,
    CP_OUTPUTS = 12,
    CP_OUTPUT_FIRST = 200,
    BLUEPRINTS_SHARED = 30,
    LARGE_EVERY = 40
};

static void write_value(const struct pmp *p, const struct pmp_country *c, uint64_t hash, int64_t number,
                        struct text *out)
{
    if (!quirks_chance(p->quirks, QUIRK_ODD_TARGETS, c->business_area, hash)) {
        write_int(out, "v", number);
        return;
    }
    switch (hash % 5) {
    case 0:
        write_null(out, "v");
        break;
    case 1:
        write_text(out, "v", "None");
        break;
    case 2:
        write_textf(out, "v", "%" PRId64 ",%03" PRId64, 1 + number / 1000, number % 1000);
        break;
    case 3:
        write_textf(out, "v", "%" PRId64 ".5", number);
        break;
    default:
        write_textf(out, "v", "%" PRId64, number);
    }
}

static void write_goal(const struct pmp *p, const struct pmp_country *c, const char *key, bool percentage,
                       uint64_t hash, struct text *out)
{
    struct dice d = dice_new(hash);
    write_open(out, key, '{');
    write_int(out, "d", percentage ? 100 : 1);
    write_value(p, c, hash, percentage ? dice_between(&d, 0, 100) : dice_between(&d, 0, 5000), out);
    write_close(out, '}');
}

static void write_locations(const struct pmp *p, const struct pmp_country *c, const struct document *doc, uint64_t hash,
                            struct text *out)
{
    bool with_parent = !quirks_chance(p->quirks, QUIRK_NO_PARENT, c->business_area, hash);
    struct dice d = dice_new(hash);
    int64_t count = dice_between(&d, 1, 5), places = place_count(c), step = 1 + (int64_t)dice_roll(&d, 7);
    int64_t id = doc->place + (int64_t)dice_roll(&d, (uint64_t)places);
    write_open(out, "locations", '[');
    for (int64_t i = 0; i < count && i * step < places; i++)
        place_write_reference(p, c, 1 + (id + i * step) % places, with_parent, out);
    write_close(out, ']');
}

static const struct disaggregation {
    const char *name;
    const char *values[6];
} disaggregations[] = {
    {"Sex", {"Girls", "Boys", "Not stated"}},
    {"Age", {"0-4", "5-9", "10-14", "15-17", "18+"}},
    {"Disability", {"With disability", "Without disability"}},
    {"Displacement", {NULL}},
};

enum { DISAGGREGATION_EMPTY = 3, DISAGGREGATION_VALUES = 10 };

static void write_disaggregation(size_t index, struct text *out)
{
    const struct disaggregation *d = &disaggregations[index];
    write_open(out, NULL, '{');
    write_int(out, "id", (int64_t)index + 1);
    write_text(out, "name", d->name);
    write_open(out, "disaggregation_values", '[');
    for (size_t i = 0; d->values[i]; i++) {
        write_open(out, NULL, '{');
        write_text(out, "value", d->values[i]);
        write_bool(out, "active", index != 0 || i != 2);
        write_int(out, "id", (int64_t)(index * DISAGGREGATION_VALUES + i) + 1);
        write_close(out, '}');
    }
    write_close(out, ']');
    write_close(out, '}');
}

static void write_disaggregations(const struct pmp *p, const struct pmp_country *c, uint64_t hash, struct text *out)
{
    write_open(out, "disaggregation", '[');
    for (size_t i = 0; i < DISAGGREGATION_EMPTY; i++)
        if ((hash >> (8 + i)) % 4 == 0)
            write_disaggregation(i, out);
    if (quirks_chance(p->quirks, QUIRK_EMPTY_DISAGGREGATIONS, c->business_area, hash))
        write_disaggregation(DISAGGREGATION_EMPTY, out);
    write_close(out, ']');
}

struct indicator {
    int64_t id, blueprint;
    uint64_t hash, meaning; /* the meaning is the blueprint's: title and unit follow from it */
    bool percentage;
};

/* Some indicators share a blueprint of the country's library, most have one of their own. */
static struct indicator indicator_at(const struct pmp_country *c, const struct document *doc, int64_t number)
{
    struct indicator it = {.id = doc->id * INDICATORS_MAX + number};
    it.hash = pmp_hash(c, "indicator", it.id);
    it.blueprint = it.hash % 4 ? 1000 + it.id : 1 + (int64_t)(it.hash / 4 % BLUEPRINTS_SHARED);
    it.meaning = pmp_hash(c, "blueprint", it.blueprint);
    it.percentage = it.meaning % 3 == 0;
    return it;
}

static void write_unit(const struct pmp *p, const struct pmp_country *c, const struct indicator *it, struct text *out)
{
    const char *unit = it->percentage ? "percentage" : "number";
    if (quirks_chance(p->quirks, QUIRK_EMPTY_UNITS, c->business_area, it->meaning))
        write_text(out, "unit", "");
    else
        write_text(out, "unit", unit);
    write_text(out, "display_type", it->percentage && it->meaning % 2 ? "ratio" : unit);
}

static void write_indicator(const struct pmp *p, const struct pmp_country *c, const struct document *doc,
                            int64_t number, struct text *out)
{
    struct indicator it = indicator_at(c, doc, number);
    char title[TITLE_MAX_LENGTH];
    title_indicator(it.meaning, it.percentage, title, sizeof title);
    write_open(out, NULL, '{');
    write_int(out, "id", it.id);
    write_text(out, "title", title);
    write_int(out, "blueprint_id", it.blueprint);
    if (it.hash % 9)
        write_null(out, "cluster_indicator_id");
    else
        write_int(out, "cluster_indicator_id", (int64_t)(it.hash / 9 % 5000));
    write_text(out, "means_of_verification", text_verification(it.hash / 3));
    write_goal(p, c, "baseline", it.percentage, dice_hash(it.hash, 1, 0, 0), out);
    write_goal(p, c, "target", it.percentage, dice_hash(it.hash, 2, 0, 0), out);
    write_locations(p, c, doc, it.hash, out);
    write_disaggregations(p, c, it.hash, out);
    write_bool(out, "is_high_frequency", it.hash / 5 % 4 == 0);
    write_bool(out, "is_active", it.hash / 6 % 12 != 0);
    write_text(out, "numerator_label", it.percentage ? "reached" : it.hash % 2 ? "" : NULL);
    write_text(out, "denominator_label", it.percentage ? "in need" : it.hash % 2 ? "" : NULL);
    write_unit(p, c, &it, out);
    write_close(out, '}');
}

static int64_t indicator_count(const struct document *doc, struct dice *d)
{
    bool large = doc->hash % LARGE_EVERY == 0;
    if (doc->government)
        return 0;
    return large ? dice_between(d, 15, INDICATORS_MAX / OUTPUTS_MAX) : dice_between(d, 0, 5);
}

static void write_output(const struct pmp *p, const struct pmp_country *c, const struct document *doc, int64_t number,
                         int64_t link, int64_t *indicators, struct text *out)
{
    int64_t id = doc->id * OUTPUTS_MAX + number;
    int64_t cp_output = CP_OUTPUT_FIRST + (int64_t)((doc->hash + (uint64_t)link) % CP_OUTPUTS);
    struct dice d = dice_new(pmp_hash(c, "output", id));
    char title[TITLE_MAX_LENGTH];
    title_output(d.state, (int)number + 1, title, sizeof title);
    write_open(out, NULL, '{');
    write_int(out, "id", id);
    write_text(out, "title", title);
    write_int(out, "result_link", doc->id * LINKS_MAX + link);
    write_open(out, "cp_output", '{');
    write_int(out, "id", cp_output);
    write_text(out, "title", title_cp_output(pmp_hash(c, "cp output", cp_output)));
    write_close(out, '}');
    write_open(out, "indicators", '[');
    for (int64_t i = indicator_count(doc, &d); i > 0; i--)
        write_indicator(p, c, doc, (*indicators)++, out);
    write_close(out, ']');
    write_close(out, '}');
}

void results_write(const struct pmp *p, const struct pmp_country *c, const struct document *doc, struct text *out)
{
    struct dice d = dice_new(dice_hash(doc->hash, 3, 0, 0));
    int64_t links = doc->government ? dice_between(&d, 0, 1) : dice_between(&d, 1, LINKS_MAX), number = 0,
            indicators = 0;
    write_open(out, "expected_results", '[');
    for (int64_t link = 0; link < links; link++)
        for (int64_t i = dice_between(&d, 1, OUTPUTS_MAX / LINKS_MAX); i > 0; i--)
            write_output(p, c, doc, number++, link, &indicators, out);
    write_close(out, ']');
}
