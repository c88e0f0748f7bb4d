#pragma once
/* What tests of imports from HPC share: a sandbox, a database, runs in the test's own process and in one beside it. */
#include "common/db/pg.h"
#include "tests/test_pmp_task.h"
#include <sys/types.h>

#define PLAN "{\"plan_id\":401,\"upstream\":\"pmp\"}"
#define PROJECT "{\"project_id\":40102,\"upstream\":\"pmp\"}"

/* Of the running test; the upstream is called "pmp", as the runner has it. */
extern struct pg *pg;
extern char upstream[128];

/* Where all tests have their tables. */
void ocha_database(const char *url);

/* Start a sandbox and empty the tables. `args` as sandbox_start() has them, NULL: none. */
void ocha_set_up(const char *const *args);
void ocha_tear_down(void);

struct test_run *run_with(const struct handler *handler, const char *args, int64_t cancel_after);
struct test_run *run_anonymous(const struct handler *handler, const char *args);
void succeed(const struct handler *handler, const char *args);

/* In a process of its own, which ends with 0 when it was a success. */
pid_t run_apart(struct test_run *(*run)(const struct handler *handler, const char *args), const struct handler *handler, const char *args);
void all_succeed(const pid_t *pids, size_t count);

/* A plan with its details. */
void import_plan(void);

/* successful, fetched, created, updated, unchanged, skipped, deactivated, failed of the last run. */
const char *last(const char *handler);

/* Everything in the registry but its log, and which transaction wrote each row. */
const char *snapshot(void);
