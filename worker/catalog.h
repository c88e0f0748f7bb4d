#pragma once
/* The handlers of this installation with what the configuration says about them. */
#include "common/task/task.h"
#include "config/config.h"

enum { CATALOG_MAX = 1280, CATALOG_PROGRAMS_MAX = 8 };

struct command;

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
    const struct command *programs[CATALOG_PROGRAMS_MAX]; /* that stay, each once */
    size_t program_count;
};

/* Which handlers: those of a Celery application are asked of it, which takes as long as importing it does. */
enum catalog_scope { CATALOG_ALL, CATALOG_WITHOUT_APP };

/* Lives as long as the process. ERR_USAGE when the configuration names a handler that does not exist
 * and is no command, or an application that cannot be imported. One of the configuration goes before a task of the application of the same
 * name, and that before one that is built in. */
struct catalog *catalog_make(const struct config *config, enum catalog_scope scope, struct err *e);

/* The command that runs its tasks; NULL: it is no command. And is it a task of the Celery application? */
const struct command *catalog_command(const struct catalog_entry *entry);
bool catalog_is_app(const struct catalog_entry *entry);

/* Processes that one child may come to at most. */
int64_t catalog_processes(const struct catalog *catalog);

/* How long a task waits after its attempt number `attempt` (1 is the first) failed. */
usec_t catalog_retry_delay(const struct catalog_entry *entry, int attempt);

const struct catalog_entry *catalog_find(const struct catalog *catalog, const char *name);
