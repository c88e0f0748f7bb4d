/* fields: a task's arguments, read from JSON into the structure a handler declares. A new type is a row of `types`. */
#include "common/task/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct target {
    const struct field *field;
    void *at;
    struct region *region;
};

static bool in_range(const struct field *f, int64_t value, const char *what, struct err *e)
{
    bool limited = f->min != 0 || f->max != 0;
    if (!limited || (value >= f->min && value <= f->max))
        return true;
    return err_set(e, ERR_DATA, "'%s': %s %" PRId64 " is not between %" PRId64 " and %" PRId64, f->name, what, value, f->min, f->max);
}

static bool read_str(const struct target *t, const struct js *value, struct err *e)
{
    const char *text = js_text(value);
    size_t length = strlen(text);
    *(const char **)t->at = region_strdup(t->region, text);
    return in_range(t->field, (int64_t)length, "length", e);
}

static bool read_i64(const struct target *t, const struct js *value, struct err *e)
{
    return js_integer(value, t->at) && in_range(t->field, *(int64_t *)t->at, "value", e);
}

static bool read_real(const struct target *t, const struct js *value, struct err *e)
{
    const struct field *f = t->field;
    double number = 0;
    bool limited = f->min != 0 || f->max != 0;
    if (!js_number(value, &number) || (limited && !(number >= (double)f->min && number <= (double)f->max)))
        return err_set(e, ERR_DATA, "'%s': value %g is not between %" PRId64 " and %" PRId64, f->name, number, f->min, f->max);
    *(double *)t->at = number;
    return true;
}

static bool read_bool(const struct target *t, const struct js *value, struct err *e)
{
    (void)e;
    return js_bool(value, t->at);
}

static bool read_uuid_text(const struct target *t, const struct js *value, struct err *e)
{
    struct uuid id;
    if (!uuid_parse(js_text(value), &id))
        return err_set(e, ERR_DATA, "'%s': '%s' is not a UUID", t->field->name, js_text(value));
    return read_str(t, value, e);
}

static bool read_json(const struct target *t, const struct js *value, struct err *e)
{
    struct text json CLEANUP(text_free) = {0};
    js_write(&json, value);
    *(const char **)t->at = region_strdup(t->region, text_str(&json));
    return in_range(t->field, (int64_t)json.len, "length", e);
}

static bool read_str_list(const struct target *t, const struct js *value, struct err *e)
{
    size_t count = js_count(value);
    const char **list = region_alloc(t->region, (count + 1) * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        const char *text = js_text(js_at(value, i));
        if (!text)
            return err_set(e, ERR_DATA, "'%s': element %zu is not a string", t->field->name, i);
        list[i] = region_strdup(t->region, text);
    }
    *(const char *const **)t->at = list;
    return in_range(t->field, (int64_t)count, "number of elements", e);
}

static const struct {
    const char *wanted;
    unsigned accepts; /* bits of js_type */
    bool (*read)(const struct target *t, const struct js *value, struct err *e);
} types[] = {
    [FIELD_STR] = {"a string", 1u << JS_TEXT, read_str},
    [FIELD_I64] = {"a whole number", 1u << JS_INTEGER, read_i64},
    [FIELD_REAL] = {"a number", 1u << JS_INTEGER | 1u << JS_REAL, read_real},
    [FIELD_BOOL] = {"true or false", 1u << JS_BOOL, read_bool},
    [FIELD_UUID_TEXT] = {"a UUID", 1u << JS_TEXT, read_uuid_text},
    [FIELD_JSON] = {"any JSON", ~0u, read_json},
    [FIELD_STR_LIST] = {"an array of strings", 1u << JS_ARRAY, read_str_list},
};

static bool read_value(const struct target *t, const struct js *value, struct err *e)
{
    if (!(types[t->field->type].accepts >> js_type(value) & 1))
        return err_set(e, ERR_DATA, "'%s' must be %s, not %s", t->field->name, types[t->field->type].wanted, js_type_name(js_type(value)));
    return types[t->field->type].read(t, value, e);
}

/* A fallback is written as in JSON, but strings without their quotes. */
static bool read_fallback(const struct target *t, struct err *e)
{
    struct text json CLEANUP(text_free) = {0};
    if (types[t->field->type].accepts == 1u << JS_TEXT)
        text_json_string(&json, t->field->fallback, strlen(t->field->fallback));
    else
        text_puts(&json, t->field->fallback);
    struct js *value CLEANUP(js_freep) = js_parse(text_str(&json), json.len, e);
    return value && read_value(t, value, e);
}

static const struct field *find_field(const struct field *fields, const char *name)
{
    for (; fields->name; fields++)
        if (strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

/* What a workflow hands on to each of its tasks (docs/workflows.md): for those that declare it. */
static bool handed_on(const char *key)
{
    return strcmp(key, "previous") == 0 || strcmp(key, "results") == 0 || strcmp(key, "batch") == 0;
}

struct unknown {
    const struct field *fields;
    const char *name;
};

static bool known(void *data, const char *key, const struct js *value)
{
    struct unknown *u = data;
    (void)value;
    u->name = find_field(u->fields, key) || handed_on(key) ? NULL : key;
    return !u->name;
}

bool fields_read(const struct field *fields, const char *args, void *out, struct region *region, struct err *e)
{
    struct js *document CLEANUP(js_freep) = js_parse(args, strlen(args), e);
    if (!document)
        return false;
    if (js_type(document) != JS_OBJECT)
        return err_set(e, ERR_DATA, "must be a JSON object, not %s", js_type_name(js_type(document)));
    struct unknown unknown = {.fields = fields};
    if (!js_each(document, known, &unknown))
        return err_set(e, ERR_DATA, "'%s' is not an argument of this handler", unknown.name);
    for (const struct field *f = fields; f->name; f++) {
        struct target target = {.field = f, .at = (char *)out + f->offset, .region = region};
        const struct js *value = js_get(document, f->name);
        bool given = !js_is_null(value);
        if (given && !read_value(&target, value, e))
            return false;
        if (!given && f->required)
            return err_set(e, ERR_DATA, "'%s' is missing", f->name);
        if (!given && f->fallback && !read_fallback(&target, e))
            return err_add(e, "default of '%s'", f->name);
    }
    return true;
}
