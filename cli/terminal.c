/* terminal: what the output is. */
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_UNKNOWN = 80, HEIGHT_UNKNOWN = 24 };

bool terminal_is(FILE *stream)
{
    return isatty(fileno(stream));
}

bool terminal_colours(FILE *stream)
{
    const char *refused = getenv("NO_COLOR"), *term = getenv("TERM");
    return terminal_is(stream) && !(refused && *refused) && !(term && strcmp(term, "dumb") == 0);
}

size_t terminal_width(FILE *stream)
{
    struct winsize size;
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : WIDTH_UNKNOWN;
}

size_t terminal_height(FILE *stream)
{
    struct winsize size;
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : HEIGHT_UNKNOWN;
}

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

size_t text_width(const char *s)
{
    size_t width = 0;
    for (; *s; s++)
        width += begins_character(*s);
    return width;
}

size_t text_cut(const char *s, size_t width)
{
    size_t at = 0;
    for (size_t seen = 0; s[at]; at++) {
        seen += begins_character(s[at]);
        if (seen > width)
            break;
    }
    return at;
}

const char *status_colour(const char *status)
{
    static const struct {
        const char *status, *colour;
    } colours[] = {
        {"RUNNING", "\033[36m"}, {"SUCCESS", "\033[32m"}, {"ERRORED", "\033[31m"}, {"KILLED", "\033[33m"}, {"SKIPPED", "\033[2m"},
        {"OK", "\033[32m"},      {"WARN", "\033[33m"},    {"FAIL", "\033[31m"},
    };
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
        if (strcmp(colours[i].status, status) == 0)
            return colours[i].colour;
    return "";
}
