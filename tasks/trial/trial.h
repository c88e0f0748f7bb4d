#pragma once
/* What the trial handlers share. */
#include "common/task/task.h"

/* `times` of fail and crash: "all", or how many attempts misbehave. */
bool trial_misbehaves(const struct task *task, const char *times_json, bool *misbehaves, struct err *e);

/* Wait, awake for a cancel or a limit. */
bool trial_wait(struct task *task, usec_t duration, struct err *e);

extern const struct handler handler_noop, handler_sleep, handler_echo, handler_fail, handler_crash, handler_hog, handler_effect, handler_snooze;
