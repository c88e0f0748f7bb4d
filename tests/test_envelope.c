/* The envelope on the real worker: whoever takes too much is ended with both numbers in its row, and its neighbour notices nothing. */
#include "tests/storm/family.h"
#include "common/base/text.h"
#include "tests/fixture/main.h"
#include "tests/storm/stage.h"
#include "worker/cgroup.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { YAML_MAX = 1024, SQL_MAX = 512, NEIGHBOURS = 20 };

static struct test_cluster *cluster;
static struct stage s;

static void open_stage(void)
{
    stage_open(&s, cluster);
}

static void close_stage(void)
{
    stage_close(&s);
}

static void assert_holds(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part), "'%s' is not in '%s'", part, text);
}

/* Every test runs twice: without control groups, and with them where this machine lets us make some. */
static const char *const groups[] = {"DRUMBEAT_WORKER_CGROUP=off", "DRUMBEAT_WORKER_CGROUP=auto"};
enum { WITHOUT_GROUPS, WITH_GROUPS, BOTH };

static struct test_process *start_worker(int with, const char *pool, const char *yaml)
{
    return stage_worker(&s, stage_env(groups[with]), "--pool", pool, "--config", stage_config(&s, yaml));
}

static bool have_groups(void)
{
    struct cgroups found;
    cgroups_find("", &found);
    if (!found.version)
        fprintf(stderr, "not looked at, because %s\n", found.why);
    return found.version;
}

static const char *enqueue(const char *name, const char *args, const char *more)
{
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, "SELECT drumbeat.enqueue('%s', '%s'%s)", name, args, more);
    return stage_enqueue(&s, sql);
}

/* Offenders ----------------------------------------------------------------------------------------------------------- */

static const struct offender {
    const char *limits, *args, *error;
    int64_t most_lines;
} offenders[] = {
    {"memory: 64MiB", "{\"memory_mib\": 2000, \"seconds\": 60}", "MiB > 64 MiB", 0},
    {"cpu: 1s", "{\"spin_seconds\": 3600}", "of processor time > 1s", 0},
    {"processes: 20", "{\"forks\": 40, \"seconds\": 60}", "processes > 20", 0},
    {"processes: 20", "{\"forks\": 2000, \"seconds\": 60}", "processes > 20", 0},
    {"hard: 1s", "{\"seconds\": 60, \"ignore_sigterm\": true}", "killed: hard limit 1s is over", 0},
    {"output: 16MiB, log_lines: 100", "{\"output_mib\": 1024, \"seconds\": 60}", "MiB of output > 16 MiB", 101},
};

static void assert_neighbours_unharmed(void)
{
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE name = 'echo' AND status = 'SUCCESS' AND attempt = 1", NEIGHBOURS, SECONDS(10)));
    /* Most of them: for a moment the whole machine may have stood still. */
    ck_assert_int_gt(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE name = 'echo' AND started_at - created_at < interval '500 ms'"), NEIGHBOURS / 2);
}

/* The other child works through its tasks while one child is filled, spun, forked and killed. */
START_TEST(only_the_offender_dies_and_its_row_says_why)
{
    const struct offender *o = &offenders[_i / BOTH];
    char yaml[YAML_MAX];
    snprintf(yaml, sizeof yaml, "handlers: {hog: {%s}}\n", o->limits);
    struct test_process *worker = start_worker(_i % BOTH, "2", yaml);
    const char *id = enqueue("hog", o->args, ", max_attempts => 1");
    stage_await_start(&s, id);
    for (int i = 0; i < NEIGHBOURS; i++) {
        ck_assert(stage_ends(&s, enqueue("echo", "{}", ""), "SUCCESS", SECONDS(5)));
        usleep(20000);
    }
    ck_assert(stage_ends(&s, id, "ERRORED", MINUTES(3)));
    assert_holds(stage_task(&s, id, "error"), o->error);
    assert_holds(stage_task(&s, id, "error"), "killed: ");
    if (!strcmp(stage_attempt(&s, id, "coalesce(signal, 0)"), "9"))
        assert_holds(stage_task(&s, id, "error"), "(signal 9 in attempt 1)");
    ck_assert_str_eq(stage_attempt(&s, id, "outcome || ' ' || coalesce(signal, 9) || ' ' || attempt"), "limit 9 1");
    assert_neighbours_unharmed();
    ck_assert_int_le(test_number(s.pg, "SELECT count(*) FROM drumbeat.task_log"), o->most_lines);
    stage_stop(worker, SECONDS(5));
}
END_TEST

/* A limit that a task may reach is told with the wall clock of its end: not later than a second after it is over, which the kernel, where
 * the supervisor is late, counts in whole seconds. */
START_TEST(a_spinning_task_is_ended_within_a_second_of_its_limit)
{
    start_worker(_i, "1", "handlers: {hog: {cpu: 1s}}\n");
    const char *id = enqueue("hog", "{\"spin_seconds\": 3600}", ", max_attempts => 1");
    ck_assert(stage_ends(&s, id, "ERRORED", MINUTES(3))); /* a second of a processor that others want too */
    ck_assert_str_eq(stage_attempt(&s, id, "cpu_ms < 3000"), "true");
}
END_TEST

/* Eleven processes of 50 MiB each that were forked from one take little more than 50 MiB. */
START_TEST(memory_that_processes_share_is_counted_once)
{
    start_worker(_i, "1", "handlers: {hog: {memory: 128MiB}}\n");
    const char *id = enqueue("hog", "{\"memory_mib\": 50, \"forks\": 10, \"seconds\": 1}", ", max_attempts => 1");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(20)));
}
END_TEST

/* What a task asks for itself --------------------------------------------------------------------------------------- */

START_TEST(a_task_may_tighten_its_own_limits)
{
    start_worker(_i, "1", "");
    const char *small = enqueue("hog", "{\"memory_mib\": 100, \"seconds\": 60}", ", max_attempts => 1, headers => '{\"limits\": {\"memory\": \"32MiB\"}}'");
    const char *large = enqueue("hog", "{\"memory_mib\": 100}", ", max_attempts => 1");
    ck_assert(stage_ends(&s, small, "ERRORED", SECONDS(10)));
    ck_assert(stage_ends(&s, large, "SUCCESS", SECONDS(10)));
    assert_holds(stage_task(&s, small, "error"), "MiB > 32 MiB");
}
END_TEST

START_TEST(a_limit_that_is_none_fails_the_task_with_its_place)
{
    start_worker(_i, "1", "");
    const char *id = enqueue("noop", "{}", ", headers => '{\"limits\": {\"memory\": \"much\"}}'");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(5)));
    ck_assert_str_eq(stage_task(&s, id, "error"), "headers.limits: memory: 'much' is not a size like 512MiB");
}
END_TEST

/* Output -------------------------------------------------------------------------------------------------------------- */

START_TEST(log_lines_beyond_the_limit_are_dropped_and_one_line_says_so)
{
    start_worker(_i, "1", "handlers: {hog: {log_lines: 10}}\n");
    const char *id = enqueue("hog", "{\"output_mib\": 1}", "");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(5)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task_log", 11, SECONDS(5)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task_log WHERE level = 'warning' AND message LIKE '%dropped%log_lines%'"), 1);
}
END_TEST

START_TEST(a_command_that_talks_without_end_is_ended)
{
    start_worker(_i, "1", "handlers: {talker: {output: 8MiB, log_lines: 5, command: {argv: [/usr/bin/yes]}}}\n");
    const char *id = enqueue("talker", "{}", ", max_attempts => 1");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(10)));
    assert_holds(stage_task(&s, id, "error"), "MiB of output > 8 MiB");
    ck_assert_int_le(test_number(s.pg, "SELECT count(*) FROM drumbeat.task_log"), 6);
}
END_TEST

START_TEST(a_command_cannot_write_a_file_beyond_its_limit)
{
    char yaml[YAML_MAX], file[256];
    snprintf(file, sizeof file, "%s/large-%d", test_cluster_folder(cluster), (int)getpid());
    snprintf(yaml, sizeof yaml, "handlers: {writer: {output: 2MiB, command: {argv: [/bin/dd, if=/dev/zero, bs=1M, count=1024, of=%s]}}}\n", file);
    start_worker(_i, "1", yaml);
    const char *id = enqueue("writer", "{}", ", max_attempts => 1");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(10)));
    assert_holds(stage_task(&s, id, "error"), "a file > 2 MiB");
    unlink(file);
}
END_TEST

START_TEST(a_command_gets_no_more_files_than_its_limit)
{
    start_worker(_i, "1", "handlers: {opener: {files: 40, command: {argv: [/bin/sh, -c, \"ulimit -n; ulimit -Hn\"]}}}\n");
    const char *id = enqueue("opener", "{}", "");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task_log WHERE message = '40'", 2, SECONDS(5)));
}
END_TEST

/* Descendants --------------------------------------------------------------------------------------------------------- */

static void assert_gone(pid_t pid)
{
    usec_t deadline = test_deadline(TEST_PATIENCE);
    while (is_alive(pid) && clock_boot() < deadline)
        usleep(1000);
    ck_assert(!is_alive(pid));
}

/* A daemon that a command leaves behind, in a session of its own, ends with the task; the child goes on with the next. */
START_TEST(what_a_task_left_running_ends_with_it)
{
    start_worker(_i, "1", "handlers: {leaver: {command: {argv: [/bin/sh, -c, \"setsid sleep 300 >/dev/null 2>&1 & echo '{\\\"result\\\": '$!'}' >&3\"]}}}\n");
    const char *id = enqueue("leaver", "{}", "");
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
    pid_t left = (pid_t)atoi(stage_task(&s, id, "result"));
    ck_assert_int_gt(left, 1);
    assert_gone(left);
    const char *next = enqueue("leaver", "{}", "");
    ck_assert(stage_ends(&s, next, "SUCCESS", SECONDS(10)));
    ck_assert_str_eq(stage_text(&s, "SELECT count(DISTINCT pid) FROM drumbeat.attempt"), "1");
}
END_TEST

/* It forks as fast as it can, each copy in a session of its own: out of the child's process group, and of its parent's hands. */
static const char bomb[] = "handlers: {bomb: {processes: 40, command: {argv: [/usr/bin/setsid, /bin/bash, -c, "
                           "\"b() { setsid bash -c 'sleep %d' & b & b & sleep %d; }; b\"]}}}\n";

/* That sleep for so long, which nobody else on this machine does. */
static int64_t count_sleepers(int seconds)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, "^sleep %d$", seconds);
    CLEANUP(test_process_freep) struct test_process *p =
        test_process_start(&(struct test_program){.argv = (const char *const[]){"/usr/bin/pgrep", "-c", "-f", pattern, NULL}});
    ck_assert(test_process_wait(p, SECONDS(5)));
    return atoll(test_process_output(p));
}

START_TEST(a_fork_bomb_is_ended_whole)
{
    if (!have_groups())
        return;
    char yaml[YAML_MAX];
    int seconds = 300000000 + (int)getpid();
    snprintf(yaml, sizeof yaml, bomb, seconds, seconds);
    struct test_process *worker = start_worker(WITH_GROUPS, "2", yaml);
    const char *id = enqueue("bomb", "{}", ", max_attempts => 1");
    ck_assert(stage_ends(&s, enqueue("echo", "{}", ""), "SUCCESS", SECONDS(5)));
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(10)));
    assert_holds(stage_task(&s, id, "error"), "processes > 40");
    usec_t deadline = test_deadline(TEST_PATIENCE);
    while (count_sleepers(seconds) > 0)
        ck_assert(clock_boot() < deadline);
    stage_stop(worker, SECONDS(5));
}
END_TEST

/* The kernel's own limit: faster than the supervisor looks, and with both numbers all the same. */
START_TEST(what_the_kernel_kills_for_memory_is_told_with_both_numbers)
{
    if (!have_groups())
        return;
    start_worker(WITH_GROUPS, "1", "handlers: {eater: {memory: 32MiB, command: {argv: [/bin/dd, if=/dev/zero, of=/dev/null, bs=400M, count=1]}}}\n");
    const char *id = enqueue("eater", "{}", ", max_attempts => 1");
    ck_assert(stage_ends(&s, id, "ERRORED", SECONDS(10)));
    assert_holds(stage_task(&s, id, "error"), "MiB > 32 MiB");
    ck_assert_str_eq(stage_attempt(&s, id, "outcome"), "limit");
}
END_TEST

/* Supervisor and fork server are killed together: nobody of the worker is left to end what a command has put into a session of its own.
 * The next worker does, whichever it is: one of another test may be the first. */
START_TEST(the_next_worker_ends_what_a_killed_one_left)
{
    if (!have_groups())
        return;
    static const char yaml[] = "handlers: {leaver: {command: {argv: [/bin/sh, -c, \"setsid sleep 300 >/dev/null 2>&1 & "
                               "echo '{\\\"progress\\\": '$!'}' >&3; sleep 300\"]}}}\n";
    struct test_process *worker = start_worker(WITH_GROUPS, "1", yaml);
    const char *id = enqueue("leaver", "{}", "");
    char sql[SQL_MAX];
    pid_t fork_server;
    snprintf(sql, sizeof sql, "SELECT (progress_value > 1)::int FROM drumbeat.task WHERE id = '%s'", id);
    ck_assert(stage_wait(&s, sql, 1, SECONDS(5)));
    pid_t left = (pid_t)atoi(stage_task(&s, id, "progress_value"));
    ck_assert_int_gt(left, 1);
    ck_assert_uint_eq(family(test_process_pid(worker), 1, &fork_server, 1), 1);
    kill(fork_server, SIGSTOP);
    test_process_signal(worker, SIGKILL);
    kill(fork_server, SIGKILL);
    ck_assert(test_process_wait(worker, SECONDS(5)));
    start_worker(WITH_GROUPS, "1", yaml);
    assert_gone(left);
}
END_TEST

/* Children ------------------------------------------------------------------------------------------------------------ */

START_TEST(children_are_replaced_between_tasks)
{
    start_worker(_i, "1", "worker: {recycle: {tasks: 50}}\n");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[2000]))");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS' AND attempt = 1", 2000, SECONDS(20)));
    ck_assert_int_ge(test_number(s.pg, "SELECT count(DISTINCT pid) FROM drumbeat.ended"), 4);
}
END_TEST

START_TEST(a_child_that_keeps_its_memory_or_grows_old_is_replaced)
{
    static const char *const recycle[] = {"memory: 1MiB", "age: 1ms"};
    char yaml[YAML_MAX];
    snprintf(yaml, sizeof yaml, "worker: {recycle: {%s}}\n", recycle[_i]);
    start_worker(WITHOUT_GROUPS, "1", yaml);
    for (int i = 0; i < 3; i++)
        ck_assert(stage_ends(&s, enqueue("sleep", "{\"seconds\": 0.01}", ""), "SUCCESS", SECONDS(5)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(DISTINCT pid) FROM drumbeat.ended"), 3);
}
END_TEST

START_TEST(children_run_as_the_user_they_are_told)
{
    if (geteuid() != 0)
        return;
    start_worker(_i, "1", "worker: {user: nobody}\nhandlers: {who: {command: {argv: [/bin/sh, -c, \"id -un; id -Gn; cat /proc/$$/oom_score_adj\"]}}}\n");
    ck_assert(stage_ends(&s, enqueue("who", "{}", ""), "SUCCESS", SECONDS(10)));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task_log WHERE message IN ('nobody', 'nogroup', '500')", 3, SECONDS(5)));
}
END_TEST

START_TEST(a_user_that_is_none_is_refused)
{
    struct test_process *worker = start_worker(WITHOUT_GROUPS, "1", "worker: {user: nobody-at-all}\n");
    ck_assert(test_process_wait(worker, SECONDS(5)));
    ck_assert_int_eq(test_process_status(worker), 2);
    assert_holds(test_process_errors(worker), "there is no user");
}
END_TEST

static void add_tests(TCase *tests)
{
    tcase_add_loop_test(tests, only_the_offender_dies_and_its_row_says_why, 0, BOTH * sizeof offenders / sizeof *offenders);
    tcase_add_loop_test(tests, a_spinning_task_is_ended_within_a_second_of_its_limit, 0, BOTH);
    tcase_add_loop_test(tests, memory_that_processes_share_is_counted_once, 0, BOTH);
    tcase_add_loop_test(tests, a_task_may_tighten_its_own_limits, 0, BOTH);
    tcase_add_loop_test(tests, a_limit_that_is_none_fails_the_task_with_its_place, 0, BOTH);
    tcase_add_loop_test(tests, log_lines_beyond_the_limit_are_dropped_and_one_line_says_so, 0, BOTH);
    tcase_add_loop_test(tests, a_command_that_talks_without_end_is_ended, 0, BOTH);
    tcase_add_loop_test(tests, a_command_cannot_write_a_file_beyond_its_limit, 0, BOTH);
    tcase_add_loop_test(tests, a_command_gets_no_more_files_than_its_limit, 0, BOTH);
    tcase_add_loop_test(tests, what_a_task_left_running_ends_with_it, 0, BOTH);
    tcase_add_test(tests, a_fork_bomb_is_ended_whole);
    tcase_add_test(tests, what_the_kernel_kills_for_memory_is_told_with_both_numbers);
    tcase_add_test(tests, the_next_worker_ends_what_a_killed_one_left);
    tcase_add_loop_test(tests, children_are_replaced_between_tasks, 0, BOTH);
    tcase_add_loop_test(tests, a_child_that_keeps_its_memory_or_grows_old_is_replaced, 0, 2);
    tcase_add_loop_test(tests, children_run_as_the_user_they_are_told, 0, BOTH);
    tcase_add_test(tests, a_user_that_is_none_is_refused);
}

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("envelope");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    add_tests(tests);
    int failed = test_main_case("envelope", tests);
    test_cluster_stop(cluster);
    return failed;
}
