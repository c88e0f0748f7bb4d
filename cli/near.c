/* near: edit distance (Wagner and Fischer, 1974) over words of at most WORD_MAX bytes. */
#include "cli/near.h"

#include <string.h>

enum { WORD_MAX = 63 };

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t length = strlen(b);
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1]));
            corner = above;
        }
    }
    return row[length];
}

void near_consider(struct near *near, const char *word)
{
    if (strlen(near->wanted) > WORD_MAX || strlen(word) > WORD_MAX)
        return;
    size_t found = distance(near->wanted, word);
    if (found > (strlen(word) + 2) / 3 || (near->best && found >= near->distance))
        return;
    near->best = word;
    near->distance = found;
}
