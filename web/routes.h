#pragma once
/* What is answered where: a table of paths. Everything else is an RFC 9457 problem. */
#include "common/base/text.h"
#include "web/web.h"

struct answer {
    int status;
    const char *type;  /* Content-Type */
    const char *allow; /* the Allow header of a 405; NULL: none */
    struct text body;
};

/* Answer one request. HEAD is answered as GET: who delivers leaves the body out. */
void routes_answer(struct web *web, const char *method, const char *path, struct answer *out);

/* A problem: {"type": "about:blank", "title": …, "status": …, "code": …, "detail": …}. */
void answer_problem(struct answer *out, int status, const char *code, const char *detail);
