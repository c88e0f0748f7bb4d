/* Any bytes as a Celery message: refused with a reason in one line, or read, and then what is written from it is read as the same. The
 * first byte chooses whether they stand for the envelope or for its body. */
#include "common/base/base64.h"
#include "common/base/json.h"
#include "common/celery/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool kept)
{
    if (!kept)
        abort();
}

static void wrap(const uint8_t *data, size_t size, int how, struct text *out)
{
    static const char *const packings[] = {"", ",\"compression\":\"application/x-gzip\"", ",\"compression\":\"application/x-bz2\"",
                                           ",\"compression\":\"application/x-lzma\""};
    text_puts(out, "{\"body\":\"");
    base64_write(out, data, size);
    text_printf(out, "\",\"headers\":{%s\"id\":\"i\"%s},\"properties\":{\"delivery_tag\":\"t\",\"body_encoding\":\"base64\"",
                how & 4 ? "" : "\"task\":\"a\",", packings[how & 3]);
    text_puts(out, ",\"delivery_info\":{\"exchange\":\"\",\"routing_key\":\"q\"}}}");
}

static void check(const struct celery_message *m, struct region *r)
{
    struct text once CLEANUP(text_free) = {0}, args CLEANUP(text_free) = {0};
    struct celery_message again;
    struct err e = {0};
    celery_message_arguments(m, &args);
    struct js *arguments CLEANUP(js_freep) = js_parse(text_str(&args), args.len, &e);
    promise(js_type(arguments) == JS_OBJECT);
    if (!celery_message_write(m, &once, &e))
        return;
    promise(celery_message_read(text_str(&once), once.len, r, &again, &e));
    promise(strcmp(m->id, again.id) == 0 && strcmp(m->task, again.task) == 0 && strcmp(m->args, again.args) == 0);
    promise(strcmp(m->kwargs, again.kwargs) == 0 && m->retries == again.retries && m->priority == again.priority);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text envelope CLEANUP(text_free) = {0};
    struct celery_message m;
    struct err e = {0};
    if (size < 1)
        return 0;
    if (data[0] & 8)
        wrap(data + 1, size - 1, data[0] & 7, &envelope);
    else
        text_add(&envelope, data + 1, size - 1);
    struct region *r = region_new();
    if (celery_message_read(text_str(&envelope), envelope.len, r, &m, &e))
        check(&m, r);
    else
        promise((e.kind == ERR_DATA || e.kind == ERR_LIMIT) && *e.text && !strchr(e.text, '\n'));
    region_free(r);
    return 0;
}
