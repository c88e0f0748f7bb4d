/* pss: a table of (pid, parent) is read once; a process belongs when its parent does. */
#include "cli/bench/pss.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROCESSES_MAX = 8192, PATH_SIZE = 64 };

struct process {
    pid_t pid, parent;
    bool counted;
};

static pid_t parent_of(pid_t pid)
{
    char path[PATH_SIZE], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    /* The name in parentheses may hold anything: what follows its last one is plain. */
    const char *rest = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    return rest && strlen(rest) > 4 ? (pid_t)strtol(rest + 4, NULL, 10) : 0;
}

static int64_t pss_of(pid_t pid)
{
    char path[PATH_SIZE], line[256];
    int64_t kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "Pss:", 4) == 0)
            kib = strtoll(line + 4, NULL, 10);
    if (file)
        fclose(file);
    return kib * 1024;
}

static size_t read_processes(struct process *all)
{
    size_t count = 0;
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    while (proc && count < PROCESSES_MAX && (entry = readdir(proc))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0)
            all[count++] = (struct process){.pid = pid, .parent = parent_of(pid)};
    }
    if (proc)
        closedir(proc);
    return count;
}

static bool is_counted(const struct process *all, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (all[i].pid == pid)
            return all[i].counted;
    return false;
}

int64_t pss_of_tree(pid_t root, size_t *processes)
{
    static struct process all[PROCESSES_MAX];
    size_t count = read_processes(all), members = 0;
    int64_t bytes = 0;
    bool grew = true;
    while (grew) {
        grew = false;
        for (size_t i = 0; i < count; i++) {
            if (all[i].counted || (all[i].pid != root && !is_counted(all, count, all[i].parent)))
                continue;
            all[i].counted = grew = true;
            bytes += pss_of(all[i].pid);
            members++;
        }
    }
    if (processes)
        *processes = members;
    return bytes;
}
