#pragma once
/* How sure the countries are of their partners (docs/hact.md): figures from what is in the database, so nobody else is asked. */
#include "common/task/report.h"

extern const struct handler handler_hact_values, handler_hact_summary, handler_hact_aggregate;

#define HACT_TODAY_FIELD(type_) STR_FIELD(type_, today, .min = 10, .max = 10, .help = "act as on this day, 2025-06-01; none: today in UTC")
