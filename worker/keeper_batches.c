/* keeper_batches: what children could not decide about batches. A bell says that there is something; the round of each second looks for bells
 * that were lost, and a slow sweep for whatever nobody thought of. */
#include "worker/keeper_inside.h"

enum { FINISH_MAX = 100, SWEEP_MAX = 1000 };

static const usec_t again_first = MSEC(2), again_cap = SECONDS(1), sweep_every = SECONDS(20);

void keeper_hear_batch(struct keeper *k)
{
    k->batches_at = clock_boot();
    k->batches_pause = 0;
}

void keeper_see_batches(struct keeper *k)
{
    if (!k->batches_at)
        k->batches_at = clock_boot();
}

bool keeper_batches(struct keeper *k, struct err *e)
{
    struct pg_rows rows;
    usec_t now = clock_boot();
    if (now >= k->sweep_at) {
        if (k->sweep_at && !pg_exec(k->pg, &sql_sweep_batches, NULL, e, pg_int(SWEEP_MAX)))
            return err_add(e, "sweeping batches");
        k->sweep_at = now + sweep_every / 2 + jitter(sweep_every);
    }
    if (!k->batches_at || now < k->batches_at)
        return true;
    if (!pg_exec(k->pg, &sql_finish_batches, &rows, e, pg_int(FINISH_MAX)))
        return err_add(e, "finishing batches");
    k->batches_at = 0;
    if (pg_get_int(&rows, 0, 0) > 0) {
        k->batches_pause = k->batches_pause == 0 ? again_first : k->batches_pause * 2 < again_cap ? k->batches_pause * 2 : again_cap;
        k->batches_at = clock_boot() + k->batches_pause;
    }
    return true;
}
