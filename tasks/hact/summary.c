/* hact.summary: how a batch of hact.values went, once all of it has ended: a row of the log, and a mail to whom it was asked for. The mail's name is the
 * batch's, so a second copy of it can be told. */
#include "common/task/mail.h"
#include "tasks/hact/hact.h"

#include <stdio.h>
#include <string.h>

struct args {
    const char *batch, *to, *sender, *upstream;
};

static const struct field fields[] = {
    JSON_FIELD(struct args, batch, .required = true, .help = "the batch, as a callback is told of it"),
    STR_FIELD(struct args, to, .min = 3, .max = 254, .help = "address to mail to; none: no mail"),
    STR_FIELD(struct args, sender, .fallback = "drumbeat@localhost", .min = 3, .max = 254, .help = "address the mail is from"),
    STR_FIELD(struct args, upstream, .fallback = "smtp", .help = "the mail server"),
    {0},
};

struct summary {
    struct task *task;
    const struct args *args;
    struct uuid batch;
    int64_t countries, done;
    const char *others; /* a line for each country that is not done */
    struct report report;
};

static bool read_batch(const char *json, struct uuid *batch, struct err *e)
{
    struct js *document CLEANUP(js_freep) = js_parse(json, strlen(json), e);
    const char *id = js_text(js_get(document, "id"));
    return (id && uuid_parse(id, batch)) || err_set(e, ERR_DATA, "'batch' has no id");
}

static bool look(struct summary *s, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(s->task, &sql_hact_summary, &rows, e, pg_uuid(s->batch)))
        return false;
    s->countries = pg_get_int(&rows, 0, 0);
    s->done = pg_get_int(&rows, 0, 1);
    s->report.fetched = pg_get_int(&rows, 0, 2);
    s->report.updated = pg_get_int(&rows, 0, 3);
    s->report.unchanged = s->report.fetched - s->report.updated;
    s->others = region_strdup(task_region(s->task), pg_get_text(&rows, 0, 4));
    return task_commit(s->task, e);
}

static bool mail(struct summary *s, struct err *e)
{
    char batch[UUID_TEXT_MAX];
    struct region *region = task_region(s->task);
    struct mail *mail CLEANUP(mail_closep) = mail_open(s->task, s->args->upstream, e);
    uuid_format(s->batch, batch);
    const struct letter letter = {
        .from = s->args->sender,
        .to = s->args->to,
        .subject = region_printf(region, "HACT values: %" PRId64 " of %" PRId64 " countries done", s->done, s->countries),
        .text = region_printf(region, "%" PRId64 " partners, %" PRId64 " changed.\n%s%s\n", s->report.fetched, s->report.updated,
                              *s->others ? "\nNot done:\n" : "", s->others),
        .id = region_printf(region, "hact-%s", batch),
    };
    return mail && mail_send(mail, &letter, e);
}

static bool summarize(void *data, struct err *e)
{
    struct summary *s = data;
    if (!look(s, e) || (s->args->to && !mail(s, e)))
        return false;
    if (*s->others)
        report_note(&s->report, s->others);
    return task_progress(s->task, s->done, s->countries, "countries done", e);
}

static void tell(const void *data, struct row *row)
{
    const struct summary *s = data;
    row_int(row, "countries", s->countries);
    row_int(row, "countries_done", s->done);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    struct summary s = {.task = task, .args = data, .report = {.task = task, .handler = "hact.summary"}};
    struct row result CLEANUP(row_free) = {0};
    char batch[UUID_TEXT_MAX], lock[64];
    if (!read_batch(s.args->batch, &s.batch, e))
        return false;
    snprintf(lock, sizeof lock, "hact.summary/%s", uuid_format(s.batch, batch));
    const struct report_run around = {.lock = lock, .run = summarize, .tell = tell, .data = &s};
    enum report_end end = report_around(&s.report, &around, e);
    row_int(&result, "countries", s.countries);
    row_int(&result, "done", s.done);
    report_free(&s.report);
    return (end == REPORT_GOOD || end == REPORT_LEFT_OUT) && task_result(task, row_end(&result), e);
}

const struct handler handler_hact_summary = {
    .name = "hact.summary",
    .summary = "Tell how hact.values went in all countries",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 5, .first = MINUTES(1), .cap = MINUTES(30)},
};
