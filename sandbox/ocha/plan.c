/* plan: a response plan with clusters, objectives, activities and their indicators. Ids follow from the plan's, so that whatever names one
 * names one that is there:
 *
 *     cluster  plan * 100 + number      strategic objective  plan * 10000 + number
 *     attachment  entity * 10 + number  objective  plan * 10000 + 100 + number      activity  plan * 10000 + 1000 + number */
#include "sandbox/ocha/ocha.h"

#include "sandbox/dice.h"
#include "sandbox/pmp/names.h"
#include "sandbox/write.h"
#include <inttypes.h>
#include <stdio.h>

enum { STRATEGIC = 2, GROUPS = 3, GROUP_SIZE = 4, REGIONS = 4 };

struct size {
    int plans, clusters, objectives, activities, attachments, places, matrix;
};

/* objectives: of a cluster; activities: of an objective; places and matrix: of an attachment. */
static const struct size small = {4, 4, 2, 3, 2, 3, 0}, full = {40, 12, 4, 6, 5, 20, 400};

static const struct size *size_of(const struct ocha *o)
{
    return o->full ? &full : &small;
}

bool ocha_has_plan(const struct ocha *o, int64_t plan)
{
    return plan >= OCHA_FIRST_PLAN && plan < OCHA_FIRST_PLAN + size_of(o)->plans;
}

int64_t ocha_activity(int64_t plan, int number)
{
    return plan * 10000 + 1000 + number;
}

void ocha_write_cluster_name(const struct ocha *o, int64_t plan, int number, char *out, size_t room)
{
    snprintf(out, room, "%s %d", name_section((dice_hash(o->seed, (uint64_t)plan, 7, 0) + (uint64_t)number) % NAME_SECTIONS), number + 1);
}

/* Number 0 is the country, 1 to 4 are its regions, the others districts. Now and then one has no code. */
void ocha_write_place(const struct ocha *o, int64_t plan, int number, struct text *out)
{
    char name[NAME_MAX_LENGTH];
    int64_t id = plan * 1000 + number;
    int level = number == 0 ? 0 : number <= REGIONS ? 1 : 2;
    name_place(dice_hash(o->seed, 11, (uint64_t)id, 0), name, sizeof name);
    write_open(out, NULL, '{');
    write_int(out, "id", id);
    write_textf(out, "externalId", "%" PRId64, id + 180);
    write_textf(out, "name", number ? "%s %d" : "%s", name, number);
    write_int(out, "adminLevel", level);
    text_printf(out, ",\"latitude\":%.6f,\"longitude\":%.6f", 10 + number * 0.125, 20 + number * 0.0625);
    if (level == 0)
        write_textf(out, "iso3", "S%02d", (int)(plan % 100));
    else
        write_null(out, "iso3");
    if (number % 10 == 9)
        write_null(out, "pcode");
    else
        write_textf(out, "pcode", "S%02d%03d", (int)(plan % 100), number);
    write_text(out, "validOn", number % 10 == 9 ? NULL : "1428451200000");
    write_text(out, "status", "active");
    if (level == 0)
        write_null(out, "parentId");
    else
        write_int(out, "parentId", level == 1 ? plan * 1000 : plan * 1000 + 1 + number % REGIONS);
    write_close(out, '}');
}

/* Attachments ----------------------------------------------------------------------------------------------------------------- */

static void write_total(const struct ocha *o, int64_t id, const char *type, const char *name, int64_t value, struct text *out)
{
    const struct occasion occasion = {.offset = -1, .id = id};
    write_open(out, NULL, '{');
    write_text(out, "type", type);
    write_open(out, "name", '{');
    write_text(out, "en", name);
    write_close(out, '}');
    if (!quirks_marks(o->quirks, QUIRK_ODD_TOTALS, &occasion))
        write_int(out, "value", value);
    else if (id % 3 == 0)
        write_text(out, "value", "");
    else
        write_textf(out, "value", "%" PRId64 ".50", value);
    write_close(out, '}');
}

static void write_totals(const struct ocha *o, int64_t id, struct text *out)
{
    const struct occasion occasion = {.offset = -1, .id = id};
    write_open(out, "totals", '[');
    write_total(o, id, "inNeed", "In Need", id % 100000, out);
    if (!quirks_marks(o->quirks, QUIRK_NO_BASELINE, &occasion))
        write_total(o, id, "baseline", "Baseline", id % 1000, out);
    write_total(o, id, "target", "Target", id % 10000, out);
    write_close(out, ']');
}

/* What is measured in each place, which importers leave alone and which makes answers large. */
static void write_matrix(const struct ocha *o, struct text *out)
{
    write_open(out, "dataMatrix", '[');
    for (int row = 0; row < size_of(o)->matrix; row++)
        text_printf(out, "%s[\"\",%d,%d,%d,%d,\"\",\"\",%d]", row ? "," : "", row, 100 * row, 37 * row, 7 * row, row * row);
    write_close(out, ']');
}

static void write_disaggregated(const struct ocha *o, int64_t id, struct text *out)
{
    char name[NAME_MAX_LENGTH];
    int64_t plan = id / 100000;
    write_open(out, "disaggregated", '{');
    write_open(out, "locations", '[');
    for (int i = 0; i < size_of(o)->places; i++) {
        int number = 1 + (int)((id + i) % (OCHA_PLACES - 1));
        int64_t place = plan * 1000 + number;
        name_place(dice_hash(o->seed, 11, (uint64_t)place, 0), name, sizeof name);
        write_open(out, NULL, '{');
        if (i % 2 == 0)
            write_int(out, "id", place);
        write_textf(out, "name", "%s %d", name, number);
        write_close(out, '}');
    }
    write_close(out, ']');
    write_open(out, "categories", '[');
    write_open(out, NULL, '{');
    text_printf(out, "\"ids\":[%d]", (int)(100 + 10 * (id % GROUPS) + id % GROUP_SIZE));
    write_close(out, '}');
    write_close(out, ']');
    write_matrix(o, out);
    write_close(out, '}');
}

void ocha_write_attachment(const struct ocha *o, int64_t entity, int number, bool measured, struct text *out)
{
    char title[TITLE_MAX_LENGTH];
    int64_t id = entity * 10 + number;
    const struct occasion occasion = {.offset = -1, .id = id};
    title_indicator(dice_hash(o->seed, 13, (uint64_t)id, 0), 0, title, sizeof title);
    write_open(out, NULL, '{');
    write_int(out, "id", id);
    write_int(out, "objectId", entity);
    write_text(out, "type", number == 0 && entity % 4 == 3 ? "caseLoad" : "indicator");
    write_open(out, "attachmentVersion", '{');
    write_int(out, "id", id + 5);
    write_open(out, "value", '{');
    if (quirks_marks(o->quirks, QUIRK_BAD_ATTACHMENTS, &occasion))
        write_int(out, "description", 7);
    else
        write_text(out, "description", title);
    if (measured) {
        write_open(out, "metrics", '{');
        write_open(out, "values", '{');
        write_totals(o, id, out);
        write_disaggregated(o, id, out);
        write_close(out, '}');
        write_close(out, '}');
    }
    write_close(out, '}');
    write_close(out, '}');
    write_close(out, '}');
}

/* Entities -------------------------------------------------------------------------------------------------------------------- */

struct entity {
    int64_t id, parent; /* parent 0: none */
    const char *ref_code;
    int64_t support; /* 0: none */
};

static void write_support(const struct ocha *o, const struct entity *entity, struct text *out)
{
    const struct occasion occasion = {.offset = -1, .id = entity->id};
    bool object = quirks_marks(o->quirks, QUIRK_SUPPORT_OBJECT, &occasion);
    write_open(out, "support", object ? '{' : '[');
    write_open(out, object ? "0" : NULL, '{');
    text_printf(out, "\"planEntityIds\":[%" PRId64 ",%" PRId64 "]", entity->support, entity->support + 1);
    write_close(out, '}');
    write_close(out, object ? '}' : ']');
}

static void write_entity(const struct ocha *o, int64_t plan, const struct entity *entity, bool measured, struct text *out)
{
    char title[TITLE_MAX_LENGTH];
    const struct occasion occasion = {.offset = -1, .id = entity->id};
    title_output(dice_hash(o->seed, 17, (uint64_t)entity->id, 0), (int)(entity->id % 1000), title, sizeof title);
    write_open(out, NULL, '{');
    write_int(out, "id", entity->id);
    write_int(out, "planId", plan);
    if (entity->parent)
        write_int(out, "parentId", quirks_marks(o->quirks, QUIRK_LOST_CLUSTERS, &occasion) ? 9 : entity->parent);
    else
        write_null(out, "parentId");
    write_open(out, "planEntityVersion", '{');
    write_open(out, "value", '{');
    write_text(out, "description", title);
    if (entity->support)
        write_support(o, entity, out);
    write_close(out, '}');
    write_close(out, '}');
    write_open(out, "entityPrototype", '{');
    write_text(out, "refCode", entity->ref_code);
    write_text(out, "type", "PE");
    write_close(out, '}');
    write_open(out, "attachments", '[');
    for (int i = 0; i < size_of(o)->attachments; i++)
        ocha_write_attachment(o, entity->id, i, measured, out);
    write_close(out, ']');
    write_close(out, '}');
}

static void write_entities(const struct ocha *o, int64_t plan, bool measured, struct text *out)
{
    const struct size *size = size_of(o);
    int objectives = size->clusters * size->objectives;
    write_open(out, "planEntities", '[');
    for (int i = 0; i < objectives * size->activities; i++) {
        int objective = i / size->activities;
        const struct entity activity = {ocha_activity(plan, i), plan * 100 + objective / size->objectives, "CA",
                                        i % 7 == 6 ? plan * 10000 + i % STRATEGIC : plan * 10000 + 100 + objective};
        write_entity(o, plan, &activity, measured, out);
    }
    for (int i = 0; i < objectives; i++) {
        const struct entity objective = {plan * 10000 + 100 + i, plan * 100 + i / size->objectives, "CO", 0};
        write_entity(o, plan, &objective, measured, out);
    }
    for (int i = 0; i < STRATEGIC; i++) {
        const struct entity objective = {plan * 10000 + i, 0, "SO", 0};
        write_entity(o, plan, &objective, measured, out);
    }
    write_close(out, ']');
}

static void write_clusters(const struct ocha *o, int64_t plan, struct text *out)
{
    char name[NAME_MAX_LENGTH];
    write_open(out, "governingEntities", '[');
    for (int i = 0; i <= size_of(o)->clusters; i++) {
        bool cluster = i < size_of(o)->clusters; /* the last one is of another prototype */
        ocha_write_cluster_name(o, plan, i, name, sizeof name);
        write_open(out, NULL, '{');
        write_int(out, "id", plan * 100 + i);
        write_int(out, "planId", plan);
        write_open(out, "governingEntityVersion", '{');
        write_text(out, "name", name);
        write_close(out, '}');
        write_open(out, "entityPrototype", '{');
        write_text(out, "refCode", cluster ? "CL" : "SP");
        write_text(out, "type", "GVE");
        write_close(out, '}');
        write_close(out, '}');
    }
    write_close(out, ']');
}

/* Some plans have no emergency, some no kind; the second is an appeal. */
static void write_kind(int64_t plan, struct text *out)
{
    write_open(out, "emergencies", '[');
    if (plan % 3 != 0) {
        write_open(out, NULL, '{');
        write_int(out, "id", plan + 200);
        write_textf(out, "name", "Emergency %" PRId64, plan);
        write_close(out, '}');
    }
    write_close(out, ']');
    write_open(out, "categories", '[');
    if (plan % 4 != 3) {
        write_open(out, NULL, '{');
        write_int(out, "id", plan % 4 == 2 ? 5 : 4);
        write_text(out, "group", "planType");
        write_close(out, '}');
    }
    write_close(out, ']');
}

/* Its id, its name and its days; the object stays open. */
static void begin_plan(const struct ocha *o, int64_t plan, struct text *out)
{
    char name[NAME_MAX_LENGTH];
    const struct occasion occasion = {.offset = -1, .id = plan};
    bool flat = quirks_marks(o->quirks, QUIRK_FLAT_PLANS, &occasion);
    name_place(dice_hash(o->seed, 19, (uint64_t)plan, 0), name, sizeof name);
    write_open(out, NULL, '{');
    write_int(out, "id", plan);
    if (!flat)
        write_open(out, "planVersion", '{');
    write_textf(out, "name", "%s %d", name, (int)(2015 + plan % 10));
    write_textf(out, "startDate", flat ? "%d-01-01" : "%d-01-01T00:00:00.000Z", (int)(2015 + plan % 10));
    write_textf(out, "endDate", flat ? "%d-12-31" : "%d-12-31T00:00:00.000Z", (int)(2015 + plan % 10));
    if (!flat)
        write_close(out, '}');
}

void ocha_write_plans(const struct ocha *o, struct text *out)
{
    write_open(out, NULL, '[');
    for (int64_t plan = OCHA_FIRST_PLAN; ocha_has_plan(o, plan); plan++) {
        begin_plan(o, plan, out);
        write_close(out, '}');
    }
    write_close(out, ']');
}

void ocha_write_plan(struct ocha *o, int64_t plan, bool measurements, struct text *out)
{
    begin_plan(o, plan, out);
    write_kind(plan, out);
    write_open(out, "locations", '[');
    for (int i = 0; i < OCHA_PLACES; i++)
        ocha_write_place(o, plan, i, out);
    write_close(out, ']');
    write_clusters(o, plan, out);
    write_entities(o, plan, measurements, out);
    write_close(out, '}');
}

void ocha_write_groups(struct text *out)
{
    static const char *const labels[GROUPS] = {"Age", "Sex", "Status"};
    write_open(out, NULL, '[');
    for (int group = 0; group < GROUPS; group++) {
        write_open(out, NULL, '{');
        write_int(out, "id", group + 1);
        write_text(out, "label", labels[group]);
        write_open(out, "disaggregationCategories", '[');
        for (int i = 0; i < GROUP_SIZE; i++) {
            write_open(out, NULL, '{');
            write_int(out, "id", 100 + 10 * group + i);
            write_textf(out, "label", "%s %d", labels[group], i + 1);
            write_close(out, '}');
        }
        write_close(out, ']');
        write_close(out, '}');
    }
    write_close(out, ']');
}
