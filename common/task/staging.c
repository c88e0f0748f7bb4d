/* staging: COPY, then the list of statements in one round trip; the whole page first, then record by record. */
#include "common/task/staging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* From so many rows on, plans that expect few would join row by row: worth planning anew. */
enum { STAGING_ANALYZE_FROM = 1000 };

struct staged {
    int record;
    const char *kind;
    char *data; /* in the region */
};

struct result {
    enum staging_outcome outcome;
    const char *reason; /* in the region; NULL: none */
};

struct staging {
    struct task *task;
    struct region *region; /* of the page */
    struct staged *rows;
    size_t count, room;
    struct result *results; /* by record */
    int records, records_room;
};

/* One run of the list. */
struct run {
    struct staging *staging;
    const struct staging_step *steps;
    size_t step_count;
    struct pg_call calls[STAGING_STEPS_MAX];
    struct pg_rows answers[STAGING_STEPS_MAX];
    struct staging_count counts[STAGING_STEPS_MAX];
};

struct staging *staging_new(struct task *task)
{
    struct staging *s = mem_zero(1, sizeof *s);
    s->task = task;
    s->region = region_new();
    return s;
}

void staging_free(struct staging *s)
{
    if (!s)
        return;
    region_free(s->region);
    free(s->rows);
    free(s->results);
    free(s);
}

void staging_freep(struct staging **s)
{
    staging_free(*s);
}

void staging_reset(struct staging *s)
{
    region_reset(s->region);
    s->count = 0;
    s->records = 0;
}

static void make_room_for_record(struct staging *s, int record)
{
    if (record >= s->records_room) {
        s->records_room = 2 * record + 16;
        s->results = mem_grow(s->results, (size_t)s->records_room * sizeof *s->results);
    }
    for (; s->records <= record; s->records++)
        s->results[s->records] = (struct result){STAGING_UNCHANGED, NULL};
}

bool staging_add(struct staging *s, int record, const char *kind, struct row *row, struct err *e)
{
    if (record >= STAGING_RECORDS_MAX || s->count == STAGING_ROWS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d records or %d rows at once", STAGING_RECORDS_MAX, STAGING_ROWS_MAX);
    if (s->count == s->room) {
        s->room = 2 * s->room + 64;
        s->rows = mem_grow(s->rows, s->room * sizeof *s->rows);
    }
    make_room_for_record(s, record);
    s->rows[s->count++] = (struct staged){record, kind, region_strdup(s->region, row_end(row))};
    return true;
}

void staging_drop(struct staging *s, int record)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->rows[i].record != record)
            s->rows[kept++] = s->rows[i];
    s->count = kept;
}

enum staging_outcome staging_outcome(const struct staging *s, int record, const char **reason)
{
    if (reason)
        *reason = record < s->records ? s->results[record].reason : NULL;
    return record < s->records ? s->results[record].outcome : STAGING_UNCHANGED;
}

/* Moving ---------------------------------------------------------------------------------------------- */

static bool copy(struct staging *s, struct pg *pg, struct err *e)
{
    if (!pg_exec(pg, &sql_stage_create, NULL, e) || !pg_copy_begin(pg, &sql_stage_copy, e))
        return err_add(e, "staging");
    for (size_t i = 0; i < s->count; i++) {
        char record[16];
        snprintf(record, sizeof record, "%d", s->rows[i].record);
        if (!pg_copy_row(pg, (const char *const[]){record, s->rows[i].kind, s->rows[i].data}, 3, e))
            return err_add(e, "staging");
    }
    bool many = s->count >= STAGING_ANALYZE_FROM;
    return (pg_copy_end(pg, NULL, e) && (!many || pg_exec(pg, &sql_stage_analyze, NULL, e))) || err_add(e, "staging");
}

static void note_change(struct run *run, size_t step, const struct pg_rows *rows, size_t row)
{
    struct staging *s = run->staging;
    int64_t record = pg_get_int(rows, row, 0), created = pg_get_int(rows, row, 1);
    run->counts[step].created += created;
    run->counts[step].updated += pg_get_int(rows, row, 2);
    run->counts[step].removed += pg_get_int(rows, row, 3);
    if (run->steps[step].kind == STAGING_SHARED || record < 0 || record >= s->records)
        return;
    struct result *result = &s->results[record];
    if (run->steps[step].kind == STAGING_MAIN && created > 0)
        result->outcome = STAGING_CREATED;
    else if (result->outcome != STAGING_CREATED)
        result->outcome = STAGING_UPDATED;
}

/* All statements for one record, or for all when it is negative; in a savepoint that is undone when one fails. */
static bool move(struct run *run, struct pg *pg, int record, struct err *e)
{
    struct err undo;
    for (size_t i = 0; i < run->step_count; i++)
        run->calls[i].args[0] = record < 0 ? pg_null() : pg_int(record);
    if (!pg_savepoint(pg, e))
        return false;
    if (!pg_exec_calls(pg, run->calls, run->step_count, run->answers, e)) {
        if (pg_alive(pg) && !pg_rollback_to_savepoint(pg, &undo))
            *e = undo;
        return false;
    }
    for (size_t i = 0; i < run->step_count; i++)
        for (size_t row = 0; row < run->answers[i].count; row++)
            note_change(run, i, &run->answers[i], row);
    return pg_release_savepoint(pg, e);
}

/* An error that comes from what the record holds. */
static bool is_the_records(const struct err *e)
{
    return e->kind == ERR_DATA || e->kind == ERR_LIMIT || e->kind == ERR_FAILED;
}

static void forget_changes(struct run *run)
{
    struct staging *s = run->staging;
    memset(run->counts, 0, sizeof run->counts);
    for (int i = 0; i < s->records; i++)
        s->results[i] = (struct result){STAGING_UNCHANGED, NULL};
}

static bool move_each(struct run *run, struct pg *pg, struct err *e)
{
    struct staging *s = run->staging;
    for (int record = 0; record < s->records; record++) {
        if (move(run, pg, record, e))
            continue;
        if (!pg_alive(pg) || !is_the_records(e))
            return false;
        s->results[record] = (struct result){STAGING_FAILED, region_strdup(s->region, e->text)};
    }
    return true;
}

static bool move_page(struct run *run, struct err *e)
{
    struct pg *pg = task_pg(run->staging->task, e);
    forget_changes(run);
    if (!pg || !copy(run->staging, pg, e))
        return false;
    return move(run, pg, -1, e) || (pg_alive(pg) && is_the_records(e) && move_each(run, pg, e));
}

static bool prepare(struct run *run, struct err *e)
{
    for (; run->steps[run->step_count].query; run->step_count++) {
        if (run->step_count == STAGING_STEPS_MAX)
            return err_set(e, ERR_LIMIT, "more than %d steps", STAGING_STEPS_MAX);
        run->calls[run->step_count].query = run->steps[run->step_count].query;
        run->calls[run->step_count].args[1].type = PG_END;
    }
    return true;
}

/* A deadlock or a full disk may be over soon: from the start, in a new transaction, after a random wait. */
static bool move_again(struct run *run, int try, struct err *e)
{
    struct err undo;
    if (e->kind != ERR_TRANSIENT || try == STAGING_TRIES)
        return false;
    if (!task_rollback(run->staging->task, &undo) || !task_check(run->staging->task, &undo)) {
        *e = undo;
        return false;
    }
    usec_t wait = jitter(MSEC(200) << try);
    nanosleep(&(struct timespec){.tv_sec = wait / SECONDS(1), .tv_nsec = wait % SECONDS(1) * 1000}, NULL);
    return true;
}

bool staging_move(struct staging *s, const struct staging_step *steps, struct staging_count *counts, struct err *e)
{
    struct run *run = region_alloc(s->region, sizeof *run);
    run->staging = s;
    run->steps = steps;
    if (!prepare(run, e))
        return false;
    for (int try = 1; !move_page(run, e); try++)
        if (!move_again(run, try, e))
            return false;
    for (size_t i = 0; i < run->step_count; i++) {
        counts[i].created += run->counts[i].created;
        counts[i].updated += run->counts[i].updated;
        counts[i].removed += run->counts[i].removed;
    }
    return true;
}
