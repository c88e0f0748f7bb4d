/* display: a bar a task, on standard output. */
#include "cli/up/display.h"

#include "cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAY_AGAIN SECONDS(5) /* how often a pipe hears that a task moves */

void display_open(struct display *d)
{
    const char *kind = getenv("TERM");
    *d = (struct display){.live = terminal_is(stdout) && kind && strcmp(kind, "dumb") != 0};
}

/* The line of row `place`; another task than before begins a bar of its own. Names are padded, so that bars align. */
static void write_line(struct display *d, size_t place, const struct display_row *row, struct text *out)
{
    char name[DISPLAY_NAME_MAX], took[CLOCK_TEXT_MAX];
    snprintf(name, sizeof name, "%-26s", row->name);
    if (strcmp(d->lines[place].name, name) != 0) {
        memcpy(d->lines[place].name, name, sizeof name);
        bar_begin(&d->lines[place].bar, d->lines[place].name);
    }
    bar_line(&d->lines[place].bar, &row->state, out);
    if (row->state.started_at && row->state.ended_at)
        text_printf(out, " in %s", duration_format((row->state.ended_at - row->state.started_at) / MSEC(1) * MSEC(1), took));
}

/* A cursor goes no higher than the terminal's first line: of more rows than that the last ones are drawn. */
static void draw(struct display *d, const struct display_row *rows, size_t count)
{
    CLEANUP(text_free) struct text out = {0};
    size_t width = terminal_width(stdout) - 1, height = terminal_height(stdout), from = count >= height ? count - height + 1 : 0;
    if (d->drawn > 0)
        text_printf(&out, "\033[%zuA", d->drawn);
    for (size_t i = from; i < count; i++) {
        CLEANUP(text_free) struct text line = {0};
        write_line(d, i, &rows[i], &line);
        text_printf(&out, "\r\033[K%.*s\n", (int)text_cut(text_str(&line), width), text_str(&line));
    }
    text_puts(&out, "\033[J"); /* fewer rows than before: clear what is below */
    fputs(text_str(&out), stdout);
    fflush(stdout);
    d->drawn = count - from;
}

static void say(struct display *d, size_t place, const struct display_row *row)
{
    CLEANUP(text_free) struct text line = {0};
    usec_t now = clock_boot();
    write_line(d, place, row, &line);
    bool changed = strcmp(d->lines[place].status, row->state.status) != 0;
    if (!changed && (strcmp(row->state.status, "RUNNING") != 0 || now - d->lines[place].said_at < SAY_AGAIN))
        return;
    snprintf(d->lines[place].status, sizeof d->lines[place].status, "%s", row->state.status);
    d->lines[place].said_at = now;
    while (line.len > 0 && line.data[line.len - 1] == ' ')
        line.data[--line.len] = '\0';
    puts(text_str(&line));
    fflush(stdout);
}

void display_show(struct display *d, const struct display_row *rows, size_t count)
{
    count = count < DISPLAY_ROWS_MAX ? count : DISPLAY_ROWS_MAX;
    if (d->live) {
        draw(d, rows, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        say(d, i, &rows[i]);
}

void display_settle(struct display *d)
{
    d->drawn = 0;
}
