#pragma once
/* Who runs the private server: PostgreSQL refuses root. */
#include "common/base/err.h"
#include <stdbool.h>
#include <sys/types.h>

struct account {
    uid_t uid; /* 0: we stay who we are */
    gid_t gid;
};

/* For root the user `postgres`, else `drumbeat`, which is made as a system user where it is missing; for anybody else
 * the user himself. */
bool account_find(struct account *account, struct err *e);
