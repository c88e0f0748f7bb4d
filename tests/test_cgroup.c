/* Control groups: where they are looked for and what is written, on folders that stand in for the kernel; and on the kernel's own
 * where this machine lets us make groups. */
#include "common/base/text.h"
#include "tests/fixture/main.h"
#include "worker/cgroup.h"
#include "worker/proc.h"

#include <check.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64];

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about, (void)type, (void)where;
    return remove(path);
}

static void open_root(void)
{
    snprintf(root, sizeof root, "/tmp/drumbeat-cgroup-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static void close_root(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *path)
{
    static char whole[1024];
    snprintf(whole, sizeof whole, "%.200s/%.800s", root, path);
    return whole;
}

/* A file of the stand-in with all its folders. */
static void write_file(const char *path, const char *text)
{
    char whole[1024];
    snprintf(whole, sizeof whole, "%s", path_of(path));
    for (char *p = strchr(whole + strlen(root) + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(whole, 0755);
        *p = '/';
    }
    FILE *file = fopen(whole, "we");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

static const char *read_path(const char *path)
{
    static char text[1024];
    FILE *file = fopen(path, "re");
    size_t got = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[got] = '\0';
    if (file)
        fclose(file);
    return text;
}

static void assert_path(const char *path, const char *below_root)
{
    ck_assert_str_eq(path, path_of(below_root));
}

static const char *in_seat(const struct cgroups *g, enum cgroup_kind kind, int seat, const char *file)
{
    static char path[2048];
    snprintf(path, sizeof path, "%s/seat-%d/%s", g->worker[kind], seat, file);
    return path;
}

/* Where ------------------------------------------------------------------------------------------------------------- */

static const char first_mounts[] = "21 1 0:5 / / rw - ext4 /dev/root rw\n"
                                   "30 21 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
                                   "31 21 0:27 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids\n"
                                   "32 21 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
                                   "33 21 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n";

static void make_first_version(void)
{
    write_file("proc/self/mountinfo", first_mounts);
    write_file("proc/self/cgroup", "8:pids:/\n4:memory:/own/group\n3:cpu,cpuacct:/\n0::/elsewhere\n");
    write_file("sys/fs/cgroup/memory/own/group/cgroup.procs", "");
    write_file("sys/fs/cgroup/pids/cgroup.procs", "");
    write_file("sys/fs/cgroup/cpu/cgroup.procs", "");
}

START_TEST(in_version_1_each_controller_has_a_tree)
{
    struct cgroups g;
    make_first_version();
    cgroups_find(root, &g);
    ck_assert_int_eq(g.version, 1);
    assert_path(g.base[CGROUP_MEMORY], "sys/fs/cgroup/memory/own/group");
    assert_path(g.base[CGROUP_PIDS], "sys/fs/cgroup/pids");
    assert_path(g.base[CGROUP_CPU], "sys/fs/cgroup/cpu");
    ck_assert_str_eq(g.why, "");
}
END_TEST

/* A part of the processor is no limit: without it a child is held all the same, and with it alone it is not. */
START_TEST(the_processor_is_taken_where_it_is_to_be_had)
{
    struct cgroups g;
    make_first_version();
    unlink(path_of("sys/fs/cgroup/cpu/cgroup.procs"));
    cgroups_find(root, &g);
    ck_assert_int_eq(g.version, 1);
    ck_assert_str_eq(g.base[CGROUP_CPU], "");
    ck_assert_str_eq(g.why, "");
    make_first_version();
    unlink(path_of("sys/fs/cgroup/pids/cgroup.procs"));
    unlink(path_of("sys/fs/cgroup/memory/own/group/cgroup.procs"));
    cgroups_find(root, &g);
    ck_assert_int_eq(g.version, 0);
}
END_TEST

START_TEST(a_controller_that_is_missing_is_told_and_the_other_used)
{
    struct cgroups g;
    make_first_version();
    unlink(path_of("sys/fs/cgroup/memory/own/group/cgroup.procs"));
    cgroups_find(root, &g);
    ck_assert_int_eq(g.version, 1);
    ck_assert_str_eq(g.base[CGROUP_MEMORY], "");
    ck_assert_ptr_nonnull(strstr(g.why, "memory/own/group may not be written"));
}
END_TEST

/* A container that sees only a part of the tree: what is mounted is not the tree's root. */
START_TEST(the_part_of_a_tree_that_is_mounted_is_taken_off_the_path)
{
    struct cgroups g;
    write_file("proc/self/mountinfo", "30 21 0:26 /docker/1 /cg rw - cgroup cgroup rw,pids,memory\n");
    write_file("proc/self/cgroup", "4:pids,memory:/docker/1/own\n");
    write_file("cg/own/cgroup.procs", "");
    cgroups_find(root, &g);
    ck_assert_int_eq(g.version, 1);
    assert_path(g.base[CGROUP_MEMORY], "cg/own");
    assert_path(g.base[CGROUP_PIDS], "cg/own");
}
END_TEST

static void make_second_version(const char *on)
{
    write_file("proc/self/mountinfo", "30 21 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n");
    write_file("proc/self/cgroup", "0::/system.slice/drumbeat-worker.service\n");
    write_file("sys/fs/cgroup/system.slice/drumbeat-worker.service/cgroup.procs", "");
    write_file("sys/fs/cgroup/system.slice/drumbeat-worker.service/cgroup.subtree_control", "");
    write_file("sys/fs/cgroup/system.slice/drumbeat-worker.service/cgroup.controllers", on);
}

START_TEST(in_version_2_there_is_one_tree)
{
    struct cgroups g;
    make_second_version("cpu memory pids\n");
    cgroups_find(root, &g);
    ck_assert_int_eq(g.version, 2);
    assert_path(g.base[CGROUP_MEMORY], "sys/fs/cgroup/system.slice/drumbeat-worker.service");
    ck_assert_str_eq(g.base[CGROUP_PIDS], g.base[CGROUP_MEMORY]);
}
END_TEST

START_TEST(a_controller_that_is_not_delegated_is_told)
{
    struct cgroups g;
    make_second_version("cpu pids\n");
    cgroups_find(root, &g);
    ck_assert_int_eq(g.version, 2);
    ck_assert_str_eq(g.base[CGROUP_MEMORY], "");
    ck_assert_str_eq(g.why, "memory is not among the controllers of its control group");
    make_second_version("cpuset\n");
    cgroups_find(root, &g);
    ck_assert_int_eq(g.version, 0);
}
END_TEST

START_TEST(without_groups_the_reason_is_told)
{
    struct cgroups g;
    cgroups_find(root, &g);
    ck_assert_int_eq(g.version, 0);
    ck_assert_str_eq(g.why, "no control groups are mounted");
}
END_TEST

/* What is written ----------------------------------------------------------------------------------------------------- */

START_TEST(a_worker_of_version_2_moves_out_of_the_way_and_hands_controllers_down)
{
    struct cgroups g;
    char pid[24], path[1024];
    make_second_version("cpu memory pids\n");
    cgroups_open(root, 4, &g);
    ck_assert_int_eq(g.version, 2);
    ck_assert_str_eq(read_path(path_of("sys/fs/cgroup/system.slice/drumbeat-worker.service/cgroup.subtree_control")), "+memory +pids +cpu");
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    snprintf(path, sizeof path, "%s/main/cgroup.procs", g.worker[CGROUP_MEMORY]);
    ck_assert_str_eq(read_path(path), pid);
    snprintf(path, sizeof path, "%s/cgroup.subtree_control", g.worker[CGROUP_PIDS]);
    ck_assert_str_eq(read_path(path), "+memory +pids +cpu");
    ck_assert(cgroup_make(&g, 3));
    ck_assert_str_eq(read_path(in_seat(&g, CGROUP_MEMORY, 3, "memory.oom.group")), "1");
    ck_assert_str_eq(read_path(in_seat(&g, CGROUP_MEMORY, 3, "memory.swap.max")), "0");
    struct cgroup_limits limits = cgroup_open_limits(&g, 3);
    cgroup_set_memory(&limits, 1 << 20);
    cgroup_set_processes(&limits, 12);
    ck_assert_str_eq(read_path(in_seat(&g, CGROUP_MEMORY, 3, "memory.max")), "1048576");
    ck_assert_str_eq(read_path(in_seat(&g, CGROUP_PIDS, 3, "pids.max")), "12");
    ck_assert_int_eq(cgroup_memory_limit(&g, 3), 1 << 20);
}
END_TEST

START_TEST(kills_of_the_kernel_are_counted)
{
    struct cgroups g;
    char events[1024];
    make_second_version("memory pids\n");
    cgroups_open(root, 4, &g);
    ck_assert(cgroup_make(&g, 0));
    ck_assert_int_eq(cgroup_oom_kills(&g, 0), 0);
    snprintf(events, sizeof events, "%s", in_seat(&g, CGROUP_MEMORY, 0, "memory.events") + strlen(root) + 1);
    write_file(events, "low 0\nhigh 0\nmax 31\noom 2\noom_kill 2\noom_group_kill 1\n");
    ck_assert_int_eq(cgroup_oom_kills(&g, 0), 2);
}
END_TEST

START_TEST(a_child_is_put_into_each_tree_of_version_1)
{
    struct cgroups g;
    char shares[1024];
    make_first_version();
    cgroups_open(root, 4, &g);
    ck_assert_int_eq(g.version, 1);
    ck_assert(cgroup_make(&g, 0));
    ck_assert(cgroup_enter(&g, 0, 4711));
    ck_assert_str_eq(read_path(in_seat(&g, CGROUP_MEMORY, 0, "cgroup.procs")), "4711");
    ck_assert_str_eq(read_path(in_seat(&g, CGROUP_PIDS, 0, "cgroup.procs")), "4711");
    ck_assert_str_eq(read_path(in_seat(&g, CGROUP_CPU, 0, "cgroup.procs")), "4711");
    snprintf(shares, sizeof shares, "%s/cpu.shares", g.worker[CGROUP_CPU]);
    ck_assert_str_eq(read_path(shares), "4096");
}
END_TEST

static pid_t start_sleeper(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        sleep(60);
        _exit(0);
    }
    return pid;
}

/* A worker that is no more is told by its pid and start time; a living one, and one of another pid namespace, is left alone. */
START_TEST(what_dead_workers_left_is_ended)
{
    struct cgroups g;
    char name[256], list[64];
    struct stat space;
    pid_t left = start_sleeper(), neighbour = start_sleeper();
    int status;
    make_first_version();
    ck_assert_int_eq(stat("/proc/self/ns/pid", &space), 0);
    snprintf(name, sizeof name, "sys/fs/cgroup/pids/drumbeat-%llu-%d-1/seat-0/cgroup.procs", (unsigned long long)space.st_ino, (int)getpid());
    snprintf(list, sizeof list, "%d\n0\n", (int)left);
    write_file(name, list);
    snprintf(name, sizeof name, "sys/fs/cgroup/pids/drumbeat-%llu-%d-1/seat-0/cgroup.procs", (unsigned long long)space.st_ino + 1, (int)getpid());
    snprintf(list, sizeof list, "%d\n", (int)neighbour);
    write_file(name, list);
    cgroups_open(root, 4, &g);
    ck_assert_int_eq(waitpid(left, &status, 0), left);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ck_assert_int_eq(waitpid(neighbour, &status, WNOHANG), 0);
    kill(neighbour, SIGKILL);
    waitpid(neighbour, &status, 0);
}
END_TEST

static void make_dirs(const char *below_root)
{
    char file[512];
    snprintf(file, sizeof file, "%s/x", below_root);
    write_file(file, "");
    ck_assert_int_eq(unlink(path_of(file)), 0);
}

/* What the kernel leaves of groups without processes: empty folders, in both trees. */
START_TEST(the_groups_of_dead_workers_are_removed_and_no_others)
{
    static const struct {
        const char *tree;
        unsigned long long other_space; /* 0: ours */
        long long start;                /* 0: that of this process, which lives */
        bool stays;
    } rows[] = {
        {"sys/fs/cgroup/pids", 0, 1, false},
        {"sys/fs/cgroup/memory/own/group", 0, 1, false},
        {"sys/fs/cgroup/memory/own/group", 0, 2, false},
        {"sys/fs/cgroup/pids", 1, 1, true},
        {"sys/fs/cgroup/memory/own/group", 0, 0, true},
    };
    struct stat space;
    char names[sizeof rows / sizeof *rows][400], seat[420];
    make_first_version();
    make_dirs("sys/fs/cgroup/pids/somebody.else/seat-0");
    ck_assert_int_eq(stat("/proc/self/ns/pid", &space), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(names[i], sizeof names[i], "%s/drumbeat-%llu-%d-%lld", rows[i].tree, (unsigned long long)space.st_ino + rows[i].other_space, (int)getpid(),
                 rows[i].start ? rows[i].start : (long long)proc_start(getpid()));
        for (int n = 0; n < 2; n++) {
            snprintf(seat, sizeof seat, "%.399s/seat-%d", names[i], n);
            make_dirs(seat);
        }
    }
    cgroups_end_dead(root);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg((access(path_of(names[i]), F_OK) == 0) == rows[i].stays, "row %zu: %s", i, names[i]);
    ck_assert_int_eq(access(path_of("sys/fs/cgroup/pids/somebody.else/seat-0"), F_OK), 0);
}
END_TEST

/* The kernel's own ---------------------------------------------------------------------------------------------------- */

static void hold(const char *what)
{
    fprintf(stderr, "not looked at: %s\n", what);
}

/* In a group nothing escapes: what runs in it in a session of its own is ended with it. */
START_TEST(the_kernel_holds_a_group_to_its_processes_and_ends_it_whole)
{
    struct cgroups g;
    int status, ready[2];
    cgroups_open("", 1, &g);
    if (g.version == 0) {
        hold(g.why);
        return;
    }
    ck_assert(cgroup_make(&g, 0));
    struct cgroup_limits limits = cgroup_open_limits(&g, 0);
    cgroup_set_processes(&limits, 2);
    ck_assert_int_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        char go;
        while (read(ready[0], &go, 1) < 0)
            ;
        pid_t second = fork();
        if (second == 0) {
            setsid();
            sleep(60);
            _exit(0);
        }
        bool refused = fork() < 0;
        _exit(second > 0 && refused ? 0 : 1);
    }
    ck_assert(cgroup_enter(&g, 0, child));
    ck_assert_int_eq(write(ready[1], "", 1), 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cgroup_end(&g, 0);
    ck_assert_int_ne(access(in_seat(&g, *g.worker[CGROUP_PIDS] ? CGROUP_PIDS : CGROUP_MEMORY, 0, "cgroup.procs"), F_OK), 0);
    cgroups_close(&g, 1);
    ck_assert_int_ne(access(g.worker[CGROUP_PIDS], F_OK), 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("cgroup");
    tcase_add_checked_fixture(tests, open_root, close_root);
    tcase_add_test(tests, in_version_1_each_controller_has_a_tree);
    tcase_add_test(tests, the_processor_is_taken_where_it_is_to_be_had);
    tcase_add_test(tests, a_controller_that_is_missing_is_told_and_the_other_used);
    tcase_add_test(tests, the_part_of_a_tree_that_is_mounted_is_taken_off_the_path);
    tcase_add_test(tests, in_version_2_there_is_one_tree);
    tcase_add_test(tests, a_controller_that_is_not_delegated_is_told);
    tcase_add_test(tests, without_groups_the_reason_is_told);
    tcase_add_test(tests, a_worker_of_version_2_moves_out_of_the_way_and_hands_controllers_down);
    tcase_add_test(tests, kills_of_the_kernel_are_counted);
    tcase_add_test(tests, a_child_is_put_into_each_tree_of_version_1);
    tcase_add_test(tests, what_dead_workers_left_is_ended);
    tcase_add_test(tests, the_groups_of_dead_workers_are_removed_and_no_others);
    tcase_add_test(tests, the_kernel_holds_a_group_to_its_processes_and_ends_it_whole);
    return test_main_case("cgroup", tests);
}
