#pragma once
/* The quirks of requests: what a proxy, a network or a tired server makes of them. */
#include "sandbox/http.h"
#include "sandbox/quirks.h"

/* Delays, and answers given instead of the real one. True: `a` is filled, the upstream is not asked. */
bool faults_instead(struct quirks *q, const struct occasion *o, const struct request *r, struct answer *a);

/* Damage to a good answer: truncation, compression, a body without end. */
void faults_after(struct quirks *q, const struct occasion *o, const struct request *r, struct answer *a);
