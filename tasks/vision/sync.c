/* vision.sync: one batch of a task for each handler and country. The batch has the progress of them all; this task ends when
 * it is enqueued. A list that refers to another waits until that one of its country has ended (list.h: `after`); when it ended badly, what is
 * missing is told and comes with the next run. */
#include "tasks/vision/vision.h"

#include <string.h>

struct args {
    const char *business_area, *upstream;
    const char *const *handlers; /* without "vision." */
};

/* What there is to run, in order; by default all but the last. */
static const char *const all[] = {"vision.programme",        "vision.partner", "vision.ram", "vision.face_forms",
                                  "vision.fund_reservation", "vision.dct",     "vision.ewp", "vision.fund_commitment"};
enum { ALL = sizeof all / sizeof *all, DEFAULTS = ALL - 1 };

static const struct field fields[] = {
    STR_FIELD(struct args, business_area, .help = "business area or code of one country; none: all that take part"),
    LIST_FIELD(struct args, handlers, .help = "some of programme, partner, ram, face_forms, fund_reservation, dct, ewp, fund_commitment; none: all but the last"),
    STR_FIELD(struct args, upstream, .fallback = "vision", .help = "the upstream that they ask"),
    {0},
};

static const char *find(const char *name)
{
    size_t family = strlen("vision.");
    for (size_t i = 0; i < ALL; i++)
        if (strcmp(all[i], name) == 0 || strcmp(all[i] + family, name) == 0)
            return all[i];
    return NULL;
}

static bool choose(const char *const *wanted, const char *chosen[static ALL], size_t *count, struct err *e)
{
    *count = 0;
    for (; wanted && *wanted; wanted++) {
        const char *name = find(*wanted);
        if (!name || *count == ALL)
            return err_set(e, ERR_USAGE, "handlers: there is no vision.%.40s, or one comes twice", *wanted);
        chosen[(*count)++] = name;
    }
    if (*count == 0)
        for (; *count < DEFAULTS; ++*count)
            chosen[*count] = all[*count];
    return true;
}

bool vision_fan_out(struct task *task, const char *label, const char *const *handlers, size_t count, const char *area, const char *upstream,
                    struct err *e)
{
    struct pg_rows rows;
    struct row result CLEANUP(row_free) = {0};
    if (!task_upstream(task, upstream, e) ||
        !task_sql_rows(task, &sql_vision_fan_out, &rows, e, pg_texts(handlers, count), pg_text(area), pg_text(upstream), pg_text(label)))
        return false;
    if (pg_is_null(&rows, 0, 0))
        return err_set(e, area ? ERR_NOT_FOUND : ERR_TRANSIENT, "no country takes part: %s",
                       area ? area : "none is known yet, pmp.workspaces has to run first");
    row_text(&result, "batch", pg_get_text(&rows, 0, 0));
    row_int(&result, "tasks", pg_get_int(&rows, 0, 1));
    row_int(&result, "countries", pg_get_int(&rows, 0, 2));
    return task_result(task, row_end(&result), e);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    const char *chosen[ALL];
    size_t count;
    return choose(args->handlers, chosen, &count, e) &&
           vision_fan_out(task, "vision.sync", chosen, count, args->business_area, args->upstream, e);
}

const struct handler handler_vision_sync = {
    .name = "vision.sync",
    .summary = "Copy everything from VISION, a task for each country and list",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
};
