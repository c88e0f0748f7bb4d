/* beat_lead: who leads, by a lease, and what is looked at now and then. */
#include "beat/beat_inside.h"
#include "beat/declare.h"
#include "beat/schedule.h"
#include "common/base/log.h"
#include "common/base/zone.h"

#include <stdlib.h>

#define LEASE_MARGIN SECONDS(1) /* the holder stops that much before the store thinks so */
#define TICKS_KEPT DAYS(90)
#define PRUNE_EVERY HOURS(1)
#define PAUSE_FAILING_EVERY SECONDS(2)
#define DECLARE_AGAIN SECONDS(3)
#define WATCH_ZONES SECONDS(10)
#define CLOCK_BACK MSEC(500)  /* less is how the way to the store varies */
#define CLOCK_WARN SECONDS(2)
#define CLOCK_MAX SECONDS(30) /* own and store's clock further apart: something is wrong here, do not lead */

void beat_stop_leading(struct beat *b, const char *reason)
{
    if (b->leads)
        log_info("beat.follows", LOG_UUID("beat", b->id), LOG_STR("reason", reason));
    b->leads = false;
}

/* The store's clock against this machine's. */
static void judge_clock(struct beat *b)
{
    usec_t apart = clock_now() - beat_store_now(b);
    b->clock_bad = llabs(apart) > CLOCK_MAX;
    if (llabs(apart) > CLOCK_WARN && !b->clock_warned)
        log_warning("beat.clock", LOG_INT("ahead_ms", apart / 1000), LOG_STR("leads", b->clock_bad ? "no" : "yes"));
    b->clock_warned = llabs(apart) > CLOCK_WARN;
}

/* Give up the lease, if the store still thinks that this beat has it. */
static bool give_up_lease(struct beat *b, const char *reason, struct err *e)
{
    beat_stop_leading(b, reason);
    return store_stop_leading(b->pg, b->id, e);
}

/* Many that tick at once make the database, the workers and what they call wait for each other. */
static bool warn_of_herd(struct beat *b, struct err *e)
{
    char text[CLOCK_TEXT_MAX];
    int64_t count;
    usec_t at;
    if (!schedule_herd(b->pg, &at, &count, e))
        return false;
    if (count > 0)
        log_warning("schedule.herd", LOG_INT("schedules", count), LOG_STR("tick_at", clock_format(at, text)),
                    LOG_STR("hint", "H in place of the minute, or jitter, spreads them"));
    return true;
}

static void start_leading(struct beat *b, int64_t epoch)
{
    if (b->leads && b->epoch == epoch)
        return;
    b->leads = true;
    b->epoch = epoch;
    b->overdue_revision = 0;
    b->more_overdue = true;
    log_info("beat.leads", LOG_UUID("beat", b->id), LOG_INT("epoch", b->epoch),
             LOG_INT("schedules", (int64_t)scheduler_count(b->scheduler)));
}

bool beat_read_overdue(struct beat *b, struct err *e)
{
    size_t count;
    if (!store_overdue(b->pg, beat_store_now(b) + b->term, &b->overdue_revision, beat_take_row, b, &count, e) || !beat_write_places(b, e))
        return false;
    b->more_overdue = count == STORE_PAGE;
    return b->more_overdue || warn_of_herd(b, e);
}

/* The store's clock as it is now. When it was put back, what this beat moved past while others led lies ahead again. */
static bool set_clock(struct beat *b, usec_t clock, struct err *e)
{
    usec_t before = b->offset;
    b->offset = clock - clock_boot();
    judge_clock(b);
    if (b->offset >= before - CLOCK_BACK)
        return true;
    b->revision = 0;
    return beat_read_changes(b, e);
}

/* Ask for the lease, or for its renewal. The own deadline counts from before the question; the clock's offset from
 * after the answer, so that nothing is emitted early. */
static bool ask_lease(struct beat *b, struct err *e)
{
    struct leadership answer;
    usec_t asked_at = clock_boot();
    if (!store_lead(b->pg, b->id, b->term, !b->pooled.url, !b->clock_bad, &answer, e) || !set_clock(b, answer.clock, e))
        return false;
    b->lease_end = asked_at + b->term - LEASE_MARGIN;
    b->renew_at = asked_at + b->term * 3 / 10;
    if (b->clock_bad)
        return (!b->leads && !answer.leads) || give_up_lease(b, "clocks differ", e);
    if (answer.leads)
        start_leading(b, answer.epoch);
    else
        beat_stop_leading(b, "another beat leads");
    return true;
}

bool beat_lease_holds(const struct beat *b)
{
    return b->leads && clock_boot() < b->lease_end;
}

/* Old ticks go a batch a look, so that nothing waits for them, and nothing fails with them. */
static void prune(struct beat *b)
{
    size_t count = 0;
    struct err e;
    if (!b->leads || clock_boot() < b->prune_at)
        return;
    if (!store_prune(b->pg, TICKS_KEPT, &count, &e))
        log_warning("beat.prune", LOG_ERR(&e));
    if (count < STORE_PRUNE)
        b->prune_at = clock_boot() + PRUNE_EVERY;
}

static void tell_paused(const char *name)
{
    log_warning("schedule.paused", LOG_STR("schedule", name), LOG_STR("reason", "its tasks fail"));
}

/* A page a look; nothing fails with it either. */
static void pause_failing(struct beat *b)
{
    char *looked_to;
    struct err e;
    if (!b->leads || clock_boot() < b->failing_at)
        return;
    if (!store_pause_failing(b->pg, b->failing_to ? b->failing_to : "", tell_paused, &looked_to, &e))
        log_warning("beat.pause_failing", LOG_ERR(&e));
    free(b->failing_to);
    b->failing_to = looked_to;
    if (!looked_to)
        b->failing_at = clock_boot() + PAUSE_FAILING_EVERY;
}

/* When the rules of time zones have changed every schedule is read again by the new ones. */
static bool watch_zones(struct beat *b, struct err *e)
{
    char version[ZONE_VERSION_MAX];
    if (clock_boot() < b->zones_at)
        return true;
    b->zones_at = clock_boot() + WATCH_ZONES;
    if (!zones_changed())
        return true;
    log_info("beat.zones", LOG_STR("tzdata", zones_version(version)));
    scheduler_free(b->scheduler);
    b->scheduler = scheduler_new();
    b->revision = 0;
    return beat_read_changes(b, e);
}

/* Somebody's open transaction may hold definitions: that is tried again now and then, and emission does not wait for
 * it. */
static bool declare(struct beat *b, struct err *e)
{
    if (b->declared || clock_boot() < b->declare_at)
        return true;
    b->declared = declare_schedules(b->pg, b->config, e);
    if (b->declared || e->kind != ERR_TRANSIENT)
        return b->declared;
    log_warning("schedule.declaring", LOG_ERR(e));
    b->declare_at = clock_boot() + DECLARE_AGAIN;
    return true;
}

bool beat_look(struct beat *b, struct err *e)
{
    b->look_at = clock_boot() + b->look - b->look / 10 + jitter(b->look / 5);
    if (!declare(b, e) || !watch_zones(b, e) || !beat_read_changes(b, e))
        return false;
    if ((!b->leads || clock_boot() >= b->renew_at) && !ask_lease(b, e))
        return false;
    prune(b);
    pause_failing(b);
    return pg_alive(b->pg);
}
