#pragma once
/* "did you mean …": the nearest of some words. */
#include <stddef.h>

struct near {
    const char *wanted;
    const char *best; /* NULL: none is near */
    size_t distance;
};

/* Consider one more word. Near is at most a third of its letters changed, added or left out. */
void near_consider(struct near *near, const char *word);
