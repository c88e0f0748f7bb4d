/* light: the measurements of a queue whose tasks are in Redis alone. Its worker gets a configuration of its own, which names the queue. Tasks
 * that succeed leave no trace there, so the latency is that of tasks that fail: their rows tell when they started. */
#include "cli/bench/bench.h"
#include "cli/bench/pss.h"
#include "common/broker/redis_queue.h"
#include "common/store/task.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LOOK_MS = 2, ROW_LOOK_MS = 3, PATH_SIZE = 64 };

static const usec_t row_limit = SECONDS(30);

struct light {
    struct bench_queue queue;
    int file;
    char path[PATH_SIZE]; /* of the worker's configuration */
};

static bool light_open(struct light *l, struct bench *b, struct err *e)
{
    l->file = -1;
    bench_open(&l->queue, b);
    if (!session_redis(b->session, e))
        return false;
    l->file = memfd_create("drumbeat-bench", MFD_CLOEXEC);
    snprintf(l->path, sizeof l->path, "/proc/%d/fd/%d", (int)getpid(), l->file);
    if (l->file < 0 || dprintf(l->file, "queues: {%s: {broker: redis, rows: failures}}\n", l->queue.worker.queue) < 0)
        return err_errno(e, ERR_FAILED, errno, "the configuration of the bench's worker");
    l->queue.worker.config = l->path;
    return true;
}

static void light_close(struct light *l)
{
    struct err ignored;
    int64_t count;
    bench_close(&l->queue);
    if (l->queue.bench->session->redis)
        redis_queue_purge(l->queue.bench->session->redis, l->queue.worker.queue, &count, &ignored);
    if (l->file >= 0)
        close(l->file);
}

static bool fill(struct light *l, struct err *e)
{
    struct bench *b = l->queue.bench;
    struct new_task tasks[REDIS_QUEUE_BATCH_MAX];
    struct uuid ids[REDIS_QUEUE_BATCH_MAX];
    usec_t begun = clock_boot();
    for (size_t i = 0; i < REDIS_QUEUE_BATCH_MAX; i++)
        tasks[i] = (struct new_task){.name = "noop", .priority = -1};
    for (int64_t left = b->tasks; left > 0; left -= REDIS_QUEUE_BATCH_MAX) {
        size_t now = left < REDIS_QUEUE_BATCH_MAX ? (size_t)left : REDIS_QUEUE_BATCH_MAX;
        if (bench_interrupted(e) || !redis_queue_enqueue(b->session->redis, l->queue.worker.queue, tasks, now, ids, e))
            return false;
    }
    usec_t took = clock_boot() - begun;
    b->enqueue_seconds = (double)(took > 0 ? took : 1) / 1e6;
    b->enqueue_per_s = (double)b->tasks / b->enqueue_seconds;
    return true;
}

bool bench_light_enqueue(struct bench *b, struct err *e)
{
    CLEANUP(light_close) struct light l;
    if (!light_open(&l, b, e) || !fill(&l, e))
        return false;
    b->seconds = b->enqueue_seconds;
    return true;
}

/* From the first look that sees a task taken to the first that sees none left. */
static bool drain(struct light *l, struct err *e)
{
    struct bench *b = l->queue.bench;
    struct redis_queue_counts counts;
    usec_t begun = 0;
    for (;;) {
        if (bench_interrupted(e) || !redis_queue_counts(b->session->redis, l->queue.worker.queue, &counts, e))
            return false;
        usec_t now = clock_boot();
        if (counts.ready < b->tasks && !begun)
            begun = now;
        if (counts.failed > 0)
            return err_set(e, ERR_FAILED, "bench: %" PRId64 " tasks failed", counts.failed);
        if (counts.ready + counts.delayed + counts.held == 0) {
            b->seconds = (double)(now > begun ? now - begun : 1) / 1e6;
            return true;
        }
        if (!own_worker_lives(&l->queue.worker))
            return err_set(e, ERR_FAILED, "bench: its worker ended");
        poll(NULL, 0, LOOK_MS);
    }
}

bool bench_light_throughput(struct bench *b, struct err *e)
{
    CLEANUP(light_close) struct light l;
    if (!light_open(&l, b, e) || !fill(&l, e) || !own_worker_start(&l.queue.worker, b->session, b->pool, e) || !drain(&l, e))
        return false;
    b->busy_pss_mib = (double)pss_of_tree(l.queue.worker.pid, NULL) / (1 << 20);
    b->tasks_per_s = (double)b->tasks / b->seconds;
    return true;
}

static bool one(struct light *l, double *ms, struct err *e)
{
    struct session *s = l->queue.bench->session;
    struct new_task task = {.name = "fail", .args = "{\"retryable\": false}", .priority = -1};
    struct task_state state = {.status = ""};
    struct uuid id;
    usec_t deadline = clock_boot() + row_limit;
    if (!redis_queue_enqueue(s->redis, l->queue.worker.queue, &task, 1, &id, e))
        return false;
    usec_t begun = clock_now();
    do {
        poll(NULL, 0, ROW_LOOK_MS);
        if (bench_interrupted(e) || (!task_look(s->pg, id, &state, e) && e->kind != ERR_NOT_FOUND))
            return false;
        if (!own_worker_lives(&l->queue.worker) || clock_boot() > deadline)
            return err_set(e, ERR_FAILED, "bench: its worker ended, or does nothing");
    } while (!task_status_is_final(state.status));
    *ms = state.started_at > begun ? (double)(state.started_at - begun) / 1000 : 0;
    return true;
}

bool bench_light_latency(struct bench *b, struct err *e)
{
    CLEANUP(light_close) struct light l;
    double first;
    if (!light_open(&l, b, e) || !own_worker_start(&l.queue.worker, b->session, b->pool, e) || !one(&l, &first, e))
        return false;
    double *samples = mem_zero((size_t)b->samples, sizeof *samples);
    bool good = true;
    for (int64_t i = 0; good && i < b->samples; i++)
        good = one(&l, &samples[i], e);
    if (good)
        bench_percentiles(b, samples);
    free(samples);
    return good;
}
