/* tally: fixed slots that are taken once and never given back. */
#include "common/store/tally.h"
#include "sql/queries.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { EMPTY, MAKING, MADE };

/* The first two slots are always there. */
enum { EVENTS, OTHER, FIRST };

enum { PATIENCE = 1000 /* turns for whoever makes a slot; he may be dead */ };

const char *const tally_outcomes[TALLY_OUTCOMES] = {
    [TALLY_SUCCESS] = "success", [TALLY_RETRIED] = "retried", [TALLY_ERRORED] = "errored", [TALLY_KILLED] = "killed",
    [TALLY_SKIPPED] = "skipped", [TALLY_SNOOZED] = "snoozed", [TALLY_DIED] = "died",
};

const double tally_run_bounds[TALLY_BOUNDS] = {0.01, 0.1, 1, 10, 60, 600, 3600};
const double tally_wait_bounds[TALLY_BOUNDS] = {0.001, 0.01, 0.1, 1, 10, 60, 600};

static bool is(const struct tally_series *s, const char *queue, const char *name)
{
    return strcmp(s->name, name) == 0 && strcmp(s->queue, queue) == 0;
}

/* Wait until a slot is made or, when its maker seems to be dead, give it up. */
static bool is_made(struct tally_series *s)
{
    for (int turn = 0; turn < PATIENCE && atomic_load(&s->state) == MAKING; turn++)
        sched_yield();
    return atomic_load(&s->state) == MADE;
}

static bool take_slot(struct tally_series *s, const char *queue, const char *name)
{
    uint32_t empty = EMPTY;
    if (!atomic_compare_exchange_strong(&s->state, &empty, MAKING))
        return false;
    snprintf(s->queue, sizeof s->queue, "%s", queue);
    snprintf(s->name, sizeof s->name, "%s", name);
    atomic_store(&s->state, MADE);
    return true;
}

int tally_find(struct tally *tally, int hint, const char *queue, const char *name)
{
    char wanted[TALLY_NAME_SIZE];
    if (strncmp(queue, "run.", 4) == 0)
        queue = "run";
    if (hint >= FIRST && hint < TALLY_SERIES_MAX && is(&tally->series[hint], queue, name))
        return hint;
    snprintf(wanted, sizeof wanted, "%s", name);
    for (int i = FIRST; i < TALLY_SERIES_MAX; i++) {
        struct tally_series *s = &tally->series[i];
        if (take_slot(s, queue, wanted) || (is_made(s) && is(s, queue, wanted)))
            return i;
    }
    return OTHER;
}

static void add(struct tally *tally, int series, int number, int64_t count)
{
    atomic_fetch_add_explicit(&tally->series[series].numbers[number], count, memory_order_relaxed);
}

/* A measurement into the histogram that begins at `first`, and into its sum. */
static void measure(struct tally *tally, int series, int first, const double *bounds, usec_t value)
{
    int bucket = 0;
    while (bucket < TALLY_BOUNDS && (double)value > bounds[bucket] * 1e6)
        bucket++;
    add(tally, series, first + bucket, 1);
    add(tally, series, first + TALLY_BUCKETS, value);
}

void tally_count(struct tally *tally, int series, enum tally_outcome outcome, usec_t ran, usec_t waited)
{
    add(tally, series, outcome, 1);
    if (ran >= 0)
        measure(tally, series, TALLY_RUN, tally_run_bounds, ran);
    if (waited >= 0)
        measure(tally, series, TALLY_WAIT, tally_wait_bounds, waited);
}

void tally_event(struct tally *tally, enum tally_event event, int64_t count)
{
    add(tally, EVENTS, event, count);
}

static bool is_shown(struct tally *tally, size_t i)
{
    return i < FIRST || (i < TALLY_SERIES_MAX && atomic_load(&tally->series[i].state) == MADE);
}

static const char *name_of(const struct tally *tally, int i)
{
    return i == OTHER ? "other" : tally->series[i].name;
}

int64_t tally_attempts(struct tally *tally, int series, const char **name)
{
    int64_t count = 0;
    if (series == EVENTS || !is_shown(tally, (size_t)series))
        return -1;
    for (int outcome = 0; outcome < TALLY_OUTCOMES; outcome++)
        count += atomic_load_explicit(&tally->series[series].numbers[outcome], memory_order_relaxed);
    *name = name_of(tally, series);
    return count;
}

/* Writing ----------------------------------------------------------------------------------------------------------- */

/* Series that have changed, as the arrays of a statement. */
struct changed {
    const char *queues[TALLY_SERIES_MAX], *names[TALLY_SERIES_MAX];
    int64_t numbers[TALLY_SERIES_MAX * TALLY_NUMBERS];
    int64_t sums[TALLY_SERIES_MAX];
    size_t count;
};

/* All numbers only grow: the sum tells whether one did. */
static void add_changed(struct tally *tally, int i, struct tally_written *written, struct changed *out)
{
    int64_t *numbers = out->numbers + out->count * TALLY_NUMBERS, sum = 0;
    for (int n = 0; n < TALLY_NUMBERS; n++)
        sum += numbers[n] = atomic_load_explicit(&tally->series[i].numbers[n], memory_order_relaxed);
    if (sum == written->sums[i])
        return;
    out->queues[out->count] = tally->series[i].queue;
    out->names[out->count++] = name_of(tally, i);
    out->sums[i] = sum;
}

bool tally_write(struct tally *tally, struct tally_written *written, struct uuid worker, struct pg *pg, struct err *e)
{
    static struct changed changed; /* too large for a stack; one process writes */
    changed.count = 0;
    memcpy(changed.sums, written->sums, sizeof changed.sums);
    for (int i = 0; i < TALLY_SERIES_MAX; i++)
        if (is_shown(tally, i))
            add_changed(tally, i, written, &changed);
    if (changed.count > 0 && !pg_exec(pg, &sql_tally_write, NULL, e, pg_uuid(worker), pg_texts(changed.queues, changed.count),
                                      pg_texts(changed.names, changed.count), pg_ints(changed.numbers, changed.count * TALLY_NUMBERS)))
        return err_add(e, "counts of %zu series", changed.count);
    memcpy(written->sums, changed.sums, sizeof changed.sums);
    return true;
}
