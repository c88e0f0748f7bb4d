#pragma once
/* The keeper: one process a worker that listens, wakes, renews the lease, rescues what was lost and writes what children tell.
 * The only listener on the server: notifications cost it per listener. */
#include "worker/board.h"
#include "worker/catalog.h"

/* Answers the exit status. */
int keeper_run(struct board *board, uint32_t edition, const struct config *config, const struct catalog *catalog);

/* Queues of `drumbeat run` and `bench` ("run.…") belong to the worker that was started for them by name. */
bool keeper_queue_is_private(const char *queue);
