/* schedule: the questions, a statement each. */
#include "beat/schedule.h"
#include "beat/store.h"
#include "sql/queries.h"

static bool not_found(const char *name, struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "there is no schedule '%s'", name);
}

bool schedule_list(struct pg *pg, bool retired, struct pg_rows *rows, struct err *e)
{
    return pg_exec(pg, &sql_schedule_ls, rows, e, pg_bool(retired));
}

bool schedule_show(struct pg *pg, const char *name, struct pg_rows *rows, struct err *e)
{
    return pg_exec(pg, &sql_schedule_show, rows, e, pg_text(name)) && (rows->count > 0 || not_found(name, e));
}

bool schedule_history(struct pg *pg, const char *name, size_t max, struct pg_rows *rows, struct err *e)
{
    return schedule_show(pg, name, rows, e) &&
           pg_exec(pg, &sql_schedule_history, rows, e, pg_text(name), pg_int((int64_t)max));
}

struct next_ticks {
    usec_t from;
    size_t max;
    schedule_take *take;
    void *data;
    bool good;
    struct err *e;
};

static void give_ticks(const struct next_ticks *n, const struct rule *rule)
{
    CLEANUP(text_free) struct text note = {0};
    char local[CLOCK_TEXT_MAX];
    usec_t before = n->from, tick;
    for (size_t i = 0; i < n->max && rule_next(rule, before, &tick); i++, before = tick) {
        text_reset(&note);
        rule_describe(rule, before, tick, local, &note);
        n->take(n->data, tick, local, text_str(&note));
    }
}

/* A row that does not exist has no expressions. */
static void find_ticks(void *data, const struct schedule_row *row)
{
    struct next_ticks *n = data;
    if (row->rule.specs[0] == '\0') {
        n->good = not_found(row->rule.name, n->e);
        return;
    }
    struct rule *rule = rule_parse(&row->rule, n->e);
    n->good = rule != NULL;
    if (rule)
        give_ticks(n, rule);
    rule_free(rule);
}

bool schedule_next(struct pg *pg, const char *name, usec_t from, size_t max, schedule_take *take, void *data, struct err *e)
{
    struct next_ticks n = {.from = from, .max = max, .take = take, .data = data, .e = e};
    return store_rows(pg, &name, 1, find_ticks, &n, e) && n.good;
}

/* What pause and resume answered: false can mean two things. */
static bool check_changed(struct pg *pg, const char *name, const struct pg_rows *rows, const char *state, struct err *e)
{
    struct pg_rows found;
    if (pg_get_bool(rows, 0, 0))
        return true;
    return schedule_show(pg, name, &found, e) && err_set(e, ERR_REFUSED, "schedule '%s' is %s", name, state);
}

bool schedule_pause(struct pg *pg, const char *name, const char *reason, const char *author, struct err *e)
{
    struct pg_rows rows;
    return pg_exec(pg, &sql_schedule_pause, &rows, e, pg_text(name), pg_text(reason), pg_text(author)) &&
           check_changed(pg, name, &rows, "paused already", e);
}

bool schedule_resume(struct pg *pg, const char *name, struct err *e)
{
    struct pg_rows rows;
    return pg_exec(pg, &sql_schedule_resume, &rows, e, pg_text(name)) &&
           check_changed(pg, name, &rows, "not paused", e);
}

bool schedule_herd(struct pg *pg, usec_t *at, int64_t *count, struct err *e)
{
    struct pg_rows rows;
    *count = 0;
    if (!pg_exec(pg, &sql_schedule_herd, &rows, e, pg_int(SCHEDULE_HERD)))
        return false;
    if (rows.count > 0) {
        *at = pg_get_time(&rows, 0, 0);
        *count = pg_get_int(&rows, 0, 1);
    }
    return true;
}

bool schedule_trigger(struct pg *pg, const char *name, struct uuid *task, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_schedule_trigger, &rows, e, pg_text(name)))
        return false;
    *task = pg_get_uuid(&rows, 0, 0);
    return !pg_is_null(&rows, 0, 0) || not_found(name, e);
}
