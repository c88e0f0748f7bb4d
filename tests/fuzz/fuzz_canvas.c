/* Any bytes as what a message carries to be sent on: refused with a reason, or a plan; each message of a plan is refused or one that can be
 * read again. */
#include "common/celery/signature.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool kept)
{
    if (!kept)
        abort();
}

static void check_plan(struct canvas_plan *plan, struct region *r)
{
    for (size_t i = 0; i < plan->send_count; i++) {
        struct text envelope CLEANUP(text_free) = {0};
        struct celery_message again;
        struct err e = {0};
        if (!plan->sends[i].routing_key)
            plan->sends[i].routing_key = "celery";
        if (celery_message_write(&plan->sends[i], &envelope, &e))
            promise(celery_message_read(text_str(&envelope), envelope.len, r, &again, &e) && strcmp(again.id, plan->sends[i].id) == 0);
        else
            promise(e.kind != ERR_NONE && *e.text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct region *r = region_new();
    const char *json = region_strndup(r, (const char *)data, size);
    const struct celery_message ended = {.id = "a", .group_id = "g", .callbacks = json, .errbacks = json, .chain = json, .chord = json};
    struct canvas_plan plan;
    struct canvas_member member;
    struct err e = {0};
    if (canvas_succeeded(&ended, "1", r, &plan, &e))
        check_plan(&plan, r);
    if (canvas_failed(&ended, r, &plan, &e))
        check_plan(&plan, r);
    if (canvas_joined(&ended, "[1]", r, &plan, &e))
        check_plan(&plan, r);
    if (canvas_torn(json, NULL, r, &plan, &e))
        check_plan(&plan, r);
    canvas_member_read((const char *)data, size, r, &member, &e);
    region_free(r);
    return 0;
}
