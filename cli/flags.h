#pragma once
/* The command line as a table: what a verb takes is rows, and the rows feed the reader and --help.
 *
 * Flags are written `--name value` or `--name=value`, switches `--name`; operands stand by themselves, in the order of
 * their rows; `--` ends the flags. The flags of every verb (--config, --database-url, --set, --help) are known
 * everywhere. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/text.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLAG_LIST_MAX = 1000 };

enum flag_type {
    FLAG_SWITCH,   /* bool */
    FLAG_TEXT,     /* const char * */
    FLAG_NUMBER,   /* int64_t */
    FLAG_TIME,     /* usec_t: RFC 3339 */
    FLAG_DURATION, /* usec_t: 1h30m */
    FLAG_LIST,     /* const char *const *, ends with NULL: given again and again; of an operand: all that follow */
    FLAG_TYPES
};

struct flag {
    const char *name; /* without the dashes; of an operand as help shows it: "ID". NULL ends the table */
    enum flag_type type;
    size_t offset;     /* into the structure that flags_read() fills; what is not given stays as it was */
    const char *value; /* how help calls the value: "N", "JSON|@FILE|-" */
    const char *help;
    int64_t min, max; /* of numbers and durations; both 0: 0 and more */
    bool operand;
    bool required;
};

#define SWITCH_FLAG(type_, member, name_, ...) {.name = (name_), .type = FLAG_SWITCH, .offset = offsetof(type_, member), __VA_ARGS__}
#define TEXT_FLAG(type_, member, name_, ...) {.name = (name_), .type = FLAG_TEXT, .offset = offsetof(type_, member), __VA_ARGS__}
#define NUMBER_FLAG(type_, member, name_, ...) {.name = (name_), .type = FLAG_NUMBER, .offset = offsetof(type_, member), __VA_ARGS__}
#define TIME_FLAG(type_, member, name_, ...) {.name = (name_), .type = FLAG_TIME, .offset = offsetof(type_, member), __VA_ARGS__}
#define DURATION_FLAG(type_, member, name_, ...) {.name = (name_), .type = FLAG_DURATION, .offset = offsetof(type_, member), __VA_ARGS__}
#define LIST_FLAG(type_, member, name_, ...) {.name = (name_), .type = FLAG_LIST, .offset = offsetof(type_, member), __VA_ARGS__}
#define TEXT_OPERAND(type_, member, name_, ...) TEXT_FLAG(type_, member, name_, .operand = true, __VA_ARGS__)
#define LIST_OPERAND(type_, member, name_, ...) LIST_FLAG(type_, member, name_, .operand = true, __VA_ARGS__)

/* The flags that every verb knows, and where they land. */
struct global_flags {
    const char *config;
    const char *database_url;
    const char *const *set; /* OPTION=VALUE; NULL: none */
    bool help;
};
extern struct global_flags global_flags;
extern const struct flag global_flag_rows[];

/* Read argv[1…argc-1] into `out` by the table; NULL is an empty one. Values are not copied. ERR_USAGE names the flag. */
bool flags_read(const struct flag *flags, int argc, char **argv, void *out, struct err *e);

/* Add "ID [--json] [--limit N]". */
void flags_usage(const struct flag *flags, struct text *out);

/* Add a line a row, two columns, each indented by two blanks. */
void flags_help(const struct flag *flags, struct text *out);
