#pragma once
/* Geometries as GeoJSON has them (RFC 7946), checked and written in one form: a Point, or a MultiPolygon for anything with an
 * area. Numbers keep the digits they came with, as far as a double does; an altitude is left out. */
#include "common/task/record.h"

enum geometry { GEOMETRY_NONE, GEOMETRY_POINT, GEOMETRY_AREA };

enum { GEOMETRY_BYTES_MAX = 64 << 20 };

/* {"type": "Point" | "Polygon" | "MultiPolygon", "coordinates": …} in a text, as JSON to `out`; NULL, "null" and one without any position ("coordinates": [])
 * are GEOMETRY_NONE. False with ERR_DATA "PLACE: …": not JSON, another type, too few points, a ring that is not closed, a place that is not on
 * earth. What is held is the text and what is written, whatever its size. */
bool geometry_read(const char *geojson, const struct place *place, enum geometry *kind, struct text *out, struct err *e);

/* The same from coordinates alone, an array whose depth tells what they are: [x,y], [[[x,y],…]], [[[[x,y],…]]]. */
bool geometry_read_coordinates(const char *json, const struct place *place, enum geometry *kind, struct text *out, struct err *e);
