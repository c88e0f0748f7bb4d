#pragma once
/* From the configuration to the schedule table. */
#include "common/db/pg.h"
#include "config/config.h"

/* Can every schedule's expressions and arguments be read? ERR_USAGE names the first that cannot, with its place in the
 * file. Logs a warning for one that will never tick. */
bool declare_check(const struct config *config, struct err *e);

/* Make the table say what the file says (see declare_schedules in sql/migrations) and log what was different.
 * ERR_TRANSIENT: somebody else's transaction is changing schedules, try again. */
bool declare_schedules(struct pg *pg, const struct config *config, struct err *e);
