#pragma once
/* Processes of a private server whose `up` was killed: they must be gone before another server opens the same data. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include <stdbool.h>

/* End every PostgreSQL process that works in folder `data`: the server is asked to (fast shutdown), processes without
 * a server end by themselves, and what is still there after a third and two thirds of `limit` is pressed and killed.
 * Only the holder of the state folder's lock may call this. */
bool leftovers_end(const char *data, usec_t limit, struct err *e);
