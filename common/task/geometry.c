/* geometry: one function a level of nesting: position, ring, polygon, polygons. */
#include "common/task/geometry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RING_POINTS_MIN = 4 };

struct walk {
    const struct place *place;
    struct text *out;
    struct err *e;
};

static bool refuse(const struct walk *w, const char *why)
{
    return record_refuse(w->place, NULL, w->e, "%s", why);
}

/* The shortest text that reads back as the same number. */
static void write_number(struct text *out, const struct js *value, double number)
{
    int64_t whole;
    char text[32];
    if (js_integer(value, &whole)) {
        text_printf(out, "%" PRId64, whole);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    text_puts(out, text);
}

static bool write_position(const struct walk *w, const struct js *position)
{
    double x, y;
    if (!js_number(js_at(position, 0), &x) || !js_number(js_at(position, 1), &y))
        return refuse(w, "a position that is not two numbers");
    if (!(x >= -180 && x <= 180 && y >= -90 && y <= 90))
        return refuse(w, "a position that is not on earth");
    text_putc(w->out, '[');
    write_number(w->out, js_at(position, 0), x);
    text_putc(w->out, ',');
    write_number(w->out, js_at(position, 1), y);
    text_putc(w->out, ']');
    return true;
}

static bool same_position(const struct js *a, const struct js *b)
{
    double numbers[4] = {0};
    return js_number(js_at(a, 0), &numbers[0]) && js_number(js_at(a, 1), &numbers[1]) &&
           js_number(js_at(b, 0), &numbers[2]) && js_number(js_at(b, 1), &numbers[3]) && numbers[0] == numbers[2] &&
           numbers[1] == numbers[3];
}

static bool write_each(const struct walk *w, const struct js *array,
                       bool (*write)(const struct walk *w, const struct js *element))
{
    text_putc(w->out, '[');
    for (size_t i = 0; i < js_count(array); i++) {
        text_puts(w->out, i ? "," : "");
        if (!write(w, js_at(array, i)))
            return false;
    }
    text_putc(w->out, ']');
    return !w->out->cut || err_set(w->e, ERR_LIMIT, "a geometry of more than %d bytes", GEOMETRY_BYTES_MAX);
}

static bool write_ring(const struct walk *w, const struct js *ring)
{
    size_t count = js_count(ring);
    if (js_type(ring) != JS_ARRAY || count < RING_POINTS_MIN)
        return refuse(w, "a ring of fewer than four positions");
    if (!same_position(js_at(ring, 0), js_at(ring, count - 1)))
        return refuse(w, "a ring that is not closed");
    return write_each(w, ring, write_position);
}

static bool write_polygon(const struct walk *w, const struct js *polygon)
{
    return js_count(polygon) > 0 ? write_each(w, polygon, write_ring) : refuse(w, "a polygon without a ring");
}

static bool write_polygons(const struct walk *w, const struct js *polygons)
{
    return js_count(polygons) > 0 ? write_each(w, polygons, write_polygon) : refuse(w, "no polygon");
}

static bool write_one_polygon(const struct walk *w, const struct js *polygon)
{
    text_putc(w->out, '[');
    bool good = write_polygon(w, polygon);
    text_putc(w->out, ']');
    return good;
}

static const struct shape {
    const char *type, *written;
    int depth; /* of the arrays around the numbers */
    enum geometry kind;
    bool (*write)(const struct walk *w, const struct js *coordinates);
} shapes[] = {
    {"Point", "Point", 1, GEOMETRY_POINT, write_position},
    {"Polygon", "MultiPolygon", 3, GEOMETRY_AREA, write_one_polygon},
    {"MultiPolygon", "MultiPolygon", 4, GEOMETRY_AREA, write_polygons},
    {0},
};

static int depth_of(const struct js *array)
{
    int depth = 0;
    for (; js_type(array) == JS_ARRAY; array = js_at(array, 0))
        depth++;
    return depth;
}

static bool write_shape(const struct shape *shape, const struct js *coordinates, const struct place *place,
                        enum geometry *kind, struct text *out, struct err *e)
{
    const struct walk walk = {place, out, e};
    out->max = GEOMETRY_BYTES_MAX;
    text_printf(out, "{\"type\":\"%s\",\"coordinates\":", shape->written);
    if (!shape->write(&walk, coordinates))
        return false;
    text_putc(out, '}');
    *kind = shape->kind;
    return true;
}

bool geometry_read(const struct js *geometry, const struct place *place, enum geometry *kind, struct text *out,
                   struct err *e)
{
    const char *type = js_text(js_get(geometry, "type"));
    *kind = GEOMETRY_NONE;
    if (js_is_null(geometry))
        return true;
    for (const struct shape *shape = shapes; type && shape->type; shape++)
        if (strcmp(shape->type, type) == 0)
            return write_shape(shape, js_get(geometry, "coordinates"), place, kind, out, e);
    return record_refuse(place, NULL, e, "%.40s is neither Point nor Polygon nor MultiPolygon",
                         type ? type : js_type_name(js_type(geometry)));
}

bool geometry_read_coordinates(const struct js *coordinates, const struct place *place, enum geometry *kind,
                               struct text *out, struct err *e)
{
    int depth = depth_of(coordinates);
    *kind = GEOMETRY_NONE;
    if (js_is_null(coordinates))
        return true;
    for (const struct shape *shape = shapes; shape->type; shape++)
        if (shape->depth == depth)
            return write_shape(shape, coordinates, place, kind, out, e);
    return record_refuse(place, NULL, e, "coordinates that are neither of a point nor of polygons");
}
