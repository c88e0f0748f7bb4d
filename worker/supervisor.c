/* supervisor: processes, signals, timers, hard limits, on a libuv loop that never waits for anything else. It can hold limits while
 * the database is away because it has never heard of one.
 *
 * The way down: RUN -> DRAIN (children leave when their task is done; at the deadline they are shot and their tasks return) -> CLOSE
 * (courier and keeper send and give back what is held and leave) -> the control sockets close and the fork servers end. Reloads are reload.c's. */
#include "common/base/crash_point.h"
#include "common/base/hangup.h"
#include "worker/board.h"
#include "worker/orphans.h"
#include "worker/proc.h"
#include "worker/supervisor_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

static const usec_t close_wait = SECONDS(5), start_patience = SECONDS(10), import_patience = MINUTES(2), others_wait = MSEC(200),
                    loop_patience = SECONDS(30), parents_every = SECONDS(1);
static const int oom_score = -500; /* where it may */
static const usec_t tick_busy = MSEC(100), tick_idle = MSEC(500), tick_short = MSEC(10);

void supervisor_ring(const struct supervisor *s)
{
    static const int bells[] = {FD_KEEPER_BELL, FD_COURIER_BELL};
    for (size_t i = 0; i < sizeof bells / sizeof *bells; i++) {
        uint64_t one = 1;
        ssize_t ignored = write(s->fds[bells[i]], &one, sizeof one);
        (void)ignored;
    }
}

/* The way down ------------------------------------------------------------------------------------------------------ */

static void set_phase(struct supervisor *s, enum phase to)
{
    atomic_store(&s->board->phase, to);
    board_wake_all(s->board);
    supervisor_ring(s);
}

static void drain(struct supervisor *s)
{
    log_info("worker.draining", LOG_FOR("deadline", s->drain_for));
    s->drain_until = clock_boot() + s->drain_for;
    s->reload_asked = false;
    set_phase(s, PHASE_DRAIN);
}

/* Children are shot; what they ran returns uncounted. */
static void drain_now(struct supervisor *s)
{
    if (supervisor_phase(s) == PHASE_RUN)
        drain(s);
    s->drain_until = clock_boot();
}

static bool children_gone(struct supervisor *s)
{
    for (int seat = 0; seat < s->board->seat_count; seat++)
        if (post_is_taken(supervisor_post(s, seat)))
            return false;
    return true;
}

static void stop_when_alone(struct supervisor *s)
{
    for (int i = 0; i < EDITIONS_MAX; i++)
        if (s->parents[i])
            return;
    uv_stop(&s->loop);
}

static void end(struct supervisor *s, int status)
{
    if (s->ending)
        return;
    s->ending = true;
    s->exit_status = status;
    for (int i = 0; i < EDITIONS_MAX; i++) {
        if (s->parents[i] && edition_is_coming(s, s->parents[i]))
            uv_process_kill(&s->parents[i]->process, SIGKILL); /* it may not listen yet */
        if (s->parents[i])
            fork_parent_dismiss(s->parents[i]);
    }
    stop_when_alone(s);
}

/* A worker that never came up ends and says why; one that was up once stays, whatever happens to the database. */
static void check_start(struct supervisor *s, usec_t now)
{
    int refused = atomic_load(&s->board->refused);
    if (atomic_load(&s->board->registered))
        return;
    bool imports = !s->fork_server_ready && s->options->config->celery.app; /* an application, which takes its time */
    if (!refused && now - s->started_at < (imports ? import_patience : start_patience))
        return;
    log_error("worker.not_started", LOG_STR("why", s->board->trouble), LOG_FOR("tried", now - s->started_at));
    s->exit_status = refused ? refused : err_exit_status(ERR_UNREACHABLE);
    s->drain_until = now;
    set_phase(s, PHASE_DRAIN);
}

static bool has_left(struct supervisor *s, int role)
{
    const struct post *post = supervisor_post(s, role);
    return post->state == POST_CLOSED || post->state == POST_VACANT;
}

/* One look at how far the way down is. */
static void go_down(struct supervisor *s, usec_t now)
{
    switch (supervisor_phase(s)) {
    case PHASE_RUN:
        check_start(s, now);
        if (atomic_load(&s->board->burst_over))
            drain(s);
        break;
    case PHASE_DRAIN:
        if (now >= s->drain_until)
            for (int seat = 0; seat < s->board->seat_count; seat++)
                post_shoot(supervisor_post(s, seat), OUTCOME_RETURNED, "returned: the worker stopped", &s->host);
        if (children_gone(s)) {
            s->close_until = now + close_wait;
            set_phase(s, PHASE_CLOSE);
        }
        break;
    case PHASE_CLOSE:
        if ((has_left(s, ROLE_KEEPER) && has_left(s, ROLE_COURIER)) || now >= s->close_until)
            end(s, s->exit_status);
        break;
    }
}

/* Posts ------------------------------------------------------------------------------------------------------------- */

static struct fork_parent *supervisor_parent(struct supervisor *s, uint32_t edition)
{
    struct fork_parent *parent = s->parents[edition % EDITIONS_MAX];
    return parent && parent->edition == edition ? parent : NULL;
}

/* Who is to come comes from the current fork server; who is there is the affair of the one that it came from. */
static void send_order(void *data, const struct order *order)
{
    struct supervisor *s = data;
    CRASH_POINT("order", "before");
    struct post *post = supervisor_post(s, order->role);
    if (order->kind == ORDER_SPAWN)
        post->edition = atomic_load(&s->board->edition);
    struct fork_parent *parent = supervisor_parent(s, post->edition);
    if (parent && !parent->dismissed && !fork_parent_order(parent, order))
        log_error("worker.order_lost", LOG_STR("why", strerror(errno)));
}

static bool closing(void *data)
{
    const struct supervisor *s = data;
    return supervisor_phase(s) != PHASE_RUN;
}

/* One child at first, so that the first task need not share the processors with the start of all others. */
static void start_posts(struct supervisor *s)
{
    s->started_at = clock_boot();
    post_event(supervisor_post(s, ROLE_KEEPER), POST_ORDER, NULL, &s->host);
    reload_order_courier(s);
    post_event(supervisor_post(s, 0), POST_ORDER, NULL, &s->host);
    s->fork_server_ready = true;
}

static bool first_child_works(const struct supervisor *s)
{
    return atomic_load(&s->board->idle_turn) > 0 || atomic_load(&s->board->seats[0].tasks) > 0;
}

static void start_others(struct supervisor *s, usec_t now)
{
    if (s->all_started || !s->fork_server_ready || (!first_child_works(s) && now - s->started_at < others_wait))
        return;
    s->all_started = true;
    for (int i = 1; i < s->board->pool; i++)
        post_event(supervisor_post(s, i), POST_ORDER, NULL, &s->host);
}

/* News --------------------------------------------------------------------------------------------------------------- */

/* Deaths that the keeper was about to release when it died itself. */
static void hand_back_deaths(struct board *board)
{
    for (int i = 0; i < board->seat_count; i++) {
        uint32_t with_keeper = DEATH_WITH_KEEPER;
        atomic_compare_exchange_strong(&board->seats[i].death.state, &with_keeper, DEATH_PRESENT);
    }
}

static void on_news(void *data, struct fork_parent *parent, const struct news *news)
{
    struct supervisor *s = data;
    static const enum post_event events[] = {[NEWS_SPAWNED] = POST_SPAWNED, [NEWS_EXITED] = POST_EXITED, [NEWS_FAILED] = POST_FAILED};
    struct post *post = supervisor_post(s, news->role);
    CRASH_POINT("news", "heard");
    if (news->kind == NEWS_EXITED && news->role == ROLE_KEEPER)
        hand_back_deaths(s->board);
    if (news->kind == NEWS_READY)
        edition_is_current(s, parent) ? start_posts(s) : reload_ready(s, parent);
    else
        post_event(post, events[news->kind], news, &s->host);
    reload_dismiss_empty(s);
    go_down(s, clock_boot());
}

static void plan_tick(struct supervisor *s);

static void on_heard(void *data)
{
    plan_tick(data);
}

/* The clock --------------------------------------------------------------------------------------------------------- */

/* What children run must stop: it is about to be others', or is already. */
static bool lease_over(struct supervisor *s, usec_t now)
{
    uint32_t lives = atomic_load(&s->board->lives), seen = s->lives_seen;
    s->lives_seen = lives;
    return lives != seen || board_lease_over(s->board, now);
}

/* One that does not turn its loop any more renews nothing, hears nothing and sends nothing: another one will. */
static void check_loop(struct supervisor *s, int role, _Atomic int64_t *turned_at, const char *event, usec_t now)
{
    usec_t at = atomic_load(turned_at);
    if (!at || now - at < loop_patience || supervisor_post(s, role)->state != POST_LIVE)
        return;
    log_error(event, LOG_FOR("since", now - at));
    atomic_store(turned_at, now);
    send_order(s, &(struct order){.kind = ORDER_KILL, .role = role, .signal = SIGKILL});
}

/* No limit holds and nobody is replaced while a fork server is stopped, and nothing that it does can wait: it goes on. */
static void check_parents(struct supervisor *s, usec_t now)
{
    if (now - s->parents_at < parents_every)
        return;
    s->parents_at = now;
    for (int i = 0; i < EDITIONS_MAX; i++) {
        if (!s->parents[i] || !proc_is_stopped(s->parents[i]->process.pid))
            continue;
        log_warning("worker.fork_server_was_stopped", LOG_INT("pid", s->parents[i]->process.pid));
        uv_process_kill(&s->parents[i]->process, SIGCONT);
    }
}

/* How long until there is something to look at: a post whose back-off is over, a limit, the way down. */
static usec_t next_tick(const struct supervisor *s, usec_t now)
{
    usec_t pause = supervisor_phase(s) != PHASE_RUN || s->board->burst || !s->all_started ? tick_short : board_all_idle(s->board) ? tick_idle : tick_busy;
    for (int i = 0; i < s->board->seat_count - ROLE_FIRST; i++)
        if (s->posts[i].state == POST_BACKOFF && s->posts[i].due_at - now < pause)
            pause = s->posts[i].due_at > now ? s->posts[i].due_at - now : 0;
    return pause;
}

static void on_tick(uv_timer_t *timer);

static void plan_tick(struct supervisor *s)
{
    if (!s->ending)
        uv_timer_start(&s->tick, on_tick, (uint64_t)((next_tick(s, clock_boot()) + 999) / 1000), 0);
}

static void on_tick(uv_timer_t *timer)
{
    struct supervisor *s = timer->data;
    usec_t now = clock_boot();
    bool over = lease_over(s, now);
    atomic_store(&s->board->supervisor_at, now);
    s->host.light_lease_over = board_light_lease_over(s->board, now);
    for (int i = 0; i < s->board->seat_count - ROLE_FIRST; i++)
        post_check(&s->posts[i], now, s->board->lease, over, &s->host);
    start_others(s, now);
    reload_resize(s);
    check_loop(s, ROLE_KEEPER, &s->board->keeper_at, "worker.keeper_hangs", now);
    check_loop(s, ROLE_COURIER, &s->board->courier_at, "worker.courier_hangs", now);
    check_parents(s, now);
    reload_check(s, now);
    go_down(s, now);
    plan_tick(s);
}

static void on_stop_signal(uv_signal_t *handle, int number)
{
    struct supervisor *s = handle->data;
    log_info("worker.signal", LOG_STR("signal", strsignal(number)));
    if (number == SIGQUIT || supervisor_phase(s) != PHASE_RUN)
        drain_now(s);
    else
        drain(s);
    go_down(s, clock_boot());
}

static void on_hang_up(uv_signal_t *handle, int number)
{
    struct supervisor *s = handle->data;
    if (hangup_is_end()) {
        on_stop_signal(handle, number);
        return;
    }
    s->reload_asked = supervisor_phase(s) == PHASE_RUN;
    reload_check(s, clock_boot());
    plan_tick(s);
}

/* Set-up ------------------------------------------------------------------------------------------------------------ */

static void on_fork_server_exit(void *data, struct fork_parent *parent, int64_t status, int signal_number)
{
    struct supervisor *s = data;
    s->parents[parent->edition % EDITIONS_MAX] = NULL;
    if (s->ending) {
        stop_when_alone(s);
    } else if (edition_is_coming(s, parent)) {
        reload_refused(s, parent, status, signal_number);
    } else if (!parent->dismissed) {
        /* Its children died with it (PDEATHSIG), and what they had started is ours now. systemd, or whoever started us, starts us again;
         * the tasks are rescued. */
        log_error("worker.fork_server_died", LOG_INT("status", status), LOG_INT("signal", signal_number));
        end(s, 1);
        orphans_end_all(NULL, NULL); /* and other fork servers: the loop will not hear of them any more */
        uv_stop(&s->loop);
    }
}

static bool make_channels(struct supervisor *s, struct err *e)
{
    int lines[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, lines) != 0)
        return err_errno(e, ERR_FAILED, errno, "socketpair");
    struct timeval patience = {.tv_usec = 250000};
    int room = 1 << 20;
    setsockopt(lines[1], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(lines[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    s->fds[1] = 1;
    s->fds[2] = 2;
    s->fds[FD_LOG_READ] = lines[0];
    s->fds[FD_LOG_WRITE] = lines[1];
    s->fds[FD_KEEPER_BELL] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->fds[FD_COURIER_BELL] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return (s->fds[FD_KEEPER_BELL] >= 0 && s->fds[FD_COURIER_BELL] >= 0) || err_errno(e, ERR_FAILED, errno, "eventfd");
}

/* Control groups and another user, for children. */
static bool set_up_children(struct supervisor *s, struct err *e)
{
    const struct config *config = s->options->config;
    struct cgroups *groups = &s->board->groups;
    if (!identity_find(config->worker.user, &s->board->identity, e))
        return false;
    proc_set_oom_score(oom_score);
    if (strcmp(config->worker.cgroup, "off") == 0)
        return true;
    cgroups_open("", config->worker.pool, groups);
    log_debug("worker.groups", LOG_INT("version", groups->version), LOG_STR("why", groups->why));
    return true;
}

static bool make_board(struct supervisor *s, struct err *e)
{
    const struct config *config = s->options->config;
    s->board = board_make(config->worker.pool, &s->fds[FD_BOARD], e);
    if (!s->board)
        return false;
    s->board->worker = uuid_v7();
    s->board->lease = config->worker.lease;
    s->board->burst = s->options->burst;
    atomic_store(&s->board->supervisor_pid, getpid());
    atomic_store(&s->board->supervisor_at, clock_boot());
    s->posts = mem_zero(CONFIG_POOL_MAX - ROLE_FIRST, sizeof *s->posts);
    for (int role = ROLE_FIRST; role < CONFIG_POOL_MAX; role++)
        *supervisor_post(s, role) = (struct post){.role = role, .seat = role < 0 ? NULL : &s->board->seats[role]};
    s->host = (struct posts_host){.order = send_order, .data = s, .closing = closing, .tally = &s->board->tally};
    return true;
}

static void watch_signal(struct supervisor *s, uv_signal_t *handle, uv_signal_cb act, int number)
{
    uv_signal_init(&s->loop, handle);
    handle->data = s;
    uv_signal_start(handle, act, number);
}

static void start_watching(struct supervisor *s)
{
    watch_signal(s, &s->on_term, on_stop_signal, SIGTERM);
    watch_signal(s, &s->on_int, on_stop_signal, SIGINT);
    watch_signal(s, &s->on_quit, on_stop_signal, SIGQUIT);
    watch_signal(s, &s->on_hup, on_hang_up, SIGHUP);
    uv_timer_init(&s->loop, &s->tick);
    s->tick.data = s;
    uv_timer_start(&s->tick, on_tick, 0, 0);
}

/* The loop takes our memory: where there is none libuv would abort, or go on without. */
static bool open_loop(struct supervisor *s, struct err *e)
{
    uv_replace_allocator(mem_alloc, mem_grow, mem_zero, free);
    int problem = uv_loop_init(&s->loop);
    return problem == 0 || err_set(e, ERR_FAILED, "event loop: %s", uv_strerror(problem));
}

static bool set_up(struct supervisor *s, struct err *e)
{
    signal(SIGPIPE, SIG_IGN);
    hangup_watch();
    orphans_adopt();
    s->started_at = clock_boot();
    static const struct catalog *checked; /* lives as long as the process */
    checked = catalog_make(s->options->config, CATALOG_ALL, e);
    if (!checked)
        return false; /* the fork server would refuse it, with nobody to tell */
    if (!make_board(s, e) || !set_up_children(s, e) || !make_channels(s, e) || !open_loop(s, e))
        return false;
    start_watching(s);
    s->parents_host = (struct fork_parent_host){.data = s, .news = on_news, .heard = on_heard, .ended = on_fork_server_exit};
    if (!reload_start(s, e))
        return false;
    struct edition *first = board_edition(s->board, s->last_edition);
    edition_write(first, s->options->config);
    reload_adopt(s, first);
    atomic_store(&s->board->edition, s->last_edition);
    return true;
}

int worker_main(const struct worker_options *options)
{
    struct err e;
    static struct supervisor s; /* lives as long as the process */
    s.options = options;
    if (!set_up(&s, &e)) {
        log_error("worker.not_started", LOG_ERR(&e));
        return err_exit_status(e.kind);
    }
    log_info("worker.started", LOG_UUID("worker", s.board->worker), LOG_INT("pool", s.board->pool));
    uv_run(&s.loop, UV_RUN_DEFAULT);
    cgroups_close(&s.board->groups, atomic_load(&s.board->seat_count));
    log_info("worker.ended", LOG_INT("status", s.exit_status));
    free(s.posts);
    return s.exit_status;
}

/* It sees the supervisor's end by the end of the control socket, and ends the children and all they started. */
int fork_server_main(const struct config *config)
{
    struct err e;
    static const struct catalog *catalog; /* lives as long as the process */
    catalog = catalog_make(config, CATALOG_ALL, &e);
    return catalog ? fork_server_run(config, catalog) : fork_server_refuse(&e);
}

int fork_server_refuse(const struct err *why)
{
    struct err e;
    struct board *board = board_map(FD_BOARD, &e);
    if (board)
        snprintf(board_edition(board, board->coming)->trouble, ERR_TEXT_MAX, "%s", why->text);
    return err_exit_status(why->kind);
}
