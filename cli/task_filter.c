/* task_filter: flags into arguments. */
#include "cli/task_filter.h"

#include <strings.h>

static bool read_status(const char **status, const char *const *statuses, struct err *e)
{
    struct text all CLEANUP(text_free) = {0};
    for (; *statuses; statuses++) {
        if (strcasecmp(*statuses, *status) == 0) {
            *status = *statuses;
            return true;
        }
        text_printf(&all, "%s%s", all.len == 0 ? "" : statuses[1] ? ", " : " or ", *statuses);
    }
    return err_set(e, ERR_USAGE, "--status: '%s' is not %s", *status, text_str(&all));
}

static bool read_since(struct task_filter *filter, struct err *e)
{
    usec_t ago;
    struct err ignored;
    if (duration_parse(filter->since, &ago, &ignored)) {
        filter->since_at = clock_now() - ago;
        return true;
    }
    return clock_parse(filter->since, &filter->since_at, e) ||
           err_set(e, ERR_USAGE, "--since: '%s' is neither a time like 2026-03-29T00:30:00Z nor a duration like 2h", filter->since);
}

bool task_filter_read(struct task_filter *filter, const char *const *statuses, struct err *e)
{
    if (filter->status && !read_status(&filter->status, statuses, e))
        return false;
    if (filter->batch && !uuid_parse(filter->batch, &filter->batch_id))
        return err_set(e, ERR_USAGE, "--batch: '%s' is not an id (a UUID)", filter->batch);
    return !filter->since || read_since(filter, e);
}

bool task_filter_is_empty(const struct task_filter *filter)
{
    return !filter->status && !filter->name && !filter->queue && !filter->tenant && !filter->schedule && !filter->batch && !filter->cause && !filter->since;
}

void task_filter_args(const struct task_filter *filter, struct pg_arg args[static TASK_FILTER_ARGS])
{
    args[0] = pg_text(filter->status);
    args[1] = pg_text(filter->name);
    args[2] = pg_text(filter->queue);
    args[3] = pg_text(filter->tenant);
    args[4] = pg_text(filter->schedule);
    args[5] = pg_uuid_or_null(filter->batch_id);
    args[6] = pg_text(filter->cause);
    args[7] = pg_time_or_null(filter->since_at);
}
