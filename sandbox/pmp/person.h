#pragma once
/* Persons: the staff of a partner and of the country office. The same person stands in many documents. */
#include "sandbox/pmp/world.h"

enum { STAFF_OF_PARTNER = 4, STAFF_OF_OFFICE = 12 };

enum person_shape { PERSON_SHORT, PERSON_FULL }; /* {name, email}, or with title, phone_num and active too */

/* The n-th person of partner `partner`, of the country office when 0. `document` decides in which letters the e-mail is
 * written this time. */
void person_write(const struct pmp *p, const struct pmp_country *c, int64_t partner, int64_t n, int64_t document,
                  enum person_shape shape, struct text *out);
