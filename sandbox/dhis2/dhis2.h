#pragma once
/* DHIS2 as its importers see it: a pyramid of org units with levels, groups and group sets; below "/_sandbox" the levers a test
 * pulls. The state of a route is a struct dhis2. Org units are numbered level by level, so that everything about one follows
 * from its number and the seed. */
#include "sandbox/http.h"
#include "sandbox/quirks.h"

enum { DHIS2_LEVELS = 4, DHIS2_UID_MAX = 12, DHIS2_GROUPS = 8, DHIS2_SETS = 2 };

struct dhis2 {
    uint64_t seed;
    bool full;
    struct quirks *quirks;
    int64_t count;    /* of org units */
    uint8_t *changes; /* how often a test touched each */
    bool *removed;
    int64_t *order; /* numbers, by name: how the list is sorted */
};

extern const struct route dhis2_routes[];

void dhis2_open(struct dhis2 *d);
void dhis2_close(struct dhis2 *d);
void dhis2_reset(void *state); /* back to how it was at the start */

/* unit.c: one org unit, and what hangs on it. */
void dhis2_unit_uid(const struct dhis2 *d, int64_t number, char out[static DHIS2_UID_MAX]);
void dhis2_unit_name(const struct dhis2 *d, int64_t number, char *out, size_t room);
int64_t dhis2_level_start(const struct dhis2 *d, int level);
int64_t dhis2_unit_number(const struct dhis2 *d, const char *uid); /* -1: there is none */

/* Only the members that `fields` names, as the real one does. */
void dhis2_write_unit(const struct dhis2 *d, int64_t number, const char *fields, struct text *out);
void dhis2_write_level(const struct dhis2 *d, int level, struct text *out);
void dhis2_write_set(const struct dhis2 *d, int set, struct text *out);
