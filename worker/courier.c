/* courier: the loop. It keeps one connection to PostgreSQL and one to Redis, each opened again with jittered back-off when it is lost, and
 * runs the duties of the table below. It says on the board when it last turned and when it last did all its duties: one that
 * turns and gets nothing done is seen. */
#include "worker/courier.h"
#include "worker/courier_inside.h"
#include "worker/fork_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const usec_t back_off_first = MSEC(100), back_off_cap = SECONDS(3), call_timeout = SECONDS(5), longest_sleep = SECONDS(10);

/* A new duty is a file with a `const struct duty` and a row here; the order is that in which they run. */
static const struct duty *const duties[] = {&duty_watch, &duty_queues, &duty_out, &duty_celery_hold, &duty_celery_news, &duty_celery, &duty_control};

enum { DUTIES = sizeof duties / sizeof *duties };

/* What the loop knows of one duty. */
struct standing {
    void *state;
    struct duty_turn turn;
    bool wanted, ready, failed;
    usec_t retry_at;
    int failures;
};

/* One of the two connections, as far as losing and finding it goes. */
struct link {
    const char *name;
    usec_t retry_at;
    int failures;
};

struct loop {
    struct courier courier;
    uint32_t edition;
    struct link pg, redis;
    bool told_ready;
    struct standing standings[DUTIES];
};

static usec_t retry_after(int failures)
{
    usec_t limit = back_off_first << (failures < 5 ? failures : 5);
    return clock_boot() + back_off_first / 2 + jitter(limit < back_off_cap ? limit : back_off_cap);
}

/* Connections ------------------------------------------------------------------------------------------------------- */

static void link_lost(struct link *link, const struct err *e)
{
    link->retry_at = retry_after(link->failures++);
    if ((link->failures & (link->failures - 1)) == 0)
        log_warning("courier.connection_lost", LOG_STR("to", link->name), LOG_ERR(e), LOG_INT("failures", link->failures));
}

static void link_found(struct link *link)
{
    if (link->failures > 0)
        log_info("courier.connection_back", LOG_STR("to", link->name), LOG_INT("failures", link->failures));
    link->failures = 0;
}

/* What duties knew of a connection is void with it. */
static void refresh(struct loop *l, int connection)
{
    for (size_t i = 0; i < DUTIES; i++)
        if (duties[i]->needs & connection)
            l->standings[i].turn.fresh = true;
}

struct pg *courier_open_pg(const struct courier *c, struct err *e)
{
    const struct config *config = c->config;
    struct pg_options options = {.url = config->database.url,
                                 .application = "drumbeat/courier",
                                 .pooled = config->database.listen_url != NULL,
                                 .connect_timeout = call_timeout,
                                 .call_timeout = call_timeout};
    return pg_open(&options, e);
}

void courier_slim_pg(const struct courier *c, struct pg **pg)
{
    struct err ignored;
    struct pg *fresh = pg_is_swollen(*pg) ? courier_open_pg(c, &ignored) : NULL;
    if (!fresh)
        return;
    pg_close(*pg);
    *pg = fresh;
}

static void connect_pg(struct loop *l)
{
    struct err e;
    l->courier.pg = courier_open_pg(&l->courier, &e);
    if (!l->courier.pg) {
        link_lost(&l->pg, &e);
        return;
    }
    link_found(&l->pg);
    refresh(l, COURIER_PG);
}

static void connect_redis(struct loop *l)
{
    struct err e;
    const char *url = l->courier.config->redis.url;
    if (!url)
        err_set(&e, ERR_USAGE, "queues with broker: redis need redis.url (REDIS_URL)");
    else
        l->courier.redis = redis_open(&(struct redis_options){.url = url, .name = "drumbeat/courier", .call_timeout = call_timeout}, &e);
    if (!l->courier.redis) {
        link_lost(&l->redis, &e);
        return;
    }
    link_found(&l->redis);
    refresh(l, COURIER_REDIS);
}

static void drop_lost(struct loop *l, const struct err *e)
{
    struct courier *c = &l->courier;
    if (c->pg && !pg_alive(c->pg)) {
        pg_close(c->pg);
        c->pg = NULL;
        link_lost(&l->pg, e);
    }
    if (c->redis && !redis_alive(c->redis)) {
        redis_close(c->redis);
        c->redis = NULL;
        link_lost(&l->redis, e);
    }
}

/* The keeper has seen that the database is ours before anything else is done with it. */
static void connect(struct loop *l)
{
    usec_t now = clock_boot();
    if (!l->courier.pg && now >= l->pg.retry_at && atomic_load(&l->courier.board->registered))
        connect_pg(l);
    if (!l->courier.redis && now >= l->redis.retry_at)
        connect_redis(l);
    if (l->courier.pg && l->courier.redis && !l->told_ready) {
        log_info("courier.ready", LOG_INT("pid", getpid()));
        l->told_ready = true;
    }
}

/* Duties ------------------------------------------------------------------------------------------------------------ */

static bool has_connections(const struct courier *c, const struct duty *duty)
{
    return (!(duty->needs & COURIER_PG) || c->pg) && (!(duty->needs & COURIER_REDIS) || c->redis);
}

static bool is_due(const struct standing *s, usec_t now)
{
    return s->ready || s->turn.fresh || s->turn.bells || s->turn.leaving || s->failed || (s->turn.next_at && now >= s->turn.next_at);
}

/* A duty that failed has nothing left of what it opened itself, and begins anew. */
static void note_failure(struct loop *l, size_t i, const struct err *e)
{
    struct standing *s = &l->standings[i];
    s->failed = true;
    s->retry_at = retry_after(s->failures++);
    s->turn.fresh = true;
    if (duties[i]->close)
        duties[i]->close(&l->courier, s->state);
    memset(s->state, 0, duties[i]->state_size);
    bool connected = has_connections(&l->courier, duties[i]);
    drop_lost(l, e);
    if (connected == has_connections(&l->courier, duties[i]) && (s->failures & (s->failures - 1)) == 0)
        log_warning("courier.duty_failed", LOG_STR("duty", duties[i]->name), LOG_ERR(e), LOG_INT("failures", s->failures));
}

static void run_duty(struct loop *l, size_t i)
{
    struct err e;
    struct standing *s = &l->standings[i];
    struct duty_turn turn = s->turn;
    turn.next_at = 0;
    s->turn = (struct duty_turn){.leaving = turn.leaving};
    s->ready = false;
    if (duties[i]->run(&l->courier, s->state, &turn, &e)) {
        s->turn.next_at = turn.next_at;
        s->failed = false;
        s->failures = 0;
    } else {
        s->turn.bells = turn.bells;
        note_failure(l, i, &e);
    }
}

/* True when none of them is in arrears. */
static bool run_duties(struct loop *l)
{
    bool good = true;
    for (size_t i = 0; i < DUTIES; i++) {
        struct standing *s = &l->standings[i];
        usec_t now = clock_boot();
        if (!s->wanted)
            continue;
        if (has_connections(&l->courier, duties[i]) && is_due(s, now) && now >= s->retry_at)
            run_duty(l, i);
        good = good && !s->failed && has_connections(&l->courier, duties[i]);
    }
    return good;
}

/* `rang`: the descriptor says so. A bell that the courier before this one had heard of, and nothing more, hangs there still. */
static void hear_bells(struct loop *l, bool rang)
{
    uint64_t count;
    ssize_t ignored = rang ? read(FD_COURIER_BELL, &count, sizeof count) : 0;
    (void)ignored;
    uint32_t bells = atomic_exchange(&l->courier.board->courier_bells, 0);
    for (size_t i = 0; i < DUTIES; i++)
        l->standings[i].turn.bells |= bells & duties[i]->bells;
}

static usec_t earliest(usec_t a, usec_t b)
{
    return b && b < a ? b : a;
}

static int sleep_time(const struct loop *l)
{
    usec_t now = clock_boot(), until = now + longest_sleep;
    if (!l->courier.pg)
        until = earliest(until, atomic_load(&l->courier.board->registered) ? l->pg.retry_at : now + MSEC(20));
    if (!l->courier.redis)
        until = earliest(until, l->redis.retry_at);
    for (size_t i = 0; i < DUTIES; i++) {
        const struct standing *s = &l->standings[i];
        if (!s->wanted || !has_connections(&l->courier, duties[i]))
            continue;
        until = earliest(until, s->failed ? s->retry_at : is_due(s, now) ? now : s->turn.next_at);
    }
    return until <= now ? 0 : (int)((until - now + 999) / 1000);
}

/* Poll everything once, and note which duties have something to read. */
static void wait_for_something(struct loop *l)
{
    struct pollfd fds[COURIER_FDS_MAX] = {{.fd = FD_COURIER_BELL, .events = POLLIN}};
    size_t first[DUTIES + 1], count = 1;
    for (size_t i = 0; i < DUTIES; i++) {
        const struct standing *s = &l->standings[i];
        first[i] = count;
        if (s->wanted && duties[i]->watch && !s->failed && has_connections(&l->courier, duties[i]))
            count += duties[i]->watch(&l->courier, s->state, fds + count, COURIER_FDS_MAX - count);
    }
    first[DUTIES] = count;
    bool some = poll(fds, count, sleep_time(l)) > 0;
    for (size_t i = 0; some && i < DUTIES; i++)
        for (size_t fd = first[i]; fd < first[i + 1]; fd++)
            l->standings[i].ready |= fds[fd].revents != 0;
    hear_bells(l, some && fds[0].revents);
}

static void take_up(struct loop *l)
{
    for (size_t i = 0; i < DUTIES; i++) {
        struct standing *s = &l->standings[i];
        s->wanted = !duties[i]->wanted || duties[i]->wanted(l->courier.config);
        s->state = mem_zero(1, duties[i]->state_size ? duties[i]->state_size : 1);
        s->turn.fresh = true;
    }
}

static void put_down(struct loop *l)
{
    for (size_t i = 0; i < DUTIES; i++) {
        if (duties[i]->close)
            duties[i]->close(&l->courier, l->standings[i].state);
        free(l->standings[i].state);
    }
    courier_drop_events(&l->courier);
    pg_close(l->courier.pg);
    redis_close(l->courier.redis);
}

/* NAME@HOST, as workers of Celery are called. */
static void name_self(struct courier *c)
{
    static char hostname[320];
    char host[256] = "localhost";
    gethostname(host, sizeof host - 1);
    c->self.pid = atomic_load(&c->board->supervisor_pid);
    snprintf(hostname, sizeof hostname, "drumbeat-%lld@%s", (long long)c->self.pid, host);
    c->self.hostname = hostname;
}

int courier_run(struct board *board, uint32_t edition, const struct config *config, const struct catalog *catalog)
{
    struct loop l = {.courier = {.board = board, .config = config, .catalog = catalog, .edition = board_edition(board, edition)},
                     .edition = edition,
                     .pg = {.name = "PostgreSQL"},
                     .redis = {.name = "Redis"}};
    bool relieved = false;
    log_set_role("courier");
    name_self(&l.courier);
    take_up(&l);
    while (atomic_load(&board->phase) != PHASE_CLOSE && !(relieved = atomic_load(&board->edition) != edition)) {
        atomic_store(&board->courier_at, clock_boot());
        connect(&l);
        if (run_duties(&l))
            atomic_store(&board->courier_good_at, clock_boot());
        if (l.courier.pg)
            courier_slim_pg(&l.courier, &l.courier.pg); /* no duty keeps anything in it */
        wait_for_something(&l);
    }
    for (size_t i = 0; !relieved && i < DUTIES; i++)
        l.standings[i].turn.leaving = true;
    if (!relieved)
        run_duties(&l);
    put_down(&l);
    return relieved ? EXIT_RELIEVED : 0;
}
