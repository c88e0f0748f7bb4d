#pragma once
/* What one attempt of a task may take. One table (limits.c) feeds the defaults, what a task may ask for itself, and what people
 * are shown; the configuration's rows are in config/options.c. */
#include "common/base/clock.h"
#include <stdbool.h>
#include <stddef.h>

struct limits {
    usec_t soft;       /* wall clock: then it is asked to stop */
    usec_t hard;       /* wall clock: then its process is killed */
    usec_t cpu;        /* processor time of the process and all it started */
    int64_t memory;    /* resident bytes of the same */
    int64_t files;     /* open at once in one process */
    int64_t output;    /* bytes: log text, what a command writes to its descriptors, and each file of a command */
    int64_t log_lines; /* kept; the rest is dropped */
    int64_t processes; /* alive at once, its own included */
};

enum limit_unit { LIMIT_TIME, LIMIT_SIZE, LIMIT_COUNT };

struct limit {
    const char *name;
    enum limit_unit unit;
    size_t offset;
    int64_t min;      /* less than that leaves no room for the runner itself */
    int64_t fallback; /* 0: the hard limit's value */
};

extern const struct limit limits_all[]; /* ends with a NULL name */

/* The value of one of them. */
int64_t limit_value(const struct limit *limit, const struct limits *of);

/* Add the value as people write it: "55m", "512MiB", "1024". */
struct text;
void limit_print(const struct limit *limit, const struct limits *of, struct text *out);

/* Fill what is 0 from `next`, which may have gaps too; then from the table. */
void limits_fill(struct limits *l, const struct limits *next);
void limits_default(struct limits *l); /* soft without a value leaves the last twelfth of hard for stopping */

/* Apply what a task asks for itself, a JSON object {"memory": "256MiB", "cpu": "30s", "files": 100}: times as durations or whole
 * seconds, sizes as sizes or bytes. It only tightens: what is above the handler's limit changes nothing. ERR_DATA names the limit. */
bool limits_tighten(struct limits *l, const char *json, struct err *e);

/* What a row says of a task that was over a limit, "killed: 734 MiB > 512 MiB": the value, of what, and the limit; never rounded down
 * to the limit. Each returns `out`. */
const char *limit_say_size(char *out, size_t room, int64_t value, const char *of, int64_t limit);
const char *limit_say_time(char *out, size_t room, usec_t value, const char *of, usec_t limit);
const char *limit_say_count(char *out, size_t room, int64_t value, const char *of, int64_t limit);
