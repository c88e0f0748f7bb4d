/* crash_order: the test's side. */
#include "tests/storm/crash_order.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct crash_order *crash_order_make(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct crash_order)) < 0) {
        fprintf(stderr, "crash order: %s: %s\n", path, strerror(errno));
        abort();
    }
    struct crash_order *order = mmap(NULL, sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (order == MAP_FAILED)
        abort();
    return order;
}

void crash_order_arm(struct crash_order *order, const char *step, const char *moment)
{
    atomic_store(&order->state, CRASH_IDLE);
    atomic_store(&order->pid, 0);
    snprintf(order->step, sizeof order->step, "%s", step);
    snprintf(order->moment, sizeof order->moment, "%s", moment);
    atomic_store(&order->state, CRASH_ARMED);
}

pid_t crash_order_victim(const struct crash_order *order)
{
    return atomic_load(&order->state) == CRASH_FIRED ? atomic_load(&order->pid) : 0;
}
