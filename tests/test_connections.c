/* Faults of the connections to PostgreSQL, for a worker and a beat: cut, silent, swallowed, stopped backends, a restart, the promotion of
 * a standby. Within ten seconds after the fault's end all seats work and ticks are emitted, by themselves, and nothing was lost or done
 * twice. Each fault has a database, a proxy, a worker and a beat of its own; they run beside each other. */
#include "tests/fixture/main.h"
#include "tests/fixture/proxy.h"
#include "tests/fixture/standby.h"
#include "tests/storm/beside.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { POOL = 4, STOPPED_MAX = 16 };

/* Of this promise a machine that stands still may break a part, but not all. CONNECTIONS_LATE, how many may be late, is for machines that
 * do nothing else. */
static const usec_t normal_again = SECONDS(10);
enum { LATE_MAX = 3 }; /* of seven, on two processors that thirty want */
static int *late; /* shared by all that play */

struct scene {
    struct stage stage;
    struct test_proxy *proxy;
    struct test_standby *standby;
    struct test_process *worker, *beat;
    pid_t stopped[STOPPED_MAX];
    size_t stopped_count;
};

/* Faults -------------------------------------------------------------------------------------------------------------- */

static void cut(struct scene *s)
{
    test_proxy_cut(s->proxy);
}

static void fall_silent(struct scene *s)
{
    test_proxy_silence(s->proxy);
}

static void speak(struct scene *s)
{
    test_proxy_speak(s->proxy, false);
}

static void speak_to_new_ones(struct scene *s)
{
    test_proxy_speak(s->proxy, true);
}

static void cut_anywhere(struct scene *s)
{
    test_proxy_cut_within(s->proxy, 30000);
    test_proxy_cut(s->proxy);
}

static void cut_no_more(struct scene *s)
{
    test_proxy_cut_within(s->proxy, 0);
    test_proxy_cut(s->proxy);
}

static const char backends[] = "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'drumbeat%'";

static void stop_backends(struct scene *s)
{
    const char *pids = stage_text(&s->stage, backends);
    char *end;
    for (s->stopped_count = 0; *pids && s->stopped_count < STOPPED_MAX; pids = end) {
        pid_t pid = (pid_t)strtol(pids, &end, 10);
        s->stopped[s->stopped_count++] = pid;
        kill(pid, SIGSTOP);
    }
}

static void continue_backends(struct scene *s)
{
    for (size_t i = 0; i < s->stopped_count; i++)
        kill(s->stopped[i], SIGCONT);
}

static void crash_server(struct scene *s)
{
    pg_close(s->stage.pg);
    test_cluster_crash(s->stage.cluster);
}

static void restart_server(struct scene *s)
{
    test_cluster_restart(s->stage.cluster);
    s->stage.pg = test_connect(s->stage.url);
}

/* The primary dies with what the standby does not have yet. */
static void lose_primary(struct scene *s)
{
    crash_server(s);
}

static void promote(struct scene *s)
{
    char url[512];
    test_standby_promote(s->standby);
    snprintf(url, sizeof url, "%.*s%s", (int)(strstr(s->stage.url, "?host=") - s->stage.url) + 6, s->stage.url, test_standby_host(s->standby));
    s->stage.url = stage_keep(url);
    s->stage.pg = test_connect(s->stage.url);
}

static const struct fault {
    const char *name;
    void (*begin)(struct scene *), (*end)(struct scene *);
    usec_t lasts;
    enum { THROUGH_PROXY, OWN_SERVER, WITH_STANDBY } way;
} faults[] = {
    {"cut connections", cut, cut, MSEC(500), THROUGH_PROXY},
    {"silence after which all arrives", fall_silent, speak, SECONDS(8), THROUGH_PROXY},
    {"silence that swallows what was sent", fall_silent, speak_to_new_ones, SECONDS(8), THROUGH_PROXY},
    {"cuts at any byte", cut_anywhere, cut_no_more, SECONDS(6), THROUGH_PROXY},
    {"stopped backends", stop_backends, continue_backends, SECONDS(8), OWN_SERVER},
    {"a restart of the server", crash_server, restart_server, SECONDS(4), OWN_SERVER},
    {"the promotion of a standby", lose_primary, promote, SECONDS(3), WITH_STANDBY},
};

/* A scene ------------------------------------------------------------------------------------------------------------- */

static struct test_cluster *shared;

static void start_programs(struct scene *s, const char *url)
{
    char variable[600];
    const char *worker[] = {test_build_path("drumbeat"), "worker", "--pool", "4", NULL}, *env[] = {variable, "DRUMBEAT_WORKER_LEASE=5s", NULL};
    snprintf(variable, sizeof variable, "DATABASE_URL=%s", url);
    s->worker = test_process_start(&(struct test_program){.argv = worker, .env = env});
    const char *beat[] = {test_build_path("drumbeat"), "beat", "--config", "/dev/null", NULL}; /* without the shipped schedules */
    s->beat = test_process_start(&(struct test_program){.argv = beat, .env = env});
    ck_assert_msg(test_process_wait_for(s->worker, "worker.registered", SECONDS(10)), "%s", test_process_errors(s->worker));
    ck_assert_msg(test_process_wait_for(s->beat, "beat.leads", SECONDS(15)), "%s", test_process_errors(s->beat));
}

static void open_scene(struct scene *s, const struct fault *fault)
{
    char both[1200];
    *s = (struct scene){0};
    struct test_cluster *cluster = fault->way == THROUGH_PROXY ? shared : test_cluster_start(NULL);
    stage_open(&s->stage, cluster);
    test_sql(s->stage.pg, "INSERT INTO drumbeat.schedule (name, handler, specs, catchup) VALUES ('each', 'effect', '{@every 1s}', 'all')");
    switch (fault->way) {
    case THROUGH_PROXY:
        s->proxy = test_proxy_start(s->stage.url);
        start_programs(s, test_proxy_url(s->proxy));
        break;
    case OWN_SERVER:
        start_programs(s, s->stage.url);
        break;
    case WITH_STANDBY:
        s->standby = test_standby_start(cluster);
        snprintf(both, sizeof both, "%s,%s&target_session_attrs=read-write", s->stage.url, test_standby_host(s->standby));
        start_programs(s, both);
        break;
    }
}

static void end_program(struct test_process *p, const char *name, const char *program)
{
    test_process_signal(p, SIGTERM);
    ck_assert_msg(test_process_wait(p, SECONDS(20)) && test_process_status(p) == 0, "%s: the %s ends with %d", name, program, test_process_status(p));
    test_process_free(p);
}

static void close_scene(struct scene *s, const struct fault *fault)
{
    ck_assert_msg(stage_wait(&s->stage, "SELECT count(*) FROM drumbeat.task WHERE ended_at IS NULL AND schedule IS NULL", 0, SECONDS(10)), "%s: tasks are left",
                  fault->name);
    end_program(s->beat, fault->name, "beat");
    ck_assert(stage_wait(&s->stage, "SELECT count(*) FROM drumbeat.task WHERE ended_at IS NULL", 0, SECONDS(10)));
    end_program(s->worker, fault->name, "worker");
    invariants_assert(s->stage.pg, true);
    ck_assert_int_eq(test_number(s->stage.pg, "SELECT count(*) FROM drumbeat.ended WHERE status <> 'SUCCESS'"), 0);
    if (s->proxy)
        test_proxy_stop(s->proxy);
    if (s->standby)
        test_standby_stop(s->standby);
}

/* All seats work and ticks are emitted: a look with tasks that have to be spread. */
static bool is_normal(struct scene *s)
{
    usec_t began = clock_boot();
    const char *since = stage_text(&s->stage, "SELECT date_trunc('milliseconds', clock_timestamp())::text");
    char done[256], seats[256];
    test_sql(s->stage.pg, "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.2}'::jsonb, ARRAY[12]), max_attempts => 100)");
    snprintf(done, sizeof done, "SELECT count(*) FROM drumbeat.task WHERE name = 'sleep' AND created_at >= '%s' AND ended_at IS NOT NULL", since);
    snprintf(seats, sizeof seats, "SELECT count(DISTINCT e.pid) FROM drumbeat.ended e JOIN drumbeat.task_body b ON b.id = e.task_id"
                                  " WHERE b.name = 'sleep' AND b.created_at >= '%s'", since);
    test_process_wait(s->worker, 0);
    test_process_wait(s->beat, 0);
    return stage_wait(&s->stage, done, 12, MSEC(1500)) && clock_boot() - began < SECONDS(2) && test_number(s->stage.pg, seats) == POOL &&
           test_number(s->stage.pg, "SELECT count(*) FROM drumbeat.tick WHERE tick_at > clock_timestamp() - interval '3 s'") > 0;
}

static const char *log_end(struct test_process *p)
{
    const char *errors = test_process_errors(p);
    size_t length = strlen(errors);
    return errors + (length > 2500 ? length - 2500 : 0);
}

static void play(size_t number)
{
    const struct fault *fault = &faults[number];
    struct scene s;
    open_scene(&s, fault);
    usec_t deadline = test_deadline(TEST_PATIENCE);
    while (!is_normal(&s))
        ck_assert_msg(clock_boot() < deadline, "%s: never normal:\n%s", fault->name, log_end(s.worker));
    /* Retries do not wait for long: what fails in its middle for want of a connection is charged. */
    test_sql(s.stage.pg, "SELECT drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[2000]), max_attempts => 100)");
    test_sql(s.stage.pg, "SELECT drumbeat.enqueue_many('sleep', array_fill('{\"seconds\": 0.05}'::jsonb, ARRAY[40]), max_attempts => 100)");
    if (s.standby)
        test_standby_catch_up(s.standby, s.stage.pg);
    fault->begin(&s);
    usleep((useconds_t)fault->lasts);
    fault->end(&s);
    usec_t began = clock_boot();
    while (!is_normal(&s))
        ck_assert_msg(clock_boot() < began + TEST_PATIENCE, "%s: not normal again:\n%s\n%s", fault->name, log_end(s.worker), log_end(s.beat));
    usec_t took = clock_boot() - began;
    __atomic_fetch_add(late, took > normal_again, __ATOMIC_SEQ_CST);
    printf("connections: %.1f s after %s\n", (double)took / 1e6, fault->name);
    fflush(stdout);
    close_scene(&s, fault);
}

START_TEST(throughput_is_normal_within_ten_seconds_of_a_faults_end)
{
    const char *text = getenv("CONNECTIONS_LATE");
    test_cluster_database(shared);
    late = mmap(NULL, sizeof *late, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(late, MAP_FAILED);
    beside(sizeof faults / sizeof *faults, play);
    ck_assert_int_le(*late, text ? atoi(text) : LATE_MAX);
}
END_TEST

int main(void)
{
    shared = test_cluster_start(NULL);
    TCase *tests = tcase_create("connections");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, throughput_is_normal_within_ten_seconds_of_a_faults_end);
    int failed = test_main_case("connections", tests);
    test_cluster_stop(shared);
    return failed;
}
