/* pmp.programme_documents: programme documents with their partners, persons, periods, results and indicators. */
#include "tasks/pmp/pmp.h"

static const struct pmp_sync sync = {
    .handler = "pmp.programme_documents",
    .list = "/prp/v1/interventions/?",
    .page_size = PMP_DOCUMENTS_PAGE,
    .incremental = true,
    .read = pmp_read_document,
    .steps = pmp_document_steps,
    .deactivate = pmp_deactivate_documents,
};

static bool run(struct task *task, const void *args, struct err *e)
{
    return pmp_run_all(task, &sync, args, e);
}

const struct handler handler_pmp_programme_documents = {
    .name = "pmp.programme_documents",
    .summary = "Copy programme documents and their indicators from PMP",
    .queue = "sync",
    .fields = pmp_document_fields,
    .args_size = sizeof(struct pmp_args),
    .run = run,
    .limit = {.soft = HOURS(4), .hard = HOURS(4) + MINUTES(10)}, /* the server can take minutes a page */
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
