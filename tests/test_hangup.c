/* SIGHUP means the end when the terminal is gone, and a reload when somebody sends it. */
#include "common/base/hangup.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <pty.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IS_END = 10, IS_RELOAD = 11 };

/* A program on a terminal of its own that exits with what it makes of its first SIGHUP. */
static void wait_for_hangup(int ready, bool ignores)
{
    sigset_t awaited;
    int number;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGHUP);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    signal(SIGHUP, ignores ? SIG_IGN : SIG_DFL);
    hangup_watch();
    signal(SIGHUP, SIG_DFL);
    if (write(ready, "", 1) != 1 || sigwait(&awaited, &number) != 0)
        _exit(1);
    _exit(hangup_is_end() ? IS_END : IS_RELOAD);
}

static pid_t start(int *terminal, bool ignores)
{
    int ready[2];
    char byte;
    ck_assert_int_eq(pipe(ready), 0);
    pid_t pid = forkpty(terminal, NULL, NULL, NULL);
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        wait_for_hangup(ready[1], ignores);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static int outcome(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

START_TEST(a_terminal_that_is_closed_ends_what_runs_on_it)
{
    int terminal;
    pid_t pid = start(&terminal, false);
    close(terminal);
    ck_assert_int_eq(outcome(pid), IS_END);
}
END_TEST

START_TEST(a_signal_while_the_terminal_is_there_asks_for_a_reload)
{
    int terminal;
    pid_t pid = start(&terminal, false);
    kill(pid, SIGHUP);
    ck_assert_int_eq(outcome(pid), IS_RELOAD);
    close(terminal);
}
END_TEST

START_TEST(what_nohup_started_does_not_care_for_the_terminal)
{
    int terminal;
    pid_t pid = start(&terminal, true);
    close(terminal);
    kill(pid, SIGHUP);
    ck_assert_int_eq(outcome(pid), IS_RELOAD);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("hangup");
    tcase_add_test(tests, a_terminal_that_is_closed_ends_what_runs_on_it);
    tcase_add_test(tests, a_signal_while_the_terminal_is_there_asks_for_a_reload);
    tcase_add_test(tests, what_nohup_started_does_not_care_for_the_terminal);
    return test_main_case("hangup", tests);
}
