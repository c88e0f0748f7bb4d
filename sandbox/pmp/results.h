#pragma once
/* What a document promises: outputs, their indicators, and whom it reports to when. */
#include "sandbox/pmp/document.h"

void results_write(const struct pmp *p, const struct pmp_country *c, const struct document *doc, struct text *out);
