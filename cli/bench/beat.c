/* beat: a real beat that has nothing but our schedules: how long it takes to load them, what it holds, what waiting
 * costs, and how long after the moment at which all of them are due every task is there. */
#include "cli/bench/bench.h"
#include "cli/bench/pss.h"
#include "cli/up/process.h"
#include "common/store/migrate.h"
#include "sql/queries.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 10000 /* schedules a statement */, LOOK_MS = 10, CONFIG_SIZE = 64, STAT_SIZE = 1024 };

#define SETTLE SECONDS(6) /* for measuring what waiting costs */
#define STOP_LIMIT SECONDS(10)
#define EMIT_LIMIT MINUTES(10)

struct bench_beat {
    struct bench *bench;
    struct text url; /* of the database */
    struct pg *pg;
    bool made;
    pid_t pid;
    char config[CONFIG_SIZE]; /* a file without schedules */
    usec_t due;               /* by the server's clock */
};

static void stop_beat(struct bench_beat *t)
{
    if (t->pid <= 0)
        return;
    kill(t->pid, SIGTERM);
    if (!process_wait_end(t->pid, STOP_LIMIT))
        kill(t->pid, SIGKILL);
    waitpid(t->pid, NULL, 0);
}

static void close_beat(struct bench_beat *t)
{
    struct err ignored;
    stop_beat(t);
    pg_close(t->pg);
    if (t->config[0])
        unlink(t->config);
    if (t->made)
        pg_exec(t->bench->session->pg, &sql_bench_beat_drop, NULL, &ignored);
    text_free(&t->url);
}

/* The same server, another database: of what is said twice, libpq takes the last. */
static bool name_database(struct bench_beat *t, struct err *e)
{
    const char *url = session_url(t->bench->session, e);
    if (!url)
        return false;
    bool uri = strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
    text_printf(&t->url, "%s%sdbname=drumbeat_bench", url, !uri ? " " : strchr(url, '?') ? "&" : "?");
    return true;
}

static bool make_database(struct bench_beat *t, struct err *e)
{
    int applied;
    if (!pg_exec(t->bench->session->pg, &sql_bench_beat_create, NULL, e))
        return err_add(e, "bench: a database for its schedules (if one was left behind: dropdb drumbeat_bench)");
    t->made = true;
    struct pg_options options = {
        .url = text_str(&t->url), .application = "drumbeat bench", .call_timeout = MINUTES(10)};
    t->pg = pg_open(&options, e);
    return t->pg && migrate(t->pg, &applied, e);
}

static bool fill_chunk(struct bench_beat *t, int64_t first, int64_t count, struct err *e)
{
    return pg_exec(t->pg, &sql_bench_beat_fill, NULL, e, pg_int(first), pg_int(first + count - 1), pg_time(t->due));
}

/* They are due when the beat has surely loaded them: writing down a schedule takes the server less than half as long as inserting it
 * does, and how long that takes is tried first. */
static bool choose_due(struct bench_beat *t, int64_t chunks, struct err *e)
{
    usec_t begun = clock_boot();
    t->due = clock_now() + DAYS(1);
    if (!fill_chunk(t, 1, CHUNK, e) || !pg_exec(t->pg, &sql_bench_beat_empty, NULL, e))
        return false;
    usec_t later = (clock_boot() - begun) * chunks * 5 + SETTLE + SECONDS(3);
    t->due = (clock_now() + later) / SECONDS(1) * SECONDS(1);
    return true;
}

static bool fill(struct bench_beat *t, struct err *e)
{
    int64_t count = t->bench->tasks;
    t->bench->schedules = count;
    if (!choose_due(t, (count + CHUNK - 1) / CHUNK, e))
        return false;
    for (int64_t done = 0; done < count; done += CHUNK)
        if (bench_interrupted(e) || !fill_chunk(t, done + 1, count - done < CHUNK ? count - done : CHUNK, e))
            return false;
    return true;
}

static bool write_config(struct bench_beat *t, struct err *e)
{
    static const char nothing[] = "schedules: {}\n";
    char path[] = P_tmpdir "/drumbeat-bench-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0)
        return err_set(e, ERR_FAILED, "%s cannot be made", path);
    snprintf(t->config, sizeof t->config, "%s", path);
    bool good = write(fd, nothing, sizeof nothing - 1) == (ssize_t)(sizeof nothing - 1);
    close(fd);
    return good || err_set(e, ERR_FAILED, "%s cannot be written", path);
}

static bool start_beat(struct bench_beat *t, struct err *e)
{
    CLEANUP(text_free) struct text url = {0};
    text_printf(&url, "DATABASE_URL=%s", text_str(&t->url));
    const char *words[] = {"/proc/self/exe", "beat", "--config", t->config, NULL};
    const char *env[] = {text_str(&url), "DRUMBEAT_LOG_LEVEL=error", NULL};
    struct program program = {.argv = words, .env = env, .output = -1, .death_signal = SIGTERM};
    return write_config(t, e) && (process_start(&program, &t->pid, e) || err_add(e, "beat"));
}

static bool goes_on(struct bench_beat *t, struct err *e)
{
    if (bench_interrupted(e))
        return false;
    if (waitpid(t->pid, NULL, WNOHANG) == 0)
        return true;
    t->pid = 0;
    return err_set(e, ERR_FAILED, "bench: its beat ended");
}

/* Seconds of CPU that the beat has used (utime and stime of proc(5)). */
static double cpu_seconds(const struct bench_beat *t)
{
    char path[CONFIG_SIZE], line[STAT_SIZE];
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)t->pid);
    FILE *file = fopen(path, "re");
    const char *rest = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (file)
        fclose(file);
    if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2)
        return 0;
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static double pss_mib(const struct bench_beat *t)
{
    return (double)pss_of_tree(t->pid, NULL) / (1 << 20);
}

/* Until every schedule has its next tick. The beat takes them in the order in which they were defined, so that only the last one is
 * looked at until it is done: counting a million rows again and again would slow down what is measured. */
static bool await_load(struct bench_beat *t, usec_t begun, struct err *e)
{
    struct pg_rows rows;
    do {
        poll(NULL, 0, LOOK_MS);
        if (!goes_on(t, e) || !pg_exec(t->pg, &sql_bench_beat_placed, &rows, e))
            return false;
    } while (!pg_get_bool(&rows, 0, 0));
    t->bench->beat_load_s = (double)(clock_boot() - begun) / 1e6;
    t->bench->beat_load_cpu_s = cpu_seconds(t);
    t->bench->beat_pss_mib = pss_mib(t);
    if (!pg_exec(t->pg, &sql_bench_beat_unplaced, &rows, e))
        return false;
    if (pg_get_int(&rows, 0, 0) > 0)
        return err_set(e, ERR_FAILED, "bench: the beat left schedules without a next tick");
    usec_t left = t->due - clock_now();
    return left > SECONDS(1) || err_set(e, ERR_FAILED, "bench: the beat took too long to load: it was due before");
}

static bool rest_until_due(struct bench_beat *t, struct err *e)
{
    double cpu = cpu_seconds(t);
    usec_t begun = clock_boot();
    while (clock_now() < t->due - MSEC(300)) {
        if (!goes_on(t, e))
            return false;
        poll(NULL, 0, LOOK_MS);
    }
    t->bench->beat_idle_cpu = (cpu_seconds(t) - cpu) * 1e9 / (double)(clock_boot() - begun);
    return true;
}

/* The cheap question is asked until it says that the last tasks are on their way, then the exact one. */
static bool await_tasks(struct bench_beat *t, struct err *e)
{
    struct pg_rows rows;
    usec_t deadline = clock_boot() + EMIT_LIMIT;
    double cpu = cpu_seconds(t);
    int64_t wanted = t->bench->schedules, tasks = 0, ticks = 0;
    while (tasks < wanted && clock_boot() < deadline) {
        poll(NULL, 0, LOOK_MS);
        if (!goes_on(t, e) || !pg_exec(t->pg, &sql_bench_beat_begun, &rows, e))
            return false;
        if (pg_get_int(&rows, 0, 0) < wanted)
            continue;
        if (!pg_exec(t->pg, &sql_bench_beat_result, &rows, e, pg_time(t->due)))
            return false;
        tasks = pg_get_int(&rows, 0, 0);
        ticks = pg_get_int(&rows, 0, 1);
        t->bench->beat_emit_s = (double)(pg_get_time(&rows, 0, 2) - t->due) / 1e6;
    }
    t->bench->beat_emit_cpu_s = cpu_seconds(t) - cpu;
    t->bench->beat_busy_pss_mib = pss_mib(t);
    return (tasks == wanted && ticks == wanted) ||
           err_set(e, ERR_FAILED,
                   "bench: %" PRId64 " schedules were due, %" PRId64 " ticks and %" PRId64 " tasks came of it", wanted,
                   ticks, tasks);
}

bool bench_beat(struct bench *b, struct err *e)
{
    CLEANUP(close_beat) struct bench_beat t = {.bench = b};
    if (!name_database(&t, e) || !make_database(&t, e) || !fill(&t, e))
        return false;
    usec_t begun = clock_boot();
    return start_beat(&t, e) && await_load(&t, begun, e) && rest_until_due(&t, e) && await_tasks(&t, e);
}
