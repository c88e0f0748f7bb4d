#pragma once
/* What goes to a DHIS2, a slice of items in one request, and which of them it did not take.
 *
 * Its answers tell what was refused in many ways, and some do not say which item they mean: such a slice is sent again in halves, down
 * to the single item that all that is said belongs to. Nothing is lost by that, since an import updates what is there. */
#include "common/task/http.h"
#include "common/task/report.h"
#include "common/task/task.h"

enum {
    DHIS2_SLICE_MAX = 1000,  /* items of one request */
    DHIS2_ERRORS_MAX = 20,   /* told of one item; the others are left out */
    DHIS2_FAILURES_MAX = 8,  /* imports in a row that failed as a whole: then the server is broken, not the items */
};

struct dhis2_item {
    char id[40];
    struct js *json;    /* what is sent */
    struct text errors; /* {"object", "value", "errorCode", …} with commas between; empty: taken */
    int told;
};

enum dhis2_verdict {
    DHIS2_TAKEN,     /* all but those that got errors */
    DHIS2_NOT_TAKEN, /* none, because of those that got errors */
    DHIS2_UNCLEAR,   /* some, and it cannot be known which; no item got errors */
};

struct dhis2_outlet {
    struct http *http;  /* opened by dhis2_export() */
    const char *target; /* path and query to POST to */
    const char *member; /* of what is sent: {"dataValues": […]} */
    enum dhis2_verdict (*judge)(const struct js *summary, struct dhis2_item *const *items, size_t count);
    int64_t created, updated; /* as the server counts what it took */
    int failures;             /* in a row */
};

/* The judges of data values and of metadata. */
enum dhis2_verdict dhis2_judge_values(const struct js *summary, struct dhis2_item *const *items, size_t count);
enum dhis2_verdict dhis2_judge_metadata(const struct js *summary, struct dhis2_item *const *items, size_t count);

/* One run of an export: `around` it a connection for the outlet and a row of sync_log, whose counters, with what around->tell() adds, are the task's result. */
bool dhis2_export(struct task *task, const char *upstream, struct dhis2_outlet *outlet, struct report *report, const struct report_run *around, struct err *e);

/* False: the server does not answer, or is broken; what was taken before stays taken. */
bool dhis2_send(struct dhis2_outlet *outlet, struct dhis2_item *const *items, size_t count, struct err *e);

/* Did it all go well, by its own words? */
bool dhis2_is_success(const struct js *summary);

/* Add what the server says against an item. */
void dhis2_blame(struct dhis2_item *item, const struct js *conflict);

/* The first thing said against an item as one line. */
void dhis2_reason(const struct dhis2_item *item, struct text *out);

void dhis2_items_free(struct dhis2_item *items, size_t count);
