/* import: what is done with rows, whatever they were read from. */
#include "cli/import/import.h"
#include "sql/queries.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void import_note(struct import *in, struct import_row *row, const char *format, ...)
{
    CLEANUP(text_free) struct text note = {0};
    va_list args;
    if (row->note)
        text_printf(&note, "%s; ", row->note);
    va_start(args, format);
    text_vprintf(&note, format, args);
    va_end(args);
    row->note = region_strdup(in->region, text_str(&note));
}

/* By name, then in the order of the file. */
static int compare_names(const void *left, const void *right)
{
    const struct import_row *a = *(struct import_row *const *)left, *b = *(struct import_row *const *)right;
    int order = strcmp(a->name, b->name);
    return order ? order : (a > b) - (a < b);
}

void import_find_twins(struct import *in)
{
    struct import_row **sorted = region_alloc(in->region, (in->count + 1) * sizeof *sorted);
    for (size_t i = 0; i < in->count; i++)
        sorted[i] = &in->rows[i];
    qsort(sorted, in->count, sizeof *sorted, compare_names);
    for (size_t i = 1; i < in->count; i++)
        if (!sorted[i]->problem && strcmp(sorted[i]->name, sorted[i - 1]->name) == 0)
            sorted[i]->problem = "an earlier row of the file has this name";
}

/* Writing ----------------------------------------------------------------------------------------------------------- */

static void add_text(struct text *out, const char *key, const char *value)
{
    text_printf(out, ", \"%s\": ", key);
    text_json_text(out, value);
}

static void add_time(struct text *out, const char *key, usec_t at)
{
    char text[CLOCK_TEXT_MAX];
    add_text(out, key, at ? clock_format(at, text) : NULL);
}

/* The rows as the statements read them. */
static void add_row(struct text *out, const struct import_row *row)
{
    text_printf(out, "{\"args\": %s, \"enabled\": %s, \"max_runs\": %s", row->args, row->enabled ? "true" : "false", row->once ? "1" : "null");
    if (row->priority >= 0)
        text_printf(out, ", \"priority\": %d", row->priority);
    add_text(out, "periodic_task", row->from);
    add_text(out, "task", row->task);
    add_text(out, "name", row->name);
    add_text(out, "handler", row->handler);
    add_text(out, "spec", row->spec);
    add_text(out, "tz", row->tz);
    add_text(out, "queue", row->queue);
    add_time(out, "start_at", row->start_at);
    add_time(out, "end_at", row->end_at);
    add_text(out, "problem", row->problem);
    add_text(out, "note", row->note);
    text_putc(out, '}');
}

static bool is_done(const struct pg_rows *report)
{
    for (size_t i = 0; i < report->count; i++)
        if (strcmp(pg_get_text(report, i, 0), "imported") == 0 || strcmp(pg_get_text(report, i, 0), "changed") == 0)
            return false;
    return true;
}

bool import_write(const struct import *in, struct pg *pg, bool dry, struct pg_rows *report, struct err *e)
{
    CLEANUP(text_free) struct text rows = {0};
    struct pg_rows answers[2];
    text_putc(&rows, '[');
    for (size_t i = 0; i < in->count; i++) {
        text_puts(&rows, i > 0 ? ", " : "");
        add_row(&rows, &in->rows[i]);
    }
    text_putc(&rows, ']');
    struct pg_call calls[] = {{&sql_schedule_import_compare, {pg_json(text_str(&rows)), {.type = PG_END}}},
                              {&sql_schedule_import_write, {pg_json(text_str(&rows)), {.type = PG_END}}}};
    if (!pg_exec_calls(pg, calls, 1, report, e))
        return false;
    if (dry || is_done(report))
        return true;
    if (!pg_exec_calls(pg, calls, 2, answers, e))
        return false;
    *report = answers[0];
    return true;
}
