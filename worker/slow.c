/* slow: a task whose handler has been quick so far has more often lost the processor than turned slow, so it has longer. */
#include "worker/slow.h"

static const usec_t patience = SLOW_LOOK, patience_with_quick = MSEC(100);

bool slow_in_batch(const struct edition *edition, const struct catalog *catalog, const struct seat_view *view, struct uuid told)
{
    const struct catalog_entry *entry = catalog_find(catalog, view->name);
    bool is_quick = entry && edition_is_quick(edition, entry->place);
    return !view->told && !uuid_equal(view->task, told) && clock_boot() - view->since >= (is_quick ? patience_with_quick : patience);
}
