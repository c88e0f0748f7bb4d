/* Any bytes as a zone file: refused, or a zone whose stretches follow each other and whose readings and moments are
 * inverse to each other. */
#include "common/base/zone.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool kept)
{
    if (!kept)
        abort();
}

static void check_moment(const struct zone *z, int64_t at)
{
    int64_t reached = zone_reached(z, at);
    promise(zone_first(z, reached) <= at);
    promise(zone_first(z, reached + 1) > at);
    promise(abs(zone_span(z, at).offset) < 26 * 3600);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct zone *z = zone_read("Fuzz", data, size, &e);
    if (!z) {
        promise(e.kind == ERR_USAGE);
        return 0;
    }
    check_moment(z, -86400);
    for (struct zone_span s = zone_span(z, INT64_MIN); s.end != INT64_MAX;) {
        struct zone_span next = zone_span(z, s.end);
        promise(next.start == s.end && next.end > next.start && next.offset != s.offset);
        check_moment(z, s.end - 1);
        check_moment(z, s.end);
        check_moment(z, s.end + 3600);
        s = next;
    }
    zone_close(z);
    return 0;
}
