#pragma once
/* The user as whom children run when the worker itself is root (worker.user). */
#include "common/base/err.h"
#include <sys/types.h>

enum { IDENTITY_GROUPS_MAX = 64 };

struct identity {
    bool taken; /* false: children stay who the worker is */
    uid_t uid;
    gid_t gid;
    int group_count;
    gid_t groups[IDENTITY_GROUPS_MAX];
};

/* Look the user up; NULL: none. ERR_USAGE when there is no such user, or we may not become it. */
bool identity_find(const char *user, struct identity *out, struct err *e);

/* Become it for good; with at most `processes` of it in all. Ends the process when that fails: a task must not run with more rights
 * than it was given. */
void identity_take(const struct identity *identity, int64_t processes);
