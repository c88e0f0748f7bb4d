/* avro: every length is checked against what is left before it is believed. */
#include "tasks/akvo/avro.h"

#include <stdio.h>
#include <string.h>

static const char *const type_names[] = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"};

/* Schema ---------------------------------------------------------------------------------------------- */

/* "long", or {"type": "long", "logicalType": …}. */
static bool read_type(const struct js *json, enum avro_type *type, struct err *e)
{
    const char *name = js_text(js_type(json) == JS_OBJECT ? js_get(json, "type") : json);
    for (size_t i = 0; name && i < sizeof type_names / sizeof *type_names; i++)
        if (strcmp(name, type_names[i]) == 0) {
            *type = (enum avro_type)i;
            return true;
        }
    return err_set(e, ERR_DATA, "type '%.60s' cannot be read", name ? name : js_type_name(js_type(json)));
}

static bool read_member(const struct js *json, struct avro_member *member, struct err *e)
{
    const char *name = js_text(js_get(json, "name"));
    const struct js *type = js_get(json, "type");
    if (!name || strlen(name) >= sizeof member->name)
        return err_set(e, ERR_DATA, "a member without a usable name");
    snprintf(member->name, sizeof member->name, "%s", name);
    member->is_union = js_type(type) == JS_ARRAY;
    member->branches = member->is_union ? (int)js_count(type) : 1;
    if (js_count(type) > AVRO_BRANCHES_MAX || member->branches == 0)
        return err_set(e, ERR_DATA, "%s: a union of %zu types", name, js_count(type));
    for (int i = 0; i < member->branches; i++)
        if (!read_type(member->is_union ? js_at(type, (size_t)i) : type, &member->types[i], e))
            return err_add(e, "%s", name);
    return true;
}

bool avro_schema_read(const struct js *json, struct avro_schema *schema, struct err *e)
{
    const struct js *fields = js_get(json, "fields");
    const char *type = js_text(js_get(json, "type"));
    if (!type || strcmp(type, "record") != 0 || js_count(fields) > AVRO_MEMBERS_MAX)
        return err_set(e, ERR_DATA, "the schema is not a record of at most %d members", AVRO_MEMBERS_MAX);
    schema->count = (int)js_count(fields);
    for (int i = 0; i < schema->count; i++)
        if (!read_member(js_at(fields, (size_t)i), &schema->members[i], e))
            return false;
    return true;
}

int avro_find(const struct avro_schema *schema, const char *name)
{
    for (int i = 0; i < schema->count; i++)
        if (strcmp(schema->members[i].name, name) == 0)
            return i;
    return -1;
}

/* Values ---------------------------------------------------------------------------------------------- */

struct reader {
    const uint8_t *at;
    size_t left;
};

/* Zig-zag, seven bits a byte, the lowest first. */
static bool read_long(struct reader *r, int64_t *out, struct err *e)
{
    uint64_t bits = 0;
    *out = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (r->left == 0)
            return err_set(e, ERR_DATA, "it ends within a number");
        uint8_t byte = *r->at++;
        r->left--;
        if (shift == 63 && byte > 1)
            break;
        bits |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
            return true;
        }
    }
    return err_set(e, ERR_DATA, "a number of more than 64 bits");
}

static bool read_fixed(struct reader *r, size_t size, uint64_t *bits, struct err *e)
{
    *bits = 0;
    if (r->left < size)
        return err_set(e, ERR_DATA, "it ends within a number");
    for (size_t i = 0; i < size; i++)
        *bits |= (uint64_t)r->at[i] << (8 * i);
    r->at += size;
    r->left -= size;
    return true;
}

static bool read_boolean(struct reader *r, struct avro_value *out, struct err *e)
{
    uint64_t bits;
    if (!read_fixed(r, 1, &bits, e))
        return false;
    out->number = (int64_t)bits;
    return bits <= 1 || err_set(e, ERR_DATA, "neither true nor false");
}

static bool read_int(struct reader *r, struct avro_value *out, struct err *e)
{
    return read_long(r, &out->number, e) &&
           ((out->number >= INT32_MIN && out->number <= INT32_MAX) || err_set(e, ERR_DATA, "an int of more than 32 bits"));
}

static bool read_float(struct reader *r, struct avro_value *out, struct err *e)
{
    uint64_t bits;
    uint32_t low;
    float real;
    if (!read_fixed(r, sizeof real, &bits, e))
        return false;
    low = (uint32_t)bits;
    memcpy(&real, &low, sizeof real);
    out->real = (double)real;
    return true;
}

static bool read_double(struct reader *r, struct avro_value *out, struct err *e)
{
    uint64_t bits;
    if (!read_fixed(r, sizeof out->real, &bits, e))
        return false;
    memcpy(&out->real, &bits, sizeof out->real);
    return true;
}

static bool read_bytes(struct reader *r, struct avro_value *out, struct err *e)
{
    int64_t len;
    if (!read_long(r, &len, e))
        return false;
    if (len < 0 || (uint64_t)len > r->left)
        return err_set(e, ERR_DATA, "a text of %lld bytes where %zu are left", (long long)len, r->left);
    out->bytes = (const char *)r->at;
    out->len = (size_t)len;
    r->at += len;
    r->left -= (size_t)len;
    return true;
}

static bool read_value(struct reader *r, struct avro_value *out, struct err *e)
{
    switch (out->type) {
    case AVRO_NULL:
        return true;
    case AVRO_BOOLEAN:
        return read_boolean(r, out, e);
    case AVRO_INT:
        return read_int(r, out, e);
    case AVRO_LONG:
        return read_long(r, &out->number, e);
    case AVRO_FLOAT:
        return read_float(r, out, e);
    case AVRO_DOUBLE:
        return read_double(r, out, e);
    case AVRO_BYTES:
    case AVRO_STRING:
        return read_bytes(r, out, e);
    }
    return false;
}

static bool read_branch(struct reader *r, const struct avro_member *member, enum avro_type *type, struct err *e)
{
    int64_t branch = 0;
    if (member->is_union && !read_long(r, &branch, e))
        return false;
    if (branch < 0 || branch >= member->branches)
        return err_set(e, ERR_DATA, "branch %lld of a union of %d", (long long)branch, member->branches);
    *type = member->types[branch];
    return true;
}

bool avro_read(const struct avro_schema *schema, const void *bytes, size_t len, struct avro_value *values, struct err *e)
{
    struct reader r = {bytes, len};
    for (int i = 0; i < schema->count; i++) {
        values[i] = (struct avro_value){0};
        if (!read_branch(&r, &schema->members[i], &values[i].type, e) || !read_value(&r, &values[i], e))
            return err_add(e, "%s", schema->members[i].name);
    }
    return r.left == 0 || err_set(e, ERR_DATA, "%zu bytes too many", r.left);
}
