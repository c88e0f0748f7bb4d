#pragma once
/* YAML as a tree of places: every scalar keeps line and column and stays the text that was written, so that the options
 * table, not YAML's rules, decides what it means (`no` is a country as well as a Boolean). */
#include "common/base/err.h"
#include "common/base/region.h"
#include "common/base/text.h"
#include <stdbool.h>
#include <stddef.h>

enum { TREE_DEPTH_MAX = 32 };

enum node_type { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_type type;
    size_t line, column; /* from 1 */
    size_t index;        /* characters before it */
    const char *text;    /* of a scalar; never with a NUL inside */
    bool plain;          /* a scalar without quotes */
    struct node *key;    /* a member of a mapping: its key, a scalar */
    struct node *first;  /* children of lists and mappings, in the order written */
    struct node *next;
    size_t count;
};

/* Read one document. NULL in `tree` for an empty one. Refused, with "name:line:column: " in front: bad YAML, anchors,
 * aliases, tags, several documents, more than TREE_DEPTH_MAX levels, keys that are not scalars or come twice.
 * Time is linear in `len`: libyaml looks at most 1,024 characters ahead of the events that are counted here. */
bool tree_read(struct region *memory, const char *name, const char *text, size_t len, struct node **tree,
               struct err *e);

/* Nothing was written: an empty value, ~ or null without quotes. */
bool node_is_null(const struct node *node);

/* Add the node as JSON. Plain scalars that are JSON numbers, true, false or null stay that, with every digit; all other
 * scalars are strings. */
void node_json(const struct node *node, struct text *out);
