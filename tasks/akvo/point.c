/* point: a message is a byte 0, the number of its schema in four bytes, then the record. Which schema that number means the registry says, when one is
 * configured; else it is the one that Akvo Flow writes. */
#include "tasks/akvo/akvo.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME = 5 };

static const char known_schema[] =
    "{\"type\":\"record\",\"name\":\"datapoint\",\"fields\":["
    "{\"name\":\"identifier\",\"type\":\"string\"},{\"name\":\"survey_id\",\"type\":[\"null\",\"long\"]},"
    "{\"name\":\"longitude\",\"type\":[\"null\",\"double\"]},{\"name\":\"latitude\",\"type\":[\"null\",\"double\"]},"
    "{\"name\":\"created_date_time\",\"type\":\"long\"},{\"name\":\"last_update_date_time\",\"type\":\"long\"}]}";

/* 1900 to 9999: what lies outside is a mistake of a clock or a unit. */
static const int64_t earliest_ms = -2208988800000, latest_ms = 253402300799999;

/* Schemas --------------------------------------------------------------------------------------------- */

void akvo_schemas_free(struct akvo_schemas *schemas)
{
    for (size_t i = 0; i < schemas->count; i++)
        free(schemas->list[i].schema);
}

/* The text of a schema; ERR_DATA when the registry has none of this number. */
static struct js *fetch(struct akvo_schemas *schemas, int64_t id, struct err *e)
{
    char target[64];
    snprintf(target, sizeof target, "/schemas/ids/%" PRId64, id);
    struct js *answer CLEANUP(js_freep) = http_get_json(schemas->http, target, e);
    const char *text = js_text(js_get(answer, "schema"));
    if (!answer) {
        e->kind = e->kind == ERR_NOT_FOUND ? ERR_DATA : e->kind;
        return NULL;
    }
    return js_parse(text ? text : "", text ? strlen(text) : 0, e);
}

/* False: it cannot be known now. A schema that is no good is remembered with its reason. */
static bool add_schema(struct akvo_schemas *schemas, int64_t id, struct err *e)
{
    struct akvo_schema *entry = &schemas->list[schemas->count];
    struct avro_schema *schema = mem_zero(1, sizeof *schema);
    struct js *json CLEANUP(js_freep) =
        schemas->http ? fetch(schemas, id, &entry->why) : js_parse(known_schema, strlen(known_schema), &entry->why);
    bool good = json && avro_schema_read(json, schema, &entry->why);
    entry->id = id;
    entry->schema = good ? schema : NULL;
    if (!good)
        free(schema);
    if (!good && entry->why.kind != ERR_DATA) {
        *e = entry->why;
        return err_add(e, "schema %" PRId64, id);
    }
    schemas->count++;
    return true;
}

static const struct avro_schema *find_schema(struct akvo_schemas *schemas, int64_t id, struct err *e)
{
    size_t i = 0;
    id = schemas->http ? id : 0;
    while (i < schemas->count && schemas->list[i].id != id)
        i++;
    if (i == AKVO_SCHEMAS_MAX) {
        err_set(e, ERR_DATA, "schema %" PRId64 ": more than %d of them", id, AKVO_SCHEMAS_MAX);
        return NULL;
    }
    if (i == schemas->count && !add_schema(schemas, id, e))
        return NULL;
    if (!schemas->list[i].schema) {
        *e = schemas->list[i].why;
        err_add(e, "schema %" PRId64, id);
    }
    return schemas->list[i].schema;
}

/* Members --------------------------------------------------------------------------------------------- */

struct decoded {
    const struct avro_schema *schema;
    struct avro_value values[AVRO_MEMBERS_MAX];
};

/* NULL and ERR_DATA: it is missing, null, or of none of the types from `low` to `high`. */
static const struct avro_value *member(const struct decoded *record, const char *name, enum avro_type low, enum avro_type high, struct err *e)
{
    int i = avro_find(record->schema, name);
    const struct avro_value *value = i < 0 ? NULL : &record->values[i];
    if (!value || value->type == AVRO_NULL)
        err_set(e, ERR_DATA, "%s: missing", name);
    else if (value->type < low || value->type > high)
        err_set(e, ERR_DATA, "%s: of another type", name);
    else
        return value;
    return NULL;
}

static bool read_integer(const struct decoded *record, const char *name, int64_t low, int64_t high, int64_t *out, struct err *e)
{
    const struct avro_value *value = member(record, name, AVRO_INT, AVRO_LONG, e);
    if (!value)
        return false;
    *out = value->number;
    return (*out >= low && *out <= high) || err_set(e, ERR_DATA, "%s: %" PRId64 " cannot be", name, *out);
}

static bool read_degrees(const struct decoded *record, const char *name, double most, char out[static 32], struct err *e)
{
    const struct avro_value *value = member(record, name, AVRO_FLOAT, AVRO_DOUBLE, e);
    if (!value)
        return false;
    if (!isfinite(value->real) || fabs(value->real) > most)
        return err_set(e, ERR_DATA, "%s: %g is not on earth", name, value->real);
    snprintf(out, 32, "%.17g", value->real);
    return true;
}

static bool read_identifier(const struct decoded *record, struct region *region, const char **out, struct err *e)
{
    struct text clean CLEANUP(text_free) = {0};
    const struct avro_value *value = member(record, "identifier", AVRO_BYTES, AVRO_STRING, e);
    if (!value)
        return false;
    if (value->len == 0 || value->len > AKVO_IDENTIFIER_MAX)
        return err_set(e, ERR_DATA, "identifier: of %zu bytes", value->len);
    text_utf8(&clean, value->bytes, value->len);
    if (clean.len != value->len || memcmp(clean.data, value->bytes, clean.len) != 0)
        return err_set(e, ERR_DATA, "identifier: not a text");
    *out = region_strndup(region, value->bytes, value->len);
    return true;
}

bool akvo_read_point(struct akvo_schemas *schemas, const void *value, size_t len, struct region *region, struct akvo_point *point,
                     struct err *e)
{
    const uint8_t *bytes = value;
    struct decoded record;
    if (len < FRAME || bytes[0] != 0)
        return err_set(e, ERR_DATA, "it does not begin with a 0 and the number of its schema");
    int64_t id = (int64_t)bytes[1] << 24 | bytes[2] << 16 | bytes[3] << 8 | bytes[4];
    record.schema = find_schema(schemas, id, e);
    return record.schema && avro_read(record.schema, bytes + FRAME, len - FRAME, record.values, e) &&
           read_identifier(&record, region, &point->identifier, e) &&
           read_integer(&record, "survey_id", INT64_MIN, INT64_MAX, &point->survey_id, e) &&
           read_degrees(&record, "longitude", 180, point->longitude, e) && read_degrees(&record, "latitude", 90, point->latitude, e) &&
           read_integer(&record, "created_date_time", earliest_ms, latest_ms, &point->created_ms, e) &&
           read_integer(&record, "last_update_date_time", earliest_ms, latest_ms, &point->updated_ms, e);
}
