/* proc: small files of /proc, each read with one system call where the kernel allows it. */
#include "worker/proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a file of the process holds, cut at `size`; "" when the process is gone. */
static const char *read_file(pid_t pid, const char *file, char *text, size_t size)
{
    char path[64];
    size_t length = 0;
    ssize_t got = 1;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && got > 0 && length < size - 1) {
        got = read(fd, text + length, size - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    text[length] = '\0';
    return text;
}

/* Field `number` (3 and above) of /proc/PID/stat, "" when there is none. The second is a name that may hold anything, even ")". */
static const char *stat_field(const char *stat, int number)
{
    const char *p = strrchr(stat, ')');
    for (int field = 2; p && field < number; field++)
        p = strchr(p + 1, ' ');
    return p && number > 2 ? p + 1 : "";
}

enum { ROLLUP_MAX = 4096, STAT_MAX = 1024, F_STATE = 3, F_UTIME = 14, F_CSTIME = 17, F_START = 22, F_RSS = 24 };

int64_t proc_start(pid_t pid)
{
    char stat[STAT_MAX];
    const char *state = stat_field(read_file(pid, "stat", stat, sizeof stat), F_STATE);
    if (*state == 'Z' || *state == 'X')
        return 0; /* dead, and its parent does not look */
    return strtoll(stat_field(stat, F_START), NULL, 10);
}

bool proc_is_stopped(pid_t pid)
{
    char stat[STAT_MAX];
    char state = *stat_field(read_file(pid, "stat", stat, sizeof stat), F_STATE);
    return state == 'T' || state == 't';
}

static void add_use(void *data, pid_t pid)
{
    struct family_use *use = data;
    char stat[STAT_MAX];
    static long page, ticks;
    if (!page) {
        page = sysconf(_SC_PAGESIZE);
        ticks = sysconf(_SC_CLK_TCK);
    }
    const char *times = stat_field(read_file(pid, "stat", stat, sizeof stat), F_UTIME);
    for (int field = F_UTIME; field <= F_CSTIME; field++) {
        char *end;
        use->cpu += strtoll(times, &end, 10) * (SECONDS(1) / ticks);
        times = end;
    }
    use->resident += strtoll(stat_field(stat, F_RSS), NULL, 10) * page;
    use->processes++;
}

/* The processes that `pid` has started and that live: /proc/PID/task/PID/children. */
static size_t children_of(pid_t pid, pid_t *out, size_t room)
{
    static char text[FAMILY_MAX * 8];
    char file[48];
    size_t count = 0;
    snprintf(file, sizeof file, "task/%d/children", (int)pid);
    for (const char *p = read_file(pid, file, text, sizeof text); *p && count < room; count++) {
        char *end;
        out[count] = (pid_t)strtol(p, &end, 10);
        if (end == p)
            break;
        p = end + strspn(end, " \n");
    }
    return count;
}

static pid_t family[FAMILY_MAX];

/* Call `look` for a process and all below it. */
static void each_of_family(pid_t root, void (*look)(void *data, pid_t pid), void *data)
{
    size_t count = 1;
    family[0] = root;
    for (size_t i = 0; i < count; i++) {
        look(data, family[i]);
        count += children_of(family[i], family + count, FAMILY_MAX - count);
    }
}

struct family_use proc_family(pid_t root)
{
    struct family_use use = {0};
    each_of_family(root, add_use, &use);
    return use;
}

struct share {
    int64_t bytes; /* -1: it cannot be had */
    usec_t until;
};

/* The line "Pss: 123 kB" of /proc/PID/smaps_rollup. */
static void add_share(void *data, pid_t pid)
{
    struct share *share = data;
    char rollup[ROLLUP_MAX];
    if (share->bytes < 0 || clock_boot() > share->until)
        return;
    const char *line = strstr(read_file(pid, "smaps_rollup", rollup, sizeof rollup), "\nPss:");
    if (line)
        share->bytes += strtoll(line + strlen("\nPss:"), NULL, 10) * 1024;
    else if (proc_start(pid))
        share->bytes = -1;
}

int64_t proc_family_share(pid_t root, usec_t patience)
{
    struct share share = {.until = clock_boot() + patience};
    each_of_family(root, add_share, &share);
    return share.bytes;
}

void proc_set_oom_score(int score)
{
    char text[16];
    int length = snprintf(text, sizeof text, "%d", score);
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    ssize_t ignored = fd >= 0 ? write(fd, text, (size_t)length) : 0;
    (void)ignored;
    if (fd >= 0)
        close(fd);
}
