#pragma once
/* Before something is done to many tasks, somebody agrees: by --yes, or on the terminal. */
#include "common/base/err.h"

/* Ask on the terminal, unless `yes`. ERR_REFUSED when the answer is no, or when there is no terminal: then the text is `refusal` with
 * a hint at --yes. */
bool confirm(bool yes, const char *question, const char *refusal, struct err *e);
