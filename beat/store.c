/* store: arrays to and from the functions of the schema (sql/migrations, schedule). */
#include "beat/store.h"
#include "sql/queries.h"

#include <string.h>

bool store_lead(struct pg *pg, struct uuid beat, usec_t term, bool direct, bool willing, struct leadership *out,
                struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_beat_lead, &rows, e, pg_uuid(beat), pg_duration(term), pg_bool(direct), pg_bool(willing)))
        return err_add(e, "lease");
    *out = (struct leadership){
        .leads = pg_get_bool(&rows, 0, 0), .epoch = pg_get_int(&rows, 0, 1), .clock = pg_get_time(&rows, 0, 2)};
    return true;
}

bool store_stop_leading(struct pg *pg, struct uuid beat, struct err *e)
{
    return pg_exec(pg, &sql_beat_stop_leading, NULL, e, pg_uuid(beat));
}

/* A row of the view schedule_rule. */
static struct schedule_row read_row(const struct pg_rows *rows, size_t i)
{
    return (struct schedule_row){
        .rule = {.name = pg_get_text(rows, i, 0),
                 .specs = pg_get_text(rows, i, 3),
                 .exclude = pg_get_text(rows, i, 4),
                 .tz = pg_get_text(rows, i, 5),
                 .catchup = pg_get_text(rows, i, 6),
                 .catchup_window = pg_get_int(rows, i, 7),
                 .jitter = pg_get_int(rows, i, 8),
                 .start_at = pg_get_time(rows, i, 9),
                 .end_at = pg_get_time(rows, i, 10),
                 .every_weeks = pg_get_int(rows, i, 13),
                 .anchor_day = pg_get_int(rows, i, 14)},
        .revision = pg_get_int(rows, i, 1),
        .active = pg_get_bool(rows, i, 2),
        .mark = pg_get_time(rows, i, 11),
        .next_tick = pg_get_time(rows, i, 12),
    };
}

static void give_rows(const struct pg_rows *rows, int64_t *revision, store_take *take, void *data)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct schedule_row row = read_row(rows, i);
        if (revision)
            *revision = row.revision;
        take(data, &row);
    }
}

bool store_changes(struct pg *pg, int64_t *revision, store_take *take, void *data, size_t *count, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_beat_changes, &rows, e, pg_int(*revision), pg_int(STORE_PAGE)))
        return err_add(e, "schedules after revision %lld", (long long)*revision);
    *count = rows.count;
    give_rows(&rows, revision, take, data);
    return true;
}

bool store_overdue(struct pg *pg, usec_t until, int64_t *revision, store_take *take, void *data, size_t *count,
                   struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_beat_overdue, &rows, e, pg_time(until), pg_int(*revision), pg_int(STORE_PAGE)))
        return err_add(e, "overdue schedules");
    *count = rows.count;
    give_rows(&rows, revision, take, data);
    return true;
}

bool store_rows(struct pg *pg, const char *const *names, size_t count, store_take *take, void *data, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_beat_rows, &rows, e, pg_texts(names, count)))
        return err_add(e, "%zu schedules", count);
    give_rows(&rows, NULL, take, data);
    return true;
}

bool store_emit(struct pg *pg, struct uuid beat, int64_t epoch, const struct emission *emissions, size_t count,
                bool *done, struct err *e)
{
    const char *names[STORE_PAGE];
    int64_t revisions[STORE_PAGE], marks[STORE_PAGE], ticks[STORE_PAGE], dues[STORE_PAGE], passed[STORE_PAGE],
        new_marks[STORE_PAGE], nexts[STORE_PAGE];
    struct pg_rows rows;
    for (size_t i = 0; i < count; i++) {
        const struct emission *m = &emissions[i];
        names[i] = m->name;
        revisions[i] = m->revision;
        marks[i] = m->mark;
        ticks[i] = m->what.tick;
        dues[i] = m->what.due;
        passed[i] = m->what.passed;
        new_marks[i] = m->what.mark;
        nexts[i] = m->what.next;
    }
    if (!pg_exec(pg, &sql_beat_emit, &rows, e, pg_uuid(beat), pg_int(epoch), pg_texts(names, count),
                 pg_ints(revisions, count), pg_ints(marks, count), pg_ints(ticks, count), pg_ints(dues, count),
                 pg_ints(passed, count), pg_ints(new_marks, count), pg_ints(nexts, count)))
        return err_add(e, "emission of %zu schedules from '%s' on", count, names[0]);
    memset(done, 0, count * sizeof *done);
    for (size_t i = 0; i < rows.count; i++)
        done[pg_get_int(&rows, i, 0) - 1] = true;
    return true;
}

bool store_place(struct pg *pg, const struct placement *placements, size_t count, struct err *e)
{
    const char *names[STORE_PAGE], *problems[STORE_PAGE];
    int64_t revisions[STORE_PAGE], nexts[STORE_PAGE];
    for (size_t i = 0; i < count; i++) {
        names[i] = placements[i].name;
        revisions[i] = placements[i].revision;
        nexts[i] = placements[i].next;
        problems[i] = placements[i].problem;
    }
    return pg_exec(pg, &sql_beat_place, NULL, e, pg_texts(names, count), pg_ints(revisions, count),
                   pg_ints(nexts, count), pg_texts(problems, count)) ||
           err_add(e, "next ticks of %zu schedules", count);
}

bool store_pause_failing(struct pg *pg, const char *behind, void (*told)(const char *name), char **looked_to,
                         struct err *e)
{
    struct pg_rows rows;
    *looked_to = NULL;
    if (!pg_exec(pg, &sql_beat_pause_failing, &rows, e, pg_text(behind), pg_int(STORE_PAGE)))
        return err_add(e, "pausing schedules that fail");
    for (size_t i = 0; i < rows.count; i++)
        if (!pg_is_null(&rows, i, 1))
            told(pg_get_text(&rows, i, 1));
    if (rows.count > 0)
        *looked_to = mem_strdup(pg_get_text(&rows, 0, 0));
    return true;
}

bool store_prune(struct pg *pg, usec_t keep, size_t *count, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_beat_prune, &rows, e, pg_duration(keep), pg_int(STORE_PRUNE)))
        return err_add(e, "forgetting old ticks");
    *count = (size_t)pg_get_int(&rows, 0, 0);
    return true;
}
