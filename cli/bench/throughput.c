/* throughput: how fast tasks go in, and how fast an idle worker brings all of them to SUCCESS. */
#include "cli/bench/bench.h"
#include "cli/bench/pss.h"
#include "sql/queries.h"

#include <inttypes.h>

static double seconds_of(usec_t duration)
{
    return duration > 0 ? (double)duration / 1e6 : 1e-6;
}

static bool fill(struct bench_queue *q, struct err *e)
{
    struct bench *b = q->bench;
    usec_t begun = clock_boot();
    if (!bench_fill(q, b->tasks, e))
        return false;
    b->enqueue_seconds = seconds_of(clock_boot() - begun);
    b->enqueue_per_s = (double)b->tasks / b->enqueue_seconds;
    return true;
}

bool bench_enqueue(struct bench *b, struct err *e)
{
    CLEANUP(bench_close) struct bench_queue q;
    bench_open(&q, b);
    if (!fill(&q, e))
        return false;
    b->seconds = b->enqueue_seconds;
    return true;
}

/* Every task SUCCESS, each at its first start; *first is when the first one started. */
static bool verify(struct bench_queue *q, usec_t *first, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(q->bench->session->pg, &sql_bench_result, &rows, e, pg_text(q->worker.queue)))
        return false;
    int64_t tasks = pg_get_int(&rows, 0, 0), good = pg_get_int(&rows, 0, 1), once = pg_get_int(&rows, 0, 2);
    *first = pg_get_time(&rows, 0, 3);
    return (tasks == q->bench->tasks && good == tasks && once == tasks) ||
           err_set(e, ERR_FAILED, "bench: of %" PRId64 " tasks %" PRId64 " ended as SUCCESS, %" PRId64 " of them at the first start", tasks, good, once);
}

bool bench_throughput(struct bench *b, struct err *e)
{
    CLEANUP(bench_close) struct bench_queue q;
    usec_t first, last;
    bench_open(&q, b);
    if (!fill(&q, e) || !own_worker_start(&q.worker, b->session, b->pool, e) || !bench_drained(&q, &last, e) || !verify(&q, &first, e))
        return false;
    b->busy_pss_mib = (double)pss_of_tree(q.worker.pid, NULL) / (1 << 20);
    b->seconds = seconds_of(last - first);
    b->tasks_per_s = (double)b->tasks / b->seconds;
    return true;
}
