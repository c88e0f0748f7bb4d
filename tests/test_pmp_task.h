#pragma once
/* Run a handler in the test's own process, through the same runtime as a worker's child, and look at what came of it.
 */
#include "common/task/runtime.h"

struct test_run {
    struct task_end end;
    struct region *region;
    struct text log; /* lines of the task log */
    int64_t checks;  /* how often it was asked whether to go on */
    int64_t progress_calls, progress_value, progress_end;
    struct uuid id;
};

struct test_runner {
    const char *database; /* URL */
    const char *upstream; /* URL of "pmp"; NULL: none */
    const char *user, *password, *key;
    const char *more; /* lines of YAML about it, each with four blanks in front; NULL: none */
    int64_t cancel_after; /* checks; 0: never */
    usec_t soft;          /* 0: 10 minutes */
    bool pooled;          /* no named statements */
};

/* Run `handler` with `args`; to be freed with test_run_free(). */
struct test_run *test_run(const struct test_runner *runner, const struct handler *handler, const char *args);
void test_run_free(struct test_run *run); /* NULL is fine */
void test_run_freep(struct test_run **run);
