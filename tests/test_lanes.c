/* Cursors against a model of the store: transactions that commit late or roll back, claims in flight, tasks that come back with their
 * old number, bells that are lost. Thousands of seeds; in none may a task that anybody could claim be overlooked for longer than
 * ROUNDS_MAX rounds of a keeper, nor a number be taken for dealt with that is still to come. The same model with one of the
 * precautions left out must overlook some, or it proves nothing. */
#include "common/broker/lanes.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

enum {
    SEEDS = 10000,
    STEPS = 600,
    WORKERS = 2,
    CHILDREN = 3,
    LANES = 3,
    TASKS_MAX = 2000,
    OPEN_MAX = 12,
    BELLS_MAX = 4000,
    CLAIM_ALL = TASKS_MAX,
    ROUNDS_MAX = 3
};

/* What is left out, to see the model notice. */
enum flaw { SOUND, NO_LOOK_BEHIND, NUMBER_AFTER_TRANSACTION, NO_FORGETTING, NO_BELL_FOR_RETURNS, NO_LOOK_INTO_EMPTY, FLAWS };

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
    int64_t xid;
    struct lane_picks picks;
    bool emptied[LANE_PICKS_MAX];
    size_t asked[LANE_PICKS_MAX], taken[LANE_PICKS_MAX]; /* asked 0: the statement had enough before it came to the lane */
    int64_t highest[LANE_PICKS_MAX];
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
    usec_t now;
    uint32_t turn;
    struct transaction open[OPEN_MAX];
    struct worker workers[WORKERS];
    bool overlooked;
} m;

/* The last two differ by their flow only. */
static const char *const queues[LANES] = {"a", "b", "b"};
static const int flows[LANES] = {0, 0, 7};

static bool is_lane(const struct worker *worker, const struct lane *lane, int l)
{
    return strcmp(lane_group(&worker->lanes, lane)->queue, queues[l]) == 0 && lane->flow == flows[l];
}

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

/* What the statement sees behind its last task: also what others are about to claim. */
static bool anything_behind(const struct worker *worker, const struct lane *lane, int64_t seq)
{
    for (int i = 0; i < m.count; i++)
        if ((m.tasks[i].state == READY || m.tasks[i].state == TAKEN) && m.tasks[i].seq > seq && is_lane(worker, lane, m.tasks[i].lane))
            return true;
    return false;
}

/* The statement goes through the lanes in the order given, each up to its quota, until it has what is wanted. */
static void begin_claim(int w, int child, size_t wanted)
{
    struct worker *worker = &m.workers[w];
    struct claim *claim = &worker->claims[child];
    memset(claim, 0, sizeof *claim);
    claim->state = IN_FLIGHT;
    claim->xid = m.next_xid++;
    claim->full = wanted == CLAIM_ALL;
    lanes_pick(&worker->lanes, wanted, SECONDS(1) + m.now++, m.turn++, &claim->picks);
    for (size_t p = 0; p < claim->picks.count && wanted > 0; p++) {
        const struct lane_pick *pick = &claim->picks.pick[p];
        claim->asked[p] = wanted < pick->quota ? wanted : pick->quota;
        for (int i = 0; i < m.count && claim->taken[p] < claim->asked[p]; i++) {
            struct task *t = &m.tasks[i]; /* in the order of seq */
            if (t->state != READY || t->seq <= pick->cursor || !is_lane(worker, pick->lane, t->lane))
                continue;
            t->state = TAKEN;
            m.owner_of_task[i] = w * CHILDREN + child;
            claim->highest[p] = t->seq;
            claim->taken[p]++;
        }
        wanted -= claim->taken[p];
        claim->emptied[p] = claim->taken[p] < claim->asked[p] || (wanted == 0 && !anything_behind(worker, pick->lane, claim->highest[p]));
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

static void tell_lanes(struct worker *worker, const struct claim *claim)
{
    for (size_t p = 0; p < claim->picks.count && claim->asked[p] > 0; p++)
        lane_took(&worker->lanes, &claim->picks.pick[p], claim->taken[p], claim->emptied[p], claim->highest[p], SECONDS(1) + m.now);
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
            tell_lanes(worker, claim);
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
                lanes_add(&worker->lanes, queues[l], 5, flows[l], 0);
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
            if (is_visible(&m.tasks[i]) && is_lane(worker, lane, m.tasks[i].lane) && m.tasks[i].seq > above && m.tasks[i].seq <= upto)
                found = m.tasks[i].seq;
        lane_looked(&worker->lanes, lane, upto, found, settled);
    }
}

static void look_into_empty(struct worker *worker)
{
    for (uint32_t l = 0; l < atomic_load(&worker->lanes.count); l++) {
        struct lane *lane = &worker->lanes.lane[l];
        for (int i = 0; i < m.count && lanes_left_out(&worker->lanes, lane); i++)
            if (is_visible(&m.tasks[i]) && is_lane(worker, lane, m.tasks[i].lane) && m.tasks[i].seq > atomic_load(&lane->cursor))
                lane_ring(&worker->lanes, lane);
    }
}

static void hear(struct worker *worker)
{
    if (worker->bell_first == worker->bell_end)
        return;
    const struct bell *bell = &worker->bells[worker->bell_first++];
    lanes_add(&worker->lanes, queues[bell->lane], 5, flows[bell->lane], bell->low);
    lanes_pull_back(&worker->lanes, queues[bell->lane], 5, flows[bell->lane], bell->low);
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
                is_lane(worker, &worker->lanes.lane[l], m.tasks[i].lane))
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
    if (m.flaw != NO_LOOK_INTO_EMPTY)
        look_into_empty(worker);
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
            begin_claim(w, child, 1 + throw_dice(4));
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
    for (int w = 0; w < WORKERS; w++) {
        m.workers[w].last_seq = -1;
        m.workers[w].lanes.strict = true;
    }
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
        [NO_LOOK_INTO_EMPTY] = "the look into empty lanes",
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
    struct lane *lane = lanes_add(&lanes, "a", 5, 0, 7);
    ck_assert_ptr_eq(lanes_add(&lanes, "a", 5, 0, 9), lane);
    ck_assert_ptr_ne(lanes_add(&lanes, "a", 6, 0, 9), lane);
    ck_assert_ptr_ne(lanes_add(&lanes, "a", 5, 1, 9), lane);
    ck_assert_int_eq(atomic_load(&lane->cursor), 7);
    for (int flow = 2; flow < LANES_MAX - 1; flow++)
        ck_assert_ptr_nonnull(lanes_add(&lanes, "a", 5, flow, 0));
    ck_assert_ptr_null(lanes_add(&lanes, "a", 5, LANES_MAX, 0));
}
END_TEST

START_TEST(there_is_room_for_so_many_queues)
{
    static struct lanes lanes;
    for (int i = 0; i < LANE_GROUPS_MAX; i++) {
        char queue[16];
        snprintf(queue, sizeof queue, "q%d", i);
        ck_assert_ptr_nonnull(lanes_add(&lanes, queue, 0, 0, 0));
    }
    ck_assert_ptr_null(lanes_add(&lanes, "one-more", 0, 0, 0));
}
END_TEST

START_TEST(a_cursor_that_was_pulled_back_meanwhile_is_left_there)
{
    static struct lanes lanes;
    struct lane *lane = lanes_add(&lanes, "a", 5, 0, 0);
    lane_took(&lanes, &(struct lane_pick){.lane = lane, .cursor = 0}, 1, false, 40, 1);
    lanes_pull_back(&lanes, "a", LANE_ANY_PRIORITY, 0, 12);
    lane_took(&lanes, &(struct lane_pick){.lane = lane, .cursor = 40}, 1, false, 50, 1);
    ck_assert_int_eq(atomic_load(&lane->cursor), 12);
    lane_took(&lanes, &(struct lane_pick){.lane = lane, .cursor = 12}, 1, false, 20, 1);
    ck_assert_int_eq(atomic_load(&lane->cursor), 20);
}
END_TEST

START_TEST(a_guarded_queue_is_asked_while_the_guard_lasts)
{
    static struct lanes lanes;
    static struct lane_picks picks;
    lanes_guard(&lanes, "guarded", 5);
    lanes_add(&lanes, "guarded", 5, 0, 0);
    const struct lane *open = lanes_add(&lanes, "open", 5, 0, 0);
    lanes_pick(&lanes, 1, SECONDS(1), 0, &picks);
    ck_assert(picks.count == 1 && picks.pick[0].lane == open);
    atomic_store(&lanes.guarded_until, SECONDS(2));
    lanes_pick(&lanes, 1, SECONDS(2) - 1, 0, &picks);
    ck_assert_uint_eq(picks.count, 2);
    lanes_pick(&lanes, 1, SECONDS(2), 0, &picks);
    ck_assert_uint_eq(picks.count, 1);
}
END_TEST

/* Shares ---------------------------------------------------------------------------------------------------------------- */

/* Claims of one task, `count` of them; lanes are never empty. Answers how many the lane got. */
static int claims_of(struct lanes *lanes, const struct lane *lane, int count, usec_t *now)
{
    static struct lane_picks picks;
    int got = 0;
    for (int i = 0; i < count; i++) {
        *now += MSEC(10);
        lanes_pick(lanes, 1, *now, (uint32_t)i, &picks);
        got += picks.pick[0].lane == lane;
        lane_took(lanes, &picks.pick[0], 1, false, i + 1, *now);
    }
    return got;
}

START_TEST(flows_of_one_queue_get_tasks_by_weight)
{
    static struct lanes lanes;
    usec_t now = SECONDS(1);
    const struct lane *heavy = lanes_add(&lanes, "a", 5, 1, 0);
    const struct lane *light = lanes_add(&lanes, "a", 5, 2, 0);
    lanes_weigh(&lanes, 1, 3);
    ck_assert_int_eq(claims_of(&lanes, heavy, 400, &now), 300);
    ck_assert_int_eq(claims_of(&lanes, light, 400, &now), 100);
}
END_TEST

/* All ask before any is answered, as children do; flow 0 has the first place. Answers how many tasks the flow got of `rounds` rounds. */
static int rounds_of(struct lanes *lanes, const struct lane *lane, int rounds, usec_t *now)
{
    static struct lane_picks picks[4];
    int got = 0;
    for (int i = 0; i < rounds; i++) {
        *now += MSEC(10);
        for (int c = 0; c < 4; c++)
            lanes_pick(lanes, 1, *now, (uint32_t)i, &picks[c]);
        for (int c = 0; c < 4; c++) {
            got += picks[c].pick[0].lane == lane;
            lane_took(lanes, &picks[c].pick[0], 1, false, i + 1, *now);
        }
    }
    return got;
}

START_TEST(children_that_ask_at_the_same_time_take_turns_over_all_flows)
{
    static struct lanes lanes;
    usec_t now = SECONDS(1);
    for (int flow = 0; flow < 300; flow++)
        lanes_add(&lanes, "a", 5, flow, 0);
    rounds_of(&lanes, NULL, 1000, &now);
    const struct lane *late = lanes_add(&lanes, "a", 5, 300, 0);
    ck_assert_int_ge(rounds_of(&lanes, late, 1, &now), 1); /* at once, then in its turn */
    int got = rounds_of(&lanes, late, 3010, &now);
    ck_assert_int_ge(got, 36);
    ck_assert_int_le(got, 44);
}
END_TEST

START_TEST(a_flow_that_comes_late_is_next_and_gets_no_more_than_its_share)
{
    static struct lanes lanes;
    usec_t now = SECONDS(1);
    lanes_add(&lanes, "a", 5, 1, 0);
    claims_of(&lanes, NULL, 1000, &now);
    const struct lane *late = lanes_add(&lanes, "a", 5, 2, 0);
    ck_assert_int_ge(claims_of(&lanes, late, 2, &now), 1);
    int got = claims_of(&lanes, late, 100, &now);
    ck_assert_int_ge(got, 49);
    ck_assert_int_le(got, 51);
}
END_TEST

START_TEST(a_batch_is_divided_among_the_flows_that_wait)
{
    static struct lanes lanes;
    static struct lane_picks picks;
    lanes_add(&lanes, "a", 5, 1, 0);
    lanes_pick(&lanes, 300, SECONDS(1), 0, &picks);
    ck_assert_uint_eq(picks.pick[0].quota, 300);
    lanes_add(&lanes, "a", 5, 2, 0);
    lanes_add(&lanes, "a", 5, 3, 0);
    lanes_pick(&lanes, 300, SECONDS(1), 1, &picks);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(picks.pick[i].quota, 100);
}
END_TEST

START_TEST(a_group_that_waits_behind_another_ages_until_it_is_served)
{
    static struct lanes lanes;
    usec_t now = SECONDS(1);
    lanes.ageing = SECONDS(30);
    lanes_add(&lanes, "a", 4, 0, 0);
    const struct lane *waits = lanes_add(&lanes, "a", 6, 0, 0);
    int in_a_minute = (int)(SECONDS(60) / MSEC(10));
    ck_assert_int_eq(claims_of(&lanes, waits, in_a_minute, &now), 0);
    ck_assert_int_eq(claims_of(&lanes, waits, in_a_minute + in_a_minute / 2, &now), 2);
    lanes.ageing = 0;
    ck_assert_int_eq(claims_of(&lanes, waits, 10 * in_a_minute, &now), 0);
}
END_TEST

START_TEST(few_lanes_are_asked_in_their_turn_even_when_they_were_empty)
{
    static struct lanes lanes;
    static struct lane_picks picks;
    usec_t now = SECONDS(1);
    struct lane *busy = lanes_add(&lanes, "a", 5, 1, 0);
    struct lane *quiet = lanes_add(&lanes, "a", 5, 2, 0);
    lane_took(&lanes, &(struct lane_pick){.lane = quiet, .bell = atomic_load(&quiet->bell)}, 0, true, 0, now);
    lane_took(&lanes, &(struct lane_pick){.lane = busy, .bell = atomic_load(&busy->bell)}, 1, false, 1, now);
    lanes_pick(&lanes, 1, now, 0, &picks);
    ck_assert_ptr_eq(picks.pick[0].lane, quiet);
}
END_TEST

START_TEST(many_lanes_are_left_out_once_empty_and_asked_again_after_a_bell)
{
    static struct lanes lanes;
    static struct lane_picks picks;
    for (int flow = 0; flow <= LANES_ASKED; flow++)
        lanes_add(&lanes, "a", 5, flow, 0);
    lanes_pick(&lanes, 1, SECONDS(1), 0, &picks);
    ck_assert_uint_eq(picks.count, LANES_ASKED + 1);
    for (size_t i = 0; i < picks.count; i++)
        lane_took(&lanes, &picks.pick[i], 0, true, 0, SECONDS(1));
    lanes_pick(&lanes, 1, SECONDS(1), 0, &picks);
    ck_assert_uint_eq(picks.count, 0);
    lanes_pull_back(&lanes, "a", 5, 3, 0);
    lanes_pick(&lanes, 1, SECONDS(1), 0, &picks);
    ck_assert_uint_eq(picks.count, 1);
    ck_assert_int_eq(picks.pick[0].lane->flow, 3);
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
    TCase *tests = tcase_create("lanes");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, no_task_is_overlooked_whatever_commits_late_or_comes_back);
    tcase_add_test(tests, the_model_notices_each_precaution_that_is_left_out);
    tcase_add_test(tests, a_lane_is_known_once);
    tcase_add_test(tests, there_is_room_for_so_many_queues);
    tcase_add_test(tests, flows_of_one_queue_get_tasks_by_weight);
    tcase_add_test(tests, a_flow_that_comes_late_is_next_and_gets_no_more_than_its_share);
    tcase_add_test(tests, children_that_ask_at_the_same_time_take_turns_over_all_flows);
    tcase_add_test(tests, a_batch_is_divided_among_the_flows_that_wait);
    tcase_add_test(tests, a_group_that_waits_behind_another_ages_until_it_is_served);
    tcase_add_test(tests, few_lanes_are_asked_in_their_turn_even_when_they_were_empty);
    tcase_add_test(tests, many_lanes_are_left_out_once_empty_and_asked_again_after_a_bell);
    tcase_add_test(tests, a_cursor_that_was_pulled_back_meanwhile_is_left_there);
    tcase_add_test(tests, a_guarded_queue_is_asked_while_the_guard_lasts);
    tcase_add_test(tests, nothing_is_settled_while_an_older_transaction_is_open);
    return test_main_case("lanes", tests);
}
