/* Any bytes as a request of remote control: refused with a reason, or a request that can be answered, and the answer is a letter again. */
#include "common/celery/control.h"
#include "common/celery/letter.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool kept)
{
    if (!kept)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct control_request request;
    struct text reply CLEANUP(text_free) = {0}, key CLEANUP(text_free) = {0};
    struct err e = {0};
    if (!control_request_read((const char *)data, size, &request, &e)) {
        promise(e.kind != ERR_NONE && *e.text);
        return 0;
    }
    control_is_for(&request, "worker@host", 0);
    if (request.reply_key) {
        struct js *answer CLEANUP(js_freep) = control_error("KeyError", request.method);
        control_reply_write(&request, "worker@host", answer, request.clock, &reply);
        struct js *letter CLEANUP(js_freep) = letter_read(text_str(&reply), reply.len, &e);
        promise(letter && js_type(js_get(js_get(letter, "body"), "worker@host")) == JS_OBJECT);
        control_reply_key(&request, &key);
        promise(key.len > 1);
    }
    control_request_free(&request);
    return 0;
}
