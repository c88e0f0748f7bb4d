/* The private cluster of `drumbeat up`, on real servers in a folder of the test's own. */
#include "cli/up/cluster.h"
#include "cli/up/leftovers.h"
#include "cli/up/process.h"
#include "cli/up/programs.h"
#include "cli/up/socket.h"
#include "cli/up/state.h"
#include "common/db/pg.h"
#include "tests/fixture/main.h"
#include "tests/fixture/patience.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct sql probe = {"test_probe", "SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'kept'"};
static const struct sql keep = {"test_keep", "CREATE TABLE kept (at timestamptz)"};

static char place[PATH_MAX - 32]; /* of all tests, in which each makes its own: a test that fails runs no teardown */
static char state[PATH_MAX];
static pid_t server; /* to be ended by the teardown, 0 for none */

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *walk)
{
    (void)about, (void)type, (void)walk;
    return remove(path);
}

static void make_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(place, sizeof place, "%.200s/drumbeat-test-XXXXXX", tmp ? tmp : P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(place));
    ck_assert_int_eq(chmod(place, 0755), 0); /* started as root, the server is another user */
}

static void make_state(void)
{
    snprintf(state, sizeof state, "%s/XXXXXX", place);
    ck_assert_ptr_nonnull(mkdtemp(state));
    ck_assert_int_eq(chmod(state, 0755), 0);
}

static void end_server(int number)
{
    if (server <= 0)
        return;
    kill(server, number);
    waitpid(server, NULL, 0);
    server = 0;
}

static void quit_server(void)
{
    end_server(SIGQUIT);
}

/* A server of a test that failed ends with the test's process, soon. */
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

/* Start and wait until connections are taken. */
static void start(struct cluster *c)
{
    struct err e;
    usec_t deadline = test_deadline(SECONDS(30));
    ck_assert_msg(cluster_start(c, &server, &e), "%s", e.text);
    while (!cluster_ready(c, server)) {
        ck_assert_msg(clock_boot() < deadline && waitpid(server, NULL, WNOHANG) == 0, "the server is not ready");
        process_wait_end(server, MSEC(10));
    }
}

static struct cluster *prepared(void)
{
    struct err e;
    struct cluster *c = cluster_new(state);
    ck_assert_msg(cluster_prepare(c, &e), "%s", e.text);
    return c;
}

static struct pg *opened(const struct cluster *c)
{
    struct err e;
    const struct pg_options options = {.url = cluster_url(c)};
    struct pg *pg = pg_open(&options, &e);
    ck_assert_msg(pg != NULL, "%s", e.text);
    return pg;
}

static void make_database(struct cluster *c)
{
    struct err e;
    ck_assert_msg(cluster_create_database(c, &e), "%s", e.text);
    struct pg *pg = opened(c);
    ck_assert_msg(pg_exec(pg, &keep, NULL, &e), "%s", e.text);
    pg_close(pg);
}

static int64_t kept(const struct cluster *c)
{
    struct err e;
    struct pg_rows rows;
    struct pg *pg = opened(c);
    ck_assert_msg(pg_exec(pg, &probe, &rows, &e), "%s", e.text);
    int64_t count = pg_get_int(&rows, 0, 0);
    pg_close(pg);
    return count;
}

START_TEST(a_cluster_is_made_once_and_found_again)
{
    struct err e;
    struct cluster *c = prepared();
    start(c);
    make_database(c);
    ck_assert_msg(cluster_create_database(c, &e), "a second time: %s", e.text);
    end_server(SIGINT);
    cluster_free(c);

    c = prepared();
    start(c);
    ck_assert_int_eq(kept(c), 1);
    cluster_free(c);
}
END_TEST

START_TEST(a_killed_server_starts_again_with_its_data)
{
    struct cluster *c = prepared();
    start(c);
    make_database(c);
    for (int i = 0; i < 3; i++) {
        struct pg *busy = opened(c); /* its backend outlives the server for a moment */
        end_server(SIGKILL);
        start(c);
        pg_close(busy);
    }
    ck_assert_int_eq(kept(c), 1);
    cluster_free(c);
}
END_TEST

START_TEST(a_server_that_a_killed_up_left_is_ended)
{
    struct cluster *first = prepared();
    start(first);
    make_database(first);
    struct cluster *second = prepared();
    ck_assert_msg(waitpid(server, NULL, WNOHANG) == server, "the first server still runs");
    start(second);
    ck_assert_int_eq(kept(second), 1);
    cluster_free(first);
    cluster_free(second);
}
END_TEST

/* After a power cut, the number in postmaster.pid may be anybody's. */
START_TEST(a_lock_file_that_names_a_stranger_is_taken_away)
{
    char path[PATH_MAX + 32];
    struct cluster *c = prepared();
    start(c);
    make_database(c);
    end_server(SIGINT);
    snprintf(path, sizeof path, "%s/postgres/postmaster.pid", state);
    FILE *file = fopen(path, "we");
    fprintf(file, "%d\n%s/postgres\n1\n5432\n", (int)getpid(), state);
    fclose(file);
    start(c);
    ck_assert_int_eq(kept(c), 1);
    cluster_free(c);
}
END_TEST

START_TEST(what_an_interrupted_initdb_left_is_made_anew)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/postgres.new/base/1", state);
    struct err e;
    ck_assert_msg(state_make_folder(path, 0700, &e), "%s", e.text);
    struct cluster *c = prepared();
    start(c);
    make_database(c);
    cluster_free(c);
}
END_TEST

START_TEST(an_operators_settings_win_and_a_bad_one_is_told)
{
    char path[PATH_MAX + 32];
    struct text said = {0};
    struct cluster *c = prepared();
    snprintf(path, sizeof path, "%s/postgres/local.conf", state);
    FILE *file = fopen(path, "we");
    fputs("max_connections = many\n", file);
    fclose(file);
    chmod(path, 0644);
    struct err e;
    ck_assert_msg(cluster_start(c, &server, &e), "%s", e.text);
    ck_assert(process_wait_end(server, SECONDS(20)));
    cluster_last_complaint(c, &said);
    ck_assert_msg(strstr(text_str(&said), "FATAL"), "said: %s", text_str(&said));
    text_free(&said);
    end_server(SIGQUIT);
    cluster_free(c);
}
END_TEST

START_TEST(the_second_holder_of_a_state_folder_is_told_the_pid_of_the_first)
{
    int lock, ends[2];
    char ready;
    struct err e;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t first = fork();
    if (first == 0) {
        if (state_lock(state, &lock, &e) && write(ends[1], "1", 1) == 1)
            pause();
        _exit(1);
    }
    ck_assert_int_eq(read(ends[0], &ready, 1), 1);
    ck_assert(!state_lock(state, &lock, &e));
    ck_assert_int_eq(e.kind, ERR_REFUSED);
    char expected[32];
    snprintf(expected, sizeof expected, "(pid %d)", (int)first);
    ck_assert_msg(strstr(e.text, expected), "%s", e.text);
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
    ck_assert_msg(state_lock(state, &lock, &e), "%s", e.text);
    close(lock);
}
END_TEST

START_TEST(the_state_folder_follows_the_user)
{
    static const struct {
        const char *xdg, *home, *folder;
    } rows[] = {
        {"/x/state", "/people/ann", "/x/state/drumbeat"},
        {"relative", "/people/ann", "/people/ann/.local/state/drumbeat"},
        {NULL, "/people/ann", "/people/ann/.local/state/drumbeat"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text folder = {0};
        struct err e;
        setenv("HOME", rows[i].home, 1);
        if (rows[i].xdg)
            setenv("XDG_STATE_HOME", rows[i].xdg, 1);
        else
            unsetenv("XDG_STATE_HOME");
        ck_assert(state_default_folder(&folder, &e));
        const char *expected = geteuid() == 0 ? "/var/lib/drumbeat" : rows[i].folder;
        ck_assert_msg(strcmp(text_str(&folder), expected) == 0, "row %zu: %s", i, text_str(&folder));
        text_free(&folder);
    }
}
END_TEST

START_TEST(a_socket_path_is_never_too_long)
{
    char longer[300];
    for (size_t length = 1; length < sizeof longer; length++) {
        struct text folder = {0};
        memset(longer, 'x', length);
        longer[0] = '/';
        longer[length] = '\0';
        socket_folder(longer, &folder);
        text_puts(&folder, SOCKET_NAME);
        ck_assert_msg(folder.len <= SOCKET_PATH_MAX, "%s", text_str(&folder));
        text_free(&folder);
    }
}
END_TEST

START_TEST(a_socket_folder_that_others_can_enter_is_refused)
{
    char folder[PATH_MAX + 32];
    struct err e;
    snprintf(folder, sizeof folder, "%s/socket", state);
    ck_assert_msg(socket_make_folder(folder, 0, 0, &e), "%s", e.text);
    ck_assert_msg(socket_make_folder(folder, 0, 0, &e), "again: %s", e.text);
    chmod(folder, 0755);
    ck_assert(!socket_make_folder(folder, 0, 0, &e));
    rmdir(folder);
    ck_assert_int_eq(symlink(state, folder), 0);
    ck_assert(!socket_make_folder(folder, 0, 0, &e));
}
END_TEST

START_TEST(a_program_that_fails_is_told_by_the_line_that_says_why)
{
    static const struct {
        const char *script;
        usec_t limit;
        const char *error; /* NULL: succeeds */
    } rows[] = {
        {"exit 0", SECONDS(10), NULL},
        {"echo fine; echo 'went wrong' >&2; echo; exit 3", SECONDS(10), "exit 3: went wrong"},
        {"echo 'x: error: no room'; echo tidying", SECONDS(10), NULL},
        {"echo 'x: error: no room'; echo tidying; exit 1", SECONDS(10), "exit 1: x: error: no room"},
        {"yes | head -c 200000; echo end; kill -9 $$", SECONDS(10), "signal 9: end"},
        {"echo stuck; exec sleep 60", MSEC(200), "did not end in time: stuck"},
        {"test \"$EXTRA\" = yes -a -z \"$(cat)\"", SECONDS(10), NULL},
    };
    static const char *const env[] = {"EXTRA=yes", NULL};
    setenv("EXTRA", "no", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const argv[] = {"/bin/sh", "-c", rows[i].script, NULL};
        const struct program program = {.argv = argv, .env = env, .output = -1, .death_signal = SIGKILL};
        struct err e = {0};
        bool done = process_run(&program, rows[i].limit, &e);
        ck_assert_msg(done == !rows[i].error && (done || strstr(e.text, rows[i].error)), "row %zu: %s", i, e.text);
    }
    static const char *const missing[] = {"/nowhere/program", NULL};
    const struct program program = {.argv = missing, .output = -1};
    struct err e;
    ck_assert(!process_run(&program, SECONDS(1), &e));
    ck_assert_msg(strstr(e.text, "No such file"), "%s", e.text);
}
END_TEST

START_TEST(data_of_a_version_that_is_not_installed_ask_for_it_by_name)
{
    struct text folder = {0};
    struct err e;
    setenv("PATH", "/nowhere", 1);
    ck_assert(!programs_find(7, &folder, &e));
    ck_assert_msg(strstr(e.text, "PostgreSQL 7"), "%s", e.text);
    ck_assert_msg(programs_find(0, &folder, &e), "%s", e.text);
    text_free(&folder);
}
END_TEST

int main(void)
{
    TCase *parts = tcase_create("parts");
    tcase_add_unchecked_fixture(parts, make_folder, remove_folder);
    tcase_add_checked_fixture(parts, make_state, quit_server);
    tcase_set_timeout(parts, 60);
    tcase_add_test(parts, the_second_holder_of_a_state_folder_is_told_the_pid_of_the_first);
    tcase_add_test(parts, the_state_folder_follows_the_user);
    tcase_add_test(parts, a_socket_path_is_never_too_long);
    tcase_add_test(parts, a_socket_folder_that_others_can_enter_is_refused);
    tcase_add_test(parts, a_program_that_fails_is_told_by_the_line_that_says_why);
    tcase_add_test(parts, data_of_a_version_that_is_not_installed_ask_for_it_by_name);
    tcase_add_test(parts, a_cluster_is_made_once_and_found_again);
    tcase_add_test(parts, a_killed_server_starts_again_with_its_data);
    tcase_add_test(parts, a_server_that_a_killed_up_left_is_ended);
    tcase_add_test(parts, a_lock_file_that_names_a_stranger_is_taken_away);
    tcase_add_test(parts, what_an_interrupted_initdb_left_is_made_anew);
    tcase_add_test(parts, an_operators_settings_win_and_a_bad_one_is_told);

    return test_main_case("up_cluster", parts);
}
