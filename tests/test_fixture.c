/* The fixture's own test: what others rely on. */
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct test_cluster *cluster;

START_TEST(a_database_is_new_and_migrated)
{
    const char *one = test_cluster_database(cluster), *two = test_cluster_database(cluster);
    ck_assert_str_ne(one, two);
    struct pg *pg = test_connect(one);
    test_sql(pg, "SELECT drumbeat.enqueue('noop')");
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 1);
    pg_close(pg);
    pg = test_connect(two);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 0);
    pg_close(pg);
}
END_TEST

START_TEST(a_crashed_server_keeps_what_was_committed)
{
    const char *url = test_cluster_database(cluster);
    struct pg *pg = test_connect(url);
    struct err e;
    test_sql(pg, "SET synchronous_commit = on; SELECT drumbeat.enqueue('noop')");
    test_cluster_crash(cluster);
    struct sql query = {.name = "test", .text = "SELECT 1"};
    ck_assert(!pg_exec(pg, &query, NULL, &e));
    pg_close(pg);
    test_cluster_restart(cluster);
    pg = test_connect(url);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task"), 1);
    pg_close(pg);
}
END_TEST

/* A program that is killed cannot tidy up: its minder does. */
START_TEST(a_killed_test_leaves_no_server)
{
    int ends[2];
    char folder[256] = "";
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct test_cluster *own = test_cluster_start(NULL);
        const char *path = test_cluster_folder(own);
        if (write(ends[1], path, strlen(path) + 1) > 0)
            pause();
        _exit(1);
    }
    ck_assert_int_gt(read(ends[0], folder, sizeof folder), 0);
    ck_assert_int_eq(access(folder, F_OK), 0);
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    usec_t deadline = clock_boot() + SECONDS(10);
    while (access(folder, F_OK) == 0 && clock_boot() < deadline)
        usleep(5000);
    ck_assert_int_ne(access(folder, F_OK), 0);
}
END_TEST

START_TEST(output_errors_and_status_of_a_program_are_seen)
{
    const char *argv[] = {"/bin/sh", "-c", "cat; echo \"$WORD\" >&2; exit 3", NULL}, *env[] = {"WORD=louder", NULL};
    struct test_program program = {.argv = argv, .env = env, .input = "said\n"};
    struct test_process *p = test_process_start(&program);
    ck_assert(test_process_wait(p, SECONDS(10)));
    ck_assert_int_eq(test_process_status(p), 3);
    ck_assert_str_eq(test_process_output(p), "said\n");
    ck_assert_str_eq(test_process_errors(p), "louder\n");
    test_process_free(p);
}
END_TEST

START_TEST(a_program_on_a_terminal_believes_it_and_hears_keys)
{
    const char *argv[] = {"/bin/sh", "-c", "test -t 0 && test -t 1 && read word && echo \"got $word\"", NULL};
    struct test_program program = {.argv = argv, .terminal = true};
    struct test_process *p = test_process_start(&program);
    test_process_type(p, "it\n");
    ck_assert(test_process_wait_for(p, "got it", SECONDS(10)));
    ck_assert(test_process_wait(p, SECONDS(10)));
    ck_assert_int_eq(test_process_status(p), 0);
    test_process_free(p);
}
END_TEST

START_TEST(a_look_without_a_wait_sees_that_a_program_has_ended)
{
    siginfo_t info;
    struct test_process *p = test_process_start(&(struct test_program){.argv = (const char *const[]){"/bin/false", NULL}});
    ck_assert_int_eq(waitid(P_PID, (id_t)test_process_pid(p), &info, WEXITED | WNOWAIT), 0);
    ck_assert(test_process_wait(p, 0));
    ck_assert_int_eq(test_process_status(p), 1);
    test_process_free(p);
}
END_TEST

START_TEST(a_deadline_is_kept_and_freeing_kills)
{
    const char *argv[] = {"/bin/sleep", "60", NULL};
    struct test_program program = {.argv = argv};
    struct test_process *p = test_process_start(&program);
    pid_t pid = test_process_pid(p);
    ck_assert(!test_process_wait(p, MSEC(50)));
    ck_assert_int_eq(test_process_status(p), -1);
    test_process_free(p);
    ck_assert_int_ne(kill(pid, 0), 0);
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *all = tcase_create("fixture");
    tcase_set_timeout(all, 60);
    tcase_add_test(all, a_database_is_new_and_migrated);
    tcase_add_test(all, a_crashed_server_keeps_what_was_committed);
    tcase_add_test(all, a_killed_test_leaves_no_server);
    tcase_add_test(all, output_errors_and_status_of_a_program_are_seen);
    tcase_add_test(all, a_program_on_a_terminal_believes_it_and_hears_keys);
    tcase_add_test(all, a_look_without_a_wait_sees_that_a_program_has_ended);
    tcase_add_test(all, a_deadline_is_kept_and_freeing_kills);
    return test_main_case("fixture", all);
}
