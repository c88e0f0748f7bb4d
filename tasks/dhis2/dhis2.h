#pragma once
/* The jobs around DHIS2, the health information system (docs/dhis2.md): org_units.c copies its pyramid of org units, unit.c
 * reads one of them; export_org_units.c and export_values.c send to it through send.c, conflicts.c reads what it has against values. */
#include "common/task/http.h"
#include "common/task/record.h"
#include "common/task/report.h"
#include "common/task/seen.h"
#include "common/task/staging.h"
#include "common/task/task.h"

extern const struct handler handler_dhis2_export_org_units;
extern const struct handler handler_dhis2_export_values;
extern const struct handler handler_dhis2_org_units;

enum {
    DHIS2_PAGE = 500,        /* org units asked for at once */
    DHIS2_PAGES_MAX = 20000, /* of one list */
    DHIS2_BATCH_BYTES = 4 << 20,
};

/* The records that are on their way, and which of them were staged. */
struct dhis2_batch {
    char ids[DHIS2_PAGE][40];
    bool staged[DHIS2_PAGE];
    int count;
    size_t bytes; /* as they were sent */
};

struct dhis2_import {
    struct task *task;
    struct http *http;
    struct staging *staging;
    const struct dhis2_import_args *args;
    struct row row;
    struct seen seen;
    struct dhis2_batch batch;
    int64_t version_id, version; /* its row and its number */
    char imported[48];           /* name of the group for what is new; "": the version is new itself */
    int64_t total;               /* as the server counts; -1: it did not say */
    bool complete;               /* every org unit of the server came */
    int64_t points, areas;
    struct report report;
};

struct dhis2_import_args {
    const char *data_source, *upstream;
    int64_t version; /* -1: the default one */
    bool new_version, validate;
};

/* Stage one org unit with its groups, its geometry lifted out of it. False and ERR_DATA: it is bad. */
bool dhis2_read_unit(struct dhis2_import *import, const struct record *record, int number, struct err *e);

/* Stage a group set with its groups. */
bool dhis2_read_set(struct dhis2_import *import, const struct js *set, int record, struct err *e);
