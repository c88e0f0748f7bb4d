#pragma once
/* --help, from the rows of verbs.c. */
#include "cli/verb.h"
#include "common/base/text.h"

/* All verbs, a line each. */
void help_all(struct text *out);

/* One verb: usage, what it takes, an example. */
void help_verb(const struct verb *verb, struct text *out);

/* The verbs of a family such as "task", its first word; false when there is none. */
bool help_family(const char *word, struct text *out);
