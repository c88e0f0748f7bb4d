/* pages: pages go by cartodb_id. Ids have gaps and may begin high, so a page is wider the more gaps there are; one that the
 * server cannot answer in its time is asked for again in halves, down to a single id. Rows come in any order and may come
 * twice: of two with one p_code the first one of the run stays. */
#include "tasks/carto/carto.h"

#include "common/task/geometry.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

const struct staging_step carto_steps[] = {
    {&sql_carto_location, "location", STAGING_MAIN},
    {&sql_carto_parent, "location", STAGING_OWN},
    {0},
};

/* A column's value; CARTO answers with lower case what was asked for without quotes. */
static const struct js *column(const struct js *row, const char *name)
{
    char lower[256];
    size_t i = 0;
    const struct js *value = js_get(row, name);
    for (; name[i] && i + 1 < sizeof lower; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    lower[i] = '\0';
    return value ? value : js_get(row, lower);
}

enum { CODE_ROOM = 256 }; /* bytes: more than any code that fits its column */

/* A code as text: numeric columns answer with numbers. */
static void read_code(const struct js *value, char out[static CODE_ROOM])
{
    int64_t whole;
    double real;
    const char *text = js_text(value);
    out[0] = '\0';
    if (js_integer(value, &whole))
        snprintf(out, CODE_ROOM, "%" PRId64, whole);
    else if (js_number(value, &real))
        snprintf(out, CODE_ROOM, "%.15g", real);
    if (!text)
        return;
    text += strspn(text, " \t\r\n");
    snprintf(out, CODE_ROOM, "%s", text);
    for (size_t length = strlen(out); length > 0 && isspace((unsigned char)out[length - 1]); length--)
        out[length - 1] = '\0';
}

static bool is_blank(const char *s)
{
    return !s || !s[strspn(s, " \t\r\n")];
}

enum reading { READ_STAGED, READ_SKIPPED, READ_BAD };

/* What is missing: such a row is left out. NULL: nothing is. */
static const char *missing(const char *name, const char *code, const char *shape)
{
    return is_blank(code) ? "no p_code" : is_blank(name) ? "no name" : is_blank(shape) ? "no geometry" : NULL;
}

static bool check_length(const char *member, const char *value, size_t max, struct err *e)
{
    size_t characters = 0;
    for (const char *c = value; *c; c++)
        characters += (*c & 0xC0) != 0x80;
    return characters <= max || err_set(e, ERR_DATA, "%s: more than %zu characters", member, max);
}

static bool check(const char *name, const char *code, const char *parent, struct err *e)
{
    return check_length("name", name, 254, e) && check_length("p_code", code, 32, e) && check_length("parent", parent, 32, e);
}

/* What comes behind the shape. */
static bool stage(struct carto_run *run, struct err *e)
{
    char origin[300];
    row_int(&run->row, NULL, run->table->level);
    row_text(&run->row, NULL, run->table->level_name);
    snprintf(origin, sizeof origin, "carto:%s", run->table->name);
    row_text(&run->row, NULL, origin);
    return staging_add(run->staging, run->staged, "place", &run->row, e);
}

/* The shape is written where it stays: it may be larger than all the rest. *empty: it has no position. */
static bool read_shape(struct carto_run *run, const char *geojson, bool *empty, struct err *e)
{
    static const struct place place = {.member = "the_geom", .index = -1};
    enum geometry kind;
    bool good = geometry_read(geojson, &place, &kind, row_open_json(&run->row, NULL), e);
    *empty = good && kind == GEOMETRY_NONE;
    row_close_json(&run->row, good && !*empty);
    return good;
}

static enum reading read_row(struct carto_run *run, const struct record *record, char code[static CODE_ROOM], struct err *e)
{
    const struct carto_table *table = run->table;
    const struct js *row = record->json;
    char parent[CODE_ROOM] = "", number[CODE_ROOM];
    bool empty = false;
    const char *name = js_text(column(row, table->name_col));
    const char *geojson = record->lifted ? record->lifted : js_text(js_get(row, "the_geom"));
    if (!name) {
        read_code(column(row, table->name_col), number);
        name = number;
    }
    read_code(column(row, table->pcode_col), code);
    if (table->parent_col)
        read_code(column(row, table->parent_col), parent);
    const char *absent = missing(name, code, geojson);
    row_text(&run->row, NULL, code);
    row_text(&run->row, NULL, name);
    row_text(&run->row, NULL, *parent ? parent : NULL);
    if (!absent && !(check(name, code, parent, e) && read_shape(run, geojson, &empty, e)))
        return READ_BAD;
    if (absent || empty || !seen_add(&run->seen, code)) {
        err_set(e, ERR_DATA, "%s", absent ? absent : empty ? "an empty geometry" : "its p_code came before");
        return READ_SKIPPED;
    }
    return stage(run, e) ? READ_STAGED : READ_BAD;
}

/* Move what is staged, count it, commit. */
static bool flush(struct carto_run *run, struct err *e)
{
    char message[160];
    if (run->staged > 0 && !staging_move(run->staging, carto_steps, run->report.counts, e))
        return false;
    run->report.id = NULL;
    for (int i = 0; i < run->staged; i++) {
        run->report.index = i;
        report_count(&run->report, run->staging, i);
    }
    staging_reset(run->staging);
    run->staged = 0;
    run->staged_bytes = 0;
    snprintf(message, sizeof message, "%.100s, page %d", run->table->name, run->report.page);
    return task_commit(run->task, e) && task_progress(run->task, run->done + run->report.fetched, run->done + run->count, message, e);
}

static bool take(struct carto_run *run, const struct record *record, struct err *e)
{
    char code[CODE_ROOM] = "";
    struct err why = record->why;
    row_reset(&run->row);
    run->report.fetched++;
    run->report.index = record->index;
    run->report.id = code;
    enum reading reading = record->json ? read_row(run, record, code, &why) : READ_BAD;
    if (reading == READ_BAD && why.kind != ERR_DATA && why.kind != ERR_LIMIT) {
        *e = why;
        return false;
    }
    if (reading == READ_SKIPPED)
        report_skip(&run->report, why.text);
    else if (reading == READ_BAD)
        report_fail(&run->report, why.text, true);
    run->report.id = NULL;
    run->staged += reading == READ_STAGED;
    run->staged_bytes += reading == READ_STAGED ? record->bytes : 0;
    return (run->staged < CARTO_BATCH_ROWS && run->staged_bytes < CARTO_BATCH_BYTES) || flush(run, e);
}

static void question(const struct carto_run *run, int64_t after, int64_t width, struct text *out)
{
    const struct carto_table *t = run->table;
    text_reset(out);
    text_printf(out, "select st_AsGeoJSON(the_geom) as the_geom, %s, %s%s%s from %s WHERE cartodb_id > %" PRId64 " AND cartodb_id <= %" PRId64,
                t->name_col, t->pcode_col, t->parent_col ? ", " : "", t->parent_col ? t->parent_col : "", t->name, after, after + width);
}

static bool read_page(struct carto_run *run, int64_t after, int64_t width, struct err *e)
{
    struct text sql CLEANUP(text_free) = {0};
    struct record record;
    question(run, after, width, &sql);
    struct records *records CLEANUP(records_freep) = carto_ask(run, text_str(&sql), e);
    if (!records)
        return false;
    run->report.page++;
    records_lift(records, "the_geom");
    while (records_next(records, &record))
        if (!take(run, &record, e))
            return false;
    return records_end(records, e) && flush(run, e);
}

/* One id that cannot be had in any time. */
static void give_up_on(struct carto_run *run, int64_t id, const char *why)
{
    char name[32];
    snprintf(name, sizeof name, "%" PRId64, id);
    run->report.fetched++;
    run->report.index = 0;
    run->report.id = name;
    report_fail(&run->report, why, false);
    run->report.id = NULL;
}

bool carto_pages(struct carto_run *run, struct err *e)
{
    int64_t gaps = run->max_id / run->count, full = gaps > 5 ? CARTO_PAGE * gaps : CARTO_PAGE, width = full;
    int given_up = 0;
    run->row.flat = true;
    for (int64_t at = 0; at < run->max_id;) {
        bool good = read_page(run, at, width, e);
        if (!good && e->kind != ERR_LIMIT)
            return err_add(e, "ids after %" PRId64, at);
        if (!good && width > 1) {
            width = (width + 1) / 2;
            continue;
        }
        if (!good && ++given_up > CARTO_GIVEN_UP_MAX)
            return err_add(e, "more than %d single ids", CARTO_GIVEN_UP_MAX);
        if (!good)
            give_up_on(run, at + 1, e->text);
        at += width;
        width = 2 * width < full ? 2 * width : full;
    }
    return true;
}
