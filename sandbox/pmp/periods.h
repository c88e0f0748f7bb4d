#pragma once
/* When a document reports: quarterly reports, humanitarian reports each month, special reports on demand. */
#include "sandbox/pmp/document.h"

void periods_write(const struct document *doc, struct text *out);         /* "reporting_requirements" */
void periods_write_special(const struct document *doc, struct text *out); /* "special_reports" */
