#pragma once
/* What a person sees of several tasks: on a terminal a line each that is drawn over again, in a pipe a line when a task's
 * status changes and now and then when it moves. */
#include "cli/bar.h"
#include "common/base/clock.h"
#include "common/store/task.h"
#include <stdbool.h>
#include <stddef.h>

enum { DISPLAY_ROWS_MAX = 24, DISPLAY_NAME_MAX = 64, DISPLAY_STATUS_MAX = 16 };

struct display_row {
    const char *name;
    struct task_state state;
};

struct display {
    bool live;    /* standard output is a terminal that can move its cursor */
    size_t drawn; /* lines that are drawn over */
    struct {
        struct bar bar;
        char name[DISPLAY_NAME_MAX], status[DISPLAY_STATUS_MAX];
        usec_t said_at;
    } lines[DISPLAY_ROWS_MAX];
};

void display_open(struct display *d);

/* Show the rows as they are now. */
void display_show(struct display *d, const struct display_row *rows, size_t count);

/* Leave the drawn lines as they are; what follows stands below them. */
void display_settle(struct display *d);
