/* pages: the envelope in which lists come, read one request at a time. */
#include "common/task/pages.h"

#include <stdlib.h>
#include <string.h>

struct pages task_pages(struct http *http, const char *target)
{
    struct pages pages = {.http = http, .total = -1};
    text_puts(&pages.next, target);
    return pages;
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
static uint64_t hash_of(const char *s)
{
    uint64_t hash = 14695981039346656037U;
    for (; *s; s++)
        hash = (hash ^ (unsigned char)*s) * 1099511628211U;
    return hash;
}

/* Remember the address that is read now; false when it was read before. */
static bool visit(struct pages *pages)
{
    uint64_t hash = hash_of(text_str(&pages->next));
    if (pages->number == PAGES_MAX)
        return err_set(&pages->error, ERR_LIMIT, "more than %d pages", PAGES_MAX);
    for (int i = 0; i < pages->number; i++)
        if (pages->visited[i] == hash)
            return err_set(&pages->error, ERR_DATA,
                           "the list goes in circles: its next page is one that was read before");
    if ((pages->number & (pages->number + 1)) == 0)
        pages->visited = mem_grow(pages->visited, 2 * ((size_t)pages->number + 1) * sizeof *pages->visited);
    pages->visited[pages->number++] = hash;
    return true;
}

static bool read_next(struct pages *pages, const struct js *envelope)
{
    const struct js *next = js_get(envelope, "next");
    text_reset(&pages->next);
    if (js_is_null(next))
        return true;
    if (!js_text(next))
        return err_set(&pages->error, ERR_DATA, "next: %s where an address was expected", js_type_name(js_type(next)));
    text_puts(&pages->next, js_text(next));
    return true;
}

static void read_total(struct pages *pages, const struct js *envelope)
{
    int64_t total = -1;
    js_integer(js_get(envelope, "count"), &total);
    pages->uneven |= pages->number > 1 && total != pages->total;
    pages->total = total;
}

static bool read_envelope(struct pages *pages, const struct js **items)
{
    const struct js *document = pages->document;
    *items = js_type(document) == JS_ARRAY ? document : js_get(document, "results");
    if (js_type(*items) != JS_ARRAY)
        return err_set(&pages->error, ERR_DATA, "%s where a list of results was expected",
                       js_type_name(js_type(document)));
    if (*items == document) {
        text_reset(&pages->next);
        pages->total = (int64_t)js_count(*items);
        return true;
    }
    read_total(pages, document);
    return read_next(pages, document);
}

bool page_next(struct pages *pages, struct page *page)
{
    const struct js *items;
    if (pages->failed || pages->next.len == 0)
        return false;
    js_free(pages->document);
    pages->document = NULL;
    pages->failed = !visit(pages) ||
                    !(pages->document = http_get_json(pages->http, text_str(&pages->next), &pages->error)) ||
                    !read_envelope(pages, &items);
    if (pages->failed)
        return err_add(&pages->error, "page %d", pages->number);
    *page = (struct page){
        .items = items, .count = js_count(items), .seen = pages->seen, .total = pages->total, .number = pages->number};
    pages->seen += (int64_t)page->count;
    pages->uneven |= pages->next.len == 0 && pages->total >= 0 && pages->total != pages->seen;
    return true;
}

bool pages_end(struct pages *pages, struct err *e)
{
    js_free(pages->document);
    pages->document = NULL;
    text_free(&pages->next);
    free(pages->visited);
    pages->visited = NULL;
    if (pages->failed)
        *e = pages->error;
    return !pages->failed;
}
