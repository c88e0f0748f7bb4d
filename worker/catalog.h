#pragma once
/* The handlers of this installation with what the configuration says about them. */
#include "common/task/task.h"
#include "config/config.h"

enum { CATALOG_MAX = 256 };

struct catalog_entry {
    size_t place; /* in the catalog */
    const struct handler *handler;
    const char *queue;
    int max_attempts;
    usec_t soft, hard;
    int64_t memory; /* bytes */
};

struct catalog {
    size_t count;
    struct catalog_entry *entries; /* by name */
    const char **names;            /* the same order */
};

/* Lives as long as the process. ERR_USAGE when the configuration names a handler that does not exist
 * and is no command. */
struct catalog *catalog_make(const struct config *config, struct err *e);

const struct catalog_entry *catalog_find(const struct catalog *catalog, const char *name);
