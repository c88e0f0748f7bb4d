#pragma once
/* The courier: the process of a worker that talks to Redis on its behalf. It is there only when the worker serves queues that Redis has. The
 * lease never depends on it: that is the keeper's. */
#include "worker/board.h"
#include "worker/catalog.h"

/* Answers the exit status. */
int courier_run(struct board *board, uint32_t edition, const struct config *config, const struct catalog *catalog);
