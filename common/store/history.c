/* history: shelves ahead, and forgetting. */
#include "common/store/history.h"
#include "sql/queries.h"

#include <string.h>

/* So that what is due goes soon, and yet no query meets many shelves. */
static usec_t shelf_width(usec_t shortest)
{
    static const usec_t least = HOURS(1), most = DAYS(28);
    usec_t width = shortest / 3;
    return shortest == 0 || width > most ? most : width < least ? least : width;
}

bool history_ahead(struct pg *pg, usec_t shortest, struct err *e)
{
    return (pg_exec(pg, &sql_shelve_ahead, NULL, e, pg_duration(shelf_width(shortest))) && pg_exec(pg, &sql_weigh_history, NULL, e)) ||
           err_add(e, "looking after the history");
}

static enum history_state state_of(const char *name)
{
    static const struct {
        const char *name;
        enum history_state state;
    } table[] = {{"idle", HISTORY_IDLE},   {"busy", HISTORY_BUSY},    {"later", HISTORY_LATER},    {"begun", HISTORY_GOING},
                 {"copied", HISTORY_GOING}, {"swapped", HISTORY_GOING}, {"dropped", HISTORY_DROPPED}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].state;
    return HISTORY_IDLE;
}

bool history_step(struct pg *pg, const char *policy, int most, struct history_step *step, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_prune, &rows, e, pg_json(policy), pg_int(most)))
        return err_add(e, "forgetting");
    *step = (struct history_step){state_of(pg_get_text(&rows, 0, 0)), pg_get_int(&rows, 0, 1), pg_get_int(&rows, 0, 2)};
    return true;
}
