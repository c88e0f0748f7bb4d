#pragma once
/* slow: when does a task keep the rest of its batch from others? The keeper asks it of queues with rows, the courier of those in Redis alone. */
#include "worker/board.h"

/* How often it is asked; a task that takes less keeps nobody waiting. */
#define SLOW_LOOK MSEC(20)

/* Has the task that runs taken so long that what lies behind it should go to others? `told` is the last one of the seat of which that was so. */
bool slow_in_batch(const struct edition *edition, const struct catalog *catalog, const struct seat_view *view, struct uuid told);
