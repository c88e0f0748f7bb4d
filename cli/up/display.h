#pragma once
/* What a person sees of tasks: on a terminal a few lines that are drawn over again, in a pipe a line a change. */
#include "common/base/clock.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISPLAY_ROWS_MAX = 8, DISPLAY_NAME_MAX = 64, DISPLAY_STATUS_MAX = 16 };

struct display_row {
    const char *name, *status;
    int64_t value, end; /* end 0: unknown */
    const char *text;   /* the last message; "" for none */
    usec_t took;
};

struct display {
    bool live;    /* standard output is a terminal that can move its cursor */
    size_t drawn; /* lines that are drawn over */
    struct {
        char name[DISPLAY_NAME_MAX], status[DISPLAY_STATUS_MAX];
        usec_t said_at;
        int64_t value;
    } said[DISPLAY_ROWS_MAX]; /* what a pipe was told last */
};

void display_open(struct display *d);

/* Show the rows as they are now. */
void display_show(struct display *d, const struct display_row *rows, size_t count);

/* Leave the drawn lines as they are; what follows stands below them. */
void display_settle(struct display *d);
