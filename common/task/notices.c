/* notices: one mail at a time, each ticked off in a transaction of its own. */
#include "common/task/notices.h"

#include <inttypes.h>

struct sending {
    struct task *task;
    const struct notices *notices;
    struct mail *mail;
    int64_t waiting; /* mails that were not taken now and go with the next run */
    struct err last; /* why */
    struct report report;
};

/* Tick the notice off. False: the run has to end. */
static bool note_end(struct sending *s, int64_t id, bool sent, const struct err *why, struct err *e)
{
    bool never = !sent && why->kind == ERR_DATA;
    s->report.created += sent;
    s->waiting += !sent && !never;
    if (never)
        report_fail(&s->report, why->text, false);
    else if (!sent)
        report_skip(&s->report, why->text);
    if (!sent)
        s->last = *why;
    return task_sql(s->task, &sql_notice_end, e, pg_int(id), pg_text(sent ? NULL : why->text), pg_bool(never)) && task_commit(s->task, e);
}

/* The server cannot be spoken to at all, or the task has to stop: no letter is to blame. */
static bool ends_run(const struct err *why)
{
    return why->kind != ERR_DATA && why->kind != ERR_TRANSIENT;
}

/* The next notice behind *after, with its texts in `region`; *left: how many there are with it, 0: none. */
static bool next_notice(struct sending *s, struct region *region, int64_t *after, int64_t *left, struct letter *letter, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(s->task, s->notices->waiting, &rows, e, pg_text(s->notices->template), pg_int(*after)))
        return false;
    *left = 0;
    if (rows.count > 0) {
        *after = pg_get_int(&rows, 0, 0);
        *left = pg_get_int(&rows, 0, 5);
        *letter = (struct letter){.to = region_strdup(region, pg_get_text(&rows, 0, 1)),
                                  .from = region_strdup(region, pg_is_null(&rows, 0, 2) ? s->notices->sender : pg_get_text(&rows, 0, 2)),
                                  .subject = region_strdup(region, pg_get_text(&rows, 0, 3)),
                                  .text = region_strdup(region, pg_get_text(&rows, 0, 4)),
                                  .id = region_printf(region, "notification-%" PRId64, *after)};
    }
    return task_commit(s->task, e); /* no transaction is open while the server is spoken to */
}

static bool send(struct sending *s, int64_t notice, const struct letter *letter, struct err *e)
{
    struct err why = {0};
    bool sent = mail_send(s->mail, letter, &why);
    s->report.id = letter->id;
    s->report.fetched++;
    if (sent || !ends_run(&why))
        return note_end(s, notice, sent, &why, e);
    s->report.skipped++;
    *e = why;
    return false;
}

static bool send_all(void *data, struct err *e)
{
    struct sending *s = data;
    int64_t after = 0, left = 1;
    struct letter letter;
    struct region *region = region_new();
    bool good = !s->notices->write || s->notices->write(s->task, s->notices->data, e);
    while (good && left > 0) {
        region_reset(region);
        good = next_notice(s, region, &after, &left, &letter, e) && task_progress(s->task, s->report.fetched, s->report.fetched + left, "mails", e) &&
               (left == 0 || send(s, after, &letter, e));
    }
    region_free(region);
    if (!good)
        return false;
    return s->waiting == 0 || err_set(e, ERR_TRANSIENT, "%" PRId64 " mails were not taken, the last: %s", s->waiting, s->last.text);
}

bool notices_send(struct task *task, const struct notices *notices, struct err *e)
{
    struct mail *mail CLEANUP(mail_closep) = mail_open(task, notices->upstream, e);
    struct sending s = {.task = task, .notices = notices, .mail = mail, .report = {.task = task, .handler = notices->handler}};
    const struct report_run around = {.lock = notices->handler, .run = send_all, .data = &s};
    if (!mail)
        return false;
    enum report_end end = report_around(&s.report, &around, e);
    report_free(&s.report);
    return end == REPORT_GOOD || end == REPORT_LEFT_OUT;
}
