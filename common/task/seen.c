/* seen: open addressing, at most half full. */
#include "common/task/seen.h"

#include "common/base/text.h"
#include <stdlib.h>

/* FNV-1a, 64 bits (Fowler, Noll, Vo); never 0. */
static uint64_t hash_of(const char *s)
{
    uint64_t hash = 14695981039346656037U;
    for (; *s; s++)
        hash = (hash ^ (unsigned char)*s) * 1099511628211U;
    return hash ? hash : 1;
}

static bool put(struct seen *seen, uint64_t hash)
{
    size_t at = hash & (seen->room - 1);
    for (; seen->hashes[at] != 0; at = (at + 1) & (seen->room - 1))
        if (seen->hashes[at] == hash)
            return false;
    seen->hashes[at] = hash;
    seen->count++;
    return true;
}

static void grow(struct seen *seen)
{
    struct seen larger = {.room = seen->room ? 2 * seen->room : 1024};
    larger.hashes = mem_zero(larger.room, sizeof *larger.hashes);
    for (size_t i = 0; i < seen->room; i++)
        if (seen->hashes[i] != 0)
            put(&larger, seen->hashes[i]);
    free(seen->hashes);
    *seen = larger;
}

bool seen_add(struct seen *seen, const char *key)
{
    if (seen->count >= SEEN_MAX)
        return true;
    if (2 * (seen->count + 1) > seen->room)
        grow(seen);
    return put(seen, hash_of(key));
}

void seen_free(struct seen *seen)
{
    free(seen->hashes);
    *seen = (struct seen){0};
}
