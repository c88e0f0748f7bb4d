#pragma once
/* Results that are too large for a row: files below one folder, results.root. The row holds {"file": "2026-11-28T14/TASK-FENCE.json", "bytes": n}.
 *
 * A file is in a folder that is named after the hour (UTC) in which it may be removed, so its lifetime is decided once, when it is written, and
 * whoever prunes needs neither the row nor a clock of the file system's. A file's owner is the user of the worker, its group that of the root. No
 * name leads out of the root: names are built here, and read back only in this form, without following links. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/text.h"
#include "common/base/uuid.h"

struct result_place {
    const char *root; /* an existing folder */
    usec_t keep;
    unsigned mode; /* of files: 0600, 0640, 0644; their folders can be entered by the same */
};

/* Write the result of an attempt, complete and durable when this returns. `reference` is what belongs into the row. No place on the disk and
 * the like: ERR_TRANSIENT. */
bool result_put(const struct result_place *place, struct uuid task, int64_t fence, const char *json, struct text *reference, struct err *e);

/* Is the row's result (JSON) a reference to a file of this task? */
bool result_is_file(const char *result, struct uuid task);

/* Add what the reference stands for. ERR_NOT_FOUND: it was removed when its time was over. */
bool result_get(const char *root, struct uuid task, const char *reference, struct text *json, struct err *e);

/* Remove files whose time is over at `now`, at most `most`; *removed tells how many. */
bool result_prune(const char *root, usec_t now, size_t most, size_t *removed, struct err *e);
