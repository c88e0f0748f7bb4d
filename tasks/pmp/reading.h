#pragma once
/* One document while it is taken apart: for document.c and results.c. */
#include "tasks/pmp/pmp.h"

enum { ORIGIN_MAX = 96 };

/* What the readers of one document share. */
struct reading {
    struct pmp_run *run;
    int record;
    const struct js *item;
    char id[40], business_area[40];
    char source[ORIGIN_MAX]; /* scope of the ids of its indicators */
    char origin[ORIGIN_MAX], origin_at[CLOCK_TEXT_MAX];
    struct err *e;
};

/* Stage the row that was written. */
bool reading_stage(struct reading *r, const char *kind);

/* Whose word the row holds; see `origin` in the schema. */
void reading_add_origin(struct reading *r);

/* Null, absent or "". */
bool reading_is_blank(const struct js *object, const char *member);

/* An integer or a string as text, "" for anything else. */
void reading_id(const struct js *value, char *out, size_t size);

/* "locations" of the document itself, as those of governments have them. */
bool reading_own_locations(struct reading *r);

/* "expected_results" with all below it. */
bool reading_results(struct reading *r);
