/* project: the projects of a plan, the flows of money to them, and organizations. A plan has OCHA_PROJECTS projects, plan * 100 and on; every other flow of
 * a plan goes to one of them. */
#include "sandbox/ocha/ocha.h"

#include "sandbox/dice.h"
#include "sandbox/pmp/names.h"
#include "sandbox/write.h"
#include <inttypes.h>
#include <stdio.h>

enum { FLOWS_SMALL = 450, FLOWS_FULL = 9000, ORGANIZATIONS_SMALL = 300, ORGANIZATIONS_FULL = 12000, USES = 3 };

bool ocha_has_project(const struct ocha *o, int64_t project)
{
    return ocha_has_plan(o, project / 100) && project % 100 < OCHA_PROJECTS;
}

static void organization_name(const struct ocha *o, int64_t organization, char *out, size_t room)
{
    name_organisation(dice_hash(o->seed, 23, (uint64_t)organization, 0), out, room);
}

static void write_code(int64_t project, struct text *out)
{
    write_textf(out, "code", "H%03d-HEA;NUT-%" PRId64 "-1", (int)(project / 100), project);
}

static void write_clusters_of(const struct ocha *o, int64_t project, struct text *out)
{
    char name[NAME_MAX_LENGTH];
    int64_t plan = project / 100;
    bool global = project % 5 == 4; /* has none of the plan's */
    write_open(out, "governingEntities", '[');
    for (int i = 0; i < 2 && !global; i++) {
        write_open(out, NULL, '{');
        write_int(out, "id", plan * 100 + (project + i) % 4);
        write_int(out, "entityPrototypeId", 9);
        write_text(out, "entityType", "CL");
        write_close(out, '}');
    }
    write_close(out, ']');
    write_open(out, "globalClusters", '[');
    for (int i = 0; i < 2; i++) {
        ocha_write_cluster_name(o, plan, 50 + i, name, sizeof name);
        write_open(out, NULL, '{');
        write_int(out, "id", 7 + i);
        write_text(out, "name", name);
        write_close(out, '}');
    }
    write_close(out, ']');
}

static void write_people(const struct ocha *o, int64_t project, struct text *out)
{
    char name[NAME_MAX_LENGTH];
    int64_t organization = 1 + project % 100;
    organization_name(o, organization, name, sizeof name);
    write_open(out, "organizations", '[');
    write_open(out, NULL, '{');
    write_int(out, "id", organization);
    write_text(out, "name", name);
    write_close(out, '}');
    write_close(out, ']');
    write_open(out, "contacts", '[');
    for (int i = 0; i < 3; i++) {
        write_open(out, NULL, '{');
        write_text(out, "website", "");
        if (i == 1) {
            out->len -= 2;
            text_printf(out, "\"www.project%" PRId64 ".example.org\"", project);
        }
        write_close(out, '}');
    }
    write_close(out, ']');
}

static void write_name(const struct ocha *o, int64_t project, struct text *out)
{
    char title[TITLE_MAX_LENGTH];
    title_document(dice_hash(o->seed, 29, (uint64_t)project, 0), "the plan", title, sizeof title);
    write_text(out, "name", title);
    write_code(project, out);
}

void ocha_write_projects(const struct ocha *o, int64_t plan, struct text *out)
{
    write_open(out, NULL, '[');
    for (int64_t project = plan * 100; ocha_has_project(o, project); project++) {
        write_open(out, NULL, '{');
        write_int(out, "id", project);
        write_name(o, project, out);
        write_close(out, '}');
    }
    write_close(out, ']');
}

static void write_version(const struct ocha *o, int64_t project, int64_t version, struct text *out)
{
    int64_t plan = project / 100;
    write_open(out, NULL, '{');
    write_int(out, "id", version);
    write_int(out, "projectId", project);
    write_name(o, project, out);
    write_textf(out, "currentRequestedFunds", "%" PRId64, 1000000 + project);
    write_text(out, "startDate", "2019-01-01T00:00:00.000Z");
    write_textf(out, "endDate", "%d-12-31T00:00:00.000Z", project % 3 == 0 ? 2019 : 2099);
    write_text(out, "objective", project % 7 == 6 ? NULL : "To reach those who need it.");
    write_people(o, project, out);
    write_clusters_of(o, project, out);
    write_open(out, "plans", '[');
    write_open(out, NULL, '{');
    write_int(out, "id", plan);
    write_close(out, '}');
    write_close(out, ']');
    write_open(out, "locations", '[');
    for (int i = 0; i < 3; i++)
        ocha_write_place(o, plan, i == 0 ? 0 : 1 + (int)(project + i) % 4, out);
    write_close(out, ']');
    write_open(out, "attachments", '[');
    write_open(out, NULL, '{');
    write_open(out, "value", '{');
    text_puts(out, "\"targets\":[[\"\",\"\",\"\"],[\"\",\"\",\"\"]]");
    write_close(out, '}');
    write_close(out, '}');
    write_close(out, ']');
    write_close(out, '}');
}

void ocha_write_project(struct ocha *o, int64_t project, struct text *out)
{
    const struct occasion occasion = {.offset = -1, .id = project};
    write_open(out, NULL, '{');
    write_int(out, "id", project);
    if (quirks_marks(o->quirks, QUIRK_UNPUBLISHED, &occasion))
        write_null(out, "currentPublishedVersionId");
    else
        write_int(out, "currentPublishedVersionId", project * 10 + 1);
    write_open(out, "projectVersions", '[');
    write_version(o, project, project * 10, out);
    write_version(o, project, project * 10 + 1, out);
    write_close(out, ']');
    write_bool(out, "visible", true);
    write_close(out, '}');
}

void ocha_write_uses(const struct ocha *o, int64_t project, struct text *out)
{
    int64_t plan = project / 100;
    write_open(out, NULL, '[');
    for (int i = 0; i < USES; i++) {
        int64_t activity = ocha_activity(plan, (int)((project + i) % 12));
        write_open(out, NULL, '{');
        write_int(out, "attachmentId", activity * 10 + 1);
        text_puts(out, ",\"attachment\":");
        ocha_write_attachment(o, activity, 1, true, out);
        write_close(out, '}');
    }
    write_close(out, ']');
}

/* Flows ----------------------------------------------------------------------------------------------------------------------- */

/* Number `n` of those of a project stands at this place of its plan's. */
static int64_t place_of(int64_t project, int64_t n)
{
    return 2 * (project % 100 + OCHA_PROJECTS * n);
}

int64_t ocha_flows(const struct ocha *o, int64_t plan, int64_t project)
{
    int64_t all = o->full ? FLOWS_FULL : FLOWS_SMALL, count = 0;
    if (plan >= 0)
        return ocha_has_plan(o, plan) ? all : 0;
    while (ocha_has_project(o, project) && place_of(project, count) < all)
        count++;
    return count;
}

static void write_object(struct text *out, const char *type, int64_t id, const char *name)
{
    write_open(out, NULL, '{');
    write_text(out, "type", type);
    write_textf(out, "id", "%" PRId64, id);
    write_text(out, "name", name);
    write_text(out, "behavior", "single");
}

static void write_objects(const struct ocha *o, int64_t plan, int64_t number, struct text *out)
{
    char name[NAME_MAX_LENGTH];
    int64_t donor = 1 + number % 40, project = plan * 100 + number / 2 % OCHA_PROJECTS;
    organization_name(o, donor, name, sizeof name);
    write_open(out, "sourceObjects", '[');
    write_object(out, "Organization", donor, name);
    write_close(out, '}');
    write_object(out, "UsageYear", 40, "2019");
    write_close(out, '}');
    write_close(out, ']');
    write_open(out, "destinationObjects", '[');
    write_object(out, "Plan", plan, "the plan");
    write_close(out, '}');
    if (number % 2 == 0) {
        write_object(out, "Project", project, "a project");
        write_code(project, out);
        write_close(out, '}');
    }
    write_close(out, ']');
}

void ocha_write_flow(struct ocha *o, int64_t plan, int64_t project, int64_t number, struct text *out)
{
    int64_t of = plan >= 0 ? plan : project / 100, at = plan >= 0 ? number : place_of(project, number), id = of * 10000 + at;
    const struct occasion occasion = {.offset = -1, .id = id};
    struct dice d = dice_new(dice_hash(o->seed, 31, (uint64_t)id, 0));
    int64_t amount = dice_between(&d, 1000, 5000000);
    write_open(out, NULL, '{');
    write_textf(out, "id", "%" PRId64, id);
    if (quirks_marks(o->quirks, QUIRK_BAD_FLOWS, &occasion))
        write_text(out, "amountUSD", "much");
    else
        text_printf(out, id % 4 == 0 ? ",\"amountUSD\":%" PRId64 ".75" : ",\"amountUSD\":%" PRId64, amount);
    write_text(out, "budgetYear", id % 3 == 0 ? "2019" : NULL);
    write_null(out, "childFlowIds");
    write_text(out, "contributionType", "financial");
    write_text(out, "createdAt", "2019-07-30T04:25:29.775Z");
    write_text(out, "date", "2019-06-19T00:00:00Z");
    write_text(out, "decisionDate", id % 2 == 0 ? "2019-06-19T00:00:00Z" : NULL);
    write_text(out, "description", "Humanitarian assistance");
    write_null(out, "grandBargainEarmarkingType");
    write_null(out, "exchangeRate");
    write_text(out, "firstReportedDate", "2019-06-19T00:00:00Z");
    write_text(out, "flowType", "Standard");
    write_null(out, "keywords");
    write_bool(out, "newMoney", true);
    write_text(out, "method", "Traditional aid");
    write_null(out, "parentFlowId");
    write_text(out, "status", "paid");
    write_text(out, "updatedAt", "2019-07-30T07:43:31.102Z");
    write_int(out, "versionId", 1);
    write_objects(o, of, at, out);
    write_text(out, "boundary", "incoming");
    write_text(out, "onBoundary", "single");
    write_open(out, "reportDetails", '[');
    write_close(out, ']');
    write_close(out, '}');
}

void ocha_write_organizations(const struct ocha *o, struct text *out)
{
    char name[NAME_MAX_LENGTH], initials[NAME_MAX_LENGTH];
    int64_t count = o->full ? ORGANIZATIONS_FULL : ORGANIZATIONS_SMALL;
    write_open(out, NULL, '[');
    for (int64_t i = 1; i <= count; i++) {
        organization_name(o, i, name, sizeof name);
        name_initials(name, initials, sizeof initials);
        write_open(out, NULL, '{');
        write_int(out, "id", i);
        write_text(out, "name", name);
        write_text(out, "nativeName", NULL);
        if (i % 5 == 0)
            write_null(out, "abbreviation");
        else
            write_textf(out, "abbreviation", "%s%" PRId64, initials, i);
        write_close(out, '}');
    }
    write_close(out, ']');
}
