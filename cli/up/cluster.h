#pragma once
/* A private PostgreSQL cluster: made on the first start, owned by one `up`, reached through a unix socket only.
 *
 *     cluster_new() -> cluster_prepare() -> cluster_start() -> cluster_ready() until true -> SIGINT: fast shutdown
 *                                                  ^---------- its server ended: start again
 *
 * Started as root, the server runs as user `postgres` or, where there is none, `drumbeat` (made as a system user).
 * Debian's clusters are not looked at: only the programs under /usr/lib/postgresql, or those in PATH, are used. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/text.h"
#include <stdbool.h>
#include <sys/types.h>

struct cluster;

/* A cluster that lives in `state`; nothing is touched yet. The caller holds the lock of the folder (state.h). */
struct cluster *cluster_new(const char *state);
void cluster_free(struct cluster *c); /* does not stop the server */
void cluster_freep(struct cluster **c);

/* Find the server's programs, make user, folders and data where they are missing, write the settings, and end a server
 * of this cluster that an earlier, killed `up` has left. Safe to be killed at any moment and called again. */
bool cluster_prepare(struct cluster *c, struct err *e);

/* Start the server: *pid is a child of ours. A lock file that a power cut left is taken away first. */
bool cluster_start(struct cluster *c, pid_t *pid, struct err *e);

/* Does the server started as `pid` take connections? */
bool cluster_ready(const struct cluster *c, pid_t pid);

/* Make the database `drumbeat` where it is missing. The server must be ready. */
bool cluster_create_database(struct cluster *c, struct err *e);

/* The URL of database `drumbeat`; valid as long as the cluster. */
const char *cluster_url(const struct cluster *c);

/* What the server last complained about, "" for nothing. */
void cluster_last_complaint(const struct cluster *c, struct text *out);

/* Keep the server's log within its maximum; to be called now and then. */
void cluster_trim_log(struct cluster *c);

/* Add the URL of the cluster that an `up` of this user runs right now on the default state folder. False: none runs. */
bool cluster_running_url(struct text *url);
