#pragma once
/* The places of one level: how many, their ids, and a row as CARTO answers it. */
#include "sandbox/carto/carto.h"

int64_t place_rows(const struct carto *c, int level);
int64_t place_row_id(int64_t n); /* of the n-th row, 0 for the first: ids have gaps */
void place_row_write(const struct carto *c, int level, int64_t n, bool parent, struct text *out);
