/* Handlers that are commands, through the real worker: a table of commands and of how their task must end. */
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct row {
    const char *name;   /* of the handler, and what it shows */
    const char *script; /* for sh -c, in YAML's double quotes */
    const char *status;
    const char *column, *shows; /* an expression over drumbeat.task t, and what it must be */
} rows[] = {
    {"exit-0-is-success", "exit 0", "SUCCESS", "t.result IS NULL", "t"},
    {"exit-75-is-tried-again", "exit 75", "ERRORED", "t.attempt", "2"},
    {"another-exit-is-not", "exit 3", "ERRORED", "t.attempt || ' ' || t.error", "1 the command exited with status 3"},
    {"a-signal-is-tried-again", "kill -9 $$", "ERRORED", "t.attempt || ' ' || (t.error LIKE '%signal 9%')", "2 true"},
    {"arguments-arrive-on-standard-input", "read x; echo \\\"{\\\\\\\"result\\\\\\\": $x}\\\" >&3", "SUCCESS", "t.result ->> 'key'", "value"},
    {"progress-and-total-reach-the-row", "echo '{\\\"progress\\\": 3, \\\"total\\\": 4, \\\"message\\\": \\\"m\\\"}' >&3", "SUCCESS",
     "t.progress_value || '/' || t.end_value || t.progress_message", "3/4m"},
    {"an-error-has-words-of-its-own", "echo '{\\\"error\\\": \\\"no paper\\\", \\\"retryable\\\": false}' >&3; exit 75", "ERRORED",
     "t.attempt || t.error", "1no paper"},
    {"a-snooze-runs-again-later", "d=/tmp/drumbeat-$DRUMBEAT_TASK_ID; mkdir $d 2>/dev/null && echo '{\\\"snooze\\\": 3600, \\\"message\\\": \\\"wait\\\"}' >&3 || rmdir $d",
     "SUCCESS", "t.attempt || (SELECT string_agg(a.outcome || coalesce(a.error, ''), ',' ORDER BY a.fence) FROM drumbeat.attempt a)", "1snoozedwait,success"},
    {"a-snooze-does-not-hide-a-failure", "echo '{\\\"snooze\\\": 3600}' >&3; exit 3", "ERRORED", "t.attempt || t.error", "1the command exited with status 3"},
    {"a-snooze-that-is-no-number-is-noted", "echo '{\\\"snooze\\\": \\\"soon\\\"}' >&3; echo '{\\\"snooze\\\": -1}' >&3", "SUCCESS",
     "(SELECT count(*) FROM drumbeat.task_log l WHERE l.task_id = t.id AND l.level = 'warning' AND l.message LIKE '%snooze%')", "2"},
    {"the-environment-names-the-task", "echo \\\"{\\\\\\\"result\\\\\\\": \\\\\\\"$DRUMBEAT_TASK_ID $DRUMBEAT_ATTEMPT $GIVEN\\\\\\\"}\\\" >&3", "SUCCESS",
     "t.result #>> '{}' = t.id || ' 1 given'", "t"},
    {"output-goes-to-the-log", "echo out; echo err >&2", "SUCCESS",
     "(SELECT string_agg(l.message, ',' ORDER BY l.message) FROM drumbeat.task_log l WHERE l.task_id = t.id)", "err,out"},
    {"a-result-that-is-cut-is-no-success", "printf '{\\\"result\\\": \\\"%070000d\\\"}' 0 >&3", "ERRORED", "t.attempt || t.error",
     "1a line on descriptor 3 is longer than 64 KiB"},
    {"what-is-not-json-is-noted", "echo hello >&3", "SUCCESS", "(SELECT count(*) FROM drumbeat.task_log l WHERE l.task_id = t.id AND l.level = 'warning')", "1"},
};

enum { ROWS = sizeof rows / sizeof *rows };

static struct test_cluster *cluster;
static char config_path[128];

static void write_config(void)
{
    snprintf(config_path, sizeof config_path, "%s/command.yaml", test_cluster_folder(cluster));
    FILE *file = fopen(config_path, "w");
    if (!file)
        exit(EXIT_FAILURE);
    fputs("handlers:\n", file);
    for (size_t i = 0; i < ROWS; i++)
        fprintf(file, "  %s: {max_attempts: 2, command: {argv: [/bin/sh, -c, \"%s\"], env: {GIVEN: given}}}\n", rows[i].name, rows[i].script);
    fputs("  missing: {command: {argv: [/nonexistent/program]}}\n"
          "  deaf: {command: {argv: [/bin/sh, -c, \"trap '' TERM; while :; do sleep 1; done\"]}}\n",
          file);
    if (fclose(file) != 0)
        exit(EXIT_FAILURE);
}

static struct test_process *start_worker(const char *url)
{
    return test_drumbeat_start(url, "worker", "--pool", "2", "--config", config_path, NULL);
}

START_TEST(a_command_ends_its_task_as_the_table_says)
{
    const struct row *row = &rows[_i];
    const char *url = test_cluster_database(cluster);
    struct pg *pg CLEANUP(pg_closep) = test_connect(url);
    struct test_process *worker CLEANUP(test_process_freep) = start_worker(url);
    char sql[1024];
    /* How many attempts a task gets is the handler's word, which the worker brings. */
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.worker", 1, SECONDS(15)));
    snprintf(sql, sizeof sql, "SELECT drumbeat.enqueue('%s', '{\"key\": \"value\"}')", row->name);
    test_sql(pg, sql);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM drumbeat.task WHERE status = '%s'", row->status);
    /* A second attempt waits for its back-off: it is due at once here. */
    for (int look = 0; look < 200 && test_number(pg, sql) != 1; look++) {
        test_sql(pg, "UPDATE drumbeat.delayed SET run_at = now()");
        test_wait_number(pg, sql, 1, MSEC(200));
    }
    ck_assert_msg(test_number(pg, sql) == 1, "%s: %s %s", row->name, test_text(pg, "SELECT status FROM drumbeat.task"),
                  test_text(pg, "SELECT error FROM drumbeat.task"));
    snprintf(sql, sizeof sql, "SELECT %s FROM drumbeat.task t", row->column);
    ck_assert_msg(test_wait_number(pg, "SELECT count(*) FROM drumbeat.running", 0, SECONDS(10)), "%s: still running", row->name);
    ck_assert_str_eq(test_text(pg, sql), row->shows);
    ck_assert_int_eq(test_process_status(worker), -1);
}
END_TEST

START_TEST(a_command_that_does_not_exist_is_named_and_not_tried_again)
{
    const char *url = test_cluster_database(cluster);
    struct pg *pg CLEANUP(pg_closep) = test_connect(url);
    struct test_process *worker CLEANUP(test_process_freep) = start_worker(url);
    test_sql(pg, "SELECT drumbeat.enqueue('missing')");
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'ERRORED' AND attempt = 1", 1, SECONDS(15)));
    ck_assert_str_eq(test_text(pg, "SELECT error FROM drumbeat.task"), "command /nonexistent/program: No such file or directory");
    ck_assert_int_eq(test_process_status(worker), -1);
}
END_TEST

START_TEST(a_command_that_is_deaf_to_sigterm_is_killed_when_cancelled)
{
    const char *url = test_cluster_database(cluster);
    struct pg *pg CLEANUP(pg_closep) = test_connect(url);
    struct test_process *worker CLEANUP(test_process_freep) = start_worker(url);
    test_sql(pg, "SELECT drumbeat.enqueue('deaf')");
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'RUNNING'", 1, SECONDS(15)));
    test_sql(pg, "SELECT drumbeat.cancel(id) FROM drumbeat.task");
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.task WHERE status = 'KILLED'", 1, SECONDS(20)));
    ck_assert_int_eq(test_process_status(worker), -1);
}
END_TEST

START_TEST(a_command_may_not_take_the_name_of_a_built_in_handler)
{
    char path[160];
    snprintf(path, sizeof path, "%s.bad", config_path);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs("handlers:\n  noop: {command: {argv: [/bin/true]}}\n", file);
    ck_assert_int_eq(fclose(file), 0);
    struct test_process *worker CLEANUP(test_process_freep) = test_drumbeat(test_cluster_database(cluster), "worker", "--config", path, NULL);
    unlink(path);
    ck_assert_int_eq(test_process_status(worker), 2);
    ck_assert_ptr_nonnull(strstr(test_process_errors(worker), "handlers.noop.command"));
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    write_config();
    TCase *tc = tcase_create("commands");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_command_ends_its_task_as_the_table_says, 0, ROWS);
    tcase_add_test(tc, a_command_that_does_not_exist_is_named_and_not_tried_again);
    tcase_add_test(tc, a_command_that_is_deaf_to_sigterm_is_killed_when_cancelled);
    tcase_add_test(tc, a_command_may_not_take_the_name_of_a_built_in_handler);
    int failed = test_main_case("commands", tc);
    test_cluster_stop(cluster);
    return failed;
}
