#pragma once
/* Partners of a generated country. */
#include "sandbox/pmp/names.h"
#include "sandbox/pmp/world.h"

/* As an item of /prp/v1/partners/ (`key` NULL) and as "partner_org" of a document: the same object. */
void partner_write(const struct pmp *p, const struct pmp_country *c, int64_t id, const char *key, struct text *out);

void partner_name(const struct pmp *p, const struct pmp_country *c, int64_t id, bool government,
                  char out[static NAME_MAX_LENGTH]);

/* A government body, or an organisation? */
bool partner_is_government(const struct pmp_country *c, int64_t id);
