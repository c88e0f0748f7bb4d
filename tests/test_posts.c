/* The supervisor's posts in virtual time: a fork server that answers late and sometimes cannot fork, children and a keeper that die at any
 * moment, tasks that go over their limits, hang or are cancelled, leases that run out, and a worker that closes. In every seed:
 *
 *     there is never a second process at a post, and none is killed without a reason;
 *     what ran when its child died is told exactly once, with the outcome that the story had;
 *     when the trouble ends every post has its process within seconds, and when the worker closes every seat is closed.
 *
 * A seed that fails is printed; SIM_SEED plays it alone, SIM_SEEDS says how many there are. */
#include "common/base/log.h"
#include "tests/fixture/main.h"
#include "worker/posts.h"
#include "worker/proc.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POOL = 3, POSTS = POOL + 1, STEPS = 1500, NEWS_MAX = 64, SEEDS = 400 };

static const usec_t lease = SECONDS(5), patience = SECONDS(12);

/* A process, as the fork server knows it, and what it would say about itself. */
struct actor {
    bool alive, seated; /* seated: it has released the death before it and may claim */
    bool deaf;          /* to cancels */
    pid_t pid;
    struct uuid task; /* that it runs */
    bool over_memory, told_to_stop;
};

static struct model {
    uint64_t dice;
    usec_t now;
    struct board *board;
    struct post posts[POSTS];
    struct posts_host host;
    struct actor actors[POSTS];
    struct news news[NEWS_MAX]; /* on their way to the supervisor, in order */
    size_t news_count;
    bool no_forks, closing, lease_over, stopped, calm;
    int64_t next;
    struct uuid untold[POOL]; /* of a seat: what its dead child ran, until somebody has released it; zero: nothing */
    int expected[POOL]; /* enum outcome, -1: the supervisor has not heard of it */
    int deaths, releases;
    uint64_t seed;
} m;

#define hold(condition) ck_assert_msg(condition, "SIM_SEED=%llu: " #condition, (unsigned long long)m.seed)

static uint64_t throw_dice(uint64_t sides)
{
    uint64_t z = (m.dice += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % sides;
}

/* The world that posts.c sees: ld --wrap puts these in place of the real ones. */
usec_t __wrap_clock_boot(void);
usec_t __wrap_jitter(usec_t limit);
bool __wrap_proc_is_stopped(pid_t pid);
struct family_use __wrap_proc_family(pid_t root);

usec_t __wrap_clock_boot(void)
{
    return m.now;
}

usec_t __wrap_jitter(usec_t limit)
{
    return limit > 0 ? (usec_t)throw_dice((uint64_t)limit) : 0;
}

bool __wrap_proc_is_stopped(pid_t pid)
{
    (void)pid;
    return m.stopped;
}

struct family_use __wrap_proc_family(pid_t root)
{
    for (int i = 0; i < POOL; i++)
        if (m.actors[i].pid == root && m.actors[i].over_memory)
            return (struct family_use){.resident = 1 << 30, .processes = 1};
    return (struct family_use){.resident = 1 << 20, .processes = 1};
}

/* The fork server ----------------------------------------------------------------------------------------------------- */

static struct actor *actor_of(int role)
{
    return &m.actors[role == ROLE_KEEPER ? POOL : role];
}

static void send_news(struct news news)
{
    hold(m.news_count < NEWS_MAX);
    m.news[m.news_count++] = news;
}

static void die(int role, int status)
{
    struct actor *a = actor_of(role);
    if (!a->alive)
        return;
    if (role != ROLE_KEEPER && !uuid_is_zero(a->task)) {
        hold(uuid_is_zero(m.untold[role]));
        m.untold[role] = a->task;
        m.expected[role] = -1;
        m.deaths++;
    }
    *a = (struct actor){0};
    send_news((struct news){.kind = NEWS_EXITED, .role = role, .status = status});
}

static void take_order(void *data, const struct order *order)
{
    struct actor *a = actor_of(order->role);
    (void)data;
    if (order->kind == ORDER_KILL) {
        if (order->signal == SIGKILL)
            die(order->role, SIGKILL);
        return;
    }
    hold(!a->alive);
    for (size_t i = 0; i < m.news_count; i++)
        hold(m.news[i].role != order->role || m.news[i].kind == NEWS_READY);
    if (m.no_forks) {
        send_news((struct news){.kind = NEWS_FAILED, .role = order->role, .status = EAGAIN});
        return;
    }
    *a = (struct actor){.alive = true, .pid = (pid_t)++m.next, .deaf = throw_dice(2)};
    send_news((struct news){.kind = NEWS_SPAWNED, .role = order->role, .pid = a->pid});
}

static bool is_closing(void *data)
{
    (void)data;
    return m.closing;
}

static void deliver(void)
{
    static const enum post_event events[] = {[NEWS_SPAWNED] = POST_SPAWNED, [NEWS_EXITED] = POST_EXITED, [NEWS_FAILED] = POST_FAILED};
    if (m.news_count == 0)
        return;
    struct news news = m.news[0];
    memmove(m.news, m.news + 1, --m.news_count * sizeof *m.news);
    struct post *post = &m.posts[news.role == ROLE_KEEPER ? POOL : news.role];
    if (news.kind == NEWS_EXITED && news.role == ROLE_KEEPER)
        for (int i = 0; i < POOL; i++) { /* as the supervisor does */
            uint32_t with_keeper = DEATH_WITH_KEEPER;
            atomic_compare_exchange_strong(&m.board->seats[i].death.state, &with_keeper, DEATH_PRESENT);
        }
    if (news.kind == NEWS_EXITED && news.role != ROLE_KEEPER && !uuid_is_zero(m.untold[news.role]) && m.expected[news.role] < 0) {
        bool shot = post->state == POST_SHOT;
        m.expected[news.role] = !shot ? OUTCOME_CRASHED : uuid_equal(post->shot_task, m.untold[news.role]) ? post->shot_outcome : OUTCOME_RETURNED;
    }
    post_event(post, events[news.kind], &news, &m.host);
}

/* Children and keeper -------------------------------------------------------------------------------------------------- */

static void release(int seat)
{
    struct death *death = &m.board->seats[seat].death;
    if (!uuid_is_zero(death->task)) {
        hold(uuid_equal(death->task, m.untold[seat]));
        ck_assert_msg((int)death->outcome == m.expected[seat], "SIM_SEED=%llu: outcome %d, not %d: %s", (unsigned long long)m.seed, (int)death->outcome, m.expected[seat], death->text);
        m.untold[seat] = (struct uuid){{0}};
        m.releases++;
    }
    atomic_store(&death->state, DEATH_NONE);
}

/* The first act of a child: release what its seat lost. It can die before, after and in the middle. */
static void sit_down(int seat)
{
    struct actor *a = &m.actors[seat];
    uint32_t present = DEATH_PRESENT;
    if (!a->alive || a->seated || m.posts[seat].state != POST_LIVE)
        return;
    if (atomic_compare_exchange_strong(&m.board->seats[seat].death.state, &present, DEATH_WITH_CHILD)) {
        if (!m.calm && throw_dice(4) == 0) {
            die(seat, SIGKILL);
            return;
        }
        release(seat);
    }
    a->seated = true;
    atomic_store(&m.board->seats[seat].state, SEAT_IDLE);
}

static void begin_task(int seat)
{
    struct actor *a = &m.actors[seat];
    if (!a->alive || !a->seated || !uuid_is_zero(a->task) || m.closing)
        return;
    struct seat_view view = {.since = m.now, .fence = ++m.next, .place = 1, .hard_at = m.now + SECONDS(3),
                             .limits = {.soft = SECONDS(2), .hard = SECONDS(3), .memory = 512 << 20, .cpu = HOURS(1), .processes = 100, .output = 1 << 30}};
    memcpy(view.task.bytes, &m.next, sizeof m.next);
    a->task = view.task;
    a->over_memory = throw_dice(10) == 0;
    atomic_fetch_add(&m.board->seats[seat].tasks, 1);
    seat_begin(&m.board->seats[seat], &view);
}

static void end_task(int seat)
{
    struct actor *a = &m.actors[seat];
    if (!a->alive || uuid_is_zero(a->task))
        return;
    a->task = (struct uuid){{0}};
    a->over_memory = false;
    seat_finish(&m.board->seats[seat]);
}

static void ask_to_cancel(int seat)
{
    struct seat_view view;
    if (!seat_look(&m.board->seats[seat], &view) || uuid_is_zero(view.task))
        return;
    atomic_store(&m.board->seats[seat].stop_at, m.now);
    atomic_store(&m.board->seats[seat].stop, seat_ticket(view.fence, view.place));
}

/* The keeper releases seats whose child does not come back soon. */
static void keep(void)
{
    if (!m.actors[POOL].alive)
        return;
    for (int i = 0; i < POOL; i++) {
        struct seat *seat = &m.board->seats[i];
        uint32_t present = DEATH_PRESENT;
        if (atomic_load(&seat->state) != SEAT_AWAY || !atomic_compare_exchange_strong(&seat->death.state, &present, DEATH_WITH_KEEPER))
            continue;
        if (!m.calm && throw_dice(3) == 0) {
            die(ROLE_KEEPER, SIGKILL);
            return;
        }
        release(i);
    }
}

/* Time ------------------------------------------------------------------------------------------------------------------ */

static void tick(void)
{
    for (int i = 0; i < POSTS; i++) {
        struct seat_view view;
        bool over = i < POOL && m.posts[i].state == POST_LIVE && m.actors[i].alive && !uuid_is_zero(m.actors[i].task) &&
                    seat_look(&m.board->seats[i], &view) && m.now > view.hard_at;
        post_check(&m.posts[i], m.now, lease, m.lease_over, &m.host);
        hold(!over || m.posts[i].state == POST_SHOT);
    }
}

static void live_on(usec_t duration)
{
    for (usec_t end = m.now + duration; m.now < end; m.now += MSEC(50)) {
        while (m.news_count > 0)
            deliver();
        tick();
        keep();
        for (int i = 0; i < POOL; i++) {
            sit_down(i);
            if (m.closing && m.actors[i].alive && m.actors[i].seated) {
                end_task(i);
                die(i, 0);
            }
        }
    }
}

static void step(void)
{
    int seat = (int)throw_dice(POOL);
    m.now += (usec_t)throw_dice((uint64_t)MSEC(40));
    switch (throw_dice(16)) {
    case 0:
        die((int)throw_dice(POSTS) - 1, throw_dice(2) ? SIGSEGV : 3 << 8);
        break;
    case 1:
        m.no_forks = throw_dice(6) == 0;
        break;
    case 2:
        m.lease_over = throw_dice(12) == 0;
        break;
    case 3:
        m.stopped = throw_dice(12) == 0;
        break;
    case 4:
        ask_to_cancel(seat);
        break;
    case 5:
        keep();
        break;
    case 6:
    case 7:
        tick();
        break;
    case 8:
    case 9:
        begin_task(seat);
        break;
    case 10:
        end_task(seat);
        break;
    case 11:
        sit_down(seat);
        break;
    default:
        deliver();
        break;
    }
}

static void play(uint64_t seed)
{
    struct board *board = m.board;
    memset(&m, 0, sizeof m);
    m.board = board;
    m.seed = m.dice = seed;
    m.now = HOURS(1);
    m.host = (struct posts_host){.order = take_order, .closing = is_closing, .cancel_term = SECONDS(1), .cancel_kill = SECONDS(2), .tally = &board->tally};
    for (int i = 0; i < POSTS; i++) {
        m.posts[i] = (struct post){.role = i < POOL ? i : ROLE_KEEPER, .seat = i < POOL ? &board->seats[i] : NULL};
        if (i < POOL)
            memset(&board->seats[i], 0, sizeof board->seats[i]);
        post_event(&m.posts[i], POST_ORDER, NULL, &m.host);
    }
    for (int i = 0; i < STEPS; i++)
        step();
    m.no_forks = m.lease_over = m.stopped = false;
    m.calm = true;
    live_on(patience);
    for (int i = 0; i < POSTS; i++) {
        hold(m.posts[i].state == POST_LIVE);
        hold(m.actors[i].alive);
        hold(i == POOL || uuid_is_zero(m.untold[i]));
    }
    hold(m.deaths == m.releases);
    m.closing = true;
    live_on(patience);
    for (int i = 0; i < POOL; i++)
        hold(m.posts[i].state == POST_CLOSED && !m.actors[i].alive);
}

START_TEST(posts_are_filled_and_deaths_are_told_once_whatever_happens)
{
    struct err e;
    int fd;
    const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS");
    m.board = board_make(POOL, &fd, &e);
    ck_assert_ptr_nonnull(m.board);
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO); /* each seed logs hundreds of deaths */
    if (one) {
        play(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t seed = 0; seed < (many ? strtoull(many, NULL, 10) : SEEDS); seed++)
        play(seed);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("posts");
    tcase_set_timeout(tests, 3600);
    tcase_add_test(tests, posts_are_filled_and_deaths_are_told_once_whatever_happens);
    return test_main_case("posts", tests);
}
