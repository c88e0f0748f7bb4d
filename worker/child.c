/* child: the loop of one seat.
 *
 *     connect -> take the seat -> claim -+-> run, run, run -> settle and claim -+-> …
 *        ^                               `-- nothing: wait to be woken ---------'
 *        `--- the connection was lost: connect again, settle what was run, give the rest back
 *
 * Results wait in memory until they are settled together with the next claim, in one transaction. They never wait long:
 * SETTLE_EVERY after the first of them, before a handler's own transaction is committed, and after every task that took longer
 * than SLOW_TASK. */
#include "worker/child.h"
#include "common/base/crash_point.h"
#include "sql/queries.h"
#include "tasks/command/kept.h"
#include "worker/attempt.h"
#include "worker/fork_server.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const usec_t settle_every = MSEC(10), share_after = MSEC(30), rest_time = MSEC(100), idle_wait = SECONDS(60), tell_again = MSEC(100),
                    tell_last_patience = SECONDS(1), back_off_first = MSEC(100), back_off_cap = SECONDS(3),
                    leave_patience = MSEC(200), look_at_programs = MSEC(100), programs_patience = SECONDS(1);

/* A connection that has fallen silent may not keep a seat from its work for longer; a handler's own statements may take their time. */
static const usec_t connect_timeout = SECONDS(5), turn_timeout = SECONDS(6), handler_timeout = SECONDS(60);

/* SIGTERM wakes a handler from what it waits in; whoever sent it, this child leaves when the task is done. */
static volatile sig_atomic_t told_to_leave;

static void on_sigterm(int signal_number)
{
    (void)signal_number;
    told_to_leave = 1;
}

static bool stopping(const struct child *c)
{
    return told_to_leave || atomic_load(&c->board->phase) != PHASE_RUN;
}

/* A child of a later edition, or one that has served for less long, takes the seat over, or the pool has become smaller: unlike one that stops, this one may take its
 * time to settle what it ran. */
static bool relieved(const struct child *c)
{
    return c->spent || atomic_load(&c->board->edition) != c->edition || c->key.seat >= atomic_load(&c->board->pool);
}

static bool leaving(const struct child *c)
{
    return stopping(c) || relieved(c);
}

/* Connections ------------------------------------------------------------------------------------------------------- */

static bool open_connection(struct child *c, struct err *e)
{
    char application[SEAT_APPLICATION_MAX];
    struct pg_options options = {
        .url = c->config->database.url,
        .application = seat_application(c->board->worker, c->key.seat, application),
        .pooled = c->config->database.listen_url != NULL,
        .connect_timeout = connect_timeout,
        .call_timeout = turn_timeout,
    };
    pg_close(c->pg);
    c->pg = pg_open(&options, e);
    if (c->broker)
        broker_use(c->broker, c->pg);
    return c->pg != NULL;
}

/* Full jitter, so that a hundred children do not come back at the same moment. Watches the phase. */
static void back_off(struct child *c, int failures)
{
    usec_t limit = back_off_first << (failures < 6 ? failures : 6);
    usec_t end = clock_boot() + back_off_first / 2 + jitter(limit < back_off_cap ? limit : back_off_cap);
    while (clock_boot() < end && !stopping(c))
        poll(NULL, 0, 20);
}

/* What the last holder of the seat held in Redis. One that cannot be asked now takes it back itself when the lease is over. */
static void release_light(struct child *c)
{
    struct err e;
    if (!c->light_count)
        return;
    struct redis *redis = redis_open(&(struct redis_options){.url = c->config->redis.url, .connect_timeout = connect_timeout}, &e);
    for (size_t i = 0; redis && i < c->light_count; i++)
        if (!death_release_light(redis, c->light_queues[i].name, &c->key, c->seat, &e))
            break;
    redis_close(redis);
}

/* What the last holder of the seat left, told once. */
static bool open_seat(struct child *c, struct err *e)
{
    struct death *death = &c->seat->death;
    uint32_t present = DEATH_PRESENT;
    if (!atomic_compare_exchange_strong(&death->state, &present, DEATH_WITH_CHILD))
        return seat_open(c->pg, &c->key, e);
    CRASH_POINT("death", "taken by the child");
    release_light(c);
    if (death_release(c->pg, &c->key, c->seat, &c->board->tally, e)) {
        atomic_store(&death->state, DEATH_NONE);
        return true;
    }
    atomic_store(&death->state, DEATH_PRESENT);
    return false;
}

/* The worker's row must be there before a seat of it can be taken: the keeper writes it. */
static bool wait_registered(struct child *c)
{
    while (!leaving(c)) {
        uint32_t registered = atomic_load(&c->board->registered);
        if (registered)
            return true;
        word_wait(&c->board->registered, registered, MSEC(200));
    }
    return false;
}

static bool start(struct child *c)
{
    struct err e;
    for (int failures = 0; !leaving(c); failures++) {
        if (open_connection(c, &e) && wait_registered(c) && open_seat(c, &e)) {
            atomic_store(&c->seat->pid, c->key.pid);
            return true;
        }
        if (leaving(c))
            return false;
        if (failures == 0 && atomic_load(&c->board->registered))
            log_warning("child.waiting_for_database", LOG_ERR(&e));
        back_off(c, failures);
    }
    return false;
}

/* Settling ---------------------------------------------------------------------------------------------------------- */

static void forget_settled(struct child *c)
{
    notes_count(c->notes, &c->board->tally);
    if (c->aside.present)
        note_count(&c->aside.note, &c->board->tally);
    notes_forget(c->notes);
    c->aside.present = false;
    c->pending_since = 0;
    region_reset(c->pending_region);
}

/* What is to be settled, as a broker takes it. */
static const struct settlement *pending(struct child *c)
{
    struct settlement *s = &c->settlement;
    notes_settlement(c->notes, s);
    if (c->aside.present)
        s->others[s->other_count++] = (struct other){.place = c->aside.note.place, .end = c->aside.end};
    s->fence = c->fence;
    return s;
}

/* One turn with a broker: settle what is pending, when it is of this one; claim up to `wanted`. */
static bool turn_with(struct child *c, struct broker *broker, size_t wanted, struct claims *claims, struct err *e)
{
    static const struct settlement nothing;
    bool settles = broker == c->holder;
    if (!broker_turn(broker, settles ? pending(c) : &nothing, wanted, claims, e))
        return false;
    CRASH_POINT("turn", "done");
    if (settles)
        forget_settled(c);
    return true;
}

/* Settle what is pending. */
static bool settle(struct child *c, struct err *e)
{
    static struct claims none;
    return turn_with(c, c->holder, 0, &none, e);
}

/* Not while the leases there cannot be renewed: what was claimed would be stopped again. */
static bool light_may_have(const struct child *c)
{
    return c->light && broker_may_have(c->light) && !board_light_lease_over(c->board, clock_boot());
}

/* Whom to ask first. Both kinds of queues have work: turn about, a batch each. While one had nothing a moment ago it is asked less often,
 * unless its bell rang. */
static struct broker *first_to_ask(struct child *c)
{
    if (!light_may_have(c))
        return c->broker;
    bool skip = c->asked_at && clock_boot() - c->asked_at < settle_every;
    return skip || c->holder == c->broker ? c->light : c->broker;
}

/* Settle what is pending and claim from whoever has something. */
static bool claim(struct child *c, size_t wanted, struct claims *claims, struct err *e)
{
    struct broker *first = first_to_ask(c), *second = first == c->broker ? c->light : c->broker;
    if (first != c->holder && c->pending_since && !settle(c, e))
        return false;
    if (!turn_with(c, first, wanted, claims, e))
        return false;
    bool asked_broker = first == c->broker, found = claims->count > 0;
    if (found || wanted == 0)
        c->holder = first;
    if (!found && wanted > 0 && second && (second == c->broker || light_may_have(c))) {
        if (!turn_with(c, second, wanted, claims, e))
            return false;
        asked_broker |= second == c->broker;
        c->holder = claims->count > 0 ? second : c->broker;
    }
    if (asked_broker)
        c->asked_at = c->holder == c->broker && claims->count > 0 ? 0 : clock_boot();
    return true;
}

/* The server will never take what an attempt ended with. */
static void forget_texts(struct child *c, const struct err *why)
{
    c->notes->unstorable = true;
    if (c->aside.present)
        notes_leave_out_texts(&c->aside.end);
    log_error("task.not_settled", LOG_ERR(why));
}

/* The connection is gone and with it the answer, if one was due. A new epoch shuts the old session out; then settling again
 * is the question: what is still held was not settled, what is not held any more was. */
static bool recover(struct child *c, struct err *e)
{
    int returned;
    for (int failures = 0;; failures++) {
        if (open_connection(c, e) && seat_raise(c->pg, &c->key, e) && settle(c, e) && broker_give_back(c->holder, &returned, e)) {
            log_info("child.reconnected", LOG_INT("returned", returned));
            c->fence = 0;
            return true;
        }
        if (e->kind == ERR_FENCED)
            return false;
        if (e->kind == ERR_DATA)
            forget_texts(c, e);
        if (failures == 0)
            log_warning("child.reconnecting", LOG_ERR(e));
        if (stopping(c) && failures > 0)
            return false;
        back_off(c, failures);
    }
}

/* A copy that the server takes: what upstreams answer is anything. */
static const char *storable(struct region *region, const char *s)
{
    struct text clean CLEANUP(text_free) = {0};
    if (!s)
        return NULL;
    text_utf8(&clean, s, strlen(s));
    return region_strdup(region, text_str(&clean));
}

/* What will become of the task; TALLY_OUTCOMES: nothing that counts. The store decides, and knows of a cancellation first. */
static enum tally_outcome tally_outcome_of(const struct claimed *task, const struct attempt_end *end)
{
    switch (end->outcome) {
    case OUTCOME_SUCCESS:
        return TALLY_SUCCESS;
    case OUTCOME_FAILED:
    case OUTCOME_CRASHED:
    case OUTCOME_LIMIT:
    case OUTCOME_LOST:
        return end->retryable && task->attempt < task->allowed ? TALLY_RETRIED : TALLY_ERRORED;
    case OUTCOME_CANCELLED:
        return TALLY_KILLED;
    case OUTCOME_EXPIRED:
        return TALLY_SKIPPED;
    case OUTCOME_SNOOZED:
        return TALLY_SNOOZED;
    case OUTCOME_RETURNED:
        break;
    }
    return TALLY_OUTCOMES;
}

/* A retry waited for its time; only the first attempt tells how long the queue was. The clocks are the server's and this machine's. */
static usec_t waited_of(const struct claimed *task, usec_t started_at)
{
    if (task->attempt > 1)
        return -1;
    return started_at > task->ready_at ? started_at - task->ready_at : 0;
}

/* Put an end of an attempt with the others that wait to be settled. It is not published yet: nobody else settles by it. */
static void note_end(struct child *c, const struct claimed *task, const struct attempt_end *end)
{
    struct attempt_end clean = *end;
    struct note note = {
        .place = (int16_t)task->place,
        .series = (int16_t)c->series,
        .outcome = (int16_t)tally_outcome_of(task, end),
        .waited = waited_of(task, end->started_at),
    };
    if (!c->pending_since)
        c->pending_since = clock_boot();
    clean.error = storable(c->pending_region, end->error);
    clean.progress_message = storable(c->pending_region, end->progress_message);
    if (notes_add(c->notes, note, &clean))
        return;
    note.started_at = end->started_at;
    note.ended_at = end->ended_at;
    clean.result = end->result ? region_strdup(c->pending_region, end->result) : NULL;
    c->aside = (struct aside){.present = true, .note = note, .end = clean};
}

/* Running ----------------------------------------------------------------------------------------------------------- */

/* The handler's writes and its success become one transaction. After an answer that was lost, the row tells: when the task is
 * still held the transaction was rolled back, and the task goes back to run again. */
static bool commit_with_settle(struct child *c, const struct claimed *task, struct err *e)
{
    static struct claims none;
    bool together = broker_driver(c->holder)->transactional;
    if ((!together || broker_turn(c->holder, pending(c), 0, &none, e)) && pg_commit(c->pg, e)) {
        if (together)
            forget_settled(c);
        return true;
    }
    if (e->kind != ERR_UNCERTAIN && e->kind != ERR_UNREACHABLE) {
        struct err ignored;
        if (pg_alive(c->pg) && pg_in_transaction(c->pg))
            pg_rollback(c->pg, &ignored);
    }
    log_warning("task.commit_unanswered", LOG_UUID("task", task->id), LOG_ERR(e));
    return false;
}

/* The success that was noted last did not happen: the attempt returns instead. */
static void unnote_success(struct child *c, const struct claimed *task, const struct attempt_end *success, const struct err *why)
{
    notes_take_back(c->notes);
    c->aside.present = false;
    struct attempt_end end = {.outcome = why->kind == ERR_UNREACHABLE || why->kind == ERR_UNCERTAIN ? OUTCOME_RETURNED : OUTCOME_FAILED,
                              .retryable = err_retryable(why->kind),
                              .started_at = success->started_at,
                              .ended_at = clock_now(),
                              .error = why->text,
                              .exit_code = -1,
                              .peak_rss = -1,
                              .cpu_ms = -1,
                              .progress_value = -1,
                              .end_value = -1};
    note_end(c, task, &end);
}

/* Go on with one task of the claim alone: what has run is settled, and what has not goes back to those who can run it at once. */
static bool part(struct child *c, const struct claimed *task, struct err *e)
{
    if (c->pending_since && !settle(c, e))
        return false;
    if (c->wanted == 1)
        return true;
    seat_cut_batch(c->seat, c->turn);
    c->wanted = 1; /* as if it had been claimed so: the store knows that it starts */
    return broker_keep_one(c->holder, c->fence, task->place, clock_now(), e);
}

/* Is it known that it will not take long? */
static bool is_quick(const struct child *c, const struct claimed *task)
{
    const struct catalog_entry *entry = catalog_find(c->catalog, task->name);
    return entry && edition_is_quick(c->shared, entry->place);
}

/* Nothing waits with a task that takes long, or may; nor with one that has killed its process before. (One that turns slow is the keeper's affair.) */
static bool begin_alone(struct child *c, const struct claimed *task, struct err *e)
{
    if (task->suspect)
        c->last_batch = 0; /* the next claim is small again */
    else if (is_quick(c, task))
        return true;
    return part(c, task, e) || (e->kind != ERR_FENCED && recover(c, e));
}

/* The handler, and the end of its transaction. How long it took; negative: the seat was taken away. */
static usec_t run_handler(struct child *c, const struct claimed *task, struct err *e)
{
    struct attempt_end end;
    usec_t began = clock_boot();
    pg_set_call_timeout(c->pg, handler_timeout);
    c->series = tally_find(&c->board->tally, c->series, task->queue, task->name);
    CRASH_POINT("run", "before");
    bool in_transaction = attempt_run(c, task, &end);
    usec_t took = clock_boot() - began;
    CRASH_POINT("run", "ended");
    note_end(c, task, &end);
    CRASH_POINT("run", "noted");
    if (in_transaction && !commit_with_settle(c, task, e)) {
        if (e->kind == ERR_FENCED)
            return -1;
        unnote_success(c, task, &end, e);
    }
    notes_publish(c->notes);
    pg_set_call_timeout(c->pg, turn_timeout);
    return took;
}

/* How long one takes of those that are claimed by the many: slow ones say nothing about how many are worth claiming. */
static void learn_pace(struct child *c, usec_t took)
{
    usec_t counted = took > 0 ? took : 1;
    if (took < SLOW_TASK)
        c->mean = c->mean ? (c->mean * 7 + counted) / 8 : counted;
}

/* A batch that takes longer than was thought is not kept from a child that has nothing to do. */
static bool share_rest(struct child *c, struct err *e)
{
    if (clock_boot() - c->batch_at < share_after || !board_any_idle(c->board) || c->turn == seat_batch_limit(c->seat))
        return true;
    seat_cut_batch(c->seat, c->turn);
    return broker_keep_one(c->holder, c->fence, 0, 0, e);
}

/* `last`: none is to come. */
static bool run_one(struct child *c, const struct claimed *task, bool last, struct err *e)
{
    if (!begin_alone(c, task, e))
        return false;
    if (c->fence == 0)
        return true; /* recovered: this task went back with the rest */
    usec_t took = run_handler(c, task, e);
    if (took < 0)
        return false;
    learn_pace(c, took);
    if (!pg_alive(c->pg))
        return recover(c, e);
    /* After the last one the next turn comes at once: it settles and claims together. */
    bool settle_now = !last && (took > SLOW_TASK || c->aside.present || (c->pending_since && clock_boot() - c->pending_since > settle_every));
    return !settle_now || (settle(c, e) && share_rest(c, e)) || (e->kind != ERR_FENCED && recover(c, e));
}

/* How many tasks are worth claiming at once: as many as run in `settle_every`, twice as many as were quick of the last full batch at most. */
static size_t batch_size(const struct child *c)
{
    size_t by_time = (size_t)(settle_every / (c->mean > 1 ? c->mean : 1));
    size_t by_growth = c->last_batch ? c->last_batch * 2 : 1;
    size_t size = by_time < by_growth ? by_time : by_growth;
    return size < 1 ? 1 : size > BATCH_MAX ? BATCH_MAX : size;
}

/* In which order a batch runs, as places: the quick ones first, or they would go back with all else when a slow one begins; last
 * the suspects. Answers how many are quick. */
static size_t order_batch(const struct child *c, const struct claims *claims, int places[static CLAIM_MAX])
{
    enum kind { QUICK, SLOW, SUSPECT, KINDS } kinds[CLAIM_MAX];
    size_t count = 0, quick = 0;
    const char *name = "";
    bool is = false;
    for (size_t i = 0; i < claims->count; i++) {
        const struct claimed *task = &claims->task[i];
        if (strcmp(task->name, name) != 0) /* most batches are of one handler */
            is = is_quick(c, task);
        name = task->name;
        kinds[i] = task->suspect ? SUSPECT : is ? QUICK : SLOW;
        quick += kinds[i] == QUICK;
    }
    for (enum kind kind = QUICK; kind < KINDS; kind++)
        for (size_t i = 0; i < claims->count && count < claims->count; i++)
            if (kinds[i] == kind)
                places[count++] = claims->task[i].place;
    return quick;
}

static bool run_batch(struct child *c, const struct claims *claims, struct err *e)
{
    int places[CLAIM_MAX];
    size_t quick = order_batch(c, claims, places);
    if (claims->count == c->wanted || quick < claims->count)
        c->last_batch = quick;
    bool has_ties = false;
    for (size_t i = 0; i < claims->count; i++)
        has_ties |= claims->task[i].has_ties;
    c->fence = claims->fence;
    c->batch_at = clock_boot();
    notes_begin(c->notes, claims->fence, places, (int)claims->count, has_ties, c->holder == c->light);
    seat_batch(c->seat, (int)claims->count);
    for (size_t i = 0; i < claims->count && !leaving(c); i++) {
        c->turn = (int)i + 1;
        if (!seat_take_turn(c->seat, c->turn))
            break; /* the rest was taken away */
        bool last = i + 1 == claims->count || c->turn == seat_batch_limit(c->seat);
        if (!run_one(c, &claims->task[places[i] - 1], last, e))
            return false;
        if (c->fence != claims->fence)
            return true; /* recovered on a new connection: the rest was given back */
    }
    return true;
}

/* Tasks of the last batch that were not run, because the keeper cut it or the worker leaves, must not stay with this seat. */
static bool give_back_rest(struct child *c, size_t claimed, struct err *e)
{
    int returned;
    bool all_ran = (size_t)seat_batch_limit(c->seat) >= claimed && !leaving(c);
    return all_ran || (settle(c, e) && broker_give_back(c->holder, &returned, e));
}

/* There may be more where a full claim came from. What one broker knows of its tasks says nothing about the other's. */
static void wake_next(struct child *c, const struct claims *claims)
{
    if (claims->count < c->wanted || (claims->last && !c->light))
        return;
    if (c->holder == c->light)
        atomic_fetch_add(&c->board->light_bell, 1);
    board_wake_idle(c->board);
}

static bool owes(const struct child *c)
{
    return c->light && broker_owes(c->light);
}

/* Nobody rings for what a broker could not be told yet: one that owes that looks again by itself. */
static void wait_for_work(struct child *c, uint32_t seen)
{
    atomic_store(&c->seat->state, SEAT_IDLE);
    atomic_fetch_add(&c->board->idle_turn, 1);
    for (bool again = true; again && !leaving(c) && atomic_load(&c->seat->wake) == seen; again = !owes(c))
        word_wait(&c->seat->wake, seen, owes(c) ? tell_again : idle_wait);
    atomic_store(&c->seat->state, SEAT_BUSY);
}

/* Has it served long enough? What a task left in its memory is looked at where the task is measured. */
static bool is_worn(const struct child *c)
{
    int64_t tasks = c->config->worker.recycle.tasks;
    usec_t age = c->config->worker.recycle.age;
    return (tasks && (int64_t)atomic_load(&c->seat->tasks) >= tasks) || (age && clock_boot() - c->born_at >= age);
}

/* Programs that stay are there before a task is claimed for them. One that cannot be started is tried again and again, and meanwhile this
 * seat claims nothing. */
static bool await_programs(struct child *c)
{
    struct err e;
    for (size_t i = 0; i < c->catalog->program_count && !leaving(c); i++) {
        bool ready = false;
        for (int failures = 0; !ready && !leaving(c);) {
            if (kept_prepare(c->catalog->programs[i], look_at_programs, &ready, &e))
                continue;
            log_error("child.program_not_ready", LOG_ERR(&e));
            back_off(c, ++failures + 3);
        }
    }
    return !leaving(c);
}

/* Something runs on that was not told of yet: first that. */
static bool programs_ready(struct child *c, struct err *e)
{
    bool ready = true;
    struct err ignored;
    for (size_t i = 0; ready && i < c->catalog->program_count; i++)
        ready = kept_prepare(c->catalog->programs[i], 0, &ready, &ignored) && ready;
    return ready || ((!c->pending_since || settle(c, e)) && await_programs(c));
}

/* True: go on. False: leave, in order or because of `e`. */
static bool work(struct child *c, struct claims *claims, struct err *e)
{
    if (!programs_ready(c, e))
        return leaving(c) || (e->kind != ERR_FENCED && recover(c, e));
    uint32_t seen = atomic_load(&c->seat->wake);
    size_t wanted = leaving(c) || board_lease_over(c->board, clock_boot()) ? 0 : batch_size(c);
    if (!claim(c, wanted, claims, e)) {
        bool again = e->kind != ERR_FENCED && recover(c, e);
        if (again && c->failures++ > 0)
            back_off(c, c->failures);
        return again;
    }
    c->failures = 0;
    c->wanted = wanted;
    if (claims->count == 0) {
        if (pg_is_swollen(c->pg)) /* a seat that has nothing to do needs no room for a large task */
            return recover(c, e);
        usec_t since = clock_boot();
        wait_for_work(c, seen);
        if (clock_boot() - since > rest_time)
            c->last_batch = 0;
        return true;
    }
    wake_next(c, claims);
    if (!run_batch(c, claims, e))
        return false;
    c->spent |= is_worn(c);
    return give_back_rest(c, claims->count, e) || (e->kind != ERR_FENCED && recover(c, e));
}

/* What the broker has not heard when this seat is left, others run again. */
static bool tell_last(struct child *c, struct err *e)
{
    static const struct settlement nothing;
    static struct claims none;
    usec_t until = clock_boot() + tell_last_patience;
    while (owes(c) && clock_boot() < until) {
        if (!broker_turn(c->light, &nothing, 0, &none, e))
            return false;
        if (owes(c))
            poll(NULL, 0, 20);
    }
    return true;
}

/* What ran just before the word to leave came is not settled yet. */
static bool settle_last(struct child *c, struct err *e)
{
    bool settled = !c->pending_since || settle(c, e) || (e->kind != ERR_FENCED && recover(c, e));
    return settled && tell_last(c, e);
}

/* Queues of this worker whose tasks are in Redis alone. */
static void list_light(struct child *c)
{
    const struct config *config = c->config;
    c->light_queues = mem_zero(config->queue_count + 1, sizeof *c->light_queues);
    for (size_t i = 0; i < config->queue_count; i++)
        if (config_queue_is_light(&config->queues[i]) && config_serves(config, config->queues[i].name))
            c->light_queues[c->light_count++] = (struct broker_queue){.name = config->queues[i].name, .limit = config->queues[i].limit};
}

static void open_brokers(struct child *c)
{
    struct broker_options options = {
        .pg = c->pg, .key = &c->key, .lanes = &c->shared->lanes, .names = c->catalog->names, .name_count = c->catalog->count};
    c->broker = c->holder = broker_open(&broker_postgres, &options);
    options.redis_url = c->config->redis.url;
    options.queues = c->light_queues;
    options.queue_count = c->light_count;
    options.lease = c->config->worker.lease;
    options.held = &c->seat->light_fence;
    options.bell = &c->board->light_bell;
    if (c->light_count > 0)
        c->light = broker_open(&broker_redis, &options);
}

int child_run(struct board *board, uint32_t edition, int seat, const struct config *config, const struct catalog *catalog)
{
    static char role[24];
    static struct claims claims;
    struct err e = {0};
    struct child c = {
        .board = board,
        .edition = edition,
        .shared = board_edition(board, edition),
        .seat = &board->seats[seat],
        .notes = &board->seats[seat].notes,
        .config = config,
        .catalog = catalog,
        .key = {.worker = board->worker, .seat = seat, .pid = getpid()},
        .born_at = clock_boot(),
        .region = region_new(),
        .pending_region = region_new(),
    };
    c.settlement.others = mem_zero(BATCH_MAX, sizeof *c.settlement.others);
    snprintf(role, sizeof role, "child %d", seat);
    log_set_role(role);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_sigterm}, NULL);
    atomic_store(&c.seat->state, SEAT_STARTING);
    list_light(&c);
    atomic_store(&c.seat->light_fence, 0); /* of the child before: what it held is not renewed any more */
    envelope_open(&c.envelope, board, seat);
    identity_take(&board->identity, catalog_processes(catalog) * board->pool);
    if (!start(&c))
        return stopping(&c) ? 0 : EXIT_RELIEVED;
    envelope_await_group(&c.envelope);
    open_brokers(&c);
    atomic_store(&c.seat->state, SEAT_BUSY);
    bool going = true;
    while (going && !leaving(&c))
        going = work(&c, &claims, &e);
    going = going && settle_last(&c, &e);
    if (!going && e.kind == ERR_FENCED)
        tally_event(&board->tally, TALLY_STALE_WRITE, 1);
    if (!going)
        log_warning("child.ends", LOG_ERR(&e));
    CRASH_POINT("child", "leaves");
    kept_end_all(programs_patience);
    if (going && !stopping(&c))
        pg_leave(c.pg, leave_patience); /* whoever takes the seat over ends what is left of the session, which takes ten times as long */
    else
        pg_close(c.pg);
    return !going ? 1 : stopping(&c) ? 0 : EXIT_RELIEVED;
}
