#pragma once
/* Which tasks a verb means: flags that several verbs share. A verb has a struct task_filter `filter` in its arguments and TASK_FILTER_FLAGS in
 * its table; task_filter_args() gives the first arguments of its statement, in the order in which sql/queries/cli/many_*.sql name them. */
#include "cli/flags.h"
#include "common/db/pg.h"

struct task_filter {
    const char *status, *name, *queue, *tenant, *schedule, *batch, *cause, *since;
    /* What they came to (task_filter_read). */
    struct uuid batch_id;
    usec_t since_at;
};

#define TASK_FILTER_FLAGS(type_)                                                                                                         \
    TEXT_FLAG(type_, filter.name, "name", .value = "NAME", .help = "tasks of this handler"),                                             \
        TEXT_FLAG(type_, filter.queue, "queue", .value = "Q", .help = "tasks of this queue"),                                            \
        TEXT_FLAG(type_, filter.tenant, "tenant", .value = "T", .help = "tasks of this tenant"),                                         \
        TEXT_FLAG(type_, filter.schedule, "schedule", .value = "NAME", .help = "tasks that this schedule emitted"),                      \
        TEXT_FLAG(type_, filter.batch, "batch", .value = "ID", .help = "tasks of this batch")

/* Read what the flags say. The status must be one of `statuses` (ends with NULL), in any case of letters; NULL stays NULL. `since` is a moment
 * or a duration before now. */
bool task_filter_read(struct task_filter *filter, const char *const *statuses, struct err *e);

/* Does it name anything? */
bool task_filter_is_empty(const struct task_filter *filter);

enum { TASK_FILTER_ARGS = 8 };
void task_filter_args(const struct task_filter *filter, struct pg_arg args[static TASK_FILTER_ARGS]);
