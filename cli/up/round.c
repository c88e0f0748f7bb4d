/* round: the order of the first syncs. */
#include "cli/up/round.h"

#include "common/store/task.h"
#include "sql/queries.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t step;
} order[ROUND_TASKS] = {
    {"pmp.workspaces", 0},
    {"pmp.partners", 1},
    {"pmp.programme_documents", 2},
    {"pmp.government_documents", 2},
};

bool round_is_due(struct pg *pg, bool *due, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_up_synced_before, &rows, e))
        return err_add(e, "is the registry empty?");
    *due = rows.count == 0;
    return true;
}

void round_begin(struct round *r)
{
    *r = (struct round){0};
    for (size_t i = 0; i < ROUND_TASKS; i++)
        r->tasks[i].name = order[i].name;
}

/* The key makes a task that an earlier, killed `up` has enqueued ours. */
static bool enqueue(struct round_task *task, struct pg *pg, struct err *e)
{
    const struct new_task fresh = {.name = task->name, .priority = -1, .unique_key = "first round", .created_by = "drumbeat up"};
    snprintf(task->status, sizeof task->status, "QUEUED");
    return task_enqueue(pg, &fresh, &task->id, e) || err_add(e, "%s", task->name);
}

static bool look(struct round_task *task, struct pg *pg, struct err *e)
{
    struct task_state state;
    if (!task_look(pg, task->id, &state, e))
        return err_add(e, "%s", task->name);
    snprintf(task->status, sizeof task->status, "%s", state.status);
    snprintf(task->message, sizeof task->message, "%s", state.progress_message ? state.progress_message : "");
    snprintf(task->error, sizeof task->error, "%s", state.error ? state.error : "");
    task->state = state;
    return true;
}

/* Bring the tasks of the present step up to date; tell whether all have ended, and all well. */
static bool visit(struct round *r, struct pg *pg, bool *ended, bool *well, struct err *e)
{
    *ended = *well = true;
    for (size_t i = 0; i < ROUND_TASKS; i++) {
        struct round_task *task = &r->tasks[i];
        if (order[i].step != r->step)
            continue;
        if (uuid_is_zero(task->id) ? !enqueue(task, pg, e) : !look(task, pg, e))
            return false;
        *ended = *ended && task_status_is_final(task->status);
        *well = *well && strcmp(task->status, "SUCCESS") == 0;
    }
    return true;
}

bool round_advance(struct round *r, struct pg *pg, struct err *e)
{
    bool ended = true, well = true;
    while (r->outcome == ROUND_GOES_ON && ended) {
        if (!visit(r, pg, &ended, &well, e))
            return false;
        if (ended && !well)
            r->outcome = ROUND_FAILED;
        else if (ended && r->step++ == order[ROUND_TASKS - 1].step)
            r->outcome = ROUND_SUCCEEDED;
    }
    return true;
}

struct task_state round_state(const struct round_task *task)
{
    struct task_state state = task->state;
    state.status = task->status;
    state.progress_message = task->error[0] ? task->error : task->message;
    state.error = task->error;
    return state;
}

size_t round_shown(const struct round *r)
{
    size_t shown = 0;
    while (shown < ROUND_TASKS && !uuid_is_zero(r->tasks[shown].id))
        shown++;
    return shown;
}

void round_failure(const struct round *r, struct text *out)
{
    for (size_t i = 0; i < round_shown(r); i++)
        if (strcmp(r->tasks[i].status, "SUCCESS") != 0)
            text_printf(out, "%s%s %s%s%s", out->len ? "; " : "", r->tasks[i].name, r->tasks[i].status,
                        r->tasks[i].error[0] ? ": " : "", r->tasks[i].error);
}
