/* A steady load for a long time, with a fault now and then: what a worker holds does not grow with its days. Two workers whose supervisors live from
 * the beginning to the end get so many tasks a second; children are killed, sessions cut, configurations read again and, more seldom, the
 * server is killed. Every effect happens once, and the supervisors end with the descriptors and about the memory that they had when they were warm.
 *
 * STEADY_SECONDS makes it longer, STEADY_EVERY is the time between two faults in milliseconds; STEADY_SEED replays the dice. */
#include "tests/fixture/main.h"
#include "tests/storm/family.h"
#include "tests/storm/stage.h"

#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS = 2, DEPTH_CHILDREN = 2, TURNS_A_SECOND = 10, LONG_RUN = 600 };

/* Of a process that has served for a while: what allocators keep back is no leak. */
static const int64_t growth_max = 4 << 20;
static const usec_t pace = SECONDS(1) / TURNS_A_SECOND;

struct steady {
    struct stage stage;
    struct test_process *worker[WORKERS];
    int64_t enqueued; /* effects */
    int faults;
};

static struct test_cluster *cluster;

static long number_from(const char *variable, long fallback)
{
    const char *text = getenv(variable);
    return text && *text ? atol(text) : fallback;
}

/* What a process holds ------------------------------------------------------------------------------------------------ */

static int descriptors_of(pid_t pid)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

/* The second field of /proc/PID/statm (proc(5)), in bytes. */
static int64_t resident_of(pid_t pid)
{
    char path[64];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* Load and faults ----------------------------------------------------------------------------------------------------- */

static bool enqueue_turn(struct steady *s)
{
    static const struct sql query = {.name = "steady", .text = "SELECT count(*) FROM (SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[45]))"
                                                               " UNION ALL SELECT drumbeat.enqueue_many('effect', array_fill('{}'::jsonb, ARRAY[5]))) t"};
    struct err e;
    struct pg_rows rows;
    if (!pg_exec(s->stage.pg, &query, &rows, &e))
        return false;
    s->enqueued += 5;
    return true;
}

static void crash_server(struct steady *s)
{
    pg_close(s->stage.pg);
    test_cluster_crash(cluster);
    test_cluster_restart(cluster);
    s->stage.pg = test_connect(s->stage.url);
}

static void make_fault(struct steady *s)
{
    struct test_process *worker = s->worker[s->faults % WORKERS];
    int kind = s->faults++ % 8;
    if (kind == 7)
        crash_server(s);
    else if (kind == 3)
        test_process_signal(worker, SIGHUP);
    else if (kind == 5)
        test_sql(s->stage.pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'drumbeat%' AND datname = current_database()");
    else
        family_kill(test_process_pid(worker), DEPTH_CHILDREN, (unsigned)random());
}

static void run_for(struct steady *s, usec_t duration, usec_t fault_every)
{
    usec_t began = clock_boot(), fault_at = began + fault_every;
    for (usec_t turn_at = began; turn_at < began + duration; turn_at += pace) {
        if (clock_boot() < turn_at)
            usleep((useconds_t)(turn_at - clock_boot()));
        ck_assert(enqueue_turn(s));
        for (int i = 0; i < WORKERS; i++)
            test_process_wait(s->worker[i], 0);
        if (clock_boot() >= fault_at) {
            make_fault(s);
            fault_at = clock_boot() + fault_every;
        }
    }
}

/* How late tasks of the last minutes began, in milliseconds. */
static int64_t lateness(struct steady *s)
{
    return test_number(s->stage.pg, "SELECT coalesce(percentile_disc(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - created_at) * 1000), 0)::bigint"
                                    "  FROM drumbeat.task WHERE created_at > clock_timestamp() - interval '5 minutes' AND started_at IS NOT NULL");
}

static void await_rest(struct steady *s)
{
    ck_assert(stage_wait(&s->stage, "SELECT count(*) FROM drumbeat.task WHERE status IN ('QUEUED', 'RUNNING')", 0, SECONDS(60)));
}

/* A child that is being replaced, or a configuration that is being read, has descriptors of its own for a moment. */
static void await_descriptors(const struct test_process *worker, int wanted)
{
    pid_t pid = test_process_pid(worker);
    usec_t deadline = test_deadline(SECONDS(30));
    while (descriptors_of(pid) != wanted && clock_boot() < deadline)
        usleep(20000);
    ck_assert_int_eq(descriptors_of(pid), wanted);
}

START_TEST(what_a_worker_holds_does_not_grow_with_its_days)
{
    struct steady s = {0};
    usec_t duration = SECONDS(number_from("STEADY_SECONDS", 9)), fault_every = MSEC(number_from("STEADY_EVERY", 500));
    int descriptors[WORKERS];
    int64_t resident[WORKERS];
    long seed = number_from("STEADY_SEED", (long)getpid());
    printf("steady: STEADY_SEED=%ld\n", seed);
    srandom((unsigned)seed);
    stage_open(&s.stage, cluster);
    const char *config = stage_config(&s.stage, "worker: {pool: 2, lease: 5s}\nhistory: {success: 1h}\nhandlers: {effect: {max_deaths: 100, max_attempts: 100}}\n");
    for (int i = 0; i < WORKERS; i++)
        s.worker[i] = stage_worker(&s.stage, NULL, "--config", config);
    for (int i = 0; i < WORKERS; i++)
        ck_assert(test_process_wait_for(s.worker[i], "worker.registered", SECONDS(30)));
    for (int i = 0; i < WORKERS; i++)
        descriptors[i] = descriptors_of(test_process_pid(s.worker[i]));
    run_for(&s, duration / 3, fault_every);
    int64_t late_at_first = lateness(&s);
    for (int i = 0; i < WORKERS; i++)
        resident[i] = resident_of(test_process_pid(s.worker[i]));
    run_for(&s, duration - duration / 3, fault_every);
    int64_t late_at_last = lateness(&s);
    await_rest(&s);
    ck_assert_int_eq(test_number(s.stage.pg, "SELECT count(*) FROM drumbeat.trial_effect"), s.enqueued);
    for (int i = 0; i < WORKERS; i++) {
        int64_t grown = resident_of(test_process_pid(s.worker[i])) - resident[i];
        printf("steady: %d faults, %" PRId64 " effects, start p99 %" PRId64 " then %" PRId64 " ms, grown by %" PRId64 " KiB, %d descriptors\n", s.faults, s.enqueued,
               late_at_first, late_at_last, grown / 1024, descriptors[i]);
        ck_assert_int_lt(grown, growth_max);
        await_descriptors(s.worker[i], descriptors[i]);
    }
    if (duration >= SECONDS(LONG_RUN))
        ck_assert_int_lt(late_at_last, 2 * late_at_first + 10);
    stage_close(&s.stage);
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("steady");
    tcase_set_timeout(tests, (double)number_from("STEADY_SECONDS", 9) + 300);
    tcase_add_test(tests, what_a_worker_holds_does_not_grow_with_its_days);
    return test_main_case("steady", tests);
}
