/* latency: one task at a time on an idle worker, from the return of the COMMIT to the moment the handler starts. Both
 * clocks are this machine's when the worker is ours and the server is local. */
#include "cli/bench/bench.h"
#include "cli/bench/pss.h"
#include "cli/up/process.h"
#include "common/store/task.h"

#include <poll.h>
#include <stdlib.h>

enum { PAUSE_MS = 3, START_LIMIT_S = 30 };

/* Enqueue one, wait for its end, and say how long after our COMMIT it started. */
static bool one(struct bench_queue *q, double *ms, struct err *e)
{
    struct pg *pg = q->bench->session->pg;
    struct new_task task = {.name = "noop", .queue = q->worker.queue, .priority = -1, .created_by = "drumbeat bench"};
    struct task_state state;
    struct uuid id;
    char how[PROCESS_STATUS_MAX];
    if (!task_enqueue(pg, &task, &id, e))
        return false;
    usec_t committed = clock_now();
    do {
        poll(NULL, 0, PAUSE_MS);
        if (bench_interrupted(e) || !task_look(pg, id, &state, e))
            return false;
        if (!own_worker_lives(&q->worker))
            return err_set(e, ERR_FAILED, "bench: its worker ended: %s", process_status(q->worker.status, how));
    } while (!task_status_is_final(state.status));
    *ms = state.started_at > committed ? (double)(state.started_at - committed) / 1000 : 0;
    return true;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, int64_t count, double share)
{
    int64_t at = (int64_t)(share * (double)count);
    return sorted[at < count ? at : count - 1];
}

void bench_percentiles(struct bench *b, double *samples)
{
    qsort(samples, (size_t)b->samples, sizeof *samples, compare);
    b->p50 = percentile(samples, b->samples, 0.50);
    b->p95 = percentile(samples, b->samples, 0.95);
    b->p99 = percentile(samples, b->samples, 0.99);
}

static bool measure(struct bench_queue *q, double *samples, struct err *e)
{
    struct bench *b = q->bench;
    double first;
    if (!one(q, &first, e)) /* the worker is up and idle after it */
        return false;
    for (int64_t i = 0; i < b->samples; i++)
        if (!one(q, &samples[i], e))
            return false;
    bench_percentiles(b, samples);
    return true;
}

bool bench_latency(struct bench *b, struct err *e)
{
    CLEANUP(bench_close) struct bench_queue q;
    bench_open(&q, b);
    if (!own_worker_start(&q.worker, b->session, b->pool, e))
        return false;
    double *samples = mem_zero((size_t)b->samples, sizeof *samples);
    bool good = measure(&q, samples, e);
    free(samples);
    return good;
}

/* Wait until supervisor, fork server, keeper and all children are there, and a second has passed without a new one. */
static void settle(const struct bench_queue *q)
{
    size_t processes = 0, before;
    usec_t deadline = clock_boot() + SECONDS(START_LIMIT_S), changed = clock_boot();
    while (clock_boot() < deadline && clock_boot() - changed < SECONDS(1)) {
        before = processes;
        pss_of_tree(q->worker.pid, &processes);
        if (processes != before)
            changed = clock_boot();
        poll(NULL, 0, 100);
    }
}

bool bench_start(struct bench *b, struct err *e)
{
    CLEANUP(bench_close) struct bench_queue q;
    struct new_task task = {.name = "noop", .priority = -1, .created_by = "drumbeat bench"};
    struct task_state state = {.status = ""};
    struct uuid id;
    bench_open(&q, b);
    task.queue = q.worker.queue;
    if (!task_enqueue(b->session->pg, &task, &id, e))
        return false;
    usec_t begun = clock_now(), end;
    if (!own_worker_start(&q.worker, b->session, BENCH_IDLE_POOL, e) || !bench_drained(&q, &end, e) || !task_look(b->session->pg, id, &state, e))
        return false;
    b->first_task_ms = (double)(state.started_at - begun) / 1000;
    settle(&q);
    b->pss_mib = (double)pss_of_tree(q.worker.pid, NULL) / (1 << 20);
    return true;
}
