#pragma once
/* What `drumbeat bench` measures, a file each. Every measurement enqueues into a queue of its own, starts a worker of its
 * own for it, and removes its tasks afterwards; the beat has a database of its own. */
#include "cli/own_worker.h"
#include "cli/session.h"

enum { BENCH_TASKS_DEFAULT = 100000, BENCH_TASKS_MAX = 10000000, BENCH_SAMPLES_DEFAULT = 1000, BENCH_SAMPLES_MAX = 100000, BENCH_IDLE_POOL = 8 };

/* The answers; what was not measured is negative. */
struct bench {
    struct session *session;
    int64_t tasks;   /* how many to enqueue */
    int64_t samples; /* of the latency */
    int pool;
    double seconds, tasks_per_s, enqueue_seconds, enqueue_per_s;
    double p50, p95, p99;    /* commit to start, ms */
    double first_task_ms;    /* from executing the worker to the start of its first task */
    double pss_mib;          /* of all processes of an idle worker with BENCH_IDLE_POOL children */
    double busy_pss_mib;     /* the same after the throughput run, with `pool` children */
    double raw_per_s;        /* claims and settlements alone */
    double ticks_per_s;      /* next ticks of schedules */
    int64_t schedules;       /* of the beat; 0: not measured */
    double beat_load_s;      /* from executing the beat until it had placed every schedule */
    double beat_pss_mib;     /* then; and once all was emitted */
    double beat_busy_pss_mib;
    double beat_idle_cpu;    /* ms a second while it waits for the tick */
    double beat_load_cpu_s, beat_emit_cpu_s;
    double upsert_raw, upsert_staged, upsert_changed, upsert_same; /* rows a second */
    double upsert_mib;       /* most that this process held */
    double beat_emit_s;      /* from the moment all were due until every task was there */
};

/* Enqueue `tasks`, and leave them or run them. */
bool bench_enqueue(struct bench *b, struct err *e);
bool bench_throughput(struct bench *b, struct err *e);

/* The same with a queue whose tasks are in Redis alone, but for latency from the enqueue to the start. */
bool bench_light_enqueue(struct bench *b, struct err *e);
bool bench_light_throughput(struct bench *b, struct err *e);
bool bench_light_latency(struct bench *b, struct err *e);

/* The same claims and settlements without a worker: what PostgreSQL has to give. */
bool bench_raw(struct bench *b, struct err *e);

/* One task at a time on an idle worker. */
bool bench_latency(struct bench *b, struct err *e);

/* From nothing to the first task, and what the idle worker holds. */
bool bench_start(struct bench *b, struct err *e);

/* Samples into p50, p95, p99. */
void bench_percentiles(struct bench *b, double *samples);

/* How fast next ticks are found. */
bool bench_schedules(struct bench *b, struct err *e);

/* A beat with `tasks` schedules that are due in one second, in a database of its own, which is removed afterwards. */
bool bench_beat(struct bench *b, struct err *e);

/* A long list of `tasks` rows into a table, as a sync does it, and by one COPY and one INSERT … ON CONFLICT. */
bool bench_upsert(struct bench *b, struct err *e);

/* A worker and the queue it serves; bench_close() stops it and removes the queue's tasks. */
struct bench_queue {
    struct bench *bench;
    struct own_worker worker;
};
void bench_open(struct bench_queue *q, struct bench *b);
void bench_close(struct bench_queue *q); /* for CLEANUP */

/* Enqueue so many noop tasks into it, in statements of at most 100,000. */
bool bench_fill(struct bench_queue *q, int64_t tasks, struct err *e);

/* Wait until nothing of the queue waits or runs; *at is when by the server's clock. An error when the worker ends or nobody
 * wants to wait longer (Ctrl-C). */
bool bench_drained(struct bench_queue *q, usec_t *at, struct err *e);

/* Ctrl-C: measurements end early and tidy up. */
bool bench_interrupted(struct err *e);
void bench_catch_interrupts(void);
