#pragma once
/* Verbs: what `drumbeat WORD …` can do. A file each: its flags as a table, one function, one descriptor; the descriptors,
 * in the list of verbs.c, feed dispatch, --help and the manual.
 *
 *     struct args {
 *         const char *id;
 *         bool json;
 *     };
 *
 *     static const struct flag flags[] = {
 *         TEXT_OPERAND(struct args, id, "ID", .required = true, .help = "the task, or the first 8 digits of its id"),
 *         SWITCH_FLAG(struct args, json, "json", .help = "print JSON"),
 *         {0},
 *     };
 *
 *     static int run(int argc, char **argv)
 *     {
 *         struct args args = {0};
 *         struct err e;
 *         if (!flags_read(flags, argc, argv, &args, &e))
 *             return verb_failed(&e);
 *         …
 *     }
 *
 *     const struct verb verb_task_show = {
 *         .name = "task show",
 *         .summary = "one task with its attempts and last log lines",
 *         .example = "drumbeat task show 0190a5d2",
 *         .flags = flags,
 *         .run = run,
 *     };
 */
#include "cli/flags.h"
#include "common/base/err.h"
#include <stdbool.h>

/* Exit statuses of the public contract. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_FOUND = 3, EXIT_REFUSED = 4, EXIT_UNREACHABLE = 5, EXIT_NOT_MET = 6 };

struct verb {
    const char *name;         /* "worker", "task show": one word or two */
    const char *summary;      /* one line, no full stop */
    const char *details;      /* more to know, in sentences; NULL: nothing */
    const char *example;      /* whole command lines, one a line */
    const struct flag *flags; /* NULL: none; ends with an empty row */
    bool hidden;              /* a process of the product's own: not for people, not in --help */
    int (*run)(int argc, char **argv); /* argv[0] is the name, the rest what followed it; returns the exit status */
};

extern const struct verb *const verbs[]; /* ends with NULL */

/* Print "drumbeat: text" to standard error, with a hint what to do where the kind has one; answers the exit status. */
int verb_failed(const struct err *e);

/* The same for a verb whose words are the server's to judge: a value that it refuses (ERR_DATA) was wrong use. */
int verb_misused(struct err *e);

/* Find the verb that argv[0] (and argv[1]) name; `words` is how many were used. NULL and ERR_USAGE with the nearest name. */
const struct verb *verb_find(int argc, char **argv, int *words, struct err *e);
