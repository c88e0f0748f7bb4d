/* task: the functions of the schema, called from C. */
#include "common/store/task.h"
#include "sql/queries.h"

#include <string.h>

/* A value that the server finds wrong is the caller's mistake here, not the data's. */
static bool refused_value(struct err *e)
{
    if (e->kind == ERR_DATA)
        e->kind = ERR_USAGE;
    return false;
}

bool task_enqueue(struct pg *pg, const struct new_task *task, struct uuid *id, struct err *e)
{
    struct pg_rows rows;
    bool good = pg_exec(pg, &sql_task_enqueue, &rows, e, pg_text(task->name), pg_json(task->args), pg_text(task->queue),
                        task->priority < 0 ? pg_null() : pg_int(task->priority), pg_time_or_null(task->run_at),
                        pg_time_or_null(task->expires_at), task->max_attempts > 0 ? pg_int(task->max_attempts) : pg_null(),
                        pg_text(task->unique_key), pg_text(task->tenant), pg_text(task->created_by), pg_json(task->headers), pg_text(task->unique_mode), pg_text(task->unique_until),
                        task->unique_window > 0 ? pg_duration(task->unique_window) : pg_null(), pg_text(task->idempotency_key), pg_text(task->limit_key));
    if (!good)
        return refused_value(e) || err_add(e, "enqueue %s", task->name);
    memset(id, 0, sizeof *id); /* skipped: the key is another's */
    if (!pg_is_null(&rows, 0, 0))
        *id = pg_get_uuid(&rows, 0, 0);
    return true;
}

/* cancel() and retry() answer alike. */
static bool ask(struct pg *pg, const struct sql *query, struct uuid id, enum task_answer *answer, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, query, &rows, e, pg_uuid(id)))
        return false;
    if (pg_is_null(&rows, 0, 0))
        *answer = TASK_UNKNOWN;
    else
        *answer = pg_get_bool(&rows, 0, 0) ? TASK_DONE : TASK_NOT_APPLICABLE;
    return true;
}

bool task_cancel(struct pg *pg, struct uuid id, enum task_answer *answer, struct err *e)
{
    return ask(pg, &sql_task_cancel, id, answer, e) || err_add(e, "cancel");
}

bool task_retry(struct pg *pg, struct uuid id, enum task_answer *answer, struct err *e)
{
    return ask(pg, &sql_task_retry, id, answer, e) || err_add(e, "retry");
}

static const char *text_or_null(const struct pg_rows *rows, size_t column)
{
    return pg_is_null(rows, 0, column) ? NULL : pg_get_text(rows, 0, column);
}

bool task_look(struct pg *pg, struct uuid id, struct task_state *state, struct err *e)
{
    struct pg_rows rows;
    char text[UUID_TEXT_MAX];
    if (!pg_exec(pg, &sql_task_look, &rows, e, pg_uuid(id)))
        return err_add(e, "task %s", uuid_format(id, text));
    if (rows.count == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no task %s", uuid_format(id, text));
    *state = (struct task_state){
        .status = pg_get_text(&rows, 0, 0),
        .attempt = (int)pg_get_int(&rows, 0, 1),
        .progress_value = pg_get_int(&rows, 0, 2),
        .end_value = pg_get_int(&rows, 0, 3),
        .progress_message = text_or_null(&rows, 4),
        .error = text_or_null(&rows, 5),
        .started_at = pg_get_time(&rows, 0, 6),
        .ended_at = pg_get_time(&rows, 0, 7),
    };
    return true;
}

bool task_status_is_final(const char *status)
{
    static const char *const finals[] = {"SUCCESS", "ERRORED", "KILLED", "SKIPPED"};
    for (size_t i = 0; i < sizeof finals / sizeof *finals; i++)
        if (strcmp(finals[i], status) == 0)
            return true;
    return false;
}
