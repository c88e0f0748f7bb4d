/* region: blocks in a list, filled from the front; large requests get a block of their own. */
#include "common/base/region.h"
#include "common/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16 * 1024, ALIGN = 16 };

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(ALIGN) char data[];
};

struct region {
    struct block *newest;
};

struct region *region_new(void)
{
    return mem_zero(1, sizeof(struct region));
}

static struct block *block_new(size_t size, struct block *next)
{
    struct block *b = mem_alloc(sizeof *b + size);
    *b = (struct block){.next = next, .size = size};
    return b;
}

void *region_alloc(struct region *r, size_t size)
{
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    struct block *b = r->newest;
    if (!b || b->size - b->used < size) {
        b = block_new(size > BLOCK_SIZE ? size : BLOCK_SIZE, r->newest);
        r->newest = b;
    }
    void *memory = b->data + b->used;
    b->used += size;
    return memset(memory, 0, size);
}

void region_reset(struct region *r)
{
    while (r->newest && r->newest->next) {
        struct block *b = r->newest;
        r->newest = b->next;
        free(b);
    }
    if (r->newest && r->newest->size > BLOCK_SIZE) {
        free(r->newest);
        r->newest = NULL;
    }
    if (r->newest)
        r->newest->used = 0;
}

void region_free(struct region *r)
{
    if (!r)
        return;
    while (r->newest) {
        struct block *b = r->newest;
        r->newest = b->next;
        free(b);
    }
    free(r);
}

char *region_strndup(struct region *r, const char *s, size_t len)
{
    char *copy = region_alloc(r, len + 1);
    memcpy(copy, s, len);
    return copy;
}

char *region_strdup(struct region *r, const char *s)
{
    return region_strndup(r, s, strlen(s));
}

char *region_printf(struct region *r, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *s = region_alloc(r, (size_t)(len < 0 ? 0 : len) + 1);
    vsnprintf(s, (size_t)(len < 0 ? 0 : len) + 1, format, again);
    va_end(again);
    va_end(args);
    return s;
}
