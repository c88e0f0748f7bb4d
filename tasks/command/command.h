#pragma once
/* Handlers in any language: a command that the configuration names (handlers.NAME.command). The public contract:
 *
 *     argv as configured, never a shell · the arguments as JSON on standard input · on descriptor 3 JSON lines
 *     {"progress": n, "total": n, "message": s}  {"result": any}  {"error": s, "retryable": bool}  {"log": s, "level": s}
 *     {"snooze": seconds, "message": why}: with exit 0 or 75 it runs again then, no attempt spent
 *     · standard output and standard error, line by line, into the task's log · exit 0 is SUCCESS, 75 retryable, other failed
 *     · DRUMBEAT_TASK_ID, DRUMBEAT_ATTEMPT, DRUMBEAT_TICK in the environment · cancel is SIGTERM, later SIGKILL
 *
 * A command that stays (kept.h) runs one task after the other instead. */
#include "common/task/task.h"

enum { COMMAND_LINE_MAX = 64 * 1024, COMMAND_EXIT_RETRY = 75 };

struct command {
    const char *name;        /* of the handler; NULL: a program of many, asked for itself */
    const char *const *argv; /* ends with NULL; argv[0] is looked up in PATH when it has no slash */
    const char *const *env;  /* NAME=VALUE on top of the worker's own environment; ends with NULL, may be NULL */
    const char *cwd;         /* NULL: the worker's */
    const char *source;      /* NULL, or text that the program finds in the file COMMAND_SOURCE */
    bool keep;               /* it stays, and runs the tasks of every command with the same argv, env and cwd */
    bool message;            /* with keep: it is also given the message of a client that a task came as, if it did */
};

#define COMMAND_SOURCE "/dev/fd/4"

/* The run function of a handler whose `context` is a struct command. */
bool command_run(struct task *task, const void *command, struct err *e);
