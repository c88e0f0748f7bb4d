#pragma once
/* Programme documents and government documents of a generated country. */
#include "sandbox/pmp/world.h"

enum { DOCUMENT_SECTIONS_MAX = 3, DOCUMENT_NUMBER_MAX = 160, DOCUMENT_AGREEMENT_MAX = 64 };

/* What lists filter by, and what the rest of a document follows from. */
struct document {
    int64_t id;
    bool government;
    int64_t partner, agreement, programme;
    int64_t sections[DOCUMENT_SECTIONS_MAX];
    size_t sections_count;
    const char *type, *status;
    int64_t start, end; /* days; 0: no date */
    int64_t place;      /* the region it works in */
    char number[DOCUMENT_NUMBER_MAX];
    char agreement_number[DOCUMENT_AGREEMENT_MAX];
    uint64_t hash;
};

/* `kind` is PMP_DOCUMENTS or PMP_GOVERNMENT; works for loaded rows too. */
void document_read(const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind, const struct pmp_row *row,
                   struct document *out);

/* As an item of /prp/v1/interventions/ or /gdd/prp-gdds/. */
void document_write(const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind, const struct pmp_row *row,
                    struct text *out);
