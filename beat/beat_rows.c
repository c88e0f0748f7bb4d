/* beat_rows: definitions as they are in the table, and what the store is told of them. */
#include "beat/beat_inside.h"
#include "common/base/log.h"

#include <stdlib.h>

static void add_place(struct beat *b, const struct schedule_row *row, usec_t next, const char *problem)
{
    b->places[b->place_count++] = (struct placement){.name = mem_strdup(row->rule.name),
                                                     .revision = row->revision,
                                                     .next = next,
                                                     .problem = problem ? mem_strdup(problem) : NULL};
}

void beat_take_row(void *data, const struct schedule_row *row)
{
    struct beat *b = data;
    struct err e;
    usec_t next;
    if (!scheduler_put(b->scheduler, row, &next, &e)) {
        log_warning("schedule.problem", LOG_STR("schedule", row->rule.name), LOG_ERR(&e));
        add_place(b, row, 0, e.text);
    } else if (row->active && next != row->next_tick) {
        add_place(b, row, next, NULL);
    }
}

void beat_forget_places(struct beat *b)
{
    for (size_t i = 0; i < b->place_count; i++) {
        free(b->places[i].name);
        free(b->places[i].problem);
    }
    b->place_count = 0;
}

bool beat_write_places(struct beat *b, struct err *e)
{
    bool good = !b->leads || b->place_count == 0 || store_place(b->pg, b->places, b->place_count, e);
    beat_forget_places(b);
    return good;
}

bool beat_read_changes(struct beat *b, struct err *e)
{
    size_t count;
    do {
        if (!store_changes(b->pg, &b->revision, beat_take_row, b, &count, e) || !beat_write_places(b, e))
            return false;
        b->more_changes = count == STORE_PAGE;
    } while (b->more_changes && !b->leads);
    return true;
}
