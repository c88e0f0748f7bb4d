/* posts: the table of (state, event), and the limits that the supervisor enforces. */
#include "worker/posts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const usec_t young = SECONDS(2), back_off_first = MSEC(100), back_off_cap = SECONDS(4), keeper_back_off_cap = SECONDS(1);

/* How the child ended, in words that go into the task's row. */
static void describe(struct death *death, const struct post *post)
{
    if (post->state == POST_SHOT)
        snprintf(death->text, sizeof death->text, "%s", post->shot_text);
    else if (death->signal)
        snprintf(death->text, sizeof death->text, "the process died by signal %d (%s)", death->signal, strsignal(death->signal));
    else
        snprintf(death->text, sizeof death->text, "the process exited with status %d in the middle of the task", death->exit_code);
}

/* What the seat held when its child died goes to whoever releases it. While the death before is not released the child never had the
 * seat, and there is nothing to add. True: it died in the middle of a task. */
static bool write_death(struct post *post, const struct news *news)
{
    struct death *death = &post->seat->death;
    struct seat_view view = seat_clear(post->seat);
    bool ran = !uuid_is_zero(view.task);
    uint32_t with_child = DEATH_WITH_CHILD;
    atomic_compare_exchange_strong(&death->state, &with_child, DEATH_PRESENT);
    if (atomic_load(&death->state) != DEATH_NONE)
        return false;
    death->task = view.task;
    death->started_at = view.started_at;
    death->signal = WIFSIGNALED(news->status) ? WTERMSIG(news->status) : 0;
    death->exit_code = WIFEXITED(news->status) ? WEXITSTATUS(news->status) : -1;
    death->peak_rss = news->peak_rss;
    death->cpu_ms = news->cpu_ms;
    death->outcome = post->state != POST_SHOT ? OUTCOME_CRASHED : uuid_equal(view.task, post->shot_task) ? post->shot_outcome : OUTCOME_RETURNED;
    describe(death, post);
    atomic_store(&death->state, DEATH_PRESENT);
    if (ran)
        log_warning("task.child_died", LOG_UUID("task", view.task), LOG_STR("name", view.name), LOG_INT("seat", post->role), LOG_STR("why", death->text));
    return ran;
}

static void order(struct post *post, const struct news *news, const struct posts_host *host)
{
    (void)news;
    if (host->closing(host->data) && post->seat)
        return;
    if (post->seat) {
        atomic_store(&post->seat->state, SEAT_EMPTY);
        if (atomic_load(&post->seat->death.state) == DEATH_WITH_KEEPER) { /* it is releasing the seat: a moment later */
            atomic_store(&post->seat->state, SEAT_AWAY);
            post->state = POST_BACKOFF;
            post->due_at = clock_boot() + MSEC(20);
            return;
        }
    }
    post->state = POST_SPAWNING;
    host->order(host->data, &(struct order){.kind = ORDER_SPAWN, .role = post->role});
}

static void spawned(struct post *post, const struct news *news, const struct posts_host *host)
{
    (void)host;
    post->state = POST_LIVE;
    post->pid = news->pid;
    post->born_at = clock_boot();
}

/* Whatever kept processes from starting, a few seconds after its end they do; and no lease may run out for want of a keeper. */
static void back_off(struct post *post)
{
    usec_t limit = back_off_first << (post->young_deaths < 9 ? post->young_deaths : 9), cap = post->seat ? back_off_cap : keeper_back_off_cap;
    post->state = POST_BACKOFF;
    post->due_at = clock_boot() + jitter(limit < cap ? limit : cap);
    post->young_deaths++;
}

static void failed(struct post *post, const struct news *news, const struct posts_host *host)
{
    (void)host;
    log_error("worker.fork_failed", LOG_INT("seat", post->role), LOG_STR("why", strerror(news->status)));
    back_off(post);
}

/* Is this death the end of the post? A keeper has to leave by itself: without it nobody gives back what the worker holds. */
static bool is_end(const struct post *post, const struct news *news, const struct posts_host *host)
{
    bool left = WIFEXITED(news->status) && WEXITSTATUS(news->status) == 0;
    return host->closing(host->data) && (post->seat || left);
}

/* A child that lived is replaced at once; one that died young without having begun anything waits, each time longer. */
static void exited(struct post *post, const struct news *news, const struct posts_host *host)
{
    bool worked = post->seat && atomic_exchange(&post->seat->tasks, 0) > 0;
    bool old = clock_boot() - post->born_at >= young;
    if (post->seat) {
        worked |= write_death(post, news);
        atomic_store(&post->seat->turn, 0);
        atomic_store(&post->seat->state, SEAT_AWAY);
    } else if (!is_end(post, news, host)) {
        log_warning("worker.keeper_died", LOG_INT("status", news->status));
    }
    post->pid = 0;
    if (is_end(post, news, host)) {
        post->state = POST_CLOSED;
        return;
    }
    if (old || worked)
        post->young_deaths = 0;
    if (post->young_deaths > 0 || !(old || worked || post->state == POST_SHOT)) {
        back_off(post);
        return;
    }
    post->state = POST_VACANT;
    order(post, news, host);
}

typedef void action(struct post *post, const struct news *news, const struct posts_host *host);

static action *const actions[POST_STATES][POST_EVENTS] = {
    [POST_VACANT] = {[POST_ORDER] = order},
    [POST_SPAWNING] = {[POST_SPAWNED] = spawned, [POST_FAILED] = failed},
    [POST_LIVE] = {[POST_EXITED] = exited},
    [POST_SHOT] = {[POST_EXITED] = exited},
    [POST_BACKOFF] = {[POST_DUE] = order},
    [POST_CLOSED] = {NULL},
};

void post_event(struct post *post, enum post_event event, const struct news *news, const struct posts_host *host)
{
    action *act = actions[post->state][event];
    if (act)
        act(post, news, host);
}

void post_shoot(struct post *post, enum outcome outcome, const char *reason, const struct posts_host *host)
{
    struct seat_view view;
    if (post->state != POST_LIVE)
        return;
    post->state = POST_SHOT;
    post->shot_outcome = outcome;
    post->shot_task = seat_look(post->seat, &view) ? view.task : (struct uuid){{0}};
    snprintf(post->shot_text, sizeof post->shot_text, "%s", reason);
    host->order(host->data, &(struct order){.kind = ORDER_KILL, .role = post->role, .signal = SIGKILL});
}

/* Limits ------------------------------------------------------------------------------------------------------------ */

/* What a small file of /proc holds; "" when the process is gone. */
static const char *read_proc(pid_t pid, const char *file, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

enum { FAMILY_MAX = 64, FAMILY_TEXT = 1024 };

/* The processes that `pid` has started and that live: /proc/PID/task/PID/children (proc(5)). */
static size_t children_of(pid_t pid, pid_t *out, size_t room)
{
    char file[48], text[FAMILY_TEXT];
    size_t count = 0;
    snprintf(file, sizeof file, "task/%d/children", (int)pid);
    for (const char *p = read_proc(pid, file, text, sizeof text); *p && count < room; count++) {
        char *end;
        out[count] = (pid_t)strtol(p, &end, 10);
        if (end == p)
            break;
        p = end + strspn(end, " \n");
    }
    return count;
}

/* Resident bytes of a child and of what it has started (at most FAMILY_MAX processes): second field of /proc/PID/statm (proc(5)),
 * in pages. */
static int64_t resident(pid_t child)
{
    pid_t family[FAMILY_MAX] = {child};
    int64_t pages = 0;
    size_t count = 1;
    for (size_t i = 0; i < count; i++) {
        char text[128];
        const char *second = strchr(read_proc(family[i], "statm", text, sizeof text), ' ');
        pages += second ? strtoll(second, NULL, 10) : 0;
        count += children_of(family[i], family + count, FAMILY_MAX - count);
    }
    return pages * sysconf(_SC_PAGESIZE);
}

/* Is the process stopped? Third field of /proc/PID/stat (proc(5)). */
static bool is_stopped(pid_t pid)
{
    char text[256];
    const char *end = strrchr(read_proc(pid, "stat", text, sizeof text), ')');
    return end && end[1] == ' ' && (end[2] == 'T' || end[2] == 't');
}

/* A blocked child lives until its limit; a stopped one does not come back by itself. */
static void check_stopped(struct post *post, usec_t now, usec_t lease, const struct posts_host *host)
{
    if (!is_stopped(post->pid))
        post->stopped_since = 0;
    else if (!post->stopped_since)
        post->stopped_since = now;
    else if (now - post->stopped_since > lease)
        post_shoot(post, OUTCOME_CRASHED, "killed: the process was stopped for longer than the lease", host);
}

static void check_limits(struct post *post, const struct seat_view *view, usec_t now, const struct posts_host *host)
{
    char reason[DEATH_TEXT_MAX], limit[CLOCK_TEXT_MAX];
    if (view->hard_at && now > view->hard_at) {
        snprintf(reason, sizeof reason, "killed: hard limit %s is over", duration_format((view->hard_at - view->since) / 1000000 * 1000000, limit));
        post_shoot(post, OUTCOME_LIMIT, reason, host);
        return;
    }
    int64_t rss = view->memory ? resident(post->pid) : 0;
    if (rss > view->memory) {
        snprintf(reason, sizeof reason, "killed: %lld MiB > %lld MiB", (long long)(rss >> 20), (long long)(view->memory >> 20));
        post_shoot(post, OUTCOME_LIMIT, reason, host);
    }
}

/* Cancel: the flag first, then SIGTERM, then SIGKILL. */
static void check_cancel(struct post *post, const struct seat_view *view, usec_t now, const struct posts_host *host)
{
    int64_t ticket = seat_ticket(view->fence, view->place);
    if (atomic_load(&post->seat->stop) != ticket)
        return;
    usec_t asked_for = now - atomic_load(&post->seat->stop_at);
    if (asked_for > host->cancel_kill) {
        post_shoot(post, OUTCOME_CANCELLED, "cancelled: did not stop by itself, killed", host);
    } else if (asked_for > host->cancel_term && post->term_sent_for != ticket) {
        post->term_sent_for = ticket;
        host->order(host->data, &(struct order){.kind = ORDER_KILL, .role = post->role, .signal = SIGTERM});
    }
}

void post_check(struct post *post, usec_t now, usec_t lease, bool lease_over, const struct posts_host *host)
{
    struct seat_view view;
    if (post->state == POST_BACKOFF && now >= post->due_at)
        post_event(post, POST_DUE, NULL, host);
    if (post->state != POST_LIVE || !post->seat || !seat_look(post->seat, &view) || uuid_is_zero(view.task))
        return;
    if (lease_over) {
        post_shoot(post, OUTCOME_RETURNED, "stopped: the worker's lease could not be renewed", host);
        return;
    }
    check_limits(post, &view, now, host);
    check_stopped(post, now, lease, host);
    check_cancel(post, &view, now, host);
}
