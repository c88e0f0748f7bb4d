#pragma once
/* `drumbeat worker`: a supervisor (this process: no database, no handler), a fork server, a keeper and children.
 * docs/life-of-a-task.md draws them. */
#include "config/config.h"

struct worker_options {
    const struct config *config;
    bool burst;               /* end when nothing is left to claim */
    const char *const *flags; /* arguments with which another process reads the same configuration; ends with NULL */
};

/* Run until told to stop; answers the exit status. SIGTERM, SIGINT, SIGHUP: running tasks finish (worker.drain at most), the second
 * time at once. SIGQUIT: at once, running tasks go back to the queue uncounted. */
int worker_main(const struct worker_options *options);

/* The hidden verb that worker_main() executes itself again as. */
int fork_server_main(const struct config *config);

extern const char fork_server_verb[];
