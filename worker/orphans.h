#pragma once
/* Processes that handlers started and that outlived them come to the nearest process of the worker that asked for them: nothing that a
 * worker started may stay behind. */
#include <stdbool.h>
#include <sys/types.h>

/* From now on what loses its parent below this process becomes its child. */
void orphans_adopt(void);

/* kill -9 every child of this process for which `is_known` (may be NULL) is false. What ends by that has to be reaped by the caller. */
void orphans_kill(bool (*is_known)(const void *data, pid_t pid), const void *data);

/* Kill and reap those children until there is none, for a second at most. False: some are left. */
bool orphans_end_all(bool (*is_known)(const void *data, pid_t pid), const void *data);
