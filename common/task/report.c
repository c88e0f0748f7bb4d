/* report: each record that failed or was skipped with its place, and one row of sync_log at the end. */
#include "common/task/report.h"

#include <stdio.h>
#include <string.h>

static const char *area_name(const struct report *report)
{
    return report->area ? report->area : "all";
}

void report_free(struct report *report)
{
    text_free(&report->failures);
    text_free(&report->notes);
}

static void add_place(const struct report *report, struct row *row)
{
    row_text(row, "workspace", report->area);
    row_int(row, "page", report->page);
    row_int(row, "index", report->index);
    row_text(row, "id", report->id);
}

void report_note(struct report *report, const char *what)
{
    struct row row CLEANUP(row_free) = {0};
    if (report->notes_told == REPORT_NOTES_MAX) {
        report->notes_untold++;
        return;
    }
    add_place(report, &row);
    row_text(&row, "note", what);
    text_printf(&report->notes, "%s%s", report->notes_told++ > 0 ? "," : "", row_end(&row));
}

/* "field: reason", as record.h words it, in two; what the database says names no field. */
static void add_failure(struct report *report, const char *why, bool names_field)
{
    struct row row CLEANUP(row_free) = {0};
    char field[256];
    const char *colon = names_field ? strstr(why, ": ") : NULL;
    snprintf(field, sizeof field, "%.*s", colon ? (int)(colon - why) : 0, why);
    add_place(report, &row);
    row_text(&row, "field", colon ? field : NULL);
    row_text(&row, "reason", colon ? colon + 2 : why);
    text_printf(&report->failures, "%s%s", report->failures_told++ > 0 ? "," : "", row_end(&row));
}

void report_fail(struct report *report, const char *why, bool names_field)
{
    report->failed++;
    if (report->failures_told == REPORT_NOTES_MAX) {
        report->failures_untold++;
        return;
    }
    add_failure(report, why, names_field);
    task_log(report->task, LOG_WARNING, "%s %s: page %d, item %" PRId64 ", id %s: %s", report->handler, area_name(report),
             report->page, report->index, report->id ? report->id : "?", why);
}

void report_skip(struct report *report, const char *why)
{
    report->skipped++;
    report_note(report, why);
}

/* {"partner": {"created": 1, "updated": 0, "removed": 0}, …}: a table once, though several steps write it. */
static void write_counts(const struct report *report, struct text *out)
{
    const struct staging_step *steps = report->steps;
    text_putc(out, '{');
    for (size_t i = 0; steps && steps[i].query; i++) {
        struct staging_count sum = {0};
        bool told = !steps[i].table;
        for (size_t n = 0; n < i && !told; n++)
            told = steps[n].table && strcmp(steps[n].table, steps[i].table) == 0;
        for (size_t n = i; steps[n].query && !told; n++)
            if (steps[n].table && strcmp(steps[n].table, steps[i].table) == 0) {
                sum.created += report->counts[n].created;
                sum.updated += report->counts[n].updated;
                sum.removed += report->counts[n].removed;
            }
        if (sum.created + sum.updated + sum.removed > 0)
            text_printf(out, "%s\"%s\":{\"created\":%" PRId64 ",\"updated\":%" PRId64 ",\"removed\":%" PRId64 "}",
                        out->len > 1 ? "," : "", steps[i].table, sum.created, sum.updated, sum.removed);
    }
    text_putc(out, '}');
}

static void write_data(const struct report *report, struct row *row)
{
    struct text list CLEANUP(text_free) = {0}, rows CLEANUP(text_free) = {0};
    write_counts(report, &rows);
    row_json(row, "rows", text_str(&rows));
    text_printf(&list, "[%s]", text_str(&report->failures));
    row_json(row, "failures", text_str(&list));
    row_int(row, "failures_left_out", report->failures_untold);
    text_reset(&list);
    text_printf(&list, "[%s]", text_str(&report->notes));
    row_json(row, "notes", text_str(&list));
    row_int(row, "notes_left_out", report->notes_untold);
}

enum staging_outcome report_count(struct report *report, const struct staging *staging, int record)
{
    const char *reason;
    enum staging_outcome outcome = staging_outcome(staging, record, &reason);
    switch (outcome) {
    case STAGING_CREATED:
        report->created++;
        break;
    case STAGING_UPDATED:
        report->updated++;
        break;
    case STAGING_UNCHANGED:
        report->unchanged++;
        break;
    case STAGING_FAILED:
        report_fail(report, reason, false);
        break;
    }
    return outcome;
}

bool report_write(struct report *report, struct row *data, const struct err *why, struct err *e)
{
    char details[512];
    snprintf(details, sizeof details,
             "%" PRId64 " fetched, %" PRId64 " created, %" PRId64 " updated, %" PRId64 " unchanged, %" PRId64
             " skipped, %" PRId64 " deactivated, %" PRId64 " failed",
             report->fetched, report->created, report->updated, report->unchanged, report->skipped,
             report->deactivated, report->failed);
    write_data(report, data);
    task_log(report->task, why ? LOG_ERROR : LOG_INFO, "%s %s: %s%s%s", report->handler, area_name(report), details,
             why ? "; " : "", why ? why->text : "");
    return task_sql(report->task, &sql_sync_log, e, pg_text(report->handler), pg_text(report->area),
                    report->country_id ? pg_int(report->country_id) : pg_null(), pg_bool(!why), pg_text(details),
                    pg_text(why ? why->text : NULL), pg_json(row_end(data)), pg_uuid(task_id(report->task)),
                    pg_int(report->fetched), pg_int(report->created), pg_int(report->updated),
                    pg_int(report->unchanged), pg_int(report->skipped), pg_int(report->deactivated),
                    pg_int(report->failed));
}

/* Around a run ---------------------------------------------------------------------------------------- */

static bool write_end(struct report *report, const struct report_run *run, const struct err *why, struct err *e)
{
    struct row data CLEANUP(row_free) = {0};
    if (run->tell)
        run->tell(run->data, &data);
    return report_write(report, &data, why, e) && task_commit(report->task, e);
}

/* Errors that end the task at once, whatever other runs of it would say. */
static bool ends_task(const struct err *e)
{
    return e->kind == ERR_CANCELLED || e->kind == ERR_FENCED || e->kind == ERR_TIMEOUT || e->kind == ERR_UNCERTAIN;
}

enum report_end report_around(struct report *report, const struct report_run *run, struct err *e)
{
    bool held;
    struct err other;
    if (!task_try_lock(report->task, run->lock, &held, e))
        return REPORT_STOP;
    if (!held) {
        task_log(report->task, LOG_WARNING, "%s %s: another run is at it, left out", report->handler,
                 area_name(report));
        return REPORT_LEFT_OUT;
    }
    if (run->run(run->data, e) && write_end(report, run, NULL, e))
        return REPORT_GOOD;
    bool told = e->kind != ERR_FENCED && e->kind != ERR_UNCERTAIN && task_rollback(report->task, &other) &&
                write_end(report, run, e, &other);
    return told && !ends_task(e) ? REPORT_FAILED : REPORT_STOP;
}
