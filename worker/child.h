#pragma once
/* A child: one seat of the pool. Blocking and straight-line: claim, run, settle. */
#include "worker/board.h"
#include "worker/catalog.h"

/* Never returns before the worker's phase, a later edition or a fence says so; answers the exit status. */
int child_run(struct board *board, uint32_t edition, int seat, const struct config *config, const struct catalog *catalog);
