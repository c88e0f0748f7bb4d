#pragma once
/* What tests of the command line share: a database of its own for each, the real binary, and what it said. */
#include "tests/fixture/cluster.h"
#include "tests/fixture/process.h"

struct cli_stage {
    struct test_cluster *cluster; /* of the whole program */
    const char *url;              /* of the test's database */
    struct pg *pg;
};
extern struct cli_stage cli;

/* Once in a program, before its tests. */
void cli_start(void);

/* Before and after a test. */
void cli_begin(void);
void cli_end(void);

/* Run the binary on the test's database; `p` is what became of it. */
#define DRUMBEAT(...) CLEANUP(test_process_freep) struct test_process *p = test_drumbeat(cli.url, __VA_ARGS__, NULL)

/* Exit status, and what standard error must hold in one line; "" for nothing at all. */
void ck_ended(struct test_process *p, int status, const char *errors);

/* What standard output must hold. */
void ck_says(struct test_process *p, const char *text);

/* The id that a call of SQL's enqueue answered. Overwritten by the next call. */
const char *enqueue(const char *sql);

/* A worker that runs what is there and ends. */
void work(void);
