/* Any JSON as the pages of a list: read to an end or refused, and what is counted is what came. The answers of the upstream are the input's
 * lines; http_get_json() is this file's own. */
#include "common/base/json.h"
#include "common/task/pages.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_size, at;

struct js *http_get_json(struct http *http, const char *target, struct err *e)
{
    (void)http;
    (void)target;
    if (at >= input_size) {
        err_set(e, ERR_TRANSIENT, "no more answers");
        return NULL;
    }
    const uint8_t *end = memchr(input + at, '\n', input_size - at);
    size_t from = at, len = end ? (size_t)(end - input) - at : input_size - at;
    at += len + 1;
    return js_parse((const char *)input + from, len, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct page page;
    int64_t seen = 0;
    input = data;
    input_size = size;
    at = 0;
    struct pages pages = task_pages(NULL, "/list");
    while (page_next(&pages, &page)) {
        if (page.seen != seen || js_count(page.items) != page.count || page.number > PAGES_MAX)
            abort();
        seen += (int64_t)page.count;
    }
    if (!pages_end(&pages, &e) && (e.kind == ERR_NONE || !*e.text))
        abort();
    return 0;
}
