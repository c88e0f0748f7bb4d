/* queue: what the measurements share: a private queue, its worker, and tidying up. */
#include "cli/bench/bench.h"
#include "cli/up/process.h"
#include "sql/queries.h"

#include <poll.h>
#include <signal.h>

enum { STATEMENT_MAX = 100000, LOOK_MS = 10 };

static volatile sig_atomic_t interrupted;

static void remember(int signal)
{
    (void)signal;
    interrupted = 1;
}

void bench_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = remember};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool bench_interrupted(struct err *e)
{
    if (interrupted)
        err_set(e, ERR_CANCELLED, "bench: interrupted; its tasks are removed");
    return interrupted;
}

void bench_open(struct bench_queue *q, struct bench *b)
{
    *q = (struct bench_queue){.bench = b};
    own_worker_queue(&q->worker);
}

void bench_close(struct bench_queue *q)
{
    struct err ignored;
    own_worker_stop(&q->worker);
    pg_exec(q->bench->session->pg, &sql_bench_clean, NULL, &ignored, pg_text(q->worker.queue));
}

bool bench_fill(struct bench_queue *q, int64_t tasks, struct err *e)
{
    while (tasks > 0) {
        int64_t now = tasks < STATEMENT_MAX ? tasks : STATEMENT_MAX;
        if (bench_interrupted(e) || !pg_exec(q->bench->session->pg, &sql_bench_enqueue, NULL, e, pg_text(q->worker.queue), pg_int(now)))
            return false;
        tasks -= now;
    }
    return true;
}

bool bench_drained(struct bench_queue *q, usec_t *at, struct err *e)
{
    struct pg_rows rows;
    char how[PROCESS_STATUS_MAX];
    for (;;) {
        if (!pg_exec(q->bench->session->pg, &sql_bench_left, &rows, e, pg_text(q->worker.queue)))
            return false;
        *at = pg_get_time(&rows, 0, 2);
        if (!pg_get_bool(&rows, 0, 0) && !pg_get_bool(&rows, 0, 1))
            return true;
        if (bench_interrupted(e))
            return false;
        if (!own_worker_lives(&q->worker))
            return err_set(e, ERR_FAILED, "bench: its worker ended: %s", process_status(q->worker.status, how));
        poll(NULL, 0, LOOK_MS);
    }
}
