#pragma once
/* Repeatable chance: the same seed and the same keys always give the same numbers, on every machine. */
#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

/* One number out of several; a small change in any of them changes all its bits. */
uint64_t dice_hash(uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/* The same for a string. */
uint64_t dice_hash_text(uint64_t seed, const char *s);

struct dice dice_new(uint64_t hash);
uint64_t dice_roll(struct dice *d, uint64_t sides);              /* 0 … sides - 1; 0 when sides is 0 */
int64_t dice_between(struct dice *d, int64_t low, int64_t high); /* both ends included */
bool dice_percent(struct dice *d, int percent);
