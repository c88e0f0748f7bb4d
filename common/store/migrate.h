#pragma once
/* The schema: made, upgraded, checked. Migrations are forward-only files; each runs once, in one transaction, under a lock,
 * so that several processes may migrate at once and a second run does nothing. */
#include "common/db/pg.h"

/* Bring the schema up to this program's version. `applied` counts the migrations that ran now. A schema that is newer
 * than this program is ERR_REFUSED. */
bool migrate(struct pg *pg, int *applied, struct err *e);

/* ERR_REFUSED with what to do when the schema is missing or older than this program; newer is fine (rolling deploys). */
bool migrate_check(struct pg *pg, struct err *e);
