#pragma once
/* The countries themselves. */
#include "sandbox/pmp/world.h"

/* The whole answer of /v2/workspaces/: an array. */
void workspaces_write(const struct pmp *p, struct text *out);
