/* exchange: objects that are asked for by their ids, and those that are posted and put, which are kept and answered from then on. */
#include "sandbox/dhis2/dhis2.h"

#include "common/base/json_build.h"
#include "sandbox/write.h"
#include <stdio.h>
#include <string.h>

static const struct js *kept(const struct dhis2 *d, const char *kind, const char *uid)
{
    return js_get(js_get(d->sent, kind), uid);
}

static void keep(struct dhis2 *d, const char *kind, const struct js *object)
{
    const struct js *before = js_get(d->sent, kind);
    struct js *all = before ? js_copy(before) : js_new_object();
    js_set(all, js_text(js_get(object, "id")), js_copy(object));
    js_set(d->sent, kind, all);
}

static void write_object(const struct dhis2 *d, const char *kind, const char *uid, struct text *out)
{
    static const char owner[] = "id,name,shortName,code,path,geometry,parent,openingDate,closedDate";
    bool units = strcmp(kind, "organisationUnits") == 0;
    int64_t number = units ? dhis2_unit_number(d, uid) : dhis2_group_number(d, uid);
    if (kept(d, kind, uid))
        write_node(out, NULL, kept(d, kind, uid));
    else if (number >= 0 && units)
        dhis2_write_unit(d, number, owner, out);
    else if (number >= 0)
        dhis2_write_group_whole(d, (int)number, out);
}

/* "id:in:[a,b]" */
void dhis2_write_by_id(const struct dhis2 *d, const char *kind, const char *filter, struct answer *a)
{
    const char *at = strchr(filter, '[');
    write_open(&a->body, NULL, '{');
    write_open(&a->body, kind, '[');
    for (at = at ? at + 1 : ""; *at && *at != ']';) {
        char uid[64];
        size_t length = strcspn(at, ",]");
        snprintf(uid, sizeof uid, "%.*s", (int)length, at);
        write_object(d, kind, uid, &a->body);
        at += length + (at[length] == ',');
    }
    write_close(&a->body, ']');
    write_close(&a->body, '}');
}

void dhis2_list_groups(void *state, const struct request *r, struct answer *a)
{
    const struct dhis2 *d = state;
    const char *filter = request_arg(r, "filter");
    if (dhis2_serve_saved(d, "organisationUnitGroups*.json", 0, a))
        return;
    dhis2_write_by_id(d, "organisationUnitGroups", filter ? filter : "", a);
}

void dhis2_show_sent(void *state, const struct request *r, struct answer *a)
{
    (void)r;
    js_write(&a->body, ((struct dhis2 *)state)->sent);
}

/* Metadata -------------------------------------------------------------------------------------------- */

struct import {
    struct dhis2 *d;
    struct text reports;
    int64_t created, updated, ignored;
};

static void add_report(struct import *i, int64_t index, const char *uid, const char *code, const char *words)
{
    i->ignored++;
    write_open(&i->reports, NULL, '{');
    write_text(&i->reports, "klass", "org.hisp.dhis.organisationunit.OrganisationUnit");
    write_int(&i->reports, "index", index);
    write_text(&i->reports, "uid", uid);
    write_open(&i->reports, "errorReports", '[');
    write_open(&i->reports, NULL, '{');
    write_text(&i->reports, "message", words);
    write_text(&i->reports, "errorCode", code);
    write_close(&i->reports, '}');
    write_close(&i->reports, ']');
    write_close(&i->reports, '}');
}

/* The first required member that it lacks; NULL: none. */
static const char *missing(const struct js *unit)
{
    static const char *const required[] = {"id", "name", "shortName", "openingDate"};
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (!js_text(js_get(unit, required[i])))
            return required[i];
    return NULL;
}

static bool is_known(const struct dhis2 *d, const char *uid)
{
    return kept(d, "organisationUnits", uid) || dhis2_unit_number(d, uid) >= 0;
}

static void take_unit(struct import *i, int64_t index, const struct js *unit)
{
    char words[256];
    const char *uid = js_text(js_get(unit, "id")), *lacks = missing(unit), *parent = js_text(js_get(js_get(unit, "parent"), "id"));
    if (lacks) {
        snprintf(words, sizeof words, "Missing required property `%s`.", lacks);
        add_report(i, index, uid, "E4000", words);
    } else if (parent && !is_known(i->d, parent)) {
        snprintf(words, sizeof words, "Invalid reference [%s] (OrganisationUnit) on object [%s] for association `parent`.", parent, uid);
        add_report(i, index, uid, "E5002", words);
    } else {
        is_known(i->d, uid) ? i->updated++ : i->created++;
        keep(i->d, "organisationUnits", unit);
    }
}

static void write_stats(const struct import *i, struct text *out)
{
    write_open(out, "stats", '{');
    write_int(out, "created", i->created);
    write_int(out, "updated", i->updated);
    write_int(out, "deleted", 0);
    write_int(out, "ignored", i->ignored);
    write_int(out, "total", i->created + i->updated + i->ignored);
    write_close(out, '}');
}

static void write_import(const struct import *i, const char *status, struct text *out)
{
    write_open(out, NULL, '{');
    write_text(out, "status", status);
    write_stats(i, out);
    write_open(out, "typeReports", '[');
    write_open(out, NULL, '{');
    write_text(out, "klass", "org.hisp.dhis.organisationunit.OrganisationUnit");
    write_stats(i, out);
    write_open(out, "objectReports", '[');
    text_puts(out, text_str(&i->reports));
    write_close(out, ']');
    write_close(out, '}');
    write_close(out, ']');
    write_close(out, '}');
}

/* All or nothing, unless atomicMode=NONE. */
void dhis2_take_metadata(void *state, const struct request *r, struct answer *a)
{
    struct err e;
    struct import i = {.d = state};
    const char *mode = request_arg(r, "atomicMode");
    bool atomic = !mode || strcmp(mode, "NONE") != 0;
    struct js *body CLEANUP(js_freep) = js_parse(r->body ? r->body : "", r->body ? strlen(r->body) : 0, &e);
    struct js *before = js_copy(i.d->sent);
    const struct js *units = js_get(body, "organisationUnits");
    for (size_t n = 0; n < js_count(units); n++)
        take_unit(&i, (int64_t)n, js_at(units, n));
    if (atomic && i.ignored) {
        js_free(i.d->sent);
        i.d->sent = before;
        i.ignored += i.created + i.updated;
        i.created = i.updated = 0;
        a->status = 409;
    } else {
        js_free(before);
    }
    write_import(&i, !i.ignored ? "OK" : atomic ? "ERROR" : "WARNING", &a->body);
    text_free(&i.reports);
}

/* POST of a new one, PUT of the whole of one that is there. */
void dhis2_take_group(void *state, const struct request *r, struct answer *a)
{
    struct err e;
    struct dhis2 *d = state;
    struct js *group CLEANUP(js_freep) = js_parse(r->body ? r->body : "", r->body ? strlen(r->body) : 0, &e);
    const char *uid = js_text(js_get(group, "id"));
    if (!uid || !js_text(js_get(group, "name"))) {
        a->status = 409;
        text_puts(&a->body, "{\"httpStatus\":\"Conflict\",\"httpStatusCode\":409,\"status\":\"ERROR\",\"message\":"
                            "\"Missing required property `name`.\"}");
        return;
    }
    keep(d, "organisationUnitGroups", group);
    a->status = strcmp(r->method, "PUT") == 0 ? 200 : 201;
    text_printf(&a->body, "{\"httpStatus\":\"OK\",\"httpStatusCode\":%d,\"status\":\"OK\",\"response\":{\"responseType\":\"ObjectReport\",\"uid\":\"%s\"}}",
                a->status, uid);
}
