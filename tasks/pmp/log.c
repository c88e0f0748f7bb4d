/* log: what a run tells: each item that failed or was skipped with its place, and one row of sync_log at the end. */
#include "tasks/pmp/pmp.h"

#include <stdio.h>
#include <string.h>

static void add_place(const struct pmp_run *run, struct row *row)
{
    row_text(row, "workspace", run->workspace->business_area);
    row_int(row, "page", run->page);
    row_int(row, "index", run->index);
    row_text(row, "id", run->id);
}

void pmp_note(struct pmp_run *run, const char *what)
{
    struct row row CLEANUP(row_free) = {0};
    if (run->notes_told == PMP_NOTES_MAX) {
        run->notes_untold++;
        return;
    }
    add_place(run, &row);
    row_text(&row, "note", what);
    text_printf(&run->notes, "%s%s", run->notes_told++ > 0 ? "," : "", row_end(&row));
}

/* "field: reason", as record.h words it, in two; what the database says names no field. */
static void add_failure(struct pmp_run *run, const char *why, bool names_field)
{
    struct row row CLEANUP(row_free) = {0};
    char field[256];
    const char *colon = names_field ? strstr(why, ": ") : NULL;
    snprintf(field, sizeof field, "%.*s", colon ? (int)(colon - why) : 0, why);
    add_place(run, &row);
    row_text(&row, "field", colon ? field : NULL);
    row_text(&row, "reason", colon ? colon + 2 : why);
    text_printf(&run->failures, "%s%s", run->failures_told++ > 0 ? "," : "", row_end(&row));
}

void pmp_fail(struct pmp_run *run, const char *why, bool names_field)
{
    run->failed++;
    if (run->item_updated_at == 0)
        run->oldest_failed = -1;
    else if (run->oldest_failed == 0 || run->item_updated_at < run->oldest_failed)
        run->oldest_failed = run->oldest_failed == -1 ? -1 : run->item_updated_at;
    if (run->failures_told == PMP_NOTES_MAX) {
        run->failures_untold++;
        return;
    }
    add_failure(run, why, names_field);
    task_log(run->task, LOG_WARNING, "%s %s: page %d, item %d, id %s: %s", run->sync->handler,
             run->workspace->business_area, run->page, run->index, run->id, why);
}

void pmp_skip(struct pmp_run *run, const char *why)
{
    run->skipped++;
    pmp_note(run, why);
}

/* {"partner": {"created": 1, "updated": 0, "removed": 0}, …}: a table once, though several steps write it. */
static void write_counts(const struct pmp_run *run, struct text *out)
{
    const struct staging_step *steps = run->sync->steps;
    text_putc(out, '{');
    for (size_t i = 0; steps[i].query; i++) {
        struct staging_count sum = {0};
        bool told = !steps[i].table;
        for (size_t n = 0; n < i && !told; n++)
            told = steps[n].table && strcmp(steps[n].table, steps[i].table) == 0;
        for (size_t n = i; steps[n].query && !told; n++)
            if (steps[n].table && strcmp(steps[n].table, steps[i].table) == 0) {
                sum.created += run->counts[n].created;
                sum.updated += run->counts[n].updated;
                sum.removed += run->counts[n].removed;
            }
        if (sum.created + sum.updated + sum.removed > 0)
            text_printf(out, "%s\"%s\":{\"created\":%" PRId64 ",\"updated\":%" PRId64 ",\"removed\":%" PRId64 "}",
                        out->len > 1 ? "," : "", steps[i].table, sum.created, sum.updated, sum.removed);
    }
    text_putc(out, '}');
}

static void write_data(const struct pmp_run *run, bool complete, struct row *row)
{
    char moment[CLOCK_TEXT_MAX];
    struct text list CLEANUP(text_free) = {0}, rows CLEANUP(text_free) = {0};
    row_bool(row, "full", run->full);
    row_bool(row, "complete", complete);
    row_text(row, "updated_after", run->after ? clock_format(run->after, moment) : NULL);
    write_counts(run, &rows);
    row_json(row, "rows", text_str(&rows));
    text_printf(&list, "[%s]", text_str(&run->failures));
    row_json(row, "failures", text_str(&list));
    row_int(row, "failures_left_out", run->failures_untold);
    text_reset(&list);
    text_printf(&list, "[%s]", text_str(&run->notes));
    row_json(row, "notes", text_str(&list));
    row_int(row, "notes_left_out", run->notes_untold);
}

bool pmp_log(struct pmp_run *run, bool complete, const struct err *why, struct err *e)
{
    struct row data CLEANUP(row_free) = {0};
    char details[512];
    snprintf(details, sizeof details,
             "%" PRId64 " fetched, %" PRId64 " created, %" PRId64 " updated, %" PRId64 " unchanged, %" PRId64
             " skipped, %" PRId64 " deactivated, %" PRId64 " failed",
             run->fetched, run->created, run->updated, run->unchanged, run->skipped, run->deactivated, run->failed);
    write_data(run, complete, &data);
    task_log(run->task, why ? LOG_ERROR : LOG_INFO, "%s %s: %s%s%s", run->sync->handler,
             run->workspace->business_area ? run->workspace->business_area : "all", details, why ? "; " : "",
             why ? why->text : "");
    return task_sql(run->task, &sql_pmp_sync_log, e, pg_text(run->sync->handler),
                    pg_text(run->workspace->business_area), run->workspace->id ? pg_int(run->workspace->id) : pg_null(),
                    pg_bool(!why), pg_text(details), pg_text(why ? why->text : NULL), pg_json(row_end(&data)),
                    pg_uuid(task_id(run->task)), pg_int(run->fetched), pg_int(run->created), pg_int(run->updated),
                    pg_int(run->unchanged), pg_int(run->skipped), pg_int(run->deactivated), pg_int(run->failed));
}
