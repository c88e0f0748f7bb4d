#pragma once
/* Copies of what VISION answers for a country (docs/vision.md): one answer holds a whole list. A handler is a list: where it
 * is asked for, how a row is read, the statements that move all of them at once. */
#include "common/task/http.h"
#include "common/task/report.h"

extern const struct handler handler_vision_dct, handler_vision_fund_reservation, handler_vision_partner, handler_vision_sync;

enum { VISION_BATCH = 2000 }; /* rows sent to the server at once */

struct vision_args {
    const char *business_area, *upstream;
};

struct vision_list {
    const char *handler, *endpoint;
    const struct column *columns; /* a row becomes c1, c2, … in this order, then the country's id, then its place in the answer */
    const char *key;              /* the member that names a row in messages */
    const struct staging_step *steps;
    int main; /* the step that counts the rows */
    /* Why a row is not for us, NULL: it is; it may stage something else for it. May be NULL. */
    const char *(*leave_out)(const struct js *row, struct row *other);
};

extern const struct field vision_fields[]; /* of struct vision_args */

bool vision_copy(struct task *task, const struct vision_list *list, const struct vision_args *args, struct err *e);
