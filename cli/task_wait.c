/* task_wait: looking again and again. */
#include "cli/task_wait.h"

#include <poll.h>

/* Sleep, or until a signal comes. */
static void rest(usec_t pause)
{
    poll(NULL, 0, (int)((pause + 999) / 1000));
}

static usec_t earlier(usec_t pause, usec_t deadline)
{
    usec_t left = deadline - clock_boot();
    if (deadline == 0 || left > pause)
        return pause;
    return left > 0 ? left : 0;
}

/* A look that failed because the server is away is not the end. */
static bool look(struct session *s, struct uuid id, struct task_state *state, bool *seen, struct err *e)
{
    *seen = false;
    if (!pg_alive(s->pg)) {
        pg_close(s->pg);
        s->pg = NULL;
        if (!session_connect(s, e))
            return e->kind == ERR_UNREACHABLE;
    }
    *seen = task_look(s->pg, id, state, e);
    return *seen || e->kind == ERR_UNREACHABLE || e->kind == ERR_UNCERTAIN;
}

bool task_wait(struct session *s, struct task_watch *watch, struct task_state *state, struct err *e)
{
    usec_t pause = WATCH_FIRST, longest = watch->longest ? watch->longest : WATCH_LAST;
    bool seen, over = false;
    *state = (struct task_state){.status = "QUEUED"};
    while (!over) {
        if (!look(s, watch->id, state, &seen, e))
            return false;
        over = (seen && task_status_is_final(state->status)) || (watch->deadline && clock_boot() >= watch->deadline);
        if (watch->seen && !watch->seen(watch->data, seen ? state : NULL))
            return true;
        if (!over)
            rest(earlier(pause, watch->deadline));
        pause = pause * 3 / 2 < longest ? pause * 3 / 2 : longest;
    }
    return true;
}
