/* Tasks of this side that an unmodified Celery worker of Debian runs: the row says what became of each. Some tests play that worker
 * themselves, to look at what lies between. */
#include "sql/scripts.h"
#include "tests/fixture/main.h"
#include "tests/fixture/redis.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const usec_t patience = SECONDS(60); /* only guards against hanging */

static struct test_cluster *cluster;
static struct test_redis *server;
static struct redis *redis;
static struct stage s;
static struct test_process *python;

static char broker[128];

static void open_stage(void)
{
    char url[256];
    const char *config;
    stage_open(&s, cluster);
    redis = test_redis_connect(test_redis_url(server));
    test_redis_do(redis, "FLUSHALL", NULL);
    config = stage_config(&s, "queues:\n  py: {broker: redis, protocol: celery}\n  celery: {broker: redis, protocol: celery}\n");
    snprintf(url, sizeof url, "REDIS_URL=%s", broker);
    struct test_process *worker = stage_worker(&s, stage_env(url), "--pool", "1", "--config", config);
    ck_assert(test_process_wait_for(worker, "courier.ready", patience));
}

static void close_stage(void)
{
    test_process_free(python);
    python = NULL;
    invariants_assert(s.pg, false);
    stage_close(&s);
    redis_close(redis);
}

static void start_python(void)
{
    char folder[512], url[160];
    snprintf(folder, sizeof folder, "%s/tests/interop", getenv("DRUMBEAT_SOURCE"));
    snprintf(url, sizeof url, "BROKER=%s", broker);
    python = test_process_start(&(struct test_program){
        .argv = (const char *const[]){"/usr/bin/python3", "-m", "celery", "-A", "worker_app", "worker", "-Q", "py", "-c", "2", "-l", "info", "--without-mingle", "--without-gossip", NULL},
        .env = (const char *const[]){url, "PYTHONDONTWRITEBYTECODE=1", "C_FORCE_ROOT=1", NULL},
        .cwd = folder});
    ck_assert_msg(test_process_wait_for(python, "ready.", patience), "%s", test_process_errors(python));
}

static const struct {
    const char *enqueue, *row;
} runs[] = {
    {"'add', '{\"x\": 1, \"y\": 2}'", "SUCCESS 1 3"},
    {"'add', '{\"args\": [3, 4]}'", "SUCCESS 1 7"},
    {"'add', '{\"args\": [3], \"kwargs\": {\"y\": 5}}'", "SUCCESS 1 8"},
    {"'boom'", "ERRORED 1 ValueError: no good"},
    {"'steps', '{\"n\": 4}'", "SUCCESS 1 4"},
    {"'flaky'", "SUCCESS 2 \"ok\""},
    {"'add', '{\"x\": \"a\", \"y\": \"b\"}', priority => 9, tenant => 't'", "SUCCESS 1 \"ab\""},
};

#define ROWS(table) (sizeof(table) / sizeof *(table))

START_TEST(an_unmodified_worker_runs_tasks_and_its_outcomes_come_back)
{
    const char *ids[ROWS(runs)];
    char sql[512];
    start_python();
    for (size_t i = 0; i < ROWS(runs); i++) {
        snprintf(sql, sizeof sql, "SELECT drumbeat.enqueue(%s, queue => 'py')", runs[i].enqueue);
        ids[i] = stage_enqueue(&s, sql);
    }
    for (size_t i = 0; i < ROWS(runs); i++) {
        ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE ended_at IS NULL", 0, patience));
        ck_assert_msg(strcmp(stage_task(&s, ids[i], "concat_ws(' ', status, attempt, result, error)"), runs[i].row) == 0, "%s: %s", runs[i].enqueue,
                      stage_task(&s, ids[i], "concat_ws(' ', status, attempt, result, error)"));
    }
}
END_TEST

START_TEST(a_running_task_is_cancelled_over_there)
{
    start_python();
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('nap', '{\"seconds\": 600}', queue => 'py')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'RUNNING'", 1, patience));
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task");
    ck_assert(stage_ends(&s, id, "KILLED", patience));
}
END_TEST

START_TEST(one_that_waits_over_there_is_taken_back)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('nap', '{\"seconds\": 600}', queue => 'py', priority => 7)");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.sent WHERE sent_at IS NOT NULL", 1, patience));
    ck_assert_int_eq(test_redis_number(redis, "LLEN", "py\x06\x16" "6", NULL), 1);
    ck_assert_int_eq(test_redis_number(redis, "SISMEMBER", "_kombu.binding.py", "py\x06\x16\x06\x16py", NULL), 1);
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task");
    ck_assert(stage_ends(&s, id, "KILLED", patience));
    ck_assert_int_eq(test_redis_number(redis, "LLEN", "py\x06\x16" "6", NULL), 0);
}
END_TEST

START_TEST(a_result_that_was_not_heard_is_found)
{
    char key[128], result[256];
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('add', queue => 'py')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.sent WHERE sent_at IS NOT NULL", 1, patience));
    snprintf(key, sizeof key, "celery-task-meta-%s", id);
    snprintf(result, sizeof result, "{\"status\": \"SUCCESS\", \"result\": {\"a\": [1]}, \"task_id\": \"%s\", \"date_done\": \"2026-01-01T00:00:00\"}", id);
    test_redis_do(redis, "SET", key, result, NULL);
    ck_assert(stage_ends(&s, id, "SUCCESS", patience));
    ck_assert_str_eq(stage_task(&s, id, "result"), "{\"a\": [1]}");
}
END_TEST

START_TEST(results_that_are_none_of_ours_or_no_results_change_nothing)
{
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('add', queue => 'py')");
    char key[128], result[256];
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.sent WHERE sent_at IS NOT NULL", 1, patience));
    snprintf(key, sizeof key, "celery-task-meta-%s", id);
    test_redis_do(redis, "PUBLISH", key, "not JSON", NULL);
    test_redis_do(redis, "PUBLISH", key, "{\"status\": 7, \"task_id\": []}", NULL);
    test_redis_do(redis, "PUBLISH", "celery-task-meta-x", "{\"status\": \"SUCCESS\", \"result\": 1, \"task_id\": \"x\"}", NULL);
    snprintf(result, sizeof result, "{\"status\": \"FAILURE\", \"result\": {\"exc_type\": \"KeyError\", \"exc_message\": [\"k\"]}, \"task_id\": \"%s\"}", id);
    test_redis_do(redis, "PUBLISH", key, result, NULL);
    ck_assert(stage_ends(&s, id, "ERRORED", patience));
    ck_assert_str_eq(stage_task(&s, id, "error"), "KeyError: k");
}
END_TEST

START_TEST(what_is_pushed_twice_is_there_once)
{
    const struct rd_arg args[] = {rd_text("mark"), rd_text("py"), rd_text("_kombu.binding.py"), rd_int(60), rd_text("message"), rd_text("binding"), {.type = RD_END}};
    const struct rd_reply *reply;
    struct err e;
    ck_assert(redis_script(redis, &lua_celery_push, 3, args, &reply, &e) && rd_int_of(reply) == 1);
    ck_assert(redis_script(redis, &lua_celery_push, 3, args, &reply, &e) && rd_int_of(reply) == 0);
    ck_assert_int_eq(test_redis_number(redis, "LLEN", "py", NULL), 1);
}
END_TEST

START_TEST(a_commit_while_redis_is_away_is_pushed_when_it_is_back)
{
    kill(test_redis_pid(server), SIGSTOP);
    stage_enqueue(&s, "SELECT drumbeat.enqueue('add', queue => 'py')");
    kill(test_redis_pid(server), SIGCONT);
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.sent WHERE sent_at IS NOT NULL", 1, patience));
    ck_assert_int_eq(test_redis_number(redis, "LLEN", "py\x06\x16" "3", NULL), 1);
}
END_TEST

/* Canvas: the queue "celery" is ours, "py" is Python's. */
static void assert_python_passes(const char *script, const char *const *functions)
{
    char path[512];
    const char *argv[24] = {"/usr/bin/python3", path, broker};
    snprintf(path, sizeof path, "%s/tests/interop/%s", getenv("DRUMBEAT_SOURCE"), script);
    for (int i = 0; functions[i]; i++)
        argv[3 + i] = functions[i];
    struct test_process *client =
        test_process_start(&(struct test_program){.argv = argv, .env = (const char *const[]){"PYTHONDONTWRITEBYTECODE=1", NULL}});
    ck_assert_msg(test_process_wait(client, SECONDS(120)), "%s%s", test_process_output(client), test_process_errors(client));
    ck_assert_msg(test_process_status(client) == 0, "%s%s", test_process_output(client), test_process_errors(client));
    test_process_free(client);
}

#define FUNCTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(chains_groups_and_chords_go_through_both_kinds_of_workers)
{
    start_python();
    assert_python_passes("canvas.py", FUNCTIONS("a_chain_goes_through_both", "a_callback_gets_the_result", "an_errback_gets_the_id", "a_group_is_run",
                                                "a_chord_counts_members_of_both", "a_chord_may_have_its_body_here", "groups_in_a_chord_stay_nested", "a_group_in_a_chain_is_a_chord",
                                                "a_chain_in_a_chord_counts_with_its_last_step", "a_torn_chord_fails_its_body", "the_rest_of_a_broken_chain_fails"));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.celery_message", 0, patience));
    ck_assert(test_redis_await(redis, 0, "HLEN", "unacked", NULL));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("queues");
    tcase_set_timeout(tests, 150);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    tcase_add_test(tests, an_unmodified_worker_runs_tasks_and_its_outcomes_come_back);
    tcase_add_test(tests, chains_groups_and_chords_go_through_both_kinds_of_workers);
    tcase_add_test(tests, a_running_task_is_cancelled_over_there);
    tcase_add_test(tests, one_that_waits_over_there_is_taken_back);
    tcase_add_test(tests, a_result_that_was_not_heard_is_found);
    tcase_add_test(tests, results_that_are_none_of_ours_or_no_results_change_nothing);
    tcase_add_test(tests, what_is_pushed_twice_is_there_once);
    tcase_add_test(tests, a_commit_while_redis_is_away_is_pushed_when_it_is_back);
    cluster = test_cluster_start(NULL);
    server = test_redis_start(&(struct test_redis_options){.tcp = true});
    snprintf(broker, sizeof broker, "redis://127.0.0.1:%d/0", test_redis_port(server));
    int failed = test_main_case("celery out", tests);
    test_redis_stop(server);
    test_cluster_stop(cluster);
    return failed;
}
