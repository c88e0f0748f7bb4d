/* place: country, regions, districts, towns. */
#include "sandbox/pmp/place.h"

#include "sandbox/dice.h"
#include "sandbox/pmp/names.h"
#include "sandbox/write.h"
#include <stdio.h>
#include <string.h>

static const char *const level_names[PLACE_LEVELS] = {"Country", "Region", "District", "Town"};

int place_count(const struct pmp_country *c)
{
    return 1 + c->regions * (1 + c->districts * (1 + c->towns));
}

/* Where the level begins: ids are 1 for the country, then all regions, all districts, all towns. */
static int64_t level_start(const struct pmp_country *c, int level)
{
    int64_t start = 1, width = 1;
    const int below[PLACE_LEVELS] = {c->regions, c->districts, c->towns, 0};
    for (int i = 0; i < level; i++) {
        start += width;
        width *= below[i];
    }
    return start;
}

static int children(const struct pmp_country *c, int level)
{
    return level == 1 ? c->regions : level == 2 ? c->districts : c->towns;
}

static void make_code(const struct pmp_country *c, struct place *place, int64_t index)
{
    struct place above = {.p_code = ""};
    if (place->parent == 0) {
        snprintf(place->p_code, sizeof place->p_code, "%.2s", c->short_code);
        return;
    }
    place_at(c, place->parent, &above);
    unsigned char number = (unsigned char)(index % children(c, place->level) + 1);
    snprintf(place->p_code, sizeof place->p_code, "%.*s%02u", PLACE_CODE_MAX - 4, above.p_code, number);
}

void place_at(const struct pmp_country *c, int64_t id, struct place *out)
{
    int level = PLACE_LEVELS - 1;
    while (level > 0 && id < level_start(c, level))
        level--;
    int64_t index = id - level_start(c, level);
    *out = (struct place){.id = id, .level = level};
    if (level == 0) {
        snprintf(out->name, sizeof out->name, "%s", c->name);
    } else {
        out->parent = level_start(c, level - 1) + index / children(c, level);
        name_place(pmp_hash(c, "place", id), out->name, sizeof out->name);
    }
    make_code(c, out, index);
}

/* Only at the lowest level, so that nothing odd is anybody's parent. */
static bool is_odd(const struct pmp *p, const struct pmp_country *c, const struct place *place)
{
    return place->level == PLACE_LEVELS - 1 &&
           quirks_chance(p->quirks, QUIRK_ODD_LOCATIONS, c->business_area, pmp_hash(c, "odd place", place->id));
}

static void write_identity(const struct pmp *p, const struct pmp_country *c, const struct place *place,
                           struct text *out)
{
    bool odd = is_odd(p, c, place), no_level = odd && place->id % 2;
    write_int(out, "id", place->id);
    write_text(out, "name", place->name);
    write_text(out, "p_code", odd && !no_level ? NULL : place->p_code);
    write_text(out, "admin_level_name", level_names[place->level]);
    if (no_level)
        write_null(out, "admin_level");
    else
        write_int(out, "admin_level", place->level);
}

static void write_parent(const struct pmp_country *c, const struct place *place, const char *key, struct text *out)
{
    struct place above;
    if (place->parent == 0) {
        write_null(out, key);
        return;
    }
    place_at(c, place->parent, &above);
    write_text(out, key, above.p_code);
}

void place_write_reference(const struct pmp *p, const struct pmp_country *c, int64_t id, bool with_parent,
                           struct text *out)
{
    struct place place;
    place_at(c, id, &place);
    write_open(out, NULL, '{');
    write_identity(p, c, &place, out);
    if (with_parent)
        write_parent(c, &place, "parent_pcode", out);
    write_close(out, '}');
}

/* A square around the point: as much geometry as a client needs to see some. */
static void write_geometry(double x, double y, double half, struct text *out)
{
    text_printf(out,
                ",\"geom\":{\"type\":\"MultiPolygon\",\"coordinates\":[[[[%.5f,%.5f],[%.5f,%.5f],[%.5f,%.5f],[%.5f,%."
                "5f],[%.5f,%.5f]]]]}",
                x - half, y - half, x + half, y - half, x + half, y + half, x - half, y + half, x - half, y - half);
    text_printf(out, ",\"point\":{\"type\":\"Point\",\"coordinates\":[%.5f,%.5f]}", x, y);
}

static void write_shape(const struct pmp_country *c, const struct place *place, struct text *out)
{
    struct dice d = dice_new(pmp_hash(c, "shape", place->id));
    double half = 2.0 / (1 << (2 * place->level));
    double x = (double)(c->longitude + dice_between(&d, -1500000, 1500000)) / 1e6;
    double y = (double)(c->latitude + dice_between(&d, -1500000, 1500000)) / 1e6;
    if (dice_percent(&d, 10)) {
        write_null(out, "geom");
        write_null(out, "point");
    } else {
        write_geometry(x, y, half, out);
    }
}

void place_write(const struct pmp *p, const struct pmp_country *c, const struct pmp_row *row, struct text *out)
{
    struct place place;
    place_at(c, row->id, &place);
    write_open(out, NULL, '{');
    write_identity(p, c, &place, out);
    write_parent(c, &place, "parent_p_code", out);
    write_shape(c, &place, out);
    write_close(out, '}');
}
