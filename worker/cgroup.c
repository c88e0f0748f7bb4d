/* cgroup: both versions behind one table of file names. */
#include "worker/cgroup.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "worker/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSIONS = 3, LINE_SIZE = 1024, PROCS_SIZE = 16 * 1024, NAME_MAX_LENGTH = 64 };

static const usec_t end_patience = MSEC(200);
static const int shares_of_process = 1024; /* sched(7), the weight of nice 0 */

/* What a file is called in each version; NULL: there is none. */
static const struct names {
    const char *memory, *swap, *memory_events;
} names[VERSIONS] = {
    [1] = {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.oom_control"},
    [2] = {"memory.max", NULL, "memory.events"},
};

static const char *const controllers[CGROUP_KINDS] = {"memory", "pids", "cpu"};
static const char prefix[] = "drumbeat-", main_group[] = "main";

/* Files ------------------------------------------------------------------------------------------------------------- */

static bool join(char out[CGROUP_PATH_MAX], const char *a, const char *b)
{
    char whole[2 * CGROUP_PATH_MAX];
    snprintf(whole, sizeof whole, "%s/%s", a, b);
    bool fits = strlen(whole) < CGROUP_PATH_MAX;
    snprintf(out, CGROUP_PATH_MAX, "%.*s", CGROUP_PATH_MAX - 1, fits ? whole : "");
    return fits;
}

/* O_CREAT is for a folder that stands in for the kernel; the real one refuses to create. */
static int open_file(const char *folder, const char *file, int flags)
{
    char path[CGROUP_PATH_MAX];
    return join(path, folder, file) ? open(path, flags | O_CLOEXEC, 0600) : -1;
}

static bool put(const char *folder, const char *file, const char *value)
{
    int fd = open_file(folder, file, O_WRONLY | O_CREAT);
    bool good = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
    if (fd >= 0)
        close(fd);
    return good;
}

static const char *get(const char *folder, const char *file, char *text, size_t size)
{
    int fd = open_file(folder, file, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

/* Is `word` one of the words of `list`? */
static bool has_word(const char *list, const char *word, const char *separators)
{
    size_t length = strlen(word);
    for (const char *p = list; *p; p += strcspn(p, separators), p += strspn(p, separators))
        if (strcspn(p, separators) == length && strncmp(p, word, length) == 0)
            return true;
    return false;
}

/* Where ------------------------------------------------------------------------------------------------------------- */

/* What one looks for: the tree of a controller of version 1, or the one of version 2. */
struct tree {
    const char *controller; /* NULL: version 2 */
    char mounted[CGROUP_PATH_MAX], inside[CGROUP_PATH_MAX]; /* the part of the tree that is mounted there */
    char group[CGROUP_PATH_MAX];                            /* ours, as /proc/self/cgroup tells */
};

/* A line of /proc/self/mountinfo: "36 35 98:0 /inside /mounted options … - type source super-options" (proc(5)). */
static bool read_mount(struct tree *t, const char *line)
{
    char inside[CGROUP_PATH_MAX], mounted[CGROUP_PATH_MAX], type[32], super[CGROUP_PATH_MAX];
    const char *rest = strstr(line, " - ");
    if (!rest || sscanf(line, "%*s %*s %*s %511s %511s", inside, mounted) != 2 || sscanf(rest, " - %31s %*s %511s", type, super) != 2)
        return false;
    if (strcmp(type, t->controller ? "cgroup" : "cgroup2") != 0 || (t->controller && !has_word(super, t->controller, ",")))
        return false;
    snprintf(t->mounted, sizeof t->mounted, "%s", mounted);
    snprintf(t->inside, sizeof t->inside, "%s", inside);
    return true;
}

/* A line of /proc/self/cgroup: "4:memory:/path", "0::/path" (cgroups(7)). */
static bool read_group(struct tree *t, const char *line)
{
    const char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
    char names_of_line[128];
    if (!path || (size_t)(path - list) > sizeof names_of_line)
        return false;
    snprintf(names_of_line, sizeof names_of_line, "%.*s", (int)(path - list - 1), list + 1);
    bool ours = t->controller ? has_word(names_of_line, t->controller, ",") : strncmp(line, "0::", 3) == 0;
    if (ours)
        snprintf(t->group, sizeof t->group, "%.*s", (int)strcspn(path + 1, "\n"), path + 1);
    return ours;
}

static bool search(const char *root, const char *file, struct tree *t, bool (*read_line)(struct tree *t, const char *line))
{
    char path[CGROUP_PATH_MAX], line[LINE_SIZE];
    bool found = false;
    FILE *lines = join(path, root, file) ? fopen(path, "re") : NULL;
    while (lines && !found && fgets(line, sizeof line, lines))
        found = read_line(t, line);
    if (lines)
        fclose(lines);
    return found;
}

/* The folder of our own group: the mount's folder and what follows what is mounted there. */
static bool find_base(const char *root, const char *controller, char base[CGROUP_PATH_MAX])
{
    struct tree t = {.controller = controller};
    char whole[3 * CGROUP_PATH_MAX];
    *base = '\0';
    if (!search(root, "proc/self/mountinfo", &t, read_mount) || !search(root, "proc/self/cgroup", &t, read_group))
        return false;
    size_t inside = strcmp(t.inside, "/") == 0 ? 0 : strlen(t.inside);
    const char *below = strncmp(t.group, t.inside, inside) == 0 ? t.group + inside : "";
    snprintf(whole, sizeof whole, "%s%s%s", root, t.mounted, strcmp(below, "/") == 0 ? "" : below);
    if (strlen(whole) < CGROUP_PATH_MAX)
        snprintf(base, CGROUP_PATH_MAX, "%.*s", CGROUP_PATH_MAX - 1, whole);
    return *base != '\0';
}

static bool may_write(const char *folder, const char *file)
{
    char path[CGROUP_PATH_MAX];
    return access(folder, W_OK | X_OK) == 0 && join(path, folder, file) && access(path, W_OK) == 0;
}

/* Note what is missing, after what was noted before. */
static void complain(struct cgroups *g, const char *text, const char *about)
{
    size_t length = strlen(g->why);
    snprintf(g->why + length, sizeof g->why - length, "%s%s %s", length ? "; " : "", about, text);
}

static void find_first_version(const char *root, struct cgroups *g)
{
    for (int kind = 0; kind < CGROUP_KINDS; kind++) {
        bool found = find_base(root, controllers[kind], g->base[kind]);
        if (found && may_write(g->base[kind], "cgroup.procs")) {
            g->version = kind == CGROUP_CPU ? g->version : 1;
            continue;
        }
        if (kind != CGROUP_CPU)
            complain(g, found ? "may not be written" : "has no control group here", found ? g->base[kind] : controllers[kind]);
        *g->base[kind] = '\0';
    }
}

static void find_second_version(const char *root, struct cgroups *g)
{
    char base[CGROUP_PATH_MAX], list[LINE_SIZE];
    *g->why = '\0';
    if (!find_base(root, NULL, base)) {
        complain(g, "are mounted", "no control groups");
        return;
    }
    if (!may_write(base, "cgroup.procs") || !may_write(base, "cgroup.subtree_control")) {
        complain(g, "may not be written", base);
        return;
    }
    get(base, "cgroup.controllers", list, sizeof list);
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        if (has_word(list, controllers[kind], " \n")) {
            snprintf(g->base[kind], sizeof g->base[kind], "%s", base);
            g->version = kind == CGROUP_CPU ? g->version : 2;
        } else if (kind != CGROUP_CPU) {
            complain(g, "is not among the controllers of its control group", controllers[kind]);
        }
}

void cgroups_find(const char *root, struct cgroups *out)
{
    struct tree first = {.controller = "memory"};
    *out = (struct cgroups){0};
    if (search(root, "proc/self/mountinfo", &first, read_mount))
        find_first_version(root, out);
    else
        find_second_version(root, out);
}

/* Ending ------------------------------------------------------------------------------------------------------------ */

/* A process of another pid namespace is told as 0. */
static bool kill_listed(const char *folder)
{
    char list[PROCS_SIZE];
    bool any = false;
    for (const char *p = get(folder, "cgroup.procs", list, sizeof list); *p;) {
        char *end;
        long pid = strtol(p, &end, 10);
        if (end == p)
            break;
        if (pid > 1 && pid != getpid())
            any |= kill((pid_t)pid, SIGKILL) == 0;
        p = end + strspn(end, "\n");
    }
    return any;
}

static void allow_no_process(const char *folder)
{
    int fd = open_file(folder, "pids.max", O_WRONLY);
    ssize_t ignored = fd < 0 ? 0 : write(fd, "0", 1);
    (void)ignored;
    if (fd >= 0)
        close(fd);
}

/* No new process may begin while the old ones are killed. What is killed needs a moment to be gone. */
static void end_group(const char *folder)
{
    usec_t deadline = clock_boot() + end_patience;
    if (access(folder, F_OK) != 0)
        return;
    allow_no_process(folder);
    while ((int)kill_listed(folder) | (rmdir(folder) != 0 && errno == EBUSY)) {
        if (clock_boot() > deadline)
            return;
        poll(NULL, 0, 1);
    }
}

/* Every group below one, which itself stays. */
static void end_groups_in(const char *folder)
{
    DIR *all = opendir(folder);
    for (struct dirent *entry; all && (entry = readdir(all));) {
        char path[CGROUP_PATH_MAX];
        if (entry->d_type == DT_DIR && *entry->d_name != '.' && join(path, folder, entry->d_name))
            end_group(path);
    }
    if (all)
        closedir(all);
}

/* Which pid namespace: only inside it do pids mean the same. */
static unsigned long long pid_space(void)
{
    struct stat about;
    return stat("/proc/self/ns/pid", &about) == 0 ? (unsigned long long)about.st_ino : 0;
}

/* The name of a worker of this pid namespace that is no more. */
static bool is_dead(const char *name)
{
    unsigned long long space;
    long long start;
    int pid;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || sscanf(name + sizeof prefix - 1, "%llu-%d-%lld", &space, &pid, &start) != 3)
        return false;
    return space == pid_space() && proc_start(pid) != start;
}

static void end_dead_in(const char *base)
{
    DIR *all = opendir(base);
    for (struct dirent *entry; all && (entry = readdir(all));) {
        char path[CGROUP_PATH_MAX];
        if (!is_dead(entry->d_name) || !join(path, base, entry->d_name))
            continue;
        end_groups_in(path);
        if (rmdir(path) == 0)
            log_debug("worker.groups_of_dead_removed", LOG_STR("group", entry->d_name));
    }
    if (all)
        closedir(all);
}

/* Is it the folder of a kind before it? Version 2 has one for all. */
static bool is_same(const char folders[CGROUP_KINDS][CGROUP_PATH_MAX], int kind)
{
    for (int before = 0; before < kind; before++)
        if (strcmp(folders[kind], folders[before]) == 0)
            return true;
    return false;
}

void cgroups_end_dead(const char *root)
{
    struct cgroups g;
    cgroups_find(root, &g);
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        if (*g.base[kind] && !is_same(g.base, kind))
            end_dead_in(g.base[kind]);
}

/* The worker -------------------------------------------------------------------------------------------------------- */

/* What is ours moves into a group of its own, so that the base and the worker's group may give controllers to groups below. */
static bool make_room(const struct cgroups *g, const char *base, const char *worker)
{
    char pid[24], main_path[CGROUP_PATH_MAX], wanted[64] = "";
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        if (*g->base[kind])
            snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%s+%s", *wanted ? " " : "", controllers[kind]);
    if (!join(main_path, worker, main_group) || mkdir(main_path, 0755) != 0)
        return false;
    if (put(main_path, "cgroup.procs", pid) && put(base, "cgroup.subtree_control", wanted) && put(worker, "cgroup.subtree_control", wanted))
        return true;
    put(base, "cgroup.procs", pid);
    rmdir(main_path);
    return false;
}

static bool make_worker(struct cgroups *g, enum cgroup_kind kind, const char *name)
{
    bool made = join(g->worker[kind], g->base[kind], name) && (is_same(g->worker, kind) || mkdir(g->worker[kind], 0755) == 0);
    if (made && g->version == 2 && !is_same(g->worker, kind))
        made = make_room(g, g->base[kind], g->worker[kind]) || (rmdir(g->worker[kind]), false);
    return made;
}

/* In version 1 processes that are in no group of ours stand beside the worker's: what the seats share is as much as if each were a process. */
static void weigh(const struct cgroups *g, int seats)
{
    char shares[24];
    snprintf(shares, sizeof shares, "%lld", (long long)shares_of_process * seats);
    if (g->version == 1 && *g->worker[CGROUP_CPU])
        put(g->worker[CGROUP_CPU], "cpu.shares", shares);
}

void cgroups_open(const char *root, int seats, struct cgroups *groups)
{
    char name[NAME_MAX_LENGTH];
    cgroups_end_dead(root);
    cgroups_find(root, groups);
    snprintf(name, sizeof name, "%s%llu-%d-%lld", prefix, pid_space(), (int)getpid(), (long long)proc_start(getpid()));
    int had = groups->version;
    groups->version = 0;
    for (int kind = 0; had && kind < CGROUP_KINDS; kind++) {
        if (!*groups->base[kind] || (kind == CGROUP_CPU && !groups->version))
            continue;
        int version = groups->version;
        groups->version = had;
        if (!make_worker(groups, (enum cgroup_kind)kind, name)) {
            complain(groups, "takes no groups of ours (it holds other processes, or there are too many)", groups->base[kind]);
            *groups->worker[kind] = '\0';
            groups->version = version;
        }
    }
    weigh(groups, seats);
}

void cgroups_close(const struct cgroups *groups, int seats)
{
    if (!groups->version)
        return;
    for (int seat = 0; seat < seats; seat++)
        cgroup_end(groups, seat);
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        if (*groups->worker[kind])
            rmdir(groups->worker[kind]);
}

/* Seats ------------------------------------------------------------------------------------------------------------- */

/* The seat's group of a kind; false: there is none. */
static bool seat_group(const struct cgroups *g, int kind, int seat, char path[CGROUP_PATH_MAX])
{
    char name[24];
    snprintf(name, sizeof name, "seat-%d", seat);
    return g->version && *g->worker[kind] && join(path, g->worker[kind], name);
}

bool cgroup_make(const struct cgroups *groups, int seat)
{
    char path[CGROUP_PATH_MAX];
    bool good = groups->version != 0;
    cgroup_end(groups, seat);
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        if (!is_same(groups->worker, kind) && seat_group(groups, kind, seat, path))
            good &= mkdir(path, 0755) == 0;
    if (good && groups->version == 2 && seat_group(groups, CGROUP_MEMORY, seat, path)) {
        put(path, "memory.oom.group", "1"); /* not one process of a command, but the child with all it started */
        put(path, "memory.swap.max", "0");
    }
    return good;
}

bool cgroup_enter(const struct cgroups *groups, int seat, pid_t child)
{
    char path[CGROUP_PATH_MAX], pid[24];
    bool good = true;
    snprintf(pid, sizeof pid, "%d", (int)child);
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        if (!is_same(groups->worker, kind) && seat_group(groups, kind, seat, path))
            good &= put(path, "cgroup.procs", pid);
    return good;
}

void cgroup_end(const struct cgroups *groups, int seat)
{
    char path[CGROUP_PATH_MAX];
    for (int kind = CGROUP_KINDS - 1; kind >= 0; kind--)
        if (!is_same(groups->worker, kind) && seat_group(groups, kind, seat, path))
            end_group(path);
}

struct cgroup_limits cgroup_open_limits(const struct cgroups *groups, int seat)
{
    struct cgroup_limits limits = {-1, -1, -1};
    char path[CGROUP_PATH_MAX];
    const struct names *n = &names[groups->version];
    if (seat_group(groups, CGROUP_MEMORY, seat, path)) {
        limits.memory = open_file(path, n->memory, O_WRONLY | O_CREAT);
        limits.swap = n->swap ? open_file(path, n->swap, O_WRONLY) : -1;
    }
    if (seat_group(groups, CGROUP_PIDS, seat, path))
        limits.pids = open_file(path, "pids.max", O_WRONLY | O_CREAT);
    return limits;
}

static bool put_number(int fd, int64_t value)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%" PRId64, value);
    return fd < 0 || pwrite(fd, text, (size_t)length, 0) == length;
}

/* Memory with swap must never be less than memory: which of the two goes first depends on which way it goes. */
void cgroup_set_memory(const struct cgroup_limits *limits, int64_t bytes)
{
    if (put_number(limits->memory, bytes) && put_number(limits->swap, bytes))
        return;
    put_number(limits->swap, bytes);
    put_number(limits->memory, bytes);
}

void cgroup_set_processes(const struct cgroup_limits *limits, int64_t count)
{
    put_number(limits->pids, count);
}

/* A line "key number" of a file of events. */
static int64_t count_events(const struct cgroups *g, int kind, int seat, const char *file, const char *key)
{
    char path[CGROUP_PATH_MAX], text[LINE_SIZE];
    if (!seat_group(g, kind, seat, path))
        return 0;
    const char *at = strstr(get(path, file, text, sizeof text), key);
    return at ? strtoll(at + strlen(key), NULL, 10) : 0;
}

int64_t cgroup_oom_kills(const struct cgroups *groups, int seat)
{
    return count_events(groups, CGROUP_MEMORY, seat, names[groups->version].memory_events, "oom_kill ");
}

int64_t cgroup_refusals(const struct cgroups *groups, int seat)
{
    return count_events(groups, CGROUP_PIDS, seat, "pids.events", "max ");
}

int64_t cgroup_memory_limit(const struct cgroups *groups, int seat)
{
    char path[CGROUP_PATH_MAX], text[64];
    if (!seat_group(groups, CGROUP_MEMORY, seat, path))
        return 0;
    return strtoll(get(path, names[groups->version].memory, text, sizeof text), NULL, 10);
}
