#pragma once
/* A progress bar for one task: redrawn in place on a terminal, in a pipe a plain line whenever it moved, at most one a
 * second.
 *
 *     pmp.partners [=========>          ]  45%  450/1000  123/s  4s left  Kenya
 */
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/store/task.h"
#include <stdbool.h>

struct bar {
    const char *name;
    bool terminal;
    usec_t begun_at, said_at;     /* CLOCK_BOOTTIME */
    usec_t counted_at;            /* where the rate is counted from */
    int64_t counted;
    double rate;                  /* a second; 0: not known yet */
    int attempt;
    bool drawn;                   /* the cursor stands in a line that was drawn */
    struct text last;             /* the last plain line, so that it is said once */
};

void bar_begin(struct bar *bar, const char *name);
void bar_show(struct bar *bar, const struct task_state *state);

/* Add the line that bar_show() would show. */
void bar_line(struct bar *bar, const struct task_state *state, struct text *out);

/* Take the bar off the screen, so that a line can be printed. */
void bar_clear(struct bar *bar);
void bar_end(struct bar *bar); /* for CLEANUP */
