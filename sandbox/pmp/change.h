#pragma once
/* Changing members of a JSON object while it is written: how loaded rows are touched, and how any row is made bad. */
#include "common/base/json.h"

enum { CHANGES_MAX = 8 };

struct change {
    const char *key;
    const char *json; /* the new value, as JSON */
};

/* Write the object; members named in `changes` get their new value, missing ones are added at the end. */
void change_write(const struct js *object, const struct change *changes, size_t count, struct text *out);
