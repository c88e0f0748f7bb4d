#pragma once
/* The syncs with PMP, the partner management system (docs/pmp.md). A sync is a list of the API, how an item of it is
 * read into rows of the stage, and the statements that move them on. What all have in common is in sync.c (workspaces,
 * paging, letting go) and page.c (items and what became of them). */
#include "common/task/pages.h"
#include "common/task/record.h"
#include "common/task/report.h"
#include "common/task/seen.h"
#include "common/task/staging.h"
#include "common/task/task.h"

extern const struct handler handler_pmp_workspaces, handler_pmp_partners, handler_pmp_programme_documents,
    handler_pmp_government_documents, handler_pmp_locations;

enum {
    PMP_SEEN_MAX = 1000000, /* records of one workspace */
    PMP_KEY_MAX = 400,      /* bytes of what a record is known by */
    PMP_PARTNERS_PAGE = 300,
    PMP_LOCATIONS_PAGE = 10, /* with shapes of megabytes */
    PMP_DOCUMENTS_PAGE = 10, /* ten documents can take the server minutes */
};

/* How long an incremental pull may follow another before everything is pulled again, and how far it reaches back. */
#define PMP_FULL_EVERY HOURS(24)
#define PMP_OVERLAP HOURS(1)

struct pmp_args {
    const char *workspace; /* business area or code; NULL: all */
    const char *upstream;
    int64_t id; /* 0: all */
    bool full;
};

struct pmp_workspace {
    int64_t id; /* of our row; 0: none */
    const char *business_area, *code, *title;
    const char *upstream; /* that the state is of; NULL: none */
    usec_t watermark, full_at;
    int64_t expected; /* records, by the last run */
};

/* What an item came to before it reached the database. */
enum pmp_reading { PMP_STAGED, PMP_SKIPPED, PMP_BAD };

/* Whether the server honours updated_after. */
enum pmp_filter { PMP_FILTER_UNKNOWN, PMP_FILTER_KNOWN, PMP_FILTER_IGNORED };

/* How far the whole task is. */
struct pmp_progress {
    int64_t done;  /* items of the workspaces before */
    int64_t ahead; /* of those after, as far as the last run tells */
};

struct pmp_run;

struct pmp_sync {
    const char *handler;
    const char *list; /* path of the list, up to the first argument */
    int64_t page_size;
    bool incremental; /* takes updated_after and id */
    bool government;
    /* Stage one item. `key` is what it is known by, "" when it cannot be read; the error says why it is skipped or bad.
     */
    enum pmp_reading (*read)(struct pmp_run *run, const struct js *item, int record, struct text *key, struct err *e);
    const struct staging_step *steps;
    /* After a complete pull of one workspace. */
    bool (*deactivate)(struct pmp_run *run, const char *const *seen, size_t count, int64_t *deactivated, struct err *e);
};

/* One run of a sync for one workspace. */
struct pmp_run {
    const struct pmp_sync *sync;
    struct task *task;
    struct http *http;
    struct staging *staging;
    const struct pmp_workspace *workspace;
    const struct pmp_args *args;
    const struct pmp_progress *progress;
    enum pmp_filter *filter; /* found out once a task */
    struct row row;          /* for the readers */

    bool full, complete;  /* complete: all came, nothing moved in the list meanwhile and everything could be told apart */
    usec_t after;         /* updated_after; 0: not asked */
    usec_t newest;        /* update_date of what was read */
    usec_t oldest_failed; /* and of what failed; 0: none, -1: one without a date */

    struct report report;
    struct region *region; /* of the run */
    const char **seen;     /* keys */
    size_t seen_count, seen_room;
    struct seen ids; /* of the items of all pages, as the upstream has them */
    struct seen keys; /* of those that were staged */
    bool unknown;    /* some item's key could not be read */
    bool repeated;   /* an item came on two pages, so another one may have come on none */

    usec_t item_updated_at; /* of the item being read */
};

/* The arguments that all syncs of a list take. */
extern const struct field pmp_list_fields[];     /* workspace, upstream */
extern const struct field pmp_document_fields[]; /* id and full too */

/* Run the sync for every workspace the arguments name. A workspace that fails is told at the end; the rest stays. */
bool pmp_run_all(struct task *task, const struct pmp_sync *sync, const struct pmp_args *args, struct err *e);

/* Read and move one page. */
bool pmp_move_page(struct pmp_run *run, const struct page *page, struct err *e);
void pmp_run_begin(struct pmp_run *run);
void pmp_run_end(struct pmp_run *run);

/* The run's own members of its row of sync_log: for report_around(). */
void pmp_tell(const void *data, struct row *row);

/* Where the session talks to, with the time-outs of PMP. */
struct http *pmp_open(struct task *task, const char *upstream, struct err *e);

/* Stage a partner, of a list ("partners/2490", infinity) or of a document. False and ERR_DATA: it is bad. */
bool pmp_read_partner(struct pmp_run *run, const struct js *partner, const struct place *place, int record,
                      const char *origin, const char *origin_at, struct err *e);

/* Stage a document with all that belongs to it. */
enum pmp_reading pmp_read_document(struct pmp_run *run, const struct js *item, int record, struct text *key,
                                   struct err *e);
bool pmp_deactivate_documents(struct pmp_run *run, const char *const *seen, size_t count, int64_t *deactivated,
                              struct err *e);
extern const struct staging_step pmp_document_steps[];
