#pragma once
/* A child: one seat of the pool. Blocking and straight-line: claim, run, settle. */
#include "worker/board.h"
#include "worker/catalog.h"

/* Never returns before the worker's phase or a fence says so; answers the exit status. */
int child_run(struct board *board, int seat, const struct config *config, const struct catalog *catalog);
