/* project_version: one version of a project, the one that is published, with its clusters and places. */
#include "tasks/ocha/ocha.h"

#include <string.h>

/* The version that data.currentPublishedVersionId names. NULL: there is none. */
static const struct js *published(const struct js *data, struct err *e)
{
    char wanted[OCHA_ID_MAX], id[OCHA_ID_MAX];
    const struct js *versions = js_get(data, "projectVersions");
    if (!*ocha_id(js_get(data, "currentPublishedVersionId"), wanted)) {
        record_refuse(NULL, "currentPublishedVersionId", e, "no version is published");
        return NULL;
    }
    for (size_t i = 0; i < js_count(versions); i++)
        if (strcmp(ocha_id(js_get(js_at(versions, i), "id"), id), wanted) == 0)
            return js_at(versions, i);
    record_refuse(NULL, "currentPublishedVersionId", e, "%s is not among the versions", wanted);
    return NULL;
}

/* The web sites of its contacts, with commas between. */
static void add_websites(struct row *row, const struct js *contacts)
{
    struct text sites CLEANUP(text_free) = {0};
    for (size_t i = 0; i < js_count(contacts); i++) {
        const char *site = js_text(js_get(js_at(contacts, i), "website"));
        if (site && *site)
            text_printf(&sites, "%s%s", sites.len > 0 ? ", " : "", site);
    }
    row_text(row, "additional_information", text_str(&sites));
}

static void add_organization(struct row *row, const struct js *organization)
{
    char id[OCHA_ID_MAX];
    row_text(row, "organization", *ocha_id(js_get(organization, "id"), id) ? id : NULL);
    row_text(row, "organization_name", js_text(js_get(organization, "name")));
}

static bool stage_version(struct ocha_run *run, const struct js *data, const struct js *version, int number, struct err *e)
{
    static const struct column columns[] = {
        {"title", "name", COLUMN_TEXT, .required = true, .max = 1024, .cut = true},
        {"description", "objective", COLUMN_TEXT, .max = 5120, .cut = true},
        {"requested_funds", "currentRequestedFunds", COLUMN_AMOUNT},
        {"start_date", "startDate", COLUMN_DAY},
        {"end_date", "endDate", COLUMN_DAY},
        {0},
    };
    static const struct column code[] = {{"code", NULL, COLUMN_TEXT, .max = 1024}, {0}};
    static const struct place place = {.member = "projectVersions", .index = -1};
    row_reset(&run->row);
    row_text(&run->row, "external_id", run->id);
    row_int(&run->row, "partner", run->partner);
    add_websites(&run->row, js_get(version, "contacts"));
    add_organization(&run->row, js_at(js_get(version, "organizations"), 0));
    bool outer = !js_is_null(js_get(data, "code"));
    return record_read(version, columns, &place, &run->row, e) && record_read(outer ? data : version, code, &place, &run->row, e) &&
           ocha_stage(run, number, "project", e);
}

/* Plans that the version belongs to, as a JSON array of ids, for those that are to be asked for. */
static void note_plans(struct ocha_run *run, const struct js *plans)
{
    int64_t id;
    text_reset(&run->plans);
    text_putc(&run->plans, '[');
    for (size_t i = 0; i < js_count(plans); i++)
        if (js_integer(js_get(js_at(plans, i), "id"), &id))
            text_printf(&run->plans, "%s%" PRId64, run->plans.len > 1 ? "," : "", id);
    text_putc(&run->plans, ']');
}

/* Clusters of plans; `global`: those of all plans, which stand for them when none of the plans' is known. */
static bool stage_clusters(struct ocha_run *run, const struct js *list, const char *plan, int number, struct err *e)
{
    char id[OCHA_ID_MAX];
    for (size_t i = 0; i < js_count(list); i++) {
        const struct js *cluster = js_at(list, i);
        row_reset(&run->row);
        row_text(&run->row, "project", run->id);
        row_text(&run->row, "external_id", plan ? NULL : ocha_id(js_get(cluster, "id"), id));
        row_text(&run->row, "name", js_text(js_get(cluster, "name")));
        row_text(&run->row, "plan", plan);
        if (!ocha_stage(run, number, plan ? "global_cluster" : "cluster", e))
            return false;
    }
    return true;
}

/* A place that cannot be read is noted, and the project comes without. */
static bool stage_places(struct ocha_run *run, const struct js *places, int number, struct err *e)
{
    for (size_t i = 0; i < js_count(places); i++) {
        struct err why;
        row_reset(&run->row);
        if (ocha_read_place(run, js_at(places, i), number, &why) == OCHA_READ)
            continue;
        if (why.kind != ERR_DATA) {
            *e = why;
            return false;
        }
        err_add(&why, "locations[%zu]", i);
        report_note(&run->report, why.text);
    }
    return true;
}

static enum ocha_read read_project(struct ocha_run *run, const struct js *data, int number, struct err *e)
{
    char plan[OCHA_ID_MAX];
    const struct js *version = published(data, e);
    if (!version)
        return OCHA_BAD;
    const struct js *plans = js_get(version, "plans");
    note_plans(run, plans);
    ocha_id(js_get(js_at(plans, 0), "id"), plan);
    bool good = stage_version(run, data, version, number, e) && stage_places(run, js_get(version, "locations"), number, e) &&
                stage_clusters(run, js_get(version, "governingEntities"), NULL, number, e) &&
                (!run->global_clusters || stage_clusters(run, js_get(version, "globalClusters"), plan, number, e));
    return good ? OCHA_READ : OCHA_BAD;
}

bool ocha_copy_project(struct ocha_run *run, struct err *e)
{
    static const struct ocha_list list = {read_project, "id", NULL, true};
    struct text target CLEANUP(text_free) = {0};
    text_printf(&target, "/v2/public/project/%s", run->id);
    struct records *answer CLEANUP(records_freep) = ocha_ask(run, text_str(&target), "data", e);
    return answer && ocha_read(run, answer, &list, e) && ocha_move(run, &list, e) &&
           (run->report.failed == 0 || err_set(e, ERR_DATA, "project %s: %s", run->id, *run->why.text ? run->why.text : "it cannot be written"));
}
