/* display: rows of tasks on standard output. */
#include "cli/up/display.h"

#include "cli/rows.h"
#include "cli/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAR_WIDTH = 20 };

#define SAY_AGAIN SECONDS(5) /* how often a pipe hears of progress */
#define RATE_AFTER MSEC(500) /* a rate of less is noise */

void display_open(struct display *d)
{
    const char *kind = getenv("TERM");
    *d = (struct display){.live = terminal_is(stdout) && kind && strcmp(kind, "dumb") != 0};
}

static void add_bar(struct text *line, const struct display_row *row)
{
    int64_t done = row->value < row->end ? row->value : row->end;
    int full = (int)(done * BAR_WIDTH / row->end);
    text_putc(line, '[');
    for (int i = 0; i < BAR_WIDTH; i++)
        text_putc(line, i < full ? '=' : i == full ? '>' : ' ');
    text_puts(line, "] ");
}

/* "120/400 30/s 9s left", as far as it is known. */
static void add_progress(struct text *line, const struct display_row *row)
{
    char duration[CLOCK_TEXT_MAX];
    if (row->end > 0)
        text_printf(line, "%" PRId64 "/%" PRId64, row->value, row->end);
    else if (row->value > 0)
        text_printf(line, "%" PRId64, row->value);
    if (row->value <= 0 || row->took < RATE_AFTER || strcmp(row->status, "RUNNING") != 0)
        return;
    double rate = (double)row->value * SECONDS(1) / (double)row->took;
    text_printf(line, rate < 10 ? " %.1f/s" : " %.0f/s", rate);
    if (row->end > row->value)
        text_printf(line, " %s left", duration_format((usec_t)((double)(row->end - row->value) / rate) * SECONDS(1), duration));
}

static void write_row(struct text *line, const struct display_row *row, bool bar)
{
    char duration[CLOCK_TEXT_MAX];
    text_printf(line, "%-26s %-8s ", row->name, row->status);
    if (bar && row->end > 0)
        add_bar(line, row);
    add_progress(line, row);
    if (row->took > 0 && strcmp(row->status, "RUNNING") != 0)
        text_printf(line, " in %s", duration_format(row->took / MSEC(1) * MSEC(1), duration));
    if (row->text && *row->text) {
        text_puts(line, "  ");
        text_add_line(line, row->text);
    }
}

static void draw(struct display *d, const struct display_row *rows, size_t count)
{
    CLEANUP(text_free) struct text out = {0};
    size_t width = terminal_width(stdout) - 1;
    if (d->drawn > 0)
        text_printf(&out, "\033[%zuA", d->drawn);
    for (size_t i = 0; i < count; i++) {
        CLEANUP(text_free) struct text line = {0};
        write_row(&line, &rows[i], true);
        text_printf(&out, "\r\033[K%.*s\n", (int)text_cut(text_str(&line), width), text_str(&line));
    }
    text_puts(&out, "\033[J"); /* fewer rows than before: clear what is below */
    fputs(text_str(&out), stdout);
    fflush(stdout);
    d->drawn = count;
}

static void say(struct display *d, size_t place, const struct display_row *row)
{
    CLEANUP(text_free) struct text line = {0};
    usec_t now = clock_boot();
    bool changed = strcmp(d->said[place].name, row->name) != 0 || strcmp(d->said[place].status, row->status) != 0;
    bool moved = row->value != d->said[place].value && now - d->said[place].said_at >= SAY_AGAIN;
    if (!changed && !moved)
        return;
    snprintf(d->said[place].name, sizeof d->said[place].name, "%s", row->name);
    snprintf(d->said[place].status, sizeof d->said[place].status, "%s", row->status);
    d->said[place].said_at = now;
    d->said[place].value = row->value;
    write_row(&line, row, false);
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
