#pragma once
/* What the parts of zone share: names, and the zone as a list of stretches with one offset. */
#include "common/base/zone.h"
#include <sys/types.h>
#include <time.h>

/* 1969-12-28 and 2200-01-05: a few days around the years that schedules know, wider than any offset. */
#define ZONE_FROM ((int64_t)-4 * 86400)
#define ZONE_UNTIL ((int64_t)84010 * 86400)

/* Offsets a TZif file may hold (RFC 8536 section 3.2): more than -25 hours, less than 26. */
enum { ZONE_OFFSET_MIN = -89999, ZONE_OFFSET_MAX = 93599 };

struct zone_segment {
    int64_t start; /* of the first segment: INT64_MIN, not used */
    int32_t offset;
    int32_t shown; /* start + shown is the first reading that was not on the wall before `start` */
};

struct zone {
    char name[ZONE_NAME_MAX + 1];
    unsigned users;
    bool cached;
    struct zone *next; /* in the cache */
    dev_t device;      /* what the file was when it was read */
    ino_t inode;
    off_t size;
    struct timespec changed;
    size_t count;
    struct zone_segment segments[];
};

/* Where the zone files are. */
const char *zone_folder(void);

/* Could that be the name of a zone file, by its characters? */
bool zone_is_name(const char *name);

/* Why a name that may be a file is no zone for us; NULL when it may be one. */
const char *zone_why_refused(const char *name);

/* Set "unknown time zone", with the name that was meant where there is one near. Always false. */
bool zone_unknown(const char *name, struct err *e);
