/* `drumbeat up` as a whole: the real programs on a state folder of the test's own, and what happens when any of them is
 * shot. */
#include "cli/up/leftovers.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"

#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUND_LIMIT MINUTES(4)
#define STOP_LIMIT SECONDS(40)

static char state[PATH_MAX];
static struct test_process *up;

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *walk)
{
    (void)about, (void)type, (void)walk;
    return remove(path);
}

/* A folder for all tests, in which each makes its own: a test that fails runs no teardown. */
static char place[PATH_MAX - 32];

static void make_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(place, sizeof place, "%.200s/drumbeat-up-XXXXXX", tmp ? tmp : P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(place));
    ck_assert_int_eq(chmod(place, 0755), 0); /* started as root, the server is another user */
}

static void make_state(void)
{
    snprintf(state, sizeof state, "%s/XXXXXX", place);
    ck_assert_ptr_nonnull(mkdtemp(state));
    ck_assert_int_eq(chmod(state, 0755), 0);
}

static void end_up(void)
{
    test_process_free(up);
    up = NULL;
}

/* Whatever became of `up`, no server of it may be left before its data go. */
static void remove_folder(void)
{
    struct err e;
    DIR *states = opendir(place);
    for (struct dirent *entry = readdir(states); entry; entry = readdir(states)) {
        char data[PATH_MAX + 256];
        snprintf(data, sizeof data, "%s/%s/postgres", place, entry->d_name);
        if (access(data, F_OK) == 0)
            leftovers_end(data, SECONDS(30), &e);
    }
    closedir(states);
    nftw(place, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* What is not about the round itself does without the other families. */
#define SHORT_ROUND                                                                                                                       \
    "--set", "upstreams.vision.enabled=false", "--set", "upstreams.ocha.enabled=false", "--set", "upstreams.carto.enabled=false", "--set", \
        "upstreams.dhis2.enabled=false", "--set", "upstreams.smtp.enabled=false"

static void start_up(const char *option, const char *value)
{
    up = test_drumbeat_start(NULL, "up", "--state", state, "--pool", "2", SHORT_ROUND, option, value, NULL);
}

static void end_round(void)
{
    ck_assert_msg(test_process_wait(up, ROUND_LIMIT), "the round takes too long: %s%s", test_process_output(up),
                  test_process_errors(up));
    ck_assert_msg(test_process_status(up) == 0, "exit %d: %s%s", test_process_status(up), test_process_output(up),
                  test_process_errors(up));
    end_up();
}

static void run_round(void)
{
    start_up("--once", NULL);
    end_round();
}

static void run_whole_round(void)
{
    up = test_drumbeat_start(NULL, "up", "--state", state, "--pool", "2", "--once", NULL);
    end_round();
}

static struct pg *database(void)
{
    char url[PATH_MAX + 64];
    snprintf(url, sizeof url, "postgresql://drumbeat@/drumbeat?host=%s/socket", state);
    return test_connect(url);
}

/* The parent of process `pid`, 0 for none (proc(5): the name may hold blanks and brackets). */
static pid_t parent_of(pid_t pid)
{
    char path[64], line[512] = "";
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fgets(line, sizeof line, file) && strrchr(line, ')'))
        parent = (int)strtol(strrchr(line, ')') + 4, NULL, 10);
    fclose(file);
    return parent;
}

static bool is_below(pid_t pid, pid_t ancestor)
{
    for (int depth = 0; pid > 1 && depth < 16; depth++, pid = parent_of(pid))
        if (pid == ancestor)
            return true;
    return false;
}

enum { FAMILY_MAX = 200 };

/* Every process below `ancestor`, itself included; those that are already dead are not counted as alive later. */
static size_t family(pid_t ancestor, pid_t found[static FAMILY_MAX])
{
    size_t count = 0;
    DIR *processes = opendir("/proc");
    for (struct dirent *entry = readdir(processes); entry && count < FAMILY_MAX; entry = readdir(processes)) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && is_below(pid, ancestor))
            found[count++] = pid;
    }
    closedir(processes);
    return count;
}

static bool is_alive(pid_t pid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const char *end = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    return end && end[2] != 'Z';
}

static pid_t first_alive(const pid_t *pids, size_t count, usec_t limit)
{
    usec_t began = clock_boot(), deadline = test_deadline(limit);
    for (size_t i = 0; i < count;) {
        if (!is_alive(pids[i]))
            i++;
        else if (clock_boot() > deadline)
            return pids[i];
        else
            test_pause(began);
    }
    return 0;
}

/* The child of `up` that runs program or verb `word`. */
static pid_t child_of_up(const char *word)
{
    pid_t all[FAMILY_MAX];
    size_t count = family(test_process_pid(up), all);
    for (size_t i = 0; i < count; i++) {
        char path[64], line[PATH_MAX] = "";
        snprintf(path, sizeof path, "/proc/%d/cmdline", (int)all[i]);
        FILE *file = fopen(path, "re");
        size_t got = file ? fread(line, 1, sizeof line - 1, file) : 0;
        if (file)
            fclose(file);
        if (parent_of(all[i]) == test_process_pid(up) && memmem(line, got, word, strlen(word)))
            return all[i];
    }
    return 0;
}

START_TEST(a_round_on_a_fresh_machine_succeeds_and_again)
{
    run_whole_round();
    run_whole_round();
    start_up(NULL, NULL);
    ck_assert_msg(test_process_wait_for(up, "everything runs", ROUND_LIMIT), "%s", test_process_errors(up));
    struct pg *pg = database();
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE created_by = 'drumbeat up' AND status <> 'SUCCESS'"), 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.task WHERE created_by = 'drumbeat up'"), 40);
    ck_assert_int_eq(test_number(pg, "SELECT count(DISTINCT name) FROM drumbeat.task WHERE created_by = 'drumbeat up'"), 20);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.batch WHERE outcome IS DISTINCT FROM 'success'"), 0);
    static const char *const filled[] = {"programme_document", "progress_report", "partner_organization", "fr_item", "indicator", "ewp_activity", "planned_engagement",
                                         "response_plan", "cluster_objective", "org_unit", "location", "carto_table"};
    for (size_t i = 0; i < sizeof filled / sizeof *filled; i++) {
        char query[128];
        snprintf(query, sizeof query, "SELECT count(*) FROM registry.%s", filled[i]);
        ck_assert_msg(test_number(pg, query) > 0, "registry.%s is empty", filled[i]);
    }
    pg_close(pg);
}
END_TEST

START_TEST(a_second_up_is_refused_by_name_of_the_first)
{
    char expected[32];
    start_up(NULL, NULL);
    ck_assert(test_process_wait_for(up, "database", SECONDS(60)));
    struct test_process *second = test_drumbeat(NULL, "up", "--state", state, NULL);
    snprintf(expected, sizeof expected, "(pid %d)", (int)test_process_pid(up));
    ck_assert_int_eq(test_process_status(second), 4);
    ck_assert_msg(strstr(test_process_errors(second), expected), "%s", test_process_errors(second));
    ck_assert_int_eq(test_process_status(up), -1);
    test_process_free(second);
}
END_TEST

START_TEST(sigterm_leaves_no_process_and_a_clean_cluster)
{
    pid_t all[FAMILY_MAX];
    char lock_file[PATH_MAX + 32];
    start_up(NULL, NULL);
    ck_assert_msg(test_process_wait_for(up, "first round of syncs is done", ROUND_LIMIT), "%s%s", test_process_output(up),
                  test_process_errors(up));
    size_t count = family(test_process_pid(up), all);
    ck_assert_int_gt(count, 5);
    test_process_signal(up, SIGTERM);
    ck_assert(test_process_wait(up, STOP_LIMIT));
    ck_assert_msg(test_process_status(up) == 0, "exit %d: %s", test_process_status(up), test_process_errors(up));
    ck_assert_msg(first_alive(all, count, 0) == 0, "pid %d is left", (int)first_alive(all, count, 0));
    snprintf(lock_file, sizeof lock_file, "%s/postgres/postmaster.pid", state);
    ck_assert_int_ne(access(lock_file, F_OK), 0);
}
END_TEST

START_TEST(a_killed_up_takes_everything_with_it_and_the_next_one_recovers)
{
    for (int i = 0; i < 2; i++) {
        pid_t all[FAMILY_MAX];
        start_up(NULL, NULL);
        ck_assert_msg(test_process_wait_for(up, i == 0 ? "first round" : "everything runs", ROUND_LIMIT), "%s",
                      test_process_errors(up));
        size_t count = family(test_process_pid(up), all);
        kill(test_process_pid(up), SIGKILL);
        ck_assert(test_process_wait(up, SECONDS(10)));
        pid_t left = first_alive(all, count, SECONDS(30));
        ck_assert_msg(left == 0, "pid %d is left", (int)left);
        test_process_free(up);
        up = NULL;
        if (i == 0)
            run_round();
    }
    run_round();
}
END_TEST

START_TEST(whatever_is_killed_below_up_is_started_again)
{
    static const char *const words[] = {"/postgres", "drumbeat-sandbox", "worker", "beat"};
    start_up(NULL, NULL);
    ck_assert_msg(test_process_wait_for(up, "first round of syncs is done", ROUND_LIMIT), "%s%s", test_process_output(up),
                  test_process_errors(up));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        usec_t began = clock_boot(), deadline = test_deadline(SECONDS(20));
        pid_t before = child_of_up(words[i]), now;
        ck_assert_msg(before > 0, "%s does not run", words[i]);
        kill(before, SIGKILL);
        while ((now = child_of_up(words[i])) == 0 || now == before) {
            ck_assert_msg(clock_boot() < deadline, "%s was not started again", words[i]);
            test_pause(began);
        }
    }
    test_process_signal(up, SIGINT);
    ck_assert(test_process_wait(up, STOP_LIMIT));
    ck_assert_int_eq(test_process_status(up), 0);
    test_process_free(up);
    up = NULL;
    run_round();
}
END_TEST

START_TEST(with_a_database_of_its_own_nothing_but_the_schema_is_made)
{
    char data[PATH_MAX + 16];
    struct test_cluster *cluster = test_cluster_start(NULL);
    const char *url = test_cluster_empty_database(cluster);
    up = test_drumbeat_start(url, "up", "--once", "--state", state, SHORT_ROUND, NULL);
    ck_assert(test_process_wait(up, ROUND_LIMIT));
    ck_assert_msg(test_process_status(up) == 0, "%s%s", test_process_output(up), test_process_errors(up));
    snprintf(data, sizeof data, "%s/postgres", state);
    ck_assert_int_ne(access(data, F_OK), 0);
    struct pg *pg = test_connect(url);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM pg_database WHERE datname = 'drumbeat'"), 0);
    ck_assert_int_gt(test_number(pg, "SELECT count(*) FROM registry.sync_log WHERE successful"), 0);
    pg_close(pg);
    test_cluster_stop(cluster);
}
END_TEST

START_TEST(a_large_result_has_a_place_to_go)
{
    struct test_cluster *cluster = test_cluster_start(NULL);
    const char *url = test_cluster_database(cluster);
    struct pg *pg = test_connect(url);
    char path[PATH_MAX + 64];
    test_sql(pg, "INSERT INTO registry.sync_log (handler_name, successful) VALUES ('done', true)"); /* no first round */
    test_sql(pg, "SELECT drumbeat.enqueue('echo', jsonb_build_object('a', repeat('x', 2000000)))");
    up = test_drumbeat_start(url, "up", "--state", state, NULL);
    ck_assert(test_wait_number(pg, "SELECT count(*) FROM drumbeat.task WHERE name = 'echo' AND status = 'SUCCESS'", 1, MINUTES(1)));
    snprintf(path, sizeof path, "%s/results/%s", state, test_text(pg, "SELECT result ->> 'file' FROM drumbeat.task WHERE name = 'echo'"));
    ck_assert_msg(access(path, R_OK) == 0, "%s is not there", path);
    test_process_signal(up, SIGTERM);
    ck_assert(test_process_wait(up, STOP_LIMIT));
    pg_close(pg);
    test_cluster_stop(cluster);
}
END_TEST

START_TEST(a_terminal_sees_bars_and_the_log_goes_to_a_file)
{
    const char *const argv[] = {test_build_path("drumbeat"), "up", "--once", "--state", state, SHORT_ROUND, NULL};
    const struct test_program program = {.argv = argv, .terminal = true};
    char log[PATH_MAX + 32];
    up = test_process_start(&program);
    ck_assert(test_process_wait(up, ROUND_LIMIT));
    const char *shown = test_process_output(up);
    ck_assert_msg(test_process_status(up) == 0, "%.2000s", shown);
    ck_assert_msg(strstr(shown, "\033[8A") && strstr(shown, "100%") && !strstr(shown, "up.service_started"), "%.2000s", shown);
    snprintf(log, sizeof log, "%s/drumbeat.log", state);
    ck_assert_int_eq(access(log, R_OK), 0);
}
END_TEST

static const struct {
    const char *word, *value; /* after `up --state STATE` */
    const char *environment;  /* NAME=VALUE; NULL: none */
    int status;
    const char *error;
} mistakes[] = {
    {"--bogus", NULL, NULL, 2, "--bogus"},
    {"--scale", NULL, NULL, 2, "--scale"},
    {"--once", NULL, "DRUMBEAT_WORKER_LEASE=1s", 2, "worker.lease"},
    {"--once", NULL, "DRUMBEAT_CONFIG=/nowhere/drumbeat.yaml", 2, "/nowhere/drumbeat.yaml"},
    {"--once", NULL, "DATABASE_URL=postgresql:///x?host=/nowhere", 5, "/nowhere"},
    {"--state", "/dev/null/state", NULL, 4, "/dev/null"},
};

START_TEST(a_mistake_is_one_clear_line_and_its_exit_status)
{
    const char *const argv[] = {test_build_path("drumbeat"), "up", "--state", state, mistakes[_i].word, mistakes[_i].value, NULL};
    const char *const env[] = {mistakes[_i].environment, NULL};
    const struct test_program program = {.argv = argv, .env = env};
    up = test_process_start(&program);
    ck_assert(test_process_wait(up, SECONDS(60)));
    const char *errors = test_process_errors(up);
    ck_assert_msg(test_process_status(up) == mistakes[_i].status, "exit %d: %s", test_process_status(up), errors);
    ck_assert_msg(strstr(errors, mistakes[_i].error) != NULL, "%s", errors);
    ck_assert_msg(strchr(errors, '\n') == errors + strlen(errors) - 1, "more than a line: %s", errors);
}
END_TEST

START_TEST(a_round_without_its_upstream_fails_with_its_reason)
{
    char config[PATH_MAX + 32];
    snprintf(config, sizeof config, "%s/drumbeat.yaml", state);
    FILE *file = fopen(config, "we");
    fputs("handlers: {pmp.workspaces: {max_attempts: 1}}\n"
          "upstreams: {pmp: {kind: pmp, url: 'http://127.0.0.1:9', user: x, password: x}}\n", file);
    fclose(file);
    up = test_drumbeat_start(NULL, "up", "--once", "--state", state, "--config", config, NULL);
    ck_assert(test_process_wait(up, ROUND_LIMIT));
    const char *errors = test_process_errors(up), *last = strstr(errors, "drumbeat: ");
    ck_assert_msg(test_process_status(up) == 1, "exit %d: %s", test_process_status(up), errors);
    ck_assert_msg(last && strstr(last, "pmp.workspaces ERRORED") && strchr(last, '\n') == last + strlen(last) - 1, "%s", errors);
}
END_TEST

int main(void)
{
    TCase *parts = tcase_create("up");
    tcase_add_unchecked_fixture(parts, make_folder, remove_folder);
    tcase_add_checked_fixture(parts, make_state, end_up);
    tcase_set_timeout(parts, 240);
    tcase_add_loop_test(parts, a_mistake_is_one_clear_line_and_its_exit_status, 0, sizeof mistakes / sizeof *mistakes);
    tcase_add_test(parts, a_round_on_a_fresh_machine_succeeds_and_again);
    tcase_add_test(parts, a_terminal_sees_bars_and_the_log_goes_to_a_file);
    tcase_add_test(parts, a_second_up_is_refused_by_name_of_the_first);
    tcase_add_test(parts, sigterm_leaves_no_process_and_a_clean_cluster);
    tcase_add_test(parts, a_killed_up_takes_everything_with_it_and_the_next_one_recovers);
    tcase_add_test(parts, whatever_is_killed_below_up_is_started_again);
    tcase_add_test(parts, with_a_database_of_its_own_nothing_but_the_schema_is_made);
    tcase_add_test(parts, a_large_result_has_a_place_to_go);
    tcase_add_test(parts, a_round_without_its_upstream_fails_with_its_reason);

    return test_main_case("up", parts);
}
