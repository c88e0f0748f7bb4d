#pragma once
/* Which keys of a long list came before: a set of 64-bit hashes, eight to sixteen bytes a key. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEEN_MAX = 2000000 };

/* All zero is empty. */
struct seen {
    uint64_t *hashes; /* 0: free */
    size_t count, room;
};

/* True when `key` is new; it is remembered, up to SEEN_MAX keys. */
bool seen_add(struct seen *seen, const char *key);
void seen_free(struct seen *seen);
