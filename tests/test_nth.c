/* Of each kind of call the nth fails, n = 1, 2, 3 … until none does: the program ends in time, by no signal, and with success or a line
 * that says why; what it left is whole, and the next run without faults does what is left to do.
 *
 * In CI a run in NTH_RUNS of those is made, spread over all n; NTH_RUNS=1000000 makes each. Under a sanitizer allocations are its own,
 * and leaks on the ways out are found. */
#include "tests/fixture/main.h"
#include "tests/nth/nth.h"
#include "tests/storm/beside.h"
#include "tests/storm/family.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"
#include "tests/test_sandbox_client.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

/* {"a": "xxx…"}, as the server writes it */
enum { RESULT_TEXT = 300000, RESULT_SIZE = RESULT_TEXT + 9, WORDS_MAX = 8 };

struct trial {
    struct stage stage;
    struct nth_order *order;
    const char *config;
    char results[300];
    char variables[3][700];
    char partners[40]; /* what a sync without faults has written */
};

static void wants_nothing(struct trial *t, bool failed, const char *call)
{
    (void)t;
    (void)failed;
    (void)call;
}

/* A task is there exactly when its id was told. Whoever did not hear may find it there too: the answer was lost. */
static void wants_the_task(struct trial *t, bool failed, const char *call)
{
    ck_assert_msg(failed || test_number(t->stage.pg, "SELECT count(*) FROM drumbeat.ready") == 1, "%s: no task", call);
    test_sql(t->stage.pg, "SELECT drumbeat.cancel(task_id) FROM drumbeat.ready");
}

/* A large result goes into a file: it is there whole, or not at all. */
static void enqueue_work(struct trial *t)
{
    test_sql(t->stage.pg, "SELECT drumbeat.enqueue('effect', max_attempts => 100), drumbeat.enqueue('noop', max_attempts => 100);"
                          "SELECT drumbeat.enqueue('echo', jsonb_build_object('a', repeat('x', 300000)), max_attempts => 100)");
}

static struct test_process *start(struct trial *t, const char *const *words, bool faulty)
{
    const char *argv[WORDS_MAX + 4] = {test_build_path("drumbeat")}, *env[] = {t->variables[0], faulty ? t->variables[1] : NULL, t->variables[2],
                                                                            "ASAN_OPTIONS=detect_leaks=1:verify_asan_link_order=0", NULL};
    size_t count = 1;
    for (; words[count - 1] && count < WORDS_MAX; count++)
        argv[count] = words[count - 1];
    argv[count++] = "--config";
    argv[count] = t->config;
    return test_process_start(&(struct test_program){.argv = argv, .env = env});
}

/* A result's file has its own name only when it is whole. */
static int check_result(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    if (type == FTW_F && path[walk->base] != '.')
        ck_assert_msg(info->st_size == RESULT_SIZE, "%s has %lld bytes", path, (long long)info->st_size);
    return 0;
}

/* What a fault has left is done by a worker without. */
static void finish(struct trial *t, const char *call)
{
    for (int i = 0; i < 20 && test_number(t->stage.pg, "SELECT count(*) FROM drumbeat.task WHERE ended_at IS NULL") > 0; i++) {
        struct test_process *clean CLEANUP(test_process_freep) = start(t, (const char *const[]){"worker", "--burst", NULL}, false);
        ck_assert(test_process_wait(clean, SECONDS(20)));
        usleep(100000);
    }
    ck_assert_msg(test_number(t->stage.pg, "SELECT count(*) FROM drumbeat.ended WHERE status <> 'SUCCESS'") == 0, "%s: %s", call,
                  test_text(t->stage.pg, "SELECT coalesce(string_agg(error, ' '), '') FROM drumbeat.ended WHERE status <> 'SUCCESS'"));
    invariants_assert(t->stage.pg, true);
}

static void wants_all_done(struct trial *t, bool failed, const char *call)
{
    (void)failed;
    finish(t, call);
    ck_assert_int_eq(nftw(t->results, check_result, 8, FTW_PHYS), 0);
}

/* A sync that starts from nothing. */
static void enqueue_sync(struct trial *t)
{
    test_sql(t->stage.pg, "TRUNCATE registry.partner CASCADE; DELETE FROM registry.sync_state WHERE handler_name = 'pmp.partners';"
                          "SELECT drumbeat.enqueue('pmp.partners', '{\"workspace\": \"0160\"}', max_attempts => 100)");
}

/* Every partner once and as it is upstream, whatever failed on the way. */
static void wants_the_partners(struct trial *t, bool failed, const char *call)
{
    (void)failed;
    finish(t, call);
    const char *written = test_text(t->stage.pg, "SELECT md5(string_agg((to_jsonb(p) - 'id')::text, ',' ORDER BY p.external_id)) FROM registry.partner p");
    if (!*t->partners)
        snprintf(t->partners, sizeof t->partners, "%s", written);
    ck_assert_msg(*written && strcmp(written, t->partners) == 0, "%s: other partners than without a fault", call);
}

static const struct row {
    const char *words[WORDS_MAX];
    void (*before)(struct trial *);
    void (*after)(struct trial *, bool failed, const char *call);
    const char *told; /* NULL: the first word */
    bool syncs;       /* with a sandbox */
} programs[] = {
    {{"config"}, NULL, wants_nothing},
    {{"enqueue", "noop"}, NULL, wants_the_task},
    {{"worker", "--burst"}, enqueue_work, wants_all_done},
    {{"worker", "--burst"}, enqueue_sync, wants_the_partners, .told = "sync", .syncs = true},
};

static const struct {
    enum nth_call call;
    const char *name;
    bool inside; /* of what an allocator of the sanitizer leaves alone */
} calls[] = {
    {NTH_MALLOC, "malloc", false}, {NTH_WRITE, "write", true}, {NTH_FSYNC, "fsync", true}, {NTH_CONNECT, "connect", true},
    {NTH_RENAME, "rename", true},  {NTH_FORK, "fork", true},   {NTH_OPEN, "open", true},   {NTH_SEND, "send", true},
};

enum { PROGRAMS = sizeof programs / sizeof *programs, CALLS = sizeof calls / sizeof *calls };

static struct test_cluster *cluster;

static const char *told(const struct row *row)
{
    return row->told ? row->told : row->words[0];
}

static void open_trial(struct trial *t, bool syncs)
{
    char path[512], yaml[1000];
    if (syncs)
        sandbox_start((const char *const[]){NULL});
    stage_open(&t->stage, cluster);
    snprintf(path, sizeof path, "%s/nth-%d", test_cluster_folder(cluster), (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(ftruncate(fd, sizeof *t->order), 0);
    t->order = mmap(NULL, sizeof *t->order, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    ck_assert(t->order != MAP_FAILED);
    snprintf(t->results, sizeof t->results, "%s/results-%d", test_cluster_folder(cluster), (int)getpid());
    ck_assert_int_eq(mkdir(t->results, 0755), 0);
    snprintf(yaml, sizeof yaml, "worker: {pool: 2, lease: 5s}\nresults: {root: '%s', limit: 64KiB}\n"
                               "upstreams: {pmp: {kind: pmp, url: '%s', user: drumbeat, password: drumbeat}}\n"
                               "handlers: {noop: {retry: {first: 100ms, cap: 100ms}}, echo: {retry: {first: 100ms, cap: 100ms}}, effect: {retry: {first: 100ms, cap: 100ms}},\n"
                               "           pmp.partners: {retry: {first: 100ms, cap: 100ms}}}\n",
             t->results, syncs ? sandbox_base() : "http://127.0.0.1:9");
    t->config = stage_config(&t->stage, yaml);
    snprintf(t->variables[0], sizeof t->variables[0], "DATABASE_URL=%s", t->stage.url);
    snprintf(t->variables[1], sizeof t->variables[1], "LD_PRELOAD=%s", test_build_path("tests/nth_calls.so"));
    snprintf(t->variables[2], sizeof t->variables[2], "NTH_ORDER=%s", path);
}

/* One run with one fault; how many calls of the kind there were. */
static int run(struct trial *t, const struct row *row, size_t call, int nth)
{
    char what[96];
    snprintf(what, sizeof what, "%s, %s number %d", told(row), calls[call].name, nth);
    if (row->before)
        row->before(t);
    atomic_store(&t->order->call, (int)calls[call].call);
    atomic_store(&t->order->nth, nth);
    atomic_store(&t->order->count, 0);
    atomic_store(&t->order->failed, 0);
    struct test_process *p CLEANUP(test_process_freep) = start(t, row->words, true);
    ck_assert_msg(test_process_wait(p, SECONDS(30)), "%s: does not end:\n%.3000s", what, test_process_errors(p));
    int status = test_process_status(p), count = atomic_load(&t->order->count);
    bool failed = atomic_load(&t->order->failed);
    atomic_store(&t->order->call, NTH_NOTHING);
    ck_assert_msg(status >= 0 && status < 128, "%s: status %d:\n%.3000s", what, status, test_process_errors(p));
    ck_assert_msg(!strstr(test_process_errors(p), "Sanitizer"), "%s:\n%.5000s", what, test_process_errors(p));
    ck_assert_msg(status == 0 || failed, "%s: status %d without a fault:\n%.3000s", what, status, test_process_errors(p));
    ck_assert_msg(status == 0 || *test_process_errors(p) || calls[call].call == NTH_WRITE, "%s: status %d without a word", what, status);
    row->after(t, status != 0, what);
    return failed || nth == 0 ? count : 0;
}

static void try_call(struct trial *t, const struct row *row, size_t call)
{
    const char *text = getenv("NTH_RUNS");
    int runs = 0, wanted = text ? atoi(text) : row->before ? (SANITIZED ? 2 : 4) : 12;
    int total = run(t, row, call, 0), step = total / wanted > 0 ? total / wanted : 1, count = total;
    for (int nth = 1; count > 0 && nth <= 2 * total + 1; nth += nth < 3 ? 1 : step, runs++)
        count = run(t, row, call, nth);
    printf("nth: %s: %d of %d calls of %s failed\n", told(row), runs, total, calls[call].name);
    fflush(stdout);
}

/* `drumbeat up` with everything it starts, once for each kind of call and somewhere else each time: it ends with a word, or works and can be stopped.
 * Whatever it started ends with it. */
static void run_up(struct trial *t, size_t call, int nth)
{
    char state[400], what[96];
    pid_t rest[64];
    snprintf(what, sizeof what, "up, %s number %d", calls[call].name, nth);
    snprintf(state, sizeof state, "%s/up-%d", test_cluster_folder(cluster), (int)getpid());
    test_sql(t->stage.pg, "DELETE FROM drumbeat.ended; DELETE FROM drumbeat.task_body; SELECT drumbeat.enqueue('noop', max_attempts => 100)");
    atomic_store(&t->order->nth, nth);
    atomic_store(&t->order->count, 0);
    atomic_store(&t->order->call, (int)calls[call].call);
    struct test_process *p CLEANUP(test_process_freep) = start(t, (const char *const[]){"up", "--state", state, "--pool", "1", NULL}, true);
    usec_t deadline = clock_boot() + SECONDS(60);
    while (!test_process_wait(p, MSEC(20)) && test_number(t->stage.pg, "SELECT count(*) FROM drumbeat.ended WHERE status = 'SUCCESS'") == 0)
        ck_assert_msg(clock_boot() < deadline, "%s: neither works nor ends:\n%.3000s", what, test_process_errors(p));
    size_t count = family(test_process_pid(p), 0, rest, sizeof rest / sizeof *rest);
    test_process_signal(p, SIGTERM);
    ck_assert_msg(test_process_wait(p, SECONDS(45)), "%s: does not stop:\n%.3000s", what, test_process_errors(p));
    atomic_store(&t->order->call, NTH_NOTHING);
    int status = test_process_status(p);
    ck_assert_msg(status >= 0 && status < 128, "%s: status %d:\n%.3000s", what, status, test_process_errors(p));
    ck_assert_msg(status == 0 || *test_process_errors(p) || calls[call].call == NTH_WRITE, "%s: status %d without a word", what, status);
    usec_t ended = clock_boot(); /* the kernel ends them one after the other, each with its parent */
    for (size_t i = 0; i < count; i++) {
        while (is_alive(rest[i]) && clock_boot() < ended + TEST_PATIENCE)
            test_pause(ended);
        ck_assert_msg(!is_alive(rest[i]), "%s: process %d is left", what, (int)rest[i]);
    }
}

static void try_up(struct trial *t)
{
    const char *text = getenv("NTH_RUNS");
    int runs = text ? atoi(text) : 1;
    test_sql(t->stage.pg, "INSERT INTO registry.sync_log (handler_name, successful) VALUES ('done', true)"); /* no first round */
    srand((unsigned)clock_now());
    for (size_t call = 0; call < CALLS; call++)
        if (!SANITIZED || calls[call].inside)
            for (int i = 0; i < runs; i++)
                run_up(t, call, 1 + rand() % (calls[call].call == NTH_MALLOC ? 4000 : calls[call].call == NTH_SEND || calls[call].call == NTH_WRITE ? 40 : 6));
}

static void run_clean(struct trial *t, const char *handler)
{
    struct test_process *p CLEANUP(test_process_freep) = start(t, (const char *const[]){"run", handler, NULL}, false);
    ck_assert(test_process_wait(p, SECONDS(60)));
    ck_assert_msg(test_process_status(p) == 0, "%s: %s", handler, test_process_errors(p));
}

static void try_program(size_t number)
{
    struct trial t = {0};
    open_trial(&t, number < PROGRAMS && programs[number].syncs);
    if (number == PROGRAMS) {
        try_up(&t);
        pg_close(t.stage.pg);
        return;
    }
    if (programs[number].syncs)
        run_clean(&t, "pmp.workspaces");
    for (size_t call = 0; call < CALLS; call++)
        if (!SANITIZED || calls[call].inside)
            try_call(&t, &programs[number], call);
    pg_close(t.stage.pg);
    sandbox_stop();
}

START_TEST(a_call_that_fails_is_told_and_breaks_nothing)
{
    test_cluster_database(cluster);
    beside(PROGRAMS + 1, try_program);
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("nth");
    tcase_set_timeout(tests, getenv("NTH_RUNS") ? 36000 : 120);
    tcase_add_test(tests, a_call_that_fails_is_told_and_breaks_nothing);
    int failed = test_main_case("nth", tests);
    test_cluster_stop(cluster);
    return failed;
}
