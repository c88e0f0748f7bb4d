#pragma once
/* The tasks of a Celery application (celery.app): a program of ours in Python (app.py) that imports it, says which tasks there are, and runs
 * them one after the other. It is a part of this program, so that there is nothing to install beside it. */
#include "tasks/command/command.h"

/* What tells the result backend of tasks that their process did not survive: a name of the application's, in a queue of its own. */
#define APP_TELL "drumbeat.tell"

struct app_task {
    const char *name;
    const char *queue; /* NULL: none, or not one that drumbeat could have */
    usec_t soft, hard;
};

struct app {
    struct command command; /* that runs them; without a name */
    struct app_task *tasks; /* by name */
    size_t count;
};

/* What the configuration says of it. */
struct app_options {
    const char *name;   /* as celery -A names it */
    const char *python; /* that runs it */
    const char *folder; /* of the project; NULL: the worker's */
};

/* Start the program and ask it. Everything lives as long as `region` and the options. ERR_USAGE: the application cannot be imported, with what it
 * said. */
bool app_ask(const struct app_options *options, struct region *region, struct app *out, struct err *e);
