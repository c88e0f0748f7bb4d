#pragma once
/* Places at which a test kills the process, told by the step it is in and the moment of it. Only the program that tests build for
 * themselves (drumbeat-crash, tests/crash.cmake) has them; anywhere else they are nothing, not even a call.
 *
 *     CRASH_POINT("run", "ended");       the handler has returned and nobody knows yet
 *
 * Every statement sent to PostgreSQL is a step by its name, with the moments "before", "sent" and "answered". A new point goes into
 * the table of tests/test_crash_points.c too. */
#ifdef DRUMBEAT_CRASH_POINTS
void crash_point(const char *step, const char *moment);
#define CRASH_POINT(step, moment) crash_point(step, moment)
#else
#define CRASH_POINT(step, moment) ((void)0)
#endif
