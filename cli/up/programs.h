#pragma once
/* Where PostgreSQL's programs are: Debian keeps each major version in a folder of its own. */
#include "common/base/err.h"
#include "common/base/text.h"
#include <stdbool.h>

/* Add the folder of `postgres` and `initdb`: version `major` when it is not 0 (data belong to one major version), else
 * the newest under /usr/lib/postgresql, else the one in PATH. */
bool programs_find(int major, struct text *folder, struct err *e);

/* The major version that made the cluster in folder `data`; 0 when there is none. */
int programs_version_of(const char *data);
