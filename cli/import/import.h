#pragma once
/* Schedules of another system on their way into the table: a reader makes rows, handlers are chosen for them, and they
 * are written as a whole. A reader is a file like django.c; it takes a text and answers rows. */
#include "common/base/clock.h"
#include "common/base/region.h"
#include "common/db/pg.h"
#include "worker/catalog.h"

enum { IMPORT_ROWS_MAX = 100000 };

struct import_row {
    const char *from, *task; /* its name there, and that of what it runs; "" when it has none */
    const char *name;        /* its name here */
    const char *handler;     /* what it runs here; the reader says `task` */
    const char *args;        /* a JSON object */
    const char *spec, *tz;   /* NULL: none */
    const char *queue;       /* NULL: the handler's */
    int priority;            /* -1: none */
    bool enabled;
    usec_t start_at, end_at; /* 0: no bound */
    bool once;               /* it is over after one tick */
    bool held;               /* it would not do what it did there: not to be enabled */
    const char *problem;     /* why it cannot be imported; NULL: it can */
    const char *note;        /* what the reader of a report should know; NULL: nothing */
};

struct import {
    struct region *region; /* of everything in the rows */
    struct import_row *rows;
    size_t count;
};

/* Add to the row's note. */
void import_note(struct import *in, struct import_row *row, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* django-celery-beat's tables as `manage.py dumpdata django_celery_beat` writes them. What cannot be read in a row is that row's
 * problem; ERR_DATA: the text is no such dump. */
bool import_django(struct import *in, const char *text, size_t len, struct err *e);

/* Of rows that have the same name all but the first become a problem. */
void import_find_twins(struct import *in);

/* What decides which handler runs a row, and whether it is enabled. */
struct import_choice {
    const char *const *map; /* TASK=HANDLER, TASK whole or its end behind a dot; ends with NULL; NULL: none */
    bool enable;            /* those too that were disabled there */
    bool as_is;             /* as they were there, even when there is no such handler yet */
};

/* Choose. A row whose handler neither this program nor any worker so far has, or whose arguments that handler would refuse, is
 * noted and disabled. */
bool import_choose(struct import *in, const struct import_choice *choice, const struct catalog *catalog, struct pg *pg,
                   struct err *e);

/* Make the schedule table say what the rows say, in one transaction, or only look when `dry`. A row of `report` for each, in their
 * order: outcome (imported, changed, unchanged, skipped), periodic_task, task, and the columns of the table, then note. */
bool import_write(const struct import *in, struct pg *pg, bool dry, struct pg_rows *report, struct err *e);
