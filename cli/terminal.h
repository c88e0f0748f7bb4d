#pragma once
/* Is somebody looking? Colours, widths and progress bars are for terminals only. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

bool terminal_is(FILE *stream);

/* Colours are wanted: a terminal, NO_COLOR unset or empty (no-color.org), TERM not "dumb". */
bool terminal_colours(FILE *stream);

/* Columns and lines; 80 and 24 when nobody knows. */
size_t terminal_width(FILE *stream);
size_t terminal_height(FILE *stream);

/* How many columns a UTF-8 text takes, one a character. */
size_t text_width(const char *s);

/* Where the text ends when it is cut to `width` columns. */
size_t text_cut(const char *s, size_t width);

/* The colour of a status (SGR, ECMA-48), "" for none. */
const char *status_colour(const char *status);
#define COLOUR_END "\033[0m"
