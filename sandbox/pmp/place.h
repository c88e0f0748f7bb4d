#pragma once
/* Places of a generated country: one tree, numbered level by level, so that parents follow from numbers alone. */
#include "sandbox/pmp/world.h"

enum { PLACE_LEVELS = 4, PLACE_CODE_MAX = 24, PLACE_NAME_MAX = 64 };

struct place {
    int64_t id, parent; /* parent 0: none */
    int level;
    char name[PLACE_NAME_MAX];
    char p_code[PLACE_CODE_MAX];
};

int place_count(const struct pmp_country *c);
void place_at(const struct pmp_country *c, int64_t id, struct place *out);

/* As an item of /prp-locations/, with a geometry. */
void place_write(const struct pmp *p, const struct pmp_country *c, const struct pmp_row *row, struct text *out);

/* As documents refer to it. */
void place_write_reference(const struct pmp *p, const struct pmp_country *c, int64_t id, bool with_parent,
                           struct text *out);
