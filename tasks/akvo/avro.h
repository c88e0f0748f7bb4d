#pragma once
/* Avro's binary form (specification 1.11, "Binary Encoding"), as far as records of plain values have it: a schema is a record whose members are
 * null, boolean, int, long, float, double, bytes, string, or a union of those. Anything else is refused with its name. */
#include "common/base/err.h"
#include "common/base/json.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AVRO_MEMBERS_MAX = 64, AVRO_BRANCHES_MAX = 8, AVRO_NAME_MAX = 64 };

enum avro_type { AVRO_NULL, AVRO_BOOLEAN, AVRO_INT, AVRO_LONG, AVRO_FLOAT, AVRO_DOUBLE, AVRO_BYTES, AVRO_STRING };

struct avro_member {
    char name[AVRO_NAME_MAX];
    bool is_union;
    int branches;
    enum avro_type types[AVRO_BRANCHES_MAX];
};

struct avro_schema {
    struct avro_member members[AVRO_MEMBERS_MAX];
    int count;
};

struct avro_value {
    enum avro_type type;
    int64_t number;    /* BOOLEAN, INT, LONG */
    double real;       /* FLOAT, DOUBLE */
    const char *bytes; /* BYTES, STRING: in what was read, without a NUL behind it */
    size_t len;
};

bool avro_schema_read(const struct js *json, struct avro_schema *schema, struct err *e);

/* One record, all of it, into values[], a value a member. ERR_DATA says what is wrong and where. */
bool avro_read(const struct avro_schema *schema, const void *bytes, size_t len, struct avro_value *values, struct err *e);

/* Which member has this name; -1: none. */
int avro_find(const struct avro_schema *schema, const char *name);
