#pragma once
/* A database, workers on it, and questions about one task: the parts of which tests on the real worker are sentences.
 *
 *     struct stage s;
 *     stage_open(&s, cluster);
 *     struct test_process *worker = stage_worker(&s, stage_env("DRUMBEAT_WORKER_LEASE=5s"), "--pool", "2");
 *     const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('noop')");
 *     ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
 *     stage_close(&s);                  kills what is left of the workers and reads the invariants */
#include "tests/fixture/cluster.h"
#include "tests/fixture/process.h"
#include <check.h>

enum { STAGE_WORKERS = 8 };

struct stage {
    struct test_cluster *cluster;
    const char *url;
    struct pg *pg;
    struct pg *holder; /* of effects; NULL: they run */
    int64_t held;      /* by stage_held() */
    struct test_process *workers[STAGE_WORKERS];
    size_t count;
};

void stage_open(struct stage *s, struct test_cluster *cluster);
void stage_close(struct stage *s);

/* NAME=VALUE words, then NULL. */
#define stage_env(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A worker on the stage's database; it belongs to the stage. `env` NULL: none. */
#define stage_worker(s, env, ...) stage_worker_words(s, env, ((const char *const[]){"", ##__VA_ARGS__, NULL}) + 1)
struct test_process *stage_worker_words(struct stage *s, const char *const *env, const char *const *words);

/* A configuration file with this text, for --config; gone with the cluster. */
const char *stage_config(struct stage *s, const char *yaml);

/* How often the worker has logged the event so far; wait until it was as often as that. */
size_t stage_events(const struct test_process *worker, const char *event);
void stage_await_event(struct stage *s, struct test_process *worker, const char *event, size_t wanted);

/* SIGTERM, and it ends with 0 within `limit`. */
void stage_stop(struct test_process *worker, usec_t limit);

/* A copy that is kept as long as the test program. */
const char *stage_keep(const char *text);

/* The one value of the statement, kept. */
const char *stage_text(struct stage *s, const char *sql);
#define stage_enqueue(s, sql) stage_text(s, sql)

/* A column of the task, of its last attempt that was not a success, or a number; "$id" stands for the task. */
const char *stage_task(struct stage *s, const char *id, const char *column);
const char *stage_attempt(struct stage *s, const char *id, const char *column);
bool stage_ends(struct stage *s, const char *id, const char *status, usec_t limit);

/* Wait until the statement answers `wanted`, at most `limit` (test_deadline); listens to the workers meanwhile. */
bool stage_wait(struct stage *s, const char *sql, int64_t wanted, usec_t limit);

/* The bell wakes the worker: of tasks that are enqueued on `app` one after the other, each when the one before has ended, more than twice
 * as many are done as the keeper's rounds, one a second, can have found. A slow machine needs longer for that, not another measure. */
bool stage_hears_bell(struct stage *s, struct pg *app);

/* A task that runs until something happens to it: RUNNING is told with the claim, but a worker that is stopped or killed before the handler's
 * first step charges nothing. stage_await_progress() waits until the handler has told progress in its attempt number `attempt`, stage_sleeping()
 * enqueues a `sleep` of ten minutes and waits until it has. */
void stage_await_progress(struct stage *s, const char *id, int attempt);
const char *stage_sleeping(struct stage *s);

/* Tasks that run for as long as the test wants: from now on an `effect` waits in the middle of its transaction, until stage_let_go().
 * stage_await_held() waits until so many do. */
void stage_hold(struct stage *s);
void stage_await_held(struct stage *s, int64_t count);
void stage_let_go(struct stage *s);

/* The task runs, or has ended already: for one that is not held. */
void stage_await_start(struct stage *s, const char *id);

/* A new `effect` that is RUNNING and held. All that were started so must still be. */
const char *stage_held(struct stage *s);

/* Attempts of the task that start from now on end at once: a `sleep` that was started for long and is to be killed. */
void stage_shorten(struct stage *s, const char *id);

/* The process that runs the task now; none fails the test. */
pid_t stage_runner(struct stage *s, const char *id);

/* Children of a worker that run a task now, from the tables; and the keeper: the one process that never does. All `pool` children have
 * to be busy. */
pid_t stage_keeper(struct stage *s, struct test_process *worker);
