/* prp.notify_due, prp.notify_overdue: tell the people of a document by mail that a report is due soon, or overdue. What is to be
 * told is written down first; then each mail is sent and ticked off, so that every one goes out once, also after a week without a
 * run or a mail server. */
#include "tasks/prp/prp.h"

#include "common/task/mail.h"
#include <stdio.h>

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

struct notifying {
    struct task *task;
    const struct args *args;
    const char *template;
    struct mail *mail;
    char today[PRP_DAY_MAX];
    int64_t waiting; /* mails that were not taken now and go with the next run */
    struct err last; /* why */
    struct report report;
};

static bool write_notices(struct notifying *n, struct err *e)
{
    struct pg_rows rows;
    return task_sql_rows(n->task, &sql_prp_notices, &rows, e, pg_text(n->template), pg_text(n->today), pg_int(n->args->days),
                         pg_text(n->args->sender)) &&
           task_commit(n->task, e);
}

/* Tick the notice off. False: the run has to end. */
static bool note_end(struct notifying *n, int64_t id, bool sent, const struct err *why, struct err *e)
{
    bool never = !sent && why->kind == ERR_DATA;
    n->report.created += sent;
    n->waiting += !sent && !never;
    if (never)
        report_fail(&n->report, why->text, false);
    else if (!sent)
        report_skip(&n->report, why->text);
    if (!sent)
        n->last = *why;
    return task_sql(n->task, &sql_prp_notice_end, e, pg_int(id), pg_text(sent ? NULL : why->text), pg_bool(never)) && task_commit(n->task, e);
}

/* The server cannot be spoken to at all, or the task has to stop: no letter is to blame. */
static bool ends_run(const struct err *why)
{
    return why->kind != ERR_DATA && why->kind != ERR_TRANSIENT;
}

/* The next notice behind *after, with its texts in `region`; *left: how many there are with it, 0: none. */
static bool next_notice(struct notifying *n, struct region *region, int64_t *after, int64_t *left, struct letter *letter, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(n->task, &sql_prp_notices_waiting, &rows, e, pg_text(n->template), pg_int(*after)))
        return false;
    *left = 0;
    if (rows.count > 0) {
        *after = pg_get_int(&rows, 0, 0);
        *left = pg_get_int(&rows, 0, 5);
        *letter = (struct letter){.to = region_strdup(region, pg_get_text(&rows, 0, 1)),
                                  .from = region_strdup(region, pg_get_text(&rows, 0, 2)),
                                  .subject = region_strdup(region, pg_get_text(&rows, 0, 3)),
                                  .text = region_strdup(region, pg_get_text(&rows, 0, 4)),
                                  .id = region_printf(region, "notification-%" PRId64, *after)};
    }
    return task_commit(n->task, e); /* no transaction is open while the server is spoken to */
}

static bool send(struct notifying *n, int64_t notice, const struct letter *letter, struct err *e)
{
    struct err why = {0};
    bool sent = mail_send(n->mail, letter, &why);
    n->report.id = letter->id;
    n->report.fetched++;
    if (sent || !ends_run(&why))
        return note_end(n, notice, sent, &why, e);
    n->report.skipped++;
    *e = why;
    return false;
}

static bool send_all(void *data, struct err *e)
{
    struct notifying *n = data;
    int64_t after = 0, left = 1;
    struct letter letter;
    struct region *region = region_new();
    bool good = write_notices(n, e);
    while (good && left > 0) {
        region_reset(region);
        good = next_notice(n, region, &after, &left, &letter, e) &&
               (left == 0 || (task_progress(n->task, n->report.fetched, n->report.fetched + left, "mails", e) && send(n, after, &letter, e)));
    }
    region_free(region);
    if (!good)
        return false;
    return n->waiting == 0 || err_set(e, ERR_TRANSIENT, "%" PRId64 " mails were not taken, the last: %s", n->waiting, n->last.text);
}

static bool notify(struct task *task, const struct args *args, const char *template, const char *handler, struct err *e)
{
    struct notifying n = {.task = task, .args = args, .template = template, .report = {.task = task, .handler = handler}};
    const struct report_run around = {.lock = handler, .run = send_all, .data = &n};
    struct mail *mail CLEANUP(mail_closep) = prp_day(args->today, n.today, e) ? mail_open(task, args->upstream, e) : NULL;
    if (!mail)
        return false;
    n.mail = mail;
    enum report_end end = report_around(&n.report, &around, e);
    report_free(&n.report);
    return end == REPORT_GOOD || end == REPORT_LEFT_OUT;
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
