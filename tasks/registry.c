/* registry: one row a handler, in alphabetical order. */
#include "tasks/registry.h"
#ifdef DRUMBEAT_KAFKA
#include "tasks/akvo/akvo.h"
#endif
#include "tasks/carto/carto.h"
#include "tasks/dhis2/dhis2.h"
#include "tasks/hact/hact.h"
#include "tasks/ocha/ocha.h"
#include "tasks/pmp/pmp.h"
#include "tasks/prp/prp.h"
#include "tasks/tpm/tpm.h"
#include "tasks/trial/trial.h"
#include "tasks/vision/vision.h"

#include <string.h>

const struct handler *const handlers_all[] = {
#ifdef DRUMBEAT_KAFKA
    &handler_akvo_datapoints,
#endif
    &handler_carto_all,
    &handler_carto_locations,
    &handler_crash,
    &handler_dhis2_export_org_units,
    &handler_dhis2_export_values,
    &handler_dhis2_org_units,
    &handler_echo,
    &handler_effect,
    &handler_fail,
    &handler_hact_aggregate,
    &handler_hact_summary,
    &handler_hact_values,
    &handler_hog,
    &handler_noop,
    &handler_ocha_funding,
    &handler_ocha_partners,
    &handler_ocha_plans,
    &handler_ocha_project,
    &handler_ocha_project_details,
    &handler_ocha_projects,
    &handler_ocha_response_plan,
    &handler_ocha_response_plan_details,
    &handler_pmp_government_documents,
    &handler_pmp_locations,
    &handler_pmp_partners,
    &handler_pmp_programme_documents,
    &handler_pmp_workspaces,
    &handler_prp_bulk_delete_locations,
    &handler_prp_due_reports,
    &handler_prp_notify_due,
    &handler_prp_notify_overdue,
    &handler_prp_period_reports,
    &handler_sleep,
    &handler_snooze,
    &handler_tpm_partners,
    &handler_tpm_purchase_orders,
    &handler_vision_dct,
    &handler_vision_delegated_frs,
    &handler_vision_ewp,
    &handler_vision_face_forms,
    &handler_vision_fund_commitment,
    &handler_vision_fund_reservation,
    &handler_vision_notify_hidden,
    &handler_vision_partner,
    &handler_vision_programme,
    &handler_vision_ram,
    &handler_vision_send_document,
    &handler_vision_sync,
    NULL,
};

/* Known, but not in this build. */
static const struct left_out {
    const char *name, *why;
} left_out[] = {
#ifndef DRUMBEAT_KAFKA
    {"akvo.datapoints", "this program was built without librdkafka"},
#endif
    {0},
};

const struct handler *handler_find(const char *name)
{
    for (const struct handler *const *h = handlers_all; *h; h++)
        if (strcmp((*h)->name, name) == 0)
            return *h;
    return NULL;
}

bool handler_missing(const char *name, struct err *e)
{
    for (const struct left_out *l = left_out; l->name; l++)
        if (strcmp(l->name, name) == 0)
            return err_set(e, ERR_NOT_FOUND, "handler '%s' is left out: %s", name, l->why);
    return err_set(e, ERR_NOT_FOUND, "there is no handler '%s' (drumbeat handlers lists them)", name);
}
