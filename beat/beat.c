/* beat: the loop. Each turn makes what is true of the outside true of the scheduler (connection, lease, changed rows),
 * then emits what is due or, while another beat leads, moves past it; then sleeps until there is a reason to turn
 * again.
 *
 * Time has two sources. Own deadlines (the lease, the next look) are on CLOCK_BOOTTIME. What is due is judged by the
 * store's clock, which is CLOCK_BOOTTIME plus an offset that is measured with every look at the lease: steps of this
 * machine's wall clock do not matter. */
#include "beat/beat.h"
#include "beat/alarm.h"
#include "beat/declare.h"
#include "beat/schedule.h"
#include "beat/store.h"
#include "common/base/log.h"
#include "common/base/zone.h"
#include "common/store/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEASE_TERM SECONDS(10)
#define LEASE_MARGIN SECONDS(1) /* the holder stops that much before the store thinks so */
#define LOOK SECONDS(1)
#define START_PATIENCE SECONDS(10)
#define START_BACKOFF MSEC(500)
#define SLEEP_MAX SECONDS(30)
#define CALL_TIMEOUT SECONDS(6)
#define BACKOFF_FIRST MSEC(50)
#define BACKOFF_MAX SECONDS(3)
#define HELD_ELSEWHERE MSEC(500) /* before a row that somebody else holds is tried again */
#define TICKS_KEPT DAYS(90)
#define PRUNE_EVERY HOURS(1)
#define PAUSE_FAILING_EVERY SECONDS(2)
#define DECLARE_AGAIN SECONDS(3)
#define WATCH_ZONES SECONDS(10)
#define LISTEN_AGAIN SECONDS(30)
#define CHANNEL "drumbeat_schedule"
#define SET_ASIDE SECONDS(30) /* before a schedule is tried again that the store refuses */
#define CLOCK_BACK MSEC(500)  /* less is how the way to the store varies */
#define CLOCK_WARN SECONDS(2)
#define CLOCK_MAX SECONDS(30) /* own and store's clock further apart: something is wrong here, do not lead */

struct beat {
    const struct config *config;
    struct config *(*reread)(struct err *e);
    struct config *reloaded; /* the same as config once there was a reload */
    struct pg_options direct, pooled; /* url NULL: there is none */
    struct pg *pg, *listener;         /* the same connection where it is direct; NULL: none */
    struct alarm alarm;
    struct scheduler *scheduler;
    struct uuid id;
    usec_t term, look;

    bool leads;
    int64_t epoch;
    usec_t lease_end; /* CLOCK_BOOTTIME, as the next seven */
    usec_t renew_at, look_at, prune_at, failing_at, listen_at, declare_at, zones_at;
    usec_t offset;  /* the store's clock minus CLOCK_BOOTTIME */
    bool clock_bad; /* it and this machine's wall clock are too far apart */
    bool clock_warned;

    char *failing_to; /* schedules up to this name were looked at for failures; NULL: begin anew */
    bool declared;    /* the file's schedules are in the table */
    int64_t revision; /* of the newest definition that was read */
    bool more_changes;        /* and there are newer ones */
    int64_t overdue_revision; /* up to there overdue schedules were read again since this beat leads */
    bool more_overdue;
    struct placement places[STORE_PAGE];
    size_t place_count;
    int64_t emitted, missed; /* ticks, since it was logged */
    usec_t backoff;
};

static usec_t earlier(usec_t a, usec_t b)
{
    return a < b ? a : b;
}

static usec_t store_now(const struct beat *b)
{
    return clock_boot() + b->offset;
}

/* Rows ---------------------------------------------------------------------------------------------------------- */

static void add_place(struct beat *b, const struct schedule_row *row, usec_t next, const char *problem)
{
    b->places[b->place_count++] = (struct placement){.name = mem_strdup(row->rule.name),
                                                     .revision = row->revision,
                                                     .next = next,
                                                     .problem = problem ? mem_strdup(problem) : NULL};
}

/* Take in a row, and remember what the store is to be told about it. At most STORE_PAGE before write_places(). */
static void take_row(void *data, const struct schedule_row *row)
{
    struct beat *b = data;
    struct err e;
    usec_t next;
    if (!scheduler_put(b->scheduler, row, &next, &e)) {
        log_warning("schedule.problem", LOG_STR("schedule", row->rule.name), LOG_ERR(&e));
        add_place(b, row, 0, e.text);
    } else if (row->active && next != row->next_tick) {
        add_place(b, row, next, NULL);
    }
}

static void clear_places(struct beat *b)
{
    for (size_t i = 0; i < b->place_count; i++) {
        free(b->places[i].name);
        free(b->places[i].problem);
    }
    b->place_count = 0;
}

/* The leader writes down what it found; others only forget it. */
static bool write_places(struct beat *b, struct err *e)
{
    bool good = !b->leads || b->place_count == 0 || store_place(b->pg, b->places, b->place_count, e);
    clear_places(b);
    return good;
}

/* New definitions: all of them, but a page a turn while this beat leads, so that a million new ones hold up neither what
 * is due nor the lease. */
static bool read_changes(struct beat *b, struct err *e)
{
    size_t count;
    do {
        if (!store_changes(b->pg, &b->revision, take_row, b, &count, e) || !write_places(b, e))
            return false;
        b->more_changes = count == STORE_PAGE;
    } while (b->more_changes && !b->leads);
    return true;
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

/* Lease --------------------------------------------------------------------------------------------------------- */

static void stop_leading(struct beat *b, const char *reason)
{
    if (b->leads)
        log_info("beat.follows", LOG_UUID("beat", b->id), LOG_STR("reason", reason));
    b->leads = false;
}

/* The store's clock against this machine's. */
static void judge_clock(struct beat *b)
{
    usec_t apart = clock_now() - store_now(b);
    b->clock_bad = llabs(apart) > CLOCK_MAX;
    if (llabs(apart) > CLOCK_WARN && !b->clock_warned)
        log_warning("beat.clock", LOG_INT("ahead_ms", apart / 1000), LOG_STR("leads", b->clock_bad ? "no" : "yes"));
    b->clock_warned = llabs(apart) > CLOCK_WARN;
}

/* Give up the lease, if the store still thinks that this beat has it. */
static bool give_up_lease(struct beat *b, const char *reason, struct err *e)
{
    stop_leading(b, reason);
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

/* Since the lease was taken: the marks of the schedules that are overdue, or were never looked at, as the store has them. This
 * beat moved past what its predecessor may not have emitted. A page a turn. */
static bool read_overdue(struct beat *b, struct err *e)
{
    size_t count;
    if (!store_overdue(b->pg, store_now(b) + b->term, &b->overdue_revision, take_row, b, &count, e) || !write_places(b, e))
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
    return read_changes(b, e);
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
        stop_leading(b, "another beat leads");
    return true;
}

static bool lease_holds(const struct beat *b)
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
    return read_changes(b, e);
}

/* Everything that is asked regularly. */
static bool look(struct beat *b, struct err *e)
{
    b->look_at = clock_boot() + b->look - b->look / 10 + jitter(b->look / 5);
    if (!declare(b, e) || !watch_zones(b, e) || !read_changes(b, e))
        return false;
    if ((!b->leads || clock_boot() >= b->renew_at) && !ask_lease(b, e))
        return false;
    prune(b);
    pause_failing(b);
    return pg_alive(b->pg);
}

/* Emission ------------------------------------------------------------------------------------------------------ */

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
            scheduler_put_back(b->scheduler, &emissions[i], store_now(b) + HELD_ELSEWHERE);
            names[stale++] = emissions[i].name;
        }
    return stale == 0 || (store_rows(b->pg, names, stale, take_row, b, e) && write_places(b, e));
}

static void count_emission(struct beat *b, const struct emission *emissions, const bool *done, size_t count)
{
    usec_t now = store_now(b);
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
        put_back(b, emissions, count, store_now(b) + HELD_ELSEWHERE);
        return false;
    }
    if (count == 1) {
        log_error("schedule.refused", LOG_STR("schedule", emissions[0].name), LOG_ERR(e));
        put_back(b, emissions, count, store_now(b) + SET_ASIDE);
        return true;
    }
    size_t half = count / 2;
    if (emit(b, emissions, half, e))
        return emit(b, emissions + half, count - half, e);
    put_back(b, emissions + half, count - half, store_now(b));
    return false;
}

/* A page of what is still to be read, if there is any. */
static bool read_more(struct beat *b, struct err *e)
{
    if (b->leads && b->more_overdue)
        return read_overdue(b, e);
    return !b->more_changes || read_changes(b, e);
}

/* Emit until nothing is due, or something else is to be done first. */
static bool emit_batches(struct beat *b, struct err *e)
{
    static struct emission emissions[STORE_PAGE];
    while (lease_holds(b) && clock_boot() < b->renew_at && !alarm_ended(&b->alarm)) {
        size_t count = scheduler_take(b->scheduler, store_now(b), emissions, STORE_PAGE);
        if (count == 0)
            return true;
        if (!emit(b, emissions, count, e))
            return false;
    }
    return true;
}

static bool emit_due(struct beat *b, struct err *e)
{
    bool good = emit_batches(b, e);
    log_emitted(b);
    if (good || !pg_alive(b->pg))
        return good;
    if (e->kind == ERR_FENCED) {
        stop_leading(b, e->text);
        b->look_at = 0;
    } else {
        log_warning("beat.emission", LOG_ERR(e));
    }
    return true;
}

/* Connection ---------------------------------------------------------------------------------------------------- */

static void disconnect(struct beat *b)
{
    if (b->listener != b->pg)
        pg_close(b->listener);
    pg_close(b->pg);
    b->pg = b->listener = NULL;
}

static bool open_database(struct beat *b, struct err *e)
{
    disconnect(b);
    b->look_at = 0;
    b->pg = pg_open(b->pooled.url ? &b->pooled : &b->direct, e);
    if (!b->pg || !migrate_check(b->pg, e))
        return false;
    b->listener = b->pooled.url ? NULL : b->pg;
    b->listen_at = 0;
    return b->pooled.url || pg_listen(b->pg, CHANNEL, e);
}

/* Beside a pooler a second connection listens. Without it looking is all there is: changes and the lease are seen a
 * look later. */
static void listen_beside_pooler(struct beat *b)
{
    struct err e;
    if (!b->pooled.url || pg_alive(b->listener) || clock_boot() < b->listen_at)
        return;
    pg_close(b->listener);
    b->listener = pg_open(&b->direct, &e);
    if (b->listener && pg_listen(b->listener, CHANNEL, &e))
        return;
    log_warning("beat.deaf", LOG_ERR(&e));
    pg_close(b->listener);
    b->listener = NULL;
    b->listen_at = clock_boot() + LISTEN_AGAIN;
}

/* Full jitter, doubling. Nothing is emitted meanwhile, and what becomes due is found overdue afterwards. */
static bool wait_for_database(struct beat *b, const struct err *why, struct err *e)
{
    bool stepped;
    log_warning("beat.database", LOG_ERR(why));
    disconnect(b);
    usec_t until = clock_boot() + MSEC(10) + jitter(b->backoff);
    b->backoff = b->backoff * 2 < BACKOFF_MAX ? b->backoff * 2 : BACKOFF_MAX;
    stop_leading(b, "no database");
    while (clock_boot() < until && !b->alarm.ended)
        if (!alarm_wait(&b->alarm, until, -1, &stepped, e))
            return false;
    return true;
}

/* The first connection, tried for a while and often. */
static bool connect_first(struct beat *b, struct err *e)
{
    usec_t until = clock_boot() + START_PATIENCE;
    while (!open_database(b, e)) {
        struct err why = *e;
        if (e->kind != ERR_UNREACHABLE || clock_boot() >= until)
            return false;
        b->backoff = earlier(b->backoff, START_BACKOFF);
        if (!wait_for_database(b, &why, e))
            return false;
        if (b->alarm.ended)
            return true;
    }
    return true;
}

/* Notifications ask for a look; what they say does not matter. False when the connection that asks is gone too. */
static bool hear(struct beat *b, struct err *e)
{
    const char *payload;
    listen_beside_pooler(b);
    while (b->listener && pg_notification(b->listener, &payload, e))
        b->look_at = 0;
    return pg_alive(b->pg);
}

/* The loop ------------------------------------------------------------------------------------------------------ */

static bool sleep_until_needed(struct beat *b, struct err *e)
{
    bool stepped;
    usec_t until = earlier(b->look_at, clock_boot() + SLEEP_MAX);
    if (b->more_changes || (b->leads && b->more_overdue)) {
        until = 0;
    } else if (b->leads) {
        usec_t wake = scheduler_wake(b->scheduler);
        until = earlier(until, b->renew_at);
        until = wake == SCHEDULER_NEVER ? until : earlier(until, wake - b->offset);
    }
    if (!alarm_wait(&b->alarm, until, pg_alive(b->listener) ? pg_socket(b->listener) : -1, &stepped, e))
        return false;
    if (stepped) {
        log_info("beat.clock_set");
        b->look_at = b->renew_at = 0;
    }
    return true;
}

/* The file's schedules as they are now, once all of them are right. Without a database they are declared when it is back. */
static void reload(struct beat *b)
{
    struct err e;
    b->alarm.reload = false;
    if (!b->reread)
        return;
    struct config *fresh = b->reread(&e);
    if (!fresh || !declare_check(fresh, &e)) {
        log_error("beat.reload_refused", LOG_ERR(&e));
        config_free(fresh);
        return;
    }
    config_free(b->reloaded);
    b->config = b->reloaded = fresh;
    b->declared = false;
    b->declare_at = b->look_at = 0;
    log_set_words(fresh->log.level, fresh->log.format);
    log_info("beat.reloaded", LOG_INT("schedules", (int64_t)fresh->schedule_count));
}

/* One turn; ERR_UNREACHABLE and the like when the connection is gone. */
static bool turn(struct beat *b, struct err *e)
{
    if (!hear(b, e))
        return false;
    if ((clock_boot() >= b->look_at || (b->leads && clock_boot() >= b->renew_at)) && !look(b, e))
        return false;
    b->backoff = BACKOFF_FIRST;
    if (!b->leads)
        scheduler_pass(b->scheduler, store_now(b));
    else if (!emit_due(b, e))
        return false;
    return read_more(b, e);
}

static bool loop(struct beat *b, struct err *e)
{
    while (!alarm_ended(&b->alarm)) {
        if (b->alarm.reload)
            reload(b);
        if ((pg_alive(b->pg) || open_database(b, e)) && turn(b, e)) {
            if (!sleep_until_needed(b, e))
                return false;
            continue;
        }
        struct err why = *e;
        if (!wait_for_database(b, &why, e))
            return false;
    }
    return true;
}

static void hand_over(struct beat *b)
{
    struct err e;
    if (b->leads && pg_alive(b->pg) && !store_stop_leading(b->pg, b->id, &e))
        log_warning("beat.hand_over", LOG_ERR(&e));
    log_info("beat.stopped", LOG_UUID("beat", b->id));
}

static bool set_addresses(struct beat *b, const struct beat_options *options, struct err *e)
{
    const char *url = options->url ? options->url : b->config->database.url;
    const char *listen_url = options->listen_url ? options->listen_url : b->config->database.listen_url;
    if (!url)
        return err_set(e, ERR_USAGE, "no database: set DATABASE_URL or database.url");
    b->direct = (struct pg_options){.url = listen_url ? listen_url : url,
                                    .application = "drumbeat beat",
                                    .connect_timeout = SECONDS(5),
                                    .call_timeout = CALL_TIMEOUT};
    b->pooled = b->direct;
    b->pooled.url = listen_url ? url : NULL;
    b->pooled.pooled = true;
    return true;
}

bool beat_run(const struct config *config, const struct beat_options *options, struct err *e)
{
    struct beat *b = mem_zero(1, sizeof *b);
    *b = (struct beat){
        .config = config,
        .reread = options->reread,
        .id = uuid_v7(),
        .term = options->term ? options->term : LEASE_TERM,
        .look = options->look ? options->look : LOOK,
        .backoff = BACKOFF_FIRST,
        .scheduler = scheduler_new(),
    };
    bool good = declare_check(config, e) && set_addresses(b, options, e) && alarm_open(&b->alarm, e);
    if (good) {
        char zones[ZONE_VERSION_MAX];
        log_info("beat.started", LOG_UUID("beat", b->id), LOG_STR("version", DRUMBEAT_VERSION),
                 LOG_STR("tzdata", zones_version(zones)));
        good = connect_first(b, e) && loop(b, e);
        hand_over(b);
        alarm_close(&b->alarm);
    }
    disconnect(b);
    clear_places(b);
    scheduler_free(b->scheduler);
    config_free(b->reloaded);
    free(b->failing_to);
    free(b);
    return good;
}

int beat_main(const struct config *config, const struct beat_options *options)
{
    struct err e;
    if (beat_run(config, options, &e))
        return 0;
    fprintf(stderr, "drumbeat beat: %s\n", e.text);
    return err_exit_status(e.kind);
}
