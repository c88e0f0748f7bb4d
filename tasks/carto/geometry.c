/* geometry: walk down to the positions and look at each. */
#include "tasks/carto/carto.h"

#include <math.h>
#include <string.h>

enum { RING_POSITIONS_MIN = 4 };

static bool check_position(const struct js *position, struct err *e)
{
    double x, y;
    if (js_count(position) < 2 || js_count(position) > 3 || !js_number(js_at(position, 0), &x) || !js_number(js_at(position, 1), &y))
        return err_set(e, ERR_DATA, "the_geom: a position is not two or three numbers");
    return (fabs(x) <= 180 && fabs(y) <= 90) || err_set(e, ERR_DATA, "the_geom: %g %g is not on the earth", x, y);
}

static bool same(const struct js *a, const struct js *b)
{
    double x, y;
    for (size_t i = 0; i < 2; i++)
        if (!js_number(js_at(a, i), &x) || !js_number(js_at(b, i), &y) || x != y)
            return false;
    return true;
}

static bool check_ring(const struct js *ring, struct err *e)
{
    size_t count = js_count(ring);
    if (js_type(ring) != JS_ARRAY || count < RING_POSITIONS_MIN)
        return err_set(e, ERR_DATA, "the_geom: a ring of %zu positions", count);
    for (size_t i = 0; i < count; i++)
        if (!check_position(js_at(ring, i), e))
            return false;
    return same(js_at(ring, 0), js_at(ring, count - 1)) || err_set(e, ERR_DATA, "the_geom: a ring that does not end where it began");
}

static bool check_polygon(const struct js *polygon, struct err *e)
{
    for (size_t i = 0; i < js_count(polygon); i++)
        if (!check_ring(js_at(polygon, i), e))
            return false;
    return js_count(polygon) > 0 || err_set(e, ERR_DATA, "the_geom: a polygon without rings");
}

static bool check_polygons(const struct js *polygons, struct err *e)
{
    for (size_t i = 0; i < js_count(polygons); i++)
        if (!check_polygon(js_at(polygons, i), e))
            return false;
    return true;
}

static const struct {
    const char *type;
    bool (*check)(const struct js *coordinates, struct err *e);
} shapes[] = {{"Point", check_position}, {"Polygon", check_polygon}, {"MultiPolygon", check_polygons}};

bool carto_check_shape(const char *geojson, bool *empty, struct err *e)
{
    struct js *shape CLEANUP(js_freep) = js_parse(geojson, strlen(geojson), e);
    const char *type = js_text(js_get(shape, "type"));
    const struct js *coordinates = js_get(shape, "coordinates");
    *empty = false;
    if (!shape) {
        e->kind = ERR_DATA;
        return err_add(e, "the_geom");
    }
    for (size_t i = 0; type && i < sizeof shapes / sizeof *shapes; i++) {
        if (strcmp(shapes[i].type, type) != 0)
            continue;
        *empty = js_count(coordinates) == 0;
        return *empty || shapes[i].check(coordinates, e);
    }
    return err_set(e, ERR_DATA, "the_geom: '%.40s' is not a Point, Polygon or MultiPolygon", type ? type : "");
}
