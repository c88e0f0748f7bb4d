#pragma once
/* Schedules as people ask about them: list, show, next ticks, history, pause, resume, trigger. ERR_NOT_FOUND names the
 * schedule that does not exist. */
#include "common/db/pg.h"

enum { SCHEDULE_NEXT_MAX = 10000 };

/* All schedules, `retired` ones (no longer in the file they came from) too or not. Columns: name, the expressions joined by " | ", tz,
 * enabled, paused, last_tick, next_tick, last_task, last_status, last_lateness_ms, problem, then those of schedule_show() that are not
 * among them. */
bool schedule_list(struct pg *pg, bool retired, struct pg_rows *rows, struct err *e);

/* One row with every column of the definition; specs and exclude are JSON arrays. */
bool schedule_show(struct pg *pg, const char *name, struct pg_rows *rows, struct err *e);

/* Its last ticks, newest first: tick_at, emitted_at, lateness_ms, task_id, status, started_at, ended_at, missed, error,
 * emitted_by, epoch. */
bool schedule_history(struct pg *pg, const char *name, size_t max, struct pg_rows *rows, struct err *e);

/* Give `take` its next ticks after `from`, whether or not it is enabled: up to `max`, fewer when the schedule ends. `local` and `note`
 * are those of rule_describe(). ERR_USAGE when its expressions cannot be read. */
typedef void schedule_take(void *data, usec_t tick, const char *local, const char *note);
bool schedule_next(struct pg *pg, const char *name, usec_t from, size_t max, schedule_take *take, void *data, struct err *e);

/* So many that tick in the same second are a herd. */
enum { SCHEDULE_HERD = 20 };

/* The largest herd: *count schedules without jitter that tick next at *at; *count 0: there is none. */
bool schedule_herd(struct pg *pg, usec_t *at, int64_t *count, struct err *e);

/* ERR_REFUSED when it is paused already, or is not. Time spent paused is not caught up. `reason`, `author`: may be
 * NULL. */
bool schedule_pause(struct pg *pg, const char *name, const char *reason, const char *author, struct err *e);
bool schedule_resume(struct pg *pg, const char *name, struct err *e);

/* Emit a tick for this moment, paused or not; the overlap policy holds, so that the task may be SKIPPED. */
bool schedule_trigger(struct pg *pg, const char *name, struct uuid *task, struct err *e);
