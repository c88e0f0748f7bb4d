/* keeper: the loop. Each duty has a moment at which it is due next; the loop sleeps until the earliest, a notification or a line
 * from a child. Any failed statement costs the connection: it is opened again with jittered back-off, and what was due then
 * is due again. */
#include "worker/keeper.h"
#include "common/store/migrate.h"
#include "worker/fork_server.h"
#include "worker/keeper_inside.h"
#include "tasks/app/app.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const usec_t round_every = SECONDS(1), rescue_every = SECONDS(2), look_every = MSEC(20), progress_every = MSEC(250), deaf_every = MSEC(10), busy_every = MSEC(50), tally_every = SECONDS(5),
                    call_timeout_cap = SECONDS(5), back_off_first = MSEC(100), back_off_cap = SECONDS(3), relief_patience = SECONDS(5);

static bool connect_all(struct keeper *k, struct err *e)
{
    const char *url = k->config->database.url, *direct = k->config->database.listen_url;
    usec_t third = k->config->worker.lease / 3;
    struct pg_options options = {.url = url,
                                 .application = "drumbeat/keeper",
                                 .pooled = direct != NULL,
                                 .connect_timeout = third < call_timeout_cap ? third : call_timeout_cap,
                                 .call_timeout = third < call_timeout_cap ? third : call_timeout_cap};
    k->pg = pg_open(&options, e);
    k->listener = k->pg;
    if (k->pg && direct) {
        options.url = direct;
        options.pooled = false;
        k->listener = pg_open(&options, e);
    }
    return k->pg && k->listener && migrate_check(k->pg, e) && pg_listen(k->listener, "drumbeat", e) && keeper_register(k, e);
}

static void disconnect(struct keeper *k)
{
    if (k->listener != k->pg)
        pg_close(k->listener);
    pg_close(k->pg);
    k->pg = k->listener = NULL;
    k->open = false;
}

static void lose(struct keeper *k, const struct err *e)
{
    usec_t limit = back_off_first << (k->failures < 5 ? k->failures : 5);
    disconnect(k);
    k->failures++;
    k->retry_at = clock_boot() + back_off_first / 2 + jitter(limit < back_off_cap ? limit : back_off_cap);
    if (!atomic_load(&k->board->registered)) /* the supervisor says it, once, when it gives up */
        snprintf(k->board->trouble, sizeof k->board->trouble, "%s", e->text);
    else if ((k->failures & (k->failures - 1)) == 0)
        log_warning("keeper.database_lost", LOG_ERR(e), LOG_INT("failures", k->failures));
}

/* After a gap nothing that was heard before counts: look at everything. */
static void reconnect(struct keeper *k)
{
    struct err e;
    if (clock_boot() < k->retry_at)
        return;
    if (!connect_all(k, &e)) {
        lose(k, &e);
        if (e.kind == ERR_USAGE || e.kind == ERR_REFUSED)
            atomic_store(&k->board->refused, err_exit_status(e.kind));
        return;
    }
    if (k->failures > 0)
        log_info("keeper.database_back", LOG_INT("failures", k->failures));
    k->open = true;
    k->failures = 0;
    keeper_plan_history(k);
    lanes_forget(k->lanes);
    k->lanes_unknown = true;
    k->last_seq = -1;
    k->round_at = k->rescue_at = k->gates_at = 0;
}

static bool hear_all(struct keeper *k, struct err *e)
{
    const char *payload;
    err_clear(e);
    while (pg_notification(k->listener, &payload, e))
        keeper_hear(k, payload);
    return e->kind == ERR_NONE;
}

static bool due(usec_t *at, usec_t now, usec_t every)
{
    if (now < *at)
        return false;
    *at = now + every;
    return true;
}

/* Children that are all busy are not rung for, and with many lanes they do not ask the empty ones themselves.
 * While enqueuers are at work that may have read the old flag, the round is the only way to hear of their tasks. The longer one of
 * them takes, the less its end is a matter of milliseconds. */
static usec_t round_pause(const struct keeper *k)
{
    usec_t pause = (clock_boot() - k->waiting_since) / 8;
    bool left_out = !k->waiting && atomic_load(&k->lanes->count) > LANES_ASKED;
    if (!k->waiting_xid || pause > round_every)
        return left_out ? busy_every : round_every;
    return pause > deaf_every ? pause : deaf_every;
}

static bool do_duties(struct keeper *k, struct err *e)
{
    usec_t now = clock_boot();
    if (!hear_all(k, e))
        return false;
    if (now >= k->renew_at && !keeper_renew(k, e))
        return false;
    if (k->delayed_at && now >= k->delayed_at)
        k->round_at = 0;
    if (due(&k->round_at, now, round_pause(k)) && !keeper_round(k, e))
        return false;
    if (!keeper_admit(k, e))
        return false;
    if (due(&k->look_at, now, look_every) && !(keeper_mind_slow(k, e) && keeper_waiting(k, e) && keeper_release_dead(k, e)))
        return false;
    if (due(&k->progress_at, now, progress_every) && !keeper_flush_progress(k, e))
        return false;
    keeper_prune_results(k);
    keeper_collect_lines(k);
    if (!keeper_batches(k, e))
        return false;
    if (!keeper_flush_lines(k, e) || !keeper_burst(k, e) || !keeper_history(k, e))
        return false;
    if (due(&k->tally_at, now, tally_every) && !keeper_write_tally(k, e))
        return false;
    return !due(&k->rescue_at, now, rescue_every + jitter(rescue_every / 4)) || keeper_rescue(k, e);
}

static usec_t earliest(usec_t a, usec_t b)
{
    return b && b < a ? b : a;
}

/* An idle worker wakes once a second; a busy one looks at its children more often. */
static int sleep_time(const struct keeper *k)
{
    usec_t now = clock_boot();
    if (!k->open)
        return 20;
    usec_t until = earliest(earliest(earliest(earliest(k->round_at, k->renew_at), k->delayed_at), k->batches_at), k->rescue_at);
    until = earliest(earliest(until, k->gates_at), k->tokens_at);
    if (!board_all_idle(k->board) || !k->waiting)
        until = earliest(until, k->look_at);
    usec_t left = until - now;
    return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

static void clear_bell(void)
{
    uint64_t count;
    ssize_t ignored = read(FD_KEEPER_BELL, &count, sizeof count);
    (void)ignored;
}

static void wait_for_something(struct keeper *k)
{
    struct pollfd fds[] = {
        {.fd = FD_KEEPER_BELL, .events = POLLIN},
        {.fd = FD_LOG_READ, .events = k->line_count < KEEPER_LINES_MAX ? POLLIN : 0},
        {.fd = k->open ? pg_socket(k->listener) : -1, .events = POLLIN},
    };
    if (poll(fds, 3, sleep_time(k)) > 0 && fds[0].revents)
        clear_bell();
}

/* All children are gone: what is still held goes back, and the worker's row with it. */
static void close_worker(struct keeper *k)
{
    struct err e;
    struct pg_rows rows;
    k->retry_at = 0;
    if (!k->open)
        reconnect(k);
    if (k->open && keeper_release_dead(k, &e) && keeper_flush_lines(k, &e) && keeper_write_tally(k, &e) && pg_exec(k->pg, &sql_worker_close, &rows, &e, pg_uuid(k->board->worker)))
        log_info("worker.closed", LOG_INT("returned", pg_get_int(&rows, 0, 0)));
    else if (atomic_load(&k->board->registered))
        log_warning("worker.not_closed", LOG_STR("why", k->open ? e.text : "no connection; the lease will run out"));
}

/* A keeper of a later edition takes over: it finds out by itself where everything stands, but for the lines that this one has in
 * hand. Those are written first, unless the database does not take them in time. */
static bool is_relieved(struct keeper *k)
{
    usec_t now = clock_boot();
    if (atomic_load(&k->board->edition) == k->edition)
        return false;
    if (!k->relieved_at)
        k->relieved_at = now;
    if (k->line_count > 0 && now - k->relieved_at < relief_patience)
        return false;
    if (k->line_count > 0)
        log_warning("keeper.task_log_lines_dropped", LOG_INT("lines", (int64_t)k->line_count));
    return true;
}

/* The queues that are served. What a worker with a Celery application has to tell its tasks' clients waits in one of its own. */
static void list_queues(struct keeper *k)
{
    const char *const *served = k->config->worker.queues;
    while (served && served[k->queue_count])
        k->queue_count++;
    k->queues = served;
    if (!served || !k->config->celery.app || keeper_queue_is_private(served[0]))
        return;
    const char **all = mem_zero(k->queue_count + 2, sizeof *all);
    memcpy(all, served, k->queue_count * sizeof *all);
    all[k->queue_count++] = APP_TELL;
    k->queues = all;
}

int keeper_run(struct board *board, uint32_t edition, const struct config *config, const struct catalog *catalog)
{
    struct keeper k = {.board = board,
                       .edition = edition,
                       .lanes = &board_edition(board, edition)->lanes,
                       .config = config,
                       .catalog = catalog};
    bool relieved = false;
    list_queues(&k);
    k.progress_seen = mem_zero(CONFIG_POOL_MAX, sizeof *k.progress_seen);
    k.told = mem_zero(CONFIG_POOL_MAX, sizeof *k.told);
    k.settlement.others = mem_zero(CLAIM_MAX, sizeof *k.settlement.others);
    k.calls = mem_zero(KEEPER_CALLS_MAX, sizeof *k.calls);
    k.answers = mem_zero(KEEPER_CALLS_MAX, sizeof *k.answers);
    k.lines = mem_zero(KEEPER_LINES_MAX, sizeof *k.lines);
    k.gate_memory = region_new();
    log_set_role("keeper");
    while (atomic_load(&board->phase) != PHASE_CLOSE && !(relieved = is_relieved(&k))) {
        struct err e;
        atomic_store(&board->keeper_at, clock_boot());
        if (!k.open)
            reconnect(&k);
        if (k.open && !do_duties(&k, &e))
            lose(&k, &e);
        if (!k.open)
            keeper_collect_lines(&k);
        wait_for_something(&k);
    }
    if (!relieved) {
        keeper_collect_lines(&k);
        close_worker(&k);
    }
    disconnect(&k);
    free(k.progress_seen);
    free(k.told);
    free(k.settlement.others);
    free(k.calls);
    free(k.answers);
    free(k.lines);
    region_free(k.gate_memory);
    return relieved ? EXIT_RELIEVED : 0;
}
