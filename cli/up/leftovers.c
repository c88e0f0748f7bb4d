/* leftovers: PostgreSQL's processes all stand in the data folder (they change to it), which is how they are told from
 * those of any other cluster; the lock file postmaster.pid tells which of them is the server. */
#include "cli/up/leftovers.h"

#include "cli/up/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pid_t server_pid(const char *data)
{
    char path[PATH_MAX], line[32] = "";
    snprintf(path, sizeof path, "%s/postmaster.pid", data);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    return read ? (pid_t)strtol(line, NULL, 10) : 0;
}

static bool read_link(pid_t pid, const char *what, char target[static PATH_MAX])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    ssize_t length = readlink(path, target, PATH_MAX - 1);
    target[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* Does `pid` run PostgreSQL in the folder? Somebody's shell that stands there does not. */
static bool is_ours(pid_t pid, const char *folder)
{
    char target[PATH_MAX];
    if (!read_link(pid, "cwd", target) || strcmp(target, folder) != 0 || !read_link(pid, "exe", target))
        return false;
    const char *program = strrchr(target, '/');
    return program && strncmp(program, "/postgres", strlen("/postgres")) == 0;
}

/* Send `number` (0: none) to the server, or with `all` to each of its processes; returns one of them, 0 for none left. */
static pid_t signal_them(const char *folder, pid_t server, int number, bool all)
{
    pid_t found = 0;
    DIR *processes = opendir("/proc");
    for (struct dirent *entry = processes ? readdir(processes) : NULL; entry; entry = readdir(processes)) {
        pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)strtol(entry->d_name, NULL, 10) : 0;
        if (pid <= 0 || !is_ours(pid, folder))
            continue;
        found = pid;
        if (number && (all || pid == server))
            kill(pid, number);
    }
    if (processes)
        closedir(processes);
    return found;
}

/* Signal once, then wait until none is left; true when none is. */
static bool end_with(const char *folder, pid_t server, int number, bool all, usec_t limit)
{
    usec_t deadline = clock_boot() + limit;
    pid_t left = signal_them(folder, server, number, all);
    while (left && clock_boot() < deadline) {
        process_wait_end(left, deadline - clock_boot());
        left = signal_them(folder, server, 0, false);
    }
    return left == 0;
}

/* Only called when no process of the cluster is left: then a lock file that names a process names a stranger that got
 * the number later, and PostgreSQL would refuse to start because of him. */
static bool remove_lock_file(const char *data, struct err *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/postmaster.pid", data);
    return unlink(path) == 0 || errno == ENOENT || err_errno(e, ERR_REFUSED, errno, "%s", path);
}

bool leftovers_end(const char *data, usec_t limit, struct err *e)
{
    char folder[PATH_MAX];
    if (!realpath(data, folder))
        return err_errno(e, ERR_REFUSED, errno, "folder %s", data);
    pid_t server = server_pid(data);
    bool ended = end_with(folder, server, SIGINT, false, limit / 3) ||
                 end_with(folder, server, SIGQUIT, true, limit / 3) ||
                 end_with(folder, server, SIGKILL, true, limit / 3);
    if (!ended)
        return err_set(e, ERR_REFUSED, "an earlier server of %s (pid %d) does not end", data, (int)server);
    return remove_lock_file(data, e);
}
