/* keeper_results: the files of large results have a lifetime, and somebody has to end it. */
#include "common/store/result.h"
#include "worker/keeper_inside.h"

static const usec_t prune_every = MINUTES(1), prune_again = MSEC(200);

enum { PRUNE_MAX = 200 }; /* files at once: the lease does not wait for a slow disk */

void keeper_prune_results(struct keeper *k)
{
    const char *root = k->config->results.root;
    struct err e;
    size_t removed = 0;
    if (!root || clock_boot() < k->results_at)
        return;
    bool good = result_prune(root, clock_now(), PRUNE_MAX, &removed, &e);
    if (!good)
        log_warning("keeper.results_not_pruned", LOG_ERR(&e));
    else if (removed > 0)
        log_info("keeper.results_pruned", LOG_INT("files", (int64_t)removed));
    k->results_at = clock_boot() + (good && removed >= PRUNE_MAX ? prune_again : prune_every / 2 + jitter(prune_every));
}
