/* geometry: GeoJSON is read as it stands, without a tree of it, which would need many times the memory of the text. A first walk finds out what is
 * where and that the text is whole; the second writes the coordinates, one function a level of nesting: position, ring, polygon, polygons. */
#include "common/task/geometry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RING_POINTS_MIN = 4, NUMBER_MAX = 64, NAME_MAX_BYTES = 40 };

struct walk {
    const char *at, *end;
    const struct place *place;
    struct text *out;
    struct err *e;
    double x, y; /* of the position that was written last */
};

static bool refuse(const struct walk *w, const char *why)
{
    return record_refuse(w->place, NULL, w->e, "%s", why);
}

static bool broken(const struct walk *w)
{
    return refuse(w, w->at < w->end ? "not valid JSON" : "it ends before its end");
}

/* Tokens ---------------------------------------------------------------------------------------------- */

/* The next byte that is no blank; '\0' at the end. */
static char peek(struct walk *w)
{
    while (w->at < w->end && strchr(" \t\r\n", *w->at) && *w->at)
        w->at++;
    return (char)(w->at < w->end ? *w->at : '\0');
}

static bool take(struct walk *w, char c)
{
    bool is = peek(w) == c;
    w->at += is;
    return is;
}

/* A string's bytes between its quotes, as they stand. */
static bool read_string(struct walk *w, const char **bytes, size_t *len)
{
    if (!take(w, '"'))
        return broken(w);
    *bytes = w->at;
    while (w->at < w->end && *w->at != '"')
        w->at += *w->at == '\\' ? 2 : 1;
    if (w->at >= w->end) {
        w->at = w->end;
        return broken(w);
    }
    *len = (size_t)(w->at++ - *bytes);
    return true;
}

static bool is_digit(const struct walk *w)
{
    return w->at < w->end && *w->at >= '0' && *w->at <= '9';
}

static bool skip_digits(struct walk *w)
{
    bool any = is_digit(w);
    while (is_digit(w))
        w->at++;
    return any;
}

static bool skip_sign(struct walk *w, const char *signs)
{
    if (w->at < w->end && *w->at && strchr(signs, *w->at))
        w->at++;
    return true;
}

static bool skip_if(struct walk *w, char one, char other)
{
    bool is = w->at < w->end && (*w->at == one || *w->at == other);
    w->at += is;
    return is;
}

/* As JSON writes numbers (RFC 8259, section 6). */
static bool read_number(struct walk *w, char text[static NUMBER_MAX], bool *whole)
{
    const char *from;
    peek(w);
    from = w->at;
    skip_sign(w, "-");
    const char *digits = w->at;
    bool good = skip_digits(w) && (*digits != '0' || w->at == digits + 1);
    *whole = true;
    if (good && skip_if(w, '.', '.')) {
        *whole = false;
        good = skip_digits(w);
    }
    if (good && skip_if(w, 'e', 'E')) {
        *whole = false;
        good = skip_sign(w, "+-") && skip_digits(w);
    }
    size_t len = (size_t)(w->at - from);
    if (!good || len >= NUMBER_MAX)
        return refuse(w, "a position that is not two numbers");
    memcpy(text, from, len);
    text[len] = '\0';
    return true;
}

/* Any value: brackets and strings are checked, words and numbers are not looked at. */
static bool skip_value(struct walk *w)
{
    char open[JS_DEPTH_MAX];
    int depth = 0;
    const char *bytes;
    size_t len;
    do {
        char c = peek(w);
        bool closes = c == ']' || c == '}';
        if (c == '\0' || (depth == 0 && (closes || c == ',' || c == ':')))
            return broken(w);
        if (c == '"') {
            if (!read_string(w, &bytes, &len))
                return false;
            continue;
        }
        w->at++;
        if (c == '[' || c == '{') {
            if (depth == JS_DEPTH_MAX)
                return refuse(w, "too deep");
            open[depth++] = (char)(c + 2); /* the bracket that closes it, in ASCII */
        } else if (closes) {
            if (open[--depth] != c)
                return refuse(w, "not valid JSON");
        } else if (depth == 0) {
            while (w->at < w->end && !strchr(",]} \t\r\n", *w->at))
                w->at++;
        }
    } while (depth > 0);
    return true;
}

/* Coordinates ----------------------------------------------------------------------------------------- */

/* The shortest text that reads back as the same number. */
static bool write_number(struct walk *w, double *number)
{
    char text[NUMBER_MAX];
    bool whole;
    if (!read_number(w, text, &whole))
        return false;
    *number = strtod(text, NULL);
    for (int digits = 15; digits <= 17 && !whole; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, *number);
        if (strtod(text, NULL) == *number)
            break;
    }
    text_puts(w->out, whole && *number == 0 ? "0" : text);
    return true;
}

/* Two numbers; what follows them is left out. */
static bool write_position(struct walk *w)
{
    if (!take(w, '['))
        return refuse(w, "a position that is not two numbers");
    text_putc(w->out, '[');
    if (!write_number(w, &w->x))
        return false;
    text_putc(w->out, ',');
    if (!take(w, ','))
        return refuse(w, "a position that is not two numbers");
    if (!write_number(w, &w->y))
        return false;
    text_putc(w->out, ']');
    if (!(w->x >= -180 && w->x <= 180 && w->y >= -90 && w->y <= 90))
        return refuse(w, "a position that is not on earth");
    while (take(w, ','))
        if (!skip_value(w))
            return false;
    return take(w, ']') || broken(w);
}

/* The elements of an array, each by `write`, and how many they were. */
static bool write_each(struct walk *w, bool (*write)(struct walk *w), size_t *count)
{
    *count = 0;
    text_putc(w->out, '[');
    do {
        if (*count == 0 && peek(w) == ']')
            break;
        text_puts(w->out, *count ? "," : "");
        if (!write(w))
            return false;
        (*count)++;
    } while (take(w, ','));
    text_putc(w->out, ']');
    if (w->out->cut)
        return err_set(w->e, ERR_LIMIT, "a geometry of more than %d bytes", GEOMETRY_BYTES_MAX);
    return take(w, ']') || broken(w);
}

/* What its first position is, is seen by its text, which is written in one way only. */
static bool write_ring(struct walk *w)
{
    size_t count, start = w->out->len + 1;
    if (!take(w, '['))
        return refuse(w, "a ring of fewer than four positions");
    if (!write_each(w, write_position, &count))
        return false;
    if (count < RING_POINTS_MIN)
        return refuse(w, "a ring of fewer than four positions");
    char *rest;
    double x = strtod(w->out->data + start + 1, &rest), y = strtod(rest + 1, NULL);
    return (x == w->x && y == w->y) || refuse(w, "a ring that is not closed");
}

static bool write_polygon(struct walk *w)
{
    size_t count;
    if (!take(w, '['))
        return refuse(w, "a polygon without a ring");
    return write_each(w, write_ring, &count) && (count > 0 || refuse(w, "a polygon without a ring"));
}

static bool write_polygons(struct walk *w)
{
    size_t count;
    if (!take(w, '['))
        return refuse(w, "no polygon");
    return write_each(w, write_polygon, &count) && (count > 0 || refuse(w, "no polygon"));
}

static bool write_one_polygon(struct walk *w)
{
    text_putc(w->out, '[');
    bool good = write_polygon(w);
    text_putc(w->out, ']');
    return good;
}

static const struct shape {
    const char *type, *written;
    int depth; /* of the arrays around the numbers */
    enum geometry kind;
    bool (*write)(struct walk *w);
} shapes[] = {
    {"Point", "Point", 1, GEOMETRY_POINT, write_position},
    {"Polygon", "MultiPolygon", 3, GEOMETRY_AREA, write_one_polygon},
    {"MultiPolygon", "MultiPolygon", 4, GEOMETRY_AREA, write_polygons},
    {0},
};

static bool write_shape(struct walk *w, const struct shape *shape, enum geometry *kind)
{
    w->out->max = GEOMETRY_BYTES_MAX;
    text_printf(w->out, "{\"type\":\"%s\",\"coordinates\":", shape->written);
    if (!shape->write(w))
        return false;
    text_putc(w->out, '}');
    *kind = shape->kind;
    return true;
}

/* Objects --------------------------------------------------------------------------------------------- */

/* What a geometry says of itself. */
struct outline {
    char type[NAME_MAX_BYTES];
    const char *coordinates; /* where they begin; NULL: there are none */
    bool empty;              /* no coordinates, or no geometries, in their array */
};

static bool is_empty_array(const struct walk *w)
{
    struct walk look = *w;
    return take(&look, '[') && peek(&look) == ']';
}

static bool read_member(struct walk *w, struct outline *outline)
{
    const char *name = NULL, *type = NULL;
    size_t len = 0, type_len = 0;
    if (!read_string(w, &name, &len) || !take(w, ':'))
        return broken(w);
    peek(w);
    bool coordinates = len == strlen("coordinates") && memcmp(name, "coordinates", len) == 0;
    bool geometries = len == strlen("geometries") && memcmp(name, "geometries", len) == 0;
    if (coordinates)
        outline->coordinates = w->at;
    outline->empty |= (coordinates || geometries) && is_empty_array(w);
    if (len != strlen("type") || memcmp(name, "type", len) != 0 || peek(w) != '"')
        return skip_value(w);
    if (!read_string(w, &type, &type_len))
        return false;
    snprintf(outline->type, sizeof outline->type, "%.*s", (int)type_len, type);
    return true;
}

static bool read_outline(struct walk *w, struct outline *outline)
{
    if (!take(w, '{'))
        return peek(w) ? refuse(w, "no geometry") : broken(w);
    if (take(w, '}'))
        return true;
    do {
        if (!read_member(w, outline))
            return false;
    } while (take(w, ','));
    return (take(w, '}') && peek(w) == '\0' && w->at == w->end) || broken(w);
}

static bool is_null(const char *json)
{
    return !json || strcmp(json, "null") == 0;
}

bool geometry_read(const char *geojson, const struct place *place, enum geometry *kind, struct text *out, struct err *e)
{
    struct outline outline = {0};
    struct walk walk = {.at = geojson, .end = geojson ? geojson + strlen(geojson) : NULL, .place = place, .out = out, .e = e};
    *kind = GEOMETRY_NONE;
    if (is_null(geojson))
        return true;
    if (!read_outline(&walk, &outline))
        return false;
    if (outline.empty)
        return true;
    walk.at = outline.coordinates ? outline.coordinates : walk.end;
    for (const struct shape *shape = shapes; shape->type; shape++)
        if (strcmp(shape->type, outline.type) == 0)
            return write_shape(&walk, shape, kind);
    return record_refuse(place, NULL, e, "%s is neither Point nor Polygon nor MultiPolygon", *outline.type ? outline.type : "what has no type");
}

static int depth_of(const char *json)
{
    int depth = 0;
    for (; *json && strchr("[ \t\r\n", *json); json++)
        depth += *json == '[';
    return depth;
}

bool geometry_read_coordinates(const char *json, const struct place *place, enum geometry *kind, struct text *out, struct err *e)
{
    struct walk walk = {.at = json, .end = json ? json + strlen(json) : NULL, .place = place, .out = out, .e = e};
    *kind = GEOMETRY_NONE;
    if (is_null(json))
        return true;
    for (const struct shape *shape = shapes; shape->type; shape++)
        if (shape->depth == depth_of(json))
            return write_shape(&walk, shape, kind) && (peek(&walk) == '\0' || broken(&walk));
    return record_refuse(place, NULL, e, "coordinates that are neither of a point nor of polygons");
}
