#include "tests/test_cli_stage.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

struct cli_stage cli;

void cli_start(void)
{
    cli.cluster = test_cluster_start(NULL);
}

void cli_begin(void)
{
    cli.url = test_cluster_database(cli.cluster);
    cli.pg = test_connect(cli.url);
}

void cli_end(void)
{
    pg_close(cli.pg);
}

void ck_ended(struct test_process *p, int status, const char *errors)
{
    const char *said = test_process_errors(p);
    ck_assert_msg(test_process_status(p) == status, "exit status %d, not %d: %.1000s%.2000s", test_process_status(p), status, test_process_output(p), said);
    if (*errors)
        ck_assert_msg(strstr(said, errors) != NULL, "'%s' is not in: %.2000s", errors, said);
    else
        ck_assert_msg(*said == '\0', "said on standard error: %.2000s", said);
    const char *line = strchr(said, '\n');
    ck_assert_msg(!line || line[1] == '\0', "more than one line: %.2000s", said);
}

void ck_says(struct test_process *p, const char *text)
{
    ck_assert_msg(strstr(test_process_output(p), text) != NULL, "'%s' is not in: %.2000s", text, test_process_output(p));
}

const char *enqueue(const char *sql)
{
    char statement[512];
    static char id[64];
    snprintf(statement, sizeof statement, "SELECT %s", sql);
    snprintf(id, sizeof id, "%s", test_text(cli.pg, statement));
    return id;
}

void work(void)
{
    DRUMBEAT("worker", "--burst", "--pool", "1");
    ck_assert_int_eq(test_process_status(p), 0);
}
