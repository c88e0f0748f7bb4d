#pragma once
/* The side of VISION that takes documents: POST with JSON, answered 201 with a line of text. What came is shown below "/_sandbox/documents". The state of
 * a route is a struct ezhact. */
#include "sandbox/http.h"

enum { EZHACT_DOCUMENTS_MAX = 1000 };

struct ezhact {
    char *documents[EZHACT_DOCUMENTS_MAX];
    size_t count; /* of all that came; the first EZHACT_DOCUMENTS_MAX are kept */
    int tls_port; /* 0: none */
};

extern const struct route ezhact_routes[];
void ezhact_reset(void *state); /* forget all documents */
