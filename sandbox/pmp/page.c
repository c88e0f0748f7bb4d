/* page: next and previous are absolute and null at the ends; previous of the second page has no offset. */
#include "sandbox/pmp/page.h"

#include "sandbox/write.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t read_number(const struct request *r, const char *name, int64_t least, int64_t most, int64_t fallback)
{
    const char *text = request_arg(r, name);
    char *end;
    errno = 0;
    int64_t value = text ? strtoll(text, &end, 10) : 0;
    if (!text || end == text || *end || errno || value < least)
        return fallback;
    return value < most ? value : most;
}

struct page page_read(const struct request *r, int64_t default_limit, int64_t count)
{
    return (struct page){.limit = read_number(r, "limit", 1, PAGE_LIMIT_MAX, default_limit),
                         .offset = read_number(r, "offset", 0, INT32_MAX, 0),
                         .count = count};
}

static void write_link(const struct page *page, const struct request *r, const char *key, bool there, int64_t at,
                       struct text *out)
{
    char limit[32], offset[32];
    struct text link = {0};
    snprintf(limit, sizeof limit, "%" PRId64, page->limit);
    snprintf(offset, sizeof offset, "%" PRId64, at);
    const struct pair changes[] = {{"limit", limit}, {"offset", at > 0 ? offset : NULL}};
    if (there)
        request_link(r, changes, 2, &link);
    write_text(out, key, there ? text_str(&link) : NULL);
    text_free(&link);
}

void page_open(const struct page *page, const struct request *r, struct text *out)
{
    write_open(out, NULL, '{');
    write_int(out, "count", page->count);
    write_link(page, r, "next", page->offset + page->limit < page->count, page->offset + page->limit, out);
    write_link(page, r, "previous", page->offset > 0, page->offset - page->limit, out);
    write_open(out, "results", '[');
}

void page_close(struct text *out)
{
    write_close(out, ']');
    write_close(out, '}');
}
