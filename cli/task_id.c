/* task_id: a beginning is the range from all digits 0 behind it to all digits f. */
#include "cli/task_id.h"
#include "sql/queries.h"

#include <string.h>

/* `typed` filled up with `digit` to the length of a UUID, hyphens where they belong. */
static bool fill_up(const char *typed, char digit, struct uuid *out)
{
    char text[UUID_TEXT_MAX];
    size_t length = strlen(typed);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        text[i] = i < length ? typed[i] : hyphen ? '-' : digit;
    }
    text[sizeof text - 1] = '\0';
    return length < sizeof text && uuid_parse(text, out);
}

static bool read_id(struct pg *pg, const struct sql *prefix, const char *what, const char *typed, struct uuid *id, struct err *e)
{
    struct uuid low, high;
    struct pg_rows rows;
    if (uuid_parse(typed, id))
        return true;
    if (strlen(typed) < TASK_PREFIX_MIN || !fill_up(typed, '0', &low) || !fill_up(typed, 'f', &high))
        return err_set(e, ERR_USAGE, "'%s' is not a %s id (a UUID, or at least %d digits of its beginning)", typed, what, TASK_PREFIX_MIN);
    if (!pg_exec(pg, prefix, &rows, e, pg_uuid(low), pg_uuid(high)))
        return false;
    if (rows.count == 0)
        return err_set(e, ERR_NOT_FOUND, "no %s's id begins with %s", what, typed);
    if (rows.count > 1)
        return err_set(e, ERR_USAGE, "more than one %s's id begins with %s (give more digits)", what, typed);
    *id = pg_get_uuid(&rows, 0, 0);
    return true;
}

bool task_id_read(struct pg *pg, const char *typed, struct uuid *id, struct err *e)
{
    return read_id(pg, &sql_task_prefix, "task", typed, id, e);
}

bool batch_id_read(struct pg *pg, const char *typed, struct uuid *id, struct err *e)
{
    return read_id(pg, &sql_batch_prefix, "batch", typed, id, e);
}
