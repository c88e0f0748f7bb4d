#pragma once
/* PMP, the Partnership Management Portal of eTools, as the Partner Reporting Portal sees it: its paths, and below
 * "/_sandbox" the levers a test pulls. The state of a route is a struct pmp. */
#include "sandbox/http.h"

extern const struct route pmp_routes[];

/* Back to how it was at the start: for struct upstream. */
void pmp_reset(void *state);
