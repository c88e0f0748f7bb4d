#pragma once
/* What a run of a sync tells: how many records came and what became of each, which ones failed or were skipped and where
 * they stood, and in the end one row of registry.sync_log, whatever happened.
 *
 * Every record is in exactly one counter: fetched = created + updated + unchanged + skipped + failed. */
#include "common/task/record.h"
#include "common/task/staging.h"
#include "common/task/task.h"

enum { REPORT_NOTES_MAX = 100 }; /* failures, and notes, told in one row; the others are counted */

struct report {
    struct task *task;
    const char *handler;
    const char *area;                 /* business area, or what else the run is about; NULL: everything */
    int64_t country_id;               /* the row of registry.workspace; 0: none */
    const struct staging_step *steps; /* whose tables are counted; NULL: none */

    int64_t fetched, created, updated, unchanged, skipped, deactivated, failed;
    struct staging_count counts[STAGING_STEPS_MAX];
    struct text failures, notes; /* JSON objects with commas between */
    int failures_told, notes_told;
    int64_t failures_untold, notes_untold;

    /* where the record being read stands: for notes */
    int page;
    int64_t index;
    const char *id; /* NULL: not known */
};

void report_free(struct report *report);

/* Tell something about the current record: that does not stop it, that it is skipped, that it failed. `names_field`: the
 * text begins with "field: ", as record.h words it. */
void report_note(struct report *report, const char *what);
void report_skip(struct report *report, const char *why);
void report_fail(struct report *report, const char *why, bool names_field);

/* Count what became of the current record, which staging_move() knows under this number. Answers the same. */
enum staging_outcome report_count(struct report *report, const struct staging *staging, int record);

/* Write the row; `why` is NULL when it went well. `data` may have been begun with members of the family's own. */
bool report_write(struct report *report, struct row *data, const struct err *why, struct err *e);

/* One run under a lock of its own, `lock`: a second one at the same time is left out, with a line in the task's log. What
 * `run` wrote is committed together with the row; when it fails, what it had not committed is undone and the row says
 * why. `data` is for run() and is asked for the row's members by `tell`, which may be NULL. */
struct report_run {
    const char *lock;
    bool (*run)(void *data, struct err *e);
    void (*tell)(const void *data, struct row *row);
    void *data;
};
enum report_end { REPORT_GOOD, REPORT_FAILED, REPORT_LEFT_OUT, REPORT_STOP }; /* STOP: the whole task has to end */
enum report_end report_around(struct report *report, const struct report_run *run, struct err *e);
