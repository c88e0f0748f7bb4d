/* dhis2.org_units: copy the pyramid of org units, with levels, groups and group sets, into a version of a data source. */
#include "tasks/dhis2/dhis2.h"

#include <stdio.h>
#include <string.h>

static const struct field fields[] = {
    STR_FIELD(struct dhis2_import_args, data_source, .required = true, .min = 1, .max = 255,
              .help = "name of the data source to write into; made when there is none"),
    I64_FIELD(struct dhis2_import_args, version, .fallback = "-1", .min = -1, .max = INT32_MAX,
              .help = "number of its version; none: the default one, else 0"),
    BOOL_FIELD(struct dhis2_import_args, new_version, .help = "without a version: make the next one"),
    BOOL_FIELD(struct dhis2_import_args, validate, .help = "new org units are VALID, not NEW"),
    STR_FIELD(struct dhis2_import_args, upstream, .fallback = "dhis2", .help = "the upstream to ask"),
    {0},
};

static const struct staging_step steps[] = {
    {&sql_dhis2_type_unknown, "org_unit_type", STAGING_SHARED},
    {&sql_dhis2_group, "org_unit_group", STAGING_SHARED},
    {&sql_dhis2_unit, "org_unit", STAGING_MAIN},
    {&sql_dhis2_imported, "org_unit_group_member", STAGING_OWN},
    {&sql_dhis2_member, "org_unit_group_member", STAGING_OWN},
    {&sql_dhis2_parent, NULL, STAGING_SHARED},
    {&sql_dhis2_set, "group_set", STAGING_SHARED},
    {&sql_dhis2_set_group, "group_set_group", STAGING_SHARED},
    {0},
};

/* Version and levels ---------------------------------------------------------------------------------- */

/* A task that is run again must find the same name. */
static void name_import(struct dhis2_import *import)
{
    char text[CLOCK_TEXT_MAX];
    clock_format(uuid_moment(task_id(import->task)), text);
    snprintf(import->imported, sizeof import->imported, "Imported on %.2s/%.2s/%.4s %.8s", text + 8, text + 5, text,
             text + 11);
}

static bool open_version(struct dhis2_import *import, struct err *e)
{
    const struct dhis2_import_args *args = import->args;
    struct pg_rows rows;
    if (!task_sql(import->task, &sql_dhis2_source, e, pg_text(args->data_source)) ||
        !task_sql_rows(import->task, &sql_dhis2_version, &rows, e, pg_text(args->data_source),
                       args->version < 0 ? pg_null() : pg_int(args->version), pg_bool(args->new_version),
                       pg_uuid(task_id(import->task))))
        return false;
    import->version_id = pg_get_int(&rows, 0, 0);
    import->version = pg_get_int(&rows, 0, 1);
    if (!pg_get_bool(&rows, 0, 2))
        name_import(import);
    return task_commit(import->task, e);
}

static bool copy_levels(struct dhis2_import *import, struct err *e)
{
    static const struct column columns[] = {
        {"level", NULL, COLUMN_INT, .required = true}, {"name", NULL, COLUMN_TEXT, .required = true}, {0}};
    struct text list CLEANUP(text_free) = {0};
    struct row row CLEANUP(row_free) = {0};
    struct js *answer CLEANUP(js_freep) =
        http_get_json(import->http, "/api/organisationUnitLevels?paging=false&fields=id,name,level", e);
    const struct js *levels = js_get(answer, "organisationUnitLevels");
    text_putc(&list, '[');
    for (size_t i = 0; i < js_count(levels); i++) {
        struct err why;
        const struct place place = {.member = "organisationUnitLevels", .index = (int)i};
        row_reset(&row);
        if (record_read(js_at(levels, i), columns, &place, &row, &why))
            text_printf(&list, "%s%s", list.len > 1 ? "," : "", row_end(&row));
        else
            report_note(&import->report, why.text);
    }
    text_putc(&list, ']');
    return answer && task_sql(import->task, &sql_dhis2_levels, e, pg_int(import->version_id), pg_json(text_str(&list)));
}

/* Org units ------------------------------------------------------------------------------------------- */

static bool add_unit(struct dhis2_import *import, const struct record *record, struct err *e)
{
    struct err why = record->why;
    struct dhis2_batch *batch = &import->batch;
    const char *id = js_text(js_get(record->json, "id"));
    bool again = id && !seen_add(&import->seen, id), whole_list = import->report.page == 0;
    if (again && whole_list)
        return true;
    int number = batch->count++;
    snprintf(batch->ids[number], sizeof batch->ids[number], "%s", id ? id : "?");
    import->report.index = record->index;
    import->report.id = batch->ids[number];
    import->report.fetched++;
    batch->staged[number] = false;
    if (again) {
        report_skip(&import->report, "came before");
        return true;
    }
    batch->staged[number] = record->json && dhis2_read_unit(import, record, number, &why);
    batch->bytes += record->bytes;
    if (batch->staged[number])
        return true;
    report_fail(&import->report, why.text, true);
    *e = why;
    return why.kind == ERR_DATA || why.kind == ERR_LIMIT;
}

static bool move_batch(struct dhis2_import *import, struct err *e)
{
    struct dhis2_batch *batch = &import->batch;
    if (!staging_move(import->staging, steps, import->report.counts, e))
        return false;
    for (int i = 0; i < batch->count; i++) {
        import->report.id = batch->ids[i];
        if (batch->staged[i])
            report_count(&import->report, import->staging, i);
    }
    staging_reset(import->staging);
    batch->count = 0;
    batch->bytes = 0;
    int64_t end = import->total > 0 ? import->total : 0;
    return task_commit(import->task, e) &&
           task_progress(import->task, (int64_t)import->seen.count, end, import->args->data_source, e);
}

static bool is_full(const struct dhis2_batch *batch)
{
    return batch->count == DHIS2_PAGE || batch->bytes >= DHIS2_BATCH_BYTES;
}

static bool copy_records(struct dhis2_import *import, struct records *records, struct err *e)
{
    struct record record;
    bool good = true;
    records_lift(records, "geometry");
    while (good && records_next(records, &record))
        good = add_unit(import, &record, e) && (!is_full(&import->batch) || move_batch(import, e));
    return good && records_end(records, e) && move_batch(import, e);
}

/* Page `page` of the list, or with 0 all of it at once; *pages: how many there are. */
static bool copy_answer(struct dhis2_import *import, int page, int64_t *pages, struct err *e)
{
    struct text address CLEANUP(text_free) = {0};
    text_puts(&address, "/api/organisationUnits.json?fields=id,name,path,coordinates,geometry,parent,"
                        "organisationUnitGroups%5Bid,name%5D,level,openingDate,closedDate,code");
    if (page == 0)
        text_puts(&address, "&paging=false");
    else
        text_printf(&address, "&order=id:asc&pageSize=%d&page=%d&totalPages=true", DHIS2_PAGE, page);
    import->report.page = page;
    struct records *records CLEANUP(records_freep) =
        http_get_records(import->http, text_str(&address), "organisationUnits", e);
    const struct js *pager = records ? records_beside(records, "pager") : NULL;
    *pages = page;
    js_integer(js_get(pager, "pageCount"), pages);
    js_integer(js_get(pager, "total"), &import->total);
    if (records && js_text(js_get(pager, "nextPage")) && *pages <= page)
        *pages = page + 1; /* it does not count them */
    return records && copy_records(import, records, e);
}

/* All pages; when some org units came twice and others therefore not at all, the whole list in one answer. */
static bool copy_units(struct dhis2_import *import, struct err *e)
{
    int64_t pages = 1, seen;
    for (int page = 1; page <= pages && page <= DHIS2_PAGES_MAX; page++)
        if (!copy_answer(import, page, &pages, e))
            return err_add(e, "page %d", page);
    seen = (int64_t)import->seen.count;
    if (seen < import->total) {
        task_log(import->task, LOG_WARNING, "%" PRId64 " of %" PRId64 " org units came in pages: the list is read at once", seen,
                 import->total);
        if (!copy_answer(import, 0, &pages, e))
            return false;
    }
    import->complete = (int64_t)import->seen.count >= import->total;
    return true;
}

/* Group sets ------------------------------------------------------------------------------------------ */

static bool copy_group_sets(struct dhis2_import *import, struct err *e)
{
    struct js *answer CLEANUP(js_freep) = http_get_json(
        import->http, "/api/organisationUnitGroupSets?paging=false&fields=id,name,organisationUnitGroups%5Bid,name%5D",
        e);
    const struct js *sets = js_get(answer, "organisationUnitGroupSets");
    import->report.id = NULL;
    for (size_t i = 0; i < js_count(sets); i++) {
        struct err why;
        if (dhis2_read_set(import, js_at(sets, i), (int)i, &why))
            continue;
        err_add(&why, "organisationUnitGroupSets[%zu]", i);
        report_note(&import->report, why.text);
    }
    return answer && staging_move(import->staging, steps, import->report.counts, e);
}

/* The whole ------------------------------------------------------------------------------------------- */

/* Codes that waited for another org unit to let them go. Those that none did are told. */
static bool give_codes(struct dhis2_import *import, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql(import->task, &sql_dhis2_codes_release, e, pg_int(import->version_id)) ||
        !task_sql_rows(import->task, &sql_dhis2_codes_give, &rows, e, pg_int(import->version_id)))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        struct text what CLEANUP(text_free) = {0};
        text_printf(&what, "code: another org unit has '%.100s', this one comes without", pg_get_text(&rows, i, 1));
        import->report.id = pg_get_text(&rows, i, 0);
        report_note(&import->report, text_str(&what));
    }
    import->report.id = NULL;
    return true;
}

static bool finish(struct dhis2_import *import, struct err *e)
{
    if (!import->complete)
        task_log(import->task, LOG_WARNING, "%zu of %" PRId64 " org units came", import->seen.count, import->total);
    return give_codes(import, e) && task_sql(import->task, &sql_dhis2_paths, e, pg_int(import->version_id)) &&
           (!import->complete || task_sql(import->task, &sql_dhis2_default, e, pg_int(import->version_id)));
}

static bool copy(void *data, struct err *e)
{
    struct dhis2_import *import = data;
    return open_version(import, e) && copy_levels(import, e) && copy_units(import, e) && copy_group_sets(import, e) &&
           finish(import, e);
}

static void tell(const void *data, struct row *row)
{
    const struct dhis2_import *import = data;
    row_text(row, "data_source", import->args->data_source);
    row_int(row, "version", import->version);
    row_bool(row, "complete", import->complete);
}

static bool tell_result(struct dhis2_import *import, struct err *e)
{
    struct row row CLEANUP(row_free) = {0};
    tell(import, &row);
    row_int(&row, "org_units", (int64_t)import->seen.count);
    row_int(&row, "with_point", import->points);
    row_int(&row, "with_polygon", import->areas);
    row_int(&row, "failed", import->report.failed);
    return task_result(import->task, row_end(&row), e);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct dhis2_import_args *args = data;
    struct http *http CLEANUP(http_closep) = http_open(task, args->upstream, &(struct http_options){.total = MINUTES(5)}, e);
    if (!http)
        return false;
    struct dhis2_import import = {.task = task, .http = http, .staging = staging_new(task), .args = args, .row.flat = true, .total = -1,
                                  .report = {.task = task, .handler = "dhis2.org_units", .steps = steps}};
    const char *lock = region_printf(task_region(task), "dhis2.org_units/%s/%" PRId64, args->data_source, args->version);
    const struct report_run around = {lock, copy, tell, &import};
    enum report_end end = report_around(&import.report, &around, e);
    bool good = end == REPORT_LEFT_OUT || (end == REPORT_GOOD && tell_result(&import, e));
    seen_free(&import.seen);
    row_free(&import.row);
    report_free(&import.report);
    staging_free(import.staging);
    return good;
}

const struct handler handler_dhis2_org_units = {
    .name = "dhis2.org_units",
    .summary = "Copy the org units of a DHIS2 into a version of a data source",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct dhis2_import_args),
    .run = run,
    .limit = {.soft = HOURS(2), .hard = HOURS(2) + MINUTES(10)},
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
