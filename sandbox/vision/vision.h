#pragma once
/* VISION's lists as Insight answers them: partners, funds, results, forms and plans of a business area, everything at once. The state of a route is a
 * struct vision. */
#include "sandbox/http.h"
#include "sandbox/quirks.h"
#include "sandbox/vision/saved.h"

struct pmp; /* sandbox/pmp/world.h */

struct vision {
    uint64_t seed;
    bool full;
    const char *key; /* that a request must show */
    struct quirks *quirks;
    const struct pmp *pmp;      /* whose places are named */
    const struct saved_answers *saved; /* served instead of made-up ones, when there are any */
    uint64_t asked;             /* how often nothing was answered, for its form */
};

extern const struct route vision_routes[];
void vision_reset(void *state);
