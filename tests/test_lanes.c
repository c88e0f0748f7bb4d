/* Cursors against a model of the store: transactions that commit late or roll back, claims in flight, tasks that come back with their
 * old number, bells that are lost. Thousands of seeds; in none may a task that anybody could claim be overlooked for longer than
 * ROUNDS_MAX rounds of a keeper, nor a number be taken for dealt with that is still to come. The same model with one of the
 * precautions left out must overlook some, or it proves nothing. */
#include "common/broker/lanes.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEEDS = 10000,
    STEPS = 600,
    WORKERS = 2,
    CHILDREN = 3,
    LANES = 2,
    TASKS_MAX = 2000,
    OPEN_MAX = 12,
    BELLS_MAX = 4000,
    CLAIM_ALL = TASKS_MAX,
    ROUNDS_MAX = 3
};

/* What is left out, to see the model notice. */
enum flaw { SOUND, NO_LOOK_BEHIND, NUMBER_AFTER_TRANSACTION, NO_FORGETTING, NO_BELL_FOR_RETURNS, FLAWS };

enum state { UNCOMMITTED, READY, TAKEN, RUNNING, RETURNING, GONE };

struct task {
    enum state state;
    int lane;
    int64_t seq;
    int owner;         /* TAKEN, RUNNING: worker */
    int seen[WORKERS]; /* rounds of each worker, each with a full claim after it, since it became claimable */
};

struct transaction {
    bool open;
    int64_t xid;
    bool returns; /* else enqueues */
    int64_t low;  /* below its first task */
    int lane;
};

struct bell {
    int lane;
    int64_t low;
};

/* A claim: its statement has taken tasks; its commit, and the advance of the cursors after that, are still to come. */
struct claim {
    enum { IDLE, IN_FLIGHT, ANSWERED } state;
    int64_t xid, from[LANES], highest[LANES];
    bool full;
};

struct worker {
    struct lanes lanes;
    struct claim claims[CHILDREN];
    struct bell bells[BELLS_MAX];
    int bell_first, bell_end;
    int64_t last_seq, next_xid, oldest_xid; /* what the round under way has read */
    bool in_round;
    bool waiting; /* whether enqueuers ring for it */
};

static struct model {
    enum flaw flaw;
    uint64_t dice;
    struct task tasks[TASKS_MAX];
    int owner_of_task[TASKS_MAX]; /* place in `open`, or claim, that moves it */
    int count;
    int64_t next_seq, next_xid;
    struct transaction open[OPEN_MAX];
    struct worker workers[WORKERS];
    bool overlooked;
} m;

static const char *const queues[LANES] = {"a", "b"};

static unsigned throw_dice(unsigned sides)
{
    uint64_t z = (m.dice += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (unsigned)((z ^ (z >> 31)) >> 33) % sides;
}

/* Transactions -------------------------------------------------------------------------------------------------------- */

static void become_ready(struct task *t)
{
    t->state = READY;
    memset(t->seen, 0, sizeof t->seen);
}

static void ring(int lane, int64_t low, bool always)
{
    for (int w = 0; w < WORKERS; w++) {
        struct worker *worker = &m.workers[w];
        if ((always || worker->waiting) && worker->bell_end < BELLS_MAX)
            worker->bells[worker->bell_end++] = (struct bell){.lane = lane, .low = low};
    }
}

/* Its number comes first, then the sequence numbers of its tasks. */
static void begin_enqueue(void)
{
    for (int i = 0; i < OPEN_MAX; i++)
        if (!m.open[i].open) {
            m.open[i] = (struct transaction){.open = true, .xid = m.next_xid++, .lane = (int)throw_dice(LANES)};
            return;
        }
}

static int64_t add_task(int transaction)
{
    struct transaction *t = &m.open[transaction];
    if (m.count == TASKS_MAX)
        return 0;
    m.owner_of_task[m.count] = transaction;
    m.tasks[m.count++] = (struct task){.state = UNCOMMITTED, .lane = t->lane, .seq = ++m.next_seq};
    if (!t->low)
        t->low = m.next_seq - 1;
    return m.next_seq;
}

static void end_transaction(int transaction, bool commits)
{
    struct transaction *t = &m.open[transaction];
    enum state from = t->returns ? RETURNING : UNCOMMITTED;
    for (int i = 0; i < m.count; i++) {
        if (m.tasks[i].state != from || m.owner_of_task[i] != transaction)
            continue;
        if (commits)
            become_ready(&m.tasks[i]);
        else
            m.tasks[i].state = t->returns ? RUNNING : GONE;
    }
    t->open = false;
    if (commits && t->low && (!t->returns || m.flaw != NO_BELL_FOR_RETURNS))
        ring(t->lane, t->low, t->returns);
}

/* A running task goes back to where it stood, whoever does that. */
static void begin_return(int task)
{
    for (int i = 0; i < OPEN_MAX; i++)
        if (!m.open[i].open) {
            m.open[i] = (struct transaction){.open = true, .xid = m.next_xid++, .returns = true, .lane = m.tasks[task].lane, .low = m.tasks[task].seq - 1};
            m.tasks[task].state = RETURNING;
            m.owner_of_task[task] = i;
            return;
        }
}

/* Claims -------------------------------------------------------------------------------------------------------------- */

static void begin_claim(int w, int child, int wanted)
{
    struct worker *worker = &m.workers[w];
    struct claim *claim = &worker->claims[child];
    *claim = (struct claim){.state = IN_FLIGHT, .xid = m.next_xid++, .full = wanted == CLAIM_ALL};
    uint32_t count = atomic_load(&worker->lanes.count);
    for (uint32_t l = 0; l < count; l++)
        claim->from[l] = atomic_load(&worker->lanes.lane[l].cursor);
    for (uint32_t l = 0; l < count; l++)
        for (int i = 0; i < m.count && wanted > 0; i++) {
            struct task *t = &m.tasks[i]; /* in the order of seq */
            if (t->state != READY || t->seq <= claim->from[l] || strcmp(queues[t->lane], worker->lanes.lane[l].queue) != 0)
                continue;
            t->state = TAKEN;
            m.owner_of_task[i] = w * CHILDREN + child;
            claim->highest[l] = t->seq;
            wanted--;
        }
}

static void move_taken(int w, int child, bool commits)
{
    for (int i = 0; i < m.count; i++)
        if (m.tasks[i].state == TAKEN && m.owner_of_task[i] == w * CHILDREN + child) {
            if (commits)
                m.tasks[i].state = RUNNING;
            else
                become_ready(&m.tasks[i]);
        }
}

static void advance(struct worker *worker, const struct claim *claim)
{
    for (int l = 0; l < LANES; l++)
        if (claim->highest[l])
            lane_advance(&worker->lanes.lane[l], claim->from[l], claim->highest[l]);
}

/* One step of a claim: its commit, then what its child does with the answer. An answer may be lost, and a claim rolled back. */
static void step_claim(int w, int child)
{
    struct worker *worker = &m.workers[w];
    struct claim *claim = &worker->claims[child];
    if (claim->state == IN_FLIGHT) {
        bool commits = throw_dice(8) > 0;
        move_taken(w, child, commits);
        claim->state = commits ? ANSWERED : IDLE;
    } else if (claim->state == ANSWERED) {
        if (throw_dice(8) > 0)
            advance(worker, claim);
        claim->state = IDLE;
    }
}

/* Keepers ------------------------------------------------------------------------------------------------------------- */

static bool is_visible(const struct task *t)
{
    return t->state == READY || t->state == TAKEN;
}

/* The lowest transaction still open; claims are transactions too. */
static int64_t oldest_open(void)
{
    int64_t oldest = m.next_xid;
    for (int i = 0; i < OPEN_MAX; i++)
        if (m.open[i].open && m.open[i].xid < oldest)
            oldest = m.open[i].xid;
    for (int w = 0; w < WORKERS; w++)
        for (int c = 0; c < CHILDREN; c++)
            if (m.workers[w].claims[c].state == IN_FLIGHT && m.workers[w].claims[c].xid < oldest)
                oldest = m.workers[w].claims[c].xid;
    return oldest;
}

static void learn_lanes(struct worker *worker)
{
    for (int l = 0; l < LANES; l++)
        for (int i = 0; i < m.count; i++)
            if (m.tasks[i].lane == l && is_visible(&m.tasks[i])) {
                lanes_add(&worker->lanes, queues[l], 5, m.tasks[i].seq - 1);
                break;
            }
}

static void look_behind(struct worker *worker, int64_t settled)
{
    for (uint32_t l = 0; l < atomic_load(&worker->lanes.count); l++) {
        struct lane *lane = &worker->lanes.lane[l];
        int64_t above, upto, found = 0;
        if (!lane_to_look(lane, &above, &upto))
            continue;
        for (int i = 0; i < m.count && !found; i++)
            if (is_visible(&m.tasks[i]) && strcmp(queues[m.tasks[i].lane], lane->queue) == 0 && m.tasks[i].seq > above && m.tasks[i].seq <= upto)
                found = m.tasks[i].seq;
        lane_looked(lane, upto, found, settled);
    }
}

static void hear(struct worker *worker)
{
    if (worker->bell_first == worker->bell_end)
        return;
    const struct bell *bell = &worker->bells[worker->bell_first++];
    lanes_add(&worker->lanes, queues[bell->lane], 5, bell->low);
    lanes_pull_back(&worker->lanes, queues[bell->lane], 5, bell->low);
}

/* Bells that have arrived are heard first. Then what the statement's snapshot says; the last sequence number is read a moment later. */
static void begin_round(struct worker *worker)
{
    while (worker->bell_first != worker->bell_end)
        hear(worker);
    worker->next_xid = m.next_xid;
    worker->oldest_xid = oldest_open();
    worker->in_round = true;
}

static void note_rounds(int w)
{
    for (int i = 0; i < m.count; i++)
        if (m.tasks[i].state == READY && ++m.tasks[i].seen[w] > ROUNDS_MAX)
            m.overlooked = true;
}

/* What is not even committed cannot have been seen to be gone. */
static void check_proof(const struct worker *worker)
{
    for (uint32_t l = 0; l < atomic_load(&worker->lanes.count); l++)
        for (int i = 0; i < m.count; i++)
            if (m.tasks[i].state == UNCOMMITTED && m.tasks[i].seq <= worker->lanes.lane[l].low &&
                strcmp(queues[m.tasks[i].lane], worker->lanes.lane[l].queue) == 0)
                m.overlooked = true;
}

/* After the round a child looks, and takes all it finds: what is still there was overlooked. */
static void end_round(int w)
{
    struct worker *worker = &m.workers[w];
    int64_t last_seq = m.next_seq;
    int64_t sampled = m.flaw == NUMBER_AFTER_TRANSACTION ? last_seq : worker->last_seq;
    int64_t settled = lanes_sample(&worker->lanes, sampled, worker->next_xid, worker->oldest_xid);
    worker->last_seq = last_seq;
    worker->in_round = false;
    learn_lanes(worker);
    if (m.flaw != NO_LOOK_BEHIND)
        look_behind(worker, settled);
    check_proof(worker);
    for (int c = 0; c < CHILDREN; c++)
        if (worker->claims[c].state == IDLE) {
            begin_claim(w, c, CLAIM_ALL);
            note_rounds(w);
            return;
        }
}

static void lose_listener(struct worker *worker)
{
    worker->bell_first = worker->bell_end;
    worker->in_round = false;
    worker->last_seq = -1;
    if (m.flaw != NO_FORGETTING)
        lanes_forget(&worker->lanes);
}

/* The run ------------------------------------------------------------------------------------------------------------- */

static int any_task(enum state state)
{
    int from = m.count ? (int)throw_dice((unsigned)m.count) : 0;
    for (int i = 0; i < m.count; i++)
        if (m.tasks[(from + i) % m.count].state == state)
            return (from + i) % m.count;
    return -1;
}

static void step_transaction(void)
{
    int i = (int)throw_dice(OPEN_MAX);
    if (!m.open[i].open)
        begin_enqueue();
    else if (!m.open[i].returns && throw_dice(2))
        add_task(i);
    else if (throw_dice(3) == 0)
        end_transaction(i, throw_dice(8) > 0);
}

static void step(void)
{
    int w = (int)throw_dice(WORKERS), child = (int)throw_dice(CHILDREN), task;
    struct worker *worker = &m.workers[w];
    switch (throw_dice(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        step_transaction();
        break;
    case 4:
    case 5:
    case 6:
        if (worker->claims[child].state == IDLE)
            begin_claim(w, child, 1 + (int)throw_dice(4));
        else
            step_claim(w, child);
        break;
    case 7:
        if ((task = any_task(RUNNING)) >= 0 && throw_dice(4) == 0)
            begin_return(task);
        else if (task >= 0)
            m.tasks[task].state = GONE;
        break;
    case 8:
        hear(worker);
        break;
    case 9:
    case 10:
        if (worker->in_round)
            end_round(w);
        else
            begin_round(worker);
        break;
    case 11:
        if (throw_dice(20) == 0)
            lose_listener(worker);
        else if (throw_dice(20) == 0) /* the server restarts */
            for (int i = 0; i < WORKERS; i++)
                lose_listener(&m.workers[i]);
        worker->waiting = throw_dice(2);
        break;
    }
}

/* Nothing new any more: all transactions end, and everything there is must be claimed within ROUNDS_MAX rounds. */
static void wind_down(void)
{
    for (int i = 0; i < OPEN_MAX; i++)
        if (m.open[i].open)
            end_transaction(i, true);
    for (int round = 0; round <= ROUNDS_MAX; round++)
        for (int w = 0; w < WORKERS; w++) {
            for (int c = 0; c < CHILDREN; c++)
                while (m.workers[w].claims[c].state != IDLE)
                    step_claim(w, c);
            begin_round(&m.workers[w]);
            end_round(w);
        }
}

static bool overlooks(enum flaw flaw, uint64_t seed)
{
    memset(&m, 0, sizeof m);
    m.flaw = flaw;
    m.dice = seed;
    m.next_xid = 700;
    m.next_seq = 1;
    for (int w = 0; w < WORKERS; w++)
        m.workers[w].last_seq = -1;
    for (int i = 0; i < STEPS && !m.overlooked; i++)
        step();
    wind_down();
    return m.overlooked;
}

START_TEST(no_task_is_overlooked_whatever_commits_late_or_comes_back)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        ck_assert_msg(!overlooks(SOUND, seed), "seed %d: a task was overlooked for more than %d rounds, or will be", (int)seed, ROUNDS_MAX);
}
END_TEST

START_TEST(the_model_notices_each_precaution_that_is_left_out)
{
    static const char *const names[FLAWS] = {
        [SOUND] = "nothing",
        [NO_LOOK_BEHIND] = "the look behind",
        [NUMBER_AFTER_TRANSACTION] = "reading the sequence number first",
        [NO_FORGETTING] = "forgetting all after a gap",
        [NO_BELL_FOR_RETURNS] = "the bell for what comes back",
    };
    for (int flaw = SOUND + 1; flaw < FLAWS; flaw++) {
        bool noticed = false;
        for (uint64_t seed = 0; seed < SEEDS && !noticed; seed++)
            noticed = overlooks((enum flaw)flaw, seed);
        ck_assert_msg(noticed, "without %s nothing is overlooked", names[flaw]);
    }
}
END_TEST

/* Small ones ------------------------------------------------------------------------------------------------------------ */

START_TEST(a_lane_is_known_once)
{
    static struct lanes lanes;
    struct lane *lane = lanes_add(&lanes, "a", 5, 7);
    ck_assert_ptr_eq(lanes_add(&lanes, "a", 5, 9), lane);
    ck_assert_ptr_ne(lanes_add(&lanes, "a", 6, 9), lane);
    ck_assert_int_eq(atomic_load(&lane->cursor), 7);
    for (int i = 0; i < LANES_MAX - 2; i++) {
        char queue[16];
        snprintf(queue, sizeof queue, "q%d", i);
        ck_assert_ptr_nonnull(lanes_add(&lanes, queue, 0, 0));
    }
    ck_assert_ptr_null(lanes_add(&lanes, "one-more", 0, 0));
}
END_TEST

START_TEST(a_cursor_that_was_pulled_back_meanwhile_is_left_there)
{
    static struct lanes lanes;
    struct lane *lane = lanes_add(&lanes, "a", 5, 0);
    lane_advance(lane, 0, 40);
    lanes_pull_back(&lanes, "a", LANE_ANY_PRIORITY, 12);
    lane_advance(lane, 40, 50);
    ck_assert_int_eq(atomic_load(&lane->cursor), 12);
    lane_advance(lane, 12, 20);
    ck_assert_int_eq(atomic_load(&lane->cursor), 20);
}
END_TEST

/* While a transaction stays open, samples are kept and nothing is proven; afterwards all at once. */
START_TEST(nothing_is_settled_while_an_older_transaction_is_open)
{
    static struct lanes lanes;
    for (int round = 0; round < 100; round++)
        ck_assert_int_eq(lanes_sample(&lanes, 10 + round, 700 + round, 650), 0);
    ck_assert_int_ge(lanes_sample(&lanes, 200, 900, 900), 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lanes");
    TCase *tests = tcase_create("lanes");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, no_task_is_overlooked_whatever_commits_late_or_comes_back);
    tcase_add_test(tests, the_model_notices_each_precaution_that_is_left_out);
    tcase_add_test(tests, a_lane_is_known_once);
    tcase_add_test(tests, a_cursor_that_was_pulled_back_meanwhile_is_left_there);
    tcase_add_test(tests, nothing_is_settled_while_an_older_transaction_is_open);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
