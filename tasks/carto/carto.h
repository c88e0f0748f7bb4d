#pragma once
/* Locations from tables of CARTO (docs/carto.md): one table a level. run.c decides the order of things, question.c asks the
 * SQL API, pages.c brings the rows in, remap.c renames and lets go. */
#include "common/task/http.h"
#include "common/task/report.h"
#include "common/task/seen.h"

extern const struct handler handler_carto_locations, handler_carto_all;

enum {
    CARTO_PAGE = 100,       /* ids asked for at once, when ids have no gaps */
    CARTO_BATCH_ROWS = 500, /* staged at once */
    CARTO_BATCH_BYTES = 4 << 20,
    CARTO_REMAPS_MAX = 100000,
    CARTO_GIVEN_UP_MAX = 20, /* ids of which the server cannot answer one, before the table is given up */
};

struct carto_table {
    int64_t id, level;
    const char *name, *level_name;
    const char *name_col, *pcode_col, *parent_col; /* parent_col NULL: not asked for */
    const char *remap;                             /* table of changed codes; NULL: none */
};

/* One run for one table. */
struct carto_run {
    struct task *task;
    struct http *http;
    const struct carto_table *table;
    struct report report;
    struct staging *staging;
    struct row row;
    struct seen seen; /* p_codes of this run */
    int64_t count, max_id; /* of the table; max_id 0: it is empty */
    int64_t done;          /* rows of the tables before */
    int staged;            /* rows, and the bytes they came as */
    size_t staged_bytes;
};

/* Ask the SQL API; to be freed with records_free(). ERR_LIMIT: too much was asked for at once. */
struct records *carto_ask(struct carto_run *run, const char *question, struct err *e);

/* Is it a name, or two with a point between, that may stand in a question as it is? */
bool carto_is_name(const char *name);

/* All rows, a page of ids at a time. */
bool carto_pages(struct carto_run *run, struct err *e);

/* Act on the entries of the remap table that are new. */
bool carto_remap(struct carto_run *run, struct err *e);

extern const struct staging_step carto_steps[];
