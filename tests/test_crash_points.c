/* The sweep over the crash points: a worker and a beat that have them (drumbeat-crash) do their work while each point in turn kills the
 * process that reaches it first: child, keeper, fork server, supervisor or beat. What died is started again as a service manager
 * would; then every task of the wave has to end within moments, and the invariants hold.
 *
 * CRASH_ROUNDS goes over the table several times, CRASH_ONLY=step:moment sweeps one point. */
#include "tests/fixture/main.h"
#include "tests/storm/beside.h"
#include "tests/storm/crash_order.h"
#include "tests/storm/family.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sweeps beside each other, each with a database, a worker and a beat of its own: most of the time is waiting. */
enum { LANES = 4, DEPTH_CHILDREN = 2 };

/* A wave alone does not come by everywhere. */
enum nudge {
    NOTHING,
    CUT_SESSIONS,   /* children have to connect again */
    KILL_CHILDREN,  /* again and again, so that a seat stays empty for a while */
    LOSE_WORKER,    /* another worker dies with tasks in hand */
    SLOW_AMONG_MANY, /* a task that turns out slow in the middle of what is claimed at once */
    LATE_COMMIT,    /* a transaction commits behind the cursors */
    NEW_SCHEDULE,
    RESTART_WORKER, /* SIGTERM, and a new one */
    RESTART_BEAT,
    BURST           /* a worker that ends when all is done */
};

#define STATEMENT(name, nudge) {name, "before", nudge}, {name, "sent", nudge}, {name, "answered", nudge}

static const struct point {
    const char *step, *moment;
    enum nudge nudge;
} points[] = {
    /* claim, run, settle */
    STATEMENT("claim", NOTHING),
    {"turn", "done", NOTHING},
    {"run", "before", NOTHING},
    {"run", "ended", NOTHING},
    {"run", "noted", NOTHING},
    STATEMENT("trial_effect", NOTHING),
    {"settle_plain", "before", NOTHING}, /* it goes with the next claim, whose moments are above */
    STATEMENT("settle_one", NOTHING),
    STATEMENT("COMMIT", NOTHING),
    /* seats */
    STATEMENT("seat_take", KILL_CHILDREN),
    STATEMENT("seat_empty", KILL_CHILDREN),
    STATEMENT("seat_raise", CUT_SESSIONS),
    STATEMENT("seat_release", CUT_SESSIONS),
    {"death", "taken by the child", KILL_CHILDREN},
    {"death", "taken by the keeper", KILL_CHILDREN},
    {"child", "leaves", RESTART_WORKER},
    /* the keeper's duties */
    STATEMENT("worker_renew", NOTHING),
    STATEMENT("round", NOTHING),
    STATEMENT("lanes", NOTHING),
    STATEMENT("lane_first", LATE_COMMIT),
    STATEMENT("promote", NOTHING),
    {"rescue", "before", LOSE_WORKER},
    {"worker_neighbours", "sent", LOSE_WORKER}, /* the end of the same round trip */
    {"worker_neighbours", "answered", LOSE_WORKER},
    STATEMENT("progress", NOTHING),
    STATEMENT("log_lines", NOTHING),
    STATEMENT("split_claim", SLOW_AMONG_MANY),
    STATEMENT("finish_batches", NOTHING),
    STATEMENT("worker_waiting", NOTHING),
    STATEMENT("claimable", BURST),
    {"cancel", "told", NOTHING},
    STATEMENT("worker_open", RESTART_WORKER),
    STATEMENT("worker_close", RESTART_WORKER),
    /* processes */
    {"fork", "done", KILL_CHILDREN},
    {"reap", "done", KILL_CHILDREN},
    {"order", "before", KILL_CHILDREN},
    {"news", "heard", KILL_CHILDREN},
    /* the beat */
    STATEMENT("beat_emit", NOTHING),
    STATEMENT("beat_lead", NOTHING),
    STATEMENT("beat_changes", NOTHING),
    STATEMENT("beat_place", NEW_SCHEDULE),
    STATEMENT("beat_overdue", RESTART_BEAT),
    STATEMENT("beat_declare", RESTART_BEAT),
    STATEMENT("beat_prune", RESTART_BEAT),
    STATEMENT("beat_stop_leading", RESTART_BEAT),
};

static const char *const config =
    "handlers: {shout: {command: {argv: [/bin/sh, -c, 'echo here I am >&2']}}}\n"
    "schedules: {declared: {handler: noop, spec: '@every 1h'}}\n";

struct sweep {
    struct test_cluster *cluster;
    const char *url, *config;
    struct pg *pg;
    struct crash_order *order;
    struct test_process *worker, *beat, *burst;
    char variables[2][600];
    usec_t longest;
    const struct point *slowest;
    int fired;
};

/* Parties ----------------------------------------------------------------------------------------------------------- */

static struct test_process *start(struct sweep *s, const char *program, const char *verb, const char *flag)
{
    const char *argv[] = {test_build_path(program), verb, "--config", s->config, flag, NULL};
    const char *env[] = {s->variables[0], s->variables[1], "DRUMBEAT_WORKER_POOL=2", "DRUMBEAT_WORKER_LEASE=5s", NULL};
    return test_process_start(&(struct test_program){.argv = argv, .env = env});
}

static void free_if_ended(struct test_process **p)
{
    if (!*p)
        return;
    test_process_wait(*p, 0); /* reads what it logs, or it would wait for us */
    if (!is_alive(test_process_pid(*p))) {
        test_process_free(*p);
        *p = NULL;
    }
}

static const char *log_end(struct test_process *p)
{
    const char *errors = p ? test_process_errors(p) : "";
    size_t length = strlen(errors);
    return errors + (length > 2000 ? length - 2000 : 0);
}

/* As a service manager does: what ended is started again. */
static void look_after(struct sweep *s)
{
    free_if_ended(&s->worker);
    free_if_ended(&s->beat);
    free_if_ended(&s->burst);
    if (!s->worker)
        s->worker = start(s, "drumbeat-crash", "worker", NULL);
    if (!s->beat)
        s->beat = start(s, "drumbeat-crash", "beat", NULL);
}

static void end(struct test_process *p, const char *what)
{
    test_process_signal(p, SIGTERM);
    ck_assert_msg(test_process_wait(p, SECONDS(15)), "the %s does not end:\n%s", what, log_end(p));
}

/* The wave ---------------------------------------------------------------------------------------------------------- */

#define SLOW_AMONG                                                                                                      \
    "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0}'::jsonb, ARRAY[60]), priority => 3, max_attempts => 20);" \
    "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 0.4}', priority => 3, max_attempts => 20);"                              \
    "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0}'::jsonb, ARRAY[60]), priority => 3, max_attempts => 20);"

static const char slow_among_many[] = SLOW_AMONG;
static const char enqueue[] =
    "SELECT drumbeat.enqueue_many('effect', array_fill('{}'::jsonb, ARRAY[20]), max_attempts => 20);"
    SLOW_AMONG
    "SELECT drumbeat.enqueue_workflow('{\"chain\": [{\"task\": \"effect\", \"max_attempts\": 20}, {\"group\": [{\"task\": \"noop\", \"max_attempts\": 20},"
    " {\"task\": \"effect\", \"max_attempts\": 20}], \"on_always\": {\"task\": \"effect\", \"max_attempts\": 20}}], \"on_success\": {\"task\": \"effect\", \"max_attempts\": 20}}');"
    "SELECT drumbeat.put_off(drumbeat.uuid_v7(), true);"
    "SELECT drumbeat.enqueue('echo', '{\"a\": 1}', max_attempts => 20, unique_key => 'one');"
    "SELECT drumbeat.enqueue('fail', '{\"times\": 1}', max_attempts => 20);"
    "SELECT drumbeat.enqueue('shout', max_attempts => 20);"
    "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 0.6, \"steps\": 6}', max_attempts => 20);"
    "SELECT drumbeat.enqueue('noop', run_at => clock_timestamp() + interval '200 ms', max_attempts => 20);"
    "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 60}', priority => 9, max_attempts => 20, headers => '{\"cancel\": true}')";

static const char cancel[] =
    "SELECT count(drumbeat.cancel(r.task_id)) FROM drumbeat.running r JOIN drumbeat.task_body b ON b.id = r.task_id"
    " WHERE b.headers ? 'cancel' AND r.started_at IS NOT NULL";

static const char left[] =
    "SELECT count(*) + (SELECT count(*) FROM drumbeat.cancel_request) + (SELECT count(*) FROM drumbeat.batch WHERE ended_at IS NULL) FROM drumbeat.task_body b"
    " WHERE NOT EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = b.id)";

/* Enqueued with a small number, committed when larger ones have been claimed. */
static void commit_late(struct sweep *s)
{
    struct pg *late = test_connect(s->url);
    struct err e;
    ck_assert(pg_begin(late, &e));
    test_sql(late, "SELECT drumbeat.enqueue('noop', max_attempts => 20)");
    test_sql(s->pg, "SELECT drumbeat.enqueue('noop', max_attempts => 20)");
    usleep(1300000); /* longer than the keeper's round */
    ck_assert(pg_commit(late, &e));
    pg_close(late);
}

static void lose_worker(struct sweep *s)
{
    struct test_process *other CLEANUP(test_process_freep) = start(s, "drumbeat", "worker", NULL);
    test_sql(s->pg, "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.5}'::jsonb, ARRAY[4]), max_attempts => 20)");
    ck_assert(test_process_wait_for(other, "worker.started", SECONDS(10)));
    usleep(200000);
    test_process_signal(other, SIGKILL);
}

static void nudge(struct sweep *s, enum nudge what)
{
    switch (what) {
    case NOTHING:
        break;
    case CUT_SESSIONS:
        test_sql(s->pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'drumbeat/%/%' AND datname = current_database()");
        break;
    case KILL_CHILDREN:
        family_kill(test_process_pid(s->worker), DEPTH_CHILDREN, (unsigned)rand());
        break;
    case LOSE_WORKER:
        lose_worker(s);
        break;
    case SLOW_AMONG_MANY:
        test_sql(s->pg, slow_among_many);
        break;
    case LATE_COMMIT:
        commit_late(s);
        break;
    case NEW_SCHEDULE:
        test_sql(s->pg, "INSERT INTO drumbeat.schedule (name, handler, specs) SELECT 'n' || count(*), 'noop', '{@every 1h}' FROM drumbeat.schedule");
        break;
    case RESTART_WORKER:
        end(s->worker, "worker");
        break;
    case RESTART_BEAT:
        end(s->beat, "beat");
        break;
    case BURST:
        if (!s->burst)
            s->burst = start(s, "drumbeat-crash", "worker", "--burst");
        break;
    }
}

static void await_crash(struct sweep *s, const struct point *point)
{
    usec_t began = clock_boot(), deadline = test_deadline(TEST_PATIENCE), next_nudge = clock_boot() + MSEC(100);
    while (!crash_order_victim(s->order)) {
        ck_assert_msg(clock_boot() < deadline, "nobody reached '%s' %s:\n%s", point->step, point->moment, log_end(s->worker));
        test_number(s->pg, cancel);
        if (clock_boot() > next_nudge) {
            nudge(s, point->nudge);
            next_nudge = clock_boot() + (point->nudge == KILL_CHILDREN ? MSEC(30) : MSEC(1500));
        }
        look_after(s);
        test_pause(began);
    }
}

static void await_drain(struct sweep *s, const struct point *point)
{
    usec_t began = clock_boot();
    while (test_number(s->pg, left) > 0) {
        ck_assert_msg(clock_boot() - began < TEST_PATIENCE, "'%s' %s: %d tasks are left:\n%s", point->step, point->moment, (int)test_number(s->pg, left),
                      log_end(s->worker));
        test_number(s->pg, cancel);
        look_after(s);
        test_pause(began);
    }
    usec_t took = clock_boot() - began;
    if (took > s->longest) {
        s->longest = took;
        s->slowest = point;
    }
}

static void sweep_point(struct sweep *s, const struct point *point)
{
    crash_order_arm(s->order, point->step, point->moment);
    test_sql(s->pg, enqueue);
    await_crash(s, point);
    s->fired++;
    await_drain(s, point);
    invariants_assert(s->pg, false);
}

static bool is_asked_for(const struct point *point)
{
    char name[96];
    const char *only = getenv("CRASH_ONLY");
    snprintf(name, sizeof name, "%s:%s", point->step, point->moment);
    return !only || strcmp(only, name) == 0;
}

static struct test_cluster *cluster;

static void open_sweep(struct sweep *s)
{
    char path[512];
    *s = (struct sweep){.cluster = cluster, .url = test_cluster_database(cluster)};
    s->pg = test_connect(s->url);
    snprintf(path, sizeof path, "%s/order-%d", test_cluster_folder(cluster), (int)getpid());
    s->order = crash_order_make(path);
    snprintf(s->variables[0], sizeof s->variables[0], "DATABASE_URL=%s", s->url);
    snprintf(s->variables[1], sizeof s->variables[1], "CRASH_ORDER=%s", path);
    struct stage stage = {.cluster = cluster};
    s->config = stage_config(&stage, config);
    test_sql(s->pg, "INSERT INTO drumbeat.schedule (name, handler, specs, catchup) VALUES ('each', 'effect', '{@every 1s}', 'all')");
    look_after(s);
    ck_assert(test_process_wait_for(s->worker, "worker.started", SECONDS(10)));
    ck_assert(test_process_wait_for(s->beat, "beat.started", SECONDS(10)));
}

static void close_sweep(struct sweep *s)
{
    end(s->beat, "beat");
    ck_assert(test_wait_number(s->pg, left, 0, SECONDS(10)));
    end(s->worker, "worker");
    test_process_free(s->beat);
    test_process_free(s->worker);
    test_process_free(s->burst);
    invariants_assert(s->pg, true);
    ck_assert_int_eq(test_number(s->pg, "SELECT count(*) FROM drumbeat.ended WHERE status NOT IN ('SUCCESS', 'KILLED')"), 0);
    ck_assert_int_eq(test_number(s->pg, "SELECT count(*) FROM drumbeat.worker"), 0);
    /* No tick of the schedule is missing between the first and the last. */
    ck_assert_int_eq(test_number(s->pg, "SELECT count(*) - 1 - extract(epoch FROM max(tick_at) - min(tick_at))::int FROM drumbeat.tick WHERE schedule = 'each'"), 0);
    pg_close(s->pg);
}

static int rounds(void)
{
    const char *text = getenv("CRASH_ROUNDS");
    return text ? atoi(text) : 1;
}

static void sweep_lane(size_t lane)
{
    struct sweep s;
    usec_t began = clock_boot();
    open_sweep(&s);
    for (int round = 0; round < rounds(); round++)
        for (size_t i = 0; i < sizeof points / sizeof *points; i++)
            if (i % LANES == lane && is_asked_for(&points[i]))
                sweep_point(&s, &points[i]);
    close_sweep(&s);
    printf("crash points: %d in %.1f s; the longest to recover was '%s' %s with %.1f s\n", s.fired, (double)(clock_boot() - began) / 1e6,
           s.slowest ? s.slowest->step : "", s.slowest ? s.slowest->moment : "", (double)s.longest / 1e6);
    fflush(stdout);
}

START_TEST(the_queue_drains_whichever_step_is_cut_off)
{
    test_cluster_database(cluster); /* the template that the lanes copy */
    beside(LANES, sweep_lane);
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("crash points");
    tcase_set_timeout(tests, 280.0 * rounds());
    tcase_add_test(tests, the_queue_drains_whichever_step_is_cut_off);
    int failed = test_main_case("crash points", tests);
    test_cluster_stop(cluster);
    return failed;
}
