/* stage: see stage.h. */
#include "tests/storm/stage.h"
#include "common/base/region.h"
#include "tests/storm/family.h"
#include "tests/storm/invariants.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 32, FAMILY_MAX = 64, SQL_MAX = 1024 };

static const usec_t keeper_round = SECONDS(1);

void stage_open(struct stage *s, struct test_cluster *cluster)
{
    *s = (struct stage){.cluster = cluster, .url = test_cluster_database(cluster)};
    s->pg = test_connect(s->url);
}

void stage_close(struct stage *s)
{
    for (size_t i = 0; i < s->count; i++)
        test_process_free(s->workers[i]);
    stage_let_go(s);
    invariants_assert(s->pg, false);
    pg_close(s->pg);
}

struct test_process *stage_worker_words(struct stage *s, const char *const *env, const char *const *words)
{
    char url[1024];
    const char *argv[WORDS_MAX] = {test_build_path("drumbeat"), "worker"}, *variables[WORDS_MAX] = {url};
    ck_assert_uint_lt(s->count, STAGE_WORKERS);
    snprintf(url, sizeof url, "DATABASE_URL=%s", s->url);
    for (size_t i = 0; words[i] && i + 3 < WORDS_MAX; i++)
        argv[i + 2] = words[i];
    for (size_t i = 0; env && env[i] && i + 2 < WORDS_MAX; i++)
        variables[i + 1] = env[i];
    struct test_program program = {.argv = argv, .env = variables};
    struct test_process *worker = test_process_start(&program);
    s->workers[s->count++] = worker;
    return worker;
}

const char *stage_config(struct stage *s, const char *yaml)
{
    char path[512];
    snprintf(path, sizeof path, "%s/config-%d.yaml", test_cluster_folder(s->cluster), (int)getpid());
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs(yaml, file);
    ck_assert_int_eq(fclose(file), 0);
    return stage_keep(path);
}

size_t stage_events(const struct test_process *worker, const char *event)
{
    size_t count = 0;
    for (const char *p = strstr(test_process_errors(worker), event); p; p = strstr(p + 1, event))
        count++;
    return count;
}

void stage_await_event(struct stage *s, struct test_process *worker, const char *event, size_t wanted)
{
    usec_t deadline = test_deadline(TEST_PATIENCE);
    while (stage_events(worker, event) < wanted) {
        ck_assert_msg(clock_boot() < deadline, "no %s:\n%s", event, test_process_errors(worker));
        for (size_t i = 0; i < s->count; i++)
            test_process_wait(s->workers[i], MSEC(5));
    }
}

void stage_stop(struct test_process *worker, usec_t limit)
{
    test_process_signal(worker, SIGTERM);
    ck_assert_msg(test_process_wait(worker, limit), "the worker does not end:\n%s", test_process_errors(worker));
    ck_assert_msg(test_process_status(worker) == 0, "status %d:\n%s", test_process_status(worker), test_process_errors(worker));
}

const char *stage_keep(const char *text)
{
    static struct region *kept; /* lives as long as the process */
    if (!kept)
        kept = region_new();
    return region_strdup(kept, text);
}

const char *stage_text(struct stage *s, const char *sql)
{
    return stage_keep(test_text(s->pg, sql));
}

const char *stage_task(struct stage *s, const char *id, const char *column)
{
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, "SELECT %s FROM drumbeat.task WHERE id = '%s'", column, id);
    return stage_text(s, sql);
}

const char *stage_attempt(struct stage *s, const char *id, const char *column)
{
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, "SELECT (SELECT %s FROM drumbeat.past_attempt WHERE task_id = '%s' ORDER BY fence DESC LIMIT 1)::text", column, id);
    return stage_text(s, sql);
}

bool stage_wait(struct stage *s, const char *sql, int64_t wanted, usec_t limit)
{
    usec_t began = clock_boot(), deadline = test_deadline(limit);
    while (test_number(s->pg, sql) != wanted) {
        if (clock_boot() > deadline)
            return false;
        for (size_t i = 0; i < s->count; i++)
            test_process_wait(s->workers[i], 0);
        test_pause(began);
    }
    return true;
}

bool stage_ends(struct stage *s, const char *id, const char *status, usec_t limit)
{
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM drumbeat.task WHERE id = '%s' AND status = '%s'", id, status);
    return stage_wait(s, sql, 1, limit);
}

bool stage_hears_bell(struct stage *s, struct pg *app)
{
    usec_t began = clock_boot();
    for (int64_t done = 1; clock_boot() - began < TEST_PATIENCE; done++) {
        if (!stage_ends(s, stage_keep(test_text(app, "SELECT drumbeat.enqueue('noop')")), "SUCCESS", TEST_PATIENCE))
            return false;
        if (done > 2 * (clock_boot() - began) / keeper_round + 2)
            return true;
    }
    return false;
}

void stage_hold(struct stage *s)
{
    struct err e;
    s->holder = test_connect(s->url);
    ck_assert(pg_begin(s->holder, &e));
    test_sql(s->holder, "LOCK TABLE drumbeat.trial_effect IN EXCLUSIVE MODE");
}

void stage_await_held(struct stage *s, int64_t count)
{
    ck_assert(stage_wait(s, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%trial_effect%'",
                         count, TEST_PATIENCE));
}

void stage_let_go(struct stage *s)
{
    pg_close(s->holder);
    s->holder = NULL;
    s->held = 0;
}

void stage_await_start(struct stage *s, const char *id)
{
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM drumbeat.task WHERE id = '%s' AND started_at IS NOT NULL", id);
    ck_assert(stage_wait(s, sql, 1, TEST_PATIENCE));
}

const char *stage_held(struct stage *s)
{
    if (!s->holder)
        stage_hold(s);
    const char *id = stage_enqueue(s, "SELECT drumbeat.enqueue('effect')");
    ck_assert(stage_ends(s, id, "RUNNING", TEST_PATIENCE));
    stage_await_held(s, ++s->held);
    return id;
}

void stage_await_progress(struct stage *s, const char *id, int attempt)
{
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM drumbeat.task WHERE id = '%s' AND status = 'RUNNING' AND attempt = %d AND progress_value > 0", id, attempt);
    ck_assert_msg(stage_wait(s, sql, 1, TEST_PATIENCE), "task %s tells no progress", id);
}

const char *stage_sleeping(struct stage *s)
{
    const char *id = stage_enqueue(s, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 600, \"steps\": 6000}', max_attempts => 20)");
    stage_await_progress(s, id, 1);
    return id;
}

void stage_shorten(struct stage *s, const char *id)
{
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, "UPDATE drumbeat.task_body SET args = '{\"seconds\": 0}' WHERE id = '%s'", id);
    test_sql(s->pg, sql);
}

pid_t stage_runner(struct stage *s, const char *id)
{
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, "SELECT coalesce((SELECT pid FROM drumbeat.running WHERE task_id = '%s'), 0)", id);
    pid_t pid = (pid_t)test_number(s->pg, sql);
    ck_assert_msg(pid > 0, "nobody runs task %s", id);
    return pid;
}

/* Those of the worker's family that run no task; the last of them to `idle`. */
static size_t count_idle(struct stage *s, struct test_process *worker, pid_t *idle)
{
    pid_t members[FAMILY_MAX];
    char sql[SQL_MAX];
    size_t count = family(test_process_pid(worker), 2, members, FAMILY_MAX), others = 0;
    for (size_t i = 0; i < count; i++) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM drumbeat.running WHERE pid = %d", (int)members[i]);
        if (test_number(s->pg, sql) == 0) {
            *idle = members[i];
            others++;
        }
    }
    return others;
}

pid_t stage_keeper(struct stage *s, struct test_process *worker)
{
    pid_t keeper = 0;
    usec_t deadline = test_deadline(TEST_PATIENCE);
    while (count_idle(s, worker, &keeper) != 1) {
        ck_assert_msg(clock_boot() < deadline, "none of its processes is known to be the keeper:\n%s", test_process_errors(worker));
        test_process_wait(worker, MSEC(5));
    }
    return keeper;
}
