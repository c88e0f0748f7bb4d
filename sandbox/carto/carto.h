#pragma once
/* The SQL API of CARTO, for the questions that a location sync asks: tables sandbox_adm0 to sandbox_adm3 with the places of
 * one country, a level each, and sandbox_adm2_remap; or saved answers to them, TABLE_count.json, TABLE_max.json, TABLE_rows.json, and TABLE.json of a remap. The state of a route is a struct carto. Rows are made anew from the
 * seed each time, so that a large table takes no memory. */
#include "sandbox/http.h"
#include "sandbox/quirks.h"

enum { CARTO_LEVELS = 4 };

struct carto {
    uint64_t seed;
    bool full;
    struct quirks *quirks;
    const char *data; /* a folder of saved answers; NULL: made-up rows */
};

bool carto_has_saved(const struct carto *c);
extern const struct route carto_routes[];
void carto_reset(void *state);
