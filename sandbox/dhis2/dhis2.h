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
    struct js *sent;  /* what was posted and put, by kind and id */
    const char *data; /* folder of saved answers to serve instead; NULL: none */
    int answers;      /* to data values, of the saved ones, so far */
};

extern const struct route dhis2_routes[];

void dhis2_open(struct dhis2 *d);
void dhis2_close(struct dhis2 *d);
void dhis2_reset(void *state); /* back to how it was at the start */

/* exchange.c: what is sent to it, and asked for by id. */
void dhis2_write_by_id(const struct dhis2 *d, const char *kind, const char *filter, struct answer *a);
void dhis2_take_metadata(void *state, const struct request *r, struct answer *a);
void dhis2_take_group(void *state, const struct request *r, struct answer *a);
void dhis2_list_groups(void *state, const struct request *r, struct answer *a);
void dhis2_show_sent(void *state, const struct request *r, struct answer *a);

/* values.c: data values. */
void dhis2_take_values(void *state, const struct request *r, struct answer *a);

/* saved.c: answers out of the folder: the first file, or number `n`, whose name ends like this. False: there is none. */
bool dhis2_has_saved(const struct dhis2 *d);
bool dhis2_serve_saved(const struct dhis2 *d, const char *ending, int n, struct answer *a);

/* unit.c: one org unit, and what hangs on it. */
void dhis2_unit_uid(const struct dhis2 *d, int64_t number, char out[static DHIS2_UID_MAX]);
void dhis2_unit_name(const struct dhis2 *d, int64_t number, char *out, size_t room);
int64_t dhis2_level_start(const struct dhis2 *d, int level);
int64_t dhis2_unit_number(const struct dhis2 *d, const char *uid); /* -1: there is none */

/* Only the members that `fields` names, as the real one does. */
void dhis2_write_unit(const struct dhis2 *d, int64_t number, const char *fields, struct text *out);
void dhis2_write_level(const struct dhis2 *d, int level, struct text *out);
int dhis2_group_number(const struct dhis2 *d, const char *uid); /* -1: there is none */
void dhis2_write_group_whole(const struct dhis2 *d, int group, struct text *out);
void dhis2_write_set(const struct dhis2 *d, int set, struct text *out);
