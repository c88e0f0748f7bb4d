#pragma once
/* Ids as people type them: whole, or as many digits of the beginning as make it one task. */
#include "common/db/pg.h"

enum { TASK_PREFIX_MIN = 8 };

/* ERR_USAGE when it is no id or begins more than one; ERR_NOT_FOUND when a beginning fits no task. A whole id is not
 * looked up. */
bool task_id_read(struct pg *pg, const char *typed, struct uuid *id, struct err *e);

/* The same for batches. */
bool batch_id_read(struct pg *pg, const char *typed, struct uuid *id, struct err *e);
