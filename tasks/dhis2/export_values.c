/* dhis2.export_values: send the data values that wait in registry.data_value, and write down what DHIS2 says to each. */
#include "tasks/dhis2/dhis2.h"
#include "tasks/dhis2/send.h"

#include <stdio.h>
#include <string.h>

struct args {
    const char *data_source, *upstream;
    int64_t page_size;
    bool errored;
};

static const struct field fields[] = {
    STR_FIELD(struct args, data_source, .required = true, .min = 1, .max = 255,
              .help = "name of the data source whose values are sent"),
    BOOL_FIELD(struct args, errored, .help = "send those again that were refused before"),
    I64_FIELD(struct args, page_size, .fallback = "500", .min = 1, .max = DHIS2_SLICE_MAX, .help = "values in one request"),
    STR_FIELD(struct args, upstream, .fallback = "dhis2", .help = "the upstream to send to"),
    {0},
};

struct sending {
    struct task *task;
    const struct args *args;
    struct dhis2_outlet outlet;
    struct dhis2_item items[DHIS2_SLICE_MAX];
    int64_t ids[DHIS2_SLICE_MAX], versions[DHIS2_SLICE_MAX];
    size_t count;
    int64_t total, sent, changed; /* changed: while they were on their way */
    struct report report;
};

/* The next values after the last one that was seen; nothing is left open while they are on their way. */
static bool read_slice(struct sending *s, int64_t after, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(s->task, &sql_dhis2_values_queued, &rows, e, pg_text(s->args->data_source), pg_int(after),
                       pg_int(s->args->page_size)))
        return false;
    for (s->count = 0; s->count < rows.count; s->count++) {
        size_t i = s->count;
        struct dhis2_item *item = &s->items[i];
        *item = (struct dhis2_item){.json = js_parse(pg_get_text(&rows, i, 2), pg_get_length(&rows, i, 2), e)};
        if (!item->json)
            return false;
        s->ids[i] = pg_get_int(&rows, i, 0);
        s->versions[i] = pg_get_int(&rows, i, 1);
        snprintf(item->id, sizeof item->id, "%" PRId64, s->ids[i]);
    }
    return task_commit(s->task, e);
}

static void tell_failure(struct sending *s, size_t i)
{
    struct text reason CLEANUP(text_free) = {0};
    s->report.index = (int64_t)i;
    s->report.id = s->items[i].id;
    dhis2_reason(&s->items[i], &reason);
    report_fail(&s->report, text_str(&reason), false);
}

/* Write down what came of each; a value that was changed meanwhile stays queued. */
static bool settle_slice(struct sending *s, struct err *e)
{
    const char *errors[DHIS2_SLICE_MAX];
    struct pg_rows rows;
    int64_t failed = s->report.failed, taken;
    for (size_t i = 0; i < s->count; i++) {
        errors[i] = s->items[i].told ? region_printf(task_region(s->task), "[%s]", text_str(&s->items[i].errors)) : NULL;
        if (errors[i])
            tell_failure(s, i);
    }
    if (!task_sql_rows(s->task, &sql_dhis2_values_settle, &rows, e, pg_ints(s->ids, s->count), pg_ints(s->versions, s->count),
                       pg_texts(errors, s->count)))
        return false;
    s->changed += (int64_t)s->count - pg_get_int(&rows, 0, 0);
    s->sent += (int64_t)s->count;
    taken = (int64_t)s->count - (s->report.failed - failed) - s->outlet.created - s->outlet.updated;
    s->report.fetched += (int64_t)s->count;
    s->report.created += s->outlet.created;
    s->report.updated += s->outlet.updated;
    s->report.unchanged += taken;
    s->outlet.created = s->outlet.updated = 0;
    return task_commit(s->task, e) && task_progress(s->task, s->sent, s->total, s->args->data_source, e);
}

static bool send_slice(struct sending *s, struct err *e)
{
    struct dhis2_item *items[DHIS2_SLICE_MAX];
    for (size_t i = 0; i < s->count; i++)
        items[i] = &s->items[i];
    s->report.page++;
    return dhis2_send(&s->outlet, items, s->count, e) && settle_slice(s, e);
}

static bool send_all(void *data, struct err *e)
{
    struct sending *s = data;
    struct pg_rows rows;
    bool good = true;
    if (!task_sql_rows(s->task, &sql_dhis2_values_begin, &rows, e, pg_text(s->args->data_source), pg_bool(s->args->errored)))
        return false;
    if (rows.count == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no data source '%s'", s->args->data_source);
    s->total = pg_get_int(&rows, 0, 0);
    for (int64_t after = 0; good; after = s->ids[s->count - 1]) {
        good = read_slice(s, after, e);
        if (!good || s->count == 0)
            break;
        good = send_slice(s, e) || err_add(e, "values after %" PRId64, after);
        dhis2_items_free(s->items, s->count);
    }
    return good;
}

static void tell(const void *data, struct row *row)
{
    const struct sending *s = data;
    row_text(row, "data_source", s->args->data_source);
    row_int(row, "changed_meanwhile", s->changed);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    struct sending *s = task_alloc(task, sizeof *s);
    s->task = task;
    s->args = args;
    s->outlet = (struct dhis2_outlet){.target = "/api/dataValueSets?importStrategy=CREATE_AND_UPDATE", .member = "dataValues", .judge = dhis2_judge_values};
    s->report = (struct report){.task = task, .handler = "dhis2.export_values"};
    const char *lock = region_printf(task_region(task), "dhis2.export_values/%s", args->data_source);
    const struct report_run around = {lock, send_all, tell, s};
    return dhis2_export(task, args->upstream, &s->outlet, &s->report, &around, e);
}

const struct handler handler_dhis2_export_values = {
    .name = "dhis2.export_values",
    .summary = "Send data values to a DHIS2 and keep what it says to each",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .limit = {.soft = HOURS(2), .hard = HOURS(2) + MINUTES(10)},
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
