/* task cancel, task retry: one task, several, or all that a filter means. Many are counted first, agreed to, and done in batches, so that no
 * transaction is long. */
#include "cli/confirm.h"
#include "cli/session.h"
#include "cli/task_filter.h"
#include "cli/task_id.h"
#include "cli/verb.h"
#include "common/broker/redis_queue.h"
#include "common/store/task.h"
#include "sql/queries.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 1000 };

struct args {
    const char *const *ids;
    struct task_filter filter;
    bool all, yes;
};

#define ID_OPERAND LIST_OPERAND(struct args, ids, "ID", .help = "tasks: their ids, or at least 8 digits of each one's beginning")
#define YES_FLAG SWITCH_FLAG(struct args, yes, "yes", .help = "do not ask")

static const struct flag cancel_flags[] = {
    ID_OPERAND,
    TEXT_FLAG(struct args, filter.status, "status", .value = "STATUS", .help = "QUEUED or RUNNING; none: both"),
    TASK_FILTER_FLAGS(struct args),
    TEXT_FLAG(struct args, filter.since, "since", .value = "TIME|DURATION", .help = "tasks enqueued since then, or in the last so long"),
    SWITCH_FLAG(struct args, all, "all", .help = "every unfinished task"),
    YES_FLAG,
    {0},
};

static const struct flag retry_flags[] = {
    ID_OPERAND,
    TEXT_FLAG(struct args, filter.status, "status", .value = "STATUS", .help = "ERRORED, KILLED or SKIPPED (ERRORED)"),
    TASK_FILTER_FLAGS(struct args),
    TEXT_FLAG(struct args, filter.cause, "cause", .value = "TEXT", .help = "tasks with this cause, as task failures prints it"),
    TEXT_FLAG(struct args, filter.since, "since", .value = "TIME|DURATION", .help = "tasks that ended since then, or in the last so long"),
    SWITCH_FLAG(struct args, all, "all", .help = "every task that ended as ERRORED"),
    YES_FLAG,
    {0},
};

static const char *const cancel_statuses[] = {"QUEUED", "RUNNING", NULL}, *const retry_statuses[] = {"ERRORED", "KILLED", "SKIPPED", NULL};

/* What differs between the two verbs. */
struct change {
    const struct flag *flags;
    bool (*ask)(struct pg *pg, struct uuid id, enum task_answer *answer, struct err *e);
    const char *done;
    const char *refused; /* with the status in it */
    const char *const *statuses;
    const char *status; /* when none is given */
    const struct sql *count, *batch;
    const char *verb, *have; /* "Retry", "are queued again" */
    bool (*elsewhere)(struct session *s, struct uuid id, bool *asked, struct err *e); /* when there is no such row; NULL: nowhere */
};

/* A queue in Redis alone keeps no list of ids: whichever of them has the task ends it. */
static bool cancel_in_redis(struct session *s, struct uuid id, bool *asked, struct err *e)
{
    *asked = false;
    for (size_t i = 0; i < s->config->queue_count; i++) {
        const struct config_queue *queue = &s->config->queues[i];
        if (!config_queue_is_light(queue))
            continue;
        struct redis *redis = session_redis(s, e);
        if (!redis || !redis_queue_cancel(redis, queue->name, id, e))
            return false;
        *asked = true;
    }
    return true;
}

static const struct change cancel = {
    .flags = cancel_flags,
    .ask = task_cancel,
    .done = "is cancelled, or will be as soon as it can stop",
    .refused = "it has ended, so there is nothing to cancel",
    .statuses = cancel_statuses,
    .count = &sql_many_unfinished,
    .batch = &sql_many_cancel,
    .verb = "Cancel",
    .have = "cancelled, or will be as soon as they can stop",
    .elsewhere = cancel_in_redis,
};

static const struct change retry = {
    .flags = retry_flags,
    .ask = task_retry,
    .done = "is queued again",
    .refused = "only ERRORED, KILLED and SKIPPED tasks are retried, and only while no other task holds their unique key",
    .statuses = retry_statuses,
    .status = "ERRORED",
    .count = &sql_many_dead,
    .batch = &sql_many_retry,
    .verb = "Retry",
    .have = "queued again",
};

/* By id ------------------------------------------------------------------------------------------------------------- */

static bool change_elsewhere(struct session *s, const struct change *change, struct uuid id, const char *text, struct err *e)
{
    bool asked = false;
    if (change->elsewhere && !change->elsewhere(s, id, &asked, e))
        return false;
    return asked ? printf("%s has no row; the queues in Redis are asked to end it\n", text) > 0 : err_set(e, ERR_NOT_FOUND, "there is no task %s", text);
}

static bool change_one(struct session *s, const struct change *change, const char *typed, struct err *e)
{
    struct pg *pg = s->pg;
    struct uuid id;
    struct task_state state;
    enum task_answer answer;
    char text[UUID_TEXT_MAX];
    if (!task_id_read(pg, typed, &id, e) || !change->ask(pg, id, &answer, e))
        return false;
    uuid_format(id, text);
    switch (answer) {
    case TASK_DONE:
        printf("%s %s\n", text, change->done);
        return true;
    case TASK_UNKNOWN:
        return change_elsewhere(s, change, id, text, e);
    case TASK_NOT_APPLICABLE:
        return task_look(pg, id, &state, e) && err_set(e, ERR_REFUSED, "task %s is %s: %s", text, state.status, change->refused);
    }
    return false;
}

/* All of them, whatever becomes of one; the last failure is the exit status. */
static int change_named(struct session *s, const struct change *change, const char *const *ids)
{
    int status = EXIT_DONE;
    struct err e;
    for (; *ids; ids++)
        if (!change_one(s, change, *ids, &e))
            status = verb_failed(&e);
    return status;
}

/* By filter --------------------------------------------------------------------------------------------------------- */

/* How many are meant; `before` is the server's clock then: what happens later is not meant. */
static bool count_meant(struct pg *pg, const struct change *change, const struct task_filter *filter, int64_t *count, usec_t *before, struct err *e)
{
    struct pg_arg args[TASK_FILTER_ARGS + 1];
    struct pg_rows rows;
    task_filter_args(filter, args);
    args[TASK_FILTER_ARGS] = (struct pg_arg){.type = PG_END};
    if (!pg_exec_args(pg, change->count, args, &rows, e))
        return false;
    *count = pg_get_int(&rows, 0, 0);
    *before = pg_get_time(&rows, 0, 1);
    return true;
}

static bool change_batches(struct pg *pg, const struct change *change, const struct task_filter *filter, usec_t before, int64_t *changed, struct err *e)
{
    struct pg_arg args[TASK_FILTER_ARGS + 4];
    struct uuid last = {{0}};
    struct pg_rows rows;
    int64_t seen;
    task_filter_args(filter, args);
    do {
        args[TASK_FILTER_ARGS] = pg_time(before);
        args[TASK_FILTER_ARGS + 1] = pg_uuid_or_null(last);
        args[TASK_FILTER_ARGS + 2] = pg_int(BATCH);
        args[TASK_FILTER_ARGS + 3] = (struct pg_arg){.type = PG_END};
        if (!pg_exec_args(pg, change->batch, args, &rows, e))
            return false;
        seen = pg_get_int(&rows, 0, 0);
        *changed += pg_get_int(&rows, 0, 1);
        if (!pg_is_null(&rows, 0, 2))
            last = pg_get_uuid(&rows, 0, 2);
    } while (seen > 0);
    return true;
}

static bool agreed(const struct change *change, const struct args *args, int64_t count, struct err *e)
{
    struct text question CLEANUP(text_free) = {0}, refusal CLEANUP(text_free) = {0};
    const char *tasks = count == 1 ? "task" : "tasks";
    text_printf(&question, "%s %" PRId64 " %s?", change->verb, count, tasks);
    text_printf(&refusal, "%" PRId64 " %s would be changed and nobody confirmed it", count, tasks);
    return confirm(args->yes, text_str(&question), text_str(&refusal), e);
}

static bool change_meant(struct pg *pg, const struct change *change, const struct args *args, struct err *e)
{
    int64_t count, changed = 0;
    usec_t before;
    if (!count_meant(pg, change, &args->filter, &count, &before, e))
        return false;
    if (count == 0)
        return printf("0 tasks match\n") > 0;
    if (!agreed(change, args, count, e))
        return false;
    bool good = change_batches(pg, change, &args->filter, before, &changed, e);
    printf("%" PRId64 " of %" PRId64 " %s %s\n", changed, count, count == 1 ? "task" : "tasks", change->have);
    return good;
}

/* Either ids, or a filter, or --all. */
static bool check_args(const struct args *args, struct err *e)
{
    bool ids = args->ids && *args->ids, filter = !task_filter_is_empty(&args->filter);
    if (ids && (filter || args->all))
        return err_set(e, ERR_USAGE, "give ids, or say by flags which tasks are meant, not both");
    return ids || filter || args->all || err_set(e, ERR_USAGE, "which tasks? give ids, or flags such as --name, or --all");
}

static int change_tasks(int argc, char **argv, const struct change *change)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!flags_read(change->flags, argc, argv, &args, &e) || !check_args(&args, &e) || !task_filter_read(&args.filter, change->statuses, &e) ||
        !session_open(&s, &e))
        return verb_failed(&e);
    if (args.ids && *args.ids)
        return change_named(&s, change, args.ids);
    if (!args.filter.status)
        args.filter.status = change->status;
    return change_meant(s.pg, change, &args, &e) ? EXIT_DONE : verb_failed(&e);
}

static int run_cancel(int argc, char **argv)
{
    return change_tasks(argc, argv, &cancel);
}

static int run_retry(int argc, char **argv)
{
    return change_tasks(argc, argv, &retry);
}

const struct verb verb_task_cancel = {
    .name = "task cancel",
    .summary = "cancel tasks: queued ones at once, running ones at their next step",
    .details = "By flags, all tasks that fit all of them: they are counted first, and it asks. "
               "Exit status: 3 when a task is unknown, 4 when it had ended or nobody confirmed.",
    .example = "drumbeat task cancel 0190a5d2\ndrumbeat task cancel --queue imports --tenant nepal --yes",
    .flags = cancel_flags,
    .run = run_cancel,
};

const struct verb verb_task_retry = {
    .name = "task retry",
    .summary = "queue tasks again that ended as ERRORED, KILLED or SKIPPED",
    .details = "By flags, all tasks that fit all of them: they are counted first, and it asks. "
               "Exit status: 3 when a task is unknown, 4 when it cannot be retried or nobody confirmed.",
    .example = "drumbeat task retry 0190a5d2\ndrumbeat task retry --name pmp.partners --since 2h --yes",
    .flags = retry_flags,
    .run = run_retry,
};
