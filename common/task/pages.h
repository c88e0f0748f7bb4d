#pragma once
/* A list that comes in pages: {"count": n, "next": address or null, "results": […]}, or all at once as a bare array.
 *
 *     struct pages pages = task_pages(http, "/prp/v1/partners/?workspace=2490");
 *     struct page page;
 *     while (page_next(&pages, &page))
 *         …
 *     return pages_end(&pages, e);
 *
 * `next` is followed by its path and query at the upstream's own origin (see http.h). An address that was read before
 * is refused, so that a server that pages in circles does not hold the task. */
#include "common/task/http.h"

enum { PAGES_MAX = 100000 };

struct page {
    const struct js *items; /* an array; valid until the next page_next() */
    size_t count;           /* of items */
    int64_t seen;           /* items of the pages before */
    int64_t total;          /* as the server counts; -1: it did not say */
    int number;             /* 1 for the first */
};

struct pages {
    struct http *http;
    struct text next; /* "": no more */
    struct js *document;
    uint64_t *visited; /* hashes of the addresses read */
    int number;
    int64_t seen, total;
    bool uneven; /* the server's count changed on the way, or was not what came: something moved meanwhile */
    bool failed;
    struct err error;
};

/* Nothing is asked before the first page_next(). */
struct pages task_pages(struct http *http, const char *target);

/* False at the end and on an error: pages_end() tells which. */
bool page_next(struct pages *pages, struct page *page);

/* Free what is held; true when the last page was reached. May be called at any point. */
bool pages_end(struct pages *pages, struct err *e);
