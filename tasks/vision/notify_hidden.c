/* vision.notify_hidden: send the mails about partners that vision.partner has found blocked and written down. */
#include "tasks/vision/vision.h"

#include "common/task/notices.h"

struct args {
    const char *sender, *upstream;
};

static const struct field fields[] = {
    STR_FIELD(struct args, sender, .fallback = "drumbeat@localhost", .min = 3, .max = 254, .help = "address the mails are from"),
    STR_FIELD(struct args, upstream, .fallback = "smtp", .help = "the mail server"),
    {0},
};

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    const struct notices notices = {.handler = "vision.notify_hidden",
                                    .template = "partners/blocked_partner",
                                    .waiting = &sql_vision_notices_waiting,
                                    .sender = args->sender,
                                    .upstream = args->upstream};
    return notices_send(task, &notices, e);
}

const struct handler handler_vision_notify_hidden = {
    .name = "vision.notify_hidden",
    .summary = "Mail the people of running documents that their partner is blocked now",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 5, .first = MINUTES(1), .cap = MINUTES(30)},
};
