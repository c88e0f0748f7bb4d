/* prp.bulk_delete_locations: delete places, ten at a time; those that something still refers to stay and are named. */
#include "tasks/prp/prp.h"

#include <string.h>

enum { BATCH = 10, IDS_MAX = 100000 };

struct args {
    const char *ids; /* JSON */
    int64_t user_id;
};

static const struct field fields[] = {
    JSON_FIELD(struct args, ids, .required = true, .help = "rows of location, as an array of numbers"),
    I64_FIELD(struct args, user_id, .min = 0, .max = INT64_MAX, .help = "who asked for it"),
    {0},
};

struct deleting {
    struct task *task;
    int64_t *ids; /* that are still there, the first `count` */
    size_t count;
    int64_t all, deleted;
};

/* NULL: it is no list of ids. */
static int64_t *read_ids(struct task *task, const char *json, size_t *count, struct err *e)
{
    struct js *list CLEANUP(js_freep) = js_parse(json, strlen(json), e);
    *count = js_count(list);
    if (js_type(list) != JS_ARRAY || *count > IDS_MAX) {
        err_set(e, ERR_DATA, "'ids' must be an array of at most %d numbers", IDS_MAX);
        return NULL;
    }
    int64_t *ids = task_alloc(task, (*count + 1) * sizeof *ids);
    for (size_t i = 0; i < *count; i++)
        if (!js_integer(js_at(list, i), &ids[i])) {
            err_set(e, ERR_DATA, "'ids': element %zu is not a whole number", i);
            return NULL;
        }
    return ids;
}

/* *kept: something refers to one of them, nothing was deleted. */
static bool delete_some(struct deleting *d, const int64_t *ids, size_t count, bool *kept, struct err *e)
{
    struct pg_rows rows;
    *kept = false;
    if (task_sql_rows(d->task, &sql_prp_delete_locations, &rows, e, pg_ints(ids, count), pg_uuid(task_id(d->task)))) {
        d->deleted += pg_get_int(&rows, 0, 0);
        return task_commit(d->task, e);
    }
    *kept = e->kind == ERR_DATA || e->kind == ERR_FAILED || e->kind == ERR_LIMIT;
    return *kept && task_rollback(d->task, e);
}

/* Ten together; when one of them has to stay, each alone. Those that stay move to ids[*left…]. */
static bool delete_batch(struct deleting *d, const int64_t *ids, size_t count, size_t *left, struct err *e)
{
    bool kept;
    if (!delete_some(d, ids, count, &kept, e))
        return false;
    for (size_t i = 0; i < count && kept; i++) {
        bool stays;
        int64_t id = ids[i];
        if (!delete_some(d, &id, 1, &stays, e))
            return false;
        if (stays)
            d->ids[(*left)++] = id;
    }
    return task_progress(d->task, d->deleted, d->all, "locations", e);
}

/* Places above others go once those below are gone: again until a round deletes nothing. */
static bool delete_all(struct deleting *d, struct err *e)
{
    for (int64_t before = -1; d->count > 0 && before != d->deleted;) {
        size_t left = 0;
        before = d->deleted;
        for (size_t i = 0; i < d->count; i += BATCH)
            if (!delete_batch(d, d->ids + i, d->count - i < BATCH ? d->count - i : BATCH, &left, e))
                return false;
        d->count = left;
    }
    return true;
}

static bool tell(const struct deleting *d, struct err *e)
{
    struct row row CLEANUP(row_free) = {0};
    struct text ids CLEANUP(text_free) = {0};
    text_putc(&ids, '[');
    for (size_t i = 0; i < d->count; i++)
        text_printf(&ids, "%s%" PRId64, i ? "," : "", d->ids[i]);
    text_putc(&ids, ']');
    row_int(&row, "deleted", d->deleted);
    row_int(&row, "failed", (int64_t)d->count);
    row_json(&row, "failed_ids", text_str(&ids));
    return task_result(d->task, row_end(&row), e);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    struct pg_rows rows;
    size_t count;
    int64_t *ids = read_ids(task, args->ids, &count, e);
    struct deleting d = {.task = task, .ids = ids, .count = count, .all = (int64_t)count};
    if (!ids || !task_sql_rows(task, &sql_prp_delete_begin, &rows, e, pg_uuid(task_id(task)), args->user_id ? pg_int(args->user_id) : pg_null()))
        return false;
    d.deleted = pg_get_int(&rows, 0, 0); /* by an attempt before this one */
    return task_commit(task, e) && delete_all(&d, e) && tell(&d, e);
}

const struct handler handler_prp_bulk_delete_locations = {
    .name = "prp.bulk_delete_locations",
    .summary = "Delete locations that nothing refers to",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 3, .first = SECONDS(10), .cap = MINUTES(5)},
};
