#pragma once
/* The handlers of this installation with what the configuration says about them. */
#include "common/task/task.h"
#include "config/config.h"

enum { CATALOG_MAX = 256 };

struct catalog_entry {
    size_t place; /* in the catalog */
    const struct handler *handler;
    const char *queue;
    int max_attempts, max_deaths; /* max_deaths 0: the schema's default */
    struct limits limits; /* all are set */
    usec_t retry_first, retry_cap;
    const usec_t *retry_delays; /* ends with -1; NULL: full jitter by the two above */
};

struct catalog {
    size_t count;
    struct catalog_entry *entries; /* by name */
    const char **names;            /* the same order */
};

/* Lives as long as the process. ERR_USAGE when the configuration names a handler that does not exist
 * and is no command. */
struct catalog *catalog_make(const struct config *config, struct err *e);

/* Processes that one child may come to at most. */
int64_t catalog_processes(const struct catalog *catalog);

/* How long a task waits after its attempt number `attempt` (1 is the first) failed. */
usec_t catalog_retry_delay(const struct catalog_entry *entry, int attempt);

const struct catalog_entry *catalog_find(const struct catalog *catalog, const char *name);
