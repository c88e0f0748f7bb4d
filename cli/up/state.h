#pragma once
/* The state folder: where `up` keeps what outlives it, held by one `up` at a time.
 *
 *     postgres/       the private cluster's data          postgres.log    what its server says
 *     up.lock         locked while an `up` runs           drumbeat.log    what the rest says, when a terminal is busy
 *     results/        results too large for a row, unless results.root is configured
 *     sandbox.env     where the sandbox is, for other verbs of the same user
 *     socket/         the cluster's socket, unless the path is too long for one (cluster.h) */
#include "common/base/err.h"
#include "common/base/text.h"
#include <stdbool.h>

/* Add the folder for this user: /var/lib/drumbeat for root, else $XDG_STATE_HOME/drumbeat or ~/.local/state/drumbeat
 * (XDG Base Directory Specification). */
bool state_default_folder(struct text *folder, struct err *e);

/* Make `folder` and its parents where they are missing, with `mode`. */
bool state_make_folder(const char *folder, unsigned mode, struct err *e);

/* Add the folder of large results. */
void state_results(const char *state, struct text *folder);

/* Take the lock, which the kernel drops when this process ends, however it ends. ERR_REFUSED names the process that
 * has it. On success *lock is a descriptor to be kept open. */
bool state_lock(const char *folder, int *lock, struct err *e);

/* Open the log `name` in `folder` to append to it; *log is close-on-exec. */
enum { STATE_LOG_MAX = 16 * 1024 * 1024 };
bool state_open_log(const char *folder, const char *name, int *log, struct err *e);

/* Start a log over that has grown beyond STATE_LOG_MAX. */
void state_trim_log(int log);
