/* dhis2.export_org_units: send what one version of a data source has otherwise than another, which says what DHIS2 has: org units that are new
 * or changed, then the groups they are in. What DHIS2 takes is written into that other version at once, so that nothing is sent twice. */
#include "tasks/dhis2/dhis2.h"
#include "tasks/dhis2/send.h"

#include "common/base/json_build.h"
#include <stdio.h>
#include <string.h>

enum { SLICE = 50, UNITS_MAX = 500000 };

struct args {
    const char *data_source, *upstream;
    int64_t version, reference;
    bool unvalidated;
};

static const struct field fields[] = {
    STR_FIELD(struct args, data_source, .required = true, .min = 1, .max = 255, .help = "name of the data source"),
    I64_FIELD(struct args, version, .fallback = "-1", .min = -1, .max = INT32_MAX,
              .help = "number of the version to send; none: the default one"),
    I64_FIELD(struct args, reference, .required = true, .min = 0, .max = INT32_MAX,
              .help = "number of the version that says what DHIS2 has, as dhis2.org_units read it"),
    BOOL_FIELD(struct args, unvalidated, .help = "org units whose status is NEW, too"),
    STR_FIELD(struct args, upstream, .fallback = "dhis2", .help = "the upstream to send to"),
    {0},
};

struct export {
    struct task *task;
    const struct args *args;
    struct dhis2_outlet outlet;
    struct dhis2_item items[SLICE];
    size_t count;
    int64_t version_id, reference_id;
    int64_t *units; /* rows to send, parents first */
    int64_t units_count, done, groups, groups_failed;
    struct report report;
};

static bool open_versions(struct export *x, struct err *e)
{
    const struct args *args = x->args;
    struct pg_rows rows;
    if (!task_sql_rows(x->task, &sql_dhis2_export_pair, &rows, e, pg_text(args->data_source),
                       args->version < 0 ? pg_null() : pg_int(args->version), pg_int(args->reference)))
        return false;
    x->version_id = pg_get_int(&rows, 0, 0);
    x->reference_id = pg_get_int(&rows, 0, 1);
    if (!x->version_id)
        return err_set(e, ERR_NOT_FOUND, "data source '%s' has no such version to send", args->data_source);
    if (!x->reference_id || x->reference_id == x->version_id)
        return err_set(e, ERR_NOT_FOUND, "'reference': data source '%s' has no other version %" PRId64, args->data_source,
                       args->reference);
    return task_sql(x->task, &sql_dhis2_export_name, e, pg_int(x->version_id), pg_bool(args->unvalidated));
}

static bool find_changed(struct export *x, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(x->task, &sql_dhis2_export_changed, &rows, e, pg_int(x->version_id), pg_int(x->reference_id),
                       pg_bool(x->args->unvalidated), pg_int(UNITS_MAX)))
        return false;
    x->units_count = (int64_t)rows.count;
    x->units = task_alloc(x->task, (rows.count + 1) * sizeof *x->units);
    for (size_t i = 0; i < rows.count; i++)
        x->units[i] = pg_get_int(&rows, i, 0);
    return task_commit(x->task, e);
}

/* Org units ------------------------------------------------------------------------------------------- */

static bool set_member(void *data, const char *key, const struct js *value)
{
    if (js_is_null(value))
        js_remove(data, key);
    else
        js_set(data, key, js_copy(value));
    return true;
}

/* The objects of `member` whose ids are listed, all that DHIS2 knows of them: what is sent replaces the whole object. */
static struct js *fetch(struct export *x, const char *member, const char *extra, const struct text *ids, struct err *e)
{
    struct text address CLEANUP(text_free) = {0};
    text_printf(&address, "/api/%s.json?paging=false&fields=%%3Aowner%s&filter=id%%3Ain%%3A%%5B%s%%5D", member, extra, text_str(ids));
    return http_get_json(x->outlet.http, text_str(&address), e);
}

static const struct js *find_object(const struct js *list, const char *id)
{
    for (size_t i = 0; i < js_count(list); i++) {
        const char *own = js_text(js_get(js_at(list, i), "id"));
        if (own && strcmp(own, id) == 0)
            return js_at(list, i);
    }
    return NULL;
}

/* One unit as it is to be: what DHIS2 has with what differs, or all of it when it has none. */
static bool put_together(struct dhis2_item *item, const struct js *existing, const struct js *row, struct err *e)
{
    const char *json = js_text(js_get(row, existing ? "changes" : "whole"));
    struct js *members CLEANUP(js_freep) = js_parse(json, strlen(json), e);
    if (!members)
        return false;
    item->json = existing ? js_copy(existing) : js_new_object();
    js_set(item->json, "id", js_new_text(item->id));
    js_each(members, set_member, item->json);
    return true;
}

/* The rows of the slice, out of the database's hands: an array of {"whole", "changes"}, and their ids. */
static struct js *read_rows(struct export *x, struct text *ids, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(x->task, &sql_dhis2_export_units, &rows, e, pg_ints(x->units + x->done, x->count), pg_int(x->reference_id)))
        return NULL;
    struct js *list = js_new_array();
    x->count = rows.count; /* one may have been deleted since */
    for (size_t i = 0; i < rows.count; i++) {
        struct js *row = js_new_object();
        x->items[i] = (struct dhis2_item){0};
        snprintf(x->items[i].id, sizeof x->items[i].id, "%s", pg_get_text(&rows, i, 0));
        js_set(row, "whole", js_new_text(pg_get_text(&rows, i, 2)));
        js_set(row, "changes", js_new_text(pg_get_text(&rows, i, 3)));
        js_push(list, row);
        text_puts(ids, i ? "," : "");
        http_escape(ids, x->items[i].id);
    }
    if (task_commit(x->task, e))
        return list;
    js_free(list);
    return NULL;
}

static bool prepare(struct export *x, struct err *e)
{
    struct text ids CLEANUP(text_free) = {0};
    struct js *rows CLEANUP(js_freep) = read_rows(x, &ids, e);
    if (!rows || x->count == 0)
        return rows;
    struct js *answer CLEANUP(js_freep) = fetch(x, "organisationUnits", "", &ids, e);
    const struct js *existing = js_get(answer, "organisationUnits");
    bool good = answer;
    for (size_t i = 0; i < x->count && good; i++)
        good = put_together(&x->items[i], find_object(existing, x->items[i].id), js_at(rows, i), e);
    return good;
}

/* Write down what was taken, tell what was not. */
static bool settle(struct export *x, struct err *e)
{
    const char *taken[SLICE];
    size_t taken_count = 0;
    for (size_t i = 0; i < x->count; i++) {
        struct text reason CLEANUP(text_free) = {0};
        x->report.index = x->done + (int64_t)i;
        x->report.id = x->items[i].id;
        dhis2_reason(&x->items[i], &reason);
        if (x->items[i].told)
            report_fail(&x->report, text_str(&reason), false);
        else
            taken[taken_count++] = x->items[i].id;
    }
    x->report.fetched += (int64_t)x->count;
    x->report.created += x->outlet.created;
    x->report.updated += x->outlet.updated;
    x->report.unchanged += (int64_t)taken_count - x->outlet.created - x->outlet.updated;
    x->outlet.created = x->outlet.updated = 0;
    return task_sql(x->task, &sql_dhis2_export_codes, e, pg_int(x->version_id), pg_int(x->reference_id), pg_texts(taken, taken_count)) &&
           task_sql(x->task, &sql_dhis2_export_taken, e, pg_int(x->version_id), pg_int(x->reference_id), pg_texts(taken, taken_count)) &&
           task_commit(x->task, e);
}

static bool send_slice(struct export *x, struct err *e)
{
    struct dhis2_item *items[SLICE];
    for (size_t i = 0; i < x->count; i++)
        items[i] = &x->items[i];
    return dhis2_send(&x->outlet, items, x->count, e) && settle(x, e);
}

static bool send_units(struct export *x, struct err *e)
{
    for (bool good = true; x->done < x->units_count; x->report.page++) {
        int64_t slice = x->units_count - x->done < SLICE ? x->units_count - x->done : SLICE;
        x->count = (size_t)slice;
        memset(x->items, 0, sizeof x->items);
        good = prepare(x, e) && send_slice(x, e);
        dhis2_items_free(x->items, x->count);
        x->done += slice;
        if (!good || !task_progress(x->task, x->done, x->units_count, x->args->data_source, e))
            return false;
    }
    return task_sql(x->task, &sql_dhis2_export_parents, e, pg_int(x->reference_id)) &&
           task_sql(x->task, &sql_dhis2_paths, e, pg_int(x->reference_id)) && task_commit(x->task, e);
}

/* Groups ---------------------------------------------------------------------------------------------- */

static bool is_listed(const struct js *ids, const char *id)
{
    for (size_t i = 0; i < js_count(ids); i++)
        if (strcmp(js_text(js_at(ids, i)), id) == 0)
            return true;
    return false;
}

static void push_unit(struct js *list, const char *id)
{
    struct js *unit = js_new_object();
    js_set(unit, "id", js_new_text(id));
    js_push(list, unit);
}

/* Its org units as they are in DHIS2, those without that were taken away, those with that were added. */
static struct js *members_of(const struct js *group, const struct js *change)
{
    const struct js *units = js_get(group, "organisationUnits"), *added = js_get(change, "added"), *removed = js_get(change, "removed");
    struct js *list = js_new_array();
    for (size_t i = 0; i < js_count(units); i++) {
        const char *id = js_text(js_get(js_at(units, i), "id"));
        if (id && !is_listed(removed, id) && !is_listed(added, id))
            push_unit(list, id);
    }
    for (size_t i = 0; i < js_count(added); i++)
        push_unit(list, js_text(js_at(added, i)));
    return list;
}

/* PUT the whole group, or POST it when DHIS2 has none of that id. */
static bool send_group(struct export *x, const char *id, const struct js *existing, const struct js *change, struct err *e)
{
    struct text target CLEANUP(text_free) = {0}, body CLEANUP(text_free) = {0};
    struct http_answer answer;
    struct js *group CLEANUP(js_freep) = existing ? js_copy(existing) : js_new_object();
    const char *name = js_text(js_get(change, "name"));
    js_set(group, "id", js_new_text(id));
    if (!existing) {
        js_set(group, "name", js_new_text(name));
        js_set(group, "shortName", js_new_text(name));
    }
    js_set(group, "organisationUnits", members_of(existing, change));
    js_write(&body, group);
    text_puts(&target, "/api/organisationUnitGroups");
    if (existing) {
        text_putc(&target, '/');
        http_escape(&target, id);
    }
    if (!http_send(x->outlet.http, existing ? "PUT" : "POST", text_str(&target), text_str(&body), &answer, e))
        return false;
    return answer.status < 300 || err_set(e, ERR_DATA, "HTTP %d: %.300s", answer.status, answer.body);
}

/* A group that DHIS2 refuses is told; the others go on. */
static bool export_group(struct export *x, const struct js *change, struct err *e)
{
    struct text ids CLEANUP(text_free) = {0};
    const char *id = js_text(js_get(change, "id"));
    http_escape(&ids, id);
    struct js *answer CLEANUP(js_freep) = fetch(x, "organisationUnitGroups", ",organisationUnits%5Bid%5D", &ids, e);
    if (!answer)
        return false;
    x->report.id = id;
    if (send_group(x, id, find_object(js_get(answer, "organisationUnitGroups"), id), change, e)) {
        x->groups++;
        return task_sql(x->task, &sql_dhis2_export_group_taken, e, pg_int(x->version_id), pg_int(x->reference_id), pg_text(id)) &&
               task_commit(x->task, e);
    }
    if (e->kind != ERR_DATA)
        return false;
    err_add(e, "organisationUnitGroups");
    x->groups_failed++;
    report_note(&x->report, e->text);
    return true;
}

/* The changed groups, out of the database's hands: an array of {"id", "name", "added", "removed"}. */
static struct js *read_groups(struct export *x, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(x->task, &sql_dhis2_export_groups, &rows, e, pg_int(x->version_id), pg_int(x->reference_id)))
        return NULL;
    struct js *list = js_new_array();
    for (size_t i = 0; i < rows.count; i++) {
        struct js *change = js_new_object();
        js_set(change, "id", js_new_text(pg_get_text(&rows, i, 0)));
        js_set(change, "name", js_new_text(pg_get_text(&rows, i, 1)));
        js_set(change, "added", js_parse(pg_get_text(&rows, i, 2), pg_get_length(&rows, i, 2), e));
        js_set(change, "removed", js_parse(pg_get_text(&rows, i, 3), pg_get_length(&rows, i, 3), e));
        js_push(list, change);
    }
    if (task_commit(x->task, e))
        return list;
    js_free(list);
    return NULL;
}

static bool send_groups(struct export *x, struct err *e)
{
    struct js *changes CLEANUP(js_freep) = read_groups(x, e);
    bool good = changes;
    for (size_t i = 0; i < js_count(changes) && good; i++)
        good = task_check(x->task, e) && export_group(x, js_at(changes, i), e);
    return good;
}

/* The whole ------------------------------------------------------------------------------------------- */

static bool send_all(void *data, struct err *e)
{
    struct export *x = data;
    return open_versions(x, e) && find_changed(x, e) && send_units(x, e) && send_groups(x, e);
}

static void tell(const void *data, struct row *row)
{
    const struct export *x = data;
    row_text(row, "data_source", x->args->data_source);
    row_int(row, "reference", x->args->reference);
    row_int(row, "groups", x->groups);
    row_int(row, "groups_failed", x->groups_failed);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    struct export *x = task_alloc(task, sizeof *x);
    x->task = task;
    x->args = args;
    x->outlet = (struct dhis2_outlet){.target = "/api/metadata?importStrategy=CREATE_AND_UPDATE&atomicMode=NONE",
                                      .member = "organisationUnits", .judge = dhis2_judge_metadata};
    x->report = (struct report){.task = task, .handler = "dhis2.export_org_units", .page = 1};
    const char *lock = region_printf(task_region(task), "dhis2.export_org_units/%s/%" PRId64, args->data_source, args->reference);
    const struct report_run around = {lock, send_all, tell, x};
    return dhis2_export(task, args->upstream, &x->outlet, &x->report, &around, e);
}

const struct handler handler_dhis2_export_org_units = {
    .name = "dhis2.export_org_units",
    .summary = "Send new and changed org units and their groups to a DHIS2",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .limit = {.soft = HOURS(2), .hard = HOURS(2) + MINUTES(10)},
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
