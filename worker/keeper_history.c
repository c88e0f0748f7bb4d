/* keeper_history: shelves for the time to come, and forgetting what is over, a small step at a time. */
#include "common/store/history.h"
#include "worker/keeper_inside.h"

static const usec_t look_every = MINUTES(1), step_pause = MSEC(200);

enum { STEP = 2000 }; /* tasks: the lease does not wait for more */

/* A worker that lives for seconds leaves it to others. */
void keeper_plan_history(struct keeper *k)
{
    k->history_at = clock_boot() + SECONDS(2) + jitter(SECONDS(8));
}

bool keeper_history(struct keeper *k, struct err *e)
{
    CLEANUP(text_free) struct text policy = {0};
    struct history_step step;
    if (clock_boot() < k->history_at)
        return true;
    usec_t shortest = config_history(k->config, &policy);
    if (!history_ahead(k->pg, shortest, e) || !history_step(k->pg, text_str(&policy), STEP, &step, e))
        return false;
    if (step.state == HISTORY_DROPPED)
        log_info("keeper.history_pruned", LOG_INT("tasks", step.seen - step.kept), LOG_INT("kept", step.kept));
    bool more = step.state == HISTORY_GOING || step.state == HISTORY_DROPPED;
    k->history_at = clock_boot() + (more ? step_pause : look_every / 2 + jitter(look_every));
    return true;
}
