#pragma once
/* The envelope {count, next, previous, results} of Django REST framework's LimitOffsetPagination. */
#include "sandbox/http.h"

enum { PAGE_LIMIT_MAX = 100000 };

struct page {
    int64_t limit, offset, count;
};

/* limit and offset of a request; a value that is none is ignored, as there. */
struct page page_read(const struct request *r, int64_t default_limit, int64_t count);

/* Everything up to and without the rows, and what follows them. */
void page_open(const struct page *page, const struct request *r, struct text *out);
void page_close(struct text *out);
