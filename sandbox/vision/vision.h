#pragma once
/* VISION's lists as Insight answers them: partners, fund reservations, cash transfers of a business area, everything at
 * once. The state of a route is a struct vision. */
#include "sandbox/http.h"
#include "sandbox/quirks.h"

struct vision {
    uint64_t seed;
    bool full;
    const char *key; /* that a request must show */
    struct quirks *quirks;
    uint64_t asked; /* how often nothing was answered, for its form */
};

extern const struct route vision_routes[];
void vision_reset(void *state);
