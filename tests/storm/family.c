/* family: reads /proc once for a whole look; field 3 of /proc/PID/stat is the state, field 4 the parent (proc(5)). */
#include "tests/storm/family.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROCESSES_MAX = 4096 };

struct process {
    pid_t pid, parent;
    int depth; /* below the root; 0: not yet known to be of the family */
};

pid_t parent_of(pid_t pid)
{
    char path[64], line[512] = "", state = 'Z';
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *stat = fopen(path, "re");
    if (!stat)
        return 0;
    const char *after = fgets(line, sizeof line, stat) ? strrchr(line, ')') : NULL;
    if (after)
        sscanf(after + 1, " %c %d", &state, &parent);
    fclose(stat);
    return state == 'Z' || state == 'X' ? 0 : parent;
}

bool is_alive(pid_t pid)
{
    return parent_of(pid) > 0;
}

static size_t all_processes(struct process *out)
{
    size_t count = 0;
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    while (folder && (entry = readdir(folder)) && count < PROCESSES_MAX) {
        pid_t pid = (pid_t)atoi(entry->d_name), parent = pid > 0 ? parent_of(pid) : 0;
        if (parent > 0)
            out[count++] = (struct process){.pid = pid, .parent = parent};
    }
    if (folder)
        closedir(folder);
    return count;
}

/* Generation after generation, until one has no children. */
static void find_depths(struct process *all, size_t count, pid_t root)
{
    bool found = true;
    for (int depth = 1; found; depth++) {
        found = false;
        for (size_t i = 0; i < count; i++) {
            if (all[i].depth)
                continue;
            bool below = depth == 1 && all[i].parent == root;
            for (size_t k = 0; k < count && !below && depth > 1; k++)
                below = all[k].depth == depth - 1 && all[k].pid == all[i].parent;
            if (below)
                all[i].depth = depth;
            found |= below;
        }
    }
}

size_t family(pid_t root, int depth, pid_t *out, size_t room)
{
    static struct process all[PROCESSES_MAX];
    size_t count = all_processes(all), members = 0;
    find_depths(all, count, root);
    for (size_t i = 0; i < count && members < room; i++)
        if (all[i].depth > 0 && (depth == 0 || all[i].depth == depth))
            out[members++] = all[i].pid;
    return members;
}

pid_t family_kill(pid_t root, int depth, unsigned number)
{
    pid_t members[256];
    size_t count = family(root, depth, members, sizeof members / sizeof *members);
    if (count == 0)
        return 0;
    pid_t chosen = members[number % count];
    return kill(chosen, SIGKILL) == 0 ? chosen : 0;
}
