/* Any bytes as JSON: refused, or a document that is written and read as the same. Whether or not it is JSON, as text for the database it
 * becomes valid UTF-8, and as a string of JSON it is one. */
#include "common/base/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool kept)
{
    if (!kept)
        abort();
}

static void check_document(const struct js *document)
{
    struct text once CLEANUP(text_free) = {0}, twice CLEANUP(text_free) = {0};
    struct err e;
    js_write(&once, document);
    struct js *again CLEANUP(js_freep) = js_parse(text_str(&once), once.len, &e);
    promise(again != NULL);
    js_write(&twice, again);
    promise(once.len == twice.len && memcmp(text_str(&once), text_str(&twice), once.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text clean CLEANUP(text_free) = {0}, again CLEANUP(text_free) = {0}, quoted CLEANUP(text_free) = {0};
    struct err e = {0};
    struct js *document CLEANUP(js_freep) = js_parse((const char *)data, size, &e);
    if (document)
        check_document(document);
    else
        promise(e.kind == ERR_DATA && *e.text && !strchr(e.text, '\n'));
    text_utf8(&clean, (const char *)data, size);
    promise(strlen(text_str(&clean)) == clean.len);
    text_utf8(&again, text_str(&clean), clean.len);
    promise(clean.len == again.len && memcmp(text_str(&clean), text_str(&again), clean.len) == 0);
    text_json_string(&quoted, text_str(&clean), clean.len);
    struct js *string CLEANUP(js_freep) = js_parse(text_str(&quoted), quoted.len, &e);
    promise(string && js_text(string) && strcmp(js_text(string), text_str(&clean)) == 0);
    return 0;
}
