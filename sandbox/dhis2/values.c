/* values: data values that are posted, and what is said to them: 200 when all were taken, else 409 with a conflict for each that was not. */
#include "sandbox/dhis2/dhis2.h"

#include "common/base/json_build.h"
#include "sandbox/dice.h"
#include "sandbox/write.h"
#include <string.h>

struct import {
    struct dhis2 *d;
    struct js *kept; /* by key */
    struct text conflicts;
    int64_t imported, updated, ignored;
};

static const char *member(const struct js *value, const char *name)
{
    const char *text = js_text(js_get(value, name));
    return text ? text : "";
}

/* Two that differ in nothing but their value are the same. */
static void write_key(const struct js *value, struct text *key)
{
    text_printf(key, "%s/%s/%s/%s/%s", member(value, "dataElement"), member(value, "period"), member(value, "orgUnit"),
                member(value, "categoryOptionCombo"), member(value, "attributeOptionCombo"));
}

static void add_conflict(struct import *i, const struct js *value, const char *code, const char *words)
{
    struct text *out = &i->conflicts;
    bool nameless = quirks_fire(i->d->quirks, QUIRK_NAMELESS_CONFLICTS, &(struct occasion){.offset = -1, .id = -1});
    i->ignored++;
    write_open(out, NULL, '{');
    write_text(out, "object", nameless ? "0" : member(value, "dataElement"));
    if (!nameless) {
        write_open(out, "objects", '{');
        write_text(out, "dataElement", member(value, "dataElement"));
        write_text(out, "orgUnit", member(value, "orgUnit"));
        write_text(out, "value", member(value, "value"));
        write_close(out, '}');
        write_text(out, "errorCode", code);
    }
    write_text(out, "value", nameless ? "Category option combo is required but is not specified" : words);
    write_close(out, '}');
}

static void take_value(struct import *i, const struct js *value)
{
    struct text key = {0};
    write_key(value, &key);
    if (dhis2_unit_number(i->d, member(value, "orgUnit")) < 0)
        add_conflict(i, value, "E7612", "Organisation unit not found or not accessible");
    else if (quirks_chance(i->d->quirks, QUIRK_REFUSED_VALUES, NULL, dice_hash_text(i->d->seed, text_str(&key))))
        add_conflict(i, value, "E7619", "Data value is not numeric");
    else {
        js_get(i->kept, text_str(&key)) ? i->updated++ : i->imported++;
        js_set(i->kept, text_str(&key), js_copy(value));
    }
    text_free(&key);
}

static void write_counts(const struct import *i, struct text *out)
{
    write_open(out, "importCount", '{');
    write_int(out, "imported", i->imported);
    write_int(out, "updated", i->updated);
    write_int(out, "ignored", i->ignored);
    write_int(out, "deleted", 0);
    write_close(out, '}');
}

static void write_summary(const struct import *i, const char *key, struct text *out)
{
    write_open(out, key, '{');
    write_text(out, "responseType", "ImportSummary");
    write_text(out, "status", i->ignored ? "WARNING" : "SUCCESS");
    write_text(out, "description", "Import process completed successfully");
    write_counts(i, out);
    if (i->ignored) {
        write_open(out, "conflicts", '[');
        text_puts(out, text_str(&i->conflicts));
        write_close(out, ']');
    }
    write_text(out, "dataSetComplete", "false");
    write_close(out, '}');
}

static void write_failed(struct answer *a)
{
    a->status = 500;
    text_puts(&a->body, "{\"httpStatus\":\"InternalError\",\"httpStatusCode\":500,\"response\":{\"status\":\"ERROR\",\"description\":"
                        "\"The import process failed: Failed to flush BatchHandler\"}}");
}

static void answer_import(const struct import *i, struct answer *a)
{
    if (!i->ignored) {
        write_summary(i, NULL, &a->body);
        return;
    }
    a->status = 409;
    write_open(&a->body, NULL, '{');
    write_text(&a->body, "httpStatus", "Conflict");
    write_int(&a->body, "httpStatusCode", 409);
    write_text(&a->body, "status", "WARNING");
    write_text(&a->body, "message", "One more conflicts encountered, please check import summary.");
    write_summary(i, "response", &a->body);
    write_close(&a->body, '}');
}

void dhis2_take_values(void *state, const struct request *r, struct answer *a)
{
    struct err e;
    struct dhis2 *d = state;
    struct js *body CLEANUP(js_freep) = js_parse(r->body ? r->body : "", r->body ? strlen(r->body) : 0, &e);
    const struct js *values = js_get(body, "dataValues"), *before = js_get(d->sent, "dataValues");
    struct import i = {.d = d, .kept = before ? js_copy(before) : js_new_object()};
    if (dhis2_serve_saved(d, "datavalues-*.json", d->answers, a)) {
        d->answers++;
        js_free(i.kept);
        return;
    }
    for (size_t n = 0; n < js_count(values); n++)
        take_value(&i, js_at(values, n));
    if (i.ignored && quirks_fire(d->quirks, QUIRK_FAILED_IMPORTS, &(struct occasion){.path = r->below, .offset = -1, .id = -1})) {
        write_failed(a);
        js_free(i.kept);
    } else {
        answer_import(&i, a);
        js_set(d->sent, "dataValues", i.kept);
    }
    text_free(&i.conflicts);
}
