#pragma once
/* Memory with a lifetime: allocate from a region, free the whole. One for a process, a task, a page.
 * Allocation never fails (out of memory ends the process); everything is aligned for any type and zeroed. */
#include <stddef.h>

struct region;

struct region *region_new(void);
void region_free(struct region *r);  /* NULL is fine */
void region_reset(struct region *r); /* everything in it is gone, the first block is kept */
void *region_alloc(struct region *r, size_t size);
char *region_strdup(struct region *r, const char *s);
char *region_strndup(struct region *r, const char *s, size_t len);
char *region_printf(struct region *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
