#pragma once
/* From what was written to a member of the structure: one row a type in value.c. */
#include "common/base/err.h"
#include "common/base/region.h"
#include "common/base/text.h"
#include "config/options.h"
#include "config/tree.h"
#include <stdbool.h>

enum { VALUE_ITEMS_MAX = 1000 };

/* Set the member at `slot` from one text (a variable, a flag, a default, a scalar of the file). The error says what is
 * wrong with the value and not where it stands; it never repeats a secret. */
bool value_set(struct region *memory, const struct option *option, void *slot, const char *written, struct err *e);

/* The same from the file. On failure `wrong` is the node at fault. */
bool value_set_node(struct region *memory, const struct option *option, void *slot, const struct node *node,
                    const struct node **wrong, struct err *e);
