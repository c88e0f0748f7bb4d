#pragma once
/* Sleeping so that nothing is slept through: until a moment of CLOCK_BOOTTIME (which goes on while the machine is
 * suspended), a readable socket, a signal to end or to reload, or a step of the wall clock. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include <stdbool.h>

struct alarm {
    int signals, timer, steps; /* descriptors, -1 when closed */
    bool ended;                /* SIGTERM or SIGINT has come, or the terminal is gone */
    bool reload;               /* SIGHUP has come; whoever heeds it sets it back */
};

/* SIGTERM, SIGINT and SIGHUP are blocked in this thread from now on and only seen by alarm_wait() and alarm_ended(). */
bool alarm_open(struct alarm *alarm, struct err *e);
void alarm_close(struct alarm *alarm);

/* Sleep until clock_boot() is `until`, `socket` (-1: none) is readable, the end is asked for, or the wall
 * clock was set: then *stepped is true. */
bool alarm_wait(struct alarm *alarm, usec_t until, int socket, bool *stepped, struct err *e);

/* Has the end been asked for? Does not wait. */
bool alarm_ended(struct alarm *alarm);
