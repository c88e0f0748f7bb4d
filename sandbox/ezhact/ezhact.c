/* ezhact: an answer is text, also where a document is refused. */
#include "sandbox/ezhact/ezhact.h"

#include "common/base/json.h"
#include "sandbox/write.h"
#include <stdlib.h>
#include <string.h>

static void take(void *state, const struct request *r, struct answer *a)
{
    struct ezhact *z = state;
    struct err why;
    struct js *document CLEANUP(js_freep) = js_parse(r->body ? r->body : "", r->body ? strlen(r->body) : 0, &why);
    const char *number = js_text(js_get(document, "number"));
    a->type = "text/plain; charset=utf-8";
    if (js_type(document) != JS_OBJECT || js_count(document) == 0) {
        a->status = 400;
        text_puts(&a->body, "The document cannot be read.");
        return;
    }
    if (z->count < EZHACT_DOCUMENTS_MAX)
        z->documents[z->count] = mem_strdup(r->body);
    z->count++;
    a->status = 201;
    text_printf(&a->body, "Document %s was received.", number ? number : "without number");
}

static void list_documents(void *state, const struct request *r, struct answer *a)
{
    const struct ezhact *z = state;
    (void)r;
    write_open(&a->body, NULL, '{');
    write_int(&a->body, "tls_port", z->tls_port);
    write_int(&a->body, "count", (int64_t)z->count);
    write_open(&a->body, "documents", '[');
    for (size_t i = 0; i < z->count && i < EZHACT_DOCUMENTS_MAX; i++)
        text_printf(&a->body, "%s%s", i > 0 ? "," : "", z->documents[i]);
    write_close(&a->body, ']');
    write_close(&a->body, '}');
}

const struct route ezhact_routes[] = {{"POST", "/", take}, {"POST", "/upload/pd/", take}, {"GET", "/_sandbox/documents", list_documents}, {0}};

void ezhact_reset(void *state)
{
    struct ezhact *z = state;
    for (size_t i = 0; i < z->count && i < EZHACT_DOCUMENTS_MAX; i++)
        free(z->documents[i]);
    z->count = 0;
}
