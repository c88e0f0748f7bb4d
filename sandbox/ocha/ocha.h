#pragma once
/* OCHA's HPC service as importers see it: response plans, projects, organizations, flows of money. Anybody may ask, once a second; who
 * logs in, as often as they like. The state of a route is a struct ocha. What there is follows from the seed and from ids, or
 * lies in saved payloads. */
#include "common/base/err.h"
#include "common/base/json.h"
#include "sandbox/http.h"
#include "sandbox/quirks.h"

enum { OCHA_FILES_MAX = 64, OCHA_FIRST_PLAN = 401, OCHA_PROJECTS = 20, OCHA_FLOWS_A_PAGE = 200, OCHA_PLACES = 21 };

/* One saved payload. */
struct ocha_file {
    const struct ocha_kind *kind;
    int64_t id; /* of the plan or project; -1: none */
    struct text text;
};

struct ocha {
    uint64_t seed;
    bool full;
    const char *user, *password;
    const char *data; /* a folder of saved payloads; NULL: made-up data */
    struct quirks *quirks;
    usec_t asked_at; /* when an anonymous caller was last answered */
    struct ocha_file files[OCHA_FILES_MAX];
    size_t files_count;
};

extern const struct route ocha_routes[];

/* Reads saved payloads: which names are known stands in load.c. */
bool ocha_open(struct ocha *o, struct err *e);
void ocha_close(struct ocha *o);
void ocha_reset(void *state);

/* load.c: a saved payload, as it was; NULL: there is none. */
enum ocha_payload { OCHA_PLAN, OCHA_MEASUREMENTS, OCHA_PROJECT, OCHA_ATTACHMENTS, OCHA_FLOWS, OCHA_ORGANIZATIONS, OCHA_GROUPS };
const struct text *ocha_saved(const struct ocha *o, enum ocha_payload payload, int64_t id);

/* plan.c, project.c: the member "data" of an answer. */
bool ocha_has_plan(const struct ocha *o, int64_t plan);
void ocha_write_plan(struct ocha *o, int64_t plan, bool measurements, struct text *out);
void ocha_write_plans(const struct ocha *o, struct text *out); /* those of any country */
void ocha_write_groups(struct text *out);
void ocha_write_attachment(const struct ocha *o, int64_t entity, int number, bool measured, struct text *out);
int64_t ocha_activity(int64_t plan, int number);
void ocha_write_place(const struct ocha *o, int64_t plan, int number, struct text *out);
void ocha_write_cluster_name(const struct ocha *o, int64_t plan, int number, char *out, size_t room);

bool ocha_has_project(const struct ocha *o, int64_t project);
void ocha_write_project(struct ocha *o, int64_t project, struct text *out);
void ocha_write_projects(const struct ocha *o, int64_t plan, struct text *out);
void ocha_write_uses(const struct ocha *o, int64_t project, struct text *out);
int64_t ocha_flows(const struct ocha *o, int64_t plan, int64_t project); /* how many there are; one of both is -1 */
void ocha_write_flow(struct ocha *o, int64_t plan, int64_t project, int64_t number, struct text *out);
void ocha_write_organizations(const struct ocha *o, struct text *out);
