/* remap: a table of old and new codes. Entries act together, as if at one moment, so that swaps, cycles and chains come out
 * right; each acts once, when it is first seen, so that the next run does not swap back. An entry that says there is no
 * new code, or whose new code another place has, lets the old place go. */
#include "tasks/carto/carto.h"

#include <stdlib.h>
#include <string.h>

/* Entries, column by column, as the statements take them. */
struct remaps {
    struct region *region;
    const char **old, **new;
    int64_t *matching;
    size_t count;
};

static void remaps_free(struct remaps *r)
{
    region_free(r->region);
}

/* The value of `member` as text without blanks around it, NULL for none. */
static const char *code_of(struct remaps *r, const struct js *entry, const char *member)
{
    int64_t number;
    const struct js *value = js_get(entry, member);
    if (js_integer(value, &number))
        return region_printf(r->region, "%" PRId64, number);
    const char *text = js_text(value);
    text = text ? text + strspn(text, " \t\r\n") : NULL;
    return text && *text ? region_strndup(r->region, text, strcspn(text, " \t\r\n")) : NULL;
}

static bool add(struct remaps *r, struct seen *seen, const struct record *record, struct err *e)
{
    int64_t matching = 1;
    const char *old = code_of(r, record->json, "old_pcode");
    if (!record->json)
        return err_set(e, ERR_DATA, "remap entry %" PRId64 ": %s", record->index, record->why.text);
    if (!old)
        return err_set(e, ERR_DATA, "remap entry %" PRId64 ": old_pcode: missing", record->index);
    if (!seen_add(seen, old))
        return err_set(e, ERR_DATA, "the remap table has '%s' twice: nothing was changed", old);
    js_integer(js_get(record->json, "matching"), &matching);
    r->old[r->count] = old;
    r->new[r->count] = matching ? code_of(r, record->json, "new_pcode") : NULL;
    r->matching[r->count++] = matching;
    return true;
}

static bool read_entries(struct carto_run *run, struct remaps *r, struct err *e)
{
    struct record record;
    struct seen seen CLEANUP(seen_free) = {0};
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "select old_pcode::text, new_pcode::text, matching::int from %s", run->table->remap);
    struct records *records CLEANUP(records_freep) = carto_ask(run, text_str(&sql), e);
    if (!records)
        return err_add(e, "remap table");
    size_t count = (size_t)records_count(records);
    if (count > CARTO_REMAPS_MAX)
        return err_set(e, ERR_LIMIT, "a remap table of more than %d entries", CARTO_REMAPS_MAX);
    r->old = region_alloc(r->region, (count + 1) * sizeof *r->old);
    r->new = region_alloc(r->region, (count + 1) * sizeof *r->new);
    r->matching = region_alloc(r->region, (count + 1) * sizeof *r->matching);
    while (records_next(records, &record))
        if (!add(r, &seen, &record, e))
            return false;
    return records_end(records, e);
}

/* What the new entries come to. */
struct plan {
    const char **gone, **old, **new;
    size_t gone_count, renamed;
};

static void note(struct carto_run *run, const char *old, const char *what)
{
    run->report.id = old;
    report_note(&run->report, what);
    run->report.id = NULL;
}

static bool plan_entry(struct carto_run *run, struct plan *plan, struct seen *taken, const char *old, const char *new, int64_t places,
                       bool occupied, struct err *e)
{
    if (new && strcmp(old, new) == 0)
        return true;
    if (places > 1)
        return err_set(e, ERR_DATA, "remap: %" PRId64 " active places have the code '%s': nothing was changed", places, old);
    if (places == 0) {
        note(run, old, "remap: no active place has this code");
        return true;
    }
    bool second = new && (occupied || !seen_add(taken, new));
    if (second)
        note(run, old, "remap: another place has the new code, this one goes");
    if (!new || second) {
        plan->gone[plan->gone_count++] = old;
        return true;
    }
    plan->old[plan->renamed] = old;
    plan->new[plan->renamed++] = new;
    return true;
}

static bool make_plan(struct carto_run *run, const struct remaps *r, struct plan *plan, struct err *e)
{
    struct pg_rows rows;
    struct seen taken CLEANUP(seen_free) = {0};
    if (!task_sql_rows(run->task, &sql_carto_remap_new, &rows, e, pg_int(run->table->id), pg_texts(r->old, r->count), pg_texts(r->new, r->count),
                       pg_ints(r->matching, r->count)))
        return false;
    plan->gone = region_alloc(r->region, (rows.count + 1) * sizeof *plan->gone);
    plan->old = region_alloc(r->region, (rows.count + 1) * sizeof *plan->old);
    plan->new = region_alloc(r->region, (rows.count + 1) * sizeof *plan->new);
    for (size_t i = 0; i < rows.count; i++) {
        const char *old = region_strdup(r->region, pg_get_text(&rows, i, 0));
        const char *new = pg_is_null(&rows, i, 1) ? NULL : region_strdup(r->region, pg_get_text(&rows, i, 1));
        if (!plan_entry(run, plan, &taken, old, new, pg_get_int(&rows, i, 2), pg_get_bool(&rows, i, 3), e))
            return false;
    }
    return true;
}

static bool let_go(struct carto_run *run, const struct plan *plan, struct err *e)
{
    struct pg_rows rows;
    if (plan->gone_count == 0)
        return true;
    if (!task_sql_rows(run->task, &sql_carto_remap_gone, &rows, e, pg_texts(plan->gone, plan->gone_count)))
        return false;
    run->report.deactivated += pg_get_int(&rows, 0, 0);
    return true;
}

static bool rename_places(struct carto_run *run, const struct remaps *r, const struct plan *plan, struct err *e)
{
    struct pg_rows rows;
    if (plan->renamed == 0)
        return true;
    if (!task_sql_rows(run->task, &sql_carto_remap_take, &rows, e, pg_texts(plan->old, plan->renamed), pg_texts(plan->new, plan->renamed)))
        return false;
    int64_t *ids = region_alloc(r->region, (rows.count + 1) * sizeof *ids);
    const char **codes = region_alloc(r->region, (rows.count + 1) * sizeof *codes);
    size_t count = rows.count;
    for (size_t i = 0; i < count; i++) {
        ids[i] = pg_get_int(&rows, i, 0);
        codes[i] = region_strdup(r->region, pg_get_text(&rows, i, 1));
    }
    return task_sql(run->task, &sql_carto_remap_give, e, pg_ints(ids, count), pg_texts(codes, count)) &&
           task_sql(run->task, &sql_carto_remap_give_parents, e, pg_ints(ids, count));
}

bool carto_remap(struct carto_run *run, struct err *e)
{
    struct remaps remaps CLEANUP(remaps_free) = {.region = region_new()};
    struct plan plan = {0};
    if (!run->table->remap)
        return true;
    return read_entries(run, &remaps, e) && make_plan(run, &remaps, &plan, e) && let_go(run, &plan, e) &&
           rename_places(run, &remaps, &plan, e) &&
           task_sql(run->task, &sql_carto_remap_done, e, pg_int(run->table->id), pg_texts(remaps.old, remaps.count),
                    pg_texts(remaps.new, remaps.count), pg_ints(remaps.matching, remaps.count), pg_uuid(task_id(run->task))) &&
           task_commit(run->task, e);
}
