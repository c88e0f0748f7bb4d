/* beat_emit: what is due goes out, a page at a time, and what the store refuses goes back. */
#include "beat/beat_inside.h"
#include "common/base/log.h"

#define HELD_ELSEWHERE MSEC(500) /* before a row that somebody else holds is tried again */
#define SET_ASIDE SECONDS(30) /* before a schedule is tried again that the store refuses */

static void put_back(struct beat *b, const struct emission *emissions, size_t count, usec_t wake)
{
    for (size_t i = 0; i < count; i++)
        scheduler_put_back(b->scheduler, &emissions[i], wake);
}

/* Rows that are not as this beat knew them: read them again. One that is the same is held by somebody and tried again
 * later. */
static bool reread(struct beat *b, const struct emission *emissions, const bool *done, size_t count, struct err *e)
{
    const char *names[STORE_PAGE];
    size_t stale = 0;
    for (size_t i = 0; i < count; i++)
        if (!done[i]) {
            scheduler_put_back(b->scheduler, &emissions[i], beat_store_now(b) + HELD_ELSEWHERE);
            names[stale++] = emissions[i].name;
        }
    return stale == 0 || (store_rows(b->pg, names, stale, beat_take_row, b, e) && beat_write_places(b, e));
}

static void count_emission(struct beat *b, const struct emission *emissions, const bool *done, size_t count)
{
    usec_t now = beat_store_now(b);
    for (size_t i = 0; i < count; i++) {
        if (!done[i])
            continue;
        scheduler_done(b->scheduler, &emissions[i], now);
        b->emitted += emissions[i].what.tick != 0;
        b->missed += emissions[i].what.passed;
    }
}

static void log_emitted(struct beat *b)
{
    if (b->emitted > 0)
        log_debug("beat.emitted", LOG_INT("ticks", b->emitted), LOG_INT("epoch", b->epoch));
    if (b->missed > 0)
        log_warning("beat.missed", LOG_INT("ticks", b->missed));
    b->emitted = b->missed = 0;
}

/* Emit all or, when the store refuses some for a reason of their own, those that it does not refuse: halves are tried
 * until the culprit is alone. */
static bool emit(struct beat *b, const struct emission *emissions, size_t count, struct err *e)
{
    bool done[STORE_PAGE];
    if (store_emit(b->pg, b->id, b->epoch, emissions, count, done, e)) {
        count_emission(b, emissions, done, count);
        return reread(b, emissions, done, count, e);
    }
    if (!pg_alive(b->pg) || e->kind == ERR_FENCED || e->kind == ERR_TRANSIENT || e->kind == ERR_TIMEOUT) {
        put_back(b, emissions, count, beat_store_now(b) + HELD_ELSEWHERE);
        return false;
    }
    if (count == 1) {
        log_error("schedule.refused", LOG_STR("schedule", emissions[0].name), LOG_ERR(e));
        put_back(b, emissions, count, beat_store_now(b) + SET_ASIDE);
        return true;
    }
    size_t half = count / 2;
    if (emit(b, emissions, half, e))
        return emit(b, emissions + half, count - half, e);
    put_back(b, emissions + half, count - half, beat_store_now(b));
    return false;
}

static bool emit_batches(struct beat *b, struct err *e)
{
    static struct emission emissions[STORE_PAGE];
    while (beat_lease_holds(b) && clock_boot() < b->renew_at && !alarm_ended(&b->alarm)) {
        size_t count = scheduler_take(b->scheduler, beat_store_now(b), emissions, STORE_PAGE);
        if (count == 0)
            return true;
        if (!emit(b, emissions, count, e))
            return false;
    }
    return true;
}

bool beat_emit_due(struct beat *b, struct err *e)
{
    bool good = emit_batches(b, e);
    log_emitted(b);
    if (good || !pg_alive(b->pg))
        return good;
    if (e->kind == ERR_FENCED) {
        beat_stop_leading(b, e->text);
        b->look_at = 0;
    } else {
        log_warning("beat.emission", LOG_ERR(e));
    }
    return true;
}
