/* test_pmp_task: a host that keeps everything in memory and commits without asking anybody. */
#include "tests/test_pmp_task.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct host {
    const struct test_runner *runner;
    struct test_run *run;
    struct pg *pg;
};

static bool check(void *data, struct err *e)
{
    struct host *host = data;
    bool cancelled = host->runner->cancel_after > 0 && ++host->run->checks > host->runner->cancel_after;
    return !cancelled || err_set(e, ERR_CANCELLED, "cancelled");
}

static void progress(void *data, int64_t value, int64_t end, const char *message)
{
    struct test_run *run = ((struct host *)data)->run;
    (void)message;
    run->progress_calls++;
    run->progress_value = value;
    run->progress_end = end;
}

static void log_line(void *data, struct uuid task, enum log_level level, const char *message)
{
    (void)task, (void)level;
    text_printf(&((struct host *)data)->run->log, "%s\n", message);
}

static void wrote(void *data, int64_t bytes)
{
    (void)data, (void)bytes;
}

static struct pg *open_database(void *data, struct err *e)
{
    struct host *host = data;
    if (!pg_alive(host->pg)) {
        pg_close(host->pg);
        host->pg = pg_open(&(struct pg_options){.url = host->runner->database, .pooled = host->runner->pooled}, e);
    }
    return host->pg;
}

static bool commit(void *data, struct err *e)
{
    return pg_commit(((struct host *)data)->pg, e);
}

static int64_t next_fence(void)
{
    static int64_t fence;
    return ++fence;
}

static void add_option(struct text *yaml, const char *name, const char *value)
{
    text_printf(yaml, "    %s: ", name);
    text_json_string(yaml, value, strlen(value));
    text_putc(yaml, '\n');
}

/* A configuration of nothing but the upstream; secrets come from the environment, so that they may hold anything. NULL:
 * it was refused. */
static struct config *configure(const struct test_runner *runner, struct test_run *run)
{
    struct text yaml CLEANUP(text_free) = {0};
    char path[64];
    int file = memfd_create("config", MFD_CLOEXEC);
    ck_assert(file >= 0 && setenv("TEST_PASSWORD", runner->password ? runner->password : "", 1) == 0 &&
              setenv("TEST_KEY", runner->key ? runner->key : "", 1) == 0);
    text_puts(&yaml, "upstreams:\n  pmp:\n    kind: pmp\n");
    if (runner->upstream)
        add_option(&yaml, "url", runner->upstream);
    if (runner->user)
        add_option(&yaml, "user", runner->user);
    if (runner->password)
        add_option(&yaml, "password", "env:TEST_PASSWORD");
    if (runner->key)
        add_option(&yaml, "key", "env:TEST_KEY");
    text_puts(&yaml, runner->more ? runner->more : "");
    ck_assert_int_eq(write(file, yaml.data, yaml.len), (ssize_t)yaml.len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    struct config *config = config_load(path, NULL, &run->end.error);
    close(file);
    return config;
}

struct test_run *test_run(const struct test_runner *runner, const struct handler *handler, const char *args)
{
    struct test_run *run = mem_zero(1, sizeof *run);
    struct host data = {.runner = runner, .run = run};
    struct config *config CLEANUP(config_freep) = configure(runner, run);
    const struct task_host host = {&data, config, check, progress, log_line, wrote, open_database, commit};
    run->id = uuid_v7();
    run->region = region_new();
    if (!config)
        return run;
    const struct task_facts facts = {.id = run->id,
                                     .attempt = 1,
                                     .fence = next_fence(),
                                     .soft_at = clock_boot() + (runner->soft ? runner->soft : MINUTES(10)),
                                     .args = args};
    task_run(handler, &facts, &host, run->region, &run->end);
    struct err e;
    if (run->end.in_transaction)
        ck_assert_msg(commit(&data, &e), "%s", e.text);
    pg_close(data.pg);
    return run;
}

void test_run_free(struct test_run *run)
{
    if (!run)
        return;
    region_free(run->region);
    text_free(&run->log);
    free(run);
}

void test_run_freep(struct test_run **run)
{
    test_run_free(*run);
}
