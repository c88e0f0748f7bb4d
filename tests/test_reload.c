/* SIGHUP to those that run beside workers: beat declares what the file says now, web and up read it, up passes it on. Workers have a
 * file of their own, test_worker_reload.c. */
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct test_cluster *cluster;
static const char *url;
static struct pg *pg;
static char file[512];
static struct test_process *program;

static void write_config(const char *yaml)
{
    FILE *out = fopen(file, "we");
    ck_assert_ptr_nonnull(out);
    fputs(yaml, out);
    ck_assert_int_eq(fclose(out), 0);
}

static void prepare(void)
{
    url = test_cluster_database(cluster);
    pg = test_connect(url);
    snprintf(file, sizeof file, "%s/reload-%d.yaml", test_cluster_folder(cluster), (int)getpid());
}

static void tidy(void)
{
    test_process_free(program);
    pg_close(pg);
    unlink(file);
}

static void ask_reload(const char *yaml, const char *answer)
{
    write_config(yaml);
    test_process_signal(program, SIGHUP);
    ck_assert_msg(test_process_wait_for(program, answer, SECONDS(10)), "no %s:\n%s", answer, test_process_errors(program));
}

static void start_beat(const char *yaml)
{
    write_config(yaml);
    program = test_drumbeat_start(url, "beat", "--config", file, NULL);
    ck_assert_msg(test_process_wait_for(program, "beat.leads", SECONDS(15)), "%s", test_process_errors(program));
}

static void assert_told(const char *part)
{
    ck_assert_msg(strstr(test_process_errors(program), part), "'%s' is not in:\n%s", part, test_process_errors(program));
}

START_TEST(beat_declares_what_the_file_says_now)
{
    start_beat("schedules: {old: {handler: noop, spec: '0 0 1 1 *'}, kept: {handler: noop, spec: '0 0 1 1 *'}}\n");
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.schedule", 2, SECONDS(5)));
    ask_reload("schedules: {kept: {handler: noop, spec: '0 0 1 1 *'}, new: {handler: noop, spec: '@every 1s'}}\n", "beat.reloaded");
    ck_assert(test_wait_number(pg, "SELECT (count(*) >= 2)::int FROM drumbeat.task WHERE schedule = 'new'", 1, SECONDS(10)));
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.schedule WHERE name = 'old' AND enabled"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.schedule WHERE name = 'kept' AND enabled"), 1);
    ck_assert_int_eq(test_process_status(program), -1);
}
END_TEST

START_TEST(beat_refuses_a_file_that_is_wrong_and_carries_on)
{
    start_beat("schedules: {tick: {handler: noop, spec: '@every 1s'}}\n");
    ask_reload("schedules:\n  tick: {handler: noop, spec: '61 * * * *'}\n", "beat.reload_refused");
    assert_told(".yaml:2");
    ask_reload("schedules: {tick: {handler: noop, spec: '@every 1s', every: 7}}\n", ".yaml:1:");
    int64_t before = test_number(pg, "SELECT count(*) FROM drumbeat.task");
    char more[96];
    snprintf(more, sizeof more, "SELECT (count(*) > %lld)::int FROM drumbeat.task", (long long)before + 1);
    ck_assert(test_wait_number(pg, more, 1, SECONDS(10)));
}
END_TEST

START_TEST(web_takes_over_how_it_logs_and_goes_on_listening)
{
    write_config("log: {level: info}\n");
    program = test_drumbeat_start(url, "web", "--listen", "127.0.0.1:0", "--config", file, NULL);
    ck_assert(test_process_wait_for(program, "web.started", SECONDS(10)));
    ask_reload("log: {level: loud}\n", "web.reload_refused");
    assert_told(".yaml:1:14");
    ask_reload("log: {level: info, format: json}\n", "\"level\":\"info\",\"msg\":\"web.reloaded\"}");
    ck_assert_int_eq(test_process_status(program), -1);
    test_process_signal(program, SIGTERM);
    ck_assert(test_process_wait(program, SECONDS(10)));
    ck_assert_int_eq(test_process_status(program), 0);
}
END_TEST

/* The file is where the address is from. */
START_TEST(another_database_is_told_to_need_a_restart)
{
    static const struct {
        const char *words[4], *started, *reloaded;
    } programs[] = {
        {{"web", "--listen", "127.0.0.1:0"}, "web.started", "web.reloaded"},
        {{"beat"}, "beat.leads", "beat.reloaded"},
        {{"worker", "--pool", "1"}, "worker.registered", "worker.reloaded"},
    };
    char yaml[600];
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        const char *const *words = programs[i].words;
        snprintf(yaml, sizeof yaml, "database: {url: '%s'}\n", url);
        write_config(yaml);
        program = test_drumbeat_start(NULL, words[0], "--config", file, words[1], words[2], NULL);
        ck_assert_msg(test_process_wait_for(program, programs[i].started, SECONDS(20)), "%s", test_process_errors(program));
        ask_reload(yaml, programs[i].reloaded);
        ck_assert_ptr_null(strstr(test_process_errors(program), "config.needs_restart"));
        snprintf(yaml, sizeof yaml, "database: {url: '%s&application_name=secret'}\n", url);
        ask_reload(yaml, "config.needs_restart option=database.url");
        ck_assert_ptr_null(strstr(test_process_errors(program), "secret"));
        test_process_free(program);
    }
    program = NULL;
}
END_TEST

#define NO_UPSTREAM "upstreams: {pmp: {kind: pmp, url: 'http://127.0.0.1:9', user: x, password: x}}\n"

START_TEST(up_passes_a_reload_on_to_worker_and_beat)
{
    char state[600];
    snprintf(state, sizeof state, "%s/state", test_cluster_folder(cluster));
    write_config(NO_UPSTREAM "worker: {pool: 1}\n");
    program = test_drumbeat_start(url, "up", "--config", file, "--state", state, NULL);
    ck_assert_msg(test_process_wait_for(program, "worker.registered", SECONDS(20)), "%s", test_process_errors(program));
    ck_assert_msg(test_process_wait_for(program, "beat.leads", SECONDS(20)), "%s", test_process_errors(program));
    ask_reload(NO_UPSTREAM "worker: {pool: 0}\n", "up.reload_refused");
    assert_told(".yaml:2:16");
    ask_reload(NO_UPSTREAM "worker: {pool: 3}\nschedules: {tick: {handler: noop, spec: '@every 1s'}}\n", "up.reloaded");
    ck_assert(test_wait_number(pg, "SELECT pool FROM drumbeat.worker", 3, SECONDS(10)));
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.schedule WHERE name = 'tick'", 1, SECONDS(10)));
    test_process_signal(program, SIGTERM);
    ck_assert(test_process_wait(program, SECONDS(40)));
    ck_assert_msg(test_process_status(program) == 0, "%s", test_process_errors(program));
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("reload");
    tcase_set_timeout(tests, 90);
    tcase_add_checked_fixture(tests, prepare, tidy);
    tcase_add_test(tests, beat_declares_what_the_file_says_now);
    tcase_add_test(tests, beat_refuses_a_file_that_is_wrong_and_carries_on);
    tcase_add_test(tests, another_database_is_told_to_need_a_restart);
    tcase_add_test(tests, web_takes_over_how_it_logs_and_goes_on_listening);
    tcase_add_test(tests, up_passes_a_reload_on_to_worker_and_beat);
    int failed = test_main_case("reload", tests);
    test_cluster_stop(cluster);
    return failed;
}
