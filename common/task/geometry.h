#pragma once
/* Geometries as GeoJSON has them (RFC 7946), checked and written in one form: a Point, or a MultiPolygon for anything with an
 * area. Numbers keep the digits they came with, as far as a double does; an altitude is left out. */
#include "common/task/record.h"

enum geometry { GEOMETRY_NONE, GEOMETRY_POINT, GEOMETRY_AREA };

enum { GEOMETRY_BYTES_MAX = 64 << 20 };

/* {"type": "Point" | "Polygon" | "MultiPolygon", "coordinates": …} as JSON to `out`; null and absent are GEOMETRY_NONE. False with
 * ERR_DATA "PLACE: …": another type, too few points, a ring that is not closed, a place that is not on earth. */
bool geometry_read(const struct js *geometry, const struct place *place, enum geometry *kind, struct text *out,
                   struct err *e);

/* The same from coordinates alone, an array whose depth tells what they are: [x,y], [[[x,y],…]], [[[[x,y],…]]]. */
bool geometry_read_coordinates(const struct js *coordinates, const struct place *place, enum geometry *kind,
                               struct text *out, struct err *e);
