/* staging: COPY, then the list of statements in one round trip; the whole page first, then record by record. */
#include "common/task/staging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* From so many rows on, plans that expect few would join row by row: worth planning anew. */
enum { STAGING_ANALYZE_FROM = 1000 };

enum { STAGING_LARGE = 256 << 10 }; /* bytes of a flat row from which its text is taken, not copied */

struct staged {
    int record;
    const char *kind;
    char *data;          /* JSON; NULL: it is flat */
    const char **fields; /* of a flat one */
    int field_count;
    char *taken; /* the row's own text, when it is large; NULL: it lies in the region */
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
    bool sent; /* some rows lie on the server already */
};

/* Flat rows, by how many columns they need at most. */
static const struct {
    int fields;
    const struct sql *copy;
} widths[] = {{8, &sql_stage_copy_8}, {16, &sql_stage_copy_16}, {ROW_MEMBERS_MAX, &sql_stage_copy_32}};

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

static void forget_rows(struct staging *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->rows[i].taken);
    s->count = 0;
}

void staging_free(struct staging *s)
{
    if (!s)
        return;
    forget_rows(s);
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
    forget_rows(s);
    region_reset(s->region);
    s->records = 0;
    s->sent = false;
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

static struct staged flat_row(struct staging *s, int record, const char *kind, struct row *row)
{
    row_end(row);
    struct staged staged = {.record = record, .kind = kind, .field_count = row->count};
    staged.fields = region_alloc(s->region, (size_t)row->count * sizeof *staged.fields);
    if (row->json.len >= STAGING_LARGE)
        staged.taken = row_take(row);
    const char *texts = staged.taken ? staged.taken : region_strndup(s->region, text_str(&row->json), row->json.len);
    for (int i = 0; i < staged.field_count; i++) {
        staged.fields[i] = row->null[i] ? NULL : texts;
        texts += strlen(texts) + 1;
    }
    return staged;
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
    s->rows[s->count++] = row->flat ? flat_row(s, record, kind, row)
                                    : (struct staged){.record = record, .kind = kind, .data = region_strdup(s->region, row_end(row))};
    return true;
}

void staging_drop(struct staging *s, int record)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->rows[i].record != record)
            s->rows[kept++] = s->rows[i];
        else
            free(s->rows[i].taken);
    s->count = kept;
}

enum staging_outcome staging_outcome(const struct staging *s, int record, const char **reason)
{
    if (reason)
        *reason = record < s->records ? s->results[record].reason : NULL;
    return record < s->records ? s->results[record].outcome : STAGING_UNCHANGED;
}

/* Moving ---------------------------------------------------------------------------------------------- */

/* Of the rows that are flat, or that are not. */
static bool copy_rows(struct staging *s, struct pg *pg, const struct sql *query, int width, struct err *e)
{
    const char *fields[2 + ROW_MEMBERS_MAX] = {NULL};
    if (!pg_copy_begin(pg, query, e))
        return false;
    for (size_t i = 0; i < s->count; i++) {
        char record[16];
        const struct staged *row = &s->rows[i];
        if ((width > 0) != !row->data)
            continue;
        snprintf(record, sizeof record, "%d", row->record);
        fields[0] = record;
        fields[1] = row->kind;
        fields[2] = row->data;
        for (int n = 0; n < width; n++)
            fields[2 + n] = n < row->field_count ? row->fields[n] : NULL;
        if (!pg_copy_row(pg, fields, width > 0 ? 2 + (size_t)width : 3, e))
            return false;
    }
    return pg_copy_end(pg, NULL, e);
}

static bool make_stage(struct pg *pg, struct err *e)
{
    const struct pg_call calls[] = {{.query = &sql_stage_create}, {.query = &sql_stage_plans}};
    return pg_exec_calls(pg, calls, sizeof calls / sizeof *calls, NULL, e);
}

static bool copy(struct staging *s, struct pg *pg, struct err *e)
{
    int widest = 0;
    size_t flat = 0, width = 0;
    for (size_t i = 0; i < s->count; i++) {
        flat += !s->rows[i].data;
        widest = s->rows[i].field_count > widest ? s->rows[i].field_count : widest;
    }
    while (widths[width].fields < widest)
        width++;
    bool good = (s->sent || make_stage(pg, e)) &&
                (flat == 0 || copy_rows(s, pg, widths[width].copy, widths[width].fields, e)) &&
                (flat == s->count || copy_rows(s, pg, &sql_stage_copy, 0, e));
    return good || err_add(e, "staging");
}

/* Flat rows of one page are taken as they come, without joins among them. */
static bool copy_all(struct staging *s, struct pg *pg, struct err *e)
{
    bool many = s->sent || (s->count >= STAGING_ANALYZE_FROM && s->rows[0].data);
    return copy(s, pg, e) && (!many || pg_exec(pg, &sql_stage_analyze, NULL, e) || err_add(e, "staging"));
}

bool staging_send(struct staging *s, struct err *e)
{
    struct pg *pg = task_pg(s->task, e);
    if (!pg || !copy(s, pg, e))
        return false;
    staging_reset(s);
    s->sent = true;
    return true;
}

static void note_change(struct run *run, size_t step, const struct pg_rows *rows, size_t row)
{
    struct staging *s = run->staging;
    int64_t record = pg_get_int(rows, row, 0), created = pg_get_int(rows, row, 1);
    run->counts[step].created += created;
    run->counts[step].updated += pg_get_int(rows, row, 2);
    run->counts[step].removed += pg_get_int(rows, row, 3);
    if (run->steps[step].kind == STAGING_SHARED || pg_is_null(rows, row, 0) || record < 0 || record >= s->records)
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
    if (!pg || !copy_all(run->staging, pg, e))
        return false;
    if (move(run, pg, -1, e))
        return true;
    return !run->staging->sent && pg_alive(pg) && is_the_records(e) && move_each(run, pg, e);
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
    if (e->kind != ERR_TRANSIENT || try == STAGING_TRIES || run->staging->sent)
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
