#pragma once
/* Commands that stay (command.keep): a program that its child starts once and hands task after task, a JSON line each on standard input:
 *
 *     {"id": uuid, "attempt": n, "name": s, "args": {…}}     with "tick", and "message" for a program that wants it
 *
 * It says {"ready": true} when it can take tasks, answers as a command does, and ends each task with {"end": id}: a success unless there was
 * an error before. Besides, for programs of this kind:
 *
 *     {"ready": true, "interrupt": true}   a soft limit is SIGUSR1, and the task may go on to its hard limit; else it is SIGTERM
 *     {"retry": seconds, "error": why, "headers": {…}}   it runs again then, whatever its attempts; the headers are added to the row's
 *     {"end": id, "leaving": true}         it ends by itself now; another is started
 *     {"end": id, "stopped": true}         it has heeded SIGTERM and goes on; without that it is ended with the task
 *
 *     starting --ready--> idle --order--> running --end--> idle        It dies: the task that runs has died with it, and another is started.
 *         `--- dies: an error, tried again later
 *
 * It is of the child: it ends with it, its memory and processor time are those of the task that runs. */
#include "tasks/command/command.h"
#include <sys/types.h>

enum { KEPT_MAX = 8, KEPT_LINE_MAX = 32 << 20 };

/* Does one program run the tasks of both? */
bool kept_is_same(const struct command *a, const struct command *b);

/* Start the program of this command unless it runs, and listen to it for at most `wait`: *ready once it can take tasks. False: it could not be
 * started, ended before it was ready, or was not within KEPT_PATIENCE. */
bool kept_prepare(const struct command *command, usec_t wait, bool *ready, struct err *e);
#define KEPT_PATIENCE MINUTES(2)

/* Run one task. */
bool kept_run(struct task *task, const struct command *command, struct err *e);

/* The processes that stay beyond a task, at most KEPT_MAX; those of other programs than this one's alone when `but` is one. How many. */
size_t kept_pids(const struct command *but, pid_t pids[static KEPT_MAX]);

/* The child leaves: tell them that nothing is to come, and wait for their end for so long. */
void kept_end_all(usec_t grace);
