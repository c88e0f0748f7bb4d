/* effect: one row, written in the transaction that settles. */
#include "tasks/trial/trial.h"

struct args {
    const char *key;
};

static const struct field fields[] = {
    STR_FIELD(struct args, key, .help = "goes into the row"),
    {0},
};

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    return task_sql(task, &sql_trial_effect, e, pg_uuid(task_id(task)), pg_int(task_attempt(task)), pg_text(args->key));
}

const struct handler handler_effect = {
    .name = "effect",
    .summary = "Insert one row into drumbeat.trial_effect",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
};
