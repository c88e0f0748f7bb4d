#pragma once
/* When django-celery-beat's schedules fire, as our expressions. `fields` are a row's columns as Django dumps them
 * (https://django-celery-beat.readthedocs.io, "Models"); what is added to `spec` means the same. ERR_DATA names the
 * column that cannot be read or said. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/json.h"
#include "common/base/text.h"

/* every, period: "@every 30m". */
bool celery_interval(const struct js *fields, struct text *spec, struct err *e);

/* minute, hour, day_of_month, month_of_year, day_of_week: "0 4 * * *". Celery wants both the day of the month and the
 * day of the week to match: "0 4 13 * +5". */
bool celery_crontab(const struct js *fields, struct text *spec, struct err *e);

/* clocked_time: that second of that year, "0 30 4 1 6 * 2030". */
bool celery_clocked(const struct js *fields, struct text *spec, struct err *e);
