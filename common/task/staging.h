#pragma once
/* Rows on their way into tables: a page of records is copied into a temporary table drumbeat_stage, then a list of statements moves it
 * on, set by set, writing only what differs. Each record ends all or nothing: when the statements fail for the page,
 * they are run again record by record, each in a savepoint, and what fails then is told with its reason while the rest
 * stays.
 *
 * A record is a number, 0 and up; its rows are (record, kind, JSON object) or (record, kind, c1, c2, …). The table lives in the session and is empty
 * after each transaction, whatever session of a pooler comes next, so its shape must never change:
 * sql/queries/store/stage_create.
 *
 * A statement of the list
 *   - has $1 bigint: the one record to move, or NULL for all;
 *   - reads drumbeat_stage, and writes rows of shared tables in the order of their keys, so that two syncs cannot wait
 * for each other;
 *   - returns a row a record that it changed: record, created, updated, removed (bigint each). With record NULL the row
 *     only counts: for long lists of which nobody asks what became of each. */
#include "common/task/record.h"
#include "common/task/task.h"

enum { STAGING_RECORDS_MAX = 20000, STAGING_ROWS_MAX = 2000000, STAGING_STEPS_MAX = 40, STAGING_TRIES = 4 };

struct staging_step {
    const struct sql *query; /* NULL ends the list */
    const char *table;       /* what it writes, for the counts; NULL: not counted */
    enum {
        STAGING_MAIN,  /* the record itself: whether it was created or updated */
        STAGING_OWN,   /* belongs to the record: a change there is an update of the record */
        STAGING_SHARED /* is known to several records: no change of the record */
    } kind;
};

enum staging_outcome { STAGING_UNCHANGED, STAGING_CREATED, STAGING_UPDATED, STAGING_FAILED };

/* How many rows of a step's table were written. */
struct staging_count {
    int64_t created, updated, removed;
};

struct staging;

struct staging *staging_new(struct task *task);
void staging_free(struct staging *staging); /* NULL is fine */
void staging_freep(struct staging **staging);

/* Add one row; `row` is ended and copied, or taken when it is large. A flat one comes as the columns c1, c2, … in the order of its members, without
 * JSON. False with ERR_LIMIT beyond the maxima. */
bool staging_add(struct staging *staging, int record, const char *kind, struct row *row, struct err *e);

/* Take back the rows of a record that turned out bad. */
void staging_drop(struct staging *staging, int record);

/* Move everything in the task's transaction, which is neither begun nor committed for the caller but is rolled back and
 * begun again on a deadlock: nothing else may have been written in it. Counts are added to `counts`, one element a
 * step; outcomes are told by staging_outcome(). False: nothing was moved, the task should end. */
bool staging_move(struct staging *staging, const struct staging_step *steps, struct staging_count *counts,
                  struct err *e);

/* For a list that is one unit: copy what was added so far to the server and forget it here. staging_move() then moves all
 * that was sent, once, and does not fall back to record by record. */
bool staging_send(struct staging *staging, struct err *e);

/* What became of a record in the last staging_move(), and why when it failed: valid until staging_reset(). */
enum staging_outcome staging_outcome(const struct staging *staging, int record, const char **reason);

/* Forget all rows and outcomes: for the next page. */
void staging_reset(struct staging *staging);
