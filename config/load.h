#pragma once
/* The steps of loading and what they share. Names first (who has an entry), then values, weakest source first, then the
 * rules between options. Private to config/. */
#include "common/base/err.h"
#include "common/base/region.h"
#include "config/config.h"
#include "config/options.h"
#include "config/tree.h"
#include <stdbool.h>
#include <stddef.h>

enum source { SOURCE_DEFAULT, SOURCE_BUILT_IN, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_FLAG };

/* Where a value came from: for messages and for config_print(). */
struct origin {
    enum source source;
    const char *name; /* of the file or the variable */
    size_t line, column;
};

/* One section as it is loaded. A section without names has one entry: struct config itself. */
struct entries {
    const struct section *section;
    const char **names; /* in strcmp() order once all are known; NULL in a section without names */
    size_t count, room;
    char *data;              /* `count` structures of the section */
    struct origin *origins;  /* for entry i, option k: i * option_count + k */
    struct origin *declared; /* where entry i itself stands */
};

/* What config_load() really allocates. */
struct loaded {
    struct config config;
    struct region *memory;
    struct entries sections[SECTION_COUNT];
};

/* While names are collected. */
void entries_add(struct loaded *l, struct entries *entries, const char *name);

/* The index of an entry; entries->count when there is none of that name. */
size_t entries_find(const struct entries *entries, const char *name);

/* One option of one entry. */
struct setting {
    const struct entries *entries;
    size_t entry, option;
};

const struct option *setting_option(struct setting at);
const char *setting_name(struct setting at); /* of the entry; NULL in a section without names */
void *setting_slot(struct setting at);
struct origin *setting_origin(struct setting at);

/* Put "file:12:7: worker.lease: " in front of the error; returns false. */
bool setting_refuse(struct setting at, const struct origin *origin, struct err *e);

/* Set from one text. */
bool setting_set(struct loaded *l, struct setting at, const char *written, const struct origin *origin, struct err *e);

/* Read the configuration from a text instead of a file, the environment and flags left out; for tests and fuzzing. */
struct config *config_load_text(const char *text, size_t len, const char *name, struct err *e);

/* file.c. Add the bytes of a file, at most `max`. The error, ERR_USAGE, names `what` it is ("the secret") and its path.
 */
bool file_read(const char *what, const char *path, size_t max, struct text *text, struct err *e);
/* The file to read when none is named; NULL for none. */
bool file_find(const char **name, struct err *e);
/* The keys of the top level's sections, and of their entries. */
bool file_names(struct loaded *l, const struct node *tree, const struct origin *file, struct err *e);
bool file_apply(struct loaded *l, const struct node *tree, const struct origin *file, struct err *e);

/* environment.c */
void environment_names(struct loaded *l);
bool environment_apply(struct loaded *l, struct err *e);

/* check.c: rules between options, and what must not be missing. */
bool check_rules(struct loaded *l, struct err *e);
