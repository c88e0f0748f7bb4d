/* The words of the command line: mistakes, help, the manual, flags. */
#include "common/base/text.h"
#include "tests/fixture/main.h"
#include "tests/test_cli_stage.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words ------------------------------------------------------------------------------------------------------------- */

static const struct wrong {
    const char *words[8];
    int status;
    const char *errors;
} wrong[] = {
    {{"enqeue", "noop"}, 2, "unknown verb 'enqeue' (did you mean 'enqueue'?)"},
    {{"task"}, 2, "task: which verb?"},
    {{"task", "shwo", "x"}, 2, "unknown verb 'task shwo' (did you mean 'task show'?)"},
    {{"enqueue"}, 2, "NAME is missing"},
    {{"task", "retry"}, 2, "which tasks? give ids, or flags such as --name, or --all"},
    {{"task", "cancel", "0190a5d2", "--all"}, 2, "give ids, or say by flags which tasks are meant, not both"},
    {{"task", "retry", "--status", "success"}, 2, "--status: 'success' is not ERRORED, KILLED or SKIPPED"},
    {{"task", "cancel", "--since", "yesterday"}, 2, "--since: 'yesterday' is neither a time like"},
    {{"task", "cancel", "--batch", "x"}, 2, "--batch: 'x' is not an id"},
    {{"enqueue", "noop", "more"}, 2, "'more' is one argument too many"},
    {{"enqueue", "noop", "--quue", "q"}, 2, "unknown flag --quue (did you mean --queue?)"},
    {{"enqueue", "noop", "-q"}, 2, "unknown flag -q"},
    {{"enqueue", "noop", "--queue"}, 2, "--queue needs a value"},
    {{"enqueue", "noop", "--json=yes"}, 2, "--json takes no value"},
    {{"enqueue", "noop", "--priority", "ten"}, 2, "--priority: 'ten' is not a whole number"},
    {{"enqueue", "noop", "--priority", "10"}, 2, "--priority: 10 is not between 0 and 9"},
    {{"enqueue", "noop", "--at", "tomorrow"}, 2, "--at: 'tomorrow' is not a time"},
    {{"enqueue", "noop", "--in", "5"}, 2, "--in: '5' is not a duration"},
    {{"enqueue", "noop", "--in", "5m", "--at", "2030-01-01T00:00:00Z"}, 2, "--at or --in, not both"},
    {{"enqueue", "noop", "--queue", "No Queue"}, 2, "queue 'No Queue' is not"},
    {{"enqueue", "two words"}, 2, "name must be"},
    {{"enqueue", "echo", "--args", "[1]"}, 2, "--args: an array, not an object"},
    {{"enqueue", "echo", "--args", "{\"a\": }"}, 2, "--args: not valid JSON"},
    {{"enqueue", "echo", "--args", "@/no/such/file"}, 2, "--args: /no/such/file: No such file"},
    {{"enqueue", "sleep", "--args", "{\"seconds\": \"x\"}"}, 2, "'seconds' must be a number, not a string"},
    {{"enqueue", "sleep", "--args", "{\"second\": 1}"}, 2, "'second' is not an argument"},
    {{"run", "no.such.handler"}, 3, "there is no handler 'no.such.handler'"},
    {{"handlers", "no.such.handler"}, 3, "there is no handler"},
    {{"task", "show", "zzzzzzzz"}, 2, "is not a task id"},
    {{"task", "show", "0190"}, 2, "is not a task id"},
    {{"task", "show", "00000000-0000-7000-8000-000000000000"}, 3, "there is no task"},
    {{"task", "wait", "00000000-0000-7000-8000-000000000000"}, 3, "there is no task"},
    {{"task", "cancel", "00000000-0000-7000-8000-000000000000"}, 3, "there is no task"},
    {{"task", "retry", "00000000"}, 3, "no task's id begins with 00000000"},
    {{"task", "ls", "--status", "DONE"}, 2, "--status: 'DONE' is not"},
    {{"queue", "pause", "No Queue"}, 2, "queue must be"},
    {{"schedule", "next", "nothing"}, 3, "nothing"},
    {{"schedule", "history", "nothing"}, 3, "nothing"},
    {{"schedule", "backfill", "nothing", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z"}, 3, "nothing"},
    {{"schedule", "backfill", "nothing", "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"}, 2, "before it begins"},
    {{"schedule", "backfill", "nothing"}, 2, "--from is missing"},
    {{"bench", "everything"}, 2, "'everything' is not"},
    {{"config", "--set", "worker.pool"}, 2, "'worker.pool' is not OPTION=VALUE"},
    {{"config", "--set", "worker.pool=0"}, 2, "worker.pool"},
    {{"config", "--config", "/no/such/file"}, 2, "/no/such/file"},
    {{"migrate", "--database-url", "postgresql:///x?host=/nowhere"}, 5, "/nowhere"},
    {{"migrate", "--database-url", "postgresql://[/x"}, 2, "database URL"},
};

START_TEST(a_mistake_is_one_line_and_an_exit_status)
{
    const struct wrong *w = &wrong[_i];
    const char *const *s = w->words;
    DRUMBEAT(s[0], s[1], s[2], s[3], s[4], s[5], s[6]);
    ck_ended(p, w->status, w->errors);
    ck_assert_int_eq(test_number(cli.pg, "SELECT count(*) FROM drumbeat.task"), 0);
}
END_TEST

START_TEST(every_verb_has_help_with_an_example)
{
    DRUMBEAT("--help");
    ck_ended(p, 0, "");
    static const char *const verbs[] = {"worker", "beat", "enqueue", "run", "task ls", "task show", "task wait", "task log", "task cancel",
                                        "task retry", "queue ls", "queue pause", "queue resume", "queue purge", "schedule ls", "schedule next", "schedule history", "schedule backfill",
                                        "handlers", "migrate", "config", "doctor", "bench", "version"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        char first[32], line[64];
        size_t length = strcspn(verbs[i], " ");
        snprintf(first, sizeof first, "%.*s", (int)length, verbs[i]);
        const char *second = verbs[i][length] ? verbs[i] + length + 1 : "--help";
        snprintf(line, sizeof line, "  %s ", verbs[i]);
        ck_says(p, line);
        struct test_process *help = test_drumbeat(NULL, first, second, "--help", NULL);
        snprintf(line, sizeof line, "example\n  drumbeat %s", verbs[i]);
        ck_ended(help, 0, "");
        ck_says(help, line);
        test_process_free(help);
    }
}
END_TEST

START_TEST(the_manual_is_what_the_program_says)
{
    static const struct {
        const char *flag, *path;
    } pages[] = {{NULL, "docs/cli.md"}, {"--man", "docs/man/drumbeat.1"}};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        char path[4096];
        CLEANUP(text_free) struct text kept = {0};
        snprintf(path, sizeof path, "%s/%s", getenv("DRUMBEAT_SOURCE"), pages[i].path);
        FILE *file = fopen(path, "r");
        ck_assert_ptr_nonnull(file);
        for (int c; (c = fgetc(file)) != EOF;)
            text_putc(&kept, (char)c);
        fclose(file);
        struct test_process *p = test_drumbeat(NULL, "manual", pages[i].flag, NULL);
        ck_assert_msg(strcmp(text_str(&kept), test_process_output(p)) == 0, "%s is not what drumbeat manual %s prints", pages[i].path,
                      pages[i].flag ? pages[i].flag : "");
        test_process_free(p);
    }
}
END_TEST

START_TEST(without_a_database_the_error_says_what_to_set)
{
    CLEANUP(test_process_freep) struct test_process *p = test_drumbeat("", "task", "ls", NULL);
    ck_ended(p, 2, "set DATABASE_URL");
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    const char *argv[] = {"/bin/sh", "-c", "exec \"$0\" version > /dev/full", test_build_path("drumbeat"), NULL};
    struct test_program program = {.argv = argv};
    CLEANUP(test_process_freep) struct test_process *p = test_process_start(&program);
    ck_assert(test_process_wait(p, SECONDS(30)));
    ck_ended(p, 1, "standard output: No space left on device");
}
END_TEST

START_TEST(flags_may_stand_before_the_verb)
{
    CLEANUP(test_process_freep) struct test_process *p = test_drumbeat(NULL, "--database-url", cli.url, "migrate", NULL);
    ck_ended(p, 0, "");
    ck_says(p, "up to date");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli");
    TCase *mistakes = tcase_create("mistakes"), *words = tcase_create("words");
    tcase_set_timeout(mistakes, 60);
    tcase_add_unchecked_fixture(mistakes, cli_begin, cli_end); /* none of them writes */
    tcase_add_loop_test(mistakes, a_mistake_is_one_line_and_an_exit_status, 0, sizeof wrong / sizeof *wrong);
    tcase_set_timeout(words, 150);
    tcase_add_checked_fixture(words, cli_begin, cli_end);
    tcase_add_test(words, every_verb_has_help_with_an_example);
    tcase_add_test(words, the_manual_is_what_the_program_says);
    tcase_add_test(words, without_a_database_the_error_says_what_to_set);
    tcase_add_test(words, a_full_disk_is_told);
    tcase_add_test(words, flags_may_stand_before_the_verb);
    suite_add_tcase(suite, mistakes);
    suite_add_tcase(suite, words);
    cli_start();
    return test_main(suite);
}
