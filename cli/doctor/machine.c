/* machine: the checks of this machine's limits. */
#include "cli/doctor/doctor.h"
#include "worker/cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FILES_MIN = 1024, MEMORY_LOW_MIB = 256 };

/* The first line of a small file of the kernel's, without its newline; false when there is none. */
static bool read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    bool got = file && fgets(line, size, file);
    if (file)
        fclose(file);
    if (got)
        line[strcspn(line, "\n")] = '\0';
    return got;
}

void check_files(struct doctor *d, struct finding *f)
{
    struct rlimit limit;
    (void)d;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    found(f, limit.rlim_cur < FILES_MIN ? VERDICT_WARN : VERDICT_OK, "a process may open %llu", (unsigned long long)limit.rlim_cur);
    if (f->verdict == VERDICT_WARN)
        mend(f, "raise it to %d (ulimit -n, LimitNOFILE)", FILES_MIN);
}

/* MemTotal and MemAvailable of /proc/meminfo, in MiB. */
static int64_t meminfo(const char *key)
{
    char line[128];
    int64_t kib = -1024;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtoll(line + strlen(key), NULL, 10);
    if (file)
        fclose(file);
    return kib / 1024;
}

void check_memory(struct doctor *d, struct finding *f)
{
    int64_t total = meminfo("MemTotal:"), available = meminfo("MemAvailable:");
    (void)d;
    if (available < 0)
        return;
    found(f, available < MEMORY_LOW_MIB ? VERDICT_WARN : VERDICT_OK, "%" PRId64 " of %" PRId64 " MiB available", available, total);
    if (f->verdict == VERDICT_WARN)
        mend(f, "fewer children, or lower handlers.<name>.memory");
}

void check_overcommit(struct doctor *d, struct finding *f)
{
    char mode[16];
    (void)d;
    if (!read_line("/proc/sys/vm/overcommit_memory", mode, sizeof mode))
        return;
    found(f, strcmp(mode, "2") == 0 ? VERDICT_WARN : VERDICT_OK, "vm.overcommit_memory is %s", mode);
    if (f->verdict == VERDICT_WARN)
        mend(f, "strict accounting can refuse memory that is free: 0 or 1, or a high vm.overcommit_ratio");
}

/* What only a control group guarantees; docs/limits.md has it in full. */
static const char without_groups[] = "without a control group for each child memory is only looked at ten times a second, a fork bomb grows until then, "
                                     "and what a task started in a session of its own outlives a worker that is killed whole";

/* Seen from where we are: a worker that systemd starts may be elsewhere. */
void check_cgroup(struct doctor *d, struct finding *f)
{
    struct cgroups groups;
    if (d->configured && strcmp(d->session.config->worker.cgroup, "off") == 0) {
        found(f, VERDICT_OK, "worker.cgroup is off: %s", without_groups);
        return;
    }
    cgroups_find("", &groups);
    const char *memory = *groups.base[CGROUP_MEMORY] ? "memory" : "", *pids = *groups.base[CGROUP_PIDS] ? "processes" : "";
    if (groups.version && !*groups.why) {
        found(f, VERDICT_OK, "version %d: the kernel holds each child to its memory and processes%s", groups.version,
              *groups.base[CGROUP_CPU] ? ", and to its part of the processor" : "; many processes of one take the processor from the others");
        return;
    }
    if (groups.version)
        found(f, VERDICT_WARN, "version %d holds a child to its %s%s only: %s", groups.version, memory, pids, groups.why);
    else
        found(f, VERDICT_WARN, "%s; %s", groups.why, without_groups);
    mend(f, "Delegate=cpu memory pids in the unit of the worker, or start it as root; worker.cgroup: off when that is as it should be");
}

/* The folder of large results; without one there is nothing to look at. */
void check_results(struct doctor *d, struct finding *f)
{
    const char *root = d->session.config->results.root;
    if (!root)
        return;
    bool usable = access(root, R_OK | W_OK | X_OK) == 0;
    found(f, usable ? VERDICT_OK : VERDICT_FAIL, "results.root %s%s", root, usable ? "" : ": ");
    if (usable)
        return;
    text_puts(&f->reason, strerror(errno));
    mend(f, "make the folder, and let the worker's user write to it");
}
