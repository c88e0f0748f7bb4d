/* supervisor: processes, signals, timers, hard limits, on a libuv loop that never waits for anything else. It can hold limits while
 * the database is away because it has never heard of one.
 *
 * The way down: RUN -> DRAIN (children leave when their task is done; at the deadline they are shot and their tasks return) -> CLOSE
 * (the keeper gives back what is held and leaves) -> the control socket closes and the fork server ends. */
#include "common/base/crash_point.h"
#include "worker/board.h"
#include "worker/fork_server.h"
#include "worker/orphans.h"
#include "worker/posts.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

const char fork_server_verb[] = "fork-server";

static const usec_t close_wait = SECONDS(5), start_patience = SECONDS(10), others_wait = MSEC(200),
                    keeper_patience = SECONDS(60);
static const usec_t tick_busy = MSEC(100), tick_idle = MSEC(500), tick_short = MSEC(10);

struct supervisor {
    const struct worker_options *options;
    struct board *board;
    int board_fd, control, keeper_bell, log_read, log_write;
    int remote; /* the fork server's end of the control socket */
    uv_loop_t loop;
    uv_process_t fork_server;
    uv_poll_t control_poll;
    uv_timer_t tick;
    uv_signal_t on_term, on_int, on_quit, on_hup;
    struct post *posts; /* pool + 1: the keeper's is the last */
    struct posts_host host;
    usec_t started_at, drain_until, close_until;
    uint32_t lives_seen;
    bool fork_server_ready, all_started, fork_server_gone, ending;
    int exit_status;
};

static enum phase phase(const struct supervisor *s)
{
    return (enum phase)atomic_load(&s->board->phase);
}

static void ring(int fd)
{
    uint64_t one = 1;
    ssize_t ignored = write(fd, &one, sizeof one);
    (void)ignored;
}

/* The way down ------------------------------------------------------------------------------------------------------ */

static void set_phase(struct supervisor *s, enum phase to)
{
    atomic_store(&s->board->phase, to);
    board_wake_all(s->board);
    ring(s->keeper_bell);
}

static void drain(struct supervisor *s)
{
    log_info("worker.draining", LOG_FOR("deadline", s->options->config->worker.drain));
    s->drain_until = clock_boot() + s->options->config->worker.drain;
    set_phase(s, PHASE_DRAIN);
}

/* Children are shot; what they ran returns uncounted. */
static void drain_now(struct supervisor *s)
{
    if (phase(s) == PHASE_RUN)
        drain(s);
    s->drain_until = clock_boot();
}

static bool children_gone(const struct supervisor *s)
{
    for (int i = 0; i < s->board->pool; i++)
        if (s->posts[i].state == POST_LIVE || s->posts[i].state == POST_SHOT || s->posts[i].state == POST_SPAWNING)
            return false;
    return true;
}

static void end(struct supervisor *s, int status)
{
    if (s->ending)
        return;
    s->ending = true;
    s->exit_status = status;
    uv_poll_stop(&s->control_poll);
    close(s->control); /* the fork server ends its children and itself */
    s->control = -1;
    if (s->fork_server_gone)
        uv_stop(&s->loop);
}

/* A worker that never came up ends and says why; one that was up once stays, whatever happens to the database. */
static void check_start(struct supervisor *s, usec_t now)
{
    int refused = atomic_load(&s->board->refused);
    if (atomic_load(&s->board->registered))
        return;
    if (!refused && now - s->started_at < start_patience)
        return;
    log_error("worker.not_started", LOG_STR("why", s->board->trouble), LOG_FOR("tried", now - s->started_at));
    s->exit_status = refused ? refused : err_exit_status(ERR_UNREACHABLE);
    s->drain_until = now;
    set_phase(s, PHASE_DRAIN);
}

/* One look at how far the way down is. */
static void go_down(struct supervisor *s, usec_t now)
{
    struct post *keeper = &s->posts[s->board->pool];
    switch (phase(s)) {
    case PHASE_RUN:
        check_start(s, now);
        if (atomic_load(&s->board->burst_over))
            drain(s);
        break;
    case PHASE_DRAIN:
        if (now >= s->drain_until)
            for (int i = 0; i < s->board->pool; i++)
                post_shoot(&s->posts[i], OUTCOME_RETURNED, "returned: the worker stopped", &s->host);
        if (children_gone(s)) {
            s->close_until = now + close_wait;
            set_phase(s, PHASE_CLOSE);
        }
        break;
    case PHASE_CLOSE:
        if (keeper->state == POST_CLOSED || keeper->state == POST_VACANT || now >= s->close_until)
            end(s, s->exit_status);
        break;
    }
}

/* Posts ------------------------------------------------------------------------------------------------------------- */

static void send_order(void *data, const struct order *order)
{
    struct supervisor *s = data;
    CRASH_POINT("order", "before");
    if (s->control >= 0 && send(s->control, order, sizeof *order, MSG_NOSIGNAL) < 0)
        log_error("worker.order_lost", LOG_STR("why", strerror(errno)));
}

static bool closing(void *data)
{
    const struct supervisor *s = data;
    return phase(s) != PHASE_RUN;
}

static struct post *post_of(struct supervisor *s, int role)
{
    return role == ROLE_KEEPER ? &s->posts[s->board->pool] : role >= 0 && role < s->board->pool ? &s->posts[role] : NULL;
}

/* One child at first, so that the first task need not share the processors with the start of all others. */
static void start_posts(struct supervisor *s)
{
    post_event(&s->posts[s->board->pool], POST_ORDER, NULL, &s->host);
    post_event(&s->posts[0], POST_ORDER, NULL, &s->host);
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
        post_event(&s->posts[i], POST_ORDER, NULL, &s->host);
}

/* Deaths that the keeper was about to release when it died itself. */
static void hand_back_deaths(struct board *board)
{
    for (int i = 0; i < board->pool; i++) {
        uint32_t with_keeper = DEATH_WITH_KEEPER;
        atomic_compare_exchange_strong(&board->seats[i].death.state, &with_keeper, DEATH_PRESENT);
    }
}

static void hear(struct supervisor *s, const struct news *news)
{
    static const enum post_event events[] = {[NEWS_SPAWNED] = POST_SPAWNED, [NEWS_EXITED] = POST_EXITED, [NEWS_FAILED] = POST_FAILED};
    struct post *post = post_of(s, news->role);
    CRASH_POINT("news", "heard");
    if (news->kind == NEWS_EXITED && news->role == ROLE_KEEPER)
        hand_back_deaths(s->board);
    if (news->kind == NEWS_READY)
        start_posts(s);
    else if (post)
        post_event(post, events[news->kind], news, &s->host);
    go_down(s, clock_boot());
}

static void plan_tick(struct supervisor *s);

static void on_control(uv_poll_t *poll, int status, int what)
{
    struct supervisor *s = poll->data;
    struct news news;
    (void)what;
    while (status == 0 && recv(s->control, &news, sizeof news, MSG_DONTWAIT) == (ssize_t)sizeof news)
        hear(s, &news);
    plan_tick(s);
}

/* The clock --------------------------------------------------------------------------------------------------------- */

/* What children run must stop: it is about to be others', or is already. */
static bool lease_over(struct supervisor *s, usec_t now)
{
    uint32_t lives = atomic_load(&s->board->lives), seen = s->lives_seen;
    s->lives_seen = lives;
    return lives != seen || board_lease_over(s->board, now);
}

/* A keeper that does not turn its loop any more renews nothing and hears nothing: another one will. */
static void check_keeper(struct supervisor *s, usec_t now)
{
    usec_t keeper_at = atomic_load(&s->board->keeper_at);
    if (!keeper_at || now - keeper_at < keeper_patience)
        return;
    log_error("worker.keeper_hangs", LOG_FOR("since", now - keeper_at));
    atomic_store(&s->board->keeper_at, now);
    send_order(s, &(struct order){.kind = ORDER_KILL, .role = ROLE_KEEPER, .signal = SIGKILL});
}

/* How long until there is something to look at: a post whose back-off is over, a limit, the way down. */
static usec_t next_tick(const struct supervisor *s, usec_t now)
{
    usec_t pause = phase(s) != PHASE_RUN || s->board->burst || !s->all_started ? tick_short : board_all_idle(s->board) ? tick_idle : tick_busy;
    for (int i = 0; i <= s->board->pool; i++)
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
    for (int i = 0; i <= s->board->pool; i++)
        post_check(&s->posts[i], now, s->board->lease, over, &s->host);
    start_others(s, now);
    check_keeper(s, now);
    go_down(s, now);
    plan_tick(s);
}

static void on_stop_signal(uv_signal_t *handle, int number)
{
    struct supervisor *s = handle->data;
    log_info("worker.signal", LOG_STR("signal", strsignal(number)));
    if (number == SIGQUIT || phase(s) != PHASE_RUN)
        drain_now(s);
    else
        drain(s);
    go_down(s, clock_boot());
}

/* Set-up ------------------------------------------------------------------------------------------------------------ */

static void on_fork_server_exit(uv_process_t *process, int64_t status, int signal_number)
{
    struct supervisor *s = process->data;
    s->fork_server_gone = true;
    if (s->ending) {
        uv_stop(&s->loop);
        return;
    }
    /* Its children died with it (PDEATHSIG), and what they had started is ours now. systemd, or whoever started us, starts us again;
     * the tasks are rescued. */
    orphans_end_all();
    log_error("worker.fork_server_died", LOG_INT("status", status), LOG_INT("signal", signal_number));
    end(s, 1);
}

static bool start_fork_server(struct supervisor *s, struct err *e)
{
    const char *args[64] = {"drumbeat", fork_server_verb};
    size_t count = 2;
    for (const char *const *flag = s->options->flags; flag && *flag; flag++) {
        if (count + 1 == sizeof args / sizeof *args)
            return err_set(e, ERR_USAGE, "too many arguments");
        args[count++] = *flag;
    }
    uv_stdio_container_t stdio[FD_ENDS] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 1},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
        [FD_BOARD] = {.flags = UV_INHERIT_FD, .data.fd = s->board_fd},
        [FD_CONTROL] = {.flags = UV_INHERIT_FD, .data.fd = s->remote},
        [FD_KEEPER_BELL] = {.flags = UV_INHERIT_FD, .data.fd = s->keeper_bell},
        [FD_LOG_WRITE] = {.flags = UV_INHERIT_FD, .data.fd = s->log_write},
        [FD_LOG_READ] = {.flags = UV_INHERIT_FD, .data.fd = s->log_read},
    };
    char **argv = mem_zero(count + 1, sizeof *argv);
    for (size_t i = 0; i < count; i++)
        argv[i] = mem_strdup(args[i]);
    uv_process_options_t how = {.file = "/proc/self/exe", .args = argv, .stdio = stdio, .stdio_count = FD_ENDS, .exit_cb = on_fork_server_exit};
    s->fork_server.data = s;
    int failed = uv_spawn(&s->loop, &s->fork_server, &how);
    for (size_t i = 0; i < count; i++)
        free(argv[i]);
    free(argv);
    close(s->remote);
    return !failed || err_set(e, ERR_FAILED, "starting the fork server: %s", uv_strerror(failed));
}

static bool make_channels(struct supervisor *s, struct err *e)
{
    int control[2], lines[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0 || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, lines) != 0)
        return err_errno(e, ERR_FAILED, errno, "socketpair");
    struct timeval patience = {.tv_usec = 250000};
    int room = 1 << 20;
    setsockopt(lines[1], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(lines[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    s->control = control[0];
    s->remote = control[1];
    s->log_read = lines[0];
    s->log_write = lines[1];
    s->keeper_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return s->keeper_bell >= 0 || err_errno(e, ERR_FAILED, errno, "eventfd");
}

static bool make_board(struct supervisor *s, struct err *e)
{
    const struct config *config = s->options->config;
    s->board = board_make(config->worker.pool, &s->board_fd, e);
    if (!s->board)
        return false;
    s->board->worker = uuid_v7();
    s->board->lease = config->worker.lease;
    s->board->burst = s->options->burst;
    s->board->lanes.ageing = config->worker.ageing;
    atomic_store(&s->board->supervisor_pid, getpid());
    atomic_store(&s->board->supervisor_at, clock_boot());
    s->posts = mem_zero((size_t)config->worker.pool + 1, sizeof *s->posts);
    for (int i = 0; i <= config->worker.pool; i++)
        s->posts[i] = (struct post){.role = i < config->worker.pool ? i : ROLE_KEEPER, .seat = i < config->worker.pool ? &s->board->seats[i] : NULL};
    s->host = (struct posts_host){.order = send_order,
                                  .data = s,
                                  .closing = closing,
                                  .cancel_term = config->worker.cancel.term,
                                  .cancel_kill = config->worker.cancel.kill};
    return true;
}

static void watch_signal(struct supervisor *s, uv_signal_t *handle, int number)
{
    uv_signal_init(&s->loop, handle);
    handle->data = s;
    uv_signal_start(handle, on_stop_signal, number);
}

static void start_watching(struct supervisor *s)
{
    watch_signal(s, &s->on_term, SIGTERM);
    watch_signal(s, &s->on_int, SIGINT);
    watch_signal(s, &s->on_quit, SIGQUIT);
    watch_signal(s, &s->on_hup, SIGHUP);
    uv_timer_init(&s->loop, &s->tick);
    s->tick.data = s;
    uv_timer_start(&s->tick, on_tick, 0, 0);
    uv_poll_init(&s->loop, &s->control_poll, s->control);
    s->control_poll.data = s;
    uv_poll_start(&s->control_poll, UV_READABLE, on_control);
}

static bool set_up(struct supervisor *s, struct err *e)
{
    signal(SIGPIPE, SIG_IGN);
    orphans_adopt();
    s->started_at = clock_boot();
    static const struct catalog *checked; /* lives as long as the process */
    checked = catalog_make(s->options->config, e);
    if (!checked)
        return false; /* the fork server would refuse it, with nobody to tell */
    if (!make_board(s, e) || !make_channels(s, e))
        return false;
    uv_loop_init(&s->loop);
    start_watching(s);
    return start_fork_server(s, e);
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
    log_info("worker.ended", LOG_INT("status", s.exit_status));
    free(s.posts);
    return s.exit_status;
}

/* It sees the supervisor's end by the end of the control socket, and ends the children and all they started. */
int fork_server_main(const struct config *config)
{
    struct err e;
    static const struct catalog *catalog; /* lives as long as the process */
    catalog = catalog_make(config, &e);
    if (!catalog) {
        log_error("fork_server.failed", LOG_ERR(&e));
        return err_exit_status(e.kind);
    }
    return fork_server_run(config, catalog);
}
