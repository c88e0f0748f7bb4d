#pragma once
/* How a list of VISION is copied (docs/vision.md): where it is asked for, how a row is read, the statements that move the rows. A handler
 * is such a list and one call; those of tpm/ are, too, because theirs come from the same place. */
#include "common/task/http.h"
#include "common/task/report.h"
#include "common/task/seen.h"

enum { VISION_BATCH = 2000, VISION_QUESTIONS_MAX = 100000, VISION_FAILURES_MAX = 5 }; /* rows sent at once; failures in a row that end a run */

struct vision_args {
    const char *business_area, *number, *upstream;
    const char *ask_area; /* whose list is asked for; NULL: the country's */
    bool delegated;
    int64_t deactivate; /* percent */
};

#define VISION_AREA_FIELD STR_FIELD(struct vision_args, business_area, .required = true, .help = "business area or code of a country")
#define VISION_UPSTREAM_FIELD STR_FIELD(struct vision_args, upstream, .fallback = "vision", .help = "the upstream to ask")

extern const struct field vision_fields[];        /* of struct vision_args: a country, the upstream */
extern const struct field vision_number_fields[]; /* and one thing of the list by its number */

/* What a row holds inside: one object or an array of them, at each level of the path. Each becomes a row of its own: c1, c2, … as the columns are,
 * then the country's id, then the place of the outer row in the answer. */
struct vision_part {
    const char *path; /* "WPA_GEOLOCATIONS.GEOLOCATION"; NULL ends the table */
    const char *kind;
    const struct column *columns;
};

/* Beside kind 'row' (and those of parts) each run has one row of kind 'run': c1 country, c2 whether all rows of the answer could be read, c3 percent and
 * c4 `delegated` as in the arguments. The statements may add rows for list.c: kind 'told' says something of a row, c1 its place in the answer (or
 * NULL), c2 its name, c3 the words, c4 not null: it was left out; kind 'mark' says that a row brought something, c1 its place, c2 'new' or
 * 'changed', for lists of which a row becomes several things: sql_vision_marks counts them as a main step does. */
struct vision_list {
    const char *handler, *endpoint;
    const char *area_name;        /* what the question calls the business area; NULL: "businessarea" */
    const char *number_name;      /* and a number, which then stands in place of the area; NULL: it stands in the path */
    const char *more;             /* "&cycle=all" behind the question; NULL: nothing */
    const struct column *columns; /* a row becomes c1, c2, … in this order, then the country's id, then its place in the answer */
    const char *key;              /* the member that names a row in messages */
    const char *apart;            /* of rows of one key the last counts, and the others are told of, unless this member differs; "": whatever differs; NULL: each row counts */
    const struct vision_part *parts; /* NULL: none */
    const struct staging_step *steps;
    int main;   /* the step that counts the rows */
    const char *const *after; /* handlers whose rows these refer to, ends with NULL: of the same batch and tenant they end first; NULL: none */
    bool whole; /* what the answer lacks is gone: the key of each row, good or bad, is staged as kind 'seen', c1 */
    /* Why a row is not for us, NULL: it is; it may stage something else for it. May be NULL. */
    const char *(*leave_out)(const struct js *row, struct row *other);
};

/* One question and one answer, moved in one transaction. */
bool vision_copy(struct task *task, const struct vision_list *list, const struct vision_args *args, struct err *e);

/* Many small questions, each with a transaction of its own: one that fails is a failure of the report, the others go on. `numbers` lists what they
 * are about: $1 bigint country (NULL when no business area was given), $2 text: the one that is wanted, NULL for all; rows of one text, which is what
 * the key of a row has to be: others in the answer are skipped. */
bool vision_copy_each(struct task *task, const struct vision_list *list, const struct sql *numbers, const struct vision_args *args, struct err *e);

/* Enqueue a batch of these handlers, a task for each of them and for each country that takes part, or for the country `area` alone: its id becomes the
 * result of this task. */
bool vision_fan_out(struct task *task, const char *label, const char *const *handlers, size_t count, const char *area, const char *upstream,
                    struct err *e);
