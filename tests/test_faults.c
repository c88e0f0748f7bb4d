/* Faults of the machine and of those who mean harm: full disks below the log and below the write-ahead log, too few descriptors, a flood of
 * forged notifications, a thousand retries at once. */
#include "tests/fixture/main.h"
#include "tests/storm/family.h"
#include "tests/storm/invariants.h"
#include "tests/storm/stage.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FAMILY_MAX = 64 };

static struct test_cluster *cluster;
static struct stage s;
static bool may_mount; /* we have a mount namespace of our own */

static void open_stage(void)
{
    stage_open(&s, cluster);
}

static void close_stage(void)
{
    stage_close(&s);
}

static void assert_works_within(usec_t limit)
{
    char sql[160];
    /* As fine as created_at is. */
    const char *since = stage_text(&s, "SELECT date_trunc('milliseconds', clock_timestamp())::text");
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('effect', array_fill('{}'::jsonb, ARRAY[20]), max_attempts => 20)");
    snprintf(sql, sizeof sql, "SELECT count(*) FROM drumbeat.task WHERE name = 'effect' AND status = 'SUCCESS' AND created_at >= '%s'", since);
    bool works = stage_wait(&s, sql, 20, limit);
    const char *log = s.count ? test_process_errors(s.workers[0]) : "";
    ck_assert_msg(works, "%lld of 20 in time:\n%s", (long long)test_number(s.pg, sql), log + (strlen(log) > 3000 ? strlen(log) - 3000 : 0));
}

static void end_all(void)
{
    for (size_t i = 0; i < s.count; i++)
        stage_stop(s.workers[i], SECONDS(15));
    invariants_assert(s.pg, true);
}

/* Full disks ------------------------------------------------------------------------------------------------------------ */

START_TEST(a_log_on_a_full_disk_stops_nothing)
{
    char command[600];
    snprintf(command, sizeof command, "exec %s worker --pool 2 2>/dev/full", test_build_path("drumbeat"));
    char url[600];
    snprintf(url, sizeof url, "DATABASE_URL=%s", s.url);
    const char *argv[] = {"/bin/sh", "-c", command, NULL}, *env[] = {url, NULL};
    s.workers[s.count++] = test_process_start(&(struct test_program){.argv = argv, .env = env});
    test_sql(s.pg, "SELECT drumbeat.enqueue('crash', '{\"times\": 1}')"); /* something to log */
    assert_works_within(SECONDS(10));
    end_all();
}
END_TEST

/* The write-ahead log gets a disk of its own, which is filled: the server panics, and cannot come up while it is full. */
static void move_wal_to_small_disk(const char *disk)
{
    char from[512], to[600];
    test_cluster_crash(cluster);
    snprintf(from, sizeof from, "%s/data/pg_wal", test_cluster_folder(cluster));
    snprintf(to, sizeof to, "%s/pg_wal", disk);
    ck_assert_int_eq(mkdir(disk, 0777), 0);
    ck_assert_msg(mount("small", disk, "tmpfs", 0, "size=96m,mode=0777") == 0, "%s: %s", disk, strerror(errno));
    const char *copy[] = {"/bin/cp", "-a", from, to, NULL}, *removal[] = {"/bin/rm", "-rf", from, NULL};
    for (int i = 0; i < 2; i++) {
        struct test_process *p CLEANUP(test_process_freep) = test_process_start(&(struct test_program){.argv = i ? removal : copy});
        ck_assert(test_process_wait(p, SECONDS(20)));
        ck_assert_int_eq(test_process_status(p), 0);
    }
    ck_assert_int_eq(symlink(to, from), 0);
    test_cluster_restart(cluster);
    pg_close(s.pg);
    s.pg = test_connect(s.url);
}

static void fill(const char *path)
{
    static char zeros[1 << 20];
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    setvbuf(file, NULL, _IONBF, 0);
    while (fwrite(zeros, 1, sizeof zeros, file) == sizeof zeros)
        ;
    fclose(file);
}

/* Enough to need another segment: with none to be had the server goes down. */
static void write_until_it_ends(void)
{
    static const struct sql bulk = {.name = "bulk", .text = "INSERT INTO bulk SELECT repeat('x', 1000) FROM generate_series(1, 30000)"};
    struct err e;
    for (int i = 0; i < 20; i++)
        if (!pg_exec(s.pg, &bulk, NULL, &e))
            return;
    ck_abort_msg("the disk was not full");
}

START_TEST(a_full_disk_below_the_write_ahead_log_loses_nothing)
{
    char disk[512], filler[600];
    if (!may_mount)
        return;
    snprintf(disk, sizeof disk, "%s/small", test_cluster_folder(cluster));
    snprintf(filler, sizeof filler, "%s/filler", disk);
    move_wal_to_small_disk(disk);
    test_sql(s.pg, "CREATE TABLE bulk (t text)");
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "2");
    assert_works_within(SECONDS(10));
    test_sql(s.pg, "SELECT drumbeat.enqueue_many('effect', array_fill('{}'::jsonb, ARRAY[200]), max_attempts => 20)");
    fill(filler);
    write_until_it_ends();
    usleep(1000000);
    ck_assert_int_eq(test_process_status(worker), -1);
    ck_assert_int_eq(unlink(filler), 0);
    test_cluster_crash(cluster); /* whatever is left of it: the service manager's part */
    test_cluster_restart(cluster);
    pg_close(s.pg);
    s.pg = test_connect(s.url);
    assert_works_within(SECONDS(10));
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE ended_at IS NULL", 0, SECONDS(15)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.task WHERE status <> 'SUCCESS'"), 0);
    end_all();
}
END_TEST

/* Limits ------------------------------------------------------------------------------------------------------------------ */

static void limit_files(struct test_process *worker, rlim_t limit)
{
    pid_t members[FAMILY_MAX];
    size_t count = family(test_process_pid(worker), 0, members, FAMILY_MAX);
    struct rlimit old, now;
    members[count++] = test_process_pid(worker);
    for (size_t i = 0; i < count; i++) {
        if (prlimit(members[i], RLIMIT_NOFILE, NULL, &old) != 0)
            continue;
        now = (struct rlimit){.rlim_cur = limit < old.rlim_max ? limit : old.rlim_max, .rlim_max = old.rlim_max};
        prlimit(members[i], RLIMIT_NOFILE, &now, NULL);
    }
}

static double cpu_seconds(pid_t pid)
{
    char path[64], line[1024] = "";
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *stat = fopen(path, "re");
    if (stat && fgets(line, sizeof line, stat) && strrchr(line, ')'))
        sscanf(strrchr(line, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
    if (stat)
        fclose(stat);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

/* New children cannot open a connection for a while: nobody spins, and when they can again they work. */
START_TEST(too_few_descriptors_are_waited_out)
{
    struct test_process *worker = stage_worker(&s, NULL, "--pool", "2");
    assert_works_within(SECONDS(10));
    limit_files(worker, 9);
    for (int i = 0; i < 6; i++) {
        family_kill(test_process_pid(worker), 2, (unsigned)i);
        usleep(100000);
    }
    double before = cpu_seconds(test_process_pid(worker));
    sleep(2);
    ck_assert_msg(cpu_seconds(test_process_pid(worker)) - before < 0.2, "it spins");
    ck_assert_int_eq(test_process_status(worker), -1);
    for (int i = 0; i < 3; i++) { /* a child that was forked meanwhile has the old limit */
        limit_files(worker, 1024);
        usleep(20000);
    }
    assert_works_within(SECONDS(10));
    end_all();
}
END_TEST

/* Forged notifications ------------------------------------------------------------------------------------------------------ */

static long resident_pages(pid_t pid)
{
    char path[64];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *statm = fopen(path, "re");
    ck_assert(statm && fscanf(statm, "%*d %ld", &pages) == 1);
    fclose(statm);
    return pages;
}

static void forge(const char *payload, int count)
{
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT count(pg_notify('drumbeat', %s)) FROM generate_series(1, %d) g", payload, count);
    test_number(s.pg, sql);
}

START_TEST(forged_notifications_start_stop_and_starve_nothing)
{
    stage_worker(&s, NULL, "--pool", "2");
    const char *id = stage_enqueue(&s, "SELECT drumbeat.enqueue('sleep', '{\"seconds\": 5}')");
    assert_works_within(SECONDS(10));
    pid_t members[FAMILY_MAX];
    size_t count = family(test_process_pid(s.workers[0]), 2, members, FAMILY_MAX);
    long before = 0, after = 0;
    for (size_t i = 0; i < count; i++)
        before += resident_pages(members[i]);
    forge("'cancel ' || gen_random_uuid()", 5000);
    forge("'ready default 5 0 ' || g", 5000);
    forge("'ready q' || g || ' 5 0 0'", 5000);
    forge("'ready default ' || g || ' ' || -g || ' 99999999999999999999'", 5000);
    forge("repeat('x', g % 7000) || g", 5000);
    assert_works_within(SECONDS(20));
    ck_assert(stage_ends(&s, stage_enqueue(&s, "SELECT drumbeat.enqueue('noop', queue => 'never-seen-before')"), "SUCCESS", SECONDS(10)));
    ck_assert(stage_ends(&s, id, "SUCCESS", SECONDS(10)));
    ck_assert_str_eq(stage_task(&s, id, "attempt"), "1");
    for (size_t i = 0; i < count; i++)
        after += is_alive(members[i]) ? resident_pages(members[i]) : 0;
    ck_assert_msg(after - before < (8 << 20) / sysconf(_SC_PAGESIZE), "%ld pages more", after - before);
    end_all();
}
END_TEST

/* Retries -------------------------------------------------------------------------------------------------------------------- */

/* What fails all at once does not come back all at once: the moments for the third attempts, as they are set and not as a busy machine keeps
 * them, have no peak above three times their mean. */
START_TEST(retries_of_many_are_spread)
{
    test_sql(s.pg, "CREATE TABLE third (run_at timestamptz);"
                   "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO third VALUES (NEW.run_at); RETURN NULL; END $$;"
                   "CREATE TRIGGER note AFTER INSERT ON drumbeat.delayed FOR EACH ROW WHEN (NEW.attempt = 2) EXECUTE FUNCTION note();"
                   "SELECT drumbeat.enqueue_many('fail', array_fill('{\"times\": 2}'::jsonb, ARRAY[1000]), max_attempts => 5)");
    stage_worker(&s, NULL, "--pool", "2");
    ck_assert(stage_wait(&s, "SELECT count(*) FROM drumbeat.task WHERE status = 'SUCCESS'", 1000, SECONDS(30)));
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM drumbeat.past_attempt"), 2000);
    const char *peak = stage_text(&s, "SELECT max(n) || ' of ' || sum(n) || ' in 200 ms' FROM (SELECT count(*) AS n FROM third"
                                      " GROUP BY date_bin('200 ms', run_at, '2000-01-01')) b");
    ck_assert_int_eq(test_number(s.pg, "SELECT count(*) FROM third"), 1000);
    ck_assert_msg(atoi(peak) <= 3 * 1000 / 10, "%s", peak);
    end_all();
}
END_TEST

/* Mounts that go with the processes that see them. */
static bool own_mounts(void)
{
    return getuid() == 0 && unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

int main(void)
{
    may_mount = own_mounts();
    if (!may_mount)
        printf("faults: no mounts of our own: the full disk below the write-ahead log is left out\n");
    cluster = test_cluster_start(NULL);
    TCase *tests = tcase_create("faults");
    tcase_set_timeout(tests, 90);
    tcase_add_checked_fixture(tests, open_stage, close_stage);
    tcase_add_test(tests, a_log_on_a_full_disk_stops_nothing);
    tcase_add_test(tests, too_few_descriptors_are_waited_out);
    tcase_add_test(tests, forged_notifications_start_stop_and_starve_nothing);
    tcase_add_test(tests, retries_of_many_are_spread);
    tcase_add_test(tests, a_full_disk_below_the_write_ahead_log_loses_nothing);
    int failed = test_main_case("faults", tests);
    test_cluster_stop(cluster);
    return failed;
}
