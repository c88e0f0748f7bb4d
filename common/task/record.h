#pragma once
/* What an upstream sends, checked member by member against a table, and written as one clean JSON object for staging.h.
 *
 *     static const struct column columns[] = {
 *         {"external_id", "id", COLUMN_ID, .required = true},
 *         {"title", "name", COLUMN_TEXT, .required = true, .max = 255},
 *         {"started", "start_date", COLUMN_DATE},
 *         {0},
 *     };
 *     record_read(item, columns, &here, &row, e)
 *
 * A value that does not fit is ERR_DATA, and the error begins with its place: "indicators[2].target.v: …". */
#include "common/base/err.h"
#include "common/base/json.h"
#include "common/base/text.h"

enum { ROW_MEMBERS_MAX = 32 };

/* One row that is being written, a member at a time: as a JSON object, or flat, as the texts of its members in the order
 * in which they were added, which costs the server far less to read. */
struct row {
    struct text json; /* flat: the members, each with a NUL behind it */
    bool ended;
    bool flat; /* set before the first member */
    int count; /* flat: of members */
    bool null[ROW_MEMBERS_MAX];
    size_t opened; /* where the member of row_open_json() begins */
};

void row_text(struct row *row, const char *name, const char *value); /* NULL is null */
void row_int(struct row *row, const char *name, int64_t value);
void row_bool(struct row *row, const char *name, bool value);
void row_json(struct row *row, const char *name, const char *json);
/* A long one is written where it stays: add its JSON to what is answered, then close it; unless it is kept it is null. */
struct text *row_open_json(struct row *row, const char *name);
void row_close_json(struct row *row, bool keep);
const char *row_end(struct row *row); /* the object, until the next member begins a new one */
char *row_take(struct row *row);      /* what was ended, to be freed by the caller: the row keeps no memory */
void row_reset(struct row *row);      /* drop what was begun */
void row_free(struct row *row);

enum column_type {
    COLUMN_ID,      /* an integer or a string; becomes text */
    COLUMN_TEXT,    /* a string of at most `max` characters (0: 255) */
    COLUMN_DATE,    /* "2023-05-01", a day that exists */
    COLUMN_MOMENT,  /* RFC 3339, or a date: its midnight in UTC */
    COLUMN_DECIMAL, /* a number or a string with one, kept exactly: at most `max` digits (0: 18) before the point */
    COLUMN_INT,     /* an integer or a string with one, of at most `max` digits (0: 18) */
    COLUMN_BOOL,
    COLUMN_DAY,    /* a date as older systems write it too: "21-FEB-12" (69 to 99 are 19xx), "2012-12-31T00:00:00-05:00"
                      (its own day), "/Date(1361336400000)/" (its day in UTC) */
    COLUMN_AMOUNT, /* COLUMN_DECIMAL with commas or blanks between digits, the sign before or behind: "1,500.25-" */
    COLUMN_FLAG,   /* true unless it says "N", "NO" or nothing; never null */
};

struct column {
    const char *name; /* in the row; NULL ends the table */
    const char *from; /* in the record; "cp_output.id" is a member's member; NULL: as `name` */
    enum column_type type;
    bool required; /* null, absent and "" are refused */
    bool cut;      /* a text that is too long is cut at a character */
    int max;
    const char *fallback; /* JSON for what is null or absent; NULL: null */
    const char *or_from;  /* what other versions call the member: looked for when it is absent; NULL: nothing */
};

/* Where in the record something stands, from the inside out; on the reader's stack. */
struct place {
    const struct place *outer; /* NULL: the record itself */
    const char *member;
    int index; /* in an array; -1: not in one */
};

/* Add the members of the table to `row`, null for what is null or absent. */
bool record_read(const struct js *record, const struct column *columns, const struct place *place, struct row *row,
                 struct err *e);

/* What stands in the record for this column; NULL: absent. */
const struct js *record_value(const struct js *record, const struct column *column);

/* ERR_DATA "PLACE.member: …"; `member` may be NULL. Always false. */
bool record_refuse(const struct place *place, const char *member, struct err *e, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The array `member` of `record` into *array; null and absent count as empty. */
bool record_array(const struct js *record, const char *member, const struct place *place, const struct js **array,
                  struct err *e);

/* Add the number that a value stands for, exactly: 60, 12.50, "1,500" is 1500. Null, "", "None" and absent are 0. */
bool record_number(const struct js *value, struct text *out);
