/* A Django project with Celery, unchanged, on our worker: its own tests (interop/project/suite.py) pass, as they do with Celery's. */
#include "tests/fixture/main.h"
#include "tests/fixture/redis.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const usec_t patience = SECONDS(240); /* only guards against hanging */

static struct test_cluster *cluster;
static struct test_redis *server;
static struct redis *redis;
static struct stage s;
static struct test_process *worker;
static char broker[128], office[256], project[512];

/* What the project's settings read. */
static const char *const *environment(const char *backend)
{
    static char texts[4][300];
    static const char *env[6];
    snprintf(texts[0], sizeof *texts, "BROKER=%s", broker);
    snprintf(texts[1], sizeof *texts, "BACKEND=%s", backend);
    snprintf(texts[2], sizeof *texts, "OFFICE=%s", office);
    snprintf(texts[3], sizeof *texts, "REDIS_URL=%s", broker);
    for (int i = 0; i < 4; i++)
        env[i] = texts[i];
    env[4] = "PYTHONDONTWRITEBYTECODE=1";
    return env;
}

/* Make the project's tables, and start a worker for its queues: nothing but the application's name is configured. */
static void start(const char *backend)
{
    char yaml[1024];
    const char *const *env = environment(backend);
    struct test_process *migrate CLEANUP(test_process_freep) = test_process_start(&(struct test_program){
        .argv = (const char *const[]){"/usr/bin/python3", "-m", "django", "migrate", "--settings", "office.settings", "--run-syncdb", NULL}, .env = env, .cwd = project});
    ck_assert(test_process_wait(migrate, patience));
    ck_assert_msg(test_process_status(migrate) == 0, "%s", test_process_errors(migrate));
    snprintf(yaml, sizeof yaml,
             "celery: {app: office, python: /usr/bin/python3, folder: %s}\n"
             "worker: {pool: 3, queues: [office, far]}\n"
             "queues:\n  office: {broker: redis, protocol: celery}\n  far: {broker: redis, protocol: celery}\n",
             project);
    worker = stage_worker(&s, env, "--config", stage_config(&s, yaml));
    ck_assert_msg(test_process_wait_for(worker, "courier.ready", patience), "%s", test_process_errors(worker));
}

static void open_stage(void)
{
    stage_open(&s, cluster);
    redis = test_redis_connect(test_redis_url(server));
    test_redis_do(redis, "FLUSHALL", NULL);
    snprintf(office, sizeof office, "%s/office-XXXXXX", test_cluster_folder(cluster));
    ck_assert(mkdtemp(office) != NULL);
}

static void close_stage(void)
{
    invariants_assert(s.pg, false);
    stage_close(&s);
    redis_close(redis);
}

/* Every message has been acknowledged, and every row is told of. */
static void nothing_is_left(void)
{
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.celery_message", 0, patience));
    ck_assert_int_eq(test_redis_number(redis, "HLEN", "unacked", NULL), 0);
}

/* Parts of the suite, beside each other. */
static void run_suite(const char *backend, const char *const *parts)
{
    enum { PARTS_MAX = 8 };
    struct test_process *suites[PARTS_MAX];
    size_t count = 0;
    bool good = true;
    for (; parts[count]; count++)
        suites[count] = test_process_start(&(struct test_program){
            .argv = (const char *const[]){"/usr/bin/python3", "suite.py", parts[count], NULL}, .env = environment(backend), .cwd = project});
    for (size_t i = 0; i < count; i++) {
        bool passed = test_process_wait(suites[i], patience) && test_process_status(suites[i]) == 0;
        if (!passed)
            fprintf(stderr, "%s\n%s\n", parts[i], test_process_errors(suites[i]));
        good &= passed;
        test_process_free(suites[i]);
    }
    if (!good)
        fprintf(stderr, "%s\n", test_process_errors(worker));
    ck_assert(good);
}

#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(the_projects_own_tests_pass)
{
    start(broker);
    run_suite(broker, PARTS("Calls", "Work", "Canvas"));
    nothing_is_left();
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status NOT IN ('SUCCESS', 'ERRORED', 'KILLED', 'SKIPPED')", 0, patience));
    ck_assert_str_eq(stage_text(&s, "SELECT attempt || ' ' || result FROM drumbeat.task WHERE name = 'shop.tasks.flaky' AND status = 'SUCCESS' ORDER BY attempt DESC LIMIT 1"), "3 2");
    ck_assert_str_eq(stage_text(&s, "SELECT progress_value || '/' || end_value || ' ' || progress_message FROM drumbeat.task WHERE name = 'shop.tasks.steps'"), "3/3 step 3");
}
END_TEST

START_TEST(results_may_be_django_celery_results_business)
{
    start("django-db");
    run_suite("django-db", PARTS("Calls", "Work.test_revokes", "Work.test_a_task_that_kills_its_process", "Work.test_retries"));
    nothing_is_left();
}
END_TEST

/* With a task of its own process, and with the child above it. */
START_TEST(a_task_survives_the_death_of_its_worker)
{
    start(broker);
    struct test_process *client CLEANUP(test_process_freep) = test_process_start(&(struct test_program){
        .argv = (const char *const[]){"/usr/bin/python3", "-c",
                                      "import suite; suite.t.sleeps.delay('killed'); suite.noted('asleep killed'); print('asleep', flush=True);"
                                      "suite.Note.objects.all().delete(); suite.noted('asleep killed'); print('again', flush=True)", NULL},
        .env = environment(broker), .cwd = project});
    ck_assert(test_process_wait_for(client, "asleep", patience));
    const char *id = stage_text(&s, "SELECT id FROM drumbeat.task WHERE name = 'shop.tasks.sleeps'");
    kill(stage_runner(&s, id), SIGKILL);
    ck_assert(test_process_wait_for(client, "again", patience));
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task WHERE status = 'RUNNING'");
    ck_assert(stage_ends(&s, id, "KILLED", patience));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "2");
    nothing_is_left();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("project");
    tcase_set_timeout(tests, 500);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    tcase_add_test(tests, the_projects_own_tests_pass);
    tcase_add_test(tests, results_may_be_django_celery_results_business);
    tcase_add_test(tests, a_task_survives_the_death_of_its_worker);
    cluster = test_cluster_start(NULL);
    server = test_redis_start(&(struct test_redis_options){.tcp = true});
    snprintf(broker, sizeof broker, "redis://127.0.0.1:%d/0", test_redis_port(server));
    snprintf(project, sizeof project, "%s/tests/interop/project", getenv("DRUMBEAT_SOURCE"));
    int failed = test_main_case("celery app", tests);
    test_redis_stop(server);
    test_cluster_stop(cluster);
    return failed;
}
