/* posts: the table of (state, event), and the limits that the supervisor enforces. */
#include "worker/posts.h"
#include "worker/proc.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const usec_t close_look_every = MSEC(400), share_patience = MSEC(200), stopped_look_every = SECONDS(1);
static const usec_t young = SECONDS(2), back_off_first = MSEC(100), back_off_cap = SECONDS(4), keeper_back_off_cap = SECONDS(1);

/* Has the kernel killed it for a limit? */
static bool kernel_held(const struct death *death, const struct news *news)
{
    return news->memory_limit || death->signal == SIGXCPU || death->signal == SIGXFSZ;
}

static void describe_limit(char cause[DEATH_TEXT_MAX], const struct death *death, const struct limits *limits, const struct news *news)
{
    char most[CLOCK_TEXT_MAX];
    if (news->memory_limit)
        limit_say_size(cause, DEATH_TEXT_MAX, news->memory_limit, "", limits->memory);
    else if (death->signal == SIGXCPU)
        snprintf(cause, DEATH_TEXT_MAX, "killed: more than %s of processor time", duration_format(limits->cpu, most));
    else
        limit_say_size(cause, DEATH_TEXT_MAX, limits->output + 1, "in a file", limits->output);
}

/* How the child ended, in words that go into the task's row: the limit with its value, the signal, the attempt. */
static void describe(struct death *death, const struct post *post, const struct seat_view *view, const struct news *news)
{
    char cause[DEATH_TEXT_MAX];
    bool shot = post->state == POST_SHOT;
    if (shot)
        snprintf(cause, sizeof cause, "%s", post->shot_text);
    else if (kernel_held(death, news))
        describe_limit(cause, death, &view->limits, news);
    if (shot && death->outcome != OUTCOME_LIMIT)
        snprintf(death->text, sizeof death->text, "%s", cause);
    else if (death->outcome == OUTCOME_LIMIT)
        snprintf(death->text, sizeof death->text, "%.200s (signal %d in attempt %d)", cause, death->signal, view->attempt);
    else if (death->signal)
        snprintf(death->text, sizeof death->text, "the process died by signal %d (%s) in attempt %d", death->signal, strsignal(death->signal), view->attempt);
    else
        snprintf(death->text, sizeof death->text, "the process exited with status %d in attempt %d", death->exit_code, view->attempt);
}

/* What the seat held when its child died goes to whoever releases it. While the death before is not released the child never had the
 * seat, and there is nothing to add. True: it died in the middle of a task. */
static bool write_death(struct post *post, const struct news *news, struct tally *tally)
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
    death->cpu_ms = news->cpu_ms - (ran ? view.cpu_before / 1000 : 0);
    if (post->state == POST_SHOT)
        death->outcome = uuid_equal(view.task, post->shot_task) ? post->shot_outcome : OUTCOME_RETURNED;
    else
        death->outcome = kernel_held(death, news) ? OUTCOME_LIMIT : OUTCOME_CRASHED;
    death->final = death->outcome == OUTCOME_LIMIT && view.hard_is_final && clock_boot() > view.hard_at;
    if (ran && death->outcome != OUTCOME_RETURNED) {
        tally_count(tally, view.series, TALLY_DIED, -1, -1);
        tally_event(tally, TALLY_RESCUED_CHILD, 1);
    }
    describe(death, post, &view, news);
    atomic_store(&death->state, DEATH_PRESENT);
    if (ran)
        log_warning("task.child_died", LOG_UUID("task", view.task), LOG_STR("name", view.name), LOG_INT("seat", post->role), LOG_STR("why", death->text));
    return ran;
}

static bool is_over(const struct post *post, const struct posts_host *host)
{
    return post->surplus || host->closing(host->data);
}

static void order(struct post *post, const struct news *news, const struct posts_host *host)
{
    (void)news;
    if (post->surplus || (post->seat && is_over(post, host))) {
        post->state = POST_CLOSED;
        return;
    }
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

/* Is this death the end of the post? Keeper and courier have to leave by themselves: without them nobody gives back what the worker
 * holds, or sends what it has to send. */
static bool is_end(const struct post *post, const struct news *news, const struct posts_host *host)
{
    bool left = WIFEXITED(news->status) && WEXITSTATUS(news->status) == 0;
    return is_over(post, host) && (post->seat || left);
}

/* It left for another of a later edition. */
static bool was_relieved(const struct news *news)
{
    return WIFEXITED(news->status) && WEXITSTATUS(news->status) == EXIT_RELIEVED;
}

static enum tally_event cause_of(const struct post *post, const struct news *news)
{
    if (post->state == POST_SHOT)
        return TALLY_CHILD_LIMIT;
    if (WIFSIGNALED(news->status))
        return TALLY_CHILD_SIGNAL;
    return WEXITSTATUS(news->status) == 0 || was_relieved(news) ? TALLY_CHILD_SPENT : TALLY_CHILD_EXIT;
}

/* A child that lived is replaced at once; one that died young without having begun anything waits, each time longer. */
static void exited(struct post *post, const struct news *news, const struct posts_host *host)
{
    bool worked = post->seat && atomic_exchange(&post->seat->tasks, 0) > 0;
    bool old = clock_boot() - post->born_at >= young;
    if (post->seat) {
        if (!is_end(post, news, host))
            tally_event(host->tally, cause_of(post, news), 1);
        worked |= write_death(post, news, host->tally);
        atomic_store(&post->seat->turn, 0);
        atomic_store(&post->seat->pid, 0);
        atomic_store(&post->seat->state, SEAT_AWAY);
    } else if (!is_end(post, news, host) && !was_relieved(news)) {
        log_warning(post->role == ROLE_COURIER ? "worker.courier_died" : "worker.keeper_died", LOG_INT("status", news->status));
    }
    post->pid = 0;
    if (is_end(post, news, host)) {
        post->state = POST_CLOSED;
        return;
    }
    if (old || worked || was_relieved(news))
        post->young_deaths = 0;
    if (post->young_deaths > 0 || !(old || worked || was_relieved(news) || post->state == POST_SHOT)) {
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
    [POST_CLOSED] = {[POST_ORDER] = order},
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
    assert(post->seat);
    if (post->state != POST_LIVE)
        return;
    post->state = POST_SHOT;
    post->shot_outcome = outcome;
    post->shot_task = seat_look(post->seat, &view) ? view.task : (struct uuid){{0}};
    snprintf(post->shot_text, sizeof post->shot_text, "%s", reason);
    host->order(host->data, &(struct order){.kind = ORDER_KILL, .role = post->role, .signal = SIGKILL});
}

/* Limits ------------------------------------------------------------------------------------------------------------ */

/* A blocked child lives until its limit; a stopped one does not come back by itself, and between two tasks it holds those that it has run or
 * claimed. */
static void check_stopped(struct post *post, usec_t now, usec_t lease, const struct posts_host *host)
{
    if (now - post->looked_at < stopped_look_every)
        return;
    post->looked_at = now;
    if (!proc_is_stopped(post->pid))
        post->stopped_since = 0;
    else if (!post->stopped_since)
        post->stopped_since = now;
    else if (now - post->stopped_since > lease)
        post_shoot(post, OUTCOME_CRASHED, "killed: the process was stopped for longer than the lease", host);
}

/* Is that still what the child runs? What was measured meanwhile may be of the next task. */
static bool still_runs(const struct post *post, const struct seat_view *view)
{
    struct seat_view now;
    return seat_look(post->seat, &now) && uuid_equal(now.task, view->task) && now.fence == view->fence;
}

/* What the child's family takes, more exactly when that matters: pages that several of them share are counted in each at first. */
static int64_t memory_of(struct post *post, const struct family_use *use, int64_t limit, usec_t now)
{
    if (use->resident <= limit || use->processes == 1)
        return use->resident;
    if (now - post->shared_at < close_look_every)
        return 0;
    post->shared_at = now;
    int64_t share = proc_family_share(post->pid, share_patience);
    return share >= 0 ? share : use->resident;
}

/* Which of the limits that only a look from outside can hold is over, in words; NULL: none. Memory last: to ask a process for it is to wait until
 * it has forked. */
static const char *over_limit(struct post *post, const struct seat_view *view, usec_t now, char reason[DEATH_TEXT_MAX])
{
    const struct limits *limits = &view->limits;
    struct family_use use = proc_family(post->pid);
    int64_t output = atomic_load(&post->seat->output);
    usec_t cpu = use.cpu - view->cpu_before;
    if (use.processes > limits->processes)
        return limit_say_count(reason, DEATH_TEXT_MAX, use.processes, "processes", limits->processes);
    if (cpu > limits->cpu)
        return limit_say_time(reason, DEATH_TEXT_MAX, cpu, "of processor time", limits->cpu);
    if (output > limits->output)
        return limit_say_size(reason, DEATH_TEXT_MAX, output, "of output", limits->output);
    int64_t memory = memory_of(post, &use, limits->memory, now);
    return memory > limits->memory ? limit_say_size(reason, DEATH_TEXT_MAX, memory, "", limits->memory) : NULL;
}

static void check_limits(struct post *post, const struct seat_view *view, usec_t now, const struct posts_host *host)
{
    char reason[DEATH_TEXT_MAX], limit[CLOCK_TEXT_MAX];
    if (now > view->hard_at) {
        snprintf(reason, sizeof reason, "killed: hard limit %s is over", duration_format(view->limits.hard, limit));
        post_shoot(post, OUTCOME_LIMIT, reason, host);
    } else if (over_limit(post, view, now, reason) && still_runs(post, view)) {
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
    if (post->state == POST_LIVE && post->seat)
        check_stopped(post, now, lease, host);
    if (post->state != POST_LIVE || !post->seat || !seat_look(post->seat, &view) || uuid_is_zero(view.task))
        return;
    if (lease_over || (view.light && host->light_lease_over)) {
        post_shoot(post, OUTCOME_RETURNED, "stopped: the worker's lease could not be renewed", host);
        return;
    }
    check_limits(post, &view, now, host);
    check_cancel(post, &view, now, host);
}
