/* round: the order of the first syncs. */
#include "cli/up/round.h"

#include "common/store/task.h"
#include "sql/queries.h"

#include <stdio.h>
#include <string.h>

/* What the default configuration schedules, and what stays switched off there until it is told a plan, a project or a table: the sandbox has one of each. Kafka
 * has no stand-in. */
static const struct row {
    const char *name;
    size_t step;
    const char *upstream; /* NULL: none */
    bool stand_in;        /* only where the sandbox stands in for it */
    const char *args;     /* NULL: none */
    const struct sql *before;
} order[] = {
    {"pmp.workspaces", 0, "pmp"},
    {"pmp.partners", 1, "pmp"},
    {"carto.all", 1, "carto", .stand_in = true, .before = &sql_up_carto_tables},
    {"ocha.partners", 1, "ocha", .stand_in = true},
    {"dhis2.org_units", 1, "dhis2", .stand_in = true, .args = "{\"data_source\": \"sandbox\"}"},
    {"pmp.programme_documents", 2, "pmp"},
    {"pmp.government_documents", 2, "pmp"},
    {"vision.sync", 2, "vision"},
    {"ocha.response_plan", 2, "ocha", .stand_in = true, .args = "{\"plan_id\": 401}"},
    {"prp.period_reports", 3},
    {"vision.delegated_frs", 3, "vision"},
    {"tpm.partners", 3, "vision"},
    {"hact.values", 3},
    {"ocha.project", 3, "ocha", .stand_in = true, .args = "{\"project_id\": 40100}"},
    {"ocha.funding", 3, "ocha", .stand_in = true, .args = "{\"plan_id\": 401}"},
    {"prp.due_reports", 4},
    {"hact.aggregate", 4},
    {"prp.notify_due", 5, "smtp", .stand_in = true},
    {"prp.notify_overdue", 5, "smtp", .stand_in = true},
    {"vision.notify_hidden", 5, "smtp", .stand_in = true},
};
_Static_assert(sizeof order / sizeof *order == ROUND_TASKS, "ROUND_TASKS");

bool round_is_due(struct pg *pg, bool *due, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_up_synced_before, &rows, e))
        return err_add(e, "is the registry empty?");
    *due = rows.count == 0;
    return true;
}

static bool takes_part(const struct row *row, const struct config *config, bool sandboxed)
{
    const struct config_upstream *given = row->upstream ? config_upstream(config, row->upstream) : NULL;
    if (!row->upstream || (given && !given->enabled))
        return !row->upstream;
    return given && given->url ? !row->stand_in : sandboxed;
}

void round_begin(struct round *r, const struct config *config, bool sandboxed)
{
    *r = (struct round){0};
    for (size_t i = 0; i < ROUND_TASKS; i++)
        if (takes_part(&order[i], config, sandboxed))
            r->tasks[r->count++].row = &order[i];
}

const char *round_name(const struct round_task *task)
{
    return task->row->name;
}

/* The key makes a task that an earlier, killed `up` has enqueued ours. */
static bool enqueue(struct round_task *task, struct pg *pg, struct err *e)
{
    const struct row *row = task->row;
    const struct new_task fresh = {
        .name = row->name, .args = row->args, .priority = -1, .unique_key = "first round", .created_by = "drumbeat up"};
    snprintf(task->status, sizeof task->status, "QUEUED");
    return ((!row->before || pg_exec(pg, row->before, NULL, e)) && task_enqueue(pg, &fresh, &task->id, e)) || err_add(e, "%s", row->name);
}

/* A task that has enqueued a batch ends when that does. */
static bool follow(struct round_task *task, struct pg *pg, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_up_batch, &rows, e, pg_uuid(task->id)))
        return err_add(e, "the batch of %s", task->row->name);
    if (rows.count == 0)
        return true;
    bool ended = !pg_is_null(&rows, 0, 3), well = strcmp(pg_get_text(&rows, 0, 0), "success") == 0;
    snprintf(task->status, sizeof task->status, "%s", !ended ? "RUNNING" : well ? "SUCCESS" : "ERRORED");
    snprintf(task->message, sizeof task->message, "tasks");
    snprintf(task->error, sizeof task->error, "%s", pg_is_null(&rows, 0, 4) ? "" : pg_get_text(&rows, 0, 4));
    task->state.end_value = pg_get_int(&rows, 0, 1);
    task->state.progress_value = pg_get_int(&rows, 0, 2);
    task->state.ended_at = ended ? pg_get_time(&rows, 0, 3) : 0;
    return true;
}

static bool look(struct round_task *task, struct pg *pg, struct err *e)
{
    struct task_state state;
    if (!task_look(pg, task->id, &state, e))
        return err_add(e, "%s", task->row->name);
    snprintf(task->status, sizeof task->status, "%s", state.status);
    snprintf(task->message, sizeof task->message, "%s", state.progress_message ? state.progress_message : "");
    snprintf(task->error, sizeof task->error, "%s", state.error ? state.error : "");
    task->state = state;
    return strcmp(task->status, "SUCCESS") != 0 || follow(task, pg, e);
}

/* Bring the tasks of the present step up to date; tell whether all have ended, and all well. */
static bool visit(struct round *r, struct pg *pg, bool *ended, bool *well, struct err *e)
{
    *ended = *well = true;
    for (size_t i = 0; i < r->count; i++) {
        struct round_task *task = &r->tasks[i];
        if (task->row->step != r->step)
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
        else if (ended && r->step++ == r->tasks[r->count - 1].row->step)
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
    while (shown < r->count && !uuid_is_zero(r->tasks[shown].id))
        shown++;
    return shown;
}

void round_failure(const struct round *r, struct text *out)
{
    for (size_t i = 0; i < round_shown(r); i++)
        if (strcmp(r->tasks[i].status, "SUCCESS") != 0)
            text_printf(out, "%s%s %s%s%s", out->len ? "; " : "", r->tasks[i].row->name, r->tasks[i].status,
                        r->tasks[i].error[0] ? ": " : "", r->tasks[i].error);
}
