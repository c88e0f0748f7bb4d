/* orphans: a child subreaper (prctl(2)) and the list of its children, /proc/PID/task/PID/children (proc(5)). */
#include "worker/orphans.h"
#include "common/base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIST_MAX = 16384 };

void orphans_adopt(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* More than fit into LIST_MAX bytes are seen at the next look. */
static void read_children(char *list)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, list, LIST_MAX - 1);
    if (fd >= 0)
        close(fd);
    list[got > 0 ? got : 0] = '\0';
    if (got == LIST_MAX - 1)
        *strrchr(list, ' ') = '\0'; /* the last number may be half a number */
}

void orphans_kill(bool (*is_known)(const void *data, pid_t pid), const void *data)
{
    static char list[LIST_MAX];
    read_children(list);
    for (char *p = list, *end; *p; p = end + strspn(end, " \n")) {
        pid_t pid = (pid_t)strtol(p, &end, 10);
        if (end == p)
            return;
        if (!is_known || !is_known(data, pid))
            kill(pid, SIGKILL);
    }
}

/* Reap or kill those that are not known. How many there were. */
static int end_some(bool (*is_known)(const void *data, pid_t pid), const void *data)
{
    static char list[LIST_MAX];
    int count = 0;
    read_children(list);
    for (char *p = list, *end; *p; p = end + strspn(end, " \n")) {
        pid_t pid = (pid_t)strtol(p, &end, 10);
        if (end == p)
            break;
        if (is_known && is_known(data, pid))
            continue;
        count++;
        if (waitpid(pid, NULL, WNOHANG) == 0)
            kill(pid, SIGKILL);
    }
    return count;
}

bool orphans_end_all(bool (*is_known)(const void *data, pid_t pid), const void *data)
{
    usec_t deadline = clock_boot() + SECONDS(1);
    int left;
    while ((left = end_some(is_known, data)) > 0 && clock_boot() < deadline)
        poll(NULL, 0, 1);
    return left == 0;
}
