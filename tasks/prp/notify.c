/* prp.notify_due, prp.notify_overdue: tell the people of a document by mail that a report is due soon, or overdue: once
 * each, and what was missed is made up for (notices.h). */
#include "tasks/prp/prp.h"

#include "common/task/notices.h"

struct args {
    const char *today, *sender, *upstream;
    int64_t days;
};

#define COMMON_FIELDS                                                                                                            \
    PRP_TODAY_FIELD(struct args),                                                                                                \
    STR_FIELD(struct args, sender, .fallback = "drumbeat@localhost", .min = 3, .max = 254, .help = "address the mails are from"), \
    STR_FIELD(struct args, upstream, .fallback = "smtp", .help = "the mail server")

static const struct field due_fields[] = {
    I64_FIELD(struct args, days, .fallback = "7", .min = 1, .max = 365, .help = "tell so many days before the due date"),
    COMMON_FIELDS,
    {0},
};

static const struct field overdue_fields[] = {COMMON_FIELDS, {0}};

struct writing {
    const struct args *args;
    const char *template;
    char today[PRP_DAY_MAX];
};

static bool write_notices(struct task *task, const void *data, struct err *e)
{
    const struct writing *w = data;
    struct pg_rows rows;
    return task_sql_rows(task, &sql_prp_notices, &rows, e, pg_text(w->template), pg_text(w->today), pg_int(w->args->days), pg_text(w->args->sender)) &&
           task_commit(task, e);
}

static bool notify(struct task *task, const struct args *args, const char *template, const char *handler, struct err *e)
{
    struct writing writing = {.args = args, .template = template};
    const struct notices notices = {.handler = handler,
                                    .template = template,
                                    .waiting = &sql_prp_notices_waiting,
                                    .sender = args->sender,
                                    .upstream = args->upstream,
                                    .write = write_notices,
                                    .data = &writing};
    return prp_day(args->today, writing.today, e) && notices_send(task, &notices, e);
}

static bool run_due(struct task *task, const void *args, struct err *e)
{
    return notify(task, args, "ip_due_reports", "prp.notify_due", e);
}

static bool run_overdue(struct task *task, const void *args, struct err *e)
{
    return notify(task, args, "ip_overdue_reports", "prp.notify_overdue", e);
}

const struct handler handler_prp_notify_due = {
    .name = "prp.notify_due",
    .summary = "Mail the people of a document that a report is due soon",
    .queue = "sync",
    .fields = due_fields,
    .args_size = sizeof(struct args),
    .run = run_due,
    .retry = {.max = 5, .first = MINUTES(1), .cap = MINUTES(30)},
};

const struct handler handler_prp_notify_overdue = {
    .name = "prp.notify_overdue",
    .summary = "Mail the people of a document that a report is overdue",
    .queue = "sync",
    .fields = overdue_fields,
    .args_size = sizeof(struct args),
    .run = run_overdue,
    .retry = {.max = 5, .first = MINUTES(1), .cap = MINUTES(30)},
};
