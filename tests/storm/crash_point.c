/* crash_point: the program's side, linked into drumbeat-crash only. */
#include "common/base/crash_point.h"
#include "tests/storm/crash_order.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The order, or NULL where CRASH_ORDER names none. */
static struct crash_order *find_order(void)
{
    const char *path = getenv("CRASH_ORDER");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct crash_order), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return map == MAP_FAILED ? NULL : map;
}

void crash_point(const char *step, const char *moment)
{
    static struct crash_order *order;
    static bool looked;
    int armed = CRASH_ARMED;
    if (!looked)
        order = find_order();
    looked = true;
    if (!order || atomic_load(&order->state) != CRASH_ARMED || strcmp(order->step, step) != 0 || strcmp(order->moment, moment) != 0)
        return;
    atomic_store(&order->pid, (int)getpid());
    if (!atomic_compare_exchange_strong(&order->state, &armed, CRASH_FIRED))
        return;
    atomic_store(&order->pid, (int)getpid());
    kill(getpid(), SIGKILL);
}
