/* carto: reads the few forms of SQL that a location sync sends, and answers as the SQL API (version 2) does. */
#include "sandbox/carto/carto.h"

#include "sandbox/carto/place.h"
#include "sandbox/saved.h"
#include "sandbox/write.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char TABLE[] = "sandbox_adm", REMAP[] = "sandbox_adm2_remap";

struct question {
    const char *sql;
    const char *table;   /* the word behind "from" */
    int level;           /* of a table of places; -1: it is none */
    int64_t after, upto; /* cartodb_id */
};

static int level_of(const char *table)
{
    size_t length = strlen(TABLE);
    bool known = strncmp(table, TABLE, length) == 0 && table[length] >= '0' && table[length] < '0' + CARTO_LEVELS;
    return known && !table[length + 1] ? table[length] - '0' : -1;
}

static void answer_error(struct answer *a, int status, const char *words, const char *context)
{
    a->status = status;
    text_reset(&a->body);
    write_open(&a->body, NULL, '{');
    write_open(&a->body, "error", '[');
    write_text(&a->body, NULL, words);
    write_close(&a->body, ']');
    write_text(&a->body, "hint", NULL);
    write_text(&a->body, "detail", context ? "datasource" : NULL);
    write_text(&a->body, "context", context);
    write_close(&a->body, '}');
}

static void open_rows(struct answer *a)
{
    write_open(&a->body, NULL, '{');
    write_open(&a->body, "rows", '[');
}

static void close_rows(struct answer *a, int64_t rows, const char *error)
{
    write_close(&a->body, ']');
    text_puts(&a->body, ",\"time\":0.003,\"fields\":{}");
    write_int(&a->body, "total_rows", rows);
    if (error) {
        write_open(&a->body, "error", '[');
        write_text(&a->body, NULL, error);
        write_close(&a->body, ']');
    }
    write_close(&a->body, '}');
}

static void answer_number(struct answer *a, const char *name, int64_t number)
{
    open_rows(a);
    write_open(&a->body, NULL, '{');
    write_int(&a->body, name, number);
    write_close(&a->body, '}');
    close_rows(a, 1, NULL);
}

/* A chain, a swap, one that stays, one that goes, one that never was. */
static void answer_remap(struct answer *a)
{
    static const struct {
        const char *old, *new;
        int matching;
    } entries[] = {{"SB10101", "SB10102", 1}, {"SB10102", "SB10101", 1}, {"SB10103", "SB10103", 1}, {"SBGONE", NULL, 0}, {"SBNEVER", "SB10104", 1}};
    enum { ENTRIES = sizeof entries / sizeof *entries };
    open_rows(a);
    for (size_t i = 0; i < ENTRIES; i++) {
        write_open(&a->body, NULL, '{');
        write_text(&a->body, "old_pcode", entries[i].old);
        write_text(&a->body, "new_pcode", entries[i].new);
        write_int(&a->body, "matching", entries[i].matching);
        write_close(&a->body, '}');
    }
    close_rows(a, ENTRIES, NULL);
}

/* The rows of the page, from the last or the first on. */
static void answer_places(const struct carto *c, const struct question *q, struct answer *a)
{
    const struct occasion o = {.offset = q->after, .id = -1};
    int64_t rows = place_rows(c, q->level), first = q->after < 0 ? 0 : q->after, given = 0;
    bool backwards = quirks_fire(c->quirks, QUIRK_ROWS_IN_ANY_ORDER, &o), broken = quirks_fire(c->quirks, QUIRK_ERROR_BESIDE_ROWS, &o);
    bool parent = strstr(q->sql, "parent_pcode") != NULL;
    int64_t begin = first - first / 7 - 1, end;
    begin = begin < 0 ? 0 : begin;
    while (begin < rows && place_row_id(begin) <= q->after)
        begin++;
    for (end = begin; end < rows && place_row_id(end) <= q->upto;)
        end++;
    end = broken ? begin + (end - begin) / 2 : end;
    open_rows(a);
    for (; begin < end; given++)
        place_row_write(c, q->level, backwards ? --end : begin++, parent, &a->body);
    close_rows(a, given, broken ? "canceling statement due to conflict with recovery" : NULL);
}

static void answer_page(const struct carto *c, const struct question *q, struct answer *a)
{
    const struct occasion o = {.offset = q->after, .id = -1};
    int64_t width = q->upto - q->after;
    if (width > c->quirks->rules[QUIRK_STATEMENT_TIMEOUT].value && quirks_fire(c->quirks, QUIRK_STATEMENT_TIMEOUT, &o))
        answer_error(a, 429,
                     "You are over platform's limits: SQL query timeout error. Refactor your query before running again or contact CARTO support "
                     "for more details.",
                     "limit");
    else
        answer_places(c, q, a);
}

static bool read_question(struct text *sql, struct question *q)
{
    char *from = sql->data ? strcasestr(sql->data, " from ") : NULL, *where;
    if (!from)
        return false;
    *q = (struct question){.sql = sql->data, .table = from + strlen(" from "), .level = -1, .upto = INT64_MAX};
    where = strcasestr(q->table, " where ");
    if (where) {
        *where = '\0';
        if (sscanf(where + strlen(" where "), "cartodb_id > %" SCNd64 " AND cartodb_id <= %" SCNd64, &q->after, &q->upto) != 2)
            return false;
    }
    q->level = level_of(q->table);
    return true;
}

static bool is_about(const struct question *q, const char *what)
{
    return strncasecmp(q->sql, "select ", strlen("select ")) == 0 && strncasecmp(q->sql + strlen("select "), what, strlen(what)) == 0;
}

bool carto_has_saved(const struct carto *c)
{
    return saved_any(c->data, "carto", "_rows.json");
}

/* A saved table's rows all come with the first page. */
static bool give_saved(const struct carto *c, const struct question *q, struct answer *a)
{
    char ending[160];
    bool number = is_about(q, "count(*)") || is_about(q, "max("), remap = is_about(q, "old_pcode");
    snprintf(ending, sizeof ending, remap ? "%.100s.json" : "%.100s_%s.json", q->table, is_about(q, "count(*)") ? "count" : number ? "max" : "rows");
    if (strpbrk(q->table, "/*?[") || !saved_any(c->data, "carto", ending))
        return false;
    if (number || remap || q->after <= 0)
        return saved_read(c->data, "carto", ending, 0, &a->body);
    open_rows(a);
    close_rows(a, 0, NULL);
    return true;
}

static void answer_question(const struct carto *c, const struct question *q, struct answer *a)
{
    char words[160];
    if (give_saved(c, q, a))
        return;
    if (strcmp(q->table, REMAP) == 0)
        answer_remap(a);
    else if (q->level < 0) {
        snprintf(words, sizeof words, "relation \"%.100s\" does not exist", q->table);
        answer_error(a, 400, words, NULL);
    } else if (is_about(q, "count(*)"))
        answer_number(a, "count", place_rows(c, q->level));
    else if (is_about(q, "max("))
        answer_number(a, "max", place_row_id(place_rows(c, q->level) - 1));
    else
        answer_page(c, q, a);
}

static void serve(void *state, const struct request *r, struct answer *a)
{
    struct question q;
    struct text sql = {0};
    if (!request_form(r, "q", &sql))
        text_puts(&sql, request_arg(r, "q") ? request_arg(r, "q") : "");
    if (sql.len == 0)
        answer_error(a, 400, "You must indicate a sql query", NULL);
    else if (!read_question(&sql, &q))
        answer_error(a, 400, "syntax error at or near the end of what this stand-in understands", NULL);
    else
        answer_question(state, &q, a);
    text_free(&sql);
}

const struct route carto_routes[] = {{"POST", "/api/v2/sql", serve}, {"GET", "/api/v2/sql", serve}, {0}};

void carto_reset(void *state)
{
    (void)state; /* it has nothing that a test changes */
}
