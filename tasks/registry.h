#pragma once
/* The handlers that are built in. A new one is a row in registry.c. */
#include "common/task/task.h"

extern const struct handler *const handlers_all[]; /* by name; ends with NULL */

/* NULL when there is none of that name. */
const struct handler *handler_find(const char *name);

/* ERR_NOT_FOUND: there is none of that name, or why this build has none. Always false. */
bool handler_missing(const char *name, struct err *e);
