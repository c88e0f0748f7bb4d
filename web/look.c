/* look: the readings. A new one is a name in `enum reading`, a statement in sql/queries/web, a function that takes the
 * answer and a row here. */
#include "web/look.h"

#include "common/store/migrate.h"
#include "sql/queries.h"
#include <stdio.h>
#include <string.h>

#define OFTEN SECONDS(1)
#define SELDOM SECONDS(5)
#define PERIOD_MAX SECONDS(10)
#define SHARE_OF_TIME 20       /* a reading takes one part in that many of the time, until PERIOD_MAX */
#define UNSEEN_MAX SECONDS(15) /* who has not looked for so long does not know what happened meanwhile */
#define BLOCKER_AFTER SECONDS(1)

static void copy_text(char *to, size_t size, const struct pg_rows *rows, size_t row, size_t column)
{
    snprintf(to, size, "%s", pg_get_text(rows, row, column));
}

/* A number that is negative when there is none. */
static double some(const struct pg_rows *rows, size_t row, size_t column)
{
    return pg_is_null(rows, row, column) ? -1 : pg_get_real(rows, row, column);
}

static void take_workers(struct look *look, const struct pg_rows *rows)
{
    look->workers.live = pg_get_real(rows, 0, 0);
    look->workers.draining = pg_get_real(rows, 0, 1);
    look->workers.silent = pg_get_real(rows, 0, 2);
    look->workers.seats = pg_get_real(rows, 0, 3);
    look->workers.busy = pg_get_real(rows, 0, 4);
}

static void read_waiting(struct waiting *w, const struct pg_rows *rows, size_t i, usec_t now)
{
    *w = (struct waiting){.paused = pg_get_bool(rows, i, 1),
                          .served = pg_get_bool(rows, i, 2),
                          .claimable = !pg_is_null(rows, i, 4),
                          .priority = pg_get_int(rows, i, 3),
                          .seq = pg_get_int(rows, i, 4),
                          .attempt = pg_get_int(rows, i, 5),
                          .since = now};
    copy_text(w->queue, sizeof w->queue, rows, i, 0);
    copy_text(w->task, sizeof w->task, rows, i, 6);
    copy_text(w->handler, sizeof w->handler, rows, i, 7);
    copy_text(w->worker, sizeof w->worker, rows, i, 8);
}

static bool is_same_next(const struct waiting *a, const struct waiting *b)
{
    return a->claimable && b->claimable && a->priority == b->priority && a->seq == b->seq && a->attempt == b->attempt &&
           strcmp(a->queue, b->queue) == 0;
}

/* Since when the same task has been the next one; another one means that the queue moves. */
static usec_t keep_since(const struct waiting *before, size_t count, const struct waiting *now)
{
    for (size_t i = 0; i < count; i++)
        if (is_same_next(&before[i], now))
            return before[i].since;
    return now->since;
}

static void take_waiting(struct look *look, const struct pg_rows *rows)
{
    static struct waiting before[LOOK_QUEUES_MAX]; /* one thread looks */
    usec_t now = clock_boot(), last = look->made[READ_WAITING].good_at;
    size_t known = last && now - last < UNSEEN_MAX ? look->waiting_count : 0;
    memcpy(before, look->waiting, known * sizeof *before);
    look->waiting_count = rows->count < LOOK_QUEUES_MAX ? rows->count : LOOK_QUEUES_MAX;
    for (size_t i = 0; i < look->waiting_count; i++) {
        struct waiting *w = &look->waiting[i];
        read_waiting(w, rows, i, now);
        w->since = keep_since(before, known, w);
    }
}

static void take_beat(struct look *look, const struct pg_rows *rows)
{
    look->beat.leads = pg_get_bool(rows, 0, 0);
    look->beat.schedules = pg_get_real(rows, 0, 1);
    look->beat.overdue = pg_get_real(rows, 0, 2);
    look->beat.last_tick = (double)pg_get_time(rows, 0, 3) / 1e6;
    look->beat.last_late = some(rows, 0, 4);
    copy_text(look->beat.late_name, sizeof look->beat.late_name, rows, 0, 5);
    look->beat.late = pg_get_real(rows, 0, 6);
    look->beat.age = some(rows, 0, 7);
}

static void take_handlers(struct look *look, const struct pg_rows *rows)
{
    size_t used = 0;
    look->strangers[0] = '\0';
    for (size_t i = 0; i < rows->count && used < sizeof look->strangers; i++)
        used += (size_t)snprintf(look->strangers + used, sizeof look->strangers - used, "%s%s", i ? ", " : "",
                                 pg_get_text(rows, i, 0));
}

static void take_depths(struct look *look, const struct pg_rows *rows)
{
    look->depth_count = rows->count < LOOK_QUEUES_MAX ? rows->count : LOOK_QUEUES_MAX;
    for (size_t i = 0; i < look->depth_count; i++) {
        struct depth *d = &look->depths[i];
        *d = (struct depth){.paused = pg_get_bool(rows, i, 1),
                            .ready = pg_get_real(rows, i, 2),
                            .delayed = pg_get_real(rows, i, 3),
                            .running = pg_get_real(rows, i, 4),
                            .gated = pg_get_real(rows, i, 5),
                            .oldest = pg_get_real(rows, i, 6)};
        copy_text(d->queue, sizeof d->queue, rows, i, 0);
    }
}

static void take_gates(struct look *look, const struct pg_rows *rows)
{
    look->gate_count = rows->count < LOOK_GATES_MAX ? rows->count : LOOK_GATES_MAX;
    for (size_t i = 0; i < look->gate_count; i++) {
        struct gate *g = &look->gates[i];
        *g = (struct gate){.slots = some(rows, i, 2),
                           .used = pg_get_real(rows, i, 3),
                           .waiting = pg_get_real(rows, i, 4),
                           .rate = some(rows, i, 5),
                           .unstarted = pg_get_real(rows, i, 6),
                           .next_token_in = some(rows, i, 7)};
        copy_text(g->kind, sizeof g->kind, rows, i, 0);
        copy_text(g->name, sizeof g->name, rows, i, 1);
    }
}

static void take_totals(struct look *look, const struct pg_rows *rows)
{
    look->totals.enqueued = pg_get_real(rows, 0, 0);
    look->totals.ended = pg_get_real(rows, 0, 1);
    look->totals.failed = pg_get_real(rows, 0, 2);
}

static void take_outcomes(struct look *look, const struct pg_rows *rows)
{
    look->outcomes.success = pg_get_real(rows, 0, 0);
    look->outcomes.errored = pg_get_real(rows, 0, 1);
    look->outcomes.killed = pg_get_real(rows, 0, 2);
    look->outcomes.skipped = pg_get_real(rows, 0, 3);
}

static void take_streams(struct look *look, const struct pg_rows *rows)
{
    look->streams.lag = pg_get_real(rows, 0, 0);
    look->streams.moved = pg_get_real(rows, 0, 1);
}

static struct counts *find_counts(struct look *look, const char *queue, const char *name)
{
    struct counts *last = look->counts_count > 0 ? &look->counts[look->counts_count - 1] : NULL;
    if (last && strcmp(last->queue, queue) == 0 && strcmp(last->name, name) == 0)
        return last;
    if (look->counts_count == LOOK_SERIES_MAX) {
        snprintf(last->queue, sizeof last->queue, "other");
        snprintf(last->name, sizeof last->name, "other");
        return last;
    }
    struct counts *next = &look->counts[look->counts_count++];
    memset(next, 0, sizeof *next);
    snprintf(next->queue, sizeof next->queue, "%s", queue);
    snprintf(next->name, sizeof next->name, "%s", name);
    return next;
}

static void take_number(struct look *look, const char *queue, const char *name, size_t place, double number)
{
    if (*queue && place < TALLY_NUMBERS)
        find_counts(look, queue, name)->numbers[place] += number;
    else if (strcmp(name, "ticks") == 0)
        *(place == 0 ? &look->ticks_emitted : &look->ticks_missed) = number;
    else if (!*name && place < TALLY_EVENTS)
        look->events[place] = number;
    else if (*name && place < TALLY_NUMBERS)
        find_counts(look, "other", name)->numbers[place] += number;
}

static void take_tally(struct look *look, const struct pg_rows *rows)
{
    look->counts_count = 0;
    for (size_t i = 0; i < rows->count; i++)
        take_number(look, pg_get_text(rows, i, 0), pg_get_text(rows, i, 1), (size_t)pg_get_int(rows, i, 2) - 1, pg_get_real(rows, i, 3));
}

static void take_blocker(struct look *look, const struct pg_rows *rows)
{
    look->blocker[0] = '\0';
    if (rows->count > 0)
        snprintf(look->blocker, sizeof look->blocker, "session %s (%s, %s for %.0f s) blocks session %s (%s)",
                 pg_get_text(rows, 0, 0), pg_get_text(rows, 0, 1), pg_get_text(rows, 0, 2), pg_get_real(rows, 0, 3),
                 pg_get_text(rows, 0, 4), pg_get_text(rows, 0, 5));
}

/* Something does not go on although it could. */
static bool wants_blocker(const struct look *look)
{
    if (look->made[READ_WAITING].failed || look->made[READ_WORKERS].failed)
        return true;
    for (size_t i = 0; i < look->waiting_count; i++)
        if (look_stalled(look, &look->waiting[i]) >= BLOCKER_AFTER)
            return true;
    return false;
}

const char *const reading_names[READINGS] = {
    [READ_SCHEMA] = "schema",   [READ_BLOCKER] = "blocker", [READ_WORKERS] = "workers",
    [READ_WAITING] = "waiting", [READ_BEAT] = "beat",       [READ_HANDLERS] = "handlers",
    [READ_DEPTHS] = "depths",   [READ_GATES] = "gates",     [READ_TOTALS] = "totals",
    [READ_OUTCOMES] = "outcomes", [READ_TALLY] = "tally",   [READ_STREAMS] = "streams",
};

static const struct {
    usec_t period;
    const struct sql *query; /* NULL: the schema's own check */
    int rows_max;            /* its $1; 0: it has none */
    void (*take)(struct look *look, const struct pg_rows *rows);
    bool (*wanted)(const struct look *look); /* NULL: always */
} readings[READINGS] = {
    [READ_SCHEMA] = {SELDOM, NULL, 0, NULL, NULL},
    [READ_BLOCKER] = {OFTEN, &sql_web_blocker, 0, take_blocker, wants_blocker},
    [READ_WORKERS] = {OFTEN, &sql_web_workers, 0, take_workers, NULL},
    [READ_WAITING] = {OFTEN, &sql_web_waiting, LOOK_QUEUES_MAX, take_waiting, NULL},
    [READ_BEAT] = {OFTEN, &sql_web_beat, 0, take_beat, NULL},
    [READ_HANDLERS] = {SELDOM, &sql_unknown_names, 0, take_handlers, NULL},
    [READ_DEPTHS] = {SELDOM, &sql_web_depths, LOOK_QUEUES_MAX, take_depths, NULL},
    [READ_GATES] = {SELDOM, &sql_web_gates, LOOK_GATES_MAX, take_gates, NULL},
    [READ_TOTALS] = {SELDOM, &sql_web_totals, 0, take_totals, NULL},
    [READ_OUTCOMES] = {SELDOM, &sql_web_outcomes, 0, take_outcomes, NULL},
    [READ_TALLY] = {SELDOM, &sql_web_tally, 0, take_tally, NULL},
    [READ_STREAMS] = {SELDOM, &sql_web_streams, 0, take_streams, NULL},
};

/* One statement with its limits in front of it: one round trip, one transaction, no session state. */
static bool ask(struct look *look, enum reading which, struct pg *pg, struct err *e)
{
    char limit[16];
    struct pg_rows answers[2];
    snprintf(limit, sizeof limit, "%d", LOOK_CALL_MS);
    struct pg_call calls[2] = {{.query = &sql_web_limits, .args = {pg_text(limit), {.type = PG_END}}},
                               {.query = readings[which].query, .args = {{.type = PG_END}}}};
    if (readings[which].rows_max > 0) {
        calls[1].args[0] = pg_int(readings[which].rows_max);
        calls[1].args[1].type = PG_END;
    }
    if (!pg_exec_calls(pg, calls, 2, answers, e))
        return false;
    readings[which].take(look, &answers[1]);
    return true;
}

static usec_t pause_after(usec_t period, usec_t took)
{
    usec_t pause = took * SHARE_OF_TIME > period ? took * SHARE_OF_TIME : period;
    return pause < PERIOD_MAX ? pause : PERIOD_MAX;
}

static bool make(struct look *look, enum reading which, struct pg *pg, struct err *e)
{
    struct made *made = &look->made[which];
    usec_t from = clock_boot();
    bool good = readings[which].query ? ask(look, which, pg, e) : migrate_check(pg, e);
    usec_t now = clock_boot();
    made->failed = !good;
    made->took = now - from;
    made->next_at = now + pause_after(good ? readings[which].period : OFTEN, made->took);
    if (good)
        made->good_at = now;
    else
        snprintf(made->problem, sizeof made->problem, "%.*s", LOOK_TEXT_SIZE - 1, e->text);
    return pg_alive(pg);
}

/* Without the schema nothing else can be read. */
static bool may_read(const struct look *look, enum reading which)
{
    return which == READ_SCHEMA || !look->made[READ_SCHEMA].failed;
}

static bool is_wanted(const struct look *look, enum reading which)
{
    return !readings[which].wanted || readings[which].wanted(look);
}

static bool is_due(const struct look *look, enum reading which)
{
    return may_read(look, which) && is_wanted(look, which) && look->made[which].next_at <= clock_boot();
}

/* One that failed may have waited for long: what is due after it is left to the next call. */
bool look_read(struct look *look, struct pg *pg, struct err *e)
{
    bool failed = false;
    for (enum reading which = 0; which < READINGS && !failed; which++) {
        if (!is_due(look, which))
            continue;
        if (!make(look, which, pg, e))
            return false;
        failed = look->made[which].failed;
    }
    if (!wants_blocker(look))
        look->blocker[0] = '\0';
    return true;
}

usec_t look_wake(const struct look *look)
{
    usec_t wake = look->made[READ_SCHEMA].next_at;
    for (enum reading which = 0; which < READINGS; which++)
        if (may_read(look, which) && is_wanted(look, which) && look->made[which].next_at < wake)
            wake = look->made[which].next_at;
    return wake;
}

void look_connected(struct look *look)
{
    look->connected = true;
    look->connected_at = clock_boot();
}

void look_forget(struct look *look, const struct err *why)
{
    look->connected = false;
    snprintf(look->problem, sizeof look->problem, "%.*s", LOOK_TEXT_SIZE - 1, why->text);
    memset(look->made, 0, sizeof look->made);
    look->waiting_count = 0;
    look->blocker[0] = '\0';
}

usec_t look_stalled(const struct look *look, const struct waiting *waiting)
{
    return waiting->claimable ? look->made[READ_WAITING].good_at - waiting->since : 0;
}
