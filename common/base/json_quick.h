#pragma once
/* The quick way to read JSON: most of it is plain strings, small integers and words, and jansson looks at each byte several times. */
#include <jansson.h>
#include <stdbool.h>

/* A tree of jansson's, the same as json_loadb() with JSON_REJECT_DUPLICATES | JSON_DECODE_ANY makes. NULL for what is wrong, too, and for what is nested
 * more than `depth` levels deep: jansson says what it is. */
json_t *json_quick(const char *text, size_t len, int depth);
