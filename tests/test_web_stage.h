#pragma once
/* What tests of `drumbeat web` share: a database of its own for each, the real program on a free port, and its last answer. */
#include "tests/fixture/cluster.h"
#include "tests/fixture/patience.h"
#include "tests/fixture/process.h"

#define SOON TEST_PATIENCE

enum { REPLY_MAX = 1 << 20 };

struct web_stage {
    struct test_cluster *cluster; /* of the whole program */
    const char *url;              /* of the test's database */
    struct pg *pg;
    struct test_process *process;
    int port;
};
extern struct web_stage web;

/* The last answer. */
struct web_reply {
    int status;
    char *body; /* in `bytes`, behind the header */
    char bytes[REPLY_MAX];
};
extern struct web_reply reply;

/* Before and after a test. */
void web_begin(void);
void web_end(void);

/* Start it on the test's database, or another, with one more option; NULL: none. */
void start_web(const char *option, const char *value);
void start_web_on(const char *database, const char *option, const char *value);
void stop_web(void);

/* A connection. */
int connect_web(void);

/* Into `reply.bytes` until the other side closes, which it must do within `limit`. Answers the length. */
size_t read_all(int fd, usec_t limit);

/* Send these bytes and read the answer. */
void send_raw(const char *request);
void ask(const char *method, const char *path);

/* Ask again and again until the answer has this status and holds this text. */
void wait_for(const char *path, int status, const char *text);

/* The number of a sample, "drumbeat_workers" or "drumbeat_queue_ready{queue=\"default\"}"; -1 when there is none. */
double sample(const char *name);

/* Scrape until a sample is at least `low` and at most `high`. */
void wait_sample(const char *name, double low, double high);

/* A worker that is only a row: alive for an hour, two seats, both free. */
void add_worker(void);

/* A task in this seat that has been started. */
void occupy(int seat);

/* Whether a name in that text may hold it. */
bool is_name(char c);

/* Every line is "# HELP name text", "# TYPE name type" or a sample of the family that was announced last. */
void ck_exposition(const char *text);
