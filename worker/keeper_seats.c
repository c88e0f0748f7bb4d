/* keeper_seats: what the children of this worker do, written down for others. */
#include "common/base/crash_point.h"
#include "worker/attempt.h"
#include "sql/queries.h"
#include "worker/keeper_inside.h"
#include "worker/slow.h"

#include <string.h>

static const usec_t settle_again = MSEC(500), fold_every = MINUTES(5);

static const char *const level_names[] = {[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARNING] = "warning", [LOG_ERROR] = "error"};

bool keeper_flush_progress(struct keeper *k, struct err *e)
{
    struct seat_view views[CONFIG_POOL_MAX];
    struct uuid tasks[CONFIG_POOL_MAX];
    int64_t fences[CONFIG_POOL_MAX], values[CONFIG_POOL_MAX], ends[CONFIG_POOL_MAX];
    const char *messages[CONFIG_POOL_MAX];
    size_t count = 0;
    for (int i = 0; i < k->board->seat_count; i++) {
        struct seat_view *view = &views[count];
        if (!seat_look(&k->board->seats[i], view) || uuid_is_zero(view->task) || view->progress_turn == k->progress_seen[i])
            continue;
        k->progress_seen[i] = view->progress_turn;
        tasks[count] = view->task;
        fences[count] = view->fence;
        values[count] = view->progress_value;
        ends[count] = view->end_value;
        messages[count] = *view->message ? view->message : NULL;
        count++;
    }
    return count == 0 || pg_exec(k->pg, &sql_progress, NULL, e, pg_uuids(tasks, count), pg_ints(fences, count), pg_ints(values, count),
                                 pg_ints(ends, count), pg_texts(messages, count));
}

void keeper_collect_lines(struct keeper *k)
{
    struct log_line over;
    while (k->line_count < KEEPER_LINES_MAX && log_line_receive(FD_LOG_READ, &k->lines[k->line_count]))
        k->line_count++;
    while (k->line_count == KEEPER_LINES_MAX && !k->open && log_line_receive(FD_LOG_READ, &over))
        k->lines_dropped++;
}

bool keeper_flush_lines(struct keeper *k, struct err *e)
{
    static struct uuid tasks[KEEPER_LINES_MAX];
    static int64_t moments[KEEPER_LINES_MAX];
    static const char *levels[KEEPER_LINES_MAX], *messages[KEEPER_LINES_MAX];
    if (k->line_count == 0)
        return true;
    for (size_t i = 0; i < k->line_count; i++) {
        tasks[i] = k->lines[i].task;
        moments[i] = k->lines[i].at;
        levels[i] = level_names[k->lines[i].level & 3];
        messages[i] = k->lines[i].message;
    }
    size_t count = k->line_count;
    if (!pg_exec(k->pg, &sql_log_lines, NULL, e, pg_uuids(tasks, count), pg_ints(moments, count), pg_texts(levels, count), pg_texts(messages, count)))
        return false;
    k->line_count = 0;
    if (k->lines_dropped > 0)
        log_warning("keeper.task_log_lines_dropped", LOG_INT("lines", (int64_t)k->lines_dropped));
    k->lines_dropped = 0;
    return true;
}

static bool turned_slow(const struct keeper *k, int seat, const struct seat_view *view)
{
    return slow_in_batch(board_edition(k->board, k->edition), k->catalog, view, k->told[seat].started);
}

/* Do notes wait with which nobody but us can settle, because their child is in a handler? */
static bool has_notes(const struct keeper *k, int seat)
{
    const struct told *told = &k->told[seat];
    const struct notes *notes = &k->board->seats[seat].notes;
    uint32_t count = atomic_load(&notes->published);
    return count > 0 && (told->turn != atomic_load(&notes->turn) || told->notes != count) && clock_boot() >= told->again_at;
}

/* In one transaction: settle by the notes, then mark the slow one as started and return what else is held. */
static bool settle_for(struct keeper *k, int seat, const struct seat_view *view, const struct notes *notes, bool cut, struct err *e)
{
    struct seat_key key = {.worker = k->board->worker, .seat = seat, .epoch = view->epoch};
    size_t count = 0;
    notes_settlement(notes, &k->settlement);
    k->calls[count++] = (struct pg_call){.query = &sql_be_brief};
    count += settle_calls(&k->settlement, &key, k->calls + count);
    if (cut)
        k->calls[count++] = (struct pg_call){
            .query = &sql_split_claim,
            .args = {pg_uuid(key.worker), pg_int(seat), pg_int(key.epoch), pg_int(view->fence), pg_int(view->place), pg_int(view->started_at),
                     {.type = PG_END}},
        };
    if (!pg_exec_calls(k->pg, k->calls, count, k->answers, e))
        return false;
    log_debug("keeper.settled_for", LOG_INT("seat", seat), LOG_INT("tasks", (int64_t)notes->count),
              LOG_INT("returned", cut ? pg_get_int(&k->answers[count - 1], 0, 0) : 0));
    return true;
}

/* The seat was taken away, somebody has a lock on a row for long, the server will not take a text: the child or its successor will find out. */
static bool leave_it(const struct keeper *k, struct told *told, const struct err *e)
{
    told->again_at = clock_boot() + settle_again;
    log_debug("keeper.not_settled_for", LOG_ERR(e));
    return pg_alive(k->pg);
}

/* The end of one look: a copy of the notes is complete up to the task that runs, because the child goes no further once it is cut. */
static bool mind_seat(struct keeper *k, int seat, const struct seat_view *view, struct err *e)
{
    static struct notes notes;
    struct told *told = &k->told[seat];
    struct seat *s = &k->board->seats[seat];
    bool cut = turned_slow(k, seat, view) && clock_boot() >= told->again_at && seat_cut_batch(s, view->turn);
    if ((!cut && !has_notes(k, seat)) || !notes_copy(&s->notes, &notes) || notes.fence != view->fence)
        return true;
    if (!settle_for(k, seat, view, &notes, cut, e))
        return leave_it(k, told, e);
    if (cut)
        told->started = view->task;
    told->turn = atomic_load(&notes.turn);
    told->notes = notes.count;
    return true;
}

bool keeper_mind_slow(struct keeper *k, struct err *e)
{
    for (int i = 0; i < k->board->seat_count; i++) {
        struct seat_view view;
        if (!seat_look(&k->board->seats[i], &view) || uuid_is_zero(view.task) || view.light || clock_boot() - view.since < SLOW_LOOK)
            continue;
        if (!mind_seat(k, i, &view, e))
            return false;
    }
    return true;
}

bool keeper_write_tally(struct keeper *k, struct err *e)
{
    usec_t now = clock_boot();
    if (now >= k->fold_at) {
        k->fold_at = now + fold_every + jitter(fold_every / 4);
        if (!pg_exec(k->pg, &sql_tally_fold, NULL, e))
            return false;
    }
    return tally_write(&k->board->tally, &k->written, k->board->worker, k->pg, e);
}

/* Take the seat's death on, unless its next child is coming: that one takes it then. */
static bool take_death(struct seat *seat)
{
    uint32_t present = DEATH_PRESENT;
    if (atomic_load(&seat->state) != SEAT_AWAY || !atomic_compare_exchange_strong(&seat->death.state, &present, DEATH_WITH_KEEPER))
        return false;
    if (atomic_load(&seat->state) == SEAT_AWAY)
        return true;
    atomic_store(&seat->death.state, DEATH_PRESENT);
    return false;
}

bool keeper_release_dead(struct keeper *k, struct err *e)
{
    for (int i = 0; i < k->board->seat_count; i++) {
        struct seat *seat = &k->board->seats[i];
        struct seat_key key = {.worker = k->board->worker, .seat = i};
        if (!take_death(seat))
            continue;
        CRASH_POINT("death", "taken by the keeper");
        bool released = death_release(k->pg, &key, seat, &k->board->tally, e);
        atomic_store(&seat->death.state, released ? DEATH_NONE : DEATH_PRESENT);
        if (!released)
            return false;
    }
    return true;
}
