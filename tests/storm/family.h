#pragma once
/* The processes below a process, as /proc tells. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Descendants of `root` that are exactly `depth` generations below it (1: children; 0: any), at most `room`. Zombies are left out. A
 * worker's fork server is its child; keeper and children are that one's. */
size_t family(pid_t root, int depth, pid_t *out, size_t room);

/* The process is there and no zombie. */
bool is_alive(pid_t pid);

/* kill -9 one of the family that is still `depth` below `root`, chosen by `number`; 0: there was none, else its pid. */
pid_t family_kill(pid_t root, int depth, unsigned number);

/* Its parent, 0: it is gone or a zombie. */
pid_t parent_of(pid_t pid);
