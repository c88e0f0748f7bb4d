#pragma once
/* A sandbox of one's own on a free port, and requests to it. Everything fails the running test when it cannot be done.
 */
#include "common/base/json.h"
#include <curl/curl.h>
#include <stdbool.h>
#include <sys/types.h>

enum { ARGS_MAX = 16, WORD_MAX = 256 };

/* Start the program with these arguments (up to a NULL), --listen and --parent-death; one at a time. */
void sandbox_start(const char *const *args);

/* End it; gives its exit status. Nothing when none runs. */
int sandbox_stop(void);

pid_t sandbox_pid(void);
const char *sandbox_base(void); /* its address, "http://127.0.0.1:8082" */

/* Run the program to its end; gives its exit status and what it said on standard error. */
int sandbox_run(const char *const *args, char *said, size_t room);

struct reply {
    CURLcode code; /* not CURLE_OK: no whole answer came */
    long status;
    struct text body;
    struct js *json; /* NULL when the body is none */
    char type[WORD_MAX], encoding[WORD_MAX], retry_after[WORD_MAX], location[WORD_MAX], challenge[WORD_MAX];
    double seconds;
};

struct ask {
    const char *path; /* or a whole URL */
    const char *method, *credentials, *body;
    long timeout_ms;
    bool follow, gzip;
};

struct reply ask(const struct ask *a);
struct reply get(const char *path, ...) __attribute__((format(printf, 1, 2)));
void post(const char *path, ...) __attribute__((format(printf, 1, 2))); /* must be answered 200 */
void reply_free(struct reply *r);                                       /* for CLEANUP */

int64_t integer(const struct js *node);    /* must be one */
const char *string(const struct js *node); /* must be one */
const struct js *results(const struct reply *r);
