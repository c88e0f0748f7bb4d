/* run: carto.locations copies one table, carto.all every table, upper levels first so that parents are there. Each table
 * runs under a lock of its own and has its row of sync_log; the tree is rebuilt once, at the end. */
#include "tasks/carto/carto.h"

#include <stdio.h>
#include <string.h>

enum { FAILED_NAMES_MAX = 1000 };

struct args {
    const char *table, *upstream;
};

/* One number of one row. */
static bool ask_number(struct carto_run *run, const char *what, const char *member, int64_t *number, struct err *e)
{
    struct record record = {0};
    struct text sql CLEANUP(text_free) = {0};
    text_printf(&sql, "select %s from %s", what, run->table->name);
    struct records *records CLEANUP(records_freep) = carto_ask(run, text_str(&sql), e);
    if (!records)
        return err_add(e, "%s", what);
    const struct js *value = records_next(records, &record) ? js_get(record.json, member) : NULL;
    *number = 0;
    return (records_count(records) == 1 && (js_is_null(value) || js_integer(value, number))) ||
           err_set(e, ERR_TRANSIENT, "%s: no number was answered", what);
}

static bool check_names(const struct carto_table *t, struct err *e)
{
    const char *const names[] = {t->name, t->name_col, t->pcode_col, t->parent_col, t->remap};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i] && !carto_is_name(names[i]))
            return err_set(e, ERR_USAGE, "'%s' is not the name of a table or column", names[i]);
    return true;
}

static bool clean_level_above(struct carto_run *run, struct err *e)
{
    return task_sql(run->task, &sql_carto_clean, e, pg_int(run->table->level - 1));
}

/* An empty table is a mistake of its owner and changes nothing, whatever the remap table says. */
static bool copy_table(void *data, struct err *e)
{
    struct carto_run *run = data;
    if (!check_names(run->table, e) || !ask_number(run, "count(*)", "count", &run->count, e) ||
        !ask_number(run, "MAX(cartodb_id)", "max", &run->max_id, e))
        return false;
    if (run->count <= 0 || run->max_id <= 0) {
        report_note(&run->report, "the table is empty: nothing is changed");
        return true;
    }
    if (!carto_remap(run, e) || !carto_pages(run, e))
        return false;
    if (run->report.fetched != run->count)
        report_note(&run->report, "the table changed while it was read");
    return clean_level_above(run, e);
}

static void tell(const void *data, struct row *row)
{
    const struct carto_run *run = data;
    row_text(row, "table", run->table->name);
    row_int(row, "admin_level", run->table->level);
    row_int(row, "count", run->count);
}

static enum report_end run_table(struct task *task, struct http *http, const struct carto_table *table, int64_t *done, struct err *e)
{
    char lock[300];
    struct carto_run run = {.task = task, .http = http, .table = table, .done = *done};
    const struct report_run around = {lock, copy_table, tell, &run};
    snprintf(lock, sizeof lock, "carto.locations/%s", table->name);
    run.report = (struct report){.task = task, .handler = "carto.locations", .steps = carto_steps};
    run.staging = staging_new(task);
    enum report_end end = report_around(&run.report, &around, e);
    *done += run.report.fetched;
    staging_free(run.staging);
    report_free(&run.report);
    row_free(&run.row);
    seen_free(&run.seen);
    return end;
}

static const char *keep(struct task *task, const struct pg_rows *rows, size_t row, size_t column)
{
    return pg_is_null(rows, row, column) ? NULL : region_strdup(task_region(task), pg_get_text(rows, row, column));
}

static bool load_tables(struct task *task, const char *wanted, struct carto_table **tables, size_t *count, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(task, &sql_carto_tables, &rows, e, pg_text(wanted)))
        return false;
    *count = rows.count;
    *tables = task_alloc(task, (rows.count + 1) * sizeof **tables);
    for (size_t i = 0; i < rows.count; i++)
        (*tables)[i] = (struct carto_table){.id = pg_get_int(&rows, i, 0),
                                            .name = keep(task, &rows, i, 1),
                                            .level = pg_get_int(&rows, i, 2),
                                            .level_name = keep(task, &rows, i, 3),
                                            .name_col = keep(task, &rows, i, 4),
                                            .pcode_col = keep(task, &rows, i, 5),
                                            .parent_col = keep(task, &rows, i, 6),
                                            .remap = keep(task, &rows, i, 7)};
    return (*count > 0 || err_set(e, ERR_NOT_FOUND, "there is no table '%s' in registry.carto_table", wanted ? wanted : "")) &&
           task_commit(task, e);
}

/* Tables that failed are named at the end; the others are done. */
static bool run_tables(struct task *task, struct http *http, const struct carto_table *tables, size_t count, struct err *e)
{
    struct text names CLEANUP(text_free) = {.max = FAILED_NAMES_MAX};
    size_t failed = 0;
    int64_t done = 0;
    enum err_kind kind = ERR_NONE;
    for (size_t i = 0; i < count; i++) {
        enum report_end end = run_table(task, http, &tables[i], &done, e);
        if (end == REPORT_STOP)
            return false;
        if (end != REPORT_FAILED)
            continue;
        failed++;
        kind = err_retryable(e->kind) || kind == ERR_NONE ? e->kind : kind;
        text_printf(&names, "%s%s: %s", names.len > 0 ? "; " : "", tables[i].name, e->text);
    }
    if (!task_sql(task, &sql_carto_tree, e) || !task_commit(task, e))
        return false;
    return failed == 0 || err_set(e, kind, "%zu of %zu tables failed: %s", failed, count, text_str(&names));
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    struct carto_table *tables;
    size_t count;
    const struct http_options options = {.total = SECONDS(120), .too_much = "timeout"};
    struct http *http CLEANUP(http_closep) = http_open(task, args->upstream, &options, e);
    return http && load_tables(task, args->table, &tables, &count, e) && run_tables(task, http, tables, count, e);
}

static const struct field table_fields[] = {
    STR_FIELD(struct args, table, .required = true, .help = "a table_name or display_name of registry.carto_table"),
    STR_FIELD(struct args, upstream, .fallback = "carto", .help = "the upstream to ask"),
    {0},
};

static const struct field all_fields[] = {STR_FIELD(struct args, upstream, .fallback = "carto", .help = "the upstream to ask"), {0}};

const struct handler handler_carto_locations = {
    .name = "carto.locations",
    .summary = "Copy one level of locations from a CARTO table",
    .queue = "sync",
    .fields = table_fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};

const struct handler handler_carto_all = {
    .name = "carto.all",
    .summary = "Copy every configured CARTO table, upper levels first",
    .queue = "sync",
    .fields = all_fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
