/* Any bytes as what a result backend holds: refused with a reason, or something told of a task, whose result is JSON. */
#include "common/base/json.h"
#include "common/celery/told.h"

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
    struct region *r = region_new();
    struct celery_told told;
    struct err e = {0};
    if (celery_told_read((const char *)data, size, r, &told, &e)) {
        promise(told.id && told.what && told.pid >= -1 && told.value >= -1 && told.total >= -1);
        struct js *result CLEANUP(js_freep) = told.result ? js_parse(told.result, strlen(told.result), &e) : NULL;
        promise(!told.result || result);
    } else {
        promise(e.kind != ERR_NONE && *e.text);
    }
    region_free(r);
    return 0;
}
