/* Behind PgBouncer in transaction mode, and as a role that may only work: the same worker, the same promises. */
#include "tests/fixture/main.h"
#include "tests/storm/family.h"
#include "tests/storm/stage.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { POOLER_PORT = 6432 };

static struct test_cluster *cluster;
static struct stage s;
static struct test_process *pooler;
static char pooled[512], listen_env[600];

static void write_file(const char *name, const char *content, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", test_cluster_folder(cluster), name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs(content, file);
    ck_assert_int_eq(fclose(file), 0);
}

/* On a socket beside the server's, and never as root. */
static void start_pooler(void)
{
    char ini[256], users[256], text[2048];
    const char *folder = test_cluster_folder(cluster);
    write_file("users", "\"postgres\" \"\"\n\"test_work\" \"\"\n", users, sizeof users);
    snprintf(text, sizeof text,
             "[databases]\n* = host=%s\n[pgbouncer]\nlisten_addr =\nlisten_port = %d\nunix_socket_dir = %s\nauth_type = trust\nauth_file = %s\n"
             "pool_mode = transaction\ndefault_pool_size = 5\nserver_reset_query_always = 0\n",
             folder, POOLER_PORT, folder, users);
    write_file("pgbouncer.ini", text, ini, sizeof ini);
    const char *argv[] = {"/usr/sbin/pgbouncer", "-q", ini, NULL, NULL, NULL};
    if (getuid() == 0) {
        argv[3] = "-u";
        argv[4] = "postgres";
    }
    pooler = test_process_start(&(struct test_program){.argv = argv});
    snprintf(pooled, sizeof pooled, "%s&port=%d", s.url, POOLER_PORT);
    usec_t deadline = test_deadline(SECONDS(10));
    struct pg_options options = {.url = pooled, .pooled = true};
    struct err e;
    for (struct pg *pg = NULL; !pg; pg_close(pg))
        if (!(pg = pg_open(&options, &e))) {
            ck_assert_msg(clock_boot() < deadline, "%s %s", e.text, test_process_errors(pooler));
            usleep(10000);
        }
}

static void open_stage(void)
{
    stage_open(&s, cluster);
    start_pooler();
}

static void close_stage(void)
{
    test_process_free(pooler);
    stage_close(&s);
}

static struct test_process *start_pooled_worker(void)
{
    const char *direct = s.url;
    snprintf(listen_env, sizeof listen_env, "DRUMBEAT_DATABASE_LISTEN_URL=%s", direct);
    s.url = pooled;
    struct test_process *worker = stage_worker(&s, stage_env(listen_env), "--pool", "3");
    s.url = direct;
    return worker;
}

START_TEST(the_functions_work_through_the_pooler)
{
    struct pg *pg = test_connect(pooled);
    struct err e;
    ck_assert(pg_begin(pg, &e));
    test_sql(pg, "SELECT drumbeat.enqueue('noop')");
    ck_assert(pg_rollback(pg, &e));
    test_sql(pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[1000])); SELECT drumbeat.pause('q'), drumbeat.resume('q')");
    test_sql(pg, "SELECT drumbeat.retry(drumbeat.enqueue('noop')); SELECT drumbeat.cancel(task_id) FROM drumbeat.ready LIMIT 1");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 1001);
    pg_close(pg);
}
END_TEST

START_TEST(a_worker_behind_the_pooler_keeps_every_promise)
{
    struct pg *app = test_connect(pooled);
    struct test_process *worker = start_pooled_worker();
    ck_assert(stage_hears_bell(&s, app));
    test_sql(app, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[3000])),"
                  " drumbeat.enqueue_many('effect', array_fill('{}'::jsonb, ARRAY[200]))");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status <> 'SUCCESS'", 0, SECONDS(20)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.trial_effect"), 200);
    stage_stop(worker, SECONDS(10));
    pg_close(app);
}
END_TEST

START_TEST(kills_and_cancels_reach_through_the_pooler)
{
    struct pg *app = test_connect(pooled);
    start_pooled_worker();
    char sql[128];
    const char *id = stage_sleeping(&s);
    stage_shorten(&s, id);
    kill(stage_runner(&s, id), SIGKILL);
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "2");
    const char *other = stage_sleeping(&s);
    snprintf(sql, sizeof sql, "SELECT drumbeat.cancel('%s')", other);
    test_sql(app, sql);
    ck_assert(stage_ends(&s, other, "KILLED", SECONDS(3)));
    pg_close(app);
}
END_TEST

START_TEST(a_pooler_that_is_restarted_is_found_again)
{
    struct test_process *worker = start_pooled_worker();
    const char *id = stage_sleeping(&s);
    test_process_signal(pooler, SIGKILL);
    ck_assert(test_process_wait(pooler, SECONDS(5)));
    test_process_free(pooler);
    start_pooler();
    test_sql(s.pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task");
    ck_assert(stage_ends(&s, id, "KILLED", SECONDS(10)));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "1");
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('effect')"), "SUCCESS", SECONDS(10)));
    stage_stop(worker, SECONDS(10));
}
END_TEST

/* Settings of the database reach a pooled session; times must still be read right. */
START_TEST(the_databases_own_time_zone_and_date_style_do_not_matter)
{
    char sql[256];
    const char *name = stage_text(&s, "SELECT current_database()");
    snprintf(sql, sizeof sql, "ALTER DATABASE %s SET timezone = 'Asia/Kathmandu'; ALTER DATABASE %s SET datestyle = 'SQL, DMY'",
             name, name);
    test_sql(s.pg, sql);
    start_pooled_worker();
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('effect', run_at => clock_timestamp() + interval '500 ms', expires_at => clock_timestamp() + interval '1 minute')");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "(started_at BETWEEN run_at AND run_at + interval '1 minute')"), "t");
}
END_TEST

/* Direct, as a role that got nothing but drumbeat_work. */
START_TEST(the_working_role_is_enough_for_a_worker)
{
    char as[512];
    const char *direct = s.url;
    test_sql(s.pg, "DO $$ BEGIN CREATE ROLE test_work LOGIN IN ROLE drumbeat_work; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    snprintf(as, sizeof as, "postgresql://test_work@%s", strchr(direct, '@') + 1);
    s.url = as;
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "2"), *other;
    s.url = direct;
    test_sql(s.pg, "SELECT drumbeat.enqueue('noop'), drumbeat.enqueue('effect'), drumbeat.enqueue('crash', '{\"times\": 1}'),"
                   " drumbeat.enqueue('hog', '{\"output_mib\": 1}'), drumbeat.enqueue('noop', run_at => now() + interval '200 ms')");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'", 5, SECONDS(10)));
    const char *id = stage_sleeping(&s);
    test_process_signal(worker, SIGKILL);
    ck_assert(test_process_wait(worker, SECONDS(5)));
    /* The one that takes over is another role: it may not even see the first one's sessions. */
    other = stage_worker(&s, NULL, "--pool", "1");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.past_attempt WHERE outcome = 'lost'", 1, SECONDS(10)));
    ck_assert(stage_ends(&s, id, "RUNNING", SECONDS(5)));
    test_process_signal(other, SIGQUIT);
    ck_assert(test_process_wait(other, SECONDS(5)));
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("pooler");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    tcase_add_test(tests, the_functions_work_through_the_pooler);
    tcase_add_test(tests, a_worker_behind_the_pooler_keeps_every_promise);
    tcase_add_test(tests, kills_and_cancels_reach_through_the_pooler);
    tcase_add_test(tests, a_pooler_that_is_restarted_is_found_again);
    tcase_add_test(tests, the_databases_own_time_zone_and_date_style_do_not_matter);
    tcase_add_test(tests, the_working_role_is_enough_for_a_worker);
    int failed = test_main_case("pooler", tests);
    test_cluster_stop(cluster);
    return failed;
}
