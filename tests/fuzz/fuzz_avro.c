/* Any bytes as a message of Kafka, and as a schema with a record behind its first line: refused with a reason, or values that lie within
 * what was read. */
#include "tasks/akvo/akvo.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool kept)
{
    if (!kept)
        abort();
}

static void read_message(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct akvo_point point;
    struct region *region = region_new();
    struct akvo_schemas *schemas = mem_zero(1, sizeof *schemas);
    if (akvo_read_point(schemas, data, size, region, &point, &e))
        promise(*point.identifier && strlen(point.identifier) <= AKVO_IDENTIFIER_MAX && *point.longitude && *point.latitude);
    else
        promise(e.kind == ERR_DATA && *e.text);
    akvo_schemas_free(schemas);
    free(schemas);
    region_free(region);
}

static void read_record(const uint8_t *data, size_t size, size_t line)
{
    struct err e = {0};
    struct avro_schema schema;
    struct avro_value values[AVRO_MEMBERS_MAX];
    const uint8_t *record = data + line + 1;
    struct js *json CLEANUP(js_freep) = js_parse((const char *)data, line, &e);
    if (!json || !avro_schema_read(json, &schema, &e) || !avro_read(&schema, record, size - line - 1, values, &e))
        return;
    for (int i = 0; i < schema.count; i++)
        promise(!values[i].bytes || ((const uint8_t *)values[i].bytes >= record && (const uint8_t *)values[i].bytes + values[i].len <= data + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
    read_message(data, size);
    if (line)
        read_record(data, size, (size_t)(line - data));
    return 0;
}
