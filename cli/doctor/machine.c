/* machine: the checks of this machine's limits. */
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FILES_MIN = 1024, MEMORY_LOW_MIB = 256, PATH_SIZE = 512 };

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

/* Our group of the unified hierarchy (cgroups(7)): the line "0::/path". */
static bool own_group(char *folder, size_t size)
{
    char line[PATH_SIZE];
    FILE *file = fopen("/proc/self/cgroup", "re");
    bool got = false;
    while (file && !got && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        got = strncmp(line, "0::", 3) == 0 && snprintf(folder, size, "/sys/fs/cgroup%s", line + 3) < (int)size;
    }
    if (file)
        fclose(file);
    return got;
}

void check_cgroup(struct doctor *d, struct finding *f)
{
    char folder[PATH_SIZE + 32], path[PATH_SIZE + 64], limit[64] = "no limit";
    (void)d;
    if (!own_group(folder, sizeof folder))
        return;
    snprintf(path, sizeof path, "%s/memory.max", folder);
    if (read_line(path, limit, sizeof limit) && strcmp(limit, "max") == 0)
        snprintf(limit, sizeof limit, "no limit");
    found(f, VERDICT_OK, "memory of our control group: %s%s", limit, strcmp(limit, "no limit") == 0 ? "" : " bytes");
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
