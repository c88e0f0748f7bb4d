#pragma once
/* The jobs that the reporting portal does with what the syncs with PMP have brought (docs/prp.md): they talk to nobody but the
 * database, and to a mail server. */
#include "common/task/report.h"
#include "common/task/task.h"

extern const struct handler handler_prp_period_reports, handler_prp_due_reports, handler_prp_notify_due,
    handler_prp_notify_overdue, handler_prp_bulk_delete_locations;

enum { PRP_DAY_MAX = 16 };

/* The day to act as of: `given` ("2025-06-01") or, when NULL, today in UTC. False with ERR_DATA: it is no day. */
bool prp_day(const char *given, char out[static PRP_DAY_MAX], struct err *e);

#define PRP_TODAY_FIELD(type_) \
    STR_FIELD(type_, today, .min = 10, .max = 10, .help = "act as on this day, 2025-06-01; none: today in UTC")
