/* rows: printing answers. */
#include "cli/rows.h"
#include "cli/terminal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 48, CELL_WIDTH_MAX = 80, RECORD_COLUMN = 18, LINE_CELL_MAX = 500 };

static bool is_in(const struct column *column, enum column_place place)
{
    return column->shown == 0 || (column->shown & place) != 0;
}

void text_add_line(struct text *out, const char *s)
{
    for (; *s; s++)
        if ((unsigned char)s[0] == 0xC2 && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] < 0xA0) { /* U+0080 to U+009F are control characters */
            text_putc(out, ' ');
            s++;
        } else {
            text_putc(out, (unsigned char)*s < ' ' || *s == 0x7F ? ' ' : *s);
        }
}

void rows_cell(const struct pg_rows *rows, size_t row, size_t column, enum column_type type, struct text *out)
{
    char at[CLOCK_TEXT_MAX];
    if (pg_is_null(rows, row, column))
        return;
    switch (type) {
    case COLUMN_TIME:
        text_puts(out, clock_format(pg_get_time(rows, row, column), at));
        break;
    case COLUMN_BOOL:
        text_puts(out, pg_get_bool(rows, row, column) ? "yes" : "no");
        break;
    case COLUMN_TEXT:
    case COLUMN_STATUS:
    case COLUMN_NUMBER:
    case COLUMN_JSON:
        text_add_line(out, pg_get_text(rows, row, column));
        break;
    }
}

static void json_value(const struct pg_rows *rows, size_t row, size_t column, enum column_type type, struct text *out)
{
    char at[CLOCK_TEXT_MAX];
    const char *text = pg_get_text(rows, row, column);
    if (pg_is_null(rows, row, column)) {
        text_puts(out, "null");
        return;
    }
    switch (type) {
    case COLUMN_TIME:
        text_printf(out, "\"%s\"", clock_format(pg_get_time(rows, row, column), at));
        break;
    case COLUMN_BOOL:
        text_puts(out, pg_get_bool(rows, row, column) ? "true" : "false");
        break;
    case COLUMN_NUMBER:
    case COLUMN_JSON:
        text_puts(out, text);
        break;
    case COLUMN_TEXT:
    case COLUMN_STATUS:
        text_json_string(out, text, strlen(text));
        break;
    }
}

void rows_json_open(const struct pg_rows *rows, size_t row, const struct column *columns, struct text *out)
{
    const char *between = "{";
    for (size_t i = 0; columns[i].name; i++) {
        if (!is_in(&columns[i], IN_JSON))
            continue;
        text_printf(out, "%s\"%s\": ", between, columns[i].name);
        json_value(rows, row, i, columns[i].type, out);
        between = ", ";
    }
}

void rows_json(const struct pg_rows *rows, size_t row, const struct column *columns, struct text *out)
{
    rows_json_open(rows, row, columns, out);
    text_putc(out, '}');
}

void rows_json_array(const struct pg_rows *rows, const char *key, const struct column *columns, struct text *out)
{
    text_printf(out, ", \"%s\": [", key);
    for (size_t row = 0; row < rows->count; row++) {
        text_puts(out, row ? ", " : "");
        rows_json(rows, row, columns, out);
    }
    text_puts(out, "]");
}

static void print_json(const struct pg_rows *rows, const struct column *columns)
{
    CLEANUP(text_free) struct text line = {0};
    for (size_t row = 0; row < rows->count; row++) {
        text_reset(&line);
        rows_json(rows, row, columns, &line);
        puts(text_str(&line));
    }
}

static void print_plain(const struct pg_rows *rows, const struct column *columns)
{
    CLEANUP(text_free) struct text line = {0};
    for (size_t row = 0; row < rows->count; row++) {
        text_reset(&line);
        const char *between = "";
        for (size_t i = 0; columns[i].name; i++) {
            if (!is_in(&columns[i], IN_TABLE))
                continue;
            text_puts(&line, between);
            rows_cell(rows, row, i, columns[i].type, &line);
            between = "\t";
        }
        puts(text_str(&line));
    }
}

/* As rows_cell(), but a moment of a table ends with its seconds. */
static void add_cell(const struct pg_rows *rows, size_t row, size_t column, enum column_type type, struct text *out)
{
    char at[CLOCK_TEXT_MAX];
    if (type != COLUMN_TIME || pg_is_null(rows, row, column)) {
        rows_cell(rows, row, column, type, out);
        return;
    }
    usec_t moment = pg_get_time(rows, row, column);
    text_puts(out, clock_format(moment - moment % SECONDS(1), at));
}

/* The widest cell of each column, at most CELL_WIDTH_MAX; 0 for a column that is not shown. */
static void measure(const struct pg_rows *rows, const struct column *columns, size_t *widths)
{
    CLEANUP(text_free) struct text cell = {0};
    for (size_t i = 0; i < COLUMNS_MAX && columns[i].name; i++) {
        widths[i] = !is_in(&columns[i], IN_TABLE) ? 0 : strlen(columns[i].name);
        for (size_t row = 0; row < rows->count && is_in(&columns[i], IN_TABLE); row++) {
            text_reset(&cell);
            add_cell(rows, row, i, columns[i].type, &cell);
            size_t width = text_width(text_str(&cell));
            if (width > widths[i])
                widths[i] = width < CELL_WIDTH_MAX ? width : CELL_WIDTH_MAX;
        }
    }
}

/* A table while it is drawn, and its widths: the last column takes what is left of the screen. */
struct table {
    const struct column *columns;
    size_t widths[COLUMNS_MAX];
    size_t last;
    bool colours;
};

/* One cell, cut or filled up to its width; numbers stand to the right. */
static void print_cell(const struct table *t, size_t i, const char *cell)
{
    const struct column *column = &t->columns[i];
    size_t width = t->widths[i], length = text_width(cell);
    bool cut = length > width;
    const char *colour = t->colours && column->type == COLUMN_STATUS ? status_colour(cell) : "";
    size_t bytes = text_cut(cell, cut && width > 0 ? width - 1 : width);
    int fill = cut ? 0 : (int)(width - length);
    printf("%*s%s%.*s%s%s", column->type == COLUMN_NUMBER ? fill : 0, "", colour, (int)bytes, cell, cut && width > 0 ? "…" : "",
           *colour ? COLOUR_END : "");
    if (i == t->last)
        putchar('\n');
    else
        printf("%*s", (column->type == COLUMN_NUMBER ? 0 : fill) + 2, "");
}

static void fit(struct table *t, size_t screen)
{
    size_t left = screen;
    for (size_t i = 0; t->columns[i].name; i++)
        if (is_in(&t->columns[i], IN_TABLE))
            t->last = i;
    for (size_t i = 0; i < t->last; i++) {
        size_t wanted = !is_in(&t->columns[i], IN_TABLE) ? 0 : t->widths[i] + 2;
        left -= wanted < left ? wanted : left;
    }
    if (t->widths[t->last] > left)
        t->widths[t->last] = left;
}

static void print_head(const struct table *t)
{
    for (size_t i = 0; t->columns[i].name; i++) {
        char head[64];
        size_t n = 0;
        for (const char *name = t->columns[i].name; name[n] && n + 1 < sizeof head; n++)
            head[n] = name[n] == '_' ? ' ' : (char)toupper((unsigned char)name[n]);
        head[n] = '\0';
        if (is_in(&t->columns[i], IN_TABLE))
            print_cell(t, i, head);
    }
}

static void print_table(const struct pg_rows *rows, const struct column *columns)
{
    CLEANUP(text_free) struct text cell = {0};
    struct table t = {.columns = columns, .colours = terminal_colours(stdout)};
    measure(rows, columns, t.widths);
    fit(&t, terminal_width(stdout));
    print_head(&t);
    for (size_t row = 0; row < rows->count; row++) {
        for (size_t i = 0; columns[i].name; i++) {
            if (!is_in(&columns[i], IN_TABLE))
                continue;
            text_reset(&cell);
            add_cell(rows, row, i, columns[i].type, &cell);
            print_cell(&t, i, text_str(&cell));
        }
    }
}

void rows_print(const struct pg_rows *rows, const struct column *columns, bool json)
{
    if (json)
        print_json(rows, columns);
    else if (terminal_is(stdout) && rows->count > 0)
        print_table(rows, columns);
    else
        print_plain(rows, columns);
}

void rows_record(const struct pg_rows *rows, size_t row, const struct column *columns, struct text *out)
{
    for (size_t i = 0; columns[i].name; i++) {
        if (!is_in(&columns[i], IN_RECORD) || pg_is_null(rows, row, i))
            continue;
        text_printf(out, "%-*s ", RECORD_COLUMN, columns[i].name);
        rows_cell(rows, row, i, columns[i].type, out);
        text_putc(out, '\n');
    }
}

/* An overview: what is longer than that has a verb of its own, or --json. */
static void line_cell(const struct pg_rows *rows, size_t row, size_t column, enum column_type type, struct text *out)
{
    struct text cell CLEANUP(text_free) = {.max = LINE_CELL_MAX};
    rows_cell(rows, row, column, type, &cell);
    text_utf8(out, text_str(&cell), cell.len);
    if (cell.cut)
        text_puts(out, "…");
}

void rows_lines(const struct pg_rows *rows, const char *title, const struct column *columns, struct text *out)
{
    if (rows->count > 0)
        text_printf(out, "\n%s\n", title);
    for (size_t row = 0; row < rows->count; row++) {
        for (size_t i = 0; columns[i].name; i++) {
            if (!is_in(&columns[i], IN_TABLE) || pg_is_null(rows, row, i))
                continue;
            text_puts(out, "  ");
            line_cell(rows, row, i, columns[i].type, out);
        }
        text_putc(out, '\n');
    }
}
