/* Any bytes as a schedule expression: refused in one line, or told in words and searched, and the search keeps its
 * promises: strictly after, found again from just before, never earlier from later. */
#include "common/base/cron.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool kept)
{
    if (!kept)
        abort();
}

static void search(const struct cron *c, usec_t from)
{
    usec_t at, again;
    if (!cron_next(c, from, &at))
        return;
    promise(at > from);
    promise(cron_next(c, at - 1, &again) && again == at);
    promise(cron_next(c, at - SECONDS(1), &again) && again == at);
    promise(cron_last(c, from, at, &again) && again == at);
    promise(!cron_next(c, at, &again) || again > at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const zones[] = {NULL, "Europe/Paris", "Australia/Lord_Howe", "Pacific/Apia"};
    struct err e = {0};
    struct text out CLEANUP(text_free) = {0}, expr CLEANUP(text_free) = {0};
    if (size < 8)
        return 0;
    uint32_t moment;
    memcpy(&moment, data + 1, sizeof moment);
    text_add(&expr, data + 5, size - 5);
    struct cron *c CLEANUP(cron_freep) =
        cron_parse(text_str(&expr), zones[data[0] % 4], data[0] & 4 ? "name" : NULL, &e);
    if (!c) {
        promise(e.kind == ERR_USAGE && *e.text && !strchr(e.text, '\n'));
        return 0;
    }
    cron_words(c, &out);
    promise(out.len > 0);
    cron_warnings(c, SECONDS((int64_t)moment), &out);
    search(c, SECONDS((int64_t)moment));
    search(c, SECONDS((int64_t)moment * 2));
    search(c, INT64_MIN);
    search(c, INT64_MAX);
    return 0;
}
