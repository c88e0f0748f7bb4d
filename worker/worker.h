#pragma once
/* `drumbeat worker`: a supervisor (this process: no database, no handler), a fork server, a keeper and children.
 * docs/life-of-a-task.md draws them. */
#include "config/config.h"

struct worker_options {
    const struct config *config;
    bool burst;               /* end when nothing is left to claim */
    const char *const *flags; /* arguments with which another process reads the same configuration; ends with NULL */
    void (*reloaded)(void);   /* told when another configuration holds */
};

/* Run until told to stop; answers the exit status. SIGTERM, SIGINT, the end of the terminal: running tasks finish (worker.drain at most),
 * the second time at once. SIGQUIT: at once, running tasks go back to the queue uncounted. SIGHUP: read the configuration again; what is
 * wrong with it is a log line, and the worker stays as it was. */
int worker_main(const struct worker_options *options);

/* The hidden verb that worker_main() executes itself again as, at the start and at each reload. */
int fork_server_main(const struct config *config);

/* The same when the configuration cannot be read: tell the worker why, answer the exit status. */
int fork_server_refuse(const struct err *why);

extern const char fork_server_verb[];
