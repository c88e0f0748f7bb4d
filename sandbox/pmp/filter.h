#pragma once
/* What the arguments of a request leave of a list. */
#include "sandbox/http.h"
#include "sandbox/pmp/world.h"

struct filter {
    const struct request *request;
    usec_t updated_after, updated_before; /* INT64_MIN and INT64_MAX: not asked for */
};

/* ERR_DATA when a moment is none. Known arguments: id, number, status, section, partner, country_programme,
 * document_type, updated_after and updated_before (RFC 3339 or a date; both inclusive) for documents; id for partners;
 * id and admin_level for locations. Others are ignored, as the real server does. */
bool filter_read(const struct request *r, struct filter *out, struct err *e);

bool filter_takes(const struct filter *f, const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind,
                  const struct pmp_row *row);
