/* task cancel, task retry: one or several tasks. */
#include "cli/session.h"
#include "cli/task_id.h"
#include "cli/verb.h"
#include "common/store/task.h"

#include <stdio.h>

struct args {
    const char *const *ids;
};

static const struct flag flags[] = {
    LIST_OPERAND(struct args, ids, "ID", .required = true, .help = "tasks: their ids, or at least 8 digits of each one's beginning"),
    {0},
};

/* What differs between the two verbs. */
struct change {
    bool (*ask)(struct pg *pg, struct uuid id, enum task_answer *answer, struct err *e);
    const char *done;
    const char *refused; /* with the status in it */
};

static bool change_one(struct pg *pg, const struct change *change, const char *typed, struct err *e)
{
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
        return err_set(e, ERR_NOT_FOUND, "there is no task %s", text);
    case TASK_NOT_APPLICABLE:
        return task_look(pg, id, &state, e) && err_set(e, ERR_REFUSED, "task %s is %s: %s", text, state.status, change->refused);
    }
    return false;
}

/* All of them, whatever becomes of one; the last failure is the exit status. */
static int change_all(int argc, char **argv, const struct change *change)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    int status = EXIT_DONE;
    if (!flags_read(flags, argc, argv, &args, &e) || !session_open(&s, &e))
        return verb_failed(&e);
    for (const char *const *id = args.ids; *id; id++)
        if (!change_one(s.pg, change, *id, &e))
            status = verb_failed(&e);
    return status;
}

static int run_cancel(int argc, char **argv)
{
    static const struct change cancel = {task_cancel, "is cancelled, or will be as soon as it can stop", "it has ended, so there is nothing to cancel"};
    return change_all(argc, argv, &cancel);
}

static int run_retry(int argc, char **argv)
{
    static const struct change retry = {
        task_retry, "is queued again",
        "only ERRORED, KILLED and SKIPPED tasks are retried, and only while no other task holds their unique key"};
    return change_all(argc, argv, &retry);
}

const struct verb verb_task_cancel = {
    .name = "task cancel",
    .summary = "cancel tasks: queued ones at once, running ones at their next step",
    .details = "Exit status: 3 when a task is unknown, 4 when it had ended.",
    .example = "drumbeat task cancel 0190a5d2",
    .flags = flags,
    .run = run_cancel,
};

const struct verb verb_task_retry = {
    .name = "task retry",
    .summary = "queue tasks again that ended as ERRORED, KILLED or SKIPPED",
    .details = "Exit status: 3 when a task is unknown, 4 when it cannot be retried.",
    .example = "drumbeat task retry 0190a5d2",
    .flags = flags,
    .run = run_retry,
};
