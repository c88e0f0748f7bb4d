#pragma once
/* `cron --batch`: questions about schedule expressions as JSON lines on `in`, one answer a line on `out`.
 * {"expr", "tz", "from", "count", "seed"} is answered with an array of fire times or {"error": message}. */
#include "common/base/err.h"

enum { CRON_COUNT_MAX = 10000 };

/* Answer until the end of input, in order; what is answered is written whenever input pauses. False: reading or writing
 * failed. */
bool cron_batch(int in, int out, struct err *e);
