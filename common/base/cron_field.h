#pragma once
/* What the two halves of the expression parser share: cron_field.c reads one field, cron_parse.c everything around. */
#include "common/base/cron_inside.h"

/* In the order in which they are written. */
enum cron_unit { CRON_SECOND, CRON_MINUTE, CRON_HOUR, CRON_DAY_OF_MONTH, CRON_MONTH, CRON_WEEKDAY, CRON_YEAR };

struct cron_field {
    const char *name;
    char letter;         /* what H mixes in, 0 where H is not accepted */
    char interval;       /* the unit of @every to point to, 0 for none */
    int min, max;        /* the values that may be written */
    int last;            /* the last one counted by a/n: 7 is Sunday again */
    int count;           /* different values: the ring of a range, and the largest step */
    int h_last;          /* the last value of H without a range */
    const char *allowed; /* for messages */
    const char *const *names;
};

/* A part of the text. */
struct cron_piece {
    const char *at;
    size_t len;
};

struct cron_parser {
    const char *text; /* the whole, for columns */
    const char *name; /* of the schedule, "" for none */
    struct cron *cron;
    const struct cron_field *field;
    struct cron_piece item;        /* what a message quotes */
    const char *at;                /* how far it is read; ends at item.at + item.len */
    uint64_t set[CRON_YEAR_WORDS]; /* values of this field; year n is bit n - CRON_YEAR_MIN */
    bool any;                      /* an item of this field is "*" */
    struct err *e;
};

/* For "%.*s": the piece, shortened when it is long. */
enum { CRON_QUOTE_MAX = 64 };
#define CRON_QUOTE(piece) (int)((piece).len < CRON_QUOTE_MAX ? (piece).len : CRON_QUOTE_MAX), (piece).at

/* "minute (col 0): …", by the parser's field and item. Always false. */
bool cron_refuse(const struct cron_parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Read one field into the schedule. */
bool cron_read_field(struct cron_parser *p, enum cron_unit unit, struct cron_piece text);

/* Readers within the item: is it used up; the next character in upper case (0 at the end); take that character. */
bool cron_at_end(const struct cron_parser *p);
char cron_peek(const struct cron_parser *p);
bool cron_skip(struct cron_parser *p, char c);
