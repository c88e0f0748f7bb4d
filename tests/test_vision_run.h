#pragma once
/* Lists of VISION in tests: a database with three countries (0160, 0250 and the global one), one upstream, handlers run in the test's own process. */
#include "tasks/vision/vision.h"
#include "tests/test_http_server.h"
#include "tests/test_pmp_task.h"
#include "tests/test_sandbox_client.h"

#define VISION_AREA "{\"business_area\":\"0160\",\"upstream\":\"pmp\"}"

extern struct pg *vision_pg; /* between set-up and tear-down */

/* Fixtures of a test case; the cluster's database is what main() said first. */
void vision_use(const char *url);
void vision_set_up(void);         /* nothing answers yet */
void vision_set_up_sandbox(void); /* a sandbox does */
void vision_tear_down(void);

/* Another address to ask. */
void vision_ask(const char *base);

/* The key that is shown from now on, "drumbeat" after set-up. */
void vision_show_key(const char *key);

/* Every question is answered with these rows ("[{…},{…}]" or one object); or with these texts, one after the other, up to NULL, the last one again. */
void vision_answer(const char *rows);
void vision_answer_texts(const char *const *texts);

/* To be freed with test_run_free(). `cancel_after` checks it is cancelled, 0: never. */
struct test_run *vision_run(const struct handler *handler, const char *args, int64_t cancel_after);
void vision_succeed(const struct handler *handler);                       /* for 0160 */
void vision_succeed_with(const struct handler *handler, const char *args);
enum err_kind vision_fail_with(const struct handler *handler, const char *args);

/* The counters of the last run for 0160: "t 3 1 1 1 0 0 0" is good, fetched, created, updated, unchanged, skipped, deactivated, failed. */
const char *vision_last(const char *handler);

/* Notes of that run, in order, with "; " between. */
const char *vision_notes(const char *handler);

/* What was copied, and which transaction wrote each row. */
const char *vision_snapshot(void);

/* One value, kept until the program ends. */
const char *vision_value(const char *query);
