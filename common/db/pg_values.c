/* pg_values: arguments to the server's binary format, answers from its text format. */
#include "common/db/pg_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Type OIDs, fixed in PostgreSQL's catalog (pg_type.dat). */
enum { OID_BOOL = 16, OID_INT8 = 20, OID_FLOAT8 = 701, OID_INT8_ARRAY = 1016, OID_INTERVAL = 1186, OID_TIMESTAMPTZ = 1184, OID_UUID = 2950, OID_UUID_ARRAY = 2951, OID_TEXT_ARRAY = 1009 };

/* 2000-01-01 in microseconds since 1970: the server's binary times count from there. */
#define PG_EPOCH ((usec_t)946684800 * 1000000)

struct pg_arg pg_null(void)
{
    return (struct pg_arg){.type = PG_NULL};
}

struct pg_arg pg_text(const char *text)
{
    return (struct pg_arg){.type = text ? PG_TEXT : PG_NULL, .text = text};
}

struct pg_arg pg_json(const char *text)
{
    return pg_text(text);
}

struct pg_arg pg_int(int64_t number)
{
    return (struct pg_arg){.type = PG_INT, .number = number};
}

struct pg_arg pg_bool(bool value)
{
    return (struct pg_arg){.type = PG_BOOL, .number = value};
}

struct pg_arg pg_real(double value)
{
    return (struct pg_arg){.type = PG_REAL, .real = value};
}

struct pg_arg pg_uuid(struct uuid id)
{
    return (struct pg_arg){.type = PG_UUID, .uuid = id};
}

struct pg_arg pg_uuid_or_null(struct uuid id)
{
    return uuid_is_zero(id) ? pg_null() : pg_uuid(id);
}

struct pg_arg pg_time(usec_t at)
{
    return (struct pg_arg){.type = PG_TIME, .number = at};
}

struct pg_arg pg_time_or_null(usec_t at)
{
    return at ? pg_time(at) : pg_null();
}

struct pg_arg pg_duration(usec_t duration)
{
    return (struct pg_arg){.type = PG_DURATION, .number = duration};
}

struct pg_arg pg_texts(const char *const *texts, size_t count)
{
    return (struct pg_arg){.type = texts ? PG_TEXT_ARRAY : PG_NULL, .array = {.count = count, .texts = texts}};
}

struct pg_arg pg_ints(const int64_t *ints, size_t count)
{
    return (struct pg_arg){.type = PG_INT_ARRAY, .array = {.count = count, .ints = ints}};
}

struct pg_arg pg_uuids(const struct uuid *ids, size_t count)
{
    return (struct pg_arg){.type = PG_UUID_ARRAY, .array = {.count = count, .uuids = ids}};
}

static void put32(struct text *out, uint32_t value)
{
    unsigned char bytes[4] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16), (unsigned char)(value >> 8), (unsigned char)value};
    text_add(out, bytes, sizeof bytes);
}

static void put64(struct text *out, uint64_t value)
{
    put32(out, (uint32_t)(value >> 32));
    put32(out, (uint32_t)value);
}

/* The head of a one-dimensional array (array_recv in PostgreSQL's arrayfuncs.c): dimensions, has-null, element type,
 * length, lower bound. */
static void put_array_head(struct text *out, size_t count, uint32_t element)
{
    put32(out, count > 0);
    put32(out, 1);
    put32(out, element);
    if (count > 0) {
        put32(out, (uint32_t)count);
        put32(out, 1);
    }
}

static void put_element(struct text *out, const void *bytes, size_t size)
{
    put32(out, (uint32_t)size);
    text_add(out, bytes, size);
}

static void put_binary(struct text *out, const struct pg_arg *arg)
{
    uint64_t bits;
    switch (arg->type) {
    case PG_INT:
        put64(out, (uint64_t)arg->number);
        break;
    case PG_BOOL:
        text_putc(out, (char)arg->number);
        break;
    case PG_REAL:
        memcpy(&bits, &arg->real, sizeof bits);
        put64(out, bits);
        break;
    case PG_UUID:
        text_add(out, arg->uuid.bytes, sizeof arg->uuid.bytes);
        break;
    case PG_TIME:
        put64(out, (uint64_t)(arg->number - PG_EPOCH));
        break;
    case PG_DURATION:
        put64(out, (uint64_t)arg->number);
        put64(out, 0); /* days and months */
        break;
    case PG_TEXT_ARRAY:
        put_array_head(out, arg->array.count, 25);
        for (size_t i = 0; i < arg->array.count; i++)
            if (arg->array.texts[i])
                put_element(out, arg->array.texts[i], strlen(arg->array.texts[i]));
            else
                put32(out, UINT32_MAX);
        break;
    case PG_INT_ARRAY:
        put_array_head(out, arg->array.count, OID_INT8);
        for (size_t i = 0; i < arg->array.count; i++) {
            put32(out, 8);
            put64(out, (uint64_t)arg->array.ints[i]);
        }
        break;
    case PG_UUID_ARRAY:
        put_array_head(out, arg->array.count, OID_UUID);
        for (size_t i = 0; i < arg->array.count; i++)
            put_element(out, arg->array.uuids[i].bytes, 16);
        break;
    case PG_END:
    case PG_NULL:
    case PG_TEXT:
        break;
    }
}

const Oid pg_type_oids[] = {
    [PG_INT] = OID_INT8,           [PG_BOOL] = OID_BOOL,           [PG_REAL] = OID_FLOAT8,         [PG_UUID] = OID_UUID,
    [PG_TIME] = OID_TIMESTAMPTZ,   [PG_DURATION] = OID_INTERVAL,   [PG_TEXT_ARRAY] = OID_TEXT_ARRAY, [PG_INT_ARRAY] = OID_INT8_ARRAY,
    [PG_UUID_ARRAY] = OID_UUID_ARRAY,
};

bool pg_to_wire(struct pg *pg, const struct pg_arg *args, struct wire *wire, struct err *e)
{
    size_t offsets[PG_ARGS_MAX];
    text_reset(&pg->scratch);
    for (wire->count = 0; args[wire->count].type != PG_END; wire->count++) {
        const struct pg_arg *arg = &args[wire->count];
        int i = wire->count;
        if (i == PG_ARGS_MAX)
            return err_set(e, ERR_LIMIT, "more than %d arguments", PG_ARGS_MAX);
        wire->types[i] = pg_type_oids[arg->type];
        wire->formats[i] = arg->type != PG_TEXT;
        offsets[i] = pg->scratch.len;
        put_binary(&pg->scratch, arg);
        wire->lengths[i] = (int)(pg->scratch.len - offsets[i]);
    }
    for (int i = 0; i < wire->count; i++)
        wire->values[i] = args[i].type == PG_NULL ? NULL : args[i].type == PG_TEXT ? args[i].text : text_str(&pg->scratch) + offsets[i];
    return true;
}

/* Answers ----------------------------------------------------------------------------------------------------------- */

bool pg_is_null(const struct pg_rows *rows, size_t row, size_t column)
{
    return PQgetisnull(rows->result, (int)row, (int)column);
}

const char *pg_get_text(const struct pg_rows *rows, size_t row, size_t column)
{
    return PQgetvalue(rows->result, (int)row, (int)column);
}

size_t pg_get_length(const struct pg_rows *rows, size_t row, size_t column)
{
    return (size_t)PQgetlength(rows->result, (int)row, (int)column);
}

int64_t pg_get_int(const struct pg_rows *rows, size_t row, size_t column)
{
    return strtoll(pg_get_text(rows, row, column), NULL, 10);
}

double pg_get_real(const struct pg_rows *rows, size_t row, size_t column)
{
    return strtod(pg_get_text(rows, row, column), NULL);
}

bool pg_get_bool(const struct pg_rows *rows, size_t row, size_t column)
{
    return pg_get_text(rows, row, column)[0] == 't';
}

struct uuid pg_get_uuid(const struct pg_rows *rows, size_t row, size_t column)
{
    struct uuid id = {{0}};
    if (!uuid_parse(pg_get_text(rows, row, column), &id))
        memset(&id, 0, sizeof id);
    return id;
}

/* "2026-03-29 00:30:00.5+00" as DateStyle ISO writes it: RFC 3339 but for the offset's missing minutes. */
usec_t pg_get_time(const struct pg_rows *rows, size_t row, size_t column)
{
    char text[CLOCK_TEXT_MAX];
    struct err ignored;
    usec_t at = 0;
    int used = snprintf(text, sizeof text, "%s", pg_get_text(rows, row, column));
    if (used > 3 && used + 3 < (int)sizeof text && (text[used - 3] == '+' || text[used - 3] == '-'))
        memcpy(text + used, ":00", 4);
    return clock_parse(text, &at, &ignored) ? at : 0;
}

int pg_column(const struct pg_rows *rows, const char *name)
{
    return PQfnumber(rows->result, name);
}

const char *pg_column_name(const struct pg_rows *rows, size_t column)
{
    return PQfname(rows->result, (int)column);
}
