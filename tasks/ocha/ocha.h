#pragma once
/* Copies from OCHA's HPC service (docs/ocha.md). An import is two tasks: the first writes what the asker wants to see at once and enqueues
 * the second, which has the long lists. What they share is here: asking, and records that become rows in batches. */
#include "common/task/http.h"
#include "common/task/report.h"
#include "common/task/seen.h"

extern const struct handler handler_ocha_funding, handler_ocha_partners, handler_ocha_plans, handler_ocha_project, handler_ocha_project_details,
    handler_ocha_projects, handler_ocha_response_plan, handler_ocha_response_plan_details;

/* Anonymous callers may ask once a second; a tenth on top, since what is sent in time may travel faster than what was sent before. */
#define OCHA_PACE MSEC(1100)

enum {
    OCHA_BATCH = 500,       /* records of a list that are moved and committed together */
    OCHA_BATCH_ROWS = 5000, /* rows of them after which a batch is full */
    OCHA_PAGES_MAX = 10000,
    OCHA_IDS_MAX = 16 << 20, /* bytes of all ids of a list of flows, or of indicators */
    OCHA_ID_MAX = 40
};

/* A record of the batch that is being staged. */
struct ocha_item {
    char id[OCHA_ID_MAX];
    int64_t index;
    int page;
    bool staged, failed; /* failed: the tables refused it */
};

/* Whose indicators attachments are: a row of `table`, by its id of HPC. */
struct ocha_owner {
    const char *table, *id;
    const char *scope; /* external_source of its indicators: their ids are unique in it */
};

struct ocha_run {
    struct task *task;
    struct http *http;
    struct staging *staging;
    struct report report;
    const void *args;
    const char *id; /* of the plan or project, as HPC has it */
    const char *list; /* of flows: "plan:474" */
    struct row row;
    struct ocha_item items[STAGING_RECORDS_MAX + 1];
    int count, rows; /* of the batch */
    struct seen seen;
    struct err why; /* why the last bad record was bad */
    struct ocha_owner owner; /* of the attachments that are being read */
    struct text named;       /* ids of the indicators that came, good or bad: a JSON array without its end */
    bool unnamed;            /* one came without an id, or something that cannot be read: nobody knows which */
    struct js *groups;       /* of categories, once some indicator has one */
    struct text plans;       /* of a project: a JSON array of their ids */
    int64_t partner;         /* of a project, when the asker says so */
    char country[OCHA_ID_MAX]; /* of a plan: code of its only country; "": none or several */
    int countries;
    bool global_clusters;    /* a project whose plans have no cluster of it takes those of all plans */
    bool (*copy)(struct ocha_run *run, struct err *e);
};

/* One run of `handler` under its lock, with a row of sync_log; `id` 0: it is about everything. */
struct ocha_job {
    const char *handler;
    const struct staging_step *steps;
    bool (*copy)(struct ocha_run *run, struct err *e);
};
bool ocha_run(struct task *task, const struct ocha_job *job, const char *upstream, int64_t id, const void *args, struct err *e);

/* The list at `path` of an answer that says that it is good. NULL on an error. */
struct records *ocha_ask(struct ocha_run *run, const char *target, const char *path, struct err *e);

/* Read a list into the batch: a batch that is full is moved and committed, the rest is left in it for the next list or ocha_move().
 * `read` stages the rows of a record under that number. */
enum ocha_read {
    OCHA_READ,   /* it is staged */
    OCHA_IGNORE, /* nothing of ours: it does not count */
    OCHA_SKIP,   /* *e says why it is left out */
    OCHA_BAD     /* *e says why; what is not about the record ends the task */
};
struct ocha_list {
    enum ocha_read (*read)(struct ocha_run *run, const struct js *record, int number, struct err *e);
    const char *id;           /* the member that names a record in messages */
    const struct sql *absent; /* after a move: the staged records that are not in the tables, and why; NULL: all are */
    bool whole;               /* records speak of each other: all are one batch */
};
bool ocha_read(struct ocha_run *run, struct records *records, const struct ocha_list *list, struct err *e);
bool ocha_take(struct ocha_run *run, const struct record *record, const struct ocha_list *list, struct err *e); /* one record of it */
bool ocha_move(struct ocha_run *run, const struct ocha_list *list, struct err *e);

/* The same for a list beside the one of an answer that is open. */
bool ocha_read_beside(struct ocha_run *run, const struct records *answer, const char *path, const struct ocha_list *list, struct err *e);

/* Stage one row of record `number`. */
bool ocha_stage(struct ocha_run *run, int number, const char *kind, struct err *e);

/* An id, which is an integer or a string, as text in `out`; "" when it is neither. */
const char *ocha_id(const struct js *value, char out[static OCHA_ID_MAX]);

/* Places, and indicators with where they are measured: what both kinds of import have. ------------------------------------------- */

enum ocha_read ocha_read_place(struct ocha_run *run, const struct js *place, int number, struct err *e);

/* An attachment of run->owner; what is no indicator is ignored. */
enum ocha_read ocha_read_indicator(struct ocha_run *run, const struct js *attachment, int number, struct err *e);

/* After a complete pull: indicators of this scope, with `plan` those of that plan, which did not come are over. None came: nothing is, it may be by mistake. */
bool ocha_forget_indicators(struct ocha_run *run, const char *plan, struct err *e);

#define OCHA_INDICATOR_STEPS                                                                                                                   \
    {&sql_ocha_blueprint, "indicator_blueprint", STAGING_SHARED}, {&sql_ocha_reportable, "reportable", STAGING_MAIN},                          \
        {&sql_ocha_goal, "reportable_location_goal", STAGING_OWN}, {&sql_ocha_disaggregation, "disaggregation", STAGING_SHARED},               \
        {&sql_ocha_disaggregation_value, "disaggregation_value", STAGING_SHARED},                                                              \
        {&sql_ocha_reportable_disaggregation, "reportable_disaggregation", STAGING_OWN}
#define OCHA_PLACE_STEPS                                                                                                                       \
    {&sql_ocha_location, "location", STAGING_MAIN}, {&sql_ocha_place, NULL, STAGING_OWN}, {&sql_ocha_location_parent, "location", STAGING_OWN}

/* What a project is now: as it was published last. Its plans are in run->plans. */
bool ocha_copy_project(struct ocha_run *run, struct err *e);
#define OCHA_PROJECT_STEPS                                                                                                                     \
    {&sql_ocha_location, "location", STAGING_SHARED}, {&sql_ocha_place, NULL, STAGING_SHARED},                                                 \
        {&sql_ocha_location_parent, "location", STAGING_SHARED},                                                                               \
        {&sql_ocha_project, "partner_project", STAGING_MAIN}, {&sql_ocha_global_cluster, "cluster", STAGING_SHARED},                           \
        {&sql_ocha_project_cluster, "partner_project_cluster", STAGING_OWN}, {&sql_ocha_project_location, "partner_project_location", STAGING_OWN}

/* All flows of a list, "planId=474", page by page; flows that it no longer has leave it. Then the money of all projects. */
bool ocha_copy_flows(struct ocha_run *run, const char *filter, const char *list, struct err *e);
#define OCHA_FLOW_STEPS {&sql_ocha_flow, "fts_flow", STAGING_MAIN}, {&sql_ocha_flow_list, NULL, STAGING_OWN}
