#pragma once
/* Time zones: what the wall clock shows where, from the system's TZif files (RFC 8536, version 2 and later), read by
 * us because libc's way is process-wide. Only changes of the UTC offset count; the "is daylight saving" flag does not.
 *
 * Here a moment is whole seconds since 1970 UTC, and a *reading* is what a wall clock shows, counted the same way as if
 * it were UTC. Zones cover 1969-12-28 to 2200-01-05; before and after, the nearest offset holds.
 *
 * zone_open() shares: a name is read once for the process. Safe to call from several threads. */
#include "common/base/err.h"
#include <stddef.h>
#include <stdint.h>

enum {
    ZONE_NAME_MAX = 63,
    ZONE_FILE_MAX = 256 * 1024,
    ZONE_SHIFTS_MAX = 2000, /* transitions in a file, as in the reference implementation */
    ZONE_VERSION_MAX = 32,
};

struct zone;

/* A stretch [start, end) of time with one offset (seconds east of Greenwich). The first starts at INT64_MIN, the last
 * ends at INT64_MAX. */
struct zone_span {
    int64_t start, end;
    int offset;
};

/* The zone of that IANA name ("Europe/Paris", links and legacy names too), or NULL for UTC. Refused, ERR_USAGE: paths,
 * posix/ and right/, localtime, posixrules, Factory, POSIX rules, offsets, wrong letter case; the text suggests the
 * name that was meant. Files are looked for in $TZDIR, else /usr/share/zoneinfo. Give it back with zone_close(). */
struct zone *zone_open(const char *name, struct err *e);
void zone_close(struct zone *z);

/* Decode the bytes of a TZif file; the result belongs to the caller alone, to be freed with zone_close(). */
struct zone *zone_read(const char *name, const void *bytes, size_t len, struct err *e);

const char *zone_name(const struct zone *z);

/* The stretch that holds the moment `at`. */
struct zone_span zone_span(const struct zone *z, int64_t at);

/* The latest reading that the wall clock has shown up to and including the moment `at`: after the clock was put back
 * it stays where it was until the clock has caught up. */
int64_t zone_reached(const struct zone *z, int64_t at);

/* The first moment at which the wall clock shows `reading` or later: the first pass of a repeated hour, and the end of
 * the jump for a reading that never happens. zone_first(z, r) > at exactly when r > zone_reached(z, at). */
int64_t zone_first(const struct zone *z, int64_t reading);

/* Have the files of zones in use changed since they were read? Those are read anew by the next zone_open(); zones that
 * are still open keep the old rules, so open them again. A file that is gone is no change. */
bool zones_changed(void);

/* The release of the zone files, "2025b", or "unknown". Returns `out`. */
const char *zones_version(char out[static ZONE_VERSION_MAX]);
