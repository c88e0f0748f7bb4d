#pragma once
/* JSON without kombu's typed values. From 5.3 on kombu writes a moment, a decimal or a UUID as {"__type__": …, "__value__": …}; 5.2
 * neither writes nor reads that, so what leaves drumbeat is always plain: the text that 5.2 writes. */
#include "common/base/json.h"

/* Add the node as compact JSON with the text of each typed value in its place; absent as null. A type that an application has
 * registered itself is left as it is. ERR_DATA: a typed value that is not what its type says. */
bool plain_write(struct text *out, const struct js *node, struct err *e);

/* The text of a node that is a string, or a typed value whose value is one; else NULL. */
const char *plain_text(const struct js *node);
