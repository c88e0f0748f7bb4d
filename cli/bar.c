/* bar: what is drawn is made by bar_line(), which knows no terminal. */
#include "cli/bar.h"
#include "cli/rows.h"
#include "cli/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BAR_WIDTH = 24 };

static const usec_t line_every = SECONDS(1), rate_every = SECONDS(1);

void bar_begin(struct bar *bar, const char *name)
{
    *bar = (struct bar){.name = name, .terminal = terminal_is(stdout), .begun_at = clock_boot()};
    bar->counted_at = bar->said_at = bar->begun_at;
}

/* The rate is what the last seconds brought, old ones counting less and less. A new attempt counts from the start. */
static void count(struct bar *bar, const struct task_state *state)
{
    usec_t now = clock_boot(), passed = now - bar->counted_at;
    if (state->attempt != bar->attempt || state->progress_value < bar->counted) {
        bar->attempt = state->attempt;
        bar->counted = state->progress_value;
        bar->counted_at = now;
        bar->rate = 0;
    } else if (passed >= rate_every) {
        double rate = (double)(state->progress_value - bar->counted) * 1e6 / (double)passed;
        bar->rate = bar->rate > 0 ? bar->rate * 0.7 + rate * 0.3 : rate;
        bar->counted = state->progress_value;
        bar->counted_at = now;
    }
}

static void add_picture(struct text *out, double share)
{
    int done = (int)(share * BAR_WIDTH);
    text_puts(out, " [");
    for (int i = 0; i < BAR_WIDTH; i++)
        text_putc(out, i < done ? '=' : i == done ? '>' : ' ');
    text_printf(out, "] %3d%%", (int)(share * 100));
}

static void add_numbers(const struct bar *bar, const struct task_state *state, struct text *out)
{
    char left[CLOCK_TEXT_MAX];
    if (state->end_value > 0)
        text_printf(out, "  %" PRId64 "/%" PRId64, state->progress_value, state->end_value);
    else if (state->progress_value > 0)
        text_printf(out, "  %" PRId64, state->progress_value);
    if (bar->rate <= 0)
        return;
    text_printf(out, bar->rate < 10 ? "  %.1f/s" : "  %.0f/s", bar->rate);
    if (state->end_value > state->progress_value)
        text_printf(out, "  %s left", duration_format(SECONDS((int64_t)((double)(state->end_value - state->progress_value) / bar->rate + 0.5)), left));
}

void bar_line(struct bar *bar, const struct task_state *state, struct text *out)
{
    count(bar, state);
    text_add_line(out, bar->name);
    text_printf(out, " %s", state->status);
    if (state->attempt > 1)
        text_printf(out, ", attempt %d", state->attempt);
    if (bar->terminal && state->end_value > 0) {
        double share = (double)state->progress_value / (double)state->end_value;
        add_picture(out, share < 0 ? 0 : share > 1 ? 1 : share);
    }
    add_numbers(bar, state, out);
    if (state->progress_message) {
        text_puts(out, "  ");
        text_add_line(out, state->progress_message);
    }
}

static void draw(struct bar *bar, const struct text *line)
{
    const char *s = text_str(line);
    printf("\r%.*s\033[K", (int)text_cut(s, terminal_width(stdout) - 1), s);
    fflush(stdout);
    bar->drawn = true;
}

static void say(struct bar *bar, const struct text *line)
{
    usec_t now = clock_boot();
    if (now - bar->said_at < line_every || strcmp(text_str(line), text_str(&bar->last)) == 0)
        return;
    puts(text_str(line));
    fflush(stdout);
    bar->said_at = now;
    text_reset(&bar->last);
    text_puts(&bar->last, text_str(line));
}

void bar_show(struct bar *bar, const struct task_state *state)
{
    CLEANUP(text_free) struct text line = {0};
    bar_line(bar, state, &line);
    if (bar->terminal)
        draw(bar, &line);
    else
        say(bar, &line);
}

void bar_clear(struct bar *bar)
{
    if (bar->drawn)
        fputs("\r\033[K", stdout);
    bar->drawn = false;
}

void bar_end(struct bar *bar)
{
    bar_clear(bar);
    fflush(stdout);
    text_free(&bar->last);
}
