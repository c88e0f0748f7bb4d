/* fork_server: the parent of keeper and children. */
#include "worker/fork_server.h"
#include "common/base/crash_point.h"
#include "worker/board.h"
#include "worker/child.h"
#include "worker/courier.h"
#include "worker/keeper.h"
#include "worker/orphans.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROLES_MAX = CONFIG_POOL_MAX - ROLE_FIRST };

struct nursery {
    const struct config *config;
    const struct catalog *catalog;
    struct board *board;
    uint32_t edition;
    int signals; /* signalfd for SIGCHLD */
    sigset_t outer_mask;
    pid_t pids[ROLES_MAX]; /* by role - ROLE_FIRST; 0: none */
};

/* A terminal sends them to all of its foreground group, which the fork server shares with the supervisor: they are that one's. */
static const int stops[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};

static void tell(const struct news *news)
{
    while (send(FD_CONTROL, news, sizeof *news, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

/* What a fresh child must not share with its parent. */
static void become_child(const struct nursery *n, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    setpgid(0, 0);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        signal(stops[i], SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_SETMASK, &n->outer_mask, NULL);
    close(n->signals);
    close(FD_CONTROL);
}

/* The child goes into its group from here, because it may be too humble for that itself, and because the first move takes the
 * kernel some 15 ms, in which the child connects. */
static void place(struct nursery *n, int seat, pid_t pid)
{
    struct board *board = n->board;
    if (!board->groups.version)
        return;
    if (!cgroup_enter(&board->groups, seat, pid))
        log_warning("worker.group_not_entered", LOG_INT("seat", seat));
    word_set(&board->seats[seat].placed, (uint32_t)pid);
}

static int run_role(const struct nursery *n, int role)
{
    switch (role) {
    case ROLE_KEEPER:
        return keeper_run(n->board, n->edition, n->config, n->catalog);
    case ROLE_COURIER:
        return courier_run(n->board, n->edition, n->config, n->catalog);
    default:
        return child_run(n->board, n->edition, role, n->config, n->catalog);
    }
}

static void spawn(struct nursery *n, int role)
{
    pid_t parent = getpid();
    if (role >= 0 && n->board->groups.version && !cgroup_make(&n->board->groups, role))
        log_warning("worker.group_not_made", LOG_INT("seat", role));
    pid_t pid = fork();
    if (pid == 0) {
        become_child(n, parent);
        _exit(run_role(n, role));
    }
    if (pid < 0) {
        tell(&(struct news){.kind = NEWS_FAILED, .role = role, .status = errno});
        return;
    }
    CRASH_POINT("fork", "done");
    setpgid(pid, pid); /* both sides do it, so that a kill of the group never misses */
    n->pids[role - ROLE_FIRST] = pid;
    if (role >= 0)
        place(n, role, pid);
    tell(&(struct news){.kind = NEWS_SPAWNED, .role = role, .pid = pid});
}

static void obey(struct nursery *n, const struct order *order)
{
    if (order->role < ROLE_FIRST || order->role - ROLE_FIRST >= ROLES_MAX)
        return;
    pid_t pid = n->pids[order->role - ROLE_FIRST];
    switch (order->kind) {
    case ORDER_SPAWN:
        if (pid == 0)
            spawn(n, order->role);
        break;
    case ORDER_KILL:
        if (pid > 0)
            kill(-pid, order->signal);
        break;
    }
}

/* What the seat's group still holds ends too, wherever it has gone. The limit at which the kernel killed the child; 0: it did not. */
static int64_t end_group(const struct nursery *n, int seat, int status)
{
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    int64_t limit = killed && cgroup_oom_kills(&n->board->groups, seat) > 0 ? cgroup_memory_limit(&n->board->groups, seat) : 0;
    cgroup_end(&n->board->groups, seat);
    return limit;
}

static bool is_child(const void *data, pid_t pid)
{
    const struct nursery *n = data;
    for (int i = 0; i < ROLES_MAX; i++)
        if (n->pids[i] == pid)
            return true;
    return false;
}

static int role_of(const struct nursery *n, pid_t pid)
{
    for (int i = 0; i < ROLES_MAX; i++)
        if (n->pids[i] == pid)
            return i + ROLE_FIRST;
    return ROLES_MAX;
}

/* The dead child is reaped only after its process group was killed: until then its number cannot be another's. What left the group
 * has become ours. */
static bool reap_one(struct nursery *n)
{
    siginfo_t info = {0};
    struct rusage used;
    int status;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
        return false;
    kill(-info.si_pid, SIGKILL);
    if (wait4(info.si_pid, &status, 0, &used) != info.si_pid)
        return false;
    int role = role_of(n, info.si_pid);
    if (role == ROLES_MAX)
        return true;
    n->pids[role - ROLE_FIRST] = 0;
    CRASH_POINT("reap", "done");
    orphans_kill(is_child, n);
    tell(&(struct news){
        .kind = NEWS_EXITED,
        .role = role,
        .pid = info.si_pid,
        .status = status,
        .peak_rss = (int64_t)used.ru_maxrss * 1024,
        .cpu_ms = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000,
        .memory_limit = role < 0 ? 0 : end_group(n, role, status),
    });
    return true;
}

static void drain_signals(int fd)
{
    struct signalfd_siginfo info;
    ssize_t got;
    do
        got = read(fd, &info, sizeof info);
    while (got == (ssize_t)sizeof info);
}

static void end_children(const struct nursery *n)
{
    for (int i = 0; i < ROLES_MAX; i++)
        if (n->pids[i] > 0)
            kill(-n->pids[i], SIGKILL);
    orphans_end_all(NULL, NULL);
    for (int i = 0; i < ROLES_MAX; i++)
        if (n->pids[i] > 0 && i + ROLE_FIRST >= 0)
            cgroup_end(&n->board->groups, i + ROLE_FIRST);
}

static void serve(struct nursery *n)
{
    tell(&(struct news){.kind = NEWS_READY});
    for (;;) {
        struct pollfd fds[] = {{.fd = FD_CONTROL, .events = POLLIN}, {.fd = n->signals, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[1].revents & POLLIN) {
            drain_signals(n->signals);
            while (reap_one(n))
                ;
        }
        if (fds[0].revents) {
            struct order order;
            ssize_t got = recv(FD_CONTROL, &order, sizeof order, 0);
            if (got == 0 || (got < 0 && errno != EINTR))
                return;
            if (got == (ssize_t)sizeof order)
                obey(n, &order);
        }
    }
}

int fork_server_run(const struct config *config, const struct catalog *catalog)
{
    struct err e;
    struct nursery n = {.config = config, .catalog = catalog};
    sigset_t child;
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        signal(stops[i], SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_NAME, "drumbeat"); /* it was executed as /proc/self/exe: top and pstree would say "exe" */
    orphans_adopt();
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &n.outer_mask);
    n.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    n.board = board_map(FD_BOARD, &e);
    if (n.signals < 0 || !n.board) {
        log_error("fork_server.failed", LOG_STR("error", n.board ? strerror(errno) : e.text));
        return 1;
    }
    n.edition = atomic_load(&n.board->coming);
    edition_write(board_edition(n.board, n.edition), config);
    serve(&n);
    end_children(&n);
    if (getppid() != atomic_load(&n.board->supervisor_pid)) /* else there may be another fork server, or it does that itself */
        cgroups_close(&n.board->groups, 0);
    return 0;
}
