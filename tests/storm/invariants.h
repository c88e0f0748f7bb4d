#pragma once
/* Read the tables and tell what cannot be: tests/sql/invariants.sql. To be asked after every test that kills something. */
#include "common/base/text.h"
#include "common/db/pg.h"

/* How many rows break a rule; a line each, "rule: what", is added to `report`. `over`: the run has ended, so nothing may wait, run
 * or be asked for any more. A failure to read ends the test program. */
size_t invariants_broken(struct pg *pg, bool over, struct text *report);

/* End the test with the report unless all rules hold. */
void invariants_assert(struct pg *pg, bool over);
