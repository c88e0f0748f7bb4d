/* day: which day it is for the jobs that look at due dates. */
#include "tasks/prp/prp.h"

#include <stdio.h>

bool prp_day(const char *given, char out[static PRP_DAY_MAX], struct err *e)
{
    char text[CLOCK_TEXT_MAX];
    usec_t at = clock_now();
    if (given) {
        snprintf(text, sizeof text, "%.10sT00:00:00Z", given);
        if (!clock_parse(text, &at, e))
            return err_set(e, ERR_DATA, "'today': '%s' is not a day like 2025-06-01", given);
    }
    snprintf(out, PRP_DAY_MAX, "%.10s", clock_format(at, text));
    return true;
}
