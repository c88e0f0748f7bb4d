#pragma once
/* What `drumbeat up` is made of while it runs: shared by its start (start.c), its main loop (watch.c) and the verb. */
#include "cli/session.h"
#include "cli/up/cluster.h"
#include "cli/up/display.h"
#include "cli/up/round.h"
#include "cli/up/sandbox.h"
#include "cli/up/services.h"
#include "common/base/region.h"

struct up_args {
    const char *state, *pool, *scale, *seed;
    bool once;
};

struct up {
    const struct up_args *args;
    struct session session; /* its connection is watch.c's */
    struct region *memory;
    const char *state;         /* the folder, absolute */
    const char *url;           /* of the database */
    const char *folder, *self; /* of our own program, and its path */
    const char *results;       /* "DRUMBEAT_RESULTS_ROOT=…" for the worker; NULL: it is configured */
    const char *log_path;      /* where the log of the others goes; NULL: to our standard error */
    int lock, log, signals;    /* -1: not open; signals is a signalfd */
    struct cluster *cluster;   /* NULL: somebody else's database */
    struct services services;
    bool reload_asked; /* SIGHUP has come */
    bool has_upstream; /* the sandbox, or one that is configured */
    bool sandboxed;    /* the sandbox runs */
};

/* Where the others' log lines are, for messages. */
const char *up_log_name(const struct up *up);

/* Did a signal arrive that asks to stop? One that asks for a reload is noted. Waits for one, or for a child to end, at most until `deadline`. */
bool up_stop_asked(struct up *up, usec_t deadline);

/* How long the worker may take to stop before it is pressed. */
usec_t up_worker_patience(const struct config *config);

/* Start everything: the database, its schema, the sandbox, a worker, beat. What was started when an error comes stays in
 * up->services. ERR_CANCELLED: a signal asked to stop. */
bool up_start(struct up *up, struct err *e);

/* Run the first round where it is due, keep everything running, until a signal asks to stop; with --once until the
 * round is done. ERR_CANCELLED: stopped before a round that --once waits for was done. */
bool up_watch(struct up *up, struct err *e);
