/* page: read each item of a page into the stage, move them all, count what became of each. */
#include "tasks/pmp/pmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pmp_run_begin(struct pmp_run *run)
{
    const struct pmp_workspace *w = run->workspace;
    run->report = (struct report){.task = run->task,
                                  .handler = run->sync->handler,
                                  .area = w->business_area,
                                  .country_id = w->id,
                                  .steps = run->sync->steps};
    run->region = region_new();
    run->staging = staging_new(run->task);
}

void pmp_run_end(struct pmp_run *run)
{
    row_free(&run->row);
    report_free(&run->report);
    free(run->seen);
    seen_free(&run->ids);
    seen_free(&run->keys);
    staging_free(run->staging);
    region_free(run->region);
}

static bool see(struct pmp_run *run, const char *key, struct err *e)
{
    if (!*key) {
        run->unknown = true;
        return true;
    }
    if (run->seen_count == PMP_SEEN_MAX)
        return err_set(e, ERR_LIMIT, "more than %d records", PMP_SEEN_MAX);
    if (run->seen_count == run->seen_room) {
        run->seen_room = 2 * run->seen_room + 256;
        run->seen = mem_grow(run->seen, run->seen_room * sizeof *run->seen);
    }
    run->seen[run->seen_count++] = region_strdup(run->region, key);
    return true;
}

/* Ask again for what changed since the oldest item that failed. */
static void note_failed(struct pmp_run *run)
{
    if (run->item_updated_at == 0)
        run->oldest_failed = -1;
    else if (run->oldest_failed == 0 || run->item_updated_at < run->oldest_failed)
        run->oldest_failed = run->oldest_failed == -1 ? -1 : run->item_updated_at;
}

static const char UNKNOWN_ID[] = "?";

/* What is known of an item whatever becomes of it. */
struct item {
    char id[40];
    const char *key; /* in the region; "" when it could not be read */
    usec_t updated_at;
    bool staged;
};

static void look_at(struct pmp_run *run, const struct js *json, int index, struct item *item)
{
    int64_t number;
    struct err ignored;
    const char *id = js_text(js_get(json, "id")), *updated_at = js_text(js_get(json, "update_date"));
    if (js_integer(js_get(json, "id"), &number))
        snprintf(item->id, sizeof item->id, "%" PRId64, number);
    else
        snprintf(item->id, sizeof item->id, "%s", id ? id : UNKNOWN_ID);
    item->updated_at = 0;
    if (updated_at && !clock_parse(updated_at, &item->updated_at, &ignored))
        item->updated_at = 0;
    run->report.index = index;
    run->report.id = item->id;
    run->item_updated_at = item->updated_at;
}

/* When rows are put in before those that are still to be read, the list moves on: what was read comes once more. */
static void note_repeated(struct pmp_run *run, const struct item *items, int index)
{
    const char *id = items[index].id;
    if (strcmp(id, UNKNOWN_ID) == 0 || seen_add(&run->ids, id))
        return;
    for (int i = 0; i < index; i++)
        if (strcmp(items[i].id, id) == 0)
            return; /* twice on one page: it is twice in the list */
    run->repeated = true;
}

/* One thing twice in the list: the first counts. Where the last one did, two that differ would overwrite each other on every run. */
static void count_once(struct pmp_run *run, struct item *item, int index)
{
    if (!*item->key || seen_add(&run->keys, item->key))
        return;
    staging_drop(run->staging, index);
    item->staged = false;
    report_skip(&run->report, "comes again: the first of its key counts");
}

static void fail(struct pmp_run *run, const char *why)
{
    note_failed(run);
    report_fail(&run->report, why, true);
}

static bool read_item(struct pmp_run *run, const struct js *json, int index, struct item *items, struct err *e)
{
    struct text key CLEANUP(text_free) = {.max = PMP_KEY_MAX};
    struct err why = {0};
    struct item *item = &items[index];
    look_at(run, json, index, item);
    note_repeated(run, items, index);
    row_reset(&run->row);
    enum pmp_reading reading = run->sync->read(run, json, index, &key, &why);
    item->key = region_strdup(run->region, text_str(&key));
    item->staged = reading == PMP_STAGED;
    if (reading == PMP_BAD && why.kind != ERR_DATA) {
        *e = why;
        return false;
    }
    if (!item->staged)
        staging_drop(run->staging, index);
    if (reading == PMP_SKIPPED)
        report_skip(&run->report, why.text);
    else if (reading == PMP_BAD)
        fail(run, why.text);
    else
        count_once(run, item, index);
    if (item->updated_at > run->newest)
        run->newest = item->updated_at;
    /* A skipped item without a key cannot be one that is here. */
    return (reading == PMP_SKIPPED && !*item->key) || see(run, item->key, e);
}

static void count_item(struct pmp_run *run, struct item *item, int index)
{
    if (!item->staged)
        return;
    run->report.index = index;
    run->report.id = item->id;
    run->item_updated_at = item->updated_at;
    if (report_count(&run->report, run->staging, index) == STAGING_FAILED)
        note_failed(run);
}

bool pmp_move_page(struct pmp_run *run, const struct page *page, struct err *e)
{
    if (page->count > STAGING_RECORDS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d items on a page", STAGING_RECORDS_MAX);
    struct item *items = mem_zero(page->count + 1, sizeof *items);
    bool good = true;
    run->report.page = page->number;
    staging_reset(run->staging);
    for (size_t i = 0; i < page->count && good; i++)
        good = read_item(run, js_at(page->items, i), (int)i, items, e);
    good = good && staging_move(run->staging, run->sync->steps, run->report.counts, e);
    for (size_t i = 0; i < page->count && good; i++)
        count_item(run, &items[i], (int)i);
    run->report.fetched += good ? (int64_t)page->count : 0;
    free(items);
    return good || err_add(e, "page %d", page->number);
}

void pmp_tell(const void *data, struct row *row)
{
    char moment[CLOCK_TEXT_MAX];
    const struct pmp_run *run = data;
    row_bool(row, "full", run->full);
    row_bool(row, "complete", run->complete);
    row_text(row, "updated_after", run->after ? clock_format(run->after, moment) : NULL);
}
