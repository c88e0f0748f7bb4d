/* beat: the loop. Each turn makes what is true of the outside true of the scheduler (connection, lease, changed rows),
 * then emits what is due or, while another beat leads, moves past it; then sleeps until there is a reason to turn
 * again.
 *
 * Time has two sources. Own deadlines (the lease, the next look) are on CLOCK_BOOTTIME. What is due is judged by the
 * store's clock, which is CLOCK_BOOTTIME plus an offset that is measured with every look at the lease: steps of this
 * machine's wall clock do not matter. */
#include "beat/beat_inside.h"
#include "beat/declare.h"
#include "common/base/log.h"
#include "common/base/zone.h"
#include "common/store/migrate.h"

#include <stdio.h>
#include <stdlib.h>

#define LEASE_TERM SECONDS(10)
#define LOOK SECONDS(1)
#define START_PATIENCE SECONDS(10)
#define START_BACKOFF MSEC(500)
#define SLEEP_MAX SECONDS(30)
#define CALL_TIMEOUT SECONDS(6)
#define BACKOFF_FIRST MSEC(50)
#define BACKOFF_MAX SECONDS(3)
#define LISTEN_AGAIN SECONDS(30)
#define CHANNEL "drumbeat_schedule"

static usec_t earlier(usec_t a, usec_t b)
{
    return a < b ? a : b;
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
    beat_stop_leading(b, "no database");
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

/* A page of what is still to be read, if there is any. */
static bool read_more(struct beat *b, struct err *e)
{
    if (b->leads && b->more_overdue)
        return beat_read_overdue(b, e);
    return !b->more_changes || beat_read_changes(b, e);
}

/* One turn; ERR_UNREACHABLE and the like when the connection is gone. */
static bool turn(struct beat *b, struct err *e)
{
    if (!hear(b, e))
        return false;
    if ((clock_boot() >= b->look_at || (b->leads && clock_boot() >= b->renew_at)) && !beat_look(b, e))
        return false;
    b->backoff = BACKOFF_FIRST;
    if (!b->leads)
        scheduler_pass(b->scheduler, beat_store_now(b));
    else if (!beat_emit_due(b, e))
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
    beat_forget_places(b);
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
