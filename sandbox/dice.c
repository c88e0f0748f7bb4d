/* dice: SplitMix64 (Steele, Lea and Flood, 2014), a step of it for hashing and a row of steps for rolling. */
#include "sandbox/dice.h"

static const uint64_t GOLDEN = 0x9E3779B97F4A7C15u;

static uint64_t scramble(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

uint64_t dice_hash(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t hash = scramble(a + GOLDEN);
    hash = scramble(hash ^ (b + GOLDEN));
    hash = scramble(hash ^ (c + 2 * GOLDEN));
    return scramble(hash ^ (d + 3 * GOLDEN));
}

uint64_t dice_hash_text(uint64_t seed, const char *s)
{
    uint64_t hash = scramble(seed + GOLDEN);
    for (; *s; s++)
        hash = scramble(hash ^ (unsigned char)*s);
    return hash;
}

struct dice dice_new(uint64_t hash)
{
    return (struct dice){.state = hash};
}

uint64_t dice_roll(struct dice *d, uint64_t sides)
{
    d->state += GOLDEN;
    return sides ? scramble(d->state) % sides : 0;
}

int64_t dice_between(struct dice *d, int64_t low, int64_t high)
{
    return low + (int64_t)dice_roll(d, (uint64_t)(high - low) + 1);
}

bool dice_percent(struct dice *d, int percent)
{
    return dice_roll(d, 100) < (uint64_t)percent;
}
