#pragma once
/* Every option there is, as rows. The rows feed the file reader, the environment, `drumbeat config`, --help and the
 * manual: a new option is a member of struct config and a row in options.c, and nothing else. */
#include "common/base/text.h"
#include "config/config.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a value looks like and what its member in the structure is. */
enum option_type {
    OPTION_TEXT,     /* const char *; "" is NULL */
    OPTION_URL,      /* const char *; env:NAME and file:PATH are resolved when it is read */
    OPTION_ADDRESS,  /* const char *; a URL that cannot be such a reference */
    OPTION_QUEUE,    /* const char *; the name of a queue */
    OPTION_CHOICE,   /* const char *, one of `choices` */
    OPTION_JSON,     /* const char *, the text of an object; a mapping in the file */
    OPTION_INT,      /* int */
    OPTION_COUNT,    /* int64_t */
    OPTION_SIZE,     /* int64_t, bytes */
    OPTION_DURATION, /* usec_t */
    OPTION_RATE,     /* const char *, "10/s", "600/m", "5/10m" */
    OPTION_DURATIONS, /* const usec_t *, ends with -1; a list, or durations with commas between */
    OPTION_MOMENT,   /* usec_t, RFC 3339 */
    OPTION_BOOL,     /* bool */
    OPTION_QUEUES,   /* const char *const *; a list, or names with commas between */
    OPTION_SPECS,    /* const char *const *; a list, or a single text */
    OPTION_ARGV,     /* const char *const *; a list */
    OPTION_ENV,      /* const char *const *, "NAME=VALUE"; a mapping */
    OPTION_HEADERS,  /* const char *const *, "Name: value"; a mapping */
    OPTION_TYPES
};

struct option {
    const char *key; /* below its section, "pool", "command.argv" */
    enum option_type type;
    size_t offset;              /* into struct config, or into the section's entry */
    const char *fallback;       /* as one would write it; NULL: the member stays zero */
    int64_t min, max;           /* of numbers, sizes and durations */
    const char *const *choices; /* ends with NULL */
    const char *variable;       /* an environment name that beats the DRUMBEAT_ one */
    bool secret;                /* printed as *** unless it is a reference */
    const char *help;
};

enum name_rule { NAME_NONE, NAME_SHORT, NAME_LONG };

/* The top level of the file. With a name rule the section holds named entries (queues.<name>.limit). */
struct section {
    const char *name;
    const struct option *options; /* ends with a NULL key */
    size_t option_count;
    enum name_rule rule;
    size_t entry_size;                /* the entry begins with its `const char *name` */
    size_t entries, count;            /* offsets into struct config: the array and its length */
    const char *const *default_names; /* names the environment may bring in; ends with NULL */
};

enum section_id {
    SECTION_DATABASE,
    SECTION_REDIS,
    SECTION_CELERY,
    SECTION_WORKER,
    SECTION_RESULTS,
    SECTION_HISTORY,
    SECTION_LOG,
    SECTION_QUEUES,
    SECTION_HANDLERS,
    SECTION_SCHEDULES,
    SECTION_UPSTREAMS,
    SECTION_COUNT
};

enum { NAME_SHORT_MAX = 63, NAME_LONG_MAX = 200 };

extern const struct section config_sections[SECTION_COUNT];

/* Is `name` one for the entries of this section? NAME_SHORT: [a-z0-9_.-]{1,63}, what queues are called;
 * NAME_LONG: up to 200 bytes without control characters. */
bool name_fits(enum name_rule rule, const char *name);

/* Has it no control characters? */
bool is_one_line(const char *s);

/* "queues.sync.limit"; `name` NULL in a section without names. */
void option_path(const struct section *section, const char *name, const struct option *option, struct text *out);

/* "DRUMBEAT_QUEUES_SYNC_LIMIT" */
void option_variable(const struct section *section, const char *name, const struct option *option, struct text *out);

/* Is that the variable's name? `variable` may go on with "=value". */
bool option_has_variable(const struct section *section, const char *name, const struct option *option,
                         const char *variable);

/* Can it be written as one text, in a variable or a flag? */
bool option_is_scalar(const struct option *option);
