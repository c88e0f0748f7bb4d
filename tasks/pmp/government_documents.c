/* pmp.government_documents: programme documents of government partners; they come without indicators. */
#include "tasks/pmp/pmp.h"

static const struct pmp_sync sync = {
    .handler = "pmp.government_documents",
    .list = "/gdd/prp-gdds/?",
    .page_size = PMP_DOCUMENTS_PAGE,
    .incremental = true,
    .government = true,
    .read = pmp_read_document,
    .steps = pmp_document_steps,
    .deactivate = pmp_deactivate_documents,
};

static bool run(struct task *task, const void *args, struct err *e)
{
    return pmp_run_all(task, &sync, args, e);
}

const struct handler handler_pmp_government_documents = {
    .name = "pmp.government_documents",
    .summary = "Copy documents of government partners from PMP",
    .queue = "sync",
    .fields = pmp_document_fields,
    .args_size = sizeof(struct pmp_args),
    .run = run,
    .limit = {.soft = HOURS(4), .hard = HOURS(4) + MINUTES(10)}, /* the server can take minutes a page */
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
