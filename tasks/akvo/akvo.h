#pragma once
/* The job around Akvo Flow (docs/akvo.md): datapoints.c reads the topics of all tenants, point.c makes a data point of a message, avro.c knows the
 * form that it comes in. */
#include "common/kafka/kafka.h"
#include "common/task/http.h"
#include "common/task/task.h"
#include "tasks/akvo/avro.h"

extern const struct handler handler_akvo_datapoints;

enum { AKVO_SCHEMAS_MAX = 200, AKVO_IDENTIFIER_MAX = 1024 };

struct akvo_point {
    const char *identifier;
    int64_t survey_id, created_ms, updated_ms;
    char longitude[32], latitude[32];
};

/* The schemas that messages name; without a registry all are of the known one. All zero, `http` set or not, is a good start. */
struct akvo_schemas {
    struct http *http; /* of the schema registry; NULL: none */
    struct akvo_schema {
        int64_t id;
        struct avro_schema *schema; /* NULL: it cannot be read, and `why` says so */
        struct err why;
    } list[AKVO_SCHEMAS_MAX];
    size_t count;
};
void akvo_schemas_free(struct akvo_schemas *schemas);

/* The data point of a message. ERR_DATA: it is none; anything else: it cannot be known now. */
bool akvo_read_point(struct akvo_schemas *schemas, const void *value, size_t len, struct region *region, struct akvo_point *point,
                     struct err *e);
