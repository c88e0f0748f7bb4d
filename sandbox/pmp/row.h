#pragma once
/* One row of any list as JSON: generated or loaded, touched, made bad or long as the quirks say. */
#include "sandbox/pmp/world.h"

void row_write(const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind, const struct pmp_row *row,
               struct text *out);
