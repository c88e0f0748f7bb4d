/* test_ocha_run: see the header. */
#include "tests/test_ocha_run.h"

#include "tasks/ocha/ocha.h"
#include "tests/fixture/cluster.h"
#include "tests/test_http_server.h"
#include "tests/test_sandbox_client.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct pg *pg;
char upstream[128];
static const char *database;

void ocha_database(const char *url)
{
    database = url;
}

void ocha_set_up(const char *const *args)
{
    static const char *const nothing[] = {NULL};
    sandbox_start(args ? args : nothing);
    snprintf(upstream, sizeof upstream, "%s/ocha", sandbox_base());
    pg = test_connect(database);
    test_sql(pg, "TRUNCATE registry.workspace, registry.partner, registry.location, registry.response_plan, registry.partner_project, registry.fts_flow,"
                 " registry.indicator_blueprint, registry.reportable, registry.sync_log, registry.pace, drumbeat.attempt_lock, drumbeat.running, drumbeat.batch"
                 " RESTART IDENTITY CASCADE; DELETE FROM drumbeat.task_body");
}

void ocha_tear_down(void)
{
    sandbox_stop();
    scripted_stop();
    pg_close(pg);
}

struct test_run *run_with(const struct handler *handler, const char *args, int64_t cancel_after)
{
    const struct test_runner runner = {
        .database = database, .upstream = upstream, .user = "drumbeat", .password = "drumbeat", .cancel_after = cancel_after};
    return test_run(&runner, handler, args);
}

struct test_run *run_anonymous(const struct handler *handler, const char *args)
{
    const struct test_runner runner = {.database = database, .upstream = upstream};
    return test_run(&runner, handler, args);
}

void succeed(const struct handler *handler, const char *args)
{
    struct test_run *r CLEANUP(test_run_freep) = run_with(handler, args, 0);
    ck_assert_msg(r->end.success, "%s: %s", handler->name, r->end.error.text);
}

pid_t run_apart(struct test_run *(*run)(const struct handler *handler, const char *args), const struct handler *handler, const char *args)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid > 0)
        return pid;
    struct test_run *r = run(handler, args);
    if (!r->end.success)
        fprintf(stderr, "%s: %s\n", handler->name, r->end.error.text);
    _exit(r->end.success ? EXIT_SUCCESS : EXIT_FAILURE);
}

void all_succeed(const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int status = -1;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_int_eq(status, 0);
    }
}

void import_plan(void)
{
    succeed(&handler_ocha_response_plan, PLAN);
    succeed(&handler_ocha_response_plan_details, PLAN);
}

const char *last(const char *handler)
{
    return test_text(pg, scripted_keep("SELECT concat_ws(' ', successful, fetched, created, updated, unchanged, skipped, deactivated, failed)"
                                       " FROM registry.sync_log WHERE handler_name = '%s' ORDER BY id DESC LIMIT 1",
                                       handler));
}

const char *snapshot(void)
{
    const char *sql = scripted_keep(
        "%s", test_text(pg, "SELECT 'SELECT md5(concat(' || string_agg(format('(SELECT string_agg(t.xmin || t::text, '','' ORDER BY t::text)"
                            " FROM registry.%I t)', tablename), ',') || '))' FROM pg_tables WHERE schemaname = 'registry' AND tablename NOT IN"
                            " ('sync_log', 'pace')"));
    return scripted_keep("%s", test_text(pg, sql));
}
