#pragma once
/* Memory of a process and all that descend from it: proportional set size, each shared page divided by its users. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* In bytes, from /proc/PID/smaps_rollup (proc(5)); `processes` may be NULL. */
int64_t pss_of_tree(pid_t root, size_t *processes);
