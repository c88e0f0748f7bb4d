#pragma once
/* Metrics in Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). What there
 * is is the table in metrics.c. Labels have few values: queues (LOOK_QUEUES_MAX at most), statuses, checks, readings;
 * never ids or tenants. What was not read lately is left out rather than repeated. */
#include "common/base/text.h"
#include "web/web.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Add every family. Called with the state locked. */
void metrics_write(const struct web *web, struct text *out);
