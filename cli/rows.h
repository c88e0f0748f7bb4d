#pragma once
/* Rows of an answer as people and programs want them: a table on a terminal, lines with tabs between in a pipe, one JSON
 * object a line with --json. What a column is, a verb says in a table; the rows' columns are in the same order. */
#include "common/base/text.h"
#include "common/db/pg.h"

enum column_type {
    COLUMN_TEXT,
    COLUMN_STATUS, /* text with a colour */
    COLUMN_NUMBER,
    COLUMN_BOOL,
    COLUMN_TIME, /* RFC 3339, UTC */
    COLUMN_JSON, /* copied as it is */
};

/* Where a column is shown; 0 is everywhere. */
enum column_place { IN_TABLE = 1, IN_RECORD = 2, IN_JSON = 4 };

struct column {
    const char *name; /* the key, and in capitals the head of the column; NULL ends the table */
    enum column_type type;
    unsigned shown;
};

void rows_print(const struct pg_rows *rows, const struct column *columns, bool json);

/* Add row `row` as a JSON object. */
void rows_json(const struct pg_rows *rows, size_t row, const struct column *columns, struct text *out);

/* The same without the last brace, so that more can follow, such as an array of other rows under `key`. */
void rows_json_open(const struct pg_rows *rows, size_t row, const struct column *columns, struct text *out);
void rows_json_array(const struct pg_rows *rows, const char *key, const struct column *columns, struct text *out);

/* Add one value as people read it: one line, nothing in it moves the cursor. */
void rows_cell(const struct pg_rows *rows, size_t row, size_t column, enum column_type type, struct text *out);

/* Add a line a column that is not NULL: "name   value". */
void rows_record(const struct pg_rows *rows, size_t row, const struct column *columns, struct text *out);

/* Add a title and an indented line a row, NULLs left out and long values cut; nothing when there are no rows. */
void rows_lines(const struct pg_rows *rows, const char *title, const struct column *columns, struct text *out);

/* Add `s` so that nothing in it moves the cursor: control characters become blanks. */
void text_add_line(struct text *out, const char *s);
