/* place: strips of a country that lies between 10 and 40 degrees east; each place divides into `parts` of the next level. The
 * places of the lowest level are points. */
#include "sandbox/carto/place.h"

#include "sandbox/dice.h"
#include "sandbox/pmp/names.h"
#include "sandbox/write.h"
#include <inttypes.h>

enum { ID_STEP = 7 }; /* one id in so many is missing */

static int64_t parts(const struct carto *c, int level)
{
    static const int64_t small[CARTO_LEVELS] = {1, 4, 5, 6}, full[CARTO_LEVELS] = {1, 16, 24, 30};
    return (c->full ? full : small)[level];
}

int64_t place_rows(const struct carto *c, int level)
{
    int64_t rows = 1;
    for (int i = 0; i <= level; i++)
        rows *= parts(c, i);
    return rows;
}

int64_t place_row_id(int64_t n)
{
    return 1 + n + n / (ID_STEP - 1);
}

/* Digits, so that it may be a number too: 1, 101, 10101. A hundredth of it is its parent's. */
static int64_t code_of(const struct carto *c, int level, int64_t n)
{
    int64_t code = 0, scale = 1;
    for (; level > 0; level--, scale *= 100) {
        code += scale * (1 + n % parts(c, level));
        n /= parts(c, level);
    }
    return scale + code;
}

static void write_code(const struct carto *c, const struct occasion *o, const char *key, int64_t code, struct text *out)
{
    if (quirks_marks(c->quirks, QUIRK_NUMERIC_CODES, o))
        write_int(out, key, code);
    else
        write_textf(out, key, "SB%" PRId64, code);
}

/* A strip of the country, a bad one with a ring that does not end where it began. */
static void write_strip(double x, double width, bool bad, struct text *out)
{
    text_printf(out, "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[%.6f,10.5],[%.6f,10.5],[%.6f,12.25],[%.6f,%s]]]]}", x, x + width, x + width, x,
                bad ? "11.5" : "10.5");
}

static void write_shape(const struct carto *c, int level, int64_t n, bool bad, struct text *out)
{
    double width = 30.0 / (double)place_rows(c, level), x = 10 + width * (double)n;
    struct text shape = {0};
    if (level == CARTO_LEVELS - 1 && !bad)
        text_printf(&shape, "{\"type\":\"Point\",\"coordinates\":[%.6f,11.25]}", x + width / 2);
    else
        write_strip(x, width, bad, &shape);
    write_text(out, "the_geom", bad && n % 2 == 1 ? NULL : text_str(&shape));
    text_free(&shape);
}

void place_row_write(const struct carto *c, int level, int64_t n, bool parent, struct text *out)
{
    char name[NAME_MAX_LENGTH];
    const struct occasion o = {.offset = -1, .id = place_row_id(n)};
    int64_t code = code_of(c, level, n);
    name_place(dice_hash(c->seed, (uint64_t)level, (uint64_t)n, 0), name, sizeof name);
    write_open(out, NULL, '{');
    write_shape(c, level, n, quirks_marks(c->quirks, QUIRK_BAD_SHAPES, &o), out);
    write_text(out, "name", quirks_marks(c->quirks, QUIRK_BLANK_PLACES, &o) ? "  " : name);
    bool repeated = n > 0 && quirks_marks(c->quirks, QUIRK_REPEATED_CODES, &o);
    write_code(c, &o, "pcode", repeated ? code_of(c, level, n - 1) : code, out);
    if (parent)
        write_code(c, &o, "parent_pcode", quirks_marks(c->quirks, QUIRK_LOST_PARENTS, &o) ? 999999 : code / 100, out);
    write_close(out, '}');
}
